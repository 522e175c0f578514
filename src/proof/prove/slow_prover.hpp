#pragma once

#include <functional>

#include <peaberry/proof/plan/transcript.hpp>
#include <peaberry/proof/plan/weights.hpp>

#include "interpolate.hpp"
#include "masks.hpp"

namespace peaberry::proof {

/// What a prover knows. Vectors are as long as their oracles' declared lengths, in the order of the plan's oracles.
template <class F>
struct Witness {
  struct Registered {
    std::vector<F> values;
    F blinder;
  };
  std::vector<Registered> registered;
  /// The phase-1 oracles; the mask slices of wmask are left to the prover.
  std::function<std::vector<std::vector<F>>(const F& theta)> witness;
  /// The phase-2 oracles; nothing when a denominator is 0, and the proof begins anew.
  std::function<std::optional<std::vector<std::vector<F>>>(const F& theta, const F& alpha, const F& beta)> helpers;
};

/// How a prover may lie beyond a false witness: by the best strategies that are known, for measuring the soundness error over small primes.
struct Lies {
  bool rounds = false;  ///< in every round, add the error that vanishes at as many points as the degree allows
  bool fold = false;    ///< believe the error until the opening, then fold to the wanted value with a difference that has as many roots as it can
};

/// The prover of §3–§6, written for reading: every table in full, every weight by the verifier's own functions, no kernels. It is the slow twin
/// of the fast prover, the prover of the small worlds, and – given a false witness – the cheating prover of the tests.
/// `World`: F, Point, commit(values, blinder) → Point, write_point(Point) → 64 bytes.
template <class World, class Script = Transcript<typename World::F>>
class SlowProver {
 public:
  using F = typename World::F;

  SlowProver(const World& world, const Plan& plan, Script script, Lies lies = {}) : world_(world), plan_(plan), script_(std::move(script)), lies_(lies) {}

  /// Nothing: begin anew with fresh masks.
  std::optional<Bytes> prove(const Witness<F>& secret, const std::vector<F>& inputs, const Masks<F>& masks) {
    proof_.clear();
    inputs_ = inputs;
    for (const auto& constant : plan_.constants) constants_.push_back(F::from_be(constant).value());
    values_.constants = constants_;
    values_.inputs = inputs_;
    for (const auto& one : secret.registered) keep(one.values, one.blinder);

    values_.challenges[Plan::kTheta] = script_.step(Tag::kTheta);
    auto vectors = secret.witness(values_.challenges[Plan::kTheta]);
    PB_ASSERT(vectors.size() == plan_.oracles_of(1));
    auto& home = vectors[plan_.mask_oracle - plan_.oracles_of(0)];
    for (std::size_t k = 0; k < masks.operand.size(); ++k) home[plan_.mask_r + k] = masks.operand[k];
    for (std::size_t i = 0; i <= plan_.n; ++i)
      for (std::size_t d = 0; d < plan_.degree; ++d) home[plan_.mask_a + (i << plan_.mask_degree_log()) + d] = masks.round[i * plan_.degree + d];
    begin();
    for (std::size_t i = 0; i < vectors.size(); ++i) send(world_.commit(vectors[i], masks.witness_blinders[i]));
    values_.challenges[Plan::kAlpha] = script_.step(Tag::kWitness, message());
    values_.challenges[Plan::kBeta] = script_.step(Tag::kBeta);
    for (std::size_t i = 0; i < vectors.size(); ++i) keep(vectors[i], masks.witness_blinders[i]);
    auto helpers = secret.helpers ? secret.helpers(values_.challenges[0], values_.challenges[1], values_.challenges[2]) : std::vector<std::vector<F>>();
    if (!helpers) return std::nullopt;
    PB_ASSERT(helpers->size() == plan_.oracles_of(2));
    begin();
    for (std::size_t i = 0; i < helpers->size(); ++i) send(world_.commit((*helpers)[i], masks.helper_blinders[i]));
    lambda_ = script_.step(Tag::kHelpers, message());
    for (std::size_t i = 0; i < helpers->size(); ++i) keep((*helpers)[i], masks.helper_blinders[i]);
    delta_ = script_.step(Tag::kDelta);
    for (unsigned i = 0; i < plan_.n; ++i) r_.push_back(script_.step(Tag::kPoint));

    main_sumcheck(masks);
    reduction(masks);
    if (!opening()) return std::nullopt;
    return proof_;
  }

