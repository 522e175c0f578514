#include "tx_manager.hpp"

#include <peaberry/base/log.hpp>
#include <peaberry/crypto/hash.hpp>

namespace peaberry::chain {
namespace {

// A row is one intention; its attempts are the transactions signed for it, all with the row's nonce.
// state: pending (signed, not seen mined) → mined → final; reverted is mined with status 0.
constexpr const char* kSchema = R"(
CREATE TABLE tx_journal(
  id INTEGER PRIMARY KEY, chain_id INTEGER NOT NULL, account BLOB NOT NULL, key TEXT NOT NULL, nonce INTEGER NOT NULL,
  state TEXT NOT NULL, block INTEGER, signed_ms INTEGER NOT NULL, UNIQUE(chain_id, account, key)) STRICT;
CREATE INDEX tx_journal_state ON tx_journal(chain_id, account, state);
CREATE TABLE tx_attempt(
  hash BLOB PRIMARY KEY, journal_id INTEGER NOT NULL REFERENCES tx_journal(id), raw BLOB NOT NULL, signed_ms INTEGER NOT NULL) STRICT;
CREATE INDEX tx_attempt_journal ON tx_attempt(journal_id);
)";

/// What a transaction takes from its account at most.
U256 worst_cost(const Transaction& transaction) {
  const auto gas = checked_mul(transaction.gas_limit, transaction.max_fee_per_gas);
  const auto sum = gas ? checked_add(*gas, transaction.value) : gas;
  return sum.value_or(U256::max());
}

U256 bumped(const U256& fee) { return fee + fee / U256{8} + U256{1}; }  // nodes want at least +10 %

}  // namespace

Status TxManager::migrate(store::Database& database) { return database.migrate("tx", {{1, kSchema}}); }

TxManager::TxManager(Rpc& rpc, store::Database& database, crypto::PrivateKey key, std::uint64_t chain_id, const Clock& clock, TxOptions options)
    : rpc_(rpc), database_(database), key_(std::move(key)), address_(key_.address()), chain_id_(chain_id), clock_(clock), options_(options) {}

Result<std::vector<TxManager::Entry>> TxManager::entries_in(std::string_view state) {
  std::vector<Entry> out;
  PB_CHECK(database_.with([&](store::Connection& db) {
    return db.query(
        "SELECT j.id, j.key, j.nonce, j.state, j.signed_ms, (SELECT raw FROM tx_attempt a WHERE a.journal_id = j.id ORDER BY signed_ms DESC, rowid DESC LIMIT 1) "
        "FROM tx_journal j WHERE chain_id = ? AND account = ? AND state = ? ORDER BY nonce",
        {chain_id_, address_, state}, [&](const store::Statement& row) {
          out.push_back({row.column_int(0), row.column_text(1), static_cast<std::uint64_t>(row.column_int(2)), row.column_text(3),
                         row.column_int(4), row.column_blob(5)});
        });
  }));
  return out;
}

Result<std::optional<TxManager::Entry>> TxManager::entry_of(const std::string& key) {
  std::optional<Entry> out;
  PB_CHECK(database_.with([&](store::Connection& db) -> Status {
    PB_CHECK(db.query_one("SELECT id, key, nonce, state, signed_ms FROM tx_journal WHERE chain_id = ? AND account = ? AND key = ?",
                          {chain_id_, address_, key}, [&](const store::Statement& row) {
                            out = Entry{row.column_int(0), row.column_text(1), static_cast<std::uint64_t>(row.column_int(2)),
                                        row.column_text(3), row.column_int(4), {}};
                          }));
    return {};
  }));
  return out;
}

Result<std::vector<Hash32>> TxManager::attempts(std::int64_t id) {
  std::vector<Hash32> out;
  PB_CHECK(database_.with([&](store::Connection& db) {
    return db.query("SELECT hash FROM tx_attempt WHERE journal_id = ? ORDER BY signed_ms, rowid", {id},
                    [&](const store::Statement& row) { out.push_back(Hash32::from(row.column_blob(0)).value_or(Hash32{})); });
  }));
  return out;
}

Status TxManager::mark(std::int64_t id, std::string_view state, std::uint64_t block) {
  return database_.write([&](store::Connection& db) -> Status {
    PB_CHECK(db.run("UPDATE tx_journal SET state = ?, block = ? WHERE id = ?", {state, block, id}));
    return {};
  });
}

