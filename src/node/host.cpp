#include "host.hpp"

#include <unistd.h>

#include <peaberry/base/clock.hpp>
#include <peaberry/base/log.hpp>
#include <peaberry/compute/replay.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/crypto/sealing.hpp>
#include <peaberry/market/auth.hpp>

#include "bundle.hpp"
#include "hosted_runs.hpp"

namespace peaberry::node {

Result<json::Value> Host::ask(const std::string& url, const std::string& path, const std::string& command, json::Object body) {
  const std::string me = crypto::checksum_address(parts_.keys.operator_.address());
  PB_TRY(nonce_reply, parts_.http.send({.url = url + "/api/services/nonce?userAddress=" + me, .timeout_ms = 5'000}));
  const auto document = json::parse(nonce_reply.body);
  const std::uint64_t nonce = document && document->is_object() ? json::uint_or(document->get_object(), "nonce", 0) + 1 : 1;
  body["address"] = me, body["nonce"] = std::to_string(nonce), body["signature"] = market::sign_request(parts_.keys.operator_, nonce, command);
  PB_TRY(reply, parts_.http.send({.method = "POST", .url = url + path, .headers = {{"Content-Type", "application/json"}}, .body = json::stringify(body), .timeout_ms = 120'000, .max_bytes = std::size_t{2} << 30}));
  if (reply.status != 200) return fail(reply.status == 404 ? Errc::kNotFound : Errc::kForbidden, url + " answers " + std::to_string(reply.status) + ": " + reply.body.substr(0, 300));
  return json::parse(reply.body, {.max_bytes = std::size_t{2} << 30});
}

Status Host::tick(std::int64_t wall_ms_max) {
  for (const auto& url : parts_.node_urls) {
    const auto reply = ask(url, "/api/v1/hosted", "hostedJobs", {});
    if (!reply) continue;  // down, or it has no hosted jobs
    PB_TRY(object, json::as_object(*reply, "hosted jobs"));
    PB_TRY(jobs, json::array_at(*object, "jobs"));
    for (const auto& item : *jobs) {
      PB_TRY(offer, json::as_object(item, "hosted job"));
      PB_TRY(job, json::string_at(*offer, "jobId"));
      PB_TRY(egress, json::object_at(*offer, "egress"));
      if (done_.contains(job)) continue;
      const Status served = serve(url, job, *egress, wall_ms_max);
      if (!served) log::warn("host", "job {}: {}", job, served.error().text());
      if (served || (served.error().code != Errc::kUnavailable && served.error().code != Errc::kTimeout)) done_.insert(job);
    }
  }
  return {};
}

Status Host::serve(const std::string& url, const std::string& job, const json::Object& egress, std::int64_t wall_ms_max) {
  const std::string name = crypto::keccak256(job).hex().substr(2, 32);
  const fs::path sealed_file = parts_.home / "hosted" / (name + ".sealed"), folder = parts_.home / "hosted" / name;
  PB_CHECK(make_directories(parts_.home / "hosted", 0711));
  const std::string key = hex0x(parts_.keys.identity.public_key().compressed());
  PB_TRY(reply, ask(url, "/api/v1/hosted/bundle", "hostedBundle:" + key, {{"jobId", job}, {"publicKey", key}}));
  PB_TRY(object, json::as_object(reply, "bundle"));
  PB_TRY(sealed_text, json::string_at(*object, "sealed"));
  PB_TRY(sealed, parse_base64(sealed_text));
  PB_CHECK(write_file_atomic(sealed_file, sealed, 0600));
  PB_TRY(policy, compute::EgressPolicy::parse(egress));
  HostReport report;
  report.job = job;
  const std::int64_t began = SystemClock{}.steady_ms();
  const auto run = [&]() -> Status {
    PB_TRY(tar, crypto::ecies_decrypt(parts_.keys.identity, sealed));
    PB_TRY(manifest_text, unpack_bundle(tar, folder));
    report.manifest_hash = crypto::keccak256(manifest_text).hex();
    PB_TRY(manifest, json::parse(manifest_text));
    PB_TRY(named, json::as_object(manifest, "manifest"));
    compute::ReplayBounds bounds{.output_bytes = parts_.output_bytes_max, .wall_ms = wall_ms_max};
    bounds.ram_bytes = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) / 4 * 3 * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    bounds.disk_bytes = fs::space(parts_.home).available / 2;
    const std::atomic<bool> stop{false};
    auto outputs = compute::replay(parts_.sandbox, *named, folder, bounds, stop);
    report.log = read_text(folder / "algorithm.log", std::uintmax_t{1} << 20).value_or("");
    if (!outputs) {
      report.exit_code = 1;
      return outputs.error();
    }
    PB_TRY(entries, compute::read_tar(*outputs, parts_.output_bytes_max, 4096));
    if (const Status allowed = compute::check_egress(policy, entries); !allowed) {
      report.refused = allowed.error().message;
      return {};
    }
    report.outputs = std::move(*outputs);
    report.output_hash = crypto::keccak256(report.outputs);
    return {};
  };
  const Status ran = run();
  report.wall_ms = std::max<std::int64_t>(SystemClock{}.steady_ms() - began, 1);
  std::error_code code;
  fs::remove_all(folder, code);  // the rows are open no longer than the job runs
  if (report.manifest_hash.empty()) return ran;
  report.log = report.log.substr(0, policy.log_bytes_max);
  report.signer = parts_.keys.attest.address();
  const auto signature = parts_.keys.attest.sign(crypto::personal_message_hash(report.digest().view())).rsv();
  report.signature.assign(signature.begin(), signature.end());
  PB_CHECK(ask(url, "/api/v1/hosted/result", "hostedResult:" + report.digest().hex(), report.to_json()));
  fs::remove(sealed_file, code);
  if (ran) log::info("host", "job {}: ran here, outputs {}", job, report.output_hash.hex());
  return ran;
}

}  // namespace peaberry::node