  /// The opening's messages alone (§6, from ρ* on): g(u) is shown to be what g's folds end at.
  std::optional<Bytes> open(std::vector<F> g, std::vector<F> u, const F& blinder) {
    g_ = std::move(g);
    u_ = std::move(u);
    blinder_ = blinder;
    if (!opening()) return std::nullopt;
    return proof_;
  }

 private:
  // ---- messages
  void begin() { mark_ = proof_.size(); }
  ByteView message() const { return ByteView(proof_).subspan(mark_); }
  void send(const F& value) { append(proof_, value.be()); }
  void send(const typename World::Point& point) { append(proof_, world_.write_point(point)); }
  void keep(const std::vector<F>& values, const F& blinder) {
    PB_ASSERT(values.size() == std::size_t{1} << plan_.oracles[oracles_.size()].n);
    oracles_.push_back(values);
    blinders_.push_back(blinder);
  }

  static F bit(std::uint64_t number, unsigned i) { return number >> i & 1 ? F::one() : F::zero(); }
  static std::vector<F> bits(std::uint64_t number, unsigned count) {
    std::vector<F> out;
    for (unsigned i = 0; i < count; ++i) out.push_back(bit(number, i));
    return out;
  }
  static void fold(std::vector<F>& table, const F& at) {
    for (std::size_t k = 0; 2 * k < table.size(); ++k) table[k] = table[2 * k] + at * (table[2 * k + 1] - table[2 * k]);
    table.resize(table.size() / 2);
  }
  /// A multilinear table over the remaining variables, with the current one at `at`; short tables are constant in it.
  static F at_round(const std::vector<F>& table, std::size_t rest, const F& at) {
    if (table.size() == 1) return table[0];
    const std::size_t k = 2 * rest % table.size();
    return table[k] + at * (table[k + 1] - table[k]);
  }

  // ---- main sumcheck (§4)
  std::vector<F> operand_table(const Plan::Operand& operand) const {
    std::vector<F> out(std::size_t{1} << operand.variables(), F::zero());
    for (std::size_t x = 0; x < out.size(); ++x)
      for (std::size_t y = 0; y < std::size_t{1} << operand.n; ++y) {
        const F& value = oracles_[operand.oracle][operand.off + y];
        if (value.is_zero()) continue;
        const auto xs = bits(x, plan_.n), ys = bits(y, operand.n);
        out[x] += value * operand_weight<F>(operand, xs, r_, ys);
      }
    return out;
  }

