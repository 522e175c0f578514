// The chain room against a real anvil: the nonce journal, the log follower under reorgs, RPC nodes that lie, the ledger's life.

#include <gtest/gtest.h>
#include <signal.h>

#include <peaberry/chain/follower.hpp>
#include <peaberry/chain/tx_manager.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/net/server.hpp>

#include "ledger.hpp"

namespace peaberry::ledger {
namespace {

using chain::BlockRef;
using chain::Rpc;
using chain::TxManager;

class Chain : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("peaberry-chain-" + random_.uuid());
    start();
    auto database = store::open_sqlite(":memory:");
    ASSERT_TRUE(database);
    database_ = std::move(*database);
    ASSERT_TRUE(TxManager::migrate(*database_));
    key_ = crypto::PrivateKey::generate(random_);
    ASSERT_TRUE(ledger_->fund(*rpc_, key_->address(), *parse_units("10", 18), {}, {}));
  }
  void TearDown() override {
    if (ledger_) (void)ledger_->stop().has_value();
    fs::remove_all(folder_);
  }
  void start() {
    auto started = Ledger::start({.folder = folder_, .port = 0, .state_interval_seconds = 1, .deploy_ocean = false}, *http_, clock_, random_);
    if (!started) FAIL() << started.error().text();
    ledger_ = std::move(*started);
    rpc_ = std::make_unique<Rpc>(*http_, chain::RpcOptions{.urls = {ledger_->url()}, .chain_id = 8996}, clock_, random_);
  }
  TxManager sender(chain::TxOptions options = {}) { return {*rpc_, *database_, key_->clone(), 8996, clock_, options}; }
  void call(const std::string& method, json::Array params = {}) { ASSERT_TRUE(rpc_->call(method, std::move(params))) << method; }
  U256 received(const Address& who) { return rpc_->balance(who).value_or(U256{}); }
  static Address someone(std::uint8_t n) {
    Address out;
    out.data.fill(n);
    return out;
  }

  SystemClock clock_;
  SeededRandom random_{static_cast<std::uint64_t>(getpid()) * 1000 + static_cast<std::uint64_t>(SystemClock{}.unix_ms() % 1000)};
  std::unique_ptr<net::Client> http_ = net::make_client();
  fs::path folder_;
  std::optional<Ledger> ledger_;
  std::unique_ptr<Rpc> rpc_;
  std::unique_ptr<store::Database> database_;
  std::optional<crypto::PrivateKey> key_;
};

TEST_F(Chain, TheSameIntentionIsSentOnceEvenAfterARestart) {
  const chain::TxRequest request{.key = "pay", .to = someone(7), .data = {}, .value = U256{5}};
  {
    auto manager = sender();
    ASSERT_TRUE(manager.execute(request));
    ASSERT_TRUE(manager.execute(request));
  }
  auto reborn = sender();
  const auto receipt = reborn.execute(request);
  ASSERT_TRUE(receipt);
  EXPECT_EQ(received(someone(7)).dec(), "5");
  EXPECT_EQ(*rpc_->transaction_count(key_->address()), 1U);
}

TEST_F(Chain, WhatWasJournalledButNotSentGoesOutAtTheNextStart) {
  call("evm_setAutomine", {false});
  {
    auto manager = sender();
    ASSERT_TRUE(manager.submit({.key = "a", .to = someone(1), .data = {}, .value = U256{1}}));
    ASSERT_TRUE(manager.submit({.key = "b", .to = someone(2), .data = {}, .value = U256{2}}));
  }
  call("anvil_dropAllTransactions");  // the pool forgets, as after a restart of the chain's node
  call("evm_setAutomine", {true});
  auto reborn = sender();
  ASSERT_TRUE(reborn.maintain());
  ASSERT_TRUE(reborn.execute({.key = "a", .to = someone(1), .data = {}, .value = U256{1}}));
  ASSERT_TRUE(reborn.execute({.key = "b", .to = someone(2), .data = {}, .value = U256{2}}));
  EXPECT_EQ(received(someone(1)).dec() + received(someone(2)).dec(), "12");
  EXPECT_EQ(*rpc_->transaction_count(key_->address()), 2U);
}

