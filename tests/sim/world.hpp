#pragma once

// The world of the whole-system simulation: the real contracts on an anvil whose clock and forks are ours, parties that send through a net which
// drops and reorders, and what everybody can see of the chain.

#include <map>
#include <peaberry/base/log.hpp>
#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/bindings/erc721_template.hpp>
#include <peaberry/bindings/quality_registry.hpp>
#include <peaberry/bindings/quorum_verifier.hpp>
#include <peaberry/bindings/reverse_auction.hpp>
#include <peaberry/bindings/subnet.hpp>
#include <peaberry/bindings/table_registry.hpp>
#include <peaberry/chain/follower.hpp>
#include <peaberry/chain/ocean.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/crypto/words.hpp>
#include <peaberry/index/catalogue.hpp>
#include <peaberry/index/indexer.hpp>
#include <peaberry/ledger/ledger.hpp>
#include <peaberry/market/auction.hpp>
#include <peaberry/market/trade.hpp>
#include <peaberry/settlement/escrow.hpp>
#include <peaberry/settlement/evidence.hpp>
#include <peaberry/settlement/job_book.hpp>
#include <peaberry/settlement/policy.hpp>
#include <set>
#include <stdexcept>

namespace peaberry::sim {

namespace erc20 = bindings::erc20_template;

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
[[noreturn]] inline void die(const std::string& why) { throw Failure(why); }
template <class T>
T must(Result<T> result, const char* what) {
  if (!result) die(std::string(what) + ": " + result.error().text());
  return std::move(*result);
}
inline void must(const Status& status, const char* what) {
  if (!status) die(std::string(what) + ": " + status.error().text());
}

/// Opens plain metadata: what the simulation's listings say is no secret.
class PlainOpener final : public index::MetadataOpener {
 public:
  Result<index::OpenedMetadata> open(const index::SealedMetadata& sealed) override {
    index::OpenedMetadata out;
    out.ddo = std::string(as_text(sealed.data)), out.did = "did:op:" + hex(sealed.nft.view()), out.owner = sealed.sender;
    return out;
  }
};

class World {
 public:
  SystemClock clock;
  SystemRandom random;
  SeededRandom seeded{20260};  ///< for keys: the same seed is the same history
  std::unique_ptr<net::Client> http = net::make_client();
  fs::path folder = fs::temp_directory_path() / ("peaberry-whole-" + random.uuid());
  std::optional<ledger::Ledger> ledger;
  std::unique_ptr<chain::Rpc> rpc;
  settlement::Contracts contracts;
  chain::OceanAddresses ocean;
  std::vector<crypto::PrivateKey> keys;  ///< of the parties, by number
  std::vector<Address> parties;
  Address nft;                           ///< a listed table of party 0
  std::uint64_t first_block = 0;
  std::map<Address, U256> at_first;      ///< what everybody had
  U256 total;

  static constexpr std::size_t kParties = 10;

