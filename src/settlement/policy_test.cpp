#include <gtest/gtest.h>

#include <peaberry/base/random.hpp>
#include <peaberry/crypto/hash.hpp>
#include <set>

#include "channels.hpp"
#include "evidence.hpp"
#include "job.hpp"
#include "policy.hpp"

namespace peaberry::settlement {
namespace {

Address someone(std::uint8_t n) {
  Address out;
  out.data.fill(n);
  return out;
}
Contracts contracts() {
  Contracts out;
  out.chain_id = 8996;
  out.escrow = someone(0xe0), out.quorum = someone(0xa1), out.owner_accept = someone(0xa2), out.direct = someone(0xa3);
  return out;
}
Result<Policy> parse(std::string_view text) { return Policy::from_json(*json::parse(text), contracts()); }

constexpr const char* kSigners = R"("0x1111111111111111111111111111111111111111","0x2222222222222222222222222222222222222222","0x3333333333333333333333333333333333333333")";
std::string quorum(const std::string& more = "") {
  std::string out = R"({"quorum":{"k":2,"commitWindow":60,"signers":[)";
  return out.append(kSigners).append("]").append(more).append("}}");
}

TEST(PolicyTest, SingleLeavesAndTreesRoundTrip) {
  for (const std::string& text : {quorum(), std::string(R"({"direct":{}})"), R"({"anyOf":[)" + quorum() + R"(,{"ownerAccept":{"window":3600,"stake":"7"}}]})",
                                  R"({"kOf":2,"of":[{"direct":{}},)" + quorum(R"(,"window":30)") + R"(,{"allOf":[{"ownerAccept":{"window":5}},{"verifier":"0x4444444444444444444444444444444444444444","window":9,"params":"0x0102"}]}]})"}) {
    const auto policy = parse(text);
    ASSERT_TRUE(policy) << policy.error().text();
    const auto back = Policy::decode(policy->encode());
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(*back, *policy);
  }
}

TEST(PolicyTest, WindowsAreTheKthOfTheirGate) {
  const auto leaf = [](int n, int window) { return R"({"verifier":"0x)" + std::string(40, static_cast<char>('0' + n)) + R"(","window":)" + std::to_string(window) + "}"; };
  EXPECT_EQ(parse(R"({"allOf":[)" + leaf(1, 5) + "," + leaf(2, 9) + "]}")->worst_window(), 9U);
  EXPECT_EQ(parse(R"({"anyOf":[)" + leaf(1, 5) + "," + leaf(2, 9) + "]}")->worst_window(), 5U);
  EXPECT_EQ(parse(R"({"kOf":2,"of":[)" + leaf(1, 5) + "," + leaf(2, 9) + "," + leaf(3, 7) + "]}")->worst_window(), 7U);
}

TEST(PolicyTest, BadPoliciesAreRefusedByName) {
  const std::pair<std::string, const char*> cases[] = {
      {R"({"allOf":[]})", "2 to 15"},
      {R"({"kOf":4,"of":[{"direct":{}},{"ownerAccept":{"window":1}}]})", "kOf is 4"},
      {R"({"anyOf":[{"direct":{}},{"direct":{}}]})", "occurs twice"},
      {R"({"quorum":{"k":1,"commitWindow":60,"signers":["0x1111111111111111111111111111111111111111","0x2222222222222222222222222222222222222222"]}})", "majority"},
      {R"({"quorum":{"k":1,"commitWindow":0,"signers":["0x1111111111111111111111111111111111111111"]}})", "commitWindow"},
      {R"({"quorum":{"k":1,"commitWindow":60,"signers":["0x11"]}})", "signers"},
      {R"({"quorum":{"k":1,"commitWindow":60,"bond":"5","signers":["0x1111111111111111111111111111111111111111"]}})", "bondToken"},
      {R"({"ownerAccept":{}})", "window"},
      {R"({"verifier":7})", "verifier"},
      {R"([])", "policy"}};
  for (const auto& [text, says] : cases) {
    const auto policy = parse(text);
    ASSERT_FALSE(policy) << text;
    EXPECT_NE(policy.error().text().find(says), std::string::npos) << text << ": " << policy.error().text();
  }
  EXPECT_FALSE(Policy::decode({}));
  EXPECT_FALSE(Policy::decode(Bytes{0}));
}

TEST(PolicyTest, DecodingRefusesEveryPrefixAndEveryTail) {
  const Bytes whole = parse(R"({"anyOf":[)" + quorum() + R"(,{"ownerAccept":{"window":3600}}]})")->encode();
  for (std::size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(Policy::decode(ByteView(whole).first(n))) << n;
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_FALSE(Policy::decode(longer));
}

TEST(PolicyTest, WordsTellWhoMustDoWhatAndWarn) {
  const auto text = describe(*parse(R"({"ownerAccept":{"window":3600}})"), contracts());
  EXPECT_NE(text.text().find("does not object within 1 h"), std::string::npos) << text.text();
  EXPECT_NE(text.text().find("may refuse for nothing"), std::string::npos) << text.text();
  const auto two = describe(*parse(quorum()), contracts());
  EXPECT_NE(two.text().find("2 of 3 signers"), std::string::npos) << two.text();
  EXPECT_NE(two.text().find("within 1 min after the job is opened"), std::string::npos) << two.text();
  EXPECT_NE(two.text().find("no bond"), std::string::npos) << two.text();
  const auto strange = describe(Policy::single({someone(9), 0, {}}), contracts());
  EXPECT_NE(strange.text().find("not known here"), std::string::npos);
}

TEST(Votes, RoundTripAndRefuseEveryCut) {
  SeededRandom random(3);
  const auto key = crypto::PrivateKey::generate(random);
  std::vector<Vote> votes;
  for (std::uint8_t i = 0; i < 3; ++i) votes.push_back(sign_vote({8996, someone(1)}, key, i, Hash32{}, crypto::keccak256("answer"), crypto::keccak256("salt"), 1'800'000'000 + i));
  const Bytes whole = encode_votes(votes);
  EXPECT_EQ(whole.size(), 3 * (75 + 65));
  const auto back = decode_votes(whole);
  ASSERT_TRUE(back);
  EXPECT_EQ(encode_votes(*back), whole);
  EXPECT_EQ((*back)[2].committed_at, 1'800'000'002U);
  for (std::size_t n = 1; n < whole.size(); ++n) EXPECT_EQ(decode_votes(ByteView(whole).first(n)).has_value(), n % 140 == 0) << n;
  const auto signer = crypto::recover(vote_digest({8996, someone(1)}, Hash32{}, crypto::keccak256("answer"), crypto::keccak256("salt")), *crypto::Signature::from_rsv((*back)[0].signature));
  EXPECT_EQ(*signer, key.address());
}

TEST(Rails, EverySignedFieldChangesTheDigest) {
  const VerifierDomain domain{8996, someone(1)};
  std::set<Hash32> digests;
  digests.insert(ChannelDomain{8996, someone(1)}.voucher_digest(crypto::keccak256("a"), U256{1}));
  digests.insert(ChannelDomain{8996, someone(1)}.voucher_digest(crypto::keccak256("b"), U256{1}));
  digests.insert(ChannelDomain{8996, someone(1)}.voucher_digest(crypto::keccak256("a"), U256{2}));
  digests.insert(ChannelDomain{1, someone(1)}.voucher_digest(crypto::keccak256("a"), U256{1}));
  digests.insert(ChannelDomain{8996, someone(2)}.voucher_digest(crypto::keccak256("a"), U256{1}));
  digests.insert(stream_digest(domain, {crypto::keccak256("a"), 1}));
  digests.insert(stream_digest(domain, {crypto::keccak256("a"), 2}));
  digests.insert(accept_digest(domain, crypto::keccak256("a")));
  digests.insert(object_digest(domain, crypto::keccak256("a")));
  EXPECT_EQ(digests.size(), 9U) << "no signature means two things";
}

TEST(JobJson, RoundTripsAndNamesTheFieldThatIsWrong) {
  Job job;
  job.chain_id = U256{8996}, job.settlement = someone(1), job.claim_kind = U256{4}, job.requester = someone(2), job.nonce = U256{5};
  const auto back = job_from_json(job_to_json(job));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(job_id(*back), job_id(job));
  auto bad = job_to_json(job);
  bad["claimKind"] = "magic";
  EXPECT_NE(job_from_json(bad).error().text().find("magic"), std::string::npos);
  bad = job_to_json(job);
  bad["subjectRoot"] = "0x12";
  EXPECT_NE(job_from_json(bad).error().text().find("subjectRoot"), std::string::npos);
}

}  // namespace
}  // namespace peaberry::settlement
