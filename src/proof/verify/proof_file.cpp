// Source: the format of tests/vectors/proof.

#include "proof_file.hpp"

#include <peaberry/base/u256.hpp>

namespace peaberry::proof {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} << 20;

Result<ProofFile> parse_case(const json::Object& object) {
  ProofFile out;
  PB_TRY(name, json::string_at(object, "name"));
  out.name = name;
  const auto bytes = [&](std::string_view key) -> Result<Bytes> {
    PB_TRY(text, json::string_at(object, key));
    return parse_hex(text, key);
  };
  PB_TRY(tau, json::array_at(object, "tau_g2"));  // x.re, x.im, y.re, y.im
  if (tau->size() != 4) return fail(Errc::kInvalid, "tau_g2 has " + std::to_string(tau->size()) + " numbers", "give x.re, x.im, y.re, y.im");
  for (const int i : {1, 0, 3, 2}) {
    if (!(*tau)[i].is_string()) return fail(Errc::kInvalid, "tau_g2 holds something else than text", "give numbers as text, decimal or 0x-hex");
    PB_TRY(number, U256::parse(json::sv((*tau)[i].as_string()), "tau_g2"));
    append(out.tau, number.be());
  }
  PB_TRY(plan, bytes("plan"));
  PB_TRY(proof, bytes("proof"));
  PB_TRY(srs, bytes("srs_id"));
  PB_TRY(srs_id, Hash32::from(srs, "srs_id"));
  PB_TRY(ctx_bytes, bytes("ctx"));
  PB_TRY(ctx, Hash32::from(ctx_bytes, "ctx"));
  PB_TRY(chain_id, json::uint_at(object, "chain_id"));
  PB_TRY(verifier, json::address_at(object, "verifier"));
  out.plan = std::move(plan);
  out.proof = std::move(proof);
  out.statement.srs_id = srs_id;
  out.statement.chain_id = U256(chain_id).word();
  out.statement.verifier = verifier;
  out.statement.ctx = ctx;
  PB_TRY(registered, json::array_at(object, "registered"));
  for (const auto& item : *registered) {
    if (!item.is_string()) return fail(Errc::kInvalid, "registered holds something else than text", "give 64 bytes of hex for each commitment");
    PB_TRY(point, parse_hex(json::sv(item.as_string()), "registered"));
    if (point.size() != 64) return fail(Errc::kInvalid, "a registered commitment has " + std::to_string(point.size()) + " bytes", "give 64");
    append(out.statement.registered, point);
  }
  PB_TRY(inputs, json::array_at(object, "public"));
  for (const auto& item : *inputs) {
    if (!item.is_string()) return fail(Errc::kInvalid, "public holds something else than text", "give numbers as text, decimal or 0x-hex");
    PB_TRY(number, U256::parse(json::sv(item.as_string()), "public"));
    append(out.statement.public_inputs, number.be());
  }
  out.refuse_byte = json::uint_or(object, "refuse_byte", 0);
  return out;
}

}  // namespace

Result<std::vector<ProofFile>> parse_proof_files(std::string_view text) {
  PB_TRY(document, json::parse(text, {.max_bytes = kMaxBytes}));
  PB_TRY(object, json::as_object(document, "the document"));
  PB_TRY(cases, json::array_at(*object, "cases"));
  std::vector<ProofFile> out;
  for (std::size_t i = 0; i < cases->size(); ++i) {
    const std::string place = "cases[" + std::to_string(i) + "]";
    const auto one = json::as_object((*cases)[i], place);
    if (!one) return one.error();
    auto parsed = parse_case(**one);
    if (!parsed) return within(place, parsed.error());
    out.push_back(std::move(*parsed));
  }
  return out;
}

json::Object to_json(const ProofFile& file) {
  const ByteView tau(file.tau);
  json::Array coordinates, registered, inputs;
  for (const int i : {1, 0, 3, 2}) coordinates.emplace_back(hex0x(tau.subspan(static_cast<std::size_t>(32 * i), 32)));
  for (std::size_t i = 0; i < file.statement.registered.size(); i += 64) registered.emplace_back(hex(ByteView(file.statement.registered).subspan(i, 64)));
  for (std::size_t i = 0; i < file.statement.public_inputs.size(); i += 32) inputs.emplace_back(hex0x(ByteView(file.statement.public_inputs).subspan(i, 32)));
  json::Object out{{"name", file.name}, {"srs_id", hex(file.statement.srs_id.view())}, {"tau_g2", coordinates}, {"chain_id", U256::from(file.statement.chain_id).low64()},
                   {"verifier", file.statement.verifier.hex()}, {"ctx", hex(file.statement.ctx.view())}, {"plan", hex(file.plan)}, {"registered", registered},
                   {"public", inputs}, {"proof", hex(file.proof)}, {"refuse_byte", file.refuse_byte}};
  return out;
}

Status verify(const ProofFile& file) {
  PB_TRY(key, VerifierKey::from(file.tau));
  return verify(key, file.plan, file.statement, file.proof);
}

}  // namespace peaberry::proof
