// settlement_sim [--histories N] [--seed S] [--one]: random histories of requesters, executors and their keepers over the real contracts on
// an anvil – crashes between any two steps, reorgs, blocks that come late, time that jumps – and after each a model that knows only the
// rules reads the chain's events and says where every wei must be. A failure prints its seed; --one replays it with its steps.

#include <cstdio>
#include <cstdlib>
#include <map>
#include <peaberry/base/log.hpp>
#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/bindings/owner_accept_verifier.hpp>
#include <peaberry/chain/ocean.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/ledger/ledger.hpp>
#include <peaberry/settlement/keeper.hpp>
#include <peaberry/settlement/policy.hpp>

using namespace peaberry;
using namespace peaberry::settlement;
namespace contract = bindings::job_escrow;
namespace owner = bindings::owner_accept_verifier;
namespace erc20 = bindings::erc20_template;

namespace {

bool g_tell = false;
std::uint64_t g_seed = 0;
[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "history %llu: %s\n  again with: settlement_sim --one --seed %llu\n", static_cast<unsigned long long>(g_seed), why.c_str(), static_cast<unsigned long long>(g_seed));
  std::exit(1);
}
template <class T>
T must(Result<T> result, const char* what) {
  if (!result) die(std::string(what) + ": " + result.error().text());
  return std::move(*result);
}
void must(const Status& status, const char* what) {
  if (!status) die(std::string(what) + ": " + status.error().text());
}

// ---------------------------------------------------------------- the model

/// The rules of JobEscrow under the requester's silence, from the events alone. Independent of the contracts' code.
struct Model {
  struct Claim {
    Address executor;
    U256 amount;
    std::uint64_t final_at = 0;
    bool accepted = false, rejected = false;
    bool is_accepted(std::uint64_t time) const { return !rejected && (accepted || time >= final_at); }
  };
  struct OneJob {
    Terms terms;
    Address requester;
    std::uint64_t window = 0;
    std::map<Hash32, Claim> claims;
    bool ended = false;
  };
  std::map<Hash32, OneJob> jobs;
  std::map<Hash32, Hash32> job_of_claim;
  std::map<Address, U256> credit;  ///< what the escrow owes
  U256 held;                       ///< by jobs that have not ended, bonds included
  U256 withdrawn;

  void opened(const OpenedJob& job) {
    if (jobs.contains(job.id)) die("model: a job was opened twice");
    const auto policy = must(Policy::decode(job.policy), "policy");
    jobs[job.id] = {job.terms, job.job.requester, policy.worst_window(), {}, false};
    held += job.terms.amount;
  }
  void claimed(const Hash32& id, const Hash32& claim, const Address& executor, const U256& amount, std::uint64_t time) {
    OneJob& job = live(id);
    if (time + job.window > job.terms.deadline.low64()) die("model: a claim came too late");
    if (executor != job.terms.executor) die("model: somebody else claimed");
    for (const auto& [other, known] : job.claims)
      if (!known.rejected) die("model: a second live claim");
    if (amount > job.terms.amount) die("model: more was claimed than there is");
    job.claims[claim] = {executor, amount, time + job.window, false, false};
    job_of_claim[claim] = id;
    held += job.terms.bond;
  }
  void accepted(const Hash32& claim) { find(claim).accepted = true; }
  void objected(const Hash32& claim, std::uint64_t time) {
    Claim& known = find(claim);
    if (known.is_accepted(time)) die("model: an accepted claim was objected to");
    known.rejected = true;
  }
  void final(const Hash32& id, const Hash32& claim, std::uint64_t time) {
    OneJob& job = live(id);
    const Claim& won = job.claims.at(claim);
    if (!won.is_accepted(time)) die("model: a claim was paid that is not accepted");
    add(won.executor, won.amount);
    add(job.requester, job.terms.amount - won.amount);
    end(job);
  }
  void refunded(const Hash32& id, std::uint64_t time, const Address& by) {
    OneJob& job = live(id);
    bool all_rejected = !job.claims.empty();
    for (const auto& [claim, known] : job.claims) {
      if (known.is_accepted(time)) die("model: refunded although a claim is accepted");
      all_rejected = all_rejected && known.rejected;
    }
    const bool gave_up = job.claims.empty() && by == job.terms.executor;
    if (time <= job.terms.deadline.low64() && !all_rejected && !gave_up) die("model: refunded " + std::to_string(job.terms.deadline.low64() - time) + " s before the deadline, with " + std::to_string(job.claims.size()) + " claims");
    add(job.requester, job.terms.amount);
    end(job);
  }
  void withdrew(const Address& who, const U256& amount) {
    if (credit[who] != amount) die("model: somebody withdrew " + amount.dec() + ", owed were " + credit[who].dec());
    credit[who] = U256{};
    withdrawn += amount;
  }

