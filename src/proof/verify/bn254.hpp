#pragma once

// Source: EIP-196, EIP-197.

#include <peaberry/proof/curve/g1.hpp>

#include "verify_core.hpp"

namespace peaberry::proof {

/// BN254 as the verifier's world (verify_core.hpp).
struct Bn254 {
  using F = Fr;
  using Point = G1Affine;
  std::optional<Point> read_point(ByteView bytes) const { return G1Affine::from_be(bytes); }
  Point generator() const { return G1Affine::generator(); }
  Point hiding() const { return hiding_generator(); }
};

}  // namespace peaberry::proof
