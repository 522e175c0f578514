#include "app.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <peaberry/base/log.hpp>

#include "commands.hpp"
#include "completion.hpp"

namespace peaberry::cli {
namespace {

using Action = std::function<Result<Output>(Context&)>;

class App {
 public:
  App() : app_("Peaberry – one node for the verifiable AI economy.\nnot audited; do not secure real value", "peaberry") {
    app_.require_subcommand(1);
    app_.set_help_all_flag("--help-all", "Help of all commands");
    app_.add_option("--home", global_.home, "Folder of keys, store and files (PEABERRY_HOME, ~/.peaberry)");
    app_.add_option("--node", global_.node_url, "URL of the node to talk to (PEABERRY_NODE)");
    app_.add_option("--chain", global_.chain_url, "RPC URL of an EVM chain (PEABERRY_CHAIN)");
    app_.add_option("--chain-id", global_.chain_id, "Chain id")->capture_default_str();
    app_.add_option("--address-file", global_.address_file, "Ocean's address.json (ADDRESS_FILE)");
    app_.add_option("--key", global_.key, "Name of the key that signs")->capture_default_str();
    app_.add_option("--record-traffic", global_.record_traffic, "Append every byte received to this file");
    app_.add_option("--log", log_level_, "debug, info, warn, error or off")->capture_default_str();
    app_.add_flag("--json", global_.json, "Print JSON");
    add_serving();
    add_market();
    add_compute();
    add_jobs();
    add_models();
    add_tables();
    add_auctions();
    add_subnets();
    add_bridge();
    add_economy();
    add_feeds();
    add_keys();
    add_chain();
    add_demo();
    command(app_, "explain", "A transaction, job, claim or asset in plain words", [this](Context& c) { return explain(c, text_); })->add_option("what", text_, "Transaction, job or claim (32 bytes of hex), or a DID")->required();
    command(app_, "doctor", "Check this home, its keys, the sandbox, the chain and the node", [](Context& c) { return doctor(c); });
    command(app_, "version", "Print the version", [](Context&) { return Result<Output>(version()); });
    auto* completion = command(app_, "completion", "Print a shell completion script", [this](Context&) { return completion_script(app_, shell_); });
    completion->add_option("shell", shell_, "bash, zsh or fish")->required();
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& problem) {
      return app_.exit(problem) == 0 ? 0 : 2;
    }
    const auto level = log::parse_level(log_level_);
    if (!level) return report(level.error());
    log::configure(*level, global_.json && isatty(STDERR_FILENO) == 0);
    Context context(global_);
    const auto output = action_(context);
    if (!output) return report(output.error());
    const std::string text = global_.json ? json::stringify(output->json) : output->text;
    std::printf("%s\n", text.c_str());
    return 0;
  }

 private:
  CLI::App* command(CLI::App& parent, const std::string& name, const std::string& help, Action action) {
    auto* sub = parent.add_subcommand(name, help);
    sub->fallthrough();  // global options may follow the command
    sub->callback([this, action = std::move(action)] { action_ = action; });
    return sub;
  }
  CLI::App* group(const std::string& name, const std::string& help) {
    auto* sub = app_.add_subcommand(name, help);
    sub->require_subcommand(1);
    sub->fallthrough();
    return sub;
  }

  int report(const Error& error) const {
    if (global_.json) {
      std::printf("%s\n", json::stringify(json::Object{{"error", json::Object{{"code", errc_name(error.code)}, {"message", error.message}, {"remedy", error.remedy}}}}).c_str());
    } else {
      std::fprintf(stderr, "peaberry: %s\n", error.message.c_str());
      if (!error.remedy.empty()) std::fprintf(stderr, "  next: %s\n", error.remedy.c_str());
    }
    return 1;
  }

  void add_serving() {
    const auto options = [this](CLI::App* sub) {
      sub->add_option("--port", serve_.port, "HTTP port, 0 for any")->capture_default_str();
      sub->add_option("--public-url", serve_.public_url, "URL under which others reach this node");
      sub->add_option("--cpu-price", serve_.cpu_price, "Tokens per core and minute");
      sub->add_option("--min-job-seconds", serve_.job_seconds_min, "Shortest time that is charged");
      sub->add_option("--evidence", serve_.evidence, "JSON file with the policy that releases the environment's pay");
      sub->add_flag("--no-compute", serve_.no_compute, "Only index and serve");
      sub->add_flag("--allow-private-urls", serve_.allow_private_urls, "Let file objects name private addresses (tests only)");
    };
    auto* up = command(app_, "up", "Start the embedded chain and a node", [this](Context& c) {
      serve_.embedded_chain = true;
      return serve(c, serve_);
    });
    up->add_option("--chain-port", serve_.chain_port, "Port of the embedded chain")->capture_default_str();
    options(up);
    options(command(app_, "serve", "Start a node on an existing chain", [this](Context& c) { return serve(c, serve_); }));
    auto* door = command(app_, "toll", "A paid door before an HTTP service: x402 clients pay by the call", [this](Context& c) { return toll(c, toll_); });
    door->add_option("--upstream", toll_.upstream, "URL of the service that is paid for")->required();
    door->add_option("--price", toll_.price, "Tokens for one call")->required();
    door->add_option("--token", toll_.token, "ERC-20 with EIP-3009; default: the local chain's TestUSD");
    door->add_option("--pay-to", toll_.pay_to, "Who is paid; default: this home's treasury");
    door->add_option("--port", toll_.port)->capture_default_str();
    door->add_option("--claim-every", toll_.claim_every_seconds, "Seconds between looks at what channels owe")->capture_default_str();
    door->add_option("--claim-at-least", toll_.claim_at_least, "Tokens below which nothing is claimed, unless a payer leaves")->capture_default_str();
    door->add_option("--withdraw-delay", toll_.withdraw_delay, "Seconds that a channel must leave us to claim")->capture_default_str();
    door->add_option("--calls-min", toll_.calls_min, "Calls that a deposit must be worth")->capture_default_str();
    door->add_option("--channels", toll_.channels, "Another VoucherChannels than the address file's");
    door->add_option("--collector", toll_.collector, "Another deposit collector than the address file's");
    for (const char* name : {"member", "host"}) {  // one process: whom an owner admits to its rows both checks runs and offers its machine
      auto* signer = command(app_, name, name[0] == 'm' ? "Sit in quorums: run jobs again, vote, and keep the escrow; run jobs as a host" : "The same, under its other name: run jobs over tables whose owners admit this machine", [this](Context& c) { return member(c, member_); });
      signer->add_option("--of", member_.nodes, "URLs of the nodes whose jobs are run")->required();
      signer->add_option("--grace", member_.grace_seconds, "Seconds until an unused vote is revealed on chain")->capture_default_str();
      signer->add_option("--max-job-seconds", member_.job_seconds_max, "No run takes longer, nor beyond its own commit window")->capture_default_str();
      signer->add_option("--poll-ms", member_.poll_ms)->capture_default_str();
    }
  }

