#pragma once

#include <memory>
#include <peaberry/base/files.hpp>
#include <string>
#include <vector>

namespace peaberry::compute {

struct ResourceLimits {
  double cpu = 1;                                  ///< cores
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;
  std::uint64_t pids = 64;
};

/// What a group has used so far.
struct ResourceUsage {
  std::uint64_t cpu_ns = 0;
  std::uint64_t memory_peak_bytes = 0;
  bool out_of_memory = false;
};

/// A control group of one job. Removed (its processes killed first) by `remove` or when it dies.
class Cgroup {
 public:
  virtual ~Cgroup() = default;
  /// Open `cgroup.procs` files for the child to enter.
  virtual std::vector<int> entry_fds() const = 0;
  virtual ResourceUsage usage() const = 0;
  virtual void kill_all() = 0;
  virtual Status remove() = 0;
};

/// The kernel's interface: v1 and v2 back ends. `root` is /sys/fs/cgroup, or a mock of its layout in tests.
class CgroupDriver {
 public:
  virtual ~CgroupDriver() = default;
  virtual const char* name() const = 0;
  virtual Result<std::unique_ptr<Cgroup>> create(const std::string& job, const ResourceLimits& limits) = 0;
  /// Kills and removes what earlier processes left.
  virtual int sweep() = 0;
};

/// The driver that works here, or nullptr when no controller is writable: then limits are rlimits, and say so.
/// `parent` is the group under which all jobs of this node lie, e.g. "peaberry-1a2b".
std::unique_ptr<CgroupDriver> find_cgroup_driver(const std::string& parent, const fs::path& root = "/sys/fs/cgroup");

}  // namespace peaberry::compute
