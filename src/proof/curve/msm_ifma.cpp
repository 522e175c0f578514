// Multi-scalar multiplication by buckets (Pippenger), eight lanes at a time. In each window the points are sorted by bucket and added pairwise, in
// rounds, by affine formulas that share one inversion (Montgomery's trick): six multiplications an addition. The buckets' weighted sum runs in Jacobian
// coordinates with one window in each lane.

#include <peaberry/proof/field/ifma.hpp>
#include <peaberry/proof/field/memory.hpp>

#include <atomic>
#include <cstring>
#include <thread>
#include <tuple>

#include "msm_plan.hpp"

namespace peaberry::proof::detail {
namespace {

using Lane = ifma::Lanes<BasePrime>;

constexpr int kOrder[8] = {0, 2, 1, 3, 4, 6, 5, 7};  // lane → element, and back

/// Eight coordinates, gathered from wherever they lie.
inline void gather_words(const Fq* const (&at)[8], __m512i (&w)[4]) {
  // Rows hold two elements each; the lanes come in the transposition's order 0 2 1 3 4 6 5 7, which `scatter` undoes.
  __m512i rows[4];
  for (int i = 0; i < 4; ++i) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at[2 * i]));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at[2 * i + 1]));
    rows[i] = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
  }
  Lane::transpose(rows, w);
}
inline __mmask8 words_are_zero(const __m512i (&w)[4]) {
  const __m512i any = _mm512_or_si512(_mm512_or_si512(w[0], w[1]), _mm512_or_si512(w[2], w[3]));
  return _mm512_testn_epi64_mask(any, any);
}
inline __mmask8 words_are_equal(const __m512i (&a)[4], const __m512i (&b)[4]) {
  __mmask8 out = 0xff;
  for (int i = 0; i < 4; ++i) out = _mm512_mask_cmpeq_epi64_mask(out, a[i], b[i]);
  return out;
}
inline Lane gather(const Fq* const (&at)[8]) {
  __m512i w[4];
  gather_words(at, w);
  return Lane::from_words(w);
}

inline void scatter(const Lane& lane, Fq* const (&to)[8]) {
  __m512i w[4], rows[4];
  lane.to_words(w);
  Lane::untranspose(w, rows);
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to[2 * i]), _mm512_castsi512_si256(rows[i]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to[2 * i + 1]), _mm512_extracti64x4_epi64(rows[i], 1));
  }
}

/// 1/x in each lane; no lane is zero. One scalar inversion.
Lane invert(const Lane& x) {
  alignas(64) Fq values[8];
  x.store(values);
  batch_inverse<Fq>(values);
  return Lane::load(values);
}

/// Adds many pairs, out ← ±a ± b. Affine additions share inversions by the batch.
class PairAdder {
 public:
  static constexpr std::size_t kTiles = 256, kPairs = 8 * kTiles;

