#include "csv.hpp"

#include <charconv>
#include <cmath>
#include <functional>
#include <set>
#include <unordered_map>

namespace peaberry::ingest {

bool is_missing(std::string_view text) {
  return text.empty() || text == "NA" || text == "N/A" || text == "NaN" || text == "nan" || text == "null" || text == "NULL" || text == "?";
}

std::optional<double> parse_number(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double out = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (code != std::errc() || end != text.data() + text.size() || !std::isfinite(out)) return std::nullopt;
  return out;
}

namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = byte < 0x80 ? 1 : byte >= 0xc2 && byte < 0xe0 ? 2 : (byte & 0xf0) == 0xe0 ? 3 : byte >= 0xf0 && byte < 0xf5 ? 4 : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    i += length;
  }
  return true;
}

/// Reads records; a record's fields live in `fields` until the next call.
class Reader {
 public:
  Reader(std::string_view text, const CsvLimits& limits) : text_(text), limits_(limits) {}
  std::vector<std::string> fields;

  /// False at the end.
  Result<bool> next() {
    while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) skip_line_end();  // blank lines
    if (at_ >= text_.size()) return false;
    record_line_ = line_;
    fields.clear();
    const std::size_t start = at_;
    for (;;) {
      PB_CHECK(field());
      if (fields.size() > limits_.columns_max) return bad("has more than " + std::to_string(limits_.columns_max) + " columns", "split the table");
      if (at_ - start > limits_.line_bytes_max) return bad("is longer than " + std::to_string(limits_.line_bytes_max) + " bytes", "is a quote missing?");
      if (at_ >= text_.size()) return true;
      if (text_[at_] == ',') {
        ++at_;
        continue;
      }
      skip_line_end();
      return true;
    }
  }
  std::size_t line() const { return line_; }
  Error bad(const std::string& why, const std::string& remedy = "") const { return fail(Errc::kInvalid, "CSV line " + std::to_string(record_line_) + " " + why, remedy); }

 private:
  void skip_line_end() {
    if (text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] == '\n') ++at_;
    ++line_;
  }
  Status field() {
    std::string& out = fields.emplace_back();
    if (at_ < text_.size() && text_[at_] == '"') {
      ++at_;
      for (;;) {
        const auto quote = text_.find('"', at_);
        if (quote == std::string_view::npos || quote - at_ > limits_.line_bytes_max) return bad("has a quote that is not closed", "close it, or double it inside text");
        out += text_.substr(at_, quote - at_);
        at_ = quote + 1;
        if (at_ < text_.size() && text_[at_] == '"') {
          out.push_back('"');
          ++at_;
          continue;
        }
        break;
      }
      for (const char c : out) line_ += c == '\n' ? 1 : 0;
      if (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n' && text_[at_] != '\r') return bad("has text after a closing quote", "double quotes inside text");
      return {};
    }
    const auto end = text_.substr(at_, limits_.line_bytes_max + 2).find_first_of(",\r\n");
    if (end == std::string_view::npos && text_.size() - at_ > limits_.line_bytes_max)
      return bad("is longer than " + std::to_string(limits_.line_bytes_max) + " bytes", "is this a CSV file?");
    const auto value = end == std::string_view::npos ? text_.substr(at_) : text_.substr(at_, end);
    out = trim(value);
    at_ += value.size();
    return {};
  }

  std::string_view text_;
  CsvLimits limits_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t record_line_ = 0;
};

Status check_fields(const Reader& reader) {
  for (const auto& field : reader.fields) {
    if (field.find('\0') != std::string::npos) return reader.bad("contains a NUL byte", "is this a text file?");
    if (!is_utf8(field)) return reader.bad("is not UTF-8", "save the file as UTF-8");
  }
  return {};
}

}  // namespace

