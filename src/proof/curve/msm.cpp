#include "msm.hpp"

#include <peaberry/proof/field/memory.hpp>

#include "msm_plan.hpp"

#include <bit>

namespace peaberry::proof {
namespace {

/// Signed digits of `width` bits, −2^(width−1) < d ≤ 2^(width−1): half the buckets, since −P costs nothing.
void signed_digits(const detail::Limbs& number, unsigned width, std::span<std::int32_t> out) {
  const std::int32_t half = 1 << (width - 1);
  std::int32_t carry = 0;
  for (std::size_t window = 0; window < out.size(); ++window) {
    const unsigned bit = static_cast<unsigned>(window) * width;
    std::uint64_t digit = 0;
    if (bit < 256) {
      digit = number[bit / 64] >> (bit % 64);
      if (bit % 64 + width > 64 && bit / 64 + 1 < 4) digit |= number[bit / 64 + 1] << (64 - bit % 64);
    }
    std::int32_t value = static_cast<std::int32_t>(digit & ((std::uint64_t{1} << width) - 1)) + carry;
    carry = value > half;
    if (carry) value -= 2 * half;
    out[window] = value;
  }
}

}  // namespace

G1 msm_slow(std::span<const G1Affine> points, std::span<const Fr> scalars) {
  PB_ASSERT(points.size() == scalars.size());
  G1 out;
  for (std::size_t i = 0; i < points.size(); ++i) out += G1(points[i]) * scalars[i];
  return out;
}

bool has_ifma() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  return has;
#else
  return false;
#endif
}

G1 msm(std::span<const G1Affine> points, std::span<const Fr> scalars, unsigned threads) {
  PB_ASSERT(points.size() == scalars.size());
  if (points.size() < 8) return msm_slow(points, scalars);
#if defined(__x86_64__)
  if (has_ifma() && points.size() >= 128) {
    LargeVector<std::uint64_t> numbers(4 * points.size());
    for (std::size_t i = 0; i < scalars.size(); ++i) {
      const auto number = scalars[i].number();
      std::copy(number.begin(), number.end(), numbers.begin() + static_cast<std::ptrdiff_t>(4 * i));
    }
    return detail::msm_ifma(points, numbers.data(), 4, 254, threads);
  }
#endif
  return msm_portable(points, scalars);
}

G1 msm(std::span<const G1Affine> points, std::span<const std::uint64_t> scalars, unsigned bits, unsigned threads) {
  PB_ASSERT(points.size() == scalars.size() && bits >= 1 && bits <= 63);
#if defined(__x86_64__)
  if (has_ifma() && points.size() >= 128) return detail::msm_ifma(points, scalars.data(), 1, bits, threads);
#endif
  std::vector<Fr> full(scalars.begin(), scalars.end());
  return msm_portable(points, full);
}

G1 msm_portable(std::span<const G1Affine> points, std::span<const Fr> scalars) {
  PB_ASSERT(points.size() == scalars.size());
  const unsigned log = static_cast<unsigned>(std::bit_width(points.size()));
  const unsigned width = std::clamp(log > 3 ? log - 3 : 2, 2u, 15u);
  const std::size_t windows = (254 + width) / width;
  std::vector<std::int32_t> digits(windows * points.size());
  for (std::size_t i = 0; i < points.size(); ++i) signed_digits(scalars[i].number(), width, std::span(digits).subspan(i * windows, windows));
  G1 out;
  std::vector<G1> buckets(std::size_t{1} << (width - 1));
  for (std::size_t window = windows; window-- > 0;) {
    for (unsigned i = 0; i < width; ++i) out = out.doubled();
    std::fill(buckets.begin(), buckets.end(), G1());
    for (std::size_t i = 0; i < points.size(); ++i) {
      const std::int32_t digit = digits[i * windows + window];
      if (digit > 0) buckets[digit - 1] += points[i];
      if (digit < 0) buckets[-digit - 1] += -points[i];
    }
    G1 running, sum;
    for (std::size_t b = buckets.size(); b-- > 0;) {
      running += buckets[b];
      sum += running;
    }
    out += sum;
  }
  return out;
}

}  // namespace peaberry::proof
