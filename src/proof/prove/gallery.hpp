#pragma once

// One scenario for each claim type, with an honest and a false witness of the same plan: what the prover's tests, the vectors and the gas
// snapshot are made of. The false witnesses are consistent in everything that follows from the lie (sums, multiplicities, helpers): the
// honest prover is given them as they are.

#include <functional>
#include <string>

#include <peaberry/proof/claims/fill.hpp>

namespace peaberry::proof {

template <class F>
struct Scenario {
  std::string name;
  CompiledPlan compiled;
  std::vector<std::vector<F>> registered;
  std::function<std::vector<std::vector<F>>(const F& theta)> witness;
  std::vector<F> inputs;
};

template <class F>
class Gallery {
 public:
  Gallery(std::array<std::uint8_t, 32> modulus, std::uint64_t seed, bool lie) : modulus_(modulus), random_(seed), lie_(lie) {}

  using Vector = std::vector<F>;
  using Make = Scenario<F> (Gallery::*)();
  static const std::vector<std::pair<const char*, Make>>& all() {
    static const std::vector<std::pair<const char*, Make>> list = {
        {"zero_check", &Gallery::zero_check},       {"sum_claim", &Gallery::sum_claim},     {"private_sum", &Gallery::private_sum},
        {"lookup", &Gallery::lookup},               {"permutation", &Gallery::permutation}, {"group_by", &Gallery::group_by},
        {"public_eval", &Gallery::public_eval},     {"contraction", &Gallery::contraction}, {"heads", &Gallery::heads},
        {"convolution", &Gallery::convolution},     {"next_row", &Gallery::next_row},       {"requantise", &Gallery::requantise},
        {"fingerprint", &Gallery::fingerprint},     {"admission", &Gallery::admission},     {"mixed_sizes", &Gallery::mixed_sizes},
        {"long_columns", &Gallery::long_columns}};
    return list;
  }

  /// c = a·b on every row. The lie: one product.
  Scenario<F> zero_check() {
    PlanBuilder b(modulus_);
    const auto w = b.oracle(1);
    const Column x = b.column(w, 3), y = b.column(w, 3), z = b.column(w, 3);
    b.zero(b.view(x) * b.view(y) - b.view(z), 3);
    auto out = start("zero_check", b);
    Vector& v = home(out, w);
    for (int i = 0; i < 8; ++i) {
      put(v, x, i, small(50));
      put(v, y, i, small(50));
      put(v, z, i, get(v, x, i) * get(v, y, i));
    }
    if (lie_) put(v, z, 5, get(v, z, 5) + F(1));
    return done(out);
  }

  /// Σ a·b = S, S public. The lie: S.
  Scenario<F> sum_claim() {
    PlanBuilder b(modulus_);
    const auto w = b.oracle(1);
    const Column x = b.column(w, 4), y = b.column(w, 4);
    const unsigned s = b.add_input();
    b.sum(b.view(x) * b.view(y), 4, b.input(s));
    auto out = start("sum_claim", b);
    Vector& v = home(out, w);
    F sum = F::zero();
    for (int i = 0; i < 16; ++i) {
      put(v, x, i, small(20));
      put(v, y, i, small(2));
      sum += get(v, x, i) * get(v, y, i);
    }
    out.inputs = {lie_ ? sum + F(1) : sum};
    return done(out);
  }

  /// Σ over the rows below a public count of a registered column is a committed cell. The lie: the cell.
  Scenario<F> private_sum() {
    PlanBuilder b(modulus_);
    const auto t = b.registered(4);
    const Column x = b.column_at(t, 0, 4);
    const auto w = b.oracle(1);
    const Column cell = b.column(w, 0);
    const unsigned rows = b.add_input();
    b.sum_is_cell(b.view(x) * b.prefix_input(4, rows), 4, cell);
    auto out = start("private_sum", b);
    Vector table(16);
    F sum = F::zero();
    for (int i = 0; i < 16; ++i) {
      table[i] = small(30);
      if (i < 11) sum += table[i];
    }
    out.registered = {table};
    out.inputs = {F(11)};
    put(home(out, w), cell, 0, lie_ ? sum + F(3) : sum);
    return done(out);
  }

