#pragma once

#include "g1.hpp"

namespace peaberry::proof {

/// Σ scalars[i]·points[i]; as many points as scalars. Points are on the curve (infinity allowed). Not constant time.
/// By affine buckets on eight lanes where the processor has AVX-512 IFMA, else portable.
G1 msm(std::span<const G1Affine> points, std::span<const Fr> scalars, unsigned threads = 1);
/// The same for small scalars, −2^bits ≤ scalar < 2^bits, bits ≤ 48: the cost grows with `bits`.
G1 msm(std::span<const G1Affine> points, std::span<const std::int64_t> scalars, unsigned bits, unsigned threads = 1);
/// The same for scalars of which most may be small, positive or negative, and many zero: they are sorted into what is cheap and what is not.
G1 msm_mixed(std::span<const G1Affine> points, std::span<const Fr> scalars, unsigned threads = 1);

/// Jacobian buckets with signed digits, for every processor.
G1 msm_portable(std::span<const G1Affine> points, std::span<const Fr> scalars);
/// The slow twin: one double-and-add for each point.
G1 msm_slow(std::span<const G1Affine> points, std::span<const Fr> scalars);

}  // namespace peaberry::proof
