#include "runner.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <peaberry/base/log.hpp>
#include <peaberry/crypto/hash.hpp>

namespace peaberry::compute {
namespace {

void remove_tree(const fs::path& path) {
  std::error_code code;
  fs::remove_all(path, code);
}

}  // namespace

Runner::Runner(JobStore& store, Sandbox& sandbox, JobPorts& ports, const Clock& clock, RunnerOptions options)
    : store_(store), sandbox_(sandbox), ports_(ports), clock_(clock), options_(std::move(options)) {}

Runner::~Runner() { stop(); }

Status Runner::start() {
  if (const int swept = sandbox_.sweep(); swept > 0) log::warn("compute", "ended {} job groups that an earlier node left", swept);
  remove_tree(options_.stage);
  PB_CHECK(make_directories(options_.folder, 0700));
  PB_CHECK(make_directories(options_.stage, 0711));
  PB_TRY(jobs, store_.unfinished());
  for (Job& job : jobs) {
    log::info("compute", "job {} goes on from state {}", job.id, static_cast<int>(job.state));
    if (job.state == JobState::kSettling) to_settle_.emplace_back(0, job.id);
    else if (job.state != JobState::kAwaitingRelease) enqueue(job);
  }
  for (std::size_t i = 0; i < options_.workers; ++i) threads_.emplace_back([this] { work(); });
  threads_.emplace_back([this] { settle_loop(); });
  return {};
}

void Runner::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    // Running jobs are ended and taken up again at the next start; they are not marked as stopped by their owner.
    for (auto& [id, flag] : stops_) *flag = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

Status Runner::enter(Job& job, JobState state) {
  job.state = state;
  PB_CHECK(store_.save(job));
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = active_.find(job.id); found != active_.end()) found->second = job;
  }
  if (options_.on_state) options_.on_state(state);
  return {};
}

void Runner::enqueue(const Job& job) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(job);
  }
  wake_.notify_all();
}

Result<Job> Runner::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= options_.queue_max) return fail(Errc::kExhausted, "the node's job queue is full", "try again later");
  }
  job.created_ms = clock_.unix_ms();
  PB_CHECK(store_.insert(job));  // before any money moves
  if (options_.on_state) options_.on_state(job.state);
  if (job.payment) {
    if (const Status locked = ports_.lock_payment(job); !locked) {
      if (locked.error().code == Errc::kTimeout || locked.error().code == Errc::kUnavailable) {
        enqueue(job);  // the transaction is journalled or the chain is away: a worker goes on with it
        return job;
      }
      job.status_text = locked.error().text();
      job.finished_ms = clock_.unix_ms();
      PB_CHECK(enter(job, JobState::kPaymentFailed));
      return locked.error();
    }
  }
  job.queued_ms = clock_.unix_ms();
  PB_CHECK(enter(job, JobState::kQueued));
  enqueue(job);
  return job;
}

Status Runner::request_stop(const std::string& id) {
  PB_TRY(job, store_.find(id));
  if (is_final(job.state) || job.state == JobState::kSettling) return {};
  const std::lock_guard lock(mutex_);
  for (auto& waiting : queue_)
    if (waiting.id == id) waiting.stop_requested = true;
  if (const auto found = active_.find(id); found != active_.end()) found->second.stop_requested = true;
  if (const auto found = stops_.find(id); found != stops_.end()) *found->second = true;
  return {};
}

Status Runner::release(const std::string& id, bool allow) {
  PB_TRY(job, store_.find(id));
  if (job.state != JobState::kAwaitingRelease) return fail(Errc::kConflict, "job " + id + " does not wait for a release");
  if (!allow) {
    std::erase_if(job.results, [](const JobResult& result) { return result.type == "output"; });
    std::error_code code;
    fs::remove(job_folder(id) / "outputs.tar", code);
    job.outcome = JobState::kResultsRefused;
    job.status_text = "the owner did not release the result";
  }
  PB_CHECK(enter(job, JobState::kSettling));
  {
    const std::lock_guard lock(mutex_);
    to_settle_.emplace_back(0, id);
  }
  wake_.notify_all();
  return {};
}

