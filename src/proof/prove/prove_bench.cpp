#include <sys/resource.h>

#include <cstdio>

#include "large.hpp"

using namespace peaberry;
using namespace peaberry::proof;

int main() {
  SeededRandom random(1);
  auto now = [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
  double start = now();
  const Srs srs = Srs::development(20, random);
  std::printf("srs %.2f s\n", now() - start);
  const auto key = VerifierKey::from(srs.tau().be()).value();
  double last = now();
  const char* phase = "";
  const auto progress = [&](const char* name, double) {
    std::printf("  %-18s %.3f s\n", phase, now() - last);
    phase = name;
    last = now();
  };
  for (int kind = 0; kind < 2; ++kind) {
    for (unsigned threads : {1u, 2u}) {
      last = now();
      phase = "setup";
      const auto made = kind == 0 ? open_2e20(srs, random, key.srs_id(), threads, progress) : zerocheck_lookup_2e20(srs, random, key.srs_id(), threads, progress);
      start = now();
      const auto verdict = verify(key, made.compiled.bytes, made.statement, made.proof);
      struct rusage usage;
      getrusage(RUSAGE_SELF, &usage);
      std::printf("kind %d threads %u: prove %.3f s, %zu bytes, verify %.4f s %s; peak %ld MiB, estimate %zu MiB; K %zu oracles %zu n %d\n", kind, threads, made.seconds, made.proof.size(), now() - start,
                  verdict ? "ok" : "REFUSED", usage.ru_maxrss / 1024, estimate(made.compiled.plan).memory_bytes >> 20, made.compiled.plan.operands.size(), made.compiled.plan.oracles.size(), made.compiled.plan.n);
    }
  }
}
