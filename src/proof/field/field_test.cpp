#include <gtest/gtest.h>

#include <peaberry/base/u256.hpp>

#include "vector.hpp"

namespace peaberry::proof {
namespace {

template <class F>
U256 number(const F& value) {
  return U256::from_be(value.be());
}
template <class F>
U256 modulus() {
  return number(-F::one()) + U256(1);
}
/// a·b mod p by shifting and adding: the plain meaning.
U256 times(U256 a, const U256& b, const U256& p) {
  U256 out;
  for (unsigned i = 0; i < 256; ++i) {
    if (b.bit(i)) {
      out += a;
      if (out >= p) out -= p;
    }
    a += a;
    if (a >= p) a -= p;
  }
  return out;
}

template <class F>
class Field : public testing::Test {
 public:
  std::vector<F> edges() {
    std::vector<F> out = {F::zero(), F::one(), -F::one(), F(2), -F(2), F(2).inverse(), F(~std::uint64_t{0}), F::from_signed(-5)};
    for (int i = 0; i < 24; ++i) out.push_back(F::random(random_));
    for (unsigned bit = 0; bit < 254; bit += 17) out.push_back(F(2).pow(bit));
    return out;
  }
  SeededRandom random_{21};
};
using Primes = testing::Types<Fr, Fq>;
TYPED_TEST_SUITE(Field, Primes);

TYPED_TEST(Field, ArithmeticIsThatOfTheIntegersModuloP) {
  using F = TypeParam;
  const U256 p = modulus<F>();
  for (const F& a : this->edges())
    for (const F& b : this->edges()) {
      const U256 x = number(a), y = number(b);
      EXPECT_EQ(number(a * b), times(x, y, p));
      EXPECT_EQ(a.times_portable(b), a * b);
      EXPECT_EQ(number(a + b), x + y >= p ? x + y - p : x + y);
      EXPECT_EQ(number(a - b), x >= y ? x - y : x + p - y);
    }
}

TYPED_TEST(Field, InversesAndPowers) {
  using F = TypeParam;
  EXPECT_TRUE(F::zero().inverse().is_zero());
  auto values = this->edges();
  auto inverses = values;
  batch_inverse<F>(inverses);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(inverses[i], values[i].inverse());
    EXPECT_EQ(inverses[i], values[i].inverse_by_fermat());
    if (!values[i].is_zero()) {
      EXPECT_EQ(values[i] * inverses[i], F::one());
    }
  }
  EXPECT_EQ(F(3).pow(5), F(243));
  for (int i = 0; i < 20'000; ++i) {  // division steps take a path of their own for every number
    const F value = i % 2 ? F::random(this->random_) : F::from_signed(i % 4 ? i : -i);
    ASSERT_EQ(value * value.inverse(), value.is_zero() ? F::zero() : F::one());
  }
}

TYPED_TEST(Field, WhatIsNotCanonicalIsRefused) {
  using F = TypeParam;
  const U256 p = modulus<F>();
  EXPECT_FALSE(F::from_be(p.be()));
  EXPECT_FALSE(F::from_be((p + U256(1)).be()));
  EXPECT_FALSE(F::from_be(U256::max().be()));
  EXPECT_EQ(F::from_be((p - U256(1)).be()), -F::one());
  EXPECT_EQ(F::from_be_reduced(p.be()), F::zero());
  EXPECT_EQ(number(F::from_be_reduced(U256::max().be())), U256::max() % p);
  for (const F& value : this->edges()) EXPECT_EQ(F::from_be(value.be()), value);
}

TEST(Kernels, EachBackEndEqualsThePortableOne) {
  SeededRandom random(22);
  const auto &slow = portable_kernels(), &fast = kernels();
  std::printf("kernels: %s\n", fast.name);
  for (const std::size_t size : {0, 1, 7, 8, 9, 16, 100, 257, 1040, 4107}) {
    for (int round = 0; round < (size > 2000 ? 2 : 20); ++round) {
      const auto draw = [&] {
        switch (random.below(5)) {
          case 0: return Fr(random.below(3));
          case 1: return -Fr(random.below(3));
          case 2: return Fr(2).pow(random.below(254));
          default: return Fr::random(random);
        }
      };
      std::vector<Fr> a(2 * size), b(2 * size), x(size), y(size), z(size), w(size);
      for (Fr& value : a) value = draw();
      for (Fr& value : b) value = draw();
      for (std::size_t i = 0; i < size; ++i) x[i] = y[i] = draw();
      const Fr r = draw();
      slow.mul(x.data(), a.data(), b.data(), size), fast.mul(y.data(), a.data(), b.data(), size);
      EXPECT_EQ(x, y);
      slow.scale(x.data(), a.data(), r, size), fast.scale(y.data(), a.data(), r, size);
      EXPECT_EQ(x, y);
      slow.mac(x.data(), b.data(), r, size), fast.mac(y.data(), b.data(), r, size);
      EXPECT_EQ(x, y);
      slow.fold(x.data(), a.data(), r, size), fast.fold(y.data(), a.data(), r, size);
      EXPECT_EQ(x, y);
      slow.split(x.data(), z.data(), a.data(), size), fast.split(y.data(), w.data(), a.data(), size);
      EXPECT_EQ(x, y);
      EXPECT_EQ(z, w);
      EXPECT_EQ(slow.dot(a.data(), b.data(), size), fast.dot(a.data(), b.data(), size));
      Fr c0, c2, d0, d2;
      slow.round2(&c0, &c2, a.data(), b.data(), size), fast.round2(&d0, &d2, a.data(), b.data(), size);
      EXPECT_EQ(c0, d0);
      EXPECT_EQ(c2, d2);
      {
        std::vector<std::int64_t> whole(size), found(size);
        std::vector<Fr> elements(size);
        constexpr std::int64_t kEdge = (std::int64_t{1} << 51) - 1, kSmall = (std::int64_t{1} << 50) - 1;
        for (auto& value : whole) value = random.below(4) == 0 ? (random.below(2) ? kEdge : -kEdge) : static_cast<std::int64_t>(random.u64() >> 12) - kEdge;
        for (std::size_t i = 0; i < size; ++i) elements[i] = Fr::from_signed(whole[i]);
        for (const auto* kernels : {&slow, &fast}) EXPECT_EQ(kernels->dot_small(a.data(), whole.data(), size), slow.dot(a.data(), elements.data(), size)) << kernels->name;
        for (auto& value : whole) value = random.below(3) == 0 ? (random.below(2) ? kSmall : -kSmall) : static_cast<std::int64_t>(random.below(7)) - 3;
        for (std::size_t i = 0; i < size; ++i) elements[i] = Fr::from_signed(whole[i]);
        for (const auto* kernels : {&slow, &fast}) {
          EXPECT_TRUE(kernels->small(found.data(), elements.data(), size)) << kernels->name;
          EXPECT_TRUE(std::equal(found.begin(), found.end(), whole.begin())) << kernels->name;
        }
        if (size != 0)
          for (const Fr& large : {Fr::from_signed(kSmall + 1), Fr::from_signed(-kSmall - 1), Fr(std::uint64_t{1} << 52), Fr(2).pow(104), Fr(2).pow(208), Fr::random(random)}) {
            auto changed = elements;
            changed[random.below(size)] = large;
            for (const auto* kernels : {&slow, &fast}) EXPECT_FALSE(kernels->small(found.data(), changed.data(), size)) << kernels->name;
          }
      }
      for (const auto* kernels : {&slow, &fast}) {
        const std::size_t tiles = size / 8;
        std::vector<Tile> ta(tiles), tb(tiles), tc(tiles);
        kernels->pack(ta.data(), a.data(), tiles), kernels->pack(tb.data(), b.data(), tiles);
        kernels->mul_tiles(tc.data(), ta.data(), tb.data(), tiles);
        kernels->mul_tiles(tc.data(), tc.data(), tb.data(), tiles);  // factors that are not reduced
        kernels->unpack(y.data(), tc.data(), tiles);
        for (std::size_t i = 0; i < 8 * tiles; ++i) EXPECT_EQ(y[i], a[i] * b[i] * b[i]) << kernels->name;
        const auto expect = [&](const auto& value) {
          kernels->unpack(y.data(), tc.data(), tiles);
          for (std::size_t i = 0; i < 8 * tiles; ++i) EXPECT_EQ(y[i], value(i)) << kernels->name;
        };
        kernels->mul_tiles(ta.data(), ta.data(), tb.data(), tiles);  // now a·b
        const auto product = [&](std::size_t i) { return a[i] * b[i]; };
        kernels->add_tiles(tc.data(), ta.data(), tb.data(), tiles), expect([&](std::size_t i) { return product(i) + b[i]; });
        kernels->sub_tiles(tc.data(), tb.data(), ta.data(), tiles), expect([&](std::size_t i) { return b[i] - product(i); });
        kernels->mac_tiles(tc.data(), ta.data(), r, tiles), expect([&](std::size_t i) { return b[i] - product(i) + r * product(i); });
        kernels->scale_tiles(tc.data(), ta.data(), r, tiles), expect([&](std::size_t i) { return product(i) * r; });
        kernels->shift_tiles(tc.data(), ta.data(), r, false, tiles), expect([&](std::size_t i) { return product(i) + r; });
        kernels->shift_tiles(tc.data(), tc.data(), r, true, tiles), expect([&](std::size_t i) { return -product(i); });
        Fr dotted;
        for (std::size_t i = 0; i < 8 * tiles; ++i) dotted += product(i) * b[i];
        EXPECT_EQ(kernels->dot_tiles(ta.data(), tb.data(), tiles), dotted) << kernels->name;
        kernels->split_tiles(tc.data(), ta.data(), a.data(), tiles);
        expect([&](std::size_t i) { return a[2 * i]; });
        kernels->add_tiles(tc.data(), tc.data(), ta.data(), tiles), expect([&](std::size_t i) { return a[2 * i + 1]; });
      }
      {  // fused: each back end in its own tiles, from elements and from tiles, in place
        const std::size_t tiles = size / 16 / 2 * 2;
        std::vector<Fr> f(16 * tiles), g(16 * tiles), f2(8 * tiles), g2(8 * tiles);
        if (tiles != 0) {
          slow.fold(f.data(), a.data(), r, 8 * tiles), slow.fold(g.data(), b.data(), r, 8 * tiles);
          Fr e0, e2;
          slow.round2(&e0, &e2, f.data(), g.data(), 4 * tiles);
          for (const auto* kernels : {&slow, &fast}) {
            std::vector<Tile> tf(2 * tiles), tg(2 * tiles);
            kernels->first_fold_round2(tf.data(), tg.data(), a.data(), b.data(), r, tiles, &c0, &c2);
            EXPECT_EQ(c0, e0) << kernels->name;
            EXPECT_EQ(c2, e2) << kernels->name;
            kernels->unpack(f2.data(), tf.data(), tiles), kernels->unpack(g2.data(), tg.data(), tiles);
            EXPECT_TRUE(std::equal(f2.begin(), f2.end(), f.begin()) && std::equal(g2.begin(), g2.end(), g.begin())) << kernels->name;
            kernels->pack(tf.data(), a.data(), 2 * tiles), kernels->pack(tg.data(), b.data(), 2 * tiles);
            kernels->fold_round2(tf.data(), tg.data(), tf.data(), tg.data(), r, tiles, &c0, &c2);
            EXPECT_EQ(c0, e0) << kernels->name;
            EXPECT_EQ(c2, e2) << kernels->name;
            kernels->unpack(f2.data(), tf.data(), tiles), kernels->unpack(g2.data(), tg.data(), tiles);
            EXPECT_TRUE(std::equal(f2.begin(), f2.end(), f.begin()) && std::equal(g2.begin(), g2.end(), g.begin())) << kernels->name;
          }
        }
      }
      for (const auto* kernels : {&slow, &fast}) {
        std::copy_n(b.begin(), size, y.begin());
        kernels->inverse(y.data(), size);
        for (std::size_t i = 0; i < size; ++i) EXPECT_EQ(y[i], b[i].inverse_by_fermat()) << kernels->name;
      }
      fast.fold(a.data(), a.data(), r, size);  // in place
      slow.fold(x.data(), b.data(), r, size);
      slow.fold(b.data(), b.data(), r, size);
      EXPECT_TRUE(std::equal(x.begin(), x.end(), b.begin()));
    }
  }
}

}  // namespace
}  // namespace peaberry::proof
