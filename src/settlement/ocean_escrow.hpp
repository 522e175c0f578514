#pragma once

#include <peaberry/chain/ocean.hpp>
#include <peaberry/chain/tx_manager.hpp>

namespace peaberry::settlement {

/// Price per started minute, as Ocean's clients compute it: rate × ⌈max(seconds, minimum) ÷ 60⌉. nullopt on overflow.
std::optional<U256> lock_amount(const U256& rate_per_minute, std::uint64_t seconds, std::uint64_t minimum_seconds);
/// What is claimed: rate × max(seconds, minimum) ÷ 60, floored, never more than `locked`.
U256 claim_amount(const U256& rate_per_minute, std::uint64_t seconds, std::uint64_t minimum_seconds, const U256& locked);

struct EscrowFunds {
  U256 available, locked;
};
struct EscrowAuthorization {
  Address payee;
  U256 max_locked, current_locked, max_lock_seconds, max_lock_counts, current_locks;
};
struct EscrowLock {
  U256 job_id;
  Address payer;
  U256 amount, expiry;
  Address token;
};

/// Ocean's Escrow as one payee uses it. Every transaction has an idempotency key, so that a restart repeats nothing.
/// No evidence is looked at: what is claimed here is *unchecked*. Thread-safe.
class OceanEscrow {
 public:
  OceanEscrow(chain::Rpc& rpc, chain::TxManager& sender, const chain::OceanAddresses& addresses, const Clock& clock)
      : rpc_(rpc), sender_(sender), addresses_(addresses), clock_(clock) {}

  /// sha256 of the job's name as a number: what Ocean's nodes use.
  static U256 job_number(std::string_view job_id);
  Result<EscrowFunds> funds(const Address& payer, const Address& token);
  Result<std::vector<EscrowAuthorization>> authorizations(const Address& token, const Address& payer, const Address& payee);
  Result<std::optional<EscrowLock>> find_lock(const Address& token, const Address& payer, const U256& job);

  /// kPayment with a sentence for the consumer when funds or its authorisation of `payee` do not suffice.
  Status check_payer(const Address& token, const Address& payer, const Address& payee, const U256& amount, std::uint64_t expiry_seconds);
  /// The same check, then the lock.
  Result<chain::Receipt> lock(std::string_view job_id, const Address& token, const Address& payer, const U256& amount, std::uint64_t expiry_seconds);
  struct Claim {
    Hash32 transaction;
    U256 paid;          ///< measured: what really reached us
    std::uint64_t gas_used = 0;
    bool expired = false;
  };
  /// Claims `amount` and withdraws it; the rest of the lock is freed. An expired lock pays nothing and is cancelled.
  Result<Claim> claim(std::string_view job_id, const Address& token, const Address& payer, const U256& amount, ByteView proof);

 private:
  chain::Rpc& rpc_;
  chain::TxManager& sender_;
  const chain::OceanAddresses& addresses_;
  const Clock& clock_;
};

}  // namespace peaberry::settlement
