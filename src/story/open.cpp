// The house is opened: two chains, the nodes, and everybody with a key and a home of their own.
#include <fmt/core.h>

#include <peaberry/crypto/keys.hpp>
#include <peaberry/ledger/ledger.hpp>

#include "story.hpp"

namespace peaberry::story {

const std::vector<std::pair<std::string, Words>>& cheats() {
  static const std::vector<std::pair<std::string, Words>> kCheats = {
      {"fake-rows", {"the owner swaps the listed rows for others", "数据所有者偷换已登记的数据行"}},
      {"copy-model", {"a trainer enters a touched-up copy of another's model", "训练者提交他人模型的改动副本"}},
      {"swap-model", {"the executor answers with another model", "执行者用另一个模型作答"}},
      {"overcharge", {"the executor asks for more than the job holds", "执行者索要超过任务金额的报酬"}},
      {"steal-claim", {"a thief repeats somebody's answer as its own", "窃贼把别人的答案据为己有"}},
      {"lie-in-quorum", {"one of three members votes for a lie, and the executor claims it", "三名成员之一为谎言投票，执行者据此索赔"}},
      {"replay", {"votes on one job are shown again for another", "把一个任务的投票重用于另一个任务"}},
      {"stale-price", {"an order is priced by a feed that nobody has fed for too long", "用过期的价格下单"}},
      {"forged-message", {"the executor proves a delivery that never happened", "执行者伪造一次从未发生的交付"}},
  };
  return kCheats;
}

Story::Story(net::Client& http, const Clock& clock, Random& random, StoryOptions options)
    : options_(std::move(options)), stage_(http, clock, random, {fs::absolute(options_.folder), options_.language}) {}

Result<Told> Story::play() {
  static const std::vector<std::string> kStations = {"farm", "roastery", "recipe", "counter", "cup", "till"};
  if (!options_.stop.empty() && std::find(kStations.begin(), kStations.end(), options_.stop) == kStations.end()) return fail(Errc::kInvalid, "stop: there is no station \"" + options_.stop + "\"", "farm, roastery, recipe, counter, cup or till");
  if (!options_.cheat.empty() && std::none_of(cheats().begin(), cheats().end(), [&](const auto& cheat) { return cheat.first == options_.cheat; })) {
    std::string list;
    for (const auto& [name, words] : cheats()) list += (list.empty() ? "" : ", ") + name;
    return fail(Errc::kInvalid, "cheat: there is no lie \"" + options_.cheat + "\"", list);
  }
  if (options_.evidence != "none" && options_.evidence != "quorum") return fail(Errc::kInvalid, "evidence \"" + options_.evidence + "\" is unknown", "use none or quorum");
  if (options_.language != "en" && options_.language != "zh") return fail(Errc::kInvalid, "language \"" + options_.language + "\" is unknown", "use en or zh");
  std::error_code code;
  fs::remove_all(stage_.folder(), code);
  PB_CHECK(make_directories(stage_.folder() / "received"));
  const auto run = [&]() -> Status {
    PB_CHECK(open());
    using Station = Status (Story::*)();
    for (const auto& [name, station] : {std::pair<const char*, Station>{"farm", &Story::farm}, {"roastery", &Story::roastery}, {"recipe", &Story::recipe}, {"counter", &Story::counter}, {"cup", &Story::cup}, {"till", &Story::till}}) {
      if (lies_at_the_counter() && (station == &Story::roastery || station == &Story::recipe)) continue;
      PB_CHECK((this->*station)());
      if (ended_ || options_.stop == name) break;
    }
    if (!options_.cheat.empty() && caught_.empty()) return fail(Errc::kInternal, "the lie was not told: the story ended before its station");
    return finish();
  };
  const Status done = run();
  close();
  if (!done) return done.error();
  const bool zh = options_.language == "zh";
  PB_TRY(text, read_text(stage_.folder() / "story.json"));
  PB_TRY(document, json::parse(text, {.max_bytes = std::size_t{64} << 20, .max_depth = 64}));
  std::string line = fmt::format(fmt::runtime(zh ? "\n故事讲完，用时 {:.1f} 秒：{}/story.html" : "\nThe story is told in {:.1f} s: {}/story.html"), stage_.seconds(), stage_.folder().string());
  if (!caught_.empty()) line = fmt::format(fmt::runtime(zh ? "\n谎言被拒绝：{}\n  检查：{}\n  原话：{}" : "\nThe lie was refused: {}\n  by: {}\n  it said: {}"), json::string_or(caught_.at("lie").as_object(), options_.language), json::string_or(caught_, "check"), json::string_or(caught_, "said")) + line;
  return Told{document.as_object(), line};
}

Status Story::caught(const Words& lie, const std::string& check, const std::string& said) {
  caught_ = {{"cheat", options_.cheat}, {"lie", lie.to_json()}, {"check", check}, {"said", said}};
  stage_.tell({"REFUSED by " + check + ": " + said, "被拒绝（" + check + "）：" + said});
  ended_ = true;
  return {};
}

std::string Story::write_json(const std::string& who, const std::string& name, const json::Value& value) {
  const fs::path file = stage_.home(who) / name;
  (void)make_directories(file.parent_path()).has_value();
  (void)write_file_atomic(file, as_bytes(json::pretty(value) + "\n")).has_value();
  return file.string();
}

Status Story::open() {
  const bool quorum = options_.evidence == "quorum";
  stage_.begin("open", {"One bean through all five layers. Everything below is on this machine: separate processes, real contracts, two chains.", "一粒豆走过五层。一切都在本机：独立进程、真实合约、两条链。"});
  // The neighbours first: the owner's environment may name them as its quorum.
  const Words neighbour{"a neighbour whom the hospital admits as host of its rows: bids, runs jobs, votes", "医院准许存放其数据的邻居：竞价、运行任务、投票"};
  std::vector<Stage::Call> seats;
  const std::vector<std::pair<std::string, Words>> cast = {
      {"host1", neighbour}, {"host2", neighbour}, {"host3", neighbour},
      {"developer", {"an AI developer who buys the use of data, and trains", "AI 开发者：购买数据使用权并训练"}},
      {"market", {"a market's node: indexes and lists", "市场节点：索引与展示"}},
      {"bob", {"a second trainer", "第二位训练者"}},
      {"copycat", {"a trainer who has got hold of another's model", "拿到他人模型的训练者"}},
      {"clinic", {"a clinic whose contract asks the model", "诊所：其合约向模型提问"}},
      {"robot", {"a robot that buys answers by the call", "按次购买答案的机器人"}},
      {"executor", {"delivers orders on the other chain", "在另一条链上交付订单"}},
      {"locker", {"holds locked OCEAN and votes on grants", "锁定 OCEAN 并对资助投票"}},
      {"worker", {"brings the farm a new data set for a grant", "以资助带来新数据集"}},
      {"seller", {"sells a data set on the other chain", "在另一条链上出售数据集"}}};
  for (const auto& [name, role] : cast) seats.push_back({name, {"keys", "new"}});
  PB_TRY(keys, stage_.together(seats));
  const auto take = [&](const std::string& name, const Words& role, const json::Object& reply) -> Status {
    PB_TRY(account, json::address_at(reply, "operator"));
    PB_TRY(treasury, json::address_at(reply, "treasury"));
    stage_.parties.push_back({name, role, account, treasury, 0});
    return {};
  };
  const std::uint16_t owner_port = ledger::free_port(), market_port = ledger::free_port(), chain_port = ledger::free_port();
  const std::string owner_url = "http://127.0.0.1:" + std::to_string(owner_port);
  market_url_ = "http://127.0.0.1:" + std::to_string(market_port);
  owner_arguments_ = {"--home", stage_.home("owner").string(), "up", "--port", std::to_string(owner_port), "--chain-port", std::to_string(chain_port), "--min-job-seconds", "1", "--cpu-price", "0.6"};
  if (quorum) {
    json::Array signers;
    for (std::size_t i = 0; i < 3; ++i) {
      PB_TRY(account, json::address_at(keys[i], "operator"));
      signers.push_back(json::Value(Stage::text_of(account)));
    }
    owner_arguments_.insert(owner_arguments_.end(), {"--evidence", write_json("owner", "policy.json", json::Object{{"quorum", json::Object{{"k", 2}, {"commitWindow", 8}, {"signers", signers}, {"window", 60}}}})});
  }
  PB_TRY(owner, Server::start(owner_arguments_, stage_.folder() / "owner.log", owner_url, stage_.http()));
  owner_server_ = std::move(owner);
  stage_.url_a = "http://127.0.0.1:" + std::to_string(chain_port), stage_.node_url = owner_url, stage_.addresses_a = stage_.home("owner") / "ledger/address.json";
  PB_TRY(contracts, settlement::Contracts::load(stage_.addresses_a, 8996));
  contracts_ = contracts;
  PB_TRY(owner_keys, stage_.run("owner", {"keys", "show"}));
  PB_CHECK(take("owner", {"a hospital that sells the use of its table, not the table", "医院：出售数据的使用权，而非数据本身"}, owner_keys));
  for (std::size_t i = 0; i < cast.size(); ++i) PB_CHECK(take(cast[i].first, cast[i].second, keys[i]));
  PB_TRY(market, Server::start({"--home", stage_.home("market").string(), "--chain", stage_.url_a, "--address-file", stage_.addresses_of("market").string(), "serve", "--no-compute", "--port", std::to_string(market_port)}, stage_.folder() / "market.log", market_url_, stage_.http()));
  market_server_ = std::move(market);
  for (const auto& [name, tokens] : {std::pair<const char*, const char*>{"owner", "30"}, {"developer", "100"}, {"market", "0"}, {"host1", "20"}, {"host2", "20"}, {"host3", "20"}, {"bob", "20"}, {"copycat", "20"}, {"clinic", "20"}, {"robot", "0"}, {"executor", "0"}, {"locker", "100"}, {"worker", "0"}})
    PB_CHECK(stage_.fund(name, 10, std::strtoull(tokens, nullptr, 10), false));
  PB_CHECK(stage_.run("robot", {"chain", "mint", stage_.address("robot"), "--amount", "2"}));
  PB_CHECK(stage_.run("developer", {"chain", "mint", stage_.address("developer"), "--amount", "20"}));
  stage_.tell({"the hospital's node is up with a chain of its own and Ocean's contracts on it; fourteen parties have keys, homes and some coins", "医院节点启动，自带一条链与 Ocean 合约；十四个参与方各有密钥与主目录"});
  for (const char* name : {"host1", "host2", "host3"}) {
    PB_TRY(process, Server::start_silent({"--home", stage_.home(name).string(), "--chain", stage_.url_a, "--address-file", stage_.addresses_of(name).string(), "host", "--of", owner_url, "--grace", "5", "--poll-ms", "200"}, stage_.folder() / (std::string(name) + ".log")));
    hosts_.push_back(std::move(process));
  }
  return {};
}

void Story::close() {
  hosts_.clear();
  for (Server* server : {&toll_, &model_server_, &worker_server_, &seller_server_, &owner_server_, &market_server_}) server->stop();
  if (!stage_.url_a.empty()) (void)stage_.run("owner", {"chain", "stop"}).has_value();
  if (!stage_.url_b.empty()) (void)stage_.run("chain-b", {"chain", "stop"}).has_value();
}

}  // namespace peaberry::story
