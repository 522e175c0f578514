#include <cstddef>
#include <cstdint>

#include "evidence.hpp"
#include "policy.hpp"

using namespace peaberry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  if (const auto votes = settlement::decode_votes(input)) PB_ASSERT(settlement::encode_votes(*votes) == to_bytes(input));
  if (const auto policy = settlement::Policy::decode(input)) {
    PB_ASSERT(policy->encode() == to_bytes(input));  // one policy has one encoding
    (void)policy->worst_window();
    (void)settlement::describe(*policy, {}).text();
  }
  if (const auto params = settlement::QuorumParams::decode(input)) PB_ASSERT(params->encode() == to_bytes(input));
  return 0;
}
