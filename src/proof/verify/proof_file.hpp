#pragma once

#include <string>

#include <peaberry/base/json.hpp>

#include "verify.hpp"

namespace peaberry::proof {

/// A proof with everything that it is checked against, as it travels between programs: one entry of "cases" in a JSON document
/// (tests/vectors/proof, docs/reference/proof-protocol.md).
struct ProofFile {
  std::string name;
  Bytes tau;  ///< [τ]_2 in EIP-197's order
  Bytes plan, proof;
  Statement statement;
  std::size_t refuse_byte = 0;  ///< of vectors: flipping it must be refused
};

/// Reads {"cases": […]}. Errors name the case and the field.
Result<std::vector<ProofFile>> parse_proof_files(std::string_view text);
json::Object to_json(const ProofFile& file);

/// verify() under the file's own [τ]_2. What that ceremony is worth is for the caller to say.
Status verify(const ProofFile& file);

}  // namespace peaberry::proof
