// The proof suite: one JSON row a line. PEABERRY_PROOF_PEER holds what a peer measured in the same run, "name value unit" a line (bench/peers/gnark).

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "large.hpp"
#include "product.hpp"

using namespace peaberry;
using namespace peaberry::proof;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// A line of /proc/self/status, in MiB; 0 where there is none.
double memory(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ":")) return std::stod(line.substr(name.size() + 1)) / 1024;
  return 0;
}

/// The median of `runs` timings, in seconds.
template <class Work>
double median(int runs, const Work& work) {
  std::vector<double> times;
  for (int i = 0; i < runs; ++i) {
    const double start = now();
    work();
    times.push_back(now() - start);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

std::map<std::string, double> peer() {
  std::map<std::string, double> out;
  if (const char* text = std::getenv("PEABERRY_PROOF_PEER")) {
    std::istringstream lines(text);
    std::string name, unit;
    for (double value; lines >> name >> value >> unit;) out[name] = value;
  }
  return out;
}

void row(const char* name, const char* unit, double ours, double other, const char* other_name, const char* bar, bool more_is_better = true) {
  const auto number = [](double value) { return value > 0 ? std::to_string(value) : std::string("null"); };
  const double ratio = other > 0 ? (more_is_better ? other / ours : ours / other) : 0;
  std::printf("{\"name\":\"%s\",\"unit\":\"%s\",\"ours\":%s,\"peer\":%s,\"peer_name\":\"%s\",\"ratio\":%s,\"bar\":%s}\n", name, unit, number(ours).c_str(), number(other).c_str(), other_name,
              number(ratio).c_str(), bar);
  std::fflush(stdout);
}

}  // namespace

int main() {
  const auto peers = peer();
  const auto of = [&](const char* name) { return peers.contains(name) ? peers.at(name) : 0.0; };
  const char* gnark = peers.empty() ? "gnark-crypto (not present)" : "gnark-crypto";
  SeededRandom random(1);
  constexpr std::size_t kSmall = 4096, kRows = std::size_t{1} << 20;

  // ---- field
  std::vector<Fr> a(kSmall), b(kSmall), c(kSmall);
  for (std::size_t i = 0; i < kSmall; ++i) a[i] = Fr::random(random), b[i] = Fr::random(random);
  std::vector<Tile> ta(kSmall / 8), tb(kSmall / 8), tc(kSmall / 8);
  kernels().pack(ta.data(), a.data(), ta.size());
  kernels().pack(tb.data(), b.data(), tb.size());
  const auto each = [&](double seconds, int times) { return seconds / (times * static_cast<double>(kSmall)) * 1e9; };
  const double tiles = each(median(9, [&] { for (int k = 0; k < 50; ++k) kernels().mul_tiles(tc.data(), ta.data(), tb.data(), tc.size()); }), 50);
  const double scalar = each(median(9, [&] { for (int k = 0; k < 20; ++k) for (std::size_t i = 0; i < kSmall; ++i) c[i] = a[i] * b[i]; }), 20);
  const double portable = each(median(9, [&] { for (int k = 0; k < 20; ++k) for (std::size_t i = 0; i < kSmall; ++i) c[i] = a[i].times_portable(b[i]); }), 20);
  if (has_ifma()) {
    row("fr_mul_vector", "ns", tiles, of("fr_mul_scalar"), gnark, "4.5");
    row("fr_mul_vector_twin", "ns", tiles, portable, "our portable twin", "4.5");
    row("fr_mul_vector_avx512", "ns", tiles, of("fr_mul_vector"), gnark, "null");
  } else {
    std::printf("{\"name\":\"fr_mul_vector\",\"unit\":\"ns\",\"ours\":null,\"peer\":null,\"peer_name\":\"n/a: no AVX-512 IFMA here\",\"ratio\":null,\"bar\":null}\n");
  }
  row("fr_mul_scalar", "ns", scalar, of("fr_mul_scalar"), gnark, "1.0");

  // ---- sums over points
  const Srs srs = Srs::development(20, random);
  const auto id = srs.id();
  std::vector<Fr> scalars(kRows);
  for (Fr& one : scalars) one = Fr::random(random);
  const auto sum = [&](unsigned log, unsigned threads) {
    return median(3, [&] { (void)msm(srs.powers().first(std::size_t{1} << log), std::span<const Fr>(scalars).first(std::size_t{1} << log), threads); });
  };
  const double small_sum = sum(16, 1), full = sum(20, 1), two = sum(20, 2);
  row("msm_2e16_full", "us/pt", small_sum / 65536 * 1e6, of("msm_2e16_full"), gnark, "3");
  row("msm_2e20_full", "us/pt", full / kRows * 1e6, of("msm_2e20_full"), gnark, "3.4");
  const auto other_peer = [&](const char* name, const char* unit, double ours, const char* theirs, const char* peer_name, const char* bar) {
    if (peers.contains(theirs)) row(name, unit, ours, of(theirs), peer_name, bar);
  };
  other_peer("fr_mul_scalar_arkworks", "ns", scalar, "ark_fr_mul_scalar", "arkworks", "null");
  other_peer("msm_2e16_full_arkworks", "us/pt", small_sum / 65536 * 1e6, "ark_msm_2e16_full", "arkworks", "null");
  other_peer("msm_2e20_full_arkworks", "us/pt", full / kRows * 1e6, "ark_msm_2e20_full", "arkworks", "null");
  other_peer("msm_2e20_full_barretenberg", "us/pt", full / kRows * 1e6, "bb_msm_2e20_full", "barretenberg", "2.9");
  std::vector<std::int64_t> bytes(kRows);
  for (auto& one : bytes) one = static_cast<std::int64_t>(random.below(256));
  const double u8 = median(3, [&] { (void)msm(srs.powers(), bytes, 8); });
  row("msm_2e20_u8", "us/pt", u8 / kRows * 1e6, full / kRows * 1e6, "msm_2e20_full", "7");
  row("threads_2", "s", two, full, "one thread", "1.8");

  // ---- sumcheck of degree 2 over 2^20 rows, against 3·2^20 products
  Table f(scalars.begin(), scalars.end()), g(scalars.rbegin(), scalars.rend());
  const double sumcheck = median(9, [&] {
    Product product(f, g);
    for (Fr challenge(12345); product.size() > 1;) {
      const auto [c0, c2] = product.round(1);
      challenge += c0 * c2;
      product.bind(challenge, 1);
    }
  });
  const double copies = median(9, [&] { Table x = f, y = g; });
  row("sumcheck_deg2_2e20", "ms", (sumcheck - copies) * 1e3, 3 * kRows * tiles * 1e-6, "3·2^20 products on lanes", "3", false);

  {  // the main sumcheck of c = a·b over 2^20 rows of 16-bit values: its first rounds in whole numbers
    PlanBuilder builder(Fr::modulus_be());
    const Column x = builder.place(1, 20), y = builder.place(1, 20), z = builder.place(1, 20);
    builder.zero(builder.view(x) * builder.view(y) - builder.view(z), 20);
    auto compiled = builder.finish().value();
    std::vector<Table> witness;
    for (const auto& oracle : compiled.plan.oracles)
      if (oracle.phase == 1) witness.emplace_back(std::size_t{1} << oracle.n);
    for (std::size_t i = 0; i < kRows; ++i) {
      const Fr left(random.below(65536)), right(random.below(65536));
      witness[x.oracle][x.off + i] = left, witness[y.oracle][y.off + i] = right, witness[z.oracle][z.off + i] = left * right;
    }
    double begun = 0, taken = 0;
    (void)finish(srs, std::move(compiled), {}, std::move(witness), {}, random, id, 1, [&](const char* phase, double) {
      if (begun != 0 && taken == 0) taken = now() - begun;
      if (std::string_view(phase) == "main sumcheck") begun = now();
    });
    row("main_sumcheck_small_2e20", "ms", taken * 1e3, 3 * kRows * tiles * 1e-6, "3·2^20 products on lanes", "null", false);
  }

  // ---- whole proofs
  std::vector<std::pair<double, std::string>> openings;  // seconds, phases
  for (int i = 0; i < 3; ++i) {
    double last = now();
    std::string phase = "begin", budget;
    const auto progress = [&](const char* name, double) {
      if (phase != "begin") budget += "  " + phase + " " + std::to_string(now() - last) + " s\n";
      phase = name, last = now();
    };
    const double seconds = open_2e20(srs, random, id, 1, progress).seconds;
    openings.emplace_back(seconds, budget);
  }
  std::sort(openings.begin(), openings.end());
  std::fprintf(stderr, "phases of open_2e20:\n%s", openings[1].second.c_str());
  row("open_2e20", "s", openings[1].first, full, "msm_2e20_full", "3.2", false);
  // The peak of each proof begins anew; the SRS and what is left of the work before do not count.
  const auto measured = [&](Aim aim, std::size_t columns, const char* name, const char* bar) {
    std::ofstream("/proc/self/clear_refs") << 5;
    const double before = memory("VmRSS");
    auto proof = zerocheck_lookup_2e20(srs, random, id, 1, aim, columns);
    row(name, "MiB", memory("VmHWM") - before, static_cast<double>(estimate(proof.compiled.plan).memory_bytes >> 20), "estimate before the run; SRS not counted", bar, false);
    return proof;
  };
  const auto fast = measured(Aim::kFast, 2, "prover_peak_memory", "1500"), lean = measured(Aim::kLean, 2, "prover_peak_memory_lean", "1500");
  row("zerocheck_lookup_2e20", "s", fast.seconds, lean.seconds, "for the least gas", "null");
  row("proof_bytes_zerocheck_lookup_2e20", "B", static_cast<double>(lean.proof.size()), static_cast<double>(fast.proof.size()), "for the least time", "6500");
  const auto cut = zerocheck_lookup_2e20(srs, random, id, 1, Aim::kFast, 2, 18);
  row("zerocheck_lookup_2e20_cut", "s", cut.seconds, fast.seconds, "each column in one oracle, not in four", "null");
  (void)measured(Aim::kFast, 10, "prover_peak_memory_10_columns", "1500");
}