  void add(const G1Affine* a, const G1Affine* b, G1Affine* out) { add(a, b, out, 0, 0); }
  void add(const G1Affine* a, const G1Affine* b, G1Affine* out, unsigned minus_a, unsigned minus_b) {
    a_[size_] = a, b_[size_] = b, out_[size_] = out;
    const std::size_t lane = size_ % 8;
    minus_a_[size_ / 8] = static_cast<std::uint8_t>((lane == 0 ? 0 : minus_a_[size_ / 8]) | minus_a << kOrder[lane]);
    minus_b_[size_ / 8] = static_cast<std::uint8_t>((lane == 0 ? 0 : minus_b_[size_ / 8]) | minus_b << kOrder[lane]);
    __builtin_prefetch(a);
    __builtin_prefetch(b);
    if (++size_ == kPairs) flush();
  }
  void flush() {
    if (size_ == 0) return;
    tiles_.resize(kTiles);
    static const G1Affine kOne = G1Affine::generator(), kTwo = (G1(kOne) + kOne).affine();
    G1Affine waste;
    while (size_ % 8 != 0) {
      if (size_ + 1 == kPairs) {  // the last place would flush again
        a_[size_] = &kOne, b_[size_] = &kTwo, out_[size_] = &waste;
        ++size_;
        break;
      }
      add(&kOne, &kTwo, &waste);
    }
    const std::size_t tiles = size_ / 8;
    const Lane one = Lane::broadcast(Fq::one());
    Lane product = one;
    for (std::size_t t = 0; t < tiles; ++t) {
      Tile& tile = tiles_[t];
      const Fq *ax[8], *ay[8], *bx[8], *by[8];
      for (int i = 0; i < 8; ++i) {
        const G1Affine &a = *a_[8 * t + i], &b = *b_[8 * t + i];
        ax[i] = &a.x, ay[i] = &a.y, bx[i] = &b.x, by[i] = &b.y;
      }
      const __mmask8 minus_a = minus_a_[t], minus_b = minus_b_[t];
      __m512i wa[4], wb[4];
      gather_words(ax, wa);
      gather_words(bx, wb);
      // Doubling, cancelling, and infinity (x = 0): by the scalar formulas, below.
      const __mmask8 odd = words_are_equal(wa, wb) | words_are_zero(wa) | words_are_zero(wb);
      const Lane x1 = Lane::from_words(wa), x2 = Lane::from_words(wb);
      Lane y1 = gather(ay), y2 = gather(by);
      if ((minus_a | minus_b) != 0) {
        const Lane zero = Lane::zero();
        y1 = Lane::select(minus_a, zero.minus(y1).reduced(), y1);
        y2 = Lane::select(minus_b, zero.minus(y2).reduced(), y2);
      }
      Lane dx = x2.minus(x1);
      if (odd != 0) [[unlikely]] {
        dx = Lane::select(odd, one, dx);
        for (int i = 0; i < 8; ++i)
          if (odd >> i & 1) {
            const std::size_t k = 8 * t + kOrder[i];
            odd_.emplace_back(out_[k], (G1(minus_a >> i & 1 ? -*a_[k] : *a_[k]) + (minus_b >> i & 1 ? -*b_[k] : *b_[k])).affine());
          }
      }
      x1.store_raw(tile.x1);
      y1.store_raw(tile.y1);
      x2.plus(x1).store_raw(tile.x12);
      y2.minus(y1).store_raw(tile.dy);
      dx.store_raw(tile.dx);
      product.store_raw(tile.before);
      product = product * dx;
    }
    Lane inverse = invert(product);
    for (std::size_t t = tiles; t-- > 0;) {
      const Tile& tile = tiles_[t];
      const Lane lambda = inverse * Lane::load_raw(tile.before) * Lane::load_raw(tile.dy);
      inverse = inverse * Lane::load_raw(tile.dx);
      const Lane x3 = lambda.squared().minus(Lane::load_raw(tile.x12).reduced()).reduced();
      const Lane y3 = (lambda * Lane::load_raw(tile.x1).minus(x3)).minus(Lane::load_raw(tile.y1));
      Fq *ox[8], *oy[8];
      for (int i = 0; i < 8; ++i) ox[i] = &out_[8 * t + i]->x, oy[i] = &out_[8 * t + i]->y;
      scatter(x3, ox);
      scatter(y3.reduced(), oy);
    }
    for (const auto& [to, sum] : odd_) *to = sum;
    odd_.clear();
    size_ = 0;
  }

 private:
  struct Tile {
    alignas(64) std::uint64_t x1[40], y1[40], x12[40], dy[40], dx[40], before[40];
  };
  LargeVector<Tile> tiles_;
  const G1Affine *a_[kPairs], *b_[kPairs];
  G1Affine* out_[kPairs];
  std::uint8_t minus_a_[kTiles], minus_b_[kTiles];  // a bit for each lane
  std::size_t size_ = 0;
  std::vector<std::pair<G1Affine*, G1Affine>> odd_;  // written after the batch: its places may still be read
};

