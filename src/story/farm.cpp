// 1. Farm: a table in batches signed by devices, listed by its commitments, measured where it lies, claimed under a bond, found by what is claimed.
#include <fmt/core.h>

#include <peaberry/bindings/quorum_verifier.hpp>
#include <peaberry/ingest/csv.hpp>

#include "canaries.hpp"
#include "demo_data.hpp"
#include "story.hpp"

namespace peaberry::story {
namespace {

/// The last rows of a table are the hold-out: nobody trains on them.
Status split(const std::string& file, const std::string& train, const std::string& holdout) {
  PB_TRY(text, read_text(file, std::uintmax_t{4} << 30));
  auto records = ingest::read_records(text);
  if (!records) return within(file, records.error());
  const std::size_t kept = records->rows.size() * 85 / 100;
  ingest::Records rest{records->names, {records->rows.begin() + static_cast<std::ptrdiff_t>(kept), records->rows.end()}};
  records->rows.resize(kept);
  PB_CHECK(write_file_atomic(train, as_bytes(ingest::write_records(*records))));
  return write_file_atomic(holdout, as_bytes(ingest::write_records(rest)));
}

}  // namespace

Result<std::string> Story::wait_found(const std::vector<std::string>& search) {
  Stage::Arguments arguments{"--node", market_url_, "search"};
  arguments.insert(arguments.end(), search.begin(), search.end());
  for (int i = 0; i < 200; ++i) {
    PB_TRY(reply, stage_.run("developer", arguments));
    if (const auto* list = json::find_array(reply, "assets"); list != nullptr && !list->empty()) return json::string_or((*list)[0].as_object(), "did");
    stage_.clock().sleep_ms(50);
  }
  return fail(Errc::kInternal, "the market does not find the data set");
}

Status Story::farm() {
  stage_.begin("farm", {"1 · Farm – data", "一 · 农场——数据"});
  const fs::path data = stage_.home("owner") / "data";
  PB_CHECK(make_directories(data));
  const std::string whole = (data / "export.csv").string();
  table_ = (data / "patients.csv").string(), holdout_ = (data / "holdout.csv").string();
  label_ = options_.label.empty() ? "heart_disease" : options_.label;
  if (options_.data.empty()) {
    PB_CHECK(make_demo_table(whole, options_.rows, options_.seed));
    canaries_ = canary_texts();
  } else {
    if (options_.label.empty()) return fail(Errc::kInvalid, "DATA is given without LABEL", "make demo DATA=my.csv LABEL=column");
    std::error_code code;
    fs::copy_file(options_.data, whole, fs::copy_options::overwrite_existing, code);
    if (code) return fail(Errc::kNotFound, "cannot read " + options_.data, "check the path");
    PB_TRY(content, read_text(whole, std::uintmax_t{4} << 30));
    const auto parsed = ingest::read_records(content);  // a wrong table is told of here, not after it was bought
    if (!parsed) return within(options_.data, parsed.error());
    PB_CHECK(parsed->find(label_));
    canaries_ = rows_as_canaries(content);
  }
  PB_CHECK(split(whole, table_, holdout_));

  // Two devices sign what they measured.
  PB_TRY(devices, stage_.run("owner", {"keys", "new", "device1", "device2"}));
  const std::string batches = (data / "batches.json").string();
  PB_TRY(table_commitment, stage_.run("owner", {"table", "commit", table_}));
  const std::uint64_t rows = json::uint_or(table_commitment, "rows", 0);
  json::Array device_list;
  for (const char* device : {"device1", "device2", "device1"}) {
    const bool last = device_list.size() == 2;
    PB_TRY(batch, stage_.run("owner", {"--key", device, "table", "sign", table_, "--batches", batches, "--rows", last ? "0" : std::to_string(rows / 3)}));
    device_list.push_back(json::Value(json::string_or(batch, "device")));
  }
  device_list.pop_back();
  stage_.tell({fmt::format("a table of {} rows, in three batches signed by two registered devices", rows), fmt::format("{} 行数据，分三批由两台登记设备签名", rows)});

  // Listed: algorithms, the table, the hold-out.
  for (const auto& [name, did] : {std::pair<const char*, std::string*>{"publish-trainer", &trainer_did_}, {"publish-quality", &quality_did_}, {"publish-scorer", &scorer_did_}}) {
    PB_TRY(algorithm, stage_.run("owner", {"algo", name}));
    stage_.step(std::string("algo ") + name, algorithm);
    *did = json::string_or(algorithm, "did");
  }
  Stage::Arguments hosts;
  for (const char* host : {"host1", "host2", "host3"}) hosts.insert(hosts.end(), {"--hosts", stage_.address(host)});
  const auto listing = [&](Stage::Arguments arguments) {
    arguments.insert(arguments.end(), hosts.begin(), hosts.end());
    return arguments;
  };
  PB_TRY(table, stage_.run("owner", listing({"publish", table_, "--name", "Heart disease table", "--description", "Rows of patients with a heart disease label; the rows stay in the hospital, training comes to them", "--tags", "health,cardiology,tabular", "--price", "5", "--compute", "--trust", trainer_did_, "--trust", quality_did_,
                                               "--device", json::string_or(json::Object{{"d", device_list[0]}}, "d"), "--device", json::string_or(json::Object{{"d", device_list[1]}}, "d")})));
  stage_.step("publish the table", table);
  table_did_ = json::string_or(table, "did");
  PB_TRY(holdout, stage_.run("owner", listing({"publish", holdout_, "--name", "Heart disease hold-out", "--description", "Rows on which models are scored by one program; nobody trains on them", "--free", "--compute", "--trust", scorer_did_})));
  stage_.step("publish the hold-out", holdout);
  holdout_did_ = json::string_or(holdout, "did");
  PB_TRY(listed, stage_.run("owner", {"table", "register", table_did_, "--file", table_}));
  stage_.step("table register", listed);
  PB_TRY(listed_holdout, stage_.run("owner", {"table", "register", holdout_did_, "--file", holdout_}));
  stage_.step("table register (hold-out)", listed_holdout);
  holdout_root_ = json::string_or(listed_holdout, "root");
  stage_.tell({"listed for 5 OCEAN a use, with three hosts who may hold the rows; a job refuses other bytes than root " + json::string_or(listed, "root").substr(0, 18) + "…", "以每次 5 OCEAN 上架，三位主机可存放数据；任务拒绝根 " + json::string_or(listed, "root").substr(0, 18) + "… 之外的任何字节"});

  PB_CHECK(prove_table());

  // Measured where it lies, claimed under a bond.
  const std::string measure_options = write_json("owner", "quality.json", json::Object{{"label", label_}, {"devices", device_list}});
  const std::string measured = stage_.home("owner").string() + "/measured";
  PB_TRY(metrics, stage_.run("owner", {"quality", "measure", table_did_, "--algo", quality_did_, "--options", measure_options, "--batches", batches, "-o", measured}));
  if (const auto* job = json::find_object(metrics, "job"); job == nullptr || json::uint_or(*job, "status", 0) != 70) return fail(Errc::kInternal, "the metrics job did not end well: " + (job == nullptr ? "?" : json::string_or(*job, "reason")));
  PB_TRY(claim, stage_.run("owner", {"quality", "claim", measured, "--bond", "10", "--hold", "20"}));
  stage_.step("quality claim", claim);
  quality_claim_ = json::string_or(claim, "claimId");
  papers_.push_back(json::Object{{"kind", "receipt"}, {"file", "owner/measured/receipt.json"}});
  PB_TRY(quality, stage_.run("owner", {"quality", "show", table_did_}));
  const auto& told = quality.at("metrics").as_object();
  stage_.tell({fmt::format("measured in its own sandbox: {} rows, {} duplicates, {} signed by devices; the owner stands by what no proof shows yet with 10 OCEAN [claimed]", json::uint_or(told, "rows", 0), json::uint_or(told, "duplicateRows", 0), json::uint_or(told.at("signed").as_object(), "rows", 0)),
               fmt::format("在自己的沙箱内度量：{} 行，{} 行重复，{} 行由设备签名；尚无证明的部分由所有者以 10 OCEAN 担保（声称）", json::uint_or(told, "rows", 0), json::uint_or(told, "duplicateRows", 0), json::uint_or(told.at("signed").as_object(), "rows", 0))});
  stage_.evidence({"the table's quality", "数据质量"}, "claimed under a bond of 10 OCEAN", claim.at("steps").as_array()[0].as_object().at("gas").to_number<std::uint64_t>());
  PB_TRY(found, wait_found({"heart", "--quality", "claimed", "--rows-min", std::to_string(rows), "--signed-min", "0.99"}));
  if (found != table_did_) return fail(Errc::kInternal, "the market finds another data set");
  stage_.tell({"the developer finds it on the market by what is claimed of it", "开发者在市场上按所声称的质量找到它"});

  if (lies("fake-rows")) {
    PB_TRY(text, read_text(table_, std::uintmax_t{4} << 30));
    const auto line = text.find('\n') + 1;
    text.insert(text.find('\n', line), "9");  // one value of one row
    const std::string fake = (data / "fake.csv").string();
    PB_CHECK(write_file_atomic(fake, as_bytes(text)));
    PB_CHECK(stage_.run("owner", {"update", table_did_, "--file", fake}));
    PB_TRY(run, stage_.run("owner", {"quality", "measure", table_did_, "--algo", quality_did_, "-o", measured + "-fake"}));
    return caught(cheats()[0].second, "the runner: mounted bytes against TableRegistry's root", json::string_or(run.at("job").as_object(), "reason"));
  }
  if (lies_at_the_counter()) return short_cut();
  PB_CHECK(first_sale());
  if (ended_) return {};

  // A declared recipe makes the next epoch.
  json::Array steps{json::Object{{"op", "dedupe"}}};
  if (options_.data.empty())
    for (const char* column : {"bmi", "systolic_bp", "cholesterol", "glucose", "activity_hours"}) steps.push_back(json::Object{{"op", "impute"}, {"column", column}, {"with", "median"}});
  if (options_.data.empty()) steps.push_back(json::Object{{"op", "clip"}, {"column", "systolic_bp"}, {"low", 80}, {"high", 220}});
  const std::string recipe = write_json("owner", "recipe.json", json::Object{{"steps", steps}}), clean = (data / "patients-2.csv").string();
  PB_TRY(cleaned, stage_.run("owner", {"table", "clean", table_, "--recipe", recipe, "-o", clean}));
  const std::string lineage = write_json("owner", "lineage.json", cleaned.at("lineage"));
  PB_TRY(updated, stage_.run("owner", {"update", table_did_, "--file", clean, "--lineage", lineage}));
  stage_.step("update the listing", updated);
  PB_TRY(epoch, stage_.run("owner", {"table", "register", table_did_, "--file", clean}));
  stage_.step("table register, epoch 2", epoch);
  table_ = clean;
  stage_.tell({fmt::format("a declared recipe makes epoch {}: {} rows, with its lineage", json::uint_or(epoch, "epoch", 0), json::uint_or(cleaned, "rows", 0)), fmt::format("按声明的清洗配方生成第 {} 期：{} 行，附血统", json::uint_or(epoch, "epoch", 0), json::uint_or(cleaned, "rows", 0))});
  return {};
}

/// The same rows once more as hidden commitments: admitted by a proof, and what is counted of them proven. What is too wide for a proof stays claimed only.
Status Story::prove_table() {
  const auto schema = stage_.run("owner", {"table", "schema", table_, "--label", label_});
  if (!schema && options_.data.empty()) return schema.error();
  constexpr std::uint64_t kLogMax = 24;  // of `srs dev`
  if (!schema || json::uint_or(*schema, "log", 0) > kLogMax) {
    const std::string why = schema ? "it has more than 2^24 rows" : schema.error().message;
    stage_.tell({"this table is not proven, only claimed: " + why, "此表仅声称而未证明：" + why});
    return {};
  }
  PB_CHECK(stage_.run("owner", {"srs", "dev", "--log", std::to_string(json::uint_or(*schema, "log", 16))}));
  PB_TRY(admitted, stage_.run("owner", {"table", "admit", table_did_, "--file", table_, "--label", label_}));
  stage_.step("table admit", admitted);
  PB_TRY(proven, stage_.run("owner", {"quality", "prove", table_did_, "--file", table_}));
  stage_.step("quality prove", proven);
  const auto& metrics = proven.at("metrics").as_object();
  const std::uint64_t rows = json::uint_or(metrics, "rows", 0), minority = json::uint_or(metrics.at("label").as_object(), "minority", 0);
  const double complete = 100 * proven.at("complete").to_number<double>(), rarer = 100.0 * static_cast<double>(minority) / static_cast<double>(std::max<std::uint64_t>(rows, 1));
  const auto gas_of = [](const json::Object& reply) { return reply.at("steps").as_array().back().as_object().at("gas").to_number<std::uint64_t>(); };
  stage_.tell({fmt::format("proven, and nobody saw a row: {} rows, {:.2f} % of the cells present, the rarer label in {:.2f} % of them; {} hidden columns, a proof of {} bytes, {} gas [zero knowledge; the local chain's ceremony]", rows, complete, rarer,
                           json::uint_or(admitted, "vectors", 0), json::uint_or(proven, "proofBytes", 0), gas_of(proven)),
               fmt::format("已证明且无人见过任何一行：{} 行，单元格完整率 {:.2f} %，较少标签占 {:.2f} %；{} 个隐藏列，证明 {} 字节，{} gas（零知识；本地链的可信设置）", rows, complete, rarer, json::uint_or(admitted, "vectors", 0),
                           json::uint_or(proven, "proofBytes", 0), gas_of(proven))});
  stage_.evidence({"the table's rows, completeness and label balance", "数据的行数、完整率与标签平衡"}, "zero-knowledge proof", gas_of(admitted) + gas_of(proven));
  jobs_.push_back(json::Object{{"kind", "metrics"}, {"id", json::string_or(proven, "claimId")}, {"rows", rows}});
  PB_TRY(found, wait_found({"heart", "--quality", "proven", "--rows-min", std::to_string(rows)}));
  if (found != table_did_) return fail(Errc::kInternal, "the market finds another data set");
  return {};
}

bool Story::lies_at_the_counter() const { return !options_.cheat.empty() && !lies("fake-rows") && !lies("copy-model"); }

Status Story::short_cut() {
  const fs::path model = stage_.home("developer") / "model";
  PB_TRY(trained, stage_.run("developer", {"compute", "start", "--data", table_did_, "--algo", trainer_did_, "--custom", json::stringify(json::Object{{"label", label_}, {"seed", options_.seed}, {"model", "mlp"}}), "--seconds", "60", "--free", "--wait", "--output", model.string()}));
  if (const auto* job = json::find_object(trained, "job"); job == nullptr || json::uint_or(*job, "status", 0) != 70) return fail(Errc::kInternal, "the training job ended as: " + (job == nullptr ? "?" : json::string_or(*job, "reason")));
  PB_TRY(text, read_text(model / "quantised.json"));
  PB_CHECK(write_file_atomic(stage_.home("developer") / "entry.json", as_bytes(text)));
  winner_ = "developer", lease_winner_ = "host1", model_file_ = (stage_.home("developer") / "entry.json").string();
  stage_.tell({"the developer trains a model; on to the counter, where the lie is told", "开发者训练出模型；直接来到柜台，谎言将在此出现"});
  return {};
}

/// Bought, trained in the owner's sandbox, paid through Ocean's escrow – and a thief who gets no row.
Status Story::first_sale() {
  const fs::path script = stage_.home("developer") / "thief.sh";
  PB_CHECK(write_file_atomic(script, as_bytes("head -c 900000 /data/inputs/*.csv\nhead -c 900000 /data/inputs/*.csv > /data/outputs/rows.csv\n"), 0644));
  PB_TRY(refusal, stage_.refused("developer", {"compute", "start", "--data", table_did_, "--raw", script.string(), "--seconds", "60", "--wait"}));
  stage_.tell({"a thief's raw algorithm is refused: " + refusal.substr(0, 100), "窃贼的原始代码被拒绝：" + refusal.substr(0, 100)});
  // The same rows once more, open to raw code: now only the egress policy stands between rows and thief.
  Stage::Arguments open_listing{"publish", table_, "--name", "Heart disease table, open to raw code", "--description", "The same rows for raw algorithms; what may leave is limited by the egress policy", "--free", "--compute", "--allow-raw"};
  for (const char* host : {"host1", "host2", "host3"}) open_listing.insert(open_listing.end(), {"--hosts", stage_.address(host)});
  PB_TRY(open, stage_.run("owner", open_listing));
  PB_TRY(robbed, stage_.run("developer", {"compute", "start", "--data", json::string_or(open, "did"), "--raw", script.string(), "--seconds", "60", "--wait"}));
  stage_.step("a thief prints and writes rows", robbed);
  const auto* thief = json::find_object(robbed, "job");
  if (thief == nullptr || json::uint_or(*thief, "status", 0) != 61) return fail(Errc::kInternal, "the thief's job was not stopped by the egress policy");
  stage_.tell({"a thief who runs and prints every row gets: " + json::string_or(*thief, "reason"), "窃贼运行并打印所有行，得到：" + json::string_or(*thief, "reason")});

  const fs::path model = stage_.home("developer") / "first-model";
  PB_TRY(trained, stage_.run("developer", {"compute", "start", "--data", table_did_, "--algo", trainer_did_, "--custom", json::stringify(json::Object{{"label", label_}, {"seed", options_.seed}}), "--seconds", "300", "--wait", "--output", model.string()}));
  stage_.step("buy the use and train in the owner's sandbox", trained);
  const auto* job = json::find_object(trained, "job");
  if (job == nullptr || json::uint_or(*job, "status", 0) != 70) return fail(Errc::kInternal, "the training job ended as: " + (job == nullptr ? "?" : json::string_or(*job, "statusText") + " " + json::string_or(*job, "reason")));
  papers_.push_back(json::Object{{"kind", "receipt"}, {"file", "developer/first-model/receipt.json"}});
  PB_TRY(metrics_text, read_text(model / "metrics.json"));
  PB_TRY(metrics, json::parse(metrics_text));
  const auto& auc = metrics.as_object().at("auc").as_object();
  const auto* payment = json::find_object(*job, "payment");
  const std::string cost = payment == nullptr ? "0" : format_units(U256::parse(json::string_or(*payment, "cost")).value_or(U256{}), 18);
  const std::string figures = fmt::format("AUC {:.3f} [{:.3f}, {:.3f}]", auc.at("value").to_number<double>(), auc.at("low95").to_number<double>(), auc.at("high95").to_number<double>());
  if (options_.evidence == "none") {
    stage_.tell({"the first sale: trained in the owner's sandbox, " + figures + "; the machine is paid " + cost + " OCEAN by contract [unchecked: no evidence of the run but the node's signature]", "第一笔交易：在所有者沙箱内训练，" + figures + "；合约支付机器 " + cost + " OCEAN（未检验：仅凭节点签名）"});
    stage_.evidence({"the first sale's run", "第一笔交易的运行"}, "unchecked", 0);
    return {};
  }
  stage_.tell({"two of three members ran it again and found the same bytes: " + figures + "; JobEscrow paid " + cost + " OCEAN for the machine [" + json::string_or(*job, "evidence") + "]", "三名成员中的两名重新运行并得到相同字节：" + figures + "；JobEscrow 支付 " + cost + " OCEAN"});
  stage_.evidence({"the first sale's run", "第一笔交易的运行"}, "quorum 2 of 3", 0);
  PB_CHECK(stage_.run("owner", {"job", "withdraw"}));
  ended_ = true;
  return lie_of_the_node(trainer_did_);
}

/// A second job: the node dies when the members have voted, and whoever has its key claims an output that the run never gave.
Status Story::lie_of_the_node(const std::string& algorithm) {
  PB_TRY(started, stage_.run("developer", {"compute", "start", "--data", table_did_, "--algo", algorithm, "--custom", json::stringify(json::Object{{"label", label_}, {"seed", options_.seed + 1}}), "--seconds", "300", "--intention", "second"}));
  stage_.step("a second job", started);
  const auto* job = json::find_object(started, "job");
  const std::string settlement = job == nullptr ? "" : json::string_or(*job, "settlementJob");
  PB_TRY(id, Hash32::parse(settlement, "settlementJob"));
  std::size_t votes = 0;
  for (int i = 0; i < 200 && votes < 2; ++i) {
    stage_.clock().sleep_ms(100);
    PB_TRY(head, stage_.rpc_a().block_number());
    PB_TRY(logs, stage_.rpc_a().logs({.from_block = contracts_.start_block, .to_block = head, .addresses = {contracts_.quorum}, .topics0 = {bindings::quorum_verifier::VoteCommittedEvent::topic()}, .topics1 = {id}}));
    votes = logs.size();
  }
  if (votes < 2) return fail(Errc::kTimeout, "the members have not voted on the second job", "see host1.log");
  stage_.party("owner").cpu_seconds += owner_server_.kill_hard();
  stage_.tell({"a second job: the members have voted, the owner's node is dead", "第二个任务：成员已投票，所有者的节点被杀死"});
  // Claimed as soon as votes may be revealed, before the members reveal theirs: this is the case where a verdict has to undo a claim.
  PB_TRY(opened, opened_at(settlement));
  PB_CHECK(stage_.wait_until(opened + 8));
  const fs::path forged = stage_.home("owner") / "forged.tar";
  PB_CHECK(write_file_atomic(forged, as_bytes("a model that was never trained")));
  PB_TRY(claimed, stage_.run("owner", {"job", "claim", settlement, "--output", forged.string()}));
  stage_.step("a forged output is claimed", claimed);
  for (int i = 0; i < 300; ++i) {
    PB_TRY(funds, stage_.run("developer", {"escrow", "show"}));
    if (json::string_or(funds, "locked") == "0") {
      stage_.tell({"a forged output was claimed with the owner's own key: the quorum's votes refuse it, all of the money is back, nobody waited for a deadline", "有人用所有者的密钥索赔伪造结果：法定人数投票拒绝，钱全部退回，无需等待期限"});
      PB_TRY(again, Server::start(owner_arguments_, stage_.folder() / "owner.log", stage_.node_url, stage_.http()));
      owner_server_ = std::move(again);
      return {};
    }
    stage_.clock().sleep_ms(100);
  }
  return fail(Errc::kInternal, "the forged claim still holds the money");
}

}  // namespace peaberry::story
