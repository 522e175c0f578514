#include "prover.hpp"

#include <bit>
#include <deque>
#include <map>

#include "blocks.hpp"
#include "parallel.hpp"
#include "slow_prover.hpp"

namespace peaberry::proof {
namespace {

constexpr std::size_t kBlock = BlockRunner::kBlock;

class Prover {
 public:
  Prover(const Srs& srs, const CompiledPlan& compiled, const Statement& statement, const ProverInput& input, const Masks<Fr>& masks, const ProverOptions& options)
      : srs_(srs), compiled_(compiled), plan_(compiled.plan), input_(input), masks_(masks), options_(options),
        script_(statement_bytes(statement, compiled.name)) {
    for (const auto& constant : plan_.constants) constants_.push_back(Fr::from_be(constant).value());
  }

  std::optional<Bytes> run() {
    if (!commitments()) return std::nullopt;
    main_sumcheck();
    reduction();
    if (!opening()) return std::nullopt;
    say("done", 1);
    return std::move(proof_);
  }

 private:
  // ---- messages
  void say(const char* phase, double done) const {
    if (options_.progress) options_.progress(phase, done);
  }
  void begin() { mark_ = proof_.size(); }
  ByteView message() const { return ByteView(proof_).subspan(mark_); }
  void send(const Fr& value) { append(proof_, value.be()); }
  /// With its blinder, when it has one.
  void send_commitment(std::span<const Fr> values, const Fr* blinder) {
    G1 sum = msm_mixed(srs_.powers().first(values.size()), values, options_.threads);
    if (blinder != nullptr) sum += G1(hiding_generator()) * *blinder;
    append(proof_, sum.affine().be());
  }

  // ---- rows 1 to 3 of the transcript
  bool commitments() {
    say("commitments", 0);
    for (const auto& one : input_.registered) oracles_.push_back(*one.values), blinders_.push_back(one.blinder);
    challenges_[Plan::kTheta] = script_.step(Tag::kTheta);
    own_ = input_.witness(challenges_[Plan::kTheta]);
    PB_ASSERT(own_.size() == plan_.oracles_of(1));
    Table& home = own_[plan_.mask_oracle - plan_.oracles_of(0)];
    for (std::size_t k = 0; k < masks_.operand.size(); ++k) home[plan_.mask_r + k] = masks_.operand[k];
    for (std::size_t i = 0; i <= plan_.n; ++i)
      for (std::size_t d = 0; d < plan_.degree; ++d) home[plan_.mask_a + (i << plan_.mask_degree_log()) + d] = masks_.round[i * plan_.degree + d];
    begin();
    for (std::size_t i = 0; i < own_.size(); ++i) send_commitment(own_[i], &masks_.witness_blinders[i]);
    challenges_[Plan::kAlpha] = script_.step(Tag::kWitness, message());
    challenges_[Plan::kBeta] = script_.step(Tag::kBeta);
    own_.reserve(own_.size() + plan_.oracles_of(2));
    for (std::size_t i = 0; i < plan_.oracles_of(1); ++i) oracles_.push_back(own_[i]), blinders_.push_back(masks_.witness_blinders[i]);
    say("helper columns", 0.1);
    if (!helpers()) return false;
    begin();
    for (std::size_t i = 0; i < plan_.oracles_of(2); ++i) {
      const Table& values = own_[plan_.oracles_of(1) + i];
      send_commitment(values, &masks_.helper_blinders[i]);
      oracles_.push_back(values), blinders_.push_back(masks_.helper_blinders[i]);
    }
    lambda_ = script_.step(Tag::kHelpers, message());
    delta_ = script_.step(Tag::kDelta);
    for (unsigned i = 0; i < plan_.n; ++i) r_.push_back(script_.step(Tag::kPoint));
    return true;
  }

