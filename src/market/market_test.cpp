#include <gtest/gtest.h>

#include <peaberry/crypto/hash.hpp>

#include "auth.hpp"
#include "ddo.hpp"
#include "opener.hpp"
#include "provider_fee.hpp"

namespace peaberry::market {
namespace {

Address account(std::uint8_t n) {
  Address out;
  out.data.fill(n);
  return out;
}

Listing good_listing() {
  Listing listing;
  listing.name = "A good name";
  listing.description = "A description that is long enough";
  listing.author = "me";
  listing.license = "MIT";
  listing.tags = {"a"};
  return listing;
}
json::Object good_ddo(const Listing& listing = good_listing()) { return make_ddo(listing, 8996, account(1), account(2), "0x00", "http://node", 1'700'000'000, "service"); }

TEST(Ddo, WhatWeMakeIsValid) {
  EXPECT_EQ(problems_text(validate_ddo(good_ddo())), "");
  Listing compute = good_listing();
  compute.service_type = "compute";
  compute.compute = {{"allowRawAlgorithm", false}, {"allowNetworkAccess", false}, {"publisherTrustedAlgorithmPublishers", json::Array{}}, {"publisherTrustedAlgorithms", json::Array{}}};
  EXPECT_EQ(problems_text(validate_ddo(good_ddo(compute))), "");
}

TEST(Ddo, EveryFaultIsNamedByItsField) {
  const auto complains = [](const std::function<void(json::Object&)>& spoil, const std::string& field) {
    json::Object ddo = good_ddo();
    spoil(ddo);
    const std::string text = problems_text(validate_ddo(ddo));
    EXPECT_NE(text.find(field), std::string::npos) << field << ": " << text;
  };
  complains([](json::Object& d) { d["metadata"].as_object()["name"] = 7; }, "metadata.name must be text");
  complains([](json::Object& d) { d["metadata"].as_object()["name"] = "abc"; }, "metadata.name has 3 characters");
  complains([](json::Object& d) { d["metadata"].as_object()["description"] = std::string(7001, 'x'); }, "metadata.description has 7001");
  complains([](json::Object& d) { d["metadata"].as_object().erase("license"); }, "metadata.license is missing");
  complains([](json::Object& d) { d["metadata"].as_object()["tags"] = json::Array{1}; }, "metadata.tags[0]");
  complains([](json::Object& d) { d["metadata"].as_object()["type"] = "algorithm"; }, "metadata.algorithm is missing");
  complains([](json::Object& d) { d["services"].as_array()[0].as_object().erase("timeout"); }, "services[0].timeout");
  complains([](json::Object& d) { d["services"] = json::Array{}; }, "services has 0 items");
  complains([](json::Object& d) { d["services"].as_array()[0].as_object()["datatokenAddress"] = std::string(42, 'z'); }, "datatokenAddress is not an address");
  complains([](json::Object& d) { d["id"] = "did:op:" + std::string(64, '0'); }, "did is not valid");
  complains([](json::Object& d) { d["chainId"] = "8996x"; }, "chainId must be a number");
  complains([](json::Object& d) { d["version"] = "3.0.0"; }, "version");
}

TEST(Credentials, DenyComesFirstAndAnEmptyAllowListLetsIn) {
  const auto nobody = [](std::uint64_t, const Address&, const Address&) -> Result<bool> { return false; };
  const auto check = [&](const std::string& text) {
    const auto document = json::parse(text);
    return check_credentials(&document->get_object(), account(7), nobody).has_value();
  };
  const std::string me = "\"" + account(7).hex() + "\"";
  EXPECT_TRUE(check_credentials(nullptr, account(7), nobody));
  EXPECT_TRUE(check("{\"allow\":[],\"deny\":[]}"));
  EXPECT_TRUE(check("{\"allow\":[{\"type\":\"address\",\"values\":[" + me + "]}]}"));
  EXPECT_FALSE(check("{\"allow\":[{\"type\":\"address\",\"values\":[\"0x01\"]}]}"));
  EXPECT_FALSE(check("{\"allow\":[{\"type\":\"address\",\"values\":[\"*\"]}],\"deny\":[{\"type\":\"address\",\"values\":[" + me + "]}]}"));
  EXPECT_FALSE(check("{\"allow\":[{\"type\":\"moon phase\",\"values\":[\"*\"]}]}")) << "an unknown rule keeps out";
  EXPECT_FALSE(check("{\"allow\":[{\"type\":\"accessList\",\"chainId\":8996,\"accessList\":" + me + "}]}"));
}

TEST(Trust, AlgorithmsArePinnedByDidAndChecksums) {
  Service service;
  service.type = "compute";
  service.raw = json::parse(R"({"compute":{"allowRawAlgorithm":false,"publisherTrustedAlgorithmPublishers":[],"publisherTrustedAlgorithms":[{"did":"did:op:1","filesChecksum":"f","containerSectionChecksum":"c"}]}})")->get_object();
  EXPECT_TRUE(check_algorithm_trust(service, {"did:op:1", account(1), "f", "c", "s"}));
  EXPECT_FALSE(check_algorithm_trust(service, {"did:op:1", account(1), "F", "c", "s"}));
  EXPECT_FALSE(check_algorithm_trust(service, {"did:op:1", account(1), "f", "C", "s"}));
  EXPECT_FALSE(check_algorithm_trust(service, {"did:op:2", account(1), "f", "c", "s"}));
  EXPECT_FALSE(check_algorithm_trust(service, {"", {}, "", "", ""}));
  service.raw = json::parse(R"({"compute":{"allowRawAlgorithm":true,"publisherTrustedAlgorithmPublishers":[],"publisherTrustedAlgorithms":[]}})")->get_object();
  EXPECT_TRUE(check_algorithm_trust(service, {"", {}, "", "", ""}));
  EXPECT_FALSE(check_algorithm_trust(service, {"did:op:1", account(1), "f", "c", "s"})) << "both lists empty: nobody";
}

TEST(Auth, AcceptsTheFormsOfWalletsAndEachNonceOnce) {
  auto database = store::open_sqlite(":memory:");
  ASSERT_TRUE(RequestAuth::migrate(**database));
  SystemClock clock;
  SystemRandom random;
  const auto http = net::make_client();
  chain::Rpc rpc(*http, {.urls = {"http://127.0.0.1:1"}, .attempts_max = 1}, clock, random);
  RequestAuth auth(**database, rpc);
  const auto key = crypto::PrivateKey::generate(random);
  const std::string me = crypto::checksum_address(key.address());
  EXPECT_TRUE(auth.check(me, "1", "encrypt", sign_request(key, 1, "encrypt")));
  EXPECT_EQ(auth.check(me, "1", "encrypt", sign_request(key, 1, "encrypt")).error().message, "nonce: 1 is not a valid nonce") << "a replay";
  EXPECT_FALSE(auth.check(me, "2", "download", sign_request(key, 2, "encrypt"))) << "for another command";
  EXPECT_EQ(*auth.nonce(me), 1U) << "a failed request costs no nonce";
  EXPECT_TRUE(auth.check(me, "9007199254740993", "encrypt", sign_request(key, 9007199254740993ULL, "encrypt"))) << "beyond 2^53";
  EXPECT_FALSE(auth.check(me, "99999999999999999999999", "encrypt", "0x00"));
  EXPECT_FALSE(auth.check("", "1", "encrypt", ""));
  // ethers strips leading zero bytes of the hash before it signs: find a nonce whose hash begins with one.
  for (std::uint64_t nonce = 9007199254740994ULL;; ++nonce) {
    const Hash32 hash = crypto::keccak256(me + std::to_string(nonce) + "encrypt");
    if (hash.data[0] != 0) continue;
    const auto stripped = key.sign(crypto::personal_message_hash(hash.view().subspan(hash.data[1] == 0 ? 2 : 1)));
    EXPECT_TRUE(auth.check(me, std::to_string(nonce), "encrypt", hex0x(stripped.rsv())));
    break;
  }
}

TEST(ProviderFee, SignsThirtyTwoBytesInTheContractsOrder) {
  SeededRandom random(1);
  const auto key = crypto::PrivateKey::generate(random);
  const auto fee = sign_provider_fee(key, account(3), U256{5}, 77, account(4), "svc");
  EXPECT_EQ(fee.data, "{\"dt\":\"" + crypto::checksum_address(account(4)) + "\",\"id\":\"svc\"}");
  const auto back = ProviderFee::from_json(fee.to_json());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->signature, fee.signature);
  EXPECT_EQ(back->data, fee.data);
}

TEST(SealedFiles, OpenOnlyForTheAssetTheyWereSealedFor) {
  SeededRandom random(2);
  const auto key = crypto::PrivateKey::generate(random);
  const std::string text = "{\"datatokenAddress\":\"" + account(2).hex() + "\",\"nftAddress\":\"" + account(1).hex() + "\",\"files\":[{\"type\":\"url\",\"url\":\"https://x\"}]}";
  const auto sealed = seal_text(key.public_key(), text, random);
  EXPECT_TRUE(open_files(key, sealed, account(1), account(2)));
  EXPECT_EQ(open_files(key, sealed, account(3), account(2)).error().code, Errc::kForbidden) << "a stolen files field";
  EXPECT_EQ(open_files(key, sealed, account(1), account(3)).error().code, Errc::kForbidden);
  EXPECT_FALSE(open_files(crypto::PrivateKey::generate(random), sealed, account(1), account(2)));
}

}  // namespace
}  // namespace peaberry::market
