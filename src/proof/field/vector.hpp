#pragma once

#include "bn254.hpp"

namespace peaberry::proof {

/// Kernels over vectors of scalars. Each has a portable back end, the slow twin, and faster ones chosen at run time; all give the
/// same, fully reduced elements. Inputs and outputs may be the same memory, but may not overlap otherwise. Thread-safe.
void vec_mul(std::span<Fr> out, std::span<const Fr> a, std::span<const Fr> b);
/// out[i] += a[i]·b
void vec_mac(std::span<Fr> out, std::span<const Fr> a, const Fr& b);
/// out[k] = in[2k] + r·(in[2k+1] − in[2k]): binds the lowest variable of a multilinear extension. out may be the first half of in.
void vec_fold(std::span<Fr> out, std::span<const Fr> in, const Fr& r);
/// Σ a[i]·b[i]
Fr inner_product(std::span<const Fr> a, std::span<const Fr> b);

}  // namespace peaberry::proof
