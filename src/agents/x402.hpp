#pragma once

#include <optional>
#include <peaberry/base/json.hpp>
#include <peaberry/settlement/channels.hpp>
#include <variant>

/// x402 version 2 over HTTP: what stands in the three headers (https://x402.org, schemes `exact` with EIP-3009 and `batch-settlement` on EVM).
namespace peaberry::agents::x402 {

inline constexpr const char* kRequiredHeader = "PAYMENT-REQUIRED";
inline constexpr const char* kSignatureHeader = "PAYMENT-SIGNATURE";
inline constexpr const char* kResponseHeader = "PAYMENT-RESPONSE";

/// What one call costs, and whom it pays. Amounts in the token's smallest unit.
struct Price {
  U256 amount;
  Address token;
  std::string token_name, token_version;  ///< the token's EIP-712 domain
  Address pay_to;
  std::uint64_t timeout_seconds = 60;
};

/// A payment by one signature: the whole price, settled on chain.
struct Exact {
  settlement::Authorization authorization;
  Bytes signature;  ///< 65 bytes
};
/// A payment out of a channel: a larger promise, with a deposit when the channel needs money.
struct Channel {
  enum class Kind : std::uint8_t { kVoucher, kDeposit, kRefund };
  struct Deposit {
    U256 amount, valid_after, valid_before, salt;
    Bytes signature;
  };
  Kind kind = Kind::kVoucher;
  settlement::ChannelConfig config;
  Hash32 id;    ///< as the client says; checked against config
  U256 total;   ///< voucher.maxClaimableAmount
  Bytes signature;
  std::optional<Deposit> deposit;
  std::optional<U256> refund_amount;
};
struct Payment {
  std::string network;           ///< of what the client accepted
  U256 amount;
  Address token, pay_to;
  std::variant<Exact, Channel> scheme;
};

/// Strict and bounded by the header. Errors name the field (kInvalid); `kUnsupported` for another x402 version or scheme.
Result<Payment> parse_payment(std::string_view header);
/// For the header; the value is JSON in base64.
std::string encode_header(const json::Object& value);
Result<json::Object> decode_header(std::string_view header);

std::string network_of(std::uint64_t chain_id);
json::Object exact_requirements(const Price& price, std::uint64_t chain_id);
/// `receiver_authorizer` and `withdraw_delay` are what a channel must be opened with, `min_deposit` the least that is deposited at once.
json::Object channel_requirements(const Price& price, std::uint64_t chain_id, const Address& receiver_authorizer, std::uint64_t withdraw_delay, const U256& min_deposit);
/// A channel's configuration from untrusted JSON, and back.
Result<settlement::ChannelConfig> parse_config(const json::Object& config);
json::Object config_to_json(const settlement::ChannelConfig& config);

}  // namespace peaberry::agents::x402
