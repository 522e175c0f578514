#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>

#include <peaberry/proof/plan/plan.hpp>

namespace peaberry::proof {

/// An aligned slice of an oracle.
struct Column {
  std::uint8_t oracle;
  std::uint32_t off;
  std::uint8_t n;  ///< log2 of its length
};

/// A column that is longer than an opening should be, cut into equal columns, of several oracles as a rule: row r of part i is row i·2^(parts' log) + r of the whole (§10).
struct LongColumn {
  std::vector<Column> parts;  ///< a power of two of them
  const Column& part_of(std::uint64_t row) const { return parts.at(row >> parts.front().n); }
  /// Where a row lies in its part's oracle.
  std::uint32_t place_of(std::uint64_t row) const { return part_of(row).off + static_cast<std::uint32_t>(row & ((std::uint64_t{1} << parts.front().n) - 1)); }
};

/// Postfix code, with the operators of arithmetic.
struct Expr {
  Plan::Code code;
};
Expr operator+(Expr a, const Expr& b);
Expr operator-(Expr a, const Expr& b);
Expr operator*(Expr a, const Expr& b);

/// How the prover fills a helper column: h(x) = Σ_i num_i(x) / (α − key_i(x)).
struct HelperRecipe {
  struct Item {
    Plan::Code num, key;
  };
  Column column;
  std::vector<Item> items;
};

/// Rule G's certificate that a plan's integer equations hold in whole numbers: neither side can reach half the modulus. Beside the plan, for readers; verifiers do not need it.
struct Certificate {
  static constexpr unsigned kMost = 252;       ///< 2^252 < p/2
  std::vector<unsigned> operands;              ///< |value| < 2^bits, by operand; 0: none is known
  std::vector<unsigned> inputs;                ///< by public input
  std::vector<std::optional<unsigned>> claims; ///< bits that either side may reach; nothing where the claim is about field elements (challenges, helper columns)
};

struct CompiledPlan {
  Plan plan;
  Bytes bytes;
  Hash32 name;
  std::vector<HelperRecipe> helpers;
  std::optional<Certificate> certificate;  ///< where `whole_numbers` asked for one
};

/// What a plan is made for where its compiler has a choice. Fast: no oracle is longer than the longest column, and helper columns are few, because the opening's length and
/// full-width commitments are the prover's time. Lean: columns share longer oracles, and lookups get the helpers that cost the least gas.
enum class Aim : std::uint8_t { kFast, kLean };

/// Writes claims down as a plan. Everything that `zkSQL` and `zkML` prove is made of these; the verifier only ever sees sums (§2).
/// What only the caller may do wrong (a slice that does not exist) is asserted. Not thread-safe.
class PlanBuilder {
 public:
  using Word = std::array<std::uint8_t, 32>;
  explicit PlanBuilder(const Word& modulus, Aim aim = Aim::kFast) : modulus_(modulus), aim_(aim) {}

  // ---- oracles and columns. Phases may be opened in any order; `finish` sorts them.
  /// Grows with its columns.
  std::uint8_t oracle(unsigned phase);
  /// A registered oracle: its length is known, its columns lie where they lie.
  std::uint8_t registered(unsigned n);
  Column column(std::uint8_t oracle, unsigned n);
  /// A column of phase 1 or 2 in an oracle that the builder chooses, by its aim.
  Column place(unsigned phase, unsigned n);
  /// No oracle that `place` fills gets longer than 2^log: a registered one may have to be the longest (§8).
  void limit(unsigned log) { limit_ = log; }
  Column column_at(std::uint8_t oracle, std::uint32_t off, unsigned n);
  /// A column of 2^n rows: in one part where `limit` allows that, else in as many as it takes. Each part of 2^limit rows has an oracle of its own: some 7,000 gas, and an
  /// opening that is no longer than the limit.
  LongColumn place_long(unsigned phase, unsigned n);
  /// One registered oracle for each part of up to 2^limit rows.
  LongColumn registered_long(unsigned n);

  // ---- expressions
  Expr constant(std::uint64_t value);
  Expr constant(const Word& value);
  Expr input(unsigned index);
  /// Declares one more public input.
  unsigned add_input() { return inputs_++; }
  Expr challenge(Plan::Challenge which) { return leaf(Plan::Op::kChallenge, which); }
  /// The column row by row: bit i is x_i.
  Expr view(const Column& column);
  /// Bit i of the column comes from sources[i] (j: x_j, kFromR + j: r_j, kZero, kOne).
  Expr view(const Column& column, const std::vector<std::uint8_t>& sources);
  Expr view_axes(const Column& column, const std::vector<Plan::Axis>& axes);
  /// The row below; 0 at the last.
  Expr next(const Column& column);
  Expr row(unsigned n) { return public_column({Plan::PublicKind::kRow, static_cast<std::uint8_t>(n)}); }
  Expr prefix(unsigned n, std::uint32_t rows) { return public_column({Plan::PublicKind::kPrefix, static_cast<std::uint8_t>(n), rows}); }
  Expr prefix_input(unsigned n, unsigned input) { return public_column({Plan::PublicKind::kPrefix, static_cast<std::uint8_t>(n), input, 1}); }
  Expr at(unsigned n, std::uint32_t index) { return public_column({Plan::PublicKind::kAt, static_cast<std::uint8_t>(n), index}); }
  Expr public_vector(unsigned n, unsigned first_input, unsigned count) {
    return public_column({Plan::PublicKind::kVector, static_cast<std::uint8_t>(n), first_input, count});
  }
  /// 1 where the number in bits a… is less than the one in bits b….
  Expr less(unsigned n, unsigned a, unsigned b, unsigned len) { return public_column({Plan::PublicKind::kLess, static_cast<std::uint8_t>(n), a, b, len}); }

