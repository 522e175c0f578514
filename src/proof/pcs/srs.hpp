#pragma once

#include <functional>
#include <memory>
#include <string>

#include <peaberry/base/files.hpp>
#include <peaberry/base/random.hpp>
#include <peaberry/proof/curve/msm.hpp>
#include <peaberry/proof/curve/pairing.hpp>

namespace peaberry::proof {

/// The powers of a secret τ: [τ^i]·G for i < 2^log, and [τ]_2. Whoever knows τ can prove anything. Cheap to copy; thread-safe.
class Srs {
 public:
  /// The local ceremony: τ = keccak256("peaberry/local-tau/1") modulo the field's order, which everybody knows and can prove anything with. One for all local chains, so
  /// that their verifier needs no file. Public chains refuse proofs under it.
  static Srs local(unsigned log);
  /// From a τ that this process knows for a moment: for tests.
  static Srs development(unsigned log, Random& random);
  /// The same from a given τ: for vectors.
  static Srs development(unsigned log, const Fr& tau);

  using Progress = std::function<void(double done)>;
  /// The first 2^log powers of a snarkjs `.ptau` file (all that it has when log is 0), every point checked (`validate`).
  /// Whether it comes from a public ceremony is not for this to say: chains keep a list of the ids that they believe.
  /// Format: snarkjs' "ptau", version 1, sections of type u32 and size u64, little-endian; coordinates in Montgomery form, R = 2^256.
  static Result<Srs> import_ptau(const fs::path& path, unsigned log, Random& random, const Progress& progress = {});

  /// Our own file: a page of header, then the points as they lie in memory, so that opening maps it and reads nothing.
  Status save(const fs::path& path) const;
  /// Maps a file that `save` wrote. Header and first point are checked; `validate` checks all.
  static Result<Srs> open(const fs::path& path);

  /// Every power is on the curve, the first is the generator, [τ]_2 is in its group, and consecutive powers differ by τ:
  /// e(Σ ρ^i τ^{i+1}G, [1]_2) = e(Σ ρ^i τ^i G, [τ]_2) for a random ρ.
  Status validate(Random& random, const Progress& progress = {}) const;

  std::span<const G1Affine> powers() const { return powers_; }
  const G2Affine& tau() const { return tau_; }
  unsigned log() const;
  /// keccak256("peaberry/srs/1" ‖ [τ]_2 ‖ H): what statements and chains call it.
  Hash32 id() const;

 private:
  std::shared_ptr<const void> owner_;  // of the memory behind powers_
  std::span<const G1Affine> powers_;
  G2Affine tau_;
};

/// Com(v; ρ) = Σ v_k·[τ^k]G + ρ·H (§1). v is at most as long as the SRS.
G1Affine commit(const Srs& srs, std::span<const Fr> values, const Fr& blinder);

}  // namespace peaberry::proof
