#include <cstddef>
#include <cstdint>

#include <peaberry/base/bytes.hpp>

#include "csv.hpp"

using namespace peaberry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  const auto table = ingest::read_csv(as_text(input), {.line_bytes_max = 4096, .columns_max = 64, .rows_max = 10000, .categories_max = 16});
  if (table)
    for (const auto& column : table->columns) PB_ASSERT(column.size() == table->rows());
  return 0;
}
