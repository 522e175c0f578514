#include "x402.hpp"

namespace peaberry::agents::x402 {
namespace {

constexpr std::size_t kSignatureBytes = 65;

template <class T>
Result<T> inside(const char* context, Result<T> result) {
  if (!result) return peaberry::within(context, result.error());
  return result;
}

/// A decimal string, as x402 writes amounts and times.
Result<U256> amount_at(const json::Object& object, std::string_view key) {
  PB_TRY(text, json::string_at(object, key));
  if (text.empty() || text.size() > 78 || text.find_first_not_of("0123456789") != std::string::npos) return fail(Errc::kInvalid, std::string(key) + " is not a decimal number");
  return U256::parse(text, key);
}
/// The same, at most 2^128 - 1.
Result<U256> amount128_at(const json::Object& object, std::string_view key) {
  PB_TRY(amount, amount_at(object, key));
  if (amount.bit_length() > 128) return fail(Errc::kInvalid, std::string(key) + " does not fit into 128 bits");
  return amount;
}
Result<Address> party_at(const json::Object& object, std::string_view key) {
  PB_TRY(text, json::string_at(object, key));
  return crypto::parse_address(text, key);
}
Result<Bytes> signature_at(const json::Object& object, std::string_view key = "signature") {
  PB_TRY(text, json::string_at(object, key));
  const auto bytes = parse_hex(text);
  if (!bytes || bytes->size() != kSignatureBytes) return fail(Errc::kUnsupported, std::string(key) + " is not the 65 bytes of a key's signature");
  return *bytes;
}

Result<Exact> parse_exact(const json::Object& payload) {
  Exact out;
  PB_TRY(signature, signature_at(payload));
  out.signature = std::move(signature);
  PB_TRY(a, json::object_at(payload, "authorization"));
  PB_TRY(from, party_at(*a, "from"));
  PB_TRY(to, party_at(*a, "to"));
  PB_TRY(value, amount_at(*a, "value"));
  PB_TRY(after, amount_at(*a, "validAfter"));
  PB_TRY(before, amount_at(*a, "validBefore"));
  PB_TRY(nonce, json::hash_at(*a, "nonce"));
  out.authorization = {from, to, value, after, before, nonce};
  return out;
}

Result<Channel::Deposit> parse_deposit(const json::Object& payload) {
  PB_TRY(deposit, json::object_at(payload, "deposit"));
  PB_TRY(amount, amount128_at(*deposit, "amount"));
  PB_TRY(ways, json::object_at(*deposit, "authorization"));
  if (!ways->contains("erc3009Authorization")) return fail(Errc::kUnsupported, "deposit.authorization: only erc3009Authorization is taken here");
  PB_TRY(a, json::object_at(*ways, "erc3009Authorization"));
  PB_TRY(after, amount_at(*a, "validAfter"));
  PB_TRY(before, amount_at(*a, "validBefore"));
  PB_TRY(salt_text, json::string_at(*a, "salt"));
  PB_TRY(salt, U256::parse(salt_text, "salt"));
  PB_TRY(signature, signature_at(*a));
  return Channel::Deposit{amount, after, before, salt, std::move(signature)};
}

Result<Channel> parse_channel(const json::Object& payload) {
  Channel out;
  PB_TRY(type, json::string_at(payload, "type"));
  if (type == "voucher") out.kind = Channel::Kind::kVoucher;
  else if (type == "deposit") out.kind = Channel::Kind::kDeposit;
  else if (type == "refund") out.kind = Channel::Kind::kRefund;
  else return fail(Errc::kUnsupported, "payload.type \"" + type.substr(0, 40) + "\" is none of voucher, deposit, refund");
  PB_TRY(config_object, json::object_at(payload, "channelConfig"));
  PB_TRY(config, parse_config(*config_object));
  out.config = config;
  PB_TRY(voucher, json::object_at(payload, "voucher"));
  PB_TRY(id, json::hash_at(*voucher, "channelId"));
  PB_TRY(total, amount128_at(*voucher, "maxClaimableAmount"));
  PB_TRY(signature, signature_at(*voucher));
  out.id = id, out.total = total, out.signature = std::move(signature);
  if (out.kind == Channel::Kind::kDeposit) {
    PB_TRY(deposit, parse_deposit(payload));
    out.deposit = std::move(deposit);
  }
  if (out.kind == Channel::Kind::kRefund && payload.contains("amount")) {
    PB_TRY(amount, amount128_at(payload, "amount"));
    out.refund_amount = amount;
  }
  return out;
}

json::Object requirements(const char* scheme, const Price& price, std::uint64_t chain_id, json::Object extra) {
  extra["name"] = price.token_name, extra["version"] = price.token_version;
  return {{"scheme", scheme},
          {"network", network_of(chain_id)},
          {"amount", price.amount.dec()},
          {"asset", crypto::checksum_address(price.token)},
          {"payTo", crypto::checksum_address(price.pay_to)},
          {"maxTimeoutSeconds", price.timeout_seconds},
          {"extra", std::move(extra)}};
}

}  // namespace

std::string encode_header(const json::Object& value) { return base64(as_bytes(json::stringify(value))); }

Result<json::Object> decode_header(std::string_view header) {
  PB_TRY(bytes, parse_base64(header));
  PB_TRY(document, json::parse(as_text(bytes)));
  PB_TRY(object, json::as_object(document, "the header"));
  return *object;
}

Result<Payment> parse_payment(std::string_view header) {
  PB_TRY(object, inside(kSignatureHeader, decode_header(header)));
  if (json::uint_or(object, "x402Version", 0) != 2) return fail(Errc::kUnsupported, "x402Version: only 2 is spoken here");
  PB_TRY(accepted, json::object_at(object, "accepted"));
  PB_TRY(payload, json::object_at(object, "payload"));
  Payment out;
  PB_TRY(network, json::string_at(*accepted, "network"));
  PB_TRY(amount, amount128_at(*accepted, "amount"));
  PB_TRY(token, party_at(*accepted, "asset"));
  PB_TRY(pay_to, party_at(*accepted, "payTo"));
  out.network = network, out.amount = amount, out.token = token, out.pay_to = pay_to;
  PB_TRY(scheme, json::string_at(*accepted, "scheme"));
  if (scheme == "exact") {
    PB_TRY(exact, inside("payload", parse_exact(*payload)));
    out.scheme = std::move(exact);
  } else if (scheme == "batch-settlement") {
    PB_TRY(channel, inside("payload", parse_channel(*payload)));
    out.scheme = std::move(channel);
  } else {
    return fail(Errc::kUnsupported, "accepted.scheme \"" + scheme.substr(0, 40) + "\" is neither exact nor batch-settlement");
  }
  return out;
}

std::string network_of(std::uint64_t chain_id) { return "eip155:" + std::to_string(chain_id); }
json::Object exact_requirements(const Price& price, std::uint64_t chain_id) { return requirements("exact", price, chain_id, {}); }
json::Object channel_requirements(const Price& price, std::uint64_t chain_id, const Address& receiver_authorizer, std::uint64_t withdraw_delay, const U256& min_deposit) {
  return requirements("batch-settlement", price, chain_id, {{"receiverAuthorizer", crypto::checksum_address(receiver_authorizer)}, {"withdrawDelay", withdraw_delay}, {"minDeposit", min_deposit.dec()}});
}

Result<settlement::ChannelConfig> parse_config(const json::Object& c) {
  settlement::ChannelConfig out;
  PB_TRY(payer, party_at(c, "payer"));
  PB_TRY(payer_authorizer, party_at(c, "payerAuthorizer"));
  PB_TRY(receiver, party_at(c, "receiver"));
  PB_TRY(receiver_authorizer, party_at(c, "receiverAuthorizer"));
  PB_TRY(token, party_at(c, "token"));
  PB_TRY(delay, json::uint_at(c, "withdrawDelay"));
  PB_TRY(salt, json::hash_at(c, "salt"));
  if (delay >> 40 != 0) return fail(Errc::kInvalid, "withdrawDelay does not fit into 40 bits");
  out = {payer, payer_authorizer, receiver, receiver_authorizer, token, U256{delay}, salt};
  return out;
}

json::Object config_to_json(const settlement::ChannelConfig& config) {
  return {{"payer", crypto::checksum_address(config.payer)},
          {"payerAuthorizer", crypto::checksum_address(config.payer_authorizer)},
          {"receiver", crypto::checksum_address(config.receiver)},
          {"receiverAuthorizer", crypto::checksum_address(config.receiver_authorizer)},
          {"token", crypto::checksum_address(config.token)},
          {"withdrawDelay", config.withdraw_delay.low64()},
          {"salt", config.salt.hex()}};
}

}  // namespace peaberry::agents::x402
