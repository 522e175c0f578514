// Source: docs/reference/tables.md, commitment scheme 2.

#include "schema.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <peaberry/base/json.hpp>
#include <peaberry/crypto/hash.hpp>

#include "values.hpp"

namespace peaberry::proof {
namespace {

constexpr std::size_t kTextsMax = 256;  // more different ones make a column of texts

json::Object column_json(const TableSchema::Column& column) {
  json::Object out{{"name", column.name}};
  switch (column.kind) {
    case TableSchema::Kind::kNumber:
      out["kind"] = "number", out["decimals"] = column.decimals, out["bits"] = column.bits;
      break;
    case TableSchema::Kind::kCategory:
      out["kind"] = "category", out["size"] = column.size;
      if (!column.values.empty()) out["values"] = json::Array(column.values.begin(), column.values.end());
      break;
    case TableSchema::Kind::kText:
      out["kind"] = "text";
      break;
  }
  out["nullable"] = column.nullable;
  return out;
}

Result<TableSchema::Column> column_from(const json::Object& object) {
  TableSchema::Column out;
  PB_TRY(name, json::string_at(object, "name"));
  PB_TRY(kind, json::string_at(object, "kind"));
  PB_TRY(nullable, json::bool_at(object, "nullable"));
  out.name = name, out.nullable = nullable;
  if (kind == "number") {
    PB_TRY(decimals, json::uint_at(object, "decimals"));
    PB_TRY(bits, json::uint_at(object, "bits"));
    if (decimals > TableSchema::kDecimalsMax) return fail(Errc::kInvalid, "decimals " + std::to_string(decimals) + " is above 18");
    if (bits % 16 != 0 || bits < 16 || bits > 64) return fail(Errc::kInvalid, "bits " + std::to_string(bits) + " is none of 16, 32, 48, 64");
    out.decimals = static_cast<unsigned>(decimals), out.bits = static_cast<unsigned>(bits);
    return out;
  }
  if (kind == "category") {
    out.kind = TableSchema::Kind::kCategory;
    PB_TRY(size, json::uint_at(object, "size"));
    if (size == 0 || size > TableSchema::kSizeMax) return fail(Errc::kInvalid, "size " + std::to_string(size) + " is not in 1…" + std::to_string(TableSchema::kSizeMax));
    out.size = static_cast<std::uint32_t>(size);
    if (object.contains("values")) {
      PB_TRY(values, json::array_at(object, "values"));
      if (values->size() != size) return fail(Errc::kInvalid, "values: " + std::to_string(values->size()) + " for " + std::to_string(size) + " codes");
      for (const auto& value : *values) {
        if (!value.is_string()) return fail(Errc::kInvalid, "values: one is not a text");
        out.values.emplace_back(json::sv(value.get_string()));
      }
    }
    return out;
  }
  if (kind != "text") return fail(Errc::kInvalid, "kind \"" + kind + "\" is none of number, category, text");
  out.kind = TableSchema::Kind::kText;
  return out;
}

/// Whether every present text of the column is a number of at most 18 digits; then its decimals and its largest magnitude.
struct Numbers {
  bool all = true;
  unsigned decimals = 0;
  std::uint64_t largest = 0;
};
Numbers numbers_of(std::size_t rows, std::size_t column, const Cells& cells) {
  Numbers out;
  for (std::size_t row = 0; row < rows && out.all; ++row)
    if (const auto text = cells(row, column)) {
      const auto decimals = decimals_of(*text);
      if (!decimals) out.all = false;
      else out.decimals = std::max(out.decimals, *decimals);
    }
  for (std::size_t row = 0; row < rows && out.all; ++row)
    if (const auto text = cells(row, column)) {
      const auto value = scaled_number(*text, out.decimals);
      if (!value) out.all = false;
      else out.largest = std::max(out.largest, static_cast<std::uint64_t>(*value < 0 ? -*value : *value));
    }
  return out;
}

unsigned bits_for(std::uint64_t largest) {
  for (unsigned bits = 16; bits < 64; bits += 16)
    if (largest < std::uint64_t{1} << (bits - 2)) return bits;  // twice as much has room
  return 64;
}

}  // namespace

std::string TableSchema::text() const {
  json::Array list;
  for (const auto& column : columns) list.push_back(column_json(column));
  return json::stringify(json::Object{{"scheme", 2}, {"columns", list}});
}

Hash32 TableSchema::hash() const { return crypto::keccak256(text()); }

Result<TableSchema> TableSchema::parse(std::string_view text) {
  PB_TRY(document, json::parse(text, {.max_bytes = std::size_t{1} << 20, .max_depth = 8, .strict = true}));
  PB_TRY(object, json::as_object(document, "schema"));
  PB_TRY(list, json::array_at(*object, "columns"));
  if (list->empty() || list->size() > kColumnsMax) return fail(Errc::kInvalid, "schema: " + std::to_string(list->size()) + " columns are not 1…" + std::to_string(kColumnsMax));
  TableSchema out;
  for (const auto& item : *list) {
    const std::string place = "schema: column " + std::to_string(out.columns.size());
    PB_TRY(entry, json::as_object(item, place));
    auto column = column_from(*entry);
    if (!column) return within(place, column.error());
    if (out.find(column->name)) return fail(Errc::kInvalid, place + ": the name \"" + column->name + "\" occurs twice");
    out.columns.push_back(std::move(*column));
  }
  // One schema, one text, one hash.
  if (out.text() != text) return fail(Errc::kInvalid, "schema: the text is not canonical", "write it as peaberry table schema does");
  return out;
}

Result<std::size_t> TableSchema::find(std::string_view name) const {
  for (std::size_t c = 0; c < columns.size(); ++c)
    if (columns[c].name == name) return c;
  return fail(Errc::kNotFound, "the schema has no column \"" + std::string(name) + "\"");
}

std::size_t TableSchema::oracles() const {
  std::size_t out = columns.size();
  for (const auto& column : columns) out += column.nullable;
  return out;
}

std::size_t TableSchema::value_oracle(std::size_t column) const {
  std::size_t out = column;
  for (std::size_t c = 0; c <= column; ++c) out += columns[c].nullable;
  return out;
}

std::optional<std::size_t> TableSchema::presence_oracle(std::size_t column) const {
  if (!columns[column].nullable) return std::nullopt;
  return value_oracle(column) - 1;
}

unsigned table_log(std::uint64_t rows) {
  unsigned log = 8;
  while (log < 63 && std::uint64_t{1} << log < rows) ++log;
  return log;
}

Result<InferredSchema> infer_schema(const std::vector<std::string>& names, std::size_t rows, const Cells& cells, const SchemaWishes& wishes) {
  if (rows == 0) return fail(Errc::kInvalid, "the table has no rows", "commit to at least one");
  if (names.empty() || names.size() > TableSchema::kColumnsMax)
    return fail(Errc::kInvalid, std::to_string(names.size()) + " columns are not 1…" + std::to_string(TableSchema::kColumnsMax), "split the table");
  for (const auto& wish : wishes.categories)
    if (std::find(names.begin(), names.end(), wish) == names.end()) return fail(Errc::kNotFound, "the table has no column \"" + wish + "\"");
  InferredSchema out;
  for (std::size_t c = 0; c < names.size(); ++c) {
    TableSchema::Column column{.name = names[c], .nullable = wishes.all_nullable};
    std::set<std::string, std::less<>> texts;
    const bool told = std::find(wishes.categories.begin(), wishes.categories.end(), names[c]) != wishes.categories.end();
    std::size_t present = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      const auto text = cells(row, c);
      if (!text) column.nullable = true;
      else ++present;
      if (text && texts.size() <= TableSchema::kSizeMax && !texts.contains(*text)) texts.emplace(*text);
    }
    const Numbers numbers = present != 0 && !told ? numbers_of(rows, c, cells) : Numbers{.all = false};
    if (told && (texts.empty() || texts.size() > kTextsMax))
      return fail(Errc::kInvalid, "column \"" + names[c] + "\" has " + std::to_string(texts.size()) + " different values", "a column of categories has 1 to " + std::to_string(kTextsMax));
    std::vector<std::string> dictionary;
    if (numbers.all) {
      column.decimals = numbers.decimals, column.bits = bits_for(numbers.largest);
    } else if (told || (present != 0 && texts.size() <= kTextsMax && texts.size() <= std::max<std::size_t>(2, present / 2))) {
      column.kind = TableSchema::Kind::kCategory;
      dictionary.assign(texts.begin(), texts.end());
      column.size = static_cast<std::uint32_t>(dictionary.size());
      if (told) column.values = dictionary;
    } else {
      column.kind = TableSchema::Kind::kText;
    }
    out.schema.columns.push_back(std::move(column));
    out.dictionaries.push_back(std::move(dictionary));
  }
  return out;
}

}  // namespace peaberry::proof
