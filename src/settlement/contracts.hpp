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

  /// kNotFound when the chain's entry does not name them.
  static Result<Contracts> load(const fs::path& file, std::uint64_t chain_id);
};

}  // namespace peaberry::settlement
