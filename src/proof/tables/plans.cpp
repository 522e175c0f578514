#include "plans.hpp"

#include <algorithm>

namespace peaberry::proof {
namespace {

constexpr unsigned kLogMax = 28;

Status check_size(const TableSchema& schema, unsigned log, std::size_t more) {
  if (log < 8 || log > kLogMax) return fail(Errc::kUnsupported, "vectors of 2^" + std::to_string(log) + " rows are outside 2^8…2^28", "split the table");
  if (schema.oracles() + more > 250) return fail(Errc::kUnsupported, "the table needs " + std::to_string(schema.oracles() + more) + " vectors, more than a proof has", "split its columns over two tables");
  return {};
}

PlanBuilder::Word word(const Fr& value) { return value.be(); }

/// Builder and views that both plans begin with: one registered oracle of the whole length for each committed vector.
struct Views {
  PlanBuilder b{Fr::modulus_be(), Aim::kLean};  // a chain reads it
  std::vector<Expr> oracle;
  Views(const TableSchema& schema, unsigned log) {
    b.limit(log);  // §8: the table's vectors must be the longest
    b.whole_numbers();
    for (std::size_t o = 0; o < schema.oracles(); ++o) {
      const auto id = b.registered(log);
      oracle.push_back(b.view(b.column_at(id, 0, log)));
    }
    for (std::size_t c = 0; c < schema.columns.size(); ++c) {
      const auto& column = schema.columns[c];
      if (const auto presence = schema.presence_oracle(c)) b.bound(oracle[*presence], 1);
      // Of a text only a hash is committed: 248 bits, which nothing adds up.
      b.bound(oracle[schema.value_oracle(c)], column.kind == TableSchema::Kind::kNumber ? column.bits : column.kind == TableSchema::Kind::kCategory ? 16 : 248);
    }
  }
};

/// What of the schema is looked up, and how.
std::vector<AdmissionPlan::Range> ranges_of(const TableSchema& schema) {
  std::vector<AdmissionPlan::Range> out;
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    const auto& column = schema.columns[c];
    const std::size_t value = schema.value_oracle(c);
    if (column.kind == TableSchema::Kind::kNumber) out.push_back({value, std::nullopt, 1, 0, std::uint64_t{1} << (column.bits - 1), column.bits, {}});
    if (column.kind == TableSchema::Kind::kCategory) {
      out.push_back({value, schema.presence_oracle(c), 1, -1, 0, 16, {}});      // at least 1 where it is present
      out.push_back({value, std::nullopt, -1, 0, column.size, 16, {}});         // at most the size
    }
  }
  return out;
}

}  // namespace

Result<AdmissionPlan> admission_plan(const TableSchema& schema, unsigned log) {
  AdmissionPlan out;
  out.limb_bits = log >= 16 ? 16 : 8;
  out.ranges = ranges_of(schema);
  std::size_t limbs = 0;
  for (const auto& range : out.ranges) limbs += range.bits / out.limb_bits;
  PB_CHECK(check_size(schema, log, limbs - out.ranges.size() + (limbs + 2) / 3 + 3));
  Views v(schema, log);
  PlanBuilder& b = v.b;
  const unsigned from = b.add_input(), to = b.add_input();
  const Expr one = b.constant(1), rows = b.prefix_input(log, to) - b.prefix_input(log, from), outside = one - rows;

  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    const Expr& value = v.oracle[schema.value_oracle(c)];
    if (const auto presence = schema.presence_oracle(c)) {
      const Expr& present = v.oracle[*presence];
      b.zero(present * (one - present), log);
      b.zero(present * outside, log);
      b.zero(value * (one - present), log);
    } else {
      b.zero(value * outside, log);
    }
  }

  std::vector<PlanBuilder::Fraction> left;
  for (auto& range : out.ranges) {
    Expr rest = v.oracle[range.value];
    if (range.scale < 0) rest = b.constant(range.shift) - rest;
    else if (range.shift != 0) rest = rest + b.constant(range.shift);
    if (range.presence_scale < 0) rest = rest - (range.presence ? v.oracle[*range.presence] : rows);
    const unsigned count = range.bits / out.limb_bits;
    const Fr down = Fr(std::uint64_t{1} << out.limb_bits).inverse();
    for (unsigned i = 0; i + 1 < count; ++i) {
      const Column home = b.place(1, log);
      range.limbs.push_back(home.oracle - schema.oracles());
      const Expr limb = b.view(home);
      left.push_back({one, limb, log});
      rest = (rest - limb) * b.constant(word(down));
    }
    left.push_back({one, rest, log});  // the highest limb is what the others leave
  }
  if (!left.empty()) {
    const Column home = b.place(1, out.limb_bits);
    PB_ASSERT(home.off == 0);
    out.multiplicities = home.oracle - schema.oracles();
    b.fractions(left, {{b.view(home), b.row(out.limb_bits), out.limb_bits}});
  }
  PB_TRY(compiled, b.finish());
  out.compiled = std::move(compiled);
  return out;
}