Result<std::uint64_t> TxManager::next_nonce() {
  PB_TRY(chain_next, rpc_.transaction_count(address_));
  std::uint64_t journal_next = 0;
  PB_CHECK(database_.with([&](store::Connection& db) -> Status {
    PB_CHECK(db.query_one("SELECT COALESCE(MAX(nonce) + 1, 0) FROM tx_journal WHERE chain_id = ? AND account = ? AND state = 'pending'",
                          {chain_id_, address_}, [&](const store::Statement& row) { journal_next = static_cast<std::uint64_t>(row.column_int(0)); }));
    return {};
  }));
  return std::max(chain_next, journal_next);
}

Status TxManager::journal_attempt(std::int64_t id, const Transaction& transaction) {
  const Bytes raw = signed_bytes(transaction, key_.sign(signing_hash(transaction)));
  const Hash32 hash = crypto::keccak256(raw);
  return database_.write([&](store::Connection& db) -> Status {
    PB_CHECK(db.run("INSERT INTO tx_attempt(hash, journal_id, raw, signed_ms) VALUES(?, ?, ?, ?) ON CONFLICT(hash) DO NOTHING",
                    {hash, id, raw, clock_.unix_ms()}));
    PB_CHECK(db.run("UPDATE tx_journal SET signed_ms = ? WHERE id = ?", {clock_.unix_ms(), id}));
    return {};
  });
}

Status TxManager::check_daily_limit(const Transaction& next) {
  if (!options_.daily_wei_max) return {};
  U256 spent = worst_cost(next);
  std::vector<Bytes> recent;  // the dearest attempt of each intention is its latest
  PB_CHECK(database_.with([&](store::Connection& db) {
    return db.query(
        "SELECT (SELECT raw FROM tx_attempt a WHERE a.journal_id = j.id ORDER BY signed_ms DESC, rowid DESC LIMIT 1) FROM tx_journal j WHERE chain_id = ? AND account = ? AND signed_ms > ?",
        {chain_id_, address_, clock_.unix_ms() - 86'400'000}, [&](const store::Statement& row) { recent.push_back(row.column_blob(0)); });
  }));
  for (const Bytes& raw : recent) {
    PB_TRY(known, decode_transaction(raw));
    spent = checked_add(spent, worst_cost(known.transaction)).value_or(U256::max());
  }
  if (spent <= *options_.daily_wei_max) return {};
  return fail(Errc::kExhausted, "account " + crypto::checksum_address(address_) + " may spend " + format_units(*options_.daily_wei_max, 18) + " coins in 24 hours; this transaction could make it " + format_units(spent, 18),
              "wait, or raise operatorDailyLimit in the configuration");
}

