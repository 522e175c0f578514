#include "schema.hpp"

#include <peaberry/base/clock.hpp>
#include <peaberry/base/json.hpp>
#include <peaberry/crypto/keys.hpp>
#include <peaberry/proof/tables/plans.hpp>

#include "catalogue.hpp"

namespace peaberry::index::detail {

const char* const kSchema = R"(
CREATE TABLE index_block(chain_id INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL, parent BLOB NOT NULL,
  timestamp INTEGER NOT NULL, PRIMARY KEY(chain_id, number)) STRICT, WITHOUT ROWID;
CREATE TABLE index_metadata(chain_id INTEGER NOT NULL, block INTEGER NOT NULL, log_index INTEGER NOT NULL, tx BLOB NOT NULL, nft BLOB NOT NULL,
  sender BLOB NOT NULL, created INTEGER NOT NULL, state INTEGER NOT NULL, decryptor_url TEXT NOT NULL, flags BLOB NOT NULL, data BLOB NOT NULL,
  hash BLOB NOT NULL, timestamp INTEGER NOT NULL, status TEXT NOT NULL DEFAULT 'pending', attempts INTEGER NOT NULL DEFAULT 0,
  next_try_ms INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '', did TEXT NOT NULL DEFAULT '', ddo TEXT NOT NULL DEFAULT '', info TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(chain_id, block, log_index)) STRICT;
CREATE INDEX index_metadata_nft ON index_metadata(chain_id, nft);
CREATE INDEX index_metadata_status ON index_metadata(chain_id, status);
CREATE TABLE index_state(chain_id INTEGER NOT NULL, block INTEGER NOT NULL, log_index INTEGER NOT NULL, nft BLOB NOT NULL, state INTEGER NOT NULL,
  timestamp INTEGER NOT NULL, PRIMARY KEY(chain_id, block, log_index)) STRICT;
CREATE INDEX index_state_nft ON index_state(chain_id, nft);
CREATE TABLE index_token_uri(chain_id INTEGER NOT NULL, block INTEGER NOT NULL, log_index INTEGER NOT NULL, nft BLOB NOT NULL, uri TEXT NOT NULL,
  PRIMARY KEY(chain_id, block, log_index)) STRICT;
CREATE TABLE index_exchange(chain_id INTEGER NOT NULL, block INTEGER NOT NULL, log_index INTEGER NOT NULL, contract BLOB NOT NULL, exchange_id BLOB NOT NULL,
  datatoken BLOB, base_token BLOB, rate TEXT, active INTEGER, PRIMARY KEY(chain_id, block, log_index)) STRICT;
CREATE INDEX index_exchange_id ON index_exchange(chain_id, exchange_id);
CREATE INDEX index_exchange_datatoken ON index_exchange(chain_id, datatoken);
CREATE TABLE index_dispenser(chain_id INTEGER NOT NULL, block INTEGER NOT NULL, log_index INTEGER NOT NULL, contract BLOB NOT NULL, datatoken BLOB NOT NULL,
  active INTEGER NOT NULL, PRIMARY KEY(chain_id, block, log_index)) STRICT;
CREATE INDEX index_dispenser_datatoken ON index_dispenser(chain_id, datatoken);
CREATE TABLE index_order(chain_id INTEGER NOT NULL, block INTEGER NOT NULL, log_index INTEGER NOT NULL, tx BLOB NOT NULL, datatoken BLOB NOT NULL,
  consumer BLOB NOT NULL, payer BLOB NOT NULL, service_index INTEGER NOT NULL, timestamp INTEGER NOT NULL, reuse INTEGER NOT NULL,
  start_tx BLOB NOT NULL, PRIMARY KEY(chain_id, block, log_index)) STRICT;
CREATE INDEX index_order_datatoken ON index_order(chain_id, datatoken, consumer);
CREATE TABLE index_poisoned(chain_id INTEGER NOT NULL, block INTEGER NOT NULL, log_index INTEGER NOT NULL, tx BLOB NOT NULL, address BLOB NOT NULL,
  topic BLOB NOT NULL, reason TEXT NOT NULL, PRIMARY KEY(chain_id, block, log_index)) STRICT;
CREATE TABLE index_asset(id INTEGER PRIMARY KEY, chain_id INTEGER NOT NULL, nft BLOB NOT NULL, did TEXT NOT NULL UNIQUE, owner BLOB NOT NULL, state INTEGER NOT NULL,
  type TEXT NOT NULL, name TEXT NOT NULL, author TEXT NOT NULL, price_type TEXT NOT NULL, price TEXT NOT NULL, price_real REAL NOT NULL, price_token BLOB NOT NULL,
  exchange_id BLOB NOT NULL, orders INTEGER NOT NULL, created INTEGER NOT NULL, ddo TEXT NOT NULL, UNIQUE(chain_id, nft)) STRICT;
CREATE TABLE index_asset_datatoken(chain_id INTEGER NOT NULL, datatoken BLOB NOT NULL, nft BLOB NOT NULL, PRIMARY KEY(chain_id, datatoken, nft)) STRICT;
CREATE TABLE index_asset_tag(asset_id INTEGER NOT NULL REFERENCES index_asset(id) ON DELETE CASCADE, tag TEXT NOT NULL, PRIMARY KEY(asset_id, tag)) STRICT;
CREATE VIRTUAL TABLE index_text USING fts5(name, description, author, tags, tokenize = 'unicode61 remove_diacritics 2');
)";

