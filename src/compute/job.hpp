#pragma once

#include <peaberry/base/json.hpp>
#include <peaberry/store/sql.hpp>

#include "egress.hpp"

namespace peaberry::compute {

/// Ocean's job states; the numbers are on the wire.
enum class JobState : int {
  kStarted = 0,
  kQueued = 1,
  kExpiredInQueue = 2,
  kProvisioning = 30,
  kProvisioningFailed = 31,
  kAlgorithmProvisioningFailed = 32,
  kRunning = 40,
  kAlgorithmFailed = 41,
  kDiskQuotaExceeded = 42,
  kFiltering = 50,
  kPublishing = 60,
  kResultsRefused = 61,
  kFinished = 70,
  kSettling = 71,
  kAwaitingRelease = 72,  ///< ours: the owner must release the result
  kPaymentFailed = 80,    ///< ours: the lock was refused; nothing ran
};
const char* state_text(JobState state);
/// Nothing more will happen to it.
bool is_final(JobState state);

struct JobAsset {
  std::string did, service_id, transfer_tx;
};

struct JobResources {
  double cpu = 1;
  std::uint64_t ram_bytes = std::uint64_t{1} << 30;
  std::uint64_t disk_bytes = std::uint64_t{1} << 30;
};

struct JobPayment {
  std::uint64_t chain_id = 0;
  Address token;
  U256 rate_per_minute;
  U256 locked;            ///< what the lock holds
  std::uint64_t lock_seconds = 0;
  std::string lock_tx, claim_tx;
  U256 paid;              ///< measured at the claim
  U256 cost;              ///< what was claimed
};

struct JobResult {
  std::string filename, type;
  std::uint64_t filesize = 0;
};

/// One run of an algorithm over assets. `id` has the environment's prefix before the first '-', as Ocean's clients split it.
struct Job {
  std::string id;
  std::string owner;             ///< checksummed address
  Address payer;
  std::string environment;
  bool free = false;
  std::vector<JobAsset> inputs;
  JobAsset algorithm;            ///< did empty: raw
  json::Object algorithm_meta;   ///< raw algorithms: {rawcode, container}
  json::Value custom_data;
  json::Object environment_variables;
  JobResources resources;
  std::uint64_t duration_max = 3600, queue_max = 3600;  ///< seconds
  std::optional<JobPayment> payment;
  EgressPolicy egress;
  std::string metadata;
  JobState state = JobState::kStarted;
  JobState outcome = JobState::kFinished;  ///< how the run ended, kept while it is settled
  std::string status_text;
  std::int64_t created_ms = 0, queued_ms = 0, run_start_ms = 0, run_end_ms = 0, finished_ms = 0;
  std::int64_t metered_ms = 0;   ///< of the run that counts
  int attempts = 0;
  int exit_code = 0;
  bool out_of_memory = false, stop_requested = false;
  std::string manifest_hash;
  std::string question_hash;   ///< the manifest that a settlement was opened with; empty: none was
  std::string settlement_job;  ///< id of that settlement's job
  Address host;                ///< where it runs, if not here: a host whom the data's owner has admitted
  std::string lease_order;     ///< the auction's order that pays that host; empty: it runs for itself
  json::Object host_report;    ///< what the host signed of the run
  std::uint64_t host_bytes = 0;  ///< how much crossed to it
  std::string evidence = "unchecked";  ///< why the result may be believed, in a word or two
  std::vector<JobResult> results;

  json::Object to_json() const;  ///< everything, for the store
  static Result<Job> from_json(const json::Object& object);
  /// Ocean's shape for its clients.
  json::Object to_wire() const;
};

/// The durable list of jobs. Thread-safe.
class JobStore {
 public:
  static Status migrate(store::Database& database);
  explicit JobStore(store::Database& database) : database_(database) {}
  Status insert(const Job& job);
  Status save(const Job& job);
  Result<Job> find(const std::string& id);
  /// By owner (as sent, any case), newest first; empty owner: all.
  Result<std::vector<Job>> list(const std::string& owner, std::size_t limit);
  Result<std::vector<Job>> unfinished();
  /// Final jobs with results that ended before `unix_ms`, at most 100.
  Result<std::vector<Job>> ended_before(std::int64_t unix_ms);

 private:
  store::Database& database_;
};

}  // namespace peaberry::compute
