#include <gtest/gtest.h>

#include <peaberry/base/random.hpp>

#include "product.hpp"

namespace peaberry::proof {
namespace {

/// The slow twin: every table bound by its definition, every sum by its own.
TEST(Product, IsItsDefinitionInEveryRoundOnAnyNumberOfThreads) {
  SeededRandom random(5);
  for (const unsigned log : {0u, 1u, 3u, 5u, 6u, 7u, 9u, 14u}) {
    for (const unsigned threads : {1u, 2u, 3u, 7u}) {
      LargeVector<Fr> f(std::size_t{1} << log), w(f.size());
      for (std::size_t i = 0; i < f.size(); ++i) f[i] = random.below(9) == 0 ? Fr(random.below(2)) : Fr::random(random), w[i] = random.below(9) == 0 ? -Fr(1) : Fr::random(random);
      Product product(f, w);
      for (unsigned round = 0; round < log + 2; ++round) {
        Fr c0, c2;
        if (f.size() == 1) c0 = c2 = f[0] * w[0];
        for (std::size_t i = 0; i + 1 < f.size(); i += 2) c0 += f[i] * w[i], c2 += (f[i + 1] - f[i]) * (w[i + 1] - w[i]);
        const auto sums = product.round(threads);
        ASSERT_TRUE(sums.first == c0 && sums.second == c2) << log << " " << threads << " " << round;
        ASSERT_EQ(product.size(), f.size());
        const Fr u = round % 5 == 4 ? Fr(round % 2) : Fr::random(random);
        product.bind(u, threads);
        for (auto* table : {&f, &w}) {
          if (table->size() == 1) (*table)[0] *= Fr::one() - u;
          for (std::size_t i = 0; i + 1 < table->size(); i += 2) (*table)[i / 2] = (*table)[i] + u * ((*table)[i + 1] - (*table)[i]);
          table->resize((table->size() + 1) / 2);
        }
      }
      EXPECT_TRUE(product.weight() == w[0]);
    }
  }
}

}  // namespace
}  // namespace peaberry::proof
