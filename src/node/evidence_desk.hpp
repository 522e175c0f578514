#pragma once

#include <peaberry/compute/job.hpp>
#include <peaberry/compute/replay.hpp>
#include <peaberry/settlement/keeper.hpp>
#include <peaberry/settlement/ocean_escrow.hpp>
#include <peaberry/settlement/policy.hpp>

namespace peaberry::node {

/// An environment whose pay is released by evidence: its door in Ocean's escrow, the questions it has opened, the votes that came in, and
/// the claims it makes. One for each environment with a policy. Thread-safe.
class EvidenceDesk {
 public:
  struct Parts {
    chain::Rpc& rpc;
    chain::TxManager& sender;
    store::Database& database;
    settlement::OceanEscrow& ocean;
    Address ocean_escrow, token;
    const Clock& clock;
    fs::path folder;  ///< questions' manifests: <folder>/<job>.json
  };
  static Status migrate(store::Database& database);
  /// Finds the environment's door, or makes it. Fails when a verifier of the policy gives no bound on its disputes.
  static Result<std::unique_ptr<EvidenceDesk>> open(Parts parts, const settlement::Contracts& contracts, const settlement::Policy& policy);

  const Address& door() const { return door_; }
  const settlement::Policy& policy() const { return policy_; }
  const settlement::Contracts& contracts() const { return escrow_.contracts(); }
  /// Seconds that a lock lasts beyond job and queue: the policy's worst disputed end and the margin of its payment.
  std::uint64_t extra_lock_seconds() const { return disputed_max_ + kLockMargin; }
  /// The quorum's signers, if the policy has one: only they are handed inputs.
  const std::vector<Address>& signers() const { return signers_; }

  /// Locks the payer's money through the door and opens the job that asks for this manifest's output. Fills the job's question and
  /// settlement. The same compute job is opened once, whatever dies in between.
  Status open_job(compute::Job& job, const json::Object& manifest);
  /// Claims, pays out and measures; to be called again while it says kUnavailable. `output_hash` zero: the run gave nothing, the money
  /// goes back.
  Status settle(compute::Job& job, const Hash32& output_hash, const U256& amount);

  /// What members and clients may ask.
  Result<json::Object> question(const Hash32& job);
  /// Which compute job a settlement's job is.
  Result<std::string> compute_job(const Hash32& job);
  /// Takes a signer's vote: its signature is checked here, its commitment on chain.
  Status take_vote(const Hash32& job, ByteView raw);

 private:
  static constexpr std::uint64_t kLockMargin = 3'600;
  EvidenceDesk(Parts parts, const settlement::Contracts& contracts, settlement::Policy policy);
  Status find_door();
  Result<settlement::OpenedJob> opened(const compute::Job& job);
  Result<Bytes> votes(const Hash32& job);
  Status measure(compute::Job& job, const settlement::OpenedJob& opened);

  Parts parts_;
  settlement::Policy policy_;
  settlement::Escrow escrow_;
  Address door_;
  std::uint64_t disputed_max_ = 0;
  std::vector<Address> signers_;
  unsigned quorum_k_ = 0;
  std::uint16_t quorum_leaf_ = 0;
  std::uint64_t quiet_seconds_ = 0;
};

}  // namespace peaberry::node