TEST_F(Chain, AStuckTransactionIsReplacedUnderItsNonceAndPaysOnce) {
  call("evm_setAutomine", {false});
  auto manager = sender({.stuck_ms = 1});
  const auto first = manager.submit({.key = "slow", .to = someone(3), .data = {}, .value = U256{9}});
  ASSERT_TRUE(first);
  clock_.sleep_ms(20);
  const auto done = manager.maintain();
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(done->replaced, 1);
  call("evm_setAutomine", {true});
  call("evm_mine");
  const auto receipt = manager.execute({.key = "slow", .to = someone(3), .data = {}, .value = U256{9}});
  ASSERT_TRUE(receipt) << receipt.error().text();
  EXPECT_NE(receipt->transaction_hash, *first) << "the dearer one was mined";
  EXPECT_EQ(received(someone(3)).dec(), "9");
}

TEST_F(Chain, ANonceTakenByAnotherProcessIsNoticed) {
  call("evm_setAutomine", {false});
  auto manager = sender();
  ASSERT_TRUE(manager.submit({.key = "mine", .to = someone(4), .data = {}, .value = U256{3}}));
  call("anvil_dropAllTransactions");
  auto other_db = store::open_sqlite(":memory:");
  ASSERT_TRUE(TxManager::migrate(**other_db));
  call("evm_setAutomine", {true});
  TxManager other(*rpc_, **other_db, key_->clone(), 8996, clock_);
  ASSERT_TRUE(other.execute({.key = "theirs", .to = someone(5), .data = {}, .value = U256{1}}));
  ASSERT_TRUE(manager.maintain());
  const auto receipt = manager.execute({.key = "mine", .to = someone(4), .data = {}, .value = U256{3}});
  ASSERT_TRUE(receipt) << receipt.error().text();
  EXPECT_EQ(received(someone(4)).dec(), "3");
}

/// Does something before each raw transaction goes out.
class Meddling final : public net::Client {
 public:
  Meddling(net::Client& inner, std::function<void()> before) : inner_(inner), before_(std::move(before)) {}
  Result<net::ClientResponse> send(const net::ClientRequest& request) override {
    if (request.body.find("eth_sendRawTransaction") != std::string::npos) before_();
    return inner_.send(request);
  }
  Result<std::unique_ptr<net::ClientStream>> open(const net::ClientRequest& request) override { return inner_.open(request); }

 private:
  net::Client& inner_;
  std::function<void()> before_;
};

// A command and a serving process of one home share the journal: the other one may send, and have mined, what this one is about to send.
TEST_F(Chain, WhatAnotherProcessOfTheHomeSentFirstIsNotSentAgain) {
  auto beside = sender();
  Meddling http(*http_, [&] { ASSERT_TRUE(beside.maintain()); });
  Rpc rpc(http, {.urls = {ledger_->url()}, .chain_id = 8996}, clock_, random_);
  TxManager manager(rpc, *database_, key_->clone(), 8996, clock_);
  for (int i = 0; i < 3; ++i) {
    const auto receipt = manager.execute({.key = "both " + std::to_string(i), .to = someone(8), .data = {}, .value = U256{5}});
    ASSERT_TRUE(receipt) << receipt.error().text();
  }
  EXPECT_EQ(received(someone(8)).dec(), "15");
  EXPECT_EQ(*rpc_->transaction_count(key_->address()), 3U);
}

/// Tells receipts a while after their transactions are in a block, as nodes behind a balancer do.
class LateReceipts final : public net::Client {
 public:
  explicit LateReceipts(net::Client& inner) : inner_(inner) {}
  Result<net::ClientResponse> send(const net::ClientRequest& request) override {
    if (request.body.find("eth_getTransactionReceipt") != std::string::npos && late-- > 0) return net::ClientResponse{200, {}, R"({"jsonrpc":"2.0","id":1,"result":null})"};
    return inner_.send(request);
  }
  Result<std::unique_ptr<net::ClientStream>> open(const net::ClientRequest& request) override { return inner_.open(request); }
  int late = 0;

 private:
  net::Client& inner_;
};

TEST_F(Chain, AReceiptThatComesLateIsNoLostNonce) {
  LateReceipts http(*http_);
  Rpc rpc(http, {.urls = {ledger_->url()}, .chain_id = 8996}, clock_, random_);
  TxManager manager(rpc, *database_, key_->clone(), 8996, clock_);
  ASSERT_TRUE(manager.submit({.key = "late", .to = someone(9), .data = {}, .value = U256{5}}));
  for (int i = 0; i < 500 && received(someone(9)).is_zero(); ++i) clock_.sleep_ms(2);
  http.late = 1;
  ASSERT_TRUE(manager.maintain());
  ASSERT_TRUE(manager.maintain());
  EXPECT_EQ(received(someone(9)).dec(), "5");
  EXPECT_EQ(*rpc_->transaction_count(key_->address()), 1U);
}

