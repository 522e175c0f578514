#pragma once

#include <peaberry/chain/ocean.hpp>
#include <peaberry/chain/tx_manager.hpp>

#include "provider_fee.hpp"

namespace peaberry::market {

/// What an action cost and where it is on chain.
struct Done {
  std::string name;
  Hash32 transaction;
  std::uint64_t gas_used = 0;
};

struct NewAsset {
  std::string nft_name, nft_symbol, datatoken_name, datatoken_symbol;
  std::optional<U256> price;   ///< base tokens per datatoken, 18 decimals; none: free by dispenser
  Address base_token;
  unsigned base_token_decimals = 18;
  Address payment_collector;   ///< who receives; zero: the publisher
};
struct CreatedAsset {
  Address nft, datatoken;
  Hash32 exchange_id;
  Done done;
};

/// The publisher's and the buyer's moves on Ocean's contracts. `key` arguments name the intention for the journal: the same
/// key never pays twice. Thread-safe as its TxManager is.
class Trader {
 public:
  Trader(chain::Rpc& rpc, chain::TxManager& sender, const chain::OceanAddresses& addresses) : rpc_(rpc), sender_(sender), addresses_(addresses) {}
  const Address& address() const { return sender_.address(); }

  /// Data NFT, datatoken and price in one transaction.
  Result<CreatedAsset> create(const std::string& key, const NewAsset& asset);
  Result<Done> set_metadata(const std::string& key, const Address& nft, std::uint8_t state, const std::string& decryptor_url, std::uint8_t flags, ByteView data, const Hash32& hash);
  /// The exchange's owner sets what one datatoken costs, in base tokens with 18 decimals.
  Result<Done> set_price(const std::string& key, const Hash32& exchange_id, const U256& price);
  Result<Done> set_state(const std::string& key, const Address& nft, std::uint8_t state);

  /// Buys one datatoken at the exchange (approving the base token first) or takes it from the dispenser.
  Result<std::vector<Done>> buy_datatoken(const std::string& key, const Address& datatoken, const Hash32& exchange_id, const U256& price_max);
  /// Spends one datatoken for a service; `consumer` is who uses it (for compute: the environment's address).
  Result<Done> start_order(const std::string& key, const Address& datatoken, const Address& consumer, std::uint64_t service_index, const ProviderFee& fee);
  Result<Done> reuse_order(const std::string& key, const Address& datatoken, const Hash32& order, const ProviderFee& fee);

  Result<U256> token_balance(const Address& token, const Address& who);
  Result<Done> approve(const std::string& key, const Address& token, const Address& spender, const U256& amount);
  Result<std::vector<Done>> escrow_deposit(const std::string& key, const Address& token, const U256& amount);
  Result<Done> escrow_authorize(const std::string& key, const Address& token, const Address& payee, const U256& amount, std::uint64_t seconds, std::uint64_t count);
  Result<Done> escrow_withdraw(const std::string& key, const Address& token, const U256& amount);

  struct Order {
    Hash32 transaction;
    Address consumer, payer;
    std::uint64_t service_index = 0, timestamp = 0;
  };
  /// Checks on chain that `transaction` is an order of this service by `who` (consumer or payer) which is still good, with
  /// the node's provider fee. Follows a reuse to its first order.
  Result<Order> check_order(const Hash32& transaction, const Address& nft, const Address& datatoken, std::uint64_t service_index, const std::string& service_id,
                            std::uint64_t timeout, const Address& who, const Address& provider, std::uint64_t now);

 private:
  Result<Done> send(const std::string& name, const std::string& key, const Address& to, Bytes data);
  chain::Rpc& rpc_;
  chain::TxManager& sender_;
  const chain::OceanAddresses& addresses_;
};

}  // namespace peaberry::market
