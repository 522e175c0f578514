#include "sealing.hpp"

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <sodium.h>

#include <memory>

#include "hash.hpp"

namespace peaberry::crypto {
namespace {

constexpr std::size_t kPoint = 65, kNonce = 16, kTag = 16, kOverhead = kPoint + kNonce + kTag;

struct CipherDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, CipherDeleter>;

/// HKDF-SHA256 (RFC 5869) for one 32-byte block: extract with an empty salt, expand with empty info.
SecretBytes hkdf32(ByteView ephemeral, ByteView shared) {
  SecretBytes input(kPoint * 2);
  std::copy(ephemeral.begin(), ephemeral.end(), input.mutable_view().begin());
  std::copy(shared.begin(), shared.end(), input.mutable_view().begin() + kPoint);
  const std::array<std::uint8_t, 32> salt{};
  Hash32 extracted = hmac_sha256(salt, input.view());
  const std::uint8_t counter[] = {1};
  Hash32 block = hmac_sha256(extracted.view(), counter);
  SecretBytes out(block.view());
  wipe(extracted.data);
  wipe(block.data);
  return out;
}

void use_sodium() {
  static const int ready = sodium_init();
  PB_ASSERT(ready >= 0);
}

}  // namespace

Bytes ecies_encrypt(const PublicKey& to, ByteView plaintext, Random& random) {
  const PrivateKey ephemeral = PrivateKey::generate(random);
  const auto& point = ephemeral.public_key().uncompressed();
  const SecretBytes key = hkdf32(point, ephemeral.shared_point(to).view());
  Bytes out(kOverhead + plaintext.size());
  std::copy(point.begin(), point.end(), out.begin());
  random.fill(std::span(out).subspan(kPoint, kNonce));
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int length = 0;
  PB_ASSERT(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, nullptr, nullptr) == 1);
  PB_ASSERT(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_IVLEN, kNonce, nullptr) == 1);
  PB_ASSERT(EVP_EncryptInit_ex(cipher.get(), nullptr, nullptr, key.view().data(), out.data() + kPoint) == 1);
  PB_ASSERT(EVP_EncryptUpdate(cipher.get(), out.data() + kOverhead, &length, plaintext.data(),
                              static_cast<int>(plaintext.size())) == 1);
  PB_ASSERT(EVP_EncryptFinal_ex(cipher.get(), out.data() + kOverhead + length, &length) == 1);
  PB_ASSERT(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTag, out.data() + kPoint + kNonce) == 1);
  return out;
}

Result<Bytes> ecies_decrypt(const PrivateKey& key, ByteView envelope) {
  const auto refuse = [](const char* why) {
    return fail(Errc::kInvalid, std::string("encrypted document ") + why, "encrypt it to this node's public key");
  };
  if (envelope.size() < kOverhead) return refuse("is shorter than 97 bytes");
  if (envelope.size() > (std::size_t{1} << 30)) return refuse("is larger than 1 GiB");
  const auto ephemeral = PublicKey::parse(envelope.first(kPoint));
  if (!ephemeral) return refuse("does not begin with a public key");
  const SecretBytes secret = hkdf32(envelope.first(kPoint), key.shared_point(*ephemeral).view());
  const ByteView nonce = envelope.subspan(kPoint, kNonce), tag = envelope.subspan(kPoint + kNonce, kTag),
                 ciphertext = envelope.subspan(kOverhead);
  const Cipher cipher(EVP_CIPHER_CTX_new());
  Bytes out(ciphertext.size());
  int length = 0;
  const bool opened =
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, nullptr, nullptr) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_IVLEN, kNonce, nullptr) == 1 &&
      EVP_DecryptInit_ex(cipher.get(), nullptr, nullptr, secret.view().data(), nonce.data()) == 1 &&
      EVP_DecryptUpdate(cipher.get(), out.data(), &length, ciphertext.data(), static_cast<int>(ciphertext.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTag, const_cast<std::uint8_t*>(tag.data())) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), out.data() + length, &length) == 1;
  if (!opened) {
    wipe(out);
    return refuse("does not open with this key");
  }
  return out;
}

Bytes seal(ByteView key, ByteView plaintext, Random& random) {
  use_sodium();
  PB_ASSERT(key.size() == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
  constexpr std::size_t kSealNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
  Bytes out(kSealNonce + plaintext.size() + crypto_aead_xchacha20poly1305_ietf_ABYTES);
  random.fill(std::span(out).first(kSealNonce));
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + kSealNonce, nullptr, plaintext.data(), plaintext.size(),
                                             nullptr, 0, nullptr, out.data(), key.data());
  return out;
}

Result<Bytes> unseal(ByteView key, ByteView sealed) {
  use_sodium();
  PB_ASSERT(key.size() == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
  constexpr std::size_t kSealNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
  constexpr std::size_t kMac = crypto_aead_xchacha20poly1305_ietf_ABYTES;
  if (sealed.size() < kSealNonce + kMac) return fail(Errc::kInvalid, "sealed box is too short");
  Bytes out(sealed.size() - kSealNonce - kMac);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(out.data(), nullptr, nullptr, sealed.data() + kSealNonce,
                                                 sealed.size() - kSealNonce, nullptr, 0, sealed.data(),
                                                 key.data()) != 0)
    return fail(Errc::kUnauthenticated, "sealed box does not open: wrong pass phrase or damaged file");
  return out;
}

Result<SecretBytes> derive_key(ByteView passphrase, ByteView salt16, const Argon2Cost& cost) {
  use_sodium();
  if (salt16.size() != crypto_pwhash_SALTBYTES) return fail(Errc::kInvalid, "salt must have 16 bytes");
  if (cost.memory_bytes > (std::uint64_t{1} << 31) || cost.operations > 32)
    return fail(Errc::kInvalid, "key file asks for an unreasonable Argon2id cost", "restore it from a backup");
  SecretBytes out(std::size_t{32});
  if (crypto_pwhash(out.mutable_view().data(), out.size(), reinterpret_cast<const char*>(passphrase.data()),
                    passphrase.size(), salt16.data(), cost.operations, cost.memory_bytes,
                    crypto_pwhash_ALG_ARGON2ID13) != 0)
    return fail(Errc::kExhausted, "not enough memory to derive the key", "free 64 MiB of memory");
  return out;
}

}  // namespace peaberry::crypto
