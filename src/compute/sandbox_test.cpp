// Attacks on the sandbox: each runs hostile code for real and shows that it gets nothing and leaves nothing.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "replay.hpp"
#include "sandbox.hpp"

namespace peaberry::compute {
namespace {

class SandboxAttack : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/var/tmp/peaberry-attack-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
    fs::permissions(folder_, fs::perms(0711));
    auto made = make_bubblewrap({.parent_group = "peaberry-attack-" + std::to_string(getpid())}, clock_);
    if (!made) FAIL() << made.error().text();
    sandbox_ = std::move(*made);
    fs::create_directory(folder_ / "secret");
    ASSERT_TRUE(write_file_atomic(folder_ / "secret" / "key.json", as_bytes("node key"), 0600));
    ASSERT_TRUE(write_file_atomic(folder_ / "input.csv", as_bytes("a,b\n1,2\n"), 0444));
  }
  void TearDown() override {
    std::error_code code;
    fs::remove_all(folder_, code);
  }

  SandboxResult run(const std::string& script, const std::function<void(SandboxSpec&)>& change = {}) {
    SandboxSpec spec;
    spec.job = "attack" + std::to_string(++runs_);
    spec.argv = {"/bin/sh", "-c", script};
    spec.inputs = {{"input.csv", folder_ / "input.csv"}};
    spec.outputs = folder_ / ("out" + std::to_string(runs_));
    fs::create_directory(spec.outputs);
    spec.log = folder_ / ("log" + std::to_string(runs_));
    spec.limits = {1, std::uint64_t{96} << 20, 32};
    spec.disk_bytes = std::uint64_t{16} << 20;
    spec.wall_ms = 10'000;
    if (change) change(spec);
    auto result = sandbox_->run(spec, stop_);
    EXPECT_TRUE(result) << (result ? "" : result.error().text());
    log_ = read_text(spec.log).value_or("");
    outputs_ = spec.outputs;
    EXPECT_EQ(sandbox_->sweep(), 0) << "a control group was left behind";
    return result ? *result : SandboxResult{};
  }

  SystemClock clock_;
  std::unique_ptr<Sandbox> sandbox_;
  std::atomic<bool> stop_{false};
  fs::path folder_, outputs_;
  std::string log_;
  int runs_ = 0;
};

TEST_F(SandboxAttack, HonestCodeReadsItsInputAndWritesItsOutput) {
  const auto result = run("cat /data/inputs/input.csv > /data/outputs/copy.csv; echo done");
  EXPECT_EQ(result.exit_code, 0) << log_;
  EXPECT_EQ(read_text(outputs_ / "copy.csv").value_or(""), "a,b\n1,2\n");
  EXPECT_EQ(log_, "done\n");
}

TEST_F(SandboxAttack, SeesNeitherTheNodesFilesNorOtherJobs) {
  const auto result = run("cat " + (folder_ / "secret/key.json").string() + "; ls /var /root /home /work /tmp/.. ; cat /etc/shadow; find /data /tmp /etc /home /var -name 'key.json' 2>/dev/null");
  EXPECT_EQ(log_.find("node key"), std::string::npos);
  EXPECT_EQ(log_.find("key.json\n/"), std::string::npos);
  EXPECT_NE(result.exit_code, 99);
}

TEST_F(SandboxAttack, CannotWriteOutsideOutputsAndTmp) {
  run("for p in / /usr /usr/bin /data /data/inputs /data/inputs/input.csv /etc /proc/sys/kernel/hostname; do (echo x > $p/evil) 2>/dev/null && echo WROTE $p; done; echo x >> /data/inputs/input.csv && echo WROTE input; true");
  EXPECT_EQ(log_.find("WROTE"), std::string::npos) << log_;
  EXPECT_EQ(read_text(folder_ / "input.csv").value_or(""), "a,b\n1,2\n");
}

