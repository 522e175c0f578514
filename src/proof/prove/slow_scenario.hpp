#pragma once

// Source: none; tests.

#include "gallery.hpp"
#include "slow_prover.hpp"

namespace peaberry::proof {

template <class F>
Bytes scalars_be(const std::vector<F>& values) {
  Bytes out;
  for (const F& value : values) append(out, value.be());
  return out;
}

/// A proof of a scenario by the slow prover; nothing when a denominator was 0.
template <class World, class Script>
std::optional<Bytes> slow_proof(const World& world, const Scenario<typename World::F>& scenario, const std::vector<typename World::F>& blinders, Script script,
                                const Masks<typename World::F>& masks, Lies lies = {}) {
  using F = typename World::F;
  Witness<F> secret;
  std::vector<std::vector<F>> oracles = scenario.registered;
  for (std::size_t i = 0; i < scenario.registered.size(); ++i) secret.registered.push_back({scenario.registered[i], blinders[i]});
  secret.witness = [&](const F& theta) {
    auto vectors = scenario.witness(theta);
    oracles.insert(oracles.end(), vectors.begin(), vectors.end());
    return vectors;
  };
  secret.helpers = [&](const F& theta, const F& alpha, const F& beta) { return fill_helpers<F>(scenario.compiled, oracles, scenario.inputs, {theta, alpha, beta}); };
  return SlowProver<World, Script>(world, scenario.compiled.plan, std::move(script), lies).prove(secret, scenario.inputs, masks);
}

}  // namespace peaberry::proof
