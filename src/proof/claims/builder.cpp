// Source: docs/reference/proof-protocol.md, §2, §10; Haböck 2022 (ePrint 2022/1530) for fractions.

#include "builder.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <optional>

namespace peaberry::proof {
namespace {

Expr join(Expr a, const Expr& b, Plan::Op op) {
  a.code.insert(a.code.end(), b.code.begin(), b.code.end());
  a.code.push_back({op});
  return a;
}

Plan::Term term(unsigned nt, unsigned xs, unsigned rs, unsigned len, Plan::Code code) {
  return {static_cast<std::uint8_t>(nt), static_cast<std::uint8_t>(xs), static_cast<std::uint8_t>(rs), static_cast<std::uint8_t>(len), std::move(code)};
}

}  // namespace

Expr operator+(Expr a, const Expr& b) { return join(std::move(a), b, Plan::Op::kAdd); }
Expr operator-(Expr a, const Expr& b) { return join(std::move(a), b, Plan::Op::kSub); }
Expr operator*(Expr a, const Expr& b) { return join(std::move(a), b, Plan::Op::kMul); }

std::uint8_t PlanBuilder::oracle(unsigned phase) {
  PB_ASSERT(phase <= 2 && spaces_.size() < 255);
  spaces_.push_back({phase});
  return static_cast<std::uint8_t>(spaces_.size() - 1);
}

std::uint8_t PlanBuilder::registered(unsigned n) {
  const auto out = oracle(0);
  spaces_[out].n = n;
  spaces_[out].fixed = spaces_[out].used = true;
  return out;
}

/// A buddy allocator: blocks are halved until they fit, and an oracle that is full doubles.
std::uint32_t PlanBuilder::allocate(Space& space, unsigned log) {
  PB_ASSERT(!space.fixed && log <= 28);
  if (!space.used) {
    space.used = true;
    space.n = log;
    return 0;
  }
  auto block = space.free.lower_bound(log);
  while (block == space.free.end()) {
    space.free.emplace(space.n, std::uint32_t{1} << space.n);
    ++space.n;
    block = space.free.lower_bound(log);
  }
  unsigned size = block->first;
  const std::uint32_t off = block->second;
  space.free.erase(block);
  while (size > log) {
    --size;
    space.free.emplace(size, off + (std::uint32_t{1} << size));
  }
  return off;
}

Column PlanBuilder::column(std::uint8_t oracle, unsigned n) {
  return {oracle, allocate(spaces_.at(oracle), n), static_cast<std::uint8_t>(n)};
}

Column PlanBuilder::column_at(std::uint8_t oracle, std::uint32_t off, unsigned n) {
  PB_ASSERT(spaces_.at(oracle).fixed);
  return {oracle, off, static_cast<std::uint8_t>(n)};
}

Expr PlanBuilder::constant(std::uint64_t value) {
  Word word{};
  for (int i = 0; i < 8; ++i) word[31 - i] = static_cast<std::uint8_t>(value >> (8 * i));
  return constant(word);
}

Expr PlanBuilder::constant(const Word& value) {
  auto& all = plan_.constants;
  const auto found = std::find(all.begin(), all.end(), value);
  const auto index = found - all.begin();
  if (found == all.end()) all.push_back(value);
  return leaf(Plan::Op::kConst, static_cast<unsigned>(index));
}

Expr PlanBuilder::input(unsigned index) {
  PB_ASSERT(index < inputs_);
  return leaf(Plan::Op::kPublic, index);
}

Expr PlanBuilder::view(const Column& column) {
  std::vector<std::uint8_t> sources(column.n);
  std::iota(sources.begin(), sources.end(), std::uint8_t{0});
  return view(column, sources);
}

Expr PlanBuilder::view(const Column& column, const std::vector<std::uint8_t>& sources) {
  std::vector<Plan::Axis> axes;
  if (!sources.empty()) axes.push_back({Plan::AxisKind::kCoord, static_cast<std::uint8_t>(sources.size()), sources});
  return view_axes(column, axes);
}

Expr PlanBuilder::view_axes(const Column& column, const std::vector<Plan::Axis>& axes) {
  const Plan::Operand operand{column.oracle, column.off, column.n, axes};
  auto& all = plan_.operands;
  const auto found = std::find(all.begin(), all.end(), operand);
  const auto index = found - all.begin();
  if (found == all.end()) all.push_back(operand);
  return leaf(Plan::Op::kOperand, static_cast<unsigned>(index));
}

Expr PlanBuilder::next(const Column& column) { return view_axes(column, {{Plan::AxisKind::kNext, column.n, {0}}}); }

Expr PlanBuilder::public_column(Plan::PublicColumn column) {
  auto& all = plan_.columns;
  const auto found = std::find(all.begin(), all.end(), column);
  const auto index = found - all.begin();
  if (found == all.end()) all.push_back(column);
  return leaf(Plan::Op::kColumn, static_cast<unsigned>(index));
}

void PlanBuilder::add(Plan::Claim claim) {
  for (const auto& one : claim.terms) plan_.n = std::max({plan_.n, one.nt, static_cast<std::uint8_t>(one.rs + one.len)});
  plan_.claims.push_back(std::move(claim));
}

void PlanBuilder::zero(const Expr& expr, unsigned n) { add({constant(0).code, {term(n, 0, 0, n, expr.code)}}); }

void PlanBuilder::sum(const Expr& expr, unsigned n, const Expr& target) {
  add({target.code, {term(n, 0, 0, 0, expr.code)}});
}

void PlanBuilder::sum_is_cell(const Expr& expr, unsigned n, const Column& cell) {
  PB_ASSERT(cell.n == 0);
  const Expr minus = constant(0) - view(cell);
  add({constant(0).code, {term(n, 0, 0, 0, expr.code), term(0, 0, 0, 0, minus.code)}});
}

void PlanBuilder::equals_public(const Column& column, unsigned first_input, unsigned count) {
  zero(view(column) - public_vector(column.n, first_input, count), column.n);
}

void PlanBuilder::contraction(const Expr& acc, unsigned n, const Expr& product, unsigned k) { contraction(acc, n, std::vector<Expr>{product}, k); }

void PlanBuilder::contraction_shared(const Expr& acc, unsigned n, const Expr& product, unsigned k, unsigned shared, unsigned rs) {
  const Expr minus = constant(0) - product;
  add({constant(0).code, {term(n, 0, 0, n, acc.code), term(k + shared, k, rs, shared, minus.code)}});
}

Column PlanBuilder::place(unsigned phase, unsigned n) {
  PB_ASSERT(phase == 1 || phase == 2);
  unsigned longest = n;
  for (const Space& space : spaces_) longest = std::max(longest, space.n);
  const unsigned most = aim_ == Aim::kFast ? longest : std::max(limit_, n);
  for (const std::uint8_t one : placed_) {
    if (spaces_[one].phase != phase) continue;
    Space trial = spaces_[one];
    allocate(trial, n);
    if (trial.n <= most) return column(one, n);
  }
  placed_.push_back(oracle(phase));
  return column(placed_.back(), n);
}

void PlanBuilder::contraction(const Expr& acc, unsigned n, const std::vector<Expr>& products, unsigned k) {
  Plan::Claim claim{constant(0).code, {term(n, 0, 0, n, acc.code)}};
  for (const Expr& product : products) claim.terms.push_back(term(k, k, 0, 0, (constant(0) - product).code));
  add(std::move(claim));
}

void PlanBuilder::fractions(const std::vector<Fraction>& left, const std::vector<Fraction>& right) {
  unsigned group = 3;
  if (aim_ == Aim::kLean) {
    // Gas, fitted to two plans that differ in this only: a helper is a point, an operand and a claim; a degree is a coefficient in each of n + 1 rounds.
    constexpr unsigned kHelper = 12'200, kCoefficient = 610;
    unsigned n = plan_.n, degree = 2;
    for (const auto& claim : plan_.claims)
      for (const auto& one : claim.terms) degree = std::max(degree, Plan::degree_in(one.code) + 1);
    for (const auto& item : left) n = std::max(n, item.n);
    std::size_t best = ~std::size_t{0};
    for (unsigned size = 1; size <= 4; ++size) {
      const std::size_t gas = (left.size() + size - 1) / size * kHelper + std::size_t{std::max(degree, size + 2)} * (n + 1) * kCoefficient;
      if (gas < best) best = gas, group = size;
    }
  }
  fractions_in([this](unsigned n) { return place(2, n); }, left, right, group);
}

void PlanBuilder::fractions(const std::vector<std::uint8_t>& oracles, const std::vector<Fraction>& left, const std::vector<Fraction>& right, unsigned group) {
  PB_ASSERT(!oracles.empty());
  std::size_t made = 0;
  const auto home = [&](unsigned n) {
    const std::uint8_t oracle = oracles[std::min(made++, oracles.size() - 1)];
    PB_ASSERT(spaces_.at(oracle).phase == 2);
    return column(oracle, n);
  };
  fractions_in(home, left, right, group);
}

void PlanBuilder::fractions_in(const std::function<Column(unsigned n)>& home, const std::vector<Fraction>& left, const std::vector<Fraction>& right, unsigned group) {
  PB_ASSERT(group >= 1 && group <= 6);
  const Expr alpha = challenge(Plan::kAlpha);
  Plan::Claim total{constant(0).code, {}};
  for (const bool is_left : {true, false}) {
    std::vector<Fraction> items = is_left ? left : right;
    std::stable_sort(items.begin(), items.end(), [](const Fraction& a, const Fraction& b) { return a.n < b.n; });
    for (std::size_t from = 0; from < items.size();) {
      std::size_t to = from;
      while (to < items.size() && to - from < group && items[to].n == items[from].n) ++to;
      const unsigned n = items[from].n;
      const Column helper = home(n);
      HelperRecipe recipe{helper, {}};
      // h·Π(α − f_i) − Σ_i num_i·Π_{j≠i}(α − f_j) = 0 on every row
      Expr whole = view(helper), parts;
      for (std::size_t i = from; i < to; ++i) {
        recipe.items.push_back({items[i].num.code, items[i].key.code});
        whole = whole * (alpha - items[i].key);
        // A numerator of 1, the usual one, is not multiplied: every instruction is gas.
        std::optional<Expr> part;
        if (items[i].num.code != constant(1).code || to - from == 1) part = items[i].num;
        for (std::size_t j = from; j < to; ++j)
          if (j != i) part = part ? *part * (alpha - items[j].key) : alpha - items[j].key;
        parts = i == from ? *part : parts + *part;
      }
      zero(whole - parts, n);
      total.terms.push_back(term(n, 0, 0, 0, is_left ? view(helper).code : (constant(0) - view(helper)).code));
      helpers_.push_back(std::move(recipe));
      from = to;
    }
  }
  add(std::move(total));
}

Expr PlanBuilder::fold_key(const std::vector<Expr>& columns) {
  // Horner from the last: ((c_2·β) + c_1)·β + c_0
  Expr out = columns.back();
  for (std::size_t i = columns.size() - 1; i-- > 0;) out = out * challenge(Plan::kBeta) + columns[i];
  return out;
}

/// Operands with equal axes become neighbours: verifiers evaluate a weight once for each run of them.
void PlanBuilder::sort_operands() {
  std::vector<std::size_t> first;  // the first operand with the same axes
  for (const auto& operand : plan_.operands)
    first.push_back(static_cast<std::size_t>(std::find_if(plan_.operands.begin(), plan_.operands.end(), [&](const auto& o) { return o.axes == operand.axes; }) - plan_.operands.begin()));
  std::vector<std::uint16_t> order(first.size()), place(first.size());
  std::iota(order.begin(), order.end(), std::uint16_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::uint16_t a, std::uint16_t b) { return first[a] < first[b]; });
  std::vector<Plan::Operand> sorted;
  for (std::size_t i = 0; i < order.size(); ++i) {
    place[order[i]] = static_cast<std::uint16_t>(i);
    sorted.push_back(std::move(plan_.operands[order[i]]));
  }
  plan_.operands = std::move(sorted);
  const auto rename = [&](Plan::Code& code) {
    for (auto& [op, index] : code)
      if (op == Plan::Op::kOperand) index = place[index];
  };
  for (auto& claim : plan_.claims)
    for (auto& term : claim.terms) rename(term.code);
  for (auto& recipe : helpers_)
    for (auto& item : recipe.items) rename(item.num), rename(item.key);
}