  /// h(x) = Σ num/(α − key), block by block; false when a denominator is 0.
  bool helpers() {
    const std::size_t first = plan_.oracles_of(0) + plan_.oracles_of(1);
    for (std::size_t o = first; o < plan_.oracles.size(); ++o) own_.emplace_back(std::size_t{1} << plan_.oracles[o].n);
    std::atomic<bool> pole{false};
    for (const auto& recipe : compiled_.helpers) {
      const std::size_t rows = std::size_t{1} << recipe.column.n;
      Table& home = own_[plan_.oracles_of(1) + recipe.column.oracle - first];
      Tables operands(plan_.operands.size()), columns(plan_.columns.size());
      for (const auto& item : recipe.items)
        for (const auto* code : {&item.num, &item.key})
          for (const auto& [op, index] : *code) {
            if (op == Plan::Op::kOperand) open_operand(operands, index);
            if (op == Plan::Op::kColumn) open_column(columns, index);
          }
      std::vector<BlockRunner> runners(options_.threads, runner());
      parallel(options_.threads, (rows + kBlock - 1) / kBlock, [&](unsigned worker, std::size_t block) {
        BlockRunner& here = runners[worker];
        const std::size_t from = block * kBlock, count = std::min(kBlock, rows - from);
        std::deque<Table> repeated;
        const auto rows_of = [&](const Tables& tables, std::size_t index) {
          const auto table = tables.view[index];
          if (table.size() >= from + count) return &table[from];
          Table& copy = repeated.emplace_back(count);  // a table of fewer variables is the same for every value of the others
          for (std::size_t i = 0; i < count; ++i) copy[i] = table[(from + i) % table.size()];
          return static_cast<const Fr*>(copy.data());
        };
        for (std::size_t k = 0; k < operands.view.size(); ++k)
          if (!operands.view[k].empty()) here.operands[k] = {rows_of(operands, k), {}};
        for (std::size_t k = 0; k < columns.view.size(); ++k)
          if (!columns.view[k].empty()) here.columns[k] = {rows_of(columns, k), {}};
        std::vector<Fr> nums(count), denominators(count);
        for (const auto& item : recipe.items) {
          const auto key = here.run(item.key, count);
          for (std::size_t i = 0; i < count; ++i) {
            denominators[i] = challenges_[Plan::kAlpha] - (key.rows != nullptr ? key.rows[i] : key.all);
            if (denominators[i].is_zero()) pole = true;
          }
          batch_inverse<Fr>(denominators);
          const auto num = here.run(item.num, count);
          for (std::size_t i = 0; i < count; ++i) nums[i] = num.rows != nullptr ? num.rows[i] : num.all;
          kernels().mul(nums.data(), nums.data(), denominators.data(), count);
          kernels().add(&home[recipe.column.off + from], &home[recipe.column.off + from], nums.data(), count);
        }
      });
    }
    return !pole;
  }

  // ---- tables over the main sumcheck's variables
  struct Tables {
    explicit Tables(std::size_t count) : view(count), own(count) {}
    std::vector<std::span<const Fr>> view;  ///< into an oracle, or into `own`
    std::vector<Table> own;
    /// Binds the lowest variable of every table that still has one.
    void fold(const Fr& challenge, unsigned threads) {
      parallel(threads, view.size(), [&](unsigned, std::size_t k) {
        if (view[k].size() < 2) return;
        const std::size_t half = view[k].size() / 2;
        if (own[k].empty()) {
          own[k].resize(half);
          kernels().fold(own[k].data(), view[k].data(), challenge, half);
        } else {
          kernels().fold(own[k].data(), own[k].data(), challenge, half);
        }
        view[k] = std::span<const Fr>(own[k]).first(half);
      });
    }
  };
  void open_operand(Tables& tables, std::size_t index) const {
    if (!tables.view[index].empty()) return;
    const auto& operand = plan_.operands[index];
    const auto column = oracles_[operand.oracle].subspan(operand.off, std::size_t{1} << operand.n);
    if (is_plain(operand)) {
      tables.view[index] = column;
    } else {
      tables.own[index] = view_table(operand, column, r_);
      tables.view[index] = tables.own[index];
    }
  }
  void open_column(Tables& tables, std::size_t index) const {
    if (!tables.view[index].empty()) return;
    tables.own[index] = column_table(plan_.columns[index], input_.inputs);
    tables.view[index] = tables.own[index];
  }
  BlockRunner runner() const {
    BlockRunner out(constants_, input_.inputs, challenges_);
    out.operands.resize(plan_.operands.size());
    out.columns.resize(plan_.columns.size());
    return out;
  }

