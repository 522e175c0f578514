#include "payer.hpp"

#include <peaberry/crypto/hash.hpp>

namespace peaberry::agents {
namespace {

std::string header_of(const net::ClientResponse& response, const char* name) {
  for (const auto& [key, value] : response.headers)
    if (equals_ignore_case(key, name)) return value;
  return "";
}

Bytes bytes_of(const crypto::Signature& signature) {
  const auto raw = signature.rsv();
  return Bytes(raw.begin(), raw.end());
}

}  // namespace

Result<json::Object> Payer::offer(const net::ClientResponse& response, const char* scheme) const {
  PB_TRY(required, x402::decode_header(header_of(response, x402::kRequiredHeader)));
  PB_TRY(list, json::array_at(required, "accepts"));
  std::string last = "the seller offers no " + std::string(scheme) + " on " + x402::network_of(options_.chain_id);
  for (const auto& item : *list) {
    if (!item.is_object() || json::string_or(item.get_object(), "scheme") != scheme || json::string_or(item.get_object(), "network") != x402::network_of(options_.chain_id)) continue;
    const auto& terms = item.get_object();
    PB_TRY(token, json::address_at(terms, "asset"));
    PB_TRY(amount, json::u256_at(terms, "amount"));
    if (token != options_.token) last = "the seller wants " + crypto::checksum_address(token) + ", not our token";
    else if (amount > options_.price_max || amount.is_zero()) last = "a call costs " + amount.dec() + ", at most " + options_.price_max.dec() + " is allowed";
    else return terms;
  }
  return fail(Errc::kPayment, last);
}

settlement::TokenDomain Payer::token_domain(const json::Object& accepted) const {
  const auto* extra = json::find_object(accepted, "extra");
  return {extra == nullptr ? "" : json::string_or(*extra, "name"), extra == nullptr ? "" : json::string_or(*extra, "version"), options_.chain_id, options_.token};
}

Result<net::ClientResponse> Payer::send(const std::string& url, const json::Object& accepted, json::Object payload) {
  const json::Object payment{{"x402Version", 2}, {"accepted", accepted}, {"payload", std::move(payload)}};
  return http_.send({.method = "GET", .url = url, .headers = {{x402::kSignatureHeader, x402::encode_header(payment)}}, .timeout_ms = 60'000});
}

Result<Payer::Bought> Payer::buy(const std::string& url, bool by_channel) {
  if (by_channel && options_.channels.is_zero()) return fail(Errc::kUnsupported, "no VoucherChannels is named", "pay by exact, or give --channels");
  if (by_channel) {
    PB_TRY(known, load(url));
    if (known) return by_voucher(url, known->accepted);  // what it costs is known: no question before the purchase
  }
  PB_TRY(asked, http_.send({.method = "GET", .url = url, .timeout_ms = 60'000}));
  if (asked.status != 402) return Bought{std::move(asked), {}, {}, {}, {}, {}};  // free, or an error of its own
  PB_TRY(accepted, offer(asked, by_channel ? "batch-settlement" : "exact"));
  return by_channel ? by_voucher(url, accepted) : by_exact(url, accepted);
}

Result<Payer::Bought> Payer::by_exact(const std::string& url, const json::Object& accepted) {
  settlement::Authorization a;
  PB_TRY(to, json::address_at(accepted, "payTo"));
  PB_TRY(amount, json::u256_at(accepted, "amount"));
  a.from = key_.address(), a.to = to, a.value = amount, a.valid_before = U256{clock_.unix_seconds() + json::uint_or(accepted, "maxTimeoutSeconds", 60)};
  random_.fill(a.nonce.data);
  const Bytes signature = bytes_of(key_.sign(settlement::transfer_digest(token_domain(accepted), a)));
  const json::Object authorization{{"from", crypto::checksum_address(a.from)}, {"to", crypto::checksum_address(a.to)}, {"value", a.value.dec()}, {"validAfter", a.valid_after.dec()}, {"validBefore", a.valid_before.dec()}, {"nonce", a.nonce.hex()}};
  PB_TRY(response, send(url, accepted, {{"signature", hex0x(signature)}, {"authorization", authorization}}));
  if (response.status == 402) return fail(Errc::kPayment, "the seller refuses the payment: " + response.body.substr(0, 300));
  const auto receipt = x402::decode_header(header_of(response, x402::kResponseHeader));
  const bool charged = receipt.has_value();
  return Bought{std::move(response), charged ? amount : U256{}, charged ? json::string_or(*receipt, "transaction") : "", {}, {}, {}};
}

Result<U256> Payer::corrected(const Channel& channel, const json::Object& accepted) const {
  const settlement::ChannelDomain domain{options_.chain_id, options_.channels};
  const auto* extra = json::find_object(accepted, "extra");
  const auto* state = extra == nullptr ? nullptr : json::find_object(*extra, "channelState");
  if (state == nullptr) return fail(Errc::kPayment, "the seller refuses the voucher and does not say why");
  PB_TRY(charged, json::u256_at(*state, "chargedCumulativeAmount"));
  if (charged <= channel.charged) return charged;  // less than we remember: to our good
  const auto* voucher = json::find_object(*extra, "voucherState");
  if (voucher == nullptr) return fail(Errc::kForbidden, "the seller says that " + charged.dec() + " were promised, and shows no signature");
  PB_TRY(total, json::u256_at(*voucher, "signedMaxClaimable"));
  PB_TRY(raw, parse_hex(json::string_or(*voucher, "signature"), "signature"));
  PB_TRY(signature, crypto::Signature::from_rsv(raw));
  PB_TRY(signer, crypto::recover(domain.voucher_digest(domain.channel_id(channel.config), total), signature));
  if (signer != key_.address() || charged > total) return fail(Errc::kForbidden, "the seller claims promises of ours that we did not sign");
  return charged;
}

Result<Payer::Bought> Payer::by_voucher(const std::string& url, json::Object accepted) {
  const settlement::ChannelDomain domain{options_.chain_id, options_.channels};
  PB_TRY(amount, json::u256_at(accepted, "amount"));
  PB_TRY(known, load(url));
  Channel channel;
  if (known) {
    channel = std::move(*known);
  } else {
    const auto* extra = json::find_object(accepted, "extra");
    if (extra == nullptr) return fail(Errc::kInvalid, "the seller's requirements have no \"extra\"");
    PB_TRY(receiver, json::address_at(accepted, "payTo"));
    PB_TRY(authorizer, json::address_at(*extra, "receiverAuthorizer"));
    Hash32 salt;
    random_.fill(salt.data);
    channel.config = {key_.address(), key_.address(), receiver, authorizer, options_.token, U256{json::uint_or(*extra, "withdrawDelay", 900)}, salt};
    channel.accepted = accepted;
  }
  if (amount > options_.price_max) return fail(Errc::kPayment, "a call costs " + amount.dec() + ", at most " + options_.price_max.dec() + " is allowed");
  const Hash32 id = domain.channel_id(channel.config);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const U256 total = channel.charged + amount;
    json::Object payload{{"type", "voucher"}, {"channelConfig", x402::config_to_json(channel.config)},
                         {"voucher", json::Object{{"channelId", id.hex()}, {"maxClaimableAmount", total.dec()}, {"signature", hex0x(bytes_of(key_.sign(domain.voucher_digest(id, total))))}}}};
    U256 deposit;
    if (total > channel.deposited) {
      if (channel.pending && channel.pending->valid_before <= U256{clock_.unix_seconds() + 10}) channel.pending.reset();  // can no longer be taken
      if (!channel.pending) {
        Hash32 raw;
        random_.fill(raw.data);
        channel.pending = Channel::Pending{amount * U256{options_.deposit_calls}, U256::from(raw), U256{clock_.unix_seconds() + 600}};
      }
      deposit = channel.pending->amount;
      const U256 salt = channel.pending->salt, before = channel.pending->valid_before;
      const settlement::Authorization authorization{key_.address(), options_.collector, deposit, {}, before, settlement::deposit_nonce(id, salt)};
      const Bytes signature = bytes_of(key_.sign(settlement::receive_digest(token_domain(accepted), authorization)));
      payload["type"] = "deposit";
      payload["deposit"] = json::Object{{"amount", deposit.dec()}, {"authorization", json::Object{{"erc3009Authorization", json::Object{{"validAfter", "0"}, {"validBefore", before.dec()}, {"salt", salt.dec()}, {"signature", hex0x(signature)}}}}}};
    }
    channel.promised = std::max(channel.promised, total);
    PB_CHECK(save(url, channel));  // on disk before it leaves
    PB_TRY(response, send(url, accepted, std::move(payload)));
    if (response.status == 402) {
      PB_TRY(again, offer(response, "batch-settlement"));
      PB_TRY(asked, json::u256_at(again, "amount"));
      if (attempt == 0 && asked != amount && json::address_at(again, "payTo").value_or(Address{}) == channel.config.receiver) {  // the price has changed, within what we allow
        amount = asked, accepted = again, channel.accepted = again;
        continue;
      }
      PB_TRY(charged, corrected(channel, again));
      if (attempt != 0 || charged == channel.charged) return fail(Errc::kPayment, "the seller refuses the voucher: " + response.body.substr(0, 300));
      channel.charged = charged;
      continue;
    }
    channel.deposited += deposit;
    if (!deposit.is_zero()) channel.pending.reset();
    const auto receipt = x402::decode_header(header_of(response, x402::kResponseHeader));
    Bought out{std::move(response), {}, receipt ? json::string_or(*receipt, "transaction") : "", deposit, id, channel.charged};
    if (receipt) out.paid = amount, channel.charged = total, out.total = total;  // a failed answer is not charged
    PB_CHECK(save(url, channel));
    return out;
  }
  return fail(Errc::kPayment, "the seller refuses the voucher");
}

Result<std::optional<Payer::Channel>> Payer::load(const std::string& seller) {
  if (!fs::exists(options_.state)) return std::optional<Channel>();
  PB_TRY(text, read_text(options_.state));
  PB_TRY(document, json::parse(text));
  PB_TRY(object, json::as_object(document, options_.state.string()));
  const auto* entry = json::find_object(*object, seller);
  if (entry == nullptr) return std::optional<Channel>();
  Channel out;
  PB_TRY(config_object, json::object_at(*entry, "config"));
  PB_TRY(config, x402::parse_config(*config_object));
  PB_TRY(accepted, json::object_at(*entry, "accepted"));
  PB_TRY(deposited, json::u256_at(*entry, "deposited"));
  PB_TRY(charged, json::u256_at(*entry, "charged"));
  PB_TRY(promised, json::u256_at(*entry, "promised"));
  if (const auto* pending = json::find_object(*entry, "pending")) {
    PB_TRY(amount, json::u256_at(*pending, "amount"));
    PB_TRY(salt, json::u256_at(*pending, "salt"));
    PB_TRY(before, json::u256_at(*pending, "validBefore"));
    out.pending = Channel::Pending{amount, salt, before};
  }
  out.config = config, out.accepted = *accepted, out.deposited = deposited, out.charged = charged, out.promised = promised;
  return std::optional<Channel>(std::move(out));
}

Status Payer::save(const std::string& seller, const Channel& channel) {
  json::Object all;
  if (fs::exists(options_.state)) {
    PB_TRY(text, read_text(options_.state));
    PB_TRY(document, json::parse(text));
    PB_TRY(object, json::as_object(document, options_.state.string()));
    all = *object;
  }
  json::Object entry{{"config", x402::config_to_json(channel.config)}, {"accepted", channel.accepted}, {"deposited", channel.deposited.dec()}, {"charged", channel.charged.dec()}, {"promised", channel.promised.dec()}};
  if (channel.pending) entry["pending"] = json::Object{{"amount", channel.pending->amount.dec()}, {"salt", channel.pending->salt.dec()}, {"validBefore", channel.pending->valid_before.dec()}};
  all[seller] = std::move(entry);
  return write_file_atomic(options_.state, as_bytes(json::pretty(all) + "\n"), 0600);
}

}  // namespace peaberry::agents
