#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "cgroup.hpp"

namespace peaberry::compute {
namespace {

/// A folder laid out as the kernel lays out /sys/fs/cgroup; the files of a group are made by hand, as the kernel would.
class MockCgroups : public testing::Test {
 protected:
  void SetUp() override { root_ = fs::temp_directory_path() / ("peaberry-cgroup-" + std::to_string(getpid())), fs::create_directories(root_); }
  void TearDown() override { fs::remove_all(root_); }
  void file(const fs::path& path, const std::string& text = "") {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::string text(const fs::path& path) { return read_text(root_ / path).value_or("(none)"); }
  fs::path root_;
};

TEST_F(MockCgroups, VersionTwoGetsItsLimitsAndTellsItsUsage) {
  file("cgroup.controllers", "cpuset cpu io memory hugetlb pids");
  file("peaberry-x/cgroup.subtree_control");
  for (const char* name : {"cgroup.procs", "memory.max", "memory.swap.max", "pids.max", "cpu.max"}) file(fs::path("peaberry-x/job1") / name);
  const auto driver = find_cgroup_driver("peaberry-x", root_);
  ASSERT_TRUE(driver);
  EXPECT_STREQ(driver->name(), "cgroup v2");
  {
    auto group = driver->create("job1", {.cpu = 1.5, .memory_bytes = 1 << 20, .pids = 7});
    ASSERT_TRUE(group) << group.error().text();
    EXPECT_EQ(text("peaberry-x/job1/memory.max"), "1048576");
    EXPECT_EQ(text("peaberry-x/job1/memory.swap.max"), "0");
    EXPECT_EQ(text("peaberry-x/job1/pids.max"), "7");
    EXPECT_EQ(text("peaberry-x/job1/cpu.max"), "150000 100000");
    EXPECT_EQ(text("peaberry-x/cgroup.subtree_control"), "+cpu +memory +pids");
    ASSERT_EQ((*group)->entry_fds().size(), 1U);
    EXPECT_GE((*group)->entry_fds()[0], 0);
    file("peaberry-x/job1/cpu.stat", "usage_usec 1500\nuser_usec 1000\n");
    file("peaberry-x/job1/memory.peak", "4096\n");
    file("peaberry-x/job1/memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n");
    const auto usage = (*group)->usage();
    EXPECT_EQ(usage.cpu_ns, 1'500'000U);
    EXPECT_EQ(usage.memory_peak_bytes, 4096U);
    EXPECT_TRUE(usage.out_of_memory);
    for (const auto& entry : fs::directory_iterator(root_ / "peaberry-x/job1")) fs::remove(entry.path());  // the kernel's files vanish with the group
    EXPECT_TRUE((*group)->remove());
  }
  EXPECT_FALSE(fs::exists(root_ / "peaberry-x/job1"));
}

TEST_F(MockCgroups, ALimitThatCannotBeSetIsAnErrorAndNotIgnored) {
  file("cgroup.controllers", "cpu memory pids");
  file("peaberry-x/job1/cgroup.procs");  // and no memory.max
  const auto driver = find_cgroup_driver("peaberry-x", root_);
  ASSERT_TRUE(driver);
  const auto group = driver->create("job1", {});
  ASSERT_FALSE(group);
  EXPECT_NE(group.error().message.find("memory.max"), std::string::npos) << group.error().message;
}

TEST_F(MockCgroups, WithoutTheControllersThereIsNoDriver) {
  EXPECT_EQ(find_cgroup_driver("peaberry-x", root_), nullptr);
  file("cgroup.controllers", "cpu io");
  EXPECT_EQ(find_cgroup_driver("peaberry-x", root_), nullptr);
}

}  // namespace
}  // namespace peaberry::compute