  World() {
    ledger = must(ledger::Ledger::start({.folder = folder, .port = 0, .state_interval_seconds = 3'600, .states_kept = 300}, *http, clock, random), "ledger");
    rpc = std::make_unique<chain::Rpc>(*http, chain::RpcOptions{.urls = {ledger->url()}, .chain_id = 8996}, clock, random);
    contracts = must(settlement::Contracts::load(ledger->address_file(), 8996), "contracts");
    ocean = must(chain::OceanAddresses::load(ledger->address_file(), 8996), "addresses");
    for (std::size_t i = 0; i < kParties; ++i) {
      keys.push_back(crypto::PrivateKey::generate(seeded));
      parties.push_back(keys.back().address());
      must(ledger->fund(*rpc, parties[i], *parse_units("1000", 18), ocean.ocean, *parse_units("1000", 18)), "fund");
      call("anvil_impersonateAccount", {parties[i].hex()});
      for (const Address& spender : {contracts.escrow, contracts.auction, contracts.subnet, contracts.quality}) transact(parties[i], ocean.ocean, erc20::approve(spender, U256::max()));
    }
    settle();
    list_table();
    first_block = must(rpc->block_number(), "height") + 1;
    for (const Address& holder : holders()) at_first[holder] = balance(holder), total += at_first[holder];
    call("evm_setBlockGasLimit", {"0x1dcd65000"});
    snapshot_ = take_snapshot();
  }
  ~World() {
    (void)ledger->stop().has_value();
    fs::remove_all(folder);
  }
  void reset() {
    call("evm_revert", {snapshot_});
    snapshot_ = take_snapshot();
    call("evm_setAutomine", {false});  // a step is a block
  }
  /// Time passes, and what was sent is in a block.
  void mine(std::uint64_t seconds) {
    call("evm_increaseTime", {seconds});
    call("evm_mine");
  }
  json::Value call(const char* method, json::Array params = {}) { return must(rpc->call(method, std::move(params)), method); }
  /// A transaction that reverts is on the chain too, and changes nothing.
  static chain::RpcCall transaction(const Address& from, const Address& to, const Bytes& data) { return {"eth_sendTransaction", {json::Object{{"from", from.hex()}, {"to", to.hex()}, {"data", hex0x(data)}, {"gas", "0x4c4b40"}}}}; }
  void transact(const Address& from, const Address& to, const Bytes& data) {
    auto one = transaction(from, to, data);
    call("eth_sendTransaction", std::move(one.params));
  }
  std::uint64_t time_of(const chain::Log& log) {
    const auto known = times_.find(log.block_hash);
    if (known != times_.end()) return known->second;
    return times_[log.block_hash] = must(rpc->block(log.block_number), "block").timestamp;
  }
  /// While the world is made, where each transaction is mined by itself: until all are.
  void settle() {
    for (int i = 0; i < 5'000; ++i) {
      const auto pool = call("txpool_status");
      if (json::string_or(pool.get_object(), "pending") == "0x0") return;
      clock.sleep_ms(1);
    }
    die("transactions stay in the pool");
  }
  U256 balance(const Address& who) { return must(erc20::decode_balance_of(must(rpc->eth_call({.to = ocean.ocean, .data = erc20::balance_of(who)}), "balance")), "balance"); }
  /// Everybody who may hold OCEAN here.
  std::vector<Address> holders() const {
    std::vector<Address> out = parties;
    for (const Address& contract : {contracts.escrow, contracts.auction, contracts.leases, contracts.subnet, contracts.quality, contracts.quorum}) out.push_back(contract);
    out.push_back(must(Address::parse("0x000000000000000000000000000000000000dead"), "dead"));
    return out;
  }

 private:
  void list_table() {
    auto database = must(store::open_sqlite(":memory:"), "sqlite");
    must(chain::TxManager::migrate(*database), "migrate");
    chain::TxManager sender(*rpc, *database, keys[0].clone(), 8996, clock, {.poll_ms = 5});
    market::Trader trader(*rpc, sender, ocean);
    market::NewAsset asset;
    asset.nft_name = "Table", asset.nft_symbol = "T", asset.datatoken_name = "use", asset.datatoken_symbol = "U", asset.base_token = ocean.ocean, asset.price = U256{1'000'000'000'000'000'000};
    nft = must(trader.create("table", asset), "create").nft;
    const std::string ddo = R"({"id":"x","version":"4.7.0","metadata":{"name":"Table","description":"rows","type":"dataset","tags":["sim"],"author":"me"}})";
    must(trader.set_metadata("ddo", nft, 0, "http://n", 0, as_bytes(ddo), crypto::sha256(ddo)), "metadata");
    must(sender.execute({.key = "register", .to = contracts.tables, .data = bindings::table_registry::register_(nft, {U256{1}, crypto::keccak256("schema"), crypto::keccak256("columns"), U256{10}}, {})}), "register");
  }
  std::string take_snapshot() { return std::string(json::sv(call("evm_snapshot").get_string())); }
  std::string snapshot_;
  std::map<Hash32, std::uint64_t> times_;  ///< by block hash
};

/// What anybody sees of the chain at one moment: the events of this history, by what they say.
struct View {
  std::uint64_t time = 0;
  std::vector<chain::Log> logs;
  /// Whether `contract` told event `topic` about `id` (and `who`).
  const chain::Log* find(const Address& contract, const Hash32& topic, const Hash32& id, const Address& who = {}) const {
    for (const auto& log : logs)
      if (log.address == contract && log.topics[0] == topic && log.topics[1] == id && (who.is_zero() || (log.topic_count > 2 && std::equal(who.data.begin(), who.data.end(), log.topics[2].data.begin() + 12)))) return &log;
    return nullptr;
  }
};

/// Parties' messages to the chain: some are lost, some come late, and not in their order. Honest senders look again and send again.
class Net {
 public:
  Net(World& world, SeededRandom& random) : world_(world), random_(random) {}
  bool lossy = true;
  void send(std::size_t party, const Address& to, Bytes data) {
    const std::uint64_t luck = lossy ? random_.below(20) : 19;
    if (luck == 0) return;
    waiting_.push_back({luck < 5 ? 1 + random_.below(3) : 0, world_.parties[party], to, std::move(data)});
  }
  void deliver() {
    std::vector<Message> due, rest;
    for (auto& message : waiting_) (message.delay == 0 || !lossy ? due : rest).push_back(std::move(message));
    for (auto& message : rest) --message.delay;
    waiting_ = std::move(rest);
    for (std::size_t i = due.size(); i > 1; --i) std::swap(due[i - 1], due[random_.below(i)]);
    post(due);
    recent_.insert(recent_.begin(), std::move(due));
    recent_.resize(std::min<std::size_t>(recent_.size(), 3));
  }
  /// What a reorg threw out goes out again, as mempools do it – most of it.
  void again(std::uint64_t depth) {
    for (std::size_t step = std::min<std::size_t>(depth + 1, recent_.size()); step-- > 0;) {
      std::erase_if(recent_[step], [&](const Message&) { return random_.below(20) == 0; });
      post(recent_[step]);
    }
  }

 private:
  struct Message {
    std::uint64_t delay = 0;
    Address from, to;
    Bytes data;
  };
  void post(const std::vector<Message>& messages) {
    std::vector<chain::RpcCall> calls;
    for (const auto& message : messages) calls.push_back(World::transaction(message.from, message.to, message.data));
    if (!calls.empty()) must(world_.rpc->batch(calls), "send");
  }
  World& world_;
  SeededRandom& random_;
  std::vector<Message> waiting_;
  std::vector<std::vector<Message>> recent_;  ///< delivered, the newest step first
};

}  // namespace peaberry::sim
