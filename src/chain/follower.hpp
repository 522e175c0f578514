#pragma once

#include "rpc.hpp"

namespace peaberry::chain {

/// Where the rows go. A sink keeps its cursor and the hashes it was given in the same transaction as its rows, so
/// that a crash leaves both or neither. Called from one thread.
class LogSink {
 public:
  virtual ~LogSink() = default;
  /// The last applied block, if any.
  virtual Result<std::optional<BlockRef>> cursor() = 0;
  /// Known block references at or below `number`, highest first, at most `limit`.
  virtual Result<std::vector<BlockRef>> known_blocks(std::uint64_t number, std::size_t limit) = 0;
  struct Batch {
    std::uint64_t from_block = 0;
    std::vector<BlockRef> tail;  ///< references to remember; the last one is the new cursor
    std::vector<Log> logs;       ///< in chain order
  };
  virtual Status apply(const Batch& batch) = 0;
  /// Forgets everything above `to`.
  virtual Status roll_back(const BlockRef& to) = 0;
  /// Forgets everything: not even the first known block is on the chain any more.
  virtual Status reset() = 0;
};

struct FollowOptions {
  std::uint64_t start_block = 0;
  std::vector<Address> addresses = {};
  std::vector<Hash32> topics0 = {};
  std::uint64_t range_min = 1;
  std::uint64_t range_start = 500;
  std::uint64_t range_max = 5'000;
  std::uint64_t reorg_window = 64;   ///< so many blocks below the head every hash is remembered
  std::int64_t slow_reply_ms = 4'000;
};

/// Follows one chain's logs into a sink: adaptive ranges, the next range fetched while the last is written, each batch
/// bound to the chain by block hashes, roll-back when a remembered hash is no longer on the chain or the chain is
/// shorter. Not thread-safe; one object per chain.
class LogFollower {
 public:
  LogFollower(Rpc& rpc, LogSink& sink, FollowOptions options, const Clock& clock);

  struct Progress {
    std::uint64_t head = 0;
    std::uint64_t cursor = 0;
    std::uint64_t logs = 0;
    bool rolled_back = false;
  };
  /// Catches up with the head as it is now. Errors leave the sink consistent; call again.
  Result<Progress> catch_up();

 private:
  Result<std::optional<BlockRef>> settle_cursor(std::uint64_t head, bool& rolled_back);
  Result<LogSink::Batch> fetch(std::uint64_t from, std::uint64_t to, std::uint64_t head);
  Result<LogSink::Batch> fetch_adaptive(std::uint64_t from, std::uint64_t head);
  Rpc& rpc_;
  LogSink& sink_;
  FollowOptions options_;
  const Clock& clock_;
  std::uint64_t range_;
};

}  // namespace peaberry::chain
