#include "job_book.hpp"

#include <peaberry/base/log.hpp>

namespace peaberry::settlement {

namespace contract = bindings::job_escrow;
using store::Connection;

namespace {

// One row an event; `id2` is the claim where there is one; `data` the raw log data of what is decoded later, of a claim its executor.
constexpr const char* kSchema = R"(
CREATE TABLE settlement_block(chain_id INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL, parent BLOB NOT NULL, timestamp INTEGER NOT NULL, PRIMARY KEY(chain_id, number)) STRICT, WITHOUT ROWID;
CREATE TABLE settlement_event(chain_id INTEGER NOT NULL, block INTEGER NOT NULL, log_index INTEGER NOT NULL, kind TEXT NOT NULL, job BLOB NOT NULL, id2 BLOB, data BLOB, PRIMARY KEY(chain_id, block, log_index)) STRICT, WITHOUT ROWID;
CREATE TABLE settlement_token(chain_id INTEGER NOT NULL, token BLOB NOT NULL, PRIMARY KEY(chain_id, token)) STRICT, WITHOUT ROWID;
CREATE INDEX settlement_event_job ON settlement_event(chain_id, job, kind);
CREATE INDEX settlement_event_kind ON settlement_event(chain_id, kind, block);
)";

/// Claims were kept without their executor: the chain is read again.
constexpr const char* kReread = "DELETE FROM settlement_event; DELETE FROM settlement_block;";

/// A JobOpened log from its row.
Result<OpenedJob> opened_from_row(const Hash32& job, const Address& requester, const Bytes& data, std::uint64_t block) {
  chain::Log log;
  log.topics = {contract::JobOpenedEvent::topic(), job, Hash32{}, Hash32{}};
  std::copy(requester.data.begin(), requester.data.end(), log.topics[2].data.begin() + 12);
  log.topic_count = 3;
  log.data = data;
  log.block_number = block;
  return OpenedJob::from_log(log);
}

}  // namespace

Status JobBook::migrate(store::Database& database) { return database.migrate("settlement", {{1, kSchema}, {2, kReread}}); }

std::vector<Hash32> JobBook::topics() {
  return {contract::JobOpenedEvent::topic(), contract::JobClaimedEvent::topic(), contract::JobFinalEvent::topic(), contract::JobRefundedEvent::topic(), contract::AnswerDisclosedEvent::topic()};
}

Result<std::optional<chain::BlockRef>> JobBook::cursor() {
  PB_TRY(blocks, known_blocks(~std::uint64_t{0} >> 1, 1));
  return blocks.empty() ? std::optional<chain::BlockRef>() : std::optional<chain::BlockRef>(blocks.front());
}

Result<std::vector<chain::BlockRef>> JobBook::known_blocks(std::uint64_t number, std::size_t limit) {
  std::vector<chain::BlockRef> out;
  PB_CHECK(database_.with([&](Connection& db) {
    return db.query("SELECT number, hash, parent, timestamp FROM settlement_block WHERE chain_id = ? AND number <= ? ORDER BY number DESC LIMIT ?", {contracts_.chain_id, number, limit},
                    [&](const store::Statement& row) {
                      out.push_back({static_cast<std::uint64_t>(row.column_int(0)), Hash32::from(row.column_blob(1)).value_or(Hash32{}), Hash32::from(row.column_blob(2)).value_or(Hash32{}),
                                     static_cast<std::uint64_t>(row.column_int(3))});
                    });
  }));
  return out;
}

Status JobBook::apply(const Batch& batch) {
  return database_.write([&](Connection& db) -> Status {
    for (const chain::Log& log : batch.logs) {
      const Status done = apply_log(db, log);
      if (done) continue;
      if (done.error().code == Errc::kInternal) return done;
      // The escrow is our own contract: this cannot come from it. It is told and passed over, so that nothing is held up.
      log::warn("settlement", "event {} of {} is not JobEscrow's: {}", log.log_index, log.transaction_hash.hex(), done.error().message);
    }
    for (const auto& block : batch.tail)
      PB_CHECK(db.run("INSERT OR REPLACE INTO settlement_block(chain_id, number, hash, parent, timestamp) VALUES(?, ?, ?, ?, ?)", {contracts_.chain_id, block.number, block.hash, block.parent_hash, block.timestamp}));
    if (batch.tail.back().number > 512)
      PB_CHECK(db.run("DELETE FROM settlement_block WHERE chain_id = ? AND number < ? AND number % 64 != 0", {contracts_.chain_id, batch.tail.back().number - 256}));
    return {};
  });
}

