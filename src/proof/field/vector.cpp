#include "vector.hpp"

namespace peaberry::proof {

#if defined(__x86_64__)
const bool detail::kHasAdx = __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("adx");
#else
const bool detail::kHasAdx = false;
#endif

void vec_mul(std::span<Fr> out, std::span<const Fr> a, std::span<const Fr> b) {
  PB_ASSERT(out.size() == a.size() && a.size() == b.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = a[i] * b[i];
}

void vec_mac(std::span<Fr> out, std::span<const Fr> a, const Fr& b) {
  PB_ASSERT(out.size() == a.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] += a[i] * b;
}

void vec_fold(std::span<Fr> out, std::span<const Fr> in, const Fr& r) {
  PB_ASSERT(2 * out.size() == in.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = in[2 * i] + r * (in[2 * i + 1] - in[2 * i]);
}

Fr inner_product(std::span<const Fr> a, std::span<const Fr> b) {
  PB_ASSERT(a.size() == b.size());
  Fr sum;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace peaberry::proof
