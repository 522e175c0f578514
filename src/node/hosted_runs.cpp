#include "hosted_runs.hpp"

#include <peaberry/crypto/keys.hpp>
#include <peaberry/crypto/hash.hpp>

#include "bundle.hpp"

namespace peaberry::node {

Hash32 HostReport::digest() const {
  return crypto::keccak256(json::stringify(json::Object{{"jobId", job}, {"manifestHash", manifest_hash}, {"outputHash", output_hash.hex()}, {"wallMs", wall_ms}}));
}

json::Object HostReport::to_json() const {
  return {{"jobId", job}, {"manifestHash", manifest_hash}, {"outputHash", output_hash.hex()}, {"outputs", base64(outputs)}, {"log", base64(as_bytes(log))}, {"refused", refused}, {"exitCode", exit_code},
          {"outOfMemory", out_of_memory}, {"timedOut", timed_out}, {"diskExceeded", disk_exceeded}, {"wallMs", wall_ms}, {"cpuNs", cpu_ns}, {"signer", crypto::checksum_address(signer)}, {"reportSignature", hex0x(signature)}};
}

Result<HostReport> HostReport::from_json(const json::Object& object) {
  HostReport out;
  PB_TRY(job, json::string_at(object, "jobId"));
  PB_TRY(manifest, json::string_at(object, "manifestHash"));
  PB_TRY(output_hash, json::hash_at(object, "outputHash"));
  PB_TRY(outputs, parse_base64(json::string_or(object, "outputs")));
  PB_TRY(log, parse_base64(json::string_or(object, "log")));
  PB_TRY(wall, json::uint_at(object, "wallMs"));
  PB_TRY(signer, json::address_at(object, "signer"));
  PB_TRY(signature, parse_hex(json::string_or(object, "reportSignature"), "reportSignature"));
  if (wall > 1'000'000'000'000) return fail(Errc::kInvalid, "wallMs is unreasonably large");
  out.job = job, out.manifest_hash = manifest, out.output_hash = output_hash, out.outputs = std::move(outputs), out.log = std::string(as_text(log)), out.refused = json::string_or(object, "refused").substr(0, 1000);
  const auto* exit = json::find(object, "exitCode");
  out.exit_code = exit != nullptr && exit->is_number() ? static_cast<int>(exit->to_number<double>()) : 1;
  out.out_of_memory = json::bool_or(object, "outOfMemory", false), out.timed_out = json::bool_or(object, "timedOut", false), out.disk_exceeded = json::bool_or(object, "diskExceeded", false);
  out.wall_ms = static_cast<std::int64_t>(wall), out.cpu_ns = json::uint_or(object, "cpuNs", 0), out.signer = signer, out.signature = signature;
  return out;
}

Result<compute::SandboxResult> HostedRuns::run(compute::Job& job, const std::string& manifest, const compute::Provision& provision, const compute::SandboxSpec& spec, const std::atomic<bool>& stop) {
  std::unique_lock lock(mutex_);
  waiting_[job.id] = {job.host, &job, &manifest, &provision, {}, 0};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(spec.wall_ms);
  while (!waiting_[job.id].report && !stop && std::chrono::steady_clock::now() < deadline) wake_.wait_for(lock, std::chrono::milliseconds(100));
  Entry entry = std::move(waiting_[job.id]);
  waiting_.erase(job.id);
  lock.unlock();
  job.host_bytes = entry.bytes;
  compute::SandboxResult out;
  out.stopped = !entry.report && stop;
  if (out.stopped) return out;
  if (!entry.report) return fail(Errc::kTimeout, "host " + crypto::checksum_address(job.host) + " did not bring the job's result in " + std::to_string(spec.wall_ms / 1000) + " s");
  const HostReport& report = *entry.report;
  if (!report.refused.empty()) return fail(Errc::kForbidden, "host " + crypto::checksum_address(job.host) + ": " + report.refused);
  job.host_report = json::Object{{"host", crypto::checksum_address(job.host)}, {"signer", crypto::checksum_address(report.signer)}, {"signature", hex0x(report.signature)}, {"outputHash", report.output_hash.hex()}, {"wallMs", report.wall_ms}, {"bytesToHost", entry.bytes}};
  out.exit_code = report.exit_code, out.out_of_memory = report.out_of_memory, out.timed_out = report.timed_out, out.disk_exceeded = report.disk_exceeded;
  out.wall_ms = report.wall_ms, out.usage.cpu_ns = report.cpu_ns;
  PB_CHECK(write_file_atomic(spec.log, as_bytes(report.log), 0600));
  if (report.outputs.empty()) return out;
  PB_TRY(files, compute::read_tar(report.outputs, spec.disk_bytes, spec.files_max));
  for (const auto& file : files)
    if (file.name.starts_with("outputs/")) {
      PB_CHECK(make_directories((spec.outputs / file.name.substr(8)).parent_path(), 0700));
      PB_CHECK(write_file_atomic(spec.outputs / file.name.substr(8), file.content, 0600));
    }
  return out;
}

std::vector<HostedRuns::Offer> HostedRuns::offers(const Address& host) {
  const std::lock_guard lock(mutex_);
  std::vector<Offer> out;
  for (const auto& [id, entry] : waiting_)
    if (entry.host == host && !entry.report) out.push_back({id, entry.job->egress});
  return out;
}

Result<HostedRuns::Entry*> HostedRuns::find(const std::string& job, const Address& host) {
  const auto found = waiting_.find(job);
  if (found == waiting_.end() || found->second.host != host) return fail(Errc::kNotFound, "no job " + job.substr(0, 200) + " waits for " + crypto::checksum_address(host));
  return &found->second;
}

Result<Bytes> HostedRuns::bundle(const std::string& job, const Address& host) {
  const std::lock_guard lock(mutex_);  // held while the bytes are read: the worker must not clear them away
  PB_TRY(entry, find(job, host));
  PB_TRY(out, pack_bundle(*entry->provision, *entry->manifest));
  entry->bytes += out.size();
  return out;
}

Status HostedRuns::take(const Address& host, HostReport report) {
  const std::lock_guard lock(mutex_);
  PB_TRY(entry, find(report.job, host));
  if (entry->report) return fail(Errc::kConflict, "job " + report.job + " has its report already");
  if (report.manifest_hash != entry->job->manifest_hash) return fail(Errc::kForbidden, "the report is of another manifest");
  const Hash32 output = report.outputs.empty() ? Hash32{} : crypto::keccak256(report.outputs);
  if (output != report.output_hash) return fail(Errc::kForbidden, "outputHash is not the outputs'");
  PB_TRY(signature, crypto::Signature::from_rsv(report.signature));
  PB_TRY(signer, crypto::recover(crypto::personal_message_hash(report.digest().view()), signature));
  if (signer != report.signer) return fail(Errc::kForbidden, "the report is not signed by its signer");
  entry->report = std::move(report);
  wake_.notify_all();
  return {};
}

}  // namespace peaberry::node
