// Source: docs/reference/proof-protocol.md, §4; Gruen 2024 (ePrint 2024/108) for the run that is split off.

#include "interpolate.hpp"
#include "prover_class.hpp"
#include "small_rounds.hpp"

namespace peaberry::proof {
namespace {

/// Rows of a table in one block of a round: values at X = 0 and what each step of X adds. Tables without variables left are constants.
template <class Cell>
struct Line {
  std::span<const Fr> table;
  Cells<Cell> value, step;
  void load(std::size_t from, std::size_t rows) {
    const std::size_t half = table.size() / 2, cells = rows / kRowsIn<Cell>;
    value.resize(kBlock / kRowsIn<Cell>), step.resize(kBlock / kRowsIn<Cell>);
    if (half >= from + rows) return split(value.data(), step.data(), &table[2 * from], cells);
    Table repeated(2 * rows);  // a table of fewer variables is the same for every value of the others
    for (std::size_t i = 0; i < rows; ++i) {
      const std::size_t k = 2 * ((from + i) % half);
      repeated[2 * i] = table[k];
      repeated[2 * i + 1] = table[k + 1];
    }
    split(value.data(), step.data(), repeated.data(), cells);
  }
  void advance(std::size_t cells) { combine(Plan::Op::kAdd, value.data(), value.data(), step.data(), cells); }
};

}  // namespace

/// Terms over the same variables and with the same eq-run are one sum.
struct Prover::Group {
  unsigned nt, xs, rs, len;
  bool gruen;  ///< the run covers all variables: it is split off, and never becomes a table
  std::vector<std::pair<Fr, const Plan::Code*>> terms;
  std::vector<std::size_t> operands, columns;
  unsigned degree = 0;  ///< of the sum without a run that is split off
  Table run;            ///< a run that is not split off, as one more factor
  Fr bound = Fr::one(); ///< Π eq(ρ_j, r_j) of the rounds before
  std::optional<Fr> constant;  ///< once all its variables are bound
  std::optional<SmallRounds> small;  ///< the first rounds of terms over whole numbers, which join the others when it is done
  std::vector<std::pair<Fr, const Plan::Code*>> small_terms;

