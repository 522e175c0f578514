#pragma once

#include <functional>
#include <peaberry/table/table.hpp>
#include <span>
#include <string_view>

namespace peaberry::ingest {

struct CsvLimits {
  std::size_t line_bytes_max = std::size_t{1} << 20;
  std::size_t columns_max = 4096;
  std::size_t rows_max = 50'000'000;
  std::size_t categories_max = 10'000;  ///< more different texts make a column kText
};

/// RFC 4180 with a header line: quotes, doubled quotes, CR LF or LF, an optional UTF-8 BOM. A column whose every value is
/// a number (or missing) is numeric, any other categorical (or plain text). Missing: empty, NA, N/A, NaN, null, ?. Errors name the line:
/// ragged rows, NUL bytes, text that is not UTF-8, lines and tables beyond the limits, an empty file.
Result<table::Table> read_csv(std::string_view text, const CsvLimits& limits = {});

}  // namespace peaberry::ingest
