#include "node.hpp"

#include <signal.h>
#include <unistd.h>

#include <future>
#include <peaberry/base/log.hpp>
#include <peaberry/crypto/hash.hpp>

#include "job_ports.hpp"
#include "ocean_api.hpp"
#include "peaberry_api.hpp"

namespace peaberry::node {
namespace {

/// Where working copies lie while a job runs: below the home when the jobs' user can get there, else a folder of its own.
fs::path stage_folder(const fs::path& home) {
  std::error_code code;
  bool reachable = true;
  for (fs::path at = fs::absolute(home, code); at.has_relative_path(); at = at.parent_path()) {
    const auto permissions = fs::status(at, code).permissions();
    if (!code && (permissions & fs::perms::others_exec) == fs::perms::none) reachable = false;
  }
  if (reachable || geteuid() != 0) return home / "stage";
  return fs::path("/var/tmp") / ("peaberry-stage-" + hex(crypto::sha256(fs::absolute(home, code).string()).view()).substr(0, 16));
}

/// Test hook: PEABERRY_KILL_AT_STATE=40 ends the node as `kill -9` would when a job has entered that state.
std::function<void(compute::JobState)> kill_hook() {
  const char* wanted = std::getenv("PEABERRY_KILL_AT_STATE");
  if (wanted == nullptr) return {};
  return [state = std::atoi(wanted)](compute::JobState entered) {
    if (static_cast<int>(entered) == state) raise(SIGKILL);
  };
}

}  // namespace

Result<NodeKeys> open_node_keys(const fs::path& home, bool create, Random& random) {
  PB_TRY(passphrase, home_passphrase(home, create));
  const crypto::KeyStore keys(home / "keys", crypto::SecretBytes(passphrase.view()));
  PB_TRY(names, keys.list());
  for (const char* role : crypto::kKeyRoles) {
    if (names.contains(role)) continue;
    if (!create) return fail(Errc::kNotFound, std::string("there is no key \"") + role + "\" in " + home.string(), "make the keys with: peaberry keys new");
    crypto::KeyStore writer(home / "keys", crypto::SecretBytes(passphrase.view()));
    PB_TRY(address, writer.create(role, random));
    names[role] = address;
  }
  // Argon2id takes a while for each: open them side by side.
  auto identity = std::async(std::launch::async, [&] { return keys.open("identity"); });
  auto attest = std::async(std::launch::async, [&] { return keys.open("attest"); });
  auto operator_key = keys.open("operator");
  auto identity_key = identity.get();
  auto attest_key = attest.get();
  if (!operator_key) return operator_key.error();
  if (!identity_key) return identity_key.error();
  if (!attest_key) return attest_key.error();
  return NodeKeys{std::move(*identity_key), std::move(*operator_key), std::move(*attest_key), names["treasury"]};
}

Node::Node(NodeConfig config) : config_(std::move(config)) {}

Result<std::unique_ptr<Node>> Node::start(NodeConfig config) {
  std::unique_ptr<Node> node(new Node(std::move(config)));
  PB_CHECK(node->open());
  return node;
}

Status Node::open() {
  started_unix_ = clock_.unix_seconds();
  PB_CHECK(make_directories(config_.home, 0711));
  PB_TRY(lock, lock_file(config_.home / "lock"));
  home_lock_ = std::move(lock);
  http_ = net::make_client();
  if (config_.chain_urls.empty()) return fail(Errc::kInvalid, "no chain is configured", "give --chain RPC_URL, or start with: peaberry up");
  rpc_ = std::make_unique<chain::Rpc>(*http_, chain::RpcOptions{.urls = config_.chain_urls, .chain_id = config_.chain_id}, clock_, random_);
  PB_TRY(addresses, chain::OceanAddresses::load(config_.address_file, config_.chain_id));
  addresses_ = addresses;
  PB_TRY(database, store::open_sqlite((config_.home / "node.sqlite").string()));
  database_ = std::move(database);
  PB_CHECK(index::Indexer::migrate(*database_));
  PB_CHECK(chain::TxManager::migrate(*database_));
  PB_CHECK(market::RequestAuth::migrate(*database_));
  PB_CHECK(compute::JobStore::migrate(*database_));
  PB_TRY(keys, open_node_keys(config_.home, true, random_));
  keys_ = std::move(keys);
  chain::TxOptions sending;
  if (!config_.operator_daily_limit.empty()) {
    PB_TRY(limit, parse_units(config_.operator_daily_limit, 18, "operatorDailyLimit"));
    sending.daily_wei_max = limit;
  }
  sender_ = std::make_unique<chain::TxManager>(*rpc_, *database_, keys_->operator_.clone(), config_.chain_id, clock_, sending);
  auth_ = std::make_unique<market::RequestAuth>(*database_, *rpc_);
  trader_ = std::make_unique<market::Trader>(*rpc_, *sender_, addresses_);
  content_ = std::make_unique<storage::ContentStore>(config_.home / "content");
  files_ = std::make_unique<storage::Files>(*content_, *http_, storage::UrlRules{config_.allow_private_urls, config_.admitted_addresses});
  catalogue_ = std::make_unique<index::Catalogue>(*database_);
  escrow_ = std::make_unique<settlement::OceanEscrow>(*rpc_, *sender_, addresses_, clock_);
  environment_ = std::make_unique<Environment>(config_.environment, config_.chain_id, addresses_.ocean, 18, keys_->operator_.address());

  PB_CHECK(open_desk());
  ocean_api_ = std::make_unique<OceanApi>(*this);
  peaberry_api_ = std::make_unique<PeaberryApi>(*this);
  net::ServerOptions server_options;
  server_options.address = config_.listen_address;
  server_options.port = config_.port;
  PB_TRY(server, net::Server::start(server_options, [this](const net::Request& request) {
    if (request.path.starts_with("/api/v1/")) return peaberry_api_->handle(request);
    return ocean_api_->handle(request);
  }));
  server_ = std::move(server);
  public_url_ = config_.public_url.empty() ? "http://" + config_.listen_address + ":" + std::to_string(server_->port()) : config_.public_url;
  opener_ = std::make_unique<market::DdoOpener>(*rpc_, *http_, addresses_, keys_->identity, clock_,
                                                market::DdoOpener::Options{.own_urls = {public_url_}, .allow_private_urls = config_.allow_private_urls || config_.chain_id == 8996});
  if (auto contracts = settlement::Contracts::load(config_.address_file, config_.chain_id)) contracts_ = *contracts;
  indexer_ = std::make_unique<index::Indexer>(*database_, *opener_, addresses_, clock_, contracts_ ? index::TableContracts{contracts_->quality, contracts_->tables, contracts_->zk} : index::TableContracts{});
  if (config_.compute) {
    auto sandbox = compute::make_bubblewrap({.parent_group = "peaberry-" + hex(crypto::sha256(config_.home.string()).view()).substr(0, 12)}, clock_);
    if (sandbox) {
      sandbox_ = std::move(*sandbox);
      jobs_ = std::make_unique<compute::JobStore>(*database_);
      ports_ = std::make_unique<NodeJobPorts>(*this);
      runner_ = std::make_unique<compute::Runner>(*jobs_, *sandbox_, *ports_, clock_,
                                                  compute::RunnerOptions{.folder = config_.home / "jobs", .stage = stage_folder(config_.home), .workers = config_.workers, .settle_retry_ms = desk_ ? 1'000 : 5'000, .results_kept_ms = static_cast<std::int64_t>(config_.environment.storage_expiry_seconds) * 1000, .on_state = kill_hook()});
    } else {
      sandbox_problem_ = sandbox.error().text();
      log::warn("node", "no compute environment: {}", sandbox_problem_);
    }
  }
  follower_ = std::thread([this] { follow(); });
  maintainer_ = std::thread([this] { maintain(); });
  if (runner_) PB_CHECK(runner_->start());
  return {};
}

/// Where the chain has JobEscrow: its book and keeper; with a policy for the environment, its door.
Status Node::open_desk() {
  const auto contracts = settlement::Contracts::load(config_.address_file, config_.chain_id);
  if (!contracts) {
    if (!config_.environment.evidence.empty()) return within("environment.evidence", contracts.error());
    return {};
  }
  PB_CHECK(EvidenceDesk::migrate(*database_));
  book_ = std::make_unique<settlement::JobBook>(*database_, *contracts);
  keeper_ = std::make_unique<settlement::Keeper>(*rpc_, *sender_, *database_, *book_, *contracts, clock_);
  if (config_.environment.evidence.empty() || !config_.compute) return {};
  PB_TRY(document, json::parse(config_.environment.evidence, {.strict = true}));
  auto policy = settlement::Policy::from_json(document, *contracts);
  if (!policy) return within("environment.evidence", policy.error());
  PB_TRY(desk, EvidenceDesk::open({*rpc_, *sender_, *database_, *escrow_, addresses_.escrow, environment_->fee_token(), clock_, config_.home / "questions"}, *contracts, *policy));
  desk_ = std::move(desk);
  environment_->set_payee(desk_->door(), settlement::describe(*policy, *contracts).text());
  return {};
}

Node::~Node() {
  if (server_) server_->stop();
  follow_signal_.stop();
  maintain_signal_.stop();
  if (runner_) runner_->stop();
  if (follower_.joinable()) follower_.join();
  if (maintainer_.joinable()) maintainer_.join();
}

std::uint16_t Node::port() const { return server_->port(); }

void Node::follow() {
  chain::LogFollower follower(*rpc_, *indexer_, {.start_block = addresses_.start_block, .topics0 = index::Indexer::topics()}, clock_);
  std::string last_problem;
  do {
    const auto progress = follower.catch_up();
    std::string problem;
    if (progress) {
      head_ = progress->head;
      indexed_ = progress->cursor;
      if (const auto opened = indexer_->open_pending(); !opened) problem = opened.error().message;
    } else {
      problem = progress.error().message;
    }
    if (!problem.empty() && problem != last_problem) log::warn("index", "{}", problem);
    last_problem = problem;
    ++rounds_;
  } while (follow_signal_.wait_ms(config_.poll_ms));
}

void Node::maintain() {
  std::unique_ptr<chain::LogFollower> follower;
  if (book_) {
    const auto contracts = settlement::Contracts::load(config_.address_file, config_.chain_id);
    if (contracts) follower = std::make_unique<chain::LogFollower>(*rpc_, *book_, chain::FollowOptions{.start_block = contracts->start_block, .addresses = {contracts->escrow}, .topics0 = settlement::JobBook::topics()}, clock_);
  }
  while (maintain_signal_.wait_ms(2'000)) {
    if (follower) {
      Status kept;
      if (const auto caught = follower->catch_up(); !caught) kept = caught.error();
      else if (const auto ticked = keeper_->tick(); !ticked) kept = ticked.error();
      if (!kept) log::debug("settlement", "keeper: {}", kept.error().message);
    }
    const auto done = sender_->maintain();
    if (!done) log::debug("chain", "journal: {}", done.error().message);
    else if (done->reorged > 0) log::warn("chain", "{} transactions were thrown out by a reorg and go out again", done->reorged);
  }
}

bool Node::catch_up_now(int timeout_ms) {
  const std::uint64_t before = rounds_;
  follow_signal_.poke();
  const std::int64_t deadline = clock_.steady_ms() + timeout_ms;
  while (rounds_ < before + 2 && clock_.steady_ms() < deadline) {  // the running round may have begun before us
    clock_.sleep_ms(5);
    follow_signal_.poke();
  }
  return rounds_ >= before + 2;
}

}  // namespace peaberry::node
