#include <fmt/core.h>

#include <peaberry/crypto/hash.hpp>
#include <peaberry/market/auction.hpp>

#include "commands.hpp"

namespace peaberry::cli {
namespace {

using market::Auctions;
using market::OrderPhase;

constexpr const char* kBidSalt = "peaberry/bid-salt/1";

Result<Auctions> open_auctions(Context& context) {
  PB_TRY(rpc, context.rpc());
  PB_TRY(sender, context.sender());
  PB_TRY(contracts, context.settlement_contracts());
  if (contracts->auction.is_zero() || contracts->leases.is_zero()) return fail(Errc::kNotFound, "this chain's address file names no ReverseAuction and LeaseStream", "peaberry up deploys them on the embedded chain");
  return Auctions(*rpc, *sender, {contracts->chain_id, contracts->start_block, contracts->auction, contracts->leases});
}

Output done(const std::string& what, const chain::Receipt& receipt) {
  return Output{json::Object{{"tx", receipt.transaction_hash.hex()}, {"gas", receipt.gas_used}}, what + " in " + receipt.transaction_hash.hex()};
}

}  // namespace

Result<Output> auction_open(Context& context, const AuctionOpenOptions& options) {
  PB_TRY(auctions, open_auctions(context));
  PB_TRY(rpc, context.rpc());
  PB_TRY(token, context.token_or_ocean(options.token));
  PB_TRY(hosts, parse_addresses(options.hosts, "hosts"));
  PB_TRY(rate, parse_units(options.max_rate, options.decimals, "max-rate"));
  PB_TRY(deposit, parse_units(options.deposit, options.decimals, "deposit"));
  PB_TRY(head, rpc->latest_block());
  market::Order order;
  order.requester = auctions.address(), order.token = token, order.max_rate = rate, order.duration = U256{options.seconds}, order.bid_deposit = deposit, order.no_show_bps = U256{options.no_show_bps};
  if (!options.manifest.empty()) {
    PB_TRY(manifest, Hash32::parse(options.manifest, "manifest"));
    order.manifest_hash = manifest;
  }
  order.commit_until = U256{head.timestamp + options.commit_seconds}, order.reveal_until = order.commit_until + U256{options.reveal_seconds}, order.start_within = U256{options.start_within};
  order.hosts_hash = market::hosts_hash(hosts), order.nonce = U256::from(crypto::sha256(context.random().uuid()));
  PB_TRY(id, auctions.open(order));
  return Output{json::Object{{"orderId", id.hex()}, {"commitUntil", order.commit_until.low64()}, {"revealUntil", order.reveal_until.low64()}, {"budget", (rate * order.duration).dec()}},
                fmt::format("order {}\nbids until {}, opened until {}", id.hex(), iso_time(order.commit_until.low64()), iso_time(order.reveal_until.low64()))};
}

Result<Output> auction_show(Context& context, const std::string& order_text) {
  PB_TRY(auctions, open_auctions(context));
  PB_TRY(id, Hash32::parse(order_text, "order"));
  PB_TRY(order, auctions.find(id));
  PB_TRY(state, auctions.state(order));
  json::Object out{{"orderId", id.hex()}, {"phase", market::order_phase_name(state.phase)}, {"bids", state.bids}, {"maxRate", order.max_rate.dec()}, {"seconds", order.duration.low64()},
                   {"commitUntil", order.commit_until.low64()}, {"revealUntil", order.reveal_until.low64()}};
  std::string text = fmt::format("order {}: {}, {} bids", id.hex(), market::order_phase_name(state.phase), state.bids);
  if (!state.winner.is_zero()) {
    out["winner"] = crypto::checksum_address(state.winner), out["rate"] = state.rate.dec(), out["startUntil"] = state.start_until;
    text += fmt::format("\n{} may start at a rate of {} until {}", crypto::checksum_address(state.winner), state.rate.dec(), iso_time(state.start_until));
  }
  if (state.phase == OrderPhase::kStarted) {
    PB_TRY(lease, auctions.lease_of(id));
    PB_TRY(lease_state, auctions.lease_state(lease));
    out["lease"] = json::Object{{"leaseId", market::lease_id(auctions.contracts(), lease).hex()}, {"provider", crypto::checksum_address(lease.provider)}, {"rate", lease.rate.dec()},
                                {"status", market::lease_status_name(lease_state.status)}, {"earned", lease_state.earned.dec()}, {"paid", lease_state.taken.dec()}, {"left", lease_state.left.dec()},
                                {"startedAt", lease_state.started_at}};
    text += fmt::format("\nthe lease is {}: {} earned, {} of it paid, {} left", market::lease_status_name(lease_state.status), lease_state.earned.dec(), lease_state.taken.dec(), lease_state.left.dec());
  }
  return Output{out, text};
}

Result<Output> auction_bid(Context& context, const std::string& order_text, const std::string& rate_text, const std::vector<std::string>& host_texts, unsigned decimals) {
  PB_TRY(auctions, open_auctions(context));
  PB_TRY(id, Hash32::parse(order_text, "order"));
  PB_TRY(order, auctions.find(id));
  PB_TRY(rate, parse_units(rate_text, decimals, "rate"));
  PB_TRY(hosts, parse_addresses(host_texts, "hosts"));
  PB_TRY(key, context.key());
  PB_TRY(receipt, auctions.bid(order, rate, own_salt(*key, kBidSalt, id), hosts));
  return done("sealed", receipt);
}

Result<Output> auction_reveal(Context& context, const std::string& order_text, const std::string& rate_text, unsigned decimals) {
  PB_TRY(auctions, open_auctions(context));
  PB_TRY(id, Hash32::parse(order_text, "order"));
  PB_TRY(order, auctions.find(id));
  PB_TRY(rate, parse_units(rate_text, decimals, "rate"));
  PB_TRY(key, context.key());
  PB_TRY(receipt, auctions.reveal(order, rate, own_salt(*key, kBidSalt, id)));
  return done("opened", receipt);
}

Result<Output> auction_step(Context& context, const std::string& order_text, AuctionStep step) {
  constexpr std::uint16_t kTenantCloses = 1, kProviderCloses = 10'000;  // Akash's ranges
  PB_TRY(auctions, open_auctions(context));
  PB_TRY(id, Hash32::parse(order_text, "order"));
  PB_TRY(order, auctions.find(id));
  if (step == AuctionStep::kStart || step == AuctionStep::kPass) {
    PB_TRY(receipt, step == AuctionStep::kStart ? auctions.start(order) : auctions.pass(order));
    return done(step == AuctionStep::kStart ? "started" : "passed", receipt);
  }
  PB_TRY(lease, auctions.lease_of(id));
  if (step == AuctionStep::kSettle) {
    PB_TRY(receipt, auctions.settle(lease));
    return done("paid", receipt);
  }
  if (step == AuctionStep::kRefund) {
    PB_TRY(receipt, auctions.refund(lease));
    return done("returned", receipt);
  }
  PB_TRY(receipt, auctions.close(lease, auctions.address() == lease.provider ? kProviderCloses : kTenantCloses));
  return done("closed", receipt);
}

Result<Output> auction_release(Context& context, const std::string& order_text, const std::string& bidder_text) {
  PB_TRY(auctions, open_auctions(context));
  PB_TRY(id, Hash32::parse(order_text, "order"));
  PB_TRY(order, auctions.find(id));
  Address bidder = auctions.address();
  if (!bidder_text.empty()) {
    PB_TRY(named, crypto::parse_address(bidder_text, "bidder"));
    bidder = named;
  }
  PB_TRY(receipt, auctions.release(order, bidder));
  return done("released", receipt);
}

Result<Output> auction_withdraw(Context& context, const std::string& token_text) {
  PB_TRY(auctions, open_auctions(context));
  PB_TRY(token, context.token_or_ocean(token_text));
  PB_TRY(owed, auctions.owed(token));
  if (owed.is_zero()) return Output{json::Object{{"amount", "0"}}, "nothing is owed"};
  PB_TRY(receipt, auctions.withdraw(token));
  return Output{json::Object{{"amount", owed.dec()}, {"tx", receipt.transaction_hash.hex()}}, "withdrew " + owed.dec()};
}

}  // namespace peaberry::cli
