#include "catalogue.hpp"

#include <peaberry/crypto/keys.hpp>

namespace peaberry::index {
namespace {

using store::Connection;
using store::Statement;

constexpr const char* kColumns =
    "a.did, a.chain_id, a.nft, a.owner, a.state, a.type, a.name, a.author, a.price_type, a.price, a.price_token, a.exchange_id, a.orders, a.created, a.ddo";

AssetRow read_asset(const Statement& row) {
  AssetRow out;
  out.did = row.column_text(0);
  out.chain_id = static_cast<std::uint64_t>(row.column_int(1));
  out.nft = Address::from(row.column_blob(2)).value_or(Address{});
  out.owner = Address::from(row.column_blob(3)).value_or(Address{});
  out.state = static_cast<AssetState>(row.column_int(4));
  out.type = row.column_text(5), out.name = row.column_text(6), out.author = row.column_text(7);
  out.price_type = row.column_text(8);
  out.price = U256::parse(row.column_text(9)).value_or(U256{});
  out.price_token = Address::from(row.column_blob(10)).value_or(Address{});
  out.exchange_id = Hash32::from(row.column_blob(11)).value_or(Hash32{});
  out.orders = static_cast<std::uint64_t>(row.column_int(12));
  out.created = static_cast<std::uint64_t>(row.column_int(13));
  const auto ddo = json::parse(row.column_text(14), {.max_bytes = std::size_t{8} << 20});
  if (ddo && ddo->is_object()) out.ddo = ddo->get_object();
  return out;
}

/// FTS5 has a query language of its own; people's words become quoted prefixes, all required.
std::string fts_query(std::string_view words) {
  std::string out;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) out += (out.empty() ? "\"" : " \"") + word + "\"*";
    word.clear();
  };
  for (const char c : words) {
    if (c == ' ' || c == '\t' || c == '\n') flush();
    else if (c != '"' && c != '\0') word.push_back(c);
  }
  flush();
  return out;
}

}  // namespace

Result<AssetRow> Catalogue::asset(const std::string& did) {
  std::optional<AssetRow> out;
  PB_CHECK(database_.with([&](Connection& db) -> Status {
    PB_CHECK(db.query_one(std::string("SELECT ") + kColumns + " FROM index_asset a WHERE a.did = ?", {did}, [&](const Statement& row) { out = read_asset(row); }));
    return {};
  }));
  if (!out) return fail(Errc::kNotFound, "asset " + did + " is not in the index", "check the DID, or wait for the next block");
  return std::move(*out);
}

Result<Catalogue::Page> Catalogue::search(const SearchQuery& query) {
  const std::string words = fts_query(query.text);
  std::string where = " WHERE 1 = 1";
  std::vector<store::Param> params;
  std::string from = " FROM index_asset a";
  if (!words.empty()) {
    from += " JOIN index_text t ON t.rowid = a.id";
    where += " AND index_text MATCH ?";
    params.emplace_back(words);
  }
  if (!query.type.empty()) where += " AND a.type = ?", params.emplace_back(query.type);
  if (!query.tag.empty()) where += " AND EXISTS(SELECT 1 FROM index_asset_tag g WHERE g.asset_id = a.id AND g.tag = ?)", params.emplace_back(query.tag);
  if (query.owner) where += " AND a.owner = ?", params.emplace_back(*query.owner);
  if (query.chain_id) where += " AND a.chain_id = ?", params.emplace_back(*query.chain_id);
  if (query.price_max) where += " AND a.price_type != '' AND a.price_real <= ?", params.emplace_back(query.price_max->to_double() / 1e18);
  if (query.free_only) where += " AND a.price_type = 'dispenser'";
  if (!query.quality.empty() && query.quality != "claimed" && query.quality != "proven") return fail(Errc::kInvalid, "quality \"" + query.quality + "\" is unknown", "use claimed or proven");
  if (!query.quality.empty() || query.rows_min != 0 || query.complete_min > 0 || query.signed_min > 0) {
    // Who signed the rows is only ever claimed; of everything else a proof is as good.
    const bool claimed = query.quality != "proven", proven = query.quality != "claimed" && query.signed_min == 0;
    where += " AND (";
    if (claimed) {
      where += "(a.quality_status = 'claimed' AND a.quality_rows >= ? AND a.quality_complete >= ? AND a.quality_signed >= ?)";
      params.emplace_back(query.rows_min), params.emplace_back(query.complete_min), params.emplace_back(query.signed_min);
    }
    if (claimed && proven) where += " OR ";
    if (proven) {
      where += "(a.proven_rows > 0 AND a.proven_rows >= ? AND a.proven_complete >= ?)";
      params.emplace_back(query.rows_min), params.emplace_back(query.complete_min);
    }
    if (!claimed && !proven) return fail(Errc::kInvalid, "signedMin is claimed, never proven", "ask for quality=claimed");
    where += ")";
  }
  if (!query.include_inactive) where += " AND a.state = 0";
  std::string order = " ORDER BY a.created DESC, a.id DESC";
  if (query.sort == "price") order = " ORDER BY a.price_real, a.id";
  else if (query.sort == "orders") order = " ORDER BY a.orders DESC, a.id DESC";
  else if (query.sort == "relevance") order = words.empty() ? order : " ORDER BY bm25(index_text, 8.0, 2.0, 3.0, 4.0), a.id";
  else if (query.sort != "created") return fail(Errc::kInvalid, "sort \"" + query.sort + "\" is unknown", "use relevance, created, price or orders");
  Page page;
  PB_CHECK(database_.with([&](Connection& db) -> Status {
    PB_CHECK(db.query("SELECT COUNT(*)" + from + where, params, [&](const Statement& row) { page.total = static_cast<std::uint64_t>(row.column_int(0)); }));
    params.emplace_back(std::min(query.limit, 1000U));
    params.emplace_back(query.offset);
    return db.query(std::string("SELECT ") + kColumns + from + where + order + " LIMIT ? OFFSET ?", params, [&](const Statement& row) { page.rows.push_back(read_asset(row)); });
  }));
  return page;
}

