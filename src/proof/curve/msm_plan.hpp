#pragma once

// Source: costs measured here (docs/decisions/0008).

#include "msm.hpp"

namespace peaberry::proof::detail {

/// How scalars are cut into windows of signed digits. Half a window is added to every window, so that each digit can be read alone:
/// digit = bits − half, −half ≤ digit < half.
struct Windows {
  unsigned width;  ///< bits of a window
  unsigned count;  ///< width·count bits hold scalar and offset
  std::size_t buckets() const { return std::size_t{1} << (width - 1); }
};

/// `width` bits of a number from `bit` on; beyond its 64·words bits there are none.
constexpr std::uint64_t bits_at(const Limbs& number, unsigned bit, unsigned width, unsigned words = 4) {
  if (bit >= 64 * words) return 0;
  std::uint64_t out = number[bit / 64] >> (bit % 64);
  if (bit % 64 + width > 64 && bit / 64 + 1 < words) out |= number[bit / 64 + 1] << (64 - bit % 64);
  return out & ((std::uint64_t{1} << width) - 1);
}
/// Signed digits of `width` bits, −2^(width−1) < d ≤ 2^(width−1): half the buckets, since −P costs nothing.
void signed_digits(const Limbs& number, unsigned width, std::span<std::int32_t> out);

/// As many as there are points: field elements, or whole numbers in two's complement.
struct Scalars {
  const Fr* full = nullptr;
  const std::int64_t* small = nullptr;
};
/// Σ scalar·point, −2^bits ≤ scalar < 2^bits; 254 bits for field elements. Needs IFMA.
G1 msm_ifma(std::span<const G1Affine> points, const Scalars& scalars, unsigned bits, unsigned threads, MsmScratch* scratch);

/// out[i] = Σ_w sign·table[half·w + |digit| − 1] over the signed digits of scalars[i], `half` = 2^(width−1) entries for each window. Needs IFMA.
void multiples_ifma(std::span<const G1Affine> table, const Windows& windows, std::span<const Fr> scalars, G1Affine* out);

/// The window's width that costs least: adds for each point and window against bucket sums. `bits` as above.
Windows choose_windows(std::size_t size, unsigned bits);
/// What it costs, in lane products.
double cost(std::size_t size, const Windows& windows);

}  // namespace peaberry::proof::detail
