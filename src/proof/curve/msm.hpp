#pragma once

#include "g1.hpp"

namespace peaberry::proof {

/// Σ scalars[i]·points[i]; as many points as scalars. Points are on the curve (infinity allowed). Not constant time.
G1 msm(std::span<const G1Affine> points, std::span<const Fr> scalars);

/// The slow twin: one double-and-add for each point.
G1 msm_slow(std::span<const G1Affine> points, std::span<const Fr> scalars);

}  // namespace peaberry::proof
