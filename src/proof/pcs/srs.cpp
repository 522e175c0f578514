#include "srs.hpp"

namespace peaberry::proof {

Srs Srs::development(unsigned log, Random& random) { return development(log, Fr::random(random)); }

Srs Srs::development(unsigned log, const Fr& tau) {
  // Multiples of G by bytes: d·2^(8w)·G. One addition for each byte of a power.
  std::vector<G1> sums;
  G1 base = G1Affine::generator();
  for (int window = 0; window < 32; ++window) {
    G1 sum;
    for (int d = 0; d < 256; ++d) {
      sums.push_back(sum);
      sum += base;
    }
    base = sum;
  }
  const auto table = G1::affine(sums);
  Srs out;
  out.tau_ = G2Affine::generator() * tau;
  const std::size_t size = std::size_t{1} << log;
  out.powers_.reserve(size);
  Fr power = Fr::one();
  std::vector<G1> chunk;
  for (std::size_t i = 0; i < size; ++i) {
    const auto number = power.number();
    G1 point;
    for (int window = 0; window < 32; ++window) point += table[256 * window + (number[window / 8] >> (8 * (window % 8)) & 255)];
    chunk.push_back(point);
    power *= tau;
    if (chunk.size() == 4096 || i + 1 == size) {
      for (const G1Affine& one : G1::affine(chunk)) out.powers_.push_back(one);
      chunk.clear();
    }
  }
  return out;
}

G1Affine commit(const Srs& srs, std::span<const Fr> values, const Fr& blinder) {
  PB_ASSERT(values.size() <= srs.powers().size());
  return (msm(srs.powers().first(values.size()), values) + G1(hiding_generator()) * blinder).affine();
}

}  // namespace peaberry::proof
