#include "quantised.hpp"

// A contest's models come from strangers: what parses must run on any row.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peaberry;
  const auto document = json::parse(as_text({data, size}));
  if (!document || !document->is_object()) return 0;
  const auto model = learn::QuantisedModel::parse(document->get_object());
  if (!model) return 0;
  std::vector<std::size_t> columns(json::find_array(document->get_object(), "columns")->size(), 0);
  for (const char* text : {"1.5", "", "red"})
    if (!model->answer(model->inputs({text}, columns), 1)) __builtin_trap();
  return 0;
}