TEST_F(Chain, AReorgThatDropsATransactionSendsItAgain) {
  auto manager = sender();
  const chain::TxRequest request{.key = "reorged", .to = someone(6), .data = {}, .value = U256{4}};
  ASSERT_TRUE(manager.execute(request));
  call("anvil_reorg", {1, json::Array{}});
  EXPECT_EQ(received(someone(6)).dec(), "0");
  const auto done = manager.maintain();
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(done->reorged, 1);
  ASSERT_TRUE(manager.execute(request));
  EXPECT_EQ(received(someone(6)).dec(), "4");
}

TEST_F(Chain, NoFundsAndRevertsAreToldBeforeAnythingIsSigned) {
  auto manager = sender();
  const auto poor = manager.execute({.key = "much", .to = someone(8), .data = {}, .value = *parse_units("1000", 18)});
  ASSERT_FALSE(poor);
  EXPECT_EQ(poor.error().code, Errc::kPayment) << poor.error().text();
  const auto revert = manager.execute({.key = "revert", .to = std::nullopt, .data = *parse_hex("60006000fd")});
  ASSERT_FALSE(revert);
  EXPECT_EQ(revert.error().code, Errc::kConflict) << revert.error().text();
  EXPECT_EQ(*rpc_->transaction_count(key_->address()), 0U);
  EXPECT_TRUE(manager.execute({.key = "much", .to = someone(8), .data = {}, .value = U256{1}})) << "the intention may be asked again";
}

/// Remembers what it was given; a map from block to its logs.
class MemorySink final : public chain::LogSink {
 public:
  Result<std::optional<BlockRef>> cursor() override { return blocks.empty() ? std::optional<BlockRef>() : std::optional<BlockRef>(blocks.rbegin()->second); }
  Result<std::vector<BlockRef>> known_blocks(std::uint64_t number, std::size_t limit) override {
    std::vector<BlockRef> out;
    for (auto it = blocks.rbegin(); it != blocks.rend() && out.size() < limit; ++it)
      if (it->first <= number) out.push_back(it->second);
    return out;
  }
  Status apply(const Batch& batch) override {
    for (const auto& block : batch.tail) blocks[block.number] = block;
    for (const auto& log : batch.logs) logs.push_back(log);
    return {};
  }
  Status roll_back(const BlockRef& to) override {
    ++rollbacks;
    std::erase_if(blocks, [&](const auto& entry) { return entry.first > to.number; });
    std::erase_if(logs, [&](const auto& log) { return log.block_number > to.number; });
    return {};
  }
  Status reset() override {
    ++resets;
    blocks.clear();
    logs.clear();
    return {};
  }
  std::map<std::uint64_t, BlockRef> blocks;
  std::vector<chain::Log> logs;
  int rollbacks = 0, resets = 0;
};


TEST_F(Chain, FollowerEndsWithWhatTheChainSaysAfterAFiveBlockReorg) {
  auto manager = sender();
  // push topic from calldata, log1(0,0,topic): 6000 35 6000 6000 a1 00
  const auto created = manager.execute({.key = "emitter", .to = std::nullopt, .data = *parse_hex("600a600c600039600a6000f3" "600035600060" "00a100")});
  ASSERT_TRUE(created) << created.error().text();
  const Address emitter = *created->contract_address;
  const auto emit = [&](std::uint64_t value) {
    const auto receipt = manager.execute({.key = "emit" + std::to_string(value), .to = emitter, .data = to_bytes(U256{value}.word().view())});
    ASSERT_TRUE(receipt) << receipt.error().text();
    ASSERT_EQ(receipt->logs.size(), 1U);
  };
  MemorySink sink;
  chain::LogFollower follower(*rpc_, sink, {.range_start = 3}, clock_);
  for (std::uint64_t i = 1; i <= 8; ++i) emit(i);
  ASSERT_TRUE(follower.catch_up());
  EXPECT_EQ(sink.logs.size(), 8U);
  call("anvil_reorg", {5, json::Array{}});
  for (std::uint64_t i = 100; i <= 101; ++i) emit(i);
  const auto progress = follower.catch_up();
  ASSERT_TRUE(progress) << progress.error().text();
  EXPECT_TRUE(progress->rolled_back);
  const auto head = *rpc_->block_number();
  const auto truth = rpc_->logs({.from_block = 0, .to_block = head});
  ASSERT_TRUE(truth);
  EXPECT_EQ(sink.logs, *truth);
  EXPECT_EQ(sink.cursor()->value(), *rpc_->block(head));
  // A chain that is shorter than the cursor is a reorg too.
  call("anvil_rollback", {4});
  ASSERT_TRUE(follower.catch_up());
  EXPECT_EQ(sink.logs, *rpc_->logs({.from_block = 0, .to_block = *rpc_->block_number()}));
}

