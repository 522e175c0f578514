#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <peaberry/base/clock.hpp>

#include "cgroup.hpp"

namespace peaberry::compute {

/// One run. Paths are the host's; inside, inputs lie at /data/inputs/<name> (read-only), the algorithm at
/// /data/transformations/algorithm, and only /data/outputs and /tmp can be written.
struct SandboxSpec {
  std::string job;                             ///< name for the control group
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;
  std::vector<std::pair<std::string, fs::path>> inputs;  ///< name inside /data/inputs → host path
  fs::path algorithm;                          ///< empty: none
  fs::path outputs;                            ///< an empty folder; made writable for the job's user
  fs::path log;                                ///< stdout and stderr go here
  ResourceLimits limits;
  std::uint64_t disk_bytes = std::uint64_t{256} << 20;  ///< all of outputs, and of /tmp each
  std::uint64_t log_bytes = std::uint64_t{1} << 20;
  std::uint64_t files_max = 4096;
  std::int64_t wall_ms = 3'600'000;
};

struct SandboxResult {
  int exit_code = 0;
  bool out_of_memory = false;
  bool timed_out = false;
  bool disk_exceeded = false;
  bool stopped = false;      ///< by `stop`
  ResourceUsage usage;
  std::int64_t wall_ms = 0;
};

/// Runs untrusted code. Back ends: bubblewrap (here); OCI runtimes and enclaves come behind the same port.
class Sandbox {
 public:
  virtual ~Sandbox() = default;
  /// Runs to the end on the calling thread. `stop` may be set from another thread. Leaves no process and no group behind.
  virtual Result<SandboxResult> run(const SandboxSpec& spec, const std::atomic<bool>& stop) = 0;
  /// What holds the job: for `doctor` and the environment's description.
  virtual std::string describe() const = 0;
  /// Ends what an earlier node process left. Returns how many groups.
  virtual int sweep() = 0;
  /// The group that jobs run as; files for them should be readable by it. 0: the node's own.
  virtual unsigned group_id() const = 0;
};

struct BubblewrapOptions {
  std::string parent_group = "peaberry";  ///< the control group's name; one a node
  unsigned uid = 64'000;                  ///< the jobs' user and group when the node is root
  fs::path rootfs = {};                   ///< empty: the host's /usr, read-only
  bool use_cgroups = true;
};
/// Fails with kUnsupported and a remedy when bubblewrap is missing or cannot make namespaces here.
Result<std::unique_ptr<Sandbox>> make_bubblewrap(const BubblewrapOptions& options, const Clock& clock);

}  // namespace peaberry::compute
