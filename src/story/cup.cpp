// 5. Cup: an application. A robot buys a hundred answers by the call; the chain stands still for thirty of them; one claim pays for all.
#include <fmt/core.h>
#include <signal.h>

#include "story.hpp"

namespace peaberry::story {

Status Story::cup() {
  stage_.begin("cup", {"5 · Cup – an application", "五 · 杯——应用"});
  std::string line;
  PB_TRY(model, Server::start_silent({"--json", "--home", stage_.home(winner_).string(), "model", "serve", model_file_, "--port", "0"}, stage_.folder() / "model.log", &line));
  model_server_ = std::move(model);
  PB_TRY(serving, json::parse(line));
  const std::string upstream = json::string_or(serving.as_object(), "url");
  PB_TRY(door, Server::start_silent({"--json", "--home", stage_.home(winner_).string(), "--chain", stage_.url_a, "--address-file", stage_.addresses_of(winner_).string(), "toll", "--upstream", upstream, "--price", "0.01", "--port", "0", "--pay-to", router_, "--claim-every", "3600"}, stage_.folder() / "toll.log", &line));
  toll_ = std::move(door);
  PB_TRY(opened, json::parse(line));
  const std::string url = json::string_or(opened.as_object(), "url") + (options_.data.empty() ? "/?age=64&sex=female&smoker=no&systolic_bp=141" : "/");
  const auto buy = [&](const char* calls, bool exact) -> Result<json::Object> {
    Stage::Arguments arguments{"robot", "--url", url, "--calls", calls, "--deposit-calls", "100", "--price-max", "0.02"};
    if (exact) arguments.push_back("--exact");
    return stage_.run("robot", arguments);
  };
  PB_TRY(one, buy("1", true));
  stage_.tell({"a robot asks over HTTP, is told 402 and the price, and buys one answer by one signature: " + json::string_or(one, "last").substr(0, 80), "机器人经 HTTP 提问，得到 402 与价格，用一个签名买下一个答案：" + json::string_or(one, "last").substr(0, 80)});
  PB_TRY(first, buy("40", false));
  // The chain stands still: nobody can reach it. Vouchers are signatures, and go on.
  PB_TRY(pid_text, read_text(stage_.home("owner") / "ledger/anvil.json"));
  PB_TRY(pid_value, json::parse(pid_text));
  const auto pid = static_cast<pid_t>(json::uint_or(pid_value.as_object(), "pid", 0));
  if (pid <= 1 || kill(pid, SIGSTOP) != 0) return fail(Errc::kInternal, "the chain cannot be stopped for a while");
  const auto cut_off = buy("30", false);
  kill(pid, SIGCONT);
  if (!cut_off) return cut_off.error();
  PB_TRY(rest, buy("30", false));
  const std::uint64_t answers = json::uint_or(first, "answers", 0) + json::uint_or(*cut_off, "answers", 0) + json::uint_or(rest, "answers", 0);
  if (answers != 100) return fail(Errc::kInternal, "the robot got " + std::to_string(answers) + " of 100 answers");
  const std::string promised = json::string_or(rest, "promised");
  stage_.party(winner_).cpu_seconds += toll_.stop() + model_server_.stop();  // claims what it is owed when it ends
  stage_.tell({fmt::format("a hundred answers out of a channel: one deposit, {} TestUSD promised by a hundred signatures, one claim; for thirty of them the chain stood still", format_units(U256::parse(promised).value_or(U256{}), 6)), fmt::format("通道内一百个答案：一次充值，一百个签名承诺 {} TestUSD，一次结算；其中三十个期间链完全停住", format_units(U256::parse(promised).value_or(U256{}), 6))});
  stage_.evidence({"a hundred answers", "一百个答案"}, "unchecked; each paid by a signature", 0);
  jobs_.push_back(json::Object{{"kind", "channel"}, {"id", json::string_or(rest, "channel")}, {"promised", promised}});
  return {};
}

}  // namespace peaberry::story