std::vector<LargeVector<Fr>> admission_witness(const AdmissionPlan& plan, const std::vector<LargeVector<Fr>>& values, std::uint64_t from, std::uint64_t to) {
  std::vector<LargeVector<Fr>> out;
  for (const auto& oracle : plan.compiled.plan.oracles)
    if (oracle.phase == 1) out.emplace_back(std::size_t{1} << oracle.n, Fr::zero());
  const std::size_t length = std::size_t{1} << plan.compiled.plan.l, table = std::size_t{1} << plan.limb_bits;
  std::vector<std::uint64_t> met(table);
  for (const auto& range : plan.ranges)
    for (std::size_t row = 0; row < length; ++row) {
      Fr number = values[range.value][row];
      if (range.scale < 0) number = Fr::zero() - number;
      number += Fr(range.shift);
      if (range.presence_scale < 0) number -= range.presence ? values[*range.presence][row] : Fr(std::uint64_t{row >= from && row < to});
      auto limbs = number.number();
      std::uint64_t rest = limbs[0];
      const bool fits = limbs[1] == 0 && limbs[2] == 0 && limbs[3] == 0 && (range.bits == 64 || rest >> range.bits == 0);
      for (const std::size_t home : range.limbs) {
        const std::uint64_t limb = rest & (table - 1);
        out[home][row] = Fr(limb);
        rest >>= plan.limb_bits;
        if (fits) ++met[limb];
      }
      if (fits) ++met[rest];
    }
  if (!plan.ranges.empty())
    for (std::size_t i = 0; i < table; ++i) out[plan.multiplicities][i] = Fr(met[i]);
  return out;
}

Result<MetricsPlan> metrics_plan(const TableSchema& schema, unsigned log, std::string_view label) {
  MetricsPlan out;
  PB_CHECK(check_size(schema, log, 4));
  if (!label.empty()) {
    PB_TRY(column, schema.find(label));
    if (schema.columns[column].values.empty()) return fail(Errc::kInvalid, "label \"" + std::string(label) + "\" is no column of categories that the schema tells", "admit the table with --label " + std::string(label));
    out.label = column;
  }
  Views v(schema, log);
  PlanBuilder& b = v.b;
  const unsigned rows = b.add_input();
  const Expr live = b.prefix_input(log, rows);
  for (std::size_t c = 0; c < schema.columns.size(); ++c)
    if (const auto presence = schema.presence_oracle(c)) {
      out.counted.push_back(c);
      const unsigned present = b.add_input();
      b.bound_input(present, kLogMax + 1);
      b.sum(v.oracle[*presence] * live, log, b.input(present));
    }
  if (out.label) {
    const unsigned count = schema.columns[*out.label].size + 1;
    unsigned log_count = 0;
    while (1u << log_count < count) ++log_count;
    unsigned first = 0;
    for (unsigned i = 0; i < count; ++i) first = i == 0 ? b.add_input() : (b.add_input(), first);
    // For every code: rows that have it = its count. Codes are below the count by admission; what is looked up here is looked up again.
    b.fractions({{live, v.oracle[schema.value_oracle(*out.label)], log}}, {{b.public_vector(log_count, first, count), b.row(log_count), log_count}});
  }
  if (out.counted.empty() && !out.label) b.zero(v.oracle[0] * (b.constant(1) - live), log);  // nothing to count: what the row count says, once more
  PB_TRY(compiled, b.finish());
  out.compiled = std::move(compiled);
  return out;
}

