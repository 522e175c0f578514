#pragma once

#include <peaberry/compute/sandbox.hpp>
#include <peaberry/net/client.hpp>
#include <peaberry/settlement/keeper.hpp>
#include <peaberry/settlement/policy.hpp>

#include "config.hpp"

namespace peaberry::node {

struct MemberOptions {
  std::vector<std::string> node_urls;  ///< nodes whose jobs are checked
  std::int64_t poll_ms = 500;
  std::int64_t grace_seconds = 10;     ///< then a vote that the executor has not used is revealed on chain
  std::int64_t job_seconds_max = 3'600;      ///< nobody's job keeps this machine longer, nor beyond its own commit window
  std::uint64_t job_ram_max = 0;             ///< bytes; 0: three quarters of the machine's
  std::uint64_t output_bytes_max = std::uint64_t{64} << 20;
};

/// A quorum's signer: follows the escrow, runs each job that asks for its vote again from bytes it is handed, commits what it found, and
/// opens its vote when the window has closed – to the executor, or on chain when that is silent. Also keeps the escrow: what is accepted
/// is paid, what is rejected goes back, whoever died; and, as a host, runs the jobs that wait for it (host.hpp). One process, one account, one thread.
class Member {
 public:
  static Result<std::unique_ptr<Member>> start(NodeConfig config, MemberOptions options);
  ~Member();
  const Address& address() const;
  /// One look at the chain. Errors of single jobs are logged and tried again.
  Status tick();

 private:
  struct Parts;
  struct Found;
  explicit Member(std::unique_ptr<Parts> parts);
  Status look_at(const settlement::OpenedJob& job, std::uint64_t now);
  Result<Hash32> run_again(const settlement::OpenedJob& job, std::uint64_t seconds_left);
  std::unique_ptr<Parts> parts_;
};

}  // namespace peaberry::node
