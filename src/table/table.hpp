#pragma once

#include <peaberry/base/result.hpp>
#include <string>
#include <vector>

namespace peaberry::table {

/// One column: numbers with NaN for missing, or category codes with -1 for missing.
struct Column {
  enum class Kind { kNumber, kCategory };
  std::string name;
  Kind kind = Kind::kNumber;
  std::vector<double> numbers;
  std::vector<int> codes;
  std::vector<std::string> categories;  ///< code → text, in order of first appearance

  std::size_t size() const { return kind == Kind::kNumber ? numbers.size() : codes.size(); }
};

/// Equally long columns with distinct names.
struct Table {
  std::vector<Column> columns;
  std::size_t rows() const { return columns.empty() ? 0 : columns.front().size(); }
  Result<std::size_t> find(std::string_view name) const;
};

}  // namespace peaberry::table
