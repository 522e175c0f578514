// keeper: 1,000 open jobs with a pending claim each; how long from the block that makes one of them payable to the block that pays it.
// Prints one JSON row.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <peaberry/bindings/owner_accept_verifier.hpp>
#include <peaberry/chain/ocean.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/ledger/ledger.hpp>
#include <peaberry/settlement/keeper.hpp>
#include <peaberry/settlement/policy.hpp>

using namespace peaberry;
using namespace peaberry::settlement;

namespace {

constexpr std::size_t kJobs = 1'000, kRounds = 7;

[[noreturn]] void die(const Error& error) {
  std::fprintf(stderr, "keeper_bench: %s\n", error.text().c_str());
  std::exit(1);
}
template <class T>
T must(Result<T> result) {
  if (!result) die(result.error());
  return std::move(*result);
}
void must(const Status& status) {
  if (!status) die(status.error());
}
double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

int main() {
  SystemClock clock;
  SystemRandom random;
  const auto http = net::make_client();
  const fs::path folder = fs::temp_directory_path() / ("peaberry-keeper-bench-" + random.uuid());
  auto ledger = must(ledger::Ledger::start({.folder = folder, .port = 0, .state_interval_seconds = 600}, *http, clock, random));
  chain::Rpc rpc(*http, {.urls = {ledger.url()}, .chain_id = 8996}, clock, random);
  const auto contracts = must(Contracts::load(ledger.address_file(), 8996));
  const Address token = must(chain::OceanAddresses::load(ledger.address_file(), 8996)).ocean;
  const auto requester_key = crypto::PrivateKey::generate(random), executor_key = crypto::PrivateKey::generate(random);
  must(ledger.fund(rpc, requester_key.address(), must(parse_units("100", 18)), token, must(parse_units("100000", 18))));
  must(ledger.fund(rpc, executor_key.address(), must(parse_units("100", 18)), {}, {}));
  auto requester_db = must(store::open_sqlite(":memory:")), executor_db = must(store::open_sqlite(":memory:"));
  must(chain::TxManager::migrate(*requester_db));
  must(chain::TxManager::migrate(*executor_db));
  must(Keeper::migrate(*executor_db));
  chain::TxManager requester(rpc, *requester_db, requester_key.clone(), 8996, clock), executor(rpc, *executor_db, executor_key.clone(), 8996, clock);
  Escrow asks(rpc, requester, contracts), answers(rpc, executor, contracts);

  const Policy policy = Policy::single({contracts.owner_accept, 86'400, Bytes(16, 0)});
  const std::uint64_t start = must(rpc.latest_block()).timestamp;
  const Hash32 output = crypto::keccak256("output");
  std::vector<OpenedJob> jobs;
  for (std::size_t i = 0; i < kJobs; ++i) {
    Job job;
    job.chain_id = U256{8996}, job.settlement = contracts.escrow, job.claim_kind = U256{1}, job.policy_hash = policy.hash(), job.requester = requester_key.address(), job.nonce = U256{i};
    Terms terms;
    terms.token = token, terms.amount = must(parse_units("1", 18)), terms.deadline = U256{start + 10 * 86'400}, terms.executor = executor_key.address();
    must(asks.open(job, terms, policy.encode()));
    OpenedJob opened{job_id(job), job, terms, policy.encode(), terms.amount, 0};
    Answer answer;
    answer.executor = executor_key.address(), answer.output_hash = output, answer.amount = terms.amount;
    must(answers.claim(opened, answer, {{}}));
    jobs.push_back(std::move(opened));
  }

  JobBook book(*executor_db, contracts);
  chain::LogFollower follower(rpc, book, {.start_block = contracts.start_block, .addresses = {contracts.escrow}, .topics0 = JobBook::topics()}, clock);
  Keeper keeper(rpc, executor, *executor_db, book, contracts, clock, {.withdraw_every_ms = 0});
  must(follower.catch_up());
  must(keeper.tick());
  std::vector<double> times;
  namespace owner = bindings::owner_accept_verifier;
  for (std::size_t round = 0; round < kRounds; ++round) {
    const OpenedJob& job = jobs[(round * 389) % kJobs];
    const Hash32 claim = claim_id(job.id, executor_key.address(), output);
    const auto signature = requester_key.sign(accept_digest({8996, contracts.owner_accept}, claim)).rsv();
    must(requester.execute({.key = "accept:" + job.id.hex(), .to = contracts.owner_accept, .data = owner::accept(as<owner::Job>(job.job), executor_key.address(), output, Bytes(signature.begin(), signature.end()))}));
    const double seen = now();
    while (must(answers.state(job.id)).state != JobState::kFinal) {
      must(follower.catch_up());
      must(keeper.tick());
    }
    times.push_back(now() - seen);
  }
  std::sort(times.begin(), times.end());
  std::printf("{\"name\":\"keeper\",\"unit\":\"s\",\"ours\":%.3f,\"peer\":null,\"peer_name\":\"%zu open jobs with a claim each, one becomes payable\",\"ratio\":null,\"bar\":2}\n", times[times.size() / 2], kJobs);
  must(ledger.stop());
  fs::remove_all(folder);
}