  void main_sumcheck(const Masks<F>& masks) {
    std::vector<std::vector<F>> operands, columns;
    for (const auto& operand : plan_.operands) operands.push_back(operand_table(operand));
    for (const auto& column : plan_.columns) {
      auto& table = columns.emplace_back();
      for (std::size_t x = 0; x < std::size_t{1} << column.n; ++x) table.push_back(public_value<F>(column, bits(x, column.n), inputs_));
    }
    std::vector<std::vector<F>> runs;  // a table of eq for each term
    for (const auto& claim : plan_.claims)
      for (const auto& term : claim.terms) {
        auto& table = runs.emplace_back(std::size_t{1} << (term.xs + term.len));
        for (std::size_t x = 0; x < table.size(); ++x) {
          table[x] = F::one();
          for (unsigned i = 0; i < term.len; ++i) table[x] *= eq(bit(x, term.xs + i), r_[term.rs + i]);
        }
      }

    const unsigned n = plan_.n, D = plan_.degree;
    const F half = F(2).inverse();
    F mask_so_far = F::zero();  // Σ_{j<i} Σ_d a_{j,d}(ρ_j^d − ½)
    std::vector<F> operand_now(operands.size()), column_now(columns.size()), stack;
    values_.operands = operand_now;
    values_.columns = column_now;
    const auto z_at = [&](unsigned round, const F& at) {  // Σ over the rest of Z
      F sum = F::zero(), weight = F::one();
      std::size_t run_index = 0;
      for (const auto& claim : plan_.claims) {
        for (const auto& term : claim.terms) {
          const auto& run_table = runs[run_index++];
          const std::size_t rests = term.nt > round ? std::size_t{1} << (term.nt - round - 1) : 1;
          F part = F::zero();
          for (std::size_t rest = 0; rest < rests; ++rest) {
            for (const auto& [op, index] : term.code) {
              if (op == Plan::Op::kOperand) operand_now[index] = at_round(operands[index], rest, at);
              if (op == Plan::Op::kColumn) column_now[index] = at_round(columns[index], rest, at);
            }
            part += at_round(run_table, rest, at) * run(term.code, values_, stack);
          }
          if (term.nt <= round) part *= half.pow(round + 1 - term.nt);  // 2^(nt−n) · 2^(n−round−1)
          sum += weight * part;
        }
        weight *= lambda_;
      }
      return sum;
    };
    const auto finish_round = [&](unsigned round, std::vector<F> values) {
      auto c = interpolate(std::move(values));
      const F scale = delta_ * F(2).pow(n - round);
      F constant = mask_so_far;
      for (unsigned d = 1; d <= D; ++d) {
        const F& a = masks.round[round * D + d - 1];
        c[d] += scale * a;
        constant -= half * a;
      }
      c[0] += scale * constant;
      const F claimed = round == 0 ? target_sum() : claim_;
      const auto lie = error(claimed - sum_of_ends(c), D);
      for (unsigned d = 0; d <= D; ++d) c[d] += lie[d];
      begin();
      send(c[0]);
      for (unsigned d = 2; d <= D; ++d) send(c[d]);
      const F challenge = script_.step(Tag::kRound, message());
      claim_ = next_claim(claimed, c, challenge);
      F power = F::one();
      for (unsigned d = 1; d <= D; ++d) {
        power *= challenge;
        mask_so_far += masks.round[round * D + d - 1] * (power - half);
      }
      z_.push_back(challenge);
      return challenge;
    };
    for (unsigned round = 0; round < n; ++round) {
      std::vector<F> values;
      for (unsigned d = 0; d <= D; ++d) values.push_back(z_at(round, F(d)));
      const F challenge = finish_round(round, std::move(values));
      for (auto* tables : {&operands, &columns, &runs})
        for (auto& table : *tables)
          if (table.size() > 1) fold(table, challenge);
    }
    // The dummy variable t, last: (1 − t)·Z(ρ; (1−t)P + tR).
    std::vector<F> values;
    std::vector<std::vector<F>> bound = operands;
    for (unsigned d = 0; d <= D; ++d) {
      for (std::size_t k = 0; k < operands.size(); ++k) operands[k] = {(F::one() - F(d)) * bound[k][0] + F(d) * masks.operand[k]};
      // All variables are bound: z_at takes 2^(nt−n−1) off a term at round n; the sum over t is not halved.
      values.push_back((F::one() - F(d)) * z_at(n, F::zero()).doubled());
    }
    const F t = finish_round(n, std::move(values));
    begin();
    std::vector<F> sent;
    for (std::size_t k = 0; k < operands.size(); ++k) {
      sent.push_back((F::one() - t) * bound[k][0] + t * masks.operand[k]);
      send(sent.back());
      operands[k] = {sent.back()};
    }
    gamma_ = script_.step(Tag::kValues, message());
    const F mask_sum = claim_ - (F::one() - t) * z_at(n, F::zero()).doubled();
    F power = F::one();
    believed_ = F::zero();
    for (const F& value : sent) {
      believed_ += power * value;
      power *= gamma_;
    }
    believed_ += power * mask_sum;
  }

  // ---- lies
  F target_sum() {
    F sum = F::zero(), weight = F::one();
    std::vector<F> stack;
    for (const auto& claim : plan_.claims) {
      sum += weight * run(claim.target, values_, stack);
      weight *= lambda_;
    }
    return sum;
  }
  static F sum_of_ends(const std::vector<F>& c) {
    F sum = c[0];
    for (const F& one : c) sum += one;
    return sum;
  }
  /// The claim that a verifier goes on with: it makes c_1 from what it was told.
  static F next_claim(const F& claim, std::vector<F> c, const F& challenge) {
    c[1] += claim - sum_of_ends(c);
    return evaluate(c, challenge);
  }
  /// A polynomial e of degree D with e(0) + e(1) = missing and D roots in the field; zeros for an honest prover or when nothing is missing.
  std::vector<F> error(const F& missing, unsigned degree) const {
    std::vector<F> e = {F::one()};
    for (unsigned root = 2; e.size() <= degree; ++root) {
      e.push_back(F::zero());
      for (std::size_t k = e.size(); k-- > 0;) e[k] = (k > 0 ? e[k - 1] : F::zero()) - F(root) * e[k];
    }
    const F ends = sum_of_ends(e);
    if (!lies_.rounds || missing.is_zero() || ends.is_zero()) return std::vector<F>(degree + 1, F::zero());
    const F scale = missing * ends.inverse();
    for (F& one : e) one *= scale;
    return e;
  }

