#include "context.hpp"

#include <cstdio>
#include <cstdlib>
#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/ledger/ledger.hpp>
#include <peaberry/market/auth.hpp>
#include <peaberry/node/config.hpp>

namespace peaberry::cli {
namespace {

std::string from_environment(const char* name, const std::string& other = "") {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : other;
}

/// Passes everything on and appends every received byte to a file: the demo searches it for rows that must not leave.
class RecordingClient final : public net::Client {
 public:
  RecordingClient(std::unique_ptr<net::Client> inner, const std::string& file) : inner_(std::move(inner)), file_(std::fopen(file.c_str(), "ab")) {}
  ~RecordingClient() override {
    if (file_ != nullptr) std::fclose(file_);
  }
  Result<net::ClientResponse> send(const net::ClientRequest& request) override {
    auto response = inner_->send(request);
    if (response && file_ != nullptr) {
      for (const auto& [name, value] : response->headers) std::fwrite(value.data(), 1, value.size(), file_);
      std::fwrite(response->body.data(), 1, response->body.size(), file_);
      std::fflush(file_);
    }
    return response;
  }
  Result<std::unique_ptr<net::ClientStream>> open(const net::ClientRequest& request) override {
    PB_TRY(stream, inner_->open(request));
    return std::unique_ptr<net::ClientStream>(std::make_unique<Stream>(std::move(stream), file_));
  }

 private:
  class Stream final : public net::ClientStream {
   public:
    Stream(std::unique_ptr<net::ClientStream> inner, std::FILE* file) : inner_(std::move(inner)), file_(file) {}
    int status() const override { return inner_->status(); }
    const net::Headers& headers() const override { return inner_->headers(); }
    Result<std::size_t> read(std::span<std::uint8_t> out) override {
      auto got = inner_->read(out);
      if (got && file_ != nullptr) std::fwrite(out.data(), 1, *got, file_);
      return got;
    }