  void add_market() {
    const auto listing = [this](CLI::App* sub) {
      sub->add_option("file", publish_.file, "File to sell the use of");
      sub->add_option("--url", publish_.url, "A public URL instead of a file");
      sub->add_option("--name", publish_.name, "Title")->required();
      sub->add_option("--description", publish_.description, "At least ten characters")->required();
      sub->add_option("--author", publish_.author, "Default: the key's address");
      sub->add_option("--license", publish_.license, "Licence text or SPDX name");
      sub->add_option("--tags", publish_.tags, "Comma separated");
      sub->add_option("--price", publish_.price, "OCEAN per use");
      sub->add_flag("--free", publish_.free, "Given away by a dispenser");
      sub->add_option("--timeout", publish_.timeout, "Seconds that an order is good for; 0: for ever");
      sub->add_option("--allow", publish_.allow, "Only these addresses");
      sub->add_option("--deny", publish_.deny, "Not these addresses");
      sub->add_option("--treasury", publish_.treasury, "Who receives the pay; default: the key's address");
      sub->add_option("--again", publish_.again, "Publish the same once more, under this tag");
    };
    auto* pub = command(app_, "publish", "List a data set: NFT, datatoken, price and sealed listing", [this](Context& c) { return publish(c, publish_); });
    listing(pub);
    pub->add_flag("--compute", publish_.compute, "Sell compute-to-data instead of the file");
    pub->add_option("--trust", publish_.trust, "Algorithm DIDs that may run (pinned by checksum)");
    pub->add_flag("--allow-raw", publish_.allow_raw, "Let any code run; only the egress policy protects the rows");
    pub->add_option("--device", publish_.devices, "Addresses of devices that sign batches of the rows");
    pub->add_option("--hosts", publish_.hosts, "Addresses that may hold the rows to run jobs over them again (a quorum's signers); * for anybody");
    pub->add_option("--egress-bytes", publish_.egress_bytes, "Most bytes that leave a job");
    pub->add_option("--egress-types", publish_.egress_types, "File name endings that may leave, comma separated");
    pub->add_option("--egress-log-bytes", publish_.egress_log_bytes, "Bytes of the algorithm's log that may leave");
    pub->add_flag("--owner-release", publish_.owner_release, "Each result waits for the owner");
    auto* algo = group("algo", "Algorithms");
    auto* algo_publish = command(*algo, "publish", "List an algorithm", [this](Context& c) {
      publish_.algorithm = true;
      return publish(c, publish_);
    });
    listing(algo_publish);
    algo_publish->add_option("--entrypoint", publish_.entrypoint, "Command line; $ALGO is the file");
    const auto builtin = [this, algo](const char* command_name, const char* name, const char* description, const char* tags) {
      command(*algo, command_name, std::string("List the built-in ") + name + ", free", [this, name, description, tags](Context& c) {
        publish_ = {};
        publish_.algorithm = publish_.free = true;
        publish_.file = (fs::path(PEABERRY_ALGORITHMS) / name).string();
        publish_.name = name, publish_.description = description, publish_.tags = tags;
        publish_.license = "Apache-2.0";
        return publish(c, publish_);
      });
    };
    builtin("publish-trainer", "tabular-trainer", "Logistic regression and a small neural network on any CSV with a label column; writes model.onnx, metrics with confidence intervals and plots", "training,tabular,onnx");
    builtin("publish-quality", "table-quality", "Measures a table by Deequ's definitions: completeness, ranges, duplicates, label balance, freshness, and the share of rows that registered devices signed", "quality,tabular");
    builtin("publish-scorer", "model-scorer", "Scores a contest's models on a hold-out table: a weight a model, zero for copies; no row leaves", "contest,scoring,tabular");
    auto* change = command(app_, "update", "Change a listing: its words, its file, its price", [this](Context& c) { return update_asset(c, update_); });
    change->add_option("did", update_.did)->required();
    change->add_option("--name", update_.name);
    change->add_option("--description", update_.description);
    change->add_option("--license", update_.license);
    change->add_option("--tags", update_.tags, "Comma separated");
    change->add_option("--file", update_.file, "Sell this file from now on");
    change->add_option("--url", update_.url, "Sell what this URL gives from now on");
    change->add_option("--lineage", update_.lineage, "JSON file with the lineage that table clean prints");
    change->add_option("--price", update_.price, "OCEAN for a use, for listings that have a price");
    auto* retire = command(app_, "state", "Change a listing's state", [this](Context& c) { return set_asset_state(c, did_, text_); });
    retire->add_option("did", did_)->required();
    retire->add_option("state", text_, "active, end-of-life, deprecated, revoked, ordering-disabled or unlisted")->required();
    auto* find = command(app_, "search", "Search the index", [this](Context& c) { return search(c, search_); });
    find->add_option("text", search_.text, "Words");
    find->add_option("--type", search_.type, "dataset or algorithm");
    find->add_option("--tag", search_.tag, "A tag");
    find->add_option("--owner", search_.owner, "An address");
    find->add_option("--price-max", search_.price_max, "OCEAN");
    find->add_option("--sort", search_.sort, "relevance, created, price or orders")->capture_default_str();
    find->add_flag("--free", search_.free, "Only what is free");
    find->add_option("--quality", search_.quality, "claimed: only tables whose owner stands by their metrics with a bond");
    find->add_option("--rows-min", search_.rows_min, "Only tables that claim at least so many rows");
    find->add_option("--complete-min", search_.complete_min, "… and such a share of values that are there, from 0 to 1");
    find->add_option("--signed-min", search_.signed_min, "… and such a share of rows that registered devices signed");
    find->add_option("--limit", search_.limit)->capture_default_str();
    find->add_option("--offset", search_.offset);
    auto* one = command(app_, "show", "Show a listing", [this](Context& c) { return show(c, did_); });
    one->add_option("did", did_)->required();
    auto* order = command(app_, "buy", "Buy a datatoken and order the service", [this](Context& c) { return buy(c, buy_); });
    order->add_option("did", buy_.did)->required();
    order->add_option("--service", buy_.service, "Service id; default: the first");
    order->add_option("--price-max", buy_.price_max, "Give up beyond this price");
    order->add_option("--again", buy_.again, "Buy once more, under this tag");
    auto* load = command(app_, "download", "Download what was ordered", [this](Context& c) { return download(c, download_); });
    load->add_option("did", download_.did)->required();
    load->add_option("--order", download_.order, "Transaction of the order")->required();
    load->add_option("--service", download_.service);
    load->add_option("--index", download_.index, "Which file");
    load->add_option("-o,--output", download_.output, "File or folder")->capture_default_str();
  }

