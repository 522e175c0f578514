#pragma once

#include <bit>
#include <optional>

#include "blocks.hpp"
#include "parallel.hpp"
#include "prover.hpp"

namespace peaberry::proof {

/// One proof in the making; prover.cpp has its beginning, the other prover_*.cpp a part of the protocol each. Not for others to use: see prover.hpp.
class Prover {
 public:
  Prover(const Srs& srs, const CompiledPlan& compiled, const Statement& statement, const ProverInput& input, const Masks<Fr>& masks, const ProverOptions& options)
      : srs_(srs), compiled_(compiled), plan_(compiled.plan), input_(input), masks_(masks), options_(options),
        script_(statement_bytes(statement, compiled.name)) {
    PB_ASSERT(options.threads >= 1);
    for (const auto& constant : plan_.constants) constants_.push_back(Fr::from_be(constant).value());
    blinders_.reserve(plan_.oracles.size());
  }
  Prover(const Prover&) = delete;
  Prover& operator=(const Prover&) = delete;

  /// Tables and scratch wipe themselves (LargeAllocator); the blinders are wiped here.
  ~Prover() {
    crypto::wipe({reinterpret_cast<std::uint8_t*>(blinders_.data()), blinders_.size() * sizeof(Fr)});
    crypto::wipe({reinterpret_cast<std::uint8_t*>(&blinder_), sizeof blinder_});
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
    G1 sum = msm_mixed(srs_.powers().first(values.size()), values, options_.threads, &scratch_);
    if (blinder != nullptr) sum += G1(hiding_generator()) * *blinder;
    append(proof_, sum.affine().be());
  }

  // ---- rows 1 to 3 of the transcript (prover.cpp)
  bool commitments();
  /// h(x) = Σ num/(α − key), block by block; false when a denominator is 0.
  bool helpers();

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
  void open_operand(Tables& tables, std::size_t index) const;
  void open_column(Tables& tables, std::size_t index) const;
  template <class Cell>
  BlockRunner<Cell> runner() const {
    BlockRunner<Cell> out(constants_, input_.inputs, challenges_);
    out.operands.resize(plan_.operands.size());
    out.columns.resize(plan_.columns.size());
    return out;
  }

  // ---- main sumcheck, §4 (prover_sumcheck.cpp)
  struct Group;
  std::vector<Group> groups() const;
  /// The group's values at 0, 1 … in the round's variable, summed over the rest of its rows, `block` of them at a time.
  template <class Cell>
  std::vector<Fr> round_values(const Group& group, unsigned round, const Tables& operands, const Tables& columns, std::size_t block);
  void add_round(Group& group, unsigned round, const Tables& operands, const Tables& columns, std::vector<Fr>& sum);
  Fr send_round(unsigned round, std::vector<Fr> c);
  void main_sumcheck();

  // ---- reduction, §5 (prover_reduction.cpp)
  void reduction();
  /// work(from, count) over chunks of [0, size) on all threads.
  template <class Work>
  void over(std::size_t size, const Work& work) const {
    const std::size_t chunk = std::max<std::size_t>((size + options_.threads - 1) / options_.threads, 4096);
    parallel(options_.threads, (size + chunk - 1) / chunk, [&](unsigned, std::size_t job) { work(job * chunk, std::min(chunk, size - job * chunk)); });
  }

  // ---- opening, §6 (prover_opening.cpp)
  bool opening();

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
  std::vector<Table> own_;  // phases 1 and 2
  std::vector<std::span<const Fr>> oracles_;
  std::vector<Fr> blinders_, r_, z_, u_;
  Fr lambda_, delta_, gamma_, delta2_, mask_so_far_, blinder_;
  Table g_, spare_;
  MsmScratch scratch_;
  const Fr half_ = Fr(2).inverse();
};

}  // namespace peaberry::proof
