#include "auction.hpp"

#include <algorithm>
#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/crypto/words.hpp>

namespace peaberry::market {

namespace auction = bindings::reverse_auction;
namespace leases = bindings::lease_stream;
namespace token_contract = bindings::erc20_template;
using chain::abi::Type;
using chain::abi::Value;

namespace {

Hash32 named(const char* tag, const char* type, const ComputeContracts& contracts, const Address& contract, Value item) {
  const auto encoded = chain::abi::encode(*Type::parse(type), Value::list({Value::of(crypto::keccak256(tag)), Value::of(contracts.chain_id), Value::of(contract), std::move(item)}));
  PB_ASSERT(encoded);  // the types fit by construction
  return crypto::keccak256(*encoded);
}

}  // namespace

const char* order_phase_name(OrderPhase phase) {
  constexpr const char* kNames[] = {"none", "open", "started", "failed"};
  return kNames[static_cast<std::size_t>(phase)];
}
const char* lease_status_name(LeaseStatus status) {
  constexpr const char* kNames[] = {"none", "active", "exhausted", "closed"};
  return kNames[static_cast<std::size_t>(status)];
}

Hash32 order_id(const ComputeContracts& contracts, const Order& order) {
  return named("peaberry/order/1", "(bytes32,uint256,address,(address,address,uint96,uint32,uint96,uint16,uint40,uint40,uint32,bytes32,bytes32,uint256))", contracts, contracts.auction, order.to_abi());
}
Hash32 lease_id(const ComputeContracts& contracts, const Lease& lease) {
  return named("peaberry/lease/1", "(bytes32,uint256,address,(address,address,address,address,uint96,bytes32))", contracts, contracts.leases, lease.to_abi());
}
Hash32 bid_commitment(const Hash32& order, const Address& bidder, const U256& rate, const Hash32& salt) { return crypto::hash_words(order, bidder, rate, salt); }
Hash32 hosts_hash(const std::vector<Address>& hosts) {
  static const Type kType = *Type::parse("(address[])");
  std::vector<Value> list;
  for (const Address& host : hosts) list.push_back(Value::of(host));
  const auto encoded = chain::abi::encode(kType, Value::list({Value::list(std::move(list))}));
  PB_ASSERT(encoded);
  return crypto::keccak256(*encoded);
}

Status Auctions::allow(const Address& token, const Address& spender, const U256& amount) {
  PB_TRY(reply, rpc_.eth_call({.to = token, .data = token_contract::allowance(address(), spender)}));
  PB_TRY(allowed, token_contract::decode_allowance(reply));
  if (allowed < amount) PB_CHECK(send("allow", token, token_contract::approve(spender, amount)));
  return {};
}

Result<chain::Receipt> Auctions::send(const std::string& what, const Address& to, const Bytes& data) {
  PB_TRY(count, rpc_.transaction_count(address()));
  return sender_.execute({.key = "auction:" + what + ":" + std::to_string(count), .to = to, .data = data});
}

Result<Hash32> Auctions::open(const Order& order) {
  const Hash32 id = order_id(contracts_, order);
  PB_CHECK(allow(order.token, contracts_.auction, order.max_rate * order.duration));
  PB_CHECK(sender_.execute({.key = "auction:open:" + id.hex(), .to = contracts_.auction, .data = auction::open(order)}));
  return id;
}

Result<Order> Auctions::find(const Hash32& id) {
  PB_TRY(head, rpc_.block_number());
  PB_TRY(logs, rpc_.logs({.from_block = contracts_.start_block, .to_block = head, .addresses = {contracts_.auction}, .topics0 = {auction::OrderOpenedEvent::topic()}, .topics1 = {id}}));
  if (logs.empty()) return fail(Errc::kNotFound, "no order " + id.hex() + " was opened at " + crypto::checksum_address(contracts_.auction));
  PB_TRY(event, auction::OrderOpenedEvent::decode(logs.front()));
  return event.order;
}

Result<Auctions::State> Auctions::state(const Order& order) {
  PB_TRY(state_reply, rpc_.eth_call({.to = contracts_.auction, .data = auction::state_of(order)}));
  PB_TRY(state, auction::decode_state_of(state_reply));
  PB_TRY(winner_reply, rpc_.eth_call({.to = contracts_.auction, .data = auction::winner_of(order)}));
  PB_TRY(winner, auction::decode_winner_of(winner_reply));
  return State{static_cast<OrderPhase>(state.phase.low64() & 3), static_cast<std::size_t>(state.bids.low64()), winner.winner, winner.rate, winner.until.low64()};
}

Result<chain::Receipt> Auctions::bid(const Order& order, const U256& rate, const Hash32& salt, const std::vector<Address>& hosts) {
  const auto me = std::find(hosts.begin(), hosts.end(), address());
  if (me == hosts.end()) return fail(Errc::kForbidden, "hosts: " + crypto::checksum_address(address()) + " is none of them, and only hosts may bid");
  if (hosts_hash(hosts) != order.hosts_hash) return fail(Errc::kForbidden, "hosts: these are not the order's", "give the list in the order's own order");
  if (rate > order.max_rate || rate.is_zero()) return fail(Errc::kInvalid, "rate: must be from 1 to " + order.max_rate.dec());
  const Hash32 id = order_id(contracts_, order);
  PB_CHECK(allow(order.token, contracts_.auction, order.bid_deposit));
  return sender_.execute({.key = "auction:bid:" + id.hex(), .to = contracts_.auction, .data = auction::bid(order, bid_commitment(id, address(), rate, salt), hosts, U256{static_cast<std::uint64_t>(me - hosts.begin())})});
}

Result<chain::Receipt> Auctions::reveal(const Order& order, const U256& rate, const Hash32& salt) { return send("reveal", contracts_.auction, auction::reveal(order, rate, salt)); }
Result<chain::Receipt> Auctions::start(const Order& order) { return sender_.execute({.key = "auction:start:" + order_id(contracts_, order).hex(), .to = contracts_.auction, .data = auction::start(order)}); }
Result<chain::Receipt> Auctions::pass(const Order& order) { return send("pass", contracts_.auction, auction::pass(order)); }
Result<chain::Receipt> Auctions::release(const Order& order, const Address& bidder) { return send("release", contracts_.auction, auction::release(order, bidder)); }

Result<U256> Auctions::owed(const Address& token) {
  PB_TRY(reply, rpc_.eth_call({.to = contracts_.auction, .data = auction::balance_of(token, address())}));
  return auction::decode_balance_of(reply);
}
Result<chain::Receipt> Auctions::withdraw(const Address& token) { return send("withdraw", contracts_.auction, auction::withdraw(token, Address{})); }

Result<Lease> Auctions::lease_of(const Hash32& order) {
  PB_TRY(found, find(order));
  PB_TRY(head, rpc_.block_number());
  PB_TRY(logs, rpc_.logs({.from_block = contracts_.start_block, .to_block = head, .addresses = {contracts_.auction}, .topics0 = {auction::OrderStartedEvent::topic()}, .topics1 = {order}}));
  if (logs.empty()) return fail(Errc::kNotFound, "order " + order.hex() + " has no lease: nobody has started it");
  PB_TRY(event, auction::OrderStartedEvent::decode(logs.front()));
  return Lease{found.requester, event.winner, contracts_.auction, found.token, event.rate, order};
}

Result<Auctions::LeaseState> Auctions::lease_state(const Lease& lease) {
  PB_TRY(reply, rpc_.eth_call({.to = contracts_.leases, .data = leases::state_of(lease)}));
  PB_TRY(state, leases::decode_state_of(reply));
  return LeaseState{static_cast<LeaseStatus>(state.status.low64() & 3), state.earned, state.taken, state.left, state.started_at.low64()};
}
Result<chain::Receipt> Auctions::settle(const Lease& lease) { return send("settle", contracts_.leases, leases::settle(lease)); }
Result<chain::Receipt> Auctions::close(const Lease& lease, std::uint16_t reason) { return send("close", contracts_.leases, leases::close(lease, U256{reason})); }
Result<chain::Receipt> Auctions::refund(const Lease& lease) { return send("refund", contracts_.leases, leases::refund(lease)); }
Result<chain::Receipt> Auctions::top_up(const Lease& lease, const U256& amount) {
  PB_CHECK(allow(lease.token, contracts_.leases, amount));
  return send("top-up", contracts_.leases, leases::top_up(lease, amount));
}

}  // namespace peaberry::market