Status JobBook::apply_log(Connection& db, const chain::Log& log) {
  if (log.address != contracts_.escrow || log.topic_count < 2) return fail(Errc::kInvalid, "another contract's event");
  const Hash32& topic = log.topics[0];
  const char* kind = nullptr;
  store::Param second = nullptr;
  Bytes data = log.data;
  if (topic == contract::JobOpenedEvent::topic()) {
    PB_TRY(job, OpenedJob::from_log(log));
    PB_CHECK(db.run("INSERT INTO settlement_token(chain_id, token) VALUES(?, ?) ON CONFLICT DO NOTHING", {contracts_.chain_id, job.terms.token}));
    kind = "opened", second = log.topics[2];
  } else if (topic == contract::JobClaimedEvent::topic()) {
    kind = "claimed", second = log.topics[2], data = to_bytes(log.topics[3].view().subspan(12));
  } else if (topic == contract::JobFinalEvent::topic()) {
    kind = "final", second = log.topics[2];
  } else if (topic == contract::JobRefundedEvent::topic()) {
    kind = "refunded";
  } else if (topic == contract::AnswerDisclosedEvent::topic()) {
    PB_CHECK(contract::AnswerDisclosedEvent::decode(log));
    kind = "disclosed", second = log.topics[2];
  } else {
    return {};
  }
  PB_CHECK(db.run("INSERT OR REPLACE INTO settlement_event(chain_id, block, log_index, kind, job, id2, data) VALUES(?, ?, ?, ?, ?, ?, ?)",
                  {contracts_.chain_id, log.block_number, log.log_index, kind, log.topics[1], second, data}));
  return {};
}

Status JobBook::roll_back(const chain::BlockRef& to) {
  return database_.write([&](Connection& db) -> Status {
    PB_CHECK(db.run("DELETE FROM settlement_event WHERE chain_id = ? AND block > ?", {contracts_.chain_id, to.number}));
    PB_CHECK(db.run("DELETE FROM settlement_block WHERE chain_id = ? AND number > ?", {contracts_.chain_id, to.number}));
    return {};
  });
}

Status JobBook::reset() {
  return database_.write([&](Connection& db) -> Status {
    PB_CHECK(db.run("DELETE FROM settlement_event WHERE chain_id = ?", {contracts_.chain_id}));
    PB_CHECK(db.run("DELETE FROM settlement_block WHERE chain_id = ?", {contracts_.chain_id}));
    return {};
  });
}

Result<std::vector<JobBook::Entry>> JobBook::live(const Address& claimant) {
  std::vector<Entry> out;
  Status decoded;
  PB_CHECK(database_.with([&](Connection& db) {
    return db.query(
        "SELECT o.job, o.id2, o.data, o.block, (SELECT COUNT(*) FROM settlement_event c WHERE c.chain_id = o.chain_id AND c.job = o.job AND c.kind = 'claimed'), "
        "EXISTS(SELECT 1 FROM settlement_event c WHERE c.chain_id = o.chain_id AND c.job = o.job AND c.kind = 'claimed' AND c.data = ?) "
        "FROM settlement_event o WHERE o.chain_id = ? AND o.kind = 'opened' AND NOT EXISTS "
        "(SELECT 1 FROM settlement_event f WHERE f.chain_id = o.chain_id AND f.job = o.job AND f.kind IN ('final', 'refunded')) ORDER BY o.block, o.log_index",
        {claimant, contracts_.chain_id}, [&](const store::Statement& row) {
          const Hash32 requester = Hash32::from(row.column_blob(1)).value_or(Hash32{});
          auto job = opened_from_row(Hash32::from(row.column_blob(0)).value_or(Hash32{}), Address::from(requester.view().subspan(12)).value_or(Address{}), row.column_blob(2), static_cast<std::uint64_t>(row.column_int(3)));
          if (job) out.push_back({std::move(*job), static_cast<std::size_t>(row.column_int(4)), row.column_int(5) != 0});
          else decoded = job.error();
        });
  }));
  PB_CHECK(decoded);
  return out;
}

Result<OpenedJob> JobBook::find(const Hash32& job) {
  Result<OpenedJob> out = fail(Errc::kNotFound, "no job " + job.hex() + " was opened");
  PB_CHECK(database_.with([&](Connection& db) {
    return db.query("SELECT id2, data, block FROM settlement_event WHERE chain_id = ? AND job = ? AND kind = 'opened'", {contracts_.chain_id, job}, [&](const store::Statement& row) {
      const Hash32 requester = Hash32::from(row.column_blob(0)).value_or(Hash32{});
      out = opened_from_row(job, Address::from(requester.view().subspan(12)).value_or(Address{}), row.column_blob(1), static_cast<std::uint64_t>(row.column_int(2)));
    });
  }));
  return out;
}

Result<Bytes> JobBook::disclosed(const Hash32& job, const Hash32& claim) {
  Result<Bytes> out = Bytes{};
  PB_CHECK(database_.with([&](Connection& db) {
    return db.query("SELECT data FROM settlement_event WHERE chain_id = ? AND job = ? AND kind = 'disclosed' AND id2 = ?", {contracts_.chain_id, job, claim}, [&](const store::Statement& row) {
      chain::Log log;
      log.topics = {contract::AnswerDisclosedEvent::topic(), job, claim, Hash32{}};
      log.topic_count = 3;
      log.data = row.column_blob(0);
      const auto event = contract::AnswerDisclosedEvent::decode(log);
      if (event) out = event->output;
      else out = event.error();
    });
  }));
  return out;
}

Result<std::vector<Address>> JobBook::tokens() {
  std::vector<Address> out;
  PB_CHECK(database_.with([&](Connection& db) {
    return db.query("SELECT token FROM settlement_token WHERE chain_id = ?", {contracts_.chain_id}, [&](const store::Statement& row) { out.push_back(Address::from(row.column_blob(0)).value_or(Address{})); });
  }));
  return out;
}

Result<std::uint64_t> JobBook::time() {
  PB_TRY(last, cursor());
  return last ? last->timestamp : 0;
}

}  // namespace peaberry::settlement
