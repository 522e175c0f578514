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

/// A point as the lanes have it: coordinates times 2^260, below 2q, 256 bits each. (0,0) is infinity.
struct alignas(64) Packed {
  std::uint64_t x[4] = {}, y[4] = {};
  bool is_infinity() const { return (x[0] | x[1] | x[2] | x[3] | y[0] | y[1] | y[2] | y[3]) == 0; }
};

Fq element(const std::uint64_t (&words)[4]) {
  static const Fq down = Fq(16).inverse();  // from 2^260 to 2^256
  Limbs limbs{words[0], words[1], words[2], words[3]};
  if (!less_limbs(limbs, Fq::kModulus)) sub_limbs(limbs, limbs, Fq::kModulus);
  return Fq::raw(limbs) * down;
}
G1Affine point_of(const Packed& packed) { return {element(packed.x), element(packed.y)}; }
Packed packed_of(const G1Affine& point) {
  Packed out;
  const auto x = (point.x * Fq(16)).montgomery(), y = (point.y * Fq(16)).montgomery();
  std::copy(x.begin(), x.end(), out.x);
  std::copy(y.begin(), y.end(), out.y);
  return out;
}
Packed negated(const Packed& point) {
  Packed out = point;
  Limbs twice{}, y{point.y[0], point.y[1], point.y[2], point.y[3]};
  add_limbs(twice, Fq::kModulus, Fq::kModulus);
  sub_limbs(twice, twice, y);
  std::copy(twice.begin(), twice.end(), out.y);
  return out;
}

/// Eight times four words, gathered from wherever they lie. Rows hold two elements each; the lanes come in the transposition's order 0 2 1 3 4 6 5 7, which `scatter`
/// undoes.
inline void gather_words(const std::uint64_t* const (&at)[8], __m512i (&w)[4]) {
  __m512i rows[4];
  for (int i = 0; i < 4; ++i) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at[2 * i]));
    const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at[2 * i + 1]));
    rows[i] = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
  }
  Lane::transpose(rows, w);
}
inline Lane gather(const std::uint64_t* const (&at)[8]) {
  __m512i w[4];
  gather_words(at, w);
  return Lane::unpacked(w);
}
inline void scatter(const Lane& lane, std::uint64_t* const (&to)[8]) {
  __m512i w[4], rows[4];
  lane.pack(w);
  Lane::untranspose(w, rows);
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to[2 * i]), _mm512_castsi512_si256(rows[i]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to[2 * i + 1]), _mm512_extracti64x4_epi64(rows[i], 1));
  }
}

