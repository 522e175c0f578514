// settlement_sim [--histories N] [--seed S] [--one]: random histories of a requester, two rival executors with their keepers and a quorum over
// the real contracts on an anvil – crashes between any two steps, reorgs, blocks that come late, time that jumps, forged votes – and after
// each step a model that knows only the rules reads the chain's events and says where every wei must be. A failure prints its seed; --one
// replays it with its steps.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <peaberry/base/log.hpp>
#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/chain/ocean.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/ledger/ledger.hpp>
#include <peaberry/settlement/keeper.hpp>

#include "settlement_model.hpp"

using namespace peaberry;
using namespace peaberry::settlement;
namespace contract = bindings::job_escrow;
namespace owner = bindings::owner_accept_verifier;
namespace quorum = bindings::quorum_verifier;
namespace erc20 = bindings::erc20_template;

namespace {

bool g_tell = false;
std::uint64_t g_seed = 0;
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Thrown, so that the chain is stopped on the way out.
[[noreturn]] void die(const std::string& why) { throw Failure(why); }
volatile std::sig_atomic_t g_stop = 0;
template <class T>
T must(Result<T> result, const char* what) {
  if (!result) die(std::string(what) + ": " + result.error().text());
  return std::move(*result);
}
void must(const Status& status, const char* what) {
  if (!status) die(std::string(what) + ": " + status.error().text());
}

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
  crypto::PrivateKey requester = crypto::PrivateKey::generate(random), executor = crypto::PrivateKey::generate(random), rival = crypto::PrivateKey::generate(random);
  std::vector<crypto::PrivateKey> signers;  ///< of every quorum
  std::string snapshot;
  std::uint64_t first_block = 0;
  U256 escrow_before;
  Hash32 checked;                          ///< head at which the books were last found true
  std::map<Hash32, std::uint64_t> times;   ///< by block hash
  std::map<Hash32, Address> senders;       ///< by transaction
  struct {
    std::uint64_t paid = 0, refunded = 0, by_votes = 0, contested = 0;
  } seen;  ///< jobs, over all histories

