#include <fmt/core.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <peaberry/base/files.hpp>
#include <peaberry/base/process.hpp>
#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/bindings/job_escrow.hpp>
#include <peaberry/bindings/quorum_verifier.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/ingest/csv.hpp>
#include <peaberry/settlement/contracts.hpp>

#include "commands.hpp"
#include "story.hpp"

namespace peaberry::cli {
namespace {

/// A port that was free a moment ago.
std::uint16_t free_port() {
  const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
  return ntohs(address.sin_port);
}

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
  /// A node: it is up when its health answers.
  static Result<Server> start(const std::vector<std::string>& arguments, const fs::path& log, const std::string& url, net::Client& http) {
    return launch(arguments, log, [&] {
      const auto reply = http.send({.url = url + "/api/v1/health", .timeout_ms = 1000});
      return reply && reply->status == 200;
    });
  }
  /// A process without HTTP: it is up when it has written a line.
  static Result<Server> start_silent(const std::vector<std::string>& arguments, const fs::path& log) {
    return launch(arguments, log, [&] { return read_text(log).value_or("").find('\n') != std::string::npos; });
  }
  /// As a power cut would.
  double kill_hard() {
    if (pid_ == 0) return 0;
    rusage usage{};
    kill(pid_, SIGKILL);
    wait4(pid_, nullptr, 0, &usage);
    pid_ = 0;
    return seconds(usage);
  }
  /// Gently; returns the CPU seconds it used.
  double stop() {
    if (pid_ == 0) return 0;
    kill(pid_, SIGTERM);
    rusage usage{};
    int status = 0;
    for (int i = 0; i < 1000; ++i) {
      if (wait4(pid_, &status, WNOHANG, &usage) == pid_) {
        pid_ = 0;
        return seconds(usage);
      }
      SystemClock{}.sleep_ms(10);
    }
    kill(pid_, SIGKILL);
    wait4(pid_, &status, 0, &usage);
    pid_ = 0;
    return seconds(usage);
  }
  static double seconds(const rusage& usage) {
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  }

 private:
  template <class IsUp>
  static Result<Server> launch(const std::vector<std::string>& arguments, const fs::path& log, const IsUp& is_up) {
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
        return fail(Errc::kUnavailable, "a process of the demo ended: " + read_text(log).value_or("").substr(0, 600), "see " + log.string());
      }
      if (is_up()) return out;
      SystemClock{}.sleep_ms(10);
    }
    return fail(Errc::kTimeout, "a process of the demo does not answer", "see " + log.string());
  }

  pid_t pid_ = 0;
};

struct Party {
  std::string name, home;
  std::vector<Address> accounts;  ///< operator first
  U256 before;
  double cpu_seconds = 0;
};

class Demo {
 public:
  Demo(Context& context, DemoOptions options) : context_(context), options_(std::move(options)), folder_(fs::absolute(options_.folder)) {}

  Result<Output> run() {
    const std::int64_t began = context_.clock().steady_ms();
    std::error_code code;
    fs::remove_all(folder_, code);
    PB_CHECK(make_directories(folder_));
    const Status done = play();
    stop();
    if (!done) return done.error();
    const double seconds = static_cast<double>(context_.clock().steady_ms() - began) / 1000;
    return Output{story_, fmt::format("\nThe story is told in {:.1f} s: {}/story.html", seconds, folder_.string())};
  }

