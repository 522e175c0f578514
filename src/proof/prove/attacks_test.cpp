// Each attack of the literature that the protocol answers, by its name, against this verifier: what the attacker would send is made by this prover.

#include <gtest/gtest.h>

#include <peaberry/proof/verify/bn254.hpp>
#include <peaberry/proof/verify/verify.hpp>

#include "run_scenario.hpp"
#include "slow_prover.hpp"
#include "world.hpp"

namespace peaberry::proof {
namespace {

class Attack : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    SeededRandom random(51);
    srs_ = new Srs(Srs::development(8, random));
    key_ = new VerifierKey(VerifierKey::from(srs_->tau().be()).value());
  }
  static void TearDownTestSuite() {
    delete srs_;
    delete key_;
  }
  Scenario<Fr> scenario(Gallery<Fr>::Make make, bool lie = false) { return (Gallery<Fr>(Fr::modulus_be(), 7, lie).*make)(); }
  ScenarioProof proof_of(const Scenario<Fr>& one) { return run_scenario(*srs_, one, random_, key_->srs_id()).value(); }
  static bool accepts(const Scenario<Fr>& one, const ScenarioProof& made) { return verify(*key_, one.compiled.bytes, made.statement, made.proof).has_value(); }

  static Srs* srs_;
  static VerifierKey* key_;
  SeededRandom random_{52};
};
Srs* Attack::srs_ = nullptr;
VerifierKey* Attack::key_ = nullptr;

/// Plonk, Bulletproofs, Spartan with a weak Fiat–Shamir transform (ePrint 2023/691); Jolt Atlas #230: public inputs unabsorbed.
TEST_F(Attack, WeakFiatShamir) {
  const auto one = scenario(&Gallery<Fr>::private_sum);
  const auto made = proof_of(one);
  ASSERT_TRUE(accepts(one, made));
  const auto refuses = [&](auto change) {
    ScenarioProof other = made;
    change(other.statement);
    EXPECT_FALSE(accepts(one, other));
  };
  refuses([](Statement& s) { s.ctx.data[31] ^= 1; });
  refuses([](Statement& s) { s.chain_id.data[31] ^= 1; });
  refuses([](Statement& s) { s.verifier.data[0] ^= 1; });
  refuses([](Statement& s) { s.public_inputs = to_bytes(Fr(10).be()); });
  refuses([&](Statement& s) { s.registered = to_bytes(G1Affine::generator().be()); });
}

/// Integers that wrap around the modulus (rule G; Circomspect's and zkML's overflow findings): z = x·y in 16 rows of 128-bit numbers. Modulo p a product of two
/// of them may be any small number, and the verifier, which knows of no integers, believes it. The compiler is what refuses such a plan.
TEST_F(Attack, FieldWrap) {
  const auto plan_of = [](unsigned bits, bool whole) {
    PlanBuilder b(Fr::modulus_be());
    if (whole) b.whole_numbers();
    const auto w = b.oracle(1);
    const Expr x = b.view(b.column(w, 4)), y = b.view(b.column(w, 4)), z = b.view(b.column(w, 4));
    b.bound(x, bits), b.bound(y, bits), b.bound(z, 16);
    b.zero(x * y - z, 4);
    return b.finish();
  };
  // Without a certificate: 2^127 · y ≡ 7 for some y below the modulus; where both are 128 bits wide such pairs exist as well, only that one must look for them.
  const auto compiled = plan_of(254, false).value();
  ProverInput input;
  input.witness = [&](const Fr&) {
    std::vector<Table> out;
    for (const auto& oracle : compiled.plan.oracles) out.emplace_back(std::size_t{1} << oracle.n, Fr::zero());
    const auto place = [&](unsigned column, const Fr& value) {
      const auto& operand = compiled.plan.operands[column];
      out[operand.oracle][operand.off + 3] = value;
    };
    place(0, Fr(2).pow(127)), place(1, Fr(7) * Fr(2).pow(127).inverse()), place(2, Fr(7));
    return out;
  };
  Statement statement;
  statement.srs_id = key_->srs_id();
  const auto proof = prove(*srs_, compiled, statement, input, random_).value();
  EXPECT_TRUE(verify(*key_, compiled.bytes, statement, proof)) << "modulo p it is true";
  for (const unsigned bits : {126u, 128u, 254u}) {
    const auto refused = plan_of(bits, true);
    ASSERT_FALSE(refused) << bits;
    EXPECT_NE(refused.error().text().find("claim 0: its sides may reach 2^"), std::string::npos);
  }
  const auto certified = plan_of(125, true);
  ASSERT_TRUE(certified);
  EXPECT_EQ(certified->certificate->claims[0], 251U) << "125 + 125, and one for the difference";
}