Status read_rows(std::string_view text, const CsvLimits& limits, const std::function<void(const std::vector<std::string>&)>& header, const std::function<void(const std::vector<std::string>&)>& row) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return fail(Errc::kInvalid, "the CSV file is UTF-16", "save it as UTF-8");
  Reader reader(text, limits);
  PB_TRY(has_header, reader.next());
  if (!has_header) return fail(Errc::kInvalid, "the CSV file is empty", "give a header line and rows");
  PB_CHECK(check_fields(reader));
  const std::size_t width = reader.fields.size();
  std::set<std::string> seen;
  for (const auto& name : reader.fields) {
    if (name.empty()) return fail(Errc::kInvalid, "CSV header has a column without a name", "name every column");
    if (!seen.insert(name).second) return fail(Errc::kInvalid, "CSV header names column \"" + name.substr(0, 100) + "\" twice", "rename one of them");
  }
  header(reader.fields);
  for (std::size_t count = 0;; ++count) {
    PB_TRY(more, reader.next());
    if (!more) return count != 0 ? Status() : Status(fail(Errc::kInvalid, "the CSV file has a header but no rows"));
    if (count >= limits.rows_max) return reader.bad("is beyond the limit of " + std::to_string(limits.rows_max) + " rows");
    if (reader.fields.size() != width)
      return reader.bad("has " + std::to_string(reader.fields.size()) + " fields, the header has " + std::to_string(width), "quote fields that contain commas");
    PB_CHECK(check_fields(reader));
    row(reader.fields);
  }
}

Result<Records> read_records(std::string_view text, const CsvLimits& limits) {
  Records out;
  PB_CHECK(read_rows(text, limits, [&](const auto& names) { out.names = names; }, [&](const auto& fields) { out.rows.push_back(fields); }));
  return out;
}

std::string write_records(const Records& records) {
  std::string out;
  const auto line = [&](const std::vector<std::string>& fields) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (i != 0) out.push_back(',');
      const std::string& field = fields[i];
      const bool bare = field.find_first_of(",\"\r\n") == std::string::npos && trim(field).size() == field.size() && !(fields.size() == 1 && field.empty());
      if (bare) {
        out += field;
        continue;
      }
      out.push_back('"');
      for (const char c : field) out.append(c == '"' ? 2 : 1, c);
      out.push_back('"');
    }
    out.push_back('\n');
  };
  line(records.names);
  for (const auto& row : records.rows) line(row);
  return out;
}

Result<std::size_t> Records::find(std::string_view name) const {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return i;
  return fail(Errc::kInvalid, "the table has no column \"" + std::string(name.substr(0, 100)) + "\"", "see the header line");
}

Result<table::Table> read_csv(std::string_view text, const CsvLimits& limits) {
  std::vector<std::string> names;
  table::Table out;
  // A column stays numeric until a text comes; then its numbers are told again as categories from their kept texts.
  std::vector<std::vector<std::string>> texts;
  std::vector<std::unordered_map<std::string, int>> codes;
  const auto hash_of = [](const std::string& value) { return static_cast<std::uint64_t>(std::hash<std::string>{}(value)); };
  // Appends a text; a column with too many different ones is told again as hashes.
  const auto append_text = [&](std::size_t index, const std::string& value) {
    table::Column& column = out.columns[index];
    if (column.kind == table::Column::Kind::kText) {
      column.hashes.push_back(hash_of(value));
      return;
    }
    if (is_missing(value)) {
      column.codes.push_back(-1);
      return;
    }
    const auto [place, fresh] = codes[index].emplace(value, static_cast<int>(codes[index].size()));
    if (fresh) column.categories.push_back(value);
    column.codes.push_back(place->second);
    if (codes[index].size() <= limits.categories_max) return;
    column.kind = table::Column::Kind::kText;
    for (const int code : column.codes) column.hashes.push_back(hash_of(code < 0 ? "" : column.categories[static_cast<std::size_t>(code)]));
    column.codes = {};
    column.categories = {};
    codes[index] = {};
  };
  const auto header = [&](const std::vector<std::string>& fields) {
    names = fields;
    texts.resize(names.size()), codes.resize(names.size());
    for (const auto& name : names) {
      out.columns.emplace_back();
      out.columns.back().name = name;
    }
  };
  const auto append_row = [&](const std::vector<std::string>& fields) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      table::Column& column = out.columns[i];
      const std::string& value = fields[i];
      if (column.kind == table::Column::Kind::kNumber) {
        const auto number = is_missing(value) ? std::nan("") : parse_number(value);
        if (number) {
          column.numbers.push_back(*number);
          texts[i].push_back(value);
          continue;
        }
        column.kind = table::Column::Kind::kCategory;
        for (const auto& earlier : texts[i]) append_text(i, earlier);
        column.numbers = {};
        texts[i] = {};
      }
      append_text(i, value);
    }
  };
  PB_CHECK(read_rows(text, limits, header, append_row));
  return out;
}

}  // namespace peaberry::ingest
