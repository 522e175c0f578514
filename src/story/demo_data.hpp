#pragma once

#include <cstdint>
#include <peaberry/base/result.hpp>
#include <string>

namespace peaberry::story {

struct Table {
  std::uint64_t rows = 0, columns = 0, bytes = 0;
};
/// Writes a clinical table: 12 columns, realistic marginals and dependence (docs/reference/demo-data.md). The same seed gives the same bytes.
Result<Table> make_demo_table(const std::string& file, std::uint64_t rows, std::uint64_t seed);

}  // namespace peaberry::story
