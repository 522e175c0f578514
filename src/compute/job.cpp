#include "job.hpp"

#include <fmt/core.h>
#include <peaberry/crypto/keys.hpp>

namespace peaberry::compute {
namespace {

json::Object asset_json(const JobAsset& asset) {
  return {{"did", asset.did}, {"serviceId", asset.service_id}, {"transferTxId", asset.transfer_tx}};
}
JobAsset asset_from(const json::Object& object) {
  return {json::string_or(object, "did"), json::string_or(object, "serviceId"), json::string_or(object, "transferTxId")};
}
std::string seconds_text(std::int64_t ms) { return ms == 0 ? "" : fmt::format("{}.{:03}", ms / 1000, ms % 1000); }

constexpr const char* kSchema = R"(
CREATE TABLE compute_job(id TEXT PRIMARY KEY, owner TEXT NOT NULL COLLATE NOCASE, final INTEGER NOT NULL, created_ms INTEGER NOT NULL, data TEXT NOT NULL) STRICT;
CREATE INDEX compute_job_owner ON compute_job(owner, created_ms);
CREATE INDEX compute_job_final ON compute_job(final);
)";
// When a job ended whose result files are still here; NULL otherwise.
constexpr const char* kResultsColumn =
    "ALTER TABLE compute_job ADD COLUMN results_since_ms INTEGER; CREATE INDEX compute_job_results ON compute_job(results_since_ms);";

}  // namespace

const char* state_text(JobState state) {
  switch (state) {
    case JobState::kStarted: return "Job started";
    case JobState::kQueued: return "Job queued";
    case JobState::kExpiredInQueue: return "Job expired in queue";
    case JobState::kProvisioning: return "Provisioning data";
    case JobState::kProvisioningFailed: return "Data provisioning failed";
    case JobState::kAlgorithmProvisioningFailed: return "Algorithm provisioning failed";
    case JobState::kRunning: return "Running algorithm ";
    case JobState::kAlgorithmFailed: return "Failed to run algorithm";
    case JobState::kDiskQuotaExceeded: return "Error: disk quota exceeded";
    case JobState::kFiltering: return "Filtering results";
    case JobState::kPublishing: return "Publishing results";
    case JobState::kResultsRefused: return "Failed to get outputs";
    case JobState::kFinished: return "Job finished";
    case JobState::kSettling: return "Job settling";
    case JobState::kAwaitingRelease: return "Waiting for the owner's release";
    case JobState::kPaymentFailed: return "Payment failed";
  }
  return "";
}

bool is_final(JobState state) {
  switch (state) {
    case JobState::kExpiredInQueue:
    case JobState::kProvisioningFailed:
    case JobState::kAlgorithmProvisioningFailed:
    case JobState::kAlgorithmFailed:
    case JobState::kDiskQuotaExceeded:
    case JobState::kResultsRefused:
    case JobState::kFinished:
    case JobState::kPaymentFailed: return true;
    default: return false;
  }
}

json::Object Job::to_json() const {
  json::Array input_list, result_list;
  for (const auto& input : inputs) input_list.push_back(asset_json(input));
  for (const auto& result : results) result_list.push_back(json::Object{{"filename", result.filename}, {"type", result.type}, {"filesize", result.filesize}});
  json::Object out{{"id", id}, {"owner", owner}, {"payer", payer.hex()}, {"environment", environment}, {"free", free}, {"inputs", input_list},
                   {"algorithm", asset_json(algorithm)}, {"algorithmMeta", algorithm_meta}, {"customData", custom_data}, {"environmentVariables", environment_variables},
                   {"cpuMilli", static_cast<std::uint64_t>(resources.cpu * 1000)}, {"ramBytes", resources.ram_bytes}, {"diskBytes", resources.disk_bytes},
                   {"durationMax", duration_max}, {"queueMax", queue_max}, {"egress", egress.to_json()}, {"metadata", metadata}, {"state", static_cast<int>(state)},
                   {"outcome", static_cast<int>(outcome)}, {"statusText", status_text}, {"createdMs", created_ms}, {"queuedMs", queued_ms}, {"runStartMs", run_start_ms},
                   {"runEndMs", run_end_ms}, {"finishedMs", finished_ms}, {"meteredMs", metered_ms}, {"attempts", attempts}, {"exitCode", exit_code},
                   {"outOfMemory", out_of_memory}, {"stopRequested", stop_requested}, {"manifestHash", manifest_hash}, {"questionHash", question_hash}, {"settlementJob", settlement_job}, {"evidence", evidence}, {"results", result_list},
                   {"host", host.is_zero() ? "" : host.hex()}, {"leaseOrder", lease_order}, {"hostReport", host_report}, {"hostBytes", host_bytes}};
  if (payment)
    out["payment"] = json::Object{{"chainId", payment->chain_id}, {"token", payment->token.hex()}, {"ratePerMinute", payment->rate_per_minute.dec()},
                                  {"locked", payment->locked.dec()}, {"lockSeconds", payment->lock_seconds}, {"lockTx", payment->lock_tx},
                                  {"claimTx", payment->claim_tx}, {"paid", payment->paid.dec()}, {"cost", payment->cost.dec()}};
  return out;
}

