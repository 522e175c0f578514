#pragma once

#include <peaberry/proof/field/memory.hpp>
#include <peaberry/proof/field/vector.hpp>
#include <peaberry/proof/plan/weights.hpp>

namespace peaberry::proof {

using Table = LargeVector<Fr>;

/// Whether the view is the column itself, row by row (sources x_0, x_1, … in order): its table is the slice, no copy needed.
bool is_plain(const Plan::Operand& operand);

/// P(x) = Σ_y w(x; y)·column(y) for all x in {0,1}^operand.variables() (§2), column by column of axes: sources r are bound by folding.
Table view_table(const Plan::Operand& operand, std::span<const Fr> column, std::span<const Fr> r);

/// w(x; y) for all y in {0,1}^n at a point x: an outer product of one short vector for each axis.
Table weight_table(const Plan::Operand& operand, std::span<const Fr> x, std::span<const Fr> r);

/// All eq(k, x), scaled.
Table eq_expansion(std::span<const Fr> x, const Fr& scale = Fr::one());

/// A public column as a table over its variables.
Table column_table(const Plan::PublicColumn& column, std::span<const Fr> inputs);

}  // namespace peaberry::proof
