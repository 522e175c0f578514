#include "file_object.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <peaberry/crypto/hash.hpp>

namespace peaberry::storage {
namespace {

class DiskSource final : public net::BodySource {
 public:
  explicit DiskSource(Fd fd) : fd_(std::move(fd)) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    const ssize_t got = ::read(fd_.get(), out.data(), out.size());
    if (got < 0) return fail(Errc::kInternal, "cannot read a stored file");
    return static_cast<std::size_t>(got);
  }

 private:
  Fd fd_;
};

/// A name that is safe in a header and as a file name: what follows the last slash, plain characters only.
std::string safe_name(std::string_view text) {
  if (const auto query = text.find_first_of("?#"); query != std::string_view::npos) text = text.substr(0, query);
  if (const auto slash = text.rfind('/'); slash != std::string_view::npos) text = text.substr(slash + 1);
  std::string out;
  for (const char c : text.substr(0, 128)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    out.push_back(plain ? c : '_');
  }
  return out.empty() || out == "." || out == ".." ? "file0" : out;
}

std::string type_of(std::string_view name) {
  constexpr std::pair<std::string_view, const char*> kTypes[] = {{".csv", "text/csv"}, {".json", "application/json"}, {".txt", "text/plain"}, {".md", "text/markdown"},
                                                                 {".svg", "image/svg+xml"}, {".zip", "application/zip"}, {".tar", "application/x-tar"}};
  for (const auto& [suffix, type] : kTypes)
    if (name.ends_with(suffix)) return type;
  return "application/octet-stream";
}

}  // namespace

Result<FileObject> FileObject::parse(const json::Object& object) {
  FileObject out;
  PB_TRY(type, json::string_at(object, "type"));
  if (equals_ignore_case(type, "url")) {
    PB_TRY(url, json::string_at(object, "url"));
    if (!url.starts_with("http://") && !url.starts_with("https://"))
      return fail(Errc::kInvalid, "file object url \"" + url.substr(0, 100) + "\" is not an http(s) URL", "give http:// or https://");
    if (url.size() > 8192) return fail(Errc::kInvalid, "file object url is longer than 8192 characters");
    out.url = url;
    const std::string method = json::string_or(object, "method", "GET");
    if (!equals_ignore_case(method, "get") && !equals_ignore_case(method, "post"))
      return fail(Errc::kInvalid, "file object method \"" + method + "\" is not allowed", "use GET or POST");
    out.method = equals_ignore_case(method, "post") ? "POST" : "GET";
    const auto add = [&](std::string_view header_name, const json::Value& value) -> Status {
      if (!value.is_string()) return fail(Errc::kInvalid, "file object header " + std::string(header_name) + " is not a string");
      const std::string text(json::sv(value.get_string()));
      if (text.find_first_of("\r\n") != std::string::npos || header_name.find_first_of("\r\n:") != std::string_view::npos)
        return fail(Errc::kInvalid, "file object header contains a line break");
      out.headers[std::string(header_name)] = text;
      return {};
    };
    if (const auto* headers = json::find_object(object, "headers"))
      for (const auto& header : *headers) PB_CHECK(add({header.key().data(), header.key().size()}, header.value()));
    if (const auto* list = json::find_array(object, "headers"))
      for (const auto& item : *list)
        if (item.is_object())
          for (const auto& header : item.get_object()) PB_CHECK(add({header.key().data(), header.key().size()}, header.value()));
    return out;
  }
  if (type == "peaberryLocal") {
    out.kind = Kind::kLocal;
    PB_TRY(hash, json::hash_at(object, "sha256"));
    out.sha256 = hash;
    out.name = safe_name(json::string_or(object, "name", "file0"));
    return out;
  }
  return fail(Errc::kInvalid, "file object type \"" + type + "\" is not supported", "use url, or publish a file of this node");
}