 private:
  /// Runs one command in a process of its own and returns its JSON; an error is the command's own.
  Result<json::Value> command(const std::string& home, std::vector<std::string> arguments, Party* party = nullptr) {
    SpawnOptions options;
    options.argv = {self_executable().string(), "--json", "--home", (folder_ / home).string()};
    if (!chain_url_.empty()) {
      const std::string file = (folder_ / "owner/ledger/address.json").string();
      // The developer gets a copy of the public address file: nothing of theirs points to the owner's disk.
      const fs::path copy = folder_ / home / "address.json";
      std::error_code code;
      if (home != "owner") fs::create_directories(folder_ / home, code), fs::copy_file(file, copy, fs::copy_options::overwrite_existing, code);
      options.argv.insert(options.argv.end(), {"--chain", chain_url_, "--address-file", home == "owner" ? file : copy.string()});
    }
    if (home == "developer") options.argv.insert(options.argv.end(), {"--record-traffic", (folder_ / "developer-received.bin").string()});
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    rusage before{}, after{};
    getrusage(RUSAGE_CHILDREN, &before);
    PB_TRY(result, run_process(options, 600'000, std::size_t{64} << 20));
    getrusage(RUSAGE_CHILDREN, &after);
    if (party != nullptr) party->cpu_seconds += Server::seconds(after) - Server::seconds(before);
    // The reply is the last line; warnings may stand before it.
    std::string_view text = result.output;
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    const auto line = text.rfind('\n');
    auto document = json::parse(line == std::string_view::npos ? text : text.substr(line + 1), {.max_bytes = std::size_t{64} << 20});
    if (!document) return fail(Errc::kInternal, arguments.front() + " printed: " + result.output.substr(0, 500));
    if (document->is_object())
      if (const auto* error = json::find_object(document->get_object(), "error"))
        return fail(Errc::kConflict, json::string_or(*error, "message"), json::string_or(*error, "remedy"));
    return document;
  }

  void tell(const std::string& line) {
    std::fprintf(stderr, "%5.1f s  %s\n", static_cast<double>(context_.clock().steady_ms() - start_) / 1000, line.c_str());
  }

  void step(const std::string& name, const json::Value& reply, std::int64_t since) {
    bool first = true;
    const double seconds = static_cast<double>(context_.clock().steady_ms() - since) / 1000;
    if (reply.is_object())
      if (const auto* list = json::find_array(reply.get_object(), "steps"))
        for (const auto& item : *list) {
          const auto& done = item.as_object();
          steps_.push_back(json::Object{{"name", name + ": " + json::string_or(done, "name")}, {"tx", json::string_or(done, "tx")}, {"gas", json::uint_or(done, "gas", 0)}, {"seconds", first ? seconds : 0}});
          first = false;
        }
    if (first) steps_.push_back(json::Object{{"name", name}, {"tx", ""}, {"gas", 0}, {"seconds", seconds}});
  }

  Result<U256> token_of(const Party& party) {
    U256 out;
    for (const Address& account : party.accounts) {
      PB_TRY(reply, rpc_->eth_call({.to = token_, .data = bindings::erc20_template::balance_of(account)}));
      PB_TRY(balance, bindings::erc20_template::decode_balance_of(reply));
      out += balance;
    }
    return out;
  }

  Status play() {
    start_ = context_.clock().steady_ms();
    tell("A hospital wants to sell the use of its table, not the table. Everything below is on this machine, with Ocean's real contracts.");
    // The table.
    fs::path table = folder_ / "owner-data" / "patients.csv";
    std::string label = options_.label.empty() ? "heart_disease" : options_.label;
    std::vector<std::string> canaries = canary_texts();
    if (options_.data.empty()) {
      PB_TRY(made, demo_data(table.string(), options_.rows, options_.seed));
      tell(made.text);
    } else {
      if (options_.label.empty()) return fail(Errc::kInvalid, "DATA is given without LABEL", "make demo DATA=my.csv LABEL=column");
      PB_CHECK(make_directories(table.parent_path()));
      std::error_code code;
      fs::copy_file(options_.data, table, fs::copy_options::overwrite_existing, code);
      if (code) return fail(Errc::kNotFound, "cannot read " + options_.data, "check the path");
      PB_TRY(content, read_text(table, std::uintmax_t{4} << 30));
      const auto parsed = ingest::read_csv(content);  // a wrong table is told of here, not after it was bought
      if (!parsed) return within(options_.data, parsed.error());
      PB_CHECK(parsed->find(label));
      canaries = rows_as_canaries(content);
    }
    if (options_.evidence != "none" && options_.evidence != "quorum") return fail(Errc::kInvalid, "evidence \"" + options_.evidence + "\" is unknown", "use none or quorum");
    const bool quorum = options_.evidence == "quorum";
    if (quorum) PB_CHECK(seat_members());
    // Three parties, three homes, three processes.
    const std::uint16_t owner_port = free_port(), market_port = free_port(), chain_port = free_port();
    const std::string owner_url = "http://127.0.0.1:" + std::to_string(owner_port), market_url = "http://127.0.0.1:" + std::to_string(market_port);
    std::int64_t since = context_.clock().steady_ms();
    owner_arguments_ = {"--home", (folder_ / "owner").string(), "up", "--port", std::to_string(owner_port), "--chain-port", std::to_string(chain_port), "--min-job-seconds", "1", "--cpu-price", "0.6"};
    if (quorum) owner_arguments_.insert(owner_arguments_.end(), {"--evidence", (folder_ / "policy.json").string()});
    PB_TRY(owner_server, Server::start(owner_arguments_, folder_ / "owner.log", owner_url, context_.http()));
    owner_server_ = std::move(owner_server);
    chain_url_ = "http://127.0.0.1:" + std::to_string(chain_port);
    PB_TRY(addresses, chain::OceanAddresses::load(folder_ / "owner/ledger/address.json", 8996));
    token_ = addresses.ocean;
    rpc_ = std::make_unique<chain::Rpc>(context_.http(), chain::RpcOptions{.urls = {chain_url_}, .chain_id = 8996}, context_.clock(), context_.random());
    tell("the owner's node is up, with a chain of its own and Ocean's contracts on it");
    step("owner's node and chain start", nullptr, since);
    PB_CHECK(make_directories(folder_ / "market"));
    std::error_code code;
    fs::copy_file(folder_ / "owner/ledger/address.json", folder_ / "market/address.json", code);
    since = context_.clock().steady_ms();
    PB_TRY(market_server, Server::start({"--home", (folder_ / "market").string(), "--chain", chain_url_, "--address-file", (folder_ / "market/address.json").string(), "serve", "--no-compute", "--port", std::to_string(market_port)},
                                        folder_ / "market.log", market_url, context_.http()));
    market_server_ = std::move(market_server);
    step("market's node starts", nullptr, since);
    PB_TRY(developer_keys, command("developer", {"keys", "new"}));
    PB_TRY(owner_keys, command("owner", {"keys", "show"}));
    PB_TRY(market_keys, command("market", {"keys", "show"}));
    parties_ = {party("owner", owner_keys), party("developer", developer_keys), party("market", market_keys)};
    PB_CHECK(command("owner", {"chain", "fund", parties_[0].accounts[0].hex(), "--coins", "10", "--tokens", "0"}));
    PB_CHECK(command("developer", {"chain", "fund", parties_[1].accounts[0].hex(), "--coins", "10", "--tokens", "100"}));
    for (auto& who : parties_) {
      PB_TRY(balance, token_of(who));
      who.before = balance;
    }
    tell("the developer has 100 OCEAN; the owner has none");
    if (quorum) PB_CHECK(start_members(owner_url));

    // Publish.
    since = context_.clock().steady_ms();
    PB_TRY(algorithm, command("owner", {"--node", owner_url, "algo", "publish-trainer"}, &parties_[0]));
    step("publish the trainer", algorithm, since);
    const std::string algorithm_did = json::string_or(algorithm.as_object(), "did");
    tell("published the algorithm tabular-trainer  " + algorithm_did.substr(0, 20) + "…");
    since = context_.clock().steady_ms();
    std::vector<std::string> publish{"--node", owner_url, "publish", table.string(), "--name", "Heart disease table", "--description", "Rows of patients with a heart disease label; the rows stay in the hospital, training comes to them",
                                      "--tags", "health,cardiology,tabular", "--price", "5", "--compute", "--trust", algorithm_did};
    admit_members(publish);
    PB_TRY(dataset, command("owner", publish, &parties_[0]));
    step("publish the data set", dataset, since);
    const std::string did = json::string_or(dataset.as_object(), "did");
    tell("published the data set for 5 OCEAN a use  " + did.substr(0, 20) + "…");

    // Find it on the market's own index.
    since = context_.clock().steady_ms();
    std::string found;
    for (int i = 0; i < 200 && found.empty(); ++i) {
      PB_TRY(reply, command("developer", {"--node", market_url, "search", "heart disease", "--type", "dataset"}, &parties_[1]));
      if (const auto* list = json::find_array(reply.as_object(), "assets"); list != nullptr && !list->empty()) found = json::string_or((*list)[0].as_object(), "did");
      else context_.clock().sleep_ms(50);
    }
    if (found != did) return fail(Errc::kInternal, "the market does not find the data set");
    step("search on the market", nullptr, since);
    tell("the developer finds it on the market's index");

    // A thief first: code that prints rows.
    PB_CHECK(thief(owner_url, did, table));

    // Train.
    since = context_.clock().steady_ms();
    const fs::path model = folder_ / "developer" / "model";
    PB_TRY(trained, command("developer", {"--node", owner_url, "compute", "start", "--data", did, "--algo", algorithm_did, "--custom", json::stringify(json::Object{{"label", label}, {"seed", options_.seed}}), "--seconds", "300", "--wait", "--output", model.string()}, &parties_[1]));
    step("buy the use and train in the owner's sandbox", trained, since);
    const auto* job = json::find_object(trained.as_object(), "job");
    if (job == nullptr || json::uint_or(*job, "status", 0) != 70) return fail(Errc::kInternal, "the training job ended as: " + (job == nullptr ? "?" : json::string_or(*job, "statusText") + " " + json::string_or(*job, "reason")));
    const auto* payment = json::find_object(*job, "payment");
    const std::string claim = payment == nullptr ? "" : json::string_or(*payment, "claimTx");
    if (!claim.empty()) {
      PB_TRY(hash, Hash32::parse(claim));
      PB_TRY(receipt, rpc_->receipt(hash));
      steps_.push_back(json::Object{{"name", "the owner claims the pay: claimLockAndWithdraw"}, {"tx", claim}, {"gas", receipt ? receipt->gas_used : 0}, {"seconds", 0}});
    }
    if (payment != nullptr) {
      const std::string lock = json::string_or(*payment, "lockTx");
      PB_TRY(hash, Hash32::parse(lock));
      PB_TRY(receipt, rpc_->receipt(hash));
      steps_.push_back(json::Object{{"name", "the owner's node locks the pay: createLock"}, {"tx", lock}, {"gas", receipt ? receipt->gas_used : 0}, {"seconds", 0}});
    }
    PB_TRY(metrics_text, read_text(model / "metrics.json"));
    PB_TRY(metrics, json::parse(metrics_text));
    if (const auto* auc = json::find_object(metrics.as_object(), "auc"))
      tell(fmt::format("trained a {} model in the sandbox: AUC {:.3f} [{:.3f}, {:.3f}]", json::string_or(metrics.as_object(), "model"), auc->at("value").to_number<double>(), auc->at("low95").to_number<double>(), auc->at("high95").to_number<double>()));
    const std::string cost = payment == nullptr ? "0" : format_units(U256::parse(json::string_or(*payment, "cost")).value_or(U256{}), 18);
    if (quorum) {
      tell(fmt::format("two of three members ran it again and found the same bytes: JobEscrow paid {} OCEAN for the machine [{}]", cost, json::string_or(*job, "evidence")));
      PB_CHECK(command("owner", {"job", "withdraw"}, &parties_[0]));
      PB_CHECK(lie(owner_url, did, algorithm_did, label));
    } else {
      tell(fmt::format("the owner was paid {} OCEAN for the machine by contract [unchecked: no evidence of the run but the node's signature]", cost));
    }
    return finish(model, canaries, metrics_text);
  }

  /// Three neighbours whom the hospital admits as hosts of its rows: each has a home and a key of its own.
  Status seat_members() {
    json::Array signers;
    for (int i = 0; i < 3; ++i) {
      const std::string home = "member" + std::to_string(i + 1);
      PB_TRY(keys, command(home, {"keys", "new"}));
      members_.push_back(party(home, keys));
      signers.push_back(json::Value(crypto::checksum_address(members_.back().accounts[0])));
    }
    const json::Object policy{{"quorum", json::Object{{"k", 2}, {"commitWindow", kCommitWindow}, {"signers", signers}, {"window", 60}}}};
    return write_file_atomic(folder_ / "policy.json", as_bytes(json::pretty(policy)));
  }
  void admit_members(std::vector<std::string>& publish) const {
    for (const auto& host : members_) publish.insert(publish.end(), {"--hosts", crypto::checksum_address(host.accounts[0])});
  }
  Status start_members(const std::string& owner_url) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      PB_CHECK(command("owner", {"chain", "fund", members_[i].accounts[0].hex(), "--coins", "1", "--tokens", "0"}));
      const fs::path home = folder_ / members_[i].home;
      std::error_code code;
      fs::copy_file(folder_ / "owner/ledger/address.json", home / "address.json", fs::copy_options::overwrite_existing, code);
      PB_TRY(process, Server::start_silent({"--home", home.string(), "--chain", chain_url_, "--address-file", (home / "address.json").string(), "member", "--of", owner_url, "--grace", std::to_string(kGrace), "--poll-ms", "200"}, folder_ / (members_[i].home + ".log")));
      member_processes_.push_back(std::move(process));
      parties_.push_back(members_[i]);
    }
    tell("three neighbours, admitted by the hospital as hosts of its rows, sit in the quorum that releases the machine's pay");
    return {};
  }

