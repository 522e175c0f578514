#pragma once

#include <peaberry/base/json.hpp>
#include <peaberry/base/random.hpp>

namespace peaberry::learn {

/// A figure with its 95 % bootstrap interval.
struct Interval {
  double value = 0, low = 0, high = 0;
  json::Object to_json() const;
};

struct RocPoint {
  double false_positive_rate, true_positive_rate;
};

struct Metrics {
  Interval accuracy, balanced_accuracy, auc, log_loss;
  std::vector<std::vector<std::uint64_t>> confusion;  ///< [truth][prediction]
  std::vector<RocPoint> roc;                           ///< of the second class (binary) or class-averaged one-vs-rest
};

/// `probabilities` is row-major [rows × classes].
Metrics evaluate(const std::vector<float>& probabilities, const std::vector<int>& truth, std::size_t classes, Random& random, int bootstraps = 200);

/// The area under the ROC curve by ranks (Mann–Whitney), ties shared. 0.5 when one class is absent.
double auc_of(const std::vector<double>& scores, const std::vector<bool>& positive);

std::string roc_svg(const Metrics& metrics);
struct Epoch;
std::string curve_svg(const std::vector<Epoch>& curve);

}  // namespace peaberry::learn
