// Source: docs/reference/proof-protocol.md, §3–§6; Haböck 2022 (ePrint 2022/1530) for helper columns.

#include "prover.hpp"

#include <deque>

#include "prover_class.hpp"

namespace peaberry::proof {

bool Prover::commitments() {
  say("commitments", 0);
  for (const auto& one : input_.registered) oracles_.push_back(*one.values), blinders_.push_back(one.blinder);
  challenges_[Plan::kTheta] = script_.step(Tag::kTheta);
  own_ = input_.witness(challenges_[Plan::kTheta]);
  PB_ASSERT(own_.size() == plan_.oracles_of(1));
  for (std::size_t i = 0; i < own_.size(); ++i) PB_ASSERT(own_[i].size() == std::size_t{1} << plan_.oracles[plan_.oracles_of(0) + i].n);
  Table& home = own_[plan_.mask_oracle - plan_.oracles_of(0)];
  for (std::size_t k = 0; k < masks_.operand.size(); ++k) home[plan_.mask_r + k] = masks_.operand[k];
  for (std::size_t i = 0; i <= plan_.n; ++i)
    for (std::size_t d = 0; d < plan_.degree; ++d) home[plan_.mask_a + (i << plan_.mask_degree_log()) + d] = masks_.round[i * plan_.degree + d];
  begin();
  for (std::size_t i = 0; i < own_.size(); ++i) send_commitment(own_[i], &masks_.witness_blinders[i]);
  challenges_[Plan::kAlpha] = script_.step(Tag::kWitness, message());
  challenges_[Plan::kBeta] = script_.step(Tag::kBeta);
  own_.reserve(own_.size() + plan_.oracles_of(2));
  for (std::size_t i = 0; i < plan_.oracles_of(1); ++i) oracles_.push_back(own_[i]), blinders_.push_back(masks_.witness_blinders[i]);
  say("helper columns", 0.1);
  if (!helpers()) return false;
  begin();
  for (std::size_t i = 0; i < plan_.oracles_of(2); ++i) {
    const Table& values = own_[plan_.oracles_of(1) + i];
    send_commitment(values, &masks_.helper_blinders[i]);
    oracles_.push_back(values), blinders_.push_back(masks_.helper_blinders[i]);
  }
  lambda_ = script_.step(Tag::kHelpers, message());
  delta_ = script_.step(Tag::kDelta);
  for (unsigned i = 0; i < plan_.n; ++i) r_.push_back(script_.step(Tag::kPoint));
  return true;
}

/// h(x) = Σ num/(α − key), block by block; false when a denominator is 0.
bool Prover::helpers() {
  const std::size_t first = plan_.oracles_of(0) + plan_.oracles_of(1);
  for (std::size_t o = first; o < plan_.oracles.size(); ++o) own_.emplace_back(std::size_t{1} << plan_.oracles[o].n);
  std::atomic<bool> pole{false};
  for (const auto& recipe : compiled_.helpers) {
    const std::size_t rows = std::size_t{1} << recipe.column.n;
    Table& home = own_[plan_.oracles_of(1) + recipe.column.oracle - first];
    Tables operands(plan_.operands.size()), columns(plan_.columns.size());
    for (const auto& item : recipe.items)
      for (const auto* code : {&item.num, &item.key})
        for (const auto& [op, index] : *code) {
          if (op == Plan::Op::kOperand) open_operand(operands, index);
          if (op == Plan::Op::kColumn) open_column(columns, index);
        }
    std::vector<BlockRunner<Fr>> runners(options_.threads, runner<Fr>());
    parallel(options_.threads, (rows + kBlock - 1) / kBlock, [&](unsigned worker, std::size_t block) {
      BlockRunner<Fr>& here = runners[worker];
      const std::size_t from = block * kBlock, count = std::min(kBlock, rows - from);
      std::deque<Table> repeated;
      const auto rows_of = [&](const Tables& tables, std::size_t index) {
        const auto table = tables.view[index];
        if (table.size() >= from + count) return &table[from];
        Table& copy = repeated.emplace_back(count);  // a table of fewer variables is the same for every value of the others
        for (std::size_t i = 0; i < count; ++i) copy[i] = table[(from + i) % table.size()];
        return static_cast<const Fr*>(copy.data());
      };
      for (std::size_t k = 0; k < operands.view.size(); ++k)
        if (!operands.view[k].empty()) here.operands[k] = {rows_of(operands, k), {}};
      for (std::size_t k = 0; k < columns.view.size(); ++k)
        if (!columns.view[k].empty()) here.columns[k] = {rows_of(columns, k), {}};
      std::vector<Fr> nums(count), denominators(count);
      for (const auto& item : recipe.items) {
        const auto key = here.run(item.key, count);
        for (std::size_t i = 0; i < count; ++i) {
          denominators[i] = challenges_[Plan::kAlpha] - (key.rows != nullptr ? key.rows[i] : key.all);
          if (denominators[i].is_zero()) pole = true;
        }
        kernels().inverse(denominators.data(), count);
        const auto num = here.run(item.num, count);
        for (std::size_t i = 0; i < count; ++i) nums[i] = num.rows != nullptr ? num.rows[i] : num.all;
        kernels().mul(nums.data(), nums.data(), denominators.data(), count);
        kernels().add(&home[recipe.column.off + from], &home[recipe.column.off + from], nums.data(), count);
      }
    });
  }
  return !pole;
}

void Prover::open_operand(Tables& tables, std::size_t index) const {
  if (!tables.view[index].empty()) return;
  const auto& operand = plan_.operands[index];
  const auto column = oracles_[operand.oracle].subspan(operand.off, std::size_t{1} << operand.n);
  if (is_plain(operand)) {
    tables.view[index] = column;
  } else {
    tables.own[index] = view_table(operand, column, r_);
    tables.view[index] = tables.own[index];
  }
}
void Prover::open_column(Tables& tables, std::size_t index) const {
  if (!tables.view[index].empty()) return;
  tables.own[index] = column_table(plan_.columns[index], input_.inputs);
  tables.view[index] = tables.own[index];
}
ProverCost estimate(const Plan& plan) {
  const auto words = [](unsigned log) { return std::size_t{32} << log; };
  std::size_t own = 0, tables = 0, weights = 0;
  for (const auto& oracle : plan.oracles)
    if (oracle.phase != 0) own += words(oracle.n);
  for (const auto& operand : plan.operands) {
    const unsigned variables = operand.variables();
    tables += (is_plain(operand) ? words(variables) / 2 : words(variables)) + words(variables) / 4;  // and once more as whole numbers
    if (operand.n < plan.l) weights = std::max(weights, words(operand.n));
  }
  for (const auto& column : plan.columns) tables += words(column.n) + words(column.n) / 4;
  std::size_t reduction = weights;
  std::vector<const std::vector<Plan::Axis>*> whole;
  std::vector<bool> dense(plan.oracles.size());
  dense[plan.mask_oracle] = true;
  for (const auto& operand : plan.operands) {
    if (operand.n < plan.l) dense[operand.oracle] = true;
    if (operand.n == plan.l && std::none_of(whole.begin(), whole.end(), [&](const auto* axes) { return *axes == operand.axes; })) whole.push_back(&operand.axes);
  }
  reduction += 2 * words(plan.l) * (1 + whole.size());
  for (std::size_t o = 0; o < dense.size(); ++o)
    if (dense[o]) reduction += 2 * words(plan.oracles[o].n);
  // A sum over points keeps the points as lanes have them (64 bytes each) and digits (32), from the first sum to the end; keys, entries and buckets while it works.
  const std::size_t scratch = words(plan.l) * 3, sums = words(plan.l) / 4 + (std::size_t{40} << 20);
  return {own + scratch + std::max({tables, reduction, words(plan.l) * 4 + sums})};
}

std::optional<Bytes> prove_with(const Srs& srs, const CompiledPlan& compiled, const Statement& statement, const ProverInput& input, const Masks<Fr>& masks,
                                const ProverOptions& options) {
  return Prover(srs, compiled, statement, input, masks, options).run();
}

Result<Bytes> prove(const Srs& srs, const CompiledPlan& compiled, const Statement& statement, const ProverInput& input, Random& random, const ProverOptions& options) {
  const Plan& plan = compiled.plan;
  if (srs.powers().size() < std::size_t{1} << plan.l)
    return fail(Errc::kInvalid, "the SRS has " + std::to_string(srs.powers().size()) + " powers, the plan needs 2^" + std::to_string(plan.l), "import a larger ceremony file");
  if (input.registered.size() != plan.oracles_of(0))
    return fail(Errc::kInvalid, "the plan has " + std::to_string(plan.oracles_of(0)) + " registered oracles, " + std::to_string(input.registered.size()) + " are given");
  for (std::size_t o = 0; o < input.registered.size(); ++o)
    if (input.registered[o].values->size() != std::size_t{1} << plan.oracles[o].n)
      return fail(Errc::kInvalid, "registered oracle " + std::to_string(o) + " has not its declared length");
  if (input.inputs.size() != plan.public_inputs) return fail(Errc::kInvalid, "the plan has " + std::to_string(plan.public_inputs) + " public inputs");
  // A verifier does not care; a prover could not send such a round.
  for (const auto& claim : plan.claims)
    for (const auto& term : claim.terms)
      if (Plan::degree_in(term.code) + 1 > plan.degree)
        return fail(Errc::kInvalid, "the plan's D is " + std::to_string(plan.degree) + ", an expression needs " + std::to_string(Plan::degree_in(term.code) + 1), "compile the plan again");
  for (int attempt = 0; attempt < 8; ++attempt) {
    auto masks = Masks<Fr>::draw(plan, random);
    auto proof = prove_with(srs, compiled, statement, input, masks, options);
    masks.wipe();
    if (proof) return std::move(*proof);
  }
  return fail(Errc::kInternal, "every attempt met a zero denominator", "the system's random numbers are not random");
}
}  // namespace peaberry::proof
