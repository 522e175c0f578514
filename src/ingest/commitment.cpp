#include "commitment.hpp"

#include <peaberry/base/json.hpp>
#include <peaberry/crypto/merkle.hpp>
#include <peaberry/crypto/words.hpp>

namespace peaberry::ingest {

Hash32 TableCommitment::root() const { return crypto::hash_words(U256{1}, schema_hash, commitments_hash, U256{rows}); }

TableCommitment commit_table(const Records& records) {
  TableCommitment out;
  json::Array names;
  for (const auto& name : records.names) names.push_back(json::Value(name));
  out.schema = json::stringify(names);
  out.schema_hash = crypto::keccak256(out.schema);
  out.rows = records.rows.size();
  Bytes all;
  for (std::size_t c = 0; c < records.names.size(); ++c) {
    crypto::MerkleHasher hasher;
    for (const auto& row : records.rows) {
      const auto length = static_cast<std::uint32_t>(row[c].size());
      const std::uint8_t head[4] = {static_cast<std::uint8_t>(length >> 24), static_cast<std::uint8_t>(length >> 16), static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)};
      hasher.update(head);
      hasher.update(as_bytes(row[c]));
    }
    out.columns.push_back(hasher.finish());
    append(all, out.columns.back().view());
  }
  out.commitments_hash = crypto::keccak256(all);
  return out;
}

Hash32 table_id(std::uint64_t chain_id, const Address& registry, const Address& nft) { return crypto::hash_words(U256{chain_id}, registry, nft); }
Hash32 input_root(const Hash32& table, std::uint64_t epoch, const Hash32& commitments_hash) { return crypto::hash_words(table, U256{epoch}, commitments_hash); }

}  // namespace peaberry::ingest
