#include <gtest/gtest.h>

#include <peaberry/base/files.hpp>
#include <peaberry/proof/verify/verify.hpp>
#include <peaberry/proof/verify/verify_core.hpp>

#include "run_scenario.hpp"
#include "slow_scenario.hpp"
#include "toy.hpp"
#include "world.hpp"

namespace peaberry::proof {
namespace {

/// What a whole proof needs around the slow prover: registered commitments, the statement, helpers, retries.
template <class World>
struct Made {
  Statement statement;
  Bytes proof;
};

template <class World>
Made<World> make(const World& world, const Scenario<typename World::F>& scenario, Random& random, const Hash32& srs = {}) {
  using F = typename World::F;
  Made<World> out;
  out.statement.srs_id = srs;
  out.statement.public_inputs = scalars_be(scenario.inputs);
  std::vector<F> blinders;
  for (const auto& values : scenario.registered) {
    blinders.push_back(F::random(random));
    append(out.statement.registered, world.write_point(world.commit(values, blinders.back())));
  }
  for (;;) {
    const Transcript<F> script(statement_bytes(out.statement, scenario.compiled.name));
    if (auto proof = slow_proof(world, scenario, blinders, script, Masks<F>::draw(scenario.compiled.plan, random))) {
      out.proof = std::move(*proof);
      return out;
    }
  }
}

using Toy = ToyWorld<1009>;

bool toy_accepts(const Toy& world, const Scenario<Toy::F>& scenario, const Made<Toy>& made) {
  const auto opening = reduce_proof(world, scenario.compiled.plan, scenario.compiled.name, made.statement, made.proof);
  return opening && world.opens(opening->terms, opening->witness);
}

TEST(Prover, EachClaimTypeOverASmallPrime) {
  SeededRandom random(7);
  for (const auto& [name, make_scenario] : Gallery<Toy::F>::all()) {
    SCOPED_TRACE(name);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const Toy world{Toy::F(random.below(1008) + 1), Toy::F(random.below(1008) + 1)};
      const auto scenario = (Gallery<Toy::F>(Toy::modulus(), seed, false).*make_scenario)();
      const auto made = make(world, scenario, random);
      EXPECT_EQ(made.proof.size(), scenario.compiled.plan.proof_size());
      EXPECT_TRUE(toy_accepts(world, scenario, made)) << seed;
    }
  }
}

TEST(Prover, EachClaimTypeOverBn254AndAFalseWitnessIsRefused) {
  SeededRandom random(8);
  const Srs srs = Srs::development(6, random);
  const auto key = VerifierKey::from(srs.tau().be()).value();
  const Bn254World world{srs};
  for (const auto& [name, make_scenario] : Gallery<Fr>::all()) {
    SCOPED_TRACE(name);
    for (const bool lie : {false, true}) {
      const auto scenario = (Gallery<Fr>(Fr::modulus_be(), 3, lie).*make_scenario)();
      const auto made = make(world, scenario, random, key.srs_id());
      const auto verdict = verify(key, scenario.compiled.bytes, made.statement, made.proof);
      EXPECT_EQ(verdict.has_value(), !lie) << (lie ? "a lie was believed" : verdict.error().text());
    }
  }
}

/// Same plan, witness, masks: the same bytes.
void expect_same(const Srs& srs, const Scenario<Fr>& scenario, Random& random, unsigned threads) {
  const Bn254World world{srs};
  const Plan& plan = scenario.compiled.plan;
  const auto masks = Masks<Fr>::draw(plan, random);
  Statement statement;
  statement.public_inputs = scalars_be(scenario.inputs);
  ProverInput input;
  std::vector<Table> tables;
  tables.reserve(scenario.registered.size());
  std::vector<Fr> blinders;
  for (const auto& values : scenario.registered) {
    blinders.push_back(Fr::random(random));
    tables.emplace_back(values.begin(), values.end());
    input.registered.push_back({&tables.back(), blinders.back()});
    append(statement.registered, world.write_point(world.commit(values, blinders.back())));
  }
  input.witness = witness_tables(scenario);
  input.inputs = scenario.inputs;
  const auto expected = slow_proof(world, scenario, blinders, Transcript<Fr>(statement_bytes(statement, scenario.compiled.name)), masks);
  const auto got = prove_with(srs, scenario.compiled, statement, input, masks, {threads, {}});
  ASSERT_TRUE(expected && got);
  std::size_t same = 0;
  while (same < got->size() && (*got)[same] == (*expected)[same]) ++same;
  EXPECT_EQ(*got, *expected) << "from byte " << same << " of " << got->size();
}

TEST(Prover, TheFastProverIsTheSlowOneByteForByte) {
  SeededRandom random(9);
  const Srs srs = Srs::development(8, random);
  for (const auto& [name, make_scenario] : Gallery<Fr>::all())
    for (const unsigned threads : {1u, 2u}) {
      SCOPED_TRACE(name);
      expect_same(srs, (Gallery<Fr>(Fr::modulus_be(), 6, false).*make_scenario)(), random, threads);
    }
}

/// On lanes, eight rows at a time, a factor of two variables repeats within a block.
TEST(Prover, AFactorOfFewerVariablesIsTheSameForEveryValueOfTheOthers) {
  SeededRandom random(10);
  PlanBuilder b(Fr::modulus_be());
  const auto w = b.oracle(1);
  const Column x = b.column(w, 6), z = b.column(w, 6), y = b.column(w, 2);
  const unsigned total = b.add_input();
  b.zero(b.view(x) * b.view(y) - b.view(z), 6);
  b.sum(b.view(x) * b.view(y) * b.row(3), 6, b.input(total));
  Scenario<Fr> scenario{"short_factor", b.finish().value(), {}, {}, {Fr::zero()}};
  std::vector<std::vector<Fr>> witness(1, std::vector<Fr>(std::size_t{1} << scenario.compiled.plan.oracles[0].n));
  for (int i = 0; i < 4; ++i) witness[0][y.off + i] = Fr::random(random);
  for (int i = 0; i < 64; ++i) {
    witness[0][x.off + i] = Fr::random(random);
    witness[0][z.off + i] = witness[0][x.off + i] * witness[0][y.off + i % 4];
    scenario.inputs[0] += witness[0][z.off + i] * Fr(i % 8);
  }
  scenario.witness = [&](const Fr&) { return witness; };
  const Srs srs = Srs::development(8, random);
  for (const unsigned threads : {1u, 2u}) expect_same(srs, scenario, random, threads);
  const auto made = run_scenario(srs, scenario, random, VerifierKey::from(srs.tau().be()).value().srs_id()).value();
  EXPECT_TRUE(verify(VerifierKey::from(srs.tau().be()).value(), scenario.compiled.bytes, made.statement, made.proof));
}

TEST(Prover, WhatCannotBeProvenIsSaidBeforeTheWork) {
  SeededRandom random(10);
  const Srs srs = Srs::development(4, random);
  const auto scenario = (Gallery<Fr>(Fr::modulus_be(), 6, false).zero_check)();
  ProverInput input;
  input.witness = [](const Fr&) -> std::vector<Table> { std::abort(); };
  const Srs longer = Srs::development(8, random);
  const auto said = [&](const Srs& powers, const CompiledPlan& plan, const ProverInput& with) {
    const auto proof = prove(powers, plan, {}, with, random);
    return proof ? std::string() : proof.error().message;
  };
  EXPECT_NE(said(srs, scenario.compiled, input).find("the SRS has 16 powers"), std::string::npos);
  CompiledPlan shallow = scenario.compiled;
  shallow.plan.degree = 2;
  EXPECT_NE(said(longer, shallow, input).find("D is 2"), std::string::npos);
  ProverInput more = input;
  more.inputs = {Fr(1)};
  EXPECT_NE(said(longer, scenario.compiled, more).find("public inputs"), std::string::npos);
  const auto table = (Gallery<Fr>(Fr::modulus_be(), 6, false).private_sum)();
  ProverInput short_oracle = input;
  const Table values(8);
  short_oracle.registered = {{&values, Fr(1)}};
  short_oracle.inputs = table.inputs;
  EXPECT_NE(said(longer, table.compiled, short_oracle).find("declared length"), std::string::npos);
  EXPECT_NE(said(longer, table.compiled, input).find("registered oracles"), std::string::npos);
}

/// tests/vectors/proof/twin.hex: what the C++ verifier thinks of proofs of every claim type, honest and lying, for the Solidity verifier to
/// agree with. PEABERRY_WRITE_VECTORS=1 writes it anew; a change must be meant.
TEST(Prover, FastKeepsOraclesShortAndLeanMakesFew) {
  // Four columns of 2^8 rows, each below 2^4: fast gives each an oracle of its own, lean packs them; both proofs verify, and a value out of range is refused.
  SeededRandom random(3);
  const Srs srs = Srs::development(11, random);
  const auto key = VerifierKey::from(srs.tau().be()).value();
  const auto made = [&](Aim aim, std::uint64_t lie) {
    PlanBuilder b(Fr::modulus_be(), aim);
    std::vector<Column> columns;
    std::vector<PlanBuilder::Fraction> left;
    for (int i = 0; i < 4; ++i) columns.push_back(b.place(1, 8));
    const Column met = b.place(1, 4);
    for (const Column& column : columns) left.push_back({b.constant(1), b.view(column), 8});
    b.fractions(left, {{b.view(met), b.row(4), 4}});
    auto compiled = b.finish().value();
    ProverInput input;
    input.witness = [&](const Fr&) {
      std::vector<Table> out;
      for (const auto& oracle : compiled.plan.oracles)
        if (oracle.phase == 1) out.emplace_back(std::size_t{1} << oracle.n, Fr::zero());
      std::array<std::uint64_t, 16> counts{};
      for (const Column& column : columns)
        for (std::size_t row = 0; row < 256; ++row) {
          const std::uint64_t value = &column == &columns[2] && row == 5 ? lie : row * 7 % 16;
          out[column.oracle][column.off + row] = Fr(value);
          if (value < 16) ++counts[value];
        }
      for (std::size_t i = 0; i < 16; ++i) out[met.oracle][met.off + i] = Fr(counts[i]);
      return out;
    };
    Statement statement;
    statement.srs_id = key.srs_id();
    const Bytes proof = prove(srs, compiled, statement, input, random).value();
    return std::pair{compiled.plan, verify(key, compiled.bytes, statement, proof).has_value()};
  };
  const auto fast = made(Aim::kFast, 3), lean = made(Aim::kLean, 3);
  EXPECT_TRUE(fast.second && lean.second);
  EXPECT_EQ(fast.first.l, 8U) << "no longer than the longest column";
  EXPECT_GT(lean.first.l, 8U);
  EXPECT_LT(lean.first.oracles.size(), fast.first.oracles.size());
  EXPECT_FALSE(made(Aim::kFast, 16).second || made(Aim::kLean, 16).second);
}

TEST(Prover, TheTwinVectorsAreStillWhatThisVerifierThinks) {
  const std::string path = PEABERRY_SOURCE_DIR "/tests/vectors/proof/twin.hex";
  if (std::getenv("PEABERRY_WRITE_VECTORS")) {
    SeededRandom random(11);
    const Srs srs = Srs::development(8, random);
    const auto key = VerifierKey::from(srs.tau().be()).value();
    Bytes file;
    const auto number = [&](std::size_t value) {
      file.push_back(static_cast<std::uint8_t>(value >> 8));
      file.push_back(static_cast<std::uint8_t>(value));
    };
    append(file, srs.tau().be());
    number(2 * Gallery<Fr>::all().size());
    for (const auto& [name, make_scenario] : Gallery<Fr>::all())
      for (const bool lie : {false, true}) {
        const auto scenario = (Gallery<Fr>(Fr::modulus_be(), 5, lie).*make_scenario)();
        const auto made = make(Bn254World{srs}, scenario, random, key.srs_id());
        const bool accepted = verify(key, scenario.compiled.bytes, made.statement, made.proof).has_value();
        append(file, made.statement.ctx.view());
        for (const Bytes* part : {&made.statement.registered, &made.statement.public_inputs, &scenario.compiled.bytes, &made.proof}) {
          number(part->size());
          append(file, *part);
        }
        file.push_back(accepted);
      }
    ASSERT_TRUE(write_file_atomic(path, as_bytes("0x" + hex(file) + "\n")));
  }
  const std::string text = read_text(path).value();
  const Bytes file = parse_hex(std::string_view(text).substr(0, text.size() - 1)).value();
  std::size_t at = 0;
  const auto take = [&](std::size_t size) {
    at += size;
    return ByteView(file).subspan(at - size, size);
  };
  const auto number = [&] {
    const auto two = take(2);
    return std::size_t{two[0]} << 8 | two[1];
  };
  const auto key = VerifierKey::from(take(128)).value();
  const std::size_t count = number();
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Statement statement;
    statement.srs_id = key.srs_id();
    statement.ctx = Hash32::from(take(32)).value();
    statement.registered = to_bytes(take(number()));
    statement.public_inputs = to_bytes(take(number()));
    const ByteView plan = take(number()), proof = take(number());
    const bool verdict = take(1)[0] == 1;
    EXPECT_EQ(verify(key, plan, statement, proof).has_value(), verdict) << i;
    accepted += verdict;
  }
  EXPECT_EQ(at, file.size());
  EXPECT_EQ(accepted, Gallery<Fr>::all().size());
}

}  // namespace
}  // namespace peaberry::proof
