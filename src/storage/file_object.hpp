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

/// Opens file objects. URLs are fetched from public addresses only (unless `allow_private_urls`, for tests), redirects
/// included. Thread-safe.
class Files {
 public:
  Files(ContentStore& store, net::Client& client, bool allow_private_urls) : store_(store), client_(client), allow_private_urls_(allow_private_urls) {}
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
  bool allow_private_urls_;
};

}  // namespace peaberry::storage
