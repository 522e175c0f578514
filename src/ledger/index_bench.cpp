// index_events: 200,000 Transfer events of a real anvil into SQLite (event rows, balances, block references).
// index_decode: the recorded replies again, reply text → log rows, without the network and the store.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <peaberry/chain/follower.hpp>
#include <peaberry/store/sql.hpp>
#include <unordered_map>

#include "ledger.hpp"

using namespace peaberry;

namespace {

constexpr std::uint64_t kTransactions = 2000;
// mem0 = seed; for i in 0..99: h = keccak(seed, i); log3(Transfer, h mod 5000 + 65536, (h >> 128) mod 5000 + 65536, (h >> 64) & 0xffff)
const std::string kCode =
    "600035600052" "6000" "5b" "80602052" "6040600020" "8060401c61ffff16604052" "8060801c611388900662010000" "01" "90" "611388900662010000" "01"
    "7fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef" "60206040a3" "6001018060641160" "0857" "00";

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
[[noreturn]] void die(const Error& error) {
  std::fprintf(stderr, "index_bench: %s\n", error.text().c_str());
  std::exit(1);
}
template <class T>
T must(Result<T> result) {
  if (!result) die(result.error());
  return std::move(*result);
}
void must(Status status) {
  if (!status) die(status.error());
}

class BenchSink final : public chain::LogSink {
 public:
  explicit BenchSink(store::Database& database) : database_(database) {
    must(database_.with([](store::Connection& db) {
      return db.execute_script(
          "CREATE TABLE event(block INTEGER NOT NULL, log_index INTEGER NOT NULL, tx BLOB NOT NULL, sender BLOB NOT NULL, receiver BLOB NOT NULL, value INTEGER NOT NULL, PRIMARY KEY(block, log_index)) STRICT, WITHOUT ROWID;"
          "CREATE TABLE account(address BLOB PRIMARY KEY, balance INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
          "CREATE TABLE block(number INTEGER PRIMARY KEY, hash BLOB NOT NULL, parent BLOB NOT NULL) STRICT");
    }));
  }
  Result<std::optional<chain::BlockRef>> cursor() override { return last_; }
  Result<std::vector<chain::BlockRef>> known_blocks(std::uint64_t, std::size_t) override { return std::vector<chain::BlockRef>{}; }
  Status apply(const Batch& batch) override {
    std::unordered_map<Address, std::int64_t, FixedBytesHash> change;
    PB_CHECK(database_.write([&](store::Connection& db) -> Status {
      for (const auto& log : batch.logs) {
        const auto value = static_cast<std::int64_t>(U256::from_be(log.data).low64());
        Address from, to;
        std::copy(log.topics[1].data.begin() + 12, log.topics[1].data.end(), from.data.begin());
        std::copy(log.topics[2].data.begin() + 12, log.topics[2].data.end(), to.data.begin());
        PB_CHECK(db.run("INSERT INTO event(block, log_index, tx, sender, receiver, value) VALUES(?, ?, ?, ?, ?, ?)", {log.block_number, log.log_index, log.transaction_hash, from, to, value}));
        change[from] -= value;
        change[to] += value;
      }
      for (const auto& [address, delta] : change)
        PB_CHECK(db.run("INSERT INTO account(address, balance) VALUES(?, ?) ON CONFLICT(address) DO UPDATE SET balance = balance + excluded.balance", {address, delta}));
      for (const auto& block : batch.tail) PB_CHECK(db.run("INSERT OR REPLACE INTO block(number, hash, parent) VALUES(?, ?, ?)", {block.number, block.hash, block.parent_hash}));
      return {};
    }));
    last_ = batch.tail.back();
    return {};
  }
  Status roll_back(const chain::BlockRef&) override { return {}; }
  Status reset() override { return {}; }

 private:
  store::Database& database_;
  std::optional<chain::BlockRef> last_;
};

}  // namespace

