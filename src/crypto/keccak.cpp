#include <bit>

#include "hash.hpp"
#include "keccak_permute.hpp"

namespace peaberry::crypto {
namespace {

struct ScalarLane {
  using Word = std::uint64_t;
  [[gnu::always_inline]] static Word load(const std::uint64_t* at) { return *at; }
  [[gnu::always_inline]] static void store(std::uint64_t* at, Word word) { *at = word; }
  [[gnu::always_inline]] static Word constant(std::uint64_t value) { return value; }
  [[gnu::always_inline]] static Word add(Word a, Word b) { return a ^ b; }
  [[gnu::always_inline]] static Word xor3(Word a, Word b, Word c) { return a ^ b ^ c; }
  template <int n>
  [[gnu::always_inline]] static Word rotl(Word a) {
    return std::rotl(a, n);
  }
  [[gnu::always_inline]] static Word chi(Word a, Word b, Word c) { return a ^ (~b & c); }
};

void permute_plain(std::uint64_t* state) { detail::keccak_permute<ScalarLane>(state); }

#if defined(__x86_64__)
// BMI1's ANDN does chi's (~b & c) and BMI2's RORX the rotations without a copy.
__attribute__((target("bmi,bmi2"))) void permute_bmi(std::uint64_t* state) { detail::keccak_permute<ScalarLane>(state); }
#endif

}  // namespace

#if defined(__x86_64__)
namespace detail {
void keccak_permute_avx512(std::uint64_t* state);
}
#endif

namespace {

using Permute = void (*)(std::uint64_t*);
Permute choose_permute() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) return detail::keccak_permute_avx512;
  if (__builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) return permute_bmi;
#endif
  return permute_plain;
}
/// Chosen at the first call, not before main: hashing must work in other files' initialisers too, in whatever order they run.
void permute(std::uint64_t* state) {
  static const Permute kChosen = choose_permute();
  kChosen(state);
}

}  // namespace

namespace detail {

void keccak_f1600(std::array<std::uint64_t, 25>& state) { permute(state.data()); }

std::vector<NamedPermutation> keccak_back_ends() {
  std::vector<NamedPermutation> out{{"plain", permute_plain}};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) out.push_back({"bmi", permute_bmi});
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) out.push_back({"avx512", keccak_permute_avx512});
#endif
  return out;
}

void keccak_f1600_reference(std::array<std::uint64_t, 25>& state) {
  auto lane = [&](int x, int y) -> std::uint64_t& { return state[static_cast<std::size_t>(x + 5 * y)]; };
  for (const std::uint64_t constant : kRoundConstants) {
    std::uint64_t parity[5];
    for (int x = 0; x < 5; ++x) parity[x] = lane(x, 0) ^ lane(x, 1) ^ lane(x, 2) ^ lane(x, 3) ^ lane(x, 4);
    for (int x = 0; x < 5; ++x)
      for (int y = 0; y < 5; ++y) lane(x, y) ^= parity[(x + 4) % 5] ^ std::rotl(parity[(x + 1) % 5], 1);
    int x = 1, y = 0;
    std::uint64_t current = lane(x, y);
    for (int t = 0; t < 24; ++t) {  // rho and pi walk one cycle through the lanes
      const int next_y = (2 * x + 3 * y) % 5;
      x = y;
      y = next_y;
      const std::uint64_t next = lane(x, y);
      lane(x, y) = std::rotl(current, (t + 1) * (t + 2) / 2 % 64);
      current = next;
    }
    for (int row = 0; row < 5; ++row) {
      std::uint64_t old[5];
      for (int i = 0; i < 5; ++i) old[i] = lane(i, row);
      for (int i = 0; i < 5; ++i) lane(i, row) = old[i] ^ (~old[(i + 1) % 5] & old[(i + 2) % 5]);
    }
    lane(0, 0) ^= constant;
  }
}

}  // namespace detail

void Keccak256::absorb_block(const std::uint8_t* block) {
  static_assert(std::endian::native == std::endian::little);
  for (std::size_t i = 0; i < kRate / 8; ++i) {
    std::uint64_t word;
    std::memcpy(&word, block + 8 * i, 8);
    state_[i] ^= word;
  }
  permute(state_.data());
}

Keccak256& Keccak256::update(ByteView bytes) {
  if (bytes.empty()) return *this;  // an empty view may point nowhere
  const std::uint8_t* data = bytes.data();
  std::size_t size = bytes.size();
  if (used_ != 0) {
    const std::size_t take = std::min(kRate - used_, size);
    std::memcpy(buffer_.data() + used_, data, take);
    used_ += take, data += take, size -= take;
    if (used_ < kRate) return *this;
    absorb_block(buffer_.data());
    used_ = 0;
  }
  for (; size >= kRate; data += kRate, size -= kRate) absorb_block(data);
  if (size != 0) std::memcpy(buffer_.data(), data, size);
  used_ = size;
  return *this;
}

Hash32 Keccak256::finish() {
  std::memset(buffer_.data() + used_, 0, kRate - used_);
  buffer_[used_] ^= 0x01;
  buffer_[kRate - 1] ^= 0x80;
  absorb_block(buffer_.data());
  Hash32 out;
  std::memcpy(out.data.data(), state_.data(), 32);
  return out;
}

Hash32 keccak256(ByteView bytes) { return Keccak256{}.update(bytes).finish(); }
}  // namespace peaberry::crypto
