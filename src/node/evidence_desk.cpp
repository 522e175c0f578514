#include "evidence_desk.hpp"

#include <peaberry/base/log.hpp>
#include <peaberry/bindings/ocean_door.hpp>
#include <peaberry/bindings/quorum_verifier.hpp>
#include <peaberry/crypto/hash.hpp>

namespace peaberry::node {

namespace contract = bindings::job_escrow;
using settlement::JobState;
using store::Connection;

namespace {

constexpr const char* kSchema = R"(
CREATE TABLE desk_question(job BLOB PRIMARY KEY, compute_job TEXT NOT NULL, manifest TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX desk_question_compute ON desk_question(compute_job);
CREATE TABLE desk_vote(job BLOB NOT NULL, signer INTEGER NOT NULL, vote BLOB NOT NULL, PRIMARY KEY(job, signer)) STRICT, WITHOUT ROWID;
)";

Result<Hash32> input_root_of(const json::Object& manifest) {
  PB_TRY(inputs, json::array_at(manifest, "inputs"));
  Bytes roots;
  for (const auto& item : *inputs) {
    PB_TRY(entry, json::as_object(item, "manifest input"));
    PB_TRY(root, json::hash_at(*entry, "merkleRoot"));
    append(roots, root.view());
  }
  return crypto::keccak256(roots);
}

constexpr const char* kOtherOutput = "the quorum found another output: nothing is paid";

void ends_unpaid(compute::Job& job, std::string_view why) {
  job.payment->cost = U256{};
  if (why.empty()) return;
  if (!job.status_text.empty()) job.status_text += "; ";
  job.status_text += why;
}

}  // namespace

Status EvidenceDesk::migrate(store::Database& database) {
  PB_CHECK(settlement::Keeper::migrate(database));
  return database.migrate("desk", {{1, kSchema}});
}

EvidenceDesk::EvidenceDesk(Parts parts, const settlement::Contracts& contracts, settlement::Policy policy)
    : parts_(std::move(parts)), policy_(std::move(policy)), escrow_(parts_.rpc, parts_.sender, contracts) {}

Result<std::unique_ptr<EvidenceDesk>> EvidenceDesk::open(Parts parts, const settlement::Contracts& contracts, const settlement::Policy& policy) {
  std::unique_ptr<EvidenceDesk> out(new EvidenceDesk(std::move(parts), contracts, policy));
  PB_CHECK(make_directories(out->parts_.folder, 0700));
  for (std::size_t i = 0; i < policy.leaves.size(); ++i) {
    const auto& leaf = policy.leaves[i];
    auto reply = out->parts_.rpc.eth_call({.to = leaf.verifier, .data = bindings::quorum_verifier::clocks(leaf.params, U256{leaf.window})});
    if (!reply) return within("evidence policy", reply.error());
    PB_TRY(clocks, bindings::quorum_verifier::decode_clocks(*reply));
    if (clocks.disputed_max.bit_length() > 40) return fail(Errc::kInvalid, "evidence policy: verifier " + crypto::checksum_address(leaf.verifier) + " gives no bound on its disputes", "Ocean's locks end: use a verifier that does");
    if (!clocks.stake.is_zero()) return fail(Errc::kInvalid, "evidence policy: a stake of the requester cannot be placed by Ocean's clients", "state a stake of 0");
    out->disputed_max_ = std::max(out->disputed_max_, clocks.disputed_max.low64());
    out->quiet_seconds_ = std::max(out->quiet_seconds_, clocks.quiet_seconds.low64());
    if (leaf.verifier == contracts.quorum) {
      PB_TRY(params, settlement::QuorumParams::decode(leaf.params));
      out->signers_ = params.signers, out->quorum_k_ = params.k, out->quorum_leaf_ = static_cast<std::uint16_t>(i);
    }
  }
  PB_CHECK(out->find_door());
  return out;
}

Status EvidenceDesk::find_door() {
  const std::string key = "door:" + parts_.token.hex() + ":" + policy_.hash().hex();
  PB_TRY(receipt, parts_.sender.execute({.key = key, .to = escrow_.contracts().escrow, .data = contract::create_door(parts_.ocean_escrow, parts_.sender.address(), parts_.token, policy_.hash())}));
  for (const auto& log : receipt.logs)
    if (log.address == escrow_.contracts().escrow && log.topic_count > 0 && log.topics[0] == contract::DoorMadeEvent::topic()) {
      PB_TRY(event, contract::DoorMadeEvent::decode(log));
      door_ = event.door;
      return {};
    }
  return fail(Errc::kInternal, "createDoor told of no door");
}

Status EvidenceDesk::open_job(compute::Job& job, const json::Object& manifest) {
  auto& payment = *job.payment;
  const std::string text = json::stringify(manifest);
  const std::string key = "door-open:" + job.id;
  PB_TRY(before, parts_.sender.find(key));
  if (!before) PB_CHECK(parts_.ocean.check_payer(payment.token, job.payer, door_, payment.locked, payment.lock_seconds));
  if (payment.locked.bit_length() > 96) return fail(Errc::kInvalid, "the job's price is larger than the escrow holds");
  PB_TRY(algorithm, json::object_at(manifest, "algorithm"));
  PB_TRY(subject, json::hash_at(*algorithm, "merkleRoot"));
  PB_TRY(input_root, input_root_of(manifest));
  PB_TRY(head, parts_.rpc.latest_block());
  settlement::Job question;
  question.chain_id = U256{escrow_.contracts().chain_id}, question.settlement = escrow_.contracts().escrow, question.claim_kind = U256{static_cast<std::uint64_t>(settlement::ClaimKind::kTraining)};
  question.subject_root = subject, question.input_root = input_root, question.params_hash = crypto::keccak256(text), question.policy_hash = policy_.hash();
  question.requester = job.payer, question.nonce = U256::from(crypto::sha256(job.id));
  settlement::Terms terms;
  terms.token = payment.token, terms.amount = payment.locked, terms.executor = parts_.sender.address(), terms.door = door_, terms.lock_seconds = U256{payment.lock_seconds};
  terms.deadline = U256{head.timestamp + job.duration_max + job.queue_max + policy_.worst_window()};
  const Hash32 id = settlement::job_id(question);
  PB_CHECK(parts_.database.write([&](Connection& db) -> Status {
    PB_CHECK(db.run("INSERT INTO desk_question(job, compute_job, manifest) VALUES(?, ?, ?) ON CONFLICT DO NOTHING", {id, job.id, text}));
    return {};
  }));
  namespace door = bindings::ocean_door;
  door::Job door_job;
  door_job.from_abi(question.to_abi());
  door::Terms door_terms;
  door_terms.from_abi(terms.to_abi());
  PB_TRY(receipt, parts_.sender.execute({.key = key, .to = door_, .data = door::open(door_job, door_terms, policy_.encode())}));
  payment.lock_tx = receipt.transaction_hash.hex();
  job.question_hash = crypto::keccak256(text).hex();
  job.settlement_job = id.hex();
  job.evidence = signers_.empty() ? "policy" : "quorum " + std::to_string(quorum_k_) + " of " + std::to_string(signers_.size());
  return {};
}

Result<settlement::OpenedJob> EvidenceDesk::opened(const compute::Job& job) {
  PB_TRY(receipt, parts_.sender.find("door-open:" + job.id));
  if (!receipt || !receipt->success) return fail(Errc::kUnavailable, "the job's opening is not on chain (any more)");
  for (const auto& log : receipt->logs)
    if (log.address == escrow_.contracts().escrow && log.topic_count > 0 && log.topics[0] == contract::JobOpenedEvent::topic()) return settlement::OpenedJob::from_log(log);
  return fail(Errc::kInternal, "the job's opening told of no job");
}

Result<Bytes> EvidenceDesk::votes(const Hash32& job) {
  Bytes out;
  unsigned count = 0;
  PB_CHECK(parts_.database.with([&](Connection& db) {
    return db.query("SELECT vote FROM desk_vote WHERE job = ? ORDER BY signer", {job}, [&](const store::Statement& row) { append(out, row.column_blob(0)), ++count; });
  }));
  if (count < quorum_k_) return fail(Errc::kUnavailable, std::to_string(count) + " of " + std::to_string(quorum_k_) + " votes have come in");
  return out;
}

Status EvidenceDesk::settle(compute::Job& job, const Hash32& output_hash, const U256& amount) {
  PB_TRY(on_chain, opened(job));
  PB_TRY(state, escrow_.state(on_chain.id));
  if (state.state == JobState::kFinal) return measure(job, on_chain);
  if (state.state == JobState::kRefunded) {
    ends_unpaid(job, "the money went back: no claim of it was accepted");
    return {};
  }
  PB_TRY(claims, escrow_.claims(on_chain));
  PB_TRY(head, parts_.rpc.latest_block());
  const std::uint64_t now = std::max(head.timestamp, parts_.clock.unix_seconds());  // a chain without traffic has no new block to tell the time by
  const bool over = (claims.empty() ? head.timestamp : now) > on_chain.terms.deadline.low64();
  const bool rejected = !claims.empty() && std::all_of(claims.begin(), claims.end(), [](const auto& claim) { return claim.status == settlement::ClaimStatus::kRejected; });
  const bool accepted = std::any_of(claims.begin(), claims.end(), [](const auto& claim) { return claim.status == settlement::ClaimStatus::kAccepted; });
  if (accepted) {
    PB_CHECK(escrow_.finalise(on_chain, {}));
    return measure(job, on_chain);
  }
  if (over || rejected || (output_hash.is_zero() && claims.empty())) {
    PB_CHECK(escrow_.refund(on_chain));
    ends_unpaid(job, rejected ? kOtherOutput : "");
    return {};
  }
  if (!claims.empty()) return fail(Errc::kUnavailable, "the claim waits for its evidence");
  if (now <= state.opened_at + quiet_seconds_) return fail(Errc::kUnavailable, "votes are still secret: claims open at " + iso_time(state.opened_at + quiet_seconds_));
  settlement::Answer answer;
  answer.executor = parts_.sender.address(), answer.output_hash = output_hash, answer.amount = amount;
  settlement::LeafEvidence evidence;
  evidence.leaf = U256{quorum_leaf_};
  PB_TRY(agreed_reply, parts_.rpc.eth_call({.to = escrow_.contracts().quorum, .data = bindings::quorum_verifier::fixed_output(on_chain.id)}));
  PB_TRY(agreed, bindings::quorum_verifier::decode_fixed_output(agreed_reply));
  if (!signers_.empty() && !agreed.is_zero() && agreed != output_hash) {  // no claim of ours can be accepted any more: give up
    PB_CHECK(escrow_.refund(on_chain));
    ends_unpaid(job, kOtherOutput);
    return {};
  }
  if (!signers_.empty() && agreed.is_zero()) {  // else the votes have spoken on chain already
    PB_TRY(votes_of, votes(on_chain.id));
    evidence.data = std::move(votes_of);
  }
  if (const auto claimed = escrow_.claim(on_chain, answer, {evidence}); !claimed)
    return fail(Errc::kUnavailable, "the claim is not taken yet: " + claimed.error().message);
  return fail(Errc::kUnavailable, "claimed; to be paid out");
}

Status EvidenceDesk::measure(compute::Job& job, const settlement::OpenedJob& on_chain) {
  auto& payment = *job.payment;
  PB_TRY(head, parts_.rpc.block_number());
  PB_TRY(logs, parts_.rpc.logs({.from_block = on_chain.block, .to_block = head, .addresses = {escrow_.contracts().escrow}, .topics0 = {contract::JobFinalEvent::topic()}, .topics1 = {on_chain.id}}));
  if (logs.empty()) return fail(Errc::kUnavailable, "the payment is not on chain (any more)");
  PB_TRY(event, contract::JobFinalEvent::decode(logs.front()));
  payment.claim_tx = logs.front().transaction_hash.hex();
  payment.paid = event.paid;
  payment.cost = on_chain.funded - event.returned;
  return {};
}

Result<json::Object> EvidenceDesk::question(const Hash32& job) {
  std::string manifest;
  PB_CHECK(parts_.database.with([&](Connection& db) { return db.query("SELECT manifest FROM desk_question WHERE job = ?", {job}, [&](const store::Statement& row) { manifest = row.column_text(0); }); }));
  if (manifest.empty()) return fail(Errc::kNotFound, "this node has opened no job " + job.hex());
  PB_TRY(document, json::parse(manifest));
  json::Array signer_list;
  for (const auto& signer : signers_) signer_list.push_back(json::Value(crypto::checksum_address(signer)));
  return json::Object{{"jobId", job.hex()}, {"manifest", document}, {"manifestText", manifest}, {"policy", hex0x(policy_.encode())}, {"signers", signer_list}};
}

Result<std::string> EvidenceDesk::compute_job(const Hash32& job) {
  std::string out;
  PB_CHECK(parts_.database.with([&](Connection& db) { return db.query("SELECT compute_job FROM desk_question WHERE job = ?", {job}, [&](const store::Statement& row) { out = row.column_text(0); }); }));
  if (out.empty()) return fail(Errc::kNotFound, "this node has opened no job " + job.hex());
  return out;
}

Status EvidenceDesk::take_vote(const Hash32& job, ByteView raw) {
  PB_CHECK(compute_job(job));
  PB_TRY(list, settlement::decode_votes(raw));
  for (const auto& vote : list) {
    if (vote.signer >= signers_.size()) return fail(Errc::kForbidden, "vote: there is no signer " + std::to_string(vote.signer));
    const auto signature = crypto::Signature::from_rsv(vote.signature);
    if (!signature) return within("vote", signature.error());
    const auto signer = crypto::recover(settlement::vote_digest({escrow_.contracts().chain_id, escrow_.contracts().quorum}, job, vote.output_hash, vote.salt), *signature);
    if (!signer || *signer != signers_[vote.signer]) return fail(Errc::kUnauthenticated, "vote: the signature is not signer " + std::to_string(vote.signer) + "'s");
    PB_CHECK(parts_.database.write([&](Connection& db) -> Status {
      PB_CHECK(db.run("INSERT OR REPLACE INTO desk_vote(job, signer, vote) VALUES(?, ?, ?)", {job, std::uint64_t{vote.signer}, settlement::encode_votes({vote})}));
      return {};
    }));
  }
  return {};
}

}  // namespace peaberry::node
