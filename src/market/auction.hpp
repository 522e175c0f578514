#pragma once

#include <peaberry/bindings/lease_stream.hpp>
#include <peaberry/bindings/reverse_auction.hpp>
#include <peaberry/chain/tx_manager.hpp>

namespace peaberry::market {

using Order = bindings::reverse_auction::Order;
using Lease = bindings::lease_stream::Lease;

enum class OrderPhase : std::uint8_t { kNone, kOpen, kStarted, kFailed };
const char* order_phase_name(OrderPhase phase);
enum class LeaseStatus : std::uint8_t { kNone, kActive, kExhausted, kClosed };
const char* lease_status_name(LeaseStatus status);

/// Where the two contracts are, and since when.
struct ComputeContracts {
  std::uint64_t chain_id = 0, start_block = 0;
  Address auction, leases;
};

/// keccak256(abi.encode(keccak256("peaberry/order/1"), chainid, auction, order))
Hash32 order_id(const ComputeContracts& contracts, const Order& order);
/// keccak256(abi.encode(keccak256("peaberry/lease/1"), chainid, leases, lease)); the auction is the payer of its leases
Hash32 lease_id(const ComputeContracts& contracts, const Lease& lease);
/// What a bidder seals: keccak256(abi.encode(order, bidder, rate, salt)).
Hash32 bid_commitment(const Hash32& order, const Address& bidder, const U256& rate, const Hash32& salt);
/// keccak256(abi.encode(address[] hosts)): who may bid.
Hash32 hosts_hash(const std::vector<Address>& hosts);

/// ReverseAuction and LeaseStream as one account uses them. Every transaction has an idempotency key in the journal. Amounts in the token's
/// smallest unit, rates by the second. Errors are the contracts' own words (kConflict). Not thread-safe.
class Auctions {
 public:
  Auctions(chain::Rpc& rpc, chain::TxManager& sender, const ComputeContracts& contracts) : rpc_(rpc), sender_(sender), contracts_(contracts) {}
  const Address& address() const { return sender_.address(); }
  const ComputeContracts& contracts() const { return contracts_; }

  /// Approves the budget (maxRate × duration), and opens.
  Result<Hash32> open(const Order& order);
  /// kNotFound: no such order was opened.
  Result<Order> find(const Hash32& id);
  struct State {
    OrderPhase phase = OrderPhase::kNone;
    std::size_t bids = 0;
    Address winner;            ///< whose turn it is to start; zero: nobody's
    U256 rate;
    std::uint64_t start_until = 0;
  };
  Result<State> state(const Order& order);
  /// kForbidden: this account is none of the hosts.
  Result<chain::Receipt> bid(const Order& order, const U256& rate, const Hash32& salt, const std::vector<Address>& hosts);
  Result<chain::Receipt> reveal(const Order& order, const U256& rate, const Hash32& salt);
  Result<chain::Receipt> start(const Order& order);
  /// Ends the turn of a winner that did not start, or an order that nobody can start any more.
  Result<chain::Receipt> pass(const Order& order);
  Result<chain::Receipt> release(const Order& order, const Address& bidder);
  Result<U256> owed(const Address& token);
  Result<chain::Receipt> withdraw(const Address& token);

  /// The lease of a started order, by its LeaseOpened event.
  Result<Lease> lease_of(const Hash32& order);
  struct LeaseState {
    LeaseStatus status = LeaseStatus::kNone;
    U256 earned, taken, left;
    std::uint64_t started_at = 0;
  };
  Result<LeaseState> lease_state(const Lease& lease);
  Result<chain::Receipt> settle(const Lease& lease);
  Result<chain::Receipt> close(const Lease& lease, std::uint16_t reason);
  Result<chain::Receipt> refund(const Lease& lease);
  Result<chain::Receipt> top_up(const Lease& lease, const U256& amount);

 private:
  Status allow(const Address& token, const Address& spender, const U256& amount);
  /// Each call is an intention of its own: its place among this account's transactions names it.
  Result<chain::Receipt> send(const std::string& what, const Address& to, const Bytes& data);

  chain::Rpc& rpc_;
  chain::TxManager& sender_;
  ComputeContracts contracts_;
};

}  // namespace peaberry::market
