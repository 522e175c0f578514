#pragma once

#include <peaberry/base/json.hpp>
#include <peaberry/ingest/csv.hpp>
#include <peaberry/qops/model.hpp>

#include "network.hpp"

namespace peaberry::learn {

/// A trained classifier in whole numbers: how a row becomes int8 inputs, and a QOps model whose last layer gives one logit a class. What a contest
/// commits to, and what the chain can run. Immutable; thread-safe.
class QuantisedModel {
 public:
  /// Weights and activations by symmetric scales, activations calibrated on `rows` (encoded, as the network takes them). kInvalid where it does
  /// not fit into QOps (4096 inputs).
  static Result<QuantisedModel> make(const FeatureEncoder& encoder, const Network& network, const std::string& label, const std::vector<std::string>& classes, const Matrix& rows);
  /// Strict and bounded: what a stranger's model may look like.
  static Result<QuantisedModel> parse(const json::Object& object);
  json::Object to_json() const;

  const std::string& label() const { return label_; }
  const std::vector<std::string>& classes() const { return classes_; }
  const qops::Model& model() const { return model_; }
  /// The same model with an argmax at its end: one word, the class.
  Result<qops::Model> classifier() const;

  /// Where the model's columns stand in a table. kInvalid: one is missing.
  Result<std::vector<std::size_t>> columns_in(const ingest::Records& records) const;
  /// One row's inputs.
  std::vector<std::int8_t> inputs(const std::vector<std::string>& row, const std::vector<std::size_t>& columns) const;
  /// The probability of class `positive`, × 65535, halves up.
  Result<std::uint16_t> answer(std::span<const std::int8_t> inputs, std::size_t positive) const;

  static constexpr double kInputScale = 1.0 / 32;  ///< standardised numbers to ±4 deviations, flags to 0 and 32

 private:
  QuantisedModel(qops::Model model) : model_(std::move(model)) {}
  FeatureEncoder encoder_;
  std::string label_;
  std::vector<std::string> classes_;
  double output_scale_ = 1;  ///< logits = words × this
  qops::Model model_;
};

}  // namespace peaberry::learn
