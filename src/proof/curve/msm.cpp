// Source: Pippenger's buckets with signed digits, as in Bernstein, Doumen, Lange, Oosterwijk 2012 (ePrint 2012/549).

#include "msm.hpp"

#include <peaberry/proof/field/vector.hpp>

#include "msm_plan.hpp"

#include <algorithm>
#include <bit>

namespace peaberry::proof {
void detail::signed_digits(const Limbs& number, unsigned width, std::span<std::int32_t> out) {
  const std::int32_t half = 1 << (width - 1);
  std::int32_t carry = 0;
  for (std::size_t window = 0; window < out.size(); ++window) {
    std::int32_t value = static_cast<std::int32_t>(bits_at(number, static_cast<unsigned>(window) * width, width)) + carry;
    carry = value > half;
    if (carry) value -= 2 * half;
    out[window] = value;
  }
}

G1 msm_slow(std::span<const G1Affine> points, std::span<const Fr> scalars) {
  PB_ASSERT(points.size() == scalars.size());
  G1 out;
  for (std::size_t i = 0; i < points.size(); ++i) out += G1(points[i]) * scalars[i];
  return out;
}

G1 msm(std::span<const G1Affine> points, std::span<const Fr> scalars, unsigned threads, MsmScratch* scratch) {
  PB_ASSERT(points.size() == scalars.size());
  if (points.size() < 8) return msm_slow(points, scalars);
#if defined(__x86_64__)
  if (has_ifma() && points.size() >= 128) return detail::msm_ifma(points, {.full = scalars.data()}, 254, threads, scratch);
#endif
  return msm_portable(points, scalars);
}

G1 msm(std::span<const G1Affine> points, std::span<const std::int64_t> scalars, unsigned bits, unsigned threads, MsmScratch* scratch) {
  PB_ASSERT(points.size() == scalars.size() && bits >= 1 && bits <= 48);
#if defined(__x86_64__)
  if (has_ifma() && points.size() >= 128) return detail::msm_ifma(points, {.small = scalars.data()}, bits, threads, scratch);
#endif
  std::vector<Fr> full;
  for (const std::int64_t scalar : scalars) full.push_back(Fr::from_signed(scalar));
  return msm_portable(points, full);
}

G1 msm_mixed(std::span<const G1Affine> points, std::span<const Fr> scalars, unsigned threads, MsmScratch* scratch) {
  PB_ASSERT(points.size() == scalars.size());
  if (points.size() < 256) return msm(points, scalars, threads, scratch);
  constexpr unsigned kMost = 48;
  // Where all of some samples are wide, as in what challenges were mixed into, there is nothing to be sorted.
  const std::size_t stride = scalars.size() / 256;
  bool all_wide = true;
  for (std::size_t i = 0; i < scalars.size() && all_wide; i += stride) all_wide = !scalars[i].small(kMost);
  if (all_wide) return msm(points, scalars, threads, scratch);
  LargeVector<std::int64_t> small(scalars.size());
  std::vector<std::size_t> of_length(kMost + 2);  // how many need so many bits; the last: more
  LargeVector<std::uint8_t> lengths(scalars.size());
  for (std::size_t i = 0; i < scalars.size(); ++i) {
    const auto value = scalars[i].small(kMost);
    const unsigned length = value ? static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(*value < 0 ? -*value : *value))) : kMost + 1;
    lengths[i] = static_cast<std::uint8_t>(length);
    ++of_length[length];
    small[i] = value.value_or(0);
  }
  // Everything up to `bits` in one sum over all points, the rest apart.
  unsigned bits = 0;
  double least = 1e300;
  std::size_t rest = scalars.size();
  for (unsigned b = 0; b <= kMost; ++b) {
    rest -= of_length[b];
    const double here = (b == 0 ? 0 : detail::cost(scalars.size() - of_length[0] - rest, detail::choose_windows(scalars.size(), b))) +
                        (rest == 0 ? 0 : detail::cost(rest, detail::choose_windows(rest, 254)));
    if (here < least) least = here, bits = b;
  }
  const auto larger = static_cast<std::size_t>(std::count_if(lengths.begin(), lengths.end(), [&](std::uint8_t length) { return length > bits; }));
  if (2 * larger > scalars.size()) return msm(points, scalars, threads, scratch);  // taking them out would copy most points
  LargeVector<G1Affine> far;
  LargeVector<Fr> large;
  for (std::size_t i = 0; i < scalars.size(); ++i)
    if (lengths[i] > bits) {
      far.push_back(points[i]);
      large.push_back(scalars[i]);
      small[i] = 0;
    }
  G1 out;
  if (bits != 0) out = msm(points, std::span<const std::int64_t>(small), bits, threads, scratch);
  return out + msm(far, large, threads, scratch);
}

std::vector<G1Affine> multiples(const G1Affine& base, std::span<const Fr> scalars) {
  const detail::Windows windows = scalars.size() < 4096 ? detail::Windows{8, 32} : detail::Windows{12, 22};
  const auto half = static_cast<std::int32_t>(windows.buckets());
  // d·2^(width·w)·base, 1 ≤ d ≤ half
  std::vector<G1> sums;
  G1 step = base;
  for (unsigned w = 0; w < windows.count; ++w) {
    G1 sum;
    for (std::int32_t d = 0; d < half; ++d) sums.push_back(sum += step);
    step = sum.doubled();
  }
  const auto table = G1::affine(sums);
  std::vector<G1Affine> out(scalars.size());
#if defined(__x86_64__)
  if (has_ifma()) {
    detail::multiples_ifma(table, windows, scalars, out.data());
    return out;
  }
#endif
  constexpr std::size_t kChunk = 4096;  // one inversion each
  std::vector<std::int32_t> digits(windows.count);
  for (std::size_t from = 0; from < scalars.size(); from += kChunk) {
    std::vector<G1> points;
    for (std::size_t i = from; i < std::min(from + kChunk, scalars.size()); ++i) {
      detail::signed_digits(scalars[i].number(), windows.width, digits);
      G1 sum;
      for (unsigned w = 0; w < windows.count; ++w) {
        if (digits[w] > 0) sum += table[static_cast<std::size_t>(half) * w + static_cast<std::size_t>(digits[w] - 1)];
        if (digits[w] < 0) sum += -table[static_cast<std::size_t>(half) * w + static_cast<std::size_t>(-digits[w] - 1)];
      }
      points.push_back(sum);
    }
    const auto affine = G1::affine(points);
    std::copy(affine.begin(), affine.end(), out.begin() + static_cast<std::ptrdiff_t>(from));
  }
  return out;
}

G1 msm_portable(std::span<const G1Affine> points, std::span<const Fr> scalars) {
  PB_ASSERT(points.size() == scalars.size());
  const unsigned log = static_cast<unsigned>(std::bit_width(points.size()));
  const unsigned width = std::clamp(log > 3 ? log - 3 : 2, 2u, 15u);
  const std::size_t windows = (254 + width) / width;
  std::vector<std::int32_t> digits(windows * points.size());
  for (std::size_t i = 0; i < points.size(); ++i) detail::signed_digits(scalars[i].number(), width, std::span(digits).subspan(i * windows, windows));
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
