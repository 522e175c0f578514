// The specification's own suites (§7) against this prover and this verifier, over small primes: forgery rates against the bound, the span test with its
// ablations, the simulator, and the brute force of a 0/1 column.

#include <gtest/gtest.h>

#include <cmath>

#include <peaberry/proof/verify/verify.hpp>
#include <peaberry/proof/verify/verify_core.hpp>

#include "gallery.hpp"
#include "slow_scenario.hpp"
#include "toy.hpp"
#include "world.hpp"

namespace peaberry::proof {
namespace {

/// A random oracle that has been programmed: the challenges come from outside, whatever is absorbed.
template <class F>
class Programmed {
 public:
  explicit Programmed(std::vector<F> challenges) : challenges_(std::move(challenges)) {}
  F step(Tag, ByteView = {}) { return challenges_.at(next_++); }
  Hash32 state() const { return {}; }

 private:
  std::vector<F> challenges_;
  std::size_t next_ = 0;
};

template <class F>
std::vector<F> draw_challenges(const Plan& plan, Random& random) {
  std::vector<F> out;
  // θ α β λ δ, r, main rounds and t*, γ, δ', u, κ, ν, z
  const std::size_t count = 5 + plan.n + (plan.n + 1) + 1 + 1 + plan.l + 3;
  for (std::size_t i = 0; i < count; ++i) out.push_back(F::random(random));
  return out;
}

/// One attempt to have a false witness believed, with fresh challenges from the hash; nothing when a pole was met.
template <std::uint32_t P>
std::optional<bool> attempt(const Scenario<SmallPrime<P>>& scenario, Random& random, Lies lies, std::uint64_t salt) {
  using F = SmallPrime<P>;
  const ToyWorld<P> world{F(random.below(P - 1) + 1), F(random.below(P - 1) + 1)};
  Statement statement;
  statement.public_inputs = scalars_be(scenario.inputs);
  std::vector<F> blinders;
  for (const auto& values : scenario.registered) {
    blinders.push_back(F::random(random));
    append(statement.registered, world.write_point(world.commit(values, blinders.back())));
  }
  for (int i = 0; i < 8; ++i) statement.ctx.data[i] = static_cast<std::uint8_t>(salt >> (8 * i));
  const auto script = Transcript<F>(statement_bytes(statement, scenario.compiled.name));
  const auto proof = slow_proof(world, scenario, blinders, script, Masks<F>::draw(scenario.compiled.plan, random), lies);
  if (!proof) return std::nullopt;
  const auto opening = reduce_proof(world, scenario.compiled.plan, scenario.compiled.name, statement, *proof);
  return opening && world.opens(opening->terms, opening->witness);
}

/// The union bound of §7 over the challenges that this strategy meets, without the factor of a grinding adversary.
double bound(const Plan& plan, std::uint32_t p, std::size_t lookup_rows) {
  const double claims = static_cast<double>(plan.claims.size()), parts = static_cast<double>(std::size_t{1} << plan.l);
  return (static_cast<double>(lookup_rows) + plan.n * plan.degree + claims + 1 + (plan.n + 1) * plan.degree + static_cast<double>(plan.operands.size()) + 1 + 2 * plan.l + parts + plan.l) / p;
}

template <std::uint32_t P>
void measure(Lies lies, int tries, const char* what) {
  using F = SmallPrime<P>;
  SeededRandom random(31);
  double worst = 0;
  for (const auto& [name, make_scenario] : Gallery<F>::all()) {
    SCOPED_TRACE(name);
    int accepted = 0, made = 0;
    std::uint64_t salt = 0;
    const auto scenario = (Gallery<F>(ToyWorld<P>::modulus(), 12, true).*make_scenario)();
    while (made < tries) {
      const auto result = attempt<P>(scenario, random, lies, salt++);
      if (!result) continue;
      ++made;
      accepted += *result;
    }
    const double rate = static_cast<double>(accepted) / made, limit = bound(scenario.compiled.plan, P, 96);
    worst = std::max(worst, rate);
    EXPECT_LE(rate, limit + 4 * std::sqrt(limit / made)) << accepted << " of " << made;
  }
  std::printf("forgeries over p = %u, %s: %d each, best rate %.2f %%\n", P, what, tries, 100 * worst);
}

TEST(Soundness, ForgeryRatesOverSmallPrimesStayBelowTheBound) {
  measure<4093>({}, 300, "a false witness");
  measure<1009>({.rounds = true}, 300, "lies in every round");
  measure<4093>({.rounds = true}, 300, "lies in every round");
  measure<1009>({.fold = true}, 300, "a false fold");
}

/// The best per-round lie must succeed about as often as theory says – a measurement that could not fail would show nothing.
TEST(Soundness, TheBestLiesSucceedAsOftenAsTheoryAllows) {
  using F = SmallPrime<1009>;
  SeededRandom random(32);
  const auto scenario = Gallery<F>(ToyWorld<1009>::modulus(), 12, true).zero_check();
  const Plan& plan = scenario.compiled.plan;
  int accepted = 0;
  const int tries = 5000;
  for (int i = 0; i < tries; ++i) accepted += attempt<1009>(scenario, random, {.rounds = true}, static_cast<std::uint64_t>(i)).value_or(false);
  const double rate = static_cast<double>(accepted) / tries, rounds = ((plan.n + 1) * plan.degree + 2 * plan.l) / 1009.0;
  std::printf("best per-round lies over 1009: %.2f %% accepted, the rounds' bound is %.2f %%\n", 100 * rate, 100 * rounds);
  EXPECT_LE(rate, bound(plan, 1009, 0) + 4 * std::sqrt(rounds / tries));
  EXPECT_GE(rate, rounds / 3);
  accepted = 0;
  for (int i = 0; i < tries; ++i) accepted += attempt<1009>(scenario, random, {.fold = true}, static_cast<std::uint64_t>(i)).value_or(false);
  std::printf("a false fold over 1009: %.2f %% accepted\n", 100.0 * accepted / tries);
  EXPECT_GT(accepted, 0);
  EXPECT_LE(accepted, tries * ((1 << plan.l) / 1009.0 + 0.01));
}

// ---------------------------------------------------------------- zero knowledge

using Big = SmallPrime<2147483647>;  // so large that a rank that looks full is full

/// A proof as a vector: every word that a verifier is shown, with the registered commitments before.
std::vector<Big> words(const ToyWorld<2147483647>& world, const Scenario<Big>& scenario, const std::vector<Big>& blinders, const Bytes& proof) {
  std::vector<Big> out;
  for (std::size_t i = 0; i < blinders.size(); ++i) out.push_back(world.commit(scenario.registered[i], blinders[i]).exponent);
  for (std::size_t i = 0; i < proof.size(); i += 32) out.push_back(*Big::from_be(ByteView(proof).subspan(i, 32)));
  return out;
}

/// Whether `wanted` lies in the span of `columns` (Gaussian elimination).
bool in_span(std::vector<std::vector<Big>> columns, std::vector<Big> wanted) {
  for (std::size_t row = 0, used = 0; row < wanted.size(); ++row) {
    std::size_t pivot = used;
    while (pivot < columns.size() && columns[pivot][row].is_zero()) ++pivot;
    if (pivot == columns.size()) {
      if (!wanted[row].is_zero()) return false;
      continue;
    }
    std::swap(columns[used], columns[pivot]);
    const Big inverse = columns[used][row].inverse();
    const auto clear = [&](std::vector<Big>& vector) {
      const Big factor = vector[row] * inverse;
      if (factor.is_zero()) return;
      for (std::size_t k = row; k < vector.size(); ++k) vector[k] -= factor * columns[used][k];
    };
    for (std::size_t c = used + 1; c < columns.size(); ++c) clear(columns[c]);
    clear(wanted);
    ++used;
  }
  return true;
}

struct Ablation {
  const char* name;
  bool round = true, operand = true, sigma = true, omega = true, blinders = true, scattered = true;
};

/// Fix the challenges. The operand masks make v̂ uniform whatever the witness; given v̂, the rest of a proof is an affine function of the other masks (the
/// claims are not linear in v̂). Two witnesses are indistinguishable when, with the same v̂, the difference of their proofs lies in the masks' span.
bool hides(const Scenario<Big>& one, const Scenario<Big>& other, const Ablation& ablation, Random& random) {
  const Plan& plan = one.compiled.plan;
  const ToyWorld<2147483647> world{Big::random(random), Big::random(random)};
  const auto challenges = draw_challenges<Big>(plan, random);
  Masks<Big> zero = Masks<Big>::draw(plan, random);
  if (!ablation.scattered)  // as many, but in a row at the end
    for (std::size_t i = 1; i < zero.sigma_at.size(); ++i) zero.sigma_at[i] = (1u << plan.l) - static_cast<std::uint32_t>(zero.sigma_at.size() - i);
  std::vector<Big*> free;
  const auto take = [&](std::vector<Big>& list, bool used, std::size_t from = 0) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      list[i] = Big::zero();
      if (used && i >= from) free.push_back(&list[i]);
    }
  };
  std::vector<Big> blinders(one.registered.size());
  take(zero.operand, false);
  take(zero.round, ablation.round);
  take(zero.sigma, ablation.sigma, 1);
  take(zero.omega, ablation.omega);
  take(zero.witness_blinders, ablation.blinders);
  take(zero.helper_blinders, ablation.blinders);
  take(blinders, ablation.blinders);
  zero.sigma_blinder = zero.omega_blinder = Big::zero();
  if (ablation.blinders) free.push_back(&zero.sigma_blinder), free.push_back(&zero.omega_blinder);
  const auto view = [&](const Scenario<Big>& scenario) {
    zero.balance();
    return words(world, scenario, blinders, slow_proof(world, scenario, blinders, Programmed<Big>(challenges), zero).value());
  };
  const std::size_t values_at = blinders.size() + 2 * (plan.oracles_of(1) + plan.oracles_of(2)) + (plan.n + std::size_t{1}) * plan.degree;
  const auto difference = [&] {
    const auto target = view(one);
    if (ablation.operand) {  // v̂ = (1 − t)P + tR: the R of the other witness that shows the same
      const auto bare = view(other);
      const Big t = challenges[5 + 2 * plan.n];
      for (std::size_t k = 0; k < zero.operand.size(); ++k) zero.operand[k] = (target[values_at + k] - bare[values_at + k]) * t.inverse();
    }
    auto out = view(other);
    take(zero.operand, false);
    return out;
  }();
  const auto base = view(one);
  std::vector<std::vector<Big>> columns;
  for (Big* mask : free) {
    *mask = Big::one();
    auto column = view(one);
    for (std::size_t i = 0; i < column.size(); ++i) column[i] -= base[i];
    columns.push_back(std::move(column));
    *mask = Big::zero();
  }
  std::vector<Big> wanted(base.size());
  for (std::size_t i = 0; i < base.size(); ++i) wanted[i] = difference[i] - base[i];
  return in_span(std::move(columns), std::move(wanted));
}

