#pragma once

#include <peaberry/base/u256.hpp>
#include <peaberry/proof/prove/prover.hpp>
#include <peaberry/proof/tables/plans.hpp>

#include "table_opening.hpp"

namespace peaberry::evidence {

/// Which verifier a proof is for, and what its caller binds it to.
struct ProofFor {
  std::uint64_t chain_id = 0;
  Address verifier;
  Hash32 ctx;
};

struct TableProof {
  Bytes plan;
  Hash32 plan_hash;
  std::vector<U256> inputs;
  Bytes proof;
};

struct Admitted {
  TableOpening opening;  ///< with the new rows
  Bytes added;           ///< commitments of the new rows, 64 bytes a vector
  TableProof proof;
};

/// Proves for an owner of tables. Uses one SRS, one identity key. Not thread-safe.
class TableProver {
 public:
  TableProver(proof::Srs srs, const crypto::PrivateKey& identity, Random& random, proof::ProverOptions options = {})
      : srs_(std::move(srs)), identity_(identity), random_(random), options_(std::move(options)) {}

  /// Rows [before.rows(), rows) are admitted: `before` is the table so far, or – without steps – a table that begins. `cells` gives all rows.
  /// Errors: a value that does not fit the schema; earlier rows that are not the committed ones (kConflict); the SRS is another than before, or too short; another identity key.
  Result<Admitted> admit(const TableOpening& before, const proof::Cells& cells, std::uint64_t rows, const ProofFor& proof_for);

  /// What is counted of the table, proven; `proof_for(inputs)` binds it once the counts are known. Refused (kConflict) when `cells` are not the rows that
  /// were committed.
  Result<TableProof> measure(const TableOpening& opening, const proof::Cells& cells, const std::function<Result<ProofFor>(const Hash32& plan_hash, const std::vector<U256>& inputs)>& proof_for);

 private:
  Status check(const TableOpening& opening, unsigned log) const;
  Result<TableProof> prove(const proof::CompiledPlan& compiled, const std::vector<proof::Table>& values, const proof::LargeVector<proof::Fr>& blinders, const Bytes& registered,
                           std::vector<proof::Fr> inputs, std::function<std::vector<proof::Table>()> witness, const ProofFor& proof_for);
  /// Values and blinders of all rows that the opening has, once they are known to give its commitments.
  struct Opened {
    std::vector<proof::Table> values;
    proof::LargeVector<proof::Fr> blinders;
  };
  Result<Opened> open(const TableOpening& opening, const proof::Cells& cells, unsigned log) const;

  proof::Srs srs_;
  const crypto::PrivateKey& identity_;
  Random& random_;
  proof::ProverOptions options_;
};

}  // namespace peaberry::evidence
