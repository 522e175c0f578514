#pragma once

#include <functional>

#include <peaberry/proof/claims/builder.hpp>
#include <peaberry/proof/pcs/srs.hpp>
#include <peaberry/proof/plan/transcript.hpp>

#include "masks.hpp"
#include "views.hpp"

namespace peaberry::proof {

/// What a prover knows of a registered oracle.
struct RegisteredOracle {
  const Table* values;
  Fr blinder;
};

struct ProverInput {
  std::vector<RegisteredOracle> registered;
  /// The phase-1 oracles, each of its declared length (asserted), in the plan's order. The mask slices of wmask are filled by the prover. θ is there for
  /// columns that depend on it. Called again when a proof begins anew.
  std::function<std::vector<Table>(const Fr& theta)> witness;
  std::vector<Fr> inputs;
};

struct ProverOptions {
  unsigned threads = 1;
  /// Called as work goes on, with what is done now and how much of the whole is behind, 0…1.
  std::function<void(const char* phase, double done)> progress;
};

/// What a proof will take, known before it is begun.
struct ProverCost {
  std::size_t memory_bytes;  ///< peak, beside the registered oracles and the SRS
};
ProverCost estimate(const Plan& plan);

/// Makes a proof of the plan's claims for the statement (whose registered commitments are those of `input.registered`). Masks are drawn from
/// `random`, which must be the system's for real proofs. A false witness gives a proof that verifiers refuse; nothing is checked here.
/// Errors: the SRS is shorter than 2^ℓ; a registered oracle has not its declared length; the plan's D is too small for its expressions.
/// Source: the specification's §3–§6; eq split and round polynomials of small degree: Gruen 2024 (ePrint 2024/108); first rounds
/// over whole numbers: Bagad, Domb, Thaler 2024 (ePrint 2024/1046); Gemini folding: Bootle,
/// Chiesa, Hu, Orrù 2022 (ePrint 2022/420); Shplonk: Boneh, Drake, Fisch, Gabizon 2020 (ePrint 2020/081).
Result<Bytes> prove(const Srs& srs, const CompiledPlan& compiled, const Statement& statement, const ProverInput& input, Random& random,
                    const ProverOptions& options = {});

/// The same with masks from outside, for the tests. Nothing: a denominator was zero, begin anew with other masks.
std::optional<Bytes> prove_with(const Srs& srs, const CompiledPlan& compiled, const Statement& statement, const ProverInput& input, const Masks<Fr>& masks,
                                const ProverOptions& options = {});

}  // namespace peaberry::proof
