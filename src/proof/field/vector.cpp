// Source: none: the plain meaning of vector.hpp.

#include "vector.hpp"

#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace peaberry::proof {

#if defined(__x86_64__)
const bool detail::kHasAdx = [] {  // clang 14 does not know "adx" by name
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b >> 8 & 1) != 0 && (b >> 19 & 1) != 0;
}();
#else
const bool detail::kHasAdx = false;
#endif

bool has_ifma() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  return has;
#else
  return false;
#endif
}

namespace {

void mul(Fr* out, const Fr* a, const Fr* b, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out[i] = a[i] * b[i];
}
void add(Fr* out, const Fr* a, const Fr* b, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out[i] = a[i] + b[i];
}
void sub(Fr* out, const Fr* a, const Fr* b, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out[i] = a[i] - b[i];
}
void scale(Fr* out, const Fr* a, const Fr& b, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out[i] = a[i] * b;
}
void mac(Fr* out, const Fr* a, const Fr& b, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out[i] += a[i] * b;
}
void fold(Fr* out, const Fr* in, const Fr& r, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out[i] = in[2 * i] + r * (in[2 * i + 1] - in[2 * i]);
}
void split(Fr* even, Fr* diff, const Fr* in, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    even[i] = in[2 * i];
    diff[i] = in[2 * i + 1] - in[2 * i];
  }
}
Fr dot(const Fr* a, const Fr* b, std::size_t size) {
  Fr sum;
  for (std::size_t i = 0; i < size; ++i) sum += a[i] * b[i];
  return sum;
}
void round2(Fr* c0, Fr* c2, const Fr* f, const Fr* g, std::size_t size) {
  *c0 = *c2 = Fr::zero();
  for (std::size_t i = 0; i < size; ++i) {
    *c0 += f[2 * i] * g[2 * i];
    *c2 += (f[2 * i + 1] - f[2 * i]) * (g[2 * i + 1] - g[2 * i]);
  }
}
void inverse(Fr* values, std::size_t size) { batch_inverse<Fr>({values, size}); }
bool small(std::int64_t* out, const Fr* a, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    const auto value = a[i].small(50);
    if (!value) return false;
    out[i] = *value;
  }
  return true;
}
Fr dot_small(const Fr* a, const std::int64_t* b, std::size_t size) {
  Fr sum;
  for (std::size_t i = 0; i < size; ++i) sum += a[i] * Fr::from_signed(b[i]);
  return sum;
}

