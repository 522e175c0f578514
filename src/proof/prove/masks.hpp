#pragma once

#include <peaberry/base/random.hpp>
#include <peaberry/crypto/secret.hpp>
#include <peaberry/proof/plan/plan.hpp>

namespace peaberry::proof {

/// Where σ and ω are not zero (§5): σ at 0 and at (2a+1)·2^s < 2^ℓ, a < 4, so that every level of every fold keeps its share; ω at the eight
/// multiples of 2^(ℓ−3), for the last rounds.
inline std::vector<std::uint32_t> sigma_positions(unsigned l) {
  std::vector<std::uint32_t> out = {0};
  for (unsigned s = 0; s < l; ++s)
    for (std::uint64_t a = 0; a < 4; ++a)
      if ((2 * a + 1) << s < std::uint64_t{1} << l) out.push_back(static_cast<std::uint32_t>((2 * a + 1) << s));
  return out;
}
inline std::vector<std::uint32_t> omega_positions(unsigned l) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t k = 0; k < 8; ++k) out.push_back(k << (l - 3));
  return out;
}

/// Everything that is random in one proof. Fresh for each proof, from the system's generator, wiped by its owner; a retried proof draws anew.
template <class F>
struct Masks {
  std::vector<F> operand;       ///< R_k
  std::vector<F> round;         ///< a_{i,d} at i·D + d − 1
  std::vector<F> witness_blinders, helper_blinders;
  std::vector<std::uint32_t> sigma_at;  ///< sigma_positions(ℓ); the tests take worse ones
  std::vector<F> sigma, omega;          ///< at their positions; σ_0 makes the weighted sum zero
  F sigma_blinder, omega_blinder;

  static Masks draw(const Plan& plan, Random& random) {
    Masks out;
    const auto fill = [&](std::vector<F>& to, std::size_t count) {
      to.reserve(count);  // growing would leave copies behind
      for (std::size_t i = 0; i < count; ++i) to.push_back(F::random(random));
    };
    fill(out.operand, plan.operands.size());
    fill(out.round, (plan.n + std::size_t{1}) * plan.degree);
    fill(out.witness_blinders, plan.oracles_of(1));
    fill(out.helper_blinders, plan.oracles_of(2));
    out.sigma_at = sigma_positions(plan.l);
    fill(out.sigma, out.sigma_at.size());
    fill(out.omega, 8);
    out.sigma_blinder = F::random(random);
    out.omega_blinder = F::random(random);
    out.balance();
    return out;
  }
  void wipe() {
    for (auto* list : {&operand, &round, &witness_blinders, &helper_blinders, &sigma, &omega})
      crypto::wipe({reinterpret_cast<std::uint8_t*>(list->data()), list->size() * sizeof(F)});
    for (F* one : {&sigma_blinder, &omega_blinder}) crypto::wipe({reinterpret_cast<std::uint8_t*>(one), sizeof(F)});
  }
  /// σ_0 := −(Σ_{k≠0} (1+k)σ_k + Σ ω_k).
  void balance() {
    F sum = F::zero();
    for (std::size_t i = 1; i < sigma_at.size(); ++i) sum += F(std::uint64_t{sigma_at[i]} + 1) * sigma[i];
    for (const F& value : omega) sum += value;
    sigma[0] = -sum;
  }
};

}  // namespace peaberry::proof
