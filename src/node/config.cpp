#include "config.hpp"

#include <peaberry/base/random.hpp>

#include <cstdlib>

namespace peaberry::node {

Result<NodeConfig> NodeConfig::load(const fs::path& home) {
  NodeConfig out;
  out.home = home;
  const fs::path file = home / "config.json";
  if (!fs::exists(file)) return out;
  PB_TRY(text, read_text(file, 1 << 20));
  auto document = json::parse(text, {.strict = true});
  if (!document) return within(file.string(), document.error());
  PB_TRY(object, json::as_object(*document, file.string()));
  if (const Status status = out.apply(*object); !status) return within(file.string(), status.error());
  return out;
}

Status NodeConfig::apply(const json::Object& o) {
  const auto unsigned_field = [&](const json::Object& from, const char* key, auto& slot) -> Status {
    if (json::find(from, key) == nullptr) return {};
    PB_TRY(value, json::uint_at(from, key));
    slot = static_cast<std::remove_reference_t<decltype(slot)>>(value);
    return {};
  };
  const auto text_field = [&](const json::Object& from, const char* key, std::string& slot) -> Status {
    if (json::find(from, key) == nullptr) return {};
    PB_TRY(value, json::string_at(from, key));
    slot = value;
    return {};
  };
  for (const auto& member : o) {  // a misspelt field must not be ignored
    constexpr const char* kKnown[] = {"chainUrls", "chainId", "addressFile", "listenAddress", "port", "publicUrl", "environment", "compute", "allowPrivateUrls", "admittedAddresses", "providerFee", "operatorDailyLimit", "pollMs", "workers"};
    const std::string key(member.key());
    if (std::none_of(std::begin(kKnown), std::end(kKnown), [&](const char* known) { return key == known; }))
      return fail(Errc::kInvalid, "configuration field \"" + key + "\" is unknown", "see docs/reference/configuration.md");
  }
  if (const auto* urls = json::find_array(o, "chainUrls")) {
    chain_urls.clear();
    for (const auto& url : *urls)
      if (url.is_string()) chain_urls.emplace_back(json::sv(url.get_string()));
  }
  if (const auto* list = json::find_array(o, "admittedAddresses")) {
    admitted_addresses.clear();
    for (const auto& address : *list)
      if (address.is_string()) admitted_addresses.emplace_back(json::sv(address.get_string()));
  }
  std::string file;
  PB_CHECK(text_field(o, "addressFile", file));
  if (!file.empty()) address_file = file;
  PB_CHECK(unsigned_field(o, "chainId", chain_id));
  PB_CHECK(unsigned_field(o, "port", port));
  PB_CHECK(unsigned_field(o, "pollMs", poll_ms));
  PB_CHECK(unsigned_field(o, "workers", workers));
  PB_CHECK(text_field(o, "listenAddress", listen_address));
  PB_CHECK(text_field(o, "publicUrl", public_url));
  PB_CHECK(text_field(o, "providerFee", provider_fee));
  PB_CHECK(text_field(o, "operatorDailyLimit", operator_daily_limit));
  compute = json::bool_or(o, "compute", compute);
  allow_private_urls = json::bool_or(o, "allowPrivateUrls", allow_private_urls);
  if (const auto* e = json::find_object(o, "environment")) {
    PB_CHECK(unsigned_field(*e, "cpu", environment.cpu));
    PB_CHECK(unsigned_field(*e, "ramGb", environment.ram_gb));
    PB_CHECK(unsigned_field(*e, "diskGb", environment.disk_gb));
    PB_CHECK(text_field(*e, "cpuPrice", environment.cpu_price));
    PB_CHECK(text_field(*e, "ramPrice", environment.ram_price));
    PB_CHECK(text_field(*e, "diskPrice", environment.disk_price));
    PB_CHECK(unsigned_field(*e, "jobSecondsMin", environment.job_seconds_min));
    PB_CHECK(unsigned_field(*e, "jobSecondsMax", environment.job_seconds_max));
    PB_CHECK(unsigned_field(*e, "queueSecondsMax", environment.queue_seconds_max));
    PB_CHECK(unsigned_field(*e, "storageExpirySeconds", environment.storage_expiry_seconds));
    if (const auto* evidence = json::find(*e, "evidence")) environment.evidence = evidence->is_string() ? std::string(json::sv(evidence->get_string())) : json::stringify(*evidence);
    environment.free_tier = json::bool_or(*e, "freeTier", environment.free_tier);
    PB_CHECK(unsigned_field(*e, "freeJobSecondsMax", environment.free_job_seconds_max));
    PB_CHECK(unsigned_field(*e, "freeJobsMax", environment.free_jobs_max));
  }
  return {};
}

Result<crypto::SecretBytes> home_passphrase(const fs::path& home, bool create) {
  if (const char* named = std::getenv("PEABERRY_PASSPHRASE"); named != nullptr && *named != '\0') return crypto::SecretBytes(as_bytes(named));
  const fs::path file = home / "passphrase";
  if (fs::exists(file)) {
    PB_TRY(text, read_text(file, 4096));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    if (text.empty()) return fail(Errc::kInvalid, file.string() + " is empty", "write the pass phrase there, or set PEABERRY_PASSPHRASE");
    return crypto::SecretBytes(as_bytes(text));
  }
  if (!create) return fail(Errc::kNotFound, "no pass phrase for the keys in " + home.string(), "set PEABERRY_PASSPHRASE, or write it to " + file.string());
  SystemRandom random;
  std::array<std::uint8_t, 24> bytes{};
  random.fill(bytes);
  const std::string text = hex(bytes);
  PB_CHECK(make_directories(home, 0711));
  PB_CHECK(write_file_atomic(file, as_bytes(text + "\n"), 0600));
  return crypto::SecretBytes(as_bytes(text));
}

}  // namespace peaberry::node
