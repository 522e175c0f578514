#include "content_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <peaberry/crypto/hash.hpp>

namespace peaberry::storage {

fs::path ContentStore::path_of(const Hash32& sha256) const {
  const std::string name = hex(sha256.view());
  return folder_ / name.substr(0, 2) / name;
}

Result<StoredFile> ContentStore::put(const fs::path& file) {
  const Fd in(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) return fail(Errc::kNotFound, "cannot read " + file.string(), "check the path and its permissions");
  PB_CHECK(make_directories(folder_, 0700));
  const fs::path temporary = folder_ / (".incoming-" + std::to_string(getpid()) + "-" + std::to_string(in.get()));
  const Fd out(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!out) return fail(Errc::kInternal, "cannot write to " + folder_.string());
  crypto::Sha256 hasher;
  std::uint64_t size = 0;
  for (std::array<std::uint8_t, 65536> buffer;;) {
    const ssize_t got = read(in.get(), buffer.data(), buffer.size());
    if (got < 0) return fail(Errc::kInternal, "cannot read " + file.string());
    if (got == 0) break;
    hasher.update({buffer.data(), static_cast<std::size_t>(got)});
    if (write(out.get(), buffer.data(), static_cast<std::size_t>(got)) != got) {
      unlink(temporary.c_str());
      return fail(Errc::kExhausted, "cannot write to " + folder_.string(), "free some disk space");
    }
    size += static_cast<std::uint64_t>(got);
  }
  const Hash32 hash = hasher.finish();
  const fs::path target = path_of(hash);
  PB_CHECK(make_directories(target.parent_path(), 0700));
  if (fsync(out.get()) != 0 || rename(temporary.c_str(), target.c_str()) != 0) return fail(Errc::kInternal, "cannot store " + file.string());
  return StoredFile{hash, size, target};
}

Result<StoredFile> ContentStore::put_bytes(ByteView bytes) {
  const Hash32 hash = crypto::sha256(bytes);
  PB_CHECK(write_file_atomic(path_of(hash), bytes, 0600));
  return StoredFile{hash, bytes.size(), path_of(hash)};
}

Result<StoredFile> ContentStore::find(const Hash32& sha256) const {
  std::error_code code;
  const fs::path path = path_of(sha256);
  const auto size = fs::file_size(path, code);
  if (code) return fail(Errc::kNotFound, "the local content store has no file " + sha256.hex(), "publish it again on this node");
  return StoredFile{sha256, size, path};
}

}  // namespace peaberry::storage
