#include "trie.hpp"

#include <gtest/gtest.h>

#include <peaberry/base/random.hpp>
#include <peaberry/chain/rlp.hpp>
#include <peaberry/crypto/hash.hpp>

namespace peaberry::bridge {
namespace {

std::vector<Bytes> values(std::size_t count, std::size_t most, std::uint64_t seed) {
  SeededRandom random(seed);
  std::vector<Bytes> out;
  for (std::size_t i = 0; i < count; ++i) {
    Bytes value(1 + random.below(most));
    random.fill(value);
    out.push_back(std::move(value));
  }
  return out;
}

TEST(Trie, TheEmptyListHasEthereumsEmptyRoot) {
  EXPECT_EQ(list_trie_root({}).hex(), "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
}

TEST(Trie, EveryItemIsProvenAndNoOtherIs) {
  for (const std::size_t count : {1U, 2U, 3U, 16U, 17U, 127U, 128U, 129U, 300U})
    for (const std::size_t most : {3U, 40U, 700U}) {  // short values lie inside their parents
      const auto list = values(count, most, count + most);
      const Hash32 root = list_trie_root(list);
      for (std::size_t i = 0; i < count; i += count > 40 ? 13 : 1) {
        const auto proof = list_trie_proof(list, i);
        const auto shown = verify_list_trie_proof(root, i, proof);
        ASSERT_TRUE(shown) << count << "/" << i << ": " << shown.error().message;
        EXPECT_EQ(*shown, list[i]);
        const std::size_t other = (i + 1) % (count + 1);  // a short neighbour may lie in the same node: then it is shown, and truly
        if (const auto neighbour = verify_list_trie_proof(root, other, proof)) EXPECT_EQ(*neighbour, other < count ? list[other] : Bytes{}) << "another place is never shown with this item";
        auto cut = proof;
        cut.pop_back();
        EXPECT_FALSE(verify_list_trie_proof(root, i, cut));
        auto longer = proof;
        longer.push_back(proof.back());
        EXPECT_FALSE(verify_list_trie_proof(root, i, longer)) << "nothing follows the item";
      }
    }
}

TEST(Trie, AFlippedBitAnywhereProvesNothing) {
  const auto list = values(40, 60, 9);
  const Hash32 root = list_trie_root(list);
  auto proof = list_trie_proof(list, 21);
  for (auto& node : proof)
    for (auto& byte : node)
      for (int bit = 0; bit < 8; bit += 3) {
        byte ^= static_cast<std::uint8_t>(1 << bit);
        EXPECT_FALSE(verify_list_trie_proof(root, 21, proof));
        byte ^= static_cast<std::uint8_t>(1 << bit);
      }
  EXPECT_TRUE(verify_list_trie_proof(root, 21, proof));
}

}  // namespace
}  // namespace peaberry::bridge
