#include "indexer.hpp"

#include <peaberry/base/json.hpp>
#include <peaberry/base/log.hpp>
#include <peaberry/crypto/keys.hpp>
#include <peaberry/bindings/dispenser.hpp>
#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/bindings/erc721_template.hpp>
#include <peaberry/bindings/fixed_rate_exchange.hpp>
#include <peaberry/bindings/quality_registry.hpp>
#include <peaberry/bindings/table_registry.hpp>
#include <set>

#include "schema.hpp"

namespace peaberry::index {
namespace {

namespace nft = bindings::erc721_template;
namespace datatoken = bindings::erc20_template;
namespace exchange = bindings::fixed_rate_exchange;
namespace dispenser = bindings::dispenser;
namespace quality = bindings::quality_registry;
namespace registry = bindings::table_registry;
using store::Connection;

Result<std::uint64_t> small(const U256& value, const char* field) {
  if (value.bit_length() > 62) return fail(Errc::kInvalid, std::string(field) + " is unreasonably large");
  return value.low64();
}

}  // namespace

Status Indexer::migrate(store::Database& database) { return database.migrate("index", {{1, detail::kSchema}, {2, detail::kQualitySchema}, {3, detail::kProvenSchema}}); }

Indexer::Indexer(store::Database& database, MetadataOpener& opener, const chain::OceanAddresses& addresses, const Clock& clock, const TableContracts& contracts)
    : database_(database), opener_(opener), addresses_(addresses), clock_(clock), contracts_(contracts) {}

std::vector<Hash32> Indexer::topics() {
  return {nft::MetadataCreatedEvent::topic(),      nft::MetadataUpdatedEvent::topic(),        nft::MetadataStateEvent::topic(),
          nft::TokenURIUpdateEvent::topic(),       datatoken::OrderStartedEvent::topic(),     datatoken::OrderReusedEvent::topic(),
          exchange::ExchangeCreatedEvent::topic(), exchange::ExchangeRateChangedEvent::topic(), exchange::ExchangeActivatedEvent::topic(),
          exchange::ExchangeDeactivatedEvent::topic(), dispenser::DispenserCreatedEvent::topic(), dispenser::DispenserActivatedEvent::topic(),
          dispenser::DispenserDeactivatedEvent::topic(), quality::MetricsClaimedEvent::topic(), quality::MetricsRefutedEvent::topic(),
          quality::BondReleasedEvent::topic(),     quality::MetricsProvenEvent::topic(),      registry::SubjectRegisteredEvent::topic(),
          registry::TableAdmittedEvent::topic()};
}

Result<std::optional<chain::BlockRef>> Indexer::cursor() {
  PB_TRY(blocks, known_blocks(~std::uint64_t{0} >> 1, 1));
  if (blocks.empty()) return std::optional<chain::BlockRef>();
  return std::optional<chain::BlockRef>(blocks.front());
}

Result<std::vector<chain::BlockRef>> Indexer::known_blocks(std::uint64_t number, std::size_t limit) {
  std::vector<chain::BlockRef> out;
  PB_CHECK(database_.with([&](Connection& db) {
    return db.query("SELECT number, hash, parent, timestamp FROM index_block WHERE chain_id = ? AND number <= ? ORDER BY number DESC LIMIT ?",
                    {addresses_.chain_id, number, limit}, [&](const store::Statement& row) {
                      out.push_back({static_cast<std::uint64_t>(row.column_int(0)), Hash32::from(row.column_blob(1)).value_or(Hash32{}),
                                     Hash32::from(row.column_blob(2)).value_or(Hash32{}), static_cast<std::uint64_t>(row.column_int(3))});
                    });
  }));
  return out;
}

Status Indexer::remember(Connection& db, const std::vector<chain::BlockRef>& tail) {
  for (const auto& block : tail)
    PB_CHECK(db.run("INSERT OR REPLACE INTO index_block(chain_id, number, hash, parent, timestamp) VALUES(?, ?, ?, ?, ?)",
                    {addresses_.chain_id, block.number, block.hash, block.parent_hash, block.timestamp}));
  // Dense near the head, one in 64 further down: enough to find a common ancestor.
  if (tail.back().number > 512)
    PB_CHECK(db.run("DELETE FROM index_block WHERE chain_id = ? AND number < ? AND number > ? AND number % 64 != 0",
                    {addresses_.chain_id, tail.back().number - 256, tail.back().number > 8192 ? tail.back().number - 8192 : 0}));
  return {};
}

Status Indexer::apply(const Batch& batch) {
  return database_.write([&](Connection& db) -> Status {
    for (const chain::Log& log : batch.logs) {
      PB_CHECK(db.execute_script("SAVEPOINT one_event"));  // a poisoned event leaves no half row
      const Status done = apply_log(db, log);
      if (!done) {
        if (done.error().code == Errc::kInternal) return done;  // the store, not the event
        log::warn("index", "event {} of {} set aside: {}", log.log_index, log.transaction_hash.hex(), done.error().message);
        PB_CHECK(db.execute_script("ROLLBACK TO one_event"));
        PB_CHECK(db.run("INSERT OR REPLACE INTO index_poisoned(chain_id, block, log_index, tx, address, topic, reason) VALUES(?, ?, ?, ?, ?, ?, ?)",
                        {addresses_.chain_id, log.block_number, log.log_index, log.transaction_hash, log.address, log.topics[0], done.error().message}));
      }
      PB_CHECK(db.execute_script("RELEASE one_event"));
    }
    return remember(db, batch.tail);
  });
}

Status Indexer::apply_log(Connection& db, const chain::Log& log) {
  const std::uint64_t chain_id = addresses_.chain_id;
  const Hash32& topic = log.topics[0];
  const bool from_exchange = log.address == addresses_.fixed_price, from_dispenser = log.address == addresses_.dispenser;
  const auto metadata = [&](const auto& event, const Address& sender, bool created) -> Status {
    PB_TRY(timestamp, small(event.timestamp, "timestamp"));
    PB_CHECK(db.run("INSERT INTO index_metadata(chain_id, block, log_index, tx, nft, sender, created, state, decryptor_url, flags, data, hash, timestamp) "
                    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    {chain_id, log.block_number, log.log_index, log.transaction_hash, log.address, sender, created ? 1 : 0, event.state.low64(),
                     event.decryptor_url, event.flags, event.data, event.meta_data_hash, timestamp}));
    return {};
  };
  const auto exchange_row = [&](const Hash32& id, store::Param token, store::Param base, store::Param rate, store::Param active) -> Status {
    if (!from_exchange) return {};  // anybody can emit such an event; only the router's exchange counts
    PB_CHECK(db.run("INSERT INTO index_exchange(chain_id, block, log_index, contract, exchange_id, datatoken, base_token, rate, active) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    {chain_id, log.block_number, log.log_index, log.address, id, token, base, rate, active}));
    std::vector<Address> tokens;
    PB_CHECK(db.query("SELECT DISTINCT datatoken FROM index_exchange WHERE chain_id = ? AND exchange_id = ? AND datatoken IS NOT NULL", {chain_id, id},
                      [&](const store::Statement& row) { tokens.push_back(Address::from(row.column_blob(0)).value_or(Address{})); }));
    for (const Address& address : tokens) PB_CHECK(detail::refresh_datatoken(db, chain_id, address));
    return {};
  };
  const auto dispenser_row = [&](const Address& token, bool active) -> Status {
    if (!from_dispenser) return {};
    PB_CHECK(db.run("INSERT INTO index_dispenser(chain_id, block, log_index, contract, datatoken, active) VALUES(?, ?, ?, ?, ?, ?)",
                    {chain_id, log.block_number, log.log_index, log.address, token, active ? 1 : 0}));
    return detail::refresh_datatoken(db, chain_id, token);
  };
  const auto order_row = [&](const Address& consumer, const Address& payer, const U256& service, const U256& when, bool reuse, const Hash32& start) -> Status {
    PB_TRY(service_index, small(service, "serviceIndex"));
    PB_TRY(timestamp, small(when, "timestamp"));
    PB_CHECK(db.run("INSERT INTO index_order(chain_id, block, log_index, tx, datatoken, consumer, payer, service_index, timestamp, reuse, start_tx) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    {chain_id, log.block_number, log.log_index, log.transaction_hash, log.address, consumer, payer, service_index, timestamp, reuse ? 1 : 0, start}));
    return detail::refresh_datatoken(db, chain_id, log.address);
  };

  if (topic == nft::MetadataCreatedEvent::topic()) {
    PB_TRY(event, nft::MetadataCreatedEvent::decode(log));
    return metadata(event, event.created_by, true);
  }
  if (topic == nft::MetadataUpdatedEvent::topic()) {
    PB_TRY(event, nft::MetadataUpdatedEvent::decode(log));
    return metadata(event, event.updated_by, false);
  }
  if (topic == nft::MetadataStateEvent::topic()) {
    PB_TRY(event, nft::MetadataStateEvent::decode(log));
    PB_TRY(timestamp, small(event.timestamp, "timestamp"));
    PB_CHECK(db.run("INSERT INTO index_state(chain_id, block, log_index, nft, state, timestamp) VALUES(?, ?, ?, ?, ?, ?)",
                    {chain_id, log.block_number, log.log_index, log.address, event.state.low64(), timestamp}));
    return detail::refresh_asset(db, chain_id, log.address);
  }
  if (topic == nft::TokenURIUpdateEvent::topic()) {
    PB_TRY(event, nft::TokenURIUpdateEvent::decode(log));
    PB_CHECK(db.run("INSERT INTO index_token_uri(chain_id, block, log_index, nft, uri) VALUES(?, ?, ?, ?, ?)",
                    {chain_id, log.block_number, log.log_index, log.address, event.token_uri}));
    return detail::refresh_asset(db, chain_id, log.address);
  }
  if (topic == datatoken::OrderStartedEvent::topic()) {
    PB_TRY(event, datatoken::OrderStartedEvent::decode(log));
    return order_row(event.consumer, event.payer, event.service_index, event.timestamp, false, log.transaction_hash);
  }
  if (topic == datatoken::OrderReusedEvent::topic()) {
    PB_TRY(event, datatoken::OrderReusedEvent::decode(log));
    return order_row(event.caller, event.caller, U256{}, event.timestamp, true, event.order_tx_id);
  }
  if (topic == exchange::ExchangeCreatedEvent::topic()) {
    PB_TRY(event, exchange::ExchangeCreatedEvent::decode(log));
    return exchange_row(event.exchange_id, event.datatoken, event.base_token, event.fixed_rate.dec(), 1);
  }
  if (topic == exchange::ExchangeRateChangedEvent::topic()) {
    PB_TRY(event, exchange::ExchangeRateChangedEvent::decode(log));
    return exchange_row(event.exchange_id, nullptr, nullptr, event.new_rate.dec(), nullptr);
  }
  if (topic == exchange::ExchangeActivatedEvent::topic()) {
    PB_TRY(event, exchange::ExchangeActivatedEvent::decode(log));
    return exchange_row(event.exchange_id, nullptr, nullptr, nullptr, 1);
  }
  if (topic == exchange::ExchangeDeactivatedEvent::topic()) {
    PB_TRY(event, exchange::ExchangeDeactivatedEvent::decode(log));
    return exchange_row(event.exchange_id, nullptr, nullptr, nullptr, 0);
  }
  if (topic == dispenser::DispenserCreatedEvent::topic()) {
    PB_TRY(event, dispenser::DispenserCreatedEvent::decode(log));
    return dispenser_row(event.datatoken_address, true);
  }
  if (topic == dispenser::DispenserActivatedEvent::topic()) {
    PB_TRY(event, dispenser::DispenserActivatedEvent::decode(log));
    return dispenser_row(event.datatoken_address, true);
  }
  if (topic == dispenser::DispenserDeactivatedEvent::topic()) {
    PB_TRY(event, dispenser::DispenserDeactivatedEvent::decode(log));
    return dispenser_row(event.datatoken_address, false);
  }
  return apply_table_log(db, log);
}

Status Indexer::apply_table_log(Connection& db, const chain::Log& log) {
  const auto chain_id = addresses_.chain_id;
  const auto& topic = log.topics[0];
  if (!contracts_.tables.is_zero() && log.address == contracts_.tables) {
    if (topic == registry::SubjectRegisteredEvent::topic()) {
      PB_TRY(event, registry::SubjectRegisteredEvent::decode(log));
      PB_TRY(epoch, small(event.epoch, "epoch"));
      PB_CHECK(db.run("INSERT INTO index_epoch(chain_id, block, log_index, nft, epoch) VALUES(?, ?, ?, ?, ?)", {chain_id, log.block_number, log.log_index, event.nft, epoch}));
      return detail::refresh_asset(db, chain_id, event.nft);
    }
    if (topic == registry::TableAdmittedEvent::topic()) {
      PB_TRY(event, registry::TableAdmittedEvent::decode(log));
      PB_TRY(epoch, small(event.epoch, "epoch"));
      PB_TRY(before, small(event.rows_before, "rowsBefore"));
      PB_TRY(after, small(event.rows_after, "rowsAfter"));
      if (event.verifier != contracts_.zk) return {};
      PB_CHECK(db.run("INSERT INTO index_admission(chain_id, block, log_index, nft, epoch, plan, rows_before, rows_after, schema) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      {chain_id, log.block_number, log.log_index, event.nft, epoch, event.plan_hash, before, after, std::string(as_text(event.schema))}));
    }
    return {};
  }
  if (contracts_.quality.is_zero() || log.address != contracts_.quality) return {};
  if (topic == quality::MetricsProvenEvent::topic()) {
    PB_TRY(event, quality::MetricsProvenEvent::decode(log));
    PB_TRY(epoch, small(event.epoch, "epoch"));
    if (event.verifier != contracts_.zk) return {};
    Bytes inputs;
    for (const U256& input : event.inputs) append(inputs, input.word().view());
    PB_CHECK(db.run("INSERT INTO index_proof(chain_id, block, log_index, nft, epoch, claim_id, plan, label, inputs) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    {chain_id, log.block_number, log.log_index, event.nft, epoch, event.claim_id, event.plan_hash, std::string(as_text(event.label)), inputs}));
    return detail::refresh_asset(db, chain_id, event.nft);
  }
  const auto quality_row = [&](const Hash32& claim, const char* status) -> Status {
    PB_CHECK(db.run("INSERT INTO index_quality(chain_id, block, log_index, claim_id, status) VALUES(?, ?, ?, ?, ?)", {chain_id, log.block_number, log.log_index, claim, status}));
    std::vector<Address> nfts;
    PB_CHECK(db.query("SELECT nft FROM index_quality WHERE chain_id = ? AND claim_id = ? AND nft IS NOT NULL", {chain_id, claim},
                      [&](const store::Statement& row) { nfts.push_back(Address::from(row.column_blob(0)).value_or(Address{})); }));
    for (const Address& address : nfts) PB_CHECK(detail::refresh_asset(db, chain_id, address));
    return {};
  };
  if (topic == quality::MetricsClaimedEvent::topic()) {
    PB_TRY(event, quality::MetricsClaimedEvent::decode(log));
    PB_TRY(epoch, small(event.epoch, "epoch"));
    PB_CHECK(db.run("INSERT INTO index_quality(chain_id, block, log_index, claim_id, nft, epoch, status, metrics) VALUES(?, ?, ?, ?, ?, ?, 'claimed', ?)",
                    {chain_id, log.block_number, log.log_index, event.claim_id, event.nft, epoch, std::string(as_text(event.metrics))}));
    return detail::refresh_asset(db, chain_id, event.nft);
  }
  if (topic == quality::MetricsRefutedEvent::topic()) {
    PB_TRY(event, quality::MetricsRefutedEvent::decode(log));
    return quality_row(event.claim_id, "refuted");
  }
  if (topic == quality::BondReleasedEvent::topic()) {
    PB_TRY(event, quality::BondReleasedEvent::decode(log));
    return quality_row(event.claim_id, "released");
  }
  return {};
}

Status Indexer::forget_above(std::int64_t block) {
  return database_.write([&](Connection& db) -> Status {
    std::set<Bytes> nfts;
    const auto collect = [&](const store::Statement& row) { nfts.insert(row.column_blob(0)); };
    for (const char* table : {"index_metadata", "index_state", "index_token_uri", "index_epoch", "index_proof"})
      PB_CHECK(db.query(std::string("SELECT DISTINCT nft FROM ") + table + " WHERE chain_id = ? AND block > ?", {addresses_.chain_id, block}, collect));
    for (const char* table : {"index_exchange", "index_dispenser", "index_order"})
      PB_CHECK(db.query(std::string("SELECT DISTINCT d.nft FROM index_asset_datatoken d JOIN ") + table +
                            " e ON e.chain_id = d.chain_id AND e.datatoken = d.datatoken WHERE e.chain_id = ? AND e.block > ?",
                        {addresses_.chain_id, block}, collect));
    // Ends of claims name only the claim.
    PB_CHECK(db.query("SELECT DISTINCT c.nft FROM index_quality e JOIN index_quality c ON c.chain_id = e.chain_id AND c.claim_id = e.claim_id AND c.nft IS NOT NULL "
                      "WHERE e.chain_id = ? AND e.block > ?", {addresses_.chain_id, block}, collect));
    // Rate changes name only the exchange.
    PB_CHECK(db.query("SELECT DISTINCT d.nft FROM index_exchange e JOIN index_exchange c ON c.chain_id = e.chain_id AND c.exchange_id = e.exchange_id "
                      "AND c.datatoken IS NOT NULL JOIN index_asset_datatoken d ON d.chain_id = c.chain_id AND d.datatoken = c.datatoken WHERE e.chain_id = ? AND e.block > ?",
                      {addresses_.chain_id, block}, collect));
    for (const char* table : detail::kEventTables)
      PB_CHECK(db.run(std::string("DELETE FROM ") + table + " WHERE chain_id = ? AND block > ?", {addresses_.chain_id, block}));
    PB_CHECK(db.run("DELETE FROM index_block WHERE chain_id = ? AND number > ?", {addresses_.chain_id, block}));
    for (const Bytes& nft_bytes : nfts) PB_CHECK(detail::refresh_asset(db, addresses_.chain_id, Address::from(nft_bytes).value_or(Address{})));
    return {};
  });
}

Status Indexer::roll_back(const chain::BlockRef& to) { return forget_above(static_cast<std::int64_t>(to.number)); }
Status Indexer::reset() { return forget_above(-1); }

Result<int> Indexer::open_pending() {
  struct Waiting {
    SealedMetadata sealed;
    std::int64_t log_index = 0, attempts = 0;
  };
  std::vector<Waiting> waiting;
  PB_CHECK(database_.with([&](Connection& db) {
    return db.query("SELECT block, log_index, tx, nft, sender, state, decryptor_url, flags, data, hash, timestamp, attempts FROM index_metadata "
                    "WHERE chain_id = ? AND status = 'pending' AND next_try_ms <= ? ORDER BY block, log_index LIMIT 100",
                    {addresses_.chain_id, clock_.unix_ms()}, [&](const store::Statement& row) {
                      Waiting w;
                      w.sealed.chain_id = addresses_.chain_id;
                      w.sealed.block = static_cast<std::uint64_t>(row.column_int(0));
                      w.log_index = row.column_int(1);
                      w.sealed.transaction = Hash32::from(row.column_blob(2)).value_or(Hash32{});
                      w.sealed.nft = Address::from(row.column_blob(3)).value_or(Address{});
                      w.sealed.sender = Address::from(row.column_blob(4)).value_or(Address{});
                      w.sealed.state = static_cast<std::uint8_t>(row.column_int(5));
                      w.sealed.decryptor_url = row.column_text(6);
                      w.sealed.flags = row.column_blob(7);
                      w.sealed.data = row.column_blob(8);
                      w.sealed.hash = Hash32::from(row.column_blob(9)).value_or(Hash32{});
                      w.sealed.timestamp = static_cast<std::uint64_t>(row.column_int(10));
                      w.attempts = row.column_int(11);
                      waiting.push_back(std::move(w));
                    });
  }));
  int changed = 0;
  for (const Waiting& w : waiting) {
    const auto opened = opener_.open(w.sealed);  // no transaction is open here: this may take seconds
    PB_CHECK(database_.write([&](Connection& db) -> Status {
      if (!opened) {
        const Error& error = opened.error();
        const bool again = (error.code == Errc::kUnavailable || error.code == Errc::kTimeout) && w.attempts < 20;
        const std::int64_t pause = std::min<std::int64_t>(1000LL << std::min<std::int64_t>(w.attempts, 10), 600'000);
        if (!again) log::warn("index", "metadata of {} set aside: {}", w.sealed.nft.hex(), error.message);
        PB_CHECK(db.run("UPDATE index_metadata SET status = ?, attempts = attempts + 1, next_try_ms = ?, reason = ? WHERE chain_id = ? AND block = ? AND log_index = ?",
                        {again ? "pending" : "refused", clock_.unix_ms() + pause, error.text(), addresses_.chain_id, w.sealed.block, w.log_index}));
        return {};
      }
      json::Array tokens;
      for (const auto& token : opened->datatokens)
        tokens.push_back(json::Object{{"address", crypto::checksum_address(token.address)}, {"name", token.name}, {"symbol", token.symbol}, {"serviceId", token.service_id}});
      const json::Object info{{"name", opened->nft_name}, {"symbol", opened->nft_symbol}, {"owner", crypto::checksum_address(opened->owner)},
                              {"tokenURI", opened->token_uri}, {"datatokens", tokens}};
      PB_CHECK(db.run("UPDATE index_metadata SET status = 'open', did = ?, ddo = ?, info = ?, reason = '' WHERE chain_id = ? AND block = ? AND log_index = ?",
                      {opened->did, opened->ddo, json::stringify(info), addresses_.chain_id, w.sealed.block, w.log_index}));
      ++changed;
      return detail::refresh_asset(db, addresses_.chain_id, w.sealed.nft);
    }));
  }
  return changed;
}

}  // namespace peaberry::index
