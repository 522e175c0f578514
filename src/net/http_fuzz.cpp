#include <cstddef>
#include <cstdint>

#include "client.hpp"
#include "http.hpp"

using namespace peaberry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto text = as_text(input);
  (void)net::parse_query(text);
  if (const auto decoded = net::url_decode(text)) (void)net::url_encode(*decoded);
  const auto round = net::url_decode(net::url_encode(text));
  PB_ASSERT(round && *round == text);
  (void)net::is_public_address(text);
  return 0;
}
