#pragma once

// Source: docs/reference/tables.md, commitment scheme 2.

#include <functional>
#include <optional>
#include <string_view>

#include <peaberry/base/bytes.hpp>
#include <peaberry/base/result.hpp>

namespace peaberry::proof {

/// What the columns of a table mean once it is committed for proofs (docs/reference/tables.md, scheme 2). Public: its JSON is hashed on chain, and from it and
/// the number of rows anybody compiles the plans that admit and measure the table.
struct TableSchema {
  enum class Kind : std::uint8_t { kNumber, kCategory, kText };
  struct Column {
    std::string name;
    Kind kind = Kind::kNumber;
    bool nullable = false;            ///< has a column of its own that says where a value is present
    unsigned decimals = 0;            ///< number: the committed integer is the text times 10^decimals
    unsigned bits = 0;                ///< number: −2^(bits−1) … 2^(bits−1) − 1; 16, 32, 48 or 64
    std::uint32_t size = 0;           ///< category: codes are 1 … size, 0 where the value is missing
    std::vector<std::string> values;  ///< category: what the codes mean, where that is public; else empty
    bool operator==(const Column&) const = default;
  };
  std::vector<Column> columns;
  bool operator==(const TableSchema&) const = default;

  static constexpr std::size_t kColumnsMax = 100;
  static constexpr std::uint32_t kSizeMax = 60'000;
  static constexpr unsigned kDecimalsMax = 18;

  std::string text() const;
  Hash32 hash() const;  ///< keccak256 of the text
  /// Accepts exactly what `text` writes. Errors name the column and the field.
  static Result<TableSchema> parse(std::string_view text);
  Result<std::size_t> find(std::string_view name) const;

  // ---- committed vectors, in the order of the table's commitments: for each column whether it is present, where that may vary, then its value
  std::size_t oracles() const;
  std::optional<std::size_t> presence_oracle(std::size_t column) const;
  std::size_t value_oracle(std::size_t column) const;
};

/// log2 of the vectors of a table: the least that holds the rows, but at least 8, so that a byte's range fits.
unsigned table_log(std::uint64_t rows);

/// A table's cells as texts; nothing where one is missing. Rows and columns count from 0.
using Cells = std::function<std::optional<std::string_view>(std::size_t row, std::size_t column)>;

/// What the codes of a column of categories mean, sorted; empty for other columns. The owner's, unless the schema tells it.
using Dictionaries = std::vector<std::vector<std::string>>;

struct SchemaWishes {
  std::vector<std::string> categories;  ///< columns that are categories even if their texts are numbers, and whose values the schema tells
  bool all_nullable = false;            ///< later rows may miss what no row misses now
};
struct InferredSchema {
  TableSchema schema;
  Dictionaries dictionaries;
};
/// The narrowest schema that these rows fit into, numbers with room for twice the largest. Numbers in another form than digits with a point, or with more than
/// 18 digits, make a column of texts, of which only hashes are committed; so do more than 256 different texts, or texts that occur less than twice as a rule: names, which later rows will add to.
/// Errors: no rows, too many columns, a wish that names no column.
Result<InferredSchema> infer_schema(const std::vector<std::string>& names, std::size_t rows, const Cells& cells, const SchemaWishes& wishes);

}  // namespace peaberry::proof