  void add_compute() {
    auto* compute = group("compute", "Compute-to-data");
    command(*compute, "envs", "Environments that the node offers", [](Context& c) { return compute_envs(c); });
    auto* start = command(*compute, "start", "Order, pay and start a job", [this](Context& c) { return compute_start(c, compute_); });
    start->add_option("--data", compute_.data, "Data set DIDs");
    start->add_option("--algo", compute_.algorithm, "Algorithm DID");
    start->add_option("--raw", compute_.raw_code, "A file of raw code instead");
    start->add_option("--entrypoint", compute_.entrypoint, "How raw code is run; default /bin/sh $ALGO");
    start->add_option("--env", compute_.environment, "Environment id; default: the first");
    start->add_option("--custom", compute_.custom, "JSON for the algorithm (algoCustomData.json)");
    start->add_option("--seconds", compute_.seconds, "Longest run")->capture_default_str();
    start->add_option("--intention", compute_.again, "Name of this purchase: the same name never pays twice");
    start->add_option("-o,--output", compute_.output, "With --wait: folder for the results");
    start->add_option("--lease", compute_.lease, "Order of an auction: its winner runs the job, and is paid by the second");
    start->add_flag("--at-home", compute_.at_home, "On one's own machine, as a host of the data (peaberry host must run)");
    start->add_flag("--free", compute_.free, "In the free tier");
    start->add_flag("--wait", compute_.wait, "Until it has ended");
    const auto of_job = [&](const char* name, const char* help, Action action, bool required = true) {
      auto* sub = command(*compute, name, help, std::move(action));
      sub->add_option("job", text_, "Job id")->required(required);
      return sub;
    };
    of_job("status", "State of one or all of my jobs", [this](Context& c) { return compute_status(c, text_); }, false);
    of_job("logs", "The algorithm's log, as far as the owner lets it leave", [this](Context& c) { return compute_logs(c, text_); });
    of_job("result", "Fetch the results", [this](Context& c) { return compute_result(c, text_, compute_.output.empty() ? "." : compute_.output); })->add_option("-o,--output", compute_.output, "Folder");
    of_job("stop", "Stop a job", [this](Context& c) { return compute_stop(c, text_); });
    of_job("release", "As the data owner: let a waiting result go", [this](Context& c) { return compute_release(c, text_, refuse_); })->add_flag("--refuse", refuse_, "Keep it here");
  }

