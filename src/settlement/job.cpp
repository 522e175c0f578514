#include "job.hpp"

#include <peaberry/crypto/keys.hpp>
#include <peaberry/crypto/words.hpp>

namespace peaberry::settlement {
namespace {

constexpr const char* kKinds[] = {"inference", "sql", "quality", "training", "epoch", "message"};

/// An optional member of a JSON object.
template <class T, class Read>
Status optional_field(const json::Object& object, std::string_view key, T& slot, Read read) {
  if (json::find(object, key) == nullptr) return {};
  PB_TRY(value, read(object, key));
  slot = value;
  return {};
}

}  // namespace

Result<ClaimKind> parse_claim_kind(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kKinds); ++i)
    if (name == kKinds[i]) return static_cast<ClaimKind>(i + 1);
  return fail(Errc::kInvalid, "claim kind \"" + std::string(name) + "\" is unknown", "use inference, sql, quality, training, epoch or message");
}

std::string claim_kind_name(std::uint64_t kind) { return kind >= 1 && kind <= std::size(kKinds) ? kKinds[kind - 1] : "kind " + std::to_string(kind); }

Hash32 job_id(const Job& job) {
  static const Hash32 kTag = crypto::keccak256("peaberry/job/1");
  return crypto::hash_words(kTag, job.chain_id, job.settlement, job.claim_kind, job.subject_root, job.input_root, job.params_hash, job.policy_hash, job.requester, job.nonce);
}

Hash32 claim_id(const Hash32& job, const Address& executor, const Hash32& output_hash) {
  static const Hash32 kTag = crypto::keccak256("peaberry/claim/1");
  return crypto::hash_words(kTag, job, executor, output_hash);
}

Hash32 claim_commitment(const Hash32& claim, const Hash32& salt) { return crypto::hash_words(claim, salt); }

json::Object job_to_json(const Job& job) {
  return {{"chainId", job.chain_id.dec()},        {"settlement", crypto::checksum_address(job.settlement)}, {"claimKind", claim_kind_name(job.claim_kind.low64())},
          {"subjectRoot", job.subject_root.hex()}, {"inputRoot", job.input_root.hex()},                     {"paramsHash", job.params_hash.hex()},
          {"policyHash", job.policy_hash.hex()},   {"requester", crypto::checksum_address(job.requester)},   {"nonce", job.nonce.dec()}};
}

json::Object terms_to_json(const Terms& terms) {
  const auto address = [](const Address& a) { return a.is_zero() ? json::Value(nullptr) : json::Value(crypto::checksum_address(a)); };
  return {{"token", address(terms.token)},         {"amount", terms.amount.dec()},           {"deadline", terms.deadline.low64()},      {"executor", address(terms.executor)},
          {"bond", terms.bond.dec()},              {"feeTo", address(terms.fee_to)},         {"feeBps", terms.fee_bps.low64()},         {"royaltyTo", address(terms.royalty_to)},
          {"royaltyBps", terms.royalty_bps.low64()}, {"callback", address(terms.callback)},  {"callbackGas", terms.callback_gas.low64()}, {"door", address(terms.door)},
          {"lockSeconds", terms.lock_seconds.low64()}};
}

Result<Job> job_from_json(const json::Object& object) {
  Job out;
  PB_TRY(chain_id, json::u256_at(object, "chainId"));
  PB_TRY(settlement, json::address_at(object, "settlement"));
  PB_TRY(kind_name, json::string_at(object, "claimKind"));
  PB_TRY(kind, parse_claim_kind(kind_name));
  PB_TRY(subject, json::hash_at(object, "subjectRoot"));
  PB_TRY(input, json::hash_at(object, "inputRoot"));
  PB_TRY(params, json::hash_at(object, "paramsHash"));
  PB_TRY(policy, json::hash_at(object, "policyHash"));
  PB_TRY(requester, json::address_at(object, "requester"));
  PB_TRY(nonce, json::u256_at(object, "nonce"));
  out.chain_id = chain_id, out.settlement = settlement, out.claim_kind = U256{static_cast<std::uint64_t>(kind)}, out.subject_root = subject, out.input_root = input;
  out.params_hash = params, out.policy_hash = policy, out.requester = requester, out.nonce = nonce;
  return out;
}

Result<Terms> terms_from_json(const json::Object& object) {
  Terms out;
  PB_TRY(token, json::address_at(object, "token"));
  PB_TRY(amount, json::u256_at(object, "amount"));
  PB_TRY(deadline, json::u256_at(object, "deadline"));
  out.token = token, out.amount = amount, out.deadline = deadline;
  const auto address = [](const json::Object& from, std::string_view key) -> Result<Address> {
    const auto* value = json::find(from, key);
    return value->is_null() ? Result<Address>(Address{}) : json::address_at(from, key);
  };
  PB_CHECK(optional_field(object, "executor", out.executor, address));
  PB_CHECK(optional_field(object, "feeTo", out.fee_to, address));
  PB_CHECK(optional_field(object, "royaltyTo", out.royalty_to, address));
  PB_CHECK(optional_field(object, "callback", out.callback, address));
  PB_CHECK(optional_field(object, "door", out.door, address));
  PB_CHECK(optional_field(object, "bond", out.bond, json::u256_at));
  PB_CHECK(optional_field(object, "feeBps", out.fee_bps, json::u256_at));
  PB_CHECK(optional_field(object, "royaltyBps", out.royalty_bps, json::u256_at));
  PB_CHECK(optional_field(object, "callbackGas", out.callback_gas, json::u256_at));
  PB_CHECK(optional_field(object, "lockSeconds", out.lock_seconds, json::u256_at));
  return out;
}

}  // namespace peaberry::settlement
