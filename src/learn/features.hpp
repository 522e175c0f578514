#pragma once

#include <peaberry/base/json.hpp>
#include <peaberry/table/table.hpp>

namespace peaberry::learn {

/// How a raw column becomes model inputs. Fitted on the training rows only.
struct ColumnEncoder {
  std::string name;
  bool numeric = true;
  double median = 0, mean = 0, deviation = 1;
  bool missing_indicator = false;
  std::vector<std::string> categories;  ///< kept ones; the raw input is the index here, -1 for missing or any other
};

/// A dense row-major matrix of features.
struct Matrix {
  std::size_t rows = 0, columns = 0;
  std::vector<float> data;
  const float* row(std::size_t i) const { return data.data() + i * columns; }
};

/// The fitted preprocessing. Raw inputs: one float a column (NaN for missing numbers, the category's index for texts).
struct FeatureEncoder {
  std::vector<ColumnEncoder> columns;
  std::size_t width() const;
  /// Encodes one raw row.
  void encode(const float* raw, float* out) const;
  json::Array describe() const;
};

/// Categories seen fewer times than this are not kept: the model's metadata names no rare value.
inline constexpr std::size_t kCategoryCountMin = 20;
inline constexpr std::size_t kCategoriesMax = 32;

/// The raw matrix of all columns but `label`, and the fitted encoder over `train_rows`.
struct RawFeatures {
  FeatureEncoder encoder;
  Matrix raw;
};
RawFeatures fit_features(const table::Table& table, std::size_t label, const std::vector<std::size_t>& train_rows);
Matrix encode_rows(const RawFeatures& features, const std::vector<std::size_t>& rows);

}  // namespace peaberry::learn
