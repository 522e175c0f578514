// A table's way through proofs: admitted, grown, measured, read again by somebody who sees the schema only – and every lie about it refused.
#include <gtest/gtest.h>

#include <peaberry/proof/verify/verify.hpp>

#include <peaberry/proof/tables/values.hpp>

#include "table_prover.hpp"

namespace peaberry::evidence {
namespace {

using proof::Fr;

const std::vector<std::string> kNames = {"id", "age", "bmi", "ward", "sick"};
std::vector<std::vector<std::string>> rows_of(std::size_t count) {
  SeededRandom random(7);
  std::vector<std::vector<std::string>> out;
  for (std::size_t i = 0; i < count; ++i)
    out.push_back({"patient " + std::to_string(i * 7919), std::to_string(18 + random.below(80)), random.below(10) == 0 ? "" : "-" + std::to_string(15 + random.below(30)) + "." + std::to_string(random.below(10)),
                   random.below(8) == 0 ? "" : (random.below(2) == 0 ? "north" : "south"), std::to_string(random.below(3) == 0)});
  for (std::size_t i = out.size(); i < 300; ++i) out.push_back({"patient " + std::to_string(i * 7919), "20", "21.5", "north", "0"});
  return out;
}

struct TableWorld : testing::Test {
  SeededRandom random{11};
  const proof::Srs srs = proof::Srs::development(10, random);
  const proof::VerifierKey key = proof::VerifierKey::from(srs.tau().be()).value();
  const crypto::PrivateKey identity = crypto::PrivateKey::generate(random);
  std::vector<std::vector<std::string>> rows = rows_of(300);
  const proof::Cells cells = [this](std::size_t row, std::size_t column) -> std::optional<std::string_view> {
    const std::string& text = rows[row][column];
    return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
  };
  TableProver prover{srs, identity, random};
  const ProofFor here{8996, account(1), filled(5)};

