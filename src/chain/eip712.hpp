#pragma once

#include <peaberry/base/json.hpp>

namespace peaberry::chain::eip712 {

/// Typed structured data (EIP-712) as wallets write it: {types, primaryType, domain, message}. Types may or may
/// not list EIP712Domain; the domain's fields are taken from what it holds, in the standard's order.
struct Encoded {
  Bytes encoded;  ///< typeHash ‖ encodeData of the message: what hashStruct hashes
  Hash32 digest;  ///< keccak(0x19 ‖ 0x01 ‖ domainSeparator ‖ hashStruct(message))
};
Result<Encoded> encode(const json::Object& types, std::string_view primary_type, const json::Object& domain,
                       const json::Object& message);
Result<Hash32> domain_separator(const json::Object& domain);
/// "Mail(Person from,Person to,string contents)Person(string name,address wallet)"
Result<std::string> encode_type(const json::Object& types, std::string_view primary_type);

}  // namespace peaberry::chain::eip712
