#include "keeper.hpp"

#include <peaberry/base/log.hpp>
#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/crypto/keys.hpp>

namespace peaberry::settlement {

namespace contract = bindings::job_escrow;
namespace token_contract = bindings::erc20_template;
using store::Connection;

namespace {

constexpr const char* kSchema = R"(
CREATE TABLE settlement_intention(chain_id INTEGER NOT NULL, job BLOB NOT NULL, executor BLOB NOT NULL, output_hash BLOB NOT NULL, amount TEXT NOT NULL, salt BLOB NOT NULL, output BLOB NOT NULL,
  PRIMARY KEY(chain_id, job)) STRICT, WITHOUT ROWID;
CREATE TABLE settlement_intention_evidence(chain_id INTEGER NOT NULL, job BLOB NOT NULL, position INTEGER NOT NULL, leaf INTEGER NOT NULL, value TEXT NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY(chain_id, job, position)) STRICT, WITHOUT ROWID;
)";

}  // namespace

Status Keeper::migrate(store::Database& database) {
  PB_CHECK(JobBook::migrate(database));
  return database.migrate("keeper", {{1, kSchema}});
}

Keeper::Keeper(chain::Rpc& rpc, chain::TxManager& sender, store::Database& database, JobBook& book, const Contracts& contracts, const Clock& clock, KeeperOptions options)
    : rpc_(rpc), sender_(sender), database_(database), book_(book), contracts_(contracts), clock_(clock), options_(options) {}

Status Keeper::intend_claim(const Hash32& job, const Answer& answer, const std::vector<LeafEvidence>& evidence) {
  return database_.write([&](Connection& db) -> Status {
    PB_TRY(added, db.run("INSERT INTO settlement_intention(chain_id, job, executor, output_hash, amount, salt, output) VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(chain_id, job) DO NOTHING",
                         {contracts_.chain_id, job, answer.executor, answer.output_hash, answer.amount.dec(), answer.salt, answer.output}));
    if (added == 0) return {};
    for (std::size_t i = 0; i < evidence.size(); ++i)
      PB_CHECK(db.run("INSERT INTO settlement_intention_evidence(chain_id, job, position, leaf, value, data) VALUES(?, ?, ?, ?, ?, ?)",
                      {contracts_.chain_id, job, i, evidence[i].leaf.low64(), evidence[i].value.dec(), evidence[i].data}));
    return {};
  });
}

Result<std::vector<Keeper::Intention>> Keeper::intentions() {
  std::vector<Intention> out;
  PB_CHECK(database_.with([&](Connection& db) -> Status {
    PB_CHECK(db.query("SELECT job, executor, output_hash, amount, salt, output FROM settlement_intention WHERE chain_id = ?", {contracts_.chain_id}, [&](const store::Statement& row) {
      Intention next;
      next.job = Hash32::from(row.column_blob(0)).value_or(Hash32{});
      next.answer.executor = Address::from(row.column_blob(1)).value_or(Address{});
      next.answer.output_hash = Hash32::from(row.column_blob(2)).value_or(Hash32{});
      next.answer.amount = U256::parse(row.column_text(3)).value_or(U256{});
      next.answer.salt = Hash32::from(row.column_blob(4)).value_or(Hash32{});
      next.answer.output = row.column_blob(5);
      out.push_back(std::move(next));
    }));
    for (Intention& next : out)
      PB_CHECK(db.query("SELECT leaf, value, data FROM settlement_intention_evidence WHERE chain_id = ? AND job = ? ORDER BY position", {contracts_.chain_id, next.job}, [&](const store::Statement& row) {
        next.evidence.push_back({U256{static_cast<std::uint64_t>(row.column_int(0))}, U256::parse(row.column_text(1)).value_or(U256{}), row.column_blob(2)});
      }));
    return {};
  }));
  return out;
}

Status Keeper::forget_intention(const Hash32& job) {
  return database_.write([&](Connection& db) -> Status {
    PB_CHECK(db.run("DELETE FROM settlement_intention_evidence WHERE chain_id = ? AND job = ?", {contracts_.chain_id, job}));
    PB_CHECK(db.run("DELETE FROM settlement_intention WHERE chain_id = ? AND job = ?", {contracts_.chain_id, job}));
    return {};
  });
}

