#pragma once

#include <peaberry/compute/sandbox.hpp>
#include <peaberry/net/client.hpp>
#include <set>

#include "node.hpp"

namespace peaberry::node {

/// A host's side of HostedRuns: asks nodes for jobs that wait for it, fetches their bytes sealed to its identity key, runs them in its own sandbox,
/// applies the owner's egress policy, and brings back what may leave, signed. Rows lie sealed on its disk; they are open only while their job
/// runs. One thread.
class Host {
 public:
  struct Parts {
    net::Client& http;
    const NodeKeys& keys;
    compute::Sandbox& sandbox;
    Random& random;
    fs::path home;
    std::vector<std::string> node_urls;
    std::uint64_t output_bytes_max = std::uint64_t{64} << 20;
  };
  explicit Host(Parts parts) : parts_(std::move(parts)) {}
  /// One round over the nodes. An unreachable node is skipped; a job that fails is reported, and not tried again; one whose node went away is.
  Status tick(std::int64_t wall_ms_max);

 private:
  Result<json::Value> ask(const std::string& url, const std::string& path, const std::string& command, json::Object body);
  Status serve(const std::string& url, const std::string& job, const json::Object& egress, std::int64_t wall_ms_max);
  Parts parts_;
  std::set<std::string> done_;
};

}  // namespace peaberry::node
