#include <fmt/core.h>

#include <peaberry/bindings/buy_for.hpp>
#include <peaberry/bindings/inbox.hpp>
#include <peaberry/bindings/outbox.hpp>
#include <peaberry/bridge/delivery.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/oracle/feed.hpp>
#include <peaberry/settlement/evidence.hpp>

#include "commands.hpp"

namespace peaberry::cli {
namespace {

namespace outbox = bindings::outbox;
namespace inbox = bindings::inbox;
using bridge::Message;

struct Order {
  settlement::OpenedJob job;
  Message message;
  Hash32 hash;
};
/// The job and its message, as Outbox announced it: whoever opened the job, the message is what its params hash.
Result<Order> find_order(Context& context, const std::string& job_text) {
  PB_TRY(escrow, context.job_escrow());
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(rpc, context.rpc());
  PB_TRY(id, Hash32::parse(job_text, "job"));
  PB_TRY(job, escrow->find(id));
  PB_TRY(head, rpc->block_number());
  PB_TRY(logs, rpc->logs({.from_block = contracts->start_block, .to_block = head, .addresses = {contracts->outbox}, .topics0 = {outbox::MessageSentEvent::topic()}, .topics1 = {job.job.params_hash}}));
  if (logs.empty()) return fail(Errc::kNotFound, "job " + id.hex() + " is no order that Outbox announced", "peaberry bridge order opens and announces one");
  PB_TRY(event, outbox::MessageSentEvent::decode(logs.front()));
  const Hash32 hash = bridge::message_hash(event.message);
  if (hash != job.job.params_hash) return fail(Errc::kForbidden, "the announced message is not the job's");
  return Order{job, event.message, hash};
}

/// The same home on the other chain.
Context there(const Context& context, const OtherChain& other) {
  GlobalOptions options = context.options();
  options.chain_url = other.url, options.chain_id = other.id, options.address_file = other.address_file, options.node_url = "";
  return Context(options);
}

Result<Hash32> delivery_transaction(Context& b, const Message& message, const Hash32& hash) {
  PB_TRY(rpc, b.rpc());
  PB_TRY(head, rpc->block_number());
  PB_TRY(logs, rpc->logs({.from_block = 0, .to_block = head, .addresses = {message.inbox}, .topics0 = {inbox::DeliveredEvent::topic()}, .topics1 = {hash}}));
  if (logs.empty()) return fail(Errc::kNotFound, "message " + hash.hex() + " is not delivered on chain " + message.chain_b.dec());
  return logs.front().transaction_hash;
}

/// What a purchase of a listing on B is there: Ocean's exchange sells one datatoken, BuyFor hands it to the recipient.
struct Listing {
  Address inbox, target, token;
  U256 price;
  Bytes data;
};
Result<Listing> listing_on_b(Context& b, const std::string& did, const std::string& node_url, const Address& recipient) {
  PB_TRY(contracts, b.settlement_contracts());
  PB_TRY(ocean, b.addresses());
  if (contracts->inbox.is_zero() || contracts->buy_for.is_zero()) return fail(Errc::kNotFound, "chain B's address file names no Inbox and BuyFor");
  const auto nobody = crypto::PrivateKey::generate(b.random());
  PB_TRY(ddo, NodeClient(b.http(), node_url, nobody).ddo(did));
  if (json::uint_or(ddo, "chainId", 0) != b.options().chain_id) return fail(Errc::kInvalid, "asset-b: " + did + " is not listed on chain " + std::to_string(b.options().chain_id));
  const auto* indexed = json::find_object(ddo, "indexedMetadata");
  const auto* stats = indexed == nullptr ? nullptr : json::find_array(*indexed, "stats");
  if (stats == nullptr || stats->empty()) return fail(Errc::kConflict, "asset-b: " + did + " has no datatoken");
  PB_TRY(stat, json::as_object(stats->front(), "stat"));
  PB_TRY(datatoken, json::address_at(*stat, "datatokenAddress"));
  PB_TRY(prices, json::array_at(*stat, "prices"));
  if (prices->empty()) return fail(Errc::kConflict, "asset-b: " + did + " is not for sale");
  PB_TRY(entry, json::as_object(prices->front(), "price"));
  PB_TRY(exchange, json::hash_at(*entry, "exchangeId"));
  PB_TRY(base, json::address_at(*entry, "token"));
  static const chain::abi::Type kCost = *chain::abi::Type::parse("(bytes32,uint256,uint256)");
  const U256 one{1'000'000'000'000'000'000};
  using chain::abi::Value;
  PB_TRY(reply, b.call(ocean->fixed_price, chain::abi::encode_call(chain::abi::selector("calcBaseInGivenOutDT(bytes32,uint256,uint256)"), kCost, Value::list({Value::of(exchange), Value::of(one), Value::of(U256{})}))));
  PB_TRY(price, U256::from_be(ByteView(reply).first(std::min<std::size_t>(reply.size(), 32))).is_zero() ? Result<U256>(fail(Errc::kConflict, "asset-b: its exchange names no price")) : Result<U256>(U256::from_be(ByteView(reply).first(32))));
  return Listing{contracts->inbox, contracts->buy_for, base, price, bindings::buy_for::buy(ocean->fixed_price, exchange, base, datatoken, one, recipient)};
}

/// What the order costs here when a feed says what one token here is worth in the other's unit; rounded up.
Result<U256> price_by_feed(Context& context, const std::string& feed_text, const U256& price_b, unsigned decimals_b, unsigned decimals, bool times) {
  PB_TRY(address, crypto::parse_address(feed_text, "feed"));
  PB_TRY(rpc, context.rpc());
  PB_TRY(feed, oracle::Feed::open(*rpc, context.options().chain_id, address));
  PB_TRY(last, feed.latest(context.clock().unix_seconds()));
  if (last.round == 0 || !last.fresh) return fail(Errc::kConflict, "feed " + feed.description() + ": its last price is " + (last.round == 0 ? "none" : "of " + iso_time(last.updated_at) + ", older than its heartbeat of " + std::to_string(feed.heartbeat()) + " s"), "wait for the next report; an old price is not acted on");
  const auto power = [](unsigned n) {
    U256 out{1};
    for (unsigned i = 0; i < n; ++i) out = out * U256{10};
    return out;
  };
  const auto divided = [](const U256& numerator, const U256& denominator) { return (numerator + denominator - U256{1}) / denominator; };
  // price_b / 10^decimals_b × answer / 10^feed × 10^decimals
  if (times) return divided(price_b * last.answer * power(decimals), power(decimals_b) * power(feed.decimals()));
  // price_b / 10^decimals_b ÷ (answer / 10^feed) × 10^decimals
  return divided(price_b * power(feed.decimals()) * power(decimals), last.answer * power(decimals_b));
}

}  // namespace

Result<Output> bridge_order(Context& context, const BridgeOrderOptions& options) {
  PB_TRY(escrow, context.job_escrow());
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(token, context.token_or_ocean(options.token));
  PB_TRY(rpc, context.rpc());
  if (contracts->outbox.is_zero()) return fail(Errc::kNotFound, "this chain's address file names no Outbox");
  if (options.amount.empty() == options.feed.empty()) return fail(Errc::kInvalid, "name what is paid", "give --amount, or --feed to price it, not both");
  PB_TRY(policy, read_policy(options.policy, *contracts));
  PB_TRY(head, rpc->latest_block());
  Message m;
  PB_TRY(recipient, crypto::parse_address(options.recipient, "recipient"));
  PB_TRY(executor, crypto::parse_address(options.executor, "executor"));
  m.recipient = recipient, m.executor = executor;
  U256 price;
  Bytes data;
  if (!options.asset_b.empty()) {
    Context b = there(context, options.other);
    PB_TRY(listing, listing_on_b(b, options.asset_b, options.node_b, recipient));
    m.inbox = listing.inbox, m.target = listing.target, m.token = listing.token, price = listing.price, data = listing.data;
  } else {
    for (const auto& [text, slot, field] : {std::tuple<const std::string&, Address*, const char*>{options.inbox, &m.inbox, "inbox"}, {options.target, &m.target, "target"}, {options.token_b, &m.token, "token-b"}}) {
      PB_TRY(address, crypto::parse_address(text, field));
      *slot = address;
    }
    PB_TRY(raw, parse_hex(options.data, "data"));
    PB_TRY(given, parse_units(options.price, options.decimals_b, "price"));
    data = raw, price = given;
  }
  U256 amount;
  if (!options.feed.empty()) {
    PB_TRY(priced, price_by_feed(context, options.feed, price, options.decimals_b, options.decimals, options.times));
    amount = priced;
  } else {
    PB_TRY(given, parse_units(options.amount, options.decimals, "amount"));
    amount = given;
  }
  m.chain_a = U256{context.options().chain_id}, m.outbox = contracts->outbox, m.escrow = contracts->escrow, m.job_nonce = U256::from(crypto::sha256(context.random().uuid()));
  m.chain_b = U256{options.other.id}, m.deliver_until = U256{head.timestamp + options.deliver_seconds}, m.requester = escrow->address(), m.price = price, m.data = data;
  const Hash32 hash = bridge::message_hash(m);
  PB_TRY(confirmation_reply, context.call(contracts->outbox, outbox::confirmation_seconds()));
  PB_TRY(confirmation, outbox::decode_confirmation_seconds(confirmation_reply));
  settlement::Job job;
  job.chain_id = m.chain_a, job.settlement = m.escrow, job.claim_kind = U256{6}, job.params_hash = hash, job.policy_hash = policy.hash(), job.requester = m.requester, job.nonce = m.job_nonce;
  settlement::Terms terms;
  terms.token = token, terms.amount = amount, terms.executor = m.executor;
  // Nobody is refunded here while a delivery in B's last second can still be shown.
  std::uint64_t quiet = policy.worst_window();
  for (const auto& leaf : policy.leaves)
    if (leaf.verifier == contracts->quorum) {
      PB_TRY(params, settlement::QuorumParams::decode(leaf.params));
      quiet = std::max<std::uint64_t>(quiet, leaf.window + params.commit_window);
    }
  terms.deadline = m.deliver_until + confirmation + U256{quiet + 60};
  context.progress("locking " + format_units(amount, options.decimals) + " and announcing the order");
  PB_TRY(opened, escrow->open(job, terms, policy.encode()));
  PB_TRY(sent, context.send("outbox", contracts->outbox, outbox::send(m, settlement::as<outbox::Job>(job), settlement::as<outbox::Terms>(terms), policy.encode())));
  const Hash32 id = settlement::job_id(job);
  return Output{json::Object{{"jobId", id.hex()}, {"messageHash", hash.hex()}, {"amount", amount.dec()}, {"deliverUntil", m.deliver_until.low64()}, {"message", bridge::message_to_json(m)},
                             {"steps", json::Array{json::Object{{"name", "lock the price"}, {"tx", opened.transaction_hash.hex()}, {"gas", opened.gas_used}}, json::Object{{"name", "announce the order"}, {"tx", sent.transaction_hash.hex()}, {"gas", sent.gas_used}}}}},
                fmt::format("ordered on chain {}: job {}\n  to be delivered until {}", options.other.id, id.hex(), iso_time(m.deliver_until.low64()))};
}

Result<Output> bridge_show(Context& context, const std::string& job) {
  PB_TRY(order, find_order(context, job));
  const json::Object out{{"jobId", order.job.id.hex()}, {"messageHash", order.hash.hex()}, {"message", bridge::message_to_json(order.message)}};
  return Output{out, json::pretty(out)};
}

Result<Output> bridge_deliver(Context& context, const std::string& job, const OtherChain& other) {
  PB_TRY(order, find_order(context, job));
  if (order.message.chain_b != U256{other.id}) return fail(Errc::kInvalid, "chain-b-id: the order is for chain " + order.message.chain_b.dec());
  Context b = there(context, other);
  PB_CHECK(b.allow(order.message.token, order.message.inbox, order.message.price));
  PB_TRY(receipt, b.send("deliver", order.message.inbox, inbox::deliver(settlement::as<inbox::Message>(order.message))));
  return Output{json::Object{{"messageHash", order.hash.hex()}, {"chainId", other.id}, {"tx", receipt.transaction_hash.hex()}, {"gas", receipt.gas_used}, {"block", receipt.block_number}}, "delivered on chain " + std::to_string(other.id) + " in " + receipt.transaction_hash.hex()};
}

Result<Output> bridge_prove(Context& context, const std::string& job, const OtherChain& other, const std::string& output, const std::string& transaction_text) {
  PB_TRY(order, find_order(context, job));
  Context b = there(context, other);
  PB_TRY(rpc, b.rpc());
  PB_TRY(transaction, transaction_text.empty() ? delivery_transaction(b, order.message, order.hash) : Hash32::parse(transaction_text, "tx"));
  PB_TRY(proof, bridge::prove_delivery(*rpc, transaction));
  const json::Object told = proof.to_json();
  if (!output.empty()) PB_CHECK(write_file_atomic(output, as_bytes(json::pretty(told) + "\n")));
  std::size_t bytes = proof.header.size();
  for (const auto& node : proof.nodes) bytes += node.size();
  return Output{json::Object{{"proof", told}, {"tx", transaction.hex()}, {"bytes", bytes}}, fmt::format("{} bytes prove the receipt of {} in block {}", bytes, transaction.hex(), proof.block_number)};
}

Result<Output> bridge_attest(Context& context, const std::string& job, const OtherChain& other, const std::string& proof_file, std::uint64_t confirmations) {
  PB_TRY(order, find_order(context, job));
  PB_TRY(text, read_text(proof_file));
  PB_TRY(document, json::parse(text));
  PB_TRY(object, json::as_object(document, "proof"));
  PB_TRY(proof, bridge::DeliveryProof::from_json(*object));
  Context b = there(context, other);
  PB_TRY(rpc, b.rpc());
  PB_TRY(delivery, bridge::check_delivery(*rpc, proof, order.message, confirmations));
  const Hash32 output = crypto::keccak256(delivery.output(order.hash));
  PB_TRY(vote, job_vote(context, job, output.hex(), false));
  json::Object out = vote.json.as_object();
  out["outputHash"] = output.hex(), out["deliveredAt"] = delivery.time, out["block"] = delivery.block_number;
  return Output{out, fmt::format("block {} of chain {} holds the delivery; voted for it", delivery.block_number, other.id)};
}

}  // namespace peaberry::cli
