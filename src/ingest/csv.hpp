#pragma once

#include <functional>
#include <optional>
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

/// The same table as the texts that stand in the file: what is committed to, cleaned and measured.
struct Records {
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> rows;  ///< each as long as `names`
  Result<std::size_t> find(std::string_view name) const;
};
Result<Records> read_records(std::string_view text, const CsvLimits& limits = {});
/// Quotes only where it must; read_records gives the same records back.
std::string write_records(const Records& records);

/// The same, row by row: `header` has the names, `row` as many texts. What is longer than memory should not be read otherwise.
Status read_rows(std::string_view text, const CsvLimits& limits, const std::function<void(const std::vector<std::string>&)>& header, const std::function<void(const std::vector<std::string>&)>& row);

bool is_missing(std::string_view text);
/// A finite decimal number, an optional + before it; nothing around it.
std::optional<double> parse_number(std::string_view text);

}  // namespace peaberry::ingest
