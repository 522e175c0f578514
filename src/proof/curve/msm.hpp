#pragma once

// Source: Pippenger 1976; Bernstein, Doumen, Lange, Oosterwijk 2012 (ePrint 2012/549) for its use here.

#include <peaberry/proof/field/memory.hpp>

#include "g1.hpp"

namespace peaberry::proof {

/// Memory for one sum after the other, some 100 bytes a point: what the first has touched the next need not ask the system for. Not for two threads at once. It is
/// wiped when it goes.
struct MsmScratch {
  struct alignas(64) Line {
    std::uint64_t words[8];
  };
  UnfilledVector<Line> lines;
};

/// Σ scalars[i]·points[i]; as many points as scalars. Points are on the curve (infinity allowed). Not constant time.
/// By affine buckets on eight lanes where the processor has AVX-512 IFMA, else portable.
G1 msm(std::span<const G1Affine> points, std::span<const Fr> scalars, unsigned threads = 1, MsmScratch* scratch = nullptr);
/// The same for small scalars, −2^bits ≤ scalar < 2^bits, bits ≤ 48: the cost grows with `bits`.
G1 msm(std::span<const G1Affine> points, std::span<const std::int64_t> scalars, unsigned bits, unsigned threads = 1, MsmScratch* scratch = nullptr);
/// The same for scalars of which most may be small, positive or negative, and many zero: they are sorted into what is cheap and what is not.
G1 msm_mixed(std::span<const G1Affine> points, std::span<const Fr> scalars, unsigned threads = 1, MsmScratch* scratch = nullptr);

/// scalars[i]·base, one point each: sums of a table's entries, one for each digit.
std::vector<G1Affine> multiples(const G1Affine& base, std::span<const Fr> scalars);

/// Jacobian buckets with signed digits, for every processor.
G1 msm_portable(std::span<const G1Affine> points, std::span<const Fr> scalars);
/// The slow twin: one double-and-add for each point.
G1 msm_slow(std::span<const G1Affine> points, std::span<const Fr> scalars);

}  // namespace peaberry::proof