Result<fs::path> Runner::result_path(const Job& job, std::size_t index) const {
  if (index >= job.results.size()) return fail(Errc::kNotFound, "job " + job.id + " has no result " + std::to_string(index));
  return job_folder(job.id) / job.results[index].filename;
}

Runner::Load Runner::load() const {
  const std::lock_guard lock(mutex_);
  Load out;
  for (const auto& job : queue_) (job.free ? out.queued_free : out.queued) += 1;
  for (const auto& [id, job] : active_) {
    (job.free ? out.running_free : out.running) += 1;
    out.cpu += job.resources.cpu;
    out.ram_bytes += job.resources.ram_bytes;
    out.disk_bytes += job.resources.disk_bytes;
  }
  return out;
}

void Runner::work() {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      job = std::move(queue_.front());
      queue_.pop_front();
      active_[job.id] = job;
      stops_[job.id] = std::make_shared<std::atomic<bool>>(job.stop_requested);
    }
    const std::string id = job.id;
    advance(std::move(job));
    const std::lock_guard lock(mutex_);
    active_.erase(id);
    stops_.erase(id);
  }
}

/// Ends the run with its outcome; what was reserved is settled next.
void Runner::finish_run(Job& job, JobState outcome, const std::string& reason) {
  job.outcome = outcome;
  job.status_text = reason;
  if (!reason.empty()) log::info("compute", "job {}: {}", job.id, reason);
  const bool wait = outcome == JobState::kFinished && job.egress.owner_release;
  if (!enter(job, wait ? JobState::kAwaitingRelease : JobState::kSettling)) return;
  if (wait) return;
  {
    const std::lock_guard lock(mutex_);
    to_settle_.emplace_back(0, job.id);
  }
  wake_.notify_all();
}

void Runner::advance(Job job) {
  if (job.state == JobState::kStarted) {
    const Status locked = job.payment ? ports_.lock_payment(job) : Status();
    if (!locked) {
      const bool again = locked.error().code == Errc::kTimeout || locked.error().code == Errc::kUnavailable;
      if (again && !stopping_) {
        clock_.sleep_ms(500);
        enqueue(job);
        return;
      }
      job.status_text = locked.error().text();
      job.finished_ms = clock_.unix_ms();
      (void)enter(job, JobState::kPaymentFailed).has_value();
      return;
    }
    job.queued_ms = clock_.unix_ms();
    if (!enter(job, JobState::kQueued)) return;
  }
  if (clock_.unix_ms() - job.queued_ms > static_cast<std::int64_t>(job.queue_max) * 1000 && job.attempts == 0)
    return finish_run(job, JobState::kExpiredInQueue, "the job waited longer than its queueMaxWaitTime");
  if (++job.attempts > options_.attempts_max) return finish_run(job, JobState::kAlgorithmFailed, "the node ended " + std::to_string(options_.attempts_max) + " times while the job ran");
  job.metered_ms = 0;
  job.results.clear();
  const Status done = run_job(job);
  remove_tree(options_.stage / job.id);
  if (!done && !stopping_) finish_run(job, JobState::kAlgorithmFailed, done.error().message);
}

