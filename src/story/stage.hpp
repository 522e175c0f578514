#pragma once

#include <peaberry/base/clock.hpp>
#include <peaberry/base/files.hpp>
#include <peaberry/base/json.hpp>
#include <peaberry/base/random.hpp>
#include <peaberry/chain/rpc.hpp>
#include <peaberry/net/client.hpp>

#include "options.hpp"

namespace peaberry::story {

/// A peaberry process that serves; ended when this dies.
class Server {
 public:
  Server() = default;
  Server(Server&& other) noexcept : pid_(other.pid_) { other.pid_ = 0; }
  Server& operator=(Server&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }
  ~Server() { stop(); }
  /// It is up when its health answers.
  static Result<Server> start(const std::vector<std::string>& arguments, const fs::path& log, const std::string& url, net::Client& http);
  /// A process without health: it is up when it has written a line, which `first_line` becomes.
  static Result<Server> start_silent(const std::vector<std::string>& arguments, const fs::path& log, std::string* first_line = nullptr);
  /// As a power cut would. Both ends return the CPU seconds that it used.
  double kill_hard();
  double stop();

 private:
  static Result<Server> launch(const std::vector<std::string>& arguments, const fs::path& log, const std::function<bool()>& is_up);
  pid_t pid_ = 0;
};

struct Party {
  std::string name;  ///< its home is the folder of this name
  Words role;
  Address account, treasury;
  double cpu_seconds = 0;  ///< of its serving processes
};

struct StageOptions {
  fs::path folder;
  std::string language = "en";
};

/// Where the story is played: separate processes with separate homes below one folder, two chains, and a record of what was done. The parties do
/// what they do by the same commands that any user has. One thread, but for what is done together.
class Stage {
 public:
  Stage(net::Client& http, const Clock& clock, Random& random, StageOptions options) : http_(http), clock_(clock), random_(random), options_(std::move(options)) {}
  net::Client& http() { return http_; }
  const Clock& clock() const { return clock_; }
  Random& random() { return random_; }
  const fs::path& folder() const { return options_.folder; }
  fs::path home(const std::string& who) const { return options_.folder / who; }

  // ---- chains: 8996 (A) and 31337 (B)
  std::string url_a, url_b, node_url;   ///< node_url: what commands talk to
  fs::path addresses_a, addresses_b;
  chain::Rpc& rpc_a();
  chain::Rpc& rpc_b();

  // ---- parties
  std::vector<Party> parties;
  Party& party(const std::string& name);
  std::string address(const std::string& name) { return text_of(party(name).account); }
  static std::string text_of(const Address& address);

  // ---- doing
  using Arguments = std::vector<std::string>;
  /// Runs one command in a process of its own, on chain A (or B), and returns its JSON; an error is the command's own.
  Result<json::Object> run(const std::string& who, Arguments arguments, bool on_b = false);
  struct Call {
    std::string who;
    Arguments arguments;
    bool on_b = false;
  };
  /// Several at once, at most two; the replies in their order, or the first error.
  Result<std::vector<json::Object>> together(std::vector<Call> calls);
  /// A command that must fail: returns how it was refused. kInternal when it went through.
  Result<std::string> refused(const std::string& who, Arguments arguments);
  /// On a local chain: coins and OCEAN from the development account.
  Status fund(const std::string& who, std::uint64_t coins, std::uint64_t tokens, bool on_b);
  /// The party's own copy of the chain's public address file: nothing of theirs points to another's disk.
  fs::path addresses_of(const std::string& who, bool on_b = false) const;
  Status wait_until(std::uint64_t unix_seconds);

  // ---- telling
  void begin(const std::string& station, Words title);
  void tell(const Words& words);
  /// Keeps a command's transactions under a name.
  void step(const std::string& name, const json::Object& reply, bool on_b = false);
  /// Why a result of the story may be believed, and what that cost.
  void evidence(const Words& what, const std::string& kind, std::uint64_t gas);
  json::Array stations, steps, evidences;
  double seconds() const;

 private:
  Result<json::Object> run_quietly(const Call& call);
  net::Client& http_;
  const Clock& clock_;
  Random& random_;
  StageOptions options_;
  std::unique_ptr<chain::Rpc> rpc_a_, rpc_b_;
  std::int64_t began_ = 0;
  std::string station_;
};

}  // namespace peaberry::story
