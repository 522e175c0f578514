#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <peaberry/compute/runner.hpp>

namespace peaberry::node {

/// What a host says of a run, and signs.
struct HostReport {
  std::string job, manifest_hash;
  Hash32 output_hash;          ///< of `outputs`
  Bytes outputs;               ///< tar; empty when the run gave nothing
  std::string log, refused;    ///< refused: why the host's egress policy let nothing go
  int exit_code = 0;
  bool out_of_memory = false, timed_out = false, disk_exceeded = false;
  std::int64_t wall_ms = 0;
  std::uint64_t cpu_ns = 0;
  Address signer;              ///< the host's attest key
  Bytes signature;             ///< personal_sign of digest()

  /// keccak256 of JSON {jobId, manifestHash, outputHash, wallMs}
  Hash32 digest() const;
  json::Object to_json() const;
  static Result<HostReport> from_json(const json::Object& object);
};

/// Jobs of this node that run at a host which the data's owner has admitted: each waits here, in its worker's thread, until the host has fetched
/// its bytes and brought back what came of them. Nothing is kept beyond that: a node that starts again offers them anew. Thread-safe.
class HostedRuns {
 public:
  /// Offers the run and waits for its report; puts outputs and log where `spec` wants them. kForbidden: the host let nothing go; kTimeout: it did
  /// not report in time. Fills job.host_report and job.host_bytes.
  Result<compute::SandboxResult> run(compute::Job& job, const std::string& manifest, const compute::Provision& provision, const compute::SandboxSpec& spec, const std::atomic<bool>& stop);

  struct Offer {
    std::string job;
    compute::EgressPolicy egress;
  };
  std::vector<Offer> offers(const Address& host);
  /// The job's bytes, for its host alone. kNotFound: no such job waits for this host.
  Result<Bytes> bundle(const std::string& job, const Address& host);
  Status take(const Address& host, HostReport report);

 private:
  struct Entry {
    Address host;
    const compute::Job* job = nullptr;
    const std::string* manifest = nullptr;
    const compute::Provision* provision = nullptr;
    std::optional<HostReport> report;
    std::uint64_t bytes = 0;
  };
  Result<Entry*> find(const std::string& job, const Address& host);
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Entry> waiting_;
};

}  // namespace peaberry::node
