#pragma once

#include <peaberry/base/json.hpp>
#include <peaberry/crypto/keys.hpp>

namespace peaberry::market {

/// A fee for a node's service, signed by it and checked by the datatoken contract at the order.
struct ProviderFee {
  Address address, token;
  U256 amount;
  std::uint64_t valid_until = 0;  ///< 0: for ever
  std::string data;               ///< {"dt":datatoken,"id":serviceId}, exactly so
  crypto::Signature signature;

  json::Object to_json() const;
  static Result<ProviderFee> from_json(const json::Object& object);
};
/// The 32 bytes that are signed are never stripped of zeros: the contract's prefix says 32.
ProviderFee sign_provider_fee(const crypto::PrivateKey& key, const Address& token, const U256& amount, std::uint64_t valid_until, const Address& datatoken, const std::string& service_id);

}  // namespace peaberry::market
