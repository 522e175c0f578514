#pragma once

#include <peaberry/base/bytes.hpp>
#include <peaberry/store/sql.hpp>

namespace peaberry::index::detail {

/// The room's tables; `chain_id, block, log_index` is an event's place everywhere.
extern const char* const kSchema;
/// What owners claim of their tables, from the second migration on.
extern const char* const kQualitySchema;
/// What is proven of them, from the third on.
extern const char* const kProvenSchema;
/// The tables that a roll-back prunes.
inline constexpr const char* kEventTables[] = {"index_metadata", "index_state", "index_token_uri", "index_exchange", "index_dispenser", "index_order", "index_quality", "index_epoch", "index_admission", "index_proof", "index_poisoned"};

/// Builds the searchable row of one NFT again from its events; removes it when nothing is left.
Status refresh_asset(store::Connection& db, std::uint64_t chain_id, const Address& nft);
/// Refreshes the assets that sell this datatoken.
Status refresh_datatoken(store::Connection& db, std::uint64_t chain_id, const Address& datatoken);

}  // namespace peaberry::index::detail
