// Source: see inverse.hpp; the matrices are those of Bernstein and Yang 2019.

#include "inverse.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace peaberry::proof::detail {
namespace {

using Int128 = __int128;

constexpr int kBatch = 62;
constexpr std::uint64_t kMask = (std::uint64_t{1} << kBatch) - 1;

/// A whole number Σ limb·2^(62 i); all limbs but the last lie in [0, 2^62), the last carries the sign.
using Signed = std::array<std::int64_t, 5>;

Signed signed_of(const std::array<std::uint64_t, 4>& v) {
  return {static_cast<std::int64_t>(v[0] & kMask), static_cast<std::int64_t>((v[0] >> 62 | v[1] << 2) & kMask), static_cast<std::int64_t>((v[1] >> 60 | v[2] << 4) & kMask),
          static_cast<std::int64_t>((v[2] >> 58 | v[3] << 6) & kMask), static_cast<std::int64_t>(v[3] >> 56)};
}

/// 2^62 times what a batch of division steps does to (f, g): (u·f + v·g, q·f + r·g).
struct Matrix {
  std::int64_t u, v, q, r;
};

/// 62 division steps on the lowest bits of f (odd) and g. `eta` is minus Bernstein and Yang's δ.
Matrix batch(int& eta, std::uint64_t f, std::uint64_t g) {
  std::uint64_t u = 1, v = 0, q = 0, r = 1;
  for (int left = kBatch;;) {
    const int zeros = std::countr_zero(g | ~std::uint64_t{0} << left);
    g >>= zeros;
    u <<= zeros;
    v <<= zeros;
    eta -= zeros;
    left -= zeros;
    if (left == 0) break;
    if (eta < 0) {
      eta = -eta;
      f = std::exchange(g, -f);
      u = std::exchange(q, -u);
      v = std::exchange(r, -v);
    }
    // g + w·f has as many zeros as w = −g/f mod 2^k can make, no further than the next swap: f(2 − f²) is f's inverse modulo 64.
    const int limit = std::min({eta + 1, left, 6});
    const std::uint64_t w = g * f * (f * f - 2) & ((std::uint64_t{1} << limit) - 1);
    g += f * w;
    q += u * w;
    r += v * w;
  }
  return {static_cast<std::int64_t>(u), static_cast<std::int64_t>(v), static_cast<std::int64_t>(q), static_cast<std::int64_t>(r)};
}

/// (f, g) ← matrix·(f, g) / 2^62, exact. `limbs`: those that are still in use.
void apply(const Matrix& m, Signed& f, Signed& g, int limbs) {
  Int128 cf = Int128{m.u} * f[0] + Int128{m.v} * g[0], cg = Int128{m.q} * f[0] + Int128{m.r} * g[0];
  cf >>= kBatch;
  cg >>= kBatch;
  for (int i = 1; i < limbs; ++i) {
    cf += Int128{m.u} * f[i] + Int128{m.v} * g[i];
    cg += Int128{m.q} * f[i] + Int128{m.r} * g[i];
    f[i - 1] = static_cast<std::int64_t>(static_cast<std::uint64_t>(cf) & kMask);
    g[i - 1] = static_cast<std::int64_t>(static_cast<std::uint64_t>(cg) & kMask);
    cf >>= kBatch;
    cg >>= kBatch;
  }
  f[limbs - 1] = static_cast<std::int64_t>(cf);
  g[limbs - 1] = static_cast<std::int64_t>(cg);
}

/// (d, e) ← matrix·(d, e) / 2^62 modulo p, both staying in (−2p, p). `below` is −p⁻¹ mod 2^62.
void apply_modulo(const Matrix& m, Signed& d, Signed& e, const Signed& p, std::uint64_t below) {
  // Negative d and e count as d + p and e + p; then the multiple of p that clears the lowest limb.
  const std::int64_t minus_d = d[4] >> 63, minus_e = e[4] >> 63;
  std::int64_t md = (m.u & minus_d) + (m.v & minus_e), me = (m.q & minus_d) + (m.r & minus_e);
  Int128 cd = Int128{m.u} * d[0] + Int128{m.v} * e[0], ce = Int128{m.q} * d[0] + Int128{m.r} * e[0];
  const auto clearing = [&](Int128 sum, std::int64_t multiple) {
    const std::uint64_t low = static_cast<std::uint64_t>(sum) + static_cast<std::uint64_t>(multiple) * static_cast<std::uint64_t>(p[0]);
    return multiple - static_cast<std::int64_t>((std::uint64_t{0} - low * below) & kMask);
  };
  md = clearing(cd, md);
  me = clearing(ce, me);
  cd += Int128{p[0]} * md;
  ce += Int128{p[0]} * me;
  cd >>= kBatch;
  ce >>= kBatch;
  for (int i = 1; i < 5; ++i) {
    cd += Int128{m.u} * d[i] + Int128{m.v} * e[i] + Int128{p[i]} * md;
    ce += Int128{m.q} * d[i] + Int128{m.r} * e[i] + Int128{p[i]} * me;
    d[i - 1] = static_cast<std::int64_t>(static_cast<std::uint64_t>(cd) & kMask);
    e[i - 1] = static_cast<std::int64_t>(static_cast<std::uint64_t>(ce) & kMask);
    cd >>= kBatch;
    ce >>= kBatch;
  }
  d[4] = static_cast<std::int64_t>(cd);
  e[4] = static_cast<std::int64_t>(ce);
}

void carry(Signed& v) {
  for (int i = 0; i < 4; ++i) {
    v[i + 1] += v[i] >> kBatch;
    v[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(v[i]) & kMask);
  }
}

}  // namespace