Result<Hash32> TxManager::sign_and_journal(const TxRequest& request) {
  Transaction transaction;
  transaction.chain_id = chain_id_;
  transaction.to = request.to;
  transaction.data = request.data;
  transaction.value = request.value;
  if (request.gas_limit) {
    transaction.gas_limit = U256{*request.gas_limit};
  } else {
    // A revert shows here, before anything is signed: no gas is spent on it.
    PB_TRY(estimate, rpc_.estimate_gas({.from = address_, .to = request.to, .data = request.data, .value = request.value}));
    transaction.gas_limit = U256{estimate + estimate / 5 + 10'000};
  }
  PB_TRY(fees, rpc_.fees());
  transaction.max_fee_per_gas = std::min(fees.max_fee_per_gas, options_.fee_cap_wei);
  transaction.max_priority_fee_per_gas = std::min(fees.max_priority_fee_per_gas, transaction.max_fee_per_gas);
  PB_CHECK(check_daily_limit(transaction));
  PB_TRY(chain_next, rpc_.transaction_count(address_));
  Bytes raw;
  Hash32 hash;
  // The nonce is chosen, signed and journalled in one write transaction: two processes with one home cannot take the same.
  PB_CHECK(database_.write([&](store::Connection& db) -> Status {
    transaction.nonce = chain_next;
    PB_CHECK(db.query_one("SELECT COALESCE(MAX(nonce) + 1, 0) FROM tx_journal WHERE chain_id = ? AND account = ? AND state = 'pending'", {chain_id_, address_},
                          [&](const store::Statement& row) { transaction.nonce = std::max(chain_next, static_cast<std::uint64_t>(row.column_int(0))); }));
    raw = signed_bytes(transaction, key_.sign(signing_hash(transaction)));
    hash = crypto::keccak256(raw);
    PB_CHECK(db.run("INSERT INTO tx_journal(chain_id, account, key, nonce, state, signed_ms) VALUES(?, ?, ?, ?, 'pending', ?)",
                    {chain_id_, address_, request.key, transaction.nonce, clock_.unix_ms()}));
    PB_CHECK(db.run("INSERT INTO tx_attempt(hash, journal_id, raw, signed_ms) VALUES(?, (SELECT id FROM tx_journal WHERE chain_id = ? AND account = ? AND key = ?), ?, ?)",
                    {hash, chain_id_, address_, request.key, raw, clock_.unix_ms()}));
    return {};
  }));
  const auto sent = rpc_.send_raw(raw);
  if (!sent && sent.error().code == Errc::kPayment) {
    // The node refused it for lack of funds and will not keep it: the intention may be asked again later.
    PB_CHECK(database_.write([&](store::Connection& db) -> Status {
      PB_CHECK(db.run("DELETE FROM tx_attempt WHERE hash = ?", {hash}));
      PB_CHECK(db.run("DELETE FROM tx_journal WHERE chain_id = ? AND account = ? AND key = ?", {chain_id_, address_, request.key}));
      return {};
    }));
    return sent.error();
  }
  if (!sent && sent.error().message.find("nonce too low") != std::string::npos) {
    // Another process with this key was mined in between: the same intention under the next nonce.
    PB_TRY(entry, entry_of(request.key));
    entry->raw = raw;
    PB_CHECK(renonce(*entry));
    PB_TRY(hashes, attempts(entry->id));
    return hashes.empty() ? hash : hashes.front();
  }
  if (!sent) log::warn("chain", "{} is journalled, sending it failed: {}", request.key, sent.error().message);
  return hash;
}

Result<Hash32> TxManager::submit(const TxRequest& request) {
  const std::lock_guard lock(mutex_);
  PB_TRY(known, entry_of(request.key));
  if (known) {
    PB_TRY(hashes, attempts(known->id));
    if (!hashes.empty()) return hashes.front();
  }
  return sign_and_journal(request);
}

Result<std::optional<Receipt>> TxManager::mined_receipt(std::int64_t id) {
  PB_TRY(hashes, attempts(id));
  for (const Hash32& hash : hashes) {
    PB_TRY(receipt, rpc_.receipt(hash));
    if (receipt) return receipt;
  }
  return std::optional<Receipt>();
}

Result<std::optional<Receipt>> TxManager::find(const std::string& key) {
  PB_TRY(known, entry_of(key));
  if (!known) return std::optional<Receipt>();
  return mined_receipt(known->id);
}

Result<Receipt> TxManager::execute(const TxRequest& request) {
  PB_CHECK(submit(request));
  const std::int64_t deadline = clock_.steady_ms() + options_.wait_ms;
  std::int64_t next_maintenance = clock_.steady_ms() + options_.stuck_ms;
  for (std::int64_t pause = 5;; pause = std::min(pause * 2, options_.poll_ms)) {
    PB_TRY(known, entry_of(request.key));
    if (!known) return fail(Errc::kInternal, "transaction " + request.key + " left the journal");
    PB_TRY(receipt, mined_receipt(known->id));
    if (receipt) {
      PB_CHECK(mark(known->id, receipt->success ? "mined" : "reverted", receipt->block_number));
      if (receipt->success) return std::move(*receipt);
      return fail(Errc::kConflict, "transaction " + receipt->transaction_hash.hex() + " (" + request.key + ") was mined but reverted",
                  receipt->gas_used != 0 ? "check the balance and the allowances of " + crypto::checksum_address(address_) : "");
    }
    if (clock_.steady_ms() > deadline)
      return fail(Errc::kTimeout, "transaction " + request.key + " is not mined yet", "it stays journalled: ask again later");
    if (clock_.steady_ms() > next_maintenance) {
      PB_CHECK(maintain());
      next_maintenance = clock_.steady_ms() + options_.stuck_ms;
    }
    clock_.sleep_ms(pause);
  }
}

Status TxManager::replace(const Entry& entry) {
  PB_TRY(old, decode_transaction(entry.raw));
  PB_TRY(fees, rpc_.fees());
  Transaction next = old.transaction;
  next.max_fee_per_gas = std::max(bumped(next.max_fee_per_gas), fees.max_fee_per_gas);
  next.max_priority_fee_per_gas = std::max(bumped(next.max_priority_fee_per_gas), fees.max_priority_fee_per_gas);
  if (next.max_fee_per_gas > options_.fee_cap_wei)
    return fail(Errc::kExhausted, "transaction " + entry.key + " is stuck at the highest allowed price of gas", "raise the fee cap");
  next.max_priority_fee_per_gas = std::min(next.max_priority_fee_per_gas, next.max_fee_per_gas);
  PB_CHECK(journal_attempt(entry.id, next));
  const auto sent = rpc_.send_raw(signed_bytes(next, key_.sign(signing_hash(next))));
  if (!sent) log::warn("chain", "replacement of {} was not taken: {}", entry.key, sent.error().message);
  return {};
}

/// The nonce seems to be used: gives the intention a new one if it was another transaction that used it. It may as well have been the intention's
/// own: sent by another process of this home, or mined a moment before its receipt is told. Then nothing is to be done, and sending it again would
/// pay twice. So no attempt of it may be known to the node, and that for a while.
Status TxManager::renonce(const Entry& entry) {
  for (int look = 0; look < 10; ++look) {
    PB_TRY(hashes, attempts(entry.id));
    for (const Hash32& hash : hashes) {
      PB_TRY(known, rpc_.call("eth_getTransactionByHash", {hash.hex()}));
      if (!known.is_null()) return {};
    }
    clock_.sleep_ms(50);
  }
  PB_TRY(chain_next, rpc_.transaction_count(address_));
  if (entry.nonce >= chain_next) return {};  // a reorg gave it back
  PB_TRY(old, decode_transaction(entry.raw));
  Transaction next = old.transaction;
  PB_TRY(nonce, next_nonce());
  next.nonce = nonce;
  bool ours = false;  // to give a new one: not when another process of this home has just done so
  PB_CHECK(database_.write([&](store::Connection& db) -> Status {
    PB_TRY(changed, db.run("UPDATE tx_journal SET nonce = ? WHERE id = ? AND nonce = ?", {nonce, entry.id, entry.nonce}));
    ours = changed == 1;
    if (ours) PB_CHECK(db.run("DELETE FROM tx_attempt WHERE journal_id = ?", {entry.id}));
    return {};
  }));
  if (!ours) return {};
  PB_CHECK(journal_attempt(entry.id, next));
  const auto sent = rpc_.send_raw(signed_bytes(next, key_.sign(signing_hash(next))));
  if (!sent) log::warn("chain", "{} is journalled, sending it failed: {}", entry.key, sent.error().message);
  return {};
}

Result<TxManager::Maintenance> TxManager::maintain() {
  const std::lock_guard lock(mutex_);
  Maintenance out;
  PB_TRY(head, rpc_.block_number());
  for (const std::string_view state : {"mined", "reverted"}) {
    PB_TRY(mined, entries_in(state));
    for (const Entry& entry : mined) {
      PB_TRY(receipt, mined_receipt(entry.id));
      if (!receipt) {  // a reorg threw it out
        PB_CHECK(mark(entry.id, "pending", 0));
        ++out.reorged;
      } else if (receipt->block_number + options_.confirmations <= head && state == "mined") {
        PB_CHECK(mark(entry.id, "final", receipt->block_number));
      }
    }
  }
  PB_TRY(chain_next, rpc_.transaction_count(address_));
  PB_TRY(pending, entries_in("pending"));
  for (const Entry& entry : pending) {
    PB_TRY(receipt, mined_receipt(entry.id));
    if (receipt) {
      PB_CHECK(mark(entry.id, receipt->success ? "mined" : "reverted", receipt->block_number));
      continue;
    }
    ++out.pending;
    if (entry.nonce < chain_next) {
      PB_CHECK(renonce(entry));
      ++out.replaced;
    } else if (clock_.unix_ms() - entry.signed_ms > options_.stuck_ms && entry.nonce == chain_next) {
      PB_CHECK(replace(entry));
      ++out.replaced;
    } else {
      if (!rpc_.send_raw(entry.raw)) log::debug("chain", "{} was not taken again", entry.key);
      ++out.rebroadcast;
    }
  }
  return out;
}

}  // namespace peaberry::chain
