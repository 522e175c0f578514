// Source: see small_rounds.hpp.

#include "small_rounds.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include <peaberry/proof/plan/weights.hpp>

#include "blocks.hpp"
#include "parallel.hpp"

namespace peaberry::proof {
namespace {

constexpr unsigned kMostBits = 51;  // what `dot_small` takes

/// A leaf: one whole number, or a table of them.
struct Leaf {
  std::int64_t all = 0;
  const SmallTables::Small* table = nullptr;
};

/// The code's leaves in the order in which it pushes them; nothing when one is not small.
std::optional<std::vector<Leaf>> leaves_of(const Plan::Code& code, unsigned variables, const SmallRounds::Leaves& leaves, SmallTables& tables) {
  std::vector<Leaf> out;
  for (const auto& [op, index] : code) {
    std::optional<Fr> constant;
    std::span<const Fr> table;
    switch (op) {
      case Plan::Op::kConst: constant = leaves.constants[index]; break;
      case Plan::Op::kPublic: constant = leaves.inputs[index]; break;
      case Plan::Op::kChallenge: return std::nullopt;
      case Plan::Op::kOperand: table = leaves.operands[index]; break;
      case Plan::Op::kColumn: table = leaves.columns[index]; break;
      default: continue;
    }
    if (!constant && table.size() == 1) constant = table[0];
    if (constant) {
      const auto value = constant->small(50);
      if (!value) return std::nullopt;
      out.push_back({*value, nullptr});
    } else {
      if (table.size() != std::size_t{1} << variables) return std::nullopt;
      const auto* small = tables.of(table);
      if (small == nullptr) return std::nullopt;
      out.push_back({0, small});
    }
  }
  return out;
}

/// Postfix over whole numbers: `leaf(i)` gives the i-th leaf's value, `apply(op, a, b)` combines.
template <class Value, class GetLeaf, class Apply>
Value evaluate(const Plan::Code& code, const GetLeaf& leaf, const Apply& apply) {
  std::vector<Value> stack;
  std::size_t next = 0;
  for (const auto& [op, index] : code) {
    if (op != Plan::Op::kAdd && op != Plan::Op::kSub && op != Plan::Op::kMul) {
      stack.push_back(leaf(next++));
      continue;
    }
    Value right = std::move(stack.back());
    stack.pop_back();
    stack.back() = apply(op, std::move(stack.back()), std::move(right));
  }
  return std::move(stack.back());
}

/// One leaf's values at the grid's points, a block of rows each: (d + 1)^k arrays of kBlock.
using Grid = LargeVector<std::int64_t>;

void spread(const Leaf& leaf, std::size_t from, std::size_t rows, unsigned rounds, unsigned degree, Grid& grid, Grid& other) {
  const std::size_t corners = std::size_t{1} << rounds;
  grid.resize(std::max(grid.size(), corners * kBlock));
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t b = 0; b < corners; ++b) grid[b * kBlock + i] = (*leaf.table)[(from + i) * corners + b];
  // A variable at a time from two values to d + 1 on the line through them; those before it are wide already.
  std::size_t inner = 1;
  for (unsigned j = 0; j < rounds; ++j, inner *= degree + 1) {
    const std::size_t outer = corners >> (j + 1);
    other.resize(std::max(other.size(), outer * (degree + 1) * inner * kBlock));
    for (std::size_t o = 0; o < outer; ++o)
      for (std::size_t q = 0; q < inner; ++q) {
        const std::int64_t *low = &grid[(2 * o * inner + q) * kBlock], *high = &grid[((2 * o + 1) * inner + q) * kBlock];
        for (unsigned x = 0; x <= degree; ++x) {
          std::int64_t* out = &other[((o * (degree + 1) + x) * inner + q) * kBlock];
          for (std::size_t i = 0; i < rows; ++i) out[i] = low[i] + static_cast<std::int64_t>(x) * (high[i] - low[i]);
        }
      }
    std::swap(grid, other);
  }
}

/// A block of whole numbers: one for each row, or one for all.
struct Rows {
  const std::int64_t* rows;  ///< nullptr: `all`
  std::int64_t all;
};

/// left op right, in `out` unless both are the same for all rows.
Rows combined(Plan::Op op, Rows left, Rows right, std::int64_t* out, std::size_t rows) {
  const auto run = [&](auto apply) -> Rows {
    if (left.rows == nullptr && right.rows == nullptr) return {nullptr, apply(left.all, right.all)};
    if (left.rows == nullptr)
      for (std::size_t i = 0; i < rows; ++i) out[i] = apply(left.all, right.rows[i]);
    else if (right.rows == nullptr)
      for (std::size_t i = 0; i < rows; ++i) out[i] = apply(left.rows[i], right.all);
    else
      for (std::size_t i = 0; i < rows; ++i) out[i] = apply(left.rows[i], right.rows[i]);
    return {out, 0};
  };
  if (op == Plan::Op::kAdd) return run([](std::int64_t x, std::int64_t y) { return x + y; });
  if (op == Plan::Op::kSub) return run([](std::int64_t x, std::int64_t y) { return x - y; });
  return run([](std::int64_t x, std::int64_t y) { return x * y; });
}

std::size_t power(std::size_t base, unsigned exponent) {
  std::size_t out = 1;
  for (unsigned i = 0; i < exponent; ++i) out *= base;
  return out;
}

/// The Lagrange polynomials of 0 … d at a point.
std::vector<Fr> lagrange(unsigned degree, const Fr& at) {
  std::vector<Fr> out;
  for (unsigned x = 0; x <= degree; ++x) {
    Fr top = Fr::one(), bottom = Fr::one();
    for (unsigned y = 0; y <= degree; ++y) {
      if (y == x) continue;
      top *= at - Fr(y);
      bottom *= Fr::from_signed(static_cast<std::int64_t>(x) - static_cast<std::int64_t>(y));
    }
    out.push_back(top * bottom.inverse());
  }
  return out;
}

}  // namespace

