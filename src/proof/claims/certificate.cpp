// Rule G: equations that hold modulo p hold in whole numbers when neither side can reach p/2. Sizes are counted in bits: |a + b| < 2^(max + 1), |a·b| < 2^(sum),
// a sum over 2^n rows < 2^(bits + n).
#include <algorithm>
#include <bit>

#include "builder.hpp"

namespace peaberry::proof {
namespace {

/// Bits of a constant, read as the number of least magnitude that it stands for.
unsigned bits_of(const PlanBuilder::Word& value, const PlanBuilder::Word& modulus) {
  PlanBuilder::Word minus{};
  int borrow = 0;
  for (int i = 31; i >= 0; --i) {
    const int digit = int{modulus[i]} - int{value[i]} - borrow;
    borrow = digit < 0;
    minus[i] = static_cast<std::uint8_t>(digit & 0xff);
  }
  const auto length = [](const PlanBuilder::Word& word) {
    for (unsigned i = 0; i < 32; ++i)
      if (word[i] != 0) return (32 - i) * 8 - static_cast<unsigned>(std::countl_zero(word[i]));
    return 1u;
  };
  return std::min(length(value), length(minus));
}

}  // namespace

Result<Certificate> PlanBuilder::certify() const {
  Certificate out;
  for (const auto& operand : plan_.operands) {
    unsigned bits = 0;
    for (const auto& one : bounded_)
      if (one.oracle == operand.oracle && one.off <= operand.off && operand.off + (std::uint64_t{1} << operand.n) <= one.off + (std::uint64_t{1} << one.n)) bits = bits == 0 ? one.bits : std::min(bits, one.bits);
    // A window's weights are 0 or 1 and at most one in a row is 1; so are those of the other axes: a view's values are the column's, or 0.
    out.operands.push_back(bits);
  }
  for (unsigned i = 0; i < inputs_; ++i) {
    const auto found = input_bits_.find(i);
    out.inputs.push_back(found == input_bits_.end() ? 0 : found->second);
  }
  const auto column_bits = [&](const Plan::PublicColumn& column) -> unsigned {
    if (column.kind == Plan::PublicKind::kRow) return column.n + 1u;
    if (column.kind != Plan::PublicKind::kVector) return 1;
    unsigned bits = 1;
    for (unsigned i = column.a; i < column.a + column.b; ++i) {
      if (out.inputs[i] == 0) return 0;
      bits = std::max(bits, out.inputs[i]);
    }
    return bits;
  };
  /// Bits of an expression; `field`: it is about field elements; 0: something in it has no bound.
  struct Size {
    unsigned bits;
    bool field;
  };
  const auto size_of = [&](const Plan::Code& code) {
    std::vector<Size> stack;
    for (const auto& [op, index] : code) {
      switch (op) {
        case Plan::Op::kConst: stack.push_back({bits_of(plan_.constants[index], modulus_), false}); continue;
        case Plan::Op::kPublic: stack.push_back({out.inputs[index], false}); continue;
        case Plan::Op::kChallenge: stack.push_back({1, true}); continue;
        case Plan::Op::kOperand: stack.push_back({out.operands[index], spaces_[plan_.operands[index].oracle].phase == 2}); continue;
        case Plan::Op::kColumn: stack.push_back({column_bits(plan_.columns[index]), false}); continue;
        default: break;
      }
      const Size right = stack.back();
      stack.pop_back();
      Size& left = stack.back();
      const unsigned bits = left.bits == 0 || right.bits == 0 ? 0 : op == Plan::Op::kMul ? left.bits + right.bits : std::max(left.bits, right.bits) + 1;
      left = {bits, left.field || right.field};
    }
    return stack.back();
  };
  for (std::size_t c = 0; c < plan_.claims.size(); ++c) {
    const auto& claim = plan_.claims[c];
    const Size target = size_of(claim.target);
    bool field = target.field, known = target.bits != 0;
    unsigned bits = 0;
    for (const auto& term : claim.terms) {
      const Size size = size_of(term.code);
      field |= size.field;
      known &= size.bits != 0;
      // Variables under an eq-run are not summed: the equation is said for each of their values. Sources r are such variables too.
      bits = std::max(bits, size.bits + term.nt - term.len);
    }
    bits = std::max(bits + static_cast<unsigned>(std::bit_width(claim.terms.size() - 1)), target.bits);
    if (field) {
      out.claims.emplace_back(std::nullopt);
      continue;
    }
    if (!known) return fail(Errc::kInvalid, "claim " + std::to_string(c) + ": a value in it has no known bound", "prove its range and say so with `bound`");
    if (bits > Certificate::kMost)
      return fail(Errc::kInvalid, "claim " + std::to_string(c) + ": its sides may reach 2^" + std::to_string(bits) + " and wrap around the modulus", "at most 2^" + std::to_string(Certificate::kMost) + ": narrow the columns, or sum fewer rows");
    out.claims.emplace_back(bits);
  }
  return out;
}

}  // namespace peaberry::proof
