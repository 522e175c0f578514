#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "files.hpp"

namespace peaberry {

/// How to start a child. No shell is involved.
struct SpawnOptions {
  std::vector<std::string> argv;
  /// Replaces the environment when `clear_environment`, else adds to it.
  std::map<std::string, std::string> environment = {};
  bool clear_environment = false;
  /// The child leads a session of its own and outlives us.
  bool new_session = false;
  fs::path directory = {};
  /// -1: /dev/null
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  /// Descriptors that the child keeps under the same number.
  std::vector<int> inherit = {};
  /// Kill the child when the thread that started it ends.
  bool die_with_parent = false;
  /// Open `cgroup.procs` files that the child enters before anything else.
  std::vector<int> cgroup_fds = {};
  /// RLIMIT_… and its value (soft and hard).
  std::vector<std::pair<int, std::uint64_t>> limits = {};
  /// Changes user and group, with no supplementary groups; needs root. 0: stay.
  uid_t uid = 0;
  gid_t gid = 0;
};

/// Starts a program (looked up in PATH). An exec failure is returned here, not found out later.
Result<pid_t> spawn(const SpawnOptions& options);

struct ExitStatus {
  int code = 0;    ///< exit code; 128 + signal when killed
  int signal = 0;  ///< 0 when it ended by itself
};
ExitStatus decode_wait_status(int status);

struct RunResult {
  ExitStatus exit;
  std::string output;  ///< stdout and stderr as they came
};
/// Runs to the end and collects at most `max_output` bytes; kills it after `timeout_ms`.
Result<RunResult> run_process(SpawnOptions options, int timeout_ms, std::size_t max_output = 1 << 20);

/// The start time of a process in clock ticks since boot; tells a reused pid from the same process. A zombie has ended.
Result<std::uint64_t> process_start_ticks(pid_t pid);

Result<fs::path> find_program(const std::string& name);
fs::path self_executable();

}  // namespace peaberry
