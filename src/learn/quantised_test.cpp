#include "quantised.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "contest.hpp"
#include "metrics.hpp"
#include "trainer.hpp"

namespace peaberry::learn {
namespace {

/// A noisy rule over two numbers and a text, with holes.
std::string rows_of(std::uint64_t seed, std::size_t count) {
  SeededRandom random(seed);
  std::string out = "sun,rain,grain,result\n";
  for (std::size_t i = 0; i < count; ++i) {
    const double sun = random.unit() * 10, rain = random.unit() * 50;
    const char* grain = random.unit() < 0.4 ? "rye" : random.unit() < 0.5 ? "oat" : "spelt";
    const double score = (sun - 5) * 0.8 + (rain - 25) * 0.06 * (grain[0] == 'r' ? 1.5 : -0.5) + random.normal();
    out += (random.unit() < 0.05 ? std::string() : std::to_string(sun)) + "," + std::to_string(rain) + "," + grain + "," + (score > 0 ? "sold" : "kept") + "\n";
  }
  return out;
}

struct Fitted {
  TrainerOutput output;
  QuantisedModel model;
};
Fitted fit(const std::string& kind, std::uint64_t seed) {
  const auto table = ingest::read_csv(rows_of(1, 3000));
  auto output = train_table(*table, {.label = "result", .seed = seed, .model = kind}, {});
  EXPECT_TRUE(output) << output.error().text();
  EXPECT_FALSE(output->quantised.empty());
  auto model = QuantisedModel::parse(output->quantised);
  EXPECT_TRUE(model) << model.error().text();
  return {std::move(*output), std::move(*model)};
}

Answers answers_on(const QuantisedModel& model, const ingest::Records& records) {
  const auto columns = model.columns_in(records);
  EXPECT_TRUE(columns);
  const std::size_t positive = model.classes()[0] == "sold" ? 0 : 1;
  Answers out;
  for (const auto& row : records.rows) out.push_back(*model.answer(model.inputs(row, *columns), positive));
  return out;
}

TEST(Quantised, LosesLittleOfTheNetwork) {
  const auto records = *ingest::read_records(rows_of(99, 2000));
  std::vector<bool> sold;
  for (const auto& row : records.rows) sold.push_back(row[3] == "sold");
  for (const char* kind : {"logistic", "mlp"}) {
    const Fitted fitted = fit(kind, 5);
    const auto answers = answers_on(fitted.model, records);
    const double auc = auc_of(std::vector<double>(answers.begin(), answers.end()), sold);
    const double trained = fitted.output.metrics.at("auc").as_object().at("value").to_number<double>();
    EXPECT_GT(auc, trained - 0.02) << kind << ": " << auc << " of " << trained;
    const auto classifier = fitted.model.classifier();
    ASSERT_TRUE(classifier);
    const auto columns = fitted.model.columns_in(records);
    for (std::size_t r = 0; r < 200; ++r) {
      const auto inputs = fitted.model.inputs(records.rows[r], *columns);
      const auto chosen = classifier->run(inputs);
      ASSERT_TRUE(chosen);
      const std::size_t positive = fitted.model.classes()[0] == "sold" ? 0 : 1;
      if (answers[r] > 32'800) { EXPECT_EQ((*chosen)[0], static_cast<std::int32_t>(positive)); }
      if (answers[r] < 32'700) { EXPECT_EQ((*chosen)[0], static_cast<std::int32_t>(1 - positive)); }
    }
  }
}

TEST(Quantised, TheTextGivesTheModelBackAndTheSameSeedTheSameText) {
  const Fitted a = fit("mlp", 5), b = fit("mlp", 5);
  EXPECT_EQ(json::stringify(a.output.quantised), json::stringify(b.output.quantised));
  EXPECT_EQ(json::stringify(a.model.to_json()), json::stringify(a.output.quantised));
}

TEST(Quantised, WhatAStrangerSendsIsBounded) {
  const json::Object good = fit("mlp", 5).output.quantised;
  const auto says = [&](const std::function<void(json::Object&)>& change) {
    json::Object object = good;
    change(object);
    const auto parsed = QuantisedModel::parse(object);
    return parsed ? std::string() : parsed.error().message;
  };
  EXPECT_EQ(says([](auto&) {}), "");
  EXPECT_NE(says([](auto& o) { o["version"] = 2; }), "");
  EXPECT_NE(says([](auto& o) { o["qops"] = "AAAA"; }), "");
  EXPECT_NE(says([](auto& o) { o["outputScale"] = 0; }), "");
  EXPECT_NE(says([](auto& o) { o["columns"].as_array().pop_back(); }), "");
  EXPECT_NE(says([](auto& o) { o["classes"] = json::Array{"one"}; }), "");
  EXPECT_NE(says([](auto& o) { o["columns"].as_array()[0].as_object()["deviation"] = 0; }), "");
}

TEST(Quantised, ACopyIsFoundAndIndependentModelsAreNot) {
  const auto records = *ingest::read_records(rows_of(98, 1500));
  std::vector<bool> sold;
  for (const auto& row : records.rows) sold.push_back(row[3] == "sold");
  const Fitted first = fit("mlp", 5), independent = fit("mlp", 77), line = fit("logistic", 5);
  // A copy with one weight in a hundred touched up.
  SeededRandom random(3);
  auto layers = first.model.model().layers();
  for (auto& layer : layers)
    if (auto* dense = std::get_if<qops::Dense>(&layer))
      for (auto& weight : dense->weight)
        if (random.unit() < 0.01) weight = static_cast<std::int8_t>(std::clamp(weight + (random.unit() < 0.5 ? 3 : -3), -127, 127));
  json::Object touched = first.output.quantised;
  touched["qops"] = base64(qops::Model::make(first.model.model().inputs(), layers)->encode());
  const auto copy = QuantisedModel::parse(touched);
  ASSERT_TRUE(copy);
  const auto judged = judge_contest(sold, {answers_on(first.model, records), answers_on(line.model, records), answers_on(*copy, records), answers_on(independent.model, records)});
  ASSERT_TRUE(judged) << judged.error().text();
  EXPECT_EQ((*judged)[2].copy_of, std::optional<std::size_t>(0));
  EXPECT_EQ((*judged)[2].weight, 0);
  for (const std::size_t honest : {0U, 1U, 3U}) EXPECT_GT((*judged)[honest].weight, 20'000) << honest << " nearest " << (*judged)[honest].nearest_bps;
}

}  // namespace
}  // namespace peaberry::learn