/// What a transcript absorbs, message by message.
template <class F>
struct Recorder {
  Transcript<F> inner;
  std::vector<std::pair<int, std::size_t>>* log;
  F step(Tag tag, ByteView data = {}) {
    log->emplace_back(static_cast<int>(tag), data.size());
    return inner.step(tag, data);
  }
  Hash32 state() const { return inner.state(); }
};

/// Sumcheck claims, RLC inputs and hints that were not absorbed (Jolt #981, #1864; ProveKit #321): the manifest of everything that is, pinned; and it is everything.
TEST_F(Attack, UnabsorbedMessages) {
  const auto one = scenario(&Gallery<Fr>::lookup);
  const auto made = proof_of(one);
  const Plan& plan = one.compiled.plan;
  std::vector<std::pair<int, std::size_t>> seen;
  const Recorder<Fr> recorder{Transcript<Fr>(statement_bytes(made.statement, one.compiled.name)), &seen};
  ASSERT_TRUE(reduce_proof(Bn254{}, plan, recorder, made.statement, made.proof));
  // ℓ = 6, n = 3, D = 5, K = 6, two oracles of phase 1, one of phase 2, three levels
  const std::vector<std::pair<int, std::size_t>> manifest = {{1, 0},    {2, 128}, {3, 0},   {4, 64},   {5, 0},   {6, 0},   {6, 0},   {6, 0},   {7, 160}, {7, 160}, {7, 160},
                                                             {7, 160},  {8, 192}, {9, 128}, {10, 64},  {10, 64}, {10, 64}, {10, 64}, {10, 64}, {10, 64}, {11, 160}, {12, 320},
                                                             {13, 64}};
  EXPECT_EQ(seen, manifest);
  std::size_t absorbed = 0;
  for (const auto& [tag, size] : seen) absorbed += size;
  EXPECT_EQ(absorbed + 64, made.proof.size()) << "all but the last message, W";
}

/// ePrint 2024/398: the last message of one proof against that of another, in one pairing.
TEST_F(Attack, LastChallengeAttack) {
  const auto one = scenario(&Gallery<Fr>::zero_check), two = scenario(&Gallery<Fr>::next_row);
  auto a = proof_of(one), b = proof_of(two);
  const auto both = [&] {
    const ProofRef refs[] = {{one.compiled.bytes, &a.statement, a.proof}, {two.compiled.bytes, &b.statement, b.proof}};
    return verify_all(*key_, refs).has_value();
  };
  ASSERT_TRUE(both());
  const auto shift = [](Bytes& proof, const G1Affine& by) {
    const auto w = G1Affine::from_be(ByteView(proof).last(64)).value();
    const auto moved = (G1(w) + by).affine().be();
    std::copy(moved.begin(), moved.end(), proof.end() - 64);
  };
  shift(a.proof, G1Affine::generator());
  shift(b.proof, -G1Affine::generator());
  EXPECT_FALSE(both());
}

