#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include <peaberry/base/log.hpp>
#include <peaberry/base/process.hpp>

#include "sandbox.hpp"
#include "seccomp.hpp"

namespace peaberry::compute {
namespace {

/// Bytes and files below a folder, without following links; stops counting beyond the bounds.
struct FolderUse {
  std::uint64_t bytes = 0, files = 0;
};
FolderUse measure(const fs::path& folder, std::uint64_t bytes_max, std::uint64_t files_max) {
  FolderUse out;
  std::error_code code;
  for (auto it = fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, code); it != fs::recursive_directory_iterator();
       it.increment(code)) {
    if (code) break;
    struct stat info {};
    if (lstat(it->path().c_str(), &info) == 0) out.bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;
    ++out.files;
    if (out.bytes > bytes_max || out.files > files_max) break;
  }
  return out;
}

class Bubblewrap final : public Sandbox {
 public:
  Bubblewrap(BubblewrapOptions options, fs::path program, const Clock& clock) : options_(std::move(options)), program_(std::move(program)), clock_(clock) {
    if (options_.use_cgroups) cgroups_ = find_cgroup_driver(options_.parent_group);
    root_ = geteuid() == 0;
  }

  /// Tries a namespace as the jobs' user; as root without another user where only that works.
  Status probe() {
    std::string why;
    for (const bool change_user : {root_, false}) {
      change_user_ = change_user;
      SpawnOptions spawn_options;
      spawn_options.argv = base_arguments();
      spawn_options.argv.insert(spawn_options.argv.end(), {"--", "/usr/bin/true"});
      identity(spawn_options);
      const auto result = run_process(spawn_options, 5000);
      if (result && result->exit.code == 0) return {};
      why = result ? result->output : result.error().message;
    }
    return fail(Errc::kUnsupported, "bubblewrap cannot make a sandbox here: " + why.substr(0, 200),
                "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1), or run outside a plain chroot");
  }

  std::string describe() const override {
    std::string out = "bubblewrap: no network, read-only root, no capabilities, seccomp filter, ";
    out += change_user_ ? "own uid " + std::to_string(options_.uid) : "the node's uid in a user namespace";
    out += cgroups_ ? std::string(", limits by ") + cgroups_->name() : ", limits by rlimit only (no cgroup controller is writable)";
    return out;
  }
  int sweep() override { return cgroups_ ? cgroups_->sweep() : 0; }
  unsigned group_id() const override { return change_user_ ? options_.uid : 0; }