const SmallTables::Small* SmallTables::of(std::span<const Fr> table) {
  auto [found, fresh] = known_.try_emplace(table.data());
  if (fresh) {
    found->second = std::make_unique<Small>(table.size());
    if (!kernels().small(found->second->data(), table.data(), table.size())) found->second.reset();
  }
  return found->second != nullptr && found->second->size() == table.size() ? found->second.get() : nullptr;
}

bool SmallRounds::fits(const Plan::Code& code, unsigned degree, unsigned variables, const Leaves& leaves, SmallTables& tables) {
  const unsigned rounds = rounds_for(degree, variables);
  if (rounds == 0 || Plan::degree_in(code) > degree) return false;
  const auto all = leaves_of(code, variables, leaves, tables);
  if (!all || std::none_of(all->begin(), all->end(), [](const Leaf& leaf) { return leaf.table != nullptr; })) return false;
  // On 0 … d a line leaves its ends by |v0 + x(v1 − v0)| ≤ (2d − 1)·max; so it is for each variable.
  const double stretch = std::pow(2.0 * degree - 1, rounds);
  double most = 0;
  const auto seen = [&](double bound) { return most = std::max(most, bound), bound; };
  (void)evaluate<double>(
      code,
      [&](std::size_t i) {
        const Leaf& leaf = (*all)[i];
        if (leaf.table == nullptr) return seen(std::abs(static_cast<double>(leaf.all)));
        const auto [low, high] = std::minmax_element(leaf.table->begin(), leaf.table->end());
        return seen(stretch * std::max(std::abs(static_cast<double>(*low)), std::abs(static_cast<double>(*high))));
      },
      [&](Plan::Op op, double a, double b) { return seen(op == Plan::Op::kMul ? a * b : a + b); });
  return most < std::ldexp(0.99, kMostBits);
}

unsigned SmallRounds::rounds_for(unsigned degree, unsigned variables) {
  // (d + 1)^k points for each 2^k rows: as long as that is cheap in integers.
  const unsigned rounds = degree == 0 ? 0 : degree == 1 ? 3 : degree <= 3 ? 2 : degree <= 6 ? 1 : 0;
  return rounds < variables ? rounds : 0;
}

