#pragma once

// Source: docs/reference/proof-protocol.md, §2 (views) and §5 (weights).

#include <span>

#include <peaberry/proof/field/prime.hpp>

#include "plan.hpp"

namespace peaberry::proof {

// The polynomials that a verifier evaluates itself: weights of views, public columns, expressions. Templates over the field, so that the
// same lines run over BN254 and over the small primes of the tests. Cost: O(bits) each, WINDOW O(on·kn).

/// eq(a, b) of one bit: ab + (1−a)(1−b).
template <class F>
F eq(const F& a, const F& b) {
  return F::one() - a - b + (a * b).doubled();
}

/// Π eq(bit_i(number), x_i) over all of x.
template <class F>
F eq_index(std::uint64_t number, std::span<const F> x) {
  F out = F::one();
  for (std::size_t i = 0; i < x.size(); ++i) out *= i < 64 && number >> i & 1 ? x[i] : F::one() - x[i];
  return out;
}

/// All eq(k, x), k < 2^x.size().
template <class F>
std::vector<F> eq_table(std::span<const F> x) {
  std::vector<F> out = {F::one()};
  out.reserve(std::size_t{1} << x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t half = out.size();
    out.resize(2 * half);
    for (std::size_t k = 0; k < half; ++k) {
      out[half + k] = out[k] * x[i];
      out[k] -= out[half + k];
    }
  }
  return out;
}

/// The value of an axis' source.
template <class F>
F source_value(std::uint8_t code, std::span<const F> x, std::span<const F> r) {
  if (code == Plan::kZero) return F::zero();
  if (code == Plan::kOne) return F::one();
  return code >= Plan::kFromR ? r[code - Plan::kFromR] : x[code];
}

/// w of one axis at its coordinates x (and r) and the column's bits y.
template <class F>
F axis_weight(const Plan::Axis& axis, std::span<const F> x, std::span<const F> r, std::span<const F> y) {
  switch (axis.kind) {
    case Plan::AxisKind::kCoord: {
      F out = F::one();
      for (std::size_t i = 0; i < axis.len; ++i) out *= eq(source_value(axis.args[i], x, r), y[i]);
      return out;
    }
    case Plan::AxisKind::kNext: {
      // Σ_j Π_{i<j} x_i(1−y_i) · (1−x_j)y_j · Π_{i>j} eq(x_i, y_i), from the top bit down: y = x + 1 without wrapping.
      F sum = F::zero(), equal = F::one();
      for (std::size_t j = axis.len; j-- > 0;) {
        const F& a = x[axis.args[0] + j];
        F carry = equal * (F::one() - a) * y[j];
        for (std::size_t i = 0; i < j; ++i) carry *= x[axis.args[0] + i] * (F::one() - y[i]);
        sum += carry;
        equal *= eq(a, y[j]);
      }
      return sum;
    }
    case Plan::AxisKind::kWindow: {
      const auto& w = axis.args;
      std::vector<F> out_bits, kernel_bits;
      for (std::uint8_t i = 0; i < w[0]; ++i) out_bits.push_back(source_value<F>(static_cast<std::uint8_t>(w[1] + i), x, r));
      for (std::uint8_t i = 0; i < w[2]; ++i) kernel_bits.push_back(source_value<F>(static_cast<std::uint8_t>(w[3] + i), x, r));
      const auto outs = eq_table<F>(out_bits), kernels = eq_table<F>(kernel_bits), places = eq_table<F>(y);
      F sum = F::zero();
      for (int a = 0; a < w[4]; ++a)
        for (int b = 0; b < w[5]; ++b) {
          const int place = a * w[6] + b - w[7];
          if (place >= 0 && static_cast<std::size_t>(place) < places.size()) sum += outs[a] * kernels[b] * places[place];
        }
      return sum;
    }
  }
  return F::zero();
}

/// w_k(x; y), without the prefix: y are the low n bits of the oracle's coordinates.
template <class F>
F operand_weight(const Plan::Operand& operand, std::span<const F> x, std::span<const F> r, std::span<const F> y) {
  F out = F::one();
  std::size_t bit = 0;
  for (const auto& axis : operand.axes) {
    out *= axis_weight(axis, x, r, y.subspan(bit, axis.len));
    bit += axis.len;
  }
  return out;
}

/// Π_{i ≥ n} eq(bit i of off, u_i): where an aligned slice lies.
template <class F>
F prefix_eq(std::uint32_t off, unsigned n, std::span<const F> u) {
  return eq_index<F>(std::uint64_t{off} >> n, u.subspan(n));
}

/// The multilinear extension of [row < m]; `m` little-endian limbs.
template <class F>
F prefix_value(std::span<const std::uint64_t> m, std::span<const F> x) {
  const auto bit = [&](std::size_t i) { return i / 64 < m.size() && (m[i / 64] >> (i % 64) & 1); };
  for (std::size_t i = x.size(); i < 64 * m.size(); ++i)
    if (bit(i)) return F::one();
  F less = F::zero();
  for (std::size_t i = 0; i < x.size(); ++i) less = bit(i) ? F::one() - x[i] + x[i] * less : (F::one() - x[i]) * less;
  return less;
}

/// A public column at x (its first n coordinates are used).
template <class F>
F public_value(const Plan::PublicColumn& column, std::span<const F> point, std::span<const F> inputs) {
  const auto x = point.first(column.n);
  switch (column.kind) {
    case Plan::PublicKind::kRow: {
      F sum = F::zero(), power = F::one();
      for (const F& bit : x) {
        sum += power * bit;
        power = power.doubled();
      }
      return sum;
    }
    case Plan::PublicKind::kPrefix: {
      if (column.b == 1) return prefix_value<F>(inputs[column.a].number(), x);
      const std::uint64_t m[1] = {column.a};
      return prefix_value<F>(m, x);
    }
    case Plan::PublicKind::kAt: return eq_index<F>(column.a, x);
    case Plan::PublicKind::kVector: {
      std::vector<F> values(std::size_t{1} << column.n, F::zero());
      std::copy_n(inputs.begin() + column.a, column.b, values.begin());
      for (std::size_t i = 0, size = values.size() / 2; i < x.size(); ++i, size /= 2)
        for (std::size_t k = 0; k < size; ++k) values[k] = values[2 * k] + x[i] * (values[2 * k + 1] - values[2 * k]);
      return values[0];
    }
    case Plan::PublicKind::kLess: {
      F less = F::zero();  // of the bits so far, from the lowest
      for (std::size_t i = 0; i < column.c; ++i) {
        const F &a = x[column.a + i], &b = x[column.b + i];
        less = (F::one() - a) * b + eq(a, b) * less;
      }
      return less;
    }
  }
  return F::zero();
}

/// What code may name.
template <class F>
struct Values {
  std::span<const F> constants, inputs, operands, columns;
  std::array<F, 3> challenges;  ///< θ, α, β
};

template <class F>
F run(const Plan::Code& code, const Values<F>& values, std::vector<F>& stack) {
  stack.clear();
  for (const auto& [op, index] : code) {
    switch (op) {
      case Plan::Op::kConst: stack.push_back(values.constants[index]); continue;
      case Plan::Op::kPublic: stack.push_back(values.inputs[index]); continue;
      case Plan::Op::kChallenge: stack.push_back(values.challenges[index]); continue;
      case Plan::Op::kOperand: stack.push_back(values.operands[index]); continue;
      case Plan::Op::kColumn: stack.push_back(values.columns[index]); continue;
      default: break;
    }
    const F right = stack.back();
    stack.pop_back();
    F& left = stack.back();
    if (op == Plan::Op::kAdd) left += right;
    if (op == Plan::Op::kSub) left -= right;
    if (op == Plan::Op::kMul) left *= right;
  }
  return stack.back();
}

}  // namespace peaberry::proof
