#pragma once

#include "evidence.hpp"
#include "job_book.hpp"

namespace peaberry::settlement {

struct KeeperOptions {
  bool for_others = false;            ///< also finalise and refund jobs in which this account has no part
  std::int64_t withdraw_every_ms = 600'000;  ///< what was earned is pulled at most so often; 0: never by itself
  std::size_t batch_max = 100;        ///< claims looked at in one RPC batch
};

/// Does by itself what the escrow waits for: claims what was intended, finalises accepted claims, refunds what can be refunded, withdraws.
/// It acts on the book as of one block and on the escrow's own word about each claim; every action is a journalled transaction, so that
/// neither a crash nor a reorg loses or repeats one. Call `tick` after the book has caught up. Not thread-safe.
class Keeper {
 public:
  static Status migrate(store::Database& database);
  Keeper(chain::Rpc& rpc, chain::TxManager& sender, store::Database& database, JobBook& book, const Contracts& contracts, const Clock& clock, KeeperOptions options = {});

  /// Stores a claim to be made as soon as the job takes it (a quorum keeps its claims quiet for a while). Survives restarts; the
  /// same claim is intended once. Where anybody may answer, it is committed first; answer.salt must then be random. A bond is
  /// taken from this account, which approves the escrow for it.
  Status intend_claim(const Hash32& job, const Answer& answer, const std::vector<LeafEvidence>& evidence);
  struct Tick {
    int claimed = 0, finalised = 0, refunded = 0, withdrawn = 0, waiting = 0;
  };
  Result<Tick> tick();

 private:
  struct Intention {
    Hash32 job;
    Answer answer;
    std::vector<LeafEvidence> evidence;
  };
  enum class Action : std::uint8_t { kNone, kFinalise, kRefund };
  Result<std::vector<Intention>> intentions();
  Status forget_intention(const Hash32& job);
  Status make_claims(Tick& tick);
  Result<std::vector<std::vector<ClaimInfo>>> claims_of(const std::vector<JobBook::Entry>& entries);
  Action decide(const JobBook::Entry& entry, const std::vector<ClaimInfo>& claims, std::uint64_t block_time, const ClaimInfo*& winner) const;
  /// Sends under the first key that was not used up by a reverted transaction. False when the chain refuses it (somebody was first).
  Result<bool> send(const std::string& key, const Bytes& data, const U256& value = {});
  Status allow_bond(const Terms& terms);
  Status withdraw_earnings(Tick& tick);
  bool is_ours(const JobBook::Entry& entry) const;

  chain::Rpc& rpc_;
  chain::TxManager& sender_;
  store::Database& database_;
  JobBook& book_;
  Contracts contracts_;
  const Clock& clock_;
  KeeperOptions options_;
  std::int64_t next_withdrawal_ms_ = 0;
};

}  // namespace peaberry::settlement