SmallRounds::SmallRounds(std::span<const Term> terms, unsigned degree, unsigned variables, std::span<const Fr> r, const Leaves& leaves, SmallTables& tables, unsigned threads)
    : degree_(degree), left_(rounds_for(degree, variables)), grid_(power(degree + 1, left_)) {
  PB_ASSERT(left_ > 0 && (r.empty() || r.size() == variables));
  if (!r.empty()) r_.assign(r.begin(), r.begin() + left_);
  std::vector<std::vector<Leaf>> inputs;
  for (const Term& term : terms) inputs.push_back(leaves_of(*term.code, variables, leaves, tables).value());
  const std::size_t rests = std::size_t{1} << (variables - left_), block = std::min(kBlock, rests), points = grid_.size();
  Table low, high;  // eq of the variables after these, as a product of two short tables
  if (!r.empty()) {
    const auto later = r.subspan(left_);
    const auto low_bits = static_cast<unsigned>(std::countr_zero(block));
    low = eq_expansion(later.first(low_bits));
    high = eq_expansion(later.subspan(low_bits));
  }
  struct Worker {
    std::map<const SmallTables::Small*, Grid> grids;
    Grid other;
    std::vector<Grid> buffers;
    std::vector<Fr> sums;  // by term, then by point
  };
  std::vector<Worker> workers(threads);
  for (Worker& worker : workers) worker.sums.resize(terms.size() * points);
  parallel(threads, rests / block, [&](unsigned id, std::size_t b) {
    Worker& worker = workers[id];
    for (const auto& list : inputs)
      for (const Leaf& leaf : list)
        if (leaf.table != nullptr) worker.grids.try_emplace(leaf.table);
    for (auto& [table, grid] : worker.grids) spread({0, table}, b * block, block, left_, degree_, grid, worker.other);
    for (std::size_t t = 0; t < terms.size(); ++t)
      for (std::size_t point = 0; point < points; ++point) {
        std::size_t used = 0;
        const Rows value = evaluate<Rows>(
            *terms[t].code,
            [&](std::size_t i) {
              const Leaf& leaf = inputs[t][i];
              return leaf.table == nullptr ? Rows{nullptr, leaf.all} : Rows{&worker.grids[leaf.table][point * kBlock], 0};
            },
            [&](Plan::Op op, Rows left, Rows right) {
              if (used == worker.buffers.size()) worker.buffers.emplace_back(kBlock);
              return combined(op, left, right, worker.buffers[used++].data(), block);
            });
        Fr& sum = worker.sums[t * points + point];
        PB_ASSERT(value.rows != nullptr);  // `fits`: there is a table in every term
        if (r_.empty())
          sum += Fr::from_signed(std::accumulate(value.rows, value.rows + block, std::int64_t{0}));  // below 51 + 9 bits
        else
          sum += kernels().dot_small(low.data(), value.rows, block) * high[b];
      }
  });
  for (const Worker& worker : workers)
    for (std::size_t t = 0; t < terms.size(); ++t)
      for (std::size_t point = 0; point < points; ++point) grid_[point] += terms[t].weight * worker.sums[t * points + point];
}

std::vector<Fr> SmallRounds::values() const {
  // The later variables at 0 and 1, under their part of the run.
  const std::size_t width = degree_ + 1;
  std::vector<Fr> sums = grid_;
  for (unsigned j = left_; j-- > 1;) {
    const std::size_t inner = power(width, j);
    const Fr one = r_.empty() ? Fr::one() : r_[j], zero = r_.empty() ? Fr::one() : Fr::one() - r_[j];
    for (std::size_t q = 0; q < inner; ++q) sums[q] = zero * sums[q] + one * sums[inner + q];
  }
  sums.resize(width);
  return sums;
}

void SmallRounds::bind(const Fr& challenge) {
  const std::size_t width = degree_ + 1;
  const auto weights = lagrange(degree_, challenge);
  std::vector<Fr> next(grid_.size() / width);
  for (std::size_t q = 0; q < next.size(); ++q)
    for (std::size_t x = 0; x < width; ++x) next[q] += weights[x] * grid_[q * width + x];
  grid_ = std::move(next);
  if (!r_.empty()) r_.erase(r_.begin());
  --left_;
}

}  // namespace peaberry::proof