TEST_F(SandboxAttack, ForkBombEndsAtThePidLimit) {
  const auto result = run("f() { f | f & }; f; sleep 1; echo alive", [](SandboxSpec& spec) { spec.wall_ms = 3'000; });
  EXPECT_LE(result.wall_ms, 6'000);
}

TEST_F(SandboxAttack, EatingMemoryIsStopped) {
  const auto result = run("/usr/bin/perl -e 'my @a; for (1..400) { push @a, \"x\" x (1024*1024) } print \"ATE\\n\"'");
  EXPECT_EQ(log_.find("ATE"), std::string::npos);
  EXPECT_TRUE(result.out_of_memory || result.exit_code != 0);
  if (sandbox_->describe().find("cgroup") != std::string::npos) {
    EXPECT_TRUE(result.out_of_memory);
  }
}

TEST_F(SandboxAttack, FillingTheDiskIsStopped) {
  const auto one = run("head -c 200000000 /dev/zero > /data/outputs/big");
  EXPECT_TRUE(one.disk_exceeded || one.exit_code != 0);
  EXPECT_LE(fs::file_size(outputs_ / "big"), std::uint64_t{17} << 20);
  const auto many = run("i=0; while :; do head -c 4000000 /dev/zero > /data/outputs/f$i; i=$((i+1)); done");
  EXPECT_TRUE(many.disk_exceeded);
  const auto tiny = run("i=0; while :; do : > /data/outputs/f$i; i=$((i+1)); done", [](SandboxSpec& spec) { spec.files_max = 500; });
  EXPECT_TRUE(tiny.disk_exceeded);
  const auto log = run("yes", [](SandboxSpec& spec) { spec.log_bytes = 1 << 20; });
  EXPECT_TRUE(log.disk_exceeded) << "the log is bounded too";
}

TEST_F(SandboxAttack, HasNoNetwork) {
  run("/usr/bin/perl -MSocket -e 'print socket(my $s, PF_INET, SOCK_STREAM, 0) ? \"SOCKET\" : \"no: $!\"'; ls /sys/class/net 2>/dev/null; (exec 3<>/dev/tcp/127.0.0.1/22) 2>/dev/null && echo CONNECTED");
  EXPECT_EQ(log_.find("SOCKET"), std::string::npos) << log_;
  EXPECT_EQ(log_.find("CONNECTED"), std::string::npos);
  EXPECT_NE(log_.find("no: "), std::string::npos) << log_;
}

TEST_F(SandboxAttack, CannotMakeNamespacesMountOrTrace) {
  run("/usr/bin/unshare -U true 2>/dev/null && echo UNSHARED; /usr/bin/unshare -m true 2>/dev/null && echo UNSHARED; mount -t tmpfs x /tmp 2>/dev/null && echo MOUNTED; "
      "/usr/bin/perl -e 'print syscall(101, 16, 1, 0, 0) == 0 ? \"TRACED\" : \"ptrace: $!\"'; grep -E 'CapEff|Seccomp:|NoNewPrivs' /proc/self/status");
  EXPECT_EQ(log_.find("UNSHARED"), std::string::npos) << log_;
  EXPECT_EQ(log_.find("MOUNTED"), std::string::npos);
  EXPECT_EQ(log_.find("TRACED"), std::string::npos);
  EXPECT_NE(log_.find("CapEff:\t0000000000000000"), std::string::npos) << log_;
  EXPECT_NE(log_.find("Seccomp:\t2"), std::string::npos) << log_;
  EXPECT_NE(log_.find("NoNewPrivs:\t1"), std::string::npos) << log_;
}

TEST_F(SandboxAttack, SeesOnlyItsOwnProcessesAndNoEnvironmentOfTheNode) {
  setenv("PEABERRY_PASSPHRASE_PROBE", "hunter2", 1);
  run("ls /proc | grep -c '^[0-9]'; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'");
  unsetenv("PEABERRY_PASSPHRASE_PROBE");
  EXPECT_EQ(log_.find("hunter2"), std::string::npos);
  EXPECT_LT(std::atoi(log_.c_str()), 8);
}

TEST_F(SandboxAttack, IgnoringSigtermDoesNotHelp) {
  const auto result = run("trap '' TERM INT HUP; while :; do sleep 0.1; done", [](SandboxSpec& spec) { spec.wall_ms = 300; });
  EXPECT_TRUE(result.timed_out);
  EXPECT_LT(result.wall_ms, 3'000);
}

TEST_F(SandboxAttack, StopEndsItAndItsChildren) {
  std::thread stopper([this] {
    clock_.sleep_ms(200);
    stop_ = true;
  });
  const auto result = run("(setsid sleep 1000 &) ; sleep 1000");
  stopper.join();
  EXPECT_TRUE(result.stopped);
  EXPECT_LT(result.wall_ms, 3'000);
}

TEST_F(SandboxAttack, TheJobsUserIsNotTheNodes) {
  run("touch /data/outputs/mine; id -u");
  EXPECT_EQ(log_, "65534\n");
  struct stat info {};
  ASSERT_EQ(stat((outputs_ / "mine").c_str(), &info), 0);
  if (geteuid() == 0 && sandbox_->group_id() != 0) {
    EXPECT_NE(info.st_uid, 0U);
  }
}

TEST_F(SandboxAttack, AJobOfAnotherMachineGetsNoMoreThanThisOneGives) {
  const fs::path job = folder_ / "job";
  fs::create_directories(job / "inputs");
  ASSERT_TRUE(write_file_atomic(job / "algorithm", as_bytes("sleep $WAIT; echo done > /data/outputs/result"), 0644));
  fs::copy_file(folder_ / "input.csv", job / "inputs" / "input.csv");
  Provision provision;
  provision.argv = {"/bin/sh", "/data/transformations/algorithm"};
  provision.algorithm = job / "algorithm";
  provision.inputs = {{"input.csv", job / "inputs" / "input.csv", "did:op:1"}};
  const std::uint64_t mib = std::uint64_t{1} << 20;
  const auto again = [&](const char* wait, const ReplayBounds& bounds) {
    const auto manifest = make_manifest(provision, "did:op:2", {{"WAIT", wait}}, {.cpu = 1, .ram_bytes = 96 * mib, .disk_bytes = 16 * mib, .seconds = 600});
    EXPECT_TRUE(manifest);
    return replay(*sandbox_, *manifest, job, bounds, stop_);
  };
  const ReplayBounds enough{.ram_bytes = 96 * mib, .disk_bytes = 16 * mib, .wall_ms = 60'000};
  const auto good = again("0", enough);
  ASSERT_TRUE(good) << good.error().text();
  for (ReplayBounds less : {ReplayBounds{.ram_bytes = 95 * mib, .disk_bytes = 16 * mib, .wall_ms = 60'000}, ReplayBounds{.ram_bytes = 96 * mib, .disk_bytes = 15 * mib, .wall_ms = 60'000}}) {
    const auto refused = again("0", less);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::kExhausted) << refused.error().text();
  }
  const auto start = clock_.steady_ms();
  const auto cut = again("50", {.ram_bytes = 96 * mib, .disk_bytes = 16 * mib, .wall_ms = 300});
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Errc::kExhausted) << cut.error().text();
  EXPECT_LT(clock_.steady_ms() - start, 20'000);
  const auto small = again("0", {.ram_bytes = 96 * mib, .disk_bytes = 16 * mib, .output_bytes = 2, .wall_ms = 60'000});
  EXPECT_NE(small ? *small : Bytes{}, *good) << "no output is taken that is larger than the bound";
}

}  // namespace
}  // namespace peaberry::compute