Result<Job> Job::from_json(const json::Object& o) {
  Job out;
  PB_TRY(id, json::string_at(o, "id"));
  PB_TRY(owner, json::string_at(o, "owner"));
  PB_TRY(payer, json::address_at(o, "payer"));
  PB_TRY(egress_object, json::object_at(o, "egress"));
  PB_TRY(egress, EgressPolicy::parse(*egress_object));
  PB_TRY(state, json::uint_at(o, "state"));
  out.id = id, out.owner = owner, out.payer = payer, out.egress = egress;
  out.state = static_cast<JobState>(state);
  out.outcome = static_cast<JobState>(json::uint_or(o, "outcome", 70));
  out.environment = json::string_or(o, "environment");
  out.free = json::bool_or(o, "free", false);
  if (const auto* list = json::find_array(o, "inputs"))
    for (const auto& item : *list)
      if (item.is_object()) out.inputs.push_back(asset_from(item.get_object()));
  if (const auto* object = json::find_object(o, "algorithm")) out.algorithm = asset_from(*object);
  if (const auto* object = json::find_object(o, "algorithmMeta")) out.algorithm_meta = *object;
  if (const auto* object = json::find_object(o, "environmentVariables")) out.environment_variables = *object;
  if (const auto* value = json::find(o, "customData")) out.custom_data = *value;
  out.resources = {static_cast<double>(json::uint_or(o, "cpuMilli", 1000)) / 1000, json::uint_or(o, "ramBytes", 1 << 30), json::uint_or(o, "diskBytes", 1 << 30)};
  out.duration_max = json::uint_or(o, "durationMax", 3600), out.queue_max = json::uint_or(o, "queueMax", 3600);
  out.metadata = json::string_or(o, "metadata"), out.status_text = json::string_or(o, "statusText");
  const auto ms = [&](const char* key) { return static_cast<std::int64_t>(json::uint_or(o, key, 0)); };
  out.created_ms = ms("createdMs"), out.queued_ms = ms("queuedMs"), out.run_start_ms = ms("runStartMs"), out.run_end_ms = ms("runEndMs");
  out.finished_ms = ms("finishedMs"), out.metered_ms = ms("meteredMs");
  out.attempts = static_cast<int>(ms("attempts")), out.exit_code = static_cast<int>(ms("exitCode"));
  out.out_of_memory = json::bool_or(o, "outOfMemory", false), out.stop_requested = json::bool_or(o, "stopRequested", false);
  out.manifest_hash = json::string_or(o, "manifestHash");
  out.question_hash = json::string_or(o, "questionHash"), out.settlement_job = json::string_or(o, "settlementJob"), out.evidence = json::string_or(o, "evidence", "unchecked");
  if (const auto host = json::string_or(o, "host"); !host.empty()) {
    PB_TRY(address, Address::parse(host, "host"));
    out.host = address;
  }
  out.lease_order = json::string_or(o, "leaseOrder"), out.host_bytes = json::uint_or(o, "hostBytes", 0);
  if (const auto* report = json::find_object(o, "hostReport")) out.host_report = *report;
  if (const auto* list = json::find_array(o, "results"))
    for (const auto& item : *list)
      if (item.is_object()) out.results.push_back({json::string_or(item.get_object(), "filename"), json::string_or(item.get_object(), "type"), json::uint_or(item.get_object(), "filesize", 0)});
  if (const auto* p = json::find_object(o, "payment")) {
    JobPayment payment;
    PB_TRY(token, json::address_at(*p, "token"));
    PB_TRY(rate, json::u256_at(*p, "ratePerMinute"));
    PB_TRY(locked, json::u256_at(*p, "locked"));
    PB_TRY(paid, json::u256_at(*p, "paid"));
    PB_TRY(cost, json::u256_at(*p, "cost"));
    payment = {json::uint_or(*p, "chainId", 0), token, rate, locked, json::uint_or(*p, "lockSeconds", 0), json::string_or(*p, "lockTx"), json::string_or(*p, "claimTx"), paid, cost};
    out.payment = payment;
  }
  return out;
}

