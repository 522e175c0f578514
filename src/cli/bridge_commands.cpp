#include <fmt/core.h>

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

/// What the order costs here when a feed says what one token here is worth in the other's unit; rounded up.
Result<U256> price_by_feed(Context& context, const std::string& feed_text, const U256& price_b, unsigned decimals_b, unsigned decimals) {
  PB_TRY(address, crypto::parse_address(feed_text, "feed"));
  PB_TRY(rpc, context.rpc());
  PB_TRY(feed, oracle::Feed::open(*rpc, context.options().chain_id, address));
  PB_TRY(last, feed.latest());
  if (last.round == 0 || !last.fresh) return fail(Errc::kConflict, "feed " + feed.description() + ": its last price is " + (last.round == 0 ? "none" : "of " + iso_time(last.updated_at) + ", older than its heartbeat of " + std::to_string(feed.heartbeat()) + " s"), "wait for the next report; an old price is not acted on");
  const auto power = [](unsigned n) {
    U256 out{1};
    for (unsigned i = 0; i < n; ++i) out = out * U256{10};
    return out;
  };
  // price_b / 10^decimals_b ÷ (answer / 10^feed) × 10^decimals
  const U256 numerator = price_b * power(feed.decimals()) * power(decimals), denominator = last.answer * power(decimals_b);
  return (numerator + denominator - U256{1}) / denominator;
}

}  // namespace

Result<Output> bridge_order(Context& context, const BridgeOrderOptions& options) {
  PB_TRY(escrow, context.job_escrow());
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(ocean, context.addresses());
  PB_TRY(rpc, context.rpc());
  if (contracts->outbox.is_zero()) return fail(Errc::kNotFound, "this chain's address file names no Outbox");
  if (options.amount.empty() == options.feed.empty()) return fail(Errc::kInvalid, "name what is paid", "give --amount, or --feed to price it, not both");
  PB_TRY(policy, read_policy(options.policy, *contracts));
  PB_TRY(head, rpc->latest_block());
  Message m;
  for (const auto& [text, slot, field] : {std::tuple<const std::string&, Address*, const char*>{options.inbox, &m.inbox, "inbox"}, {options.target, &m.target, "target"}, {options.token_b, &m.token, "token-b"}, {options.recipient, &m.recipient, "recipient"}, {options.executor, &m.executor, "executor"}}) {
    PB_TRY(address, crypto::parse_address(text, field));
    *slot = address;
  }
  PB_TRY(data, parse_hex(options.data, "data"));
  PB_TRY(price, parse_units(options.price, options.decimals_b, "price"));
  U256 amount;
  if (!options.feed.empty()) {
    PB_TRY(priced, price_by_feed(context, options.feed, price, options.decimals_b, options.decimals));
    amount = priced;
  } else {
    PB_TRY(given, parse_units(options.amount, options.decimals, "amount"));
    amount = given;
  }
  m.chain_a = U256{context.options().chain_id}, m.outbox = contracts->outbox, m.escrow = contracts->escrow, m.job_nonce = U256::from(crypto::sha256(context.random().uuid()));
  m.chain_b = U256{options.chain_b}, m.deliver_until = U256{head.timestamp + options.deliver_seconds}, m.requester = escrow->address(), m.price = price, m.data = data;
  const Hash32 hash = bridge::message_hash(m);
  PB_TRY(confirmation_reply, context.call(contracts->outbox, outbox::confirmation_seconds()));
  PB_TRY(confirmation, outbox::decode_confirmation_seconds(confirmation_reply));
  settlement::Job job;
  job.chain_id = m.chain_a, job.settlement = m.escrow, job.claim_kind = U256{6}, job.params_hash = hash, job.policy_hash = policy.hash(), job.requester = m.requester, job.nonce = m.job_nonce;
  settlement::Terms terms;
  terms.token = ocean->ocean, terms.amount = amount, terms.executor = m.executor;
  if (!options.token.empty()) {
    PB_TRY(token, crypto::parse_address(options.token, "token"));
    terms.token = token;
  }
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
                fmt::format("ordered on chain {}: job {}\n  to be delivered until {}", options.chain_b, id.hex(), iso_time(m.deliver_until.low64()))};
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

Result<Output> bridge_prove(Context& context, const std::string& job, const OtherChain& other, const std::string& output) {
  PB_TRY(order, find_order(context, job));
  Context b = there(context, other);
  PB_TRY(rpc, b.rpc());
  PB_TRY(transaction, delivery_transaction(b, order.message, order.hash));
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