  void add_jobs() {
    auto* policy = group("policy", "Evidence policies");
    for (const char* name : {"show", "check"})
      command(*policy, name, "Who must do what until when, the worst case for each party, and what looks like a mistake", [this](Context& c) { return policy_show(c, text_); })
          ->add_option("policy", text_, "JSON file, or the encoded bytes as 0x…")
          ->required();
    auto* plan = command(*policy, "plan", "Which evidence a job should have, what each kind would cost, and why", [this](Context& c) { return policy_plan(c, plan_); });
    plan->add_option("--value", plan_.value, "Dollars that a wrong answer would cost")->required();
    plan->add_option("--gas-price", plan_.gas_price, "Dollars a unit of gas")->required();
    plan->add_option("--latency", plan_.latency, "Seconds that the answer may take")->capture_default_str();
    plan->add_option("--macs", plan_.macs, "Multiply-accumulates of one run");
    plan->add_option("--model-bytes", plan_.model_bytes);
    plan->add_option("--input-bytes", plan_.input_bytes);
    plan->add_flag("--model-published", plan_.model_published, "The weights lie on chain already");
    plan->add_option("--run-cost", plan_.run_cost, "Dollars for one native run");
    plan->add_flag("--private-input", plan_.private_input, "Only hosts may hold the input");
    plan->add_flag("--private-model", plan_.private_model, "Nobody may hold the weights");
    plan->add_option("--signers", plan_.signers)->capture_default_str();
    plan->add_option("--agree", plan_.agree, "How many of them must")->capture_default_str();
    plan->add_option("--signer-bond", plan_.signer_bond, "Dollars that one signer would lose by lying");
    plan->add_option("--accept-window", plan_.accept_window, "Seconds in which the requester objects")->capture_default_str();
    plan->add_flag("!--nobody-looks", plan_.requester_looks, "No requester can tell a wrong answer in time");
    auto* job = group("job", "Jobs in JobEscrow: paid when a claim is accepted");
    auto* open = command(*job, "open", "Lock money and ask", [this](Context& c) { return job_open(c, job_open_); });
    open->add_option("--policy", job_open_.policy, "JSON file or 0x… bytes")->required();
    open->add_option("--amount", job_open_.amount, "What is paid")->required();
    open->add_option("--token", job_open_.token, "ERC-20; default: OCEAN");
    open->add_option("--decimals", job_open_.decimals, "Of the token")->capture_default_str();
    open->add_option("--seconds", job_open_.seconds, "Claims are taken for so long")->capture_default_str();
    open->add_option("--executor", job_open_.executor, "Who may claim; default: anybody, in two steps");
    open->add_option("--kind", job_open_.kind, "inference, sql, quality, training, epoch or message")->capture_default_str();
    open->add_option("--subject", job_open_.subject, "subjectRoot");
    open->add_option("--input", job_open_.input, "inputRoot");
    open->add_option("--params", job_open_.params, "paramsHash");
    open->add_option("--bond", job_open_.bond, "What each claim deposits")->capture_default_str();
    open->add_option("--callback", job_open_.callback, "Contract that is told the answer");
    open->add_option("--callback-gas", job_open_.callback_gas)->capture_default_str();
    open->add_option("--fee-to", job_open_.fee_to);
    open->add_option("--fee-bps", job_open_.fee_bps);
    open->add_option("--royalty-to", job_open_.royalty_to, "A lineage splitter");
    open->add_option("--royalty-bps", job_open_.royalty_bps);
    open->add_option("--nonce", job_open_.nonce, "Default: random");
    const auto of_job = [&](const char* name, const char* help, Action action) {
      auto* sub = command(*job, name, help, std::move(action));
      sub->add_option("job", text_, "Job id")->required();
      return sub;
    };
    of_job("show", "State, claims, and who may do what next", [this](Context& c) { return job_show(c, text_); });
    auto* claim = command(*job, "claim", "Claim an answer with evidence", [this](Context& c) { return job_claim(c, job_claim_); });
    claim->add_option("job", job_claim_.job, "Job id")->required();
    claim->add_option("--output", job_claim_.output_file, "File with the output bytes");
    claim->add_option("--output-hash", job_claim_.output_hash, "Or their keccak256");
    claim->add_option("--amount", job_claim_.amount, "Less than everything: the rest goes back");
    claim->add_option("--decimals", job_claim_.decimals)->capture_default_str();
    claim->add_option("--leaf", job_claim_.leaf, "Which leaf of the policy the evidence is for")->capture_default_str();
    claim->add_option("--vote", job_claim_.votes, "A signer's vote, as printed by job reveal");
    claim->add_option("--data", job_claim_.data_file, "File with other evidence (for direct: the input bytes)");
    for (const bool reveal : {false, true})
      of_job(reveal ? "reveal" : "vote", reveal ? "As a signer: print the vote that you committed" : "As a signer: commit a vote", [this, reveal](Context& c) { return job_vote(c, text_, hash_, reveal); })
          ->add_option("--output-hash", hash_)
          ->required();
    for (const bool object : {false, true})
      of_job(object ? "object" : "accept", object ? "As the requester: object to a claim" : "As the requester: accept a claim at once", [this, object](Context& c) { return job_judge(c, text_, hash_, object); })
          ->add_option("--claim", hash_, "Claim id")
          ->required();
    of_job("finalise", "Pay the accepted claim", [this](Context& c) { return job_end(c, text_, false); });
    of_job("refund", "Send the money back", [this](Context& c) { return job_end(c, text_, true); });
    auto* withdraw = command(*job, "withdraw", "Pull what the escrow owes this key", [this](Context& c) { return job_withdraw(c, text_, hash_); });
    withdraw->add_option("--token", text_, "Default: OCEAN");
    withdraw->add_option("--to", hash_, "Default: the key's own address");
    command(*job, "publish-model", "Store a QOps model as code for direct evidence", [this](Context& c) { return model_publish(c, text_); })->add_option("file", text_)->required();
  }

  void add_models() {
    auto* models = group("model", "A trained model in whole numbers (docs/reference/qops.md)");
    auto* exported = command(*models, "export", "Its QOps bytes, as the chain runs them", [this](Context& c) { return model_export(c, table_file_, text_); });
    exported->add_option("quantised", table_file_, "quantised.json of tabular-trainer")->required();
    exported->add_option("-o,--output", text_)->required();
    auto* encode = command(*models, "encode", "A case as the model's inputs", [this](Context& c) { return model_encode(c, table_file_, names_, text_); });
    encode->add_option("quantised", table_file_)->required();
    encode->add_option("--value", names_, "COLUMN=VALUE; what is not said is missing");
    encode->add_option("-o,--output", text_)->required();
    auto* run = command(*models, "run", "Run QOps bytes on inputs", [this](Context& c) { return model_run(c, table_file_, rate_, text_); });
    run->add_option("model", table_file_)->required();
    run->add_option("--input", rate_)->required();
    run->add_option("-o,--output", text_, "File for the output's words");
    auto* serving = command(*models, "serve", "Answer over HTTP: GET /?COLUMN=VALUE&…", [this](Context& c) { return model_serve(c, table_file_, serve_.port); });
    serving->add_option("quantised", table_file_)->required();
    serving->add_option("--port", serve_.port, "0 for any")->capture_default_str();
  }

  void add_tables() {
    auto* tables = group("table", "Tables: commitments, signed batches, cleaning");
    command(*tables, "commit", "What a CSV file is as a table", [this](Context& c) { return table_commit(c, table_file_); })->add_option("file", table_file_)->required();
    auto* list = command(*tables, "register", "List a CSV file as the next epoch of an asset's table", [this](Context& c) { return table_register(c, table_register_); });
    list->add_option("did", table_register_.did)->required();
    list->add_option("--file", table_register_.file)->required();
    list->add_option("--parent", table_register_.parents, "DID:BPS of a table that this one was made from");
    auto* sign = command(*tables, "sign", "As a device: sign the next rows", [this](Context& c) { return table_sign(c, table_file_, batches_, rows_); });
    sign->add_option("file", table_file_)->required();
    sign->add_option("--batches", batches_, "File of signed batches; is added to")->required();
    sign->add_option("--rows", rows_, "How many; 0: all that are left");
    auto* clean = command(*tables, "clean", "Apply a cleaning recipe", [this](Context& c) { return table_clean(c, table_file_, recipe_, text_); });
    clean->add_option("file", table_file_)->required();
    clean->add_option("--recipe", recipe_, "JSON file of steps: dedupe, impute, clip, map")->required();
    clean->add_option("-o,--output", text_, "CSV file")->required();
    auto* quality = group("quality", "What owners claim of their tables, under a bond");
    auto* measure = command(*quality, "measure", "Run the metrics job over an own table", [this](Context& c) { return quality_measure(c, measure_); });
    measure->add_option("did", measure_.did)->required();
    measure->add_option("--algo", measure_.algorithm, "DID of table-quality")->required();
    measure->add_option("--options", measure_.options, "JSON file: label, key, ranges, sets, freshness, devices");
    measure->add_option("--batches", measure_.batches, "File of signed batches");
    measure->add_option("-o,--output", measure_.output, "Folder for the result")->required();
    command(*quality, "receipt", "Sign what the metrics job gave, as the node that ran it", [this](Context& c) { return quality_receipt(c, text_); })->add_option("result", text_, "The result's folder")->required();
    auto* claim = command(*quality, "claim", "Claim a metrics job's result", [this](Context& c) { return quality_claim(c, quality_claim_); });
    claim->add_option("result", quality_claim_.result, "The result's folder")->required();
    claim->add_option("--bond", quality_claim_.bond, "Lost to whoever shows two receipts that contradict each other")->capture_default_str();
    claim->add_option("--token", quality_claim_.token, "Default: OCEAN");
    claim->add_option("--decimals", quality_claim_.decimals)->capture_default_str();
    claim->add_option("--attest-key", quality_claim_.keys, "Attest keys of hosts, whose receipts count too");
    claim->add_option("--hold", quality_claim_.hold_seconds, "Seconds that the bond stands at least")->capture_default_str();
    command(*quality, "show", "What is claimed of a table", [this](Context& c) { return quality_show(c, did_); })->add_option("did", did_)->required();
    auto* refute = command(*quality, "refute", "Show two receipts that contradict each other", [this](Context& c) { return quality_refute(c, text_, receipts_); });
    refute->add_option("claim", text_)->required();
    refute->add_option("--receipt", receipts_, "As quality receipt prints it; twice")->required();
    command(*quality, "release", "Give the bond back when its time is over", [this](Context& c) { return quality_release(c, text_); })->add_option("claim", text_)->required();
  }

