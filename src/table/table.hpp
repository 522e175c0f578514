#pragma once

#include <peaberry/base/result.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace peaberry::table {

/// One column: numbers with NaN for missing, category codes with -1 for missing, or texts of which only a hash is kept
/// (identifiers: too many different ones to be categories).
struct Column {
  enum class Kind { kNumber, kCategory, kText };
  std::string name;
  Kind kind = Kind::kNumber;
  std::vector<double> numbers;
  std::vector<int> codes;
  std::vector<std::string> categories;  ///< code → text, in order of first appearance
  std::vector<std::uint64_t> hashes;    ///< kText: equal texts have equal hashes

  std::size_t size() const { return kind == Kind::kNumber ? numbers.size() : kind == Kind::kCategory ? codes.size() : hashes.size(); }
};

/// Equally long columns with distinct names.
struct Table {
  std::vector<Column> columns;
  std::size_t rows() const { return columns.empty() ? 0 : columns.front().size(); }
  Result<std::size_t> find(std::string_view name) const;
};

}  // namespace peaberry::table
