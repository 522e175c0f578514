#include <cstddef>
#include <cstdint>

#include "ddo.hpp"

using namespace peaberry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto document = json::parse(as_text(input));
  if (!document || !document->is_object()) return 0;
  const auto& ddo = document->get_object();
  (void)market::validate_ddo(ddo);
  if (const auto services = market::services_of(ddo))
    for (const auto& service : *services) (void)market::check_algorithm_trust(service, {"did:op:1", {}, "a", "b", "c"}).has_value();
  (void)market::check_credentials(json::find_object(ddo, "credentials"), {}, [](std::uint64_t, const Address&, const Address&) -> Result<bool> { return false; }).has_value();
  return 0;
}