 private:
  OneJob& live(const Hash32& id) {
    const auto found = jobs.find(id);
    if (found == jobs.end() || found->second.ended) die("model: something happened to a job that is not open");
    return found->second;
  }
  Claim& find(const Hash32& claim) {
    const auto found = job_of_claim.find(claim);
    if (found == job_of_claim.end()) die("model: a judgement of no claim");
    return jobs.at(found->second).claims.at(claim);
  }
  void add(const Address& who, const U256& amount) { credit[who] += amount; }
  void end(OneJob& job) {
    job.ended = true;
    held -= job.terms.amount;
    for (const auto& [claim, known] : job.claims) {
      held -= job.terms.bond;
      add(known.rejected ? job.requester : known.executor, job.terms.bond);
    }
  }
};

// ---------------------------------------------------------------- the world

struct World {
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<net::Client> http = net::make_client();
  fs::path folder = fs::temp_directory_path() / ("peaberry-sim-" + random.uuid());
  std::optional<ledger::Ledger> ledger;
  std::unique_ptr<chain::Rpc> rpc;
  Contracts contracts;
  Address token;
  crypto::PrivateKey requester = crypto::PrivateKey::generate(random), executor = crypto::PrivateKey::generate(random);
  std::string snapshot;
  std::uint64_t first_block = 0;
  U256 escrow_before;