  /// A second job: the node dies when the members have voted, and whoever has its key claims an output that the run never gave.
  Status lie(const std::string& owner_url, const std::string& did, const std::string& algorithm_did, const std::string& label) {
    std::int64_t since = context_.clock().steady_ms();
    PB_TRY(started, command("developer", {"--node", owner_url, "compute", "start", "--data", did, "--algo", algorithm_did, "--custom", json::stringify(json::Object{{"label", label}, {"seed", options_.seed + 1}}), "--seconds", "300", "--intention", "second"}, &parties_[1]));
    step("a second job", started, since);
    const auto* job = json::find_object(started.as_object(), "job");
    const std::string settlement = job == nullptr ? "" : json::string_or(*job, "settlementJob");
    PB_TRY(contracts, settlement::Contracts::load(folder_ / "owner/ledger/address.json", 8996));
    PB_TRY(id, Hash32::parse(settlement, "settlementJob"));
    std::size_t votes = 0;
    for (int i = 0; i < 200 && votes < 2; ++i) {
      context_.clock().sleep_ms(100);
      PB_TRY(head, rpc_->block_number());
      PB_TRY(logs, rpc_->logs({.from_block = contracts.start_block, .to_block = head, .addresses = {contracts.quorum}, .topics0 = {bindings::quorum_verifier::VoteCommittedEvent::topic()}, .topics1 = {id}}));
      votes = logs.size();
    }
    if (votes < 2) return fail(Errc::kTimeout, "the members have not voted on the second job", "see member1.log");
    parties_[0].cpu_seconds += owner_server_.kill_hard();
    PB_TRY(locked, command("developer", {"escrow", "show"}, &parties_[1]));
    tell("a second job: the members have voted, the owner's node is dead, " + format_units(U256::parse(json::string_or(locked.as_object(), "locked")).value_or(U256{}), 18) + " OCEAN are locked");
    // Claimed as soon as votes may be revealed, before the members reveal theirs: this is the case where a verdict has to undo a claim.
    PB_TRY(shown, command("developer", {"job", "show", settlement}));
    const std::uint64_t closes = json::uint_or(shown.as_object(), "openedAt", 0) + kCommitWindow;
    while (context_.clock().unix_seconds() <= closes) context_.clock().sleep_ms(100);
    const fs::path forged = folder_ / "owner" / "forged.tar";
    PB_CHECK(write_file_atomic(forged, as_bytes("a model that was never trained")));
    since = context_.clock().steady_ms();
    PB_TRY(claimed, command("owner", {"job", "claim", settlement, "--output", forged.string()}, &parties_[0]));
    step("a forged output is claimed", claimed, since);
    for (int i = 0; i < 300; ++i) {
      PB_TRY(funds, command("developer", {"escrow", "show"}));
      if (json::string_or(funds.as_object(), "locked") == "0") {
        step("the quorum's votes refuse it; the money goes back", nullptr, since);
        tell("a forged output was claimed with the owner's own key: the quorum's votes refuse it, all of the money is back, nobody waited for a deadline");
        PB_TRY(again, Server::start(owner_arguments_, folder_ / "owner.log", owner_url, context_.http()));
        owner_server_ = std::move(again);
        return {};
      }
      context_.clock().sleep_ms(100);
    }
    return fail(Errc::kInternal, "the forged claim still holds the money");
  }

