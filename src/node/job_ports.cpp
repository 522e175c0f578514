#include "job_ports.hpp"

#include <peaberry/base/log.hpp>
#include <peaberry/bindings/table_registry.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/ingest/commitment.hpp>

namespace peaberry::node {

Status NodeJobPorts::lock_payment(compute::Job& job) {
  auto& payment = *job.payment;
  if (node_.desk_) {
    // The question must name its bytes before money is locked for it: they are put together here as they will be for the run.
    const fs::path stage = node_.config_.home / "questions" / ("stage-" + job.id);
    std::error_code code;
    fs::remove_all(stage, code);
    PB_CHECK(make_directories(stage, 0700));
    bool algorithm_failed = false;
    auto provisioned = provision(job, stage, algorithm_failed);
    auto manifest = provisioned ? compute::make_manifest(*provisioned, job.algorithm.did, job.environment_variables, {job.resources.cpu, job.resources.ram_bytes, job.resources.disk_bytes, job.duration_max})
                                : Result<json::Object>(provisioned.error());
    fs::remove_all(stage, code);
    if (!manifest) return manifest.error();
    return node_.desk_->open_job(job, *manifest);
  }
  PB_TRY(receipt, node_.escrow_->lock(job.id, payment.token, job.payer, payment.locked, payment.lock_seconds));
  payment.lock_tx = receipt.transaction_hash.hex();
  return {};
}

Result<compute::SandboxResult> NodeJobPorts::run_at_host(compute::Job& job, const std::string& manifest, const compute::Provision& provision, const compute::SandboxSpec& spec, const std::atomic<bool>& stop) {
  return node_.hosted_.run(job, manifest, provision, spec, stop);
}

Status NodeJobPorts::settle(compute::Job& job, std::uint64_t seconds) {
  auto& payment = *job.payment;
  const std::uint64_t minimum = seconds == 0 ? 0 : node_.config_.environment.job_seconds_min;
  if (node_.desk_ && !job.settlement_job.empty()) {
    Hash32 output_hash;
    for (std::size_t i = 0; i < job.results.size() && seconds != 0 && job.outcome == compute::JobState::kFinished; ++i)
      if (job.results[i].type == "output") {
        PB_TRY(path, node_.runner_->result_path(job, i));
        PB_TRY(content, read_file(path, std::uintmax_t{1} << 30));
        output_hash = crypto::keccak256(content);
      }
    return node_.desk_->settle(job, output_hash, settlement::claim_amount(payment.rate_per_minute, seconds, minimum, payment.locked));
  }
  payment.cost = seconds == 0 ? U256{} : settlement::claim_amount(payment.rate_per_minute, seconds, minimum, payment.locked);
  const std::string proof = json::stringify(json::Object{{"jobId", job.id}, {"manifestHash", job.manifest_hash}, {"seconds", seconds}, {"evidence", "none"}});
  auto claim = node_.escrow_->claim(job.id, payment.token, job.payer, payment.cost, as_bytes(proof));
  if (!claim) {
    // No lock on chain: it was never made, or was settled by an earlier life of this node that could not write it down.
    if (claim.error().code != Errc::kConflict) return claim.error();
    log::warn("node", "job {}: {}", job.id, claim.error().message);
    payment.cost = U256{};
    return {};
  }
  payment.claim_tx = claim->transaction.hex();
  payment.paid = claim->paid;
  if (claim->expired) {
    payment.cost = U256{};
    job.status_text += (job.status_text.empty() ? "" : "; ") + std::string("the lock had expired: nothing was paid");
  }
  return {};
}

Result<compute::JobPorts::Attestation> NodeJobPorts::attest(std::string_view text) {
  const auto signature = node_.keys_->attest.sign(crypto::personal_message_hash(crypto::keccak256(text).view()));
  return Attestation{crypto::checksum_address(node_.keys_->attest.address()), hex0x(signature.rsv())};
}

Result<std::vector<storage::FileObject>> NodeJobPorts::files_of(const std::string& did, const std::string& service_id) {
  PB_TRY(asset, node_.catalogue_->asset(did));
  PB_TRY(service, market::find_service(asset.ddo, service_id));
  PB_TRY(objects, market::open_files(node_.keys_->identity, service.files, asset.nft, service.datatoken));
  std::vector<storage::FileObject> out;
  for (const auto& object : objects) {
    PB_TRY(file, storage::FileObject::parse(object));
    out.push_back(std::move(file));
  }
  return out;
}

Result<json::Object> NodeJobPorts::listed_table(const std::string& did, const fs::path& file) {
  if (!node_.contracts_ || node_.contracts_->tables.is_zero()) return json::Object{};
  namespace registry = bindings::table_registry;
  const Address& tables = node_.contracts_->tables;
  PB_TRY(asset, node_.catalogue_->asset(did));
  PB_TRY(reply, node_.rpc_->eth_call({.to = tables, .data = registry::subject_of(asset.nft)}));
  PB_TRY(subject, registry::decode_subject_of(reply));
  if (subject.kind.is_zero()) return json::Object{};
  PB_TRY(text, read_text(file, std::uintmax_t{4} << 30));
  const auto committed = ingest::commit_csv(text);
  if (!committed) return within("data set " + did + " is listed as a table", committed.error());
  const ingest::TableCommitment& commitment = *committed;
  // An epoch of hidden commitments names the root that its rows have under scheme 1.
  PB_TRY(proven_reply, node_.rpc_->eth_call({.to = tables, .data = registry::proven(asset.nft, subject.epoch)}));
  PB_TRY(proven, registry::decode_proven(proven_reply));
  const bool hidden = !proven.registered_in.is_zero();
  const Hash32& listed = hidden ? proven.content_root : subject.root;
  if (commitment.root() != listed)
    return fail(Errc::kForbidden, "data set " + did + ": the bytes in place give table root " + commitment.root().hex() + ", epoch " + subject.epoch.dec() + " is listed with " + listed.hex(), "the owner must list the new rows as an epoch, or put the listed ones back");
  PB_TRY(input_reply, node_.rpc_->eth_call({.to = tables, .data = registry::input_root_of(asset.nft, subject.epoch)}));
  PB_TRY(input, registry::decode_input_root_of(input_reply));
  json::Object out{{"nft", crypto::checksum_address(asset.nft)}, {"epoch", subject.epoch.low64()}, {"root", subject.root.hex()}, {"inputRoot", input.hex()}};
  if (hidden) out["contentRoot"] = listed.hex();
  return out;
}

Result<compute::Provision> NodeJobPorts::provision(const compute::Job& job, const fs::path& stage, bool& algorithm_failed) {
  compute::Provision out;
  const fs::path inputs = stage / "inputs";
  PB_CHECK(make_directories(inputs, 0711));
  std::set<std::string> names;
  std::uint64_t left = job.resources.disk_bytes;
  for (const auto& input : job.inputs) {
    PB_TRY(files, files_of(input.did, input.service_id));
    for (const auto& file : files) {
      std::string name = file.kind == storage::FileObject::Kind::kLocal ? file.name : "";
      if (name.empty()) {
        PB_TRY(opened, node_.files_->open(file));
        name = opened.name;
      }
      while (!names.insert(name).second) name = "_" + name;
      PB_TRY(size, node_.files_->fetch(file, inputs / name, left));
      left -= size;
      out.inputs.push_back({name, inputs / name, input.did});
      if (&file == &files.front()) {  // an asset's first file is its table
        PB_TRY(table, listed_table(input.did, inputs / name));
        out.inputs.back().table = table;
      }
    }
  }
  const std::string custom = job.custom_data.is_null() ? "{}" : json::stringify(job.custom_data);
  PB_CHECK(write_file_atomic(inputs / "algoCustomData.json", as_bytes(custom), 0640));
  out.inputs.push_back({"algoCustomData.json", inputs / "algoCustomData.json", ""});

  algorithm_failed = true;
  out.algorithm = stage / "algorithm";
  json::Object container;
  if (job.algorithm.did.empty()) {
    PB_TRY(code, json::string_at(job.algorithm_meta, "rawcode"));
    PB_CHECK(write_file_atomic(out.algorithm, as_bytes(code), 0550));
    if (const auto* object = json::find_object(job.algorithm_meta, "container")) container = *object;
  } else {
    PB_TRY(files, files_of(job.algorithm.did, job.algorithm.service_id));
    PB_CHECK(node_.files_->fetch(files.front(), out.algorithm, std::uint64_t{512} << 20));
    PB_TRY(asset, node_.catalogue_->asset(job.algorithm.did));
    if (const auto* metadata = json::find_object(asset.ddo, "metadata"))
      if (const auto* algorithm = json::find_object(*metadata, "algorithm"))
        if (const auto* object = json::find_object(*algorithm, "container")) container = *object;
  }
  // Ocean's rule: $ALGO becomes the algorithm's path, words are split at spaces, no shell.
  std::string entrypoint = json::string_or(container, "entrypoint", "$ALGO");
  constexpr const char* kPath = "/data/transformations/algorithm";
  for (std::size_t at = 0; (at = entrypoint.find("$ALGO", at)) != std::string::npos; at += std::strlen(kPath)) entrypoint.replace(at, 5, kPath);
  for (std::size_t at = 0; at < entrypoint.size();) {
    const auto space = std::min(entrypoint.find(' ', at), entrypoint.size());
    if (space > at) out.argv.push_back(entrypoint.substr(at, space - at));
    at = space + 1;
  }
  if (out.argv.empty()) out.argv.emplace_back(kPath);
  algorithm_failed = false;
  return out;
}

}  // namespace peaberry::node
