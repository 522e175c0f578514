// whole_sim [--seeds N] [--seed S] [--steps K] [--one]: the whole system under a seed – jobs before a quorum, tenders, contests and promises at once,
// over the real contracts, with a clock that is ours, reorgs, a net that drops and reorders, and cheats among the parties. After each step money is
// conserved; at the end everything is decided in its time, no honest party was slashed, and an index that lived through it all says what one says
// that reads the chain afresh. A failure prints its seed and the shortest number of steps that shows it.

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "processes.hpp"

using namespace peaberry;
using namespace peaberry::sim;

namespace {

bool g_tell = false;
volatile std::sig_atomic_t g_stop = 0;

/// An index that follows the chain through its reorgs.
struct Watching {
  explicit Watching(World& world) : world_(world), database(must(store::open_sqlite(":memory:"), "sqlite")) {
    must(index::Indexer::migrate(*database), "migrate");
    must(settlement::JobBook::migrate(*database), "migrate");
    indexer = std::make_unique<index::Indexer>(*database, opener, world.ocean, world.clock, index::TableContracts{world.contracts.quality, world.contracts.tables, world.contracts.zk});
    book = std::make_unique<settlement::JobBook>(*database, world.contracts);
    assets = std::make_unique<chain::LogFollower>(*world.rpc, *indexer, chain::FollowOptions{.start_block = world.ocean.start_block, .topics0 = index::Indexer::topics()}, world.clock);
    jobs = std::make_unique<chain::LogFollower>(*world.rpc, *book, chain::FollowOptions{.start_block = world.contracts.start_block, .addresses = {world.contracts.escrow}, .topics0 = settlement::JobBook::topics()}, world.clock);
  }
  void look() {
    for (auto* follower : {assets.get(), jobs.get()}) {
      const auto caught = follower->catch_up();
      if (g_tell) std::printf("  %s: %s\n", follower == jobs.get() ? "jobs" : "assets", caught ? (std::to_string(caught->cursor) + " of " + std::to_string(caught->head) + ", " + std::to_string(caught->logs) + " logs").c_str() : caught.error().text().c_str());
      if (!caught && caught.error().code != Errc::kUnavailable) die("catch_up: " + caught.error().text());
    }
    must(indexer->open_pending(), "open");
  }
  std::string says() {
    look(), look();
    std::string out;
    index::Catalogue catalogue(*database);
    const auto page = must(catalogue.search({.include_inactive = true, .limit = 100}), "search");
    for (const auto& row : page.rows) out += json::stringify(row.ddo) + "\n";
    out += std::to_string(must(catalogue.search({.quality = "claimed"}), "search").total) + "\n";
    for (const auto& entry : must(book->live(), "live")) out += entry.job.id.hex() + " " + std::to_string(entry.claims) + "\n";
    return out;
  }
  World& world_;
  PlainOpener opener;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<index::Indexer> indexer;
  std::unique_ptr<settlement::JobBook> book;
  std::unique_ptr<chain::LogFollower> assets, jobs;
};

struct Tally {
  std::uint64_t processes = 0, reorgs = 0, transactions = 0;
};

View look(World& world) {
  View out;
  const auto head = must(world.rpc->latest_block(), "head");
  out.time = head.timestamp;
  const auto& c = world.contracts;
  if (head.number >= world.first_block) out.logs = must(world.rpc->logs({.from_block = world.first_block, .to_block = head.number, .addresses = {c.escrow, c.quorum, c.auction, c.leases, c.subnet, c.quality}}), "logs");
  return out;
}

/// All OCEAN that there was is still there, wherever it lies.
void check_money(World& world) {
  std::vector<chain::RpcCall> questions;
  for (const Address& holder : world.holders()) questions.push_back({"eth_call", {json::Object{{"to", world.ocean.ocean.hex()}, {"data", hex0x(erc20::balance_of(holder))}}, "latest"}});
  U256 sum;
  for (const auto& reply : must(world.rpc->batch(questions), "balances")) sum += must(erc20::decode_balance_of(must(parse_hex(json::sv(must(reply, "balance").get_string())), "hex")), "balance");
  if (sum != world.total) die("money is not conserved: there are " + sum.dec() + " of " + world.total.dec());
}

/// Empty when everything is decided, rightly, and every contract has paid out what it held.
std::string wrong_at_the_end(World& world, const std::vector<std::unique_ptr<Process>>& processes, const View& view) {
  for (const auto& process : processes)
    if (std::string wrong = process->verdict(view); !wrong.empty()) return wrong;
  for (const Address& contract : {world.contracts.auction, world.contracts.leases, world.contracts.subnet, world.contracts.quality, world.contracts.escrow})
    if (const U256 left = world.balance(contract); left != world.at_first[contract]) return "money stays in a contract: " + contract.hex() + " has " + left.dec();
  return "";
}

void play(World& world, std::uint64_t seed, std::uint64_t steps_max, Tally& tally) {
  world.reset();
  SeededRandom random(seed);
  Net net(world, random);
  Scene scene{world, random, net};
  const std::uint64_t now = must(world.rpc->latest_block(), "head").timestamp;
  std::vector<std::unique_ptr<Process>> processes;
  processes.push_back(std::make_unique<Question>(scene, now));
  processes.push_back(std::make_unique<Tender>(scene, now));
  processes.push_back(std::make_unique<Contest>(scene, now));
  processes.push_back(std::make_unique<Promise>(scene, now));
  if (random.below(2) == 0) processes.push_back(std::make_unique<Question>(scene, now));
  tally.processes += processes.size();
  Watching index(world);
  for (std::uint64_t step = 0; step < steps_max; ++step) {
    const View view = look(world);
    for (auto& process : processes) process->tick(view);
    net.deliver();
    if (random.below(10) == 0) world.transact(world.parties[0], world.nft, bindings::erc721_template::set_meta_data_state(U256{random.below(6)}));
    if (random.below(12) == 0) {
      const std::uint64_t depth = 1 + random.below(2);
      if (must(world.rpc->block_number(), "height") > world.first_block + depth) {
        if (g_tell) std::printf("  step %llu: a reorg of %llu\n", static_cast<unsigned long long>(step), static_cast<unsigned long long>(depth));
        world.call("anvil_reorg", {depth, json::Array{}});
        net.again(depth);
        ++tally.reorgs;
      }
    }
    world.mine(3 + random.below(6));
    if (random.below(5) == 0) index.look();
    if (step % 2 == 0 || step + 1 == steps_max) check_money(world);
    if (g_stop != 0) die("stopped from outside");
  }
  // Then everything calms down: messages arrive, clocks run out, everybody takes what is theirs.
  net.lossy = false;
  std::uint64_t last = 0;
  for (const auto& process : processes) last = std::max(last, process->ends());
  for (int round = 0; round < 42; ++round) {
    const View view = look(world);
    if (round > 6 && round % 3 == 0 && view.time > last && wrong_at_the_end(world, processes, view).empty()) break;
    for (auto& process : processes) process->tick(view);
    net.deliver();
    const std::uint64_t time = view.time, jump = round < 8 ? 4 : round < 34 ? 12 : last > time ? last - time + 1 : 12;
    world.mine(jump);
  }
  check_money(world);
  if (const std::string wrong = wrong_at_the_end(world, processes, look(world)); !wrong.empty()) die(wrong);
  const std::string lived = index.says();
  Watching fresh(world);
  if (const std::string read = fresh.says(); read != lived) die("the index differs from the chain:\n" + lived + "---\n" + read);
  tally.transactions += must(world.rpc->block_number(), "height") - world.first_block;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seeds = 200, seed = 1, steps = 50;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--one") g_tell = true, seeds = 1;
    else if (word == "--seeds" && i + 1 < argc) seeds = std::strtoull(argv[++i], nullptr, 10);
    else if (word == "--seed" && i + 1 < argc) seed = std::strtoull(argv[++i], nullptr, 10);
    else if (word == "--steps" && i + 1 < argc) steps = std::strtoull(argv[++i], nullptr, 10);
    else return std::fprintf(stderr, "whole_sim [--seeds N] [--seed S] [--steps K] [--one]\n"), 2;
  }
  log::configure(log::Level::kError, false);
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { g_stop = 1; });
  std::uint64_t at = seed;
  try {
    World world;
    Tally tally;
    const std::int64_t start = world.clock.steady_ms();
    for (; at < seed + seeds; ++at) {
      // Most histories end their processes in their time; short ones are cut off in the middle of everything.
      const std::uint64_t length = at % 4 == 0 ? 8 + at % 37 : steps;
      try {
        play(world, at, length, tally);
      } catch (const Failure& failure) {
        if (g_stop != 0) throw;
        // The shortest beginning that shows it.
        std::uint64_t shortest = length;
        for (std::uint64_t k = 0; k < length; ++k) {
          try {
            play(world, at, k, tally);
          } catch (const Failure&) {
            shortest = k;
            break;
          }
        }
        std::fprintf(stderr, "seed %s: %s\n  the shortest history that fails has %s steps: whole_sim --one --seed %s --steps %s\n", std::to_string(at).c_str(), failure.what(), std::to_string(shortest).c_str(), std::to_string(at).c_str(), std::to_string(shortest).c_str());
        return 1;
      }
      if ((at - seed + 1) % 1'000 == 0) std::fprintf(stderr, "  %s of %s seeds\n", std::to_string(at - seed + 1).c_str(), std::to_string(seeds).c_str());
    }
    std::printf("%s seeds from %s: money conserved, everything decided, nobody honest slashed, index equal to chain – %s processes, %s blocks, %s reorgs (%.1f s)\n", std::to_string(seeds).c_str(), std::to_string(seed).c_str(), std::to_string(tally.processes).c_str(),
                std::to_string(tally.transactions).c_str(), std::to_string(tally.reorgs).c_str(), static_cast<double>(world.clock.steady_ms() - start) / 1000);
  } catch (const Failure& failure) {
    return std::fprintf(stderr, "seed %s: %s\n", std::to_string(at).c_str(), failure.what()), 1;
  }
  return 0;
}
