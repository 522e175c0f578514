#include <fmt/core.h>

#include <peaberry/base/files.hpp>
#include <peaberry/bindings/direct_verifier.hpp>
#include <peaberry/bindings/owner_accept_verifier.hpp>
#include <peaberry/bindings/quorum_verifier.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/settlement/escrow.hpp>
#include <peaberry/settlement/evidence.hpp>
#include <peaberry/settlement/policy.hpp>

#include "commands.hpp"

namespace peaberry::cli {
namespace {

using settlement::ClaimStatus;
using settlement::JobState;
using settlement::OpenedJob;

/// A policy from a JSON file, or from hex.
json::Object receipt_json(const chain::Receipt& receipt) { return {{"tx", receipt.transaction_hash.hex()}, {"gas", receipt.gas_used}}; }

Result<OpenedJob> find_job(Context& context, settlement::Escrow*& escrow, const std::string& id_text) {
  PB_TRY(opened, context.job_escrow());
  escrow = opened;
  PB_TRY(id, Hash32::parse(id_text, "job id"));
  return escrow->find(id);
}

std::string until_text(std::uint64_t deadline, std::uint64_t now) {
  return deadline >= now ? fmt::format("{} ({} s left)", iso_time(deadline), deadline - now) : fmt::format("{} (over)", iso_time(deadline));
}

/// What may happen next, and who may make it happen.
std::vector<std::string> next_steps(const OpenedJob& job, JobState state, const std::vector<settlement::ClaimInfo>& claims, std::uint64_t now) {
  std::vector<std::string> out;
  if (state == JobState::kFinal) return {"it is paid: whoever earned something withdraws it (peaberry job withdraw)"};
  if (state == JobState::kRefunded) return {"it is refunded: the requester withdraws (peaberry job withdraw)"};
  const std::uint64_t deadline = job.terms.deadline.low64();
  bool accepted = false, rejected = !claims.empty();
  for (const auto& claim : claims) {
    accepted = accepted || claim.status == ClaimStatus::kAccepted;
    rejected = rejected && claim.status == ClaimStatus::kRejected;
    if (claim.status == ClaimStatus::kPending && claim.final_at != settlement::kNever) out.push_back("claim " + claim.claim_id.hex().substr(0, 12) + "… is accepted at " + iso_time(claim.final_at) + " unless somebody objects");
    if (claim.status == ClaimStatus::kPending && claim.final_at == settlement::kNever) out.push_back("claim " + claim.claim_id.hex().substr(0, 12) + "… waits for evidence; time alone never accepts it");
  }
  if (accepted) out.push_back("anybody may pay it out: peaberry job finalise " + job.id.hex());
  else if (now > deadline || (rejected && !job.terms.executor.is_zero())) out.push_back("anybody may send the money back: peaberry job refund " + job.id.hex());
  else out.push_back((job.terms.executor.is_zero() ? std::string("anybody") : crypto::checksum_address(job.terms.executor)) + " may claim until " + until_text(deadline, now));
  return out;
}

}  // namespace

Result<settlement::Policy> read_policy(const std::string& text, const settlement::Contracts& contracts) {
  if (text.starts_with("0x")) {
    PB_TRY(bytes, parse_hex(text, "policy"));
    return settlement::Policy::decode(bytes);
  }
  PB_TRY(content, read_text(text, 1 << 20));
  PB_TRY(document, json::parse(content, {.strict = true}));
  auto policy = settlement::Policy::from_json(document, contracts);
  if (!policy) return within(text, policy.error());
  return policy;
}

Hash32 own_salt(const crypto::PrivateKey& key, std::string_view what, const Hash32& id) {
  Bytes message = to_bytes(what);
  append(message, id.view());
  return crypto::keccak256(key.sign(crypto::keccak256(message)).rsv());
}

Result<Output> policy_show(Context& context, const std::string& text) {
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(policy, read_policy(text, *contracts));
  const auto words = settlement::describe(policy, *contracts);
  json::Object out = words.to_json();
  out["policy"] = hex0x(policy.encode());
  out["policyHash"] = policy.hash().hex();
  return Output{out, words.text() + "policy " + hex0x(policy.encode()) + "\nhash   " + policy.hash().hex()};
}

Result<Output> policy_plan(Context&, const settlement::PlanRequest& request) {
  PB_TRY(plan, settlement::plan_evidence(request));
  return Output{plan.to_json(), plan.text()};
}

Result<Output> job_open(Context& context, const JobOpenOptions& options) {
  PB_TRY(escrow, context.job_escrow());
  PB_TRY(ocean, context.addresses());
  PB_TRY(rpc, context.rpc());
  PB_TRY(policy, read_policy(options.policy, escrow->contracts()));
  settlement::Job job;
  settlement::Terms terms;
  PB_TRY(kind, settlement::parse_claim_kind(options.kind));
  const auto hash = [](const std::string& text, const char* field) -> Result<Hash32> { return text.empty() ? Result<Hash32>(Hash32{}) : Hash32::parse(text, field); };
  const auto address = [](const std::string& text, const char* field) -> Result<Address> { return text.empty() ? Result<Address>(Address{}) : Address::parse(text, field); };
  PB_TRY(subject, hash(options.subject, "subject"));
  PB_TRY(input, hash(options.input, "input"));
  PB_TRY(params, hash(options.params, "params"));
  PB_TRY(executor, address(options.executor, "executor"));
  PB_TRY(callback, address(options.callback, "callback"));
  PB_TRY(fee_to, address(options.fee_to, "fee-to"));
  PB_TRY(royalty_to, address(options.royalty_to, "royalty-to"));
  PB_TRY(token, address(options.token, "token"));
  PB_TRY(amount, parse_units(options.amount, options.decimals, "amount"));
  PB_TRY(bond, parse_units(options.bond, options.decimals, "bond"));
  PB_TRY(head, rpc->latest_block());
  job.chain_id = U256{context.options().chain_id}, job.settlement = escrow->contracts().escrow, job.claim_kind = U256{static_cast<std::uint64_t>(kind)};
  job.subject_root = subject, job.input_root = input, job.params_hash = params, job.policy_hash = policy.hash(), job.requester = escrow->address();
  job.nonce = options.nonce != 0 ? U256{options.nonce} : U256::from(crypto::sha256(context.random().uuid()));
  terms.token = token.is_zero() ? ocean->ocean : token, terms.amount = amount, terms.deadline = U256{head.timestamp + options.seconds}, terms.executor = executor, terms.bond = bond;
  terms.fee_to = fee_to, terms.fee_bps = U256{options.fee_bps}, terms.royalty_to = royalty_to, terms.royalty_bps = U256{options.royalty_bps};
  terms.callback = callback, terms.callback_gas = callback.is_zero() ? U256{} : U256{options.callback_gas};
  context.progress("locking " + options.amount + " and opening the job");
  PB_TRY(receipt, escrow->open(job, terms, policy.encode()));
  const Hash32 id = settlement::job_id(job);
  json::Object out = receipt_json(receipt);
  out["jobId"] = id.hex(), out["job"] = settlement::job_to_json(job), out["terms"] = settlement::terms_to_json(terms), out["policy"] = hex0x(policy.encode());
  return Output{out, fmt::format("opened job {}\n  claims until {}\n  next: peaberry job show {}", id.hex(), iso_time(terms.deadline.low64()), id.hex())};
}

Result<Output> job_show(Context& context, const std::string& id) {
  settlement::Escrow* escrow = nullptr;
  PB_TRY(job, find_job(context, escrow, id));
  PB_TRY(rpc, context.rpc());
  PB_TRY(state, escrow->state(job.id));
  PB_TRY(claims, escrow->claims(job));
  PB_TRY(head, rpc->latest_block());
  PB_TRY(policy, settlement::Policy::decode(job.policy));
  const auto words = settlement::describe(policy, escrow->contracts());
  json::Array rows;
  std::string text = fmt::format("job {} is {}\n  {} asked by {}, {} units of {}\n  claims until {}\n", job.id.hex(), settlement::job_state_name(state.state), settlement::claim_kind_name(job.job.claim_kind.low64()),
                                 crypto::checksum_address(job.job.requester), job.funded.dec(), crypto::checksum_address(job.terms.token), until_text(job.terms.deadline.low64(), head.timestamp));
  for (const auto& claim : claims) {
    rows.push_back(json::Object{{"claimId", claim.claim_id.hex()}, {"executor", crypto::checksum_address(claim.executor)}, {"outputHash", claim.output_hash.hex()}, {"amount", claim.amount.dec()},
                                {"status", settlement::claim_status_name(claim.status)}, {"finalAt", claim.final_at == settlement::kNever ? json::Value(nullptr) : json::Value(claim.final_at)}});
    text += fmt::format("  claim {} by {}: {} units, {}\n", claim.claim_id.hex(), crypto::checksum_address(claim.executor), claim.amount.dec(), settlement::claim_status_name(claim.status));
  }
  json::Array next;
  for (const auto& line : next_steps(job, state.state, claims, head.timestamp)) next.push_back(json::Value(line)), text += "  next: " + line + "\n";
  json::Object out{{"jobId", job.id.hex()}, {"state", settlement::job_state_name(state.state)}, {"openedAt", state.opened_at}, {"funded", job.funded.dec()}, {"job", settlement::job_to_json(job.job)},
                   {"terms", settlement::terms_to_json(job.terms)}, {"policy", words.to_json()}, {"policyBytes", hex0x(job.policy)}, {"claims", rows}, {"next", next}};
  return Output{out, text + words.text()};
}

Result<Output> job_claim(Context& context, const JobClaimOptions& options) {
  settlement::Escrow* escrow = nullptr;
  PB_TRY(job, find_job(context, escrow, options.job));
  PB_TRY(key, context.key());
  PB_TRY(rpc, context.rpc());
  settlement::Answer answer;
  answer.executor = escrow->address();
  if (!options.output_file.empty()) {
    PB_TRY(output, read_file(options.output_file));
    answer.output_hash = crypto::keccak256(output);
    if (!job.terms.callback.is_zero()) answer.output = std::move(output);
  } else {
    PB_TRY(hash, Hash32::parse(options.output_hash, "output-hash"));
    answer.output_hash = hash;
    if (!job.terms.callback.is_zero()) return fail(Errc::kInvalid, "the job has a callback that waits for the output", "give --output FILE");
  }
  answer.amount = job.funded;
  if (!options.amount.empty()) {
    PB_TRY(amount, parse_units(options.amount, options.decimals, "amount"));
    answer.amount = amount;
  }
  settlement::LeafEvidence piece;
  piece.leaf = U256{options.leaf};
  if (!options.data_file.empty()) {
    PB_TRY(data, read_file(options.data_file));
    piece.data = std::move(data);
  }
  for (const auto& vote : options.votes) {
    PB_TRY(bytes, parse_hex(vote, "vote"));
    PB_CHECK(settlement::decode_votes(bytes));
    append(piece.data, bytes);
  }
  json::Array steps;
  if (job.terms.executor.is_zero()) {  // commit, wait for a block, claim
    const Hash32 claim = settlement::claim_id(job.id, answer.executor, answer.output_hash);
    answer.salt = own_salt(*key, "peaberry/claim-salt/1", claim);
    PB_TRY(committed, escrow->commit(job.id, claim, answer.salt));
    steps.push_back(receipt_json(committed));
    context.progress("committed; waiting for the next block");
    for (int i = 0; i < 6000; ++i) {
      PB_TRY(height, rpc->block_number());
      // A local chain mines only when something is sent: the claim itself then comes in a later block.
      if (height > committed.block_number || context.options().chain_id == 8996 || context.options().chain_id == 31337) break;
      context.clock().sleep_ms(100);
    }
  }
  PB_TRY(claimed, escrow->claim(job, answer, {piece}));
  steps.push_back(receipt_json(claimed));
  const Hash32 id = settlement::claim_id(job.id, answer.executor, answer.output_hash);
  return Output{json::Object{{"jobId", job.id.hex()}, {"claimId", id.hex()}, {"outputHash", answer.output_hash.hex()}, {"steps", steps}}, "claimed " + job.id.hex() + "\n  claim " + id.hex() + "\n  next: peaberry job show " + job.id.hex()};
}

Result<Output> job_vote(Context& context, const std::string& id, const std::string& output_text, bool reveal) {
  settlement::Escrow* escrow = nullptr;
  PB_TRY(job, find_job(context, escrow, id));
  PB_TRY(key, context.key());
  PB_TRY(sender, context.sender());
  PB_TRY(rpc, context.rpc());
  PB_TRY(output_hash, Hash32::parse(output_text, "output-hash"));
  PB_TRY(policy, settlement::Policy::decode(job.policy));
  const auto& contracts = escrow->contracts();
  const auto leaf = policy.leaf_of(contracts.quorum);
  if (!leaf) return fail(Errc::kInvalid, "the job's policy has no quorum", "see: peaberry job show " + id);
  PB_TRY(params, settlement::QuorumParams::decode(policy.leaves[*leaf].params));
  const auto seat = params.seat_of(key->address());
  if (!seat) return fail(Errc::kForbidden, crypto::checksum_address(key->address()) + " is not a signer of this job's quorum");
  const Hash32 salt = own_salt(*key, "peaberry/vote-salt/1", job.id);
  if (!reveal) {
    PB_TRY(receipt, sender->execute({.key = "vote:" + job.id.hex(), .to = contracts.quorum, .data = bindings::quorum_verifier::commit(job.id, settlement::vote_commitment(job.id, key->address(), output_hash, salt))}));
    return Output{receipt_json(receipt), "committed a vote on " + job.id.hex() + "; when the commit window has closed: peaberry job reveal"};
  }
  PB_TRY(committed, sender->find("vote:" + job.id.hex()));
  if (!committed) return fail(Errc::kNotFound, "this home has committed no vote on " + id, "peaberry job vote " + id + " --output-hash HASH");
  PB_TRY(block, rpc->block(committed->block_number));
  const auto vote = settlement::sign_vote({context.options().chain_id, contracts.quorum}, *key, *seat, job.id, output_hash, salt, block.timestamp);
  const std::string text = hex0x(settlement::encode_votes({vote}));
  return Output{json::Object{{"jobId", job.id.hex()}, {"vote", text}}, text};
}

Result<Output> job_judge(Context& context, const std::string& id, const std::string& claim_text, bool object) {
  settlement::Escrow* escrow = nullptr;
  PB_TRY(job, find_job(context, escrow, id));
  PB_TRY(key, context.key());
  PB_TRY(sender, context.sender());
  PB_TRY(claim_hash, Hash32::parse(claim_text, "claim id"));
  PB_TRY(claims, escrow->claims(job));
  const auto claim = std::find_if(claims.begin(), claims.end(), [&](const auto& item) { return item.claim_id == claim_hash; });
  if (claim == claims.end()) return fail(Errc::kNotFound, "the job has no claim " + claim_text, "see: peaberry job show " + id);
  PB_TRY(policy, settlement::Policy::decode(job.policy));
  const auto& contracts = escrow->contracts();
  const settlement::VerifierDomain domain{context.options().chain_id, contracts.owner_accept};
  const auto leaf = policy.leaf_of(contracts.owner_accept);
  if (!leaf) return fail(Errc::kInvalid, "the job's policy does not ask the requester");
  const auto signature = key->sign(object ? settlement::object_digest(domain, claim_hash) : settlement::accept_digest(domain, claim_hash)).rsv();
  namespace owner = bindings::owner_accept_verifier;
  const auto twin = settlement::as<owner::Job>(job.job);
  const Bytes data = object ? owner::object(twin, claim->executor, claim->output_hash, settlement::encode_evidence(job.policy, *leaf, signature))
                            : owner::accept(twin, claim->executor, claim->output_hash, Bytes(signature.begin(), signature.end()));
  PB_TRY(receipt, sender->execute({.key = std::string(object ? "object:" : "accept:") + claim_hash.hex(), .to = contracts.owner_accept, .data = data}));
  return Output{receipt_json(receipt), std::string(object ? "objected to " : "accepted ") + claim_text};
}

Result<Output> job_end(Context& context, const std::string& id, bool refund) {
  settlement::Escrow* escrow = nullptr;
  PB_TRY(job, find_job(context, escrow, id));
  PB_TRY(state, escrow->state(job.id));
  if (state.state == JobState::kFinal || state.state == JobState::kRefunded) return fail(Errc::kConflict, "the job is " + std::string(settlement::job_state_name(state.state)) + " already", "withdraw with: peaberry job withdraw");
  Bytes output;
  if (!refund && !job.terms.callback.is_zero()) {
    PB_TRY(claims, escrow->claims(job));
    for (const auto& claim : claims)
      if (claim.status == ClaimStatus::kAccepted && output.empty()) {
        PB_TRY(known, escrow->disclosed(job.id, claim.claim_id));
        output = std::move(known);
      }
  }
  PB_TRY(receipt, refund ? escrow->refund(job) : escrow->finalise(job, output));
  return Output{receipt_json(receipt), refund ? "sent the money back" : "paid the accepted claim"};
}

Result<Output> job_withdraw(Context& context, const std::string& token_text, const std::string& to_text) {
  PB_TRY(escrow, context.job_escrow());
  PB_TRY(ocean, context.addresses());
  Address token = ocean->ocean, to;
  if (!token_text.empty()) {
    PB_TRY(parsed, Address::parse(token_text, "token"));
    token = parsed;
  }
  if (!to_text.empty()) {
    PB_TRY(parsed, Address::parse(to_text, "to"));
    to = parsed;
  }
  PB_TRY(balance, escrow->balance(token, escrow->address()));
  if (balance.is_zero()) return fail(Errc::kConflict, "the escrow owes " + crypto::checksum_address(escrow->address()) + " nothing in " + crypto::checksum_address(token));
  PB_TRY(receipt, escrow->withdraw(token, to, context.random().uuid()));
  json::Object out = receipt_json(receipt);
  out["amount"] = balance.dec();
  return Output{out, "withdrew " + balance.dec() + " units"};
}

Result<Output> model_publish(Context& context, const std::string& file) {
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(sender, context.sender());
  PB_TRY(model, read_file(file, 24'575));
  const Hash32 root = crypto::keccak256(model);
  PB_TRY(receipt, sender->execute({.key = "model:" + root.hex(), .to = contracts->direct, .data = bindings::direct_verifier::publish(model)}));
  json::Object out = receipt_json(receipt);
  out["subjectRoot"] = root.hex();
  return Output{out, "published the model; subjectRoot " + root.hex()};
}

}  // namespace peaberry::cli
