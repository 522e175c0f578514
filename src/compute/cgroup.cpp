#include "cgroup.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <thread>

#include <peaberry/base/log.hpp>

namespace peaberry::compute {
namespace {

constexpr std::uint64_t kCpuPeriodUs = 100'000;

Status put(const fs::path& file, const std::string& text) {
  const Fd fd(open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return fail(Errc::kUnsupported, "cannot set " + file.string() + " to " + text);
  return {};
}

std::uint64_t get_number(const fs::path& file, std::string_view key = "") {
  const auto text = read_text(file, 65536);
  if (!text) return 0;
  std::size_t at = 0;
  if (!key.empty()) {
    at = text->find(std::string(key) + " ");
    if (at == std::string::npos) return 0;
    at += key.size() + 1;
  }
  return std::strtoull(text->c_str() + at, nullptr, 10);
}

std::vector<pid_t> members(const fs::path& group) {
  std::vector<pid_t> out;
  const auto text = read_text(group / "cgroup.procs", 1 << 20).value_or("");
  for (const char* at = text.c_str(); *at != '\0';) {
    char* end = nullptr;
    const long pid = std::strtol(at, &end, 10);
    if (end == at) break;
    if (pid > 1) out.push_back(static_cast<pid_t>(pid));
    at = end;
    while (*at == '\n') ++at;
  }
  return out;
}

void kill_members(const fs::path& group) {
  for (int round = 0; round < 200; ++round) {  // a fork bomb may outrun one round
    const auto pids = members(group);
    if (pids.empty()) return;
    for (const pid_t pid : pids) kill(pid, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

Status remove_group(const fs::path& group) {
  for (int round = 0; round < 100; ++round) {
    if (rmdir(group.c_str()) == 0 || errno == ENOENT) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return fail(Errc::kInternal, "cannot remove control group " + group.string());
}

/// One directory for each controller (v1) or one for all (v2).
class GroupBase : public Cgroup {
 public:
  explicit GroupBase(std::vector<fs::path> folders) : folders_(std::move(folders)) {
    for (const auto& folder : folders_) fds_.emplace_back(open((folder / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  }
  ~GroupBase() override { (void)remove().has_value(); }
  std::vector<int> entry_fds() const override {
    std::vector<int> out;
    for (const auto& fd : fds_) out.push_back(fd.get());
    return out;
  }
  void kill_all() override {
    for (const auto& folder : folders_) kill_members(folder);
  }
  Status remove() override {
    if (folders_.empty()) return {};
    kill_all();
    fds_.clear();
    Status out;
    for (const auto& folder : folders_)
      if (auto status = remove_group(folder); !status) out = status;
    folders_.clear();
    return out;
  }

 protected:
  std::vector<fs::path> folders_;

 private:
  std::vector<Fd> fds_;
};

class GroupV1 final : public GroupBase {
 public:
  GroupV1(std::vector<fs::path> folders, fs::path memory, fs::path cpuacct)
      : GroupBase(std::move(folders)), memory_(std::move(memory)), cpuacct_(std::move(cpuacct)) {}
  ResourceUsage usage() const override {
    return {get_number(cpuacct_ / "cpuacct.usage"), get_number(memory_ / "memory.max_usage_in_bytes"), get_number(memory_ / "memory.oom_control", "oom_kill") > 0};
  }

 private:
  fs::path memory_, cpuacct_;
};

class GroupV2 final : public GroupBase {
 public:
  using GroupBase::GroupBase;
  ResourceUsage usage() const override {
    if (folders_.empty()) return {};
    const fs::path& at = folders_.front();
    return {get_number(at / "cpu.stat", "usage_usec") * 1000, get_number(at / "memory.peak"), get_number(at / "memory.events", "oom_kill") > 0};
  }
};

int sweep_folder(const fs::path& parent) {
  int swept = 0;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(parent, code)) {
    if (!entry.is_directory(code)) continue;
    kill_members(entry.path());
    if (remove_group(entry.path())) ++swept;
  }
  return swept;
}

std::string quota(double cpu) { return std::to_string(static_cast<std::uint64_t>(cpu * static_cast<double>(kCpuPeriodUs))); }

class DriverV1 final : public CgroupDriver {
 public:
  DriverV1(std::map<std::string, fs::path> controllers, std::string parent) : controllers_(std::move(controllers)), parent_(std::move(parent)) {}
  const char* name() const override { return "cgroup v1"; }

  Result<std::unique_ptr<Cgroup>> create(const std::string& job, const ResourceLimits& limits) override {
    std::vector<fs::path> folders;
    for (const auto& [controller, root] : controllers_) {
      const fs::path folder = root / parent_ / job;
      PB_CHECK(make_directories(folder));
      folders.push_back(folder);
    }
    auto group = std::make_unique<GroupV1>(folders, controllers_.at("memory") / parent_ / job, controllers_.at("cpuacct") / parent_ / job);
    const fs::path memory = controllers_.at("memory") / parent_ / job, cpu = controllers_.at("cpu") / parent_ / job, pids = controllers_.at("pids") / parent_ / job;
    PB_CHECK(put(memory / "memory.limit_in_bytes", std::to_string(limits.memory_bytes)));
    (void)put(memory / "memory.memsw.limit_in_bytes", std::to_string(limits.memory_bytes)).has_value();  // absent without swap accounting
    PB_CHECK(put(pids / "pids.max", std::to_string(limits.pids)));
    PB_CHECK(put(cpu / "cpu.cfs_period_us", std::to_string(kCpuPeriodUs)));
    PB_CHECK(put(cpu / "cpu.cfs_quota_us", quota(limits.cpu)));
    return std::unique_ptr<Cgroup>(std::move(group));
  }
  int sweep() override {
    int swept = 0;
    for (const auto& [controller, root] : controllers_) swept = std::max(swept, sweep_folder(root / parent_));
    return swept;
  }

 private:
  std::map<std::string, fs::path> controllers_;
  std::string parent_;
};

class DriverV2 final : public CgroupDriver {
 public:
  DriverV2(fs::path root, std::string parent) : parent_(root / parent) {}
  const char* name() const override { return "cgroup v2"; }

  Result<std::unique_ptr<Cgroup>> create(const std::string& job, const ResourceLimits& limits) override {
    PB_CHECK(make_directories(parent_));
    (void)put(parent_ / "cgroup.subtree_control", "+cpu +memory +pids").has_value();
    const fs::path folder = parent_ / job;
    PB_CHECK(make_directories(folder));
    auto group = std::make_unique<GroupV2>(std::vector<fs::path>{folder});
    PB_CHECK(put(folder / "memory.max", std::to_string(limits.memory_bytes)));
    (void)put(folder / "memory.swap.max", "0").has_value();
    PB_CHECK(put(folder / "pids.max", std::to_string(limits.pids)));
    PB_CHECK(put(folder / "cpu.max", quota(limits.cpu) + " " + std::to_string(kCpuPeriodUs)));
    return std::unique_ptr<Cgroup>(std::move(group));
  }
  int sweep() override { return sweep_folder(parent_); }

 private:
  fs::path parent_;
};

bool writable(const fs::path& folder) { return access(folder.c_str(), W_OK) == 0; }

}  // namespace

std::unique_ptr<CgroupDriver> find_cgroup_driver(const std::string& parent, const fs::path& root) {
  if (fs::exists(root / "cgroup.controllers")) {
    const auto controllers = read_text(root / "cgroup.controllers", 4096).value_or("");
    const bool all = controllers.find("memory") != std::string::npos && controllers.find("pids") != std::string::npos && controllers.find("cpu") != std::string::npos;
    return all && writable(root) ? std::make_unique<DriverV2>(root, parent) : nullptr;
  }
  std::map<std::string, fs::path> found;
  for (const char* controller : {"memory", "pids", "cpu", "cpuacct"}) {
    const fs::path folder = root / controller;
    if (!fs::exists(folder / "cgroup.procs") || !writable(folder)) return nullptr;
    std::error_code code;
    found[controller] = fs::canonical(folder, code);  // cpu and cpuacct are often one mount
  }
  return std::make_unique<DriverV1>(std::move(found), parent);
}

}  // namespace peaberry::compute