const char* const kQualitySchema = R"(
CREATE TABLE index_quality(chain_id INTEGER NOT NULL, block INTEGER NOT NULL, log_index INTEGER NOT NULL, claim_id BLOB NOT NULL, nft BLOB, epoch INTEGER,
  status TEXT NOT NULL, metrics TEXT NOT NULL DEFAULT '', PRIMARY KEY(chain_id, block, log_index)) STRICT;
CREATE INDEX index_quality_nft ON index_quality(chain_id, nft);
CREATE INDEX index_quality_claim ON index_quality(chain_id, claim_id);
ALTER TABLE index_asset ADD COLUMN quality_status TEXT NOT NULL DEFAULT '';
ALTER TABLE index_asset ADD COLUMN quality_rows INTEGER NOT NULL DEFAULT 0;
ALTER TABLE index_asset ADD COLUMN quality_complete REAL NOT NULL DEFAULT 0;
ALTER TABLE index_asset ADD COLUMN quality_signed REAL NOT NULL DEFAULT 0;
)";

const char* const kProvenSchema = R"(
CREATE TABLE index_epoch(chain_id INTEGER NOT NULL, block INTEGER NOT NULL, log_index INTEGER NOT NULL, nft BLOB NOT NULL, epoch INTEGER NOT NULL,
  PRIMARY KEY(chain_id, block, log_index)) STRICT;
CREATE INDEX index_epoch_nft ON index_epoch(chain_id, nft);
CREATE TABLE index_admission(chain_id INTEGER NOT NULL, block INTEGER NOT NULL, log_index INTEGER NOT NULL, nft BLOB NOT NULL, epoch INTEGER NOT NULL, plan BLOB NOT NULL,
  rows_before INTEGER NOT NULL, rows_after INTEGER NOT NULL, schema TEXT NOT NULL, PRIMARY KEY(chain_id, block, log_index)) STRICT;
CREATE INDEX index_admission_nft ON index_admission(chain_id, nft);
CREATE TABLE index_proof(chain_id INTEGER NOT NULL, block INTEGER NOT NULL, log_index INTEGER NOT NULL, nft BLOB NOT NULL, epoch INTEGER NOT NULL, claim_id BLOB NOT NULL,
  plan BLOB NOT NULL, label TEXT NOT NULL, inputs BLOB NOT NULL, PRIMARY KEY(chain_id, block, log_index)) STRICT;
CREATE INDEX index_proof_nft ON index_proof(chain_id, nft);
ALTER TABLE index_asset ADD COLUMN proven_rows INTEGER NOT NULL DEFAULT 0;
ALTER TABLE index_asset ADD COLUMN proven_complete REAL NOT NULL DEFAULT 0;
)";

