#include "escrow.hpp"

#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/crypto/keys.hpp>

namespace peaberry::settlement {

namespace contract = bindings::job_escrow;
namespace token_contract = bindings::erc20_template;

const char* job_state_name(JobState state) {
  constexpr const char* kNames[] = {"none", "open", "claimed", "final", "refunded"};
  return kNames[static_cast<std::size_t>(state)];
}
const char* claim_status_name(ClaimStatus status) {
  constexpr const char* kNames[] = {"none", "pending", "accepted", "rejected"};
  return kNames[static_cast<std::size_t>(status)];
}

Result<OpenedJob> OpenedJob::from_log(const chain::Log& log) {
  PB_TRY(event, contract::JobOpenedEvent::decode(log));
  if (job_id(event.job) != event.job_id) return fail(Errc::kInvalid, "JobOpened names another id than its job has");
  return OpenedJob{event.job_id, event.job, event.terms, event.policy, event.funded, log.block_number};
}

Result<std::vector<ClaimInfo>> ClaimInfo::list_from(ByteView reply) {
  PB_TRY(list, contract::decode_claims_of(reply));
  std::vector<ClaimInfo> out;
  for (const auto& item : list)
    out.push_back({item.claim_id, item.executor, item.output_hash, item.amount, item.order.low64(), static_cast<ClaimStatus>(item.status.low64() & 3), item.final_at.low64()});
  return out;
}

Result<Escrow::State> Escrow::state(const Hash32& job) {
  PB_TRY(reply, rpc_.eth_call({.to = contracts_.escrow, .data = contract::job_state(job)}));
  PB_TRY(state, contract::decode_job_state(reply));
  if (state.state.low64() > 4) return fail(Errc::kInvalid, "JobEscrow answers an unknown state");
  return State{static_cast<JobState>(state.state.low64()), state.opened_at.low64()};
}

Result<OpenedJob> Escrow::find(const Hash32& job) {
  PB_TRY(head, rpc_.block_number());
  PB_TRY(logs, rpc_.logs({.from_block = contracts_.start_block, .to_block = head, .addresses = {contracts_.escrow}, .topics0 = {contract::JobOpenedEvent::topic()}, .topics1 = {job}}));
  if (logs.empty()) return fail(Errc::kNotFound, "no job " + job.hex() + " was opened at " + crypto::checksum_address(contracts_.escrow));
  return OpenedJob::from_log(logs.front());
}

Result<std::vector<ClaimInfo>> Escrow::claims(const OpenedJob& job) {
  PB_TRY(reply, rpc_.eth_call({.to = contracts_.escrow, .data = contract::claims_of(job.job, job.terms, job.policy)}));
  return ClaimInfo::list_from(reply);
}

Result<Bytes> Escrow::disclosed(const Hash32& job, const Hash32& claim) {
  PB_TRY(head, rpc_.block_number());
  PB_TRY(logs, rpc_.logs({.from_block = contracts_.start_block, .to_block = head, .addresses = {contracts_.escrow}, .topics0 = {contract::AnswerDisclosedEvent::topic()}, .topics1 = {job}}));
  for (const auto& log : logs) {
    PB_TRY(event, contract::AnswerDisclosedEvent::decode(log));
    if (event.claim_id == claim) return event.output;
  }
  return Bytes{};
}

Result<U256> Escrow::balance(const Address& token, const Address& account) {
  PB_TRY(reply, rpc_.eth_call({.to = contracts_.escrow, .data = contract::balance_of(token, account)}));
  return contract::decode_balance_of(reply);
}

Result<chain::Receipt> Escrow::open(const Job& job, const Terms& terms, const Bytes& policy) {
  const std::string id = job_id(job).hex();
  PB_TRY(before, sender_.find("open:" + id));
  if (!before) {
    PB_TRY(reply, rpc_.eth_call({.to = terms.token, .data = token_contract::allowance(address(), contracts_.escrow)}));
    PB_TRY(allowed, token_contract::decode_allowance(reply));
    if (allowed < terms.amount) PB_CHECK(sender_.execute({.key = "approve:" + id, .to = terms.token, .data = token_contract::approve(contracts_.escrow, terms.amount)}));
  }
  return sender_.execute({.key = "open:" + id, .to = contracts_.escrow, .data = contract::open(job, terms, policy)});
}

Result<chain::Receipt> Escrow::commit(const Hash32& job, const Hash32& claim, const Hash32& salt) {
  return sender_.execute({.key = "commit:" + claim.hex(), .to = contracts_.escrow, .data = contract::commit(job, claim_commitment(claim, salt))});
}

Result<chain::Receipt> Escrow::claim(const OpenedJob& job, const Answer& answer, const std::vector<LeafEvidence>& evidence) {
  const std::string id = claim_id(job.id, answer.executor, answer.output_hash).hex();
  if (!job.terms.bond.is_zero()) PB_CHECK(sender_.execute({.key = "bond:" + id, .to = job.terms.token, .data = token_contract::approve(contracts_.escrow, job.terms.bond)}));
  U256 value;
  for (const auto& piece : evidence) value += piece.value;
  return sender_.execute({.key = "claim:" + id, .to = contracts_.escrow, .data = contract::claim(job.job, job.terms, job.policy, answer, evidence), .value = value});
}

Result<chain::Receipt> Escrow::finalise(const OpenedJob& job, const Bytes& output) {
  return sender_.execute({.key = "finalise:" + job.id.hex(), .to = contracts_.escrow, .data = contract::finalise(job.job, job.terms, job.policy, output)});
}

Result<chain::Receipt> Escrow::refund(const OpenedJob& job) {
  return sender_.execute({.key = "refund:" + job.id.hex(), .to = contracts_.escrow, .data = contract::refund(job.job, job.terms, job.policy)});
}

Result<chain::Receipt> Escrow::withdraw(const Address& token, const Address& to, const std::string& key) {
  return sender_.execute({.key = "withdraw:" + key, .to = contracts_.escrow, .data = contract::withdraw(token, to)});
}

}  // namespace peaberry::settlement