  static Address account(std::uint8_t n) {
    Address out;
    out.data[19] = n;
    return out;
  }
  static Hash32 filled(std::uint8_t n) {
    Hash32 out;
    out.data.fill(n);
    return out;
  }
  TableOpening begin(std::size_t count) {
    auto inferred = proof::infer_schema(kNames, count, cells, {.categories = {"sick"}, .all_nullable = false}).value();
    TableOpening out;
    out.nft = account(9), out.by = identity.address(), out.table_id = filled(3);
    out.schema = inferred.schema, out.dictionaries = inferred.dictionaries, out.label = "sick";
    return out;
  }
  bool believed(const TableProof& made, const Bytes& registered, std::uint8_t ctx = 5) const {
    proof::Statement statement{srs.id(), U256{8996}.word(), here.verifier, filled(ctx), registered, {}};
    for (const U256& input : made.inputs) append(statement.public_inputs, input.word());
    return verify(key, made.plan, statement, made.proof).has_value();
  }
};

TEST_F(TableWorld, ATableIsAdmittedGrowsAndIsMeasured) {
  const auto first = prover.admit(begin(200), cells, 200, here);
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_TRUE(believed(first->proof, first->added));
  EXPECT_FALSE(believed(first->proof, first->added, 6)) << "for another owner or table";
  EXPECT_EQ(first->added, first->opening.commitments);
  const auto second = prover.admit(first->opening, cells, 300, here);
  ASSERT_TRUE(second) << second.error().text();
  EXPECT_TRUE(believed(second->proof, second->added));
  EXPECT_NE(first->opening.commitments, second->opening.commitments);
  EXPECT_EQ(second->opening.rows(), 300U);
  EXPECT_FALSE(first->proof.plan.empty());

  const auto restored = TableOpening::from_json(second->opening.to_json());
  ASSERT_TRUE(restored) << restored.error().text();
  EXPECT_EQ(*restored, second->opening);
  const auto measured = prover.measure(*restored, cells, [&](const Hash32&, const std::vector<U256>&) -> Result<ProofFor> { return here; });
  ASSERT_TRUE(measured) << measured.error().text();
  EXPECT_TRUE(believed(*measured, second->opening.commitments));

  // Who sees the chain only reads the same counts that the rows give.
  const std::vector<proof::AdmittedRows> admissions = {{first->proof.plan_hash, 0, 200}, {second->proof.plan_hash, 200, 300}};
  const std::string schema = second->opening.schema.text();
  const auto metrics = proof::read_metrics(schema, admissions, "sick", measured->plan_hash, measured->inputs);
  ASSERT_TRUE(metrics) << metrics.error().text();
  std::uint64_t bmi = 0, ward = 0, sick = 0;
  for (const auto& row : rows) bmi += !row[2].empty(), ward += !row[3].empty(), sick += row[4] == "1";
  EXPECT_EQ(json::stringify(*metrics), "{\"rows\":300,\"columns\":[{\"name\":\"id\",\"present\":300},{\"name\":\"age\",\"present\":300},{\"name\":\"bmi\",\"present\":" + std::to_string(bmi) + "},{\"name\":\"ward\",\"present\":" +
                                           std::to_string(ward) + "},{\"name\":\"sick\",\"present\":300}],\"label\":{\"column\":\"sick\",\"histogram\":{\"0\":" + std::to_string(300 - sick) + ",\"1\":" + std::to_string(sick) +
                                           "},\"minority\":" + std::to_string(std::min(sick, 300 - sick)) + "}}");
  // And believes nothing that was proven under another plan, or of rows that do not follow.
  EXPECT_FALSE(proof::read_metrics(schema, {admissions[0]}, "sick", measured->plan_hash, measured->inputs));
  EXPECT_FALSE(proof::read_metrics(schema, {admissions[1]}, "sick", measured->plan_hash, measured->inputs));
  EXPECT_FALSE(proof::read_metrics(schema, {}, "sick", measured->plan_hash, measured->inputs));
  EXPECT_FALSE(proof::read_metrics(schema, {admissions[0], {measured->plan_hash, 200, 300}}, "sick", measured->plan_hash, measured->inputs));
  EXPECT_FALSE(proof::read_metrics(schema, admissions, "", measured->plan_hash, measured->inputs));
  EXPECT_FALSE(proof::read_metrics(schema, admissions, "sick", first->proof.plan_hash, measured->inputs));
  EXPECT_FALSE(proof::read_metrics(schema.substr(1), admissions, "sick", measured->plan_hash, measured->inputs));
  std::string told = schema;
  told.replace(told.find("\"values\":[\"0\",\"1\"]"), 18, "\"values\":[\"1\",\"0\"]");
  const auto swapped = proof::read_metrics(told, admissions, "sick", measured->plan_hash, measured->inputs);
  EXPECT_TRUE(swapped) << "the registry holds the schema's hash: callers compare it before they ask";
  EXPECT_NE(proof::TableSchema::parse(told)->hash(), second->opening.schema.hash());
}

TEST_F(TableWorld, WhatDoesNotFitIsRefusedBeforeAnythingIsProven) {
  const auto admitted = prover.admit(begin(200), cells, 200, here);
  ASSERT_TRUE(admitted);
  const auto says = [&](const auto& result) { return result ? std::string("accepted") : result.error().text(); };
  rows[250][3] = "east";
  EXPECT_NE(says(prover.admit(admitted->opening, cells, 300, here)).find("row 251, column \"ward\": \"east\" is none of the 2 values"), std::string::npos);
  rows[250][3] = "north", rows[251][1] = "";
  EXPECT_NE(says(prover.admit(admitted->opening, cells, 300, here)).find("row 252, column \"age\": the value is missing"), std::string::npos);
  rows[251][1] = "1e4";
  EXPECT_NE(says(prover.admit(admitted->opening, cells, 300, here)).find("row 252, column \"age\": \"1e4\" is no number of 0 decimals and 16 bits"), std::string::npos);
  rows[251][1] = "32768";
  EXPECT_FALSE(prover.admit(admitted->opening, cells, 300, here));
  rows[251][1] = "-32768";
  EXPECT_TRUE(prover.admit(admitted->opening, cells, 300, here));
  EXPECT_NE(says(prover.admit(admitted->opening, cells, 200, here)).find("add none"), std::string::npos);
  const auto bound = [&](const Hash32&, const std::vector<U256>&) -> Result<ProofFor> { return here; };
  rows[7][1] = "19";
  EXPECT_NE(says(prover.measure(admitted->opening, cells, bound)).find("not the ones that were committed"), std::string::npos);
  const auto other = proof::Srs::development(10, random);
  EXPECT_NE(says(TableProver(other, identity, random).admit(admitted->opening, cells, 300, here)).find("was committed under srsId"), std::string::npos);
  const auto short_srs = proof::Srs::development(6, random);
  EXPECT_NE(says(TableProver(short_srs, identity, random).admit(begin(200), cells, 200, here)).find("the table needs 2^8"), std::string::npos);
  const auto stranger = crypto::PrivateKey::generate(random);
  EXPECT_NE(says(TableProver(srs, stranger, random).measure(admitted->opening, cells, bound)).find("under identity key"), std::string::npos);
}

/// The honest prover with false vectors, false counts or false rows: consistent in all that follows from them.
struct TableLies : TableWorld {
  TableOpening opening = begin(200);
  std::vector<proof::Table> values = proof::table_values(opening.schema, opening.dictionaries, cells, 0, 200, 8).value();
  std::size_t bmi = opening.schema.value_oracle(2), has_bmi = *opening.schema.presence_oracle(2), ward = opening.schema.value_oracle(3), has_ward = *opening.schema.presence_oracle(3);
  std::size_t age = opening.schema.value_oracle(1), sick = opening.schema.value_oracle(4);

