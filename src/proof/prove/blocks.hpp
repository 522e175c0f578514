#pragma once

#include <peaberry/proof/field/vector.hpp>
#include <peaberry/proof/plan/plan.hpp>

#include "views.hpp"

namespace peaberry::proof {

/// Runs postfix code over many rows at once, kBlock at a time: one dispatch for a block, the work in the vector kernels. Not thread-safe: one for
/// each thread.
class BlockRunner {
 public:
  static constexpr std::size_t kBlock = 512;

  /// A value for all rows, or one for each.
  struct Value {
    const Fr* rows = nullptr;  ///< nullptr: `all`
    Fr all;
  };

  explicit BlockRunner(std::span<const Fr> constants, std::span<const Fr> inputs, const std::array<Fr, 3>& challenges)
      : constants_(constants), inputs_(inputs), challenges_(challenges) {}

  std::vector<Value> operands, columns;  ///< set by the caller before `run`

  /// The result's rows live until the next run.
  Value run(const Plan::Code& code, std::size_t rows) {
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
      Fr* out = buffer(stack_.size());
      apply(op, out, left, right, rows);
      left = {out, {}};
    }
    return stack_.back();
  }

 private:
  Fr* buffer(std::size_t depth) {
    while (buffers_.size() <= depth) buffers_.emplace_back(kBlock);
    return buffers_[depth].data();
  }
  static void apply(Plan::Op op, Fr* out, const Value& left, const Value& right, std::size_t rows) {
    const auto& k = kernels();
    if (left.rows != nullptr && right.rows != nullptr) {
      (op == Plan::Op::kAdd ? k.add : op == Plan::Op::kSub ? k.sub : k.mul)(out, left.rows, right.rows, rows);
    } else if (op == Plan::Op::kMul) {
      left.rows != nullptr ? k.scale(out, left.rows, right.all, rows) : k.scale(out, right.rows, left.all, rows);
    } else if (left.rows != nullptr) {
      const Fr by = op == Plan::Op::kAdd ? right.all : -right.all;
      for (std::size_t i = 0; i < rows; ++i) out[i] = left.rows[i] + by;
    } else if (op == Plan::Op::kAdd) {
      for (std::size_t i = 0; i < rows; ++i) out[i] = left.all + right.rows[i];
    } else {
      for (std::size_t i = 0; i < rows; ++i) out[i] = left.all - right.rows[i];
    }
  }

  std::span<const Fr> constants_, inputs_;
  std::array<Fr, 3> challenges_;
  std::vector<Value> stack_;
  std::vector<Table> buffers_;
};

}  // namespace peaberry::proof