TEST_F(Chain, SeveralChainsAreFollowedAtOnceFromOneStore) {
  const fs::path folder = folder_ / "second";
  auto second = Ledger::start({.folder = folder, .port = 0, .chain_id = 31337, .state_interval_seconds = 1, .deploy_ocean = false}, *http_, clock_, random_);
  ASSERT_TRUE(second) << second.error().text();
  Rpc second_rpc(*http_, {.urls = {second->url()}, .chain_id = 31337}, clock_, random_);
  ASSERT_TRUE(second->fund(second_rpc, key_->address(), *parse_units("10", 18), {}, {}));
  auto here = sender();
  TxManager there(second_rpc, *database_, key_->clone(), 31337, clock_);
  const Bytes emitter = *parse_hex("600a600c600039600a6000f3" "600035600060" "00a100");
  MemorySink here_sink, there_sink;
  chain::LogFollower here_follower(*rpc_, here_sink, {}, clock_), there_follower(second_rpc, there_sink, {}, clock_);
  const auto emit = [&](TxManager& manager, int count) {
    const auto created = manager.execute({.key = "emitter", .to = std::nullopt, .data = emitter});
    ASSERT_TRUE(created) << created.error().text();
    for (int i = 0; i < count; ++i) ASSERT_TRUE(manager.execute({.key = "emit" + std::to_string(i), .to = created->contract_address, .data = Bytes(32, static_cast<std::uint8_t>(i))}));
  };
  // The same account, the same intentions, one journal: the chain id keeps them apart.
  std::thread other([&] { emit(there, 5), (void)there_follower.catch_up().has_value(); });
  emit(here, 3);
  ASSERT_TRUE(here_follower.catch_up());
  other.join();
  EXPECT_EQ(here_sink.logs.size(), 3U);
  EXPECT_EQ(there_sink.logs.size(), 5U);
  EXPECT_EQ(here_sink.logs, *rpc_->logs({.from_block = 0, .to_block = *rpc_->block_number()}));
  EXPECT_EQ(there_sink.logs, *second_rpc.logs({.from_block = 0, .to_block = *second_rpc.block_number()}));
  Rpc wrong(*http_, {.urls = {second->url()}, .chain_id = 8996}, clock_, random_);
  EXPECT_EQ(wrong.block_number().error().code, Errc::kForbidden);
  ASSERT_TRUE(second->stop());
}

