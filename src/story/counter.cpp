// 4. Shop counter: the winning model answers – re-executed by the chain, or by a quorum of hosts; a feed prices an order on one chain for an asset
// on another, paid when its delivery is proven.
#include <fmt/core.h>

#include <algorithm>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/ledger/ledger.hpp>

#include "story.hpp"

namespace peaberry::story {

Result<std::uint64_t> Story::opened_at(const std::string& job) {
  PB_TRY(shown, stage_.run("clinic", {"job", "show", job}));
  return json::uint_or(shown, "openedAt", 0);
}

Status Story::paid(const std::string& job) {
  for (int i = 0; i < 300; ++i) {
    PB_TRY(shown, stage_.run("market", {"job", "show", job}));
    if (json::string_or(shown, "state") == "final") return {};
    stage_.clock().sleep_ms(100);
  }
  return fail(Errc::kTimeout, "no keeper has paid job " + job, "see host1.log");
}

Result<std::vector<std::string>> Story::vote(const std::string& job, const std::string& output_hash, std::uint64_t opened, std::uint64_t window, const std::vector<std::string>& signers) {
  std::vector<Stage::Call> calls;
  for (const auto& signer : signers) calls.push_back({signer, {"job", "vote", job, "--output-hash", output_hash}});
  PB_TRY(sealed, stage_.together(calls));
  for (const auto& one : sealed) stage_.step("a member seals its vote", one);
  PB_CHECK(stage_.wait_until(opened + window));
  std::vector<std::string> out;
  for (const auto& signer : signers) {
    PB_TRY(revealed, stage_.run(signer, {"job", "reveal", job, "--output-hash", output_hash}));
    out.push_back("--vote");
    out.push_back(json::string_or(revealed, "vote"));
  }
  return out;
}

Status Story::counter() {
  if (model_file_.empty()) return fail(Errc::kInternal, "no model has won");
  stage_.begin("counter", {"4 · Shop counter – evidence, oracles, chains", "四 · 柜台——证据、预言机、跨链"});
  // Whoever earns by this model: its lineage, the machines, the judges, the community.
  PB_TRY(lock, stage_.run("locker", {"ve", "lock", "60", "--weeks", "52"}));
  stage_.step("OCEAN is locked for votes", lock);
  PB_TRY(governor, stage_.run("locker", {"grants", "deploy", "--delay", "1", "--period", "8", "--threshold", "0", "--quorum", "10"}));
  stage_.step("grants deploy", governor);
  governor_ = json::string_or(governor, "governor");
  const auto share = [&](const std::string& who, const char* bps) { return Stage::text_of(stage_.party(who).treasury) + ":" + bps; };
  PB_TRY(router, stage_.run(winner_, {"revenue", "deploy", "--party", share("owner", "4000"), "--party", share(winner_, "3000"), "--party", share(lease_winner_, "1500"), "--party", share("host3", "500"), "--grants", governor_}));
  stage_.step("revenue deploy", router);
  router_ = json::string_or(router, "router");
  PB_TRY(clinic, stage_.run("clinic", {"clinic", "deploy"}));
  stage_.step("clinic deploy", clinic);
  clinic_ = json::string_or(clinic, "clinic");
  PB_TRY(funded, stage_.run("clinic", {"pay", clinic_, "--amount", "12"}));
  stage_.step("the clinic's contract is given money", funded);
  qops_file_ = (stage_.home(winner_) / "model.qops").string(), input_file_ = (stage_.home(winner_) / "case.bin").string(), output_file_ = (stage_.home(winner_) / "answer.bin").string();
  PB_TRY(exported, stage_.run(winner_, {"model", "export", model_file_, "-o", qops_file_}));
  PB_TRY(published, stage_.run(winner_, {"job", "publish-model", qops_file_}));
  stage_.step("the model is stored as code", published);
  model_root_ = json::string_or(exported, "subjectRoot");
  Stage::Arguments encode{"model", "encode", model_file_, "-o", input_file_};
  if (options_.data.empty())
    for (const char* value : {"age=71", "sex=male", "bmi=31.2", "systolic_bp=158", "cholesterol=251", "glucose=139", "smoker=yes", "activity_hours=0.5", "family_history=yes", "ward=cardiology"}) encode.insert(encode.end(), {"--value", value});
  PB_TRY(encoded, stage_.run(winner_, encode));
  input_root_ = json::string_or(encoded, "inputRoot");
  PB_TRY(ran, stage_.run(winner_, {"model", "run", qops_file_, "--input", input_file_, "-o", output_file_}));
  output_hash_ = json::string_or(ran, "outputHash");
  PB_TRY(plan, stage_.run("clinic", {"policy", "plan", "--value", "50", "--latency", "30", "--gas-price", "0.00000003", "--run-cost", "0.0001", "--signer-bond", "100", "--macs", std::to_string(json::uint_or(exported, "bytes", 0)), "--model-bytes", std::to_string(json::uint_or(exported, "bytes", 0)), "--input-bytes", std::to_string(json::uint_or(exported, "inputs", 0)), "--model-published"}));
  std::string costs;
  if (const auto* list = json::find_array(plan, "options"))
    for (const auto& item : *list) {
      const auto& one = item.as_object();
      const auto* cost = json::find(one, "cost");
      costs += (costs.empty() ? "" : ", ") + json::string_or(one, "mode") + fmt::format(" ${:.4f}", cost != nullptr && cost->is_number() ? cost->to_number<double>() : 0.0);
    }
  std::string why;
  if (const auto* reasons = json::find_array(plan, "reasons"); reasons != nullptr && !reasons->empty() && (*reasons)[0].is_string()) why = ": " + std::string(json::sv((*reasons)[0].get_string()));
  stage_.tell({winner_ + "'s model in whole numbers is " + std::to_string(json::uint_or(exported, "bytes", 0)) + " bytes; the planner chooses " + json::string_or(plan, "chosen") + " (" + costs + ")" + why, winner_ + " 的整数模型为 " + std::to_string(json::uint_or(exported, "bytes", 0)) + " 字节；规划器选择 " + json::string_or(plan, "chosen") + "（" + costs + "）"});
  PB_CHECK(answer_directly());
  if (!ended_) PB_CHECK(answer_by_quorum());
  if (!ended_) PB_CHECK(order_across_chains());
  return {};
}

Status Story::answer_directly() {
  const std::string policy = write_json("clinic", "direct.json", json::Object{{"direct", json::Object{}}});
  const bool stolen = lies("steal-claim");
  Stage::Arguments ask{"clinic", "ask", clinic_, "--model", model_root_, "--input", input_root_, "--policy", policy, "--amount", "4", "--fee-to", stage_.address("market"), "--fee-bps", "100", "--royalty-to", router_, "--royalty-bps", "9000", "--seconds", "120"};
  if (!stolen) ask.insert(ask.end(), {"--executor", stage_.address(winner_)});
  PB_TRY(asked, stage_.run("clinic", ask));
  stage_.step("the clinic asks", asked);
  const std::string job = json::string_or(asked, "jobId");
  const Stage::Arguments answer{"job", "claim", job, "--output", output_file_, "--data", input_file_};
  if (lies("swap-model")) {
    // The other model would have said the other thing.
    PB_TRY(output, read_file(output_file_));
    output.back() ^= 1;
    const std::string wrong = (stage_.home(winner_) / "other-answer.bin").string();
    PB_CHECK(write_file_atomic(wrong, output));
    PB_TRY(said, stage_.refused(winner_, {"job", "claim", job, "--output", wrong, "--data", input_file_}));
    return caught(cheats()[2].second, "DirectVerifier: the chain runs the model itself", said);
  }
  if (lies("overcharge")) {
    PB_TRY(said, stage_.refused(winner_, {"job", "claim", job, "--output", output_file_, "--data", input_file_, "--amount", "400"}));
    return caught(cheats()[3].second, "JobEscrow: nothing beyond what the job holds", said);
  }
  PB_TRY(claimed, stage_.run(winner_, answer));
  stage_.step("the answer, re-executed by the chain", claimed);
  PB_CHECK(paid(job));  // by a keeper, at its own time: a copy that comes before that is taken, and never paid
  if (stolen) {
    Stage::Arguments copy = answer;
    PB_TRY(said, stage_.refused("copycat", copy));
    return caught(cheats()[4].second, "JobEscrow: who committed first is paid, and the job is over", said);
  }
  PB_TRY(acted, stage_.run("clinic", {"clinic", "show", clinic_, job}));
  const auto& claims = claimed.at("steps").as_array();
  const std::uint64_t gas = json::uint_or(claims.back().as_object(), "gas", 0);
  stage_.tell({"the clinic's contract asked, the chain ran the model itself (" + std::to_string(gas) + " gas), the case is " + json::string_or(acted, "triage") + ": 4 OCEAN, 90 % of it to the model's lineage", "诊所合约提问，链自己运行模型（" + std::to_string(gas) + " gas），病例为 " + json::string_or(acted, "triage") + "：4 OCEAN，其中 90 % 归模型血统"});
  stage_.evidence({"the first answer", "第一个答案"}, "direct: the chain re-executed it", gas);
  jobs_.push_back(json::Object{{"kind", "job"}, {"id", job}, {"evidence", "direct"}, {"outputHash", output_hash_}, {"executor", stage_.address(winner_)}});
  return {};
}

Status Story::answer_by_quorum() {
  constexpr std::uint64_t kWindow = 5;
  json::Array signers;
  for (const char* host : {"host1", "host2", "host3"}) signers.push_back(json::Value(stage_.address(host)));
  const std::string policy = write_json("clinic", "quorum.json", json::Object{{"quorum", json::Object{{"k", 2}, {"commitWindow", kWindow}, {"signers", signers}, {"window", 2}}}});
  const auto ask = [&](const std::string& what) -> Result<std::string> {
    PB_TRY(asked, stage_.run("clinic", {"clinic", "ask", clinic_, "--model", model_root_, "--input", input_root_, "--policy", policy, "--amount", "4", "--executor", stage_.address(winner_), "--fee-to", stage_.address("market"), "--fee-bps", "100", "--royalty-to", router_, "--royalty-bps", "9000", "--seconds", "120"}));
    stage_.step(what, asked);
    return json::string_or(asked, "jobId");
  };
  PB_TRY(job, ask("the clinic asks again"));
  PB_TRY(opened, opened_at(job));
  const std::string false_hash = "0x" + std::string(62, '0') + "66";
  if (lies("lie-in-quorum")) {
    PB_CHECK(stage_.run("host3", {"job", "vote", job, "--output-hash", false_hash}));
    PB_TRY(honest, vote(job, output_hash_, opened, kWindow, {"host1", "host2"}));
    PB_TRY(lie, stage_.run("host3", {"job", "reveal", job, "--output-hash", false_hash}));
    PB_TRY(output, read_file(output_file_));
    output.back() ^= 1;
    const std::string wrong = (stage_.home(winner_) / "lie.bin").string();
    PB_CHECK(write_file_atomic(wrong, output));
    Stage::Arguments claim{"job", "claim", job, "--output", wrong, "--vote", json::string_or(lie, "vote")};
    claim.insert(claim.end(), honest.begin(), honest.end());
    PB_TRY(said, stage_.refused(winner_, claim));
    return caught(cheats()[5].second, "QuorumVerifier: two of three agree on another output", said);
  }
  PB_TRY(votes, vote(job, output_hash_, opened, kWindow, {"host1", "host2", "host3"}));
  Stage::Arguments claim{"job", "claim", job, "--output", output_file_};
  claim.insert(claim.end(), votes.begin(), votes.end());
  PB_TRY(claimed, stage_.run(winner_, claim));
  stage_.step("the answer, by quorum", claimed);
  if (lies("replay")) {
    PB_TRY(second, ask("a second question"));
    PB_TRY(second_opened, opened_at(second));
    PB_CHECK(stage_.wait_until(second_opened + kWindow));
    Stage::Arguments again{"job", "claim", second, "--output", output_file_};
    again.insert(again.end(), votes.begin(), votes.end());
    PB_TRY(said, stage_.refused(winner_, again));
    return caught(cheats()[6].second, "QuorumVerifier: a vote is signed and committed for one job", said);
  }
  PB_CHECK(paid(job));
  PB_TRY(acted, stage_.run("clinic", {"clinic", "show", clinic_, job}));
  const std::uint64_t gas = json::uint_or(claimed.at("steps").as_array().back().as_object(), "gas", 0);
  stage_.tell({"the same question by a quorum: three hosts ran the model, two of three would do (" + std::to_string(gas) + " gas); anybody may finalise, a keeper did; the case is " + json::string_or(acted, "triage"), "同一问题由法定人数回答：三位主机运行模型，三取二即可（" + std::to_string(gas) + " gas）；任何人可结算，由看守者完成；病例为 " + json::string_or(acted, "triage")});
  stage_.evidence({"the second answer", "第二个答案"}, "quorum 2 of 3", gas);
  jobs_.push_back(json::Object{{"kind", "job"}, {"id", job}, {"evidence", "quorum"}, {"outputHash", output_hash_}, {"executor", stage_.address(winner_)}});
  return {};
}

Status Story::order_across_chains() {
  constexpr std::uint64_t kWindow = 14;
  // A feed of three reporters says what an OCEAN of chain B is worth in TestUSD.
  Stage::Arguments deploy{"feed", "deploy", "--description", "OCEAN / USD", "--heartbeat", lies("stale-price") ? "2" : "600"};
  for (const char* host : {"host1", "host2", "host3"}) deploy.insert(deploy.end(), {"--reporter", stage_.address(host)});
  PB_TRY(feed, stage_.run("market", deploy));
  stage_.step("feed deploy", feed);
  feed_ = json::string_or(feed, "feed");
  PB_TRY(observed, stage_.together({{"host1", {"feed", "observe", feed_, "--price", "0.448"}}, {"host2", {"feed", "observe", feed_, "--price", "0.45"}}, {"host3", {"feed", "observe", feed_, "--price", "0.455"}}}));
  Stage::Arguments report{"feed", "report", feed_};
  for (const auto& one : observed) report.insert(report.end(), {"--observation", json::stringify(one)});
  PB_TRY(reported, stage_.run("market", report));
  stage_.step("feed report", reported);

  // Chain B, with a seller's node and a listing on it.
  PB_TRY(chain_b, stage_.run("chain-b", {"chain", "start", "--port", "0"}));
  stage_.url_b = json::string_or(chain_b, "chain"), stage_.addresses_b = json::string_or(chain_b, "addressFile");
  PB_CHECK(stage_.fund("seller", 10, 0, true));
  PB_CHECK(stage_.fund("executor", 10, 20, true));
  const std::uint16_t port = ledger::free_port();
  const std::string seller_url = "http://127.0.0.1:" + std::to_string(port);
  PB_TRY(seller, Server::start({"--home", stage_.home("seller").string(), "--chain", stage_.url_b, "--chain-id", "31337", "--address-file", stage_.addresses_of("seller", true).string(), "serve", "--no-compute", "--port", std::to_string(port)}, stage_.folder() / "seller.log", seller_url, stage_.http()));
  seller_server_ = std::move(seller);
  const fs::path weather = stage_.home("seller") / "weather.csv";
  PB_CHECK(write_file_atomic(weather, as_bytes("day,rain\n1,12\n2,0\n3,7\n")));
  PB_TRY(listed, stage_.run("seller", {"--node", seller_url, "publish", weather.string(), "--name", "Weather of three days", "--description", "A small table that is sold on another chain", "--price", "6"}, true));
  stage_.step("a listing on chain B", listed, true);
  const std::string asset = json::string_or(listed, "did");

  json::Array signers;
  for (const char* host : {"host1", "host2", "host3"}) signers.push_back(json::Value(stage_.address(host)));
  const std::string policy = write_json("developer", "delivery.json", json::Object{{"quorum", json::Object{{"k", 2}, {"commitWindow", kWindow}, {"signers", signers}, {"window", 2}}}});
  const Stage::Arguments b{"--chain-b", stage_.url_b, "--chain-b-id", "31337"};
  const auto on_b = [&](Stage::Arguments arguments, const std::string& who) {
    arguments.insert(arguments.end(), b.begin(), b.end());
    arguments.insert(arguments.end(), {"--address-file-b", stage_.addresses_of(who, true).string()});
    return arguments;
  };
  const Stage::Arguments order_arguments = on_b({"bridge", "order", "--asset-b", asset, "--node-b", seller_url, "--recipient", stage_.address("developer"), "--executor", stage_.address("executor"), "--policy", policy, "--feed", feed_, "--feed-times", "--token", Stage::text_of(contracts_.test_usd), "--decimals", "6", "--deliver-within", "40"}, "developer");
  if (lies("stale-price")) {
    PB_CHECK(stage_.wait_until(stage_.clock().unix_seconds() + 3));
    PB_TRY(said, stage_.refused("developer", order_arguments));
    return caught(cheats()[7].second, "the order: a price older than the feed's heartbeat is not acted on", said);
  }
  PB_TRY(order, stage_.run("developer", order_arguments));
  stage_.step("an order for chain B", order);
  const std::string job = json::string_or(order, "jobId");
  PB_TRY(opened, opened_at(job));
  stage_.tell({"a listing on chain B costs 6 OCEAN there; three reporters say 0.45: the developer locks " + format_units(U256::parse(json::string_or(order, "amount")).value_or(U256{}), 6) + " TestUSD on chain A for it", "B 链上的资产售价 6 OCEAN；三位报价者给出 0.45：开发者在 A 链锁定 " + format_units(U256::parse(json::string_or(order, "amount")).value_or(U256{}), 6) + " TestUSD"});
  const std::string proof = (stage_.home("executor") / "proof.json").string();
  const auto attest = [&](const std::string& who) { return Stage::Call{who, on_b({"bridge", "attest", job, "--proof", proof, "--confirmations", "2"}, who)}; };
  if (lies("forged-message")) {
    // It proves another transaction of its own: the payment of a token to itself.
    PB_TRY(other, stage_.run("executor", {"pay", stage_.address("executor"), "--amount", "1"}, true));
    PB_CHECK(stage_.fund("seller", 1, 0, true));
    PB_CHECK(stage_.fund("seller", 1, 0, true));
    PB_TRY(forged, stage_.run("executor", on_b({"bridge", "prove", job, "--tx", json::string_or(other, "tx"), "-o", proof}, "executor")));
    PB_TRY(said, stage_.refused("host1", attest("host1").arguments));
    return caught(cheats()[8].second, "the signer: chain B's block holds no delivery of this message", said);
  }
  PB_TRY(delivered, stage_.run("executor", on_b({"bridge", "deliver", job}, "executor")));
  stage_.step("the delivery on chain B", delivered, true);
  // Other people's transactions on B bury it.
  PB_CHECK(stage_.fund("seller", 1, 0, true));
  PB_CHECK(stage_.fund("seller", 1, 0, true));
  PB_TRY(proven, stage_.run("executor", on_b({"bridge", "prove", job, "-o", proof}, "executor")));
  PB_TRY(attested, stage_.together({attest("host1"), attest("host2")}));
  for (const auto& one : attested) stage_.step("a signer checks B's block and votes", one);
  const std::string output = json::string_or(attested[0], "outputHash");
  PB_CHECK(stage_.wait_until(opened + kWindow));
  Stage::Arguments claim{"job", "claim", job, "--output-hash", output, "--decimals", "6"};
  for (const char* host : {"host1", "host2"}) {
    PB_TRY(revealed, stage_.run(host, {"job", "reveal", job, "--output-hash", output}));
    claim.insert(claim.end(), {"--vote", json::string_or(revealed, "vote")});
  }
  PB_TRY(claimed, stage_.run("executor", claim));
  stage_.step("the delivery is claimed on chain A", claimed);
  PB_CHECK(paid(job));
  PB_CHECK(stage_.run("executor", {"job", "withdraw", "--token", Stage::text_of(contracts_.test_usd)}));
  const std::uint64_t gas = json::uint_or(claimed.at("steps").as_array().back().as_object(), "gas", 0);
  stage_.tell({fmt::format("delivered on chain B; {} bytes prove the receipt by B's block, two signers checked it with their own nodes; the executor is paid on chain A", json::uint_or(proven, "bytes", 0)), fmt::format("已在 B 链交付；{} 字节以 B 链区块证明回执，两位签名者用自己的节点核对；执行者在 A 链收款", json::uint_or(proven, "bytes", 0))});
  stage_.evidence({"the delivery on chain B", "B 链上的交付"}, "quorum 2 of 3 over a receipt proof", gas);
  jobs_.push_back(json::Object{{"kind", "job"}, {"id", job}, {"evidence", "message"}, {"outputHash", output}, {"executor", stage_.address("executor")}});
  write_json("executor", "message.json", order.at("message"));
  papers_.push_back(json::Object{{"kind", "delivery"}, {"file", "executor/proof.json"}, {"message", "executor/message.json"}, {"outputHash", output}});
  return {};
}

}  // namespace peaberry::story