  // ---- reduction sumcheck (§5)
  void reduction(const Masks<F>& masks) {
    const unsigned l = plan_.l, n = plan_.n, D = plan_.degree;
    const std::size_t size = std::size_t{1} << l;
    const std::span<const F> x = std::span(z_).first(n);
    const F t = z_[n], half = F(2).inverse();
    sigma_.assign(size, F::zero());
    omega_.assign(size, F::zero());
    const auto& places = masks.sigma_at;
    const auto others = omega_positions(l);
    for (std::size_t i = 0; i < places.size(); ++i) sigma_[places[i]] = masks.sigma[i];
    for (std::size_t i = 0; i < others.size(); ++i) omega_[others[i]] = masks.omega[i];
    sigma_blinder_ = masks.sigma_blinder;
    omega_blinder_ = masks.omega_blinder;
    begin();
    send(world_.commit(sigma_, sigma_blinder_));
    send(world_.commit(omega_, omega_blinder_));
    delta2_ = script_.step(Tag::kMasks, message());

    std::vector<std::vector<F>> weights(oracles_.size(), std::vector<F>(size, F::zero())), values = oracles_;
    for (auto& vector : values) vector.resize(size, F::zero());
    F power = F::one();
    auto& mask_weight = weights[plan_.mask_oracle];
    for (std::size_t k = 0; k < plan_.operands.size(); ++k) {
      const auto& operand = plan_.operands[k];
      for (std::size_t y = 0; y < std::size_t{1} << operand.n; ++y)
        weights[operand.oracle][operand.off + y] += power * (F::one() - t) * operand_weight<F>(operand, x, r_, bits(y, operand.n));
      mask_weight[plan_.mask_r + k] += power * t;
      power *= gamma_;
    }
    for (unsigned i = 0; i <= n; ++i)
      for (unsigned d = 1; d <= D; ++d)
        mask_weight[plan_.mask_a + (std::size_t{i} << plan_.mask_degree_log()) + d - 1] += power * delta_ * (z_[i].pow(d) - half);

    std::vector<F> psi, ones(size, F::one()), sigma = sigma_, omega = omega_;
    for (std::size_t y = 0; y < size; ++y) psi.push_back(F(y + 1));
    for (F& value : sigma) value *= delta2_;
    for (F& value : omega) value *= delta2_;
    values.push_back(sigma);
    weights.push_back(psi);
    values.push_back(omega);
    weights.push_back(ones);
    // What the verifier believes: Σ γ^k v̂_k + γ^K G*.
    claim_ = believed_;
    for (unsigned i = 0; i < l; ++i) {
      F c0 = F::zero(), c2 = F::zero(), ends = F::zero();
      for (std::size_t o = 0; o < values.size(); ++o)
        for (std::size_t k = 0; k < values[o].size(); k += 2) {
          c0 += values[o][k] * weights[o][k];
          c2 += (values[o][k + 1] - values[o][k]) * (weights[o][k + 1] - weights[o][k]);
          ends += values[o][k] * weights[o][k] + values[o][k + 1] * weights[o][k + 1];
        }
      const auto lie = error(claim_ - ends, 2);
      std::vector<F> c = {c0 + lie[0], ends - c0.doubled() - c2 + lie[1], c2 + lie[2]};
      begin();
      send(c[0]);
      send(c[2]);
      const F challenge = script_.step(Tag::kReduction, message());
      claim_ = next_claim(claim_, c, challenge);
      u_.push_back(challenge);
      for (std::size_t o = 0; o < values.size(); ++o) {
        fold(values[o], challenge);
        fold(weights[o], challenge);
      }
    }
    // g = Σ Φ_o(u) f_o + δ'(Ψ(u)σ + ω), and its blinder
    g_.assign(size, F::zero());
    blinder_ = F::zero();
    for (std::size_t o = 0; o < oracles_.size(); ++o) {
      const F& phi = weights[o][0];
      for (std::size_t k = 0; k < oracles_[o].size(); ++k) g_[k] += phi * oracles_[o][k];
      blinder_ += phi * blinders_[o];
    }
    const F& psi_u = weights[oracles_.size()][0];
    for (std::size_t k = 0; k < size; ++k) g_[k] += delta2_ * (psi_u * sigma_[k] + omega_[k]);
    blinder_ += delta2_ * (psi_u * sigma_blinder_ + omega_blinder_);
  }

  // ---- opening (§6)
  static F evaluate(const std::vector<F>& polynomial, const F& at) {
    F sum = F::zero();
    for (std::size_t k = polynomial.size(); k-- > 0;) sum = sum * at + polynomial[k];
    return sum;
  }