bool Keeper::is_ours(const JobBook::Entry& entry) const {
  const Address& me = sender_.address();
  const OpenedJob& job = entry.job;
  return options_.for_others || entry.claimed || job.job.requester == me || job.terms.executor == me || job.terms.fee_to == me || job.terms.royalty_to == me;
}

Result<bool> Keeper::send(const std::string& key, const Bytes& data, const U256& value) {
  for (int attempt = 0; attempt < 8; ++attempt) {
    const std::string name = attempt == 0 ? key : key + ":" + std::to_string(attempt);
    PB_TRY(before, sender_.find(name));
    if (before && !before->success) continue;  // somebody was first that time; the job lives again (a reorg)
    if (before) return true;
    const auto sent = sender_.submit({.key = name, .to = contracts_.escrow, .data = data, .value = value});
    if (sent) return true;
    if (sent.error().code == Errc::kConflict) {  // it would revert: not yet, or not any more
      log::debug("settlement", "{}: {}", name, sent.error().message);
      return false;
    }
    return sent.error();
  }
  return false;
}

Status Keeper::allow_bond(const Terms& terms) {
  if (terms.bond.is_zero()) return {};
  PB_TRY(reply, rpc_.eth_call({.to = terms.token, .data = token_contract::allowance(sender_.address(), contracts_.escrow)}));
  PB_TRY(allowed, token_contract::decode_allowance(reply));
  if (allowed >= terms.bond) return {};
  // Without limit, so that one claim's approval never takes away another's: the escrow only takes what its caller's own claim asks for.
  PB_TRY(count, rpc_.transaction_count(sender_.address()));
  const auto sent = sender_.submit({.key = "bonds:" + terms.token.hex() + ":" + std::to_string(count), .to = terms.token, .data = token_contract::approve(contracts_.escrow, U256::max())});
  if (!sent && sent.error().code != Errc::kConflict) return sent.error();
  return {};
}

Status Keeper::make_claims(Tick& tick) {
  PB_TRY(wanted, intentions());
  for (const Intention& next : wanted) {
    const auto job = book_.find(next.job);
    if (!job) {  // not seen yet, or thrown out by a reorg: it may come again
      ++tick.waiting;
      continue;
    }
    PB_TRY(reply, rpc_.eth_call({.to = contracts_.escrow, .data = contract::job_state(next.job)}));
    PB_TRY(state, contract::decode_job_state(reply));
    const Hash32 claim = claim_id(next.job, next.answer.executor, next.answer.output_hash);
    const std::string key = "claim:" + claim.hex();
    PB_TRY(before, sender_.find(key));
    if (state.state.low64() > 2 || (before && before->success)) {
      PB_CHECK(forget_intention(next.job));
      continue;
    }
    // Anybody may answer an open job, in two steps: the claim is refused until the commitment lies in an earlier block.
    if (job->terms.executor.is_zero()) PB_CHECK(send("commit:" + claim.hex(), contract::commit(next.job, claim_commitment(claim, next.answer.salt))));
    PB_CHECK(allow_bond(job->terms));
    U256 value;
    for (const auto& piece : next.evidence) value += piece.value;
    PB_TRY(sent, send(key, contract::claim(job->job, job->terms, job->policy, next.answer, next.evidence), value));
    ++(sent ? tick.claimed : tick.waiting);
  }
  return {};
}

Result<std::vector<std::vector<ClaimInfo>>> Keeper::claims_of(const std::vector<JobBook::Entry>& entries) {
  std::vector<std::vector<ClaimInfo>> out(entries.size());
  std::vector<chain::RpcCall> calls;
  std::vector<std::size_t> index;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].claims == 0) continue;
    const auto data = contract::claims_of(entries[i].job.job, entries[i].job.terms, entries[i].job.policy);
    calls.push_back({"eth_call", {json::Object{{"to", contracts_.escrow.hex()}, {"data", hex0x(data)}}, "latest"}});
    index.push_back(i);
  }
  PB_TRY(replies, rpc_.batch(calls));
  for (std::size_t n = 0; n < replies.size(); ++n) {
    if (!replies[n]) continue;  // reorged away: the book will say so
    const auto bytes = parse_hex(replies[n]->is_string() ? json::sv(replies[n]->get_string()) : "");
    if (!bytes) continue;
    if (auto list = ClaimInfo::list_from(*bytes)) out[index[n]] = std::move(*list);
  }
  return out;
}

