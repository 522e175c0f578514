// 3. Recipe: a subnet's epoch. Three trainers compete on a committed hold-out; validators score in their own sandboxes with one program; Yuma's rule
// shares the reward; a copy earns nothing.
#include <fmt/core.h>

#include <algorithm>
#include <peaberry/base/process.hpp>
#include <peaberry/crypto/merkle.hpp>
#include <peaberry/learn/quantised.hpp>

#include "story.hpp"

namespace peaberry::story {
namespace {

/// Another's model with one weight in a hundred moved a little.
Result<json::Object> touched_up(const json::Object& stolen, std::uint64_t seed) {
  PB_TRY(model, learn::QuantisedModel::parse(stolen));
  SeededRandom random(seed);
  auto layers = model.model().layers();
  for (auto& layer : layers)
    if (auto* dense = std::get_if<qops::Dense>(&layer))
      for (auto& weight : dense->weight)
        if (random.unit() < 0.01) weight = static_cast<std::int8_t>(std::clamp(weight + (random.unit() < 0.5 ? 3 : -3), -127, 127));
  PB_TRY(changed, qops::Model::make(model.model().inputs(), layers));
  json::Object out = stolen;
  out["qops"] = base64(changed.encode());
  return out;
}

}  // namespace

Status Story::recipe() {
  stage_.begin("recipe", {"3 · Recipe – algorithms", "三 · 配方——算法"});
  const std::vector<std::string> validators{"host1", "host2", "host3"}, trainers{"developer", "bob", "copycat"};
  // Bob buys the use too, and trains in the owner's sandbox with another seed.
  const fs::path bobs = stage_.home("bob") / "model";
  PB_TRY(trained, stage_.run("bob", {"compute", "start", "--data", table_did_, "--algo", trainer_did_, "--custom", json::stringify(json::Object{{"label", label_}, {"seed", options_.seed + 7}, {"model", "mlp"}, {"hidden", 12}}), "--seconds", "60", "--free", "--wait", "--output", bobs.string()}));
  stage_.step("bob buys the use and trains", trained);
  if (const auto* job = json::find_object(trained, "job"); job == nullptr || json::uint_or(*job, "status", 0) != 70) return fail(Errc::kInternal, "bob's training ended as: " + (job == nullptr ? "?" : json::string_or(*job, "reason")));
  json::Array models;
  for (const auto& [who, file] : {std::pair<std::string, std::string>{"developer", "model/quantised.json"}, {"bob", "model/quantised.json"}}) {
    const auto text = read_text(stage_.home(who) / file);
    if (!text) return fail(Errc::kUnsupported, "the table is too wide: its models in whole numbers do not pass the owner's egress policy", "play with STOP=roastery");
    PB_TRY(model, json::parse(*text));
    models.push_back(model);
    PB_CHECK(write_file_atomic(stage_.home(who) / "entry.json", as_bytes(*text)));
  }
  PB_TRY(stolen, touched_up(models[0].as_object(), options_.seed));
  PB_CHECK(write_file_atomic(stage_.home("copycat") / "entry.json", as_bytes(json::stringify(stolen))));
  models.push_back(stolen);
  const auto& classes = models[0].as_object().at("classes").as_array();
  const std::string positive(json::sv(classes.back().as_string()));

  // Who is opened for what: sealed models, opened models, sealed weights, opened weights – by the clock.
  const fs::path scorer = self_executable().parent_path().parent_path() / "algorithms/model-scorer";
  PB_TRY(program, read_file(scorer, std::uintmax_t{256} << 20));
  Stage::Arguments open{"subnet", "open", "--reward", "30", "--holdout", holdout_root_, "--scoring", crypto::merkle_root(program).hex(), "--models", "5", "--reveal", "9", "--weights", "6", "--weights-reveal", "5", "--claim-window", "2", "--claim-bond", "1"};
  Stage::Arguments list;
  for (const auto& validator : validators) open.insert(open.end(), {"--validator", stage_.address(validator)}), list.push_back(stage_.address(validator));
  PB_TRY(opened, stage_.run("locker", open));
  stage_.step("an epoch is sponsored", opened);
  const std::string id = json::string_or(opened, "epochId");
  // Commitments in this order: who was first is on record.
  for (const auto& trainer : trainers) {
    PB_TRY(sealed, stage_.run(trainer, {"subnet", "commit", id, "--model", (stage_.home(trainer) / "entry.json").string()}));
    stage_.step(trainer + " seals a model", sealed);
  }
  stage_.tell({"three trainers seal their models before any is known; the copycat has got hold of the developer's and touched up one weight in a hundred", "三位训练者在公布前封存模型；抄袭者拿到开发者的模型并改动百分之一的权重"});
  PB_CHECK(stage_.wait_until(json::uint_or(opened, "modelsUntil", 0)));
  std::vector<Stage::Call> reveals;
  for (const auto& trainer : trainers) reveals.push_back({trainer, {"subnet", "reveal", id, "--model", (stage_.home(trainer) / "entry.json").string()}});
  PB_TRY(revealed, stage_.together(reveals));
  for (const auto& one : revealed) stage_.step("a model is opened", one);

  // Scored at home: rows stay with the hosts.
  const std::string contest = json::stringify(json::Object{{"label", label_}, {"positive", positive}, {"models", models}});
  std::vector<Stage::Call> scorings;
  for (const auto& validator : validators) scorings.push_back({validator, {"compute", "start", "--data", holdout_did_, "--algo", scorer_did_, "--custom", contest, "--seconds", "60", "--at-home", "--wait", "--output", (stage_.home(validator) / "scored").string()}});
  PB_TRY(scored, stage_.together(scorings));
  std::string first;
  for (std::size_t i = 0; i < scored.size(); ++i) {
    const auto* job = json::find_object(scored[i], "job");
    if (job == nullptr || json::uint_or(*job, "status", 0) != 70) return fail(Errc::kInternal, validators[i] + "'s scoring ended as: " + (job == nullptr ? "?" : json::string_or(*job, "reason")));
    bytes_to_hosts_ += json::uint_or(job->at("hosted").as_object(), "bytesToHost", 0);
    PB_TRY(text, read_text(stage_.home(validators[i]) / "scored/scores.json"));
    if (first.empty()) first = text;
    if (text != first) return fail(Errc::kInternal, "validators came to different scores");
    papers_.push_back(json::Object{{"kind", "receipt"}, {"file", validators[i] + "/scored/receipt.json"}});
  }
  PB_TRY(scores_value, json::parse(first));
  const auto& scores = scores_value.as_object().at("scores").as_array();
  const auto auc = [&](std::size_t i) { return static_cast<double>(json::uint_or(scores[i].as_object(), "aucMillionths", 0)) / 1e6; };
  stage_.tell({fmt::format("three validators score on {} rows in their own sandboxes, to the same bytes: AUC {:.4f}, {:.4f}, {:.4f} – the third repeats the first's answers on {:.1f} % of the rows: weight 0", json::uint_or(scores_value.as_object(), "rows", 0), auc(0), auc(1), auc(2), json::uint_or(scores[2].as_object(), "nearestBps", 0) / 100.0),
               fmt::format("三位验证者在各自沙箱内对 {} 行评分，字节一致：AUC {:.4f}、{:.4f}、{:.4f}——第三个有 {:.1f} % 的答案重复第一个：权重为 0", json::uint_or(scores_value.as_object(), "rows", 0), auc(0), auc(1), auc(2), json::uint_or(scores[2].as_object(), "nearestBps", 0) / 100.0)});
  PB_CHECK(stage_.wait_until(json::uint_or(opened, "revealUntil", 0)));
  std::vector<Stage::Call> weighs;
  for (const auto& validator : validators) {
    Stage::Arguments arguments{"subnet", "weigh", id, "--scores", (stage_.home(validator) / "scored/scores.json").string(), "--stake", "10", "--validators"};
    arguments.insert(arguments.end(), list.begin(), list.end());
    weighs.push_back({validator, arguments});
  }
  PB_TRY(weighed, stage_.together(weighs));
  for (const auto& one : weighed) stage_.step("weights are sealed", one);
  PB_CHECK(stage_.wait_until(json::uint_or(opened, "weightsUntil", 0)));
  std::vector<Stage::Call> shows;
  for (const auto& validator : validators) shows.push_back({validator, {"subnet", "reveal-weights", id, "--scores", (stage_.home(validator) / "scored/scores.json").string()}});
  PB_TRY(weights, stage_.together(shows));
  for (const auto& one : weights) stage_.step("weights are opened", one);
  PB_CHECK(stage_.wait_until(json::uint_or(opened, "weightsRevealUntil", 0)));
  PB_TRY(claim, stage_.run("host1", {"subnet", "claim", id}));
  stage_.step("the epoch's result is claimed", claim);
  PB_CHECK(stage_.wait_until(stage_.clock().unix_seconds() + 3));
  PB_TRY(paid, stage_.run("bob", {"subnet", "finalise", id}));
  stage_.step("the epoch is paid", paid);
  const auto& rewards = paid.at("toTrainers").as_array();
  std::size_t best = 0;
  std::vector<U256> amounts;
  for (const auto& reward : rewards) amounts.push_back(U256::parse(json::sv(reward.as_string())).value_or(U256{}));
  for (std::size_t i = 1; i < amounts.size(); ++i)
    if (amounts[i] > amounts[best]) best = i;
  winner_ = trainers[best], model_file_ = (stage_.home(winner_) / "entry.json").string();
  std::vector<Stage::Call> withdrawals;
  for (const auto& who : {"developer", "bob", "copycat", "host1", "host2", "host3", "locker"}) withdrawals.push_back({who, {"subnet", "withdraw"}});
  PB_CHECK(stage_.together(withdrawals));
  stage_.tell({fmt::format("Yuma's rule shares 30 OCEAN: developer {}, bob {}, copycat {}; anybody can have the chain recompute it", format_units(amounts[0], 18), format_units(amounts[1], 18), format_units(amounts[2], 18)),
               fmt::format("按 Yuma 规则分配 30 OCEAN：开发者 {}，bob {}，抄袭者 {}；任何人可让链上重算", format_units(amounts[0], 18), format_units(amounts[1], 18), format_units(amounts[2], 18))});
  stage_.evidence({"the epoch's rewards", "本期奖励"}, "recomputable from revealed weights; scores by three validators", json::uint_or(claim, "gas", 0));
  jobs_.push_back(json::Object{{"kind", "epoch"}, {"id", id}, {"toTrainers", rewards}});
  if (lies("copy-model")) {
    if (!amounts[2].is_zero()) return fail(Errc::kInternal, "the copy earned something");
    return caught(cheats()[1].second, "the scoring program: answers equal to an earlier model's", fmt::format("equal answers on {:.2f} % of the rows (80 % allowed): weight 0, reward 0", json::uint_or(scores[2].as_object(), "nearestBps", 0) / 100.0));
  }
  return {};
}

}  // namespace peaberry::story
