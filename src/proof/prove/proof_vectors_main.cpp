// proof_vectors OUT.json [--gas FILE]: proofs of every claim type in the format of tests/vectors/proof, for verifiers written elsewhere. With --gas, the
// two large proofs (2^20 rows) whose verification the gas snapshot measures, as one hex line.

#include <cstdio>
#include <cstring>

#include <peaberry/base/files.hpp>
#include <peaberry/base/json.hpp>
#include <peaberry/proof/verify/verify.hpp>

#include "large.hpp"
#include "run_scenario.hpp"

using namespace peaberry;
using namespace peaberry::proof;

namespace {

std::string word(const Fq& value) { return hex0x(value.be()); }

int write_gallery(const char* path) {
  SystemRandom random;
  const Srs srs = Srs::development(8, random);
  const auto key = VerifierKey::from(srs.tau().be()).value();
  json::Array cases;
  for (const auto& [name, make_scenario] : Gallery<Fr>::all()) {
    const auto scenario = (Gallery<Fr>(scalar_modulus(), random.u64(), false).*make_scenario)();
    const auto made = run_scenario(srs, scenario, random, key.srs_id());
    if (!made || !verify(key, scenario.compiled.bytes, made->statement, made->proof)) {
      std::fprintf(stderr, "proof_vectors: %s does not verify\n", name);
      return 1;
    }
    json::Array registered, inputs;
    for (std::size_t i = 0; i < made->statement.registered.size(); i += 64) registered.emplace_back(hex(ByteView(made->statement.registered).subspan(i, 64)));
    for (const Fr& input : scenario.inputs) inputs.emplace_back(hex0x(input.be()));
    const Plan& plan = scenario.compiled.plan;
    const auto& tau = srs.tau();
    cases.push_back(json::Object{{"name", name},
                                 {"ell", plan.l},
                                 {"n", plan.n},
                                 {"D", plan.degree},
                                 {"K", plan.operands.size()},
                                 {"srs_id", hex(key.srs_id().view())},
                                 {"tau_g2", json::Array{word(tau.x.re).c_str(), word(tau.x.im).c_str(), word(tau.y.re).c_str(), word(tau.y.im).c_str()}},
                                 {"chain_id", 0},
                                 {"verifier", Address{}.hex()},
                                 {"ctx", hex(made->statement.ctx.view())},
                                 {"plan", hex(scenario.compiled.bytes)},
                                 {"registered", registered},
                                 {"public", inputs},
                                 {"proof", hex(made->proof)},
                                 {"refuse_byte", made->proof.size() / 2}});
  }
  const json::Value document = json::Object{{"about", "development SRS, its tau known to the process that made it: never for real use; tau_g2 = x.re, x.im, y.re, y.im"}, {"cases", cases}};
  if (const auto written = write_file_atomic(path, as_bytes(json::pretty(document) + "\n")); !written) {
    std::fprintf(stderr, "proof_vectors: %s\n", written.error().text().c_str());
    return 1;
  }
  std::printf("%zu proofs in %s\n", cases.size(), path);
  return 0;
}

/// [τ]_2, a count, then for each: ctx, and length-prefixed (4 bytes) registered commitments, inputs, plan, proof.
int write_large(const char* path) {
  SystemRandom random;
  const Srs srs = Srs::development(20, random);
  const auto key = VerifierKey::from(srs.tau().be()).value();
  Bytes file;
  append(file, srs.tau().be());
  const auto made = {open_2e20(srs, random, key.srs_id(), 1), zerocheck_lookup_2e20(srs, random, key.srs_id(), 1)};
  file.push_back(static_cast<std::uint8_t>(made.size()));
  for (const LargeProof& one : made) {
    if (!verify(key, one.compiled.bytes, one.statement, one.proof)) {
      std::fprintf(stderr, "proof_vectors: a large proof does not verify\n");
      return 1;
    }
    append(file, one.statement.ctx.view());
    for (const Bytes* part : {&one.statement.registered, &one.statement.public_inputs, &one.compiled.bytes, &one.proof}) {
      for (int shift = 24; shift >= 0; shift -= 8) file.push_back(static_cast<std::uint8_t>(part->size() >> shift));
      append(file, *part);
    }
    std::printf("a proof of %zu bytes\n", one.proof.size());
  }
  return write_file_atomic(path, as_bytes(hex0x(file) + "\n")) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--gas") == 0) return write_large(argv[2]);
  if (argc == 2 && argv[1][0] != '-') return write_gallery(argv[1]);
  std::fprintf(stderr, "proof_vectors OUT.json | proof_vectors --gas FILE\n");
  return 2;
}
