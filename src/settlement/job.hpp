#pragma once

#include <peaberry/base/json.hpp>
#include <peaberry/bindings/job_escrow.hpp>

namespace peaberry::settlement {

/// The nine fields that name a question, and what is paid for its answer: contracts/src/settlement/{Job,IJobEscrow}.sol say what each is.
using Job = bindings::job_escrow::Job;
using Terms = bindings::job_escrow::Terms;

/// The same struct as another contract's bindings declare it.
template <class To, class From>
To as(const From& from) {
  To out;
  out.from_abi(from.to_abi());
  return out;
}

/// What is claimed, never how it is shown.
enum class ClaimKind : std::uint8_t { kInference = 1, kSql = 2, kQuality = 3, kTraining = 4, kEpoch = 5, kMessage = 6 };
Result<ClaimKind> parse_claim_kind(std::string_view name);
std::string claim_kind_name(std::uint64_t kind);

/// keccak256(abi.encode(keccak256("peaberry/job/1"), job)): rival answers share it.
Hash32 job_id(const Job& job);
/// keccak256(abi.encode(keccak256("peaberry/claim/1"), job, executor, output_hash)): one party's answer.
Hash32 claim_id(const Hash32& job, const Address& executor, const Hash32& output_hash);
/// What an executor commits before it may claim an open job.
Hash32 claim_commitment(const Hash32& claim, const Hash32& salt);

json::Object job_to_json(const Job& job);
json::Object terms_to_json(const Terms& terms);
Result<Job> job_from_json(const json::Object& object);
Result<Terms> terms_from_json(const json::Object& object);

}  // namespace peaberry::settlement
