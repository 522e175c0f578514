// Multi-scalar multiplication by buckets (Pippenger 1976; signed digits). In each window the points are sorted by bucket, and each bucket's list is summed by affine
// additions on eight lanes (list_sums.hpp). Buckets are weighed by the sums of their rows and columns; what is left of that runs in Jacobian coordinates with one list in
// each lane.

#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <tuple>

#include "list_sums.hpp"
#include "msm_plan.hpp"

namespace peaberry::proof::detail {
namespace {

/// The digits of scalars first … first + count in every window – of which `half` is still to be taken – at out[size·window + i]. An infinity counts as zero times.
void cut_digits(std::span<const G1Affine> points, const Scalars& scalars, std::size_t first, std::size_t count, const Windows& windows, std::uint16_t* out) {
  const unsigned words = scalars.full != nullptr ? 4 : 1;
  // Σ half·2^(width·w), modulo 2^(64·words): then digits can be read alone.
  Limbs offset{};
  for (unsigned w = 0; w < windows.count; ++w)
    if (const unsigned bit = w * windows.width + windows.width - 1; bit < 64 * words) offset[bit / 64] |= std::uint64_t{1} << (bit % 64);
  // A line of each window at a time: one write each, since the lines of all windows may share a place in the cache.
  constexpr std::size_t kLine = 32;
  std::uint16_t lines[128][kLine];
  for (std::size_t begin = first; begin < first + count; begin += kLine) {
    const std::size_t here = std::min(kLine, first + count - begin);
    for (std::size_t k = 0; k < here; ++k) {
      Limbs number{};
      if (points[begin + k].is_infinity()) {
        number = offset;
      } else if (scalars.full != nullptr) {
        number = scalars.full[begin + k].number();
        add_limbs(number, number, offset);
      } else {
        number[0] = static_cast<std::uint64_t>(scalars.small[begin + k]) + offset[0];
      }
      for (unsigned w = 0; w < windows.count; ++w) lines[w][k] = static_cast<std::uint16_t>(bits_at(number, w * windows.width, windows.width, words));
    }
    for (unsigned w = 0; w < windows.count; ++w) std::memcpy(out + points.size() * w + begin, lines[w], here * sizeof(std::uint16_t));
  }
  explicit_bzero(lines, sizeof lines);
}

/// What one window needs beside its buckets; used again for the thread's next one.
struct Workspace {
  UnfilledVector<std::uint32_t> keys, entries;
  LargeVector<std::uint32_t> start;
  LargeVector<ListSums::List> lists;
  LargeVector<Packed> buckets;
  ListSums sums;
};

/// The buckets of one window: bucket[d − 1] = Σ of the points with digit d; those without any are left as they are. Written when the sums are finished.
void fill_buckets(std::span<const Packed> points, const std::uint16_t* digits, std::int32_t half, std::size_t count, Packed* buckets, Workspace& space) {
  const std::size_t size = points.size();
  LargeVector<std::uint32_t>& start = space.start;
  auto &keys = space.keys, &entries = space.entries;
  start.assign(count + 2, 0);
  keys.resize(size);
  for (std::size_t i = 0; i < size; ++i) {
    const std::int32_t digit = std::int32_t{digits[i]} - half;
    const std::uint32_t magnitude = static_cast<std::uint32_t>(digit < 0 ? -digit : digit);
    keys[i] = magnitude << 1 | (digit < 0);
    ++start[magnitude];
  }
  // start[d]: where bucket d's entries begin
  std::uint32_t sum = 0;
  space.lists.clear();
  for (std::size_t d = 1; d <= count; ++d) {
    const std::uint32_t here = start[d];
    start[d] = sum;
    space.lists.push_back({sum, here, buckets + d - 1});
    sum += here;
  }
  entries.resize(std::max<std::size_t>(entries.size(), sum));
  for (std::size_t i = 0; i < size; ++i)
    if (keys[i] > 1) entries[start[keys[i] >> 1]++] = static_cast<std::uint32_t>(i << 1 | (keys[i] & 1));
  space.sums.add(points.data(), entries.data(), space.lists);
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

/// Σ d·list[d − 1] for up to eight lists at once.
void weigh(const Packed* const (&lists)[8], std::size_t count, std::span<G1> out) {
  Jacobian running = Jacobian::infinity(), sum = running;
  for (std::size_t d = count; d-- > 0;) {
    const std::uint64_t *xs[8], *ys[8];
    for (int i = 0; i < 8; ++i) {
      xs[i] = lists[i][d].x, ys[i] = lists[i][d].y;
      __builtin_prefetch(d >= 8 ? lists[i] + d - 8 : lists[i]);
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

/// The same for any number of lists, `count` points in each, `stride` apart.
void weigh_all(const Packed* lists, std::size_t count, std::size_t stride, std::span<G1> out) {
  for (std::size_t first = 0; first < out.size(); first += 8) {
    const Packed* eight[8];
    const std::size_t used = std::min<std::size_t>(8, out.size() - first);
    for (std::size_t i = 0; i < 8; ++i) eight[i] = lists + stride * (first + std::min(i, used - 1));
    weigh(eight, count, out.subspan(first, used));
  }
}

/// Σ d·bucket[d − 1] of each window, `count` = 2^bits buckets each. With d − 1 = 2^low·a + b that is 2^low·Σ a·row[a] + Σ (b + 1)·column[b], where rows and columns are
/// sums of many points, and few are left to be weighed.
void weigh_buckets(std::span<const Packed> buckets, std::size_t count, ListSums& sums, std::span<G1> out) {
  const unsigned bits = static_cast<unsigned>(std::countr_zero(count)), low = bits / 2;
  if (bits < 6) return weigh_all(buckets.data(), count, count, out);
  const std::size_t columns = std::size_t{1} << low, rows = count / columns, windows = out.size();
  std::vector<Packed> row(rows * windows), column(columns * windows);
  std::vector<std::uint32_t> entries;
  std::vector<ListSums::List> lists;
  entries.reserve(2 * buckets.size());
  const auto list = [&](std::size_t from, std::size_t step, std::size_t length, Packed* to) {
    const auto first = static_cast<std::uint32_t>(entries.size());
    for (std::size_t k = 0; k < length; ++k)
      if (!buckets[from + k * step].is_infinity()) entries.push_back(static_cast<std::uint32_t>((from + k * step) << 1));
    lists.push_back({first, static_cast<std::uint32_t>(entries.size()) - first, to});
  };
  for (std::size_t w = 0; w < windows; ++w) {
    for (std::size_t a = 0; a < rows; ++a) list(count * w + columns * a, 1, columns, &row[rows * w + a]);
    for (std::size_t b = 0; b < columns; ++b) list(count * w + b, columns, rows, &column[columns * w + b]);
  }
  sums.add(buckets.data(), entries.data(), lists);
  sums.finish();
  std::vector<G1> high(windows);
  weigh_all(row.data() + 1, rows - 1, rows, high);
  weigh_all(column.data(), columns, columns, out);
  for (std::size_t w = 0; w < windows; ++w) {
    for (unsigned i = 0; i < low; ++i) high[w] = high[w].doubled();
    out[w] += high[w];
  }
}

}  // namespace

double cost(std::size_t size, const Windows& windows) {
  // Measured: an addition into a bucket takes about 12 products with all that is around it; weighing a bucket two more of them.
  return windows.count * (12.0 * static_cast<double>(size) + 28.0 * static_cast<double>(windows.buckets()));
}

Windows choose_windows(std::size_t size, unsigned bits) {
  Windows best{2, (bits + 3) / 2};
  for (unsigned width = 3; width <= 16; ++width)
    if (const Windows windows{width, (bits + 1 + width) / width}; cost(size, windows) < cost(size, best)) best = windows;
  return best;
}

G1 msm_ifma(std::span<const G1Affine> points, const Scalars& scalars, unsigned bits, unsigned threads, MsmScratch* scratch) {
  const Windows windows = choose_windows(points.size(), bits);
  const std::size_t count = windows.buckets();
  const unsigned words = scalars.full != nullptr ? 4 : 1;
  MsmScratch own;
  auto& lines = (scratch != nullptr ? scratch : &own)->lines;
  const std::size_t size = points.size();
  if (const std::size_t needed = size + (size * windows.count + 31) / 32; lines.size() < needed) {
    lines = {};
    lines.resize(needed);
  }
  const std::span packed(reinterpret_cast<Packed*>(lines.data()), size);
  auto* const digits = reinterpret_cast<std::uint16_t*>(lines.data() + size);
  std::vector<G1> sums(windows.count);
  const auto each = [&](std::size_t jobs, const auto& work) {
    std::atomic<std::size_t> next{0};
    const auto loop = [&] {
      Workspace space;
      for (std::size_t job; (job = next++) < jobs;) work(job, space);
    };
    std::vector<std::jthread> others;
    for (std::size_t t = 1; t < std::min<std::size_t>(threads, jobs); ++t) others.emplace_back(loop);
    loop();
  };
  constexpr std::size_t kChunk = 4096;
  each((points.size() + kChunk - 1) / kChunk, [&](std::size_t chunk, Workspace&) {
    const std::size_t first = chunk * kChunk, here = std::min(kChunk, points.size() - first);
    pack_points(points.subspan(first, here), &packed[first]);
    cut_digits(points, scalars, first, here, windows, digits);
  });
  // As many windows together as there are threads to share them, while their buckets stay in a cache: what finishes a sum is done for all of them at once.
  const std::size_t together = std::clamp<std::size_t>((std::size_t{1} << 16) / count, 1, (windows.count + threads - 1) / threads);
  each((windows.count + together - 1) / together, [&](std::size_t job, Workspace& space) {
    const std::size_t first = job * together, here = std::min(together, windows.count - first);
    space.buckets.assign(count * here, Packed{});
    for (std::size_t w = first; w < first + here; ++w) {
      // The last window of full scalars may end beyond their words: it has no half.
      const std::int32_t half = (w + 1) * windows.width <= 64 * words ? 1 << (windows.width - 1) : 0;
      fill_buckets(packed, digits + size * w, half, count, space.buckets.data() + count * (w - first), space);
    }
    space.sums.finish();
    weigh_buckets(space.buckets, count, space.sums, std::span(sums).subspan(first, here));
  });
  G1 out;
  for (unsigned w = windows.count; w-- > 0;) {
    for (unsigned i = 0; i < windows.width; ++i) out = out.doubled();
    out += sums[w];
  }
  return out;
}

void multiples_ifma(std::span<const G1Affine> table, const Windows& windows, std::span<const Fr> scalars, G1Affine* out) {
  constexpr std::size_t kChunk = 4096;
  const std::size_t half = windows.buckets();
  UnfilledVector<Packed> packed(table.size());
  pack_points(table, packed.data());
  ListSums sums;
  LargeVector<std::uint32_t> entries;  // the scalars' digits
  LargeVector<std::int32_t> digits(windows.count);
  std::vector<ListSums::List> lists;
  std::vector<Packed> points;
  for (std::size_t from = 0; from < scalars.size(); from += kChunk) {
    const std::size_t count = std::min(kChunk, scalars.size() - from);
    entries.clear(), lists.clear();
    points.assign(count, Packed{});
    for (std::size_t i = 0; i < count; ++i) {
      signed_digits(scalars[from + i].number(), windows.width, digits);
      const auto first = static_cast<std::uint32_t>(entries.size());
      for (unsigned w = 0; w < windows.count; ++w) {
        const std::int32_t digit = digits[w];
        if (digit != 0) entries.push_back(static_cast<std::uint32_t>((half * w + static_cast<std::size_t>(std::abs(digit)) - 1) << 1 | (digit < 0)));
      }
      lists.push_back({first, static_cast<std::uint32_t>(entries.size()) - first, &points[i]});
    }
    sums.add(packed.data(), entries.data(), lists);
    sums.finish();
    unpack_points(points, out + from);
  }
}

}  // namespace peaberry::proof::detail
