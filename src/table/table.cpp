#include "table.hpp"

namespace peaberry::table {

Result<std::size_t> Table::find(std::string_view name) const {
  std::string names;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == name) return i;
    if (names.size() < 200) names += (i ? ", " : "") + columns[i].name;
  }
  return fail(Errc::kNotFound, "the table has no column \"" + std::string(name) + "\"", "its columns are: " + names);
}

}  // namespace peaberry::table
