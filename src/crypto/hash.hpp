#pragma once

#include <array>
#include <memory>
#include <vector>

#include <peaberry/base/bytes.hpp>

namespace peaberry::crypto {

/// Keccak-256 as Ethereum uses it (padding 0x01, not SHA3's 0x06). Incremental; not thread-safe.
class Keccak256 {
 public:
  Keccak256& update(ByteView bytes);
  Keccak256& update(std::string_view text) { return update(as_bytes(text)); }
  /// Ends the computation; the object may not be used afterwards.
  Hash32 finish();

 private:
  static constexpr std::size_t kRate = 136;
  void absorb_block(const std::uint8_t* block);
  std::array<std::uint64_t, 25> state_{};
  std::array<std::uint8_t, kRate> buffer_{};
  std::size_t used_ = 0;
};

Hash32 keccak256(ByteView bytes);
inline Hash32 keccak256(std::string_view text) { return keccak256(as_bytes(text)); }

namespace detail {
/// The slow twin of the permutation, written from FIPS 202 §3 step by step; the tests compare both.
void keccak_f1600_reference(std::array<std::uint64_t, 25>& state);
/// The back end chosen for this processor.
void keccak_f1600(std::array<std::uint64_t, 25>& state);
struct NamedPermutation {
  const char* name;
  void (*permute)(std::uint64_t* state);
};
/// Every back end that this processor can run.
std::vector<NamedPermutation> keccak_back_ends();
}  // namespace detail

Hash32 sha256(ByteView bytes);
inline Hash32 sha256(std::string_view text) { return sha256(as_bytes(text)); }
std::array<std::uint8_t, 64> sha512(ByteView bytes);
std::array<std::uint8_t, 20> ripemd160(ByteView bytes);
Hash32 hmac_sha256(ByteView key, ByteView message);

/// Incremental SHA-256 for streams.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void update(ByteView bytes);
  Hash32 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace peaberry::crypto
