#include "trainer.hpp"

#include <fmt/core.h>

#include <cmath>
#include <map>
#include <set>

#include "onnx_writer.hpp"
#include "quantised.hpp"

namespace peaberry::learn {
namespace {

struct Labels {
  std::vector<int> codes;  ///< -1: missing
  std::vector<std::string> names;
};

Result<Labels> read_labels(const table::Column& column) {
  Labels out;
  if (column.kind == table::Column::Kind::kText)
    return fail(Errc::kInvalid, "label column \"" + column.name + "\" has too many different texts", "choose a column with classes (at most 50)");
  if (column.kind == table::Column::Kind::kCategory) {
    out.codes = column.codes;
    out.names = column.categories;
  } else {
    std::map<double, int> values;
    for (const double value : column.numbers)
      if (!std::isnan(value)) values.emplace(value, 0);
    if (values.size() > 50)
      return fail(Errc::kInvalid, "label column \"" + column.name + "\" has " + std::to_string(values.size()) + " different numbers", "choose a column with classes (at most 50)");
    for (auto& [value, code] : values) {
      code = static_cast<int>(out.names.size());
      out.names.push_back(fmt::format("{}", value));
    }
    for (const double value : column.numbers) out.codes.push_back(std::isnan(value) ? -1 : values[value]);
  }
  if (out.names.size() < 2) return fail(Errc::kInvalid, "label column \"" + column.name + "\" has fewer than two classes", "choose another --label");
  if (out.names.size() > 50) return fail(Errc::kInvalid, "label column \"" + column.name + "\" has " + std::to_string(out.names.size()) + " classes", "choose a column with at most 50");
  return out;
}

/// Rows that are told apart by their values; the first of each group is kept.
std::vector<std::size_t> distinct_rows(const table::Table& table, const Labels& labels, std::size_t& duplicates, std::size_t& unlabelled) {
  std::set<std::vector<std::uint64_t>> seen;
  std::vector<std::size_t> out;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (labels.codes[row] < 0) {
      ++unlabelled;
      continue;
    }
    std::vector<std::uint64_t> key;
    for (const auto& column : table.columns) {
      std::uint64_t word = 0;
      if (column.kind == table::Column::Kind::kNumber) {
        const double value = std::isnan(column.numbers[row]) ? NAN : column.numbers[row];
        std::memcpy(&word, &value, sizeof word);
      } else if (column.kind == table::Column::Kind::kCategory) {
        word = static_cast<std::uint64_t>(static_cast<std::int64_t>(column.codes[row]));
      } else {
        word = column.hashes[row];
      }
      key.push_back(word);
    }
    if (seen.insert(std::move(key)).second) out.push_back(row);
    else ++duplicates;
  }
  return out;
}

struct Split {
  std::vector<std::size_t> train, valid, test;
};

Split split_rows(const std::vector<std::size_t>& rows, const Labels& labels, Random& random) {
  std::vector<std::vector<std::size_t>> by_class(labels.names.size());
  for (const std::size_t row : rows) by_class[static_cast<std::size_t>(labels.codes[row])].push_back(row);
  Split out;
  for (auto& group : by_class) {
    for (std::size_t i = group.size(); i > 1; --i) std::swap(group[i - 1], group[random.below(i)]);
    const std::size_t test = group.size() * 15 / 100, valid = group.size() * 15 / 100;
    for (std::size_t i = 0; i < group.size(); ++i) (i < test ? out.test : i < test + valid ? out.valid : out.train).push_back(group[i]);
  }
  return out;
}

std::vector<int> pick(const std::vector<int>& codes, const std::vector<std::size_t>& rows) {
  std::vector<int> out;
  for (const std::size_t row : rows) out.push_back(codes[row]);
  return out;
}

/// Inputs drawn from the fitted scales, never from rows, with our answers: whoever opens the model can compare.
json::Array self_test(const FeatureEncoder& encoder, const Network& network, Random& random) {
  json::Array out;
  for (int i = 0; i < 16; ++i) {
    std::vector<float> raw(encoder.columns.size()), x(encoder.width()), p(network.classes);
    for (std::size_t c = 0; c < raw.size(); ++c) {
      const auto& column = encoder.columns[c];
      if (!column.numeric) raw[c] = static_cast<float>(static_cast<int>(random.below(column.categories.size() + 1)) - 1);
      else if (column.missing_indicator && random.below(5) == 0) raw[c] = NAN;
      else raw[c] = static_cast<float>(column.mean + column.deviation * random.normal());
    }
    encoder.encode(raw.data(), x.data());
    network.predict(x.data(), p.data());
    json::Array inputs, outputs;
    for (const float value : raw) inputs.push_back(std::isnan(value) ? json::Value(nullptr) : json::Value(static_cast<double>(value)));
    for (const float value : p) outputs.push_back(json::Value(static_cast<double>(value)));
    out.push_back(json::Object{{"input", inputs}, {"output", outputs}});
  }
  return out;
}

}  // namespace

