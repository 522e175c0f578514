#include "stage.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <functional>
#include <peaberry/base/process.hpp>
#include <peaberry/chain/ocean.hpp>
#include <peaberry/crypto/keys.hpp>
#include <peaberry/ledger/ledger.hpp>
#include <thread>

namespace peaberry::story {
namespace {

double seconds_of(const rusage& usage) {
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

}  // namespace

// ---------------------------------------------------------------- processes

Result<Server> Server::launch(const std::vector<std::string>& arguments, const fs::path& log, const std::function<bool()>& is_up) {
  const Fd fd(open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  SpawnOptions options;
  options.argv = {self_executable().string()};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.stdout_fd = options.stderr_fd = fd.get();
  options.die_with_parent = true;
  Server out;
  PB_TRY(pid, spawn(options));
  out.pid_ = pid;
  for (int i = 0; i < 3000; ++i) {
    if (waitpid(pid, nullptr, WNOHANG) == pid) {
      out.pid_ = 0;
      return fail(Errc::kUnavailable, "a process of the story ended: " + read_text(log).value_or("").substr(0, 600), "see " + log.string());
    }
    if (is_up()) return out;
    SystemClock{}.sleep_ms(10);
  }
  return fail(Errc::kTimeout, "a process of the story does not answer", "see " + log.string());
}

Result<Server> Server::start(const std::vector<std::string>& arguments, const fs::path& log, const std::string& url, net::Client& http) {
  return launch(arguments, log, [&] {
    const auto reply = http.send({.url = url + "/api/v1/health", .timeout_ms = 1000});
    return reply && reply->status == 200;
  });
}

Result<Server> Server::start_silent(const std::vector<std::string>& arguments, const fs::path& log, std::string* first_line) {
  return launch(arguments, log, [&] {
    const std::string text = read_text(log).value_or("");
    const auto end = text.find('\n');
    if (end == std::string::npos) return false;
    if (first_line != nullptr) *first_line = text.substr(0, end);
    return true;
  });
}

double Server::kill_hard() {
  if (pid_ == 0) return 0;
  rusage usage{};
  kill(pid_, SIGKILL);
  wait4(pid_, nullptr, 0, &usage);
  pid_ = 0;
  return seconds_of(usage);
}

double Server::stop() {
  if (pid_ == 0) return 0;
  kill(pid_, SIGTERM);
  rusage usage{};
  int status = 0;
  for (int i = 0; i < 1000; ++i) {
    if (wait4(pid_, &status, WNOHANG, &usage) == pid_) {
      pid_ = 0;
      return seconds_of(usage);
    }
    SystemClock{}.sleep_ms(10);
  }
  return kill_hard();
}

// ---------------------------------------------------------------- chains and parties

chain::Rpc& Stage::rpc_a() {
  if (!rpc_a_) rpc_a_ = std::make_unique<chain::Rpc>(http_, chain::RpcOptions{.urls = {url_a}, .chain_id = 8996}, clock_, random_);
  return *rpc_a_;
}
chain::Rpc& Stage::rpc_b() {
  if (!rpc_b_) rpc_b_ = std::make_unique<chain::Rpc>(http_, chain::RpcOptions{.urls = {url_b}, .chain_id = 31337}, clock_, random_);
  return *rpc_b_;
}

std::string Stage::text_of(const Address& address) { return crypto::checksum_address(address); }

Party& Stage::party(const std::string& name) {
  const auto found = std::find_if(parties.begin(), parties.end(), [&](const Party& one) { return one.name == name; });
  PB_ASSERT(found != parties.end());
  return *found;
}

// ---------------------------------------------------------------- doing

Result<json::Object> Stage::run_quietly(const Call& call) {
  SpawnOptions options;
  options.argv = {self_executable().string(), "--json", "--home", home(call.who).string()};
  const std::string& url = call.on_b ? url_b : url_a;
  if (call.who == "chain-b") {  // the second chain's own home
    options.argv.insert(options.argv.end(), {"--chain-id", "31337"});
  } else if (!url.empty()) {
    options.argv.insert(options.argv.end(), {"--chain", url, "--chain-id", call.on_b ? "31337" : "8996", "--address-file", addresses_of(call.who, call.on_b).string()});
  }
  if (!node_url.empty() && std::find(call.arguments.begin(), call.arguments.end(), "--node") == call.arguments.end()) options.argv.insert(options.argv.end(), {"--node", node_url});
  if (call.who != "owner") options.argv.insert(options.argv.end(), {"--record-traffic", (folder() / "received" / (call.who + ".bin")).string()});
  options.argv.insert(options.argv.end(), call.arguments.begin(), call.arguments.end());
  PB_TRY(result, run_process(options, 600'000, std::size_t{64} << 20));
  // The reply is the last line; warnings may stand before it.
  std::string_view text = result.output;
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const auto line = text.rfind('\n');
  auto document = json::parse(line == std::string_view::npos ? text : text.substr(line + 1), {.max_bytes = std::size_t{64} << 20});
  if (!document || !document->is_object()) return fail(Errc::kInternal, call.arguments.front() + " printed: " + result.output.substr(0, 500));
  const auto& object = document->get_object();
  if (const auto* error = json::find_object(object, "error")) return fail(Errc::kConflict, json::string_or(*error, "message"), json::string_or(*error, "remedy"));
  return object;
}

Result<json::Object> Stage::run(const std::string& who, Arguments arguments, bool on_b) {
  auto done = run_quietly({who, arguments, on_b});
  if (!done) return within(who + " " + arguments[0] + (arguments.size() > 1 ? " " + arguments[1] : ""), done.error());
  return done;
}

Result<std::vector<json::Object>> Stage::together(std::vector<Call> calls) {
  std::vector<Result<json::Object>> done(calls.size(), json::Object{});
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < calls.size(); i = next++) done[i] = run_quietly(calls[i]);
  };
  std::thread other(work);
  work();
  other.join();
  std::vector<json::Object> out;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (!done[i]) return within(calls[i].who + " " + calls[i].arguments[0], done[i].error());
    out.push_back(std::move(*done[i]));
  }
  return out;
}

Result<std::string> Stage::refused(const std::string& who, Arguments arguments) {
  const auto done = run_quietly({who, arguments, false});
  if (done) return fail(Errc::kInternal, who + "'s " + arguments[0] + " was let through");
  return done.error().message;
}

Status Stage::fund(const std::string& who, std::uint64_t coins, std::uint64_t tokens, bool on_b) {
  const U256 ether{1'000'000'000'000'000'000};
  PB_TRY(addresses, chain::OceanAddresses::load(on_b ? addresses_b : addresses_a, on_b ? 31337 : 8996));
  return ledger::Ledger().fund(on_b ? rpc_b() : rpc_a(), party(who).account, U256{coins} * ether, addresses.ocean, U256{tokens} * ether);
}

fs::path Stage::addresses_of(const std::string& who, bool on_b) const {
  const fs::path copy = home(who) / (on_b ? "addresses-b.json" : "addresses-a.json");
  std::error_code code;
  fs::create_directories(home(who), code);
  if (!fs::exists(copy)) fs::copy_file(on_b ? addresses_b : addresses_a, copy, code);
  return copy;
}

Status Stage::wait_until(std::uint64_t unix_seconds) {
  while (clock_.unix_seconds() <= unix_seconds) clock_.sleep_ms(50);
  return {};
}

// ---------------------------------------------------------------- telling

double Stage::seconds() const { return static_cast<double>(clock_.steady_ms() - began_) / 1000; }

void Stage::begin(const std::string& station, Words title) {
  if (began_ == 0) began_ = clock_.steady_ms();
  station_ = station;
  stations.push_back(json::Object{{"name", station}, {"title", title.to_json()}, {"began", std::round(seconds() * 1000) / 1000}, {"lines", json::Array{}}});
  const bool colour = isatty(STDERR_FILENO) != 0;
  std::fprintf(stderr, "\n%s%6.1f s  %s%s\n", colour ? "\033[1;33m" : "", seconds(), (options_.language == "zh" ? title.zh : title.en).c_str(), colour ? "\033[0m" : "");
}

void Stage::tell(const Words& words) {
  if (!stations.empty()) stations.back().as_object()["lines"].as_array().push_back(json::Object{{"at", std::round(seconds() * 1000) / 1000}, {"en", words.en}, {"zh", words.zh}});
  std::fprintf(stderr, "%6.1f s    %s\n", seconds(), (options_.language == "zh" ? words.zh : words.en).c_str());
}

void Stage::step(const std::string& name, const json::Object& reply, bool on_b) {
  const auto add = [&](const std::string& what, const json::Object& one) {
    if (const std::string transaction = json::string_or(one, "tx"); !transaction.empty())
      steps.push_back(json::Object{{"station", station_}, {"name", what}, {"chainId", on_b ? 31337 : 8996}, {"tx", transaction}, {"gas", json::uint_or(one, "gas", 0)}, {"at", std::round(seconds() * 1000) / 1000}});
  };
  add(name, reply);
  if (const auto* list = json::find_array(reply, "steps"))
    for (const auto& item : *list)
      if (item.is_object()) add(name + ": " + json::string_or(item.get_object(), "name"), item.get_object());
}

void Stage::evidence(const Words& what, const std::string& kind, std::uint64_t gas) {
  evidences.push_back(json::Object{{"what", what.to_json()}, {"kind", kind}, {"gas", gas}, {"station", station_}});
}

}  // namespace peaberry::story
