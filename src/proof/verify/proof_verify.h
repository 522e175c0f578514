/* A proof's verifier for programs in C and whatever speaks its calls. Links libpeaberry_proof_verify.a and the libraries below it (proof_plan, proof_curve,
 * proof_field, crypto, base); no prover is inside. The protocol: docs/reference/proof-protocol.md. Not audited. */
#ifndef PEABERRY_PROOF_VERIFY_H
#define PEABERRY_PROOF_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What gives a proof its meaning beside the plan. Numbers are big-endian. */
typedef struct peaberry_statement {
  uint8_t chain_id[32];
  uint8_t verifier[20];           /* contract that the proof is for; zeros: none */
  uint8_t ctx[32];                /* binds the proof to its use; never chosen by the prover */
  const uint8_t* registered;      /* 64 bytes (x, y) for each commitment of phase 0 */
  size_t registered_count;
  const uint8_t* inputs;          /* 32 bytes for each public input, below the scalar field's order */
  size_t input_count;
} peaberry_statement;

enum {
  PEABERRY_PROOF_VALID = 1,
  PEABERRY_PROOF_REFUSED = 0,     /* whatever the reason */
  PEABERRY_PROOF_BAD_CEREMONY = -1, /* tau_g2 is not a point of G2 */
  PEABERRY_PROOF_BAD_PLAN = -2    /* the plan's bytes are not a plan within the protocol's limits */
};

/* tau_g2: [tau]_2 as x.im, x.re, y.im, y.re (EIP-197). Thread-safe; memory is bounded by the sizes of plan and proof; reads nothing else.
 * Pointers may be null where their count or size is 0. */
int peaberry_proof_verify(const uint8_t tau_g2[128], const uint8_t* plan, size_t plan_size, const peaberry_statement* statement, const uint8_t* proof, size_t proof_size);

#ifdef __cplusplus
}
#endif
#endif