  void add_subnets() {
    auto* subnets = group("subnet", "Contests of models, judged by stake");
    auto* open = command(*subnets, "open", "Sponsor an epoch", [this](Context& c) { return subnet_open(c, subnet_open_); });
    open->add_option("--reward", subnet_open_.reward, "Tokens that the epoch gives away")->required();
    open->add_option("--token", subnet_open_.token, "Default: OCEAN");
    open->add_option("--decimals", subnet_open_.decimals)->capture_default_str();
    open->add_option("--validator", subnet_open_.validators, "Who may weigh, in this order")->required();
    open->add_option("--holdout", subnet_open_.holdout, "Root of the data on which models are scored")->required();
    open->add_option("--scoring", subnet_open_.scoring, "Hash of the program that scores")->required();
    open->add_option("--models", subnet_open_.models_seconds, "Seconds for committing models")->capture_default_str();
    open->add_option("--reveal", subnet_open_.reveal_seconds, "… for revealing them")->capture_default_str();
    open->add_option("--weights", subnet_open_.weights_seconds, "… for committing weights")->capture_default_str();
    open->add_option("--weights-reveal", subnet_open_.weights_reveal_seconds, "… for revealing them")->capture_default_str();
    open->add_option("--claim-window", subnet_open_.claim_window, "… in which a wrong result can be challenged")->capture_default_str();
    open->add_option("--claim-bond", subnet_open_.claim_bond, "What a result puts up")->capture_default_str();
    const auto of_epoch = [&](const char* name, const char* help, Action action) {
      auto* sub = command(*subnets, name, help, std::move(action));
      sub->add_option("epoch", text_, "Epoch id")->required();
      return sub;
    };
    of_epoch("show", "State of an epoch, and what its revealed weights give", [this](Context& c) { return subnet_show(c, text_); });
    of_epoch("commit", "As a trainer: seal a model", [this](Context& c) { return subnet_model(c, text_, table_file_, false); })->add_option("--model", table_file_)->required();
    of_epoch("reveal", "As a trainer: open it", [this](Context& c) { return subnet_model(c, text_, table_file_, true); })->add_option("--model", table_file_)->required();
    auto* weigh = of_epoch("weigh", "As a validator: seal the weights of a scoring job", [this](Context& c) { return subnet_weigh(c, text_, table_file_, rate_, names_, subnet_open_.decimals, false); });
    weigh->add_option("--scores", table_file_, "scores.json of model-scorer")->required();
    weigh->add_option("--stake", rate_, "What this word weighs; comes back")->required();
    weigh->add_option("--validators", names_, "All of them, in the epoch's order")->required();
    of_epoch("reveal-weights", "As a validator: open them", [this](Context& c) { return subnet_weigh(c, text_, table_file_, "0", {}, 18, true); })->add_option("--scores", table_file_)->required();
    of_epoch("claim", "Claim what the revealed weights give", [this](Context& c) { return subnet_step(c, text_, SubnetStep::kClaim); });
    of_epoch("challenge", "Have the chain recompute a claim", [this](Context& c) { return subnet_step(c, text_, SubnetStep::kChallenge); });
    of_epoch("finalise", "Pay by a claim that stood", [this](Context& c) { return subnet_step(c, text_, SubnetStep::kFinalise); });
    of_epoch("fail", "End an epoch in which nobody weighed", [this](Context& c) { return subnet_step(c, text_, SubnetStep::kFail); });
    command(*subnets, "withdraw", "Take what epochs owe", [this](Context& c) { return subnet_withdraw(c, hash_); })->add_option("--token", hash_, "Default: OCEAN");
  }

