#include "trie.hpp"

#include <algorithm>
#include <peaberry/chain/rlp.hpp>
#include <peaberry/crypto/hash.hpp>

namespace peaberry::bridge {
namespace {

using chain::rlp::Item;
using Nibbles = std::vector<std::uint8_t>;

Nibbles key_of(std::size_t index) {
  Nibbles out;
  for (const std::uint8_t byte : chain::rlp::encode(Item::number(U256{index}))) out.push_back(byte >> 4), out.push_back(byte & 15);
  return out;
}

/// Hex-prefix encoding: flags, an odd nibble, then the rest in pairs.
Bytes pack(std::span<const std::uint8_t> path, bool leaf) {
  Bytes out;
  const bool odd = path.size() % 2 != 0;
  out.push_back(static_cast<std::uint8_t>((leaf ? 0x20 : 0) | (odd ? 0x10 | path[0] : 0)));
  for (std::size_t i = odd ? 1 : 0; i < path.size(); i += 2) out.push_back(static_cast<std::uint8_t>(path[i] << 4 | path[i + 1]));
  return out;
}
/// False: not a hex-prefix.
bool unpack(ByteView packed, Nibbles& path, bool& leaf) {
  if (packed.empty() || packed[0] >> 4 > 3 || ((packed[0] & 0x10) == 0 && (packed[0] & 15) != 0)) return false;
  leaf = (packed[0] & 0x20) != 0;
  path.clear();
  if ((packed[0] & 0x10) != 0) path.push_back(packed[0] & 15);
  for (const std::uint8_t byte : packed.subspan(1)) path.push_back(byte >> 4), path.push_back(byte & 15);
  return true;
}

struct Entry {
  Nibbles key;
  const Bytes* value;
};

/// Builds the node over `entries` (sorted, distinct, all equal up to `depth`). When `follow` is given, the encoded nodes on its way are kept.
Item build(std::span<const Entry> entries, std::size_t depth, const Nibbles* follow, std::vector<Bytes>* kept);

/// A node as its parent holds it: itself if short, else its hash.
Item reference(std::span<const Entry> entries, std::size_t depth, const Nibbles* follow, std::vector<Bytes>* kept) {
  const Item node = build(entries, depth, follow, kept);
  const Bytes encoded = chain::rlp::encode(node);
  if (encoded.size() < 32) return node;
  if (follow != nullptr) kept->push_back(encoded);
  return Item::string(crypto::keccak256(encoded).view());
}

Item build(std::span<const Entry> entries, std::size_t depth, const Nibbles* follow, std::vector<Bytes>* kept) {
  const Nibbles& first = entries.front().key;
  if (entries.size() == 1) return Item::list({Item::string(pack(std::span(first).subspan(depth), true)), Item::string(*entries.front().value)});
  std::size_t common = depth;
  const Nibbles& last = entries.back().key;
  while (common < first.size() && common < last.size() && first[common] == last[common]) ++common;
  if (common > depth) return Item::list({Item::string(pack(std::span(first).subspan(depth, common - depth), false)), reference(entries, common, follow, kept)});
  std::vector<Item> children(17, Item::string({}));
  std::size_t at = 0;
  if (first.size() == depth) children[16] = Item::string(*entries.front().value), at = 1;
  while (at < entries.size()) {
    const std::uint8_t nibble = entries[at].key[depth];
    std::size_t end = at;
    while (end < entries.size() && entries[end].key[depth] == nibble) ++end;
    const bool on_the_way = follow != nullptr && depth < follow->size() && (*follow)[depth] == nibble;
    children[nibble] = reference(entries.subspan(at, end - at), depth + 1, on_the_way ? follow : nullptr, kept);
    at = end;
  }
  return Item::list(std::move(children));
}

std::vector<Entry> entries_of(const std::vector<Bytes>& values) {
  std::vector<Entry> out;
  for (std::size_t i = 0; i < values.size(); ++i) out.push_back({key_of(i), &values[i]});
  std::sort(out.begin(), out.end(), [](const Entry& a, const Entry& b) { return a.key < b.key; });
  return out;
}

Error no_proof(const std::string& why) { return fail(Errc::kForbidden, "trie proof: " + why); }

}  // namespace

Hash32 list_trie_root(const std::vector<Bytes>& values) {
  if (values.empty()) return crypto::keccak256(chain::rlp::encode(Item::string({})));
  return crypto::keccak256(chain::rlp::encode(build(entries_of(values), 0, nullptr, nullptr)));
}

std::vector<Bytes> list_trie_proof(const std::vector<Bytes>& values, std::size_t index) {
  std::vector<Bytes> out;
  if (index >= values.size()) return out;
  const Nibbles key = key_of(index);
  const Item root = build(entries_of(values), 0, &key, &out);
  out.push_back(chain::rlp::encode(root));
  std::reverse(out.begin(), out.end());  // kept from the leaf upwards
  return out;
}

Result<Bytes> verify_list_trie_proof(const Hash32& root, std::size_t index, const std::vector<Bytes>& nodes) {
  const Nibbles key = key_of(index);
  std::size_t depth = 0, next = 0;
  Item wanted = Item::string(root.view());
  for (;;) {
    Item node = wanted;
    if (!wanted.is_list) {  // a hash: the next node must have it
      if (wanted.bytes.size() != 32) return no_proof("the way ends before the item");
      if (next == nodes.size()) return no_proof("a node is missing");
      const Bytes& encoded = nodes[next++];
      if (crypto::keccak256(encoded).view().size() != 32 || !std::ranges::equal(crypto::keccak256(encoded).view(), wanted.bytes)) return no_proof("node " + std::to_string(next) + " has another hash");
      PB_TRY(decoded, chain::rlp::decode(encoded));
      node = std::move(decoded);
    }
    if (!node.is_list) return no_proof("a node is no list");
    if (node.items.size() == 17) {
      if (depth == key.size()) {
        wanted = node.items[16];
        if (wanted.is_list || wanted.bytes.empty() || next != nodes.size()) return no_proof("no item stands there");
        return wanted.bytes;
      }
      wanted = node.items[key[depth++]];
      continue;
    }
    Nibbles path;
    bool leaf = false;
    if (node.items.size() != 2 || node.items[0].is_list || !unpack(node.items[0].bytes, path, leaf)) return no_proof("a node is malformed");
    if (path.size() > key.size() - depth || !std::equal(path.begin(), path.end(), key.begin() + static_cast<std::ptrdiff_t>(depth))) return no_proof("it leads to another item");
    depth += path.size();
    wanted = node.items[1];
    if (!leaf) continue;
    if (depth != key.size() || wanted.is_list || next != nodes.size()) return no_proof("it leads to another item");
    return wanted.bytes;
  }
}

}  // namespace peaberry::bridge
