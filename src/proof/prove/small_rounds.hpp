#pragma once

#include <map>
#include <memory>

#include <peaberry/proof/plan/plan.hpp>

#include "views.hpp"

namespace peaberry::proof {

/// Tables that hold whole numbers below 2^50 only, as such; found once for each.
class SmallTables {
 public:
  using Small = LargeVector<std::int64_t>;  // wiped: witnesses
  /// Nothing when an entry is larger. Not thread-safe.
  const Small* of(std::span<const Fr> table);

 private:
  std::map<const Fr*, std::unique_ptr<Small>> known_;
};

/// The first rounds of a sumcheck over terms of whole numbers: Σ_rows eq(row)·v(row) with v a polynomial of degree d in small tables. Instead of binding the first k
/// variables one by one, which makes every value a field element, the terms are evaluated at all points of {0 … d}^k, in 64-bit integers, and only their weighted sums are
/// elements; the rounds' polynomials and bindings are interpolations in those (d + 1)^k sums. Source: the small-value rounds of Bagad, Domb, Thaler 2024 (ePrint
/// 2024/1046); the eq-run split off as in Gruen 2024 (ePrint 2024/108).
class SmallRounds {
 public:
  struct Term {
    Fr weight;
    const Plan::Code* code;
  };
  /// What the code's leaves are. Tables have 2^variables entries each, or one.
  struct Leaves {
    std::span<const Fr> constants, inputs;
    std::span<const std::span<const Fr>> operands, columns;
  };

  /// Whether a term can be evaluated so among others of that degree at most: no challenges, small leaves, and no value that could leave 51 bits.
  static bool fits(const Plan::Code& code, unsigned degree, unsigned variables, const Leaves& leaves, SmallTables& tables);
  /// How many rounds, for terms of that degree; 0: it does not pay.
  static unsigned rounds_for(unsigned degree, unsigned variables);

  /// `r`: the eq-run's point, as long as there are variables, or empty for a sum without one.
  SmallRounds(std::span<const Term> terms, unsigned degree, unsigned variables, std::span<const Fr> r, const Leaves& leaves, SmallTables& tables, unsigned threads);

  unsigned rounds_left() const { return left_; }
  /// The polynomial's values at 0 … degree in the next variable, without that variable's own eq factor.
  std::vector<Fr> values() const;
  void bind(const Fr& challenge);

 private:
  unsigned degree_, left_;
  std::vector<Fr> r_;     // of the variables that are left, or empty
  std::vector<Fr> grid_;  // the sums at {0 … d}^left, the next variable's coordinate first
};

}  // namespace peaberry::proof
