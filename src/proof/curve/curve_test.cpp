#include <gtest/gtest.h>

#include "msm.hpp"
#include "pairing.hpp"

namespace peaberry::proof {
namespace {

TEST(Curve, TheHidingGeneratorIsTheOneOfTheSpecification) {
  const auto h = hiding_generator();
  EXPECT_TRUE(h.on_curve());
  EXPECT_EQ(hex(h.be()), "0a1d0f9905521967cd5c2180f2fdc0e26bf063127ba92279405855b0aa98612f"
                         "2652f5d2d1e195330f07ea81ac80ffdcca339e0ef5b16c6f53178ddfa199a968");
}

TEST(Curve, AdditionAndMultiplicationAgree) {
  SeededRandom random(1);
  const G1 g = G1Affine::generator();
  for (int i = 0; i < 20; ++i) {
    const Fr a = Fr::random(random), b = Fr::random(random);
    EXPECT_EQ(g * a + g * b, g * (a + b));
    EXPECT_EQ((g * a) * b, g * (a * b));
    EXPECT_EQ(g * a + (g * b).affine(), g * (a + b));
    EXPECT_TRUE((g * a).affine().on_curve());
  }
  EXPECT_EQ(g + g, g.doubled());
  EXPECT_EQ(g + G1Affine::generator(), g.doubled());
  EXPECT_TRUE((g + -g).is_infinity());
  EXPECT_TRUE((g * Fr::zero()).is_infinity());
  EXPECT_EQ(g * -Fr::one(), -g);
}

TEST(Curve, MsmEqualsItsSlowTwin) {
  SeededRandom random(3);
  for (std::size_t size : {0, 1, 7, 8, 9, 100, 700}) {
    std::vector<G1Affine> points;
    std::vector<Fr> scalars;
    for (std::size_t i = 0; i < size; ++i) {
      points.push_back(i % 11 == 5 ? points[i - 1] : i % 11 == 6 ? -points[i - 1] : i % 13 == 7 ? G1Affine{} : (G1(G1Affine::generator()) * Fr::random(random)).affine());
      scalars.push_back(i % 5 == 0 ? Fr(random.below(3)) : i % 5 == 1 ? -Fr(random.below(300)) : i % 11 == 6 ? scalars[i - 1] : Fr::random(random));
    }
    EXPECT_EQ(msm(points, scalars), msm_slow(points, scalars)) << size;
  }
}

TEST(Curve, EachMsmBackEndEqualsItsSlowTwin) {
  SeededRandom random(5);
  std::vector<G1Affine> points;
  G1 walk = G1(G1Affine::generator()) * Fr::random(random);
  for (std::size_t i = 0; i < 3000; ++i) {
    walk += G1Affine::generator();
    points.push_back(walk.affine());
  }
  // Repeated points, opposite points and infinity meet in the same buckets.
  for (std::size_t i = 0; i < 400; ++i) points[3 * i] = i % 3 == 0 ? points[1] : i % 3 == 1 ? -points[1] : G1Affine{};
  // Enough for lists whose parts' parts are to be added: all of them in one bucket.
  points.reserve(20'000);
  while (points.size() < 20'000) points.push_back(points.size() % 7 == 3 ? points[points.size() - 2900] : points.size() % 7 == 4 ? -points[points.size() - 1] : (G1(points[points.size() - 2500]) + points[0]).affine());
  for (const std::size_t size : {128, 1000, 3000, 20'000})
    for (const int kind : {0, 1, 2, 3, 4}) {
      std::vector<Fr> scalars;
      for (std::size_t i = 0; i < size; ++i)
        scalars.push_back(kind == 0 ? Fr::random(random) : kind == 1 ? Fr(random.below(3)) : kind == 2 ? -Fr(random.below(5)) : kind == 3 ? Fr::one() : Fr(random.u64()));
      const auto here = std::span<const G1Affine>(points).first(size);
      const G1 slow = msm_portable(here, scalars);
      EXPECT_EQ(msm(here, scalars), slow) << size << " kind " << kind;
      EXPECT_EQ(msm(here, scalars, 2), slow) << size << " kind " << kind;
    }
  for (const unsigned bits : {1u, 8u, 16u, 33u, 48u}) {
    std::vector<std::int64_t> small;
    std::vector<Fr> full;
    for (std::size_t i = 0; i < 2000; ++i) {
      const std::int64_t bound = std::int64_t{1} << bits, value = static_cast<std::int64_t>(random.u64() & static_cast<std::uint64_t>(2 * bound - 1)) - bound;
      small.push_back(i == 7 ? bound - 1 : i == 9 ? -bound : value);
      full.push_back(Fr::from_signed(small.back()));
    }
    const auto here = std::span<const G1Affine>(points).first(2000);
    EXPECT_EQ(msm(here, small, bits), msm_portable(here, full)) << bits;
    full[5] = Fr::random(random);
    for (std::size_t i = 100; i < 600; ++i) full[i] = Fr::zero();
    EXPECT_EQ(msm_mixed(here, full), msm_portable(here, full)) << bits;
  }
}

TEST(Curve, MultiplesOfOnePoint) {
  SeededRandom random(6);
  for (const std::size_t size : {1, 30, 4100}) {
    std::vector<Fr> scalars = {Fr::zero(), Fr::one(), -Fr::one(), Fr(2048), Fr(2049), Fr(4096), -Fr(4095), Fr(2).pow(253), Fr(128), Fr(129), Fr(255)};
    while (scalars.size() < size) scalars.push_back(random.below(2) ? Fr::random(random) : Fr(random.below(70)));
    scalars.resize(size);
    const G1Affine base = (G1(G1Affine::generator()) * Fr::random(random)).affine();
    const auto points = multiples(base, scalars);
    ASSERT_EQ(points.size(), size);
    for (std::size_t i = 0; i < size; i += i < 40 ? 1 : 37) EXPECT_EQ(points[i], (G1(base) * scalars[i]).affine()) << i;
  }
}

TEST(Curve, ThePairingIsBilinearAndNotDegenerate) {
  SeededRandom random(2);
  const G1 g = G1Affine::generator();
  const G2Affine h = G2Affine::generator();
  EXPECT_TRUE(h.in_group());
  for (int i = 0; i < 4; ++i) {
    const Fr a = Fr::random(random), b = Fr::random(random);
    const G2Affine hb = h * b;
    EXPECT_TRUE(hb.in_group());
    const G2Prepared left(hb), right(h);
    // e(aG, bH) = e(abG, H)
    std::pair<G1Affine, const G2Prepared*> good[] = {{(g * a).affine(), &left}, {(-(g * (a * b))).affine(), &right}};
    EXPECT_TRUE(pairing_product_is_one(good));
    std::pair<G1Affine, const G2Prepared*> bad[] = {{(g * a).affine(), &left}, {(-(g * (a * b + Fr::one()))).affine(), &right}};
    EXPECT_FALSE(pairing_product_is_one(bad));
    EXPECT_FALSE(pairing_product_is_one(std::span(good, 1)));
  }
}

TEST(Curve, PointsFromOutsideAreChecked) {
  auto bytes = G1Affine::generator().be();
  EXPECT_TRUE(G1Affine::from_be(bytes));
  bytes[63] ^= 1;
  EXPECT_FALSE(G1Affine::from_be(bytes));  // not on the curve
  EXPECT_FALSE(G1Affine::from_be(std::array<std::uint8_t, 64>{}));
  // x + q: the same point, not canonical
  std::array<std::uint8_t, 64> large = G1Affine::generator().be();
  detail::Limbs x{};
  detail::add_limbs(x, Fq::kModulus, {1, 0, 0, 0});
  for (int i = 0; i < 32; ++i) large[31 - i] = static_cast<std::uint8_t>(x[i / 8] >> (8 * (i % 8)));
  EXPECT_FALSE(G1Affine::from_be(large));
  // On the twist, but not of order p: the twist's cofactor is larger than 1.
  const auto good = G2Affine::generator().be();
  EXPECT_EQ(G2Affine::from_be(good), G2Affine::generator());
  int outside = 0;
  for (std::uint64_t i = 1; i < 40 && outside == 0; ++i) {
    const Fq2 x2{Fq(i), Fq(0)}, square = x2.squared() * x2 + Fq2::xi().inverse() * Fq(3);
    // A square root in Fq2 by the complex method: norm first.
    const auto root = [](const Fq& a) {
      detail::Limbs sum{}, exponent{};
      detail::add_limbs(sum, Fq::kModulus, {1, 0, 0, 0});
      for (int k = 0; k < 4; ++k) exponent[k] = sum[k] >> 2 | (k < 3 ? sum[k + 1] << 62 : 0);
      return a.pow(exponent);
    };
    const Fq norm = square.re.squared() + square.im.squared(), n = root(norm);
    if (n.squared() != norm) continue;
    for (const Fq& s : {n, -n}) {
      const Fq half = (square.re + s) * Fq(2).inverse(), re = root(half);
      if (re.squared() != half || re.is_zero()) continue;
      const G2Affine point{x2, {re, square.im * re.doubled().inverse()}};
      ASSERT_TRUE(point.on_curve());
      if (!point.in_group()) ++outside;
      EXPECT_EQ(G2Affine::from_be(point.be()).has_value(), point.in_group());
    }
  }
  EXPECT_GT(outside, 0);
}

}  // namespace
}  // namespace peaberry::proof
