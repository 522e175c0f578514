#include "app.hpp"

#include <unistd.h>

#include <cstdio>
#include <peaberry/base/log.hpp>

#include "app_class.hpp"
#include "completion.hpp"

namespace peaberry::cli {

App::App() : app_("Peaberry – one node for the verifiable AI economy.\nnot audited; do not secure real value", "peaberry") {
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
  add_proofs();
  add_keys();
  add_chain();
  add_demo();
  command(app_, "explain", "A transaction, job, claim or asset in plain words", [this](Context& c) { return explain(c, text_); })->add_option("what", text_, "Transaction, job or claim (32 bytes of hex), or a DID")->required();
  command(app_, "doctor", "Check this home, its keys, the sandbox, the chain and the node", [](Context& c) { return doctor(c); });
  command(app_, "version", "Print the version", [](Context&) { return Result<Output>(version()); });
  auto* completion = command(app_, "completion", "Print a shell completion script", [this](Context&) { return completion_script(app_, shell_); });
  completion->add_option("shell", shell_, "bash, zsh or fish")->required();
}

int App::run(int argc, char** argv) {
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

int App::report(const Error& error) const {
  if (global_.json) {
    std::printf("%s\n", json::stringify(json::Object{{"error", json::Object{{"code", errc_name(error.code)}, {"message", error.message}, {"remedy", error.remedy}}}}).c_str());
  } else {
    std::fprintf(stderr, "peaberry: %s\n", error.message.c_str());
    if (!error.remedy.empty()) std::fprintf(stderr, "  next: %s\n", error.remedy.c_str());
  }
  return 1;
}

void App::add_serving() {
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

void App::add_keys() {
  auto* keys = group("keys", "Key files of this home");
  command(*keys, "new", "Make the four roles' keys, or the named ones", [this](Context& c) { return keys_new(c, names_); })->add_option("names", names_);
  command(*keys, "show", "Names and addresses", [](Context& c) { return keys_show(c); });
  command(*keys, "backup", "Write all keys, encrypted, to one file", [this](Context& c) { return keys_backup(c, text_); })->add_option("file", text_)->required();
  command(*keys, "restore", "Read them back", [this](Context& c) { return keys_restore(c, text_); })->add_option("file", text_)->required();
}

void App::add_chain() {
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

void App::add_demo() {
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

int run(int argc, char** argv) { return App().run(argc, argv); }

}  // namespace peaberry::cli