void pack_points(std::span<const G1Affine> points, Packed* out) {
  std::size_t i = 0;
  for (; i + 8 <= points.size(); i += 8) {
    const std::uint64_t *xs[8], *ys[8];
    std::uint64_t *ox[8], *oy[8];
    for (int k = 0; k < 8; ++k) {
      xs[k] = points[i + k].x.montgomery().data(), ys[k] = points[i + k].y.montgomery().data();
      ox[k] = out[i + k].x, oy[k] = out[i + k].y;
    }
    __m512i w[4];
    gather_words(xs, w);
    scatter(Lane::from_words(w), ox);
    gather_words(ys, w);
    scatter(Lane::from_words(w), oy);
  }
  for (; i < points.size(); ++i) out[i] = packed_of(points[i]);
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
  static constexpr std::size_t kTiles = 512, kPairs = 8 * kTiles;

  void add(const Packed* a, const Packed* b, Packed* out) { add(a, b, out, 0, 0); }
  void add(const Packed* a, const Packed* b, Packed* out, unsigned minus_a, unsigned minus_b) {
    __builtin_prefetch(a);
    __builtin_prefetch(b);
    a_[size_] = reinterpret_cast<std::uintptr_t>(a) | minus_a;
    b_[size_] = reinterpret_cast<std::uintptr_t>(b) | minus_b;
    out_[size_] = out;
    if (++size_ == kPairs) flush();
  }
  void flush() {
    if (size_ == 0) return;
    tiles_.resize(kTiles);
    static const Packed kOne = packed_of(G1Affine::generator()), kTwo = packed_of((G1(G1Affine::generator()) + G1Affine::generator()).affine());
    Packed waste;
    while (size_ % 16 != 0) {
      if (size_ + 1 == kPairs) {  // the last place would flush again
        a_[size_] = reinterpret_cast<std::uintptr_t>(&kOne), b_[size_] = reinterpret_cast<std::uintptr_t>(&kTwo), out_[size_] = &waste;
        ++size_;
        break;
      }
      add(&kOne, &kTwo, &waste);
    }
    // Pairs for which the formulas do not hold are rare: a batch is looked at closely only after one was found in it, or once there is an infinity to be added.
    Chains products = careful_ ? differences<true>() : differences<false>();
    if (!careful_ && (products.even * products.odd).is_zero() != 0) [[unlikely]] products = differences<true>();
    sums(products);
    for (const auto& [to, sum] : odd_) {
      *to = packed_of(sum);
      careful_ |= sum.is_infinity();
    }
    odd_.clear();
    size_ = 0;
  }

 private:
  struct Tile {
    alignas(64) std::uint64_t x1[40], y1[40], dx[40], dy[40], before[40];
  };

  /// Two tiles at a time, each with a product of its own: a product waits for the one before it, and two fill each other's waiting.
  struct Chains {
    Lane even, odd;
  };

  /// Fills the tiles; the products of all dx. Careful: doubling, cancelling and infinity go by the scalar formulas, and their dx counts as 1.
  template <bool kCareful>
  Chains differences() {
    const Lane one = Lane::broadcast(Fq::one());
    Chains products{one, one};
    for (std::size_t t = 0; t < size_ / 8; t += 2) {
      const Lane even = difference<kCareful>(t, one), odd = difference<kCareful>(t + 1, one);
      products.even.store_raw(tiles_[t].before);
      products.odd.store_raw(tiles_[t + 1].before);
      products.even = products.even * even;
      products.odd = products.odd * odd;
    }
    return products;
  }
  template <bool kCareful>
  Lane difference(std::size_t t, const Lane& one) {
    const Lane zero = Lane::zero();
    Tile& tile = tiles_[t];
    const std::uint64_t *ax[8], *ay[8], *bx[8], *by[8];
    for (int i = 0; i < 8; ++i) {
      const Packed &a = place(a_[8 * t + i]), &b = place(b_[8 * t + i]);
      ax[i] = a.x, ay[i] = a.y, bx[i] = b.x, by[i] = b.y;
    }
    const Lane x1 = gather(ax), x2 = gather(bx);
    Lane y1 = gather(ay), y2 = gather(by), dx = x2.minus(x1);
    const __mmask8 minus_a = signs(a_ + 8 * t), minus_b = signs(b_ + 8 * t);
    if (minus_a != 0) y1 = Lane::select(minus_a, zero.minus(y1), y1);
    if (minus_b != 0) y2 = Lane::select(minus_b, zero.minus(y2), y2);
    if constexpr (kCareful) {
      const __mmask8 odd = dx.reduced().is_zero() | x1.is_zero() | x2.is_zero();
      dx = Lane::select(odd, one, dx);
      for (int i = 0; odd >> i != 0; ++i)
        if (odd >> i & 1) {
          const std::size_t k = 8 * t + kOrder[i];
          const G1Affine a = point_of(place(a_[k])), b = point_of(place(b_[k]));
          odd_.emplace_back(out_[k], (G1(a_[k] & 1 ? -a : a) + (b_[k] & 1 ? -b : b)).affine());
        }
    }
    x1.store_raw(tile.x1);
    y1.store_raw(tile.y1);
    dx.store_raw(tile.dx);
    y2.minus(y1).store_raw(tile.dy);
    return dx;
  }

  /// λ = dy/dx, x3 = λ² − x1 − x2, y3 = λ(x1 − x3) − y1, from the last tiles to the first.
  void sums(const Chains& products) {
    const Lane both = invert(products.even * products.odd);
    Lane inverse[2] = {both * products.odd, both * products.even}, lambda[2], x3[2], y3[2];
    for (std::size_t t = size_ / 8; t > 0;) {
      t -= 2;
      const Tile* tile = &tiles_[t];
      for (int k = 0; k < 2; ++k) lambda[k] = inverse[k] * Lane::load_raw(tile[k].before);
      for (int k = 0; k < 2; ++k) lambda[k] = lambda[k] * Lane::load_raw(tile[k].dy);
      for (int k = 0; k < 2; ++k) inverse[k] = inverse[k] * Lane::load_raw(tile[k].dx);
      for (int k = 0; k < 2; ++k) x3[k] = lambda[k].squared();
      for (int k = 0; k < 2; ++k) {
        // minus 2·x1 + dx, which is x1 + x2 + 2q; plus 8q
        const Lane x1 = Lane::load_raw(tile[k].x1), dx = Lane::load_raw(tile[k].dx);
        for (int i = 0; i < 5; ++i) x3[k].l[i] = _mm512_add_epi64(_mm512_sub_epi64(_mm512_sub_epi64(x3[k].l[i], _mm512_add_epi64(x1.l[i], x1.l[i])), dx.l[i]), ifma::all(Lane::C::k8P[i]));
        x3[k] = x3[k].carried().squeezed();
      }
      for (int k = 0; k < 2; ++k) y3[k] = lambda[k] * Lane::load_raw(tile[k].x1).minus(x3[k]);
      for (int k = 0; k < 2; ++k) {
        std::uint64_t *ox[8], *oy[8];
        for (int i = 0; i < 8; ++i) ox[i] = out_[8 * (t + k) + i]->x, oy[i] = out_[8 * (t + k) + i]->y;
        scatter(x3[k], ox);
        scatter(y3[k].minus(Lane::load_raw(tile[k].y1)).squeezed(), oy);
      }
    }
  }

  static const Packed& place(std::uintptr_t tagged) { return *reinterpret_cast<const Packed*>(tagged & ~std::uintptr_t{1}); }
  /// The lowest bits of eight, in the order of the lanes.
  static __mmask8 signs(const std::uintptr_t* tagged) {
    const __m512i order = _mm512_set_epi64(7, 5, 6, 4, 3, 1, 2, 0);
    return _mm512_test_epi64_mask(_mm512_permutexvar_epi64(order, _mm512_loadu_si512(tagged)), ifma::all(1));
  }

  LargeVector<Tile> tiles_;
  std::uintptr_t a_[kPairs], b_[kPairs];  // addresses; the lowest bit: negative
  Packed* out_[kPairs];
  std::size_t size_ = 0;
  bool careful_ = false;
  std::vector<std::pair<Packed*, G1Affine>> odd_;  // written after the batch: its places may still be read
};

