// Source: Montgomery products on lanes as in ifma.hpp; Montgomery 1987 (§10.3.1) for shared inversions.

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

/// A sum of products that is reduced now and then only: thirty of them, each below 2p, stay below 2^260.
class Sum {
 public:
  void add(const Lane& product) {
    for (int i = 0; i < 5; ++i) total_.l[i] = _mm512_add_epi64(total_.l[i], product.l[i]);
    if (++count_ < 30) return;
    total_ = total_.carried().squeezed();
    count_ = 1;
  }
  Fr value() const { return sum(total_.carried().squeezed()); }

 private:
  Lane total_ = Lane::zero();
  unsigned count_ = 0;
};

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
  Sum total;
  Fr rest;
  each(size, [&](std::size_t i) { total.add(Lane::load(a + i) * Lane::load(b + i)); },
       [&](std::size_t i, std::size_t n) { rest = portable_kernels().dot(a + i, b + i, n); });
  return total.value() + rest;
}
void round2(Fr* c0, Fr* c2, const Fr* f, const Fr* g, std::size_t size) {
  Sum low, high;
  Fr rest0, rest2;
  each(size,
       [&](std::size_t i) {
         const auto [f0, f1] = load_pairs(f + 2 * i);
         const auto [g0, g1] = load_pairs(g + 2 * i);
         low.add(f0 * g0);
         high.add(f1.minus(f0) * g1.minus(g0));
       },
       [&](std::size_t i, std::size_t n) { portable_kernels().round2(&rest0, &rest2, f + 2 * i, g + 2 * i, n); });
  *c0 = low.value() + rest0;
  *c2 = high.value() + rest2;
}

/// A running product in each lane; the eight of them share one inversion.
void inverse(Fr* values, std::size_t size) {
  constexpr std::size_t kTiles = 64;
  Tile before[kTiles];
  const auto read = [&](std::size_t i, __mmask8& zeros) {
    const Lane x = Lane::load(values + i);
    zeros = x.is_zero();
    return Lane::select(zeros, Lane::one(), x);
  };
  std::size_t from = 0;
  for (; from + 8 <= size;) {
    const std::size_t tiles = std::min(kTiles, (size - from) / 8);
    Lane product = Lane::one();
    __mmask8 zeros[kTiles];
    for (std::size_t t = 0; t < tiles; ++t) {
      product.store_raw(before[t].words);
      product = product * read(from + 8 * t, zeros[t]);
    }
    alignas(64) Fr ends[8];
    product.store(ends);
    batch_inverse<Fr>(ends);
    Lane rest = Lane::load(ends);
    for (std::size_t t = tiles; t-- > 0;) {
      const Lane x = read(from + 8 * t, zeros[t]);
      Lane::select(zeros[t], Lane::zero(), rest * Lane::load_raw(before[t].words)).store(values + from + 8 * t);
      rest = rest * x;
    }
    from += 8 * tiles;
  }
  portable_kernels().inverse(values + from, size - from);
}
bool small(std::int64_t* out, const Fr* a, std::size_t size) {
  const __m512i order = _mm512_set_epi64(7, 5, 6, 4, 3, 1, 2, 0);
  __mmask8 fits = 0xff;
  bool rest = true;
  each(size,
       [&](std::size_t i) {
         Lane unit = Lane::zero();
         unit.l[0] = ifma::all(1);
         const Lane number = (Lane::load(a + i) * unit).canonical();  // below p + 1, since the factor is small: 0 … p − 1, or p for 0
         Lane minus;
         for (int k = 0; k < 5; ++k) minus.l[k] = _mm512_sub_epi64(ifma::all(Lane::C::kP[k]), number.l[k]);
         minus = minus.carried();
         const auto below = [](const Lane& x) {
           const __m512i high = _mm512_or_si512(_mm512_or_si512(x.l[1], x.l[2]), _mm512_or_si512(x.l[3], x.l[4]));
           return static_cast<__mmask8>(_mm512_testn_epi64_mask(high, high) & _mm512_cmplt_epu64_mask(x.l[0], ifma::all(std::uint64_t{1} << 50)));
         };
         const __mmask8 plus = below(number);
         fits &= static_cast<__mmask8>(plus | below(minus));
         const __m512i value = _mm512_mask_mov_epi64(_mm512_sub_epi64(_mm512_setzero_si512(), minus.l[0]), plus, number.l[0]);
         _mm512_storeu_si512(out + i, _mm512_permutexvar_epi64(order, value));
       },
       [&](std::size_t i, std::size_t n) { rest = portable_kernels().small(out + i, a + i, n); });
  return fits == 0xff && rest;
}
/// Products with 52 bits each are added up as they are, low and high halves in limbs of their own; one reduction for 4,096 elements.
Fr dot_small(const Fr* a, const std::int64_t* b, std::size_t size) {
  static const Lane kRadix = Lane::broadcast(Fr(2).pow(260));
  constexpr std::size_t kMost = 4096;
  constexpr std::uint64_t kOffset = std::uint64_t{1} << 51;  // makes b positive
  const __m512i order = _mm512_set_epi64(7, 5, 6, 4, 3, 1, 2, 0);
  Fr total;
  for (std::size_t from = 0; from < size; from += kMost) {
    const std::size_t count = std::min(kMost, size - from);
    __m512i t[10];
    for (auto& word : t) word = _mm512_setzero_si512();
    Sum plain;
    Fr rest;
    each(count,
         [&](std::size_t i) {
           const Lane x = Lane::load(a + from + i);
           const __m512i s = _mm512_permutexvar_epi64(order, _mm512_add_epi64(_mm512_loadu_si512(b + from + i), ifma::all(kOffset)));
           for (int k = 0; k < 5; ++k) {
             t[k] = _mm512_madd52lo_epu64(t[k], x.l[k], s);
             t[k + 1] = _mm512_madd52hi_epu64(t[k + 1], x.l[k], s);
           }
           plain.add(x);
         },
         [&](std::size_t i, std::size_t n) { rest = portable_kernels().dot_small(a + from + i, b + from + i, n); });
    total += sum(Lane::reduce(t).carried() * kRadix) - Fr(kOffset) * plain.value() + rest;
  }
  return total;
}

