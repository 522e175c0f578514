// 6. Till: revenue is shared by lineage; the community burns half of its part and grants the other half by a vote of lockers; the grant pays a worker
// whose new data set enters the farm.
#include <fmt/core.h>

#include <peaberry/ledger/ledger.hpp>

#include "story.hpp"

namespace peaberry::story {

Status Story::till() {
  stage_.begin("till", {"6 · Till – the economy", "六 · 钱柜——经济"});
  const std::string usd = Stage::text_of(contracts_.test_usd);
  PB_TRY(ocean, stage_.run("market", {"revenue", "distribute", router_}));
  stage_.step("the answers' OCEAN is shared out", ocean);
  PB_TRY(dollars, stage_.run("market", {"revenue", "distribute", router_, "--token", usd}));
  stage_.step("the robot's TestUSD is shared out", dollars);
  const auto units = [](const json::Object& object, const char* key, unsigned decimals) { return format_units(U256::parse(json::string_or(object, key)).value_or(U256{}), decimals); };
  stage_.tell({units(ocean, "amount", 18) + " OCEAN and " + units(dollars, "amount", 6) + " TestUSD are shared: 40 % data owner, 30 % trainer, 15 % machine, 5 % validator, 10 % community", "分配 " + units(ocean, "amount", 18) + " OCEAN 与 " + units(dollars, "amount", 6) + " TestUSD：数据所有者 40 %，训练者 30 %，机器 15 %，验证者 5 %，社区 10 %"});
  // What is granted must lie at the governor before it is voted on.
  const auto send = [&](const std::string& account, bool in_usd) -> Status {
    Stage::Arguments arguments{"revenue", "withdraw", router_, "--account", account};
    if (in_usd) arguments.insert(arguments.end(), {"--token", usd});
    PB_TRY(sent, stage_.run("market", arguments));
    stage_.step("a share is sent", sent);
    return {};
  };
  PB_CHECK(send(governor_, false));
  const std::string granted = units(ocean, "granted", 18);
  PB_TRY(proposal, stage_.run("locker", {"grants", "propose", governor_, "--to", stage_.address("worker"), "--amount", granted, "--why", "A new data set for the farm"}));
  stage_.step("a grant is proposed", proposal);
  const std::string id = json::string_or(proposal, "proposal");
  // Everybody's share goes out meanwhile; each is a block of the vote's clock.
  const std::string dead = "0x000000000000000000000000000000000000dEaD";
  PB_CHECK(send(dead, false));
  PB_CHECK(send(Stage::text_of(stage_.party("owner").treasury), false));
  PB_TRY(voted, stage_.run("locker", {"grants", "vote", governor_, id}));
  stage_.step("the lockers vote", voted);
  for (const auto& who : {winner_, lease_winner_, std::string("host3")}) PB_CHECK(send(Stage::text_of(stage_.party(who).treasury), false));
  for (const auto& account : {dead, governor_, Stage::text_of(stage_.party("owner").treasury), Stage::text_of(stage_.party(winner_).treasury), Stage::text_of(stage_.party(lease_winner_).treasury), Stage::text_of(stage_.party("host3").treasury)}) PB_CHECK(send(account, true));
  for (const auto& who : {winner_, std::string("market")}) {
    PB_TRY(taken, stage_.run(who, {"job", "withdraw"}));
    stage_.step("credits are withdrawn", taken);
  }
  PB_TRY(executed, stage_.run("worker", {"grants", "execute", governor_, id}));
  stage_.step("the grant is paid", executed);
  stage_.tell({"the community's part: " + units(ocean, "burned", 18) + " OCEAN burned, " + granted + " granted to a worker by a vote of real veOCEAN", "社区部分：销毁 " + units(ocean, "burned", 18) + " OCEAN，经真实 veOCEAN 投票资助 " + granted});

  // The loop closes: what the grant was for enters the farm.
  const std::uint16_t port = ledger::free_port();
  const std::string url = "http://127.0.0.1:" + std::to_string(port);
  std::error_code code;
  PB_TRY(worker, Server::start({"--home", stage_.home("worker").string(), "--chain", stage_.url_a, "--address-file", stage_.addresses_of("worker").string(), "serve", "--no-compute", "--port", std::to_string(port)}, stage_.folder() / "worker.log", url, stage_.http()));
  worker_server_ = std::move(worker);
  const std::string field = (stage_.home("worker") / "field.csv").string();
  PB_CHECK(write_file_atomic(field, as_bytes("plot,yield\n1,4.1\n2,3.8\n3,4.4\n4,3.9\n")));
  PB_TRY(listed, stage_.run("worker", {"--node", url, "publish", field, "--name", "Field trial, paid by a grant", "--description", "A new table that the community paid for", "--free"}));
  stage_.step("the worker lists a new data set", listed);
  PB_TRY(registered, stage_.run("worker", {"--node", url, "table", "register", json::string_or(listed, "did"), "--file", field}));
  stage_.step("table register", registered);
  PB_TRY(found, wait_found({"field trial"}));
  if (found != json::string_or(listed, "did")) return fail(Errc::kInternal, "the market does not find the new data set");
  // The owner's bond has stood long enough.
  PB_TRY(released, stage_.run("owner", {"quality", "release", quality_claim_}));
  stage_.step("the bond behind the quality returns", released);
  stage_.tell({"the worker's new data set enters the farm, and the market finds it: the loop is closed", "工人的新数据集进入农场，市场已能找到：循环闭合"});
  return {};
}

}  // namespace peaberry::story
