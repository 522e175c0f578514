#include <cstddef>
#include <cstdint>

#include "abi.hpp"

using namespace peaberry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  // The first line is the type, the rest the data.
  const auto text = as_text(input);
  const auto line = text.find(10);
  const auto type = chain::abi::Type::parse(text.substr(0, line));
  if (!type) return 0;
  const auto value = chain::abi::decode(*type, line == std::string_view::npos ? ByteView{} : input.subspan(line + 1), 10000);
  if (!value) return 0;
  const auto encoded = chain::abi::encode(*type, *value);
  PB_ASSERT(encoded.has_value());
  const auto again = chain::abi::decode(*type, *encoded, 10000);
  PB_ASSERT(again && *again == *value);
  return 0;
}
