#pragma once

// Source: docs/reference/proof-protocol.md, §1: what the protocol takes from its groups.

#include <peaberry/proof/pcs/srs.hpp>

namespace peaberry::proof {

/// BN254 as the slow prover's world.
struct Bn254World {
  using F = Fr;
  using Point = G1Affine;
  const Srs& srs;
  Point commit(std::span<const Fr> values, const Fr& blinder) const { return proof::commit(srs, values, blinder); }
  Bytes write_point(const Point& point) const {
    const auto bytes = point.be();
    return {bytes.begin(), bytes.end()};
  }
};

}  // namespace peaberry::proof
