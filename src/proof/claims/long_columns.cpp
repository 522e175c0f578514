// Columns that are cut into several oracles, so that the opening is no longer than a part (docs/reference/proof-protocol.md, §10), and claims over them.

#include "builder.hpp"

namespace peaberry::proof {

LongColumn PlanBuilder::place_long(unsigned phase, unsigned n) {
  LongColumn out;
  for (const Part& part : parts(n)) out.parts.push_back(place(phase, part.n()));
  return out;
}

LongColumn PlanBuilder::registered_long(unsigned n) {
  LongColumn out;
  for (const Part& part : parts(n)) out.parts.push_back(column_at(registered(part.n()), 0, part.n()));
  return out;
}

std::vector<PlanBuilder::Part> PlanBuilder::parts(unsigned n) {
  const unsigned log = std::min(n, limit_);
  PB_ASSERT(n - log <= 7);  // oracles are counted in a byte
  std::vector<Part> out;
  for (unsigned i = 0; i < 1u << (n - log); ++i) out.emplace_back(*this, i, log, 1u << (n - log));
  return out;
}

Expr PlanBuilder::Part::view(const LongColumn& column) const {
  PB_ASSERT(column.parts.size() == count_ && column.parts[index_].n == n_);
  return builder_.view(column.parts[index_]);
}

Expr PlanBuilder::Part::next(const LongColumn& column) const {
  PB_ASSERT(column.parts.size() == count_ && column.parts[index_].n == n_);
  Expr inside = builder_.next(column.parts[index_]);
  if (index_ + 1 == count_) return inside;
  const Expr first = builder_.view(column.parts[index_ + 1], std::vector<std::uint8_t>(n_, Plan::kZero));
  return inside + builder_.at(n_, (std::uint32_t{1} << n_) - 1) * first;
}

Expr PlanBuilder::Part::row() const {
  const Expr inside = builder_.row(n_);
  return index_ == 0 ? inside : builder_.constant(std::uint64_t{index_} << n_) + inside;
}

Expr PlanBuilder::Part::prefix(std::uint64_t rows) const {
  const std::uint64_t before = std::uint64_t{index_} << n_, here = std::uint64_t{1} << n_;
  if (rows <= before) return builder_.constant(0);
  if (rows >= before + here) return builder_.constant(1);
  return builder_.prefix(n_, static_cast<std::uint32_t>(rows - before));
}

Expr PlanBuilder::Part::at(std::uint64_t index) const {
  if (index >> n_ != index_) return builder_.constant(0);
  return builder_.at(n_, static_cast<std::uint32_t>(index & ((std::uint64_t{1} << n_) - 1)));
}

void PlanBuilder::zero_long(unsigned n, const OfPart& expr) {
  for (const Part& part : parts(n)) zero(expr(part), part.n());
}

void PlanBuilder::sum_long(unsigned n, const OfPart& expr, const Expr& target) {
  Plan::Claim claim{target.code, {}};
  for (const Part& part : parts(n)) claim.terms.push_back({static_cast<std::uint8_t>(part.n()), 0, 0, 0, expr(part).code});
  add(std::move(claim));
}

std::vector<PlanBuilder::Fraction> PlanBuilder::fraction_long(unsigned n, const OfPart& num, const OfPart& key) {
  std::vector<Fraction> out;
  for (const Part& part : parts(n)) out.push_back({num(part), key(part), part.n()});
  return out;
}

}  // namespace peaberry::proof