/// A mask whose sum is not zero would let its maker claim any sum.
TEST_F(Attack, MaskAsTrapdoor) {
  const auto one = scenario(&Gallery<Fr>::zero_check);
  const Bn254World world{*srs_};
  for (const bool balanced : {true, false}) {
    auto masks = Masks<Fr>::draw(one.compiled.plan, random_);
    if (!balanced) masks.sigma[0] += Fr::one();
    Statement statement;
    statement.srs_id = key_->srs_id();
    Witness<Fr> secret;
    secret.witness = one.witness;
    SlowProver<Bn254World> prover(world, one.compiled.plan, Transcript<Fr>(statement_bytes(statement, one.compiled.name)));
    const auto proof = prover.prove(secret, {}, masks);
    EXPECT_EQ(verify(*key_, one.compiled.bytes, statement, *proof).has_value(), balanced);
  }
}

/// A prover that leaves a mask out sends (0,0): refused wherever a point is.
TEST_F(Attack, ForgottenMask) {
  const auto one = scenario(&Gallery<Fr>::lookup);
  const auto made = proof_of(one);
  const Plan& plan = one.compiled.plan;
  const std::size_t scalars = 32 * ((plan.n + std::size_t{1}) * plan.degree + plan.operands.size());
  for (const std::size_t at : {std::size_t{0}, std::size_t{64}, std::size_t{128}, 192 + scalars, 256 + scalars, made.proof.size() - 128, made.proof.size() - 64}) {
    ScenarioProof bare = made;
    std::fill_n(bare.proof.begin() + static_cast<std::ptrdiff_t>(at), 64, std::uint8_t{0});
    EXPECT_FALSE(accepts(one, bare)) << at;
  }
}

/// Fold commitments and their evaluations: each is bound.
TEST_F(Attack, UnboundFold) {
  const auto one = scenario(&Gallery<Fr>::lookup);
  const auto made = proof_of(one);
  const std::size_t folds = made.proof.size() - 128 - 320 - 128;  // G_1, G_2 before ten parts, Q and W
  for (std::size_t k = 0; k < 12; ++k) {
    ScenarioProof other = made;
    const auto at = other.proof.begin() + static_cast<std::ptrdiff_t>(folds + (k < 2 ? 64 * k : 128 + 32 * (k - 2)));
    if (k < 2) {
      const auto moved = (G1(G1Affine::from_be(ByteView(made.proof).subspan(folds + 64 * k, 64)).value()) + G1Affine::generator()).affine().be();
      std::copy(moved.begin(), moved.end(), at);
    } else {
      const auto value = (Fr::from_be(ByteView(made.proof).subspan(folds + 128 + 32 * (k - 2), 32)).value() + Fr::one()).be();
      std::copy(value.begin(), value.end(), at);
    }
    EXPECT_FALSE(accepts(one, other)) << k;
  }
}

/// A committed polynomial of degree 2^ℓ or more, under an SRS that is longer than the plan needs.
TEST_F(Attack, OversizedPolynomial) {
  const auto one = scenario(&Gallery<Fr>::private_sum);
  ASSERT_LE(one.compiled.plan.l, 7);
  for (const bool oversized : {false, true}) {
    ScenarioProof out;
    out.statement.srs_id = key_->srs_id();
    for (const Fr& input : one.inputs) append(out.statement.public_inputs, input.be());
    std::vector<Fr> hidden = one.registered[0];
    hidden.resize(200);
    if (oversized) hidden[199] = Fr(5);
    const Table values(one.registered[0].begin(), one.registered[0].end());
    const Fr blinder = Fr::random(random_);
    append(out.statement.registered, commit(*srs_, hidden, blinder).be());
    ProverInput input;
    input.registered = {{&values, blinder}};
    input.inputs = one.inputs;
    input.witness = witness_tables(one);
    out.proof = prove(*srs_, one.compiled, out.statement, input, random_).value();
    EXPECT_EQ(accepts(one, out), !oversized);
  }
}