std::vector<Fr> metrics_inputs(const TableSchema& schema, const MetricsPlan& plan, const std::vector<LargeVector<Fr>>& values, std::uint64_t rows) {
  std::vector<Fr> out{Fr(rows)};
  for (const std::size_t column : plan.counted) {
    Fr present = Fr::zero();
    for (std::uint64_t row = 0; row < rows; ++row) present += values[*schema.presence_oracle(column)][row];
    out.push_back(present);
  }
  if (plan.label) {
    std::vector<std::uint64_t> histogram(schema.columns[*plan.label].size + 1);
    for (std::uint64_t row = 0; row < rows; ++row) ++histogram[values[schema.value_oracle(*plan.label)][row].number()[0]];
    for (const std::uint64_t count : histogram) out.emplace_back(count);
  }
  return out;
}

TableHistory history_of(const std::vector<Admission>& all, std::uint64_t epoch) {
  TableHistory out;
  std::uint64_t next = 0;
  for (const Admission& one : all) {
    if (one.epoch > epoch) break;
    if (one.rows.rows_before == 0 || one.epoch != next) out = {one.schema, {}};
    out.rows.push_back(one.rows);
    next = one.epoch + 1;
  }
  return next == epoch + 1 ? out : TableHistory{};
}

double completeness(const json::Object& metrics) {
  const double rows = static_cast<double>(json::uint_or(metrics, "rows", 0));
  double cells = 0, present = 0;
  if (const auto* columns = json::find_array(metrics, "columns"))
    for (const auto& column : *columns)
      if (column.is_object()) cells += rows, present += static_cast<double>(json::uint_or(column.get_object(), "present", 0));
  return cells > 0 ? std::min(present / cells, 1.0) : 0;
}

Result<json::Object> read_metrics(std::string_view schema_text, const std::vector<AdmittedRows>& admissions, std::string_view label, const Hash32& plan, const std::vector<U256>& inputs) {
  PB_TRY(schema, TableSchema::parse(schema_text));
  std::uint64_t rows = 0;
  for (const auto& one : admissions) {
    if (one.rows_before != rows || one.rows_after <= rows) return fail(Errc::kForbidden, "rows " + std::to_string(one.rows_before) + " to " + std::to_string(one.rows_after) + " were admitted after row " + std::to_string(rows));
    rows = one.rows_after;
    PB_TRY(expected, admission_plan(schema, table_log(rows)));
    if (expected.compiled.name != one.plan) return fail(Errc::kForbidden, "rows up to " + std::to_string(rows) + " were admitted under plan " + one.plan.hex() + ", the schema's is " + expected.compiled.name.hex());
  }
  if (rows == 0) return fail(Errc::kForbidden, "no rows were admitted");
  PB_TRY(metrics, metrics_plan(schema, table_log(rows), label));
  if (metrics.compiled.name != plan) return fail(Errc::kForbidden, "the metrics were proven under plan " + plan.hex() + ", the schema's is " + metrics.compiled.name.hex());
  if (inputs.size() != metrics.compiled.plan.public_inputs || inputs[0] != U256{rows}) return fail(Errc::kForbidden, "the metrics are of other rows than were admitted");
  json::Array columns;
  std::size_t next = 1;
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    const bool counted = schema.columns[c].nullable;
    columns.push_back(json::Object{{"name", schema.columns[c].name}, {"present", counted ? inputs[next].low64() : rows}});
    next += counted;
  }
  json::Object out{{"rows", rows}, {"columns", columns}};
  if (metrics.label) {
    json::Object histogram;
    const auto& values = schema.columns[*metrics.label].values;
    std::uint64_t minority = rows;
    ++next;  // rows without a label
    for (const auto& value : values) histogram[value] = inputs[next].low64(), minority = std::min(minority, inputs[next++].low64());
    out["label"] = json::Object{{"column", std::string(label)}, {"histogram", histogram}, {"minority", minority}};
  }
  return out;
}

}  // namespace peaberry::proof