int main(int argc, char** argv) {
  SystemClock clock;
  SystemRandom random;
  const auto http = net::make_client();
  const fs::path folder = fs::temp_directory_path() / ("peaberry-bench-" + random.uuid());
  auto ledger = must(ledger::Ledger::start({.folder = folder, .port = 0, .state_interval_seconds = 3600, .deploy_ocean = false}, *http, clock, random));
  chain::Rpc rpc(*http, {.urls = {ledger.url()}, .timeout_ms = 60'000, .batch_max = 50}, clock, random);
  const auto accounts = must(rpc.call("eth_accounts", {}));
  const std::string from(json::sv(accounts.get_array()[0].get_string()));
  char length[24];
  std::snprintf(length, sizeof length, "%02zx", kCode.size() / 2);
  const auto hash = must(rpc.call("eth_sendTransaction", {json::Object{{"from", from}, {"data", "0x60" + std::string(length) + "600c60003960" + length + "6000f3" + kCode}, {"gas", "0x1e8480"}}}));
  std::optional<chain::Receipt> created;
  while (!created) created = must(rpc.receipt(must(Hash32::parse(json::sv(hash.get_string())))));
  std::vector<chain::RpcCall> calls;
  for (std::uint64_t i = 0; i < kTransactions; ++i)
    calls.push_back({"eth_sendTransaction", {json::Object{{"from", from}, {"to", created->contract_address->hex()}, {"data", U256{i}.word().hex()}, {"gas", "0x2dc6c0"}, {"nonce", chain::quantity(i + 1)}}}});
  for (auto& sent : must(rpc.batch(calls))) (void)must(std::move(sent));
  const Address sender = must(Address::parse(from));
  for (const double deadline = now() + 60; must(rpc.transaction_count(sender)) < kTransactions + 1; (void)must(rpc.call("evm_mine", {})), clock.sleep_ms(20))  // anvil stops mining a long queue by itself
    if (now() > deadline) die(fail(Errc::kTimeout, "the events were not mined within 60 s: nonce " + std::to_string(must(rpc.transaction_count(sender))) + ", pool " + json::stringify(must(rpc.call("txpool_status", {})))));
  const std::uint64_t head = must(rpc.block_number());  // a block may hold several of the transactions

  std::string url_line = ledger.url();
  std::vector<double> rates;
  for (int round = 0; round < 3; ++round) {
    const fs::path file = folder / ("index" + std::to_string(round) + ".sqlite");
    auto database = must(store::open_sqlite(file.string()));
    BenchSink sink(*database);
    chain::LogFollower follower(rpc, sink, {.start_block = 1, .range_start = 100, .range_max = 100}, clock);
    const double start = now();
    const auto progress = must(follower.catch_up());
    rates.push_back(static_cast<double>(progress.logs) / (now() - start));
    std::int64_t events = 0, sum = 1, holders = 0;
    must(database->with([&](store::Connection& db) {
      return db.query("SELECT (SELECT COUNT(*) FROM event), (SELECT SUM(balance) FROM account), (SELECT COUNT(*) FROM account)", {}, [&](const store::Statement& row) { events = row.column_int(0), sum = row.column_int(1), holders = row.column_int(2); });
    }));
    if (events != 200'000 || sum != 0 || holders != 5'000) die(fail(Errc::kInternal, "the index is wrong: " + std::to_string(events) + " events, sum " + std::to_string(sum) + ", " + std::to_string(holders) + " accounts"));
  }
  std::sort(rates.begin(), rates.end());
  // The peer runs on the same chain in the same run, where Python is at hand.
  double peer = 0;
  if (argc > 1) {
    const std::string command = "python3 " + std::string(argv[1]) + " " + ledger.url() + " " + (folder / "peer.sqlite").string();
    if (FILE* pipe = popen(command.c_str(), "r")) {
      if (std::fscanf(pipe, "%lf", &peer) != 1) peer = 0;
      pclose(pipe);
    }
  }
  std::printf("{\"name\":\"index_events\",\"unit\":\"1/s\",\"ours\":%.0f,\"peer\":%s,\"peer_name\":\"plain Python loop, same chain\",\"ratio\":%s,\"bar\":80000}\n", rates[1], peer > 0 ? std::to_string(static_cast<long>(peer)).c_str() : "null",
              peer > 0 ? std::to_string(rates[1] / peer).c_str() : "null");

  std::vector<std::string> replies;
  std::size_t bytes = 0;
  for (std::uint64_t block = 1; block <= head; block += 100) {
    replies.push_back(must(rpc.raw("eth_getLogs", {json::Object{{"fromBlock", chain::quantity(block)}, {"toBlock", chain::quantity(block + 99)}}})));
    bytes += replies.back().size();
  }
  const auto measure = [&](auto decode) {
    std::vector<double> times;
    std::size_t logs = 0;
    for (int round = 0; round < 5; ++round) {
      logs = 0;
      const double start = now();
      for (const auto& reply : replies) logs += must(decode(reply)).size();
      times.push_back(now() - start);
    }
    std::sort(times.begin(), times.end());
    return static_cast<double>(logs) / times[2];
  };
  const double fast = measure([](const std::string& reply) { return chain::decode_logs(reply); }), slow = measure([](const std::string& reply) { return chain::decode_logs_reference(reply); });
  std::printf("{\"name\":\"index_decode\",\"unit\":\"1/s\",\"ours\":%.0f,\"peer\":%.0f,\"peer_name\":\"own slow twin (Boost.JSON)\",\"ratio\":%.2f,\"bar\":400000}\n", fast, slow, fast / slow);
  must(ledger.stop());
  fs::remove_all(folder);
}
