#pragma once

#include <peaberry/base/json.hpp>

#include "archive.hpp"

namespace peaberry::compute {

/// What may leave a job over an asset. The owner states it in the listing; several inputs combine to the strictest.
/// It bounds the channel; it does not judge meaning: an algorithm that may run can encode something in the numbers that
/// may leave, so algorithms are trusted by DID and checksum first.
struct EgressPolicy {
  std::uint64_t bytes_max = 256 << 10;                          ///< all outputs together
  std::uint32_t files_max = 16;
  std::vector<std::string> types = {"onnx", "json", "svg"};     ///< file name endings
  std::uint64_t numbers_max = 20'000;                           ///< numbers in all JSON outputs together
  std::uint64_t text_max = 8'192;                               ///< bytes of text in all JSON outputs together
  std::uint64_t log_bytes_max = 0;                              ///< of the algorithm's own output; 0: withheld
  bool owner_release = false;                                   ///< the owner must release each result by hand

  static Result<EgressPolicy> parse(const json::Object& object);
  json::Object to_json() const;
  EgressPolicy strictest(const EgressPolicy& other) const;
};

/// Fails with kForbidden and the rule that an output breaks.
Status check_egress(const EgressPolicy& policy, const std::vector<ArchiveEntry>& outputs);

}  // namespace peaberry::compute