template <class Merge>
Lane merged(const Lane& a, const Lane& b, const Merge& merge) {
  Lane out;
  for (int i = 0; i < 5; ++i) out.l[i] = merge(a.l[i], b.l[i]);
  return out;
}
/// Two tiles that hold their elements in the order of `load` (0 2 1 3 4 6 5 7), as their even and their odd ones, both in natural order.
Pairs pairs_of(const Lane& a, const Lane& b) {
  return {merged(a, b, [](__m512i x, __m512i y) { return _mm512_shuffle_i64x2(x, y, 0x88); }), merged(a, b, [](__m512i x, __m512i y) { return _mm512_shuffle_i64x2(x, y, 0xdd); })};
}
/// The same of two that are in natural order; the pairs then come in some order, the same for all.
Pairs pairs_of_natural(const Lane& a, const Lane& b) {
  return {merged(a, b, [](__m512i x, __m512i y) { return _mm512_unpacklo_epi64(x, y); }), merged(a, b, [](__m512i x, __m512i y) { return _mm512_unpackhi_epi64(x, y); })};
}
Lane folded(const Pairs& pairs, const Lane& r) { return pairs.even + pairs.odd.minus(pairs.even) * r; }

/// Two tiles of each output at a time: `half(out, in, t)` writes them and gives their pairs.
template <class In, class Half>
void fold_pairs(Tile* f_out, Tile* g_out, const In* f, const In* g, std::size_t tiles, Fr* c0, Fr* c2, const Half& half) {
  Sum low, high;
  for (std::size_t t = 0; t < tiles; t += 2) {
    const auto [f0, f1] = half(f_out, f, t);
    const auto [g0, g1] = half(g_out, g, t);
    low.add(f0 * g0);
    high.add(f1.minus(f0) * g1.minus(g0));
  }
  *c0 = low.value();
  *c2 = high.value();
}
void fold_round2(Tile* f_out, Tile* g_out, const Tile* f, const Tile* g, const Fr& r, std::size_t tiles, Fr* c0, Fr* c2) {
  const Lane by = Lane::broadcast(r);
  const __m512i order = _mm512_set_epi64(7, 5, 6, 4, 3, 1, 2, 0);
  fold_pairs(f_out, g_out, f, g, tiles, c0, c2, [&](Tile* out, const Tile* in, std::size_t t) {
    const auto in_lane = [&](std::size_t i) { return Lane::load_raw(in[2 * t + i].words); };
    const Lane a = folded(pairs_of(in_lane(0), in_lane(1)), by), b = folded(pairs_of(in_lane(2), in_lane(3)), by);
    for (int i = 0; i < 5; ++i) {
      _mm512_store_si512(out[t].words + 8 * i, _mm512_permutexvar_epi64(order, a.l[i]));
      _mm512_store_si512(out[t + 1].words + 8 * i, _mm512_permutexvar_epi64(order, b.l[i]));
    }
    return pairs_of_natural(a, b);
  });
}
void first_fold_round2(Tile* f_out, Tile* g_out, const Fr* f, const Fr* g, const Fr& r, std::size_t tiles, Fr* c0, Fr* c2) {
  const Lane by = Lane::broadcast(r);
  fold_pairs(f_out, g_out, f, g, tiles, c0, c2, [&](Tile* out, const Fr* in, std::size_t t) {
    const Lane a = folded(load_pairs(in + 16 * t), by), b = folded(load_pairs(in + 16 * t + 16), by);
    a.store_raw(out[t].words);
    b.store_raw(out[t + 1].words);
    return pairs_of(a, b);
  });
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

void add_tiles(Tile* out, const Tile* a, const Tile* b, std::size_t tiles) {
  for (std::size_t t = 0; t < tiles; ++t) (Lane::load_raw(a[t].words) + Lane::load_raw(b[t].words)).store_raw(out[t].words);
}
void sub_tiles(Tile* out, const Tile* a, const Tile* b, std::size_t tiles) {
  for (std::size_t t = 0; t < tiles; ++t) (Lane::load_raw(a[t].words) - Lane::load_raw(b[t].words)).store_raw(out[t].words);
}
void scale_tiles(Tile* out, const Tile* a, const Fr& b, std::size_t tiles) {
  const Lane by = Lane::broadcast(b);
  for (std::size_t t = 0; t < tiles; ++t) (Lane::load_raw(a[t].words) * by).store_raw(out[t].words);
}
void shift_tiles(Tile* out, const Tile* a, const Fr& b, bool negate, std::size_t tiles) {
  const Lane by = Lane::broadcast(b);
  for (std::size_t t = 0; t < tiles; ++t) {
    const Lane x = Lane::load_raw(a[t].words);
    (negate ? by - x : x + by).store_raw(out[t].words);
  }
}
void mac_tiles(Tile* out, const Tile* a, const Fr& b, std::size_t tiles) {
  const Lane by = Lane::broadcast(b);
  for (std::size_t t = 0; t < tiles; ++t) (Lane::load_raw(out[t].words) + Lane::load_raw(a[t].words) * by).store_raw(out[t].words);
}
Fr dot_tiles(const Tile* a, const Tile* b, std::size_t tiles) {
  Sum total;
  for (std::size_t t = 0; t < tiles; ++t) total.add(Lane::load_raw(a[t].words) * Lane::load_raw(b[t].words));
  return total.value();
}
void split_tiles(Tile* even, Tile* diff, const Fr* in, std::size_t tiles) {
  for (std::size_t t = 0; t < tiles; ++t) {
    const auto [x, y] = load_pairs(in + 16 * t);
    x.store_raw(even[t].words);
    (y - x).store_raw(diff[t].words);
  }
}

}  // namespace

const VectorKernels& ifma_kernels() {
  // Sums and differences stay portable: two loads into lanes and a store from them alone take 5 ns an element (a product 9.1 ns with them, 4.0 ns without).
  static const VectorKernels kernels = {"avx512-ifma", mul, portable_kernels().add, portable_kernels().sub, scale, mac, fold, portable_kernels().split, dot, round2, inverse, small, dot_small, pack, unpack, mul_tiles, add_tiles, sub_tiles, scale_tiles, shift_tiles, mac_tiles, dot_tiles, split_tiles, fold_round2, first_fold_round2};
  return kernels;
}

}  // namespace peaberry::proof::detail