  World() {
    ledger = must(ledger::Ledger::start({.folder = folder, .port = 0, .state_interval_seconds = 3'600, .states_kept = 200}, *http, clock, random), "ledger");
    rpc = std::make_unique<chain::Rpc>(*http, chain::RpcOptions{.urls = {ledger->url()}, .chain_id = 8996}, clock, random);
    contracts = must(Contracts::load(ledger->address_file(), 8996), "contracts");
    token = must(chain::OceanAddresses::load(ledger->address_file(), 8996), "addresses").ocean;
    for (const auto* key : {&requester, &executor, &rival}) {
      must(ledger->fund(*rpc, key->address(), *parse_units("1000", 18), token, *parse_units("1000", 18)), "fund");
      auto database = must(store::open_sqlite(":memory:"), "sqlite");
      must(chain::TxManager::migrate(*database), "migrate");
      chain::TxManager sender(*rpc, *database, key->clone(), 8996, clock);
      must(sender.execute({.key = "approve", .to = token, .data = erc20::approve(contracts.escrow, U256::max())}), "approve");
    }
    for (int i = 0; i < 3; ++i) {
      signers.push_back(crypto::PrivateKey::generate(random));
      must(ledger->fund(*rpc, signers.back().address(), *parse_units("1000", 18), token, U256{1}), "fund");
      call("anvil_impersonateAccount", {signers.back().address().hex()});
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
    checked = {};
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
  std::uint64_t time() { return must(rpc->latest_block(), "block").timestamp; }
  std::uint64_t time_of(const chain::Log& log) {
    const auto known = times.find(log.block_hash);
    if (known != times.end()) return known->second;
    return times[log.block_hash] = must(rpc->block(log.block_number), "block").timestamp;
  }
  Address sender_of(const chain::Log& log) {
    const auto known = senders.find(log.transaction_hash);
    if (known != senders.end()) return known->second;
    return senders[log.transaction_hash] = must(rpc->receipt(log.transaction_hash), "receipt")->from;
  }
  std::vector<chain::Log> logs_of(const Address& contract_address, const Hash32& topic0, const Hash32& topic1) {
    const std::uint64_t head = must(rpc->block_number(), "height");
    if (head < first_block) return {};
    return must(rpc->logs({.from_block = first_block, .to_block = head, .addresses = {contract_address}, .topics0 = {topic0}, .topics1 = {topic1}}), "logs");
  }
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
  const Address& address() const { return sender_->address(); }
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

// ---------------------------------------------------------------- the books

void tell_model(World& world, Model& model, const chain::Log& log) {
  const std::uint64_t time = world.time_of(log);
  const Hash32& topic = log.topics[0];
  if (topic == contract::JobOpenedEvent::topic()) model.opened(must(OpenedJob::from_log(log), "JobOpened"), time);
  else if (topic == contract::JobClaimedEvent::topic()) {
    const auto event = must(contract::JobClaimedEvent::decode(log), "JobClaimed");
    model.claimed(event.job_id, event.claim_id, {.executor = event.executor, .output = event.output_hash, .amount = event.amount, .order = event.order.low64()}, time);
  } else if (topic == quorum::VoteCommittedEvent::topic()) {
    const auto event = must(quorum::VoteCommittedEvent::decode(log), "VoteCommitted");
    model.vote_committed(event.job_id, event.signer, time);
  } else if (topic == quorum::VoteRevealedEvent::topic()) {
    const auto event = must(quorum::VoteRevealedEvent::decode(log), "VoteRevealed");
    model.vote_revealed(event.job_id, event.signer, event.output_hash, time);
  } else if (topic == quorum::OutputFixedEvent::topic()) {
    const auto event = must(quorum::OutputFixedEvent::decode(log), "OutputFixed");
    model.output_fixed(event.job_id, event.output_hash);
  } else if (topic == owner::AcceptedByRequesterEvent::topic()) model.accepted(log.topics[1]);
  else if (topic == owner::ObjectedEvent::topic()) model.objected(log.topics[2], time);
  else if (topic == contract::JobFinalEvent::topic()) model.final(log.topics[1], log.topics[2], time);
  else if (topic == contract::JobRefundedEvent::topic()) model.refunded(log.topics[1], time, world.sender_of(log));
  else if (topic == contract::WithdrawnEvent::topic()) {
    const auto event = must(contract::WithdrawnEvent::decode(log), "Withdrawn");
    model.withdrew(event.account, event.amount);
  }
}

/// Reads the chain as it is and holds it against the rules.
void check(World& world, bool everything_ended) {
  const auto head = must(world.rpc->latest_block(), "head");
  if (head.number < world.first_block || (head.hash == world.checked && !everything_ended)) return;
  Model model(world.contracts);
  const auto logs = must(world.rpc->logs({.from_block = world.first_block, .to_block = head.number, .addresses = {world.contracts.escrow, world.contracts.owner_accept, world.contracts.quorum}}), "logs");
  try {
    for (const auto& log : logs) tell_model(world, model, log);
    model.settle();
  } catch (const Broken& broken) {
    die(std::string("model: ") + broken.what());
  }
  std::vector<Address> who;
  std::vector<chain::RpcCall> questions;
  const auto ask = [&](const Address& to, const Bytes& data) { questions.push_back({"eth_call", {json::Object{{"to", to.hex()}, {"data", hex0x(data)}}, "latest"}}); };
  for (const auto& [account, amount] : model.credit) who.push_back(account), ask(world.contracts.escrow, contract::balance_of(world.token, account));
  ask(world.token, erc20::balance_of(world.contracts.escrow));
  const auto replies = must(world.rpc->batch(questions), "balances");
  const auto number = [&](std::size_t i) { return must(erc20::decode_balance_of(must(parse_hex(json::sv(must(replies[i], "balance").get_string())), "hex")), "balance"); };
  U256 owed;
  for (std::size_t i = 0; i < who.size(); ++i) {
    if (number(i) != model.credit[who[i]]) die("the escrow owes " + number(i).dec() + ", the rules say " + model.credit[who[i]].dec());
    owed += number(i);
  }
  const U256 there = number(who.size()) - world.escrow_before;
  if (there != owed + model.held) die("the escrow holds " + there.dec() + ", the rules say " + (owed + model.held).dec());
  for (const auto& [id, job] : model.jobs) {
    if (!everything_ended) break;
    if (!job.ended) die("job " + id.hex() + " has not ended although every clock has run out");
    ++(job.paid ? world.seen.paid : world.seen.refunded);
    if (job.paid && job.by_quorum && !job.fixed.is_zero()) ++world.seen.by_votes;
    if (job.claims.size() > 1) ++world.seen.contested;
  }
  world.checked = head.hash;
}

// ---------------------------------------------------------------- one history

struct History {
  History(World& world_, std::uint64_t seed_) : world(world_), seed(seed_), random(seed_), requester(world_, world_.requester), executor(world_, world_.executor), rival(world_, world_.rival) {}

  void run() {
    const std::uint64_t steps = 6 + random.below(18);
    for (std::uint64_t i = 0; i < steps; ++i) {
      step(i);
      if (!automine) continue;
      world.wait_for_blocks();
      check(world, false);
    }
    // Then everything calms down: blocks come, clocks run out, the keepers look a few times more.
    world.call("evm_setAutomine", {true});
    world.call("evm_mine");
    world.wait_for_blocks();
    look(2);
    if (random.below(2) == 0) {
      pass_time(60);
      for (std::size_t i = 0; i < jobs.size(); ++i) reveal(jobs[i], "late:" + std::to_string(i));
      look(2);
    }
    const std::uint64_t time = world.time();
    pass_time((furthest > time ? furthest - time : 0) + 1'000);
    look(3);
    check(world, true);
  }

 private:
  static void tell(const std::string& line) {
    if (g_tell) std::printf("  %s\n", line.c_str());
  }
  static std::string shortly(const Hash32& id) { return id.hex().substr(0, 10); }
  Party& someone() { return random.below(2) == 0 ? executor : rival; }
  const OpenedJob& some_job() { return jobs[random.below(jobs.size())]; }
  /// One of three; the first is what the program really gives.
  Hash32 likely_output() { return crypto::keccak256(std::to_string(random.below(3) != 0 ? 0 : random.below(3))); }
  void pass_time(std::uint64_t seconds) {
    tell("time passes: " + std::to_string(seconds) + " s");
    world.call("evm_increaseTime", {seconds});
    world.call("evm_mine");
  }
  void look(int rounds) {
    for (int round = 0; round < rounds; ++round)
      for (Party* who : {&executor, &rival, &requester}) who->tick(), world.wait_for_blocks();
  }

  void step(std::uint64_t i) {
    const std::uint64_t what = jobs.empty() ? 0 : random.below(20);
    if (what == 0 && jobs.size() < 2) return open();
    if (what <= 2) return intend(some_job(), someone());
    if (what <= 4) return judge(what == 4, i);
    if (what <= 6) return vote(some_job(), random.below(3));
    if (what <= 8) return reveal(some_job(), std::to_string(i));
    if (what <= 11) return tell("a keeper looks"), (what == 11 ? rival : executor).tick();
    if (what == 12) return tell("the requester's keeper looks"), requester.tick();
    if (what == 13) return tell("all nodes crash"), executor.start(), rival.start(), requester.start();
    if (what == 14) {
      const std::uint64_t depth = 1 + random.below(4);
      tell("a reorg of " + std::to_string(depth));
      if (must(world.rpc->block_number(), "height") > world.first_block + depth) world.call("anvil_reorg", {depth, json::Array{}});
    } else if (what == 15) {
      automine = !automine;
      tell(automine ? "blocks come at once" : "blocks come late");
      world.call("evm_setAutomine", {automine});
      if (automine) world.call("evm_mine");
    } else if (what == 16) {
      Party& who = random.below(2) == 0 ? requester : someone();
      tell("somebody withdraws");
      who.send("withdraw:" + std::to_string(i), world.contracts.escrow, contract::withdraw(world.token, Address{}));
    } else {
      pass_time(1 + random.below(what == 17 ? 60 : 300));
    }
  }

  /// By the requester's silence, by a quorum, or by whichever speaks first; for one executor or for anybody.
  void open() {
    const std::uint64_t window = random.below(3) == 0 ? 0 : 1 + random.below(300), kind = random.below(4);
    const Policy::Leaf silence{world.contracts.owner_accept, window, Bytes(16, 0)};
    QuorumParams params{.k = 2, .commit_window = static_cast<std::uint32_t>(1 + random.below(50))};
    for (const auto& key : world.signers) params.signers.push_back(key.address());
    const Policy::Leaf votes{world.contracts.quorum, 1 + random.below(120), params.encode()};
    Policy policy = Policy::single(kind == 2 ? votes : silence);
    if (kind == 3) policy.leaves = {votes, silence}, policy.root = {0, 1, {{0, 0, {}}, {1, 0, {}}}};
    OpenedJob job;
    job.job.chain_id = U256{8996}, job.job.settlement = world.contracts.escrow, job.job.claim_kind = U256{1}, job.job.policy_hash = policy.hash(), job.job.requester = requester.address();
    job.job.nonce = U256{seed * 16 + jobs.size()};
    job.terms.token = world.token, job.terms.amount = U256{1 + random.below(1'000'000)};
    job.terms.deadline = U256{world.time() + policy.worst_window() + (kind >= 2 ? params.commit_window : 0) + 5 + random.below(600)};
    if (random.below(3) != 0) job.terms.executor = executor.address();
    if (random.below(3) == 0) job.terms.bond = U256{1 + random.below(1'000)};
    job.policy = policy.encode(), job.id = job_id(job.job), job.funded = job.terms.amount;
    furthest = std::max(furthest, job.terms.deadline.low64());
    static constexpr const char* kKinds[] = {"silence", "silence", "votes", "votes or silence"};
    tell("open " + shortly(job.id) + " by " + kKinds[kind] + (job.terms.executor.is_zero() ? ", for anybody" : ""));
    requester.send("open:" + job.id.hex(), world.contracts.escrow, contract::open(job.job, job.terms, job.policy));
    jobs.push_back(job);
    // Most jobs find people who do their work at once; for the others chance must see to it.
    if (random.below(4) != 0) intend(jobs.back(), executor);
    if (kind >= 2 && random.below(4) != 0)
      for (std::uint64_t seat = 0; seat < 3; ++seat) vote(jobs.back(), seat);
  }

  void intend(const OpenedJob& job, Party& who) {
    Answer answer;
    answer.executor = who.address(), answer.output_hash = likely_output(), answer.amount = random.below(2) == 0 ? job.terms.amount : U256{random.below(job.terms.amount.low64() + 1)};
    answer.salt = crypto::keccak256(answer.executor.view());
    std::vector<LeafEvidence> evidence;
    const auto policy = must(Policy::decode(job.policy), "policy");
    for (std::size_t leaf = 0; leaf < policy.leaves.size(); ++leaf) evidence.push_back({U256{leaf}, U256{}, policy.leaves[leaf].verifier == world.contracts.quorum && random.below(3) == 0 ? votes_on(job) : Bytes{}});
    tell((&who == &rival ? "the rival intends a claim of " : "intend a claim of ") + shortly(job.id));
    must(who.keeper().intend_claim(job.id, answer, evidence), "intend");
  }

  /// The requester accepts or objects.
  void judge(bool object, std::uint64_t i) {
    const OpenedJob& job = some_job();
    const auto leaf = must(Policy::decode(job.policy), "policy").leaf_of(world.contracts.owner_accept);
    if (!leaf) return;
    const Hash32 output = likely_output();
    const Address who = job.terms.executor.is_zero() ? someone().address() : executor.address();
    const Hash32 claim = claim_id(job.id, who, output);
    const VerifierDomain domain{8996, world.contracts.owner_accept};
    const auto signature = world.requester.sign(object ? object_digest(domain, claim) : accept_digest(domain, claim)).rsv();
    tell(std::string(object ? "object to " : "accept ") + shortly(claim));
    const auto twin = as<owner::Job>(job.job);
    requester.send((object ? "object:" : "accept:") + claim.hex() + std::to_string(i), world.contracts.owner_accept,
                   object ? owner::object(twin, who, output, encode_evidence(job.policy, *leaf, signature)) : owner::accept(twin, who, output, Bytes(signature.begin(), signature.end())));
  }

  static Hash32 salt_of(const Hash32& job, std::uint64_t seat) { return crypto::keccak256(job.hex() + std::to_string(seat)); }

  /// A signer may change its mind, come too late, or vote on what has no quorum.
  void vote(const OpenedJob& job, std::uint64_t seat) {
    const Hash32 output = likely_output();
    const Address signer = world.signers[seat].address();
    tell("signer " + std::to_string(seat) + " votes on " + shortly(job.id));
    const Bytes data = quorum::commit(job.id, vote_commitment(job.id, signer, output, salt_of(job.id, seat)));
    world.call("eth_sendTransaction", {json::Object{{"from", signer.hex()}, {"to", world.contracts.quorum.hex()}, {"data", hex0x(data)}, {"gas", "0x30000"}}});
  }

  /// The votes that lie on chain, opened; now and then one of them is forged.
  Bytes votes_on(const OpenedJob& job) {
    std::map<std::uint64_t, Vote> open;
    for (const auto& log : world.logs_of(world.contracts.quorum, quorum::VoteCommittedEvent::topic(), job.id)) {
      const auto event = must(quorum::VoteCommittedEvent::decode(log), "VoteCommitted");
      for (std::uint64_t seat = 0; seat < world.signers.size(); ++seat)
        for (int n = 0; n < 3; ++n) {
          const Hash32 output = crypto::keccak256(std::to_string(n)), salt = salt_of(job.id, seat);
          if (vote_commitment(job.id, world.signers[seat].address(), output, salt) != event.commitment) continue;
          open[seat] = sign_vote({8996, world.contracts.quorum}, world.signers[seat], static_cast<std::uint8_t>(seat), job.id, output, salt, world.time_of(log));
        }
    }
    std::vector<Vote> votes;
    for (auto& [seat, vote] : open)
      if (random.below(4) != 0) votes.push_back(std::move(vote));
    if (!votes.empty() && random.below(8) == 0) votes.back().output_hash = likely_output();
    return encode_votes(votes);
  }

  void reveal(const OpenedJob& job, const std::string& name) {
    const auto leaf = must(Policy::decode(job.policy), "policy").leaf_of(world.contracts.quorum);
    if (!leaf) return;
    tell("votes on " + shortly(job.id) + " are shown");
    someone().send("reveal:" + name, world.contracts.quorum, quorum::reveal(as<quorum::Job>(job.job), encode_evidence(job.policy, *leaf, votes_on(job))));
  }

  World& world;
  std::uint64_t seed;
  SeededRandom random;
  Party requester, executor, rival;
  std::vector<OpenedJob> jobs;
  std::uint64_t furthest = 0;
  bool automine = true;
};

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
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { g_stop = 1; });
  try {
    World world;
    const std::int64_t start = world.clock.steady_ms();
    for (std::uint64_t i = 0; i < histories; ++i) {
      if (g_stop != 0) die("stopped from outside after " + std::to_string(i) + " histories");
      g_seed = seed + i;
      world.reset();
      History(world, g_seed).run();
      if ((i + 1) % 5'000 == 0) std::fprintf(stderr, "  %s of %s histories\n", std::to_string(i + 1).c_str(), std::to_string(histories).c_str());
    }
    std::printf("%s histories from seed %s agree with the model: %s jobs paid (%s with a quorum's word), %s refunded, %s with rival claims (%.1f s)\n", std::to_string(histories).c_str(), std::to_string(seed).c_str(),
                std::to_string(world.seen.paid).c_str(), std::to_string(world.seen.by_votes).c_str(), std::to_string(world.seen.refunded).c_str(), std::to_string(world.seen.contested).c_str(),
                static_cast<double>(world.clock.steady_ms() - start) / 1000);
  } catch (const Failure& failure) {
    return std::fprintf(stderr, "history %s: %s\n  again with: settlement_sim --one --seed %s\n", std::to_string(g_seed).c_str(), failure.what(), std::to_string(g_seed).c_str()), 1;
  }
  return 0;
}
