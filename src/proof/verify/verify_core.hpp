#pragma once

#include <peaberry/proof/plan/transcript.hpp>
#include <peaberry/proof/plan/weights.hpp>

namespace peaberry::proof {

/// A world is where the protocol plays: a scalar field `F` and a commitment group. BN254 is the real one; the tests also play over small
/// primes, where the soundness error can be measured. A world offers
///   Point, read_point(64 bytes) → optional<Point>   canonical, in the group, not neutral
///   generator(), hiding()                           the bases of evaluations and of blinders
///   opens(terms, W)                                 whether e(Σ c·P, [1]_2) = e(W, [τ]_2)

/// One combination that a proof's pairing checks: e(Σ terms, [1]_2) = e(W, [τ]_2).
template <class W>
struct Opening {
  std::vector<std::pair<typename W::F, typename W::Point>> terms;
  typename W::Point witness;
  Hash32 state;  ///< the transcript's last
};

/// The verifier of §3–6, up to the pairing. Nothing: refused. The plan has passed check_plan. Memory is bounded by plan and proof.
/// `Script` is the transcript; the tests fix its challenges.
template <class W, class Script>
std::optional<Opening<W>> reduce_proof(const W& world, const Plan& plan, Script transcript, const Statement& statement, ByteView proof) {
  using F = typename W::F;
  using Point = typename W::Point;
  const unsigned n = plan.n, D = plan.degree, l = plan.l;
  const std::size_t K = plan.operands.size();

  if (proof.size() != plan.proof_size()) return std::nullopt;
  if (statement.registered.size() != 64 * plan.oracles_of(0)) return std::nullopt;
  if (statement.public_inputs.size() != std::size_t{32} * plan.public_inputs) return std::nullopt;

  // Everything is read in order, and everything that is read is checked: scalars < p, points in the group.
  bool good = true;
  const auto take = [&](std::size_t size) {
    const ByteView out = proof.first(size);
    proof = proof.subspan(size);
    return out;
  };
  const auto scalars = [&](ByteView bytes) {
    std::vector<F> out;
    for (std::size_t i = 0; i < bytes.size(); i += 32) {
      const auto value = F::from_be(bytes.subspan(i, 32));
      if (!value) good = false;
      out.push_back(value.value_or(F::zero()));
    }
    return out;
  };
  const auto points = [&](ByteView bytes) {
    std::vector<Point> out;
    for (std::size_t i = 0; i < bytes.size(); i += 64) {
      const auto value = world.read_point(bytes.subspan(i, 64));
      if (!value) good = false;
      out.push_back(value.value_or(world.generator()));
    }
    return out;
  };

  const auto inputs = scalars(statement.public_inputs);
  auto commitments = points(statement.registered);
  if (!good) return std::nullopt;

  Values<F> values;
  std::vector<F> constants;
  for (const auto& constant : plan.constants) constants.push_back(F::from_be(constant).value_or(F::zero()));
  values.constants = constants;
  values.inputs = inputs;
  values.challenges[Plan::kTheta] = transcript.step(Tag::kTheta);
  ByteView raw = take(64 * plan.oracles_of(1));
  for (const Point& point : points(raw)) commitments.push_back(point);
  values.challenges[Plan::kAlpha] = transcript.step(Tag::kWitness, raw);
  values.challenges[Plan::kBeta] = transcript.step(Tag::kBeta);
  raw = take(64 * plan.oracles_of(2));
  for (const Point& point : points(raw)) commitments.push_back(point);
  const F lambda = transcript.step(Tag::kHelpers, raw), delta = transcript.step(Tag::kDelta);
  std::vector<F> r;
  for (unsigned i = 0; i < n; ++i) r.push_back(transcript.step(Tag::kPoint));

  // ---- main sumcheck (§4)
  std::vector<F> stack;
  F current = F::zero(), weight = F::one();
  for (const auto& claim : plan.claims) {
    current += weight * run(claim.target, values, stack);
    weight *= lambda;
  }
  std::vector<F> z;
  for (unsigned i = 0; i <= n; ++i) {
    raw = take(std::size_t{32} * D);
    const auto c = scalars(raw);  // c_0, c_2 … c_D
    F linear = current - c[0].doubled();
    for (unsigned d = 1; d < D; ++d) linear -= c[d];
    const F challenge = transcript.step(Tag::kRound, raw);
    F sum = F::zero();
    for (unsigned d = D; d-- > 1;) sum = (sum + c[d]) * challenge;
    current = (sum + linear) * challenge + c[0];
    z.push_back(challenge);
  }
  const std::span<const F> x = std::span(z).first(n);
  const F t = z[n];
  raw = take(32 * K);
  const auto operand_values = scalars(raw);
  const F gamma = transcript.step(Tag::kValues, raw);

  std::vector<F> column_values;
  for (const auto& column : plan.columns) column_values.push_back(public_value<F>(column, x, inputs));
  values.operands = operand_values;
  values.columns = column_values;
  const F half = F(2).inverse();
  std::vector<F> halves = {F::one()};
  while (halves.size() <= n) halves.push_back(halves.back() * half);
  F total = F::zero();
  weight = F::one();
  for (const auto& claim : plan.claims) {
    F sum = F::zero();
    for (const auto& term : claim.terms) {
      F product = halves[n - term.nt] * run(term.code, values, stack);
      for (unsigned i = 0; i < term.len; ++i) product *= eq(x[term.xs + i], r[term.rs + i]);
      sum += product;
    }
    total += weight * sum;
    weight *= lambda;
  }
  const F mask_sum = current - (F::one() - t) * total;  // G*

  // ---- reduction sumcheck (§5)
  raw = take(128);
  const auto masks = points(raw);
  const F delta2 = transcript.step(Tag::kMasks, raw);
  current = F::zero();
  std::vector<F> gammas = {F::one()};
  for (const F& value : operand_values) {
    current += gammas.back() * value;
    gammas.push_back(gammas.back() * gamma);
  }
  current += gammas[K] * mask_sum;
  std::vector<F> u;
  for (unsigned i = 0; i < l; ++i) {
    raw = take(64);
    const auto c = scalars(raw);
    const F linear = current - c[0].doubled() - c[1];
    const F challenge = transcript.step(Tag::kReduction, raw);
    current = (c[1] * challenge + linear) * challenge + c[0];
    u.push_back(challenge);
  }
  std::vector<F> phi(plan.oracles.size(), F::zero());
  for (std::size_t k = 0; k < K; ++k) {
    const auto& operand = plan.operands[k];
    phi[operand.oracle] += gammas[k] * (F::one() - t) * prefix_eq<F>(operand.off, operand.n, u) *
                           operand_weight<F>(operand, x, r, std::span<const F>(u).first(operand.n));
  }
  {
    const std::span<const F> at(u);
    const unsigned r_log = plan.mask_r_log(), a_log = plan.mask_round_log(), d_log = plan.mask_degree_log();
    const auto places = eq_table<F>(at.first(r_log));
    F sum = F::zero();
    for (std::size_t k = 0; k < K; ++k) sum += gammas[k] * places[k];
    phi[plan.mask_oracle] += t * prefix_eq<F>(plan.mask_r, r_log, at) * sum;
    const auto degrees = eq_table<F>(at.first(d_log)), rounds = eq_table<F>(at.subspan(d_log, a_log));
    sum = F::zero();
    for (unsigned i = 0; i <= n; ++i) {
      F power = F::one(), inner = F::zero();
      for (unsigned d = 1; d <= D; ++d) {
        power *= z[i];
        inner += (power - half) * degrees[d - 1];
      }
      sum += inner * rounds[i];
    }
    phi[plan.mask_oracle] += gammas[K] * delta * prefix_eq<F>(plan.mask_a, a_log + d_log, at) * sum;
  }
  F psi = F::one(), power = F::one();
  for (const F& bit : u) {
    psi += power * bit;
    power = power.doubled();
  }

  // ---- opening (§6)
  const auto arities = plan.arities();
  const std::size_t levels = arities.size();
  raw = take(32 + 64 * (levels - 1));
  const F blinder = scalars(raw.first(32))[0];
  const auto folds = points(raw.subspan(32));
  F kappa = transcript.step(Tag::kFolds, raw);
  std::size_t parts = 1;
  for (const unsigned a : arities) parts += a - 1;
  raw = take(32 * parts);
  const auto sent = scalars(raw);
  const F nu = transcript.step(Tag::kParts, raw);
  raw = take(64);
  const Point quotient = points(raw)[0];
  const F zeta = transcript.step(Tag::kQuotient, raw);
  const Point witness = points(take(64))[0];
  if (!good) return std::nullopt;

  std::vector<F> e, remainders;
  F fold = F::zero(), nu_power = F::one();
  std::size_t next = 0, coordinate = 0;
  for (std::size_t i = 0; i < levels; ++i) {
    const unsigned a = arities[i];
    std::vector<F> h(a);
    for (unsigned j = i == 0 ? 0 : 1; j < a; ++j) h[j] = sent[next++];
    const auto at = [&](const F& point) {
      F sum = F::zero();
      for (unsigned j = a; j-- > 0;) sum = sum * point + h[j];
      return sum;
    };
    if (i > 0) h[0] = fold - at(kappa);  // the link: g_i(κ_i) is what the level before folds to
    const unsigned bits = a == 4 ? 2 : 1;
    const auto mu = eq_table<F>(std::span<const F>(u).subspan(coordinate, bits));
    coordinate += bits;
    fold = F::zero();
    for (unsigned j = 0; j < a; ++j) fold += mu[j] * h[j];
    kappa = kappa.pow(a);
    e.push_back(zeta.pow(a) - kappa);
    if (e.back().is_zero()) return std::nullopt;
    remainders.push_back(nu_power * at(zeta));
    nu_power *= nu;
  }
  if (!(fold == current)) return std::nullopt;
  batch_inverse<F>(e);
  F constant = F::zero();
  nu_power = F::one();
  for (std::size_t i = 0; i < levels; ++i) {
    constant += e[i] * remainders[i];
    e[i] *= nu_power;
    nu_power *= nu;
  }

  Opening<W> out{{}, witness, transcript.state()};
  out.terms.reserve(commitments.size() + levels + 6);
  for (std::size_t o = 0; o < commitments.size(); ++o) out.terms.emplace_back(-(e[0] * phi[o]), commitments[o]);
  out.terms.emplace_back(-(e[0] * delta2 * psi), masks[0]);
  out.terms.emplace_back(-(e[0] * delta2), masks[1]);
  out.terms.emplace_back(e[0] * blinder, world.hiding());
  for (std::size_t i = 1; i < levels; ++i) out.terms.emplace_back(-e[i], folds[i - 1]);
  out.terms.emplace_back(constant, world.generator());
  out.terms.emplace_back(F::one(), quotient);
  out.terms.emplace_back(zeta, witness);
  return out;
}

template <class W>
std::optional<Opening<W>> reduce_proof(const W& world, const Plan& plan, const Hash32& plan_name, const Statement& statement, ByteView proof) {
  return reduce_proof(world, plan, Transcript<typename W::F>(statement_bytes(statement, plan_name)), statement, proof);
}

}  // namespace peaberry::proof
