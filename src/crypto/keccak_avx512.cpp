// Built with -mavx512f -mavx512vl and called only where the processor has them: one lane a vector register, of which there are 32,
// so the whole state stays in registers; vpternlogq does three operands at once, vprolq rotates.
#include <immintrin.h>

#include "keccak_permute.hpp"

namespace peaberry::crypto::detail {
namespace {

struct VectorLane {
  using Word = __m128i;
  static Word load(const std::uint64_t* at) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at)); }
  static void store(std::uint64_t* at, Word word) { _mm_storel_epi64(reinterpret_cast<__m128i*>(at), word); }
  static Word constant(std::uint64_t value) { return _mm_cvtsi64_si128(static_cast<long long>(value)); }
  static Word add(Word a, Word b) { return _mm_xor_si128(a, b); }
  static Word xor3(Word a, Word b, Word c) { return _mm_ternarylogic_epi64(a, b, c, 0x96); }
  template <int n>
  static Word rotl(Word a) {
    return n == 0 ? a : _mm_rol_epi64(a, n);
  }
  static Word chi(Word a, Word b, Word c) { return _mm_ternarylogic_epi64(a, b, c, 0xd2); }
};

}  // namespace

void keccak_permute_avx512(std::uint64_t* state) { keccak_permute<VectorLane>(state); }

}  // namespace peaberry::crypto::detail
