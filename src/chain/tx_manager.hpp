#pragma once

#include <mutex>
#include <peaberry/crypto/keys.hpp>
#include <peaberry/store/sql.hpp>

#include "rpc.hpp"
#include "transaction.hpp"

namespace peaberry::chain {

/// What to do on chain, once. `key` names the intention ("lock:JOB"): asking twice with one key sends one transaction.
struct TxRequest {
  std::string key;
  std::optional<Address> to;
  Bytes data;
  U256 value = {};
  std::optional<std::uint64_t> gas_limit = {};
};

struct TxOptions {
  std::int64_t poll_ms = 100;
  std::int64_t stuck_ms = 30'000;     ///< without a receipt for so long: the fees go up by an eighth and a half
  std::int64_t wait_ms = 300'000;     ///< how long `execute` waits before it says kTimeout (the journal goes on)
  U256 fee_cap_wei{U256{2'000} * U256{1'000'000'000}};  ///< no bump goes beyond this price of gas
  std::uint64_t confirmations = 12;   ///< a transaction so deep is final and leaves the journal's watch
  std::optional<U256> daily_wei_max = {};  ///< what may be spent in 24 hours at worst: values and gas limits × highest prices
};

/// The nonce manager of one account on one chain. Every signed transaction is journalled (committed to the store)
/// before it is broadcast, so that a crash at any point neither loses it nor sends it twice. Stuck ones are replaced
/// under the same nonce; ones that a reorg threw out are sent again. Thread-safe; keep one object per account.
class TxManager {
 public:
  static Status migrate(store::Database& database);
  TxManager(Rpc& rpc, store::Database& database, crypto::PrivateKey key, std::uint64_t chain_id, const Clock& clock, TxOptions options = {});

  /// Sends (or finds) the transaction and waits for its receipt. kConflict: it reverts or reverted (the message says why);
  /// kPayment: the account cannot pay the gas; kTimeout: it is journalled but not mined yet.
  Result<Receipt> execute(const TxRequest& request);
  /// Signs and journals without waiting; returns the hash of the first attempt.
  Result<Hash32> submit(const TxRequest& request);
  /// The receipt of a journalled intention, if it is mined.
  Result<std::optional<Receipt>> find(const std::string& key);
  /// Rebroadcasts what the chain has not mined, replaces what is stuck, re-sends what a reorg dropped, forgets nothing.
  /// Call at start and then regularly.
  struct Maintenance {
    int pending = 0, rebroadcast = 0, replaced = 0, reorged = 0;
  };
  Result<Maintenance> maintain();
  const Address& address() const { return address_; }
  std::uint64_t chain_id() const { return chain_id_; }

 private:
  struct Entry {
    std::int64_t id = 0;
    std::string key;
    std::uint64_t nonce = 0;
    std::string state;
    std::int64_t signed_ms = 0;
    Bytes raw;  ///< the latest attempt
  };
  Result<std::optional<Entry>> entry_of(const std::string& key);
  Result<std::vector<Entry>> entries_in(std::string_view state);
  Result<std::vector<Hash32>> attempts(std::int64_t id);
  Result<std::optional<Receipt>> mined_receipt(std::int64_t id);
  Result<Hash32> sign_and_journal(const TxRequest& request);
  Status journal_attempt(std::int64_t id, const Transaction& transaction);
  Status replace(const Entry& entry);
  Status renonce(const Entry& entry);
  Status mark(std::int64_t id, std::string_view state, std::uint64_t block);
  Result<std::uint64_t> next_nonce();
  /// kExhausted when this transaction could bring the last 24 hours' spending over the limit.
  Status check_daily_limit(const Transaction& next);

  Rpc& rpc_;
  store::Database& database_;
  crypto::PrivateKey key_;
  Address address_;
  std::uint64_t chain_id_;
  const Clock& clock_;
  TxOptions options_;
  std::mutex mutex_;  // one signer at a time: nonces are handed out in order
};

}  // namespace peaberry::chain
