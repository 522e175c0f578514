#include "quality.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace peaberry::ingest {
namespace {

Result<std::vector<std::string>> texts_at(const json::Object& object, const char* key) {
  std::vector<std::string> out;
  PB_TRY(list, json::array_at(object, key));
  for (const auto& item : *list) {
    if (!item.is_string()) return fail(Errc::kInvalid, std::string("quality: ") + key + " has what is no text");
    out.emplace_back(json::sv(item.get_string()));
  }
  return out;
}

struct Counts {
  std::uint64_t present = 0, distinct = 0, unique = 0;
};
Counts count(const Records& records, std::size_t column) {
  Counts out;
  std::unordered_map<std::string_view, std::uint64_t> seen;
  for (const auto& row : records.rows)
    if (!is_missing(row[column])) ++out.present, ++seen[row[column]];
  out.distinct = seen.size();
  for (const auto& [text, times] : seen) out.unique += times == 1 ? 1 : 0;
  return out;
}

/// Rows beyond the first of each group of equal rows.
std::uint64_t duplicate_rows(const Records& records) {
  std::unordered_set<std::string> seen;
  std::uint64_t out = 0;
  std::string key;
  for (const auto& row : records.rows) {
    key.clear();
    for (const auto& value : row) key += std::to_string(value.size()) + ":" + value;
    out += seen.insert(key).second ? 0 : 1;
  }
  return out;
}

}  // namespace

Result<QualityOptions> QualityOptions::parse(const json::Object& object) {
  QualityOptions out;
  out.label = json::string_or(object, "label"), out.key = json::string_or(object, "key");
  if (const auto* ranges = json::find_array(object, "ranges"))
    for (const auto& item : *ranges) {
      PB_TRY(entry, json::as_object(item, "quality range"));
      PB_TRY(column, json::string_at(*entry, "column"));
      const auto *low = json::find(*entry, "low"), *high = json::find(*entry, "high");
      if (low == nullptr || high == nullptr || !low->is_number() || !high->is_number()) return fail(Errc::kInvalid, "quality: the range of \"" + column + "\" needs numbers low and high");
      out.ranges.push_back({column, low->to_number<double>(), high->to_number<double>()});
    }
  if (const auto* sets = json::find_array(object, "sets"))
    for (const auto& item : *sets) {
      PB_TRY(entry, json::as_object(item, "quality set"));
      PB_TRY(column, json::string_at(*entry, "column"));
      PB_TRY(values, texts_at(*entry, "values"));
      out.sets.push_back({column, values});
    }
  if (const auto* freshness = json::find_object(object, "freshness")) out.time_column = json::string_or(*freshness, "column"), out.newer_than = json::string_or(*freshness, "newerThan");
  if (json::find_array(object, "devices") != nullptr) {
    PB_TRY(devices, texts_at(object, "devices"));
    for (const auto& text : devices) {
      PB_TRY(device, crypto::parse_address(text, "devices"));
      out.devices.push_back(device);
    }
  }
  return out;
}

Result<json::Object> measure_quality(const Records& records, const QualityOptions& options, const BatchDomain& domain, const std::vector<Batch>& batches) {
  json::Array columns;
  for (std::size_t c = 0; c < records.names.size(); ++c) {
    const Counts counts = count(records, c);
    columns.push_back(json::Object{{"name", records.names[c]}, {"present", counts.present}, {"distinct", counts.distinct}, {"unique", counts.unique}});
  }
  json::Object out{{"version", 1}, {"rows", records.rows.size()}, {"columns", columns}, {"duplicateRows", duplicate_rows(records)}};
  json::Array ranges;
  for (const auto& range : options.ranges) {
    PB_TRY(column, records.find(range.column));
    std::uint64_t present = 0, inside = 0;
    for (const auto& row : records.rows) {
      if (is_missing(row[column])) continue;
      const auto number = parse_number(row[column]);
      ++present;
      inside += number && *number >= range.low && *number <= range.high ? 1 : 0;
    }
    ranges.push_back(json::Object{{"column", range.column}, {"low", range.low}, {"high", range.high}, {"present", present}, {"inside", inside}});
  }
  if (!ranges.empty()) out["ranges"] = ranges;
  json::Array sets;
  for (const auto& set : options.sets) {
    PB_TRY(column, records.find(set.column));
    std::uint64_t present = 0, inside = 0;
    for (const auto& row : records.rows) {
      if (is_missing(row[column])) continue;
      ++present;
      inside += std::find(set.values.begin(), set.values.end(), row[column]) != set.values.end() ? 1 : 0;
    }
    sets.push_back(json::Object{{"column", set.column}, {"present", present}, {"inside", inside}});
  }
  if (!sets.empty()) out["sets"] = sets;
  if (!options.key.empty()) {
    PB_TRY(column, records.find(options.key));
    const Counts counts = count(records, column);
    out["key"] = json::Object{{"column", options.key}, {"distinct", counts.distinct}, {"unique", counts.unique}};
  }
  if (!options.label.empty()) {
    PB_TRY(column, records.find(options.label));
    std::map<std::string, std::uint64_t> histogram;
    for (const auto& row : records.rows)
      if (!is_missing(row[column])) ++histogram[row[column]];
    if (histogram.size() > 50) return fail(Errc::kInvalid, "quality: label \"" + options.label + "\" has " + std::to_string(histogram.size()) + " classes", "choose a column with at most 50");
    json::Object told;
    std::uint64_t minority = records.rows.size();
    for (const auto& [name, times] : histogram) told[name] = times, minority = std::min(minority, times);
    out["label"] = json::Object{{"column", options.label}, {"histogram", told}, {"minority", histogram.empty() ? 0 : minority}};
  }
  if (!options.time_column.empty()) {
    PB_TRY(column, records.find(options.time_column));
    std::string newest;
    std::uint64_t newer = 0;
    for (const auto& row : records.rows) {
      if (is_missing(row[column])) continue;
      newest = std::max(newest, row[column]);
      newer += row[column] >= options.newer_than ? 1 : 0;
    }
    out["freshness"] = json::Object{{"column", options.time_column}, {"newest", newest}, {"newerThan", options.newer_than}, {"newer", newer}};
  }
  const SignedRows signed_rows = count_signed_rows(domain, records, batches, options.devices);
  json::Array devices;
  for (std::size_t d = 0; d < options.devices.size(); ++d) devices.push_back(json::Object{{"device", crypto::checksum_address(options.devices[d])}, {"rows", signed_rows.by_device[d]}});
  out["signed"] = json::Object{{"rows", signed_rows.rows}, {"devices", devices}};
  return out;
}

}  // namespace peaberry::ingest
