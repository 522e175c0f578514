#pragma once

#include <peaberry/base/files.hpp>
#include <peaberry/base/json.hpp>
#include <peaberry/crypto/secret.hpp>

namespace peaberry::node {

/// What a machine owner offers. Amounts: cpu in cores, ram and disk in GB; prices in token units per unit and minute.
struct EnvironmentConfig {
  std::uint64_t cpu = 2, ram_gb = 4, disk_gb = 8;
  std::string cpu_price = "1", ram_price = "0", disk_price = "0";
  std::uint64_t job_seconds_min = 60, job_seconds_max = 3'600, queue_seconds_max = 3'600;
  std::uint64_t storage_expiry_seconds = 604'800;
  std::string evidence;  ///< a policy as JSON text (docs/reference/settlement.md); empty: paid unchecked
  bool free_tier = true;
  std::uint64_t free_cpu = 1, free_ram_gb = 1, free_disk_gb = 1, free_job_seconds_max = 600, free_jobs_max = 3;
};

/// One node. Read from `<home>/config.json`, then overridden by command-line options.
struct NodeConfig {
  fs::path home;
  std::vector<std::string> chain_urls;
  std::uint64_t chain_id = 8996;
  fs::path address_file;
  std::string listen_address = "127.0.0.1";
  std::uint16_t port = 8001;
  std::string public_url;               ///< what others call; empty: http://<listen>:<port>
  EnvironmentConfig environment;
  bool compute = true;                  ///< false: a market that only indexes and serves
  bool allow_private_urls = false;      ///< file objects and other nodes on private addresses
  std::vector<std::string> admitted_addresses;  ///< numeric private addresses that file objects may name
  std::string provider_fee = "0";       ///< per order, in units of the network's token
  std::string operator_daily_limit = "1";  ///< coins the operator key may spend in 24 hours at worst; "" = no limit
  std::int64_t poll_ms = 250;           ///< how often new blocks are looked for
  std::size_t workers = 2;

  static Result<NodeConfig> load(const fs::path& home);
  Status apply(const json::Object& overrides);
};

/// The home's pass phrase: PEABERRY_PASSPHRASE, else the file `<home>/passphrase`. With `create`, a random one is written
/// there when neither is: good for trying, said in `doctor`.
Result<crypto::SecretBytes> home_passphrase(const fs::path& home, bool create);

}  // namespace peaberry::node
