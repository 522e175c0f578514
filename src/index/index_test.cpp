#include <gtest/gtest.h>

#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/bindings/erc721_template.hpp>
#include <peaberry/bindings/fixed_rate_exchange.hpp>
#include <peaberry/bindings/quality_registry.hpp>
#include <peaberry/bindings/table_registry.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/crypto/keys.hpp>
#include <peaberry/proof/tables/plans.hpp>

#include "catalogue.hpp"
#include "elastic.hpp"
#include "indexer.hpp"

namespace peaberry::index {
namespace {

namespace nft = bindings::erc721_template;
namespace dt = bindings::erc20_template;
namespace fre = bindings::fixed_rate_exchange;
namespace quality = bindings::quality_registry;
namespace registry = bindings::table_registry;
using chain::abi::Value;

Address account(std::uint8_t n) {
  Address out;
  out.data.fill(n);
  return out;
}
Hash32 word(const Address& address) { return U256::from_be(address.view()).word(); }
Hash32 hash(std::uint64_t n) { return crypto::keccak256(std::to_string(n)); }

/// Opens plain metadata: the data is the DDO. A description of "later" is unavailable at first.
class PlainOpener final : public MetadataOpener {
 public:
  Result<OpenedMetadata> open(const SealedMetadata& sealed) override {
    OpenedMetadata out;
    out.ddo = std::string(as_text(sealed.data));
    if (away) return fail(Errc::kUnavailable, "the decryptor is away");
    if (out.ddo == "bad") return fail(Errc::kInvalid, "no DDO");
    out.did = "did:op:" + hex(sealed.nft.view());
    out.owner = account(9);
    out.datatokens = {{account(static_cast<std::uint8_t>(sealed.nft.data[0] + 100)), "T", "T", "s"}};
    return out;
  }
  bool away = false;
};

class IndexTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = store::open_sqlite(":memory:");
    ASSERT_TRUE(opened);
    database_ = std::move(*opened);
    ASSERT_TRUE(Indexer::migrate(*database_));
    addresses_.chain_id = 8996;
    addresses_.fixed_price = account(200);
    addresses_.dispenser = account(201);
  }
  chain::Log log(std::uint64_t block, std::uint32_t at, const Address& from, const Hash32& topic, std::vector<Hash32> indexed, Bytes data) {
    chain::Log out;
    out.address = from;
    out.topics[0] = topic;
    for (std::size_t i = 0; i < indexed.size(); ++i) out.topics[i + 1] = indexed[i];
    out.topic_count = static_cast<std::uint8_t>(1 + indexed.size());
    out.data = std::move(data);
    out.block_number = block;
    out.log_index = at;
    out.transaction_hash = hash(block * 1000 + at);
    return out;
  }
  static std::string ddo(const std::string& name) {
    return "{\"id\":\"x\",\"version\":\"4.7.0\",\"metadata\":{\"name\":\"" + name + "\",\"description\":\"about " + name + "\",\"type\":\"dataset\",\"tags\":[\"coffee\"],\"author\":\"me\"}}";
  }
  chain::Log published(std::uint64_t block, std::uint8_t n, const std::string& text) {
    const auto& spec = nft::MetadataCreatedEvent::spec();
    const auto data = chain::abi::encode(spec.data, Value::list({Value::of(std::uint64_t{0}), Value::of("http://n"), Value::of(Bytes{0}), Value::of(to_bytes(text)), Value::of(hash(1)), Value::of(std::uint64_t{1'700'000'000} + block), Value::of(block)}));
    return log(block, n, account(n), spec.topic, {word(account(9))}, *data);
  }
  chain::Log priced(std::uint64_t block, std::uint8_t n, const U256& rate, const Address& contract = account(200)) {
    const auto& spec = fre::ExchangeCreatedEvent::spec();
    const auto data = chain::abi::encode(spec.data, Value::list({Value::of(account(9)), Value::of(rate)}));
    return log(block, 30, contract, spec.topic, {hash(n), word(account(50)), word(account(static_cast<std::uint8_t>(n + 100)))}, *data);
  }
  chain::Log ordered(std::uint64_t block, std::uint8_t n) {
    const auto& spec = dt::OrderStartedEvent::spec();
    const auto data = chain::abi::encode(spec.data, Value::list({Value::of(account(8)), Value::of(std::uint64_t{1}), Value::of(std::uint64_t{0}), Value::of(std::uint64_t{1'700'000'000}), Value::of(block)}));
    return log(block, 20, account(static_cast<std::uint8_t>(n + 100)), spec.topic, {word(account(7)), word(Address{})}, *data);
  }
  chain::Log claimed(std::uint64_t block, std::uint8_t n, const std::string& metrics, const Address& contract = account(202)) {
    const auto& spec = quality::MetricsClaimedEvent::spec();
    const auto data = chain::abi::encode(spec.data, Value::list({Value::of(std::uint64_t{1}), Value::of(hash(2)), Value::of(hash(3)), Value::of(to_bytes(metrics)), Value::list({})}));
    return log(block, 40, contract, spec.topic, {hash(block), word(account(n))}, *data);
  }
  chain::Log refuted(std::uint64_t block, std::uint64_t claim_block) {
    const auto& spec = quality::MetricsRefutedEvent::spec();
    const auto data = chain::abi::encode(spec.data, Value::list({Value::of(hash(4)), Value::of(hash(5))}));
    return log(block, 41, account(202), spec.topic, {hash(claim_block), word(account(7))}, *data);
  }
  // Tables are at account 203, the only verifier whose proofs count at 204.
  chain::Log registered(std::uint64_t block, std::uint8_t n, std::uint64_t epoch) {
    const auto& spec = registry::SubjectRegisteredEvent::spec();
    const auto data = chain::abi::encode(spec.data, Value::list({Value::of(hash(6)), Value::of(Hash32{}), Value::list({}), Value::of(Bytes{})}));
    return log(block, 42, account(203), spec.topic, {word(account(n)), U256{epoch}.word()}, *data);
  }
  chain::Log admitted(std::uint64_t block, std::uint8_t n, std::uint64_t epoch, const proof::AdmittedRows& rows, const std::string& schema, const Address& verifier = account(204)) {
    const auto& spec = registry::TableAdmittedEvent::spec();
    const auto data = chain::abi::encode(spec.data, Value::list({Value::of(verifier), Value::of(rows.plan), Value::of(rows.rows_before), Value::of(rows.rows_after), Value::of(hash(7)), Value::of(to_bytes(schema))}));
    return log(block, 43, account(203), spec.topic, {word(account(n)), U256{epoch}.word()}, *data);
  }
  chain::Log proven(std::uint64_t block, std::uint8_t n, std::uint64_t epoch, const Hash32& plan, const std::vector<std::uint64_t>& inputs, const Address& verifier = account(204), const Address& contract = account(202)) {
    const auto& spec = quality::MetricsProvenEvent::spec();
    std::vector<Value> words;
    for (const auto input : inputs) words.push_back(Value::of(input));
    const auto data = chain::abi::encode(spec.data, Value::list({Value::of(verifier), Value::of(plan), Value::of(to_bytes("sick")), Value::list(words)}));
    return log(block, 44, contract, spec.topic, {word(account(n)), U256{epoch}.word(), hash(block)}, *data);
  }
  void apply(std::uint64_t block, std::vector<chain::Log> logs) {
    Indexer indexer(*database_, opener_, addresses_, clock_, {account(202), account(203), account(204)});  // a new one each time: nothing lives in memory
    ASSERT_TRUE(indexer.apply({block, {{block, hash(block), hash(block - 1), 1'700'000'000 + block}}, std::move(logs)}));
    ASSERT_TRUE(indexer.open_pending());
  }
  AssetRow asset(std::uint8_t n) { return Catalogue(*database_).asset("did:op:" + hex(account(n).view())).value_or(AssetRow{}); }
  std::size_t found(const SearchQuery& query) { return Catalogue(*database_).search(query).value_or({}).rows.size(); }

  std::unique_ptr<store::Database> database_;
  PlainOpener opener_;
  ManualClock clock_;
  chain::OceanAddresses addresses_;
};

TEST_F(IndexTest, EventsBecomeAssetsPricesAndOrders) {
  apply(10, {published(10, 1, ddo("Arabica beans")), priced(10, 1, U256{5} * U256{1'000'000'000'000'000'000})});
  apply(11, {ordered(11, 1)});
  const auto row = asset(1);
  EXPECT_EQ(row.name, "Arabica beans");
  EXPECT_EQ(row.price_type, "fixedrate");
  EXPECT_EQ(format_units(row.price, 18), "5.0");
  const auto& indexed = row.ddo.at("indexedMetadata").as_object();
  EXPECT_EQ(indexed.at("event").at("txid").as_string(), hash(10001).hex());
  EXPECT_EQ(found({.text = "arab"}), 1U);
  EXPECT_EQ(found({.text = "arab bean \"; DROP"}), 0U);
  EXPECT_EQ(found({.text = "\"beans\" OR"}), 0U) << "query language is quoted away";
  EXPECT_EQ(found({.tag = "coffee", .price_max = U256{5} * U256{1'000'000'000'000'000'000}}), 1U);
  EXPECT_EQ(found({.price_max = U256{4} * U256{1'000'000'000'000'000'000}}), 0U);
  EXPECT_EQ(found({.free_only = true}), 0U);
}

TEST_F(IndexTest, TwoOrdersInOneTransactionCountTwiceAndAnUpdateKeepsThem) {
  auto second = ordered(11, 1);
  second.log_index = 21;
  apply(10, {published(10, 1, ddo("One"))});
  apply(11, {ordered(11, 1), second});
  EXPECT_EQ(asset(1).orders, 2U);
  apply(12, {published(12, 1, ddo("One, better"))});
  EXPECT_EQ(asset(1).orders, 2U);
  EXPECT_EQ(asset(1).name, "One, better");
}

TEST_F(IndexTest, APoisonedEventIsSetAsideAndBlocksNothing) {
  auto broken = published(10, 1, ddo("x"));
  broken.data.resize(17);
  broken.log_index = 17;
  apply(10, {broken, published(10, 2, ddo("Good")), published(10, 3, "bad")});
  EXPECT_EQ(asset(2).name, "Good");
  const auto poisoned = Catalogue(*database_).poisoned(10);
  ASSERT_TRUE(poisoned);
  ASSERT_EQ(poisoned->size(), 1U);
  EXPECT_NE(std::string((*poisoned)[0].at("reason").as_string()), "");
  EXPECT_EQ(Catalogue(*database_).publication_state(account(3).hex())->at("error").as_string(), "no DDO");
}

TEST_F(IndexTest, AnAbsentDecryptorIsAskedAgainLater) {
  opener_.away = true;
  apply(10, {published(10, 1, ddo("Late"))});
  EXPECT_EQ(asset(1).name, "");
  opener_.away = false;
  clock_.sleep_ms(5'000);
  apply(11, {});
  EXPECT_EQ(asset(1).name, "Late");
}

TEST_F(IndexTest, ForeignExchangesAreNotPrices) {
  apply(10, {published(10, 1, ddo("One")), priced(10, 1, U256{1}, account(66))});
  EXPECT_EQ(asset(1).price_type, "");
}

TEST_F(IndexTest, RollBackLeavesWhatReplayWouldGive) {
  apply(10, {published(10, 1, ddo("First")), priced(10, 1, U256{1'000'000'000'000'000'000})});
  apply(11, {ordered(11, 1)});
  const std::string before = json::stringify(asset(1).ddo);
  apply(12, {published(12, 1, ddo("Second")), published(12, 2, ddo("Other"))});
  apply(13, {ordered(13, 1)});
  EXPECT_EQ(asset(1).orders, 2U);
  Indexer indexer(*database_, opener_, addresses_, clock_);
  EXPECT_EQ(indexer.cursor()->value().number, 13U);
  ASSERT_TRUE(indexer.roll_back({11, hash(11), hash(10), 0}));
  EXPECT_EQ(json::stringify(asset(1).ddo), before);
  EXPECT_EQ(asset(2).name, "");
  EXPECT_EQ(indexer.cursor()->value().number, 11U);
  ASSERT_TRUE(indexer.reset());
  EXPECT_EQ(asset(1).name, "");
  EXPECT_FALSE(indexer.cursor()->has_value());
}

TEST_F(IndexTest, QualityIsFoundAsLongAsItStands) {
  constexpr const char* kMetrics = R"({"rows":10,"columns":[{"present":10},{"present":8}],"signed":{"rows":5}})";
  apply(10, {published(10, 1, ddo("One"))});
  apply(11, {claimed(11, 1, kMetrics, account(66))});
  EXPECT_EQ(found({.quality = "claimed"}), 0U) << "another contract claims nothing";
  apply(12, {claimed(12, 1, kMetrics)});
  EXPECT_EQ(found({.rows_min = 10, .complete_min = 0.9, .signed_min = 0.5}), 1U);
  EXPECT_EQ(found({.rows_min = 11}), 0U);
  EXPECT_EQ(found({.complete_min = 0.91}), 0U);
  EXPECT_EQ(found({.signed_min = 0.51}), 0U);
  EXPECT_EQ(json::string_or(asset(1).ddo.at("indexedMetadata").as_object().at("quality").as_object(), "status"), "claimed");
  const std::string before = json::stringify(asset(1).ddo);
  apply(13, {refuted(13, 12)});
  EXPECT_EQ(found({.quality = "claimed"}), 0U);
  Indexer indexer(*database_, opener_, addresses_, clock_, {account(202), account(203), account(204)});
  ASSERT_TRUE(indexer.roll_back({12, hash(12), hash(11), 0}));
  EXPECT_EQ(json::stringify(asset(1).ddo), before) << "the refutation is rolled back";
  EXPECT_EQ(found({.quality = "claimed"}), 1U);
  apply(13, {claimed(13, 1, "\xff not JSON")});
  EXPECT_EQ(found({.rows_min = 1}), 0U) << "figures that nobody can read are none";
  ASSERT_TRUE(indexer.roll_back({11, hash(11), hash(10), 0}));
  EXPECT_EQ(found({.quality = "claimed"}), 0U);
}

TEST_F(IndexTest, ProvenIsWhatOneVerifierBelievedUnderTheSchemasOwnPlans) {
  const std::string text = R"({"scheme":2,"columns":[{"name":"bmi","kind":"number","decimals":1,"bits":16,"nullable":true},{"name":"sick","kind":"category","size":2,"values":["no","yes"],"nullable":false}]})";
  const auto schema = proof::TableSchema::parse(text).value();
  const Hash32 small = proof::admission_plan(schema, 8)->compiled.name, large = proof::admission_plan(schema, 9)->compiled.name;
  const Hash32 metrics8 = proof::metrics_plan(schema, 8, "sick")->compiled.name, metrics9 = proof::metrics_plan(schema, 9, "sick")->compiled.name;
  const std::vector<std::uint64_t> of200 = {200, 180, 0, 150, 50}, of300 = {300, 250, 0, 220, 80};
  apply(10, {published(10, 1, ddo("One")), published(10, 2, ddo("Two"))});
  apply(11, {registered(11, 1, 1), admitted(11, 1, 1, {small, 0, 200}, text), proven(11, 1, 1, metrics8, of200, account(66))});
  EXPECT_EQ(found({.quality = "proven"}), 0U) << "another verifier";
  apply(12, {proven(12, 1, 1, metrics8, of200, account(204), account(67))});
  EXPECT_EQ(found({.quality = "proven"}), 0U) << "another registry";
  apply(13, {proven(13, 1, 1, metrics9, of200)});
  EXPECT_EQ(found({.quality = "proven"}), 0U) << "a plan of another size";
  apply(14, {proven(14, 1, 1, metrics8, of200)});
  EXPECT_EQ(found({.quality = "proven"}), 1U);
  EXPECT_EQ(found({.quality = "proven", .rows_min = 200, .complete_min = 0.95}), 1U) << "380 of 400 cells";
  EXPECT_EQ(found({.complete_min = 0.951}), 0U);
  EXPECT_EQ(found({.rows_min = 201}), 0U);
  EXPECT_EQ(found({.rows_min = 200}), 1U) << "a proof is as good as a claim";
  EXPECT_EQ(found({.quality = "claimed"}), 0U);
  EXPECT_EQ(found({.signed_min = 0.1}), 0U) << "nobody proves who signed";
  EXPECT_EQ(json::stringify(asset(1).ddo.at("indexedMetadata").as_object().at("proven")),
            R"({"epoch":1,"metrics":{"rows":200,"columns":[{"name":"bmi","present":180},{"name":"sick","present":200}],"label":{"column":"sick","histogram":{"no":150,"yes":50},"minority":50}}})");
  apply(15, {proven(15, 1, 1, metrics9, of200)});
  EXPECT_EQ(found({.quality = "proven", .rows_min = 200}), 1U) << "a later proof under a plan that says something else takes nothing away";
  // Rows are added: what was proven is of the epoch before, until it is proven anew.
  apply(16, {registered(16, 1, 2), admitted(16, 1, 2, {large, 200, 300}, "")});
  EXPECT_EQ(found({.quality = "proven"}), 0U);
  apply(17, {proven(17, 1, 2, metrics9, of300)});
  EXPECT_EQ(found({.quality = "proven", .rows_min = 300}), 1U);
  Indexer indexer(*database_, opener_, addresses_, clock_, {account(202), account(203), account(204)});
  ASSERT_TRUE(indexer.roll_back({14, hash(14), hash(13), 0}));
  EXPECT_EQ(found({.quality = "proven", .rows_min = 200}), 1U) << "the growth is rolled back";
  EXPECT_EQ(found({.rows_min = 300}), 0U);
  // Rows that were admitted under another plan, or under a verifier that does not count, make nothing proven of all that follows.
  apply(15, {registered(15, 2, 1), admitted(15, 2, 1, {metrics8, 0, 200}, text), proven(15, 2, 1, metrics8, of200)});
  apply(16, {registered(16, 1, 2), admitted(16, 1, 2, {large, 200, 300}, "", account(66)), proven(16, 1, 2, metrics9, of300)});
  EXPECT_EQ(found({.quality = "proven"}), 0U);
  EXPECT_FALSE(Catalogue(*database_).search({.quality = "proven", .signed_min = 0.5})) << "says that it cannot be";
}

TEST(Elastic, EvaluatesTheClausesThatClientsUse) {
  const std::vector<json::Object> documents = {json::parse(R"({"id":"a","metadata":{"name":"Red cup","tags":["x","y"],"type":"dataset"},"n":5})")->get_object(),
                                               json::parse(R"({"id":"b","metadata":{"name":"Blue cup","tags":["z"],"type":"algorithm"},"n":9})")->get_object()};
  const auto ids = [&](const std::string& query) {
    const auto page = elastic_search(json::parse(query)->get_object(), documents);
    std::string out;
    if (!page) return "error: " + page.error().message;
    for (const auto* hit : page->hits) out += json::string_or(*hit, "id");
    return out;
  };
  EXPECT_EQ(ids(R"({"query":{"match_all":{}}})"), "ab");
  EXPECT_EQ(ids(R"({"query":{"bool":{"filter":[{"term":{"metadata.tags":"y"}}]}}})"), "a");
  EXPECT_EQ(ids(R"({"query":{"bool":{"must_not":[{"term":{"metadata.type":"algorithm"}}]}}})"), "a");
  EXPECT_EQ(ids(R"({"query":{"bool":{"should":[{"match":{"metadata.name":"red"}},{"range":{"n":{"gt":8}}}]}}})"), "ab");
  EXPECT_EQ(ids(R"({"query":{"query_string":{"query":"cup blue","default_operator":"AND"}}})"), "b");
  EXPECT_EQ(ids(R"({"sort":{"n":"desc"},"size":1})"), "b");
  EXPECT_EQ(ids(R"({"from":1})"), "b");
  EXPECT_EQ(ids(R"({"query":{"exists":{"field":"absent"}}})"), "");
  EXPECT_TRUE(ids(R"({"query":{"script":{}}})").starts_with("error"));
}

}  // namespace
}  // namespace peaberry::index
