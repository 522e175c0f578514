#include "egress.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive.hpp"
#include "job.hpp"

namespace peaberry::compute {
namespace {

ArchiveEntry file(const std::string& name, std::string_view content) { return {name, to_bytes(content)}; }

TEST(Egress, LetsAModelAndItsFiguresOut) {
  EXPECT_TRUE(check_egress({}, {file("model.onnx", "\x08\x07zz"), file("metrics.json", "{\"auc\":0.8}"), file("roc.svg", "<svg></svg>")}));
}

TEST(Egress, StopsRowsInEveryCostume) {
  const EgressPolicy policy;
  EXPECT_EQ(check_egress(policy, {file("rows.csv", "a,b\n1,2\n")}).error().code, Errc::kForbidden);
  EXPECT_EQ(check_egress(policy, {file("rows.json", "a,b\n1,2\n")}).error().code, Errc::kForbidden) << "not JSON at all";
  EXPECT_EQ(check_egress(policy, {file("rows.svg", "a,b\n1,2\n")}).error().code, Errc::kForbidden) << "no picture";
  EXPECT_EQ(check_egress(policy, {file("rows.onnx", "a,b\n1,2\n")}).error().code, Errc::kForbidden) << "no model";
  std::string numbers = "[1";
  for (int i = 0; i < 30'000; ++i) numbers += ",1";
  EXPECT_EQ(check_egress(policy, {file("n.json", numbers + "]")}).error().code, Errc::kForbidden) << "too many numbers";
  EXPECT_EQ(check_egress(policy, {file("t.json", "[\"" + std::string(9000, 'x') + "\"]")}).error().code, Errc::kForbidden) << "too much text";
  EXPECT_EQ(check_egress(policy, {file("t.json", "{\"" + std::string(9000, 'x') + "\":1}")}).error().code, Errc::kForbidden) << "text in keys";
  EXPECT_EQ(check_egress(policy, {file("m.onnx", "\x08" + std::string(300'000, 'x'))}).error().code, Errc::kForbidden) << "too many bytes";
  std::vector<ArchiveEntry> many;
  for (int i = 0; i < 20; ++i) many.push_back(file(std::to_string(i) + ".json", "1"));
  EXPECT_EQ(check_egress(policy, many).error().code, Errc::kForbidden) << "too many files";
}

TEST(Egress, SeveralOwnersGiveTheStrictestPolicy) {
  EgressPolicy a, b;
  a.bytes_max = 10, b.bytes_max = 20, a.types = {"json", "onnx"}, b.types = {"json"}, b.owner_release = true, a.log_bytes_max = 100;
  const EgressPolicy both = a.strictest(b);
  EXPECT_EQ(both.bytes_max, 10U);
  EXPECT_EQ(both.types, std::vector<std::string>{"json"});
  EXPECT_TRUE(both.owner_release);
  EXPECT_EQ(both.log_bytes_max, 0U);
}

TEST(Archive, LeavesOutLinksDevicesAndSockets) {
  char name[] = "/tmp/peaberry-archive-XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  const fs::path folder = name;
  ASSERT_TRUE(write_file_atomic(folder / "good.json", as_bytes("1")));
  ASSERT_TRUE(write_file_atomic(folder / "two.json", as_bytes("2")));
  fs::create_symlink("/etc/passwd", folder / "link.json");
  fs::create_hard_link(folder / "two.json", folder / "hard.json");
  fs::create_directory_symlink("/etc", folder / "dir");
  ASSERT_EQ(mkfifo((folder / "pipe.json").c_str(), 0600), 0);
  ASSERT_TRUE(write_file_atomic(folder / "odd name", as_bytes("3")));
  std::vector<std::string> refused;
  const auto files = collect_files(folder, 1000, 100, refused);
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 1U);
  EXPECT_EQ(files->front().name, "good.json");
  EXPECT_EQ(refused.size(), 6U);
  EXPECT_EQ(collect_files(folder, 0, 100, refused).error().code, Errc::kExhausted);
  fs::remove_all(folder);
}

TEST(Archive, EqualOutputsGiveEqualTarsAndReadBack) {
  const std::vector<ArchiveEntry> files = {file("a.json", "1"), file("b/c.onnx", std::string(2000, 'x'))};
  const auto tar = make_tar(files, "outputs/");
  ASSERT_TRUE(tar);
  EXPECT_EQ(*tar, *make_tar(files, "outputs/"));
  const auto back = read_tar(*tar, 1 << 20, 10);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->at(1).name, "outputs/b/c.onnx");
  EXPECT_EQ(back->at(1).content, files[1].content);
  EXPECT_FALSE(read_tar(*tar, 100, 10)) << "bounded";
  const auto climbing = make_tar({file("../../etc/passwd", "x")}, "");
  ASSERT_TRUE(climbing);
  EXPECT_EQ(read_tar(*climbing, 1 << 20, 10).error().code, Errc::kInvalid);
}

TEST(Job, SurvivesTheStoreUnchanged) {
  Job job;
  job.id = "0xabc-1";
  job.owner = "0xBE5449a6A97aD46c8558A3356267Ee5D2731ab5e";
  job.inputs = {{"did:op:1", "s", "0x1"}};
  job.payment = JobPayment{8996, {}, U256{5}, U256{300}, 7200, "0x2", "", {}, {}};
  job.state = JobState::kRunning;
  job.egress.log_bytes_max = 7;
  const auto back = Job::from_json(job.to_json());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(json::stringify(back->to_json()), json::stringify(job.to_json()));
}

}  // namespace
}  // namespace peaberry::compute