  /// What its terms need.
  void collect() {
    operands.clear(), columns.clear();
    degree = run.empty() ? 0 : 1;
    unsigned most = 0;
    for (const auto& [weight, code] : terms) {
      most = std::max(most, Plan::degree_in(*code));
      for (const auto& [op, index] : *code) {
        auto* list = op == Plan::Op::kOperand ? &operands : op == Plan::Op::kColumn ? &columns : nullptr;
        if (list != nullptr && std::find(list->begin(), list->end(), index) == list->end()) list->push_back(index);
      }
    }
    degree += most;
  }
  /// Takes those of its terms apart whose first rounds are cheaper in whole numbers.
  void take_small(std::span<const Fr> r, const SmallRounds::Leaves& leaves, SmallTables& known, unsigned threads);
};

void Prover::Group::take_small(std::span<const Fr> r, const SmallRounds::Leaves& leaves, SmallTables& known, unsigned threads) {
  if (!gruen && len != 0) return;
  std::vector<SmallRounds::Term> fitting;
  for (const auto& [weight, code] : terms)
    if (SmallRounds::rounds_for(Plan::degree_in(*code), nt) != 0) fitting.push_back({weight, code});
  unsigned highest = 0;
  for (bool again = true; again && !fitting.empty();) {  // those of lower degree must fit the grid of the highest
    highest = 0;
    for (const auto& term : fitting) highest = std::max(highest, Plan::degree_in(*term.code));
    again = std::erase_if(fitting, [&](const auto& term) { return !SmallRounds::fits(*term.code, highest, nt, leaves, known); }) != 0;
  }
  if (fitting.empty()) return;
  small.emplace(fitting, highest, nt, gruen ? r.subspan(rs, nt) : std::span<const Fr>(), leaves, known, threads);
  const auto taken = [&](const auto& one) { return std::any_of(fitting.begin(), fitting.end(), [&](const auto& term) { return term.code == one.second; }); };
  std::copy_if(terms.begin(), terms.end(), std::back_inserter(small_terms), taken);
  std::erase_if(terms, taken);
  collect();
}

std::vector<Prover::Group> Prover::groups() const {
  std::vector<Group> out;
  Fr weight = Fr::one();
  for (const auto& claim : plan_.claims) {
    for (const auto& term : claim.terms) {
      auto found = std::find_if(out.begin(), out.end(), [&](const Group& g) { return g.nt == term.nt && g.len == term.len && (term.len == 0 || (g.xs == term.xs && g.rs == term.rs)); });
      if (found == out.end()) {
        out.push_back({term.nt, term.xs, term.rs, term.len, term.len == term.nt && term.len > 0, {}, {}, {}, 0, {}, Fr::one(), {}, {}, {}});
        found = out.end() - 1;
      }
      found->terms.emplace_back(weight, &term.code);
    }
    weight *= lambda_;
  }
  for (Group& group : out) {
    if (group.len > 0 && !group.gruen) {
      // eq over x_xs …: constant in the variables below xs
      const Table run = eq_expansion(std::span<const Fr>(r_).subspan(group.rs, group.len));
      group.run.resize(run.size() << group.xs);
      for (std::size_t i = 0; i < group.run.size(); ++i) group.run[i] = run[i >> group.xs];
    }
    group.collect();
  }
  return out;
}

template <class Cell>
std::vector<Fr> Prover::round_values(const Group& group, unsigned round, const Tables& operands, const Tables& columns, std::size_t block) {
  const std::size_t blocks = (std::size_t{1} << (group.nt - round - 1)) / block, cells = block / kRowsIn<Cell>;
  // What a row counts: eq of the variables after this one, as a product of two short tables, or one.
  Cells<Cell> low(cells);
  Table high(1, Fr::one());
  if (group.gruen) {
    const auto later = std::span<const Fr>(r_).subspan(group.rs + round + 1, group.nt - round - 1);
    const unsigned low_bits = static_cast<unsigned>(std::bit_width(block) - 1);
    read(low.data(), eq_expansion(later.first(low_bits)).data(), cells);
    high = eq_expansion(later.subspan(low_bits));
  } else {
    read(low.data(), Table(block, Fr::one()).data(), cells);
  }
  std::vector<std::vector<Fr>> partial(options_.threads, std::vector<Fr>(group.degree + 1));
  std::vector<BlockRunner<Cell>> runners(options_.threads, runner<Cell>());
  struct Worker {
    std::vector<Line<Cell>> operands, columns;
    Line<Cell> run;
    Cells<Cell> total;
  };
  std::vector<Worker> workers(options_.threads);
  parallel(options_.threads, blocks, [&](unsigned id, std::size_t b) {
    BlockRunner<Cell>& here = runners[id];
    Worker& worker = workers[id];
    const auto bind = [&](const std::vector<std::size_t>& used, const Tables& tables, std::vector<Line<Cell>>& lines, auto& values) {
      lines.resize(used.size());
      for (std::size_t i = 0; i < used.size(); ++i) {
        const auto table = tables.view[used[i]];
        lines[i].table = table;
        if (table.size() == 1) {
          values[used[i]] = {nullptr, table[0]};
        } else {
          lines[i].load(b * block, block);
          values[used[i]] = {lines[i].value.data(), {}};
        }
      }
    };
    bind(group.operands, operands, worker.operands, here.operands);
    bind(group.columns, columns, worker.columns, here.columns);
    if (group.run.size() > 1) {
      worker.run.table = std::span<const Fr>(group.run);
      worker.run.load(b * block, block);
    }
    worker.total.resize(cells);
    for (unsigned x = 0; x <= group.degree; ++x) {
      if (x > 0) {
        for (auto* lines : {&worker.operands, &worker.columns})
          for (Line<Cell>& line : *lines)
            if (line.table.size() > 1) line.advance(cells);
        if (group.run.size() > 1) worker.run.advance(cells);
      }
      std::fill(worker.total.begin(), worker.total.end(), Cell{});
      Fr everywhere;
      for (const auto& [weight, code] : group.terms) {
        const auto value = here.run(*code, cells);
        if (value.rows == nullptr)
          everywhere += weight * value.all;
        else
          mac(worker.total.data(), value.rows, weight, cells);
      }
      if (!everywhere.is_zero()) shift(worker.total.data(), worker.total.data(), everywhere, false, cells);
      Fr sum = dot(worker.total.data(), group.run.size() > 1 ? worker.run.value.data() : low.data(), cells);
      if (group.gruen) sum *= high[b];
      if (group.run.size() == 1) sum *= group.run[0];
      partial[id][x] += sum;
    }
  });
  std::vector<Fr> values(group.degree + 1);
  for (const auto& one : partial)
    for (std::size_t x = 0; x < values.size(); ++x) values[x] += one[x];
  return values;
}

/// Σ over the rest of the group's rows, as a polynomial in the round's variable; the coefficients are added to `sum`.
void Prover::add_round(Group& group, unsigned round, const Tables& operands, const Tables& columns, std::vector<Fr>& sum) {
  if (group.small && group.small->rounds_left() == 0) {
    group.small.reset();
    group.terms.insert(group.terms.end(), group.small_terms.begin(), group.small_terms.end());
    group.collect();
  }
  if (group.nt <= round) {
    if (!group.constant) {
      auto here = runner<Fr>();
      for (const std::size_t k : group.operands) here.operands[k] = {nullptr, operands.view[k][0]};
      for (const std::size_t k : group.columns) here.columns[k] = {nullptr, columns.view[k][0]};
      Fr total;
      for (const auto& [weight, code] : group.terms) total += weight * here.run(*code, 1).all;
      group.constant = total * group.bound * (group.run.empty() ? Fr::one() : group.run[0]);
    }
    sum[0] += *group.constant * half_.pow(round + 1 - group.nt);
    return;
  }
  std::vector<Fr> values(group.degree + 1);
  if (!group.terms.empty()) {
    const std::size_t block = std::min(kBlock, std::size_t{1} << (group.nt - round - 1));
    values = block >= kRowsIn<Tile> ? round_values<Tile>(group, round, operands, columns, block) : round_values<Fr>(group, round, operands, columns, block);
  }
  auto c = interpolate(std::move(values));
  if (group.small) {
    const auto more = interpolate(group.small->values());
    c.resize(std::max(c.size(), more.size()));
    for (std::size_t k = 0; k < more.size(); ++k) c[k] += more[k];
  }
  if (group.gruen) {  // times eq(X, r) = (1 − r) + (2r − 1)X
    const Fr &r = r_[group.rs + round], constant = group.bound * (Fr::one() - r), linear = group.bound * (r.doubled() - Fr::one());
    c.push_back(Fr::zero());
    for (std::size_t k = c.size(); k-- > 0;) c[k] = c[k] * constant + (k > 0 ? c[k - 1] * linear : Fr::zero());
  }
  for (std::size_t k = 0; k < c.size(); ++k) {
    sum[k] += c[k];
  }
}

Fr Prover::send_round(unsigned round, std::vector<Fr> c) {
  const Fr scale = delta_ * Fr(2).pow(plan_.n - round);
  Fr constant = mask_so_far_;
  for (unsigned d = 1; d <= plan_.degree; ++d) {
    const Fr& a = masks_.round[round * plan_.degree + d - 1];
    c[d] += scale * a;
    constant -= half_ * a;
  }
  c[0] += scale * constant;
  begin();
  send(c[0]);
  for (unsigned d = 2; d <= plan_.degree; ++d) send(c[d]);
  const Fr challenge = script_.step(Tag::kRound, message());
  Fr power = Fr::one();
  for (unsigned d = 1; d <= plan_.degree; ++d) {
    power *= challenge;
    mask_so_far_ += masks_.round[round * plan_.degree + d - 1] * (power - half_);
  }
  z_.push_back(challenge);
  return challenge;
}

void Prover::main_sumcheck() {
  say("main sumcheck", 0.3);
  Tables operands(plan_.operands.size()), columns(plan_.columns.size());
  for (std::size_t k = 0; k < plan_.operands.size(); ++k) open_operand(operands, k);
  for (std::size_t k = 0; k < plan_.columns.size(); ++k) open_column(columns, k);
  std::vector<Group> all = groups();
  {
    SmallTables known;
    for (Group& group : all) group.take_small(r_, {constants_, input_.inputs, operands.view, columns.view}, known, options_.threads);
  }
  for (unsigned round = 0; round < plan_.n; ++round) {
    std::vector<Fr> c(plan_.degree + 1);
    for (Group& group : all) add_round(group, round, operands, columns, c);
    const Fr challenge = send_round(round, std::move(c));
    operands.fold(challenge, options_.threads);
    columns.fold(challenge, options_.threads);
    for (Group& group : all) {
      if (group.small) group.small->bind(challenge);
      if (group.gruen && round < group.nt) group.bound *= eq(challenge, r_[group.rs + round]);
      if (group.run.size() > 1) {
        kernels().fold(group.run.data(), group.run.data(), challenge, group.run.size() / 2);
        group.run.resize(group.run.size() / 2);
      }
    }
  }
  // The dummy variable t: Z at (1 − t)P + tR, times 1 − t; everything else is bound.
  std::vector<Fr> values;
  auto here = runner<Fr>();
  for (std::size_t k = 0; k < columns.view.size(); ++k) here.columns[k] = {nullptr, columns.view[k][0]};
  for (unsigned t = 0; t <= plan_.degree; ++t) {
    for (std::size_t k = 0; k < operands.view.size(); ++k)
      here.operands[k] = {nullptr, operands.view[k][0] + Fr(t) * (masks_.operand[k] - operands.view[k][0])};
    Fr total;
    for (const Group& group : all) {
      Fr sum;
      for (const auto& [weight, code] : group.terms) sum += weight * here.run(*code, 1).all;
      total += sum * group.bound * (group.run.empty() ? Fr::one() : group.run[0]) * half_.pow(plan_.n - group.nt);
    }
    values.push_back((Fr::one() - Fr(t)) * total);
  }
  const Fr t = send_round(plan_.n, interpolate(std::move(values)));
  begin();
  for (std::size_t k = 0; k < operands.view.size(); ++k) send(operands.view[k][0] + t * (masks_.operand[k] - operands.view[k][0]));
  gamma_ = script_.step(Tag::kValues, message());
}

}  // namespace peaberry::proof
