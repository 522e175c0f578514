#include <fmt/core.h>

#include <cstdio>
#include <peaberry/bindings/zk_verifier.hpp>
#include <peaberry/ledger/ledger.hpp>
#include <peaberry/proof/pcs/srs.hpp>
#include <peaberry/proof/verify/proof_file.hpp>

#include "tables.hpp"

namespace peaberry::cli {
namespace {

constexpr const char* kLocal = "the local ceremony: everybody knows its secret and can prove anything; for trying on local chains, public chains refuse it";

/// A line that counts up on the terminal; nothing where nobody looks.
proof::Srs::Progress progress_line(const char* what) {
  if (isatty(STDERR_FILENO) == 0) return {};
  return [what](double done) { std::fprintf(stderr, "\r%s: %3.0f %%%s", what, 100 * done, done > 0.999 ? "\n" : ""); };
}

Output srs_output(const proof::Srs& srs, const fs::path& file, const std::string& note) {
  return {json::Object{{"file", file.string()}, {"srsId", srs.id().hex()}, {"powers", srs.powers().size()}, {"log", srs.log()}, {"tauG2", hex0x(srs.tau().be())}, {"note", note}},
          fmt::format("{}: 2^{} powers, srsId {}\n{}", file.string(), srs.log(), srs.id().hex(), note)};
}

Status save(const proof::Srs& srs, const fs::path& file) {
  if (file.has_parent_path()) PB_CHECK(make_directories(file.parent_path()));
  return srs.save(file);
}

}  // namespace

fs::path powers_file(Context& context, const std::string& given) { return given.empty() ? context.home() / "srs" / "powers.srs" : fs::path(given); }

Result<Output> srs_import(Context& context, const SrsOptions& options) {
  SystemRandom random;
  PB_TRY(srs, proof::Srs::import_ptau(options.file, options.log, random, progress_line("checking powers")));
  const fs::path file = powers_file(context, options.out);
  PB_CHECK(save(srs, file));
  return srs_output(srs, file, "every point was checked; whether chains believe this ceremony is their list's to say");
}

Result<Output> srs_dev(Context& context, const SrsOptions& options) {
  if (options.log < 4 || options.log > 24) return fail(Errc::kInvalid, "--log " + std::to_string(options.log) + " is not in 4…24", "20 is enough for a million rows");
  const auto srs = proof::Srs::local(options.log);
  const fs::path file = powers_file(context, options.out);
  PB_CHECK(save(srs, file));
  return srs_output(srs, file, kLocal);
}

Result<Output> srs_verify(Context&, const SrsOptions& options) {
  PB_TRY(srs, proof::Srs::open(options.file));
  SystemRandom random;
  PB_CHECK(srs.validate(random, progress_line("checking powers")));
  return srs_output(srs, options.file, "all powers are of one secret");
}

Result<Output> srs_deploy(Context& context, const SrsOptions& options) {
  PB_TRY(srs, proof::Srs::open(powers_file(context, options.file)));
  PB_TRY(made, context.deploy("ZkVerifier", ledger::kTauType, {ledger::tau_argument(srs.tau().be())}));
  PB_TRY(reply, context.call(made.first, bindings::zk_verifier::srs_id()));
  PB_TRY(id, bindings::zk_verifier::decode_srs_id(reply));
  if (id != srs.id()) return fail(Errc::kInternal, "the contract computes another srsId: " + id.hex());
  return Output{json::Object{{"verifier", crypto::checksum_address(made.first)}, {"srsId", id.hex()}, {"steps", json::Array{step("deploy a verifier", made.second)}}},
                fmt::format("ZkVerifier {} believes proofs under {}\n  name it in the chain's address file as ZkVerifier, and nodes find tables by what it has seen proven", crypto::checksum_address(made.first), id.hex())};
}

Result<Output> proof_inspect(Context&, const std::string& file) {
  PB_TRY(text, read_text(file));
  PB_TRY(files, proof::parse_proof_files(text));
  json::Array out;
  std::string lines;
  for (const auto& one : files) {
    auto plan = proof::parse_plan(one.plan, proof::Fr::modulus_be());
    if (!plan) return within(one.name, plan.error());
    json::Array oracles;
    for (const auto& oracle : plan->oracles) oracles.push_back(json::Object{{"log", oracle.n}, {"phase", oracle.phase}});
    const std::string name = proof::plan_hash(one.plan).hex();
    out.push_back(json::Object{{"name", one.name}, {"plan", name}, {"log", plan->l}, {"variables", plan->n}, {"degree", plan->degree}, {"operands", plan->operands.size()},
                               {"claims", plan->claims.size()}, {"publicInputs", plan->public_inputs}, {"oracles", oracles}, {"planBytes", one.plan.size()}, {"proofBytes", one.proof.size()}});
    lines += fmt::format("{}{}: plan {}\n  {} claims over {} operands of {} oracles (longest 2^{}), {} variables, degree {}, {} public inputs\n  plan {} bytes, proof {} bytes", lines.empty() ? "" : "\n",
                         one.name, name, plan->claims.size(), plan->operands.size(), plan->oracles.size(), plan->l, plan->n, plan->degree, plan->public_inputs, one.plan.size(), one.proof.size());
  }
  return Output{out, lines};
}

Result<Output> proof_verify(Context&, const std::string& file) {
  PB_TRY(text, read_text(file));
  PB_TRY(files, proof::parse_proof_files(text));
  if (files.empty()) return fail(Errc::kInvalid, file + " holds no proof", "give a file with \"cases\"");
  json::Array out;
  std::string lines;
  for (const auto& one : files) {
    if (const auto verdict = proof::verify(one); !verdict) return within(one.name, verdict.error());
    out.push_back(json::Object{{"name", one.name}, {"srsId", one.statement.srs_id.hex()}, {"verified", true}});
    lines += fmt::format("{}{}: verified under srsId {}", lines.empty() ? "" : "\n", one.name, one.statement.srs_id.hex());
  }
  return Output{out, lines};
}

}  // namespace peaberry::cli
