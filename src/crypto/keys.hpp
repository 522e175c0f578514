#pragma once

#include <peaberry/base/bytes.hpp>
#include <peaberry/base/random.hpp>

#include "secret.hpp"

namespace peaberry::crypto {

/// A recoverable secp256k1 signature; `s` is always in the lower half (EIP-2).
struct Signature {
  Hash32 r;
  Hash32 s;
  std::uint8_t y_parity = 0;

  /// r ‖ s ‖ v with v = 27 + parity, as personal_sign returns it.
  std::array<std::uint8_t, 65> rsv() const;
  /// Accepts v of 0, 1, 27 or 28.
  static Result<Signature> from_rsv(ByteView bytes);
  bool operator==(const Signature&) const = default;
};

/// A secp256k1 public key.
class PublicKey {
 public:
  /// 33 or 65 SEC1 bytes; the point must be on the curve.
  static Result<PublicKey> parse(ByteView bytes);
  std::array<std::uint8_t, 33> compressed() const;
  const std::array<std::uint8_t, 65>& uncompressed() const { return bytes_; }
  Address address() const;

 private:
  friend class PrivateKey;
  std::array<std::uint8_t, 65> bytes_{};
};

/// A secp256k1 private key. Thread-safe for signing; wiped when it dies.
class PrivateKey {
 public:
  static Result<PrivateKey> from_bytes(ByteView bytes);
  static PrivateKey generate(Random& random);
  PrivateKey(PrivateKey&&) noexcept = default;
  PrivateKey& operator=(PrivateKey&&) noexcept = default;
  /// A copy must be asked for.
  PrivateKey clone() const;

  const PublicKey& public_key() const { return public_key_; }
  Address address() const { return public_key_.address(); }
  /// Deterministic (RFC 6979).
  Signature sign(const Hash32& digest) const;
  /// The uncompressed shared point with `other`, 65 bytes (not hashed).
  SecretBytes shared_point(const PublicKey& other) const;
  ByteView secret() const { return secret_.view(); }

 private:
  PrivateKey() = default;
  SecretBytes secret_;
  PublicKey public_key_;
};

/// The address that signed `digest`; refuses high-s signatures unless `allow_high_s` (old wallets).
Result<Address> recover(const Hash32& digest, const Signature& signature, bool allow_high_s = false);
Result<PublicKey> recover_key(const Hash32& digest, const Signature& signature);

/// EIP-55.
std::string checksum_address(const Address& address);
/// Accepts any case; a mixed-case text must have the right checksum.
Result<Address> parse_address(std::string_view text, std::string_view field = "address");

/// keccak256("\x19Ethereum Signed Message:\n" ‖ len ‖ message), EIP-191 version 0x45.
Hash32 personal_message_hash(ByteView message);
/// keccak256(0x19 ‖ 0x00 ‖ validator ‖ data), EIP-191 version 0x00.
Hash32 validator_message_hash(const Address& validator, ByteView data);

}  // namespace peaberry::crypto
