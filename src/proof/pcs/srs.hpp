#pragma once

#include <peaberry/proof/curve/msm.hpp>
#include <peaberry/proof/curve/pairing.hpp>

namespace peaberry::proof {

/// The powers of a secret τ: [τ^i]·G for i < 2^log, and [τ]_2. Whoever knows τ can prove anything.
class Srs {
 public:
  /// Made here, from a τ that this process knows for a moment: for trying and for tests. Public chains refuse proofs under it.
  static Srs development(unsigned log, Random& random);
  /// The same from a given τ: for vectors.
  static Srs development(unsigned log, const Fr& tau);

  std::span<const G1Affine> powers() const { return powers_; }
  const G2Affine& tau() const { return tau_; }

 private:
  std::vector<G1Affine> powers_;
  G2Affine tau_;
};

/// Com(v; ρ) = Σ v_k·[τ^k]G + ρ·H (§2). v is at most as long as the SRS.
G1Affine commit(const Srs& srs, std::span<const Fr> values, const Fr& blinder);

}  // namespace peaberry::proof