Result<std::vector<json::Object>> Catalogue::documents(std::size_t limit) {
  std::vector<json::Object> out;
  PB_CHECK(database_.with([&](Connection& db) {
    return db.query("SELECT ddo FROM index_asset ORDER BY id DESC LIMIT ?", {limit}, [&](const Statement& row) {
      auto document = json::parse(row.column_text(0), {.max_bytes = std::size_t{8} << 20});
      if (document && document->is_object()) out.push_back(std::move(document->get_object()));
    });
  }));
  return out;
}

Result<std::vector<OrderRow>> Catalogue::orders(std::uint64_t chain_id, const Address& datatoken, const Address& consumer) {
  std::vector<OrderRow> out;
  PB_CHECK(database_.with([&](Connection& db) {
    return db.query("SELECT tx, log_index, datatoken, consumer, payer, service_index, timestamp, block, reuse FROM index_order "
                    "WHERE chain_id = ? AND datatoken = ? AND (consumer = ? OR payer = ?) ORDER BY block DESC, log_index DESC LIMIT 1000",
                    {chain_id, datatoken, consumer, consumer}, [&](const Statement& row) {
                      OrderRow order;
                      order.transaction = Hash32::from(row.column_blob(0)).value_or(Hash32{});
                      order.log_index = static_cast<std::uint32_t>(row.column_int(1));
                      order.datatoken = Address::from(row.column_blob(2)).value_or(Address{});
                      order.consumer = Address::from(row.column_blob(3)).value_or(Address{});
                      order.payer = Address::from(row.column_blob(4)).value_or(Address{});
                      order.service_index = static_cast<std::uint64_t>(row.column_int(5));
                      order.timestamp = static_cast<std::uint64_t>(row.column_int(6));
                      order.block = static_cast<std::uint64_t>(row.column_int(7));
                      order.reuse = row.column_int(8) != 0;
                      out.push_back(order);
                    });
  }));
  return out;
}

Result<json::Object> Catalogue::publication_state(std::string_view key) {
  json::Object out;
  const auto bytes = parse_hex(key);
  PB_CHECK(database_.with([&](Connection& db) -> Status {
    PB_CHECK(db.query_one("SELECT chain_id, did, nft, tx, status, reason FROM index_metadata WHERE did = ? OR nft = ? OR tx = ? ORDER BY block DESC, log_index DESC LIMIT 1",
                          {key, bytes ? ByteView(*bytes) : ByteView{}, bytes ? ByteView(*bytes) : ByteView{}}, [&](const Statement& row) {
                            out["chainId"] = row.column_int(0);
                            out["did"] = row.column_text(1);
                            out["nft"] = crypto::checksum_address(Address::from(row.column_blob(2)).value_or(Address{}));
                            out["txId"] = hex0x(row.column_blob(3));
                            out["valid"] = row.column_text(4) == "open";
                            out["error"] = row.column_text(5);
                          }));
    return {};
  }));
  if (out.empty()) return fail(Errc::kNotFound, "Not found");
  return out;
}

Result<json::Array> Catalogue::poisoned(std::size_t limit) {
  json::Array out;
  PB_CHECK(database_.with([&](Connection& db) {
    return db.query("SELECT chain_id, block, log_index, tx, address, reason FROM index_poisoned ORDER BY block DESC LIMIT ?", {limit}, [&](const Statement& row) {
      out.push_back(json::Object{{"chainId", row.column_int(0)}, {"block", row.column_int(1)}, {"logIndex", row.column_int(2)},
                                 {"tx", hex0x(row.column_blob(3))}, {"address", hex0x(row.column_blob(4))}, {"reason", row.column_text(5)}});
    });
  }));
  return out;
}

Result<Catalogue::Counts> Catalogue::counts() {
  Counts out;
  PB_CHECK(database_.with([&](Connection& db) {
    return db.query("SELECT (SELECT COUNT(*) FROM index_asset), (SELECT COUNT(*) FROM index_order), (SELECT COUNT(*) FROM index_poisoned), "
                    "(SELECT COUNT(*) FROM index_metadata WHERE status = 'pending')",
                    {}, [&](const Statement& row) {
                      out = {static_cast<std::uint64_t>(row.column_int(0)), static_cast<std::uint64_t>(row.column_int(1)),
                             static_cast<std::uint64_t>(row.column_int(2)), static_cast<std::uint64_t>(row.column_int(3))};
                    });
  }));
  return out;
}

}  // namespace peaberry::index
