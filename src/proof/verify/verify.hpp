#pragma once

#include <peaberry/proof/curve/pairing.hpp>
#include <peaberry/proof/plan/plan.hpp>
#include <peaberry/proof/plan/transcript.hpp>

namespace peaberry::proof {

/// What a verifier knows of a ceremony: [τ]_2, and from it and H the name that every statement carries.
class VerifierKey {
 public:
  /// [τ]_2 in EIP-197's order. Refused unless canonical, in G2 and not infinity.
  static Result<VerifierKey> from(ByteView tau_g2);
  const Hash32& srs_id() const { return srs_id_; }
  const G2Affine& tau() const { return tau_; }
  const G2Prepared& prepared_one() const { return one_; }
  const G2Prepared& prepared_tau() const { return prepared_; }

 private:
  explicit VerifierKey(const G2Affine& tau);
  G2Affine tau_;
  G2Prepared one_, prepared_;
  Hash32 srs_id_;
};

/// Whether `proof` shows that the plan's claims hold for the statement. The same answer as the Solidity verifier's, for every input.
/// statement.srs_id must be the key's. Errors: a malformed plan is named; any failing of the proof is one refusal, whatever its reason.
/// Thread-safe; memory is bounded by the sizes of plan and proof.
Status verify(const VerifierKey& key, ByteView plan, const Statement& statement, ByteView proof);

/// Several proofs under one key in one pairing: the arguments are combined with powers of a hash over all last states and all W (§6).
struct ProofRef {
  ByteView plan;
  const Statement* statement;
  ByteView proof;
};
Status verify_all(const VerifierKey& key, std::span<const ProofRef> proofs);

}  // namespace peaberry::proof
