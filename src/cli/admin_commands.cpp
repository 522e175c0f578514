#include <fmt/core.h>
#include <signal.h>

#include <peaberry/base/log.hpp>
#include <peaberry/base/process.hpp>
#include <peaberry/ledger/ledger.hpp>
#include <peaberry/node/member.hpp>
#include <peaberry/node/node.hpp>
#include <peaberry/node/toll.hpp>
#include <peaberry/settlement/ocean_escrow.hpp>

#include <peaberry/bindings/test_usd.hpp>

#include "commands.hpp"

namespace peaberry::cli {
namespace {

std::string key_table(const std::map<std::string, Address>& keys, json::Object& out) {
  std::string text;
  for (const auto& [name, address] : keys) {
    out[name] = crypto::checksum_address(address);
    text += fmt::format("{}{:<10} {}", text.empty() ? "" : "\n", name, crypto::checksum_address(address));
  }
  return text;
}

Result<crypto::KeyStore> open_store(Context& context, bool create) {
  PB_TRY(passphrase, node::home_passphrase(context.home(), create));
  return crypto::KeyStore(context.home() / "keys", std::move(passphrase));
}

json::Object done_json(const market::Done& done) { return {{"name", done.name}, {"tx", done.transaction.hex()}, {"gas", done.gas_used}}; }

}  // namespace

Output version() {
  const json::Object out{{"name", "peaberry"}, {"version", "0.1.0"}, {"audited", false}};
  return {out, "peaberry 0.1.0\nnot audited; do not secure real value"};
}

Result<Output> keys_new(Context& context, const std::vector<std::string>& names) {
  PB_TRY(store, open_store(context, true));
  std::map<std::string, Address> made;
  std::vector<std::string> wanted = names;
  if (wanted.empty()) wanted.assign(std::begin(crypto::kKeyRoles), std::end(crypto::kKeyRoles));
  PB_TRY(known, store.list());
  for (const auto& name : wanted) {
    if (names.empty() && known.contains(name)) {  // `keys new` completes the roles
      made[name] = known[name];
      continue;
    }
    PB_TRY(address, store.create(name, context.random()));
    made[name] = address;
  }
  json::Object out;
  std::string text = key_table(made, out);
  return Output{out, text};
}

Result<Output> keys_show(Context& context) {
  const crypto::KeyStore store(context.home() / "keys", crypto::SecretBytes());
  PB_TRY(keys, store.list());
  json::Object out;
  std::string text = key_table(keys, out);
  return Output{out, text.empty() ? "no keys in " + context.home().string() + "; make some with: peaberry keys new" : text};
}

Result<Output> keys_backup(Context& context, const std::string& file) {
  PB_TRY(store, open_store(context, false));
  PB_TRY(text, store.backup());
  PB_CHECK(write_file_atomic(file, as_bytes(text), 0600));
  return Output{json::Object{{"file", file}}, "wrote " + file + " (encrypted with this home's pass phrase: keep that too)"};
}

Result<Output> keys_restore(Context& context, const std::string& file) {
  PB_TRY(text, read_text(file, 1 << 20));
  PB_TRY(store, open_store(context, false));
  PB_TRY(keys, store.restore(text));
  json::Object out;
  std::string table = key_table(keys, out);
  return Output{out, table};
}

Result<Output> chain_status(Context& context) {
  PB_TRY(rpc, context.rpc());
  PB_TRY(id, rpc->chain_id());
  PB_TRY(head, rpc->latest_block());
  json::Object out{{"chainId", id}, {"block", head.number}, {"hash", head.hash.hex()}, {"timestamp", head.timestamp}, {"url", context.options().chain_url}};
  return Output{out, fmt::format("chain {} at block {} ({})", id, head.number, context.options().chain_url)};
}

Result<Output> chain_fund(Context& context, const std::string& address_text, const std::string& coins, const std::string& tokens) {
  PB_TRY(rpc, context.rpc());
  PB_TRY(contracts, context.addresses());
  PB_TRY(address, Address::parse(address_text, "address"));
  PB_TRY(wei, parse_units(coins, 18, "coins"));
  PB_TRY(amount, parse_units(tokens, 18, "tokens"));
  PB_CHECK(ledger::Ledger().fund(*rpc, address, wei, contracts->ocean, amount));
  return Output{json::Object{{"address", crypto::checksum_address(address)}, {"wei", wei.dec()}, {"token", amount.dec()}}, fmt::format("{} received {} coins and {} OCEAN", address_text, coins, tokens)};
}

Result<Output> escrow_show(Context& context, const std::string& payee_text) {
  PB_TRY(rpc, context.rpc());
  PB_TRY(contracts, context.addresses());
  PB_TRY(key, context.key());
  PB_TRY(database, store::open_sqlite(":memory:"));
  PB_CHECK(chain::TxManager::migrate(*database));
  chain::TxManager sender(*rpc, *database, key->clone(), context.options().chain_id, context.clock());
  settlement::OceanEscrow escrow(*rpc, sender, *contracts, context.clock());
  PB_TRY(funds, escrow.funds(key->address(), contracts->ocean));
  json::Object out{{"account", crypto::checksum_address(key->address())}, {"available", funds.available.dec()}, {"locked", funds.locked.dec()}};
  std::string text = fmt::format("available {} OCEAN, locked {} OCEAN", format_units(funds.available, 18), format_units(funds.locked, 18));
  if (!payee_text.empty()) {
    PB_TRY(payee, Address::parse(payee_text, "payee"));
    PB_TRY(list, escrow.authorizations(contracts->ocean, key->address(), payee));
    json::Array rows;
    for (const auto& a : list) {
      rows.push_back(json::Object{{"payee", crypto::checksum_address(a.payee)}, {"maxLocked", a.max_locked.dec()}, {"currentLocked", a.current_locked.dec()}, {"maxLockSeconds", a.max_lock_seconds.dec()},
                                  {"maxLockCounts", a.max_lock_counts.dec()}, {"currentLocks", a.current_locks.dec()}});
      text += fmt::format("\n{} may lock up to {} OCEAN for {} s, {} times ({} now)", crypto::checksum_address(a.payee), format_units(a.max_locked, 18), a.max_lock_seconds.dec(), a.max_lock_counts.dec(), a.current_locks.dec());
    }
    out["authorizations"] = rows;
  }
  return Output{out, text};
}

Result<Output> escrow_move(Context& context, const std::string& what, const std::string& amount_text, const std::string& payee_text, std::uint64_t seconds, std::uint64_t count) {
  PB_TRY(trader, context.trader());
  PB_TRY(contracts, context.addresses());
  PB_TRY(amount, parse_units(amount_text, 18, "amount"));
  const std::string intention = "escrow:" + context.random().uuid();
  json::Array steps;
  if (what == "deposit") {
    PB_TRY(done, trader->escrow_deposit(intention, contracts->ocean, amount));
    for (const auto& step : done) steps.push_back(done_json(step));
  } else if (what == "withdraw") {
    PB_TRY(done, trader->escrow_withdraw(intention, contracts->ocean, amount));
    steps.push_back(done_json(done));
  } else {
    PB_TRY(payee, Address::parse(payee_text, "payee"));
    PB_TRY(done, trader->escrow_authorize(intention, contracts->ocean, payee, amount, seconds, count));
    steps.push_back(done_json(done));
  }
  return Output{json::Object{{"steps", steps}}, what + " " + amount_text + " OCEAN: done"};
}

Result<Output> doctor(Context& context) {
  json::Array checks;
  std::string text;
  bool all_good = true;
  const auto check = [&](const std::string& name, const Status& status, const std::string& good) {
    checks.push_back(json::Object{{"name", name}, {"ok", status.has_value()}, {"detail", status ? good : status.error().text()}});
    text += fmt::format("{} {:<12} {}\n", status ? "ok  " : "FAIL", name, status ? good : status.error().text());
    all_good = all_good && status;
  };
  const auto as_status = [](const auto& result) { return result ? Status() : Status(result.error()); };
  const auto passphrase = node::home_passphrase(context.home(), false);
  const bool in_file = fs::exists(context.home() / "passphrase");
  check("pass phrase", as_status(passphrase), in_file ? "read from " + (context.home() / "passphrase").string() + ": fine for trying; keep it elsewhere when keys hold value" : "from the environment");
  const auto key = context.key();
  check("key", as_status(key), key ? context.options().key + " " + crypto::checksum_address((*key)->address()) : "");
  const auto bwrap = find_program("bwrap");
  check("bubblewrap", as_status(bwrap), bwrap ? bwrap->string() : "");
  if (bwrap) {
    const auto sandbox = compute::make_bubblewrap({.parent_group = "peaberry-doctor"}, context.clock());
    check("sandbox", as_status(sandbox), sandbox ? (*sandbox)->describe() : "");
  }
  auto rpc = context.rpc();
  if (rpc) {
    const auto head = (*rpc)->latest_block();
    check("chain", as_status(head), head ? fmt::format("{} at block {}", context.options().chain_url, head->number) : "");
    const auto contracts = context.addresses();
    check("contracts", as_status(contracts), contracts ? "Ocean's, from " + context.options().address_file : "");
    if (head && key) {
      const auto coins = (*rpc)->balance((*key)->address());
      check("gas", as_status(coins), coins ? format_units(*coins, 18) + " coins" : "");
    }
  } else {
    check("chain", Status(rpc.error()), "");
  }
  if (const auto text_lost = read_text(context.home() / "ledger" / "lost")) check("ledger", fail(Errc::kConflict, *text_lost, "the node rolled back and sent its journalled transactions again"), "");
  if (!context.options().node_url.empty()) {
    const auto nobody = crypto::PrivateKey::generate(context.random());
    const auto health = NodeClient(context.http(), context.options().node_url, nobody).get("/api/v1/health");
    check("node", as_status(health), health ? context.options().node_url : "");
    if (health && health->is_object()) {
      const auto& h = health->get_object();
      check("index", Status(), fmt::format("block {} of {}, {} assets, {} events set aside, {} listings waiting for their decryptor", json::uint_or(h, "indexed", 0), json::uint_or(h, "head", 0), json::uint_or(h, "assets", 0),
                                           json::uint_or(h, "poisoned", 0), json::uint_or(h, "pending", 0)));
    }
  }
  text.pop_back();
  return Output{json::Object{{"ok", all_good}, {"checks", checks}}, text};
}

namespace {

/// SIGINT and SIGTERM, blocked from now on so that they can be waited for.
sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

void name_chain(Context& context, node::NodeConfig& config) {
  config.chain_id = context.options().chain_id;
  if (!context.options().chain_url.empty()) config.chain_urls = {context.options().chain_url};
  if (!context.options().address_file.empty()) config.address_file = context.options().address_file;
}

/// On the embedded chain a node that needs a door may make it at its first start: its operator gets a coin for gas.
Status fund_operator(Context& context, const node::NodeConfig& config, const ledger::Ledger& chain) {
  PB_TRY(keys, node::open_node_keys(config.home, true, context.random()));
  chain::Rpc rpc(context.http(), {.urls = {chain.url()}, .chain_id = config.chain_id}, context.clock(), context.random());
  PB_TRY(balance, rpc.balance(keys.operator_.address()));
  if (!balance.is_zero()) return {};
  return chain.fund(rpc, keys.operator_.address(), *parse_units("1", 18), {}, {});
}

}  // namespace

Result<Output> serve(Context& context, const ServeOptions& options) {
  const sigset_t signals = stop_signals();

  PB_TRY(config, node::NodeConfig::load(context.home()));
  config.port = options.port;
  if (!options.public_url.empty()) config.public_url = options.public_url;
  if (options.no_compute) config.compute = false;
  if (options.allow_private_urls) config.allow_private_urls = true;
  if (!options.cpu_price.empty()) config.environment.cpu_price = options.cpu_price;
  if (!options.job_seconds_min.empty()) {
    PB_TRY(seconds, U256::parse(options.job_seconds_min, "min-job-seconds"));
    config.environment.job_seconds_min = seconds.low64();
  }
  if (!options.evidence.empty()) {
    PB_TRY(text, read_text(options.evidence, 1 << 20));
    config.environment.evidence = text;
  }
  name_chain(context, config);
  std::optional<ledger::Ledger> chain;
  if (options.embedded_chain) {
    context.progress("starting the embedded chain");
    PB_TRY(started, ledger::Ledger::start({.folder = context.home() / "ledger", .port = options.chain_port, .chain_id = config.chain_id}, context.http(), context.clock(), context.random()));
    chain = std::move(started);
    if (chain->deployed()) context.progress("deployed Ocean's contracts");
    if (chain->attached()) context.progress("attached to the running chain");
    if (chain->lost_blocks() > 0) {
      const std::string lost = fmt::format("anvil ended hard: {} blocks were lost", chain->lost_blocks());
      log::warn("ledger", "{}", lost);
      PB_CHECK(write_file_atomic(context.home() / "ledger" / "lost", as_bytes(lost)));
    }
    config.chain_urls = {chain->url()};
    config.address_file = chain->address_file();
    if (!config.environment.evidence.empty()) PB_CHECK(fund_operator(context, config, *chain));
  }
  const bool public_chain = config.chain_id != 8996 && config.chain_id != 31337 && config.chain_id != 1337;
  if (public_chain) log::warn("node", "not audited; do not secure real value");
  const std::string chain_url = config.chain_urls.empty() ? "" : config.chain_urls.front(), address_file = config.address_file.string();
  PB_TRY(running, node::Node::start(config));
  const json::Object out{{"node", running->public_url()}, {"chain", chain_url}, {"addressFile", fs::absolute(address_file).string()}, {"chainId", config.chain_id}, {"pid", getpid()}};
  PB_CHECK(write_file_atomic(context.home() / "running.json", as_bytes(json::stringify(out))));
  if (context.options().json) std::printf("%s\n", json::stringify(out).c_str());
  else std::printf("peaberry 0.1.0 – not audited; do not secure real value\nnode   %s\nchain  %s (id %lu)\nhome   %s\nstop with Ctrl-C; the chain goes on until: peaberry chain stop\n", running->public_url().c_str(), chain_url.c_str(),
                   static_cast<unsigned long>(config.chain_id), context.home().c_str());
  std::fflush(stdout);
  for (timespec tick{5, 0};;) {
    const int got = sigtimedwait(&signals, nullptr, &tick);
    if (got == SIGINT || got == SIGTERM) break;
    if (chain)
      if (auto rpc = chain::Rpc(context.http(), {.urls = {chain->url()}, .attempts_max = 1}, context.clock(), context.random()); const auto height = rpc.block_number())
        (void)chain->note_height(*height).has_value();
  }
  running.reset();
  std::error_code code;
  fs::remove(context.home() / "running.json", code);
  return Output{json::Object{{"stopped", true}}, "stopped"};
}

Result<Output> toll(Context& context, const TollCommand& options) {
  const sigset_t signals = stop_signals();
  PB_TRY(config, node::NodeConfig::load(context.home()));
  name_chain(context, config);
  config.port = options.port;
  node::TollOptions toll_options{.upstream = options.upstream, .price = options.price, .token = options.token, .pay_to = options.pay_to, .withdraw_delay = options.withdraw_delay, .calls_min = options.calls_min, .claim_at_least = options.claim_at_least};
  for (const auto& [text, field, slot] : {std::tuple{&options.channels, "channels", &toll_options.channels}, std::tuple{&options.collector, "collector", &toll_options.collector}})
    if (!text->empty()) {
      PB_TRY(address, crypto::parse_address(*text, field));
      *slot = address;
    }
  PB_TRY(running, node::Toll::start(config, toll_options));
  const std::string url = "http://" + config.listen_address + ":" + std::to_string(running->port());
  const json::Object out{{"url", url}, {"upstream", options.upstream}, {"amount", running->price().amount.dec()}, {"asset", crypto::checksum_address(running->price().token)},
                         {"payTo", crypto::checksum_address(running->pay_to())}, {"network", agents::x402::network_of(config.chain_id)}, {"pid", getpid()}};
  std::printf("%s\n", context.options().json ? json::stringify(out).c_str() : (url + " asks " + options.price + " a call for " + options.upstream + "; stop with Ctrl-C").c_str());
  std::fflush(stdout);
  const auto claimed = [](const Result<agents::Paywall::Claimed>& done) {
    if (!done) log::warn("toll", "{}", done.error().text());
    else if (done->channels > 0) log::info("toll", "claimed {} from {} channels", done->amount.dec(), done->channels);
  };
  for (;;) {
    const timespec wait{options.claim_every_seconds, 0};
    const int got = sigtimedwait(&signals, nullptr, &wait);
    if (got == SIGINT || got == SIGTERM) break;
    claimed(running->tick());
  }
  const auto last = running->claim_all();
  claimed(last);
  if (!last) return last.error();
  return Output{json::Object{{"stopped", true}, {"claimed", last->amount.dec()}, {"channels", last->channels}}, "stopped; claimed " + last->amount.dec() + " from " + std::to_string(last->channels) + " channels"};
}

Result<Output> member(Context& context, const MemberCommand& options) {
  const sigset_t signals = stop_signals();
  PB_TRY(config, node::NodeConfig::load(context.home()));
  name_chain(context, config);
  PB_TRY(running, node::Member::start(config, {.node_urls = options.nodes, .poll_ms = options.poll_ms, .grace_seconds = options.grace_seconds, .job_seconds_max = options.job_seconds_max}));
  const json::Object out{{"signer", crypto::checksum_address(running->address())}, {"pid", getpid()}};
  std::printf("%s\n", context.options().json ? json::stringify(out).c_str() : ("signer " + crypto::checksum_address(running->address()) + "; stop with Ctrl-C").c_str());
  std::fflush(stdout);
  std::string last_problem;
  for (;;) {
    const Status ticked = running->tick();
    const std::string problem = ticked ? "" : ticked.error().text();
    if (!problem.empty() && problem != last_problem) log::warn("member", "{}", problem);
    last_problem = problem;
    const timespec wait{options.poll_ms / 1000, (options.poll_ms % 1000) * 1'000'000};
    const int got = sigtimedwait(&signals, nullptr, &wait);
    if (got == SIGINT || got == SIGTERM) break;
  }
  return Output{json::Object{{"stopped", true}}, "stopped"};
}

Result<Output> chain_start(Context& context, std::uint16_t port) {
  PB_CHECK(make_directories(context.home(), 0711));
  PB_TRY(chain, ledger::Ledger::start({.folder = context.home() / "ledger", .port = port, .chain_id = context.options().chain_id}, context.http(), context.clock(), context.random()));
  const std::string file = chain.address_file().string();
  return Output{json::Object{{"chain", chain.url()}, {"chainId", context.options().chain_id}, {"addressFile", file}, {"pid", chain.pid()}}, fmt::format("chain {} runs at {}\n  addresses: {}\n  end it with: peaberry --home {} chain stop", context.options().chain_id, chain.url(), file, context.home().string())};
}

Result<Output> chain_mint(Context& context, const std::string& address_text, const std::string& amount_text) {
  PB_TRY(rpc, context.rpc());
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(address, crypto::parse_address(address_text, "address"));
  PB_TRY(amount, parse_units(amount_text, 6, "amount"));
  if (contracts->test_usd.is_zero()) return fail(Errc::kNotFound, "this chain's address file names no TestUSD");
  PB_TRY(accounts, rpc->call("eth_accounts", {}));
  if (!accounts.is_array() || accounts.get_array().empty() || !accounts.get_array()[0].is_string()) return fail(Errc::kUnsupported, "the chain holds no unlocked development account", "TestUSD is of local chains only");
  PB_TRY(sent, rpc->call("eth_sendTransaction", {json::Object{{"from", accounts.get_array()[0]}, {"to", contracts->test_usd.hex()}, {"data", hex0x(bindings::test_usd::mint(address, amount))}}}));
  PB_TRY(hash, Hash32::parse(sent.is_string() ? json::sv(sent.get_string()) : std::string_view{}, "transaction"));
  for (int i = 0; i < 2000; ++i) {
    PB_TRY(receipt, rpc->receipt(hash));
    if (receipt && receipt->success) return Output{json::Object{{"address", crypto::checksum_address(address)}, {"amount", amount.dec()}, {"tx", hash.hex()}}, address_text + " received " + amount_text + " TestUSD"};
    if (receipt) return fail(Errc::kConflict, "TestUSD minted nothing");
    context.clock().sleep_ms(2);
  }
  return fail(Errc::kTimeout, "the transaction was not mined");
}

Result<Output> chain_stop(Context& context) {
  PB_TRY(chain, ledger::Ledger::attach(context.home() / "ledger"));
  PB_CHECK(chain.stop());
  return Output{json::Object{{"stopped", true}}, "the embedded chain has stopped; its state is on disk"};
}

}  // namespace peaberry::cli
