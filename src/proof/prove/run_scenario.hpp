#pragma once

// Source: none; tests.

#include "gallery.hpp"
#include "prover.hpp"

namespace peaberry::proof {

/// A proof of a scenario by the fast prover, with everything that its verifier needs.
struct ScenarioProof {
  Statement statement;
  Bytes proof;
};

/// A scenario's witness as the fast prover wants it.
inline std::function<std::vector<Table>(const Fr&)> witness_tables(const Scenario<Fr>& scenario) {
  return [&scenario](const Fr& theta) {
    std::vector<Table> tables;
    for (const auto& values : scenario.witness(theta)) tables.emplace_back(values.begin(), values.end());
    return tables;
  };
}

inline Result<ScenarioProof> run_scenario(const Srs& srs, const Scenario<Fr>& scenario, Random& random, const Hash32& srs_id) {
  ScenarioProof out;
  out.statement.srs_id = srs_id;
  for (const Fr& input : scenario.inputs) append(out.statement.public_inputs, input.be());
  ProverInput input;
  std::vector<Table> tables;
  tables.reserve(scenario.registered.size());
  for (const auto& values : scenario.registered) {
    tables.emplace_back(values.begin(), values.end());
    const Fr blinder = Fr::random(random);
    input.registered.push_back({&tables.back(), blinder});
    append(out.statement.registered, commit(srs, values, blinder).be());
  }
  input.witness = witness_tables(scenario);
  input.inputs = scenario.inputs;
  PB_TRY(proof, prove(srs, scenario.compiled, out.statement, input, random));
  out.proof = std::move(proof);
  return out;
}

}  // namespace peaberry::proof
