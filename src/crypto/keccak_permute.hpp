#pragma once

#include <cstdint>
#include <utility>

// Keccak-f[1600] once, for every kind of lane (FIPS 202 §3.2–3.3). `Lane` says how 64-bit words are held and combined:
//   Word with load, store, constant, add, xor3, rotl<n>, chi(a, b, c) = a ^ (~b & c).
// This header uses nothing but its parameter, so that a source compiled for a newer processor leaks no code into others.
namespace peaberry::crypto::detail {

inline constexpr std::uint64_t kRoundConstants[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};

/// Row y of the next state from five lanes of this one: rho and pi, then chi.
template <class Lane, int r0, int r1, int r2, int r3, int r4, class Word = typename Lane::Word>
[[gnu::always_inline]] inline void keccak_row(Word* out, Word a0, Word d0, Word a1, Word d1, Word a2, Word d2, Word a3, Word d3, Word a4, Word d4) {
  const Word b0 = Lane::template rotl<r0>(Lane::add(a0, d0)), b1 = Lane::template rotl<r1>(Lane::add(a1, d1)),
             b2 = Lane::template rotl<r2>(Lane::add(a2, d2)), b3 = Lane::template rotl<r3>(Lane::add(a3, d3)),
             b4 = Lane::template rotl<r4>(Lane::add(a4, d4));
  out[0] = Lane::chi(b0, b1, b2), out[1] = Lane::chi(b1, b2, b3), out[2] = Lane::chi(b2, b3, b4);
  out[3] = Lane::chi(b3, b4, b0), out[4] = Lane::chi(b4, b0, b1);
}

template <class Lane, class Word = typename Lane::Word>
[[gnu::always_inline]] inline void keccak_round(const Word* a, Word* e, std::uint64_t constant) {
  const auto parity = [a](int x) __attribute__((always_inline)) {
    return Lane::xor3(Lane::xor3(a[x], a[x + 5], a[x + 10]), a[x + 15], a[x + 20]);
  };
  const Word c0 = parity(0), c1 = parity(1), c2 = parity(2), c3 = parity(3), c4 = parity(4);
  const Word d0 = Lane::add(c4, Lane::template rotl<1>(c1)), d1 = Lane::add(c0, Lane::template rotl<1>(c2)), d2 = Lane::add(c1, Lane::template rotl<1>(c3)),
             d3 = Lane::add(c2, Lane::template rotl<1>(c4)), d4 = Lane::add(c3, Lane::template rotl<1>(c0));
  keccak_row<Lane, 0, 44, 43, 21, 14>(e, a[0], d0, a[6], d1, a[12], d2, a[18], d3, a[24], d4);
  e[0] = Lane::add(e[0], Lane::constant(constant));
  keccak_row<Lane, 28, 20, 3, 45, 61>(e + 5, a[3], d3, a[9], d4, a[10], d0, a[16], d1, a[22], d2);
  keccak_row<Lane, 1, 6, 25, 8, 18>(e + 10, a[1], d1, a[7], d2, a[13], d3, a[19], d4, a[20], d0);
  keccak_row<Lane, 27, 36, 10, 15, 56>(e + 15, a[4], d4, a[5], d0, a[11], d1, a[17], d2, a[23], d3);
  keccak_row<Lane, 62, 55, 39, 41, 2>(e + 20, a[2], d2, a[8], d3, a[14], d4, a[15], d0, a[21], d1);
}

template <class Lane>
[[gnu::always_inline]] inline void keccak_permute(std::uint64_t* state) {
  typename Lane::Word a[25], e[25];
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    ((a[i] = Lane::load(state + i)), ...);
  }(std::make_integer_sequence<int, 25>{});  // not a loop: constant indices let the state live in registers
  for (int round = 0; round < 24; round += 2) {  // two a step, so that no state is copied
    keccak_round<Lane>(a, e, kRoundConstants[round]);
    keccak_round<Lane>(e, a, kRoundConstants[round + 1]);
  }
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    (Lane::store(state + i, a[i]), ...);
  }(std::make_integer_sequence<int, 25>{});
}

}  // namespace peaberry::crypto::detail
