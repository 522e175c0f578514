// Tables under commitments of the proof engine (scheme 2): admitted, grown and measured by proofs; what the chain says of them, read and checked again.
#include "tables.hpp"

#include <fmt/core.h>

#include <cstdio>
#include <thread>

#include <peaberry/bindings/quality_registry.hpp>
#include <peaberry/bindings/table_registry.hpp>
#include <peaberry/bindings/zk_verifier.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/evidence/table_prover.hpp>
#include <peaberry/ingest/commitment.hpp>

namespace peaberry::cli {
namespace {

namespace registry = bindings::table_registry;
namespace quality = bindings::quality_registry;
namespace zk = bindings::zk_verifier;

proof::Cells cells_of(const ingest::Records& records) {
  return [&records](std::size_t row, std::size_t column) -> std::optional<std::string_view> {
    const std::string& text = records.rows[row][column];
    if (ingest::is_missing(text)) return std::nullopt;
    return text;
  };
}

/// What both proofs need: who proves, with which powers, for which verifier.
struct Workshop {
  const settlement::Contracts* contracts = nullptr;
  crypto::PrivateKey identity;
  proof::Srs srs;
  Address nft, verifier, sender;
  evidence::OpeningStore openings;
  registry::Subject_ofResult subject;
  registry::Table table;  ///< of the present epoch
};
Result<Workshop> open_workshop(Context& context, const ProvenTableOptions& options) {
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(nft, nft_of(context, options.did));
  PB_TRY(identity, context.named_key("identity"));
  const fs::path file = powers_file(context, options.srs);
  if (!fs::exists(file)) return fail(Errc::kNotFound, "there are no powers at " + file.string(), "make some for local chains: peaberry srs dev --log 16; or import a ceremony's: peaberry srs import FILE.ptau");
  PB_TRY(srs, proof::Srs::open(file));
  Address verifier = contracts->zk;
  if (!options.verifier.empty()) {
    PB_TRY(given, crypto::parse_address(options.verifier, "verifier"));
    verifier = given;
  }
  if (verifier.is_zero()) return fail(Errc::kNotFound, "the chain's address file names no ZkVerifier", "deploy one: peaberry srs deploy, and give --verifier");
  PB_TRY(id_reply, context.call(verifier, zk::srs_id()));
  PB_TRY(id, zk::decode_srs_id(id_reply));
  if (id != srs.id()) return fail(Errc::kConflict, "the verifier believes the ceremony " + id.hex() + ", these powers are of " + srs.id().hex(), "give --srs that ceremony's file, or --verifier one that was deployed for it");
  PB_TRY(sender, context.sender());
  PB_TRY(subject_reply, context.call(contracts->tables, registry::subject_of(nft)));
  PB_TRY(subject, registry::decode_subject_of(subject_reply));
  PB_TRY(table_reply, context.call(contracts->tables, registry::table_at(nft, subject.epoch)));
  PB_TRY(table, registry::decode_table_at(table_reply));
  return Workshop{contracts, std::move(identity), std::move(srs), nft, verifier, sender->address(), evidence::OpeningStore(context.home() / "tables"), subject, table};
}

proof::ProverOptions prover_options(const Context& context) {
  proof::ProverOptions out{.threads = std::max(1u, std::thread::hardware_concurrency())};
  if (!context.options().json && isatty(STDERR_FILENO) != 0)
    out.progress = [](const char* phase, double done) { std::fprintf(stderr, "\rproving: %3.0f %% %-24s%s", 100 * done, phase, done > 0.999 ? "\n" : ""); };
  return out;
}

/// Puts a plan where the verifier finds it, unless somebody has.
Status publish_plan(Context& context, const Address& verifier, const Hash32& name, const Bytes& plan, json::Array& steps) {
  PB_TRY(reply, context.call(verifier, zk::plans(name)));
  PB_TRY(code, zk::decode_plans(reply));
  if (!code.is_zero()) return {};
  PB_TRY(receipt, context.send("plan", verifier, zk::publish(plan)));
  steps.push_back(step("publish the plan " + name.hex().substr(0, 10) + "…", receipt));
  return {};
}

/// Draws the epoch's salt, once the block that it is drawn from is there.
Status seal_epoch(Context& context, const Workshop& shop, const registry::ProvenResult& epoch, json::Array& steps) {
  if (!epoch.salt.is_zero()) return {};
  PB_TRY(rpc, context.rpc());
  const std::uint64_t wanted = epoch.registered_in.low64() + 1, chain = context.options().chain_id;
  for (int i = 0; i < 600; ++i) {
    PB_TRY(head, rpc->block_number());
    if (head >= wanted) break;
    // A local chain makes blocks for transactions only.
    if (chain == 8996 || chain == 31337 || chain == 1337) (void)rpc->call("evm_mine", {}).has_value();
    else context.clock().sleep_ms(200);
  }
  PB_TRY(receipt, context.send("seal", shop.contracts->tables, registry::seal(shop.nft, shop.subject.epoch)));
  steps.push_back(step("seal the epoch with the chain's randomness", receipt));
  return {};
}

std::string metrics_line(const json::Object& metrics) {
  std::string out = fmt::format("{} rows, {:.2f} % of the cells present", json::uint_or(metrics, "rows", 0), 100 * proof::completeness(metrics));
  if (const auto* label = json::find_object(metrics, "label")) out += ", " + json::string_or(*label, "column") + " " + json::stringify(label->at("histogram"));
  return out;
}

}  // namespace

Result<Output> table_schema(Context&, const ProvenTableOptions& options) {
  PB_TRY(records, read_table(options.file));
  std::vector<std::string> categories = options.categories;
  if (!options.label.empty()) categories.push_back(options.label);
  PB_TRY(made, proof::infer_schema(records.names, records.rows.size(), cells_of(records), {categories, options.nullable}));
  const unsigned log = proof::table_log(records.rows.size());
  PB_TRY(admission, proof::admission_plan(made.schema, log));
  PB_TRY(metrics, proof::metrics_plan(made.schema, log, options.label));
  PB_TRY(document, json::parse(made.schema.text()));
  return Output{json::Object{{"schema", document}, {"schemaHash", made.schema.hash().hex()}, {"rows", records.rows.size()}, {"log", log}, {"vectors", made.schema.oracles()},
                             {"admission", json::Object{{"plan", admission.compiled.name.hex()}, {"planBytes", admission.compiled.bytes.size()}, {"proofBytes", admission.compiled.plan.proof_size()}}},
                             {"metrics", json::Object{{"plan", metrics.compiled.name.hex()}, {"planBytes", metrics.compiled.bytes.size()}, {"proofBytes", metrics.compiled.plan.proof_size()}}}},
                fmt::format("{}\nschema {}\n{} vectors of 2^{}; admission plan {}, metrics plan {}", json::pretty(document), made.schema.hash().hex(), made.schema.oracles(), log, admission.compiled.name.hex(),
                            metrics.compiled.name.hex())};
}

Result<Output> table_admit(Context& context, const ProvenTableOptions& options) {
  PB_TRY(records, read_table(options.file));
  PB_TRY(shop, open_workshop(context, options));
  PB_TRY(parents, parse_parents(context, options.parents));
  const auto cells = cells_of(records);
  const bool grows = shop.table.scheme == U256{2} && !options.anew;
  evidence::TableOpening before;
  if (grows) {
    PB_TRY(opening, shop.openings.load(shop.nft, shop.table.commitments_hash));
    std::vector<std::string> names;
    for (const auto& column : opening.schema.columns) names.push_back(column.name);
    if (names != records.names) return fail(Errc::kConflict, options.file + " has other columns than the table", "give --anew to begin the table anew under another schema");
    before = std::move(opening);
  } else {
    std::vector<std::string> categories = options.categories;
    if (!options.label.empty()) categories.push_back(options.label);
    PB_TRY(made, proof::infer_schema(records.names, records.rows.size(), cells, {categories, options.nullable}));
    before.nft = shop.nft, before.by = shop.identity.address(), before.table_id = ingest::table_id(context.options().chain_id, shop.contracts->tables, shop.nft);
    before.schema = std::move(made.schema), before.dictionaries = std::move(made.dictionaries), before.label = options.label;
    if (shop.table.scheme == U256{2} && shop.table.schema_hash == before.schema.hash())
      return fail(Errc::kConflict, "under the schema that it has the table can only grow", "list an epoch of scheme 1 between them: peaberry table register");
  }
  const std::uint64_t rows = records.rows.size(), epoch = shop.subject.epoch.low64() + 1;
  PB_TRY(ctx_reply, context.call(shop.contracts->tables, registry::admission_ctx(shop.nft, shop.sender, shop.subject.epoch, U256{before.rows()}, U256{rows}, before.schema.hash())));
  PB_TRY(ctx, registry::decode_admission_ctx(ctx_reply));
  context.progress("committing and proving " + std::to_string(rows - std::min(rows, before.rows())) + " rows …");
  PB_TRY(admitted, evidence::TableProver(shop.srs, shop.identity, context.random(), prover_options(context)).admit(before, cells, rows, {context.options().chain_id, shop.verifier, ctx}));
  PB_CHECK(shop.openings.save(admitted.opening));
  json::Array steps;
  PB_CHECK(publish_plan(context, shop.verifier, admitted.proof.plan_hash, admitted.proof.plan, steps));
  const std::string schema = before.schema.text();
  const Bytes told = before.steps.empty() ? Bytes(schema.begin(), schema.end()) : Bytes();
  const Hash32 content = ingest::commit_table(records).root(), commitments_hash = crypto::keccak256(admitted.opening.commitments);
  PB_TRY(receipt, context.send("admit", shop.contracts->tables,
                               registry::admit(shop.nft, {U256{2}, before.schema.hash(), commitments_hash, U256{rows}}, parents,
                                               {shop.verifier, admitted.proof.plan_hash, told, content, admitted.added, admitted.proof.inputs, admitted.proof.proof})));
  steps.push_back(step("admit epoch " + std::to_string(epoch) + " by a proof", receipt));
  return Output{json::Object{{"did", options.did}, {"nft", crypto::checksum_address(shop.nft)}, {"epoch", epoch}, {"rowsBefore", before.rows()}, {"rows", rows}, {"vectors", before.schema.oracles()}, {"schemaHash", before.schema.hash().hex()},
                             {"commitmentsHash", commitments_hash.hex()}, {"contentRoot", content.hex()}, {"plan", admitted.proof.plan_hash.hex()}, {"proofBytes", admitted.proof.proof.size()}, {"srsId", shop.srs.id().hex()}, {"verifier", crypto::checksum_address(shop.verifier)}, {"steps", steps}},
                fmt::format("admitted epoch {} of {}: rows {} to {} in {} hidden vectors, a proof of {} bytes, {} gas\n  jobs over it refuse other bytes; next: peaberry quality prove {} --file {}", epoch, options.did, before.rows() + 1,
                            rows, before.schema.oracles(), admitted.proof.proof.size(), receipt.gas_used, options.did, options.file)};
}

Result<Output> quality_prove(Context& context, const ProvenTableOptions& options) {
  PB_TRY(records, read_table(options.file));
  PB_TRY(shop, open_workshop(context, options));
  if (shop.table.scheme != U256{2}) return fail(Errc::kConflict, "epoch " + shop.subject.epoch.dec() + " of " + options.did + " was not admitted by a proof", "peaberry table admit " + options.did + " --file " + options.file);
  PB_TRY(opening, shop.openings.load(shop.nft, shop.table.commitments_hash));
  if (records.rows.size() < opening.rows()) return fail(Errc::kConflict, options.file + " has fewer rows than the table", "give the file that was admitted");
  PB_TRY(epoch_reply, context.call(shop.contracts->tables, registry::proven(shop.nft, shop.subject.epoch)));
  PB_TRY(epoch, registry::decode_proven(epoch_reply));
  if (epoch.verifier != shop.verifier) return fail(Errc::kConflict, "the epoch was admitted under verifier " + crypto::checksum_address(epoch.verifier), "give it with --verifier");
  json::Array steps;
  PB_TRY(plan, proof::metrics_plan(opening.schema, proof::table_log(opening.rows()), opening.label));
  PB_CHECK(publish_plan(context, shop.verifier, plan.compiled.name, plan.compiled.bytes, steps));
  PB_CHECK(seal_epoch(context, shop, epoch, steps));
  PB_TRY(sealed_reply, context.call(shop.contracts->tables, registry::proven(shop.nft, shop.subject.epoch)));
  PB_TRY(sealed, registry::decode_proven(sealed_reply));
  context.progress("proving what is counted of " + std::to_string(opening.rows()) + " rows …");
  Hash32 claim;
  const auto proof_for = [&](const Hash32& plan_hash, const std::vector<U256>& inputs) -> Result<evidence::ProofFor> {
    PB_TRY(reply, context.call(shop.contracts->quality, quality::proof_claim(shop.nft, shop.sender, shop.verifier, plan_hash, inputs)));
    PB_TRY(id, quality::decode_proof_claim(reply));
    claim = id;
    // ZkVerifier: keccak256(abi.encode(tag, claimId, subjectRoot, epoch, rows, salt))
    Bytes bytes;
    for (const Hash32& word : {crypto::keccak256("peaberry/ctx/1"), claim, shop.subject.root, shop.subject.epoch.word(), shop.table.rows.word(), sealed.salt}) append(bytes, word.view());
    return evidence::ProofFor{context.options().chain_id, shop.verifier, crypto::keccak256(bytes)};
  };
  PB_TRY(measured, evidence::TableProver(shop.srs, shop.identity, context.random(), prover_options(context)).measure(opening, cells_of(records), proof_for));
  const Bytes label(opening.label.begin(), opening.label.end());
  PB_TRY(receipt, context.send("prove", shop.contracts->quality, quality::prove(shop.nft, {shop.verifier, measured.plan_hash, label, measured.inputs, measured.proof})));
  steps.push_back(step("prove the table's metrics", receipt));
  PB_TRY(proven, proven_metrics(context, shop.nft, shop.subject.epoch.low64(), shop.verifier));
  if (!proven) return fail(Errc::kInternal, "the chain does not show what was proven");
  return Output{json::Object{{"claimId", claim.hex()}, {"epoch", shop.subject.epoch.low64()}, {"plan", measured.plan_hash.hex()}, {"proofBytes", measured.proof.size()}, {"srsId", shop.srs.id().hex()}, {"metrics", proven->metrics}, {"complete", proof::completeness(proven->metrics)}, {"steps", steps}},
                fmt::format("proven of epoch {}: {}\n  claim {}, {} gas; nobody saw a row", shop.subject.epoch.dec(), metrics_line(proven->metrics), claim.hex(), receipt.gas_used)};
}

Result<std::optional<ProvenMetrics>> proven_metrics(Context& context, const Address& nft, std::uint64_t epoch, const Address& verifier) {
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(rpc, context.rpc());
  PB_TRY(head, rpc->block_number());
  Hash32 nft_topic;
  std::copy(nft.data.begin(), nft.data.end(), nft_topic.data.begin() + 12);
  PB_TRY(logs, rpc->logs({.from_block = contracts->start_block, .to_block = head, .addresses = {contracts->quality}, .topics0 = {quality::MetricsProvenEvent::topic()}, .topics1 = {nft_topic}}));
  PB_TRY(admissions, rpc->logs({.from_block = contracts->start_block, .to_block = head, .addresses = {contracts->tables}, .topics0 = {registry::TableAdmittedEvent::topic()}, .topics1 = {nft_topic}}));
  std::vector<proof::Admission> admitted;
  for (const auto& log : admissions) {
    PB_TRY(one, registry::TableAdmittedEvent::decode(log));
    if (one.verifier == verifier) admitted.push_back({one.epoch.low64(), {one.plan_hash, one.rows_before.low64(), one.rows_after.low64()}, std::string(as_text(one.schema))});
  }
  const auto history = proof::history_of(admitted, epoch);
  for (std::size_t i = logs.size(); i-- > 0;) {
    PB_TRY(event, quality::MetricsProvenEvent::decode(logs[i]));
    if (event.verifier != verifier || event.epoch != U256{epoch}) continue;
    // What was proven under another plan says something else, or nothing: an earlier proof may say it.
    auto metrics = proof::read_metrics(history.schema, history.rows, as_text(event.label), event.plan_hash, event.inputs);
    if (metrics) return std::optional<ProvenMetrics>(ProvenMetrics{event.claim_id, std::move(*metrics)});
  }
  return std::optional<ProvenMetrics>();
}

}  // namespace peaberry::cli
