#include <cstddef>
#include <cstdint>

#include "model.hpp"

using namespace peaberry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto model = qops::Model::parse(input);
  if (!model) return 0;
  PB_ASSERT(model->encode() == to_bytes(input));  // one model has one encoding
  if (model->inputs() > 256 || size > 20'000) return 0;
  std::vector<std::int8_t> worst(model->inputs(), -128);
  const auto output = model->run(worst);  // no accumulator leaves int32: the sanitizer watches
  PB_ASSERT(output && output->size() == model->outputs());
  return 0;
}