std::array<std::uint64_t, 4> inverse_mod(const std::array<std::uint64_t, 4>& x, const std::array<std::uint64_t, 4>& p, std::uint64_t below) {
  const Signed modulus = signed_of(p);
  Signed f = modulus, g = signed_of(x), d{}, e{1};  // d·x ≡ f and e·x ≡ g all along
  for (int eta = -1, limbs = 5;;) {
    const Matrix m = batch(eta, static_cast<std::uint64_t>(f[0]), static_cast<std::uint64_t>(g[0]));
    apply_modulo(m, d, e, modulus, below & kMask);
    apply(m, f, g, limbs);
    std::int64_t rest = 0;
    for (int i = 0; i < limbs; ++i) rest |= g[i];
    if (rest == 0) break;
    // The last limbs of both are only a sign: it goes into the limb below.
    while (limbs > 1 && (f[limbs - 1] == 0 || f[limbs - 1] == -1) && (g[limbs - 1] == 0 || g[limbs - 1] == -1)) {
      f[limbs - 2] |= static_cast<std::int64_t>(static_cast<std::uint64_t>(f[limbs - 1]) << kBatch);
      g[limbs - 2] |= static_cast<std::int64_t>(static_cast<std::uint64_t>(g[limbs - 1]) << kBatch);
      f[limbs - 1] = g[limbs - 1] = 0;
      --limbs;
    }
  }
  // f is 1 or −1 now (p for x = 0, where d is 0).
  std::int64_t sign = 0;
  for (int i = 4; i >= 0 && sign == 0; --i) sign = f[i];
  if (d[4] < 0)
    for (int i = 0; i < 5; ++i) d[i] += modulus[i];
  if (sign < 0)
    for (auto& limb : d) limb = -limb;
  carry(d);
  if (d[4] < 0)
    for (int i = 0; i < 5; ++i) d[i] += modulus[i];
  carry(d);
  const auto w = [&](int i) { return static_cast<std::uint64_t>(d[i]); };
  return {w(0) | w(1) << 62, w(1) >> 2 | w(2) << 60, w(2) >> 4 | w(3) << 58, w(3) >> 6 | w(4) << 56};
}

}  // namespace peaberry::proof::detail