   private:
    std::unique_ptr<net::ClientStream> inner_;
    std::FILE* file_;
  };
  std::unique_ptr<net::Client> inner_;
  std::FILE* file_;
};

}  // namespace

Context::Context(GlobalOptions options) : options_(std::move(options)) {
  if (options_.home.empty()) options_.home = from_environment("PEABERRY_HOME", from_environment("HOME", ".") + "/.peaberry");
  if (options_.node_url.empty()) options_.node_url = from_environment("PEABERRY_NODE");
  if (options_.chain_url.empty()) options_.chain_url = from_environment("PEABERRY_CHAIN");
  if (options_.address_file.empty()) options_.address_file = from_environment("ADDRESS_FILE");
  if (const auto config = node::NodeConfig::load(options_.home)) {  // the node's own settings, where it has some
    if (options_.chain_url.empty() && !config->chain_urls.empty()) options_.chain_url = config->chain_urls.front();
    if (options_.address_file.empty()) options_.address_file = config->address_file.string();
    if (options_.node_url.empty()) options_.node_url = config->public_url;
  }
  // What `up` left for commands of the same home.
  if (const auto text = read_text(fs::path(options_.home) / "running.json"))
    if (const auto running = json::parse(*text); running && running->is_object()) {
      if (options_.node_url.empty()) options_.node_url = json::string_or(running->get_object(), "node");
      if (options_.chain_url.empty()) options_.chain_url = json::string_or(running->get_object(), "chain");
      if (options_.address_file.empty()) options_.address_file = json::string_or(running->get_object(), "addressFile");
    }
  while (!options_.node_url.empty() && options_.node_url.back() == '/') options_.node_url.pop_back();
  http_ = net::make_client();
  if (!options_.record_traffic.empty()) http_ = std::make_unique<RecordingClient>(std::move(http_), options_.record_traffic);
}

void Context::progress(const std::string& line) const {
  if (!options_.json) std::fprintf(stderr, "  %s\n", line.c_str());
}

Result<chain::Rpc*> Context::rpc() {
  if (!rpc_) {
    if (options_.chain_url.empty()) return fail(Errc::kInvalid, "no chain is named", "give --chain RPC_URL, or start one with: peaberry up");
    rpc_ = std::make_unique<chain::Rpc>(*http_, chain::RpcOptions{.urls = {options_.chain_url}, .chain_id = options_.chain_id}, clock_, random_);
  }
  return rpc_.get();
}

Result<std::vector<Address>> parse_addresses(const std::vector<std::string>& texts, const char* field) {
  std::vector<Address> out;
  for (const auto& text : texts) {
    PB_TRY(address, crypto::parse_address(text, field));
    out.push_back(address);
  }
  return out;
}

Result<const chain::OceanAddresses*> Context::addresses() {
  if (!addresses_) {
    if (options_.address_file.empty()) return fail(Errc::kInvalid, "no contract addresses are named", "give --address-file FILE (Ocean's address.json)");
    PB_TRY(loaded, chain::OceanAddresses::load(options_.address_file, options_.chain_id));
    addresses_ = loaded;
  }
  return &*addresses_;
}

Result<Address> Context::token_or_ocean(const std::string& text) {
  if (!text.empty()) return crypto::parse_address(text, "token");
  PB_TRY(ocean, addresses());
  return ocean->ocean;
}

Result<const crypto::PrivateKey*> Context::key() {
  if (!key_) {
    PB_TRY(passphrase, node::home_passphrase(home(), false));
    PB_TRY(opened, crypto::KeyStore(home() / "keys", std::move(passphrase)).open(options_.key));
    key_ = std::move(opened);
  }
  return &*key_;
}

Result<crypto::PrivateKey> Context::named_key(const std::string& name) {
  PB_TRY(passphrase, node::home_passphrase(home(), false));
  return crypto::KeyStore(home() / "keys", std::move(passphrase)).open(name);
}

Result<chain::Receipt> Context::send(const std::string& what, const Address& to, const Bytes& data) {
  PB_TRY(journal, sender());
  return journal->execute({.key = what + ":" + random_.uuid(), .to = to, .data = data});
}

Status Context::allow(const Address& token, const Address& spender, const U256& amount) {
  PB_TRY(journal, sender());
  PB_TRY(reply, call(token, bindings::erc20_template::allowance(journal->address(), spender)));
  PB_TRY(allowed, bindings::erc20_template::decode_allowance(reply));
  if (allowed < amount) PB_CHECK(send("allow", token, bindings::erc20_template::approve(spender, amount)));
  return {};
}

Result<std::pair<Address, chain::Receipt>> Context::deploy(const std::string& name, std::string_view types, std::vector<chain::abi::Value> arguments) {
  PB_TRY(code, ledger::creation_code(name, types, std::move(arguments)));
  PB_TRY(journal, sender());
  PB_TRY(receipt, journal->execute({.key = "deploy:" + name + ":" + random_.uuid(), .to = std::nullopt, .data = code}));
  if (!receipt.contract_address) return fail(Errc::kInternal, "deploying " + name + " gave no address");
  return std::pair{*receipt.contract_address, receipt};
}

Result<Bytes> Context::call(const Address& to, const Bytes& data) {
  PB_TRY(client, rpc());
  return client->eth_call({.to = to, .data = data});
}

Result<chain::TxManager*> Context::sender() {
  if (!sender_) {
    PB_TRY(rpc_client, rpc());
    PB_TRY(private_key, key());
    PB_TRY(database, store::open_sqlite((home() / "node.sqlite").string()));
    database_ = std::move(database);
    PB_CHECK(chain::TxManager::migrate(*database_));
    sender_ = std::make_unique<chain::TxManager>(*rpc_client, *database_, private_key->clone(), options_.chain_id, clock_);
    PB_CHECK(sender_->maintain());  // what an earlier command left half done
  }
  return sender_.get();
}

Result<market::Trader*> Context::trader() {
  if (!trader_) {
    PB_TRY(contracts, addresses());
    PB_TRY(journal, sender());
    trader_ = std::make_unique<market::Trader>(*rpc_, *journal, *contracts);
  }
  return trader_.get();
}

Result<const settlement::Contracts*> Context::settlement_contracts() {
  if (!contracts_) {
    PB_CHECK(addresses());  // says what to do when no file is named
    PB_TRY(loaded, settlement::Contracts::load(options_.address_file, options_.chain_id));
    contracts_ = loaded;
  }
  return &*contracts_;
}

Result<settlement::Escrow*> Context::job_escrow() {
  if (!escrow_) {
    PB_TRY(contracts, settlement_contracts());
    PB_TRY(journal, sender());
    escrow_ = std::make_unique<settlement::Escrow>(*rpc_, *journal, *contracts);
  }
  return escrow_.get();
}

Result<std::string> Context::node_url() {
  if (options_.node_url.empty()) return fail(Errc::kInvalid, "no node is named", "give --node URL, or set PEABERRY_NODE");
  return options_.node_url;
}

Result<std::string> NodeClient::request(net::ClientRequest request) {
  request.url = url_ + request.url;
  request.timeout_ms = 120'000;
  auto response = http_.send(request);
  if (!response) return response.error();
  if (response->status >= 200 && response->status < 300) return std::move(response->body);
  std::string message = response->body.substr(0, 1000), remedy;
  if (const auto document = json::parse(response->body)) {
    if (document->is_string()) message = json::sv(document->get_string());
    else if (document->is_object())
      if (const auto* error = json::find_object(document->get_object(), "error")) message = json::string_or(*error, "message"), remedy = json::string_or(*error, "remedy");
  }
  const Errc code = response->status == 401 ? Errc::kUnauthenticated : response->status == 403 ? Errc::kForbidden : response->status == 404 ? Errc::kNotFound : response->status == 503 ? Errc::kUnavailable : Errc::kInvalid;
  return fail(code, "the node answers " + std::to_string(response->status) + ": " + message, remedy);
}

namespace {
std::string with_query(const std::string& path, const net::Query& query) {
  std::string out = path;
  char separator = '?';
  for (const auto& [name, value] : query) {
    out += separator + net::url_encode(name) + "=" + net::url_encode(value);
    separator = '&';
  }
  return out;
}
}  // namespace

Result<json::Value> NodeClient::get(const std::string& path, const net::Query& query) {
  PB_TRY(body, request({.method = "GET", .url = with_query(path, query)}));
  return json::parse(body, {.max_bytes = std::size_t{64} << 20});
}

Result<json::Value> NodeClient::post(const std::string& path, const json::Value& content) {
  PB_TRY(body, request({.method = "POST", .url = path, .headers = {{"Content-Type", "application/json"}}, .body = json::stringify(content)}));
  return json::parse(body, {.max_bytes = std::size_t{64} << 20});
}

Result<net::Query> NodeClient::signed_query(std::string_view command) {
  const std::string me = crypto::checksum_address(key_.address());
  PB_TRY(reply, get("/api/services/nonce", {{"userAddress", me}}));
  const std::uint64_t nonce = (reply.is_object() ? json::uint_or(reply.get_object(), "nonce", 0) : 0) + 1;
  return net::Query{{"consumerAddress", me}, {"nonce", std::to_string(nonce)}, {"signature", market::sign_request(key_, nonce, command)}};
}

Result<crypto::PublicKey> NodeClient::public_key() {
  PB_TRY(root, get("/"));
  PB_TRY(object, json::as_object(root, "node root"));
  PB_TRY(key, json::object_at(*object, "nodePublicKey"));
  Bytes bytes;
  for (std::size_t i = 0; i < 33; ++i) {
    PB_TRY(byte, json::uint_at(*key, std::to_string(i)));
    bytes.push_back(static_cast<std::uint8_t>(byte));
  }
  return crypto::PublicKey::parse(bytes);
}

Result<std::string> NodeClient::encrypt(std::string_view text, std::uint64_t chain_id) {
  PB_TRY(query, signed_query("encrypt"));
  query["chainId"] = std::to_string(chain_id);
  return request({.method = "POST", .url = with_query("/api/services/encrypt", query), .headers = {{"Content-Type", "application/octet-stream"}}, .body = std::string(text)});
}

Result<json::Object> NodeClient::ddo(const std::string& did) {
  PB_TRY(value, get("/api/aquarius/assets/ddo/" + did));
  PB_TRY(object, json::as_object(value, "DDO"));
  return *object;
}

Status NodeClient::wait_indexed(const std::string& did, const Hash32& transaction, const Clock& clock) {
  const std::int64_t deadline = clock.steady_ms() + 60'000;
  while (clock.steady_ms() < deadline) {
    const auto found = ddo(did);
    if (found)
      if (const auto* indexed = json::find_object(*found, "indexedMetadata"))
        if (const auto* event = json::find_object(*indexed, "event"); event != nullptr && json::string_or(*event, "txid") == transaction.hex()) return {};
    if (!found && found.error().code != Errc::kNotFound) return found.error();
    clock.sleep_ms(50);
  }
  return fail(Errc::kTimeout, "the node has not indexed " + did + " after 60 s", "look at its log, or at /api/aquarius/state/ddo?did=" + did);
}

}  // namespace peaberry::cli
