#include <gtest/gtest.h>

#include <peaberry/proof/field/bn254.hpp>

#include "builder.hpp"

namespace peaberry::proof {
namespace {

struct Bounds : testing::Test {
  PlanBuilder b{Fr::modulus_be()};
  std::uint8_t w = b.oracle(1);
  Expr x = b.view(b.column(w, 4)), y = b.view(b.column(w, 4));
  Bounds() { b.whole_numbers(); }
  std::string verdict() {
    const auto made = b.finish();
    if (!made) return made.error().message;
    std::string out;
    for (const auto& bits : made->certificate->claims) out += (out.empty() ? "" : " ") + (bits ? std::to_string(*bits) : std::string("field"));
    return out;
  }
};

TEST_F(Bounds, OfSumsOfProducts) {
  b.bound(x, 64), b.bound(y, 64);
  const unsigned total = b.add_input();
  b.bound_input(total, 140);
  b.sum(x * y, 4, b.input(total));           // 64 + 64, sixteen rows
  b.zero(x - y * b.constant(5), 4);          // 64 + 3, and one
  b.zero(x - b.constant(Fr(0).be()) * y, 4); // a zero has one bit
  b.zero(x + y * b.constant((Fr::zero() - Fr(3)).be()), 4);  // −3 is small
  b.sum(b.prefix(4, 9) * b.row(4) * x, 4, b.constant(0));    // 1 + 5 + 64, sixteen rows
  EXPECT_EQ(verdict(), "140 68 66 67 74");
}

TEST_F(Bounds, OfTheTargetToo) {
  b.bound(x, 8);
  const unsigned total = b.add_input();
  b.bound_input(total, 253);
  b.sum(x, 4, b.input(total));
  EXPECT_EQ(verdict(), "claim 0: its sides may reach 2^253 and wrap around the modulus");
}

TEST_F(Bounds, WhatHasNoneIsRefused) {
  b.bound(x, 8);
  b.zero(x, 4);
  b.zero(x * y, 4);
  EXPECT_EQ(verdict(), "claim 1: a value in it has no known bound");
}

TEST_F(Bounds, AnInputWithoutOneIsRefused) {
  b.bound(x, 8);
  const unsigned first = b.add_input();
  b.add_input();
  b.bound_input(first, 8);
  b.zero(x * b.public_vector(4, first, 2), 4);
  EXPECT_EQ(verdict(), "claim 0: a value in it has no known bound");
}

TEST_F(Bounds, OfAVectorAreItsLargest) {
  b.bound(x, 8);
  const unsigned first = b.add_input(), second = b.add_input();
  b.bound_input(first, 8), b.bound_input(second, 20);
  b.zero(x * b.public_vector(4, first, 2), 4);
  EXPECT_EQ(verdict(), "28");
}

TEST_F(Bounds, LookupsAreAboutTheField) {
  b.bound(x, 16);
  const auto h = b.oracle(2);
  const Expr met = b.view(b.column(w, 4));
  b.fractions({h}, {{b.constant(1), x, 4}}, {{met, b.row(4), 4}});
  EXPECT_EQ(verdict(), "field field field");
}

TEST_F(Bounds, WrapIsRefusedAtTheLimit) {
  // 2w + n = 252 is the most.
  b.bound(x, 124), b.bound(y, 124);
  b.sum(x * y, 4, b.constant(0));
  EXPECT_EQ(verdict(), "252");
  PlanBuilder c(Fr::modulus_be());
  c.whole_numbers();
  const auto v = c.oracle(1);
  const Expr s = c.view(c.column(v, 5)), t = c.view(c.column(v, 5));
  c.bound(s, 124), c.bound(t, 124);
  c.sum(s * t, 5, c.constant(0));
  EXPECT_FALSE(c.finish());
}

TEST_F(Bounds, OfAContractionAreThoseOfItsSums) {
  PlanBuilder c(Fr::modulus_be());
  c.whole_numbers();
  const auto v = c.oracle(1);
  const Column matrix = c.column(v, 6), vector = c.column(v, 3), out = c.column(v, 3);
  const Expr m = c.view(matrix, {0, 1, 2, Plan::kFromR, Plan::kFromR + 1, Plan::kFromR + 2}), in = c.view(vector), acc = c.view(out);
  c.bound(m, 8), c.bound(in, 16), c.bound(acc, 32);
  c.contraction(acc, 3, m * in, 3);  // 8 + 16 + 3, with the sign; 32; two terms
  const auto made = c.finish();
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(made->certificate->claims[0], 33U);
}

}  // namespace
}  // namespace peaberry::proof
