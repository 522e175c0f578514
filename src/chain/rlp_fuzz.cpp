#include <cstddef>
#include <cstdint>

#include "rlp.hpp"
#include "transaction.hpp"

using namespace peaberry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto item = chain::rlp::decode(input);
  if (item) PB_ASSERT(chain::rlp::encode(*item) == to_bytes(input));  // strict: what decodes is canonical
  const auto transaction = chain::decode_transaction(input);
  if (transaction) PB_ASSERT(chain::signed_bytes(transaction->transaction, transaction->signature) == to_bytes(input));
  return 0;
}
