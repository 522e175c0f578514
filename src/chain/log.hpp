#pragma once

#include <optional>
#include <peaberry/base/u256.hpp>
#include <vector>

#include "abi.hpp"

namespace peaberry::chain {

/// One event log as a node reports it.
struct Log {
  Address address;
  std::array<Hash32, 4> topics;
  std::uint8_t topic_count = 0;
  Bytes data;
  std::uint64_t block_number = 0;
  Hash32 block_hash;
  Hash32 transaction_hash;
  std::uint32_t transaction_index = 0;
  std::uint32_t log_index = 0;
  bool operator==(const Log&) const = default;
};

/// Decodes the body of an eth_getLogs reply, or its bare `result` array. Bounded by the body's length; strict about
/// hex widths. SIMD scan (simdjson on-demand).
Result<std::vector<Log>> decode_logs(std::string_view body);
/// The slow twin over Boost.JSON.
Result<std::vector<Log>> decode_logs_reference(std::string_view body);
Result<std::vector<Log>> logs_from_json(const json::Value& array);

/// Shape of an event: which parameters are indexed, and their types in order.
struct EventSpec {
  Hash32 topic;
  abi::Type indexed;  ///< tuple; dynamic members arrive as their hash (bytes32)
  abi::Type data;     ///< tuple
  std::vector<bool> is_indexed;
  static EventSpec make(std::string_view name, std::string_view indexed, std::string_view data, std::vector<bool> is_indexed);
};
/// The parameters in the order of the declaration.
Result<std::vector<abi::Value>> decode_event(const EventSpec& spec, const Log& log);

}  // namespace peaberry::chain
