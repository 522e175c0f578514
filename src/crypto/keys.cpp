#include "keys.hpp"

#include <secp256k1.h>
#include <secp256k1_ecdh.h>
#include <secp256k1_recovery.h>
#include <sodium.h>

#include "hash.hpp"

namespace peaberry::crypto {
namespace {

// One context for the process, blinded once; const use is thread-safe (secp256k1.h).
secp256k1_context* context() {
  static secp256k1_context* const shared = [] {
    auto* fresh = secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
    std::array<std::uint8_t, 32> seed{};
    SystemRandom{}.fill(seed);
    PB_ASSERT(secp256k1_context_randomize(fresh, seed.data()) == 1);
    wipe(seed);
    return fresh;
  }();
  return shared;
}

std::array<std::uint8_t, 65> serialize(const secp256k1_pubkey& key) {
  std::array<std::uint8_t, 65> out{};
  std::size_t length = out.size();
  secp256k1_ec_pubkey_serialize(context(), out.data(), &length, &key, SECP256K1_EC_UNCOMPRESSED);
  return out;
}

secp256k1_pubkey to_pubkey(const PublicKey& key) {
  secp256k1_pubkey out;
  PB_ASSERT(secp256k1_ec_pubkey_parse(context(), &out, key.uncompressed().data(), 65) == 1);
  return out;
}

bool is_high_s(const Hash32& s) {
  static const Hash32 kHalfOrder =
      *Hash32::parse("0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");
  return s > kHalfOrder;
}

}  // namespace

void wipe(std::span<std::uint8_t> bytes) {
  if (!bytes.empty()) sodium_memzero(bytes.data(), bytes.size());
}

bool equal_constant_time(ByteView a, ByteView b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::array<std::uint8_t, 65> Signature::rsv() const {
  std::array<std::uint8_t, 65> out{};
  std::copy(r.data.begin(), r.data.end(), out.begin());
  std::copy(s.data.begin(), s.data.end(), out.begin() + 32);
  out[64] = static_cast<std::uint8_t>(27 + y_parity);
  return out;
}

Result<Signature> Signature::from_rsv(ByteView bytes) {
  if (bytes.size() != 65)
    return fail(Errc::kInvalid, "signature has " + std::to_string(bytes.size()) + " bytes", "give r, s and v: 65 bytes");
  Signature out;
  std::copy_n(bytes.begin(), 32, out.r.data.begin());
  std::copy_n(bytes.begin() + 32, 32, out.s.data.begin());
  const std::uint8_t v = bytes[64];
  if (v != 0 && v != 1 && v != 27 && v != 28)
    return fail(Errc::kInvalid, "signature v is " + std::to_string(v), "v must be 27 or 28 (or 0 or 1)");
  out.y_parity = v >= 27 ? static_cast<std::uint8_t>(v - 27) : v;
  return out;
}

Result<PublicKey> PublicKey::parse(ByteView bytes) {
  secp256k1_pubkey key;
  if ((bytes.size() != 33 && bytes.size() != 65) ||
      secp256k1_ec_pubkey_parse(context(), &key, bytes.data(), bytes.size()) != 1)
    return fail(Errc::kInvalid, "public key is not a point of secp256k1", "give 33 or 65 SEC1 bytes");
  PublicKey out;
  out.bytes_ = serialize(key);
  return out;
}

std::array<std::uint8_t, 33> PublicKey::compressed() const {
  const auto key = to_pubkey(*this);
  std::array<std::uint8_t, 33> out{};
  std::size_t length = out.size();
  secp256k1_ec_pubkey_serialize(context(), out.data(), &length, &key, SECP256K1_EC_COMPRESSED);
  return out;
}

Address PublicKey::address() const {
  const Hash32 hash = keccak256(ByteView{bytes_}.subspan(1));
  Address out;
  std::copy(hash.data.begin() + 12, hash.data.end(), out.data.begin());
  return out;
}

Result<PrivateKey> PrivateKey::from_bytes(ByteView bytes) {
  secp256k1_pubkey key;
  if (bytes.size() != 32 || secp256k1_ec_seckey_verify(context(), bytes.data()) != 1 ||
      secp256k1_ec_pubkey_create(context(), &key, bytes.data()) != 1)
    return fail(Errc::kInvalid, "private key is not valid", "give 32 bytes between 1 and the curve order");
  PrivateKey out;
  out.secret_ = SecretBytes(bytes);
  out.public_key_.bytes_ = serialize(key);
  return out;
}

PrivateKey PrivateKey::generate(Random& random) {
  for (;;) {
    SecretBytes seed(std::size_t{32});
    random.fill(seed.mutable_view());
    if (auto key = from_bytes(seed.view())) return std::move(*key);
  }
}

PrivateKey PrivateKey::clone() const {
  PrivateKey out;
  out.secret_ = SecretBytes(secret_.view());
  out.public_key_ = public_key_;
  return out;
}

Signature PrivateKey::sign(const Hash32& digest) const {
  secp256k1_ecdsa_recoverable_signature raw;
  PB_ASSERT(secp256k1_ecdsa_sign_recoverable(context(), &raw, digest.data.data(), secret_.view().data(), nullptr,
                                             nullptr) == 1);
  std::array<std::uint8_t, 64> compact{};
  int parity = 0;
  secp256k1_ecdsa_recoverable_signature_serialize_compact(context(), compact.data(), &parity, &raw);
  Signature out;
  std::copy_n(compact.begin(), 32, out.r.data.begin());
  std::copy_n(compact.begin() + 32, 32, out.s.data.begin());
  out.y_parity = static_cast<std::uint8_t>(parity);
  return out;
}

SecretBytes PrivateKey::shared_point(const PublicKey& other) const {
  // ECIES hashes the whole uncompressed point, so the ECDH "hash" only copies it.
  const auto copy_point = [](unsigned char* out, const unsigned char* x, const unsigned char* y, void*) {
    out[0] = 4;
    std::memcpy(out + 1, x, 32);
    std::memcpy(out + 33, y, 32);
    return 1;
  };
  const auto key = to_pubkey(other);
  SecretBytes out(std::size_t{65});
  PB_ASSERT(secp256k1_ecdh(context(), out.mutable_view().data(), &key, secret_.view().data(), copy_point, nullptr) == 1);
  return out;
}

Result<PublicKey> recover_key(const Hash32& digest, const Signature& signature) {
  std::array<std::uint8_t, 64> compact{};
  std::copy(signature.r.data.begin(), signature.r.data.end(), compact.begin());
  std::copy(signature.s.data.begin(), signature.s.data.end(), compact.begin() + 32);
  secp256k1_ecdsa_recoverable_signature raw;
  secp256k1_pubkey key;
  if (signature.y_parity > 1 ||
      secp256k1_ecdsa_recoverable_signature_parse_compact(context(), &raw, compact.data(), signature.y_parity) != 1 ||
      secp256k1_ecdsa_recover(context(), &key, &raw, digest.data.data()) != 1)
    return fail(Errc::kUnauthenticated, "signature does not belong to any key", "sign the message again");
  const auto bytes = serialize(key);
  return PublicKey::parse(bytes);
}

Result<Address> recover(const Hash32& digest, const Signature& signature, bool allow_high_s) {
  if (!allow_high_s && is_high_s(signature.s))
    return fail(Errc::kUnauthenticated, "signature has a high s value", "use the canonical low-s form (EIP-2)");
  PB_TRY(key, recover_key(digest, signature));
  return key.address();
}

std::string checksum_address(const Address& address) {
  std::string text = hex(address.view());
  const Hash32 hash = keccak256(text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint8_t nibble = i % 2 == 0 ? hash.data[i / 2] >> 4 : hash.data[i / 2] & 15;
    if (nibble >= 8 && text[i] >= 'a') text[i] = static_cast<char>(text[i] - 'a' + 'A');
  }
  return "0x" + text;
}

Result<Address> parse_address(std::string_view text, std::string_view field) {
  PB_TRY(address, Address::parse(text, field));
  if (text.starts_with("0x")) text.remove_prefix(2);
  const bool lower = std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'F'; });
  const bool upper = std::none_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'f'; });
  if (!lower && !upper && checksum_address(address).substr(2) != text)
    return fail(Errc::kInvalid, std::string(field) + " has a wrong checksum: 0x" + std::string(text),
                "check for a typing error, or write it in lower case");
  return address;
}

Hash32 personal_message_hash(ByteView message) {
  return Keccak256{}
      .update("\x19"
              "Ethereum Signed Message:\n" +
              std::to_string(message.size()))
      .update(message)
      .finish();
}

Hash32 validator_message_hash(const Address& validator, ByteView data) {
  const std::uint8_t prefix[] = {0x19, 0x00};
  return Keccak256{}.update(ByteView{prefix}).update(validator.view()).update(data).finish();
}

}  // namespace peaberry::crypto
