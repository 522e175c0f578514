#include "features.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace peaberry::learn {

std::size_t FeatureEncoder::width() const {
  std::size_t out = 0;
  for (const auto& column : columns) out += column.numeric ? 1 + (column.missing_indicator ? 1 : 0) : column.categories.size();
  return out;
}

// The order is the ONNX graph's: all standardised numbers, then the missing flags, then the one-hot groups.
void FeatureEncoder::encode(const float* raw, float* out) const {
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i].numeric) {
      const float value = std::isnan(raw[i]) ? static_cast<float>(columns[i].median) : raw[i];
      *out++ = (value - static_cast<float>(columns[i].mean)) / static_cast<float>(columns[i].deviation);
    }
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i].numeric && columns[i].missing_indicator) *out++ = std::isnan(raw[i]) ? 1.0F : 0.0F;
  for (std::size_t i = 0; i < columns.size(); ++i)
    for (std::size_t k = 0; k < columns[i].categories.size(); ++k) *out++ = raw[i] == static_cast<float>(k) ? 1.0F : 0.0F;
}

json::Array FeatureEncoder::describe() const {
  json::Array out;
  for (const auto& column : columns) {
    json::Object entry{{"name", column.name}, {"kind", column.numeric ? "number" : "category"}};
    if (!column.numeric) {
      json::Array list;
      for (const auto& category : column.categories) list.push_back(json::Value(category));
      entry["categories"] = list;
    }
    out.push_back(entry);
  }
  return out;
}

RawFeatures fit_features(const table::Table& table, std::size_t label, const std::vector<std::size_t>& train_rows) {
  RawFeatures out;
  std::vector<std::size_t> sources;
  for (std::size_t c = 0; c < table.columns.size(); ++c)
    if (c != label && table.columns[c].kind != table::Column::Kind::kText) sources.push_back(c);  // identifiers teach nothing
  out.raw = {table.rows(), sources.size(), std::vector<float>(table.rows() * sources.size())};
  for (std::size_t k = 0; k < sources.size(); ++k) {
    const table::Column& column = table.columns[sources[k]];
    ColumnEncoder encoder;
    encoder.name = column.name;
    encoder.numeric = column.kind == table::Column::Kind::kNumber;
    if (encoder.numeric) {
      std::vector<double> present;
      for (const std::size_t row : train_rows)
        if (!std::isnan(column.numbers[row])) present.push_back(column.numbers[row]);
      encoder.missing_indicator = present.size() != train_rows.size();
      if (!present.empty()) {
        std::nth_element(present.begin(), present.begin() + static_cast<std::ptrdiff_t>(present.size() / 2), present.end());
        encoder.median = present[present.size() / 2];
        double sum = 0, squares = 0;
        for (const double value : present) sum += value;
        const double filled = sum + encoder.median * static_cast<double>(train_rows.size() - present.size());
        encoder.mean = filled / static_cast<double>(train_rows.size());
        for (const double value : present) squares += (value - encoder.mean) * (value - encoder.mean);
        squares += (encoder.median - encoder.mean) * (encoder.median - encoder.mean) * static_cast<double>(train_rows.size() - present.size());
        encoder.deviation = std::sqrt(squares / static_cast<double>(train_rows.size()));
        if (encoder.deviation < 1e-12) encoder.deviation = 1;
      }
      for (std::size_t row = 0; row < table.rows(); ++row) out.raw.data[row * sources.size() + k] = static_cast<float>(column.numbers[row]);
    } else {
      std::vector<std::size_t> counts(column.categories.size());
      for (const std::size_t row : train_rows)
        if (column.codes[row] >= 0) ++counts[static_cast<std::size_t>(column.codes[row])];
      std::vector<std::size_t> order(counts.size());
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
      std::vector<float> index(counts.size(), -1.0F);
      for (const std::size_t code : order) {
        if (counts[code] < kCategoryCountMin || encoder.categories.size() == kCategoriesMax) break;
        index[code] = static_cast<float>(encoder.categories.size());
        encoder.categories.push_back(column.categories[code]);
      }
      for (std::size_t row = 0; row < table.rows(); ++row)
        out.raw.data[row * sources.size() + k] = column.codes[row] < 0 ? -1.0F : index[static_cast<std::size_t>(column.codes[row])];
    }
    out.encoder.columns.push_back(std::move(encoder));
  }
  return out;
}

Matrix encode_rows(const RawFeatures& features, const std::vector<std::size_t>& rows) {
  Matrix out{rows.size(), features.encoder.width(), {}};
  out.data.resize(out.rows * out.columns);
  for (std::size_t i = 0; i < rows.size(); ++i) features.encoder.encode(features.raw.row(rows[i]), out.data.data() + i * out.columns);
  return out;
}

}  // namespace peaberry::learn
