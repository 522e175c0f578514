#include "model.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <peaberry/base/files.hpp>
#include <peaberry/base/random.hpp>

namespace peaberry::qops {
namespace {

/// The slow twin: one value at a time in 64 bits, straight from docs/reference/qops.md.
std::vector<std::int64_t> slow(const Model& model, const std::vector<std::int8_t>& input) {
  std::vector<std::int64_t> x(input.begin(), input.end());
  for (const Layer& layer : model.layers()) {
    std::vector<std::int64_t> y;
    if (const auto* dense = std::get_if<Dense>(&layer)) {
      for (std::size_t o = 0; o < dense->bias.size(); ++o) {
        std::int64_t sum = dense->bias[o];
        for (std::size_t i = 0; i < x.size(); ++i) sum += dense->weight[o * dense->inputs + i] * x[i];
        EXPECT_LT(std::abs(sum), std::int64_t{1} << 31);
        y.push_back(sum);
      }
    } else if (const auto* op = std::get_if<Requantise>(&layer)) {
      for (const std::int64_t value : x) {
        // floor((2 x m + 2^s) / 2^(s+1))
        const __int128 numerator = static_cast<__int128>(2) * value * op->multiplier + (static_cast<__int128>(1) << op->shift), divisor = static_cast<__int128>(1) << (op->shift + 1);
        __int128 quotient = numerator / divisor;
        if (numerator % divisor < 0) --quotient;
        y.push_back(quotient > 127 ? 127 : quotient < -128 ? -128 : static_cast<std::int64_t>(quotient));
      }
    } else if (std::holds_alternative<Relu>(layer)) {
      for (const std::int64_t value : x) y.push_back(value > 0 ? value : 0);
    } else if (std::holds_alternative<Argmax>(layer)) {
      std::size_t best = 0;
      for (std::size_t i = 1; i < x.size(); ++i) best = x[i] > x[best] ? i : best;
      y.push_back(static_cast<std::int64_t>(best));
    } else {
      const auto& stump = std::get<Stump>(layer);
      y.push_back(x[stump.feature] <= stump.threshold ? stump.at_most : stump.above);
    }
    x = std::move(y);
  }
  return x;
}

Model random_model(Random& random, std::size_t width_max) {
  const std::size_t inputs = 1 + random.below(width_max);
  std::vector<Layer> layers;
  std::size_t width = inputs;
  bool narrow = true;
  const std::size_t count = 1 + random.below(5);
  while (layers.size() < count) {
    const std::uint64_t what = random.below(10);
    if (narrow && what < 5) {
      Dense dense{width, {}, {}};
      for (std::size_t o = 0, outputs = 1 + random.below(width_max); o < outputs; ++o) dense.bias.push_back(static_cast<std::int32_t>(random.below(1'000'000)) - 500'000);
      for (std::size_t i = 0; i < dense.bias.size() * width; ++i) dense.weight.push_back(static_cast<std::int8_t>(random.below(256)));
      width = dense.bias.size(), narrow = false;
      layers.emplace_back(std::move(dense));
    } else if (!narrow && what < 6) {
      layers.emplace_back(Requantise{static_cast<std::uint32_t>(random.below(std::uint64_t{1} << 31)), static_cast<std::uint8_t>(1 + random.below(62))});
      narrow = true;
    } else if (what < 8) {
      layers.emplace_back(Relu{});
    } else if (what == 8) {
      layers.emplace_back(Argmax{});
      width = 1, narrow = false;
    } else {
      layers.emplace_back(Stump{static_cast<std::uint16_t>(random.below(width)), static_cast<std::int32_t>(random.below(256)) - 128, static_cast<std::int32_t>(random.below(std::uint64_t{1} << 32)), 7});
      width = 1, narrow = false;
    }
  }
  auto made = Model::make(inputs, std::move(layers));
  EXPECT_TRUE(made) << made.error().text();
  return *made;
}
std::vector<std::int8_t> random_input(Random& random, std::size_t size) {
  std::vector<std::int8_t> out(size);
  for (auto& value : out) value = static_cast<std::int8_t>(random.below(256));
  return out;
}

TEST(QOps, IsItsSlowTwinOnRandomModels) {
  SeededRandom random(1);
  for (int round = 0; round < 500; ++round) {
    const Model model = random_model(random, 40);
    ASSERT_EQ(*Model::parse(model.encode()), model);
    const auto input = random_input(random, model.inputs());
    const auto got = model.run(input);
    ASSERT_TRUE(got);
    ASSERT_EQ(std::vector<std::int64_t>(got->begin(), got->end()), slow(model, input)) << "round " << round;
  }
}

TEST(QOps, AccumulatorsStayInInt32AtTheirWorst) {
  // |bias| + 128 Σ|weight| = 2^31 - 1 is the last that is valid.
  Dense dense{2, {static_cast<std::int32_t>((std::int64_t{1} << 31) - 1 - 128 * 228)}, {127, 101}};
  auto model = Model::make(2, {dense});
  ASSERT_TRUE(model) << model.error().text();
  EXPECT_EQ((*model->run(std::vector<std::int8_t>{127, 127}))[0], dense.bias[0] + 127 * 228);
  ++dense.bias[0];
  EXPECT_NE(Model::make(2, {dense}).error().message.find("int32"), std::string::npos);
  dense.bias[0] = -(dense.bias[0] - 1);
  model = Model::make(2, {dense});
  ASSERT_TRUE(model);
  EXPECT_EQ((*model->run(std::vector<std::int8_t>{-128, -128}))[0], -std::numeric_limits<std::int32_t>::max());
}

TEST(QOps, WordsAreTwosComplement) {
  EXPECT_EQ(hex(output_words(std::vector<std::int32_t>{-1, 258})), std::string(64, 'f') + std::string(60, '0') + "0102");
  EXPECT_EQ(quantise(std::vector<double>{0.5, -0.5, 1.49, 1e9, -1e9, 0.25}, 1.0), (std::vector<std::int8_t>{1, 0, 1, 127, -128, 0}));
}

TEST(QOps, RefusesWhatIsNoModel) {
  const Bytes good = Model::make(2, {Dense{2, {1}, {1, 2}}, Requantise{1, 1}, Relu{}, Argmax{}})->encode();
  for (std::size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(Model::parse(ByteView(good).first(n))) << n;
  Bytes more = good;
  more.push_back(0);
  EXPECT_FALSE(Model::parse(more));
  EXPECT_FALSE(Model::make(0, {Relu{}}));
  EXPECT_FALSE(Model::make(4'097, {Relu{}}));
  EXPECT_FALSE(Model::make(2, {}));
  EXPECT_FALSE(Model::make(2, std::vector<Layer>(17, Relu{})));
  EXPECT_FALSE(Model::make(2, {Requantise{1, 1}})) << "int8 is not requantised";
  EXPECT_FALSE(Model::make(2, {Argmax{}, Dense{1, {1}, {1}}})) << "wide values do not go into a dense layer";
  EXPECT_FALSE(Model::make(2, {Dense{3, {1}, {1, 2, 3}}})) << "three inputs where there are two";
  EXPECT_FALSE(Model::make(2, {Stump{2, 0, 0, 0}}));
  EXPECT_FALSE(Model::make(2, {Dense{2, {1}, {1, 2}}, Requantise{std::uint32_t{1} << 31, 1}}));
  EXPECT_FALSE(Model::make(2, {Dense{2, {1}, {1, 2}}, Requantise{1, 63}}));
  EXPECT_EQ(Model::make(2, {Relu{}})->run(std::vector<std::int8_t>(3)).error().code, Errc::kInvalid);
}

/// tests/vectors/qops/random_models.hex binds the Solidity twin (contracts/src/evidence/QOps.sol), which is tested against the same file.
/// A case: model length (2 B) | model | valid (1 B) | if valid: input (model's inputs) | output words' length (2 B) | output words
TEST(QOps, TheFileForTheSolidityTwinIsOurs) {
  SeededRandom random(33);
  Bytes file;
  const auto put = [&file](std::uint64_t value) { file.push_back(static_cast<std::uint8_t>(value >> 8)), file.push_back(static_cast<std::uint8_t>(value)); };
  for (int round = 0; round < 150; ++round) {
    Bytes model = random_model(random, 9).encode();
    if (random.below(3) == 0) model[random.below(model.size())] ^= static_cast<std::uint8_t>(1U << random.below(8));
    if (random.below(12) == 0) model.resize(random.below(model.size()) + 1);
    put(model.size());
    append(file, model);
    const auto parsed = Model::parse(model);
    file.push_back(parsed ? 1 : 0);
    if (!parsed) continue;
    const auto input = random_input(random, parsed->inputs());
    for (const std::int8_t value : input) file.push_back(static_cast<std::uint8_t>(value));
    const Bytes words = output_words(*parsed->run(input));
    put(words.size());
    append(file, words);
  }
  const std::string path = std::string(PEABERRY_SOURCE_DIR) + "/tests/vectors/qops/random_models.hex";
  if (std::getenv("PEABERRY_WRITE_VECTORS") != nullptr) ASSERT_TRUE(write_file_atomic(path, as_bytes(hex0x(file) + "\n")));
  const auto known = read_text(path);
  ASSERT_TRUE(known);
  EXPECT_EQ(*known, hex0x(file) + "\n");
}

}  // namespace
}  // namespace peaberry::qops