std::uint32_t digit_bits(const std::uint64_t* number, unsigned words, unsigned bit, unsigned width) {
  std::uint64_t out = number[bit / 64] >> (bit % 64);
  if (bit % 64 + width > 64 && bit / 64 + 1 < words) out |= number[bit / 64 + 1] << (64 - bit % 64);
  return static_cast<std::uint32_t>(out & ((std::uint64_t{1} << width) - 1));
}

/// What one window needs beside its buckets; used again for the thread's next one.
struct Workspace {
  LargeVector<std::uint32_t> keys, entries, start, fill, length, from;
  LargeVector<G1Affine> sums;
  PairAdder adder;
};

/// The buckets of one window: bucket[d − 1] = Σ of the points with digit d, (0,0) where there is none.
void fill_buckets(std::span<const G1Affine> points, const std::uint64_t* numbers, unsigned words, const Windows& windows, unsigned window, G1Affine* buckets, Workspace& space) {
  const std::size_t size = points.size(), count = windows.buckets();
  const unsigned bit = window * windows.width;
  // The last window of full scalars may end beyond their words: it has no half.
  const std::int32_t half = bit + windows.width <= 64 * words ? 1 << (windows.width - 1) : 0;
  auto &start = space.start, &keys = space.keys, &entries = space.entries, &fill = space.fill, &length = space.length, &from = space.from;
  auto& sums = space.sums;
  PairAdder& adder = space.adder;
  start.assign(count + 2, 0);
  keys.resize(size);
  for (std::size_t i = 0; i < size; ++i) {
    const std::int32_t digit = static_cast<std::int32_t>(digit_bits(numbers + words * i, words, bit, windows.width)) - half;
    const std::uint32_t magnitude = static_cast<std::uint32_t>(digit < 0 ? -digit : digit);
    const bool skip = magnitude == 0 || points[i].is_infinity();
    keys[i] = skip ? 0 : magnitude << 1 | (digit < 0);
    if (!skip) ++start[magnitude];
  }
  // start[d]: where bucket d's entries begin
  std::uint32_t sum = 0;
  for (std::size_t d = 1; d <= count; ++d) {
    const std::uint32_t here = start[d];
    start[d] = sum;
    sum += here;
  }
  start[count + 1] = sum;
  entries.resize(std::max<std::size_t>(entries.size(), sum));
  fill = start;
  for (std::size_t i = 0; i < size; ++i)
    if (keys[i] != 0) entries[fill[keys[i] >> 1]++] = static_cast<std::uint32_t>(i << 1 | (keys[i] & 1));

  // Rounds: pairs of neighbours in one bucket become one; an odd one out moves along.
  sums.resize(std::max<std::size_t>(sums.size(), sum / 2 + count + 1));
  length.resize(count + 1);
  from.resize(count + 1);
  std::size_t place = 0;
  for (std::size_t d = 1; d <= count; ++d) {
    const std::uint32_t n = start[d + 1] - start[d];
    const std::uint32_t* list = entries.data() + start[d];
    from[d] = static_cast<std::uint32_t>(place);
    for (std::uint32_t k = 0; k + 1 < n; k += 2) {
      adder.add(&points[list[k] >> 1], &points[list[k + 1] >> 1], &sums[place], list[k] & 1, list[k + 1] & 1);
      ++place;
    }
    if (n % 2) {
      const G1Affine& one = points[list[n - 1] >> 1];
      sums[place++] = list[n - 1] & 1 ? -one : one;
    }
    length[d] = (n + 1) / 2;
  }
  adder.flush();
  std::vector<std::pair<G1Affine*, const G1Affine*>> moves;
  for (bool more = true; more;) {
    more = false;
    moves.clear();
    for (std::size_t d = 1; d <= count; ++d) {
      const std::uint32_t n = length[d];
      if (n < 2) continue;
      G1Affine* list = sums.data() + from[d];
      // Results go to the front half: a place has been read, by its own batch or one before, when it is written.
      for (std::uint32_t k = 0; k + 1 < n; k += 2) adder.add(&list[k], &list[k + 1], &list[k / 2]);
      if (n % 2) moves.emplace_back(&list[n / 2], &list[n - 1]);
      length[d] = (n + 1) / 2;
      more |= length[d] > 1;
    }
    adder.flush();
    for (const auto& [to, what] : moves) *to = *what;
  }
  for (std::size_t d = 1; d <= count; ++d) buckets[d - 1] = length[d] == 0 ? G1Affine{} : sums[from[d]];
}

