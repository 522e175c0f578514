#include "ifma.hpp"
#include "vector.hpp"

namespace peaberry::proof::detail {
namespace {

using Lane = ifma::Lanes<ScalarPrime>;

/// Sixteen neighbours as eight even and eight odd ones, both in the same order of lanes; `store_pairs` writes eight in that order.
struct Pairs {
  Lane even, odd;
};
inline Pairs load_pairs(const Fr* from) {
  // A row of memory holds one even and one odd element: rows of evens come from two rows each.
  __m512i even[4], odd[4], w[4];
  for (int i = 0; i < 4; ++i) {
    const __m512i a = _mm512_loadu_si512(reinterpret_cast<const char*>(from) + 128 * i);
    const __m512i b = _mm512_loadu_si512(reinterpret_cast<const char*>(from) + 128 * i + 64);
    even[i] = _mm512_shuffle_i64x2(a, b, 0x44);
    odd[i] = _mm512_shuffle_i64x2(a, b, 0xee);
  }
  Pairs out;
  Lane::transpose(even, w);
  out.even = Lane::from_words(w);
  Lane::transpose(odd, w);
  out.odd = Lane::from_words(w);
  return out;
}

Fr sum(const Lane& lane) {
  alignas(64) Fr values[8];
  lane.store(values);
  Fr out;
  for (const Fr& value : values) out += value;
  return out;
}

/// Runs `lanes(i)` for whole groups of eight and the portable kernel's rest.
template <class Body, class Rest>
void each(std::size_t size, const Body& body, const Rest& rest) {
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) body(i);
  if (i < size) rest(i, size - i);
}

void mul(Fr* out, const Fr* a, const Fr* b, std::size_t size) {
  each(size, [&](std::size_t i) { (Lane::load(a + i) * Lane::load(b + i)).store(out + i); },
       [&](std::size_t i, std::size_t n) { portable_kernels().mul(out + i, a + i, b + i, n); });
}
void scale(Fr* out, const Fr* a, const Fr& b, std::size_t size) {
  const Lane by = Lane::broadcast(b);
  each(size, [&](std::size_t i) { (Lane::load(a + i) * by).store(out + i); }, [&](std::size_t i, std::size_t n) { portable_kernels().scale(out + i, a + i, b, n); });
}
void mac(Fr* out, const Fr* a, const Fr& b, std::size_t size) {
  const Lane by = Lane::broadcast(b);
  each(size, [&](std::size_t i) { (Lane::load(out + i) + Lane::load(a + i) * by).store(out + i); },
       [&](std::size_t i, std::size_t n) { portable_kernels().mac(out + i, a + i, b, n); });
}
void fold(Fr* out, const Fr* in, const Fr& r, std::size_t size) {
  const Lane by = Lane::broadcast(r);
  each(size,
       [&](std::size_t i) {
         const auto [even, odd] = load_pairs(in + 2 * i);
         (even + odd.minus(even) * by).store(out + i);
       },
       [&](std::size_t i, std::size_t n) { portable_kernels().fold(out + i, in + 2 * i, r, n); });
}
Fr dot(const Fr* a, const Fr* b, std::size_t size) {
  Lane total = Lane::zero();
  Fr rest;
  each(size, [&](std::size_t i) { total = total + Lane::load(a + i) * Lane::load(b + i); },
       [&](std::size_t i, std::size_t n) { rest = portable_kernels().dot(a + i, b + i, n); });
  return sum(total) + rest;
}
void round2(Fr* c0, Fr* c2, const Fr* f, const Fr* g, std::size_t size) {
  Lane low = Lane::zero(), high = Lane::zero();
  Fr rest0, rest2;
  each(size,
       [&](std::size_t i) {
         const auto [f0, f1] = load_pairs(f + 2 * i);
         const auto [g0, g1] = load_pairs(g + 2 * i);
         low = low + f0 * g0;
         high = high + f1.minus(f0) * g1.minus(g0);
       },
       [&](std::size_t i, std::size_t n) { portable_kernels().round2(&rest0, &rest2, f + 2 * i, g + 2 * i, n); });
  *c0 = sum(low) + rest0;
  *c2 = sum(high) + rest2;
}

void pack(Tile* out, const Fr* in, std::size_t tiles) {
  for (std::size_t t = 0; t < tiles; ++t) Lane::load(in + 8 * t).store_raw(out[t].words);
}
void unpack(Fr* out, const Tile* in, std::size_t tiles) {
  for (std::size_t t = 0; t < tiles; ++t) Lane::load_raw(in[t].words).store(out + 8 * t);
}
void mul_tiles(Tile* out, const Tile* a, const Tile* b, std::size_t tiles) {
  for (std::size_t t = 0; t < tiles; ++t) (Lane::load_raw(a[t].words) * Lane::load_raw(b[t].words)).store_raw(out[t].words);
}

}  // namespace

const VectorKernels& ifma_kernels() {
  // Sums and differences stay portable: two loads into lanes and a store from them alone take 5 ns an element (a product 9.1 ns with them, 4.0 ns without).
  static const VectorKernels kernels = {"avx512-ifma", mul, portable_kernels().add, portable_kernels().sub, scale, mac, fold, portable_kernels().split, dot, round2, pack, unpack, mul_tiles};
  return kernels;
}

}  // namespace peaberry::proof::detail