void pack(Tile* out, const Fr* in, std::size_t tiles) {
  for (std::size_t t = 0; t < tiles; ++t) std::memcpy(out[t].words, in + 8 * t, 8 * sizeof(Fr));
}
void unpack(Fr* out, const Tile* in, std::size_t tiles) {
  for (std::size_t t = 0; t < tiles; ++t) std::memcpy(out + 8 * t, in[t].words, 8 * sizeof(Fr));
}
/// By way of elements: work(x, y) changes eight of `a`, given eight of `b` or of `out`.
template <class Work>
void by_eight(Tile* out, const Tile* a, const Tile* b, std::size_t tiles, const Work& work) {
  Fr x[8], y[8];
  for (std::size_t t = 0; t < tiles; ++t) {
    unpack(x, a + t, 1), unpack(y, b + t, 1);
    work(x, y);
    pack(out + t, x, 1);
  }
}
void mul_tiles(Tile* out, const Tile* a, const Tile* b, std::size_t tiles) {
  by_eight(out, a, b, tiles, [](Fr* x, const Fr* y) { mul(x, x, y, 8); });
}
void add_tiles(Tile* out, const Tile* a, const Tile* b, std::size_t tiles) {
  by_eight(out, a, b, tiles, [](Fr* x, const Fr* y) { add(x, x, y, 8); });
}
void sub_tiles(Tile* out, const Tile* a, const Tile* b, std::size_t tiles) {
  by_eight(out, a, b, tiles, [](Fr* x, const Fr* y) { sub(x, x, y, 8); });
}
void scale_tiles(Tile* out, const Tile* a, const Fr& b, std::size_t tiles) {
  by_eight(out, a, a, tiles, [&](Fr* x, const Fr*) { scale(x, x, b, 8); });
}
void shift_tiles(Tile* out, const Tile* a, const Fr& b, bool negate, std::size_t tiles) {
  by_eight(out, a, a, tiles, [&](Fr* x, const Fr*) {
    for (int i = 0; i < 8; ++i) x[i] = negate ? b - x[i] : x[i] + b;
  });
}
void mac_tiles(Tile* out, const Tile* a, const Fr& b, std::size_t tiles) {
  by_eight(out, out, a, tiles, [&](Fr* x, const Fr* y) { mac(x, y, b, 8); });
}
Fr dot_tiles(const Tile* a, const Tile* b, std::size_t tiles) {
  Fr sum, x[8], y[8];
  for (std::size_t t = 0; t < tiles; ++t) {
    unpack(x, a + t, 1), unpack(y, b + t, 1);
    sum += dot(x, y, 8);
  }
  return sum;
}
void split_tiles(Tile* even, Tile* diff, const Fr* in, std::size_t tiles) {
  Fr x[8], y[8];
  for (std::size_t t = 0; t < tiles; ++t) {
    split(x, y, in + 16 * t, 8);
    pack(even + t, x, 1), pack(diff + t, y, 1);
  }
}

/// Two tiles of each output from 32 elements of each input, which `elements(table, t, buffer)` gives.
template <class In, class Elements>
void fold_pairs(Tile* f_out, Tile* g_out, const In* f, const In* g, const Fr& r, std::size_t tiles, Fr* c0, Fr* c2, const Elements& elements) {
  *c0 = *c2 = Fr::zero();
  Fr in[2][32], out[2][16];
  for (std::size_t t = 0; t < tiles; t += 2) {
    fold(out[0], elements(f, t, in[0]), r, 16), fold(out[1], elements(g, t, in[1]), r, 16);
    pack(f_out + t, out[0], 2), pack(g_out + t, out[1], 2);
    Fr low, high;
    round2(&low, &high, out[0], out[1], 8);
    *c0 += low, *c2 += high;
  }
}
void fold_round2(Tile* f_out, Tile* g_out, const Tile* f, const Tile* g, const Fr& r, std::size_t tiles, Fr* c0, Fr* c2) {
  fold_pairs(f_out, g_out, f, g, r, tiles, c0, c2, [](const Tile* table, std::size_t t, Fr* buffer) {
    unpack(buffer, table + 2 * t, 4);
    return buffer;
  });
}
void first_fold_round2(Tile* f_out, Tile* g_out, const Fr* f, const Fr* g, const Fr& r, std::size_t tiles, Fr* c0, Fr* c2) {
  fold_pairs(f_out, g_out, f, g, r, tiles, c0, c2, [](const Fr* table, std::size_t t, Fr*) { return table + 16 * t; });
}

}  // namespace

const VectorKernels& portable_kernels() {
  static constexpr VectorKernels kernels = {"portable", mul, add, sub, scale, mac, fold, split, dot, round2, inverse, small, dot_small, pack, unpack, mul_tiles, add_tiles, sub_tiles, scale_tiles, shift_tiles, mac_tiles, dot_tiles, split_tiles, fold_round2, first_fold_round2};
  return kernels;
}

namespace detail {
const VectorKernels& ifma_kernels();
}

const VectorKernels& kernels() {
#if defined(__x86_64__)
  static const VectorKernels& chosen = has_ifma() ? detail::ifma_kernels() : portable_kernels();
#else
  static const VectorKernels& chosen = portable_kernels();
#endif
  return chosen;
}

}  // namespace peaberry::proof
