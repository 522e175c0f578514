#pragma once

#include <functional>

#include "g1.hpp"

namespace peaberry::proof::detail {

/// How scalars are cut into windows of signed digits. An offset of half a window is added to all windows but the last, so that each digit can be
/// read alone: digit = bits − half, |digit| ≤ half; the last window is unsigned.
struct Windows {
  unsigned width;  ///< bits of a window
  unsigned count;
  unsigned bits;  ///< of a scalar
  std::size_t buckets() const {
    const unsigned top = bits - width * (count - 1);  // bits of the last window; a carry makes one more value
    const std::size_t last = std::size_t{1} << top;
    return std::max(count > 1 ? std::size_t{1} << (width - 1) : 0, last);
  }
};

/// Σ scalar·point for scalars of 4·(words/4) limbs. `numbers`: `words` limbs each, below 2^bits with one bit to spare. Needs IFMA.
G1 msm_ifma(std::span<const G1Affine> points, const std::uint64_t* numbers, unsigned words, unsigned bits, unsigned threads);

/// The window's width that costs least: adds for each point and window against bucket sums.
Windows choose_windows(std::size_t size, unsigned bits);

}  // namespace peaberry::proof::detail
