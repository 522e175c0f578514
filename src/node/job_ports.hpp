#pragma once

#include "node.hpp"

namespace peaberry::node {

/// The job machine's view of this node: files from listings, payment through Ocean's escrow, receipts signed by `attest`.
class NodeJobPorts final : public compute::JobPorts {
 public:
  explicit NodeJobPorts(Node& node) : node_(node) {}
  Status lock_payment(compute::Job& job) override;
  Result<compute::Provision> provision(const compute::Job& job, const fs::path& stage, bool& algorithm_failed) override;
  Result<compute::SandboxResult> run_at_host(compute::Job& job, const std::string& manifest, const compute::Provision& provision, const compute::SandboxSpec& spec, const std::atomic<bool>& stop) override;
  Status settle(compute::Job& job, std::uint64_t seconds) override;
  Result<Attestation> attest(std::string_view text) override;

 private:
  /// What the chain lists of an asset's table, if these bytes are it; empty: no table is listed. kForbidden: they are not.
  Result<json::Object> listed_table(const std::string& did, const fs::path& file);
  Result<std::vector<storage::FileObject>> files_of(const std::string& did, const std::string& service_id);
  Node& node_;
};

}  // namespace peaberry::node