json::Object Job::to_wire() const {
  json::Array dids, result_list;
  for (const auto& input : inputs) dids.push_back(json::Value(input.did));
  for (std::size_t i = 0; i < results.size(); ++i)
    result_list.push_back(json::Object{{"filename", results[i].filename}, {"filesize", results[i].filesize}, {"type", results[i].type}, {"index", i}});
  json::Object out{{"owner", owner},
                   {"did", dids.empty() ? json::Value("") : dids[0]},
                   {"jobId", id},
                   {"dateCreated", seconds_text(created_ms)},
                   {"dateFinished", finished_ms == 0 ? json::Value(nullptr) : json::Value(seconds_text(finished_ms))},
                   {"status", static_cast<int>(state)},
                   {"statusText", state_text(state)},
                   {"results", result_list},
                   {"inputDID", dids},
                   {"algoDID", algorithm.did},
                   {"agreementId", inputs.empty() ? "" : inputs.front().transfer_tx},
                   {"environment", environment},
                   {"metadata", metadata},
                   {"terminationDetails", json::Object{{"OOMKilled", out_of_memory}, {"exitCode", exit_code}}},
                   {"queueMaxWaitTime", queue_max},
                   {"maxJobDuration", duration_max},
                   {"isFree", free},
                   {"manifestHash", manifest_hash},
                   {"evidence", evidence}};
  if (!settlement_job.empty()) out["settlementJob"] = settlement_job;
  if (!host.is_zero()) out["hosted"] = json::Object{{"host", crypto::checksum_address(host)}, {"order", lease_order}, {"bytesToHost", host_bytes}};
  if (!status_text.empty()) out["reason"] = status_text;
  if (run_start_ms != 0) out["algoStartTimestamp"] = seconds_text(run_start_ms);
  if (run_end_ms != 0) out["algoStopTimestamp"] = seconds_text(run_end_ms);
  if (payment)
    out["payment"] = json::Object{{"chainId", payment->chain_id}, {"token", crypto::checksum_address(payment->token)}, {"lockTx", payment->lock_tx},
                                  {"claimTx", payment->claim_tx}, {"locked", payment->locked.dec()}, {"cost", payment->cost.dec()}, {"paid", payment->paid.dec()}};
  return out;
}

Status JobStore::migrate(store::Database& database) { return database.migrate("compute", {{1, kSchema}, {2, kResultsColumn}}); }

Status JobStore::insert(const Job& job) {
  return database_.write([&](store::Connection& db) -> Status {
    PB_CHECK(db.run("INSERT INTO compute_job(id, owner, final, created_ms, data) VALUES(?, ?, ?, ?, ?)",
                    {job.id, job.owner, is_final(job.state) ? 1 : 0, job.created_ms, json::stringify(job.to_json())}));
    return {};
  });
}

Status JobStore::save(const Job& job) {
  const bool holds_results = is_final(job.state) && !job.results.empty();
  return database_.write([&](store::Connection& db) -> Status {
    PB_CHECK(db.run("UPDATE compute_job SET final = ?, results_since_ms = ?, data = ? WHERE id = ?", {is_final(job.state) ? 1 : 0, holds_results ? store::Param(job.finished_ms) : store::Param(nullptr), json::stringify(job.to_json()), job.id}));
    return {};
  });
}

namespace {
Result<std::vector<Job>> parse_all(const std::vector<std::string>& rows) {
  std::vector<Job> out;
  for (const auto& row : rows) {
    PB_TRY(document, json::parse(row, {.max_bytes = std::size_t{16} << 20}));
    PB_TRY(object, json::as_object(document, "job"));
    PB_TRY(job, Job::from_json(*object));
    out.push_back(std::move(job));
  }
  return out;
}
}  // namespace

Result<Job> JobStore::find(const std::string& id) {
  std::vector<std::string> rows;
  PB_CHECK(database_.with([&](store::Connection& db) { return db.query("SELECT data FROM compute_job WHERE id = ?", {id}, [&](const store::Statement& row) { rows.push_back(row.column_text(0)); }); }));
  if (rows.empty()) return fail(Errc::kNotFound, "there is no job " + id.substr(0, 200));
  PB_TRY(jobs, parse_all(rows));
  return std::move(jobs.front());
}

Result<std::vector<Job>> JobStore::list(const std::string& owner, std::size_t limit) {
  std::vector<std::string> rows;
  PB_CHECK(database_.with([&](store::Connection& db) {
    return db.query("SELECT data FROM compute_job WHERE owner = ? OR ? = '' ORDER BY created_ms DESC LIMIT ?", {owner, owner, limit}, [&](const store::Statement& row) { rows.push_back(row.column_text(0)); });
  }));
  return parse_all(rows);
}

Result<std::vector<Job>> JobStore::unfinished() {
  std::vector<std::string> rows;
  PB_CHECK(database_.with([&](store::Connection& db) { return db.query("SELECT data FROM compute_job WHERE final = 0 ORDER BY created_ms", {}, [&](const store::Statement& row) { rows.push_back(row.column_text(0)); }); }));
  return parse_all(rows);
}

Result<std::vector<Job>> JobStore::ended_before(std::int64_t unix_ms) {
  std::vector<std::string> rows;
  PB_CHECK(database_.with([&](store::Connection& db) {
    return db.query("SELECT data FROM compute_job WHERE results_since_ms < ? LIMIT 100", {unix_ms},
                    [&](const store::Statement& row) { rows.push_back(row.column_text(0)); });
  }));
  return parse_all(rows);
}

}  // namespace peaberry::compute