Status Runner::run_job(Job& job) {
  const fs::path stage = options_.stage / job.id, outputs = stage / "outputs";
  remove_tree(stage);
  PB_CHECK(make_directories(stage, 0711));
  PB_CHECK(make_directories(outputs, 0700));
  PB_CHECK(make_directories(job_folder(job.id), 0700));
  PB_CHECK(enter(job, JobState::kProvisioning));
  bool algorithm_failed = false;
  auto provision = ports_.provision(job, stage, algorithm_failed);
  if (!provision) {
    finish_run(job, algorithm_failed ? JobState::kAlgorithmProvisioningFailed : JobState::kProvisioningFailed, provision.error().text());
    return {};
  }
  if (const unsigned group = sandbox_.group_id(); group != 0) {  // readable by the jobs' group, by nobody else
    for (const auto& input : provision->inputs) (void)!chown(input.path.c_str(), 0, group), chmod(input.path.c_str(), 0440);
    (void)!chown(provision->algorithm.c_str(), 0, group);
  }
  chmod(provision->algorithm.c_str(), 0550);
  PB_TRY(manifest, make_manifest(*provision, job.algorithm.did, job.environment_variables, {job.resources.cpu, job.resources.ram_bytes, job.resources.disk_bytes, job.duration_max}));
  const std::string manifest_text = json::stringify(manifest);
  job.manifest_hash = crypto::keccak256(manifest_text).hex();
  PB_CHECK(write_file_atomic(job_folder(job.id) / "manifest.json", as_bytes(manifest_text), 0600));

  if (!job.question_hash.empty() && job.question_hash != job.manifest_hash) {
    finish_run(job, JobState::kProvisioningFailed, "the bytes in place are not those that the job was opened with");
    return {};
  }
  PB_TRY(spec, spec_of(manifest, *provision, outputs, stage / "algorithm.log"));
  spec.job = job.id.substr(job.id.find('-') + 1);

  std::shared_ptr<std::atomic<bool>> stop_flag;
  {
    const std::lock_guard lock(mutex_);
    stop_flag = stops_[job.id];
  }
  job.run_start_ms = clock_.unix_ms();
  PB_CHECK(enter(job, JobState::kRunning));
  PB_TRY(result, job.host.is_zero() ? sandbox_.run(spec, *stop_flag) : ports_.run_at_host(job, manifest_text, *provision, spec, *stop_flag));
  {
    const std::lock_guard lock(mutex_);
    job.stop_requested = active_[job.id].stop_requested;
  }
  if (result.stopped && !job.stop_requested) return {};  // the node is stopping: the next start runs it again
  job.run_end_ms = clock_.unix_ms();
  job.metered_ms = std::max<std::int64_t>(result.wall_ms, 1);
  job.exit_code = result.exit_code;
  job.out_of_memory = result.out_of_memory;
  return publish_results(job, *provision, result, stage);
}

Status Runner::publish_results(Job& job, const Provision& provision, const SandboxResult& result, const fs::path& stage) {
  (void)provision;
  PB_CHECK(enter(job, JobState::kFiltering));
  JobState outcome = JobState::kFinished;
  std::string reason;
  if (result.disk_exceeded) outcome = JobState::kDiskQuotaExceeded, reason = "the job wrote more than its disk limit";
  else if (result.out_of_memory) outcome = JobState::kAlgorithmFailed, reason = "the job used more than its memory limit";
  else if (result.timed_out) outcome = JobState::kAlgorithmFailed, reason = "the job ran longer than its maxJobDuration";
  else if (result.stopped) outcome = JobState::kAlgorithmFailed, reason = "the job was stopped by its owner";
  else if (result.exit_code != 0) outcome = JobState::kAlgorithmFailed, reason = "the algorithm ended with exit code " + std::to_string(result.exit_code);

  const fs::path folder = job_folder(job.id);
  const auto publish = [&](const std::string& name, const std::string& type, ByteView content) -> Status {
    PB_CHECK(write_file_atomic(folder / name, content, 0600));
    job.results.push_back({name, type, content.size()});
    return {};
  };
  PB_TRY(manifest, read_file(folder / "manifest.json"));
  PB_CHECK(publish("configuration.log", "configurationLog", manifest));

  // The log is an output like any other: the owner's policy says how much of it may leave.
  const auto log = read_text(stage / "algorithm.log").value_or("");
  std::string visible = log.substr(0, job.egress.log_bytes_max);
  if (visible.size() < log.size()) visible += "\n[" + std::to_string(log.size() - visible.size()) + " bytes withheld by the data owner's egress policy]\n";
  PB_CHECK(publish("algorithm.log", "algorithmLog", as_bytes(visible)));

  Hash32 output_hash;
  std::uint64_t output_bytes = 0;
  std::vector<std::string> refused;
  auto collected = collect_files(stage / "outputs", std::max(job.egress.bytes_max * 2, std::uint64_t{1} << 20), 4096, refused);
  if (outcome == JobState::kFinished) {
    Status allowed = collected ? check_egress(job.egress, *collected) : Status(within("egress", collected.error()));
    if (allowed && !refused.empty()) allowed = fail(Errc::kForbidden, "egress: output " + refused.front() + " may not leave");
    if (!allowed) {
      outcome = JobState::kResultsRefused;
      reason = allowed.error().message;
    } else {
      PB_CHECK(enter(job, JobState::kPublishing));
      PB_TRY(tar, make_tar(*collected, "outputs/"));
      output_hash = crypto::keccak256(tar);
      output_bytes = tar.size();
      PB_CHECK(publish("outputs.tar", "output", tar));
    }
  }
  json::Object receipt{{"version", 1},
                       {"jobId", job.id},
                       {"manifestHash", job.manifest_hash},
                       {"manifest", json::parse(as_text(manifest)).value_or(json::Value())},
                       {"owner", job.owner},
                       {"environment", job.environment},
                       {"outcome", static_cast<int>(outcome)},
                       {"exitCode", job.exit_code},
                       {"outputHash", output_hash.hex()},
                       {"outputBytes", output_bytes},
                       {"counters", json::Object{{"wallMs", job.metered_ms}, {"cpuNs", result.usage.cpu_ns}, {"memoryPeakBytes", result.usage.memory_peak_bytes}}},
                       {"start", job.run_start_ms / 1000},
                       {"end", job.run_end_ms / 1000},
                       {"evidence", job.evidence}};
  if (!job.host_report.empty()) receipt["host"] = job.host_report;
  const std::string text = json::stringify(receipt);
  PB_TRY(attestation, ports_.attest(text));
  const json::Object signed_receipt{{"receipt", receipt}, {"signer", attestation.signer}, {"signature", attestation.signature}};
  PB_CHECK(publish("receipt.json", "receipt", as_bytes(json::stringify(signed_receipt))));
  finish_run(job, outcome, reason);
  return {};
}

