#pragma once

#include "prime.hpp"

namespace peaberry::proof {

/// The two primes of BN254 (EIP-196): both are 254 bits, p ≡ 1 mod 4 for scalars, q ≡ 3 mod 4 for coordinates.
struct ScalarPrime {  // 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001
  static constexpr detail::Limbs kModulus = {0x43e1f593f0000001, 0x2833e84879b97091, 0xb85045b68181585d, 0x30644e72e131a029};
};
struct BasePrime {  // 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47
  static constexpr detail::Limbs kModulus = {0x3c208c16d87cfd47, 0x97816a916871ca8d, 0xb85045b68181585d, 0x30644e72e131a029};
};

/// The scalar field: what is committed and proven.
using Fr = Prime<ScalarPrime>;
/// The base field: coordinates of points.
using Fq = Prime<BasePrime>;

}  // namespace peaberry::proof
