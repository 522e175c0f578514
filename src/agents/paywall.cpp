#include "paywall.hpp"

#include <peaberry/base/log.hpp>
#include <peaberry/bindings/test_usd.hpp>
#include <peaberry/bindings/voucher_channels.hpp>
#include <peaberry/chain/abi.hpp>
#include <peaberry/crypto/hash.hpp>

namespace peaberry::agents {

namespace token_contract = bindings::test_usd;  // the functions of ERC-20 and ERC-3009 as any such token has them
namespace channels_contract = bindings::voucher_channels;
using settlement::VoucherBook;

namespace {

constexpr std::uint64_t kSettleSeconds = 6;  // an authorisation must live so long after it came

/// Holds a name while its payment is in work; empty when somebody else holds it.
class Hold {
 public:
  Hold(std::mutex& mutex, std::set<Hash32>& busy, const Hash32& name) : mutex_(mutex), busy_(busy), name_(name) {
    const std::lock_guard lock(mutex_);
    held_ = busy_.insert(name_).second;
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() {
    const std::lock_guard lock(mutex_);
    if (held_) busy_.erase(name_);
  }
  explicit operator bool() const { return held_; }

 private:
  std::mutex& mutex_;
  std::set<Hash32>& busy_;
  Hash32 name_;
  bool held_ = false;
};

std::string batch_code(const char* what) { return std::string("invalid_batch_settlement_evm_") + what; }
bool signed_by(const Address& signer, const Hash32& digest, ByteView signature) {
  const auto parsed = crypto::Signature::from_rsv(signature);
  if (!parsed) return false;
  const auto recovered = crypto::recover(digest, *parsed);
  return recovered && *recovered == signer;
}
json::Object receipt(std::uint64_t chain_id, const std::string& transaction, const Address& payer, const std::string& amount) {
  return {{"success", true}, {"transaction", transaction}, {"network", x402::network_of(chain_id)}, {"payer", crypto::checksum_address(payer)}, {"amount", amount}};
}

}  // namespace

// ---------------------------------------------------------------- answers

json::Array Paywall::offers(const x402::Price& price, const json::Object& channel_extra) const {
  json::Array out{x402::exact_requirements(price, options_.chain_id)};
  if (!options_.channels.is_zero()) {
    json::Object channel = x402::channel_requirements(price, options_.chain_id, sender_.address(), options_.withdraw_delay, price.amount * U256{options_.calls_min});
    for (const auto& item : channel_extra) channel["extra"].as_object()[item.key()] = item.value();
    out.push_back(std::move(channel));
  }
  return out;
}

net::Response Paywall::required(const net::Request& request, const x402::Price& price, const Refusal& refusal) const {
  const json::Object body{{"x402Version", 2},
                          {"error", refusal.code},
                          {"resource", json::Object{{"url", "http://" + request.header_or("Host", "localhost") + request.target}}},
                          {"accepts", offers(price, refusal.channel_extra)}};
  net::Response out = net::Response::json(refusal.status, json::stringify(json::Object{{"error", refusal.code}, {"message", refusal.message}}));
  out.headers[x402::kRequiredHeader] = x402::encode_header(body);
  return out;
}

net::Response Paywall::serve(const net::Request& request, const x402::Price& price, const Handler& handler) {
  const auto answer = [&]() -> net::Response {
    const std::string header = request.header_or(x402::kSignatureHeader);
    if (header.empty()) return required(request, price, {402, "PAYMENT-SIGNATURE header is required", "this call costs " + price.amount.dec(), {}});
    const auto payment = x402::parse_payment(header);
    if (!payment) {
      const bool version = payment.error().message.find("x402Version") != std::string::npos;
      return required(request, price, {400, version ? "invalid_x402_version" : payment.error().code == Errc::kUnsupported ? "unsupported_scheme" : "invalid_payload", payment.error().text(), {}});
    }
    if (payment->network != x402::network_of(options_.chain_id)) return required(request, price, {402, "invalid_network", "accepted.network is not " + x402::network_of(options_.chain_id), {}});
    if (payment->amount != price.amount || payment->token != price.token || payment->pay_to != price.pay_to)
      return required(request, price, {402, "invalid_payment_requirements", "accepted is none of what this call costs", {}});
    Outcome outcome = std::holds_alternative<x402::Exact>(payment->scheme) ? pay_exact(price, std::get<x402::Exact>(payment->scheme), handler)
                                                                         : pay_channel(price, std::get<x402::Channel>(payment->scheme), handler);
    if (const auto* refusal = std::get_if<Refusal>(&outcome)) {
      log::debug("x402", "{}: {}", refusal->code, refusal->message);
      return required(request, price, *refusal);
    }
    Paid& paid = std::get<Paid>(outcome);
    if (!paid.receipt.empty()) paid.response.headers[x402::kResponseHeader] = x402::encode_header(paid.receipt);
    return std::move(paid.response);
  };
  net::Response out = answer();
  out.headers["Access-Control-Expose-Headers"] = "PAYMENT-REQUIRED, PAYMENT-RESPONSE";
  return out;
}

// ---------------------------------------------------------------- exact

Paywall::Outcome Paywall::pay_exact(const x402::Price& price, const x402::Exact& exact, const Handler& handler) {
  const auto& a = exact.authorization;
  const std::uint64_t now = clock_.unix_seconds();
  if (!signed_by(a.from, settlement::transfer_digest({price.token_name, price.token_version, options_.chain_id, price.token}, a), exact.signature))
    return Refusal{402, "invalid_exact_evm_payload_signature", "payload.signature is not authorization.from's", {}};
  if (a.to != price.pay_to) return Refusal{402, "invalid_exact_evm_payload_recipient_mismatch", "authorization.to is not payTo", {}};
  if (a.value != price.amount) return Refusal{402, "invalid_exact_evm_payload_authorization_value_mismatch", "authorization.value is not the price", {}};
  if (a.valid_before < U256{now + kSettleSeconds}) return Refusal{402, "invalid_exact_evm_payload_authorization_valid_before", "the authorisation ends too soon", {}};
  if (a.valid_after > U256{now}) return Refusal{402, "invalid_exact_evm_payload_authorization_valid_after", "the authorisation is not valid yet", {}};
  const Hash32 name = crypto::keccak256(a.from.hex() + a.nonce.hex());
  const Hold hold(busy_mutex_, busy_, name);
  const std::string key = "x402:" + name.hex();
  const auto before = sender_.find(key);
  if (!hold || !before || *before) return Refusal{402, "invalid_transaction_state", "this authorisation has been used", {}};
  const auto balance = rpc_.eth_call({.to = price.token, .data = token_contract::balance_of(a.from)});
  if (!balance) return Refusal{500, "unexpected_verify_error", balance.error().text(), {}};
  if (const auto amount = token_contract::decode_balance_of(*balance); !amount || *amount < a.value) return Refusal{402, "insufficient_funds", "authorization.from holds less than the price", {}};

  const auto signature = crypto::Signature::from_rsv(exact.signature);
  const Bytes data = token_contract::transfer_with_authorization2(a.from, a.to, a.value, a.valid_after, a.valid_before, a.nonce, U256{27U + signature->y_parity}, signature->r, signature->s);
  if (const auto simulated = rpc_.eth_call({.from = sender_.address(), .to = price.token, .data = data}); !simulated)
    return simulated.error().code == Errc::kConflict ? Refusal{402, "invalid_transaction_state", simulated.error().message, {}} : Refusal{500, "unexpected_verify_error", simulated.error().text(), {}};
  net::Response response = handler();
  if (response.status >= 400) return Paid{std::move(response), {}};  // not charged
  const auto settled = sender_.execute({.key = key, .to = price.token, .data = data});
  if (!settled || !settled->success) return Refusal{402, "invalid_transaction_state", settled ? "the transfer failed" : settled.error().text(), {}};
  return Paid{std::move(response), receipt(options_.chain_id, settled->transaction_hash.hex(), a.from, a.value.dec())};
}

// ---------------------------------------------------------------- channels

std::optional<Paywall::Refusal> Paywall::check_channel(const x402::Price& price, const x402::Channel& channel) const {
  if (options_.channels.is_zero()) return Refusal{402, "unsupported_scheme", "no channels are taken here", {}};
  const auto& c = channel.config;
  if (book_.domain().channel_id(c) != channel.id) return Refusal{402, batch_code("channel_id_mismatch"), "voucher.channelId is not channelConfig's", {}};
  if (c.receiver != price.pay_to) return Refusal{402, batch_code("receiver_mismatch"), "channelConfig.receiver is not payTo", {}};
  if (c.receiver_authorizer != sender_.address()) return Refusal{402, batch_code("receiver_authorizer_mismatch"), "channelConfig.receiverAuthorizer is not " + crypto::checksum_address(sender_.address()), {}};
  if (c.token != price.token) return Refusal{402, batch_code("token_mismatch"), "channelConfig.token is not the asset", {}};
  if (c.withdraw_delay < U256{options_.withdraw_delay} || c.withdraw_delay > U256{2'592'000}) return Refusal{402, batch_code("withdraw_delay_out_of_range"), "channelConfig.withdrawDelay must be from " + std::to_string(options_.withdraw_delay) + " to 2592000", {}};
  if (!signed_by(settlement::voucher_signer(c), book_.domain().voucher_digest(channel.id, channel.total), channel.signature))
    return Refusal{402, batch_code("voucher_signature"), "voucher.signature is not of " + crypto::checksum_address(settlement::voucher_signer(c)), {}};
  return {};
}

json::Object Paywall::channel_state(const VoucherBook::Entry& entry, const Hash32& id) const {
  return {{"channelId", id.hex()},
          {"balance", entry.on_chain.balance.dec()},
          {"totalClaimed", entry.on_chain.total_claimed.dec()},
          {"withdrawRequestedAt", entry.on_chain.leaving_since},
          {"refundNonce", std::to_string(entry.on_chain.refund_nonce)},
          {"chargedCumulativeAmount", entry.charged().dec()}};
}

Paywall::Refusal Paywall::refused_total(const VoucherBook::Entry& entry, const Hash32& id, const std::string& code, const std::string& message) const {
  json::Object extra{{"channelState", channel_state(entry, id)}};
  if (!entry.signature.empty()) extra["voucherState"] = json::Object{{"signedMaxClaimable", entry.total.dec()}, {"signature", hex0x(entry.signature)}};
  return {402, code, message, std::move(extra)};
}

Status Paywall::refresh(const settlement::ChannelConfig& config, const Hash32& id) {
  const auto call = [&](const Bytes& data) { return chain::RpcCall{"eth_call", {json::Object{{"to", options_.channels.hex()}, {"data", hex0x(data)}}, "latest"}}; };
  PB_TRY(replies, rpc_.batch({call(channels_contract::channels(id)), call(channels_contract::pending_withdrawals(id)), call(channels_contract::refund_nonce(id))}));
  std::vector<Bytes> words;
  for (const auto& reply : replies) {
    if (!reply) return reply.error();
    PB_TRY(bytes, parse_hex(reply->is_string() ? json::sv(reply->get_string()) : std::string_view{}));
    words.push_back(bytes);
  }
  PB_TRY(state, channels_contract::decode_channels(words[0]));
  PB_TRY(leaving, channels_contract::decode_pending_withdrawals(words[1]));
  PB_TRY(nonce, channels_contract::decode_refund_nonce(words[2]));
  return book_.mirror(config, {state.balance, state.total_claimed, leaving.initiated_at.low64(), nonce.low64()});
}

std::optional<Paywall::Refusal> Paywall::take_deposit(const x402::Price& price, const x402::Channel& channel) {
  const auto& deposit = *channel.deposit;
  if (const U256 least = price.amount * U256{options_.calls_min}; deposit.amount < least) return Refusal{402, batch_code("deposit_below_min_deposit"), "deposit.amount must be at least " + least.dec(), {}};
  const std::uint64_t now = clock_.unix_seconds();
  const Hash32 nonce = settlement::deposit_nonce(channel.id, deposit.salt);
  const settlement::Authorization authorization{channel.config.payer, options_.collector, deposit.amount, deposit.valid_after, deposit.valid_before, nonce};
  if (!signed_by(channel.config.payer, settlement::receive_digest({price.token_name, price.token_version, options_.chain_id, price.token}, authorization), deposit.signature))
    return Refusal{402, batch_code("receive_authorization_signature"), "deposit's signature is not channelConfig.payer's", {}};
  if (deposit.valid_before < U256{now + kSettleSeconds}) return Refusal{402, batch_code("payload_authorization_valid_before"), "the deposit's authorisation ends too soon", {}};
  if (deposit.valid_after > U256{now}) return Refusal{402, batch_code("payload_authorization_valid_after"), "the deposit's authorisation is not valid yet", {}};
  static const chain::abi::Type kType = *chain::abi::Type::parse("(uint256,uint256,uint256,bytes)");
  using chain::abi::Value;
  const auto collector_data = chain::abi::encode(kType, Value::list({Value::of(deposit.valid_after), Value::of(deposit.valid_before), Value::of(deposit.salt), Value::of(deposit.signature)}));
  PB_ASSERT(collector_data);
  const auto settled = sender_.execute({.key = "x402-deposit:" + nonce.hex(), .to = options_.channels, .data = channels_contract::deposit(channel.config, deposit.amount, options_.collector, *collector_data)});
  if (!settled || !settled->success) return Refusal{402, batch_code("deposit_transaction_failed"), settled ? "the deposit failed" : settled.error().text(), {}};
  return {};
}

Paywall::Outcome Paywall::pay_channel(const x402::Price& price, const x402::Channel& channel, const Handler& handler) {
  if (auto refusal = check_channel(price, channel)) return std::move(*refusal);
  const Hold hold(busy_mutex_, busy_, channel.id);
  if (!hold) return Refusal{402, batch_code("channel_busy"), "another call of this channel is in work", {}};
  if (channel.kind == x402::Channel::Kind::kRefund) return refund(channel);
  auto entry = book_.find(channel.id);
  const auto renew = [&]() -> std::optional<Refusal> {
    if (const Status read = refresh(channel.config, channel.id); !read) return Refusal{500, batch_code("rpc_read_failed"), read.error().text(), {}};
    entry = book_.find(channel.id);
    return {};
  };
  if (!entry)
    if (auto refusal = renew()) return std::move(*refusal);
  const U256 wanted = entry->charged() + price.amount;
  const std::string words = "voucher.maxClaimableAmount must be " + wanted.dec() + ": what was charged, and the price";
  if (channel.total != wanted) return refused_total(*entry, channel.id, batch_code(channel.total < entry->on_chain.total_claimed ? "cumulative_below_claimed" : "cumulative_amount_mismatch"), words);
  if (channel.deposit && channel.deposit->amount + entry->on_chain.balance >= channel.total)
    if (auto refusal = take_deposit(price, channel)) return std::move(*refusal);
  if (channel.total > entry->on_chain.balance)  // or somebody has topped it up
    if (auto refusal = renew()) return std::move(*refusal);
  if (entry->on_chain.balance.is_zero()) return Refusal{402, batch_code("channel_not_found"), "this channel holds nothing", {}};
  const auto allowed = book_.check(channel.id, channel.total, channel.signature);
  if (!allowed) return refused_total(*entry, channel.id, batch_code(allowed.error().code == Errc::kPayment ? "cumulative_exceeds_balance" : "cumulative_amount_mismatch"), allowed.error().text());
  net::Response response = handler();
  if (response.status >= 400) return Paid{std::move(response), {}};  // not charged; a deposit stays the payer's
  const auto added = book_.record(channel.id, channel.total, channel.signature);
  if (!added) return Refusal{500, "unexpected_settle_error", added.error().text(), {}};
  entry = book_.find(channel.id);
  json::Object out = receipt(options_.chain_id, "", channel.config.payer, "");
  out["extra"] = json::Object{{"chargedAmount", added->dec()}, {"channelState", channel_state(*entry, channel.id)}};
  return Paid{std::move(response), std::move(out)};
}

Paywall::Outcome Paywall::refund(const x402::Channel& channel) {
  if (const Status read = refresh(channel.config, channel.id); !read) return Refusal{500, batch_code("rpc_read_failed"), read.error().text(), {}};
  auto entry = book_.find(channel.id);
  if (channel.total != entry->charged()) return refused_total(*entry, channel.id, batch_code("cumulative_amount_mismatch"), "voucher.maxClaimableAmount must be what was charged: " + entry->charged().dec());
  const U256 free = entry->on_chain.balance > entry->charged() ? entry->on_chain.balance - entry->charged() : U256{};
  if (free.is_zero()) return Refusal{402, batch_code("refund_no_balance"), "nothing is left in this channel", {}};
  const U256 amount = channel.refund_amount.value_or(free);
  if (amount.is_zero() || amount > free) return Refusal{402, batch_code("refund_amount_invalid"), "amount must be from 1 to " + free.dec(), {}};
  // First what was earned, then the rest goes back: in one transaction, so that neither happens alone.
  std::vector<Bytes> calls;
  if (const U256 due = entry->claimable(); !due.is_zero()) calls.push_back(channels_contract::claim({{{channel.config, entry->total}, entry->signature, entry->on_chain.total_claimed + due}}));
  calls.push_back(channels_contract::refund(channel.config, amount));
  const auto sent = sender_.execute({.key = "x402-refund:" + channel.id.hex() + ":" + std::to_string(entry->on_chain.refund_nonce), .to = options_.channels, .data = channels_contract::multicall(calls)});
  if (!sent || !sent->success) return Refusal{402, batch_code("refund_transaction_failed"), sent ? "the refund failed" : sent.error().text(), {}};
  (void)refresh(channel.config, channel.id);
  entry = book_.find(channel.id);
  json::Object out = receipt(options_.chain_id, sent->transaction_hash.hex(), channel.config.payer, amount.dec());
  out["extra"] = json::Object{{"chargedAmount", "0"}, {"channelState", channel_state(*entry, channel.id)}};
  return Paid{net::Response::json(200, "{}"), std::move(out)};
}

Result<Paywall::Claimed> Paywall::claim(const U256& at_least, std::size_t channels_max) {
  Claimed out;
  bool leaving = false;
  std::vector<channels_contract::VoucherClaim> claims;
  std::vector<std::pair<Hash32, settlement::ChannelConfig>> touched;
  std::string name;
  std::set<Address> tokens;
  for (const auto& [id, known] : book_.claimable()) {
    if (claims.size() == channels_max) break;
    PB_CHECK(refresh(known.config, id));
    PB_TRY(entry, book_.find(id));
    const U256 amount = entry.claimable();
    if (amount.is_zero()) continue;
    leaving = leaving || entry.on_chain.leaving_since != 0;
    out.amount += amount;
    claims.push_back({{entry.config, entry.total}, entry.signature, entry.on_chain.total_claimed + amount});
    touched.emplace_back(id, entry.config);
    tokens.insert(entry.config.token);
    name += id.hex() + (entry.on_chain.total_claimed + amount).dec();
  }
  if (claims.empty() || (out.amount < at_least && !leaving)) return Claimed{};
  std::vector<Bytes> calls{channels_contract::claim(claims)};
  for (const Address& token : tokens) calls.push_back(channels_contract::settle(book_.receiver(), token));
  PB_TRY(sent, sender_.execute({.key = "x402-claim:" + crypto::keccak256(name).hex(), .to = options_.channels, .data = channels_contract::multicall(calls)}));
  if (!sent.success) return fail(Errc::kConflict, "the claim failed in transaction " + sent.transaction_hash.hex());
  out.channels = claims.size();
  for (const auto& [id, config] : touched) PB_CHECK(refresh(config, id));
  return out;
}

}  // namespace peaberry::agents
