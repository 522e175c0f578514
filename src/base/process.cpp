#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>

extern char** environ;

namespace peaberry {
namespace {

std::vector<std::string> make_environment(const SpawnOptions& options) {
  std::map<std::string, std::string> merged;
  if (!options.clear_environment)
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string_view text(*entry);
      const auto equals = text.find('=');
      if (equals != std::string_view::npos) merged[std::string(text.substr(0, equals))] = text.substr(equals + 1);
    }
  for (const auto& [key, value] : options.environment) merged[key] = value;
  std::vector<std::string> out;
  for (const auto& [key, value] : merged) out.push_back(key + "=" + value);
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

/// Runs between fork and exec: only async-signal-safe calls. Reports errno through `report_fd`.
[[noreturn]] void become(const char* program, const SpawnOptions& options, char* const* argv, char* const* env,
                         pid_t parent, int report_fd) {
  int held[3];
  const int null_fd = open("/dev/null", O_RDWR);
  const int wanted[3] = {options.stdin_fd, options.stdout_fd, options.stderr_fd};
  sigset_t none;
  if (options.new_session) setsid();
  for (const int fd : options.cgroup_fds)
    if (write(fd, "0", 1) != 1) goto failed;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGCHLD}) signal(number, SIG_DFL);
  for (int i = 0; i < 3; ++i) held[i] = fcntl(wanted[i] < 0 ? null_fd : wanted[i], F_DUPFD, 10);
  for (int i = 0; i < 3; ++i) dup2(held[i], i);
  for (const int i : held) close(i);
  for (const auto& [which, value] : options.limits) {
    const rlimit limit{value, value};
    if (setrlimit(static_cast<__rlimit_resource>(which), &limit) != 0) goto failed;
  }
  if (options.gid != 0 && (setgroups(0, nullptr) != 0 || setresgid(options.gid, options.gid, options.gid) != 0)) goto failed;
  if (options.uid != 0 && setresuid(options.uid, options.uid, options.uid) != 0) goto failed;
  if (options.die_with_parent) {  // after the change of user, which clears it
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
  }
  for (const int fd : options.inherit) fcntl(fd, F_SETFD, fcntl(fd, F_GETFD) & ~FD_CLOEXEC);
  if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) goto failed;
  execve(program, argv, env);
failed:
  const int code = errno;
  (void)!write(report_fd, &code, sizeof code);
  _exit(127);
}

}  // namespace

Result<fs::path> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (access(name.c_str(), X_OK) == 0) return fs::path(name);
    return fail(Errc::kNotFound, name + " is not an executable file");
  }
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const auto colon = rest.find(':');
    const fs::path candidate = fs::path(rest.substr(0, colon)) / name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  return fail(Errc::kNotFound, "program \"" + name + "\" is not in PATH", "install it, or run tools/setup");
}

fs::path self_executable() {
  std::error_code code;
  return fs::read_symlink("/proc/self/exe", code);
}

Result<pid_t> spawn(const SpawnOptions& options) {
  PB_ASSERT(!options.argv.empty());
  PB_TRY(program, find_program(options.argv.front()));
  const auto environment = make_environment(options);
  const auto argv = pointers(options.argv);
  const auto env = pointers(environment);
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return fail(Errc::kInternal, "cannot make a pipe");
  const Fd read_end(report[0]);
  Fd write_end(report[1]);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return fail(Errc::kExhausted, "cannot fork: " + std::string(std::strerror(errno)));
  if (pid == 0) become(program.c_str(), options, argv.data(), env.data(), parent, report[1]);
  write_end.reset();
  int code = 0;
  ssize_t got = 0;
  do {
    got = read(read_end.get(), &code, sizeof code);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof code) {
    waitpid(pid, nullptr, 0);
    return fail(Errc::kInternal, "cannot start " + program.string() + ": " + std::strerror(code));
  }
  return pid;
}

ExitStatus decode_wait_status(int status) {
  if (WIFSIGNALED(status)) return {128 + WTERMSIG(status), WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

Result<RunResult> run_process(SpawnOptions options, int timeout_ms, std::size_t max_output) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail(Errc::kInternal, "cannot make a pipe");
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  options.stdout_fd = options.stderr_fd = write_end.get();
  PB_TRY(pid, spawn(options));
  write_end.reset();
  RunResult result;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  bool killed = false;
  for (char buffer[65536];;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) {
      kill(pid, SIGKILL);
      killed = true;
      break;
    }
    pollfd poller{read_end.get(), POLLIN, 0};
    if (poll(&poller, 1, static_cast<int>(left)) <= 0) continue;
    const ssize_t got = read(read_end.get(), buffer, sizeof buffer);
    if (got <= 0) break;
    const std::size_t room = max_output - std::min(max_output, result.output.size());
    result.output.append(buffer, std::min<std::size_t>(room, static_cast<std::size_t>(got)));
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  result.exit = decode_wait_status(status);
  if (killed)
    return fail(Errc::kTimeout, options.argv.front() + " did not end within " + std::to_string(timeout_ms) + " ms");
  return result;
}

Result<std::uint64_t> process_start_ticks(pid_t pid) {
  PB_TRY(text, read_text("/proc/" + std::to_string(pid) + "/stat", 4096));
  // Field 22; the second field (the name) may hold spaces and brackets, so count from its end.
  auto at = text.rfind(')');
  if (at == std::string::npos) return fail(Errc::kInternal, "cannot read the process table");
  if (at + 2 < text.size() && text[at + 2] == 'Z') return fail(Errc::kNotFound, "process " + std::to_string(pid) + " has ended");
  for (int field = 2; field < 22; ++field) {
    at = text.find(' ', at + 1);
    if (at == std::string::npos) return fail(Errc::kInternal, "cannot read the process table");
  }
  return std::strtoull(text.c_str() + at + 1, nullptr, 10);
}

}  // namespace peaberry
