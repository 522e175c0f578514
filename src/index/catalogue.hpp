#pragma once

#include <peaberry/base/json.hpp>
#include <peaberry/store/sql.hpp>


namespace peaberry::index {

/// NFT states of Ocean's contracts.
enum class AssetState : std::uint8_t { kActive = 0, kEndOfLife = 1, kDeprecated = 2, kRevoked = 3, kOrderingDisabled = 4, kUnlisted = 5 };

/// One asset as the index shows it. `ddo` has Ocean's additions: chainId, nftAddress, datatokens, indexedMetadata.
struct AssetRow {
  std::string did;
  std::uint64_t chain_id = 0;
  Address nft;
  Address owner;
  AssetState state = AssetState::kActive;
  std::string type, name, author;
  std::string price_type;   ///< "fixedrate", "dispenser" or ""
  U256 price;               ///< per datatoken, 18 decimals; zero when free
  Address price_token;
  Hash32 exchange_id;
  std::uint64_t orders = 0;
  std::uint64_t created = 0;
  json::Object ddo;
};

struct SearchQuery {
  std::string text;                        ///< words; all must match (full text)
  std::string type;                        ///< "dataset", "algorithm"
  std::string tag;
  std::optional<Address> owner;
  std::optional<std::uint64_t> chain_id;
  std::optional<U256> price_max;           ///< 18 decimals
  bool free_only = false;
  std::string quality;                     ///< "claimed": somebody's bond stands behind the table's metrics; "proven": a proof; the next three ask for either
  std::uint64_t rows_min = 0;              ///< of the claim
  double complete_min = 0, signed_min = 0; ///< shares of the claim: values that are there, rows that registered devices signed
  bool include_inactive = false;
  std::string sort = "relevance";          ///< relevance, created, price, orders
  std::uint32_t limit = 20;
  std::uint32_t offset = 0;
};

/// An order that the index has seen.
struct OrderRow {
  Hash32 transaction;
  std::uint32_t log_index = 0;
  Address datatoken, consumer, payer;
  std::uint64_t service_index = 0, timestamp = 0, block = 0;
  bool reuse = false;
};

/// Reads the index. Thread-safe.
class Catalogue {
 public:
  explicit Catalogue(store::Database& database) : database_(database) {}
  Result<AssetRow> asset(const std::string& did);
  struct Page {
    std::vector<AssetRow> rows;
    std::uint64_t total = 0;
  };
  Result<Page> search(const SearchQuery& query);
  /// Every indexed DDO, for queries in other languages (see elastic.hpp). Bounded by `limit`.
  Result<std::vector<json::Object>> documents(std::size_t limit);
  Result<std::vector<OrderRow>> orders(std::uint64_t chain_id, const Address& datatoken, const Address& consumer);
  /// {chainId, did, nft, txId, valid, error} of the last metadata event.
  Result<json::Object> publication_state(std::string_view did_or_nft_or_tx);
  /// Events that were set aside, newest first.
  Result<json::Array> poisoned(std::size_t limit);
  struct Counts {
    std::uint64_t assets = 0, orders = 0, poisoned = 0, pending = 0;
  };
  Result<Counts> counts();

 private:
  store::Database& database_;
};

}  // namespace peaberry::index