  /// Distinctive parts of three rows of a user's own table: whole lines, long enough not to occur by chance.
  static std::vector<std::string> rows_as_canaries(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      auto line = text.substr(0, end);
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      if (line.size() >= 12) lines.push_back(line);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    std::vector<std::string> out;
    for (std::size_t c = 1; c <= 3 && lines.size() > 4; ++c) out.emplace_back(lines[lines.size() * c / 4]);
    return out;
  }

  static Party party(const std::string& name, const json::Value& keys) {
    Party out{name, name, {}, {}, 0};
    for (const char* role : {"operator", "treasury"})
      if (const auto address = json::address_at(keys.as_object(), role)) out.accounts.push_back(*address);
    return out;
  }

  Status thief(const std::string& owner_url, const std::string& did, const fs::path& table) {
    const fs::path script = folder_ / "developer" / "thief.sh";
    PB_CHECK(write_file_atomic(script, as_bytes("head -c 900000 /data/inputs/*.csv\nhead -c 900000 /data/inputs/*.csv > /data/outputs/rows.csv\n"), 0644));
    std::int64_t since = context_.clock().steady_ms();
    const auto refused = command("developer", {"--node", owner_url, "compute", "start", "--data", did, "--raw", script.string(), "--seconds", "60", "--wait"}, &parties_[1]);
    if (refused) return fail(Errc::kInternal, "a raw algorithm was let in");
    step("a thief's raw algorithm is refused: " + refused.error().message, nullptr, since);
    tell("a thief's raw algorithm is refused: " + refused.error().message.substr(0, 90));
    // The owner lists the same table once more, open to raw code: now only the egress policy stands between rows and thief.
    since = context_.clock().steady_ms();
    std::vector<std::string> publish{"--node", owner_url, "publish", table.string(), "--name", "Heart disease table, open to raw code", "--description", "The same rows for raw algorithms; what may leave is limited by the egress policy", "--free", "--compute", "--allow-raw"};
    admit_members(publish);
    PB_TRY(open_listing, command("owner", publish, &parties_[0]));
    step("publish the open listing", open_listing, since);
    since = context_.clock().steady_ms();
    PB_TRY(robbed, command("developer", {"--node", owner_url, "compute", "start", "--data", json::string_or(open_listing.as_object(), "did"), "--raw", script.string(), "--seconds", "60", "--wait"}, &parties_[1]));
    const auto* job = json::find_object(robbed.as_object(), "job");
    if (job == nullptr || json::uint_or(*job, "status", 0) != 61) return fail(Errc::kInternal, "the thief's job was not stopped by the egress policy: " + (job == nullptr ? "no job" : json::string_or(*job, "statusText") + ", " + json::string_or(*job, "reason")));
    step("a thief prints and writes rows", robbed, since);
    PB_TRY(log, command("developer", {"--node", owner_url, "compute", "logs", json::string_or(robbed.as_object(), "jobId")}, &parties_[1]));
    tell("a thief that runs and prints every row gets: " + json::string_or(*job, "reason"));
    return {};
  }