Keeper::Action Keeper::decide(const JobBook::Entry& entry, const std::vector<ClaimInfo>& claims, std::uint64_t block_time, const ClaimInfo*& winner) const {
  winner = nullptr;
  bool all_rejected = !claims.empty();
  for (const ClaimInfo& claim : claims) {
    if (claim.status != ClaimStatus::kRejected) all_rejected = false;
    if (claim.status == ClaimStatus::kAccepted && (winner == nullptr || claim.order < winner->order)) winner = &claim;
  }
  const Terms& terms = entry.job.terms;
  if (winner != nullptr) return Action::kFinalise;
  // A chain without traffic has no new block to tell the time by: then the clock tells, and what is tried too early is refused by the
  // estimate. Not where the escrow would take our own refund as giving up: a wrong clock must not cost us the job.
  const bool gives_up = terms.executor == sender_.address() && claims.empty();
  const std::uint64_t now = gives_up ? block_time : std::max(block_time, clock_.unix_seconds());
  if (now > terms.deadline.low64()) return Action::kRefund;
  if (all_rejected && !terms.executor.is_zero()) return Action::kRefund;
  return Action::kNone;
}

Result<Keeper::Tick> Keeper::tick() {
  Tick out;
  PB_CHECK(make_claims(out));
  PB_TRY(live, book_.live(sender_.address()));
  std::erase_if(live, [this](const JobBook::Entry& entry) { return !is_ours(entry); });
  PB_TRY(block_time, book_.time());
  PB_TRY(claims, claims_of(live));
  for (std::size_t i = 0; i < live.size(); ++i) {
    const OpenedJob& job = live[i].job;
    const ClaimInfo* winner = nullptr;
    const Action action = decide(live[i], claims[i], block_time, winner);
    if (action == Action::kFinalise) {
      Bytes output;
      if (!job.terms.callback.is_zero()) {
        PB_TRY(known, book_.disclosed(job.id, winner->claim_id));
        output = std::move(known);
      }
      PB_TRY(sent, send("finalise:" + job.id.hex(), contract::finalise(job.job, job.terms, job.policy, output)));
      // A door's lock that has expired pays nothing: such a job is closed by a refund.
      if (!sent && !job.terms.door.is_zero()) {
        PB_TRY(closed, send("refund:" + job.id.hex(), contract::refund(job.job, job.terms, job.policy)));
        out.refunded += closed ? 1 : 0;
      }
      out.finalised += sent ? 1 : 0;
    } else if (action == Action::kRefund) {
      PB_TRY(sent, send("refund:" + job.id.hex(), contract::refund(job.job, job.terms, job.policy)));
      ++(sent ? out.refunded : out.waiting);
    }
  }
  PB_CHECK(withdraw_earnings(out));
  return out;
}

Status Keeper::withdraw_earnings(Tick& tick) {
  if (options_.withdraw_every_ms == 0 || clock_.steady_ms() < next_withdrawal_ms_) return {};
  next_withdrawal_ms_ = clock_.steady_ms() + options_.withdraw_every_ms;
  PB_TRY(tokens, book_.tokens());
  for (const Address& token : tokens) {
    PB_TRY(reply, rpc_.eth_call({.to = contracts_.escrow, .data = contract::balance_of(token, sender_.address())}));
    PB_TRY(balance, contract::decode_balance_of(reply));
    if (balance.is_zero()) continue;
    // Each withdrawal is an intention of its own: its place among this account's transactions names it.
    PB_TRY(count, rpc_.transaction_count(sender_.address()));
    PB_TRY(sent, send("withdraw:" + token.hex() + ":" + std::to_string(count), contract::withdraw(token, Address{})));
    tick.withdrawn += sent ? 1 : 0;
  }
  return {};
}

}  // namespace peaberry::settlement
