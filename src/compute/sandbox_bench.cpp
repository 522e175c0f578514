// sandbox_start: from the request to the end of /usr/bin/true inside, beside plain bwrap. The time to the first instruction is
// less than this.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <peaberry/base/process.hpp>

#include "sandbox.hpp"

using namespace peaberry;

int main() {
  SystemClock clock;
  char name[] = "/var/tmp/peaberry-bench-XXXXXX";
  if (mkdtemp(name) == nullptr) return 1;
  const fs::path folder = name;
  fs::permissions(folder, fs::perms(0711));
  auto sandbox = compute::make_bubblewrap({.parent_group = "peaberry-bench"}, clock);
  if (!sandbox) {
    std::fprintf(stderr, "sandbox_bench: %s\n", sandbox.error().text().c_str());
    return 1;
  }
  std::atomic<bool> stop{false};
  std::vector<double> ours, plain;
  const auto ms = [](auto start) { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count(); };
  for (int i = 0; i < 60; ++i) {
    compute::SandboxSpec spec;
    spec.job = "bench" + std::to_string(i);
    spec.argv = {"/usr/bin/true"};
    spec.outputs = folder / spec.job;
    fs::create_directory(spec.outputs);
    spec.log = folder / "log";
    auto start = std::chrono::steady_clock::now();
    const auto result = (*sandbox)->run(spec, stop);
    if (!result || result->exit_code != 0) return 1;
    ours.push_back(ms(start));
    start = std::chrono::steady_clock::now();
    (void)run_process({.argv = {"bwrap", "--unshare-all", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib64", "/lib64", "--symlink", "usr/lib", "/lib", "--proc", "/proc", "--dev", "/dev", "/usr/bin/true"}}, 5'000);
    plain.push_back(ms(start));
  }
  std::sort(ours.begin(), ours.end());
  std::sort(plain.begin(), plain.end());
  std::printf("{\"name\":\"sandbox_start\",\"unit\":\"ms\",\"ours\":%.2f,\"peer\":%.2f,\"peer_name\":\"plain bwrap\",\"ratio\":%.3f,\"bar\":15}\n", ours[30], plain[30], plain[30] / ours[30]);
  fs::remove_all(folder);
}
