#include "quantised.hpp"

#include <algorithm>
#include <cmath>

namespace peaberry::learn {
namespace {

constexpr std::size_t kCalibrationRows = 4'000;

double largest(std::span<const float> values) {
  double out = 1e-9;
  for (const float value : values) out = std::max(out, std::abs(static_cast<double>(value)));
  return out;
}

/// Weights to int8 by one scale, biases to int32 at the accumulator's scale.
qops::Dense dense_of(const std::vector<float>& w, const std::vector<float>& b, std::size_t inputs, double input_scale, double& accumulator_scale) {
  qops::Dense out;
  out.inputs = inputs;
  const double scale = largest(w) / 127;
  accumulator_scale = scale * input_scale;
  for (const float weight : w) out.weight.push_back(static_cast<std::int8_t>(std::clamp(std::lround(weight / scale), -127L, 127L)));
  for (const float bias : b) out.bias.push_back(static_cast<std::int32_t>(std::clamp(std::round(bias / accumulator_scale), -1e9, 1e9)));
  return out;
}

/// multiplier / 2^shift ≈ ratio, with 31 bits of it.
qops::Requantise requantise_by(double ratio) {
  int shift = 1;
  while (shift < 62 && ratio * std::ldexp(1.0, shift + 1) < std::ldexp(1.0, 31)) ++shift;
  return {static_cast<std::uint32_t>(std::min(std::round(ratio * std::ldexp(1.0, shift)), std::ldexp(1.0, 31) - 1)), static_cast<std::uint8_t>(shift)};
}

Result<double> number_at(const json::Object& object, const char* key) {
  const auto* value = json::find(object, key);
  if (value == nullptr || !value->is_number() || !std::isfinite(value->to_number<double>())) return fail(Errc::kInvalid, std::string("model: field \"") + key + "\" is not a number");
  return value->to_number<double>();
}

Result<std::vector<std::string>> texts_at(const json::Object& object, const char* key, std::size_t most) {
  PB_TRY(list, json::array_at(object, key));
  if (list->size() > most) return fail(Errc::kInvalid, std::string("model: \"") + key + "\" has more than " + std::to_string(most) + " entries");
  std::vector<std::string> out;
  for (const auto& item : *list) {
    if (!item.is_string()) return fail(Errc::kInvalid, std::string("model: \"") + key + "\" has what is no text");
    out.emplace_back(json::sv(item.get_string()));
  }
  return out;
}

}  // namespace

Result<QuantisedModel> QuantisedModel::make(const FeatureEncoder& encoder, const Network& network, const std::string& label, const std::vector<std::string>& classes, const Matrix& rows) {
  std::vector<qops::Layer> layers;
  double scale = 0;
  if (network.hidden == 0) {
    layers.emplace_back(dense_of(network.w2, network.b2, network.inputs, kInputScale, scale));
  } else {
    layers.emplace_back(dense_of(network.w1, network.b1, network.inputs, kInputScale, scale));
    double top = 1e-6;  // of what the hidden layer gives after ReLU
    for (std::size_t r = 0; r < std::min(rows.rows, kCalibrationRows); ++r)
      for (std::size_t h = 0; h < network.hidden; ++h) {
        double sum = network.b1[h];
        for (std::size_t i = 0; i < network.inputs; ++i) sum += static_cast<double>(network.w1[h * network.inputs + i]) * rows.row(r)[i];
        top = std::max(top, sum);
      }
    const double hidden_scale = top / 127;
    layers.emplace_back(requantise_by(scale / hidden_scale));
    layers.emplace_back(qops::Relu{});
    layers.emplace_back(dense_of(network.w2, network.b2, network.hidden, hidden_scale, scale));
  }
  PB_TRY(model, qops::Model::make(network.inputs, std::move(layers)));
  QuantisedModel out(std::move(model));
  out.encoder_ = encoder, out.label_ = label, out.classes_ = classes, out.output_scale_ = scale;
  return out;
}

json::Object QuantisedModel::to_json() const {
  json::Array columns, classes;
  for (const auto& column : encoder_.columns) {
    json::Object entry{{"name", column.name}};
    if (column.numeric) {
      entry["median"] = column.median, entry["mean"] = column.mean, entry["deviation"] = column.deviation, entry["missing"] = column.missing_indicator;
    } else {
      json::Array list;
      for (const auto& category : column.categories) list.push_back(json::Value(category));
      entry["categories"] = list;
    }
    columns.push_back(entry);
  }
  for (const auto& name : classes_) classes.push_back(json::Value(name));
  return {{"version", 1}, {"label", label_}, {"classes", classes}, {"columns", columns}, {"outputScale", output_scale_}, {"qops", base64(model_.encode())}};
}

Result<QuantisedModel> QuantisedModel::parse(const json::Object& object) {
  PB_TRY(version, json::uint_at(object, "version"));
  if (version != 1) return fail(Errc::kUnsupported, "model: version " + std::to_string(version) + " is unknown");
  PB_TRY(text, json::string_at(object, "qops"));
  PB_TRY(bytes, parse_base64(text));
  PB_TRY(model, qops::Model::parse(bytes));
  QuantisedModel out(std::move(model));
  PB_TRY(label, json::string_at(object, "label"));
  PB_TRY(classes, texts_at(object, "classes", 50));
  PB_TRY(scale, number_at(object, "outputScale"));
  if (scale <= 0) return fail(Errc::kInvalid, "model: outputScale must be above zero");
  PB_TRY(columns, json::array_at(object, "columns"));
  if (columns->size() > qops::kWidthMax) return fail(Errc::kInvalid, "model: more columns than inputs");
  for (const auto& item : *columns) {
    PB_TRY(entry, json::as_object(item, "model column"));
    ColumnEncoder column;
    PB_TRY(name, json::string_at(*entry, "name"));
    column.name = name;
    column.numeric = json::find_array(*entry, "categories") == nullptr;
    if (column.numeric) {
      PB_TRY(median, number_at(*entry, "median"));
      PB_TRY(mean, number_at(*entry, "mean"));
      PB_TRY(deviation, number_at(*entry, "deviation"));
      if (deviation <= 0) return fail(Errc::kInvalid, "model: the deviation of \"" + name.substr(0, 100) + "\" must be above zero");
      column.median = median, column.mean = mean, column.deviation = deviation, column.missing_indicator = json::bool_or(*entry, "missing", false);
    } else {
      PB_TRY(categories, texts_at(*entry, "categories", kCategoriesMax));
      column.categories = categories;
    }
    out.encoder_.columns.push_back(std::move(column));
  }
  out.label_ = label, out.classes_ = classes, out.output_scale_ = scale;
  if (out.encoder_.width() != out.model_.inputs()) return fail(Errc::kInvalid, "model: its columns give " + std::to_string(out.encoder_.width()) + " inputs, its layers take " + std::to_string(out.model_.inputs()));
  if (out.model_.outputs() != classes.size() || classes.size() < 2) return fail(Errc::kInvalid, "model: one output a class, and at least two classes");
  return out;
}

Result<qops::Model> QuantisedModel::classifier() const {
  auto layers = model_.layers();
  layers.emplace_back(qops::Argmax{});
  return qops::Model::make(model_.inputs(), std::move(layers));
}

Result<std::vector<std::size_t>> QuantisedModel::columns_in(const ingest::Records& records) const {
  std::vector<std::size_t> out;
  for (const auto& column : encoder_.columns) {
    PB_TRY(at, records.find(column.name));
    out.push_back(at);
  }
  return out;
}

std::vector<std::int8_t> QuantisedModel::inputs(const std::vector<std::string>& row, const std::vector<std::size_t>& columns) const {
  std::vector<float> raw, encoded(encoder_.width());
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const auto& column = encoder_.columns[c];
    const std::string& text = row[columns[c]];
    if (column.numeric) {
      const auto number = ingest::is_missing(text) ? std::nullopt : ingest::parse_number(text);
      raw.push_back(number ? static_cast<float>(*number) : std::nanf(""));
    } else {
      const auto found = std::find(column.categories.begin(), column.categories.end(), text);
      raw.push_back(found == column.categories.end() ? -1.0F : static_cast<float>(found - column.categories.begin()));
    }
  }
  encoder_.encode(raw.data(), encoded.data());
  return qops::quantise(std::vector<double>(encoded.begin(), encoded.end()), kInputScale);
}

Result<std::uint16_t> QuantisedModel::answer(std::span<const std::int8_t> inputs, std::size_t positive) const {
  PB_TRY(words, model_.run(inputs));
  if (positive >= words.size()) return fail(Errc::kInvalid, "model: it has no class " + std::to_string(positive));
  double sum = 0;
  for (const std::int32_t word : words) sum += std::exp(std::min((static_cast<double>(word) - words[positive]) * output_scale_, 700.0));
  return static_cast<std::uint16_t>(std::floor(65'535 / sum + 0.5));
}

}  // namespace peaberry::learn
