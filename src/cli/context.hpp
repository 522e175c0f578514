#pragma once

#include <peaberry/chain/abi.hpp>
#include <peaberry/chain/tx_manager.hpp>
#include <peaberry/crypto/keystore.hpp>
#include <peaberry/market/trade.hpp>
#include <peaberry/net/client.hpp>
#include <peaberry/settlement/escrow.hpp>

namespace peaberry::cli {

/// What every command needs, opened on first use. One command, one thread.
struct GlobalOptions {
  std::string home;           ///< --home, PEABERRY_HOME, ~/.peaberry
  std::string node_url;       ///< --node, PEABERRY_NODE
  std::string chain_url;      ///< --chain, PEABERRY_CHAIN
  std::uint64_t chain_id = 8996;
  std::string address_file;
  std::string key = "operator";
  std::string record_traffic; ///< every byte received goes here too
  bool json = false;
};

/// A command's outcome: for machines and for people.
struct Output {
  json::Value json;
  std::string text;
};

/// The accounts that a repeated option names.
Result<std::vector<Address>> parse_addresses(const std::vector<std::string>& texts, const char* field);

class Context {
 public:
  explicit Context(GlobalOptions options);
  const GlobalOptions& options() const { return options_; }
  fs::path home() const { return options_.home; }
  net::Client& http() { return *http_; }
  const Clock& clock() { return clock_; }
  Random& random() { return random_; }
  Result<chain::Rpc*> rpc();
  Result<const chain::OceanAddresses*> addresses();
  /// The token that an option names; the chain's Ocean token when it is empty.
  Result<Address> token_or_ocean(const std::string& text);
  Result<const crypto::PrivateKey*> key();
  Result<market::Trader*> trader();
  Result<chain::TxManager*> sender();
  Result<const settlement::Contracts*> settlement_contracts();
  Result<settlement::Escrow*> job_escrow();
  /// Another key of this home: attest, treasury …
  Result<crypto::PrivateKey> named_key(const std::string& name);
  /// One transaction of this command, an intention of its own.
  Result<chain::Receipt> send(const std::string& what, const Address& to, const Bytes& data);
  /// Lets `spender` take at least `amount` of this account's tokens.
  Status allow(const Address& token, const Address& spender, const U256& amount);
  /// Deploys one of this project's contracts from this account.
  Result<std::pair<Address, chain::Receipt>> deploy(const std::string& name, std::string_view types, std::vector<chain::abi::Value> arguments);
  Result<Bytes> call(const Address& to, const Bytes& data);
  Result<std::string> node_url();
  /// A line for people on stderr while something takes long; silent with --json.
  void progress(const std::string& line) const;

 private:
  GlobalOptions options_;
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<net::Client> http_;
  std::unique_ptr<chain::Rpc> rpc_;
  std::optional<chain::OceanAddresses> addresses_;
  std::optional<crypto::PrivateKey> key_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<chain::TxManager> sender_;
  std::unique_ptr<market::Trader> trader_;
  std::optional<settlement::Contracts> contracts_;
  std::unique_ptr<settlement::Escrow> escrow_;
};

/// Talks to a node over Ocean's HTTP surface, as one account.
class NodeClient {
 public:
  NodeClient(net::Client& http, std::string url, const crypto::PrivateKey& key) : http_(http), url_(std::move(url)), key_(key) {}
  const std::string& url() const { return url_; }
  Result<json::Value> get(const std::string& path, const net::Query& query = {});
  Result<json::Value> post(const std::string& path, const json::Value& body);
  Result<std::string> request(net::ClientRequest request);
  /// {consumerAddress, nonce, signature} for a command.
  Result<net::Query> signed_query(std::string_view command);
  Result<crypto::PublicKey> public_key();
  Result<std::string> encrypt(std::string_view text, std::uint64_t chain_id);
  Result<json::Object> ddo(const std::string& did);
  /// Waits until the index shows the asset as `transaction` published it.
  Status wait_indexed(const std::string& did, const Hash32& transaction, const Clock& clock);

 private:
  net::Client& http_;
  std::string url_;
  const crypto::PrivateKey& key_;
};

}  // namespace peaberry::cli
