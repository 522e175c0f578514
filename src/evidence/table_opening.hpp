#pragma once

#include <peaberry/base/files.hpp>
#include <peaberry/base/random.hpp>
#include <peaberry/crypto/keys.hpp>
#include <peaberry/proof/field/bn254.hpp>
#include <peaberry/proof/field/memory.hpp>
#include <peaberry/proof/tables/schema.hpp>

namespace peaberry::evidence {

/// What an owner keeps of a committed table, beside its rows, to prove things of it later. The blinders are not in it: they follow from the home's identity key and
/// each step's nonce, so that the file alone opens nothing and a backup of the keys loses nothing. The dictionaries are the owner's: mode 0600.
struct TableOpening {
  struct Step {
    Hash32 nonce;  ///< drawn for each attempt: one blinder never hides two vectors
    std::uint64_t rows_before = 0, rows_after = 0;
    bool operator==(const Step&) const = default;
  };
  Address nft, by;  ///< the identity key's address
  Hash32 table_id, srs_id;
  proof::TableSchema schema;
  proof::Dictionaries dictionaries;
  std::string label;  ///< empty: none
  std::vector<Step> steps;
  Bytes commitments;  ///< 64 bytes a vector, of all rows

  std::uint64_t rows() const { return steps.empty() ? 0 : steps.back().rows_after; }
  std::string to_json() const;
  /// Errors name the field.
  static Result<TableOpening> from_json(std::string_view text);
  bool operator==(const TableOpening&) const = default;
};

/// The blinders of one step: keccak256("peaberry/blinder/1" ‖ key ‖ tableId ‖ nonce ‖ u32 vector ‖ half) twice, modulo the field's order. Wiped when they go.
proof::LargeVector<proof::Fr> blinders_of(const crypto::PrivateKey& identity, const Hash32& table_id, const TableOpening::Step& step, std::size_t vectors);

/// Where openings lie in a home, a file for each state of each table: written before the transaction that makes the state, so that what the chain has is never without
/// its opening.
class OpeningStore {
 public:
  explicit OpeningStore(fs::path folder) : folder_(std::move(folder)) {}
  Status save(const TableOpening& opening) const;
  /// Of the table as the chain has it, which `commitments_hash` names. kNotFound: it was not committed from here.
  Result<TableOpening> load(const Address& nft, const Hash32& commitments_hash) const;

 private:
  fs::path file(const Address& nft, const Hash32& commitments_hash) const;
  fs::path folder_;
};

}  // namespace peaberry::evidence