Result<TrainerOutput> train_table(const table::Table& table, const TrainerOptions& options, const std::function<void(const std::string&)>& progress) {
  if (options.model != "auto" && options.model != "logistic" && options.model != "mlp")
    return fail(Errc::kInvalid, "model \"" + options.model + "\" is unknown", "use auto, logistic or mlp");
  const std::string label_name = options.label.empty() ? table.columns.back().name : options.label;
  PB_TRY(label, table.find(label_name));
  if (table.columns.size() < 2) return fail(Errc::kInvalid, "the table has no column beside the label");
  PB_TRY(labels, read_labels(table.columns[label]));
  std::size_t duplicates = 0, unlabelled = 0;
  const auto rows = distinct_rows(table, labels, duplicates, unlabelled);
  SeededRandom random(options.seed);
  const Split split = split_rows(rows, labels, random);
  if (split.train.size() < 20 || split.valid.empty() || split.test.empty())
    return fail(Errc::kInvalid, "the table has only " + std::to_string(rows.size()) + " usable rows", "give at least 50 rows with labels");
  if (progress) progress(fmt::format("{} rows, {} classes, {} duplicates dropped", rows.size(), labels.names.size(), duplicates));
  const RawFeatures features = fit_features(table, label, split.train);
  const Matrix train_x = encode_rows(features, split.train), valid_x = encode_rows(features, split.valid), test_x = encode_rows(features, split.test);
  if (train_x.columns == 0) return fail(Errc::kInvalid, "no column can be used as a feature", "identifiers and rare texts are left out");
  const auto train_y = pick(labels.codes, split.train), valid_y = pick(labels.codes, split.valid), test_y = pick(labels.codes, split.test);

  std::optional<Trained> best;
  std::string best_name;
  json::Object candidates;
  for (const auto& [kind, hidden] : {std::pair<std::string, std::size_t>{"logistic", 0}, {"mlp", options.hidden}}) {
    const std::string& name = kind;  // clang 14 lets no lambda capture a structured binding
    if (options.model != "auto" && options.model != name) continue;
    TrainOptions train_options;
    train_options.hidden = hidden;
    Trained trained = train(train_x, train_y, valid_x, valid_y, labels.names.size(), train_options, random, [&](const Epoch& epoch) {
      if (progress) progress(fmt::format("{} epoch {}: training {:.4f}, validation {:.4f}", name, epoch.number, epoch.train_loss, epoch.valid_loss));
    });
    candidates[name] = json::Object{{"validationLoss", trained.valid_loss}, {"epochs", trained.curve.size()}};
    if (!best || trained.valid_loss < best->valid_loss) best = std::move(trained), best_name = name;
  }
  std::vector<float> probabilities(test_x.rows * labels.names.size());
  for (std::size_t i = 0; i < test_x.rows; ++i) best->network.predict(test_x.row(i), probabilities.data() + i * labels.names.size());
  const Metrics metrics = evaluate(probabilities, test_y, labels.names.size(), random);

  TrainerOutput out;
  out.onnx = write_onnx(features.encoder, best->network, labels.names);
  json::Array confusion, classes;
  for (const auto& line : metrics.confusion) {
    json::Array cells;
    for (const auto cell : line) cells.push_back(json::Value(cell));
    confusion.push_back(cells);
  }
  for (const auto& name : labels.names) classes.push_back(json::Value(name));
  out.metrics = json::Object{{"label", label_name},
                             {"classes", classes},
                             {"model", best_name},
                             {"candidates", candidates},
                             {"seed", options.seed},
                             {"rows", json::Object{{"total", table.rows()}, {"duplicates", duplicates}, {"unlabelled", unlabelled}, {"train", split.train.size()}, {"validation", split.valid.size()}, {"test", split.test.size()}}},
                             {"accuracy", metrics.accuracy.to_json()},
                             {"balancedAccuracy", metrics.balanced_accuracy.to_json()},
                             {"auc", metrics.auc.to_json()},
                             {"logLoss", metrics.log_loss.to_json()},
                             {"confusion", confusion},
                             {"columns", features.encoder.describe()},
                             {"selfTest", self_test(features.encoder, best->network, random)}};
  constexpr std::size_t kQuantisedTextMax = 4'000;  // the default policy lets 8,192 bytes of text leave
  if (const auto quantised = QuantisedModel::make(features.encoder, best->network, label_name, labels.names, train_x))
    if (auto object = quantised->to_json(); json::stringify(object).size() <= kQuantisedTextMax) out.quantised = std::move(object);
  out.roc_svg = learn::roc_svg(metrics);
  out.curve_svg = learn::curve_svg(best->curve);
  return out;
}

}  // namespace peaberry::learn
