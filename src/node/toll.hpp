#pragma once

#include <peaberry/agents/paywall.hpp>
#include <peaberry/net/server.hpp>

#include "config.hpp"

namespace peaberry::node {

struct TollOptions {
  std::string upstream;             ///< the HTTP service that is paid for: each path below it costs the same
  std::string price;                ///< of one call, in whole tokens ("0.01")
  std::string token;                ///< ERC-20 with EIP-3009; empty: the chain's TestUSD
  std::string pay_to;               ///< who is paid; empty: the treasury
  std::optional<Address> channels, collector;  ///< others than the address file's
  std::uint64_t withdraw_delay = 900;
  std::uint64_t calls_min = 10;     ///< a deposit must be worth so many calls
  std::string claim_at_least = "1"; ///< in whole tokens: less is claimed only when a payer leaves
  std::size_t handler_threads = 16;
};

/// A paid door before any HTTP service: x402 clients call it, pay by the call, and get what the service answers. What is earned goes to the
/// treasury or whoever is named (a revenue router, say); the operator's key pays gas and claims. One process beside the service.
class Toll {
 public:
  static Result<std::unique_ptr<Toll>> start(NodeConfig config, TollOptions options);
  ~Toll();
  std::uint16_t port() const;
  const Address& pay_to() const;
  const agents::x402::Price& price() const;
  /// Claims what is due. Call regularly.
  Result<agents::Paywall::Claimed> tick();
  /// Claims everything now.
  Result<agents::Paywall::Claimed> claim_all();

 private:
  struct Parts;
  explicit Toll(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace peaberry::node