  // ---- claims over long columns are written once, for a part of the rows, and said of every part
  class Part {
   public:
    Part(PlanBuilder& builder, unsigned index, unsigned n, unsigned count) : builder_(builder), index_(index), n_(n), count_(count) {}
    unsigned index() const { return index_; }
    unsigned n() const { return n_; }  ///< log2 of the part's rows
    Expr view(const LongColumn& column) const;
    /// The row below, which may be the next part's first; 0 at the last of all.
    Expr next(const LongColumn& column) const;
    /// The number of the row among all.
    Expr row() const;
    /// 1 on the first `rows` of all rows.
    Expr prefix(std::uint64_t rows) const;
    /// 1 on row `index` of all.
    Expr at(std::uint64_t index) const;

   private:
    PlanBuilder& builder_;
    unsigned index_, n_, count_;
  };
  using OfPart = std::function<Expr(const Part&)>;
  /// The parts that 2^n rows have.
  std::vector<Part> parts(unsigned n);

  // ---- claims
  /// expr = 0 on all 2^n rows.
  void zero(const Expr& expr, unsigned n);
  void zero_long(unsigned n, const OfPart& expr);
  /// Σ over 2^n rows of expr = target.
  void sum(const Expr& expr, unsigned n, const Expr& target);
  void sum_long(unsigned n, const OfPart& expr, const Expr& target);
  /// Σ over 2^n rows of expr = the cell (a column of length 1).
  void sum_is_cell(const Expr& expr, unsigned n, const Column& cell);
  /// The column is the public vector.
  void equals_public(const Column& column, unsigned first_input, unsigned count);
  /// acc(i, j) = Σ_k product(i, k, j): `acc` in x over the eq-run of `n` variables; `product` in its own `k` summed variables and r.
  void contraction(const Expr& acc, unsigned n, const Expr& product, unsigned k);
  /// acc is the sum of several products: those over the parts of a matrix that is cut by the index that is summed.
  void contraction(const Expr& acc, unsigned n, const std::vector<Expr>& products, unsigned k);
  /// The same with a shared index in the last `shared` variables of the sum, against r_{rs…}.
  void contraction_shared(const Expr& acc, unsigned n, const Expr& product, unsigned k, unsigned shared, unsigned rs);
  struct Fraction {
    Expr num, key;
    unsigned n;
  };
  /// For every y: Σ of left nums with key y = Σ of right nums with key y. Items of one length are put into groups of `group` with one helper
  /// column each, left before right; the i-th goes into oracles[i], or into the last one (phase 2): long columns want oracles of their own, lest ℓ
  /// grows. The nums of a lookup's left side must be 1, public 0/1, or proven boolean (§2).
  void fractions(const std::vector<std::uint8_t>& oracles, const std::vector<Fraction>& left, const std::vector<Fraction>& right, unsigned group = 3);
  /// The same with helpers where `place` puts them, in groups of the size that the aim asks for.
  void fractions(const std::vector<Fraction>& left, const std::vector<Fraction>& right);
  /// Its items, one for each part of 2^n rows.
  std::vector<Fraction> fraction_long(unsigned n, const OfPart& num, const OfPart& key);
  /// c_0 + β c_1 + β² c_2 + …
  Expr fold_key(const std::vector<Expr>& columns);

  // ---- whole numbers
  /// From here on the plan must have a certificate: `finish` refuses a claim whose sides could wrap around the modulus, or in which a value has no known bound.
  void whole_numbers() { whole_ = true; }
  /// |value| < 2^bits for a view (or for every view of its column, of which one is given): proven by this plan or when the column was registered.
  void bound(const Expr& view, unsigned bits);
  void bound_input(unsigned index, unsigned bits);

  /// Sorts phases, places the masks and checks. Errors: the plan is outside the protocol's limits; a claim that is not certified.
  Result<CompiledPlan> finish();

 private:
  struct Space {
    unsigned phase, n = 0;
    bool fixed = false, used = false;
    std::multimap<unsigned, std::uint32_t> free;  // log → offset
  };
  std::uint32_t allocate(Space& space, unsigned log);
  static Expr leaf(Plan::Op op, unsigned index) { return {{{op, static_cast<std::uint16_t>(index)}}}; }
  Expr public_column(Plan::PublicColumn column);
  void add(Plan::Claim claim);
  void sort_operands();
  Result<Certificate> certify() const;
  void fractions_in(const std::function<Column(unsigned n)>& home, const std::vector<Fraction>& left, const std::vector<Fraction>& right, unsigned group);

  Word modulus_;
  Aim aim_;
  unsigned limit_ = 28;
  std::vector<std::uint8_t> placed_;  // oracles that `place` opened
  std::vector<Space> spaces_;
  std::uint16_t inputs_ = 0;
  Plan plan_;
  std::vector<HelperRecipe> helpers_;
  bool whole_ = false;
  struct Bounded {
    std::uint8_t oracle;
    std::uint32_t off;
    std::uint8_t n;
    unsigned bits;
  };
  std::vector<Bounded> bounded_;
  std::map<unsigned, unsigned> input_bits_;
};

}  // namespace peaberry::proof
