#include <cstddef>
#include <cstdint>

#include "x402.hpp"

using namespace peaberry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(ByteView(data, size));
  (void)agents::x402::parse_payment(text).has_value();
  // The fuzzer finds JSON sooner than base64 of it.
  (void)agents::x402::parse_payment(base64(ByteView(data, size))).has_value();
  if (const auto bytes = parse_base64(text)) PB_ASSERT(base64(*bytes) == text);  // one text for each value
  return 0;
}
