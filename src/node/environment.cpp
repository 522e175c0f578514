#include "environment.hpp"

#include <peaberry/crypto/hash.hpp>
#include <peaberry/crypto/keys.hpp>

namespace peaberry::node {
namespace {
constexpr std::uint64_t kGb = std::uint64_t{1} << 30;

json::Value number(const std::string& text) {  // prices are JSON numbers on the wire
  const auto parsed = json::parse(text);
  return parsed && parsed->is_number() ? *parsed : json::Value(0);
}
}  // namespace

Environment::Environment(const EnvironmentConfig& config, std::uint64_t chain_id, const Address& fee_token, unsigned fee_token_decimals, const Address& payee)
    : config_(config), chain_id_(chain_id), fee_token_(fee_token), decimals_(fee_token_decimals), payee_(payee) {
  cluster_ = crypto::sha256("peaberry:" + payee.hex()).hex();
  id_ = cluster_ + "-" + crypto::sha256(config.cpu_price + "/" + config.ram_price + "/" + config.disk_price + "/" + std::to_string(config.cpu)).hex();
}

json::Object Environment::to_json(const compute::Runner::Load& load, const std::string& sandbox) const {
  json::Array prices{json::Object{{"id", "cpu"}, {"price", number(config_.cpu_price)}}};
  if (config_.ram_price != "0") prices.push_back(json::Object{{"id", "ram"}, {"price", number(config_.ram_price)}});
  if (config_.disk_price != "0") prices.push_back(json::Object{{"id", "disk"}, {"price", number(config_.disk_price)}});
  const auto resource = [](const char* id, std::uint64_t total, double in_use) {
    return json::Object{{"id", id}, {"type", id}, {"total", total}, {"max", total}, {"min", 1}, {"inUse", in_use}};
  };
  const json::Object access{{"addresses", json::Array{}}, {"accessLists", json::Array{}}};
  json::Object out{{"id", id_},
                   {"runningJobs", load.running},
                   {"consumerAddress", crypto::checksum_address(payee_)},
                   {"platform", json::Object{{"architecture", "x86_64"}, {"os", "linux"}}},
                   {"description", sandbox},
                   {"evidence", evidence_},
                   {"access", access},
                   {"fees", json::Object{{std::to_string(chain_id_), json::Array{json::Object{{"prices", prices}, {"feeToken", crypto::checksum_address(fee_token_)}}}}}},
                   {"resources", json::Array{resource("cpu", config_.cpu, load.cpu), resource("ram", config_.ram_gb, static_cast<double>(load.ram_bytes) / kGb),
                                             resource("disk", config_.disk_gb, static_cast<double>(load.disk_bytes) / kGb)}},
                   {"queuedJobs", load.queued},
                   {"queuedFreeJobs", load.queued_free},
                   {"queMaxWaitTime", config_.queue_seconds_max},
                   {"queMaxWaitTimeFree", config_.queue_seconds_max},
                   {"runMaxWaitTime", config_.job_seconds_max},
                   {"runMaxWaitTimeFree", config_.free_job_seconds_max},
                   {"storageExpiry", config_.storage_expiry_seconds},
                   {"minJobDuration", config_.job_seconds_min},
                   {"maxJobDuration", config_.job_seconds_max},
                   {"runningfreeJobs", load.running_free}};
  if (config_.free_tier)
    out["free"] = json::Object{{"access", access},
                               {"maxJobDuration", config_.free_job_seconds_max},
                               {"maxJobs", config_.free_jobs_max},
                               {"resources", json::Array{json::Object{{"id", "cpu"}, {"max", config_.free_cpu}, {"inUse", 0}}, json::Object{{"id", "ram"}, {"max", config_.free_ram_gb}, {"inUse", 0}},
                                                         json::Object{{"id", "disk"}, {"max", config_.free_disk_gb}, {"inUse", 0}}}}};
  return out;
}

Result<compute::JobResources> Environment::resources(const json::Array* wanted, bool free) const {
  std::uint64_t amounts[3] = {1, 1, 1};
  constexpr const char* kNames[] = {"cpu", "ram", "disk"};
  const std::uint64_t most[3] = {free ? config_.free_cpu : config_.cpu, free ? config_.free_ram_gb : config_.ram_gb, free ? config_.free_disk_gb : config_.disk_gb};
  if (wanted != nullptr)
    for (const auto& item : *wanted) {
      PB_TRY(object, json::as_object(item, "resources entry"));
      PB_TRY(id, json::string_at(*object, "id"));
      PB_TRY(amount, json::uint_at(*object, "amount"));
      const auto found = std::find(std::begin(kNames), std::end(kNames), id);
      if (found == std::end(kNames)) return fail(Errc::kInvalid, "resource \"" + id.substr(0, 40) + "\" is not offered", "this environment has cpu, ram and disk");
      amounts[found - std::begin(kNames)] = amount;
    }
  for (int i = 0; i < 3; ++i) {
    if (amounts[i] == 0) amounts[i] = 1;
    if (amounts[i] > most[i])
      return fail(Errc::kExhausted, std::string("Error: Not enough ") + kNames[i] + " resources. Requested " + std::to_string(amounts[i]) + ", but max is " + std::to_string(most[i]));
  }
  return compute::JobResources{static_cast<double>(amounts[0]), amounts[1] * kGb, amounts[2] * kGb};
}

Result<U256> Environment::rate_per_minute(const compute::JobResources& r) const {
  U256 out;
  const std::pair<const std::string*, std::uint64_t> parts[] = {{&config_.cpu_price, static_cast<std::uint64_t>(r.cpu)}, {&config_.ram_price, r.ram_bytes / kGb}, {&config_.disk_price, r.disk_bytes / kGb}};
  for (const auto& [price, amount] : parts) {
    PB_TRY(unit, parse_units(*price, decimals_, "price"));
    const auto part = checked_mul(unit, U256{amount});
    const auto sum = part ? checked_add(out, *part) : std::nullopt;
    if (!sum) return fail(Errc::kInvalid, "the environment's price is too large");
    out = *sum;
  }
  return out;
}

}  // namespace peaberry::node
