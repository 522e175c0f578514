#pragma once

#include <peaberry/base/files.hpp>
#include <peaberry/base/json.hpp>

namespace peaberry::chain {

/// Where Ocean's contracts are on one chain: one entry of the `address.json` that Ocean tools read.
struct OceanAddresses {
  std::uint64_t chain_id = 0;
  std::uint64_t start_block = 0;
  Address ocean;  ///< the network's default token
  Address router;
  Address fixed_price;
  Address dispenser;
  Address factory;  ///< ERC721Factory
  Address escrow;
  Address usdc;     ///< zero where there is none

  static Result<OceanAddresses> from_json(const json::Object& entry);
  /// Finds the entry for `chain_id` in an address file (its key is a network name).
  static Result<OceanAddresses> load(const fs::path& file, std::uint64_t chain_id);
};

}  // namespace peaberry::chain