  /// d with as many roots as its length allows, scaled so that the folds end at what the verifier believes.
  void add_false_difference(std::vector<F>& g, std::span<const F> rest) const {
    std::vector<F> d = {F::one()};
    for (unsigned root = 2; d.size() < g.size(); ++root) {
      d.push_back(F::zero());
      for (std::size_t k = d.size(); k-- > 0;) d[k] = (k > 0 ? d[k - 1] : F::zero()) - F(root) * d[k];
    }
    const auto folded = [&](const std::vector<F>& values) {
      const auto weights = eq_table<F>(rest);
      F sum = F::zero();
      for (std::size_t k = 0; k < values.size(); ++k) sum += weights[k] * values[k];
      return sum;
    };
    const F whole = folded(d), missing = claim_ - folded(g);
    if (whole.is_zero()) return;
    for (std::size_t k = 0; k < g.size(); ++k) g[k] += missing * whole.inverse() * d[k];
  }

  bool opening() {
    const auto arities = plan_.arities();
    const std::size_t levels = arities.size();
    std::vector<std::vector<F>> g = {g_};
    for (std::size_t i = 0, coordinate = 0; i < levels; ++i) {
      const unsigned a = arities[i], width = a == 4 ? 2 : 1;
      const auto mu = eq_table<F>(std::span<const F>(u_).subspan(coordinate, width));
      coordinate += width;
      std::vector<F> next(g[i].size() / a, F::zero());
      for (std::size_t k = 0; k < g[i].size(); ++k) next[k / a] += mu[k % a] * g[i][k];
      if (lies_.fold && i == 0) add_false_difference(next, std::span<const F>(u_).subspan(coordinate));
      g.push_back(std::move(next));
    }
    begin();
    send(blinder_);
    for (std::size_t i = 1; i < levels; ++i) send(world_.commit(g[i], F::zero()));
    std::vector<F> kappas = {script_.step(Tag::kFolds, message())};
    for (const unsigned a : arities) kappas.push_back(kappas.back().pow(a));

    std::vector<std::vector<F>> h;
    begin();
    for (std::size_t i = 0; i < levels; ++i) {
      const unsigned a = arities[i];
      auto& parts = h.emplace_back();
      for (unsigned j = 0; j < a; ++j) {
        std::vector<F> part;
        for (std::size_t k = j; k < g[i].size(); k += a) part.push_back(g[i][k]);
        parts.push_back(evaluate(part, kappas[i + 1]));
        if (i == 0 || j > 0) send(parts.back());
      }
    }
    const F nu = script_.step(Tag::kParts, message());

    std::vector<F> quotient(g_.size(), F::zero());
    F power = F::one();
    for (std::size_t i = 0; i < levels; ++i) {  // (g_i − R_i)/(X^a − κ_{i+1}): from the top, q_k = c_{k+a} + κ q_{k+a}
      const unsigned a = arities[i];
      std::vector<F> q(g[i].size(), F::zero());
      for (std::size_t k = g[i].size() - a; k-- > 0;) q[k] = g[i][k + a] + kappas[i + 1] * q[k + a];
      for (std::size_t k = 0; k < q.size(); ++k) quotient[k] += power * q[k];
      power *= nu;
    }
    begin();
    send(world_.commit(quotient, F::zero()));
    const F zeta = script_.step(Tag::kQuotient, message());

    std::vector<F> rest = quotient;  // l(X)
    power = F::one();
    for (std::size_t i = 0; i < levels; ++i) {
      const F denominator = zeta.pow(arities[i]) - kappas[i + 1];
      if (denominator.is_zero()) return false;
      const F e = power * denominator.inverse();
      for (std::size_t k = 0; k < g[i].size(); ++k) rest[k] -= e * g[i][k];
      rest[0] += e * evaluate(h[i], zeta);
      power *= nu;
    }
    std::vector<F> witness(rest.size(), F::zero());  // l(X)/(X − z)
    for (std::size_t k = rest.size() - 1; k-- > 0;) witness[k] = rest[k + 1] + zeta * witness[k + 1];
    send(world_.commit(witness, F::zero()));
    return true;
  }

  const World& world_;
  const Plan& plan_;
  Script script_;
  Lies lies_;
  F claim_, believed_;  // what a verifier believes at this moment, and what it enters the reduction with
  Bytes proof_;
  std::size_t mark_ = 0;
  std::vector<F> constants_, inputs_;
  Values<F> values_;
  std::vector<std::vector<F>> oracles_;
  std::vector<F> blinders_, r_, z_, u_, sigma_, omega_, g_;
  F lambda_, delta_, gamma_, delta2_, sigma_blinder_, omega_blinder_, blinder_;
};

}  // namespace peaberry::proof
