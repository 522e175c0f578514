// proof_vectors OUT.json: proofs of every claim type in the format of tests/vectors/proof, for verifiers written elsewhere. With --gas, --leaf and
// --admissions, what the Solidity tests verify, as one hex line each.

#include <cstdio>
#include <cstring>

#include <peaberry/base/files.hpp>
#include <peaberry/base/json.hpp>
#include <peaberry/base/u256.hpp>
#include <peaberry/proof/verify/proof_file.hpp>

#include "large.hpp"
#include "run_scenario.hpp"

using namespace peaberry;
using namespace peaberry::proof;

namespace {

int write_gallery(const char* path) {
  SystemRandom random;
  const Srs srs = Srs::development(8, random);
  const auto key = VerifierKey::from(srs.tau().be()).value();
  const auto tau = srs.tau().be();
  json::Array cases;
  for (const auto& [name, make_scenario] : Gallery<Fr>::all()) {
    const auto scenario = (Gallery<Fr>(Fr::modulus_be(), random.u64(), false).*make_scenario)();
    const auto made = run_scenario(srs, scenario, random, key.srs_id());
    if (!made || !verify(key, scenario.compiled.bytes, made->statement, made->proof)) {
      std::fprintf(stderr, "proof_vectors: %s does not verify\n", name);
      return 1;
    }
    const Plan& plan = scenario.compiled.plan;
    ProofFile file{name, Bytes(tau.begin(), tau.end()), scenario.compiled.bytes, made->proof, made->statement, made->proof.size() / 2};
    json::Object object = to_json(file);
    object["ell"] = plan.l, object["n"] = plan.n, object["D"] = plan.degree, object["K"] = plan.operands.size();
    cases.push_back(std::move(object));
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
  const auto made = {open_2e20(srs, random, key.srs_id(), 1), zerocheck_lookup_2e20(srs, random, key.srs_id(), 1, Aim::kLean),
                     zerocheck_lookup_2e20(srs, random, key.srs_id(), 1, Aim::kFast, 2, 18)};
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

/// One proof for contracts/test/ZkVerifier.t.sol, where a job, a registry and the verifier's address 0x5a4b on chain 8996 give `ctx`: the sum of the first 11 of
/// 16 registered values 1 … 16. [τ]_2 ‖ commitment ‖ plan and proof, each behind its length (2 bytes).
int write_leaf(const char* path, const char* ctx) {
  SystemRandom random;
  const Srs srs = Srs::development(8, random);
  const auto key = VerifierKey::from(srs.tau().be()).value();
  PlanBuilder b(Fr::modulus_be());
  const auto t = b.registered(4);
  const unsigned rows = b.add_input(), sum = b.add_input();
  b.sum(b.view(b.column_at(t, 0, 4)) * b.prefix_input(4, rows), 4, b.input(sum));
  const auto compiled = b.finish().value();
  Table values(16);
  for (std::size_t i = 0; i < 16; ++i) values[i] = Fr(i + 1);
  const Fr blinder = Fr::random(random);
  Statement statement;
  statement.srs_id = key.srs_id();
  statement.chain_id = U256(8996).word();
  statement.verifier.data[18] = 0x5a, statement.verifier.data[19] = 0x4b;
  const auto parsed = Hash32::parse(ctx, "ctx");
  if (!parsed) {
    std::fprintf(stderr, "proof_vectors: %s\n", parsed.error().text().c_str());
    return 1;
  }
  statement.ctx = *parsed;
  const auto commitment = commit(srs, values, blinder).be();
  append(statement.registered, commitment);
  ProverInput input;
  input.registered = {{&values, blinder}};
  input.inputs = {Fr(11), Fr(66)};
  for (const Fr& one : input.inputs) append(statement.public_inputs, one.be());
  input.witness = [&](const Fr&) {
    std::vector<Table> out;
    for (const auto& oracle : compiled.plan.oracles)
      if (oracle.phase == 1) out.emplace_back(std::size_t{1} << oracle.n);
    return out;
  };
  const Bytes proof = prove(srs, compiled, statement, input, random).value();
  if (!verify(key, compiled.bytes, statement, proof)) return 1;
  Bytes file;
  append(file, srs.tau().be());
  append(file, commitment);
  for (const Bytes* part : {&compiled.bytes, &proof}) {
    file.push_back(static_cast<std::uint8_t>(part->size() >> 8));
    file.push_back(static_cast<std::uint8_t>(part->size()));
    append(file, *part);
  }
  return write_file_atomic(path, as_bytes(hex0x(file) + "\n")) ? 0 : 1;
}

/// Two admissions for contracts/test/TableProven.t.sol: seven rows of a column of 64 places, then four more; every value below 8, nothing outside. [τ]_2 ‖ plan, then
/// for each: commitment of the new rows and proof, each behind its length (2 bytes).
int write_admissions(const char* path, const char* first, const char* second) {
  SystemRandom random;
  const Srs srs = Srs::development(8, random);
  const auto key = VerifierKey::from(srs.tau().be()).value();
  PlanBuilder b(Fr::modulus_be());
  const auto t = b.registered(6), w = b.oracle(1), h = b.oracle(2), h2 = b.oracle(2);
  const Column x = b.column_at(t, 0, 6), m = b.column(w, 3);
  const unsigned from = b.add_input(), to = b.add_input();
  b.zero(b.view(x) * (b.constant(1) - b.prefix_input(6, to) + b.prefix_input(6, from)), 6);
  b.fractions({h, h2}, {{b.constant(1), b.view(x), 6}}, {{b.view(m), b.row(3), 3}}, 1);
  const auto compiled = b.finish().value();
  if (compiled.plan.l != 6) return 1;
  Bytes file;
  append(file, srs.tau().be());
  const auto part = [&](ByteView bytes) {
    file.push_back(static_cast<std::uint8_t>(bytes.size() >> 8));
    file.push_back(static_cast<std::uint8_t>(bytes.size()));
    append(file, bytes);
  };
  part(compiled.bytes);
  const std::size_t rows[3] = {0, 7, 11};
  for (int step = 0; step < 2; ++step) {
    Table values(64);
    std::array<std::uint64_t, 8> counts{};
    for (std::size_t i = 0; i < 64; ++i) {
      const std::uint64_t value = i >= rows[step] && i < rows[step + 1] ? random.below(8) : 0;
      values[i] = Fr(value);
      ++counts[value];
    }
    const Fr blinder = Fr::random(random);
    const auto commitment = commit(srs, values, blinder).be();
    Statement statement;
    statement.srs_id = key.srs_id();
    statement.chain_id = U256(8996).word();
    statement.verifier.data[18] = 0x5a, statement.verifier.data[19] = 0x4b;
    statement.ctx = Hash32::parse(step == 0 ? first : second, "ctx").value_or(Hash32{});
    append(statement.registered, commitment);
    ProverInput input;
    input.registered = {{&values, blinder}};
    input.inputs = {Fr(rows[step]), Fr(rows[step + 1])};
    for (const Fr& one : input.inputs) append(statement.public_inputs, one.be());
    input.witness = [&](const Fr&) {
      std::vector<Table> out;
      for (const auto& oracle : compiled.plan.oracles)
        if (oracle.phase == 1) out.emplace_back(std::size_t{1} << oracle.n);
      for (std::size_t v = 0; v < counts.size(); ++v) out[0][m.off + v] = Fr(counts[v]);
      return out;
    };
    const Bytes proof = prove(srs, compiled, statement, input, random).value();
    if (!verify(key, compiled.bytes, statement, proof)) return 1;
    part(commitment);
    part(proof);
  }
  return write_file_atomic(path, as_bytes(hex0x(file) + "\n")) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--gas") == 0) return write_large(argv[2]);
  if (argc == 4 && std::strcmp(argv[1], "--leaf") == 0) return write_leaf(argv[2], argv[3]);
  if (argc == 5 && std::strcmp(argv[1], "--admissions") == 0) return write_admissions(argv[2], argv[3], argv[4]);
  if (argc == 2 && argv[1][0] != '-') return write_gallery(argv[1]);
  std::fprintf(stderr, "proof_vectors OUT.json | proof_vectors --gas FILE | proof_vectors --leaf FILE CTX | proof_vectors --admissions FILE CTX CTX\n");
  return 2;
}