/// Selectors +1 and −1 on two equal rows outside the table cancel in a sum of fractions. A selector that is proven boolean cannot be −1.
TEST_F(Attack, SelectorCancellation) {
  for (const bool proven : {false, true}) {
    PlanBuilder b(Fr::modulus_be());
    const auto w = b.oracle(1), h = b.oracle(2);
    const Column x = b.column(w, 3), s = b.column(w, 3), m = b.column(w, 3);
    b.fractions({h}, {{b.view(s), b.view(x), 3}}, {{b.view(m), b.row(3), 3}}, 1);
    if (proven) b.zero(b.view(s) * b.view(s) - b.view(s), 3);
    Scenario<Fr> one{"selectors", b.finish().value(), {}, {}, {}};
    one.witness = [&](const Fr&) {
      std::vector<std::vector<Fr>> out;
      for (const auto& oracle : one.compiled.plan.oracles)
        if (oracle.phase == 1) out.emplace_back(std::size_t{1} << oracle.n);
      out[0][x.off] = out[0][x.off + 1] = Fr(99);  // not below 8
      out[0][s.off] = Fr(1), out[0][s.off + 1] = -Fr(1);
      return out;
    };
    EXPECT_EQ(accepts(one, proof_of(one)), !proven);
  }
}

TEST_F(Attack, WrongMultiplicities) {
  auto one = scenario(&Gallery<Fr>::lookup);
  const auto honest = one.witness;
  ASSERT_TRUE(accepts(one, proof_of(one)));
  one.witness = [&](const Fr& theta) {
    auto out = honest(theta);
    out[0][24] += Fr(1), out[0][25] -= Fr(1);  // the multiplicities lie behind three columns of eight
    return out;
  };
  EXPECT_FALSE(accepts(one, proof_of(one)));
}

TEST_F(Attack, UnsortedKeyTable) {
  auto one = scenario(&Gallery<Fr>::group_by);
  const auto honest = one.witness;
  ASSERT_TRUE(accepts(one, proof_of(one)));
  one.witness = [&](const Fr& theta) {
    auto out = honest(theta);
    for (std::size_t base : {0, 4}) std::swap(out[0][base], out[0][base + 1]);  // keys, and their sums with them
    out[0][8] = out[0][1] - out[0][0] - Fr(1), out[0][9] = out[0][2] - out[0][1] - Fr(1);
    return out;
  };
  EXPECT_FALSE(accepts(one, proof_of(one)));
}

/// C + Com(Δ; 0) is a commitment of other values: a proof for C says nothing about it.
TEST_F(Attack, HomomorphicMauling) {
  const auto one = scenario(&Gallery<Fr>::private_sum);
  auto made = proof_of(one);
  const std::vector<Fr> delta = {Fr(1)};
  const auto mauled = (G1(G1Affine::from_be(made.statement.registered).value()) + commit(*srs_, delta, Fr::zero())).affine().be();
  made.statement.registered = to_bytes(mauled);
  EXPECT_FALSE(accepts(one, made));
}

/// Scalars plus p and points with coordinates plus Q are the same numbers in other bytes; so are bytes behind the end.
TEST_F(Attack, Malleability) {
  const auto one = scenario(&Gallery<Fr>::lookup);
  const auto made = proof_of(one);
  const auto add = [](Bytes bytes, std::size_t at, const std::array<std::uint8_t, 32>& modulus) {
    unsigned carry = 0;
    for (int i = 31; i >= 0; --i) {
      carry += bytes[at + static_cast<std::size_t>(i)] + modulus[static_cast<std::size_t>(i)];
      bytes[at + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
    return bytes;
  };
  for (std::size_t at = 0; at < made.proof.size(); at += 32) {
    ScenarioProof other = made;
    other.proof = add(made.proof, at, Fr::modulus_be());
    EXPECT_FALSE(accepts(one, other)) << at;
    other.proof = add(made.proof, at, Fq::modulus_be());
    EXPECT_FALSE(accepts(one, other)) << at;
  }
  ScenarioProof longer = made;
  longer.proof.push_back(0);
  EXPECT_FALSE(accepts(one, longer));
}

}  // namespace
}  // namespace peaberry::proof