  void add_bridge() {
    auto* orders = group("bridge", "Orders from this chain for something on another one");
    const auto other = [this](CLI::App* sub) {
      sub->add_option("job", text_, "The job that pays for the order")->required();
      sub->add_option("--chain-b", other_.url, "RPC URL of the other chain")->required();
      sub->add_option("--chain-b-id", other_.id)->required();
      sub->add_option("--address-file-b", other_.address_file);
      return sub;
    };
    auto* order = command(*orders, "order", "Lock the price here and announce what it is for", [this](Context& c) { return bridge_order(c, bridge_order_); });
    order->add_option("--chain-b-id", bridge_order_.other.id)->required();
    order->add_option("--chain-b", bridge_order_.other.url, "With --asset-b: RPC URL of the other chain");
    order->add_option("--address-file-b", bridge_order_.other.address_file);
    order->add_option("--asset-b", bridge_order_.asset_b, "DID of a listing on B: one use is bought for the recipient");
    order->add_option("--node-b", bridge_order_.node_b, "URL of a node that indexes chain B");
    order->add_option("--inbox", bridge_order_.inbox, "Inbox on chain B");
    order->add_option("--target", bridge_order_.target, "Contract on B that the price pays");
    order->add_option("--data", bridge_order_.data, "Call data for it")->capture_default_str();
    order->add_option("--token-b", bridge_order_.token_b, "Token on B");
    order->add_option("--price", bridge_order_.price, "What the executor fronts on B");
    order->add_option("--decimals-b", bridge_order_.decimals_b)->capture_default_str();
    order->add_option("--recipient", bridge_order_.recipient, "Who gets it on B")->required();
    order->add_option("--executor", bridge_order_.executor, "Who delivers, and is paid here")->required();
    order->add_option("--policy", bridge_order_.policy, "Evidence of the delivery")->required();
    order->add_option("--amount", bridge_order_.amount, "What is paid here");
    order->add_option("--feed", bridge_order_.feed, "… or the feed that says what a token here is worth in B's");
    order->add_flag("--feed-times", bridge_order_.times, "The feed says what a token of B is worth here");
    order->add_option("--token", bridge_order_.token, "Default: OCEAN");
    order->add_option("--decimals", bridge_order_.decimals)->capture_default_str();
    order->add_option("--deliver-within", bridge_order_.deliver_seconds, "Seconds until T_B")->capture_default_str();
    command(*orders, "show", "An order's message", [this](Context& c) { return bridge_show(c, text_); })->add_option("job", text_)->required();
    other(command(*orders, "deliver", "As the executor: front the price on B", [this](Context& c) { return bridge_deliver(c, text_, other_); }));
    other(command(*orders, "prove", "Prove the delivery's receipt by B's block", [this](Context& c) { return bridge_prove(c, text_, other_, hash_, transaction_); }))->add_option("-o,--output", hash_, "File for the proof");
    orders->get_subcommand("prove")->add_option("--tx", transaction_, "This transaction of B instead of the delivery that the Inbox has on record");
    auto* attest = other(command(*orders, "attest", "As a signer: check a proof against one's own node of B, and vote", [this](Context& c) { return bridge_attest(c, text_, other_, hash_, count_); }));
    attest->add_option("--proof", hash_)->required();
    attest->add_option("--confirmations", count_, "Blocks of B above the delivery's")->capture_default_str();
  }

  void add_economy() {
    auto* sending = command(app_, "pay", "Send tokens to somebody", [this](Context& c) { return pay(c, text_, rate_, hash_, subnet_open_.decimals); });
    sending->add_option("to", text_)->required();
    sending->add_option("--amount", rate_)->required();
    sending->add_option("--token", hash_, "Default: OCEAN");
    sending->add_option("--decimals", subnet_open_.decimals)->capture_default_str();
    auto* clinic = group("clinic", "A contract that asks a model about cases and acts on accepted answers");
    command(*clinic, "deploy", "Deploy one", [this](Context& c) { return clinic_deploy(c, hash_); })->add_option("--token", hash_, "What it pays with; default: OCEAN");
    auto* ask = command(*clinic, "ask", "Ask about a case", [this](Context& c) { return clinic_ask(c, clinic_ask_); });
    ask->add_option("clinic", clinic_ask_.clinic)->required();
    ask->add_option("--model", clinic_ask_.model, "subjectRoot")->required();
    ask->add_option("--input", clinic_ask_.input, "inputRoot")->required();
    ask->add_option("--policy", clinic_ask_.policy)->required();
    ask->add_option("--amount", clinic_ask_.amount)->required();
    ask->add_option("--decimals", clinic_ask_.decimals)->capture_default_str();
    ask->add_option("--executor", clinic_ask_.executor, "Who may answer; default: anybody, in two steps");
    ask->add_option("--seconds", clinic_ask_.seconds, "Until when")->capture_default_str();
    ask->add_option("--fee-to", clinic_ask_.fee_to);
    ask->add_option("--fee-bps", clinic_ask_.fee_bps);
    ask->add_option("--royalty-to", clinic_ask_.royalty_to, "A revenue router, say");
    ask->add_option("--royalty-bps", clinic_ask_.royalty_bps);
    auto* looked = command(*clinic, "show", "What became of a case", [this](Context& c) { return clinic_show(c, text_, hash_); });
    looked->add_option("clinic", text_)->required();
    looked->add_option("job", hash_)->required();
    auto* buyer = command(app_, "robot", "Buy answers by the call (x402): one signature each, or vouchers out of a channel", [this](Context& c) { return robot(c, robot_); });
    buyer->add_option("--url", robot_.url)->required();
    buyer->add_option("--calls", robot_.calls)->capture_default_str();
    buyer->add_option("--deposit-calls", robot_.deposit_calls, "A channel is filled for so many calls at once")->capture_default_str();
    buyer->add_option("--price-max", robot_.price_max, "No call may cost more, in whole tokens of 6 decimals")->capture_default_str();
    buyer->add_option("--token", robot_.token, "Default: the local chain's TestUSD");
    buyer->add_option("--channels", robot_.channels);
    buyer->add_option("--collector", robot_.collector);
    buyer->add_flag("--exact", robot_.exact, "One transfer a call instead of a channel");
    auto* lock = command(*group("ve", "Vote-escrowed OCEAN"), "lock", "Lock OCEAN for votes", [this](Context& c) { return ve_lock(c, rate_, count_); });
    lock->add_option("amount", rate_)->required();
    lock->add_option("--weeks", count_, "1 to 208")->capture_default_str();
    auto* grants = group("grants", "Grants by a vote of lockers");
    auto* deploy = command(*grants, "deploy", "Deploy the governor over veOCEAN", [this](Context& c) { return grants_deploy(c, grants_deploy_); });
    deploy->add_option("--delay", grants_deploy_.delay, "Blocks from proposal to snapshot")->capture_default_str();
    deploy->add_option("--period", grants_deploy_.period, "Blocks of voting")->capture_default_str();
    deploy->add_option("--threshold", grants_deploy_.threshold, "veOCEAN that a proposer needs")->capture_default_str();
    deploy->add_option("--quorum", grants_deploy_.quorum_percent, "Percent of all votes")->capture_default_str();
    auto* propose = command(*grants, "propose", "Propose to pay somebody", [this](Context& c) { return grants_propose(c, grants_propose_); });
    propose->add_option("governor", grants_propose_.governor)->required();
    propose->add_option("--to", grants_propose_.to)->required();
    propose->add_option("--amount", grants_propose_.amount)->required();
    propose->add_option("--why", grants_propose_.why)->required();
    propose->add_option("--token", grants_propose_.token, "Default: OCEAN");
    propose->add_option("--decimals", grants_propose_.decimals)->capture_default_str();
    const auto of_proposal = [&](const char* name, const char* help, Action action) {
      auto* sub = command(*grants, name, help, std::move(action));
      sub->add_option("governor", text_)->required();
      sub->add_option("proposal", hash_)->required();
      return sub;
    };
    of_proposal("show", "State and votes of a proposal", [this](Context& c) { return grants_show(c, text_, hash_); });
    of_proposal("vote", "Vote for a proposal", [this](Context& c) { return grants_vote(c, text_, hash_, refuse_); })->add_flag("--against", refuse_);
    of_proposal("execute", "Do what was decided", [this](Context& c) { return grants_execute(c, text_, hash_); });
    auto* revenue = group("revenue", "Where the revenue of a use goes");
    auto* route = command(*revenue, "deploy", "Deploy a router: parties' shares, the rest to the community", [this](Context& c) { return revenue_deploy(c, names_, text_); });
    route->add_option("--party", names_, "ADDRESS:BPS")->required();
    route->add_option("--grants", text_, "Governor that grants half of the community's part")->required();
    const auto of_router = [&](const char* name, const char* help, Action action) {
      auto* sub = command(*revenue, name, help, std::move(action));
      sub->add_option("router", text_)->required();
      sub->add_option("--token", hash_, "Default: OCEAN");
      return sub;
    };
    of_router("show", "Parties, shares and what is owed", [this](Context& c) { return revenue_show(c, text_, hash_); });
    of_router("distribute", "Share out what has arrived", [this](Context& c) { return revenue_distribute(c, text_, hash_); });
    of_router("withdraw", "Send somebody what is its own", [this](Context& c) { return revenue_withdraw(c, text_, hash_, payee_); })->add_option("--account", payee_, "Default: this key's");
  }

