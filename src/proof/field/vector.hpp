#pragma once

// Source: none for the portable kernels; ifma.hpp names those of the lanes.

#include "bn254.hpp"

namespace peaberry::proof {

/// Eight elements in a back end's own form.
struct alignas(64) Tile {
  std::uint64_t words[40];
};

/// Kernels over vectors of scalars. Each has a portable back end, the slow twin, and one for eight lanes (AVX-512 IFMA) that is chosen at run
/// time; both give the same, fully reduced elements. out may be an input, but may not overlap one otherwise. Thread-safe.
struct VectorKernels {
  const char* name;
  /// out[i] = a[i]·b[i]
  void (*mul)(Fr* out, const Fr* a, const Fr* b, std::size_t size);
  void (*add)(Fr* out, const Fr* a, const Fr* b, std::size_t size);
  void (*sub)(Fr* out, const Fr* a, const Fr* b, std::size_t size);
  /// out[i] = a[i]·b
  void (*scale)(Fr* out, const Fr* a, const Fr& b, std::size_t size);
  /// out[i] += a[i]·b
  void (*mac)(Fr* out, const Fr* a, const Fr& b, std::size_t size);
  /// out[k] = in[2k] + r·(in[2k+1] − in[2k]), k < size: binds the lowest variable. out may be in.
  void (*fold)(Fr* out, const Fr* in, const Fr& r, std::size_t size);
  /// even[k] = in[2k], diff[k] = in[2k+1] − in[2k], k < size
  void (*split)(Fr* even, Fr* diff, const Fr* in, std::size_t size);
  /// Σ a[i]·b[i]
  Fr (*dot)(const Fr* a, const Fr* b, std::size_t size);
  /// A round of a product of two multilinear extensions of 2·size entries: c0 = Σ f[2k]·g[2k], c2 = Σ (f[2k+1] − f[2k])·(g[2k+1] − g[2k]).
  void (*round2)(Fr* c0, Fr* c2, const Fr* f, const Fr* g, std::size_t size);
  /// Each element by its inverse, zeros by zeros: Montgomery's trick, one inversion for all.
  void (*inverse)(Fr* values, std::size_t size);
  /// out[i] = the whole number that a[i] stands for, if |a[i]| < 2^50 for all of them; else false, and `out` is of no use.
  bool (*small)(std::int64_t* out, const Fr* a, std::size_t size);
  /// Σ a[i]·b[i], |b[i]| < 2^51
  Fr (*dot_small)(const Fr* a, const std::int64_t* b, std::size_t size);

  // ---- tiles: eight elements as the back end likes them, for chains of products without conversions. 320 bytes each, aligned to 64.
  void (*pack)(Tile* out, const Fr* in, std::size_t tiles);
  void (*unpack)(Fr* out, const Tile* in, std::size_t tiles);
  void (*mul_tiles)(Tile* out, const Tile* a, const Tile* b, std::size_t tiles);
  void (*add_tiles)(Tile* out, const Tile* a, const Tile* b, std::size_t tiles);
  void (*sub_tiles)(Tile* out, const Tile* a, const Tile* b, std::size_t tiles);
  void (*scale_tiles)(Tile* out, const Tile* a, const Fr& b, std::size_t tiles);
  /// out = a + b, or b − a
  void (*shift_tiles)(Tile* out, const Tile* a, const Fr& b, bool negate, std::size_t tiles);
  void (*mac_tiles)(Tile* out, const Tile* a, const Fr& b, std::size_t tiles);
  Fr (*dot_tiles)(const Tile* a, const Tile* b, std::size_t tiles);
  /// `split` of 16·tiles elements; each tile's elements in the order of `pack`.
  void (*split_tiles)(Tile* even, Tile* diff, const Fr* in, std::size_t tiles);
  /// Binds the lowest variable of two tables to r, and gives `round2` of what that leaves. `tiles`, of each output, is even; outputs may be their inputs.
  void (*fold_round2)(Tile* f_out, Tile* g_out, const Tile* f, const Tile* g, const Fr& r, std::size_t tiles, Fr* c0, Fr* c2);
  /// The same from 16·tiles elements each.
  void (*first_fold_round2)(Tile* f_out, Tile* g_out, const Fr* f, const Fr* g, const Fr& r, std::size_t tiles, Fr* c0, Fr* c2);
};
const VectorKernels& portable_kernels();
/// The fastest that this processor runs.
const VectorKernels& kernels();

/// Whether this processor has what the eight-lane back ends need.
bool has_ifma();

}  // namespace peaberry::proof
