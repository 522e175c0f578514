#pragma once

// Two plans over 2^20 rows whose costs are bars: an opening with as little else as there can be, and a zero check with a range lookup.

#include <chrono>

#include "prover.hpp"

namespace peaberry::proof {

struct LargeProof {
  CompiledPlan compiled;
  Statement statement;
  Bytes proof;
  double seconds = 0;  ///< of the prover alone
};

inline LargeProof finish(const Srs& srs, CompiledPlan compiled, std::vector<Table> registered, std::vector<Table> witness, std::vector<Fr> inputs, Random& random,
                         const Hash32& srs_id, unsigned threads, const std::function<void(const char*, double)>& progress = {}) {
  LargeProof out{std::move(compiled), {}, {}, 0};
  out.statement.srs_id = srs_id;
  for (const Fr& input : inputs) append(out.statement.public_inputs, input.be());
  ProverInput input;
  for (const Table& values : registered) {
    const Fr blinder = Fr::random(random);
    input.registered.push_back({&values, blinder});
    append(out.statement.registered, commit(srs, values, blinder).be());
  }
  input.inputs = std::move(inputs);
  input.witness = [&](const Fr&) { return std::move(witness); };
  const auto start = std::chrono::steady_clock::now();
  out.proof = prove(srs, out.compiled, out.statement, input, random, {threads, progress}).value();
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return out;
}

/// Entry 12,345 of a registered column of 2^20 full-width values is a public input: one claim without variables, one operand.
inline LargeProof open_2e20(const Srs& srs, Random& random, const Hash32& srs_id, unsigned threads, const std::function<void(const char*, double)>& progress = {}) {
  PlanBuilder b(Fr::modulus_be());
  const auto t = b.registered(20);
  const Column x = b.column_at(t, 0, 20);
  const unsigned value = b.add_input();
  constexpr unsigned kEntry = 12345;
  std::vector<std::uint8_t> sources;
  for (int i = 0; i < 20; ++i) sources.push_back(kEntry >> i & 1 ? Plan::kOne : Plan::kZero);
  b.sum(b.view(x, sources), 0, b.input(value));
  std::vector<Table> registered(1, Table(std::size_t{1} << 20));
  for (Fr& entry : registered[0]) entry = Fr::random(random);
  const Fr entry = registered[0][kEntry];
  auto compiled = b.finish().value();
  std::vector<Table> witness;
  for (const auto& oracle : compiled.plan.oracles)
    if (oracle.phase == 1) witness.emplace_back(std::size_t{1} << oracle.n);
  return finish(srs, std::move(compiled), std::move(registered), std::move(witness), {entry}, random, srs_id, threads, progress);
}

/// Columns of 2^20 rows, an even number: the product of each two neighbours is 0 in every row, and every value is below 2^16. No oracle is longer than 2^limit.
inline LargeProof zerocheck_lookup_2e20(const Srs& srs, Random& random, const Hash32& srs_id, unsigned threads, Aim aim, std::size_t columns = 2, unsigned limit = 20,
                                        const std::function<void(const char*, double)>& progress = {}) {
  using Part = PlanBuilder::Part;
  PlanBuilder b(Fr::modulus_be(), aim);
  b.limit(limit);
  std::vector<LongColumn> places;
  for (std::size_t i = 0; i < columns; ++i) places.push_back(b.place_long(1, 20));
  const Column m = b.place(1, 16);
  std::vector<PlanBuilder::Fraction> left;
  for (std::size_t i = 0; i < columns; i += 2) b.zero_long(20, [&](const Part& p) { return p.view(places[i]) * p.view(places[i + 1]); });
  for (const LongColumn& one : places)
    for (auto& item : b.fraction_long(20, [&](const Part&) { return b.constant(1); }, [&](const Part& p) { return p.view(one); })) left.push_back(std::move(item));
  b.fractions(left, {{b.view(m), b.row(16), 16}});
  auto compiled = b.finish().value();
  std::vector<Table> witness;
  for (const auto& oracle : compiled.plan.oracles)
    if (oracle.phase == 1) witness.emplace_back(std::size_t{1} << oracle.n);
  std::vector<std::uint64_t> counts(std::size_t{1} << 16);
  for (std::size_t i = 0; i < std::size_t{1} << 20; ++i)
    for (std::size_t pair = 0; pair < columns; pair += 2) {
      const std::uint64_t value = random.below(std::size_t{1} << 16);
      const LongColumn& place = places[pair + random.below(2)];
      witness[place.part_of(i).oracle][place.place_of(i)] = Fr(value);
      ++counts[value];
      ++counts[0];
    }
  for (std::size_t v = 0; v < counts.size(); ++v) witness[m.oracle][m.off + v] = Fr(counts[v]);
  return finish(srs, std::move(compiled), {}, std::move(witness), {}, random, srs_id, threads, progress);
}

}  // namespace peaberry::proof
