#include "table_opening.hpp"

#include <type_traits>

#include <peaberry/base/json.hpp>
#include <peaberry/crypto/hash.hpp>

namespace peaberry::evidence {

std::string TableOpening::to_json() const {
  json::Array dictionary_list, step_list;
  for (const auto& dictionary : dictionaries) dictionary_list.push_back(json::Array(dictionary.begin(), dictionary.end()));
  for (const Step& step : steps) step_list.push_back(json::Object{{"nonce", step.nonce.hex()}, {"rowsBefore", step.rows_before}, {"rowsAfter", step.rows_after}});
  return json::pretty(json::Object{{"version", 1}, {"nft", crypto::checksum_address(nft)}, {"by", crypto::checksum_address(by)}, {"tableId", table_id.hex()}, {"srsId", srs_id.hex()}, {"schema", schema.text()},
                                   {"dictionaries", dictionary_list}, {"label", label}, {"steps", step_list}, {"commitments", hex0x(commitments)}}) + "\n";
}

Result<TableOpening> TableOpening::from_json(std::string_view text) {
  PB_TRY(document, json::parse(text, {.max_bytes = std::size_t{64} << 20, .max_depth = 8}));
  PB_TRY(object, json::as_object(document, "opening"));
  if (json::uint_or(*object, "version", 0) != 1) return fail(Errc::kUnsupported, "version: this is no opening of version 1");
  TableOpening out;
  PB_TRY(nft, json::address_at(*object, "nft"));
  PB_TRY(by, json::address_at(*object, "by"));
  PB_TRY(table_id, json::hash_at(*object, "tableId"));
  PB_TRY(srs_id, json::hash_at(*object, "srsId"));
  PB_TRY(schema_text, json::string_at(*object, "schema"));
  PB_TRY(schema, proof::TableSchema::parse(schema_text));
  PB_TRY(label, json::string_at(*object, "label"));
  PB_TRY(hex, json::string_at(*object, "commitments"));
  PB_TRY(commitments, parse_hex(hex, "commitments"));
  PB_TRY(dictionary_list, json::array_at(*object, "dictionaries"));
  PB_TRY(step_list, json::array_at(*object, "steps"));
  out.nft = nft, out.by = by, out.table_id = table_id, out.srs_id = srs_id, out.schema = std::move(schema), out.label = label, out.commitments = std::move(commitments);
  for (const auto& item : *dictionary_list) {
    if (!item.is_array()) return fail(Errc::kInvalid, "dictionaries: one is not a list");
    auto& dictionary = out.dictionaries.emplace_back();
    for (const auto& value : item.get_array()) {
      if (!value.is_string()) return fail(Errc::kInvalid, "dictionaries: a value is not a text");
      dictionary.emplace_back(json::sv(value.get_string()));
    }
  }
  for (const auto& item : *step_list) {
    PB_TRY(entry, json::as_object(item, "steps"));
    PB_TRY(nonce, json::hash_at(*entry, "nonce"));
    PB_TRY(before, json::uint_at(*entry, "rowsBefore"));
    PB_TRY(after, json::uint_at(*entry, "rowsAfter"));
    if (before != out.rows() || after <= before) return fail(Errc::kInvalid, "steps: rows " + std::to_string(before) + " to " + std::to_string(after) + " do not follow");
    out.steps.push_back({nonce, before, after});
  }
  if (out.dictionaries.size() != out.schema.columns.size()) return fail(Errc::kInvalid, "dictionaries: not one for each column");
  for (std::size_t c = 0; c < out.dictionaries.size(); ++c)
    if (out.dictionaries[c].size() != out.schema.columns[c].size) return fail(Errc::kInvalid, "dictionaries: column \"" + out.schema.columns[c].name + "\" has another size");
  if (out.commitments.size() != 64 * out.schema.oracles()) return fail(Errc::kInvalid, "commitments: not one for each vector");
  return out;
}

proof::LargeVector<proof::Fr> blinders_of(const crypto::PrivateKey& identity, const Hash32& table_id, const TableOpening::Step& step, std::size_t vectors) {
  using proof::Fr;
  // Two hashes give 512 bits, so that the remainder is uniform but for 2^-250.
  Fr shift = Fr::one();
  for (int i = 0; i < 256; ++i) shift += shift;
  proof::LargeVector<Fr> out;
  out.reserve(vectors);
  for (std::size_t i = 0; i < vectors; ++i) {
    Fr halves[2];
    for (std::uint8_t half = 0; half < 2; ++half) {
      const std::uint8_t place[5] = {static_cast<std::uint8_t>(i >> 24), static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), half};
      crypto::Keccak256 hash;
      hash.update(as_bytes("peaberry/blinder/1")).update(identity.secret()).update(table_id.view()).update(step.nonce.view()).update(ByteView(place, 5));
      Hash32 word = hash.finish();
      halves[half] = Fr::from_be_reduced(word.view());
      crypto::wipe(word.data);
      static_assert(std::is_trivially_copyable_v<crypto::Keccak256>);
      explicit_bzero(static_cast<void*>(&hash), sizeof hash);  // it has seen the key
    }
    out.push_back(halves[0] * shift + halves[1]);
    explicit_bzero(halves, sizeof halves);
  }
  return out;
}

fs::path OpeningStore::file(const Address& nft, const Hash32& commitments_hash) const { return folder_ / (nft.hex().substr(2) + "-" + commitments_hash.hex().substr(2, 16) + ".json"); }

Status OpeningStore::save(const TableOpening& opening) const {
  PB_CHECK(make_directories(folder_, 0700));
  return write_file_atomic(file(opening.nft, crypto::keccak256(opening.commitments)), as_bytes(opening.to_json()), 0600);
}

Result<TableOpening> OpeningStore::load(const Address& nft, const Hash32& commitments_hash) const {
  const fs::path path = file(nft, commitments_hash);
  if (!fs::exists(path)) return fail(Errc::kNotFound, "this home has no opening of the table's commitments " + commitments_hash.hex(), "prove from the home that admitted the table, or restore its folder " + folder_.string());
  PB_TRY(text, read_text(path));
  auto opening = TableOpening::from_json(text);
  if (!opening) return within(path.string(), opening.error());
  if (opening->nft != nft || crypto::keccak256(opening->commitments) != commitments_hash) return fail(Errc::kInvalid, path.string() + " is the opening of another table");
  return opening;
}

}  // namespace peaberry::evidence
