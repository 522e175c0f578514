#include "plan.hpp"

#include <peaberry/proof/field/bn254.hpp>

// Plans come from strangers: what is taken must be written back byte for byte, and its sizes must be computable.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peaberry;
  const auto plan = proof::parse_plan({data, size}, proof::Fr::modulus_be());
  if (!plan) return 0;
  const Bytes again = proof::encode(*plan);
  if (!std::equal(again.begin(), again.end(), data, data + size)) __builtin_trap();
  if (plan->proof_size() == 0) __builtin_trap();
  return 0;
}