/// Eight Jacobian points, one for each window; Z = 0 is infinity. EFD's madd-2007-bl and add-2007-bl; lanes in which they do not hold (doubling,
/// cancelling) go through the scalar formulas.
struct Jacobian {
  Lane x, y, z;

  static Jacobian infinity() {
    const Lane one = Lane::broadcast(Fq::one());
    return {one, one, Lane::zero()};
  }
  G1 extract(int lane) const {
    alignas(64) Fq a[8], b[8], c[8];
    x.store(a), y.store(b), z.store(c);
    return G1::jacobian(a[kOrder[lane]], b[kOrder[lane]], c[kOrder[lane]]);
  }
  void insert(int lane, const G1& point) {
    alignas(64) Fq a[8], b[8], c[8];
    x.store(a), y.store(b), z.store(c);
    const int i = kOrder[lane];
    std::tie(a[i], b[i], c[i]) = point.coordinates();
    x = Lane::load(a), y = Lane::load(b), z = Lane::load(c);
  }
  static Jacobian select(__mmask8 mask, const Jacobian& yes, const Jacobian& no) {
    return {Lane::select(mask, yes.x, no.x), Lane::select(mask, yes.y, no.y), Lane::select(mask, yes.z, no.z)};
  }

  Jacobian add_affine(const Lane& x2, const Lane& y2, __mmask8 empty) const {
    const Lane zz = z.squared(), u = x2 * zz, s = y2 * z * zz;
    const Lane h = u - x, r = s - y, slope = r + r;
    const __mmask8 was_infinity = z.is_zero(), same = static_cast<__mmask8>(h.is_zero() & ~was_infinity & ~empty);
    const Lane hh = h.squared(), i4 = (hh + hh) + (hh + hh), j = h * i4, v = x * i4;
    Jacobian out;
    out.x = (slope.squared() - j) - (v + v);
    const Lane yj = y * j;
    out.y = slope * (v - out.x) - (yj + yj);
    out.z = (z.plus(h).squared() - zz) - hh;
    out = select(was_infinity, {x2, y2, Lane::broadcast(Fq::one())}, out);
    out = select(empty, *this, out);
    if (same != 0) [[unlikely]]
      for (int lane = 0; lane < 8; ++lane)
        if (same >> lane & 1) {
          alignas(64) Fq a[8], b[8];
          x2.store(a), y2.store(b);
          out.insert(lane, extract(lane) + G1Affine{a[kOrder[lane]], b[kOrder[lane]]});
        }
    return out;
  }

  Jacobian operator+(const Jacobian& o) const {
    const Lane zz1 = z.squared(), zz2 = o.z.squared();
    const Lane u1 = x * zz2, u2 = o.x * zz1, s1 = y * o.z * zz2, s2 = o.y * z * zz1;
    const Lane h = u2 - u1, r = s2 - s1, slope = r + r;
    const __mmask8 left = z.is_zero(), right = o.z.is_zero(), same = static_cast<__mmask8>(h.is_zero() & ~left & ~right);
    const Lane hh = h + h, i = hh.squared(), j = h * i, v = u1 * i;
    Jacobian out;
    out.x = (slope.squared() - j) - (v + v);
    const Lane sj = s1 * j;
    out.y = slope * (v - out.x) - (sj + sj);
    out.z = ((z.plus(o.z).squared() - zz1) - zz2) * h;
    out = select(left, o, out);
    out = select(static_cast<__mmask8>(right & ~left), *this, out);
    if (same != 0) [[unlikely]]
      for (int lane = 0; lane < 8; ++lane)
        if (same >> lane & 1) out.insert(lane, extract(lane) + o.extract(lane));
    return out;
  }
};

