#include <cstddef>
#include <cstdint>

#include "rpc.hpp"

using namespace peaberry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto text = as_text(input);
  const auto fast = chain::decode_logs(text);
  const auto slow = chain::decode_logs_reference(text);
  // The fast scan may take what the strict parser refuses (it does not look at what it skips), never the other way round with another result.
  if (fast && slow) PB_ASSERT(*fast == *slow);
  if (const auto document = json::parse(text)) {
    (void)chain::receipt_from_json(*document).has_value();
    (void)chain::block_from_json(*document).has_value();
    if (const auto back = json::parse(json::stringify(*document))) PB_ASSERT(json::stringify(*back) == json::stringify(*document));
  }
  return 0;
}
