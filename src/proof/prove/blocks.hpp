#pragma once

// Source: docs/reference/proof-protocol.md, §2: codes are postfix.

#include <peaberry/proof/field/vector.hpp>
#include <peaberry/proof/plan/plan.hpp>

#include "views.hpp"

namespace peaberry::proof {

// ---- what is done to rows, of elements or of tiles of eight, which stay as the lanes have them

inline constexpr std::size_t kBlock = 512;  ///< rows
template <class Cell>
inline constexpr std::size_t kRowsIn = 1;
template <>
inline constexpr std::size_t kRowsIn<Tile> = 8;
template <class Cell>
using Cells = LargeVector<Cell>;

inline void combine(Plan::Op op, Fr* out, const Fr* a, const Fr* b, std::size_t cells) {
  const auto& k = kernels();
  (op == Plan::Op::kAdd ? k.add : op == Plan::Op::kSub ? k.sub : k.mul)(out, a, b, cells);
}
inline void combine(Plan::Op op, Tile* out, const Tile* a, const Tile* b, std::size_t cells) {
  const auto& k = kernels();
  (op == Plan::Op::kAdd ? k.add_tiles : op == Plan::Op::kSub ? k.sub_tiles : k.mul_tiles)(out, a, b, cells);
}
inline void scale(Fr* out, const Fr* a, const Fr& by, std::size_t cells) { kernels().scale(out, a, by, cells); }
inline void scale(Tile* out, const Tile* a, const Fr& by, std::size_t cells) { kernels().scale_tiles(out, a, by, cells); }
/// out = a + by, or by − a
inline void shift(Fr* out, const Fr* a, const Fr& by, bool negate, std::size_t cells) {
  for (std::size_t i = 0; i < cells; ++i) out[i] = negate ? by - a[i] : a[i] + by;
}
inline void shift(Tile* out, const Tile* a, const Fr& by, bool negate, std::size_t cells) { kernels().shift_tiles(out, a, by, negate, cells); }
inline void mac(Fr* out, const Fr* a, const Fr& by, std::size_t cells) { kernels().mac(out, a, by, cells); }
inline void mac(Tile* out, const Tile* a, const Fr& by, std::size_t cells) { kernels().mac_tiles(out, a, by, cells); }
inline Fr dot(const Fr* a, const Fr* b, std::size_t cells) { return kernels().dot(a, b, cells); }
inline Fr dot(const Tile* a, const Tile* b, std::size_t cells) { return kernels().dot_tiles(a, b, cells); }
inline void split(Fr* even, Fr* diff, const Fr* in, std::size_t cells) { kernels().split(even, diff, in, cells); }
inline void split(Tile* even, Tile* diff, const Fr* in, std::size_t cells) { kernels().split_tiles(even, diff, in, cells); }
inline void read(Fr* out, const Fr* in, std::size_t cells) { std::copy_n(in, cells, out); }
inline void read(Tile* out, const Fr* in, std::size_t cells) { kernels().pack(out, in, cells); }

/// Runs postfix code over many rows at once, kBlock at a time: one dispatch for a block, the work in the vector kernels. Not thread-safe: one for
/// each thread.
template <class Cell>
class BlockRunner {
 public:
  /// A value for all rows, or one for each.
  struct Value {
    const Cell* rows = nullptr;  ///< nullptr: `all`
    Fr all;
  };

  explicit BlockRunner(std::span<const Fr> constants, std::span<const Fr> inputs, const std::array<Fr, 3>& challenges)
      : constants_(constants), inputs_(inputs), challenges_(challenges) {}

  std::vector<Value> operands, columns;  ///< set by the caller before `run`

  /// The result's rows live until the next run.
  Value run(const Plan::Code& code, std::size_t cells) {
    stack_.clear();
    for (const auto& [op, index] : code) {
      switch (op) {
        case Plan::Op::kConst: stack_.push_back({nullptr, constants_[index]}); continue;
        case Plan::Op::kPublic: stack_.push_back({nullptr, inputs_[index]}); continue;
        case Plan::Op::kChallenge: stack_.push_back({nullptr, challenges_[index]}); continue;
        case Plan::Op::kOperand: stack_.push_back(operands[index]); continue;
        case Plan::Op::kColumn: stack_.push_back(columns[index]); continue;
        default: break;
      }
      const Value right = stack_.back();
      stack_.pop_back();
      Value& left = stack_.back();
      if (left.rows == nullptr && right.rows == nullptr) {
        left.all = op == Plan::Op::kAdd ? left.all + right.all : op == Plan::Op::kSub ? left.all - right.all : left.all * right.all;
        continue;
      }
      Cell* out = buffer(stack_.size());
      apply(op, out, left, right, cells);
      left = {out, {}};
    }
    return stack_.back();
  }

 private:
  Cell* buffer(std::size_t depth) {
    while (buffers_.size() <= depth) buffers_.emplace_back(kBlock / kRowsIn<Cell>);
    return buffers_[depth].data();
  }
  static void apply(Plan::Op op, Cell* out, const Value& left, const Value& right, std::size_t cells) {
    if (left.rows != nullptr && right.rows != nullptr)
      combine(op, out, left.rows, right.rows, cells);
    else if (op == Plan::Op::kMul)
      left.rows != nullptr ? scale(out, left.rows, right.all, cells) : scale(out, right.rows, left.all, cells);
    else if (left.rows != nullptr)
      shift(out, left.rows, op == Plan::Op::kAdd ? right.all : -right.all, false, cells);
    else
      shift(out, right.rows, left.all, op == Plan::Op::kSub, cells);
  }

  std::span<const Fr> constants_, inputs_;
  std::array<Fr, 3> challenges_;
  std::vector<Value> stack_;
  std::vector<Cells<Cell>> buffers_;
};

}  // namespace peaberry::proof
