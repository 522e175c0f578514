#include <fmt/core.h>

#include <peaberry/base/files.hpp>
#include <peaberry/bindings/quality_registry.hpp>
#include <peaberry/bindings/table_registry.hpp>
#include <peaberry/compute/archive.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/ingest/batches.hpp>
#include <peaberry/ingest/clean.hpp>
#include <peaberry/ingest/commitment.hpp>

#include "tables.hpp"

namespace peaberry::cli {
namespace {

namespace registry = bindings::table_registry;
namespace quality = bindings::quality_registry;

Result<json::Object> read_object(const fs::path& file) {
  PB_TRY(text, read_text(file));
  auto document = json::parse(text);
  if (!document) return within(file.string(), document.error());
  PB_TRY(object, json::as_object(*document, file.string()));
  return *object;
}

/// A metrics job's result folder, checked: the metrics are what the receipt's outputs hash to, its signature holds, and its table is named.
struct Measured {
  Bytes metrics;
  Hash32 manifest_hash, job_id;
  Address nft, signer;
  std::uint64_t epoch = 0;
};
Result<Measured> read_measured(Context& context, const fs::path& folder) {
  PB_TRY(contracts, context.settlement_contracts());
  Measured out;
  PB_TRY(metrics, read_file(folder / "metrics.json"));
  PB_TRY(paper, read_object(folder / "receipt.json"));
  PB_TRY(receipt, json::object_at(paper, "receipt"));
  PB_TRY(signature_text, json::string_at(paper, "signature"));
  PB_TRY(raw, parse_hex(signature_text, "signature"));
  PB_TRY(signature, crypto::Signature::from_rsv(raw));
  PB_TRY(signer, crypto::recover(crypto::personal_message_hash(crypto::keccak256(json::stringify(*receipt)).view()), signature));
  PB_TRY(claimed, json::address_at(paper, "signer"));
  if (signer != claimed) return fail(Errc::kForbidden, "the receipt is not signed by its signer");
  PB_TRY(tar, compute::make_tar({{"metrics.json", metrics}}, "outputs/"));
  PB_TRY(output, json::hash_at(*receipt, "outputHash"));
  if (crypto::keccak256(tar) != output) return fail(Errc::kForbidden, "metrics.json is not what the receipt's job gave");
  PB_TRY(manifest_hash, json::hash_at(*receipt, "manifestHash"));
  PB_TRY(manifest, json::object_at(*receipt, "manifest"));
  if (crypto::keccak256(json::stringify(*manifest)) != manifest_hash) return fail(Errc::kForbidden, "the receipt names another manifest than it holds");
  PB_TRY(inputs, json::array_at(*manifest, "inputs"));
  const json::Object* table = nullptr;
  for (const auto& input : *inputs)
    if (input.is_object() && table == nullptr) table = json::find_object(input.get_object(), "table");
  if (table == nullptr) return fail(Errc::kConflict, "the job ran over a table that is not listed", "list it first: peaberry table register DID --file FILE");
  PB_TRY(nft, json::address_at(*table, "nft"));
  PB_TRY(epoch, json::uint_at(*table, "epoch"));
  out.metrics = metrics, out.manifest_hash = manifest_hash, out.nft = nft, out.signer = signer, out.epoch = epoch;
  PB_TRY(reply, context.call(contracts->quality, quality::job_id_of(nft, U256{epoch}, manifest_hash)));
  PB_TRY(job, quality::decode_job_id_of(reply));
  out.job_id = job;
  return out;
}

Result<Bytes> sign_receipt(Context& context, const crypto::PrivateKey& attest, const Measured& measured) {
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(reply, context.call(contracts->quality, quality::receipt_digest(measured.job_id, crypto::keccak256(measured.metrics))));
  PB_TRY(digest, quality::decode_receipt_digest(reply));
  const auto signature = attest.sign(digest).rsv();
  return Bytes(signature.begin(), signature.end());
}

struct Claimed {
  quality::MetricsClaimedEvent event;
  quality::ClaimsResult state;
};
Result<Claimed> find_claim(Context& context, const Hash32& claim) {
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(rpc, context.rpc());
  PB_TRY(head, rpc->block_number());
  PB_TRY(logs, rpc->logs({.from_block = contracts->start_block, .to_block = head, .addresses = {contracts->quality}, .topics0 = {quality::MetricsClaimedEvent::topic()}, .topics1 = {claim}}));
  if (logs.empty()) return fail(Errc::kNotFound, "no claim " + claim.hex() + " was made at " + crypto::checksum_address(contracts->quality));
  PB_TRY(event, quality::MetricsClaimedEvent::decode(logs.front()));
  PB_TRY(reply, context.call(contracts->quality, quality::claims(claim)));
  PB_TRY(state, quality::decode_claims(reply));
  return Claimed{event, state};
}

const char* status_name(const U256& status) {
  constexpr const char* kNames[] = {"none", "claimed", "refuted", "released"};
  return kNames[status.low64() & 3];
}

}  // namespace

Result<ingest::Records> read_table(const std::string& file) {
  PB_TRY(text, read_text(file, std::uintmax_t{4} << 30));
  auto records = ingest::read_records(text);
  if (!records) return within(file, records.error());
  return records;
}

json::Object step(const std::string& name, const chain::Receipt& receipt) { return {{"name", name}, {"tx", receipt.transaction_hash.hex()}, {"gas", receipt.gas_used}}; }

Result<Address> nft_of(Context& context, const std::string& did) {
  PB_TRY(url, context.node_url());
  const auto nobody = crypto::PrivateKey::generate(context.random());
  PB_TRY(ddo, NodeClient(context.http(), url, nobody).ddo(did));
  return json::address_at(ddo, "nftAddress");
}

Result<std::vector<registry::Parent>> parse_parents(Context& context, const std::vector<std::string>& texts) {
  PB_TRY(contracts, context.settlement_contracts());
  std::vector<registry::Parent> parents;
  for (const auto& text : texts) {
    const auto colon = text.rfind(':');
    PB_TRY(share, U256::parse(colon == std::string::npos ? "" : text.substr(colon + 1), "parent"));
    PB_TRY(parent, nft_of(context, text.substr(0, colon)));
    PB_TRY(reply, context.call(contracts->tables, registry::subject_of(parent)));
    PB_TRY(subject, registry::decode_subject_of(reply));
    if (subject.kind.is_zero()) return fail(Errc::kConflict, "parent " + text.substr(0, colon) + " is not listed as a table");
    parents.push_back({parent, subject.epoch, share});
  }
  return parents;
}

Result<Output> table_commit(Context&, const std::string& file) {
  PB_TRY(records, read_table(file));
  const auto commitment = ingest::commit_table(records);
  json::Array columns;
  for (std::size_t c = 0; c < records.names.size(); ++c) columns.push_back(json::Object{{"name", records.names[c]}, {"commitment", commitment.columns[c].hex()}});
  return Output{json::Object{{"root", commitment.root().hex()}, {"rows", commitment.rows}, {"schemaHash", commitment.schema_hash.hex()}, {"commitmentsHash", commitment.commitments_hash.hex()}, {"columns", columns}},
                fmt::format("{} rows, {} columns\nroot {}", commitment.rows, records.names.size(), commitment.root().hex())};
}

Result<Output> table_register(Context& context, const TableRegisterOptions& options) {
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(nft, nft_of(context, options.did));
  PB_TRY(records, read_table(options.file));
  const auto commitment = ingest::commit_table(records);
  PB_TRY(parents, parse_parents(context, options.parents));
  PB_TRY(before_reply, context.call(contracts->tables, registry::subject_of(nft)));
  PB_TRY(before, registry::decode_subject_of(before_reply));
  if (before.root == commitment.root())
    return Output{json::Object{{"did", options.did}, {"epoch", before.epoch.low64()}, {"root", before.root.hex()}, {"steps", json::Array{}}}, "these rows are listed already, as epoch " + before.epoch.dec()};
  PB_TRY(receipt, context.send("table", contracts->tables, registry::register_(nft, {U256{1}, commitment.schema_hash, commitment.commitments_hash, U256{commitment.rows}}, parents)));
  const std::uint64_t epoch = before.epoch.low64() + 1;
  return Output{json::Object{{"did", options.did}, {"nft", crypto::checksum_address(nft)}, {"epoch", epoch}, {"root", commitment.root().hex()}, {"rows", commitment.rows}, {"steps", json::Array{step("list the table's epoch " + std::to_string(epoch), receipt)}}},
                fmt::format("listed epoch {} of {}: {} rows, root {}\n  jobs over it now refuse to start with other bytes", epoch, options.did, commitment.rows, commitment.root().hex())};
}

Result<Output> table_sign(Context& context, const std::string& file, const std::string& batches_file, std::uint64_t rows) {
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(key, context.key());
  PB_TRY(records, read_table(file));
  ingest::BatchDomain domain{context.options().chain_id, contracts->tables};
  std::vector<ingest::Batch> batches;
  if (fs::exists(batches_file)) {
    PB_TRY(object, read_object(batches_file));
    PB_TRY(read, ingest::batches_from_json(object));
    if (read.first.registry != domain.registry || read.first.chain_id != domain.chain_id) return fail(Errc::kInvalid, batches_file + " belongs to another chain's registry");
    batches = read.second;
  }
  const std::uint64_t first = batches.empty() ? 0 : batches.back().first + batches.back().rows;
  const std::uint64_t left = records.rows.size() > first ? records.rows.size() - first : 0;
  if (left == 0) return fail(Errc::kConflict, "every row of " + file + " is signed already");
  PB_TRY(batch, ingest::sign_batch(domain, records, first, rows == 0 ? left : std::min(rows, left), batches.empty() ? Hash32{} : domain.digest(batches.back()), *key));
  batches.push_back(batch);
  PB_CHECK(write_file_atomic(batches_file, as_bytes(json::pretty(ingest::batches_to_json(domain, batches)) + "\n")));
  return Output{batch.to_json(), fmt::format("{} signed rows {} to {}", crypto::checksum_address(key->address()), batch.first, batch.first + batch.rows - 1)};
}

Result<Output> table_clean(Context&, const std::string& file, const std::string& recipe_file, const std::string& output) {
  PB_TRY(records, read_table(file));
  PB_TRY(object, read_object(recipe_file));
  PB_TRY(recipe, ingest::Recipe::parse(object));
  const Hash32 from = ingest::commit_table(records).root();
  PB_TRY(cleaned, ingest::clean(std::move(records), recipe));
  PB_CHECK(write_file_atomic(output, as_bytes(ingest::write_records(cleaned.records))));
  json::Array steps;
  std::string text = "wrote " + output;
  for (const auto& done : cleaned.done) steps.push_back(json::Object{{"step", done.step}, {"changed", done.changed}}), text += fmt::format("\n  {}: {} changed", done.step, done.changed);
  // Whoever has both files can do it again: from, recipe and to are the lineage of the new epoch.
  const json::Object lineage{{"from", from.hex()}, {"recipe", recipe.source}, {"recipeHash", recipe.hash().hex()}, {"to", ingest::commit_table(cleaned.records).root().hex()}};
  return Output{json::Object{{"file", output}, {"rows", cleaned.records.rows.size()}, {"done", steps}, {"lineage", lineage}}, text + "\n  recipe " + recipe.hash().hex()};
}

Result<Output> quality_measure(Context& context, const QualityMeasureOptions& options) {
  json::Object custom;
  if (!options.options.empty()) {
    PB_TRY(given, read_object(options.options));
    custom = given;
  }
  if (!options.batches.empty()) {
    PB_TRY(batches, read_object(options.batches));
    custom["provenance"] = batches;
  }
  return compute_start(context, {.data = {options.did}, .algorithm = options.algorithm, .custom = json::stringify(custom), .output = options.output, .free = true, .wait = true});
}

Result<Output> quality_receipt(Context& context, const std::string& result) {
  PB_TRY(measured, read_measured(context, result));
  PB_TRY(attest, context.named_key("attest"));
  if (attest.address() != measured.signer) return fail(Errc::kForbidden, "the job was not run by this home's node", "its receipt is signed by " + crypto::checksum_address(measured.signer));
  PB_TRY(signature, sign_receipt(context, attest, measured));
  const json::Object out{{"jobId", measured.job_id.hex()}, {"outputHash", crypto::keccak256(measured.metrics).hex()}, {"signature", hex0x(signature)}, {"signer", crypto::checksum_address(attest.address())}};
  return Output{out, json::stringify(out)};
}

Result<Output> quality_claim(Context& context, const QualityClaimOptions& options) {
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(measured, read_measured(context, options.result));
  PB_TRY(attest, context.named_key("attest"));
  if (attest.address() != measured.signer) return fail(Errc::kForbidden, "the job was not run by this home's node", "its receipt is signed by " + crypto::checksum_address(measured.signer));
  PB_TRY(signature, sign_receipt(context, attest, measured));
  PB_TRY(token, context.token_or_ocean(options.token));
  PB_TRY(bond, parse_units(options.bond, options.decimals, "bond"));
  std::vector<Address> keys{attest.address()};
  for (const auto& text : options.keys) {
    PB_TRY(key, crypto::parse_address(text, "attest-key"));
    keys.push_back(key);
  }
  PB_CHECK(context.allow(token, contracts->quality, bond));
  PB_TRY(receipt, context.send("quality", contracts->quality, quality::claim(measured.nft, measured.manifest_hash, measured.metrics, signature, keys, {token, bond, U256{options.hold_seconds}})));
  PB_TRY(reply, context.call(contracts->quality, quality::claim_of(measured.nft, U256{measured.epoch})));
  PB_TRY(id, quality::decode_claim_of(reply));
  return Output{json::Object{{"claimId", id.hex()}, {"jobId", measured.job_id.hex()}, {"outputHash", crypto::keccak256(measured.metrics).hex()}, {"epoch", measured.epoch}, {"steps", json::Array{step("claim the table's quality under a bond", receipt)}}},
                fmt::format("claimed the quality of epoch {} under a bond of {}\n  claim {}\n  claimed, not proven: nobody else may see the rows", measured.epoch, options.bond, id.hex())};
}

Result<Output> quality_show(Context& context, const std::string& did) {
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(nft, nft_of(context, did));
  PB_TRY(subject_reply, context.call(contracts->tables, registry::subject_of(nft)));
  PB_TRY(subject, registry::decode_subject_of(subject_reply));
  if (subject.kind.is_zero()) return fail(Errc::kNotFound, did + " is not listed as a table");
  PB_TRY(reply, context.call(contracts->quality, quality::claim_of(nft, subject.epoch)));
  PB_TRY(id, quality::decode_claim_of(reply));
  json::Object out{{"epoch", subject.epoch.low64()}};
  std::string lines;
  if (!contracts->zk.is_zero()) {
    const auto proven = proven_metrics(context, nft, subject.epoch.low64(), contracts->zk);
    if (!proven) return within("what was proven of the table", proven.error());
    if (*proven) {
      out["proven"] = json::Object{{"claimId", (*proven)->claim.hex()}, {"verifier", crypto::checksum_address(contracts->zk)}, {"metrics", (*proven)->metrics}};
      lines = fmt::format("proven (claim {}), every plan compiled again from the schema:\n{}", (*proven)->claim.hex(), json::pretty((*proven)->metrics));
    }
  }
  if (id.is_zero() && lines.empty()) return fail(Errc::kNotFound, "nobody claims anything of epoch " + subject.epoch.dec() + " of " + did, "peaberry quality measure, then peaberry quality claim");
  if (id.is_zero()) return Output{out, lines};
  PB_TRY(claim, find_claim(context, id));
  const std::string metrics(as_text(claim.event.metrics));
  const auto document = json::parse(metrics);
  out["claimId"] = id.hex(), out["status"] = status_name(claim.state.status), out["bond"] = claim.state.bond.dec(), out["holdUntil"] = claim.state.hold_until.low64();
  out["owner"] = crypto::checksum_address(claim.state.owner), out["metrics"] = document ? *document : json::Value(metrics);
  return Output{out, fmt::format("claim {}: {}, {} units at stake until {}\n{}{}{}", id.hex(), status_name(claim.state.status), claim.state.bond.dec(), iso_time(claim.state.hold_until.low64()), document ? json::pretty(*document) : metrics,
                                 lines.empty() ? "" : "\n", lines)};
}

Result<Output> quality_refute(Context& context, const std::string& claim_text, const std::vector<std::string>& receipts) {
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(id, Hash32::parse(claim_text, "claim"));
  if (receipts.size() != 2) return fail(Errc::kInvalid, "two receipts are needed", "give --receipt twice, each as peaberry quality receipt prints it");
  PB_TRY(claim, find_claim(context, id));
  std::vector<quality::Receipt> shown;
  for (const auto& text : receipts) {
    PB_TRY(document, json::parse(text));
    PB_TRY(object, json::as_object(document, "receipt"));
    PB_TRY(output, json::hash_at(*object, "outputHash"));
    PB_TRY(signature_text, json::string_at(*object, "signature"));
    PB_TRY(signature, parse_hex(signature_text, "signature"));
    shown.push_back({output, signature});
  }
  PB_TRY(receipt, context.send("refute", contracts->quality, quality::refute(id, claim.event.attest_keys, shown[0], shown[1])));
  PB_CHECK(context.send("withdraw", contracts->quality, quality::withdraw(claim.state.token, Address{})));
  return Output{json::Object{{"claimId", id.hex()}, {"status", "refuted"}, {"steps", json::Array{step("show two receipts that contradict each other", receipt)}}}, "refuted " + id.hex() + "; half of the bond is yours, the other half is burned"};
}

Result<Output> quality_release(Context& context, const std::string& claim_text) {
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(id, Hash32::parse(claim_text, "claim"));
  PB_TRY(claim, find_claim(context, id));
  PB_TRY(receipt, context.send("release", contracts->quality, quality::release(id)));
  PB_TRY(journal, context.sender());
  if (claim.state.owner == journal->address() && !claim.state.bond.is_zero()) PB_CHECK(context.send("withdraw", contracts->quality, quality::withdraw(claim.state.token, Address{})));
  return Output{json::Object{{"claimId", id.hex()}, {"status", "released"}, {"steps", json::Array{step("release the bond", receipt)}}}, "released the bond of " + id.hex()};
}

}  // namespace peaberry::cli
