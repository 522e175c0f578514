#pragma once

#include <peaberry/base/bytes.hpp>
#include <peaberry/base/result.hpp>

namespace peaberry::bridge {

/// Ethereum's Merkle Patricia trie of a list: key rlp(index), value the item's bytes (Yellow Paper, appendix D). That is how a block commits to its
/// receipts.
Hash32 list_trie_root(const std::vector<Bytes>& values);
/// The nodes from the root to the item.
std::vector<Bytes> list_trie_proof(const std::vector<Bytes>& values, std::size_t index);
/// The item that `nodes` prove to stand at `index` below `root`. Strict and bounded by its input; kForbidden: they prove nothing.
Result<Bytes> verify_list_trie_proof(const Hash32& root, std::size_t index, const std::vector<Bytes>& nodes);

}  // namespace peaberry::bridge
