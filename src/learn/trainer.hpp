#pragma once

#include "metrics.hpp"
#include "network.hpp"

namespace peaberry::learn {

struct TrainerOptions {
  std::string label;          ///< column name; empty: the last column
  std::uint64_t seed = 1;
  std::string model = "auto"; ///< "logistic", "mlp" or "auto" (the better on validation)
  std::size_t hidden = 24;
};

/// What leaves the sandbox: weights, figures and two plots – no rows.
struct TrainerOutput {
  Bytes onnx;
  json::Object metrics;
  std::string roc_svg, curve_svg;
  json::Object quantised;  ///< QuantisedModel; empty where it would be too large for an owner's default egress policy
};

/// Cleans (drops exact duplicates and rows without a label), splits 70/15/15 by class, trains, evaluates on the test part.
/// The same table, options and seed give the same bytes.
Result<TrainerOutput> train_table(const table::Table& table, const TrainerOptions& options, const std::function<void(const std::string&)>& progress);

}  // namespace peaberry::learn
