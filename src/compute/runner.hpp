#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include <peaberry/base/random.hpp>

#include "job.hpp"
#include "replay.hpp"

namespace peaberry::compute {

/// The runner's view of the world. Every call may be repeated after a crash and must then have the same effect once.
class JobPorts {
 public:
  virtual ~JobPorts() = default;
  /// Reserves the payment; fills payment.lock_tx. Called before anything runs.
  virtual Status lock_payment(Job& job) = 0;
  /// Puts inputs and algorithm below `stage`. kInternal from the algorithm is told apart by `algorithm_failed`.
  virtual Result<Provision> provision(const Job& job, const fs::path& stage, bool& algorithm_failed) = 0;
  /// Runs a job whose `host` is named there; fills host_report and host_bytes. By default nothing runs elsewhere.
  virtual Result<SandboxResult> run_at_host(Job& job, const std::string& manifest, const Provision& provision, const SandboxSpec& spec, const std::atomic<bool>& stop) {
    (void)manifest, (void)provision, (void)spec, (void)stop;
    return fail(Errc::kUnsupported, "job " + job.id + " names a host, and this node hands nothing to hosts");
  }
  /// Pays for `seconds` (0: frees the lock); fills claim_tx, cost and paid.
  virtual Status settle(Job& job, std::uint64_t seconds) = 0;
  /// A signature over the receipt's text by the node's attest key, and its address.
  struct Attestation {
    std::string signer, signature;
  };
  virtual Result<Attestation> attest(std::string_view text) = 0;
};

struct RunnerOptions {
  fs::path folder;                ///< jobs/<id>/{algorithm.log, outputs.tar, receipt.json …}
  fs::path stage;                 ///< working copies while a job runs; must be reachable by the jobs' user
  std::size_t workers = 2;
  std::size_t queue_max = 64;
  int attempts_max = 5;           ///< restarts of one job after crashes of the node
  std::int64_t settle_retry_ms = 5'000;
  std::int64_t results_kept_ms = 604'800'000;  ///< then a finished job's files are deleted; its row and receipt hash stay
  /// Test hook: called after each state is committed.
  std::function<void(JobState)> on_state = {};
};

/// The durable job machine. A state is committed before its work begins, so that after `kill -9` the job goes on from
/// there: runs start again (only the run that ends is metered), settlements are idempotent.
class Runner {
 public:
  Runner(JobStore& store, Sandbox& sandbox, JobPorts& ports, const Clock& clock, RunnerOptions options);
  ~Runner();
  /// Sweeps what a dead node left, then takes up unfinished jobs.
  Status start();
  /// Stores the job, reserves its payment and queues it. On a failed payment the job ends as kPaymentFailed and the error is returned.
  Result<Job> submit(Job job);
  Status request_stop(const std::string& id);
  /// The owner lets a waiting result go (or refuses it).
  Status release(const std::string& id, bool allow);
  Result<Job> find(const std::string& id) { return store_.find(id); }
  /// Path of a result file by its index in Job::results.
  Result<fs::path> result_path(const Job& job, std::size_t index) const;
  struct Load {
    std::size_t running = 0, queued = 0, running_free = 0, queued_free = 0;
    double cpu = 0;
    std::uint64_t ram_bytes = 0, disk_bytes = 0;
  };
  Load load() const;
  void stop();

 private:
  void work();
  void settle_loop();
  void advance(Job job);
  Status enter(Job& job, JobState state);
  void finish_run(Job& job, JobState outcome, const std::string& reason);
  Status run_job(Job& job);
  Status publish_results(Job& job, const Provision& provision, const SandboxResult& result, const fs::path& stage);
  void settle(Job job);
  void expire_results();
  void enqueue(const Job& job);
  fs::path job_folder(const std::string& id) const { return options_.folder / id; }

  JobStore& store_;
  Sandbox& sandbox_;
  JobPorts& ports_;
  const Clock& clock_;
  RunnerOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  std::deque<std::pair<std::int64_t, std::string>> to_settle_;  ///< not before (steady ms), job id
  std::map<std::string, std::shared_ptr<std::atomic<bool>>> stops_;
  std::map<std::string, Job> active_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace peaberry::compute