TEST_F(Chain, OutOfGasIsToldAndPaysNothingTwice) {
  auto manager = sender();
  // 21,000 for the transfer itself and too little for the code that the contract runs: it loops for ever.
  const auto loop = manager.execute({.key = "loop", .to = std::nullopt, .data = *parse_hex("6004600c60003960046000f35b600056")});
  ASSERT_TRUE(loop) << loop.error().text();
  const auto empty = manager.execute({.key = "burn", .to = loop->contract_address, .data = {}, .value = {}, .gas_limit = 60'000});
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, Errc::kConflict);
  EXPECT_NE(empty.error().message.find("reverted"), std::string::npos) << empty.error().text();
  const auto again = manager.execute({.key = "burn", .to = loop->contract_address, .data = {}, .value = {}, .gas_limit = 60'000});
  EXPECT_FALSE(again);
  EXPECT_EQ(*rpc_->transaction_count(key_->address()), 2U) << "the same intention is not sent again";
  EXPECT_FALSE(manager.execute({.key = "estimated", .to = loop->contract_address, .data = {}})) << "without a limit the estimate refuses it before it is signed";
  EXPECT_EQ(*rpc_->transaction_count(key_->address()), 2U);
}

TEST_F(Chain, TheDailyLimitHoldsOverRestartsAndIsNamed) {
  const auto fees = rpc_->fees();
  ASSERT_TRUE(fees);
  const U256 limit = *parse_units("1", 18);
  const auto pay = [&](const std::string& key, const char* coins) {
    return sender({.daily_wei_max = limit}).execute({.key = key, .to = someone(11), .data = {}, .value = *parse_units(coins, 18)});
  };
  ASSERT_TRUE(pay("first", "0.6"));
  const auto refused = pay("second", "0.5");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kExhausted) << refused.error().text();
  ASSERT_TRUE(pay("third", "0.3"));
  EXPECT_EQ(format_units(received(someone(11)), 18), "0.9");
}

TEST_F(Chain, LedgerIsAttachedToWhileItRunsAndTellsWhatAHardEndLost) {
  auto manager = sender();
  ASSERT_TRUE(manager.execute({.key = "kept", .to = someone(9), .data = {}, .value = U256{1}}));
  const auto genesis = rpc_->block(0)->hash;
  auto again = Ledger::start({.folder = folder_, .port = 0, .deploy_ocean = false}, *http_, clock_, random_);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->attached());
  EXPECT_EQ(again->pid(), ledger_->pid());
  clock_.sleep_ms(2'500);  // one state interval and some
  ASSERT_TRUE(manager.execute({.key = "lost", .to = someone(10), .data = {}, .value = U256{2}}));
  ASSERT_TRUE(ledger_->note_height(*rpc_->block_number()));
  kill(ledger_->pid(), SIGKILL);
  clock_.sleep_ms(200);
  start();
  EXPECT_FALSE(ledger_->attached());
  EXPECT_EQ(ledger_->lost_blocks(), 1U);
  EXPECT_EQ(rpc_->block(0)->hash, genesis);
  EXPECT_EQ(received(someone(9)).dec(), "1");
  auto reborn = sender();
  ASSERT_TRUE(reborn.maintain());
  ASSERT_TRUE(reborn.execute({.key = "lost", .to = someone(10), .data = {}, .value = U256{2}}));
  EXPECT_EQ(received(someone(10)).dec(), "2") << "the journal sent it again";
}

TEST(Rpc, NodesThatLieFailOrBabbleAreLeftForTheNextUrl) {
  SystemClock clock;
  SystemRandom random;
  const auto http = net::make_client();
  const auto answer = [](const std::string& result) {
    return [result](const net::Request& request) {
      const auto body = json::parse(request.body);
      return net::Response::json(200, "{\"jsonrpc\":\"2.0\",\"id\":" + json::stringify(body->get_object().at("id")) + ",\"result\":" + result + "}");
    };
  };
  const auto make = [](net::Handler handler) { return std::move(*net::Server::start({}, std::move(handler))); };
  const auto good = make(answer("\"0x2324\"")), liar = make(answer("\"0x1\"")), babbler = make([](const net::Request&) { return net::Response::text(200, "<html>hello</html>"); }),
             broken = make([](const net::Request&) { return net::Response::text(502, "bad gateway"); });
  const auto url = [](const auto& server) { return "http://127.0.0.1:" + std::to_string(server->port()); };
  for (const auto& bad : {url(liar), url(babbler), url(broken), std::string("http://127.0.0.1:1")}) {
    chain::Rpc rpc(*http, {.urls = {bad, url(good)}, .chain_id = 8996, .backoff_ms = 1}, clock, random);
    const auto id = rpc.chain_id();
    ASSERT_TRUE(id) << bad << ": " << id.error().text();
    EXPECT_EQ(*id, 8996U);
  }
  const auto slow = make([&](const net::Request&) {
    SystemClock{}.sleep_ms(400);
    return net::Response::text(200, "late");
  });
  chain::Rpc patient(*http, {.urls = {url(slow), url(good)}, .chain_id = 8996, .timeout_ms = 100, .backoff_ms = 1}, clock, random);
  EXPECT_EQ(patient.chain_id().value_or(0), 8996U) << "a slow node is left for the next";
  chain::Rpc impatient(*http, {.urls = {url(slow)}, .chain_id = 8996, .timeout_ms = 100, .attempts_max = 2, .backoff_ms = 1}, clock, random);
  EXPECT_EQ(impatient.block_number().error().code, Errc::kTimeout);
  chain::Rpc alone(*http, {.urls = {url(liar)}, .chain_id = 8996, .backoff_ms = 1}, clock, random);
  EXPECT_EQ(alone.block_number().error().code, Errc::kForbidden) << "a chain id that differs is named, never used";
  chain::Rpc lost(*http, {.urls = {url(broken)}, .attempts_max = 3, .backoff_ms = 1}, clock, random);
  EXPECT_EQ(lost.block_number().error().code, Errc::kUnavailable);
}

}  // namespace
}  // namespace peaberry::ledger
