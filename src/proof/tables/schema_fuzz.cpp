#include "plans.hpp"

// A schema's text comes from a chain's event, whoever wrote it. What is read is written back the same, and its plans compile or say why not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peaberry;
  if (size < 2) return 0;
  const std::string text(as_text({data + 1, size - 1}));
  const auto schema = proof::TableSchema::parse(text);
  if (!schema) return 0;
  if (schema->text() != text || schema->oracles() < schema->columns.size()) __builtin_trap();
  const unsigned log = 6 + data[0] % 26;
  const std::string label = schema->columns[data[0] % schema->columns.size()].name;
  (void)proof::admission_plan(*schema, log).has_value();
  (void)proof::metrics_plan(*schema, log, label).has_value();
  (void)proof::read_metrics(text, {{Hash32{}, 0, std::uint64_t{1} << (data[0] % 64)}}, label, Hash32{}, {U256{1}}).has_value();
  return 0;
}
