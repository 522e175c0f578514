#include "commitment.hpp"

#include <peaberry/base/json.hpp>
#include <peaberry/crypto/merkle.hpp>
#include <peaberry/crypto/words.hpp>

namespace peaberry::ingest {

Hash32 TableCommitment::root() const { return crypto::hash_words(U256{1}, schema_hash, commitments_hash, U256{rows}); }

namespace {

/// One hasher a column.
class Committing {
 public:
  void header(const std::vector<std::string>& names) {
    json::Array list;
    for (const auto& name : names) list.push_back(json::Value(name));
    out_.schema = json::stringify(list);
    out_.schema_hash = crypto::keccak256(out_.schema);
    columns_.resize(names.size());
  }
  void row(const std::vector<std::string>& fields) {
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const auto length = static_cast<std::uint32_t>(fields[c].size());
      const std::uint8_t head[4] = {static_cast<std::uint8_t>(length >> 24), static_cast<std::uint8_t>(length >> 16), static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)};
      columns_[c].update(head);
      columns_[c].update(as_bytes(fields[c]));
    }
    ++out_.rows;
  }
  TableCommitment finish() {
    Bytes all;
    for (auto& column : columns_) {
      out_.columns.push_back(column.finish());
      append(all, out_.columns.back().view());
    }
    out_.commitments_hash = crypto::keccak256(all);
    return std::move(out_);
  }

 private:
  TableCommitment out_;
  std::vector<crypto::MerkleHasher> columns_;
};

}  // namespace

TableCommitment commit_table(const Records& records) {
  Committing committing;
  committing.header(records.names);
  for (const auto& row : records.rows) committing.row(row);
  return committing.finish();
}

Result<TableCommitment> commit_csv(std::string_view text) {
  Committing committing;
  PB_CHECK(read_rows(text, {}, [&](const auto& names) { committing.header(names); }, [&](const auto& fields) { committing.row(fields); }));
  return committing.finish();
}

Hash32 table_id(std::uint64_t chain_id, const Address& registry, const Address& nft) { return crypto::hash_words(U256{chain_id}, registry, nft); }
Hash32 input_root(const Hash32& table, std::uint64_t epoch, const Hash32& commitments_hash) { return crypto::hash_words(table, U256{epoch}, commitments_hash); }

}  // namespace peaberry::ingest
