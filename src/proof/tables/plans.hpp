#pragma once

#include <peaberry/base/json.hpp>
#include <peaberry/proof/claims/builder.hpp>
#include <peaberry/proof/field/bn254.hpp>
#include <peaberry/proof/field/memory.hpp>

#include "schema.hpp"

namespace peaberry::proof {

/// The plan under which rows are admitted (docs/reference/proof-protocol.md, §8), a function of the schema and log2 of the vectors alone. It says, for vectors of
/// the whole length ℓ: everything is 0 outside rows [input 0, input 1); presence is 0 or 1, and a missing value is 0; numbers lie in their range; codes in 1 … size
/// where one is present. No integer in it leaves 2^65, far below the modulus: an equation that holds there holds in whole numbers.
struct AdmissionPlan {
  CompiledPlan compiled;
  unsigned limb_bits = 0;
  /// A number that is looked up limb by limb: scale·value + shift + presence_scale·presence, in [0, 2^bits).
  struct Range {
    std::size_t value;                    ///< oracle
    std::optional<std::size_t> presence;  ///< oracle; nothing: present in the rows that are admitted
    int scale, presence_scale;
    std::uint64_t shift;
    unsigned bits;
    std::vector<std::size_t> limbs;  ///< phase-1 oracles of all limbs but the highest
  };
  std::vector<Range> ranges;
  std::size_t multiplicities = 0;  ///< phase-1 oracle: how often each number below 2^limb_bits is met
};
/// Errors: more vectors than a plan has oracles; log above the protocol's.
Result<AdmissionPlan> admission_plan(const TableSchema& schema, unsigned log);
/// The phase-1 oracles for rows [from, to) of `values` (`table_values`). A value out of range – a false witness – is counted nowhere.
std::vector<LargeVector<Fr>> admission_witness(const AdmissionPlan& plan, const std::vector<LargeVector<Fr>>& values, std::uint64_t from, std::uint64_t to);

/// The plan that measures an admitted table: the registry's row count (input 0), how many values are present in each nullable column, and – with a label, a column of
/// categories whose values the schema tells – how many rows have each of its codes, 0 for missing. Counts are below 2^28: they are whole numbers.
struct MetricsPlan {
  CompiledPlan compiled;
  std::vector<std::size_t> counted;  ///< columns whose presence is counted, inputs 1 …
  std::optional<std::size_t> label;  ///< column; its histogram are the inputs after those
};
/// `label` may be empty. Errors: no such column, or none of told categories; log above the protocol's.
Result<MetricsPlan> metrics_plan(const TableSchema& schema, unsigned log, std::string_view label);
/// The public inputs that are true of these values.
std::vector<Fr> metrics_inputs(const TableSchema& schema, const MetricsPlan& plan, const std::vector<LargeVector<Fr>>& values, std::uint64_t rows);

/// An admission as the registry tells of it.
struct AdmittedRows {
  Hash32 plan;
  std::uint64_t rows_before = 0, rows_after = 0;
};
/// One as it stands on chain: of which epoch, and the schema's text where the table begins.
struct Admission {
  std::uint64_t epoch = 0;
  AdmittedRows rows;
  std::string schema;
};
/// What the table of an epoch is made of: its admissions since the last that had no rows before it.
struct TableHistory {
  std::string schema;
  std::vector<AdmittedRows> rows;  ///< empty: the epoch was not admitted, or does not follow from ones that were
};
/// @param all of one table, under the one verifier that is believed, in the chain's order: an epoch under another one is missing, and breaks what follows
TableHistory history_of(const std::vector<Admission>& all, std::uint64_t epoch);
/// The share of a table's cells that are present, 0 … 1, by metrics of this kind or of `table-quality`'s.
double completeness(const json::Object& metrics);

/// What a proven measurement says, as the metrics of `table-quality` say it: {"rows","columns":[{"name","present"}],"label":{"column","histogram","minority"}}. The reader's
/// own check (rule F): every plan is compiled again from the schema's text and the row counts.
/// @param admissions from the table's first rows to its present ones
/// Errors (kForbidden) say which plan is another, or which rows do not follow.
Result<json::Object> read_metrics(std::string_view schema_text, const std::vector<AdmittedRows>& admissions, std::string_view label, const Hash32& plan, const std::vector<U256>& inputs);

}  // namespace peaberry::proof
