#pragma once

#include <peaberry/base/files.hpp>
#include <peaberry/net/http.hpp>

namespace peaberry::storage {

struct StoredFile {
  Hash32 sha256;
  std::uint64_t size = 0;
  fs::path path;
};

/// Files named by the SHA-256 of their bytes, `<folder>/ab/abcdef…`. Thread-safe; writes are atomic.
class ContentStore {
 public:
  explicit ContentStore(fs::path folder) : folder_(std::move(folder)) {}
  Result<StoredFile> put(const fs::path& file);
  Result<StoredFile> put_bytes(ByteView bytes);
  /// kNotFound when the store lacks it.
  Result<StoredFile> find(const Hash32& sha256) const;

 private:
  fs::path path_of(const Hash32& sha256) const;
  fs::path folder_;
};

}  // namespace peaberry::storage
