#include "files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace peaberry {
namespace {

Error io_error(const fs::path& path, const char* what) {
  const int code = errno;
  return fail(code == ENOENT ? Errc::kNotFound : Errc::kInternal,
              path.string() + ": cannot " + what + ": " + std::strerror(code),
              code == EACCES ? "check the file's permissions" : code == ENOSPC ? "free some disk space" : "");
}

template <class Container>
Result<Container> read_into(const fs::path& path, std::uintmax_t max_bytes) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return io_error(path, "open");
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return io_error(path, "read");
  if (S_ISDIR(info.st_mode)) return fail(Errc::kInvalid, path.string() + " is a directory", "name a file");
  Container out;
  char buffer[65536];
  for (;;) {
    const ssize_t got = read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error(path, "read");
    if (got == 0) return out;
    if (out.size() + static_cast<std::size_t>(got) > max_bytes)
      return fail(Errc::kExhausted, path.string() + " is larger than " + std::to_string(max_bytes) + " bytes");
    out.insert(out.end(), buffer, buffer + got);
  }
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

void Fd::reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Result<Bytes> read_file(const fs::path& path, std::uintmax_t max_bytes) {
  return read_into<Bytes>(path, max_bytes);
}

Result<std::string> read_text(const fs::path& path, std::uintmax_t max_bytes) {
  return read_into<std::string>(path, max_bytes);
}

Status write_file_atomic(const fs::path& path, ByteView content, unsigned mode) {
  PB_CHECK(make_directories(path.parent_path()));
  fs::path temporary = path;
  temporary += ".tmp" + std::to_string(getpid());
  {
    const Fd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (!fd) return io_error(temporary, "create");
    for (ByteView rest = content; !rest.empty();) {
      const ssize_t put = write(fd.get(), rest.data(), rest.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) {
        const Error error = io_error(temporary, "write");
        unlink(temporary.c_str());
        return error;
      }
      rest = rest.subspan(static_cast<std::size_t>(put));
    }
    if (fsync(fd.get()) != 0) return io_error(temporary, "sync");
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return io_error(path, "replace");
  return {};
}

Status make_directories(const fs::path& path, unsigned mode) {
  if (path.empty()) return {};
  std::error_code code;
  if (fs::create_directories(path, code)) chmod(path.c_str(), mode);
  if (code) return fail(Errc::kInternal, path.string() + ": cannot create directory: " + code.message());
  return {};
}

Result<Fd> lock_file(const fs::path& path) {
  PB_CHECK(make_directories(path.parent_path()));
  Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return io_error(path, "open");
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Errc::kConflict, path.string() + " is held by another process",
                "stop the other node, or give this one its own --home");
  return fd;
}

}  // namespace peaberry