TEST(ZeroKnowledge, TwoWitnessesDifferByMasksOnlyAndEveryMaskIsNeeded) {
  SeededRandom random(33);
  const Ablation ablations[] = {{.name = "no round masks", .round = false}, {.name = "no operand masks", .operand = false}, {.name = "no sigma", .sigma = false},
                                {.name = "one mask polynomial", .omega = false}, {.name = "no blinders", .blinders = false}, {.name = "masks in a row", .scattered = false}};
  int plans = 0, long_plans = 0, leaks[6] = {}, long_leaks[6] = {};
  for (const auto& [name, make_scenario] : Gallery<Big>::all()) {
    SCOPED_TRACE(name);
    const auto one = (Gallery<Big>(ToyWorld<2147483647>::modulus(), 1, false).*make_scenario)();
    auto other = (Gallery<Big>(ToyWorld<2147483647>::modulus(), 2, false).*make_scenario)();
    if (one.inputs != other.inputs) continue;  // another statement, not another witness
    const bool is_long = one.compiled.plan.l >= 6;
    ++plans;
    long_plans += is_long;
    EXPECT_TRUE(hides(one, other, {"all masks"}, random));
    for (int i = 0; i < 6; ++i) {
      const bool leak = !hides(one, other, ablations[i], random);
      leaks[i] += leak;
      long_leaks[i] += leak && is_long;
    }
  }
  std::printf("span test: %d plans hide with all masks\n", plans);
  for (int i = 0; i < 6; ++i) std::printf("  %s: %d of %d leak\n", ablations[i].name, leaks[i], plans);
  EXPECT_GE(plans, 9);
  // Rounds of linear claims over few rows are hidden by the other masks, and few positions in a row are nearly all positions: those two show where there is
  // something to show.
  for (const int i : {1, 2, 3, 4}) EXPECT_EQ(leaks[i], plans) << ablations[i].name;
  EXPECT_GE(leaks[0], plans - 3);
  EXPECT_EQ(long_leaks[5], long_plans);
}

