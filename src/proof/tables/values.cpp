// Source: docs/reference/tables.md, commitment scheme 2.

#include "values.hpp"

#include <algorithm>

#include <peaberry/crypto/hash.hpp>

namespace peaberry::proof {
namespace {

constexpr unsigned kDigitsMax = 18;  // below 2^62: no sum or product here leaves 64 bits

struct Decimal {
  bool negative = false;
  std::uint64_t digits = 0;
  unsigned count = 0, decimals = 0;
};
std::optional<Decimal> decimal(std::string_view text) {
  Decimal out;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) out.negative = text.front() == '-', text.remove_prefix(1);
  bool point = false, before = false, after = false;
  for (const char c : text) {
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    (point ? after : before) = true;
    if (out.count > 0 || c != '0') ++out.count;
    if (out.count > kDigitsMax || out.decimals >= kDigitsMax) return std::nullopt;
    out.digits = out.digits * 10 + static_cast<std::uint64_t>(c - '0');
    out.decimals += point;
  }
  if (!before || point != after) return std::nullopt;
  return out;
}

Error at(const TableSchema& schema, std::uint64_t row, std::size_t column, const std::string& what, const std::string& remedy) {
  return fail(Errc::kInvalid, "row " + std::to_string(row + 1) + ", column \"" + schema.columns[column].name + "\": " + what, remedy);
}

}  // namespace

std::optional<unsigned> decimals_of(std::string_view text) {
  const auto number = decimal(text);
  if (!number) return std::nullopt;
  return number->decimals;
}

std::optional<std::int64_t> scaled_number(std::string_view text, unsigned decimals) {
  const auto number = decimal(text);
  if (!number || number->decimals > decimals) return std::nullopt;
  std::uint64_t value = number->digits;
  unsigned count = number->count;
  for (unsigned i = number->decimals; i < decimals; ++i) {
    if (value != 0 && ++count > kDigitsMax) return std::nullopt;
    value *= 10;
  }
  return number->negative ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
}

Fr text_value(std::string_view text) {
  Hash32 hash = crypto::keccak256(text);
  hash.data[0] = 0;
  return Fr::from_be(hash.view()).value();
}

Result<std::vector<LargeVector<Fr>>> table_values(const TableSchema& schema, const Dictionaries& dictionaries, const Cells& cells, std::uint64_t from, std::uint64_t to, unsigned log) {
  PB_ASSERT(from <= to && to <= std::uint64_t{1} << log && dictionaries.size() == schema.columns.size());
  std::vector<LargeVector<Fr>> out(schema.oracles(), LargeVector<Fr>(std::size_t{1} << log, Fr::zero()));
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    const auto& column = schema.columns[c];
    const auto presence = schema.presence_oracle(c);
    auto& values = out[schema.value_oracle(c)];
    for (std::uint64_t row = from; row < to; ++row) {
      const auto text = cells(row, c);
      if (!text) {
        if (!presence) return at(schema, row, c, "the value is missing, and the schema says that none is", "fill it in, or begin the table anew under a schema in which the column is nullable");
        continue;
      }
      if (presence) out[*presence][row] = Fr::one();
      if (column.kind == TableSchema::Kind::kText) {
        values[row] = text_value(*text);
      } else if (column.kind == TableSchema::Kind::kNumber) {
        const auto number = scaled_number(*text, column.decimals);
        const std::int64_t low = column.bits == 64 ? INT64_MIN : -(std::int64_t{1} << (column.bits - 1));
        if (!number || *number < low || *number > -(low + 1))
          return at(schema, row, c, "\"" + std::string(text->substr(0, 40)) + "\" is no number of " + std::to_string(column.decimals) + " decimals and " + std::to_string(column.bits) + " bits", "begin the table anew under a wider schema");
        values[row] = *number < 0 ? Fr::zero() - Fr(static_cast<std::uint64_t>(-*number)) : Fr(static_cast<std::uint64_t>(*number));
      } else {
        const auto& dictionary = dictionaries[c];
        const auto found = std::lower_bound(dictionary.begin(), dictionary.end(), *text);
        if (found == dictionary.end() || *found != *text)
          return at(schema, row, c, "\"" + std::string(text->substr(0, 40)) + "\" is none of the " + std::to_string(column.size) + " values that the column has", "begin the table anew under a schema that knows it");
        values[row] = Fr(static_cast<std::uint64_t>(found - dictionary.begin()) + 1);
      }
    }
  }
  return out;
}

}  // namespace peaberry::proof