  void add_auctions() {
    auto* auction = group("auction", "Machines by sealed bids, paid by the second");
    auto* open = command(*auction, "open", "Ask hosts for a machine", [this](Context& c) { return auction_open(c, auction_open_); });
    open->add_option("--max-rate", auction_open_.max_rate, "Highest price, tokens a second")->required();
    open->add_option("--hosts", auction_open_.hosts, "Who may bid: the hosts that the listing names")->required();
    open->add_option("--seconds", auction_open_.seconds, "How long it is paid for")->capture_default_str();
    open->add_option("--deposit", auction_open_.deposit, "What each bidder puts up")->capture_default_str();
    open->add_option("--no-show-bps", auction_open_.no_show_bps, "Which part of it a bid costs that is not opened, or a win that is not started")->capture_default_str();
    open->add_option("--commit-seconds", auction_open_.commit_seconds, "For sealed bids")->capture_default_str();
    open->add_option("--reveal-seconds", auction_open_.reveal_seconds, "For opening them")->capture_default_str();
    open->add_option("--start-within", auction_open_.start_within, "Seconds that each winner has to start")->capture_default_str();
    open->add_option("--token", auction_open_.token, "ERC-20; default: OCEAN");
    open->add_option("--decimals", auction_open_.decimals, "Of the token")->capture_default_str();
    open->add_option("--manifest", auction_open_.manifest, "Hash of what is to be run");
    const auto of_order = [&](const char* name, const char* help, Action action) {
      auto* sub = command(*auction, name, help, std::move(action));
      sub->add_option("order", text_, "Order id")->required();
      return sub;
    };
    of_order("show", "Bids, whose turn it is, and what the lease has cost", [this](Context& c) { return auction_show(c, text_); });
    auto* bid = of_order("bid", "As a host: seal a bid", [this](Context& c) { return auction_bid(c, text_, rate_, names_, auction_open_.decimals); });
    bid->add_option("--hosts", names_, "The order's hosts, in its order")->required();
    auto* reveal = of_order("reveal", "As a host: open the bid", [this](Context& c) { return auction_reveal(c, text_, rate_, auction_open_.decimals); });
    for (auto* sub : {bid, reveal}) {
      sub->add_option("--rate", rate_, "Tokens a second")->required();
      sub->add_option("--decimals", auction_open_.decimals, "Of the token")->capture_default_str();
    }
    for (const auto& [name, help, step] : {std::tuple{"start", "As the winner: start the lease", AuctionStep::kStart}, {"pass", "End the turn of a winner that did not start", AuctionStep::kPass},
                                           {"settle", "Send the provider what its lease has earned", AuctionStep::kSettle}, {"close", "End the lease now", AuctionStep::kClose},
                                           {"refund", "Send the tenant what a closed lease did not use", AuctionStep::kRefund}})
      of_order(name, help, [this, step = step](Context& c) { return auction_step(c, text_, step); });
    of_order("release", "Settle the deposit of a bid that did not win", [this](Context& c) { return auction_release(c, text_, hash_); })->add_option("--bidder", hash_, "Default: this key");
    command(*auction, "withdraw", "Pull what the auction owes this key", [this](Context& c) { return auction_withdraw(c, text_); })->add_option("--token", text_, "Default: OCEAN");
  }

  void add_feeds() {
    auto* feed = group("feed", "Price feeds");
    const auto of_feed = [&](const char* name, const char* help, Action action) {
      auto* sub = command(*feed, name, help, std::move(action));
      sub->add_option("feed", text_, "Address of the PriceFeed")->required();
      return sub;
    };
    auto* deploy = command(*feed, "deploy", "Deploy a feed of these reporters", [this](Context& c) { return feed_deploy(c, feed_deploy_); });
    deploy->add_option("--description", feed_deploy_.description, "OCEAN / USD, say")->required();
    deploy->add_option("--reporter", feed_deploy_.reporters, "Addresses, in their order")->required();
    deploy->add_option("--decimals", feed_deploy_.decimals)->capture_default_str();
    deploy->add_option("--heartbeat", feed_deploy_.heartbeat, "Seconds after which a price is stale")->capture_default_str();
    deploy->add_option("--min", feed_deploy_.min, "Below it nothing is taken")->capture_default_str();
    deploy->add_option("--max", feed_deploy_.max)->capture_default_str();
    of_feed("show", "Its reporters, its last price, and whether that is fresh", [this](Context& c) { return feed_show(c, text_); });
    of_feed("observe", "As a reporter: sign what you see", [this](Context& c) { return feed_observe(c, text_, rate_); })->add_option("--price", rate_)->required();
    of_feed("report", "Bring a round's observations", [this](Context& c) { return feed_report(c, text_, names_); })->add_option("--observation", names_, "As printed by feed observe --json")->required();
  }

