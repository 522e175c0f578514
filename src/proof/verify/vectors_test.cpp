#include <gtest/gtest.h>

#include <peaberry/base/files.hpp>
#include <peaberry/base/json.hpp>
#include <peaberry/base/u256.hpp>

#include "proof_file.hpp"
#include "proof_verify.h"

namespace peaberry::proof {
namespace {

using Case = ProofFile;

std::vector<Case> cases() { return parse_proof_files(read_text(PEABERRY_SOURCE_DIR "/tests/vectors/proof/vectors.json").value()).value(); }

TEST(ProofVectors, ProofsMadeElsewhereVerifyAndTheirMarkedMutationsDoNot) {
  int accepted = 0, refused = 0;
  for (const Case& one : cases()) {
    SCOPED_TRACE(one.name);
    const auto key = VerifierKey::from(one.tau);
    ASSERT_TRUE(key);
    EXPECT_EQ(key->srs_id(), one.statement.srs_id);
    const auto good = verify(*key, one.plan, one.statement, one.proof);
    EXPECT_TRUE(good) << good.error().text();
    accepted += good.has_value();
    Bytes bad = one.proof;
    bad[one.refuse_byte] ^= 1;
    const bool no = !verify(*key, one.plan, one.statement, bad);
    EXPECT_TRUE(no);
    refused += no;
  }
  std::printf("vectors proof: %d of 6 accepted, %d of 6 mutations refused\n", accepted, refused);
  EXPECT_EQ(accepted, 6);
}

TEST(ProofVectors, PlansSurviveReadingAndWriting) {
  for (const Case& one : cases()) {
    const auto plan = parse_plan(one.plan, Fr::modulus_be());
    ASSERT_TRUE(plan) << one.name << ": " << plan.error().text();
    EXPECT_EQ(encode(*plan), one.plan);
    EXPECT_EQ(plan->proof_size(), one.proof.size());
  }
}

TEST(ProofVectors, ManyProofsInOnePairing) {
  auto all = cases();
  EXPECT_FALSE(verify_all(VerifierKey::from(all[0].tau).value(), {}));
  const auto key = VerifierKey::from(all[0].tau).value();
  std::vector<ProofRef> refs;
  for (const Case& one : all) refs.push_back({one.plan, &one.statement, one.proof});
  EXPECT_TRUE(verify_all(key, refs));
  for (Case& one : all) {
    one.proof[one.refuse_byte] ^= 1;
    for (std::size_t i = 0; i < all.size(); ++i) refs[i].proof = all[i].proof;
    EXPECT_FALSE(verify_all(key, refs));
    one.proof[one.refuse_byte] ^= 1;
  }
}

/// Every byte of the proof, of the statement and of the plan, one bit each; every length; trailing bytes.
TEST(ProofVectors, EveryMutatedByteIsRefused) {
  SeededRandom random(4);
  std::size_t count = 0;
  for (const Case& one : cases()) {
    SCOPED_TRACE(one.name);
    const auto key = VerifierKey::from(one.tau).value();
    const auto refused = [&](ByteView plan, const Statement& statement, ByteView proof) {
      ++count;
      return !verify(key, plan, statement, proof);
    };
    Bytes bytes = one.proof;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const auto bit = static_cast<std::uint8_t>(1 << random.below(8));
      bytes[i] ^= bit;
      ASSERT_TRUE(refused(one.plan, one.statement, bytes)) << "proof byte " << i;
      bytes[i] ^= bit;
    }
    for (const std::size_t size : {std::size_t{0}, bytes.size() - 32, bytes.size() - 1})
      ASSERT_TRUE(refused(one.plan, one.statement, ByteView(bytes).first(size)));
    for (const int more : {1, 32, 64}) {
      Bytes longer = bytes;
      longer.resize(bytes.size() + more);
      ASSERT_TRUE(refused(one.plan, one.statement, longer));
    }
    Bytes plan = one.plan;
    for (std::size_t i = 0; i < plan.size(); ++i) {
      const auto bit = static_cast<std::uint8_t>(1 << random.below(8));
      plan[i] ^= bit;
      ASSERT_TRUE(refused(plan, one.statement, bytes)) << "plan byte " << i;
      plan[i] ^= bit;
    }
    plan.push_back(0);
    ASSERT_TRUE(refused(plan, one.statement, bytes));
    const auto each = [&](std::uint8_t* data, std::size_t size, Statement& statement) {
      for (std::size_t i = 0; i < size; ++i) {
        data[i] ^= 1;
        ASSERT_TRUE(refused(one.plan, statement, bytes)) << "statement byte " << i;
        data[i] ^= 1;
      }
    };
    Statement statement = one.statement;
    each(statement.srs_id.data.data(), 32, statement);
    each(statement.chain_id.data.data(), 32, statement);
    each(statement.verifier.data.data(), 20, statement);
    each(statement.ctx.data.data(), 32, statement);
    each(statement.registered.data(), statement.registered.size(), statement);
    each(statement.public_inputs.data(), statement.public_inputs.size(), statement);
    append(statement.public_inputs, Hash32{}.view());
    ASSERT_TRUE(refused(one.plan, statement, bytes));
  }
  std::printf("vectors proof: %zu mutations refused\n", count);
}

TEST(ProofVectors, TheCHeaderGivesTheSameAnswers) {
  for (const Case& one : cases()) {
    peaberry_statement statement{};
    std::copy_n(one.statement.chain_id.data.begin(), 32, statement.chain_id);
    std::copy_n(one.statement.verifier.data.begin(), 20, statement.verifier);
    std::copy_n(one.statement.ctx.data.begin(), 32, statement.ctx);
    statement.registered = one.statement.registered.data();
    statement.registered_count = one.statement.registered.size() / 64;
    statement.inputs = one.statement.public_inputs.data();
    statement.input_count = one.statement.public_inputs.size() / 32;
    const auto ask = [&](const Bytes& tau, const Bytes& plan, const Bytes& proof) {
      return peaberry_proof_verify(tau.data(), plan.data(), plan.size(), &statement, proof.data(), proof.size());
    };
    EXPECT_EQ(ask(one.tau, one.plan, one.proof), PEABERRY_PROOF_VALID);
    Bytes bad = one.proof;
    bad[one.refuse_byte] ^= 1;
    EXPECT_EQ(ask(one.tau, one.plan, bad), PEABERRY_PROOF_REFUSED);
    EXPECT_EQ(ask(one.tau, Bytes(one.plan.begin(), one.plan.end() - 1), one.proof), PEABERRY_PROOF_BAD_PLAN);
    EXPECT_EQ(ask(Bytes(128), one.plan, one.proof), PEABERRY_PROOF_BAD_CEREMONY);
    statement.registered_count = 256;
    EXPECT_EQ(ask(one.tau, one.plan, one.proof), PEABERRY_PROOF_REFUSED);
  }
}

TEST(ProofVectors, AProofFileSaysWhichFieldIsWrong) {
  const auto good = cases()[0];
  const auto with = [&](const char* key, json::Value value) {
    json::Object object = to_json(good);
    object[key] = std::move(value);
    const auto result = parse_proof_files(json::stringify(json::Object{{"cases", json::Array{object}}}));
    return result ? std::string("taken") : result.error().message;
  };
  EXPECT_EQ(with("name", "x"), "taken");
  EXPECT_NE(with("plan", "zz").find("plan"), std::string::npos);
  EXPECT_NE(with("ctx", "00").find("ctx"), std::string::npos);
  EXPECT_NE(with("registered", json::Array{"00"}).find("registered"), std::string::npos);
  EXPECT_NE(with("public", json::Array{7}).find("public"), std::string::npos);
  EXPECT_NE(with("tau_g2", json::Array{"1"}).find("tau_g2"), std::string::npos);
  EXPECT_FALSE(parse_proof_files("{}"));
  const auto again = parse_proof_files(json::stringify(json::Object{{"cases", json::Array{to_json(good)}}}));
  ASSERT_TRUE(again);
  EXPECT_TRUE(verify((*again)[0]));
}

TEST(ProofVectors, AKeyOfAnotherCeremonyRefuses) {
  const auto one = cases()[0];
  const auto other = VerifierKey::from((G2Affine::generator() * Fr(77)).be()).value();
  EXPECT_FALSE(verify(other, one.plan, one.statement, one.proof));
  Statement moved = one.statement;
  moved.srs_id = other.srs_id();
  EXPECT_FALSE(verify(other, one.plan, moved, one.proof));
}

}  // namespace
}  // namespace peaberry::proof
