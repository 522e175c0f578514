// 2. Roastery: machines by sealed bids. Two hosts bid for a training job; the cheaper wins, starts by its own transaction, and is paid by the second.
#include <fmt/core.h>

#include "story.hpp"

namespace peaberry::story {

Status Story::roastery() {
  constexpr const char *kCommit = "4", *kReveal = "4";
  stage_.begin("roastery", {"2 · Roastery – compute", "二 · 烘焙坊——算力"});
  PB_TRY(order, stage_.run("developer", {"auction", "open", "--max-rate", "0.02", "--seconds", "60", "--deposit", "5", "--hosts", stage_.address("host1"), stage_.address("host2"), "--commit-seconds", kCommit, "--reveal-seconds", kReveal, "--start-within", "20"}));
  const std::string id = json::string_or(order, "orderId");
  stage_.tell({"the developer asks for a machine near the rows: 60 s at most 0.02 OCEAN a second; only admitted hosts may bid", "开发者为数据旁的机器招标：60 秒，每秒至多 0.02 OCEAN；只有获准的主机可竞价"});
  const auto bid = [&](const char* host, const char* rate) -> Stage::Call { return {host, {"auction", "bid", id, "--rate", rate, "--hosts", stage_.address("host1"), stage_.address("host2")}}; };
  PB_TRY(bids, stage_.together({bid("host1", "0.012"), bid("host2", "0.015")}));
  for (const auto& one : bids) stage_.step("a sealed bid", one);
  PB_TRY(outsider, stage_.refused("bob", {"auction", "bid", id, "--rate", "0.001", "--hosts", stage_.address("host1"), stage_.address("host2")}));
  stage_.tell({"somebody who is no host cannot bid: " + outsider.substr(0, 90), "非主机不能竞价：" + outsider.substr(0, 90)});
  PB_CHECK(stage_.wait_until(json::uint_or(order, "commitUntil", 0)));
  PB_TRY(opened, stage_.together({{"host1", {"auction", "reveal", id, "--rate", "0.012"}}, {"host2", {"auction", "reveal", id, "--rate", "0.015"}}}));
  for (const auto& one : opened) stage_.step("a bid is opened", one);
  PB_CHECK(stage_.wait_until(json::uint_or(order, "revealUntil", 0)));
  PB_TRY(shown, stage_.run("developer", {"auction", "show", id}));
  for (const char* host : {"host1", "host2"})
    if (json::string_or(shown, "winner") == stage_.address(host)) lease_winner_ = host;
  if (lease_winner_.empty()) return fail(Errc::kInternal, "the auction has no winner");
  PB_TRY(started, stage_.run(lease_winner_, {"auction", "start", id}));
  stage_.step("the winner starts the lease", started);
  const auto began = static_cast<std::uint64_t>(stage_.clock().unix_seconds());
  const std::string loser = lease_winner_ == "host1" ? "host2" : "host1";
  PB_TRY(released, stage_.run(loser, {"auction", "release", id}));
  stage_.step("the loser's deposit returns", released);
  stage_.tell({lease_winner_ + " is cheaper and starts; " + loser + " has its deposit back", lease_winner_ + " 出价更低并启动；" + loser + " 取回押金"});

  const fs::path model = stage_.home("developer") / "model";
  PB_TRY(trained, stage_.run("developer", {"compute", "start", "--data", table_did_, "--algo", trainer_did_, "--custom", json::stringify(json::Object{{"label", label_}, {"seed", options_.seed}, {"model", "mlp"}}), "--seconds", "60", "--lease", id, "--wait", "--output", model.string()}));
  stage_.step("buy the use and train at the host", trained);
  const auto* job = json::find_object(trained, "job");
  if (job == nullptr || json::uint_or(*job, "status", 0) != 70) return fail(Errc::kInternal, "the training at the host ended as: " + (job == nullptr ? "?" : json::string_or(*job, "statusText") + " " + json::string_or(*job, "reason")));
  papers_.push_back(json::Object{{"kind", "receipt"}, {"file", "developer/model/receipt.json"}});
  const std::uint64_t crossed = json::uint_or(job->at("hosted").as_object(), "bytesToHost", 0);
  bytes_to_hosts_ += crossed;
  // On a fast machine a small table is trained on within the second in which the lease began, and no second would be paid.
  PB_CHECK(stage_.wait_until(began + 1));
  PB_TRY(closed, stage_.run("developer", {"auction", "close", id}));
  stage_.step("the developer closes the lease", closed);
  PB_TRY(settled, stage_.run(lease_winner_, {"auction", "settle", id}));
  stage_.step("the host is paid by the second", settled);
  for (const char* host : {"host1", "host2"}) PB_CHECK(stage_.run(host, {"auction", "withdraw"}));
  PB_CHECK(stage_.run("developer", {"auction", "withdraw"}));
  PB_TRY(end, stage_.run("developer", {"auction", "show", id}));
  const std::string price = format_units(U256::parse(json::string_or(end.at("lease").as_object(), "paid")).value_or(U256{}), 18);
  stage_.tell({fmt::format("trained in {}'s sandbox: {} bytes crossed to the host, sealed; it is paid {} OCEAN for its seconds", lease_winner_, crossed, price),
               fmt::format("在 {} 的沙箱内训练：{} 字节加密送达主机；按秒支付 {} OCEAN", lease_winner_, crossed, price)});
  stage_.evidence({"the training at the host", "主机上的训练"}, "signatures of host and owner (unchecked run)", 0);
  return {};
}

}  // namespace peaberry::story