/// Every window's digits, one window after the other: bits of scalar + offset, of which `half` is still to be taken.
LargeVector<std::uint16_t> digits_of(const Scalars& scalars, std::size_t size, const Windows& windows) {
  const unsigned words = scalars.full != nullptr ? 4 : 1;
  // Σ half·2^(width·w), modulo 2^(64·words): then digits can be read alone.
  Limbs offset{};
  for (unsigned w = 0; w < windows.count; ++w)
    if (const unsigned bit = w * windows.width + windows.width - 1; bit < 64 * words) offset[bit / 64] |= std::uint64_t{1} << (bit % 64);
  LargeVector<std::uint16_t> out(size * windows.count);
  const std::uint64_t mask = (std::uint64_t{1} << windows.width) - 1;
  for (std::size_t i = 0; i < size; ++i) {
    Limbs number{};
    if (scalars.full != nullptr) {
      number = scalars.full[i].number();
      add_limbs(number, number, offset);
    } else {
      number[0] = static_cast<std::uint64_t>(scalars.small[i]) + offset[0];
    }
    for (unsigned w = 0; w < windows.count; ++w) {
      const unsigned bit = w * windows.width;
      std::uint64_t digit = number[bit / 64] >> (bit % 64);
      if (bit % 64 + windows.width > 64 && bit / 64 + 1 < words) digit |= number[bit / 64 + 1] << (64 - bit % 64);
      out[size * w + i] = static_cast<std::uint16_t>(digit & mask);
    }
  }
  return out;
}

/// What one window needs beside its buckets; used again for the thread's next one.
struct Workspace {
  LargeVector<std::uint32_t> keys, entries, start, fill, length, from;
  LargeVector<Packed> sums;
  PairAdder adder;
};