  World() {
    ledger = must(ledger::Ledger::start({.folder = folder, .port = 0, .state_interval_seconds = 3'600}, *http, clock, random), "ledger");
    rpc = std::make_unique<chain::Rpc>(*http, chain::RpcOptions{.urls = {ledger->url()}, .chain_id = 8996}, clock, random);
    contracts = must(Contracts::load(ledger->address_file(), 8996), "contracts");
    token = must(chain::OceanAddresses::load(ledger->address_file(), 8996), "addresses").ocean;
    for (const auto* key : {&requester, &executor}) {
      must(ledger->fund(*rpc, key->address(), *parse_units("1000", 18), token, *parse_units("1000", 18)), "fund");
      auto database = must(store::open_sqlite(":memory:"), "sqlite");
      must(chain::TxManager::migrate(*database), "migrate");
      chain::TxManager sender(*rpc, *database, key->clone(), 8996, clock);
      must(sender.execute({.key = "approve", .to = token, .data = erc20::approve(contracts.escrow, U256::max())}), "approve");
    }
    escrow_before = balance(contracts.escrow);
    first_block = must(rpc->block_number(), "height") + 1;
    snapshot = take_snapshot();
  }
  ~World() {
    (void)ledger->stop().has_value();
    fs::remove_all(folder);
  }
  std::string take_snapshot() { return std::string(json::sv(call("evm_snapshot").get_string())); }
  void reset() {
    call("evm_revert", {snapshot});
    snapshot = take_snapshot();
    call("evm_setAutomine", {true});
  }
  json::Value call(const char* method, json::Array params = {}) { return must(rpc->call(method, std::move(params)), method); }
  /// With automine on: until everything that was sent is in a block.
  void wait_for_blocks() {
    for (int i = 0; i < 5'000; ++i) {
      const auto pool = call("txpool_status");
      if (json::string_or(pool.get_object(), "pending") == "0x0") return;
      clock.sleep_ms(1);
    }
    die("transactions stay in the pool");
  }
  U256 balance(const Address& who) { return must(erc20::decode_balance_of(must(rpc->eth_call({.to = token, .data = erc20::balance_of(who)}), "balance")), "balance"); }
};

/// One party with its store, which survives crashes, and its running node, which does not.
struct Party {
  Party(World& world, const crypto::PrivateKey& key) : world_(world), key_(key), database_(must(store::open_sqlite(":memory:"), "sqlite")) {
    must(chain::TxManager::migrate(*database_), "migrate");
    must(Keeper::migrate(*database_), "migrate");
    start();
  }
  void start() {  // also: a crash and a new start
    keeper_.reset(), follower_.reset(), book_.reset(), sender_.reset();
    sender_ = std::make_unique<chain::TxManager>(*world_.rpc, *database_, key_.clone(), 8996, world_.clock, chain::TxOptions{.stuck_ms = 1'000'000});
    book_ = std::make_unique<JobBook>(*database_, world_.contracts);
    follower_ = std::make_unique<chain::LogFollower>(*world_.rpc, *book_, chain::FollowOptions{.start_block = world_.first_block, .addresses = {world_.contracts.escrow}, .topics0 = JobBook::topics()}, world_.clock);
    keeper_ = std::make_unique<Keeper>(*world_.rpc, *sender_, *database_, *book_, world_.contracts, world_.clock, KeeperOptions{.for_others = false, .withdraw_every_ms = 0});
  }
  void tick() {
    must(sender_->maintain(), "maintain");
    if (const auto caught = follower_->catch_up(); !caught && caught.error().code != Errc::kUnavailable) die("catch_up: " + caught.error().text());
    must(keeper_->tick(), "tick");
  }
  /// Journals and sends, without waiting. What the chain refuses now is dropped, as a person would.
  void send(const std::string& name, const Address& to, const Bytes& data) { (void)sender_->submit({.key = name, .to = to, .data = data}).has_value(); }
  const crypto::PrivateKey& key() const { return key_; }
  Keeper& keeper() { return *keeper_; }

 private:
  World& world_;
  const crypto::PrivateKey& key_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<chain::TxManager> sender_;
  std::unique_ptr<JobBook> book_;
  std::unique_ptr<chain::LogFollower> follower_;
  std::unique_ptr<Keeper> keeper_;
};

/// Reads the chain as it is and holds it against the rules.
void check(World& world, bool everything_ended) {
  Model model;
  const std::uint64_t head = must(world.rpc->block_number(), "height");
  if (head < world.first_block) return;  // nothing has happened yet
  auto logs = must(world.rpc->logs({.from_block = world.first_block, .to_block = head, .addresses = {world.contracts.escrow, world.contracts.owner_accept}}), "logs");
  std::map<std::uint64_t, std::uint64_t> times;
  for (const auto& log : logs) {
    if (!times.contains(log.block_number)) times[log.block_number] = must(world.rpc->block(log.block_number), "block").timestamp;
    const std::uint64_t time = times[log.block_number];
    const Hash32& topic = log.topics[0];
    if (topic == contract::JobOpenedEvent::topic()) model.opened(must(OpenedJob::from_log(log), "JobOpened"));
    else if (topic == contract::JobClaimedEvent::topic()) {
      const auto event = must(contract::JobClaimedEvent::decode(log), "JobClaimed");
      model.claimed(event.job_id, event.claim_id, event.executor, event.amount, time);
    } else if (topic == owner::AcceptedByRequesterEvent::topic()) model.accepted(log.topics[1]);
    else if (topic == owner::ObjectedEvent::topic()) model.objected(log.topics[2], time);
    else if (topic == contract::JobFinalEvent::topic()) model.final(log.topics[1], log.topics[2], time);
    else if (topic == contract::JobRefundedEvent::topic()) model.refunded(log.topics[1], time, must(world.rpc->receipt(log.transaction_hash), "receipt")->from);
    else if (topic == contract::WithdrawnEvent::topic()) {
      const auto event = must(contract::WithdrawnEvent::decode(log), "Withdrawn");
      model.withdrew(event.account, event.amount);
    }
  }
  U256 owed;
  for (const auto& [who, amount] : model.credit) {
    const U256 said = must(contract::decode_balance_of(must(world.rpc->eth_call({.to = world.contracts.escrow, .data = contract::balance_of(world.token, who)}), "balanceOf")), "balanceOf");
    if (said != amount) die("the escrow owes " + said.dec() + ", the rules say " + amount.dec());
    owed += amount;
  }
  const U256 there = world.balance(world.contracts.escrow) - world.escrow_before;
  if (there != owed + model.held) die("the escrow holds " + there.dec() + ", the rules say " + (owed + model.held).dec());
  if (everything_ended)
    for (const auto& [id, job] : model.jobs)
      if (!job.ended) die("job " + id.hex() + " has not ended although every clock has run out");
}

void history(World& world, std::uint64_t seed) {
  g_seed = seed;
  SeededRandom random(seed);
  world.reset();
  Party requester(world, world.requester), executor(world, world.executor);
  std::vector<OpenedJob> jobs;
  std::uint64_t furthest = 0;
  bool automine = true;
  const auto tell = [](const std::string& line) {
    if (g_tell) std::printf("  %s\n", line.c_str());
  };
  const std::uint64_t steps = 6 + random.below(14);
  for (std::uint64_t i = 0; i < steps; ++i) {
    const std::uint64_t what = jobs.empty() ? 0 : random.below(14);
    if (what == 0 && jobs.size() < 3) {
      const std::uint64_t time = must(world.rpc->latest_block(), "block").timestamp, window = random.below(3) == 0 ? 0 : 1 + random.below(300);
      OpenedJob job;
      const Policy policy = Policy::single({world.contracts.owner_accept, window, Bytes(16, 0)});
      job.job.chain_id = U256{8996}, job.job.settlement = world.contracts.escrow, job.job.claim_kind = U256{1}, job.job.policy_hash = policy.hash(), job.job.requester = world.requester.address();
      job.job.nonce = U256{seed * 16 + jobs.size()};
      job.terms.token = world.token, job.terms.amount = U256{1 + random.below(1'000'000)}, job.terms.deadline = U256{time + window + 5 + random.below(600)}, job.terms.executor = world.executor.address();
      if (random.below(3) == 0) job.terms.bond = U256{1 + random.below(1'000)};
      job.policy = policy.encode(), job.id = job_id(job.job), job.funded = job.terms.amount;
      furthest = std::max(furthest, job.terms.deadline.low64());
      tell("open " + job.id.hex().substr(0, 10) + " window " + std::to_string(window));
      requester.send("open:" + job.id.hex(), world.contracts.escrow, contract::open(job.job, job.terms, job.policy));
      jobs.push_back(job);
    } else if (what <= 2 && !jobs.empty()) {
      const OpenedJob& job = jobs[random.below(jobs.size())];
      Answer answer;
      answer.executor = world.executor.address(), answer.output_hash = crypto::keccak256(std::to_string(random.below(3))), answer.amount = random.below(2) == 0 ? job.terms.amount : U256{random.below(job.terms.amount.low64() + 1)};
      tell("intend a claim of " + job.id.hex().substr(0, 10));
      must(executor.keeper().intend_claim(job.id, answer, {{}}), "intend");
    } else if (what <= 4 && !jobs.empty()) {
      const OpenedJob& job = jobs[random.below(jobs.size())];
      const Hash32 output = crypto::keccak256(std::to_string(random.below(3)));
      const Hash32 claim = claim_id(job.id, world.executor.address(), output);
      const bool object = what == 4;
      const VerifierDomain domain{8996, world.contracts.owner_accept};
      const auto signature = world.requester.sign(object ? object_digest(domain, claim) : accept_digest(domain, claim)).rsv();
      tell(std::string(object ? "object to " : "accept ") + claim.hex().substr(0, 10));
      const auto twin = as<owner::Job>(job.job);
      requester.send((object ? "object:" : "accept:") + claim.hex() + std::to_string(i), world.contracts.owner_accept,
                     object ? owner::object(twin, world.executor.address(), output, encode_evidence(job.policy, 0, signature)) : owner::accept(twin, world.executor.address(), output, Bytes(signature.begin(), signature.end())));
    } else if (what <= 6) {
      tell("the executor's keeper looks");
      executor.tick();
    } else if (what == 7) {
      tell("the requester's keeper looks");
      requester.tick();
    } else if (what == 8) {
      tell("both nodes crash");
      executor.start(), requester.start();
    } else if (what == 9) {
      const std::uint64_t depth = 1 + random.below(4);
      tell("a reorg of " + std::to_string(depth));
      if (must(world.rpc->block_number(), "height") > world.first_block + depth) world.call("anvil_reorg", {depth, json::Array{}});
    } else if (what == 10) {
      automine = !automine;
      tell(automine ? "blocks come at once" : "blocks come late");
      world.call("evm_setAutomine", {automine});
      if (automine) world.call("evm_mine");
    } else if (what == 11) {
      Party& who = random.below(2) == 0 ? requester : executor;
      tell("somebody withdraws");
      who.send("withdraw:" + std::to_string(i), world.contracts.escrow, contract::withdraw(world.token, Address{}));
    } else {
      const std::uint64_t seconds = 1 + random.below(what == 12 ? 60 : 400);
      tell("time passes: " + std::to_string(seconds) + " s");
      world.call("evm_increaseTime", {seconds});
      world.call("evm_mine");
    }
    if (!automine) continue;
    world.wait_for_blocks();
    check(world, false);
  }
  // Then everything calms down: blocks come, clocks run out, the keepers look a few times more.
  world.call("evm_setAutomine", {true});
  world.call("evm_mine");
  const auto look = [&](int rounds) {
    for (int round = 0; round < rounds; ++round)
      for (Party* who : {&executor, &requester}) who->tick(), world.wait_for_blocks();
  };
  world.wait_for_blocks();
  look(2);
  const std::uint64_t time = must(world.rpc->latest_block(), "block").timestamp;
  world.call("evm_increaseTime", {(furthest > time ? furthest - time : 0) + 1'000});
  world.call("evm_mine");
  look(4);
  check(world, true);
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t histories = 1'000, seed = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--one") g_tell = true, histories = 1;
    else if (word == "--histories" && i + 1 < argc) histories = std::strtoull(argv[++i], nullptr, 10);
    else if (word == "--seed" && i + 1 < argc) seed = std::strtoull(argv[++i], nullptr, 10);
    else return std::fprintf(stderr, "settlement_sim [--histories N] [--seed S] [--one]\n"), 2;
  }
  log::configure(log::Level::kError, false);  // reorgs are what this is about
  World world;
  const std::int64_t start = world.clock.steady_ms();
  for (std::uint64_t i = 0; i < histories; ++i) history(world, seed + i);
  std::printf("%llu histories from seed %llu agree with the model (%.1f s)\n", static_cast<unsigned long long>(histories), static_cast<unsigned long long>(seed), static_cast<double>(world.clock.steady_ms() - start) / 1000);
  return 0;
}
