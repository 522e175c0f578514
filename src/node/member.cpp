#include "member.hpp"

#include <peaberry/base/log.hpp>
#include <peaberry/bindings/quorum_verifier.hpp>
#include <peaberry/chain/ocean.hpp>
#include <peaberry/compute/replay.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/market/auth.hpp>

#include <set>
#include <unistd.h>

#include "bundle.hpp"
#include "host.hpp"
#include "node.hpp"

namespace peaberry::node {

namespace quorum = bindings::quorum_verifier;
using settlement::JobState;
using settlement::OpenedJob;
using store::Connection;

namespace {

// What this member found for a job, kept before it is committed on chain: a restart neither forgets nor changes its mind.
constexpr const char* kSchema = R"(
CREATE TABLE member_vote(chain_id INTEGER NOT NULL, job BLOB NOT NULL, output_hash BLOB NOT NULL, salt BLOB NOT NULL, handed_over INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(chain_id, job)) STRICT, WITHOUT ROWID;
)";

}  // namespace

struct Member::Found {
  Hash32 output_hash, salt;
  bool handed_over = false;
};

struct Member::Parts {
  NodeConfig config;
  MemberOptions options;
  SystemClock clock;
  SystemRandom random;
  Fd home_lock;
  std::unique_ptr<net::Client> http;
  std::unique_ptr<chain::Rpc> rpc;
  std::unique_ptr<store::Database> database;
  std::optional<NodeKeys> keys;
  std::unique_ptr<chain::TxManager> sender;
  settlement::Contracts contracts;
  std::unique_ptr<settlement::Escrow> escrow;
  std::unique_ptr<settlement::JobBook> book;
  std::unique_ptr<chain::LogFollower> follower;
  std::unique_ptr<settlement::Keeper> keeper;
  std::unique_ptr<compute::Sandbox> sandbox;
  std::unique_ptr<Host> host;
  std::set<Hash32> given_up;  ///< jobs whose run failed by itself: it would fail again

  Result<std::optional<Found>> found(const Hash32& job) {
    std::optional<Found> out;
    PB_CHECK(database->with([&](Connection& db) {
      return db.query("SELECT output_hash, salt, handed_over FROM member_vote WHERE chain_id = ? AND job = ?", {config.chain_id, job}, [&](const store::Statement& row) {
        out = Found{Hash32::from(row.column_blob(0)).value_or(Hash32{}), Hash32::from(row.column_blob(1)).value_or(Hash32{}), row.column_int(2) != 0};
      });
    }));
    return out;
  }
};

