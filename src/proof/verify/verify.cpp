// Source: docs/reference/proof-protocol.md, §3–§6.

#include "verify.hpp"

#include <peaberry/crypto/hash.hpp>
#include <peaberry/proof/curve/msm.hpp>

#include "bn254.hpp"

namespace peaberry::proof {
namespace {

Error refused() { return fail(Errc::kInvalid, "the proof does not verify", "check that plan, statement and proof belong together"); }

}  // namespace

VerifierKey::VerifierKey(const G2Affine& tau) : tau_(tau), one_(G2Affine::generator()), prepared_(tau), srs_id_(proof::srs_id(tau)) {}

Result<VerifierKey> VerifierKey::from(ByteView tau_g2) {
  if (tau_g2.size() != 128) return fail(Errc::kInvalid, "[tau]_2 has " + std::to_string(tau_g2.size()) + " bytes", "give 128 bytes: x.im, x.re, y.im, y.re");
  const auto point = G2Affine::from_be(tau_g2);
  if (!point) return fail(Errc::kInvalid, "[tau]_2 is not a point of G2", "give x.im, x.re, y.im, y.re, big-endian");
  return VerifierKey(*point);
}

Status verify(const VerifierKey& key, ByteView plan, const Statement& statement, ByteView proof) {
  const ProofRef one{plan, &statement, proof};
  return verify_all(key, std::span(&one, 1));
}

Status verify_all(const VerifierKey& key, std::span<const ProofRef> proofs) {
  if (proofs.empty()) return fail(Errc::kInvalid, "there is no proof", "give at least one");  // nothing would be true of everything
  std::vector<Opening<Bn254>> openings;
  for (const auto& [bytes, statement, proof] : proofs) {
    if (statement->srs_id != key.srs_id())
      return fail(Errc::kInvalid, "the statement names another SRS: " + statement->srs_id.hex(), "verify with the key of that ceremony");
    PB_TRY(plan, parse_plan(bytes, Fr::modulus_be()));
    auto opening = reduce_proof(Bn254{}, plan, plan_hash(bytes), *statement, proof);
    if (!opening) return refused();
    openings.push_back(std::move(*opening));
  }
  // One proof: its weight is 1. More: powers of a challenge that binds every last message.
  Fr rho = Fr::one();
  if (openings.size() > 1) {
    crypto::Keccak256 hash;
    for (const auto& opening : openings) hash.update(opening.state.view());
    for (const auto& opening : openings) hash.update(opening.witness.be());
    rho = Fr::from_be_reduced(hash.finish().view());
  }
  std::vector<G1Affine> points, witnesses;
  std::vector<Fr> scalars, weights;
  Fr weight = Fr::one();
  for (const auto& opening : openings) {
    for (const auto& [scalar, point] : opening.terms) {
      scalars.push_back(scalar * weight);
      points.push_back(point);
    }
    witnesses.push_back(opening.witness);
    weights.push_back(weight);
    weight *= rho;
  }
  const std::pair<G1Affine, const G2Prepared*> pairs[] = {{msm(points, scalars).affine(), &key.prepared_one()},
                                                          {(-msm(witnesses, weights)).affine(), &key.prepared_tau()}};
  return pairing_product_is_one(pairs) ? Status() : Status(refused());
}

}  // namespace peaberry::proof
