// Source: see proof_verify.h.

#include "proof_verify.h"

#include "verify.hpp"

extern "C" int peaberry_proof_verify(const uint8_t tau_g2[128], const uint8_t* plan, size_t plan_size, const peaberry_statement* statement, const uint8_t* proof, size_t proof_size) {
  using namespace peaberry;
  const auto key = proof::VerifierKey::from({tau_g2, 128});
  if (!key) return PEABERRY_PROOF_BAD_CEREMONY;
  if (!proof::parse_plan({plan, plan_size}, proof::Fr::modulus_be())) return PEABERRY_PROOF_BAD_PLAN;
  // Counts beyond what a plan can ask for are refused before anything is copied.
  if (statement->registered_count > 255 || statement->input_count > 65535) return PEABERRY_PROOF_REFUSED;
  proof::Statement words;
  words.srs_id = key->srs_id();
  std::copy_n(statement->chain_id, 32, words.chain_id.data.begin());
  std::copy_n(statement->verifier, 20, words.verifier.data.begin());
  std::copy_n(statement->ctx, 32, words.ctx.data.begin());
  append(words.registered, {statement->registered, 64 * statement->registered_count});
  append(words.public_inputs, {statement->inputs, 32 * statement->input_count});
  return proof::verify(*key, {plan, plan_size}, words, {proof, proof_size}) ? PEABERRY_PROOF_VALID : PEABERRY_PROOF_REFUSED;
}
