#pragma once

// The rules of JobEscrow, QuorumVerifier and OwnerAcceptVerifier from the events alone, without a line of the contracts: what the simulator
// and every wei are held against. Knows policies of one leaf, and OR over a quorum and the requester's silence.

#include <map>
#include <peaberry/bindings/owner_accept_verifier.hpp>
#include <peaberry/bindings/quorum_verifier.hpp>
#include <peaberry/settlement/escrow.hpp>
#include <peaberry/settlement/policy.hpp>
#include <set>
#include <stdexcept>

namespace peaberry::settlement {

/// What the chain did that the rules forbid.
struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Model {
 public:
  explicit Model(const Contracts& contracts) : contracts_(contracts) {}

  enum class Verdict : std::uint8_t { kPending, kAccepted, kRejected };
  struct Claim {
    Address executor;
    Hash32 output;
    U256 amount;
    std::uint64_t order = 0, owner_final_at = 0;
    bool owner_accepted = false, owner_rejected = false;
  };
  struct OneJob {
    Terms terms;
    Address requester;
    bool by_owner = false, by_quorum = false, ended = false, paid = false;
    QuorumParams quorum;
    std::uint64_t owner_window = 0, worst_window = 0, votes_close = 0;
    Hash32 fixed;  ///< the output that the quorum agreed on
    std::map<Hash32, std::set<Address>> votes;
    std::map<Hash32, Claim> claims;
  };
  std::map<Hash32, OneJob> jobs;
  std::map<Address, U256> credit;  ///< what the escrow owes
  U256 held;                       ///< by jobs that have not ended, bonds included

  void opened(const OpenedJob& event, std::uint64_t time) {
    require(!jobs.contains(event.id), "a job was opened twice");
    const auto policy = Policy::decode(event.policy);
    require(policy.has_value(), "a job was opened with a policy that does not decode");
    OneJob job{.terms = event.terms, .requester = event.job.requester};
    for (const Policy::Leaf& leaf : policy->leaves) {
      if (leaf.verifier == contracts_.owner_accept) job.by_owner = true, job.owner_window = leaf.window;
      if (leaf.verifier != contracts_.quorum) continue;
      job.by_quorum = true, job.quorum = *QuorumParams::decode(leaf.params);
      job.votes_close = time + job.quorum.commit_window;
    }
    job.worst_window = policy->worst_window();
    require(time + (job.by_quorum ? job.quorum.commit_window : 0) + job.worst_window <= job.terms.deadline.low64(), "a job was opened that nobody can claim in time");
    held += event.terms.amount;
    jobs[event.id] = std::move(job);
  }

  // ---- the quorum

  void vote_committed(const Hash32& job, const Address& signer, std::uint64_t time) { commitments_[{job, signer}] = time; }
  void vote_revealed(const Hash32& id, const Address& signer, const Hash32& output, std::uint64_t time) {
    OneJob& job = known(id);
    require(job.by_quorum && job.quorum.seat_of(signer).has_value(), "somebody voted who is no signer");
    require(time > job.votes_close, "a vote was shown while the commit window was open");
    const auto commitment = commitments_.find({id, signer});
    require(commitment != commitments_.end() && commitment->second <= job.votes_close, "a vote counted that was not committed in time");
    commitments_.erase(commitment);
    job.votes[output].insert(signer);
  }
  void output_fixed(const Hash32& id, const Hash32& output) {
    OneJob& job = known(id);
    require(job.fixed.is_zero(), "an output was fixed twice");
    require(job.votes[output].size() >= job.quorum.k, "an output was fixed with too few votes");
    job.fixed = output;
  }

  // ---- the requester

  void accepted(const Hash32& claim) { find(claim).second.owner_accepted = true; }
  void objected(const Hash32& claim, std::uint64_t time) {
    Claim& known = find(claim).second;
    require(!known.owner_rejected && !known.owner_accepted && time < known.owner_final_at, "an accepted claim was objected to");
    known.owner_rejected = true;
  }

  // ---- the escrow

  void claimed(const Hash32& id, const Hash32& claim, Claim made, std::uint64_t time) {
    OneJob& job = live(id);
    require(time + job.worst_window <= job.terms.deadline.low64(), "a claim came too late");
    require(!job.by_quorum || time > job.votes_close, "an answer was shown while votes could still copy it");
    require(job.terms.executor.is_zero() || made.executor == job.terms.executor, "somebody else claimed");
    require(made.amount <= job.terms.amount, "more was claimed than there is");
    for (const auto& [other, before] : job.claims) {
      require(before.executor != made.executor || verdict(job, before, time) == Verdict::kRejected, "an executor has two live claims");
      require(!job.terms.executor.is_zero() || before.order != made.order, "two claims have one place");
    }
    made.owner_final_at = time + job.owner_window;
    require(verdict(job, made, time) != Verdict::kRejected, "a claim was taken that is rejected");
    require(job.claims.emplace(claim, std::move(made)).second, "a claim was made twice");
    job_of_claim_[claim] = id;
    held += job.terms.bond;
  }
  void final(const Hash32& id, const Hash32& claim, std::uint64_t time) {
    OneJob& job = live(id);
    require(job.claims.contains(claim), "a claim was paid that was never made");
    const Claim& won = job.claims.at(claim);
    require(verdict(job, won, time) == Verdict::kAccepted, "a claim was paid that is not accepted");
    for (const auto& [other, rival] : job.claims) require(rival.order >= won.order || verdict(job, rival, time) != Verdict::kAccepted, "an earlier claim was passed over");
    credit[won.executor] += won.amount;
    credit[job.requester] += job.terms.amount - won.amount;
    job.paid = true;
    end(job, time);
  }
  void refunded(const Hash32& id, std::uint64_t time, const Address& by) {
    OneJob& job = live(id);
    bool all_rejected = !job.claims.empty();
    for (const auto& [claim, made] : job.claims) {
      require(verdict(job, made, time) != Verdict::kAccepted, "refunded although a claim is accepted");
      all_rejected = all_rejected && verdict(job, made, time) == Verdict::kRejected;
    }
    const bool nobody_else = !job.terms.executor.is_zero() && (all_rejected || (job.claims.empty() && by == job.terms.executor));
    require(time > job.terms.deadline.low64() || nobody_else, "refunded before the deadline");
    credit[job.requester] += job.terms.amount;
    end(job, time);
  }
  void withdrew(const Address& who, const U256& amount) {
    require(credit[who] == amount, "somebody withdrew another amount than it was owed");
    credit[who] = U256{};
  }

  /// What must be true after any block.
  void settle() const {
    for (const auto& [id, job] : jobs)
      for (const auto& [output, voters] : job.votes) require(voters.size() < job.quorum.k || !job.fixed.is_zero(), "k votes agree and no output is fixed");
  }

 private:
  static void require(bool holds, const char* broken) {
    if (!holds) throw Broken(broken);
  }
  /// OR: one acceptance is enough, and it takes every leaf to reject.
  static Verdict verdict(const OneJob& job, const Claim& claim, std::uint64_t time) {
    const bool owner_yes = job.by_owner && !claim.owner_rejected && (claim.owner_accepted || time >= claim.owner_final_at);
    const bool quorum_yes = job.by_quorum && job.fixed == claim.output;
    if (owner_yes || quorum_yes) return Verdict::kAccepted;
    const bool owner_no = !job.by_owner || claim.owner_rejected, quorum_no = !job.by_quorum || !job.fixed.is_zero();
    return owner_no && quorum_no ? Verdict::kRejected : Verdict::kPending;
  }
  OneJob& known(const Hash32& id) {
    const auto found = jobs.find(id);
    require(found != jobs.end(), "something happened to a job that was never opened");
    return found->second;
  }
  OneJob& live(const Hash32& id) {
    OneJob& job = known(id);
    require(!job.ended, "something happened to a job that has ended");
    return job;
  }
  std::pair<OneJob&, Claim&> find(const Hash32& claim) {
    const auto found = job_of_claim_.find(claim);
    require(found != job_of_claim_.end(), "a judgement of no claim");
    OneJob& job = jobs.at(found->second);
    return {job, job.claims.at(claim)};
  }
  void end(OneJob& job, std::uint64_t time) {
    job.ended = true;
    held -= job.terms.amount;
    for (const auto& [claim, made] : job.claims) {
      held -= job.terms.bond;
      credit[verdict(job, made, time) == Verdict::kRejected ? job.requester : made.executor] += job.terms.bond;
    }
  }

  Contracts contracts_;
  std::map<std::pair<Hash32, Address>, std::uint64_t> commitments_;
  std::map<Hash32, Hash32> job_of_claim_;
};

}  // namespace peaberry::settlement