void PlanBuilder::bound(const Expr& view, unsigned bits) {
  PB_ASSERT(view.code.size() == 1 && view.code[0].op == Plan::Op::kOperand && bits >= 1);
  const auto& operand = plan_.operands[view.code[0].index];
  bounded_.push_back({operand.oracle, operand.off, operand.n, bits});
}

void PlanBuilder::bound_input(unsigned index, unsigned bits) {
  PB_ASSERT(index < inputs_ && bits >= 1);
  input_bits_[index] = bits;
}

Result<CompiledPlan> PlanBuilder::finish() {
  sort_operands();
  std::optional<Certificate> certificate;
  if (whole_) {
    PB_TRY(made, certify());
    certificate = std::move(made);
  }
  // One more than the worst product: for E in x, and for 1 − t in t.
  unsigned degree = 2;
  for (const auto& claim : plan_.claims)
    for (const auto& one : claim.terms) degree = std::max(degree, Plan::degree_in(one.code) + 1);
  plan_.degree = static_cast<std::uint8_t>(std::min(degree, 255u));
  plan_.public_inputs = inputs_;
  if (plan_.operands.empty()) return fail(Errc::kInvalid, "a plan without columns", "add a claim over a column");
  // The masks: into the phase-1 oracle where they fit without making the longest oracle longer, else into one of their own.
  const unsigned r_log = plan_.mask_r_log(), a_log = plan_.mask_round_log() + plan_.mask_degree_log();
  unsigned longest = 4;
  for (const Space& space : spaces_) longest = std::max(longest, space.n);
  std::size_t home = spaces_.size();
  for (std::size_t i = 0; i < spaces_.size() && home == spaces_.size(); ++i) {
    if (spaces_[i].phase != 1 || !spaces_[i].used) continue;
    Space trial = spaces_[i];
    allocate(trial, std::max(r_log, a_log));
    allocate(trial, std::min(r_log, a_log));
    if (trial.n <= longest) home = i;
  }
  if (home == spaces_.size()) oracle(1);
  const bool r_first = r_log >= a_log;
  const std::uint32_t first = allocate(spaces_[home], std::max(r_log, a_log)), second = allocate(spaces_[home], std::min(r_log, a_log));
  plan_.mask_r = r_first ? first : second;
  plan_.mask_a = r_first ? second : first;

  std::vector<std::uint8_t> order(spaces_.size()), place(spaces_.size());
  std::iota(order.begin(), order.end(), std::uint8_t{0});
  std::erase_if(order, [&](std::uint8_t o) { return !spaces_[o].used; });
  std::stable_sort(order.begin(), order.end(), [&](std::uint8_t a, std::uint8_t b) { return spaces_[a].phase < spaces_[b].phase; });
  plan_.l = 4;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Space& space = spaces_[order[i]];
    place[order[i]] = static_cast<std::uint8_t>(i);
    plan_.oracles.push_back({static_cast<std::uint8_t>(space.n), static_cast<std::uint8_t>(space.phase)});
    plan_.l = std::max(plan_.l, static_cast<std::uint8_t>(space.n));
  }
  plan_.mask_oracle = place[home];
  for (auto& operand : plan_.operands) operand.oracle = place[operand.oracle];
  for (auto& recipe : helpers_) recipe.column.oracle = place[recipe.column.oracle];
  PB_CHECK(check_plan(plan_, modulus_));
  CompiledPlan out{plan_, encode(plan_), {}, helpers_, std::move(certificate)};
  out.name = plan_hash(out.bytes);
  return out;
}

}  // namespace peaberry::proof
