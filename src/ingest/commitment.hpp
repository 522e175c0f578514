#pragma once

#include <peaberry/base/u256.hpp>

#include "csv.hpp"

namespace peaberry::ingest {

/// What TableRegistry keeps of a table's epoch: scheme 1 of DESIGN §7. A column's canonical bytes are its texts as they stand in the file after
/// unquoting, each with its length before it (u32, big-endian); its commitment is their keccak Merkle root (docs/reference/merkle.md).
struct TableCommitment {
  std::string schema;               ///< JSON: the columns' names in order
  Hash32 schema_hash;               ///< keccak256 of it
  std::vector<Hash32> columns;      ///< one commitment a column
  Hash32 commitments_hash;          ///< keccak256 of them in order
  std::uint64_t rows = 0;
  bool operator==(const TableCommitment&) const = default;

  /// TableRegistry.rootOf: keccak256(abi.encode(1, schemaHash, commitmentsHash, rows))
  Hash32 root() const;
};
TableCommitment commit_table(const Records& records);
/// The same of a CSV text, which it reads row by row.
Result<TableCommitment> commit_csv(std::string_view text);

/// Names a table on every chain: keccak256(abi.encode(chainId, registry, nft)).
Hash32 table_id(std::uint64_t chain_id, const Address& registry, const Address& nft);
/// What a job over an epoch has as inputRoot: keccak256(abi.encode(tableId, epoch, commitmentsHash)).
Hash32 input_root(const Hash32& table, std::uint64_t epoch, const Hash32& commitments_hash);

}  // namespace peaberry::ingest
