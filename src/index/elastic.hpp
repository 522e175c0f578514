#pragma once

#include <peaberry/base/json.hpp>

#include "indexer.hpp"

namespace peaberry::index {

/// Ocean's clients ask with Elasticsearch bodies. This evaluates the part of that language they use over DDOs:
/// query {bool {must, filter, should, must_not}, term, terms, match, match_phrase, multi_match, query_string, range, exists,
/// ids, match_all, nested}, from, size, sort. An unknown clause is refused by name, never ignored.
struct ElasticPage {
  std::vector<const json::Object*> hits;
  std::uint64_t total = 0;
};
Result<ElasticPage> elastic_search(const json::Object& body, const std::vector<json::Object>& documents);

/// The metadata event of `nft` in a transaction, as a decryptor needs it.
Result<SealedMetadata> metadata_of_transaction(chain::Rpc& rpc, const Hash32& transaction, const Address& nft);

}  // namespace peaberry::index