  bool proves(const proof::CompiledPlan& compiled, std::vector<Fr> inputs, std::vector<proof::Table> witness) {
    proof::ProverInput input;
    proof::Statement statement{srs.id(), U256{8996}.word(), here.verifier, here.ctx, {}, {}};
    for (const auto& table : values) {
      input.registered.push_back({&table, Fr::random(random)});
      append(statement.registered, commit(srs, table, input.registered.back().blinder).be());
    }
    input.inputs = inputs;
    for (const Fr& one : inputs) append(statement.public_inputs, one.be());
    input.witness = [&](const Fr&) { return witness; };
    const auto made = proof::prove(srs, compiled, statement, input, random);
    return made && verify(key, compiled.bytes, statement, *made).has_value();
  }
  bool admits(std::uint64_t from = 0, std::uint64_t to = 200) {
    const auto plan = proof::admission_plan(opening.schema, 8).value();
    return proves(plan.compiled, {Fr(from), Fr(to)}, proof::admission_witness(plan, values, from, to));
  }
  bool measures(const std::function<void(std::vector<Fr>&)>& lie, std::uint64_t rows_told = 200) {
    const auto plan = proof::metrics_plan(opening.schema, 8, "sick").value();
    auto inputs = proof::metrics_inputs(opening.schema, plan, values, rows_told);
    lie(inputs);
    std::vector<proof::Table> empty;
    for (const auto& oracle : plan.compiled.plan.oracles)
      if (oracle.phase == 1) empty.emplace_back(std::size_t{1} << oracle.n);
    return proves(plan.compiled, inputs, empty);
  }
};

TEST_F(TableLies, NoneIsAdmitted) {
  ASSERT_TRUE(admits()) << "the truth";
  const auto lie = [&](const char* what, const std::function<void()>& tell) {
    const auto before = values;
    tell();
    EXPECT_FALSE(admits()) << what;
    values = before;
  };
  std::size_t missing = 0;
  while (!values[has_bmi][missing].is_zero()) ++missing;
  lie("a row beyond the rows", [&] { values[age][200] = Fr(30); });
  lie("a row at the vector's end", [&] { values[age][255] = Fr(30); });
  lie("presence beyond the rows", [&] { values[has_bmi][201] = Fr::one(); });
  lie("present twice", [&] { values[has_bmi][3] = Fr(2); });
  lie("a value where none is", [&] { values[bmi][missing] = Fr(5); });
  lie("a number above its bits", [&] { values[age][3] = Fr(32768); });
  lie("a number below its bits", [&] { values[age][3] = Fr::zero() - Fr(32769); });
  lie("a number as large as the field", [&] { values[age][3] = Fr(std::uint64_t{1} << 63) * Fr(std::uint64_t{1} << 63); });
  lie("a code above the size", [&] { values[ward][3] = Fr(3), values[has_ward][3] = Fr::one(); });
  lie("no code where one is present", [&] { values[ward][3] = Fr::zero(), values[has_ward][3] = Fr::one(); });
  lie("a label without a code", [&] { values[sick][3] = Fr::zero(); });
  EXPECT_FALSE(admits(0, 199)) << "fewer rows than there are";
  EXPECT_FALSE(admits(1, 200)) << "the first row was there before";
}

TEST_F(TableLies, NoneIsMeasured) {
  ASSERT_TRUE(measures([](auto&) {})) << "the truth";
  EXPECT_FALSE(measures([](auto& inputs) { inputs[1] += Fr::one(); })) << "one value more is present";
  EXPECT_FALSE(measures([](auto& inputs) { inputs[2] = Fr(200); })) << "all are";
  EXPECT_FALSE(measures([](auto& inputs) { std::swap(inputs[inputs.size() - 1], inputs[inputs.size() - 2]); })) << "the balance turned round";
  EXPECT_FALSE(measures([](auto& inputs) { inputs[inputs.size() - 1] += Fr::one(), inputs[inputs.size() - 2] -= Fr::one(); })) << "one patient more is sick";
  EXPECT_FALSE(measures([](auto& inputs) { inputs[3] += Fr::one(), inputs[4] -= Fr::one(); })) << "one label is missing";
  EXPECT_FALSE(measures([](auto& inputs) { inputs[0] = Fr(199); })) << "a row fewer";
  EXPECT_FALSE(measures([](auto& inputs) { inputs[0] = Fr(201); })) << "a row more: its label would be missing";
}

TEST_F(TableWorld, BlindersAreTheKeysAndEachStepsOwn) {
  const TableOpening::Step one{filled(1), 0, 5}, other{filled(2), 0, 5};
  const auto a = blinders_of(identity, filled(3), one, 3);
  EXPECT_TRUE(a == blinders_of(identity, filled(3), one, 3));
  EXPECT_FALSE(a[0] == a[1] || a[1] == a[2] || a[0] == a[2]);
  EXPECT_FALSE(a[0] == blinders_of(identity, filled(3), other, 1)[0]);
  EXPECT_FALSE(a[0] == blinders_of(identity, filled(4), one, 1)[0]);
  EXPECT_FALSE(a[0] == blinders_of(crypto::PrivateKey::generate(random), filled(3), one, 1)[0]);
  const auto once = prover.admit(begin(200), cells, 200, here), again = prover.admit(begin(200), cells, 200, here);
  EXPECT_NE(once->added, again->added) << "each attempt hides anew";
}

}  // namespace
}  // namespace peaberry::evidence