/// The buckets of one window: bucket[d − 1] = Σ of the points with digit d, (0,0) where there is none.
void fill_buckets(std::span<const Packed> points, const std::uint16_t* digits, std::int32_t half, std::size_t count, Packed* buckets, Workspace& space) {
  const std::size_t size = points.size();
  auto &start = space.start, &keys = space.keys, &entries = space.entries, &fill = space.fill, &length = space.length, &from = space.from;
  auto& sums = space.sums;
  PairAdder& adder = space.adder;
  start.assign(count + 2, 0);
  keys.resize(size);
  for (std::size_t i = 0; i < size; ++i) {
    const std::int32_t digit = std::int32_t{digits[i]} - half;
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
      const Packed& one = points[list[n - 1] >> 1];
      sums[place++] = list[n - 1] & 1 ? negated(one) : one;
    }
    length[d] = (n + 1) / 2;
  }
  adder.flush();
  std::vector<std::pair<Packed*, const Packed*>> moves;
  for (bool more = true; more;) {
    more = false;
    moves.clear();
    for (std::size_t d = 1; d <= count; ++d) {
      const std::uint32_t n = length[d];
      if (n < 2) continue;
      Packed* list = sums.data() + from[d];
      // Results go to the front half: a place has been read, by its own batch or one before, when it is written.
      for (std::uint32_t k = 0; k + 1 < n; k += 2) adder.add(&list[k], &list[k + 1], &list[k / 2]);
      if (n % 2) moves.emplace_back(&list[n / 2], &list[n - 1]);
      length[d] = (n + 1) / 2;
      more |= length[d] > 1;
    }
    adder.flush();
    for (const auto& [to, what] : moves) *to = *what;
  }
  for (std::size_t d = 1; d <= count; ++d) buckets[d - 1] = length[d] == 0 ? Packed{} : sums[from[d]];
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
void weigh(const Packed* const (&buckets)[8], std::size_t count, std::span<G1> out) {
  Jacobian running = Jacobian::infinity(), sum = running;
  for (std::size_t d = count; d-- > 0;) {
    const std::uint64_t *xs[8], *ys[8];
    for (int i = 0; i < 8; ++i) {
      xs[i] = buckets[i][d].x, ys[i] = buckets[i][d].y;
      __builtin_prefetch(d >= 8 ? buckets[i] + d - 8 : buckets[i]);
    }
    __m512i wx[4], wy[4];
    gather_words(xs, wx);
    gather_words(ys, wy);
    const __m512i any = _mm512_or_si512(_mm512_or_si512(_mm512_or_si512(wx[0], wx[1]), _mm512_or_si512(wx[2], wx[3])), _mm512_or_si512(_mm512_or_si512(wy[0], wy[1]), _mm512_or_si512(wy[2], wy[3])));
    const __mmask8 empty = _mm512_testn_epi64_mask(any, any);
    const Lane x = Lane::unpacked(wx), y = Lane::unpacked(wy);
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

G1 msm_ifma(std::span<const G1Affine> points, const Scalars& scalars, unsigned bits, unsigned threads) {
  const Windows windows = choose_windows(points.size(), bits);
  const std::size_t count = windows.buckets();
  const unsigned words = scalars.full != nullptr ? 4 : 1;
  const LargeVector<std::uint16_t> digits = digits_of(scalars, points.size(), windows);
  LargeVector<Packed> buckets(count * windows.count), packed(points.size());
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
  constexpr std::size_t kChunk = 4096;
  each(static_cast<unsigned>((points.size() + kChunk - 1) / kChunk), [&](unsigned chunk, Workspace&) {
    const std::size_t first = chunk * kChunk;
    pack_points(points.subspan(first, std::min(kChunk, points.size() - first)), packed.data() + first);
  });
  each(windows.count, [&](unsigned w, Workspace& space) {
    // The last window of full scalars may end beyond their words: it has no half.
    const std::int32_t half = (w + 1) * windows.width <= 64 * words ? 1 << (windows.width - 1) : 0;
    fill_buckets(packed, digits.data() + points.size() * w, half, count, buckets.data() + count * w, space);
  });
  each((windows.count + 7) / 8, [&](unsigned group, Workspace&) {
    const Packed* lists[8];
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