/// Deletes the files of jobs that ended longer ago than results are kept.
void Runner::expire_results() {
  const auto old = store_.ended_before(clock_.unix_ms() - options_.results_kept_ms);
  if (!old) return log::warn("compute", "cannot look for expired results: {}", old.error().message);
  for (Job job : *old) {
    remove_tree(job_folder(job.id));
    job.results.clear();
    job.status_text += (job.status_text.empty() ? "" : "; ") + std::string("results were deleted after their storage time");
    if (!store_.save(job)) return;
    log::info("compute", "job {}: results deleted after their storage time", job.id);
  }
}

void Runner::settle_loop() {
  std::int64_t next_expiry = 0;
  for (;;) {
    if (clock_.steady_ms() >= next_expiry) {
      expire_results();
      next_expiry = clock_.steady_ms() + std::clamp<std::int64_t>(options_.results_kept_ms / 10, 100, 60'000);
    }
    std::string id;
    {
      std::unique_lock lock(mutex_);
      const auto due = [this] { return !to_settle_.empty() && to_settle_.front().first <= clock_.steady_ms(); };
      wake_.wait_for(lock, std::chrono::milliseconds(200), [&] { return stopping_ || due(); });
      if (stopping_) return;
      if (!due()) {
        if (to_settle_.size() > 1) std::rotate(to_settle_.begin(), to_settle_.begin() + 1, to_settle_.end());
        continue;
      }
      id = to_settle_.front().second;
      to_settle_.pop_front();
    }
    auto job = store_.find(id);
    if (job && job->state == JobState::kSettling) settle(std::move(*job));
  }
}

void Runner::settle(Job job) {
  if (job.payment) {
    const std::uint64_t seconds = static_cast<std::uint64_t>(job.metered_ms) / 1000;
    const bool ran = job.metered_ms > 0;
    const Status paid = ports_.settle(job, ran ? std::max<std::uint64_t>(seconds, 1) : 0);
    if (!paid) {
      log::warn("compute", "job {} is not settled yet: {}", job.id, paid.error().message);
      const std::lock_guard lock(mutex_);
      to_settle_.emplace_back(clock_.steady_ms() + options_.settle_retry_ms, job.id);
      return;
    }
  }
  job.finished_ms = clock_.unix_ms();
  (void)enter(job, job.outcome).has_value();
}

}  // namespace peaberry::compute