namespace {

struct Price {
  std::string type;
  U256 amount;
  Address token, contract;
  Hash32 exchange_id;
};

template <class T>
T fixed(const store::Statement& row, int column) {
  return T::from(row.column_blob(column)).value_or(T{});
}

/// The active prices of a datatoken: the newest word of each exchange and dispenser counts.
Result<std::vector<Price>> prices_of(store::Connection& db, std::uint64_t chain_id, const Address& datatoken) {
  std::vector<Price> out;
  std::vector<Price> exchanges;
  PB_CHECK(db.query("SELECT exchange_id, base_token, contract FROM index_exchange WHERE chain_id = ? AND datatoken = ? ORDER BY block, log_index", {chain_id, datatoken},
                    [&](const store::Statement& row) {
                      exchanges.push_back({"fixedrate", {}, fixed<Address>(row, 1), fixed<Address>(row, 2), fixed<Hash32>(row, 0)});
                    }));
  for (Price& price : exchanges) {
    bool active = true;
    PB_CHECK(db.query("SELECT rate, active FROM index_exchange WHERE chain_id = ? AND exchange_id = ? AND contract = ? ORDER BY block, log_index",
                      {chain_id, price.exchange_id, price.contract}, [&](const store::Statement& row) {
                        if (!row.is_null(0)) price.amount = U256::parse(row.column_text(0)).value_or(U256{});
                        if (!row.is_null(1)) active = row.column_int(1) != 0;
                      }));
    if (active) out.push_back(price);
  }
  PB_CHECK(db.query_one("SELECT active, contract FROM index_dispenser WHERE chain_id = ? AND datatoken = ? ORDER BY block DESC, log_index DESC LIMIT 1", {chain_id, datatoken},
                        [&](const store::Statement& row) {
                          if (row.column_int(0) != 0) out.push_back({"dispenser", {}, {}, fixed<Address>(row, 1), {}});
                        }));
  return out;
}

json::Value price_json(const Price& price) {
  json::Object out{{"type", price.type}, {"price", format_units(price.amount, 18)}, {"contract", crypto::checksum_address(price.contract)}};
  if (!price.token.is_zero()) out["token"] = crypto::checksum_address(price.token);
  if (!price.exchange_id.is_zero()) out["exchangeId"] = price.exchange_id.hex();
  return out;
}

/// What the newest claim of a table says, in the figures that people search by; `status` empty: nobody claims anything.
struct Quality {
  std::string status;
  std::int64_t epoch = 0, rows = 0;
  double complete = 0, share_signed = 0;
  json::Value metrics;
};
Result<Quality> quality_of(store::Connection& db, std::uint64_t chain_id, const Address& nft) {
  Quality out;
  Bytes claim;
  std::string text;
  PB_CHECK(db.query_one("SELECT claim_id, epoch, metrics FROM index_quality WHERE chain_id = ? AND nft = ? ORDER BY block DESC, log_index DESC LIMIT 1", {chain_id, nft},
                        [&](const store::Statement& row) { claim = row.column_blob(0), out.epoch = row.column_int(1), text = row.column_text(2); }));
  if (claim.empty()) return out;
  PB_CHECK(db.query_one("SELECT status FROM index_quality WHERE chain_id = ? AND claim_id = ? ORDER BY block DESC, log_index DESC LIMIT 1", {chain_id, claim},
                        [&](const store::Statement& row) { out.status = row.column_text(0); }));
  const auto document = json::parse(text);
  if (!document || !document->is_object()) return out;  // whatever its owner wrote there: no figures
  out.metrics = *document;
  const auto& metrics = document->get_object();
  const double rows = static_cast<double>(json::uint_or(metrics, "rows", 0));
  if (rows < 1) return out;
  out.rows = static_cast<std::int64_t>(rows);
  out.complete = proof::completeness(metrics);
  if (const auto* part = json::find_object(metrics, "signed")) out.share_signed = std::min(static_cast<double>(json::uint_or(*part, "rows", 0)) / rows, 1.0);
  return out;
}

/// What is proven of a table's present epoch, every plan compiled again from schema and size; rows 0: nothing.
struct Proven {
  std::int64_t epoch = 0, rows = 0;
  double complete = 0;
  json::Object metrics;
};
Result<Proven> proven_of(store::Connection& db, std::uint64_t chain_id, const Address& nft) {
  std::int64_t present_epoch = 0;
  PB_CHECK(db.query_one("SELECT epoch FROM index_epoch WHERE chain_id = ? AND nft = ? ORDER BY block DESC, log_index DESC LIMIT 1", {chain_id, nft}, [&](const store::Statement& row) { present_epoch = row.column_int(0); }));
  struct Row {
    Bytes plan, words;
    std::string label;
  };
  std::vector<Row> rows;
  PB_CHECK(db.query("SELECT plan, label, inputs FROM index_proof WHERE chain_id = ? AND nft = ? AND epoch = ? ORDER BY block DESC, log_index DESC LIMIT 16", {chain_id, nft, present_epoch},
                    [&](const store::Statement& row) { rows.push_back({row.column_blob(0), row.column_blob(2), row.column_text(1)}); }));
  if (rows.empty()) return Proven{};
  std::vector<proof::Admission> admissions;
  PB_CHECK(db.query("SELECT epoch, plan, rows_before, rows_after, schema FROM index_admission WHERE chain_id = ? AND nft = ? AND epoch <= ? ORDER BY block, log_index", {chain_id, nft, present_epoch}, [&](const store::Statement& row) {
    admissions.push_back({static_cast<std::uint64_t>(row.column_int(0)),
                          {Hash32::from(row.column_blob(1)).value_or(Hash32{}), static_cast<std::uint64_t>(row.column_int(2)), static_cast<std::uint64_t>(row.column_int(3))},
                          row.column_text(4)});
  }));
  const auto history = proof::history_of(admissions, static_cast<std::uint64_t>(present_epoch));
  // Under other plans than the schema's something may be proven, but nobody knows what: then an earlier proof counts.
  for (const Row& one : rows) {
    std::vector<U256> inputs;
    for (std::size_t i = 0; i + 32 <= one.words.size(); i += 32) inputs.push_back(U256::from_be(ByteView(one.words).subspan(i, 32)));
    const auto metrics = proof::read_metrics(history.schema, history.rows, one.label, Hash32::from(one.plan).value_or(Hash32{}), inputs);
    if (!metrics) continue;
    return Proven{present_epoch, static_cast<std::int64_t>(json::uint_or(*metrics, "rows", 0)), proof::completeness(*metrics), *metrics};
  }
  return Proven{};
}

std::string text_of(const json::Object* object, std::string_view key) { return object == nullptr ? "" : json::string_or(*object, key).substr(0, 10'000); }

Status remove_asset(store::Connection& db, std::uint64_t chain_id, const Address& nft) {
  PB_CHECK(db.run("DELETE FROM index_text WHERE rowid = (SELECT id FROM index_asset WHERE chain_id = ? AND nft = ?)", {chain_id, nft}));
  PB_CHECK(db.run("DELETE FROM index_asset_datatoken WHERE chain_id = ? AND nft = ?", {chain_id, nft}));
  PB_CHECK(db.run("DELETE FROM index_asset WHERE chain_id = ? AND nft = ?", {chain_id, nft}));
  return {};
}

}  // namespace

Status refresh_datatoken(store::Connection& db, std::uint64_t chain_id, const Address& datatoken) {
  std::vector<Address> nfts;
  PB_CHECK(db.query("SELECT nft FROM index_asset_datatoken WHERE chain_id = ? AND datatoken = ?", {chain_id, datatoken},
                    [&](const store::Statement& row) { nfts.push_back(fixed<Address>(row, 0)); }));
  for (const Address& nft : nfts) PB_CHECK(refresh_asset(db, chain_id, nft));
  return {};
}

Status refresh_asset(store::Connection& db, std::uint64_t chain_id, const Address& nft) {
  struct {
    std::string did, ddo, info;
    Hash32 tx;
    Address sender;
    std::int64_t block = 0, log_index = 0, timestamp = 0, state = 0;
  } m;
  PB_TRY(found, db.query_one("SELECT did, ddo, info, tx, sender, block, log_index, timestamp, state FROM index_metadata "
                             "WHERE chain_id = ? AND nft = ? AND status = 'open' ORDER BY block DESC, log_index DESC LIMIT 1",
                             {chain_id, nft}, [&](const store::Statement& row) {
                               m.did = row.column_text(0), m.ddo = row.column_text(1), m.info = row.column_text(2);
                               m.tx = fixed<Hash32>(row, 3), m.sender = fixed<Address>(row, 4);
                               m.block = row.column_int(5), m.log_index = row.column_int(6), m.timestamp = row.column_int(7), m.state = row.column_int(8);
                             }));
  PB_CHECK(remove_asset(db, chain_id, nft));
  if (!found) return {};
  PB_TRY(document, json::parse(m.ddo, {.max_bytes = std::size_t{8} << 20}));
  PB_TRY(info_document, json::parse(m.info));
  PB_TRY(parsed, json::as_object(document, "DDO"));
  PB_TRY(info, json::as_object(info_document, "asset info"));
  json::Object ddo = *parsed;
  std::int64_t created = m.timestamp;
  PB_CHECK(db.query_one("SELECT MIN(timestamp) FROM index_metadata WHERE chain_id = ? AND nft = ? AND status = 'open'", {chain_id, nft},
                        [&](const store::Statement& row) { created = row.column_int(0); }));
  std::int64_t state = m.state;
  PB_CHECK(db.query_one("SELECT state FROM index_state WHERE chain_id = ? AND nft = ? AND (block > ? OR (block = ? AND log_index > ?)) ORDER BY block DESC, log_index DESC LIMIT 1",
                        {chain_id, nft, m.block, m.block, m.log_index}, [&](const store::Statement& row) { state = row.column_int(0); }));
  std::string token_uri = json::string_or(*info, "tokenURI");
  PB_CHECK(db.query_one("SELECT uri FROM index_token_uri WHERE chain_id = ? AND nft = ? AND (block > ? OR (block = ? AND log_index > ?)) ORDER BY block DESC, log_index DESC LIMIT 1",
                        {chain_id, nft, m.block, m.block, m.log_index}, [&](const store::Statement& row) { token_uri = row.column_text(0); }));
  json::Array stats, datatokens;
  std::optional<Price> first_price;
  std::int64_t orders_total = 0;
  std::vector<Address> datatoken_addresses;
  if (const auto* list = json::find_array(*info, "datatokens"))
    for (const auto& item : *list) {
      const auto& token = item.as_object();
      const Address address = json::address_at(token, "address").value_or(Address{});
      datatoken_addresses.push_back(address);
      std::int64_t orders = 0;
      PB_CHECK(db.query_one("SELECT COUNT(*) FROM index_order WHERE chain_id = ? AND datatoken = ?", {chain_id, address},
                            [&](const store::Statement& row) { orders = row.column_int(0); }));
      orders_total += orders;
      PB_TRY(prices, prices_of(db, chain_id, address));
      json::Array price_list;
      for (const Price& price : prices) price_list.push_back(price_json(price));
      if (!first_price && !prices.empty()) first_price = prices.front();
      datatokens.push_back(item);
      json::Object stat{{"datatokenAddress", json::string_or(token, "address")}, {"name", json::string_or(token, "name")},
                        {"symbol", json::string_or(token, "symbol")}, {"serviceId", json::string_or(token, "serviceId")},
                        {"orders", orders}, {"prices", price_list}};
      stats.push_back(stat);
    }
  const std::string owner_text = json::string_or(*info, "owner");
  json::Object nft_object{{"state", state}, {"address", crypto::checksum_address(nft)}, {"name", json::string_or(*info, "name")},
                          {"symbol", json::string_or(*info, "symbol")}, {"owner", owner_text},
                          {"created", iso_time(static_cast<std::uint64_t>(created))}, {"tokenURI", token_uri}};
  std::string datetime = iso_time(static_cast<std::uint64_t>(m.timestamp));
  datetime.insert(datetime.size() - 1, ".000");
  ddo["chainId"] = chain_id;
  ddo["nftAddress"] = crypto::checksum_address(nft);
  ddo["datatokens"] = datatokens;
  ddo["indexedMetadata"] = json::Object{
      {"stats", stats},
      {"nft", nft_object},
      {"event", json::Object{{"txid", m.tx.hex()}, {"from", crypto::checksum_address(m.sender)}, {"contract", crypto::checksum_address(nft)},
                             {"block", m.block}, {"datetime", datetime}}},
      {"purgatory", json::Object{{"state", false}}}};
  PB_TRY(quality, quality_of(db, chain_id, nft));
  if (!quality.status.empty()) ddo["indexedMetadata"].as_object()["quality"] = json::Object{{"status", quality.status}, {"epoch", quality.epoch}, {"metrics", quality.metrics}};
  PB_TRY(proven, proven_of(db, chain_id, nft));
  if (proven.rows != 0) ddo["indexedMetadata"].as_object()["proven"] = json::Object{{"epoch", proven.epoch}, {"metrics", proven.metrics}};
  const bool hidden = state == 2 || state == 3;  // deprecated or revoked: Ocean keeps only the skeleton
  if (hidden)
    ddo = json::Object{{"id", m.did}, {"version", "deprecated"}, {"chainId", chain_id}, {"nftAddress", crypto::checksum_address(nft)},
                       {"indexedMetadata", json::Object{{"nft", json::Object{{"state", state}}}}}};
  const auto* metadata = json::find_object(*parsed, "metadata");
  const std::string name = text_of(metadata, "name"), description = text_of(metadata, "description"), author = text_of(metadata, "author");
  const Price price = first_price.value_or(Price{});
  const Address owner = Address::parse(owner_text).value_or(Address{});
  PB_CHECK(db.run("INSERT INTO index_asset(chain_id, nft, did, owner, state, type, name, author, price_type, price, price_real, price_token, exchange_id, orders, created, ddo, quality_status, quality_rows, quality_complete, quality_signed, proven_rows, proven_complete) "
                  "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  {chain_id, nft, m.did, owner, state, text_of(metadata, "type"), name, author, price.type, price.amount.dec(), price.amount.to_double() / 1e18,
                   price.token, price.exchange_id, orders_total, created, json::stringify(ddo), quality.status, quality.rows, quality.complete, quality.share_signed, proven.rows, proven.complete}));
  std::int64_t id = 0;
  PB_CHECK(db.query_one("SELECT id FROM index_asset WHERE chain_id = ? AND nft = ?", {chain_id, nft}, [&](const store::Statement& row) { id = row.column_int(0); }));
  for (const Address& datatoken : datatoken_addresses)
    PB_CHECK(db.run("INSERT INTO index_asset_datatoken(chain_id, datatoken, nft) VALUES(?, ?, ?) ON CONFLICT DO NOTHING", {chain_id, datatoken, nft}));
  if (hidden) return {};
  std::string tags;
  if (const auto* list = metadata == nullptr ? nullptr : json::find_array(*metadata, "tags"))
    for (const auto& tag : *list) {
      if (!tag.is_string()) continue;
      const std::string word(json::sv(tag.get_string()));
      tags += word + " ";
      PB_CHECK(db.run("INSERT INTO index_asset_tag(asset_id, tag) VALUES(?, ?) ON CONFLICT DO NOTHING", {id, word}));
    }
  PB_CHECK(db.run("INSERT INTO index_text(rowid, name, description, author, tags) VALUES(?, ?, ?, ?, ?)", {id, name, description, author, tags}));
  return {};
}

}  // namespace peaberry::index::detail
