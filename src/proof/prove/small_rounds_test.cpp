// The first rounds in whole numbers give the polynomials of the plain sumcheck.

#include <gtest/gtest.h>

#include <peaberry/proof/plan/weights.hpp>

#include "small_rounds.hpp"

namespace peaberry::proof {
namespace {

using Op = Plan::Op;

/// Three operands of 2^n rows, one public column, and terms over them.
struct World {
  World(unsigned variables, std::uint64_t bound, SeededRandom& random) : n(variables) {
    for (int k = 0; k < 4; ++k) {
      auto& table = tables.emplace_back(std::size_t{1} << n);
      for (Fr& value : table) value = Fr::from_signed(static_cast<std::int64_t>(random.below(2 * bound)) - static_cast<std::int64_t>(bound));
    }
    for (int k = 0; k < 3; ++k) operands.push_back(tables[k]);
    columns.push_back(tables[3]);
    for (unsigned i = 0; i < n; ++i) r.push_back(Fr::random(random));
  }
  SmallRounds::Leaves leaves() const { return {constants, inputs, operands, columns}; }

  /// Σ over what is left of eq(row, r)·term at X = x, with the first variables bound to `before`: fold by fold.
  Fr slow(const Plan::Code& code, const std::vector<Fr>& before, const Fr& x, bool run) const {
    auto all = tables;
    std::vector<Fr> bound = before;
    bound.push_back(x);
    for (auto& table : all)
      for (const Fr& challenge : bound) {
        for (std::size_t i = 0; i < table.size() / 2; ++i) table[i] = table[2 * i] + challenge * (table[2 * i + 1] - table[2 * i]);
        table.resize(table.size() / 2);
      }
    const auto rest = std::span(r).subspan(bound.size());
    const Table weights = eq_expansion(rest);
    Fr out;
    for (std::size_t row = 0; row < all[0].size(); ++row) {
      std::vector<Fr> stack;
      for (const auto& [op, index] : code) {
        if (op == Op::kOperand) stack.push_back(all[index][row]);
        if (op == Op::kColumn) stack.push_back(all[3][row]);
        if (op == Op::kConst) stack.push_back(constants[index]);
        if (op == Op::kPublic) stack.push_back(inputs[index]);
        if (op == Op::kAdd || op == Op::kSub || op == Op::kMul) {
          const Fr b = stack.back();
          stack.pop_back();
          Fr& a = stack.back();
          a = op == Op::kAdd ? a + b : op == Op::kSub ? a - b : a * b;
        }
      }
      out += stack.back() * (run ? weights[row] : Fr::one());
    }
    return out;
  }

  unsigned n;
  std::vector<Table> tables;
  std::vector<std::span<const Fr>> operands, columns;
  std::vector<Fr> r, constants = {Fr(3), -Fr(7)}, inputs = {Fr(11)};
};

const Plan::Code kLine = {{Op::kOperand, 0}, {Op::kConst, 1}, {Op::kMul}, {Op::kPublic, 0}, {Op::kSub}, {Op::kColumn, 0}, {Op::kAdd}};
const Plan::Code kProduct = {{Op::kOperand, 0}, {Op::kOperand, 1}, {Op::kMul}, {Op::kOperand, 2}, {Op::kSub}};
const Plan::Code kCube = {{Op::kConst, 0}, {Op::kOperand, 0}, {Op::kSub}, {Op::kOperand, 1}, {Op::kMul}, {Op::kColumn, 0}, {Op::kMul}};
const Plan::Code kFourth = {{Op::kOperand, 0}, {Op::kOperand, 0}, {Op::kMul}, {Op::kOperand, 1}, {Op::kOperand, 1}, {Op::kMul}, {Op::kMul}};

TEST(SmallRounds, AreThoseOfThePlainSumcheck) {
  SeededRandom random(41);
  for (const unsigned n : {4u, 5u, 11u, 12u})
    for (const bool run : {true, false})
      for (const unsigned threads : {1u, 2u}) {
        const World world(n, 100, random);
        for (const auto& codes : std::vector<std::vector<const Plan::Code*>>{{&kLine}, {&kProduct, &kLine}, {&kCube, &kLine, &kProduct}, {&kFourth}}) {
          SmallTables known;
          std::vector<SmallRounds::Term> terms;
          unsigned degree = 0;
          for (const auto* code : codes) {
            terms.push_back({Fr::random(random), code});
            degree = std::max(degree, Plan::degree_in(*code));
          }
          for (const auto* code : codes) ASSERT_TRUE(SmallRounds::fits(*code, degree, n, world.leaves(), known));
          SmallRounds rounds(terms, degree, n, run ? std::span<const Fr>(world.r) : std::span<const Fr>(), world.leaves(), known, threads);
          EXPECT_EQ(rounds.rounds_left(), SmallRounds::rounds_for(degree, n));
          std::vector<Fr> before;
          while (rounds.rounds_left() != 0) {
            const auto values = rounds.values();
            ASSERT_EQ(values.size(), degree + 1);
            for (unsigned x = 0; x <= degree; ++x) {
              Fr expected;
              for (const auto& [weight, code] : terms) expected += weight * world.slow(*code, before, Fr(x), run);
              EXPECT_EQ(values[x], expected) << n << " " << before.size() << " " << x;
            }
            before.push_back(Fr::random(random));
            rounds.bind(before.back());
          }
        }
      }
}

TEST(SmallRounds, WhatCouldOverflowIsLeftToTheField) {
  SeededRandom random(42);
  SmallTables known, other, third;
  EXPECT_TRUE(SmallRounds::fits(kProduct, 2, 6, World(6, std::uint64_t{1} << 21, random).leaves(), known));    // 2·21 bits, and 9² on the grid
  EXPECT_FALSE(SmallRounds::fits(kProduct, 2, 6, World(6, std::uint64_t{1} << 23, random).leaves(), other));
  const World world(6, 100, random);
  EXPECT_FALSE(SmallRounds::fits(kProduct, 1, 6, world.leaves(), third));  // of a higher degree than said
  EXPECT_FALSE(SmallRounds::fits(kProduct, 2, 2, world.leaves(), third));  // nothing would be left
  EXPECT_FALSE(SmallRounds::fits({{Op::kOperand, 0}, {Op::kChallenge, 1}, {Op::kMul}}, 1, 6, world.leaves(), third));
  EXPECT_FALSE(SmallRounds::fits({{Op::kConst, 0}}, 1, 6, world.leaves(), third));
  World large(6, 100, random);
  large.tables[1][17] = Fr(2).pow(51);
  EXPECT_FALSE(SmallRounds::fits(kProduct, 2, 6, large.leaves(), third));
  EXPECT_TRUE(SmallRounds::fits(kLine, 1, 6, large.leaves(), third));
}

}  // namespace
}  // namespace peaberry::proof
