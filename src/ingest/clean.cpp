#include "clean.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <peaberry/crypto/hash.hpp>
#include <set>

namespace peaberry::ingest {
namespace {

Error bad_step(std::size_t index, const std::string& why, const std::string& remedy = "") { return fail(Errc::kInvalid, "recipe step " + std::to_string(index + 1) + " " + why, remedy); }

Result<double> number_at(const json::Object& object, const char* key, std::size_t index) {
  const auto* value = json::find(object, key);
  if (value == nullptr || !value->is_number()) return bad_step(index, std::string("has no number \"") + key + "\"");
  return value->to_number<double>();
}

/// The text that stands for what is missing: the lower median of the numbers, or the most frequent text (the first among equals).
Result<std::string> filling(const Records& records, std::size_t column, const std::string& with, std::size_t index) {
  if (with == "median") {
    std::vector<std::pair<double, std::string>> numbers;
    for (const auto& row : records.rows) {
      if (is_missing(row[column])) continue;
      const auto number = parse_number(row[column]);
      if (!number) return bad_step(index, "asks for the median of \"" + records.names[column] + "\", which has texts", "use mode");
      numbers.emplace_back(*number, row[column]);
    }
    if (numbers.empty()) return bad_step(index, "asks for the median of \"" + records.names[column] + "\", which has no values");
    const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>((numbers.size() - 1) / 2);
    std::nth_element(numbers.begin(), middle, numbers.end());
    return middle->second;
  }
  std::map<std::string, std::pair<std::size_t, std::size_t>> counts;  // text → how often, and where first
  for (std::size_t r = 0; r < records.rows.size(); ++r)
    if (!is_missing(records.rows[r][column])) ++counts.try_emplace(records.rows[r][column], 0, r).first->second.first;
  if (counts.empty()) return bad_step(index, "asks for the mode of \"" + records.names[column] + "\", which has no values");
  return std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
           return a.second.first != b.second.first ? a.second.first < b.second.first : a.second.second > b.second.second;
         })->first;
}

std::uint64_t dedupe(Records& records) {
  std::set<std::vector<std::string>> seen;
  const std::size_t before = records.rows.size();
  std::erase_if(records.rows, [&](const auto& row) { return !seen.insert(row).second; });
  return before - records.rows.size();
}

}  // namespace

Result<Recipe> Recipe::parse(const json::Object& object) {
  Recipe out;
  out.source = object;
  PB_TRY(steps, json::array_at(object, "steps"));
  if (steps->empty() || steps->size() > 256) return fail(Errc::kInvalid, "recipe: between 1 and 256 steps");
  for (std::size_t i = 0; i < steps->size(); ++i) {
    PB_TRY(entry, json::as_object((*steps)[i], "recipe step"));
    Step step;
    const std::string op = json::string_or(*entry, "op");
    step.column = json::string_or(*entry, "column");
    if (op != "dedupe" && step.column.empty()) return bad_step(i, "names no column");
    if (op == "dedupe") {
      step.op = Op::kDedupe;
    } else if (op == "impute") {
      step.op = Op::kImpute, step.with = json::string_or(*entry, "with"), step.value = json::string_or(*entry, "value");
      if (step.with != "median" && step.with != "mode" && step.with != "value") return bad_step(i, "imputes with \"" + step.with.substr(0, 60) + "\"", "use median, mode or value");
      if (step.with == "value" && is_missing(step.value)) return bad_step(i, "has no \"value\" to impute");
    } else if (op == "clip") {
      step.op = Op::kClip;
      PB_TRY(low, number_at(*entry, "low", i));
      PB_TRY(high, number_at(*entry, "high", i));
      if (low > high) return bad_step(i, "has its low above its high");
      step.low = low, step.high = high;
    } else if (op == "map") {
      step.op = Op::kMap;
      PB_TRY(values, json::object_at(*entry, "values"));
      for (const auto& pair : *values) {
        if (!pair.value().is_string()) return bad_step(i, "maps \"" + std::string(pair.key()) + "\" to what is no text");
        step.values.emplace_back(pair.key(), json::sv(pair.value().get_string()));
      }
    } else {
      return bad_step(i, "is an unknown \"" + op.substr(0, 60) + "\"", "use dedupe, impute, clip or map");
    }
    out.steps.push_back(std::move(step));
  }
  return out;
}

Hash32 Recipe::hash() const { return crypto::keccak256(json::stringify(source)); }

Result<Cleaned> clean(Records records, const Recipe& recipe) {
  Cleaned out;
  for (std::size_t i = 0; i < recipe.steps.size(); ++i) {
    const auto& step = recipe.steps[i];
    if (step.op == Recipe::Op::kDedupe) {
      out.done.push_back({"dedupe", dedupe(records)});
      continue;
    }
    const auto found = records.find(step.column);
    if (!found) return within("recipe step " + std::to_string(i + 1), found.error());
    const std::size_t column = *found;
    std::uint64_t changed = 0;
    std::string fill = step.value, name;
    if (step.op == Recipe::Op::kImpute && step.with != "value") {
      PB_TRY(text, filling(records, column, step.with, i));
      fill = text;
    }
    for (auto& row : records.rows) {
      std::string& value = row[column];
      const std::string before = value;
      switch (step.op) {
        case Recipe::Op::kImpute:
          name = "impute " + step.column + " with " + (step.with == "value" ? fill : "its " + step.with + " " + fill);
          if (is_missing(value)) value = fill;
          break;
        case Recipe::Op::kClip: {
          name = fmt::format("clip {} to [{}, {}]", step.column, step.low, step.high);
          if (is_missing(value)) break;
          const auto number = parse_number(value);
          if (!number) return bad_step(i, "clips \"" + step.column + "\", which has texts");
          if (*number < step.low) value = fmt::format("{}", step.low);
          if (*number > step.high) value = fmt::format("{}", step.high);
          break;
        }
        case Recipe::Op::kMap:
          name = "map " + step.column;
          for (const auto& [from, to] : step.values)
            if (before == from) value = to;
          break;
        case Recipe::Op::kDedupe: break;
      }
      changed += value != before ? 1 : 0;
    }
    out.done.push_back({name, changed});
  }
  out.records = std::move(records);
  return out;
}

}  // namespace peaberry::ingest
