#pragma once

#include <peaberry/base/bytes.hpp>
#include <peaberry/base/u256.hpp>
#include <vector>

namespace peaberry::chain::rlp {

/// A byte string or a list of items (Ethereum Yellow Paper, appendix B).
struct Item {
  bool is_list = false;
  Bytes bytes;
  std::vector<Item> items;

  static Item string(ByteView content) { return {false, to_bytes(content), {}}; }
  /// An integer: big-endian without leading zeros; zero is the empty string.
  static Item number(const U256& value);
  static Item list(std::vector<Item> content) { return {true, {}, std::move(content)}; }
};

Bytes encode(const Item& item);

/// Bounds for untrusted input.
struct Limits {
  std::size_t depth_max = 16;
  std::size_t items_max = 200'000;
};
/// Strict: canonical lengths, no trailing bytes.
Result<Item> decode(ByteView input, const Limits& limits = {});

/// The item as an integer of at most 32 bytes; refuses leading zeros.
Result<U256> as_number(const Item& item, std::string_view field);

}  // namespace peaberry::chain::rlp
