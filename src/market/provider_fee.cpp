#include "provider_fee.hpp"

#include <peaberry/crypto/hash.hpp>

namespace peaberry::market {

ProviderFee sign_provider_fee(const crypto::PrivateKey& key, const Address& token, const U256& amount, std::uint64_t valid_until, const Address& datatoken, const std::string& service_id) {
  ProviderFee fee{key.address(), token, amount, valid_until, {}, {}};
  fee.data = json::stringify(json::Object{{"dt", crypto::checksum_address(datatoken)}, {"id", service_id}});
  Bytes packed = to_bytes(fee.data);
  append(packed, fee.address.view());
  append(packed, token.view());
  append(packed, amount.word().view());
  append(packed, U256{valid_until}.word().view());
  fee.signature = key.sign(crypto::personal_message_hash(crypto::keccak256(packed).view()));
  return fee;
}

json::Object ProviderFee::to_json() const {
  return {{"providerFeeAddress", crypto::checksum_address(address)}, {"providerFeeToken", crypto::checksum_address(token)}, {"providerFeeAmount", amount.dec()},
          {"providerData", hex0x(as_bytes(data))}, {"v", 27 + signature.y_parity}, {"r", signature.r.hex()}, {"s", signature.s.hex()}, {"validUntil", valid_until}};
}

Result<ProviderFee> ProviderFee::from_json(const json::Object& o) {
  ProviderFee out;
  PB_TRY(address, json::address_at(o, "providerFeeAddress"));
  PB_TRY(token, json::address_at(o, "providerFeeToken"));
  PB_TRY(amount, json::u256_at(o, "providerFeeAmount"));
  PB_TRY(data_text, json::string_at(o, "providerData"));
  PB_TRY(data, parse_hex(data_text, "providerData"));
  PB_TRY(v, json::uint_at(o, "v"));
  PB_TRY(r, json::hash_at(o, "r"));
  PB_TRY(s, json::hash_at(o, "s"));
  PB_TRY(valid_until, json::uint_at(o, "validUntil"));
  if (v != 27 && v != 28) return fail(Errc::kInvalid, "provider fee v is " + std::to_string(v));
  return ProviderFee{address, token, amount, valid_until, std::string(as_text(data)), {r, s, static_cast<std::uint8_t>(v - 27)}};
}

}  // namespace peaberry::market