/// The simulator of §7: no witness, no trapdoor, challenges first. It answers for any statement. Nothing for the exceptional challenges.
template <std::uint32_t P>
std::optional<Bytes> simulate(const ToyWorld<P>& world, const Plan& plan, const std::vector<SmallPrime<P>>& inputs, const std::vector<SmallPrime<P>>& challenges, const Statement& statement,
               Random& random) {
  using F = SmallPrime<P>;
  using Point = typename ToyWorld<P>::Point;
  Bytes proof;
  const auto point = [&](const F& exponent) { append(proof, world.write_point(Point{exponent})); };
  const auto scalar = [&](const F& value) { append(proof, value.be()); };
  const unsigned n = plan.n, D = plan.degree, l = plan.l;
  const std::size_t size = std::size_t{1} << l;
  std::size_t next = 0;
  Values<F> values;
  std::vector<F> constants, stack;
  for (const auto& constant : plan.constants) constants.push_back(*F::from_be(constant));
  values.constants = constants;
  values.inputs = inputs;
  for (F& challenge : values.challenges) challenge = challenges[next++];
  for (std::size_t i = 0; i < plan.oracles_of(1) + plan.oracles_of(2); ++i) point(F::random(random));
  const F lambda = challenges[next++];
  ++next;  // δ
  next += n;
  F claim = F::zero(), weight = F::one();
  for (const auto& one : plan.claims) {
    claim += weight * run(one.target, values, stack);
    weight *= lambda;
  }
  const auto rounds = [&](unsigned count, unsigned degree) {
    for (unsigned i = 0; i < count; ++i) {
      std::vector<F> c(degree + 1);
      F ends = F::zero();
      for (unsigned d = 0; d <= degree; ++d)
        if (d != 1) {
          c[d] = F::random(random);
          scalar(c[d]);
          ends += d == 0 ? c[d].doubled() : c[d];
        }
      c[1] = claim - ends;
      const F x = challenges[next++];
      claim = F::zero();
      for (unsigned d = degree + 1; d-- > 0;) claim = claim * x + c[d];
    }
  };
  rounds(n + 1, D);
  std::vector<F> operands, columns;
  for (std::size_t k = 0; k < plan.operands.size(); ++k) {
    operands.push_back(F::random(random));
    scalar(operands.back());
  }
  // What a verifier enters the reduction with: Σ γ^k v̂_k + γ^K G*.
  const std::span<const F> r = std::span(challenges).subspan(5, n), x = std::span(challenges).subspan(5 + n, n);
  const F t = challenges[5 + 2 * n], gamma = challenges[next++];
  for (const auto& column : plan.columns) columns.push_back(public_value<F>(column, x, inputs));
  values.operands = operands;
  values.columns = columns;
  F total = F::zero();
  weight = F::one();
  for (const auto& one : plan.claims) {
    for (const auto& term : one.terms) {
      F product = weight * run(term.code, values, stack) * F(2).inverse().pow(n - term.nt);
      for (unsigned i = 0; i < term.len; ++i) product *= eq(x[term.xs + i], r[term.rs + i]);
      total += product;
    }
    weight *= lambda;
  }
  claim -= (F::one() - t) * total;
  for (std::size_t k = operands.size(); k-- > 0;) claim = claim * gamma + operands[k];
  const std::size_t masks_at = proof.size();
  point(F::zero());  // C_σ: set at the end
  point(F::random(random));
  ++next;  // δ'
  const std::size_t u_at = next;
  rounds(l, 2);
  const std::span<const F> u = std::span(challenges).subspan(u_at, l);
  // g: uniform under g(u) = s
  std::vector<F> g(size);
  const auto weights = eq_table<F>(u);
  F sum = F::zero();
  for (std::size_t k = 0; k < size; ++k) {
    g[k] = F::random(random);
    sum += weights[k] * g[k];
  }
  std::size_t pivot = 0;
  while (weights[pivot].is_zero()) ++pivot;
  g[pivot] += (claim - sum) * weights[pivot].inverse();
  const Programmed<F> rest(std::vector<F>(challenges.begin() + static_cast<std::ptrdiff_t>(next), challenges.end()));
  const auto opened = SlowProver<ToyWorld<P>, Programmed<F>>(world, plan, rest).open(std::move(g), {u.begin(), u.end()}, F::random(random));
  if (!opened) return std::nullopt;
  append(proof, *opened);
  // C_σ is what makes the verifier's equation true; its coefficient does not depend on it.
  const auto with = [&](const F& exponent) {
    const Bytes bytes = world.write_point(Point{exponent});
    std::copy(bytes.begin(), bytes.end(), proof.begin() + static_cast<std::ptrdiff_t>(masks_at));
    const auto opening = reduce_proof(world, plan, Programmed<F>(challenges), statement, proof);
    F left = F::zero();
    for (const auto& [coefficient, p] : opening->terms) left += coefficient * p.exponent;
    return left - world.tau * opening->witness.exponent;
  };
  const F zero = with(F::zero()), slope = with(F::one()) - zero;
  with(-(zero * slope.inverse()));
  return proof;
}

