#pragma once

#include <peaberry/base/bytes.hpp>
#include <peaberry/base/random.hpp>

#include "keys.hpp"

namespace peaberry::crypto {

/// ECIES as eciesjs 0.4 and Ocean use it: ephemeral key 65 B ‖ nonce 16 B ‖ tag 16 B ‖ ciphertext; AES-256-GCM
/// under HKDF-SHA256(ephemeral ‖ shared point, no salt, no info). 97 bytes longer than the plaintext.
Bytes ecies_encrypt(const PublicKey& to, ByteView plaintext, Random& random);
Result<Bytes> ecies_decrypt(const PrivateKey& key, ByteView envelope);

/// XChaCha20-Poly1305 with a random nonce in front. `key` has 32 bytes.
Bytes seal(ByteView key, ByteView plaintext, Random& random);
Result<Bytes> unseal(ByteView key, ByteView sealed);

/// How a pass phrase becomes a key. `kInteractive` ≈ 0.1 s and 64 MiB.
struct Argon2Cost {
  std::uint64_t operations = 2;
  std::uint64_t memory_bytes = std::uint64_t{64} << 20;
};
Result<SecretBytes> derive_key(ByteView passphrase, ByteView salt16, const Argon2Cost& cost);

}  // namespace peaberry::crypto