  Result<SandboxResult> run(const SandboxSpec& spec, const std::atomic<bool>& stop) override {
    std::unique_ptr<Cgroup> group;
    if (cgroups_) {
      PB_TRY(created, cgroups_->create(spec.job, spec.limits));
      group = std::move(created);
    }
    if (change_user_ && chown(spec.outputs.c_str(), options_.uid, options_.uid) != 0)
      return fail(Errc::kInternal, "cannot give " + spec.outputs.string() + " to the job's user");
    PB_TRY(filter, make_seccomp_program());
    const Fd log_fd(open(spec.log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!log_fd) return fail(Errc::kInternal, "cannot write " + spec.log.string());

    SpawnOptions child;
    child.argv = base_arguments();
    const auto add = [&](std::initializer_list<std::string> words) { child.argv.insert(child.argv.end(), words); };
    add({"--dir", "/data", "--dir", "/data/inputs", "--dir", "/data/transformations", "--bind", spec.outputs.string(), "/data/outputs"});
    for (const auto& [name, path] : spec.inputs) add({"--ro-bind", path.string(), "/data/inputs/" + name});
    if (!spec.algorithm.empty()) add({"--ro-bind", spec.algorithm.string(), "/data/transformations/algorithm"});
    for (const auto& [name, value] : spec.environment) add({"--setenv", name, value});
    // Last of the mounts: bubblewrap's own root is a writable tmpfs until told otherwise.
    add({"--remount-ro", "/", "--seccomp", std::to_string(filter.get()), "--chdir", "/data", "--"});
    child.argv.insert(child.argv.end(), spec.argv.begin(), spec.argv.end());
    child.clear_environment = true;
    child.inherit = {filter.get()};
    child.stdout_fd = child.stderr_fd = log_fd.get();
    child.die_with_parent = true;
    child.new_session = true;
    identity(child);
    child.limits = {{RLIMIT_CORE, 0}, {RLIMIT_NOFILE, 1024}, {RLIMIT_FSIZE, std::max(spec.disk_bytes, spec.log_bytes)}, {RLIMIT_MEMLOCK, 65536}};
    if (group) {
      child.cgroup_fds = group->entry_fds();
    } else {
      child.limits.emplace_back(RLIMIT_AS, spec.limits.memory_bytes);
      if (change_user_) child.limits.emplace_back(RLIMIT_NPROC, spec.limits.pids);
    }
    const std::int64_t started = clock_.steady_ms();
    PB_TRY(pid, spawn(child));
    SandboxResult result = watch(pid, spec, stop, started);
    result.wall_ms = clock_.steady_ms() - started;
    if (group) {
      result.usage = group->usage();
      result.out_of_memory = result.usage.out_of_memory;
      PB_CHECK(group->remove());
    }
    return result;
  }

 private:
  void identity(SpawnOptions& child) const {
    if (!change_user_) return;
    child.uid = options_.uid;
    child.gid = options_.uid;
  }

  std::vector<std::string> base_arguments() const {
    std::vector<std::string> out = {program_.string(), "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
                                    "--uid", "65534", "--gid", "65534", "--hostname", "sandbox", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"};
    const auto add = [&](std::initializer_list<std::string> words) { out.insert(out.end(), words); };
    if (options_.rootfs.empty()) {
      add({"--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
           "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--ro-bind-try", "/etc/alternatives", "/etc/alternatives"});
    } else {
      add({"--ro-bind", options_.rootfs.string(), "/"});
    }
    add({"--proc", "/proc", "--dev", "/dev", "--size", "67108864", "--tmpfs", "/tmp", "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME", "/tmp", "--setenv", "LANG", "C.UTF-8"});
    return out;
  }

  /// Waits for the end and enforces what the kernel does not count: wall time, output and log size, a stop request.
  SandboxResult watch(pid_t pid, const SandboxSpec& spec, const std::atomic<bool>& stop, std::int64_t started) const {
    SandboxResult result;
    bool killed = false;
    std::int64_t next_measure = started + 50;
    const Fd handle(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    for (;;) {
      int status = 0;
      const pid_t done = waitpid(pid, &status, WNOHANG);
      if (done == pid) {
        result.exit_code = decode_wait_status(status).code;
        break;
      }
      const std::int64_t now = clock_.steady_ms();
      if (!killed && now >= next_measure) {
        result.disk_exceeded = exceeded(spec);
        next_measure = now + 20;
      }
      result.timed_out = result.timed_out || now - started > spec.wall_ms;
      result.stopped = result.stopped || stop.load();
      if (!killed && (result.disk_exceeded || result.timed_out || result.stopped)) {
        kill(pid, SIGKILL);  // bubblewrap's pid namespace dies with it: nothing inside can ignore this
        killed = true;
      }
      pollfd ended{handle.get(), POLLIN, 0};  // wakes at once when it ends, else every 20 ms
      if (!handle || poll(&ended, 1, 20) < 0) clock_.sleep_ms(5);
    }
    result.disk_exceeded = result.disk_exceeded || exceeded(spec);
    return result;
  }

  static bool exceeded(const SandboxSpec& spec) {
    const FolderUse use = measure(spec.outputs, spec.disk_bytes, spec.files_max);
    std::error_code code;
    const auto log_size = fs::file_size(spec.log, code);
    return use.bytes > spec.disk_bytes || use.files > spec.files_max || (!code && log_size > spec.log_bytes);
  }

  BubblewrapOptions options_;
  fs::path program_;
  const Clock& clock_;
  std::unique_ptr<CgroupDriver> cgroups_;
  bool root_ = false;
  bool change_user_ = false;
};

}  // namespace

Result<std::unique_ptr<Sandbox>> make_bubblewrap(const BubblewrapOptions& options, const Clock& clock) {
  auto program = find_program("bwrap");
  if (!program) return fail(Errc::kUnsupported, "bubblewrap is not installed", "apt-get install bubblewrap, or run tools/setup");
  auto sandbox = std::make_unique<Bubblewrap>(options, *program, clock);
  PB_CHECK(sandbox->probe());
  return std::unique_ptr<Sandbox>(std::move(sandbox));
}

}  // namespace peaberry::compute