  void add_keys() {
    auto* keys = group("keys", "Key files of this home");
    command(*keys, "new", "Make the four roles' keys, or the named ones", [this](Context& c) { return keys_new(c, names_); })->add_option("names", names_);
    command(*keys, "show", "Names and addresses", [](Context& c) { return keys_show(c); });
    command(*keys, "backup", "Write all keys, encrypted, to one file", [this](Context& c) { return keys_backup(c, text_); })->add_option("file", text_)->required();
    command(*keys, "restore", "Read them back", [this](Context& c) { return keys_restore(c, text_); })->add_option("file", text_)->required();
  }

  void add_chain() {
    auto* chain = group("chain", "The chain");
    command(*chain, "status", "Id and newest block", [](Context& c) { return chain_status(c); });
    auto* fund = command(*chain, "fund", "On the embedded chain: give an account coins and OCEAN", [this](Context& c) { return chain_fund(c, text_, coins_, tokens_); });
    fund->add_option("address", text_)->required();
    fund->add_option("--coins", coins_)->capture_default_str();
    fund->add_option("--tokens", tokens_)->capture_default_str();
    command(*chain, "start", "Start an embedded chain without a node (--chain-id for another than 8996)", [this](Context& c) { return chain_start(c, serve_.chain_port); })->add_option("--port", serve_.chain_port, "0 for any")->capture_default_str();
    auto* mint = command(*chain, "mint", "On a local chain: give an account TestUSD", [this](Context& c) { return chain_mint(c, text_, tokens_); });
    mint->add_option("address", text_)->required();
    mint->add_option("--amount", tokens_)->capture_default_str();
    command(*chain, "stop", "Stop the embedded chain of this home", [](Context& c) { return chain_stop(c); });
    auto* escrow = group("escrow", "Money in Ocean's escrow");
    command(*escrow, "show", "Funds and authorisations", [this](Context& c) { return escrow_show(c, payee_); })->add_option("--payee", payee_);
    for (const char* what : {"deposit", "withdraw", "authorize"}) {
      auto* sub = command(*escrow, what, std::string(what) + " OCEAN", [this, what](Context& c) { return escrow_move(c, what, text_, payee_, seconds_, count_); });
      sub->add_option("amount", text_)->required();
      if (std::string_view(what) != "authorize") continue;
      sub->add_option("--payee", payee_, "The node's operator")->required();
      sub->add_option("--seconds", seconds_, "Longest lock")->capture_default_str();
      sub->add_option("--count", count_, "Locks at once")->capture_default_str();
    }
  }

  void add_demo() {
    auto* run = command(app_, "demo", "Play the whole story: one bean through all five layers", [this](Context& c) { return demo(c, demo_); });
    run->add_option("--folder", demo_.folder)->capture_default_str();
    run->add_option("--data", demo_.data, "Your own CSV instead of the generated table");
    run->add_option("--label", demo_.label, "Its label column");
    run->add_option("--rows", demo_.rows, "Rows of the generated table")->capture_default_str();
    run->add_option("--seed", demo_.seed)->capture_default_str();
    run->add_option("--stop", demo_.stop, "End after farm, roastery, recipe, counter, cup or till");
    std::string lies;
    for (const auto& [name, words] : story::cheats()) lies += (lies.empty() ? "" : ", ") + name;
    run->add_option("--cheat", demo_.cheat, "Tell a lie, and see by what it is refused: " + lies);
    run->add_option("--language", demo_.language, "en or zh")->capture_default_str();
    run->add_option("--evidence", demo_.evidence, "quorum: the first sale's pay waits for two of three members, and the story ends there")->capture_default_str();
    auto* data = command(app_, "demo-data", "Write the demo's clinical table", [this](Context&) { return demo_data(text_, demo_.rows, demo_.seed); });
    data->add_option("file", text_)->required();
    data->add_option("--rows", demo_.rows)->capture_default_str();
    data->add_option("--seed", demo_.seed)->capture_default_str();
    for (const char* name : {"verify", "check-story"}) {
      auto* check = command(app_, name, "Check a story again: money, signatures, receipts, quorums and payments, from the chains alone", [this](Context& c) { return verify(c, demo_.folder, c.options().chain_url, other_.url); });
      check->add_option("story", demo_.folder, "story.json or its folder")->capture_default_str();
      check->add_option("--chain-b", other_.url, "RPC URL of the story's second chain; default: from the folder's state");
    }
  }

  CLI::App app_;
  GlobalOptions global_;
  Action action_;
  std::string log_level_ = "warn", shell_, did_, text_, hash_, coins_ = "10", tokens_ = "1000", payee_;
  std::vector<std::string> names_;
  std::uint64_t seconds_ = 7'200, count_ = 10;
  bool refuse_ = false;
  ServeOptions serve_;
  MemberCommand member_;
  TollCommand toll_;
  AuctionOpenOptions auction_open_;
  settlement::PlanRequest plan_;
  std::string rate_;
  PublishOptions publish_;
  UpdateOptions update_;
  SearchOptions search_;
  BuyOptions buy_;
  DownloadOptions download_;
  ComputeOptions compute_;
  JobOpenOptions job_open_;
  JobClaimOptions job_claim_;
  story::StoryOptions demo_;
  SubnetOpenOptions subnet_open_;
  BridgeOrderOptions bridge_order_;
  OtherChain other_;
  RobotOptions robot_;
  GrantsDeployOptions grants_deploy_;
  GrantsProposeOptions grants_propose_;
  ClinicAskOptions clinic_ask_;
  FeedDeployOptions feed_deploy_;
  TableRegisterOptions table_register_;
  QualityMeasureOptions measure_;
  QualityClaimOptions quality_claim_;
  std::string table_file_, batches_, recipe_, transaction_;
  std::uint64_t rows_ = 0;
  std::vector<std::string> receipts_;
};

}  // namespace

int run(int argc, char** argv) { return App().run(argc, argv); }

}  // namespace peaberry::cli
