#pragma once

#include <peaberry/base/bytes.hpp>
#include <peaberry/crypto/hash.hpp>

namespace peaberry::proof {

/// The tags of the protocol's messages, in the order in which they are absorbed (§3). One name for each row; nothing is absorbed twice.
enum class Tag : std::uint8_t {
  kTheta = 1,      ///< nothing → θ
  kWitness = 2,    ///< commitments of phase 1 → α
  kBeta = 3,       ///< nothing → β
  kHelpers = 4,    ///< commitments of phase 2 → λ
  kDelta = 5,      ///< nothing → δ
  kPoint = 6,      ///< nothing → r_i
  kRound = 7,      ///< c_0, c_2 … c_D → ρ_i
  kValues = 8,     ///< v̂ → γ
  kMasks = 9,      ///< C_σ, C_ω → δ'
  kReduction = 10, ///< c_0, c_2 → u_i
  kFolds = 11,     ///< ρ*, G_i → κ
  kParts = 12,     ///< h → ν
  kQuotient = 13,  ///< Q → z
};

/// The Fiat–Shamir state: 32 bytes, begun with the hash of the whole statement. step(tag, data): T ← keccak256(T ‖ tag ‖ data), and the
/// challenge is T modulo the field's order. F has from_be_reduced.
template <class F>
class Transcript {
 public:
  explicit Transcript(ByteView statement) : state_(crypto::keccak256(statement)) {}
  F step(Tag tag, ByteView data = {}) {
    const std::uint8_t byte = static_cast<std::uint8_t>(tag);
    crypto::Keccak256 hash;
    hash.update(state_.view()).update(ByteView(&byte, 1)).update(data);
    state_ = hash.finish();
    return F::from_be_reduced(state_.view());
  }
  /// What the batching of several proofs hashes (§6).
  const Hash32& state() const { return state_; }

 private:
  Hash32 state_;
};

/// Everything that gives a proof its meaning beside the plan. Points and inputs as they are encoded: 64 and 32 bytes each.
struct Statement {
  Hash32 srs_id;
  Hash32 chain_id;
  Address verifier;
  Hash32 ctx;
  Bytes registered;     ///< commitments of phase-0 oracles
  Bytes public_inputs;  ///< scalars below the modulus
};

/// "peaberry/proof/1" ‖ srsId ‖ chainId ‖ verifier ‖ ctx ‖ keccak(plan) ‖ u16 #registered ‖ u16 #public ‖ registered ‖ public inputs
Bytes statement_bytes(const Statement& statement, const Hash32& plan);

}  // namespace peaberry::proof
