#pragma once

#include "batches.hpp"

namespace peaberry::ingest {

/// What of a table is measured beyond what every table has.
struct QualityOptions {
  std::string label;   ///< column whose balance is told; empty: none
  std::string key;     ///< column that should name each row once; empty: none
  struct Range {
    std::string column;
    double low = 0, high = 0;
  };
  std::vector<Range> ranges;
  struct Set {
    std::string column;
    std::vector<std::string> values;
  };
  std::vector<Set> sets;
  std::string time_column, newer_than;  ///< ISO 8601 texts, compared as texts
  std::vector<Address> devices;         ///< whose signatures count

  static Result<QualityOptions> parse(const json::Object& object);
};

/// The metrics by Deequ's definitions, in whole numbers (a ratio is told as its two parts), so that equal tables give equal bytes:
/// rows · columns[{name, present, distinct, unique}] · duplicateRows · ranges[{column, low, high, present, inside}] · sets[…] ·
/// key{column, unique, distinct} · label{column, histogram, minority} · freshness{column, newest, newer} · signed{rows, devices}.
/// completeness = present / rows; distinctness = distinct / rows; uniqueness = unique / rows (values that occur exactly once).
/// kInvalid: an option names a column that the table does not have.
Result<json::Object> measure_quality(const Records& records, const QualityOptions& options, const BatchDomain& domain, const std::vector<Batch>& batches);

}  // namespace peaberry::ingest
