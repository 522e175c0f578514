#include "hash.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace peaberry::crypto {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> digest(const EVP_MD* algorithm, ByteView bytes) {
  std::array<std::uint8_t, N> out{};
  unsigned length = N;
  PB_ASSERT(EVP_Digest(bytes.data(), bytes.size(), out.data(), &length, algorithm, nullptr) == 1);
  return out;
}

}  // namespace

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
