#include "hash.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <bit>

namespace peaberry::crypto {
namespace {

constexpr std::uint64_t kRoundConstants[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};

// One round from lanes a to lanes e, all 25 in registers or on the stack; theta's column parities, then
// rho-pi-chi row by row (FIPS 202 §3.2). Two rounds a step keep a and e from being copied.
#define PB_ROUND(a, e, rc)                                                                                 \
  do {                                                                                                     \
    const std::uint64_t c0 = a##0 ^ a##5 ^ a##10 ^ a##15 ^ a##20, c1 = a##1 ^ a##6 ^ a##11 ^ a##16 ^ a##21, \
                        c2 = a##2 ^ a##7 ^ a##12 ^ a##17 ^ a##22, c3 = a##3 ^ a##8 ^ a##13 ^ a##18 ^ a##23, \
                        c4 = a##4 ^ a##9 ^ a##14 ^ a##19 ^ a##24;                                           \
    const std::uint64_t d0 = c4 ^ std::rotl(c1, 1), d1 = c0 ^ std::rotl(c2, 1), d2 = c1 ^ std::rotl(c3, 1), \
                        d3 = c2 ^ std::rotl(c4, 1), d4 = c3 ^ std::rotl(c0, 1);                             \
    {                                                                                                      \
      const std::uint64_t b0 = a##0 ^ d0, b1 = std::rotl(a##6 ^ d1, 44), b2 = std::rotl(a##12 ^ d2, 43),    \
                          b3 = std::rotl(a##18 ^ d3, 21), b4 = std::rotl(a##24 ^ d4, 14);                   \
      e##0 = b0 ^ (~b1 & b2) ^ (rc);                                                                       \
      e##1 = b1 ^ (~b2 & b3), e##2 = b2 ^ (~b3 & b4), e##3 = b3 ^ (~b4 & b0), e##4 = b4 ^ (~b0 & b1);        \
    }                                                                                                      \
    {                                                                                                      \
      const std::uint64_t b0 = std::rotl(a##3 ^ d3, 28), b1 = std::rotl(a##9 ^ d4, 20),                     \
                          b2 = std::rotl(a##10 ^ d0, 3), b3 = std::rotl(a##16 ^ d1, 45),                    \
                          b4 = std::rotl(a##22 ^ d2, 61);                                                  \
      e##5 = b0 ^ (~b1 & b2), e##6 = b1 ^ (~b2 & b3), e##7 = b2 ^ (~b3 & b4), e##8 = b3 ^ (~b4 & b0),        \
      e##9 = b4 ^ (~b0 & b1);                                                                              \
    }                                                                                                      \
    {                                                                                                      \
      const std::uint64_t b0 = std::rotl(a##1 ^ d1, 1), b1 = std::rotl(a##7 ^ d2, 6),                       \
                          b2 = std::rotl(a##13 ^ d3, 25), b3 = std::rotl(a##19 ^ d4, 8),                    \
                          b4 = std::rotl(a##20 ^ d0, 18);                                                  \
      e##10 = b0 ^ (~b1 & b2), e##11 = b1 ^ (~b2 & b3), e##12 = b2 ^ (~b3 & b4), e##13 = b3 ^ (~b4 & b0),    \
      e##14 = b4 ^ (~b0 & b1);                                                                             \
    }                                                                                                      \
    {                                                                                                      \
      const std::uint64_t b0 = std::rotl(a##4 ^ d4, 27), b1 = std::rotl(a##5 ^ d0, 36),                     \
                          b2 = std::rotl(a##11 ^ d1, 10), b3 = std::rotl(a##17 ^ d2, 15),                   \
                          b4 = std::rotl(a##23 ^ d3, 56);                                                  \
      e##15 = b0 ^ (~b1 & b2), e##16 = b1 ^ (~b2 & b3), e##17 = b2 ^ (~b3 & b4), e##18 = b3 ^ (~b4 & b0),    \
      e##19 = b4 ^ (~b0 & b1);                                                                             \
    }                                                                                                      \
    {                                                                                                      \
      const std::uint64_t b0 = std::rotl(a##2 ^ d2, 62), b1 = std::rotl(a##8 ^ d3, 55),                     \
                          b2 = std::rotl(a##14 ^ d4, 39), b3 = std::rotl(a##15 ^ d0, 41),                   \
                          b4 = std::rotl(a##21 ^ d1, 2);                                                   \
      e##20 = b0 ^ (~b1 & b2), e##21 = b1 ^ (~b2 & b3), e##22 = b2 ^ (~b3 & b4), e##23 = b3 ^ (~b4 & b0),    \
      e##24 = b4 ^ (~b0 & b1);                                                                             \
    }                                                                                                      \
  } while (false)

#define PB_LANES(p)                                                                                        \
  p##0, p##1, p##2, p##3, p##4, p##5, p##6, p##7, p##8, p##9, p##10, p##11, p##12, p##13, p##14, p##15,      \
      p##16, p##17, p##18, p##19, p##20, p##21, p##22, p##23, p##24

[[gnu::always_inline]] inline void permute_inline(std::uint64_t* s) {
  std::uint64_t a0 = s[0], a1 = s[1], a2 = s[2], a3 = s[3], a4 = s[4], a5 = s[5], a6 = s[6], a7 = s[7],
                a8 = s[8], a9 = s[9], a10 = s[10], a11 = s[11], a12 = s[12], a13 = s[13], a14 = s[14],
                a15 = s[15], a16 = s[16], a17 = s[17], a18 = s[18], a19 = s[19], a20 = s[20], a21 = s[21],
                a22 = s[22], a23 = s[23], a24 = s[24];
  std::uint64_t PB_LANES(e);
  for (int round = 0; round < 24; round += 2) {
    PB_ROUND(a, e, kRoundConstants[round]);
    PB_ROUND(e, a, kRoundConstants[round + 1]);
  }
  const std::uint64_t out[25] = {PB_LANES(a)};
  std::memcpy(s, out, sizeof out);
}
#undef PB_ROUND
#undef PB_LANES

void permute_plain(std::uint64_t* s) { permute_inline(s); }

#if defined(__x86_64__)
// BMI1's ANDN does chi's (~b & c) and BMI2's RORX the rotations without a copy.
__attribute__((target("bmi,bmi2"))) void permute_bmi(std::uint64_t* s) { permute_inline(s); }
#endif

using Permute = void (*)(std::uint64_t*);
Permute choose_permute() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) return permute_bmi;
#endif
  return permute_plain;
}
const Permute g_permute = choose_permute();

template <std::size_t N>
std::array<std::uint8_t, N> digest(const EVP_MD* algorithm, ByteView bytes) {
  std::array<std::uint8_t, N> out{};
  unsigned length = N;
  PB_ASSERT(EVP_Digest(bytes.data(), bytes.size(), out.data(), &length, algorithm, nullptr) == 1);
  return out;
}

}  // namespace

namespace detail {

void keccak_f1600(std::array<std::uint64_t, 25>& state) { g_permute(state.data()); }

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
  g_permute(state_.data());
}

Keccak256& Keccak256::update(ByteView bytes) {
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
Hash32 sha256(ByteView bytes) { return Hash32{digest<32>(EVP_sha256(), bytes)}; }
std::array<std::uint8_t, 64> sha512(ByteView bytes) { return digest<64>(EVP_sha512(), bytes); }

std::array<std::uint8_t, 20> ripemd160(ByteView bytes) {
  return digest<20>(EVP_ripemd160(), bytes);
}

Hash32 hmac_sha256(ByteView key, ByteView message) {
  Hash32 out;
  unsigned length = 32;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(), message.size(), out.data.data(),
       &length);
  return out;
}

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};
Sha256::Sha256() : state_(std::make_unique<State>()) {
  PB_ASSERT(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() = default;
void Sha256::update(ByteView bytes) { EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()); }
Hash32 Sha256::finish() {
  Hash32 out;
  EVP_DigestFinal_ex(state_->context, out.data.data(), nullptr);
  return out;
}

}  // namespace peaberry::crypto