  /// Three columns below 8, by one helper, with multiplicities. The lie: one value is 8, counted nowhere that is true.
  Scenario<F> lookup() {
    PlanBuilder b(modulus_);
    const auto w = b.oracle(1), h = b.oracle(2);
    const Column c[3] = {b.column(w, 3), b.column(w, 3), b.column(w, 3)}, m = b.column(w, 3);
    std::vector<PlanBuilder::Fraction> left;
    for (const Column& one : c) left.push_back({b.constant(1), b.view(one), 3});
    b.fractions({h}, left, {{b.view(m), b.row(3), 3}});
    auto out = start("lookup", b);
    Vector& v = home(out, w);
    for (const Column& one : c)
      for (int i = 0; i < 8; ++i) {
        const std::uint64_t value = lie_ && one.off == c[1].off && i == 2 ? 8 : random_.below(8);
        put(v, one, i, F(value));
        put(v, m, value % 8, get(v, m, value % 8) + F(1));
      }
    return done(out);
  }

  /// b is a permutation of a. The lie: two values changed, the sum kept.
  Scenario<F> permutation() {
    PlanBuilder b(modulus_);
    const auto w = b.oracle(1), h = b.oracle(2);
    const Column x = b.column(w, 4), y = b.column(w, 4);
    b.fractions({h}, {{b.constant(1), b.view(x), 4}}, {{b.constant(1), b.view(y), 4}}, 1);
    auto out = start("permutation", b);
    Vector& v = home(out, w);
    for (int i = 0; i < 16; ++i) put(v, x, i, small(40));
    for (int i = 0; i < 16; ++i) put(v, y, i, get(v, x, (5 * i + 3) & 15));
    if (lie_) {
      put(v, y, 4, get(v, y, 4) + F(1));
      put(v, y, 9, get(v, y, 9) - F(1));
    }
    return done(out);
  }

  /// Sums of values for each key: distinct ascending keys by NEXT and a range, sums under their keys. The lie: value moves to another key.
  Scenario<F> group_by() {
    PlanBuilder b(modulus_);
    const auto t = b.registered(5);
    const Column key = b.column_at(t, 0, 4), val = b.column_at(t, 16, 4);
    const auto w = b.oracle(1), h = b.oracle(2);
    const Column keys = b.column(w, 2), sums = b.column(w, 2), gap = b.column(w, 2), m = b.column(w, 3);
    const unsigned count = b.add_input();
    const Expr live = b.prefix_input(2, count);
    b.fractions({h}, {{b.view(val), b.view(key), 4}}, {{b.view(sums) * live, b.view(keys), 2}}, 2);
    // Below the last live row: next key − key − 1 = gap, gap < 8.
    const Expr inner = live - b.at(2, 2);  // three keys: rows 0 and 1 have a next one
    b.zero(inner * (b.next(keys) - b.view(keys) - b.constant(1) - b.view(gap)), 2);
    b.fractions({h}, {{b.constant(1), b.view(gap), 2}}, {{b.view(m), b.row(3), 3}}, 2);
    auto out = start("group_by", b);
    const std::uint64_t names[3] = {2, 5, 11};
    Vector table(32);
    F totals[3] = {F::zero(), F::zero(), F::zero()};
    for (int i = 0; i < 16; ++i) {
      const int which = static_cast<int>(random_.below(3));
      table[i] = F(names[which]);
      table[16 + i] = small(9);
      totals[which] += table[16 + i];
    }
    out.registered = {table};
    if (lie_) {
      totals[0] += F(1);
      totals[1] -= F(1);
    }
    Vector& v = home(out, w);
    for (int i = 0; i < 3; ++i) {
      put(v, keys, i, F(names[i]));
      put(v, sums, i, totals[i]);
    }
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t value = i < 2 ? names[i + 1] - names[i] - 1 : 0;
      put(v, gap, i, F(value));
      put(v, m, value, get(v, m, value) + F(1));
    }
    out.inputs = {F(3)};
    return done(out);
  }

