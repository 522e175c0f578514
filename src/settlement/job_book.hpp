#pragma once

#include <peaberry/chain/follower.hpp>
#include <peaberry/store/sql.hpp>

#include "escrow.hpp"

namespace peaberry::settlement {

/// JobEscrow's events in the store: append-only rows, so that a roll-back is one DELETE. The sink of a LogFollower over the escrow's
/// address. Reads may come from other threads.
class JobBook final : public chain::LogSink {
 public:
  static Status migrate(store::Database& database);
  JobBook(store::Database& database, const Contracts& contracts) : database_(database), contracts_(contracts) {}
  static std::vector<Hash32> topics();

  Result<std::optional<chain::BlockRef>> cursor() override;
  Result<std::vector<chain::BlockRef>> known_blocks(std::uint64_t number, std::size_t limit) override;
  Status apply(const Batch& batch) override;
  Status roll_back(const chain::BlockRef& to) override;
  Status reset() override;

  struct Entry {
    OpenedJob job;
    std::size_t claims = 0;   ///< JobClaimed events so far
    bool claimed = false;     ///< one of them is the claimant's
  };
  /// Jobs that are neither final nor refunded, oldest first.
  Result<std::vector<Entry>> live(const Address& claimant = {});
  Result<OpenedJob> find(const Hash32& job);
  /// The output that was disclosed with a claim; empty when none was.
  Result<Bytes> disclosed(const Hash32& job, const Hash32& claim);
  /// Every token that a job was ever paid in.
  Result<std::vector<Address>> tokens();
  /// Block time of the cursor, Unix seconds.
  Result<std::uint64_t> time();

 private:
  Status apply_log(store::Connection& db, const chain::Log& log);
  store::Database& database_;
  Contracts contracts_;
};

}  // namespace peaberry::settlement