/// Σ d·bucket[d − 1] for up to eight windows at once.
void weigh(const G1Affine* const (&buckets)[8], std::size_t count, std::span<G1> out) {
  Jacobian running = Jacobian::infinity(), sum = running;
  for (std::size_t d = count; d-- > 0;) {
    const Fq *xs[8], *ys[8];
    for (int i = 0; i < 8; ++i) {
      xs[i] = &buckets[i][d].x, ys[i] = &buckets[i][d].y;
      __builtin_prefetch(d >= 8 ? buckets[i] + d - 8 : buckets[i]);
    }
    const Lane x = gather(xs), y = gather(ys);
    const __mmask8 empty = static_cast<__mmask8>(x.is_zero() & y.is_zero());
    running = running.add_affine(x, y, empty);
    sum = sum + running;
  }
  for (std::size_t i = 0; i < out.size(); ++i)
    for (int lane = 0; lane < 8; ++lane)
      if (static_cast<std::size_t>(kOrder[lane]) == i) out[i] = sum.extract(lane);
}

}  // namespace

double cost(std::size_t size, const Windows& windows) {
  // Measured: an addition into a bucket takes about 18 lane products with all that is around it, a bucket's two Jacobian additions 330 for eight windows.
  return 18.0 * static_cast<double>(size) * windows.count + 330.0 * static_cast<double>(windows.buckets()) * ((windows.count + 7) / 8);
}

Windows choose_windows(std::size_t size, unsigned bits) {
  Windows best{2, (bits + 3) / 2};
  for (unsigned width = 3; width <= 16; ++width)
    if (const Windows windows{width, (bits + 1 + width) / width}; cost(size, windows) < cost(size, best)) best = windows;
  return best;
}

G1 msm_ifma(std::span<const G1Affine> points, const std::uint64_t* numbers, unsigned words, unsigned bits, unsigned threads) {
  const Windows windows = choose_windows(points.size(), bits);
  const std::size_t count = windows.buckets();
  // k + Σ half·2^(width·w), modulo 2^(64·words): then digits can be read alone.
  std::array<std::uint64_t, 4> offset{};
  for (unsigned w = 0; w < windows.count; ++w)
    if (const unsigned bit = w * windows.width + windows.width - 1; bit < 64 * words) offset[bit / 64] |= std::uint64_t{1} << (bit % 64);
  LargeVector<std::uint64_t> shifted(points.size() * words);
  for (std::size_t i = 0; i < points.size(); ++i) {
    Wide carry = 0;
    for (unsigned k = 0; k < words; ++k) {
      carry += Wide{numbers[words * i + k]} + offset[k];
      shifted[words * i + k] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
  }
  numbers = shifted.data();
  LargeVector<G1Affine> buckets(count * windows.count);
  std::vector<G1> sums(windows.count);
  const auto each = [&](unsigned jobs, const auto& work) {
    std::atomic<unsigned> next{0};
    const auto loop = [&] {
      Workspace space;
      for (unsigned job; (job = next++) < jobs;) work(job, space);
    };
    std::vector<std::jthread> others;
    for (unsigned t = 1; t < std::min(threads, jobs); ++t) others.emplace_back(loop);
    loop();
  };
  each(windows.count, [&](unsigned w, Workspace& space) { fill_buckets(points, numbers, words, windows, w, buckets.data() + count * w, space); });
  each((windows.count + 7) / 8, [&](unsigned group, Workspace&) {
    const G1Affine* lists[8];
    const unsigned used = std::min(8u, windows.count - 8 * group);
    for (unsigned i = 0; i < 8; ++i) lists[i] = buckets.data() + count * (8 * group + std::min(i, used - 1));
    weigh(lists, count, std::span(sums).subspan(8 * group, used));
  });
  G1 out;
  for (unsigned w = windows.count; w-- > 0;) {
    for (unsigned i = 0; i < windows.width; ++i) out = out.doubled();
    out += sums[w];
  }
  return out;
}

}  // namespace peaberry::proof::detail
