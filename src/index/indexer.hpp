#pragma once

#include <peaberry/chain/follower.hpp>
#include <peaberry/chain/ocean.hpp>
#include <peaberry/store/sql.hpp>

namespace peaberry::index {

/// A metadata event as it stands on chain: the DDO, mostly encrypted to the node that `decryptor_url` names.
struct SealedMetadata {
  std::uint64_t chain_id = 0;
  Address nft;
  Hash32 transaction;
  Address sender;
  std::uint8_t state = 0;
  std::string decryptor_url;
  Bytes flags;
  Bytes data;
  Hash32 hash;
  std::uint64_t block = 0;
  std::uint64_t timestamp = 0;
};

/// What opening it gave: the DDO's text and what the token contracts say.
struct OpenedMetadata {
  struct Datatoken {
    Address address;
    std::string name, symbol, service_id;
  };
  std::string ddo;
  std::string did;
  std::string nft_name, nft_symbol, token_uri;
  Address owner;
  std::vector<Datatoken> datatokens;
};

/// Opens metadata: decrypts, checks the hash and that the NFT is of Ocean's factory. kUnavailable and kTimeout are
/// tried again later; any other error sets the event aside with its reason.
class MetadataOpener {
 public:
  virtual ~MetadataOpener() = default;
  virtual Result<OpenedMetadata> open(const SealedMetadata& sealed) = 0;
};

/// Our contracts that say something of tables; zero: the chain has none.
struct TableContracts {
  Address quality, tables;
  Address zk;  ///< the only verifier whose proofs count
};

/// Turns Ocean's thirteen events of one chain, and six of our registries of tables, into rows. Events are kept append-only, so that a roll-back is one DELETE
/// a table; what people search is refreshed from them. An event that cannot be understood goes to `poisoned` with its
/// reason and blocks nothing. Use from one thread.
class Indexer final : public chain::LogSink {
 public:
  static Status migrate(store::Database& database);
  Indexer(store::Database& database, MetadataOpener& opener, const chain::OceanAddresses& addresses, const Clock& clock, const TableContracts& contracts = {});

  /// The topics to follow.
  static std::vector<Hash32> topics();

  Result<std::optional<chain::BlockRef>> cursor() override;
  Result<std::vector<chain::BlockRef>> known_blocks(std::uint64_t number, std::size_t limit) override;
  Status apply(const Batch& batch) override;
  Status roll_back(const chain::BlockRef& to) override;
  Status reset() override;

  /// Opens metadata that waits and is due; returns how many assets changed.
  Result<int> open_pending();

 private:
  Status apply_log(store::Connection& db, const chain::Log& log);
  Status apply_table_log(store::Connection& db, const chain::Log& log);
  Status remember(store::Connection& db, const std::vector<chain::BlockRef>& tail);
  Status forget_above(std::int64_t block);
  store::Database& database_;
  MetadataOpener& opener_;
  chain::OceanAddresses addresses_;
  const Clock& clock_;
  TableContracts contracts_;
};

}  // namespace peaberry::index