  // ---- main sumcheck (§4)

  /// Terms over the same variables and with the same eq-run are one sum.
  struct Group {
    unsigned nt, xs, rs, len;
    bool gruen;  ///< the run covers all variables: it is split off, and never becomes a table
    std::vector<std::pair<Fr, const Plan::Code*>> terms;
    std::vector<std::size_t> operands, columns;
    unsigned degree = 0;  ///< of the sum without a run that is split off
    Table run;            ///< a run that is not split off, as one more factor
    Fr bound = Fr::one(); ///< Π eq(ρ_j, r_j) of the rounds before
    std::optional<Fr> constant;  ///< once all its variables are bound
  };

  static unsigned degree_of(const Plan::Code& code) {
    std::vector<unsigned> stack;
    for (const auto& [op, index] : code) {
      if (op <= Plan::Op::kColumn) {
        stack.push_back(op == Plan::Op::kOperand || op == Plan::Op::kColumn);
        continue;
      }
      const unsigned right = stack.back();
      stack.pop_back();
      stack.back() = op == Plan::Op::kMul ? stack.back() + right : std::max(stack.back(), right);
    }
    return stack.back();
  }

  std::vector<Group> groups() const {
    std::vector<Group> out;
    Fr weight = Fr::one();
    for (const auto& claim : plan_.claims) {
      for (const auto& term : claim.terms) {
        auto found = std::find_if(out.begin(), out.end(), [&](const Group& g) { return g.nt == term.nt && g.len == term.len && (term.len == 0 || (g.xs == term.xs && g.rs == term.rs)); });
        if (found == out.end()) {
          out.push_back({term.nt, term.xs, term.rs, term.len, term.len == term.nt && term.len > 0, {}, {}, {}, 0, {}, Fr::one(), {}});
          found = out.end() - 1;
        }
        found->terms.emplace_back(weight, &term.code);
        found->degree = std::max(found->degree, degree_of(term.code));
        for (const auto& [op, index] : term.code) {
          auto* list = op == Plan::Op::kOperand ? &found->operands : op == Plan::Op::kColumn ? &found->columns : nullptr;
          if (list != nullptr && std::find(list->begin(), list->end(), index) == list->end()) list->push_back(index);
        }
      }
      weight *= lambda_;
    }
    for (Group& group : out)
      if (group.len > 0 && !group.gruen) {
        // eq over x_xs …: constant in the variables below xs
        const Table run = eq_expansion(std::span<const Fr>(r_).subspan(group.rs, group.len));
        group.run.resize(run.size() << group.xs);
        for (std::size_t i = 0; i < group.run.size(); ++i) group.run[i] = run[i >> group.xs];
        ++group.degree;
      }
    return out;
  }

  /// Rows of a table in one block of a round: values at X = 0 and what each step of X adds. Tables without variables left are constants.
  struct Line {
    std::span<const Fr> table;
    Table value, step;
    void load(std::size_t from, std::size_t count) {
      const std::size_t half = table.size() / 2;
      value.resize(kBlock), step.resize(kBlock);
      if (half >= from + count) {
        kernels().split(value.data(), step.data(), &table[2 * from], count);
      } else {
        for (std::size_t i = 0; i < count; ++i) {
          const std::size_t k = 2 * ((from + i) % half);
          value[i] = table[k];
          step[i] = table[k + 1] - table[k];
        }
      }
    }
    void advance(std::size_t count) { kernels().add(value.data(), value.data(), step.data(), count); }
  };

