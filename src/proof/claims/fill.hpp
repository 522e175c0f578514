#pragma once

// Source: docs/reference/proof-protocol.md, §2: the plain meaning of views and helpers.

#include <optional>

#include <peaberry/proof/plan/weights.hpp>

#include "builder.hpp"

namespace peaberry::proof {

/// A view at row x when none of its sources is r: one entry of the column, or 0.
template <class F>
F view_at_row(const Plan::Operand& operand, const std::vector<F>& oracle, std::uint64_t x) {
  std::uint64_t place = 0;
  unsigned bit = 0;
  for (const auto& axis : operand.axes) {
    std::uint64_t part = 0;
    switch (axis.kind) {
      case Plan::AxisKind::kCoord:
        for (unsigned i = 0; i < axis.len; ++i) {
          const std::uint8_t code = axis.args[i];
          PB_ASSERT(code < Plan::kFromR || code >= Plan::kZero);
          part |= (code == Plan::kOne ? 1 : code == Plan::kZero ? 0 : x >> code & 1) << i;
        }
        break;
      case Plan::AxisKind::kNext:
        part = (x >> axis.args[0] & ((std::uint64_t{1} << axis.len) - 1)) + 1;
        if (part >> axis.len) return F::zero();
        break;
      case Plan::AxisKind::kWindow: {
        const auto& w = axis.args;
        PB_ASSERT(w[1] < Plan::kFromR && w[3] < Plan::kFromR);
        const std::uint64_t a = x >> w[1] & ((1u << w[0]) - 1), b = x >> w[3] & ((1u << w[2]) - 1);
        const std::int64_t at = static_cast<std::int64_t>(a * w[6] + b) - w[7];
        if (a >= w[4] || b >= w[5] || at < 0 || at >> axis.len) return F::zero();
        part = static_cast<std::uint64_t>(at);
        break;
      }
    }
    place |= part << bit;
    bit += axis.len;
  }
  return oracle[operand.off + place];
}

/// The helper oracles of phase 2, from the oracles before them. Nothing when a denominator is 0.
template <class F>
std::optional<std::vector<std::vector<F>>> fill_helpers(const CompiledPlan& compiled, const std::vector<std::vector<F>>& oracles, std::span<const F> inputs,
                                                        const std::array<F, 3>& challenges) {
  const Plan& plan = compiled.plan;
  const std::size_t before = oracles.size();
  std::vector<std::vector<F>> out;
  for (std::size_t o = before; o < plan.oracles.size(); ++o) out.emplace_back(std::size_t{1} << plan.oracles[o].n, F::zero());
  std::vector<F> constants, operands(plan.operands.size()), columns(plan.columns.size()), stack;
  for (const auto& constant : plan.constants) constants.push_back(F::from_be(constant).value());
  const Values<F> values{constants, inputs, operands, columns, challenges};
  for (const auto& recipe : compiled.helpers) {
    const std::size_t rows = std::size_t{1} << recipe.column.n;
    std::vector<F> nums, denominators;
    for (std::size_t x = 0; x < rows; ++x)
      for (const auto& item : recipe.items) {
        for (const auto* code : {&item.num, &item.key})
          for (const auto& [op, index] : *code) {
            if (op == Plan::Op::kOperand) {
              PB_ASSERT(plan.operands[index].oracle < before);
              operands[index] = view_at_row(plan.operands[index], oracles[plan.operands[index].oracle], x);
            }
            if (op == Plan::Op::kColumn) {
              std::vector<F> bits;
              for (unsigned i = 0; i < plan.columns[index].n; ++i) bits.push_back(x >> i & 1 ? F::one() : F::zero());
              columns[index] = public_value<F>(plan.columns[index], bits, inputs);
            }
          }
        nums.push_back(run(item.num, values, stack));
        denominators.push_back(challenges[Plan::kAlpha] - run(item.key, values, stack));
        if (denominators.back().is_zero()) return std::nullopt;
      }
    batch_inverse<F>(denominators);
    auto& home = out[recipe.column.oracle - before];
    for (std::size_t i = 0; i < nums.size(); ++i) home[recipe.column.off + i / recipe.items.size()] += nums[i] * denominators[i];
  }
  return out;
}

}  // namespace peaberry::proof
