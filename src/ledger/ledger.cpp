#include "ledger.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <peaberry/base/log.hpp>
#include <peaberry/base/process.hpp>

namespace peaberry::ledger {
namespace {

struct PidFile {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;
  std::uint16_t port = 0;
  Hash32 genesis;
};

Result<PidFile> read_pid_file(const fs::path& path) {
  PB_TRY(text, read_text(path, 4096));
  PB_TRY(document, json::parse(text));
  PB_TRY(object, json::as_object(document, path.string()));
  PidFile out;
  PB_TRY(pid, json::uint_at(*object, "pid"));
  PB_TRY(ticks, json::uint_at(*object, "start_ticks"));
  PB_TRY(port, json::uint_at(*object, "port"));
  PB_TRY(genesis, json::hash_at(*object, "genesis"));
  return PidFile{static_cast<pid_t>(pid), ticks, static_cast<std::uint16_t>(port), genesis};
}

bool is_alive(const PidFile& file) {
  const auto ticks = process_start_ticks(file.pid);
  return ticks && *ticks == file.start_ticks;
}

Result<fs::path> anvil_program(const LedgerOptions& options) {
  if (!options.anvil.empty()) return find_program(options.anvil);
  if (const char* named = std::getenv("PEABERRY_ANVIL"); named != nullptr && *named != '\0') return find_program(named);
  if (access(PEABERRY_ANVIL, X_OK) == 0) return fs::path(PEABERRY_ANVIL);
  auto found = find_program("anvil");
  if (!found) return fail(Errc::kNotFound, "anvil is not installed", "run tools/setup, or set PEABERRY_ANVIL to the program");
  return found;
}

bool looks_whole(const fs::path& state) {
  const auto text = read_text(state, std::uintmax_t{4} << 30);
  return text && json::parse(*text, {.max_bytes = std::size_t{4} << 30, .max_depth = 64}).has_value();
}

/// anvil rewrites its state file in place; a hard end in that moment leaves half of it. A copy of the last whole one
/// is kept, so that a torn file costs some blocks and not the chain.
void guard_state(const fs::path& folder) {
  const fs::path state = folder / "state.json", previous = folder / "state.previous.json";
  std::error_code code;
  if (!fs::exists(state)) return;
  if (looks_whole(state)) {
    fs::copy_file(state, previous, fs::copy_options::overwrite_existing, code);
    return;
  }
  log::warn("ledger", "{} is torn; going back to the copy of the last start", state.string());
  fs::rename(state, folder / "state.damaged.json", code);
  if (fs::exists(previous)) fs::copy_file(previous, state, code);
}

Status wait_for_rpc(chain::Rpc& rpc, const Clock& clock, pid_t pid, const fs::path& log_file) {
  for (int i = 0; i < 1000; ++i) {
    if (rpc.chain_id()) return {};
    int status = 0;
    if (waitpid(pid, &status, WNOHANG) == pid) {
      const auto text = read_text(log_file).value_or("");
      return fail(Errc::kUnavailable, "anvil ended at once: " + text.substr(0, 300), "is its port in use? choose another --chain-port");
    }
    clock.sleep_ms(10);
  }
  return fail(Errc::kTimeout, "anvil does not answer after 10 s", "look into " + log_file.string());
}

}  // namespace

std::uint16_t free_port() {
  const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 || getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
  return ntohs(address.sin_port);
}

Result<Ledger> Ledger::start(const LedgerOptions& options, net::Client& client, const Clock& clock, Random& random) {
  PB_CHECK(make_directories(options.folder));
  Ledger out;
  out.folder_ = options.folder;
  out.chain_id_ = options.chain_id;
  const fs::path pid_path = options.folder / "anvil.json";
  const auto rpc_at = [&](std::uint16_t port, int attempts) {
    out.url_ = "http://127.0.0.1:" + std::to_string(port);
    return chain::Rpc(client, {.urls = {out.url_}, .chain_id = options.chain_id, .timeout_ms = 10'000, .attempts_max = attempts}, clock, random);
  };
  const auto known = read_pid_file(pid_path);
  if (known && is_alive(*known)) {
    auto rpc = rpc_at(known->port, 5);
    PB_TRY(genesis, rpc.block(0));
    if (genesis.hash != known->genesis)
      return fail(Errc::kConflict, "the chain on port " + std::to_string(known->port) + " is not the one of " + options.folder.string(),
                  "stop that anvil, or remove " + pid_path.string());
    out.pid_ = known->pid;
    out.genesis_ = genesis.hash;
    out.attached_ = true;
  } else {
    guard_state(options.folder);
    const std::uint16_t port = options.port != 0 ? options.port : free_port();
    PB_TRY(program, anvil_program(options));
    const fs::path log_file = options.folder / "anvil.log";
    const Fd log_fd(open(log_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    SpawnOptions spawn_options;
    spawn_options.argv = {program.string(), "--host", "127.0.0.1", "--port", std::to_string(port), "--chain-id",
                          std::to_string(options.chain_id), "--mnemonic", kDevMnemonic, "--gas-limit", "100000000", "--balance", "100000",
                          "--state", (options.folder / "state.json").string(), "--state-interval", std::to_string(options.state_interval_seconds), "--quiet"};
    if (options.states_kept != 0) spawn_options.argv.insert(spawn_options.argv.end(), {"--prune-history", std::to_string(options.states_kept)});
    spawn_options.new_session = true;
    spawn_options.stdout_fd = spawn_options.stderr_fd = log_fd.get();
    auto rpc = rpc_at(port, 1);
    if (rpc.chain_id())
      return fail(Errc::kConflict, "another chain answers on port " + std::to_string(port), "choose another --chain-port, or use it with --chain " + out.url_);
    PB_TRY(pid, spawn(spawn_options));
    PB_CHECK(wait_for_rpc(rpc, clock, pid, log_file));
    PB_TRY(genesis, rpc.block(0));
    PB_TRY(ticks, process_start_ticks(pid));
    out.pid_ = pid;
    out.genesis_ = genesis.hash;
    const json::Object file{{"pid", pid}, {"start_ticks", ticks}, {"port", port}, {"genesis", genesis.hash.hex()}};
    PB_CHECK(write_file_atomic(pid_path, as_bytes(json::pretty(file) + "\n")));
    PB_TRY(height, rpc.block_number());
    const auto seen = read_text(options.folder / "height", 64);
    if (seen)
      if (const auto before = U256::parse(*seen); before && before->low64() > height) out.lost_blocks_ = before->low64() - height;
  }
  if (!options.deploy_ocean) return out;
  auto rpc = rpc_at(read_pid_file(pid_path)->port, 5);
  const auto addresses = chain::OceanAddresses::load(out.address_file(), options.chain_id);
  bool there = false;
  if (addresses) {
    PB_TRY(code, rpc.code(addresses->escrow));
    there = !code.empty();
  }
  if (!there) {
    PB_TRY(entry, deploy_ocean(rpc, PEABERRY_OCEAN_ARTIFACTS, clock));
    PB_CHECK(write_file_atomic(out.address_file(), as_bytes(json::pretty(json::Object{{"development", entry}}) + "\n")));
    out.deployed_ = true;
  }
  PB_CHECK(out.ensure_settlement(rpc, clock));
  return out;
}

/// Deploys our own contracts where the address file does not name them, or names them on a chain that has forgotten them.
Status Ledger::ensure_settlement(chain::Rpc& rpc, const Clock& clock) {
  PB_TRY(text, read_text(address_file()));
  PB_TRY(document, json::parse(text));
  PB_TRY(networks, json::as_object(document, address_file().string()));
  PB_TRY(found, json::object_at(*networks, "development"));
  json::Object entry = *found;
  if (const auto escrow = json::address_at(entry, "BuyFor")) {  // the last one that is deployed
    PB_TRY(code, rpc.code(*escrow));
    if (!code.empty()) return {};
  }
  PB_TRY(deployed, deploy_settlement(rpc, PEABERRY_CONTRACT_ARTIFACTS, clock));
  for (const auto& item : deployed) entry[item.key()] = item.value();
  return write_file_atomic(address_file(), as_bytes(json::pretty(json::Object{{"development", entry}}) + "\n"));
}

Result<Ledger> Ledger::attach(const fs::path& folder) {
  const auto known = read_pid_file(folder / "anvil.json");
  if (!known || !is_alive(*known)) return fail(Errc::kNotFound, "no embedded chain runs in " + folder.string(), "start one with: peaberry up");
  Ledger out;
  out.folder_ = folder;
  out.pid_ = known->pid;
  out.genesis_ = known->genesis;
  out.url_ = "http://127.0.0.1:" + std::to_string(known->port);
  out.attached_ = true;
  return out;
}

Status Ledger::note_height(std::uint64_t height) const {
  return write_file_atomic(folder_ / "height", as_bytes(std::to_string(height)));
}

Status Ledger::stop() {
  if (pid_ <= 0) return {};
  const auto known = read_pid_file(folder_ / "anvil.json");
  if (!known || !is_alive(*known)) return {};
  kill(pid_, SIGTERM);
  for (int i = 0; i < 500; ++i) {
    waitpid(pid_, nullptr, WNOHANG);
    if (!is_alive(*known)) return {};
    SystemClock{}.sleep_ms(10);
  }
  return fail(Errc::kTimeout, "anvil (pid " + std::to_string(pid_) + ") does not end");
}

}  // namespace peaberry::ledger
