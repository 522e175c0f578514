// Source: docs/reference/proof-protocol.md, §5; see product.hpp.

#include "product.hpp"

#include <vector>

#include "parallel.hpp"

namespace peaberry::proof {
namespace {

using Sums = std::pair<Fr, Fr>;

/// work(from, count) over chunks of [first, last), each a multiple of `least`; their sum.
template <class Work>
Sums summed(unsigned threads, std::size_t first, std::size_t last, std::size_t least, const Work& work) {
  const std::size_t total = last - first, chunk = std::max((total / threads + least - 1) / least * least, least), parts = (total + chunk - 1) / chunk;
  std::vector<Sums> sums(parts);
  parallel(threads, parts, [&](unsigned, std::size_t part) { sums[part] = work(first + part * chunk, std::min(chunk, total - part * chunk)); });
  Sums out;
  for (const auto& [a, b] : sums) out.first += a, out.second += b;
  return out;
}

Tile* tiles_of(LargeVector<Fr>& table) { return reinterpret_cast<Tile*>(table.data()); }

}  // namespace

std::pair<Fr, Fr> Product::round(unsigned threads) {
  if (known_) return sums_;
  if (size_ == 1) return {f_[0] * w_[0], f_[0] * w_[0]};
  return summed(threads, 0, size_ / 2, 1, [&](std::size_t from, std::size_t count) {
    Sums out;
    kernels().round2(&out.first, &out.second, &f_[2 * from], &w_[2 * from], count);
    return out;
  });
}

void Product::bind(const Fr& u, unsigned threads) {
  known_ = false;
  if (size_ == 1) {
    f_[0] *= Fr::one() - u;
    w_[0] *= Fr::one() - u;
    return;
  }
  if (size_ < kLeast) {
    for (auto* table : {&f_, &w_}) {
      if (tiled_) {
        LargeVector<Fr> elements(size_);
        kernels().unpack(elements.data(), tiles_of(*table), size_ / 8);
        *table = std::move(elements);
      }
      kernels().fold(table->data(), table->data(), u, size_ / 2);
      table->resize(size_ / 2);
    }
    tiled_ = false;
    size_ /= 2;
    return;
  }
  // In place: tile t takes the place of what was read before it is written – by this thread. Others may work beside it as long as what is written lies before what
  // is read: the wave [from, to) reads from 16·32 or 2·320 bytes a tile on.
  size_ /= 2;
  const std::size_t tiles = size_ / 8, read = tiled_ ? 640 : 512;
  sums_ = {};
  for (std::size_t from = 0, to = threads == 1 ? tiles : std::min<std::size_t>(tiles, 256); from < tiles;) {
    const Sums wave = summed(from == 0 ? 1 : threads, from, to, 2, [&](std::size_t at, std::size_t count) {
      Sums out;
      if (tiled_)
        kernels().fold_round2(tiles_of(f_) + at, tiles_of(w_) + at, tiles_of(f_) + 2 * at, tiles_of(w_) + 2 * at, u, count, &out.first, &out.second);
      else
        kernels().first_fold_round2(tiles_of(f_) + at, tiles_of(w_) + at, &f_[16 * at], &w_[16 * at], u, count, &out.first, &out.second);
      return out;
    });
    sums_.first += wave.first, sums_.second += wave.second;
    from = to;
    to = std::min(tiles, to * read / sizeof(Tile) / 2 * 2);
  }
  tiled_ = known_ = true;
}

}  // namespace peaberry::proof
