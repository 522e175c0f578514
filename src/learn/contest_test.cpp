#include "contest.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <peaberry/base/random.hpp>

#include "yuma.hpp"

namespace peaberry::learn {
namespace {

constexpr std::size_t kFeatures = 40, kHidden = 10;

/// A small network with one hidden layer, trained by plain gradient descent: enough weights that one in a hundred can be touched up.
struct Net {
  std::vector<double> w;  // kHidden × (kFeatures + 1), then kHidden + 1
  double run(const std::vector<double>& x, std::vector<double>* hidden = nullptr) const {
    double z = w.back();
    for (std::size_t h = 0; h < kHidden; ++h) {
      double a = w[h * (kFeatures + 1) + kFeatures];
      for (std::size_t i = 0; i < kFeatures; ++i) a += w[h * (kFeatures + 1) + i] * x[i];
      a = std::tanh(a);
      if (hidden != nullptr) (*hidden)[h] = a;
      z += w[kHidden * (kFeatures + 1) + h] * a;
    }
    return 1 / (1 + std::exp(-z));
  }
};
struct Rows {
  std::vector<std::vector<double>> x;
  std::vector<bool> y;
};
Rows draw(std::size_t n, Random& random) {
  Rows out;
  for (std::size_t r = 0; r < n; ++r) {
    std::vector<double> x(kFeatures);
    double z = 0;
    for (std::size_t i = 0; i < kFeatures; ++i) x[i] = random.normal(), z += x[i] * (i % 3 == 0 ? 0.6 : -0.2);
    out.y.push_back(random.unit() < 1 / (1 + std::exp(-z)));
    out.x.push_back(std::move(x));
  }
  return out;
}
Net train(const Rows& rows, std::uint64_t seed) {
  SeededRandom random(seed);
  Net net{std::vector<double>(kHidden * (kFeatures + 1) + kHidden + 1)};
  for (double& w : net.w) w = 0.2 * random.normal();
  std::vector<double> hidden(kHidden);
  for (int epoch = 0; epoch < 12; ++epoch)
    for (std::size_t r = 0; r < rows.x.size(); ++r) {
      const double error = net.run(rows.x[r], &hidden) - (rows.y[r] ? 1 : 0), step = 0.01 * error;
      for (std::size_t h = 0; h < kHidden; ++h) {
        double& out = net.w[kHidden * (kFeatures + 1) + h];
        const double back = step * out * (1 - hidden[h] * hidden[h]);
        out -= step * hidden[h];
        for (std::size_t i = 0; i < kFeatures; ++i) net.w[h * (kFeatures + 1) + i] -= back * rows.x[r][i];
        net.w[h * (kFeatures + 1) + kFeatures] -= back;
      }
      net.w.back() -= step;
    }
  return net;
}
Answers answers(const Net& net, const Rows& rows) {
  Answers out;
  for (const auto& x : rows.x) out.push_back(static_cast<std::uint16_t>(net.run(x) * 65'535));
  return out;
}
/// One weight in a hundred changed by a tenth.
Net touched_up(Net net, std::uint64_t seed) {
  SeededRandom random(seed);
  for (std::size_t n = 0; n < net.w.size() / 100 + 1; ++n) net.w[random.below(net.w.size())] *= 1.1;
  return net;
}

class Contest : public testing::Test {
 protected:
  SeededRandom random_{9};
  Rows first_ = draw(2'000, random_), second_ = draw(2'000, random_), held_out_ = draw(1'500, random_);
  Net honest_ = train(first_, 1), independent_ = train(second_, 2);
};

TEST_F(Contest, ACopyEarnsNothingAndAnIndependentModelOfEqualWorthIsNotPunished) {
  const auto judged = judge_contest(held_out_.y, {answers(honest_, held_out_), answers(honest_, held_out_), answers(touched_up(honest_, 3), held_out_), answers(independent_, held_out_)});
  ASSERT_TRUE(judged) << judged.error().text();
  const auto& list = *judged;
  EXPECT_GT(list[0].weight, 20'000);
  EXPECT_EQ(list[1].copy_of, std::optional<std::size_t>(0)) << "byte for byte";
  EXPECT_EQ(list[1].weight, 0);
  EXPECT_EQ(list[2].copy_of, std::optional<std::size_t>(0)) << "touched up: " << list[2].nearest_bps;
  EXPECT_EQ(list[2].weight, 0);
  EXPECT_FALSE(list[3].copy_of) << "honest: " << list[3].nearest_bps;
  EXPECT_NEAR(list[3].auc, list[0].auc, 0.02) << "as good as the first";
  EXPECT_GT(list[3].weight, 20'000);
  EXPECT_LT(list[3].nearest_bps, 7'000U) << "and far from the threshold";
}

TEST_F(Contest, ManyTouchedUpCopiesAreFoundAndManyHonestModelsAreNot) {
  const Answers original = answers(honest_, held_out_);
  for (std::uint64_t seed = 10; seed < 30; ++seed) {
    const auto copy = judge_contest(held_out_.y, {original, answers(touched_up(honest_, seed), held_out_)});
    EXPECT_TRUE((*copy)[1].copy_of) << "seed " << seed << ": " << (*copy)[1].nearest_bps;
  }
  for (std::uint64_t seed = 40; seed < 46; ++seed) {  // the same rows even: another beginning is another model
    const auto honest = judge_contest(held_out_.y, {original, answers(train(second_, seed), held_out_)});
    EXPECT_FALSE((*honest)[1].copy_of) << "seed " << seed << ": " << (*honest)[1].nearest_bps;
  }
}

TEST_F(Contest, TheOrderOfCommitmentsDecidesWhoCopied) {
  const auto judged = judge_contest(held_out_.y, {answers(touched_up(honest_, 3), held_out_), answers(honest_, held_out_)});
  EXPECT_FALSE((*judged)[0].copy_of);
  EXPECT_TRUE((*judged)[1].copy_of) << "whoever commits late loses: commit before you show";
}

TEST_F(Contest, TheWeightsGoThroughYuma) {
  const auto judged = judge_contest(held_out_.y, {answers(honest_, held_out_), answers(independent_, held_out_), answers(touched_up(honest_, 3), held_out_)});
  yuma::State state = yuma::State::of_size(6);
  for (std::size_t v = 0; v < 3; ++v) {
    state.stake[v] = 100 + v, state.permit[v] = 1, state.last_update[v] = 1;
    for (std::uint16_t t = 0; t < 3; ++t) state.weights[v].push_back({static_cast<std::uint16_t>(3 + t), (*judged)[t].weight});
  }
  const auto epoch = yuma::run(state, {}, 1);
  ASSERT_TRUE(epoch);
  EXPECT_GT(epoch->server_emission[3], 200'000'000U);
  EXPECT_GT(epoch->server_emission[4], 200'000'000U);
  EXPECT_EQ(epoch->server_emission[5], 0U) << "the copy";
}

TEST_F(Contest, RefusesWhatCannotBeJudged) {
  const Answers good = answers(honest_, held_out_);
  EXPECT_EQ(judge_contest(std::vector<bool>(50, true), {}).error().code, Errc::kInvalid) << "too few";
  EXPECT_EQ(judge_contest(std::vector<bool>(1'500, true), {good}).error().code, Errc::kInvalid) << "one class";
  EXPECT_EQ(judge_contest(held_out_.y, {Answers(3)}).error().code, Errc::kInvalid) << "other rows";
  EXPECT_EQ((*judge_contest(held_out_.y, {Answers{}, good}))[0].weight, 0) << "not revealed";
}

}  // namespace
}  // namespace peaberry::learn
