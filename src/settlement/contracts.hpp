#pragma once

#include <peaberry/base/files.hpp>
#include <peaberry/base/json.hpp>

namespace peaberry::settlement {

/// Where this project's contracts are on one chain: keys beside Ocean's in the chain's entry of `address.json`.
struct Contracts {
  std::uint64_t chain_id = 0;
  std::uint64_t start_block = 0;
  Address escrow;  ///< JobEscrow
  Address quorum, owner_accept, direct;
  Address tables, models, splitters;
  // Zero where the chain's entry does not name them: only what needs them asks.
  Address channels, deposit_collector;  ///< VoucherChannels, ERC3009DepositCollector
  Address leases, auction, quality, subnet, outbox, inbox, buy_for;
  Address zk;        ///< ZkVerifier: whose proofs of tables are believed
  Address test_usd;  ///< local chains only

  /// kNotFound when the chain's entry does not name them.
  static Result<Contracts> load(const fs::path& file, std::uint64_t chain_id);
};

}  // namespace peaberry::settlement
