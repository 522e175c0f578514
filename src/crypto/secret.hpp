#pragma once

#include <peaberry/base/bytes.hpp>

namespace peaberry::crypto {

/// Overwrites memory in a way the compiler keeps.
void wipe(std::span<std::uint8_t> bytes);
/// Compares in time that depends on the length only.
bool equal_constant_time(ByteView a, ByteView b);

/// Bytes that are wiped when they die. Cannot be printed; move only.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {}
  explicit SecretBytes(std::size_t size) : bytes_(size) {}
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    wipe(bytes_);
    bytes_ = std::move(other.bytes_);
    other.bytes_.clear();
    return *this;
  }
  ~SecretBytes() { wipe(bytes_); }
  ByteView view() const { return bytes_; }
  std::span<std::uint8_t> mutable_view() { return bytes_; }
  std::size_t size() const { return bytes_.size(); }

 private:
  Bytes bytes_;
};

}  // namespace peaberry::crypto
