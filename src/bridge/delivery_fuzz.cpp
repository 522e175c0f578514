#include "delivery.hpp"

#include <peaberry/crypto/hash.hpp>

// A proof comes from whoever wants to be paid. The fuzzer's header is taken as the block's own, so that the trie behind it is reached.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peaberry;
  const auto document = json::parse(as_text({data, size}));
  if (!document || !document->is_object()) return 0;
  const auto proof = bridge::DeliveryProof::from_json(document->get_object());
  if (proof) (void)bridge::verify_delivery(*proof, crypto::keccak256(proof->header), bridge::Message{}).has_value();
  return 0;
}
