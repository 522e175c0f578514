#pragma once

// Source: Newton's divided differences.

#include <cstddef>
#include <vector>

namespace peaberry::proof {

/// The coefficients of the polynomial with the values v_0 … v_d at 0 … d (Lagrange, by Newton's differences).
template <class F>
std::vector<F> interpolate(std::vector<F> values) {
  const std::size_t size = values.size();
  for (std::size_t step = 1; step < size; ++step) {
    const F inverse = F(step).inverse();
    for (std::size_t i = size; i-- > step;) values[i] = (values[i] - values[i - 1]) * inverse;
  }
  std::vector<F> out(size, F::zero());
  for (std::size_t i = size; i-- > 0;) {  // out ← out·(X − i) + values[i]
    for (std::size_t k = size; k-- > 0;) out[k] = (k > 0 ? out[k - 1] : F::zero()) - F(i) * out[k];
    out[0] += values[i];
  }
  return out;
}

}  // namespace peaberry::proof