Member::Member(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Member::~Member() = default;
const Address& Member::address() const { return parts_->sender->address(); }

Result<std::unique_ptr<Member>> Member::start(NodeConfig config, MemberOptions options) {
  auto parts = std::make_unique<Parts>();
  Parts& p = *parts;
  p.config = std::move(config);
  p.options = std::move(options);
  if (p.config.chain_urls.empty()) return fail(Errc::kInvalid, "no chain is configured", "give --chain RPC_URL");
  PB_CHECK(make_directories(p.config.home, 0711));
  PB_TRY(lock, lock_file(p.config.home / "lock"));
  p.home_lock = std::move(lock);
  p.http = net::make_client();
  p.rpc = std::make_unique<chain::Rpc>(*p.http, chain::RpcOptions{.urls = p.config.chain_urls, .chain_id = p.config.chain_id}, p.clock, p.random);
  PB_TRY(contracts, settlement::Contracts::load(p.config.address_file, p.config.chain_id));
  p.contracts = contracts;
  PB_TRY(database, store::open_sqlite((p.config.home / "node.sqlite").string()));
  p.database = std::move(database);
  PB_CHECK(chain::TxManager::migrate(*p.database));
  PB_CHECK(settlement::Keeper::migrate(*p.database));
  PB_CHECK(p.database->migrate("member", {{1, kSchema}}));
  PB_TRY(keys, open_node_keys(p.config.home, true, p.random));
  p.keys = std::move(keys);
  p.sender = std::make_unique<chain::TxManager>(*p.rpc, *p.database, p.keys->operator_.clone(), p.config.chain_id, p.clock);
  p.escrow = std::make_unique<settlement::Escrow>(*p.rpc, *p.sender, p.contracts);
  p.book = std::make_unique<settlement::JobBook>(*p.database, p.contracts);
  p.follower = std::make_unique<chain::LogFollower>(*p.rpc, *p.book, chain::FollowOptions{.start_block = p.contracts.start_block, .addresses = {p.contracts.escrow}, .topics0 = settlement::JobBook::topics()}, p.clock);
  p.keeper = std::make_unique<settlement::Keeper>(*p.rpc, *p.sender, *p.database, *p.book, p.contracts, p.clock, settlement::KeeperOptions{.for_others = true, .withdraw_every_ms = 0});
  auto sandbox = compute::make_bubblewrap({.parent_group = "peaberry-member-" + hex(crypto::sha256(fs::absolute(p.config.home).string()).view()).substr(0, 12)}, p.clock);
  if (!sandbox) return within("a member runs jobs again", sandbox.error());
  p.sandbox = std::move(*sandbox);
  (void)p.sandbox->sweep();
  p.host = std::make_unique<Host>(Host::Parts{*p.http, *p.keys, *p.sandbox, p.random, p.config.home, p.options.node_urls, p.options.output_bytes_max});
  return std::unique_ptr<Member>(new Member(std::move(parts)));
}

Status Member::tick() {
  Parts& p = *parts_;
  PB_CHECK(p.follower->catch_up());
  PB_CHECK(p.sender->maintain());
  PB_TRY(head, p.rpc->latest_block());
  PB_TRY(live, p.book->live());
  for (const auto& entry : live)  // the clock is read anew for each: a run takes its time
    if (const Status looked = look_at(entry.job, std::max(head.timestamp, p.clock.unix_seconds())); !looked) log::warn("member", "job {}: {}", entry.job.id.hex(), looked.error().text());
  PB_CHECK(p.keeper->tick());
  return p.host->tick(p.options.job_seconds_max * 1000);
}

/// Commits while the window is open; hands the vote over when it has closed; reveals it on chain when nobody used it.
Status Member::look_at(const OpenedJob& job, std::uint64_t now) {
  Parts& p = *parts_;
  PB_TRY(policy, settlement::Policy::decode(job.policy));
  const auto leaf = policy.leaf_of(p.contracts.quorum);
  if (!leaf) return {};
  PB_TRY(params, settlement::QuorumParams::decode(policy.leaves[*leaf].params));
  const auto seat = params.seat_of(address());
  if (!seat) return {};
  PB_TRY(state, p.escrow->state(job.id));
  const std::uint64_t closes = state.opened_at + params.commit_window;
  PB_TRY(found, p.found(job.id));
  if (!found) {
    if (now >= closes || p.given_up.contains(job.id)) return {};  // too late to have a say, or nothing to say
    auto output = run_again(job, closes - now);
    if (!output && (output.error().code == Errc::kConflict || output.error().code == Errc::kExhausted || output.error().code == Errc::kInvalid)) p.given_up.insert(job.id);
    if (!output) return output.error();
    const Hash32 output_hash = *output;
    Hash32 salt;
    p.random.fill(salt.data);
    PB_CHECK(p.database->write([&](Connection& db) -> Status {
      PB_CHECK(db.run("INSERT INTO member_vote(chain_id, job, output_hash, salt) VALUES(?, ?, ?, ?) ON CONFLICT DO NOTHING", {p.config.chain_id, job.id, output_hash, salt}));
      return {};
    }));
    log::info("member", "job {}: found output {}", job.id.hex(), output_hash.hex());
    found = Found{output_hash, salt, false};
  }
  const std::string key = "vote:" + job.id.hex();
  PB_TRY(committed, p.sender->execute({.key = key, .to = p.contracts.quorum, .data = quorum::commit(job.id, settlement::vote_commitment(job.id, address(), found->output_hash, found->salt))}));
  if (now <= closes) return {};
  PB_TRY(block, p.rpc->block(committed.block_number));
  const auto vote = settlement::sign_vote({p.config.chain_id, p.contracts.quorum}, p.keys->operator_, *seat, job.id, found->output_hash, found->salt, block.timestamp);
  const Bytes raw = settlement::encode_votes({vote});
  if (!found->handed_over) {
    for (const auto& url : p.options.node_urls) {
      const auto reply = p.http->send({.method = "POST", .url = url + "/api/v1/questions/" + job.id.hex() + "/votes", .headers = {{"Content-Type", "application/json"}}, .body = json::stringify(json::Object{{"vote", hex0x(raw)}}), .timeout_ms = 5'000});
      if (!reply || reply->status != 200) continue;
      PB_CHECK(p.database->write([&](Connection& db) -> Status {
        PB_CHECK(db.run("UPDATE member_vote SET handed_over = 1 WHERE chain_id = ? AND job = ?", {p.config.chain_id, job.id}));
        return {};
      }));
      break;
    }
  }
  if (now <= closes + static_cast<std::uint64_t>(p.options.grace_seconds)) return {};
  // The executor is silent or has claimed something else: the vote speaks for itself.
  const auto sent = p.sender->submit({.key = "reveal:" + job.id.hex(), .to = p.contracts.quorum,
                                      .data = quorum::reveal(settlement::as<quorum::Job>(job.job), settlement::encode_evidence(job.policy, *leaf, raw))});
  if (!sent && sent.error().code != Errc::kConflict) return sent.error();
  if (!sent) log::debug("member", "job {}: the vote is not taken on chain: {}", job.id.hex(), sent.error().message);  // it was used already
  return {};
}

/// Fetches the job's bytes from a node that has them, and runs its manifest.
Result<Hash32> Member::run_again(const OpenedJob& job, std::uint64_t seconds_left) {
  Parts& p = *parts_;
  compute::ReplayBounds bounds{.output_bytes = p.options.output_bytes_max};
  bounds.ram_bytes = p.options.job_ram_max != 0 ? p.options.job_ram_max : static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) / 4 * 3 * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  bounds.disk_bytes = fs::space(p.config.home).available / 2;
  bounds.wall_ms = std::min(p.options.job_seconds_max, static_cast<std::int64_t>(std::min<std::uint64_t>(seconds_left, 10'000'000))) * 1000;
  Error last = fail(Errc::kUnavailable, "no node hands over the job's bytes", "name the executor's node with --node");
  for (const auto& url : p.options.node_urls) {
    const std::string me = crypto::checksum_address(address());
    const auto nonce_reply = p.http->send({.url = url + "/api/services/nonce?userAddress=" + me, .timeout_ms = 5'000});
    if (!nonce_reply) {
      last = nonce_reply.error();
      continue;
    }
    const auto document = json::parse(nonce_reply->body);
    const std::uint64_t nonce = document && document->is_object() ? json::uint_or(document->get_object(), "nonce", 0) + 1 : 1;
    const json::Object body{{"address", me}, {"nonce", std::to_string(nonce)}, {"signature", market::sign_request(p.keys->operator_, nonce, "questionBundle")}};
    const auto reply = p.http->send({.method = "POST", .url = url + "/api/v1/questions/" + job.id.hex() + "/bundle", .headers = {{"Content-Type", "application/json"}}, .body = json::stringify(body), .timeout_ms = 120'000, .max_bytes = std::size_t{2} << 30});
    if (!reply || reply->status != 200) {
      last = reply ? fail(Errc::kForbidden, url + " answers " + std::to_string(reply->status) + ": " + reply->body.substr(0, 300)) : reply.error();
      continue;
    }
    const fs::path folder = p.config.home / "member" / job.id.hex();
    std::error_code code;
    PB_TRY(manifest_text, unpack_bundle(as_bytes(reply->body), folder));
    if (crypto::keccak256(manifest_text) != job.job.params_hash) {
      last = fail(Errc::kForbidden, url + " hands over another manifest than the job names");
      continue;
    }
    PB_TRY(manifest, json::parse(manifest_text));
    PB_TRY(object, json::as_object(manifest, "manifest"));
    const std::atomic<bool> stop{false};
    auto output = compute::replay(*p.sandbox, *object, folder, bounds, stop);
    fs::remove_all(folder, code);
    if (!output) return output.error();
    return crypto::keccak256(*output);
  }
  return last;
}

}  // namespace peaberry::node