  /// A column is the public vector. The lie: one entry.
  Scenario<F> public_eval() {
    PlanBuilder b(modulus_);
    const auto w = b.oracle(1);
    const Column x = b.column(w, 3);
    const unsigned first = b.add_input();
    for (int i = 1; i < 5; ++i) b.add_input();
    b.equals_public(x, first, 5);
    auto out = start("public_eval", b);
    for (int i = 0; i < 5; ++i) {
      const F value = small(100);
      out.inputs.push_back(value);
      put(home(out, w), x, i, lie_ && i == 3 ? value + F(1) : value);
    }
    return done(out);
  }

  /// acc(i,j) = Σ_k A(i,k)·B(k,j), 4×2·2×4. The lie: one accumulator.
  Scenario<F> contraction() {
    PlanBuilder b(modulus_);
    const auto w = b.oracle(1);
    // acc: bits j j i i; A: k i i; B: j j k
    const Column acc = b.column(w, 4), left = b.column(w, 3), right = b.column(w, 3);
    const auto r = [](int i) { return static_cast<std::uint8_t>(Plan::kFromR + i); };
    b.contraction(b.view(acc), 4, b.view(left, {0, r(2), r(3)}) * b.view(right, {r(0), r(1), 0}), 1);
    auto out = start("contraction", b);
    Vector& v = home(out, w);
    for (int i = 0; i < 8; ++i) {
      put(v, left, i, small(10));
      put(v, right, i, small(10));
    }
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) {
        F sum = F::zero();
        for (int k = 0; k < 2; ++k) sum += get(v, left, k + 2 * i) * get(v, right, j + 4 * k);
        put(v, acc, j + 4 * i, sum);
      }
    if (lie_) put(v, acc, 6, get(v, acc, 6) + F(1));
    return done(out);
  }

  /// A matrix product for each of two heads: the head is a summed variable under an eq-run. The lie: one accumulator.
  Scenario<F> heads() {
    PlanBuilder b(modulus_);
    const auto w = b.oracle(1);
    // acc: j i h; A: k i h; B: j k h
    const Column acc = b.column(w, 3), left = b.column(w, 3), right = b.column(w, 3);
    const auto r = [](int i) { return static_cast<std::uint8_t>(Plan::kFromR + i); };
    b.contraction_shared(b.view(acc), 3, b.view(left, {0, r(1), 1}) * b.view(right, {r(0), 0, 1}), 1, 1, 2);
    auto out = start("heads", b);
    Vector& v = home(out, w);
    for (int i = 0; i < 8; ++i) {
      put(v, left, i, small(12));
      put(v, right, i, small(12));
    }
    for (int h = 0; h < 2; ++h)
      for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 2; ++j) {
          F sum = F::zero();
          for (int k = 0; k < 2; ++k) sum += get(v, left, k + 2 * i + 4 * h) * get(v, right, j + 2 * k + 4 * h);
          put(v, acc, j + 2 * i + 4 * h, sum);
        }
    if (lie_) put(v, acc, 7, get(v, acc, 7) + F(1));
    return done(out);
  }

  /// A row of 8 under a kernel of 3, stride 1, pad 1. The lie: one output.
  Scenario<F> convolution() {
    PlanBuilder b(modulus_);
    const auto t = b.registered(2);
    const Column kernel = b.column_at(t, 0, 2);
    const auto w = b.oracle(1);
    const Column in = b.column(w, 3), result = b.column(w, 3);
    // Summed: the kernel's two bits x_0, x_1; the output's place is r_0…r_2.
    const Plan::Axis window{Plan::AxisKind::kWindow, 3, {3, Plan::kFromR, 2, 0, 8, 3, 1, 1}};
    b.contraction(b.view(result), 3, b.view_axes(in, {window}) * b.view(kernel), 2);
    auto out = start("convolution", b);
    out.registered = {{small(9), small(9), small(9), F::zero()}};
    Vector& v = home(out, w);
    for (int i = 0; i < 8; ++i) put(v, in, i, small(16));
    for (int y = 0; y < 8; ++y) {
      F sum = F::zero();
      for (int k = 0; k < 3; ++k)
        if (const int at = y + k - 1; at >= 0 && at < 8) sum += get(v, in, at) * out.registered[0][k];
      put(v, result, y, sum);
    }
    if (lie_) put(v, result, 3, get(v, result, 3) - F(1));
    return done(out);
  }

  /// The next row is this one plus a step, except at the last. The lie: the last row.
  Scenario<F> next_row() {
    PlanBuilder b(modulus_);
    const auto w = b.oracle(1);
    const Column x = b.column(w, 4), step = b.column(w, 4);
    b.zero((b.constant(1) - b.at(4, 15)) * (b.next(x) - b.view(x) - b.view(step)), 4);
    auto out = start("next_row", b);
    Vector& v = home(out, w);
    put(v, x, 0, small(5));
    for (int i = 0; i < 15; ++i) {
      put(v, step, i, small(7));
      put(v, x, i + 1, get(v, x, i) + get(v, step, i));
    }
    if (lie_) put(v, x, 15, get(v, x, 15) + F(1));
    return done(out);
  }

  /// A dense layer with one multiplier for each output: Minv(c)·(4q + rem − 2) = Σ W·x, accumulators uncommitted. The lie: one output.
  Scenario<F> requantise() {
    PlanBuilder b(modulus_);
    const auto t = b.registered(5);
    const Column weights = b.column_at(t, 0, 4), minv = b.column_at(t, 16, 2);
    const auto w = b.oracle(1), h = b.oracle(2);
    const Column x = b.column(w, 2), q = b.column(w, 2), rem = b.column(w, 2), m = b.column(w, 2);
    const auto r = [](int i) { return static_cast<std::uint8_t>(Plan::kFromR + i); };
    const Expr acc = b.view(minv) * (b.constant(4) * b.view(q) + b.view(rem) - b.constant(2));
    b.contraction(acc, 2, b.view(weights, {0, 1, r(0), r(1)}) * b.view(x), 2);
    b.fractions({h}, {{b.constant(1), b.view(rem), 2}}, {{b.view(m), b.row(2), 2}}, 1);
    auto out = start("requantise", b);
    const std::uint64_t multipliers[4] = {1, 2, 3, 1};
    Vector table(32);
    std::uint64_t w_values[16], x_values[4];
    for (int i = 0; i < 16; ++i) table[i] = F(w_values[i] = random_.below(6));
    for (int c = 0; c < 4; ++c) table[16 + c] = F(multipliers[c]).inverse();
    out.registered = {table};
    Vector& v = home(out, w);
    for (int k = 0; k < 4; ++k) put(v, x, k, F(x_values[k] = random_.below(5)));
    for (int c = 0; c < 4; ++c) {
      std::uint64_t sum = 0;
      for (int k = 0; k < 4; ++k) sum += w_values[k + 4 * c] * x_values[k];
      const std::uint64_t scaled = multipliers[c] * sum + 2;
      put(v, q, c, F(scaled / 4));
      put(v, rem, c, F(scaled % 4));
    }
    if (lie_) put(v, q, 2, get(v, q, 2) + F(1));
    for (int c = 0; c < 4; ++c) {
      const auto value = get(v, rem, c).number()[0];
      put(v, m, value, get(v, m, value) + F(1));
    }
    return done(out);
  }

  /// A witness column is θ-folded from two registered ones, and equals a permutation's other side. The lie: one fingerprint.
  Scenario<F> fingerprint() {
    PlanBuilder b(modulus_);
    const auto t = b.registered(4);
    const Column x = b.column_at(t, 0, 3), y = b.column_at(t, 8, 3);
    const auto w = b.oracle(1);
    const Column f = b.column(w, 3);
    b.zero(b.view(f) - (b.view(x) + b.challenge(Plan::kTheta) * b.view(y)), 3);
    auto out = start("fingerprint", b);
    Vector table(16);
    for (F& value : table) value = small(60);
    out.registered = {table};
    const bool lie = lie_;
    const auto blank = vectors_;
    const auto place = index(out, w);
    out.witness = [=](const F& theta) {
      auto all = blank;
      for (int i = 0; i < 8; ++i) all[place][f.off + i] = table[i] + theta * table[8 + i];
      if (lie) all[place][f.off + 6] += F(1);
      return all;
    };
    return out;
  }

  /// A registered column is 0 outside [2, 9) over all 2^ℓ rows, and each row inside is below 8. The lie: a row hidden at 12.
  Scenario<F> admission() {
    PlanBuilder b(modulus_);
    const auto t = b.registered(5);
    const Column x = b.column_at(t, 0, 5);
    const auto w = b.oracle(1), h = b.oracle(2);
    const Column m = b.column(w, 3);
    const unsigned from = b.add_input(), to = b.add_input();
    b.zero(b.view(x) * (b.constant(1) - b.prefix_input(5, to) + b.prefix_input(5, from)), 5);
    b.fractions({h}, {{b.constant(1), b.view(x), 5}}, {{b.view(m), b.row(3), 3}}, 1);
    auto out = start("admission", b);
    out.inputs = {F(2), F(9)};
    Vector table(32);
    for (int i = 2; i < 9; ++i) table[i] = small(8);
    if (lie_) table[12] = F(1);
    out.registered = {table};
    Vector& v = home(out, w);
    for (const F& value : table) put(v, m, value.number()[0], get(v, m, value.number()[0]) + F(1));
    return done(out);
  }

  /// Claims over 2, 8 and 32 rows in one sumcheck, with a comparison of row bits; ℓ is odd. The lie: in the shortest.
  Scenario<F> mixed_sizes() {
    PlanBuilder b(modulus_);
    const auto w = b.oracle(1);
    const Column a = b.column(w, 5), c = b.column(w, 3), d = b.column(w, 1), cell = b.column(w, 0);
    b.zero(b.view(a) * (b.view(a) - b.constant(1)), 5);
    b.zero(b.view(c) * b.view(d, {2}) - b.constant(2) * b.view(c), 3);
    b.zero(b.view(d) - b.constant(2), 1);
    b.sum_is_cell(b.view(a) * b.less(5, 0, 2, 2), 5, cell);
    auto out = start("mixed_sizes", b);
    Vector& v = home(out, w);
    F sum = F::zero();
    for (int i = 0; i < 32; ++i) {
      const F value = small(2);
      put(v, a, i, value);
      if ((i & 3) < (i >> 2 & 3)) sum += value;
    }
    put(v, cell, 0, sum);
    for (int i = 0; i < 8; ++i) put(v, c, i, lie_ && i >= 4 ? F::zero() : small(90));
    put(v, d, 0, F(2));
    put(v, d, 1, lie_ ? F(3) : F(2));
    return done(out);
  }

  /// Columns of 32 rows in four parts each, and a registered matrix in four: x grows by steps below 4 across the parts' ends, it is multiplied by the matrix, and its sum
  /// over the first 27 rows is public. The lie: the first row of a part, whose step from the last row of the one before is wrong then.
  Scenario<F> long_columns() {
    PlanBuilder b(modulus_);
    b.limit(3);
    const LongColumn matrix = b.registered_long(5);  // bits j j k k k: cut by k's upper two
    const LongColumn x = b.place_long(1, 5), step = b.place_long(1, 5);
    const Column m = b.place(1, 2), v = b.place(1, 3), acc = b.place(1, 2);
    const unsigned total = b.add_input();
    b.zero_long(5, [&](const PlanBuilder::Part& p) { return (b.constant(1) - p.at(31)) * (p.next(x) - p.view(x) - p.view(step)); });
    b.fractions(b.fraction_long(5, [&](const auto&) { return b.constant(1); }, [&](const auto& p) { return p.view(step); }), {{b.view(m), b.row(2), 2}});
    b.sum_long(5, [&](const auto& p) { return p.view(x) * p.prefix(27) + p.row() * p.at(9); }, b.input(total));
    std::vector<Expr> products;
    for (unsigned i = 0; i < 4; ++i) {
      const auto bit = [&](unsigned k) { return i >> k & 1 ? Plan::kOne : Plan::kZero; };
      products.push_back(b.view(matrix.parts[i], {Plan::kFromR, Plan::kFromR + 1, 0}) * b.view(v, {0, bit(0), bit(1)}));
    }
    b.contraction(b.view(acc), 2, products, 1);
    auto out = start("long_columns", b);
    for (int i = 0; i < 4; ++i) {
      out.registered.emplace_back();
      for (int r = 0; r < 8; ++r) out.registered.back().push_back(small(9));
    }
    const auto at = [&](const LongColumn& column, std::uint64_t row) -> F& { return home(out, column.part_of(row).oracle)[column.place_of(row)]; };
    at(x, 0) = small(5);
    for (int i = 0; i < 31; ++i) {
      at(step, i) = small(4);
      at(x, i + 1) = at(x, i) + at(step, i);
    }
    if (lie_) at(x, 16) += F(1);
    F sum = F(9);
    for (int i = 0; i < 32; ++i) {
      const auto value = at(step, i).number()[0];
      put(home(out, m.oracle), m, value, get(home(out, m.oracle), m, value) + F(1));
      if (i < 27) sum += at(x, i);
    }
    out.inputs = {sum};
    for (int k = 0; k < 8; ++k) put(home(out, v.oracle), v, k, small(7));
    for (int j = 0; j < 4; ++j) {
      F dot = F::zero();
      for (int k = 0; k < 8; ++k) dot += out.registered[k / 2][j + 4 * (k % 2)] * get(home(out, v.oracle), v, k);
      put(home(out, acc.oracle), acc, j, dot);
    }
    return done(out);
  }

 private:
  F small(std::uint64_t bound) { return F(random_.below(bound)); }
  static F get(const Vector& v, const Column& c, std::uint64_t i) { return v[c.off + i]; }
  static void put(Vector& v, const Column& c, std::uint64_t i, const F& value) { v[c.off + i] = value; }

  Scenario<F> start(std::string name, PlanBuilder& builder) {
    auto compiled = builder.finish();
    PB_ASSERT(compiled);
    Scenario<F> out{std::move(name), std::move(*compiled), {}, {}, {}};
    vectors_.clear();
    for (const auto& oracle : out.compiled.plan.oracles)
      if (oracle.phase == 1) vectors_.emplace_back(std::size_t{1} << oracle.n, F::zero());
    return out;
  }
  /// The builder's oracles of these scenarios are opened in the order of their phases.
  static std::size_t index(const Scenario<F>& scenario, std::uint8_t oracle) { return oracle - scenario.compiled.plan.oracles_of(0); }
  Vector& home(const Scenario<F>& scenario, std::uint8_t oracle) { return vectors_[index(scenario, oracle)]; }
  Scenario<F> done(Scenario<F>& scenario) {
    scenario.witness = [vectors = vectors_](const F&) { return vectors; };
    return std::move(scenario);
  }

  std::array<std::uint8_t, 32> modulus_;
  SeededRandom random_;
  bool lie_;
  std::vector<Vector> vectors_;
};

}  // namespace peaberry::proof
