#pragma once

#include <peaberry/chain/tx_manager.hpp>

#include "contracts.hpp"
#include "job.hpp"

namespace peaberry::settlement {

using Answer = bindings::job_escrow::Answer;
using LeafEvidence = bindings::job_escrow::Evidence;

enum class JobState : std::uint8_t { kNone, kOpen, kClaimed, kFinal, kRefunded };
const char* job_state_name(JobState state);
enum class ClaimStatus : std::uint8_t { kNone, kPending, kAccepted, kRejected };
const char* claim_status_name(ClaimStatus status);
inline constexpr std::uint64_t kNever = ~std::uint64_t{0};

/// A job as its JobOpened event tells it: everything that later calls must bring along.
struct OpenedJob {
  Hash32 id;
  Job job;
  Terms terms;
  Bytes policy;
  U256 funded;
  std::uint64_t block = 0;
  static Result<OpenedJob> from_log(const chain::Log& log);
};

struct ClaimInfo {
  Hash32 claim_id;
  Address executor;
  Hash32 output_hash;
  U256 amount;
  std::uint64_t order = 0;
  ClaimStatus status = ClaimStatus::kNone;
  std::uint64_t final_at = 0;
  /// The reply of claimsOf.
  static Result<std::vector<ClaimInfo>> list_from(ByteView reply);
};

/// JobEscrow as one account uses it. Every transaction has an idempotency key in the journal: a restart repeats nothing. Amounts in the
/// token's smallest unit. Thread-safe.
class Escrow {
 public:
  Escrow(chain::Rpc& rpc, chain::TxManager& sender, const Contracts& contracts) : rpc_(rpc), sender_(sender), contracts_(contracts) {}
  const Address& address() const { return sender_.address(); }
  const Contracts& contracts() const { return contracts_; }

  struct State {
    JobState state = JobState::kNone;
    std::uint64_t opened_at = 0;
  };
  Result<State> state(const Hash32& job);
  /// Looks for the JobOpened event.
  Result<OpenedJob> find(const Hash32& job);
  Result<std::vector<ClaimInfo>> claims(const OpenedJob& job);
  /// The output that a callback waits for, from AnswerDisclosed; empty where none was disclosed.
  Result<Bytes> disclosed(const Hash32& job, const Hash32& claim);
  Result<U256> balance(const Address& token, const Address& account);

  /// Approves what is needed, then opens.
  Result<chain::Receipt> open(const Job& job, const Terms& terms, const Bytes& policy);
  Result<chain::Receipt> commit(const Hash32& job, const Hash32& claim, const Hash32& salt);
  Result<chain::Receipt> claim(const OpenedJob& job, const Answer& answer, const std::vector<LeafEvidence>& evidence);
  Result<chain::Receipt> finalise(const OpenedJob& job, const Bytes& output);
  Result<chain::Receipt> refund(const OpenedJob& job);
  Result<chain::Receipt> withdraw(const Address& token, const Address& to, const std::string& key);

 private:
  chain::Rpc& rpc_;
  chain::TxManager& sender_;
  Contracts contracts_;
};

}  // namespace peaberry::settlement
