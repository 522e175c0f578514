#include "replay.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <peaberry/crypto/merkle.hpp>

#include "archive.hpp"

namespace peaberry::compute {
namespace {

constexpr std::uint64_t kPidsMax = 128;

}  // namespace

Result<FileDigest> digest_file(const fs::path& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(Errc::kInternal, "cannot read " + path.string());
  crypto::MerkleHasher hasher;
  FileDigest out;
  for (Bytes buffer(1 << 16);;) {
    const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
    if (got < 0) return fail(Errc::kInternal, "cannot read " + path.string());
    if (got == 0) break;
    out.bytes += static_cast<std::uint64_t>(got);
    hasher.update(ByteView(buffer).first(static_cast<std::size_t>(got)));
  }
  out.root = hasher.finish();
  return out;
}

Result<json::Object> make_manifest(const Provision& provision, const std::string& algorithm_did, const json::Object& environment, const RunLimits& limits) {
  json::Array inputs;
  for (const auto& input : provision.inputs) {
    PB_TRY(digest, digest_file(input.path));
    json::Object entry{{"name", input.name}, {"did", input.did}, {"merkleRoot", digest.root.hex()}, {"bytes", digest.bytes}};
    if (!input.table.empty()) entry["table"] = input.table;
    inputs.push_back(entry);
  }
  PB_TRY(code, digest_file(provision.algorithm));
  json::Array argv;
  for (const auto& word : provision.argv) argv.push_back(json::Value(word));
  return json::Object{{"version", 1},
                      {"algorithm", json::Object{{"did", algorithm_did}, {"merkleRoot", code.root.hex()}, {"bytes", code.bytes}, {"argv", argv}, {"environment", environment}}},
                      {"inputs", inputs},
                      {"resources", json::Object{{"cpuMilli", static_cast<std::uint64_t>(limits.cpu * 1000)}, {"ramBytes", limits.ram_bytes}, {"diskBytes", limits.disk_bytes}, {"seconds", limits.seconds}}},
                      {"profile", "native"}};
}

Result<SandboxSpec> spec_of(const json::Object& manifest, const Provision& provision, const fs::path& outputs, const fs::path& log) {
  PB_TRY(algorithm, json::object_at(manifest, "algorithm"));
  PB_TRY(environment, json::object_at(*algorithm, "environment"));
  PB_TRY(resources, json::object_at(manifest, "resources"));
  PB_TRY(inputs, json::array_at(manifest, "inputs"));
  PB_TRY(cpu, json::uint_at(*resources, "cpuMilli"));
  PB_TRY(ram, json::uint_at(*resources, "ramBytes"));
  PB_TRY(disk, json::uint_at(*resources, "diskBytes"));
  PB_TRY(seconds, json::uint_at(*resources, "seconds"));
  if (cpu == 0 || cpu > 1'000'000 || seconds == 0 || seconds > 10'000'000) return fail(Errc::kInvalid, "manifest: resources are out of range");
  SandboxSpec spec;
  spec.argv = provision.argv;
  for (const auto& variable : *environment)
    if (variable.value().is_string()) spec.environment[std::string(variable.key())] = std::string(json::sv(variable.value().get_string()));
  json::Array dids;
  for (const auto& input : *inputs)
    if (input.is_object())
      if (const auto did = json::string_or(input.get_object(), "did"); !did.empty() && (dids.empty() || dids.back() != json::Value(did))) dids.push_back(json::Value(did));
  spec.environment["DIDS"] = json::stringify(dids);
  spec.environment["TRANSFORMATION_DID"] = json::string_or(*algorithm, "did");
  for (const auto& input : provision.inputs) spec.inputs.emplace_back(input.name, input.path);
  spec.algorithm = provision.algorithm;
  spec.outputs = outputs;
  spec.log = log;
  spec.limits = {static_cast<double>(cpu) / 1000, ram, kPidsMax};
  spec.disk_bytes = disk;
  spec.wall_ms = static_cast<std::int64_t>(seconds) * 1000;
  return spec;
}

Result<Bytes> replay(Sandbox& sandbox, const json::Object& manifest, const fs::path& folder, const ReplayBounds& bounds, const std::atomic<bool>& stop) {
  Provision provision;
  provision.algorithm = folder / "algorithm";
  PB_TRY(algorithm, json::object_at(manifest, "algorithm"));
  PB_TRY(argv, json::array_at(*algorithm, "argv"));
  for (const auto& word : *argv)
    if (word.is_string()) provision.argv.emplace_back(json::sv(word.get_string()));
  if (provision.argv.empty()) return fail(Errc::kInvalid, "manifest: algorithm.argv is empty");
  const auto check = [](const fs::path& path, const json::Object& entry, const std::string& what) -> Status {
    PB_TRY(wanted, json::hash_at(entry, "merkleRoot"));
    PB_TRY(digest, digest_file(path));
    if (digest.root != wanted) return fail(Errc::kForbidden, what + " is not the one that the job was opened with", "its Merkle root is " + digest.root.hex());
    return {};
  };
  PB_CHECK(check(provision.algorithm, *algorithm, "the algorithm"));
  PB_TRY(inputs, json::array_at(manifest, "inputs"));
  for (const auto& item : *inputs) {
    PB_TRY(entry, json::as_object(item, "manifest input"));
    PB_TRY(name, json::string_at(*entry, "name"));
    if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..") return fail(Errc::kInvalid, "manifest: input name \"" + name.substr(0, 100) + "\" is not a file name");
    provision.inputs.push_back({name, folder / "inputs" / name, json::string_or(*entry, "did")});
    PB_CHECK(check(provision.inputs.back().path, *entry, "input " + name));
  }
  const fs::path outputs = folder / "outputs";
  std::error_code code;
  fs::remove_all(outputs, code);
  PB_CHECK(make_directories(outputs, 0700));
  if (const unsigned group = sandbox.group_id(); group != 0) {
    for (const auto& input : provision.inputs) (void)!chown(input.path.c_str(), 0, group), chmod(input.path.c_str(), 0440);
    (void)!chown(provision.algorithm.c_str(), 0, group);
  }
  chmod(provision.algorithm.c_str(), 0550);
  PB_TRY(spec, spec_of(manifest, provision, outputs, folder / "algorithm.log"));
  spec.job = folder.filename().string();
  if (spec.limits.memory_bytes > bounds.ram_bytes) return fail(Errc::kExhausted, "the job asks for " + std::to_string(spec.limits.memory_bytes) + " bytes of memory, this machine gives " + std::to_string(bounds.ram_bytes));
  if (spec.disk_bytes > bounds.disk_bytes) return fail(Errc::kExhausted, "the job asks for " + std::to_string(spec.disk_bytes) + " bytes of disk, this machine gives " + std::to_string(bounds.disk_bytes));
  const bool cut = spec.wall_ms > bounds.wall_ms;
  spec.wall_ms = std::min(spec.wall_ms, bounds.wall_ms);
  PB_TRY(result, sandbox.run(spec, stop));
  if (result.timed_out && cut) return fail(Errc::kExhausted, "the run did not end in the " + std::to_string(bounds.wall_ms / 1000) + " s that there were for it");
  if (result.stopped) return fail(Errc::kUnavailable, "the run was stopped");
  if (result.timed_out || result.out_of_memory || result.disk_exceeded || result.exit_code != 0) return fail(Errc::kConflict, "the algorithm did not end well: exit code " + std::to_string(result.exit_code));
  std::vector<std::string> refused;
  PB_TRY(collected, collect_files(outputs, bounds.output_bytes, 4096, refused));
  return make_tar(collected, "outputs/");
}

}  // namespace peaberry::compute