template <class F>
F psi_at(const std::vector<F>& challenges, const Plan& plan) {
  F psi = F::one(), power = F::one();
  for (unsigned i = 0; i < plan.l; ++i) {
    psi += power * challenges[5 + 2 * plan.n + 1 + 2 + i];
    power = power.doubled();
  }
  return psi;
}

/// Simulated transcripts are accepted, and each of their words is distributed like the honest prover's.
TEST(ZeroKnowledge, TheSimulatorNeedsNoWitnessAndNobodyTellsItApart) {
  using F = SmallPrime<1009>;
  constexpr int kRuns = 10000, kBins = 16;
  SeededRandom random(34);
  const ToyWorld<1009> world{F(123), F(456)};
  int words_compared = 0;
  double worst = 0;
  for (const auto make_scenario : {&Gallery<F>::private_sum, &Gallery<F>::next_row, &Gallery<F>::contraction}) {
    const auto scenario = (Gallery<F>(ToyWorld<1009>::modulus(), 5, false).*make_scenario)();
    SCOPED_TRACE(scenario.name);
    const Plan& plan = scenario.compiled.plan;
    std::vector<std::array<std::array<int, kBins>, 2>> counts(plan.proof_size() / 32);
    int accepted[2] = {0, 0};
    for (int side = 0; side < 2; ++side)
      for (int done = 0; done < kRuns;) {
        const auto challenges = draw_challenges<F>(plan, random);
        // The exceptional challenges of §7, of probability 1/p each, are not what is compared here.
        bool usual = true;
        for (const F& challenge : challenges) usual = usual && !challenge.is_zero() && !(challenge == F::one());
        if (!usual) continue;
        std::vector<F> blinders;
        Statement statement;
        statement.public_inputs = scalars_be(scenario.inputs);
        for (const auto& values : scenario.registered) {
          blinders.push_back(F::random(random));
          append(statement.registered, world.write_point(world.commit(values, blinders.back())));
        }
        std::optional<Bytes> proof;
        if (side == 0) {
          proof = slow_proof(world, scenario, blinders, Programmed<F>(challenges), Masks<F>::draw(plan, random));
        } else {
          const F psi = psi_at(challenges, plan);
          if (psi.is_zero()) continue;
          proof = simulate(world, plan, scenario.inputs, challenges, statement, random);
        }
        if (!proof) continue;
        ++done;
        const auto opening = reduce_proof(world, plan, Programmed<F>(challenges), statement, *proof);
        accepted[side] += opening && world.opens(opening->terms, opening->witness);
        for (std::size_t i = 0; i < counts.size(); ++i) ++counts[i][side][F::from_be(ByteView(*proof).subspan(32 * i, 32))->value() % kBins];
      }
    EXPECT_EQ(accepted[0], kRuns);
    EXPECT_EQ(accepted[1], kRuns);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      double chi = 0;
      for (int b = 0; b < kBins; ++b) {
        const double a = counts[i][0][b], c = counts[i][1][b];
        if (a + c > 0) chi += (a - c) * (a - c) / (a + c);
      }
      // 15 degrees of freedom: 55 is a chance of about 2·10⁻⁶ for one word.
      EXPECT_LT(chi, 55) << "word " << i;
      worst = std::max(worst, chi);
      ++words_compared;
    }
  }
  std::printf("simulator: %d words of 3 plans compared over %d transcripts each, worst chi-square %.1f of 55\n", words_compared, kRuns, worst);
}

/// Without hiding, a commitment of eight 0/1 rows is found by trying all; with it, no candidate matches, nor does any with the value that was opened.
TEST(ZeroKnowledge, BruteForceOfASmallColumnFindsItOnlyWithoutHiding) {
  SeededRandom random(35);
  const Srs srs = Srs::development(3, random);
  std::vector<Fr> secret;
  for (int i = 0; i < 8; ++i) secret.push_back(Fr(random.below(2)));
  const G1Affine bare = commit(srs, secret, Fr::zero()), hidden = commit(srs, secret, Fr::random(random));
  int found_bare = 0, found_hidden = 0;
  for (int candidate = 0; candidate < 256; ++candidate) {
    std::vector<Fr> guess;
    for (int i = 0; i < 8; ++i) guess.push_back(Fr(candidate >> i & 1));
    const G1Affine point = commit(srs, guess, Fr::zero());
    found_bare += point == bare;
    found_hidden += point == hidden;
  }
  EXPECT_EQ(found_bare, 1);
  EXPECT_EQ(found_hidden, 0);
}

}  // namespace
}  // namespace peaberry::proof
