#include "follower.hpp"

#include <future>
#include <peaberry/base/log.hpp>

namespace peaberry::chain {

LogFollower::LogFollower(Rpc& rpc, LogSink& sink, FollowOptions options, const Clock& clock)
    : rpc_(rpc), sink_(sink), options_(std::move(options)), clock_(clock), range_(options_.range_start) {}

/// Makes the sink's cursor a block of the present chain, rolling back where it is not.
Result<std::optional<BlockRef>> LogFollower::settle_cursor(std::uint64_t head, bool& rolled_back) {
  PB_TRY(cursor, sink_.cursor());
  if (!cursor) return cursor;
  const auto on_chain = [&](const BlockRef& known) -> Result<bool> {
    if (known.number > head) return false;
    auto block = rpc_.block(known.number);
    if (!block) return block.error().code == Errc::kNotFound ? Result<bool>(false) : Result<bool>(block.error());
    return block->hash == known.hash;
  };
  PB_TRY(same, on_chain(*cursor));
  if (same) return cursor;
  rolled_back = true;
  for (std::uint64_t below = cursor->number; below > 0;) {
    PB_TRY(known, sink_.known_blocks(below - 1, 64));
    if (known.empty()) break;
    for (const BlockRef& candidate : known) {
      PB_TRY(good, on_chain(candidate));
      if (!good) continue;
      log::warn("chain", "reorg: rolled back from block {} to {}", cursor->number, candidate.number);
      PB_CHECK(sink_.roll_back(candidate));
      return std::optional<BlockRef>(candidate);
    }
    below = known.back().number;
  }
  log::warn("chain", "reorg below everything known: starting again from block {}", options_.start_block);
  PB_CHECK(sink_.reset());
  return std::optional<BlockRef>();
}

/// Logs and block references of one range. The references near the head are chained by parent hashes, and the logs'
/// block hashes are held against them, so that a reorg between the two requests cannot slip through.
Result<LogSink::Batch> LogFollower::fetch(std::uint64_t from, std::uint64_t to, std::uint64_t head) {
  LogSink::Batch batch;
  batch.from_block = from;
  PB_TRY(logs, rpc_.logs({from, to, options_.addresses, options_.topics0}));
  batch.logs = std::move(logs);
  const std::uint64_t window_start = head > options_.reorg_window ? head - options_.reorg_window : 0;
  const std::uint64_t first = std::max(from, std::min(to, window_start));
  PB_TRY(blocks, rpc_.blocks(first, to));
  for (auto& block : blocks) {
    if (!block) return fail(Errc::kUnavailable, "the chain changed while it was read: " + block.error().message);
    if (block->number != first + batch.tail.size()) return fail(Errc::kInvalid, "RPC answers with another block");
    if (!batch.tail.empty() && block->parent_hash != batch.tail.back().hash)
      return fail(Errc::kUnavailable, "the chain changed while it was read");
    batch.tail.push_back(*block);
  }
  std::uint64_t last_block = from;
  std::uint32_t last_index = 0;
  for (const Log& log : batch.logs) {
    if (log.block_number < last_block || log.block_number > to || (log.block_number == last_block && log.log_index < last_index))
      return fail(Errc::kInvalid, "RPC answers with logs outside the range or out of order", "use another RPC URL");
    last_block = log.block_number;
    last_index = log.log_index;
    if (log.block_number >= first && batch.tail[log.block_number - first].hash != log.block_hash)
      return fail(Errc::kUnavailable, "the chain changed while it was read");
  }
  return batch;
}

Result<LogSink::Batch> LogFollower::fetch_adaptive(std::uint64_t from, std::uint64_t head) {
  for (;;) {
    const std::uint64_t to = std::min(head, from + range_ - 1);
    const std::int64_t started = clock_.steady_ms();
    auto batch = fetch(from, to, head);
    if (batch) {
      const std::int64_t took = clock_.steady_ms() - started;
      if (took > options_.slow_reply_ms) range_ = std::max(options_.range_min, range_ / 2);
      else if (took < options_.slow_reply_ms / 4 && batch->logs.size() < 60'000) range_ = std::min(options_.range_max, range_ + range_ / 2 + 1);
      return batch;
    }
    // Nodes limit the width of a range in many ways and words: any failure halves it, down to one block.
    if (to == from || range_ <= options_.range_min) return batch.error();
    range_ = std::max(options_.range_min, (to - from + 1) / 2);
  }
}

Result<LogFollower::Progress> LogFollower::catch_up() {
  Progress progress;
  PB_TRY(head, rpc_.block_number());
  progress.head = head;
  PB_TRY(cursor, settle_cursor(head, progress.rolled_back));
  std::uint64_t next = cursor ? cursor->number + 1 : options_.start_block;
  progress.cursor = cursor ? cursor->number : 0;
  if (next > head) return progress;
  std::optional<BlockRef> last = cursor;
  auto ahead = std::async(std::launch::async, [this, next, head] { return fetch_adaptive(next, head); });
  while (next <= head) {
    auto batch = ahead.get();
    if (!batch) return batch.error();
    const BlockRef end = batch->tail.back();
    if (last && batch->tail.front().number == last->number + 1 && batch->tail.front().parent_hash != last->hash)
      return fail(Errc::kUnavailable, "the chain changed while it was read");
    next = end.number + 1;
    if (next <= head) ahead = std::async(std::launch::async, [this, next, head] { return fetch_adaptive(next, head); });
    PB_CHECK(sink_.apply(*batch));
    last = end;
    progress.cursor = end.number;
    progress.logs += batch->logs.size();
  }
  return progress;
}

}  // namespace peaberry::chain
