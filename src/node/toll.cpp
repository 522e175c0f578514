#include "toll.hpp"

#include <peaberry/bindings/test_usd.hpp>
#include <peaberry/settlement/contracts.hpp>

#include "node.hpp"

namespace peaberry::node {

namespace token_contract = bindings::test_usd;

struct Toll::Parts {
  NodeConfig config;
  TollOptions options;
  SystemClock clock;
  SystemRandom random;
  Fd home_lock;
  std::unique_ptr<net::Client> http;
  std::unique_ptr<chain::Rpc> rpc;
  std::unique_ptr<store::Database> database, vouchers;  // vouchers in a file of their own: nothing else waits for their disk
  std::optional<NodeKeys> keys;
  std::unique_ptr<chain::TxManager> sender;
  std::unique_ptr<settlement::VoucherBook> book;
  std::unique_ptr<agents::Paywall> paywall;
  agents::x402::Price price;
  U256 claim_at_least;
  std::unique_ptr<net::Server> server;

  /// Hands a paid call on, without what is between the caller and us.
  net::Response forward(const net::Request& request) {
    net::ClientRequest out{.method = request.method, .url = options.upstream + request.target, .body = request.body};
    for (const auto& [name, value] : request.headers)
      for (const char* kept : {"Accept", "Accept-Language", "Content-Type", "User-Agent"})
        if (equals_ignore_case(name, kept)) out.headers[name] = value;
    const auto reply = http->send(out);
    if (!reply) return net::Response::json(502, json::stringify(json::Object{{"error", "the service does not answer"}, {"message", reply.error().text()}}));
    net::Response response;
    response.status = reply->status, response.body = reply->body;
    for (const auto& [name, value] : reply->headers)
      for (const char* kept : {"Content-Type", "Content-Language", "Cache-Control", "ETag", "Last-Modified"})
        if (equals_ignore_case(name, kept)) response.headers[name] = value;
    return response;
  }
  Result<std::string> ask_text(const Bytes& data, Result<std::string> (*decode)(ByteView)) {
    PB_TRY(reply, rpc->eth_call({.to = price.token, .data = data}));
    return decode(reply);
  }
};

Toll::Toll(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Toll::~Toll() {
  if (parts_->server) parts_->server->stop();
}
std::uint16_t Toll::port() const { return parts_->server->port(); }
const Address& Toll::pay_to() const { return parts_->book->receiver(); }
const agents::x402::Price& Toll::price() const { return parts_->price; }
Result<agents::Paywall::Claimed> Toll::tick() {
  PB_CHECK(parts_->sender->maintain());
  return parts_->paywall->claim(parts_->claim_at_least);
}
Result<agents::Paywall::Claimed> Toll::claim_all() { return parts_->paywall->claim(U256{1}); }

Result<std::unique_ptr<Toll>> Toll::start(NodeConfig config, TollOptions options) {
  auto parts = std::make_unique<Parts>();
  Parts& p = *parts;
  p.config = std::move(config), p.options = std::move(options);
  while (p.options.upstream.ends_with('/')) p.options.upstream.pop_back();
  if (!p.options.upstream.starts_with("http://") && !p.options.upstream.starts_with("https://")) return fail(Errc::kInvalid, "upstream: \"" + p.options.upstream + "\" is no http URL", "give --upstream http://127.0.0.1:9000");
  if (p.config.chain_urls.empty()) return fail(Errc::kInvalid, "no chain is configured", "give --chain RPC_URL");
  PB_CHECK(make_directories(p.config.home, 0711));
  PB_TRY(lock, lock_file(p.config.home / "lock"));
  p.home_lock = std::move(lock);
  p.http = net::make_client();
  p.rpc = std::make_unique<chain::Rpc>(*p.http, chain::RpcOptions{.urls = p.config.chain_urls, .chain_id = p.config.chain_id}, p.clock, p.random);
  PB_TRY(contracts, settlement::Contracts::load(p.config.address_file, p.config.chain_id));
  const Address channels = p.options.channels.value_or(contracts.channels), collector = p.options.collector.value_or(contracts.deposit_collector);
  if (channels.is_zero() != collector.is_zero()) return fail(Errc::kInvalid, "channels and collector: name both or none");
  if (p.options.token.empty() && contracts.test_usd.is_zero()) return fail(Errc::kInvalid, "token: this chain has no TestUSD", "give --token ADDRESS of an ERC-20 with EIP-3009");
  p.price.token = contracts.test_usd;
  if (!p.options.token.empty()) {
    PB_TRY(token, crypto::parse_address(p.options.token, "token"));
    p.price.token = token;
  }
  // The token's own words for its EIP-712 domain: a wrong name is the usual reason why no signature fits.
  PB_TRY(name, p.ask_text(token_contract::name(), token_contract::decode_name));
  PB_TRY(version, p.ask_text(token_contract::version(), token_contract::decode_version));
  PB_TRY(decimals_reply, p.rpc->eth_call({.to = p.price.token, .data = token_contract::decimals()}));
  PB_TRY(decimals, token_contract::decode_decimals(decimals_reply));
  p.price.token_name = name, p.price.token_version = version;
  PB_TRY(amount, parse_units(p.options.price, static_cast<unsigned>(decimals.low64())));
  if (amount.is_zero()) return fail(Errc::kInvalid, "price: a call that costs nothing needs no toll");
  PB_TRY(at_least, parse_units(p.options.claim_at_least, static_cast<unsigned>(decimals.low64())));
  p.price.amount = amount, p.claim_at_least = at_least;
  PB_TRY(keys, open_node_keys(p.config.home, true, p.random));
  p.keys = std::move(keys);
  p.price.pay_to = p.keys->treasury;
  if (!p.options.pay_to.empty()) {
    PB_TRY(pay_to, crypto::parse_address(p.options.pay_to, "pay-to"));
    p.price.pay_to = pay_to;
  }
  PB_TRY(database, store::open_sqlite((p.config.home / "node.sqlite").string()));
  p.database = std::move(database);
  PB_CHECK(chain::TxManager::migrate(*p.database));
  PB_TRY(vouchers, store::open_sqlite((p.config.home / "vouchers.sqlite").string()));
  p.vouchers = std::move(vouchers);
  PB_CHECK(settlement::VoucherBook::migrate(*p.vouchers));
  chain::TxOptions sending{.poll_ms = 25};
  if (!p.config.operator_daily_limit.empty()) {  // strangers' deposits and transfers are sent with our gas
    PB_TRY(limit, parse_units(p.config.operator_daily_limit, 18, "operatorDailyLimit"));
    sending.daily_wei_max = limit;
  }
  p.sender = std::make_unique<chain::TxManager>(*p.rpc, *p.database, p.keys->operator_.clone(), p.config.chain_id, p.clock, sending);
  PB_TRY(book, settlement::VoucherBook::open(*p.vouchers, {p.config.chain_id, channels}, p.price.pay_to, p.clock));
  p.book = std::move(book);
  p.paywall = std::make_unique<agents::Paywall>(*p.rpc, *p.sender, *p.book, p.clock,
                                                agents::PaywallOptions{.chain_id = p.config.chain_id, .channels = channels, .collector = collector, .withdraw_delay = p.options.withdraw_delay, .calls_min = p.options.calls_min});
  PB_TRY(server, net::Server::start({.address = p.config.listen_address, .port = p.config.port, .handler_threads = p.options.handler_threads},
                                    [&p](const net::Request& request) { return p.paywall->serve(request, p.price, [&] { return p.forward(request); }); }));
  p.server = std::move(server);
  return std::unique_ptr<Toll>(new Toll(std::move(parts)));
}

}  // namespace peaberry::node