  /// Σ over the rest of the group's rows, as a polynomial in the round's variable; the coefficients are added to `sum`.
  void add_round(Group& group, unsigned round, const Tables& operands, const Tables& columns, std::vector<Fr>& sum) {
    if (group.nt <= round) {
      if (!group.constant) {
        BlockRunner here = runner();
        for (const std::size_t k : group.operands) here.operands[k] = {nullptr, operands.view[k][0]};
        for (const std::size_t k : group.columns) here.columns[k] = {nullptr, columns.view[k][0]};
        Fr total;
        for (const auto& [weight, code] : group.terms) total += weight * here.run(*code, 1).all;
        group.constant = total * group.bound * (group.run.empty() ? Fr::one() : group.run[0]);
      }
      sum[0] += *group.constant * half_.pow(round + 1 - group.nt);
      return;
    }
    const std::size_t rests = std::size_t{1} << (group.nt - round - 1), block = std::min(kBlock, rests), blocks = rests / block;
    Table low, high;
    if (group.gruen) {  // eq of the variables after this one, as a product of two short tables
      const auto later = std::span<const Fr>(r_).subspan(group.rs + round + 1, group.nt - round - 1);
      const unsigned low_bits = static_cast<unsigned>(std::bit_width(block) - 1);
      low = eq_expansion(later.first(low_bits));
      high = eq_expansion(later.subspan(low_bits));
    }
    std::vector<std::vector<Fr>> partial(options_.threads, std::vector<Fr>(group.degree + 1));
    std::vector<BlockRunner> runners(options_.threads, runner());
    struct Worker {
      std::vector<Line> operands, columns;
      Line run;
      Table total;
    };
    std::vector<Worker> workers(options_.threads);
    parallel(options_.threads, blocks, [&](unsigned id, std::size_t b) {
      BlockRunner& here = runners[id];
      Worker& worker = workers[id];
      const auto bind = [&](const std::vector<std::size_t>& used, const Tables& tables, std::vector<Line>& lines, std::vector<BlockRunner::Value>& values) {
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
      if (!group.run.empty()) {
        worker.run.table = std::span<const Fr>(group.run);
        if (group.run.size() > 1) worker.run.load(b * block, block);
      }
      worker.total.resize(kBlock);
      for (unsigned x = 0; x <= group.degree; ++x) {
        if (x > 0) {
          for (auto* lines : {&worker.operands, &worker.columns})
            for (Line& line : *lines)
              if (line.table.size() > 1) line.advance(block);
          if (group.run.size() > 1) worker.run.advance(block);
        }
        std::fill_n(worker.total.begin(), block, Fr::zero());
        Fr everywhere;
        for (const auto& [weight, code] : group.terms) {
          const auto value = here.run(*code, block);
          if (value.rows == nullptr)
            everywhere += weight * value.all;
          else
            kernels().mac(worker.total.data(), value.rows, weight, block);
        }
        if (!everywhere.is_zero())
          for (std::size_t i = 0; i < block; ++i) worker.total[i] += everywhere;
        Fr here_sum;
        if (group.gruen) {
          here_sum = kernels().dot(worker.total.data(), low.data(), block) * high[b];
        } else if (group.run.size() > 1) {
          here_sum = kernels().dot(worker.total.data(), worker.run.value.data(), block);
        } else {
          for (std::size_t i = 0; i < block; ++i) here_sum += worker.total[i];
          if (group.run.size() == 1) here_sum *= group.run[0];
        }
        partial[id][x] += here_sum;
      }
    });
    std::vector<Fr> values(group.degree + 1);
    for (const auto& one : partial)
      for (std::size_t x = 0; x < values.size(); ++x) values[x] += one[x];
    auto c = interpolate(std::move(values));
    if (group.gruen) {  // times eq(X, r) = (1 − r) + (2r − 1)X
      const Fr &r = r_[group.rs + round], constant = group.bound * (Fr::one() - r), linear = group.bound * (r.doubled() - Fr::one());
      c.push_back(Fr::zero());
      for (std::size_t k = c.size(); k-- > 0;) c[k] = c[k] * constant + (k > 0 ? c[k - 1] * linear : Fr::zero());
    }
    for (std::size_t k = 0; k < c.size(); ++k) {
      if (k >= sum.size()) PB_ASSERT(c[k].is_zero());
      if (k < sum.size()) sum[k] += c[k];
    }
  }

  Fr send_round(unsigned round, std::vector<Fr> c) {
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

  void main_sumcheck() {
    say("main sumcheck", 0.3);
    Tables operands(plan_.operands.size()), columns(plan_.columns.size());
    for (std::size_t k = 0; k < plan_.operands.size(); ++k) open_operand(operands, k);
    for (std::size_t k = 0; k < plan_.columns.size(); ++k) open_column(columns, k);
    std::vector<Group> all = groups();
    for (unsigned round = 0; round < plan_.n; ++round) {
      std::vector<Fr> c(plan_.degree + 1);
      for (Group& group : all) add_round(group, round, operands, columns, c);
      const Fr challenge = send_round(round, std::move(c));
      operands.fold(challenge, options_.threads);
      columns.fold(challenge, options_.threads);
      for (Group& group : all) {
        if (group.gruen && round < group.nt) group.bound *= eq(challenge, r_[group.rs + round]);
        if (group.run.size() > 1) {
          kernels().fold(group.run.data(), group.run.data(), challenge, group.run.size() / 2);
          group.run.resize(group.run.size() / 2);
        }
      }
    }
    // The dummy variable t: Z at (1 − t)P + tR, times 1 − t; everything else is bound.
    std::vector<Fr> values;
    BlockRunner here = runner();
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

  // ---- reduction sumcheck (§5)

  /// Σ_y f(y)·w(y) over all or some of the variables, bound from the lowest.
  struct Product {
    Table f, w;
  };

  void reduction() {
    say("reduction", 0.45);
    const unsigned l = plan_.l, n = plan_.n, D = plan_.degree;
    const std::size_t size = std::size_t{1} << l;
    const auto x = std::span<const Fr>(z_).first(n);
    const Fr t = z_[n], rest = Fr::one() - t;
    sigma_.assign(size, Fr::zero());
    omega_.assign(size, Fr::zero());
    const auto places = sigma_positions(l), others = omega_positions(l);
    for (std::size_t i = 0; i < places.size(); ++i) sigma_[places[i]] = masks_.sigma[i];
    for (std::size_t i = 0; i < others.size(); ++i) omega_[others[i]] = masks_.omega[i];
    begin();
    send_commitment(sigma_, &masks_.sigma_blinder);
    send_commitment(omega_, &masks_.omega_blinder);
    delta2_ = script_.step(Tag::kMasks, message());

    // A whole oracle of full length under one weight needs no product of its own: all oracles under the same weight are summed first. Everything
    // else – slices, short oracles, the masks – gets its oracle's dense weight.
    std::vector<Fr> gammas = {Fr::one()};
    for (std::size_t k = 0; k < plan_.operands.size(); ++k) gammas.push_back(gammas.back() * gamma_);
    std::vector<Product> products;
    std::vector<Table> dense(oracles_.size());
    std::vector<std::pair<const std::vector<Plan::Axis>*, std::size_t>> whole;  // axes → product
    const auto weight_of = [&](std::size_t oracle) -> Table& {
      if (dense[oracle].empty()) dense[oracle].resize(oracles_[oracle].size());
      return dense[oracle];
    };
    for (std::size_t k = 0; k < plan_.operands.size(); ++k) {
      const auto& operand = plan_.operands[k];
      const Fr factor = gammas[k] * rest;
      if (operand.n == l) {
        auto found = std::find_if(whole.begin(), whole.end(), [&](const auto& one) { return *one.first == operand.axes; });
        if (found == whole.end()) {
          whole.emplace_back(&operand.axes, products.size());
          products.push_back({Table(size), weight_table(operand, x, r_)});
          found = whole.end() - 1;
        }
        Table& f = products[found->second].f;
        over(size, [&](std::size_t from, std::size_t count) { kernels().mac(&f[from], &oracles_[operand.oracle][from], factor, count); });
      } else {
        const Table weight = weight_table(operand, x, r_);
        kernels().mac(&weight_of(operand.oracle)[operand.off], weight.data(), factor, weight.size());
      }
    }
    Table& mask_weight = weight_of(plan_.mask_oracle);
    for (std::size_t k = 0; k < plan_.operands.size(); ++k) mask_weight[plan_.mask_r + k] += gammas[k] * t;
    for (unsigned i = 0; i <= n; ++i) {
      Fr power = Fr::one();
      for (unsigned d = 1; d <= D; ++d) {
        power *= z_[i];
        mask_weight[plan_.mask_a + (std::size_t{i} << plan_.mask_degree_log()) + d - 1] += gammas.back() * delta_ * (power - half_);
      }
    }
    std::vector<std::size_t> product_of(oracles_.size(), SIZE_MAX);
    for (std::size_t o = 0; o < oracles_.size(); ++o)
      if (!dense[o].empty()) {
        product_of[o] = products.size();
        products.push_back({Table(oracles_[o].begin(), oracles_[o].end()), std::move(dense[o])});
      }
    // σ under Ψ, ω under 1: sparse, so their rounds are nearly free.
    Sparse sigma{places, masks_.sigma, true}, omega{others, masks_.omega, false};

    for (unsigned i = 0; i < l; ++i) {
      Fr c0 = delta2_ * (sigma.low() + omega.low()), c2 = delta2_ * (sigma.high() + omega.high());
      std::vector<std::pair<Fr, Fr>> sums(products.size());
      for (std::size_t p = 0; p < products.size(); ++p) {
        const auto& [f, w] = products[p];
        if (f.size() > 1) {
          const std::size_t half = f.size() / 2, chunk = std::max<std::size_t>(half / options_.threads, 1);
          std::vector<std::pair<Fr, Fr>> parts((half + chunk - 1) / chunk);
          parallel(options_.threads, parts.size(), [&](unsigned, std::size_t part) {
            const std::size_t from = part * chunk;
            kernels().round2(&parts[part].first, &parts[part].second, &f[2 * from], &w[2 * from], std::min(chunk, half - from));
          });
          for (const auto& [a, b] : parts) c0 += a, c2 += b;
        } else {
          // A short oracle is 0 where a higher bit is 1, and its weight has eq(0, y) as a factor.
          c0 += f[0] * w[0];
          c2 += f[0] * w[0];
        }
      }
      begin();
      send(c0);
      send(c2);
      const Fr u = script_.step(Tag::kReduction, message());
      u_.push_back(u);
      parallel(options_.threads, 2 * products.size(), [&](unsigned, std::size_t job) {
        Table& table = job % 2 ? products[job / 2].w : products[job / 2].f;
        if (table.size() > 1) {
          kernels().fold(table.data(), table.data(), u, table.size() / 2);
          table.resize(table.size() / 2);
        } else {
          table[0] *= Fr::one() - u;
        }
      });
      sigma.fold(u);
      omega.fold(u);
    }
    // g = Σ Φ_o(u) f_o + δ'(Ψ(u)σ + ω), and its blinder
    std::vector<Fr> phi(oracles_.size());
    for (std::size_t k = 0; k < plan_.operands.size(); ++k)
      if (plan_.operands[k].n == l)
        for (const auto& [axes, product] : whole)
          if (*axes == plan_.operands[k].axes) phi[plan_.operands[k].oracle] += gammas[k] * rest * products[product].w[0];
    for (std::size_t o = 0; o < oracles_.size(); ++o)
      if (product_of[o] != SIZE_MAX) phi[o] += products[product_of[o]].w[0];
    products.clear();
    const Fr psi = sigma.weight();
    g_.assign(size, Fr::zero());
    blinder_ = delta2_ * (psi * masks_.sigma_blinder + masks_.omega_blinder);
    for (std::size_t o = 0; o < oracles_.size(); ++o) {
      over(oracles_[o].size(), [&](std::size_t from, std::size_t count) { kernels().mac(&g_[from], &oracles_[o][from], phi[o], count); });
      blinder_ += phi[o] * blinders_[o];
    }
    for (std::size_t i = 0; i < places.size(); ++i) g_[places[i]] += delta2_ * psi * masks_.sigma[i];
    for (std::size_t i = 0; i < others.size(); ++i) g_[others[i]] += delta2_ * masks_.omega[i];
  }

  /// work(from, count) over chunks of [0, size) on all threads.
  template <class Work>
  void over(std::size_t size, const Work& work) const {
    const std::size_t chunk = std::max<std::size_t>((size + options_.threads - 1) / options_.threads, 4096);
    parallel(options_.threads, (size + chunk - 1) / chunk, [&](unsigned, std::size_t job) { work(job * chunk, std::min(chunk, size - job * chunk)); });
  }

  /// A mask with few entries under Ψ(y) = 1 + Σ 2^i y_i or under 1.
  struct Sparse {
    std::vector<std::uint32_t> places;
    std::vector<Fr> values;
    bool ramp;
    Fr base = Fr::one(), step = Fr::one();  // the weight at place y: base + step·y
    Fr at(std::uint64_t y) const { return ramp ? base + step * Fr(y) : Fr::one(); }
    Fr weight() const { return at(0); }
    Fr low() const {
      Fr sum;
      for (std::size_t i = 0; i < places.size(); ++i)
        if (places[i] % 2 == 0) sum += values[i] * at(places[i]);
      return sum;
    }
    /// Σ (f_1 − f_0)(w_1 − w_0): the weight rises by `step`.
    Fr high() const {
      if (!ramp) return Fr::zero();
      Fr sum;
      for (std::size_t i = 0; i < places.size(); ++i) sum += places[i] % 2 ? values[i] : -values[i];
      return sum * step;
    }
    void fold(const Fr& u) {
      std::map<std::uint32_t, Fr> next;
      for (std::size_t i = 0; i < places.size(); ++i) next[places[i] / 2] += values[i] * (places[i] % 2 ? u : Fr::one() - u);
      places.clear(), values.clear();
      for (const auto& [place, value] : next) places.push_back(place), values.push_back(value);
      base += step * u;
      step = step.doubled();
    }
  };

  // ---- opening (§6)
  bool opening() {
    say("opening", 0.6);
    const auto arities = plan_.arities();
    const std::size_t levels = arities.size();
    std::vector<Table> g;
    g.push_back(std::move(g_));
    for (std::size_t i = 0, coordinate = 0; i < levels; ++i) {
      Table next(g[i].size() / 2);
      kernels().fold(next.data(), g[i].data(), u_[coordinate++], next.size());
      if (arities[i] == 4) {
        kernels().fold(next.data(), next.data(), u_[coordinate++], next.size() / 2);
        next.resize(next.size() / 2);
      }
      g.push_back(std::move(next));
    }
    begin();
    send(blinder_);
    for (std::size_t i = 1; i < levels; ++i) send_commitment(g[i], nullptr);
    std::vector<Fr> kappas = {script_.step(Tag::kFolds, message())};
    for (const unsigned a : arities) kappas.push_back(kappas.back().pow(a));
    say("opening", 0.7);

    std::vector<std::vector<Fr>> h;
    begin();
    for (std::size_t i = 0; i < levels; ++i) {
      const unsigned a = arities[i];
      auto& parts = h.emplace_back(a);
      for (std::size_t k = g[i].size(); k > 0; k -= a)
        for (unsigned j = 0; j < a; ++j) parts[j] = parts[j] * kappas[i + 1] + g[i][k - a + j];
      for (unsigned j = i == 0 ? 0 : 1; j < a; ++j) send(parts[j]);
    }
    const Fr nu = script_.step(Tag::kParts, message());

    Table quotient(g[0].size());
    Fr power = Fr::one();
    for (std::size_t i = 0; i < levels; ++i) {  // (g_i − R_i)/(X^a − κ): q_k = c_{k+a} + κ q_{k+a}, scaled by ν^i
      const unsigned a = arities[i];
      std::array<Fr, 4> carry{};
      for (std::size_t k = g[i].size() - a; k >= a; k -= a)
        for (unsigned j = 0; j < a; ++j) {
          carry[j] = g[i][k + j] + kappas[i + 1] * carry[j];
          quotient[k - a + j] += i == 0 ? carry[j] : power * carry[j];
        }
      power *= nu;
    }
    begin();
    send_commitment(quotient, nullptr);
    const Fr zeta = script_.step(Tag::kQuotient, message());
    say("opening", 0.85);

    power = Fr::one();
    for (std::size_t i = 0; i < levels; ++i) {
      const Fr denominator = zeta.pow(arities[i]) - kappas[i + 1];
      if (denominator.is_zero()) return false;
      const Fr e = power * denominator.inverse();
      kernels().mac(quotient.data(), g[i].data(), -e, g[i].size());
      Fr at;
      for (unsigned j = arities[i]; j-- > 0;) at = at * zeta + h[i][j];
      quotient[0] += e * at;
      power *= nu;
    }
    Fr carry;  // l(X)/(X − z), in place
    for (std::size_t k = quotient.size(); k-- > 0;) {
      const Fr next = quotient[k] + zeta * carry;
      quotient[k] = carry;
      carry = next;
    }
    send_commitment(quotient, nullptr);
    return true;
  }

  const Srs& srs_;
  const CompiledPlan& compiled_;
  const Plan& plan_;
  const ProverInput& input_;
  const Masks<Fr>& masks_;
  const ProverOptions& options_;
  Transcript<Fr> script_;
  Bytes proof_;
  std::size_t mark_ = 0;
  std::vector<Fr> constants_;
  std::array<Fr, 3> challenges_;
  std::vector<Table> own_;                  // phases 1 and 2
  std::vector<std::span<const Fr>> oracles_;
  std::vector<Fr> blinders_, r_, z_, u_;
  Fr lambda_, delta_, gamma_, delta2_, mask_so_far_, blinder_;
  Table sigma_, omega_, g_;
  const Fr half_ = Fr(2).inverse();
};

}  // namespace

ProverCost estimate(const Plan& plan) {
  const auto words = [](unsigned log) { return std::size_t{32} << log; };
  std::size_t own = 0, tables = 0, weights = 0;
  for (const auto& oracle : plan.oracles)
    if (oracle.phase != 0) own += words(oracle.n);
  for (const auto& operand : plan.operands) {
    const unsigned variables = view_variables(operand);
    tables += is_plain(operand) ? words(variables) / 2 : words(variables);
    if (operand.n < plan.l) weights = std::max(weights, words(operand.n));
  }
  for (const auto& column : plan.columns) tables += words(column.n);
  std::size_t reduction = weights;
  std::vector<const std::vector<Plan::Axis>*> whole;
  std::vector<bool> dense(plan.oracles.size());
  dense[plan.mask_oracle] = true;
  for (const auto& operand : plan.operands) {
    if (operand.n < plan.l) dense[operand.oracle] = true;
    if (operand.n == plan.l && std::none_of(whole.begin(), whole.end(), [&](const auto* axes) { return *axes == operand.axes; })) whole.push_back(&operand.axes);
  }
  reduction += 2 * words(plan.l) * (1 + whole.size());
  for (std::size_t o = 0; o < dense.size(); ++o)
    if (dense[o]) reduction += 2 * words(plan.oracles[o].n);
  // A sum over points keeps scalars twice, keys, half the points and the buckets.
  const std::size_t sums = words(plan.l) * 4 + (std::size_t{48} << 20);
  return {own + std::max({tables, reduction, words(plan.l) * 4 + sums})};
}

std::optional<Bytes> prove_with(const Srs& srs, const CompiledPlan& compiled, const Statement& statement, const ProverInput& input, const Masks<Fr>& masks,
                                const ProverOptions& options) {
  return Prover(srs, compiled, statement, input, masks, options).run();
}

Result<Bytes> prove(const Srs& srs, const CompiledPlan& compiled, const Statement& statement, const ProverInput& input, Random& random, const ProverOptions& options) {
  const Plan& plan = compiled.plan;
  if (srs.powers().size() < std::size_t{1} << plan.l)
    return fail(Errc::kInvalid, "the SRS has " + std::to_string(srs.powers().size()) + " powers, the plan needs 2^" + std::to_string(plan.l), "import a larger ceremony file");
  if (input.registered.size() != plan.oracles_of(0))
    return fail(Errc::kInvalid, "the plan has " + std::to_string(plan.oracles_of(0)) + " registered oracles, " + std::to_string(input.registered.size()) + " are given");
  for (std::size_t o = 0; o < input.registered.size(); ++o)
    if (input.registered[o].values->size() != std::size_t{1} << plan.oracles[o].n)
      return fail(Errc::kInvalid, "registered oracle " + std::to_string(o) + " has not its declared length");
  if (input.inputs.size() != plan.public_inputs) return fail(Errc::kInvalid, "the plan has " + std::to_string(plan.public_inputs) + " public inputs");
  for (int attempt = 0; attempt < 8; ++attempt) {
    auto masks = Masks<Fr>::draw(plan, random);
    auto proof = prove_with(srs, compiled, statement, input, masks, options);
    masks.wipe();
    if (proof) return std::move(*proof);
  }
  return fail(Errc::kInternal, "every attempt met a zero denominator", "the system's random numbers are not random");
}
}  // namespace peaberry::proof