json::Object FileObject::to_json() const {
  if (kind == Kind::kLocal) return {{"type", "peaberryLocal"}, {"sha256", sha256.hex()}, {"name", name}};
  json::Object out{{"type", "url"}, {"url", url}, {"method", method}};
  if (!headers.empty()) {
    json::Object list;
    for (const auto& [key, value] : headers) list[key] = value;
    out["headers"] = list;
  }
  return out;
}

Result<OpenFile> Files::open(const FileObject& file, const std::string& query) {
  OpenFile out;
  if (file.kind == FileObject::Kind::kLocal) {
    PB_TRY(stored, store_.find(file.sha256));
    Fd fd(::open(stored.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail(Errc::kInternal, "cannot open a stored file");
    out.name = file.name;
    out.content_type = type_of(file.name);
    out.length = stored.size;
    out.source = std::make_shared<DiskSource>(std::move(fd));
    return out;
  }
  net::ClientRequest request;
  request.method = file.method;
  request.url = file.url;
  if (!query.empty()) request.url += (file.url.find('?') == std::string::npos ? "?" : "&") + query;
  request.headers = file.headers;
  request.timeout_ms = 600'000;
  request.max_bytes = std::size_t{1} << 40;
  request.redirects_max = 5;
  request.reach = rules_.allow_private_urls ? net::Reach::kAny : net::Reach::kPublicOnly;
  request.reach_admitted = rules_.admitted_addresses;
  PB_TRY(stream, client_.open(request));
  if (stream->status() < 200 || stream->status() >= 300)
    return fail(Errc::kUnavailable, "the file's server answers " + std::to_string(stream->status()), "tell the asset's owner");
  out.name = safe_name(file.url);
  const auto header = [&](const char* name) {
    const auto found = stream->headers().find(name);
    return found == stream->headers().end() ? std::string() : found->second;
  };
  out.content_type = header("content-type").empty() ? type_of(out.name) : header("content-type");
  if (const auto length = U256::parse(header("content-length")); length && length->fits_u64() && header("content-encoding").empty()) out.length = length->low64();
  out.source = std::shared_ptr<net::BodySource>(std::move(stream));
  return out;
}

Result<std::uint64_t> Files::fetch(const FileObject& file, const fs::path& target, std::uint64_t max_bytes) {
  PB_TRY(opened, open(file));
  const Fd out(::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  if (!out) return fail(Errc::kInternal, "cannot write " + target.string());
  std::uint64_t total = 0;
  for (Bytes buffer(65536);;) {
    PB_TRY(got, opened.source->read(buffer));
    if (got == 0) return total;
    total += got;
    if (total > max_bytes) return fail(Errc::kExhausted, "file " + opened.name + " is larger than " + std::to_string(max_bytes) + " bytes");
    if (write(out.get(), buffer.data(), got) != static_cast<ssize_t>(got)) return fail(Errc::kExhausted, "cannot write " + target.string(), "free some disk space");
  }
}

Result<FileInfo> Files::info(const FileObject& file, std::uint64_t max_bytes) {
  PB_TRY(opened, open(file));
  FileInfo out{opened.name, opened.content_type, "", 0};
  crypto::Sha256 hasher;
  for (Bytes buffer(65536);;) {
    PB_TRY(got, opened.source->read(buffer));
    if (got == 0) break;
    out.length += got;
    if (out.length > max_bytes) return fail(Errc::kExhausted, "file " + opened.name + " is larger than " + std::to_string(max_bytes) + " bytes");
    hasher.update(ByteView(buffer).first(got));
  }
  out.sha256_hex = hex(hasher.finish().view());
  return out;
}

Result<Bytes> Files::bytes(const FileObject& file, std::uint64_t max_bytes) {
  PB_TRY(opened, open(file));
  Bytes out;
  for (Bytes buffer(65536);;) {
    PB_TRY(got, opened.source->read(buffer));
    if (got == 0) return out;
    if (out.size() + got > max_bytes) return fail(Errc::kExhausted, "file " + opened.name + " is larger than " + std::to_string(max_bytes) + " bytes");
    append(out, ByteView(buffer).first(got));
  }
}

}  // namespace peaberry::storage
