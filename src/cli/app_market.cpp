#include "app_class.hpp"

namespace peaberry::cli {

void App::add_market() {
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
  find->add_option("--quality", search_.quality, "claimed: only tables whose owner stands by their metrics with a bond; proven: only those whose metrics are");
  find->add_option("--rows-min", search_.rows_min, "Only tables that claim, or prove, at least so many rows");
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

void App::add_compute() {
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

void App::add_models() {
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

void App::add_tables() {
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
  const auto proven = [this](CLI::App& sub) {
    sub.add_option("did", proven_.did)->required();
    sub.add_option("--file", proven_.file, "The rows, as CSV")->required();
    sub.add_option("--srs", proven_.srs, "Powers of the verifier's ceremony; default: srs/powers.srs in the home");
    sub.add_option("--verifier", proven_.verifier, "Default: the chain's ZkVerifier");
  };
  const auto schema_options = [this](CLI::App& sub) {
    sub.add_option("--label", proven_.label, "Column whose balance will be proven; its values are told");
    sub.add_option("--category", proven_.categories, "Columns that are categories even if they look like numbers; their values are told");
    sub.add_flag("--nullable", proven_.nullable, "Later rows may miss any value");
  };
  auto* schema = command(*tables, "schema", "The schema that a CSV file fits into, and the plans that follow", [this](Context& c) { return table_schema(c, proven_); });
  schema->add_option("file", proven_.file)->required();
  schema_options(*schema);
  auto* admit = command(*tables, "admit", "List the next epoch by a proof: its columns hidden, every value in range, new rows at its end", [this](Context& c) { return table_admit(c, proven_); });
  proven(*admit);
  schema_options(*admit);
  admit->add_option("--parent", proven_.parents, "DID:BPS of a table that this one was made from");
  admit->add_flag("--anew", proven_.anew, "Begin the table anew under another schema");
  auto* quality = group("quality", "What owners claim of their tables, under a bond, or prove");
  proven(*command(*quality, "prove", "Prove row count, completeness and the label's balance; nobody sees a row", [this](Context& c) { return quality_prove(c, proven_); }));
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

}  // namespace peaberry::cli
