// Source: docs/reference/proof-protocol.md, §3.

#include "transcript.hpp"

namespace peaberry::proof {

Bytes statement_bytes(const Statement& statement, const Hash32& plan) {
  Bytes out = to_bytes("peaberry/proof/1");
  append(out, statement.srs_id.view());
  append(out, statement.chain_id.view());
  append(out, statement.verifier.view());
  append(out, statement.ctx.view());
  append(out, plan.view());
  for (const std::size_t count : {statement.registered.size() / 64, statement.public_inputs.size() / 32}) {
    out.push_back(static_cast<std::uint8_t>(count >> 8));
    out.push_back(static_cast<std::uint8_t>(count));
  }
  append(out, statement.registered);
  append(out, statement.public_inputs);
  return out;
}

}  // namespace peaberry::proof
