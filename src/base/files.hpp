#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "bytes.hpp"
#include "result.hpp"

namespace peaberry {

namespace fs = std::filesystem;

/// The whole file, if it has at most `max_bytes`.
Result<Bytes> read_file(const fs::path& path, std::uintmax_t max_bytes = std::uintmax_t{64} << 20);
Result<std::string> read_text(const fs::path& path, std::uintmax_t max_bytes = std::uintmax_t{64} << 20);
/// Writes beside the target, syncs, renames: a crash leaves the old file or the new one.
Status write_file_atomic(const fs::path& path, ByteView content, unsigned mode = 0644);
Status make_directories(const fs::path& path, unsigned mode = 0755);

/// An owned file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { reset(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() {
    const int out = fd_;
    fd_ = -1;
    return out;
  }
  void reset();

 private:
  int fd_ = -1;
};

/// An exclusive lock on a file for the life of the object; fails at once when another process has it.
Result<Fd> lock_file(const fs::path& path);

}  // namespace peaberry
