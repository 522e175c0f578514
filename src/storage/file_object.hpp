#pragma once

#include <peaberry/base/json.hpp>
#include <peaberry/net/client.hpp>

#include "content_store.hpp"

namespace peaberry::storage {

/// A file as an asset's encrypted `files` list names it.
struct FileObject {
  enum class Kind { kUrl, kLocal };
  Kind kind = Kind::kUrl;
  std::string url;
  std::string method = "GET";
  net::Headers headers;
  Hash32 sha256;     ///< kLocal: name in the content store
  std::string name;  ///< kLocal: file name for people

  static Result<FileObject> parse(const json::Object& object);
  json::Object to_json() const;
};

/// A file being read.
struct OpenFile {
  std::string name;
  std::string content_type;
  std::optional<std::uint64_t> length;
  std::shared_ptr<net::BodySource> source;
};

struct FileInfo {
  std::string name, content_type, sha256_hex;
  std::uint64_t length = 0;
};

/// Where file URLs may lead: public addresses and those the owner admitted; anywhere when `allow_private_urls` (tests).
struct UrlRules {
  bool allow_private_urls = false;
  std::vector<std::string> admitted_addresses = {};
};

/// Opens file objects. Every address is held against the rules, also after redirects and name look-ups. Thread-safe.
class Files {
 public:
  Files(ContentStore& store, net::Client& client, UrlRules rules) : store_(store), client_(client), rules_(std::move(rules)) {}
  /// `query` is appended to a URL (Ocean's userdata).
  Result<OpenFile> open(const FileObject& file, const std::string& query = "");
  /// Writes the bytes to `target`; fails with kExhausted beyond `max_bytes`.
  Result<std::uint64_t> fetch(const FileObject& file, const fs::path& target, std::uint64_t max_bytes);
  /// Reads the whole file once, up to `max_bytes`, for its checksum.
  Result<FileInfo> info(const FileObject& file, std::uint64_t max_bytes);
  Result<Bytes> bytes(const FileObject& file, std::uint64_t max_bytes);

 private:
  ContentStore& store_;
  net::Client& client_;
  UrlRules rules_;
};

}  // namespace peaberry::storage
