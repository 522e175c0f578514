#pragma once

#include <peaberry/bindings/table_registry.hpp>
#include <peaberry/ingest/csv.hpp>

#include "commands.hpp"

namespace peaberry::cli {

// What the commands about tables share.

Result<ingest::Records> read_table(const std::string& file);
/// A transaction as commands tell of it.
json::Object step(const std::string& name, const chain::Receipt& receipt);
/// The NFT of an asset, by the node's index.
Result<Address> nft_of(Context& context, const std::string& did);
/// DID:bps texts as the registry's parents.
Result<std::vector<bindings::table_registry::Parent>> parse_parents(Context& context, const std::vector<std::string>& texts);

struct ProvenMetrics {
  Hash32 claim;
  json::Object metrics;
};
/// What was proven of a table's epoch under a verifier, every plan compiled again; nothing when nothing was.
Result<std::optional<ProvenMetrics>> proven_metrics(Context& context, const Address& nft, std::uint64_t epoch, const Address& verifier);

}  // namespace peaberry::cli