  Status finish(const fs::path& model, const std::vector<std::string>& canaries, const std::string& metrics_text) {
    PB_TRY(received, read_text(folder_ / "developer-received.bin", std::uintmax_t{4} << 30));
    std::string everything = std::move(received);
    std::uint64_t bytes_out = everything.size();
    std::error_code code;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "developer", code))  // and what became of it on disk
      if (entry.is_regular_file() && entry.path().filename() != "node.sqlite") everything += read_text(entry.path()).value_or("");
    const std::size_t leaks = count_leaks(canaries, everything);
    PB_TRY(onnx, read_file(model / "model.onnx"));
    tell(fmt::format("{} bytes reached the developer's process; canary rows among them: {}", bytes_out, leaks));

    for (std::size_t i = 0; i < member_processes_.size(); ++i) parties_[3 + i].cpu_seconds += member_processes_[i].stop();
    parties_[0].cpu_seconds += owner_server_.stop();
    parties_[2].cpu_seconds += market_server_.stop();
    json::Array party_rows;
    for (auto& who : parties_) {
      PB_TRY(after, token_of(who));
      U256 gas_wei;
      std::uint64_t gas = 0;
      PB_CHECK(gas_of(who, gas, gas_wei));
      const bool gained = after >= who.before;
      const U256 change = gained ? after - who.before : who.before - after;
      json::Array accounts;
      for (const auto& account : who.accounts) accounts.push_back(json::Value(crypto::checksum_address(account)));
      party_rows.push_back(json::Object{{"name", who.name}, {"accounts", accounts}, {"before", who.before.dec()}, {"after", after.dec()}, {"gas", gas}, {"gas_wei", gas_wei.dec()}, {"cpu_s", std::round(who.cpu_seconds * 1000) / 1000},
                                        {"revenue", gained ? change.dec() : "0"}, {"net", (gained ? "" : "-") + change.dec()}});
    }
    PB_TRY(head, rpc_->block_number());
    PB_TRY(flows, token_flows());
    story_ = json::Object{{"version", 1}, {"chainId", 8996}, {"chainUrl", chain_url_}, {"block", head}, {"token", crypto::checksum_address(token_)}, {"steps", steps_}, {"parties", party_rows}, {"flows", flows},
                          {"bytes_out", bytes_out}, {"canaries", canaries.size()}, {"canaries_found", leaks}, {"model_sha256", crypto::sha256(onnx).hex()}, {"evidence", options_.evidence == "none" ? "unchecked" : "quorum 2 of 3"}};
    PB_CHECK(write_file_atomic(folder_ / "story.json", as_bytes(json::pretty(story_) + "\n")));
    std::vector<std::string> svgs, receipts;
    for (const char* name : {"roc.svg", "learning_curve.svg"}) svgs.push_back(read_text(model / name).value_or(""));
    receipts.push_back(read_text(model / "receipt.json").value_or(""));
    PB_CHECK(write_file_atomic(folder_ / "story.html", as_bytes(story_html(story_, metrics_text, svgs, receipts))));
    if (leaks != 0) return fail(Errc::kInternal, "a row left the owner's machine", "see developer-received.bin");
    return {};
  }

  /// Gas of all transactions that a party's operator sent: from the chain, not from what we remember.
  Status gas_of(const Party& who, std::uint64_t& gas, U256& wei) {
    PB_TRY(head, rpc_->block_number());
    for (std::uint64_t number = 1; number <= head; ++number) {
      PB_TRY(block, rpc_->call("eth_getBlockByNumber", {chain::quantity(number), true}));
      const auto* list = block.is_object() ? json::find_array(block.get_object(), "transactions") : nullptr;
      if (list == nullptr) continue;
      for (const auto& item : *list) {
        const auto& transaction = item.as_object();
        if (json::address_at(transaction, "from").value_or(Address{}) != who.accounts[0]) continue;
        PB_TRY(hash, json::hash_at(transaction, "hash"));
        PB_TRY(receipt, rpc_->receipt(hash));
        if (!receipt) continue;
        gas += receipt->gas_used;
        wei += U256{receipt->gas_used} * receipt->effective_gas_price;
      }
    }
    return {};
  }

  /// Who paid whom: the token's transfers between known parties since the start, summed.
  Result<json::Array> token_flows() {
    PB_TRY(addresses, chain::OceanAddresses::load(folder_ / "owner/ledger/address.json", 8996));
    const auto contracts = settlement::Contracts::load(folder_ / "owner/ledger/address.json", 8996);
    const Address job_escrow = contracts ? contracts->escrow : Address{};
    PB_TRY(height, rpc_->block_number());
    PB_TRY(doors, rpc_->logs({.from_block = addresses.start_block, .to_block = height, .addresses = {job_escrow}, .topics0 = {bindings::job_escrow::DoorMadeEvent::topic()}}));
    const Address door = doors.empty() ? Address{} : Address::from(doors.front().topics[1].view().subspan(12)).value_or(Address{});
    const auto name_of = [&](const Address& address) -> std::string {
      for (const auto& who : parties_)
        if (std::find(who.accounts.begin(), who.accounts.end(), address) != who.accounts.end()) return who.name;
      if (address == addresses.escrow) return "escrow";
      if (address == addresses.fixed_price) return "exchange";
      if (address == job_escrow) return "job escrow";
      if (address == door) return "door";
      return "";
    };
    PB_TRY(logs, rpc_->logs({.from_block = addresses.start_block, .to_block = height, .addresses = {token_}, .topics0 = {bindings::erc20_template::TransferEvent::topic()}}));
    std::map<std::pair<std::string, std::string>, U256> sums;
    for (const auto& log : logs) {
      PB_TRY(event, bindings::erc20_template::TransferEvent::decode(log));
      std::string from = name_of(event.from), to = name_of(event.to);
      if (from.empty() && to.empty()) continue;
      if (from.empty()) continue;  // the faucet
      if (to.empty()) to = "Ocean community fee";
      sums[{from, to}] += event.value;
    }
    json::Array out;
    for (const auto& [pair, amount] : sums) out.push_back(json::Object{{"from", pair.first}, {"to", pair.second}, {"amount", amount.dec()}});
    return out;
  }

  void stop() {
    member_processes_.clear();
    owner_server_.stop();
    market_server_.stop();
    if (!chain_url_.empty()) (void)command("owner", {"chain", "stop"}).has_value();
  }

  Context& context_;
  DemoOptions options_;
  fs::path folder_;
  std::int64_t start_ = 0;
  std::string chain_url_;
  Address token_;
  std::unique_ptr<chain::Rpc> rpc_;
  Server owner_server_, market_server_;
  static constexpr int kCommitWindow = 8, kGrace = 5;  // seconds
  std::vector<std::string> owner_arguments_;
  std::vector<Party> members_;
  std::vector<Server> member_processes_;
  std::vector<Party> parties_;
  json::Array steps_;
  json::Object story_;
};

}  // namespace

Result<Output> demo(Context& context, const DemoOptions& options) { return Demo(context, options).run(); }

}  // namespace peaberry::cli
