#include <gtest/gtest.h>

#include <peaberry/base/random.hpp>
#include <peaberry/base/u256.hpp>

#include "hash.hpp"
#include "keystore.hpp"
#include "merkle.hpp"
#include "sealing.hpp"

namespace peaberry::crypto {
namespace {

TEST(Keccak256, EveryPermutationEqualsTheReference) {
  SeededRandom random(1);
  for (const auto& back_end : detail::keccak_back_ends())
    for (int i = 0; i < 1000; ++i) {
      std::array<std::uint64_t, 25> a{};
      if (i != 0)
        for (auto& lane : a) lane = random.u64();
      auto b = a;
      back_end.permute(a.data());
      detail::keccak_f1600_reference(b);
      ASSERT_EQ(a, b) << back_end.name << ", state " << i;
    }
}

TEST(Keccak256, PiecesGiveTheSameHashAsTheWhole) {
  SeededRandom random(1);
  Bytes data(1000);
  random.fill(data);
  for (const std::size_t cut : {0U, 1U, 135U, 136U, 137U, 271U, 272U, 999U}) {
    Keccak256 hasher;
    hasher.update(ByteView(data).first(cut)).update(ByteView(data).subspan(cut));
    EXPECT_EQ(hasher.finish(), keccak256(ByteView(data))) << cut;
  }
  EXPECT_EQ(keccak256("").hex(), "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
}

/// The slow twin: the whole tree at once.
Hash32 merkle_reference(ByteView data) {
  std::vector<Hash32> level;
  for (std::size_t at = 0; at < data.size() || level.empty(); at += 1024) {
    Bytes leaf{0};
    append(leaf, data.subspan(at, std::min<std::size_t>(1024, data.size() - at)));
    level.push_back(keccak256(leaf));
  }
  while (level.size() > 1) {
    std::vector<Hash32> up;
    for (std::size_t i = 0; i < level.size(); i += 2) {
      if (i + 1 == level.size()) {
        up.push_back(level[i]);
        continue;
      }
      Bytes node{1};
      append(node, level[i].view());
      append(node, level[i + 1].view());
      up.push_back(keccak256(node));
    }
    level = up;
  }
  Bytes root{2};
  for (int i = 7; i >= 0; --i) root.push_back(static_cast<std::uint8_t>(data.size() >> (8 * i)));
  append(root, level[0].view());
  return keccak256(root);
}

TEST(Merkle, StreamedRootEqualsTheWholeTree) {
  SeededRandom random(2);
  for (std::size_t size = 0; size < 20'000; size += size < 3'000 ? 101 : 1'023) {
    Bytes data(size);
    random.fill(data);
    MerkleHasher hasher;
    for (ByteView rest = data; !rest.empty();) {
      const std::size_t take = std::min<std::size_t>(rest.size(), 1 + random.below(2000));
      hasher.update(rest.first(take));
      rest = rest.subspan(take);
    }
    ASSERT_EQ(hasher.finish(), merkle_reference(data)) << size;
  }
}

TEST(Ecies, RoundTripsAndRefusesEveryFlippedByte) {
  SeededRandom random(3);
  const auto key = PrivateKey::generate(random), other = PrivateKey::generate(random);
  const Bytes sealed = ecies_encrypt(key.public_key(), as_bytes("rows"), random);
  EXPECT_EQ(sealed.size(), 97U + 4);
  EXPECT_EQ(as_text(*ecies_decrypt(key, sealed)), "rows");
  EXPECT_FALSE(ecies_decrypt(other, sealed));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    Bytes bent = sealed;
    bent[i] ^= 1;
    EXPECT_FALSE(ecies_decrypt(key, bent)) << i;
  }
  EXPECT_FALSE(ecies_decrypt(key, ByteView(sealed).first(96)));
}

TEST(Signatures, HighSIsRefusedUnlessAsked) {
  SeededRandom random(4);
  const auto key = PrivateKey::generate(random);
  const Hash32 digest = keccak256("message");
  Signature signature = key.sign(digest);
  EXPECT_EQ(*recover(digest, signature), key.address());
  const U256 order = *U256::parse("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
  signature.s = (order - U256::from(signature.s)).word();
  signature.y_parity ^= 1;
  EXPECT_FALSE(recover(digest, signature));
  EXPECT_EQ(*recover(digest, signature, true), key.address());
  EXPECT_FALSE(PrivateKey::from_bytes(Hash32{}.view()));
  EXPECT_FALSE(PrivateKey::from_bytes(order.word().view()));
}

TEST(Addresses, AWrongChecksumIsATypingError) {
  EXPECT_TRUE(parse_address("0xBE5449a6A97aD46c8558A3356267Ee5D2731ab5e"));
  EXPECT_TRUE(parse_address("0xbe5449a6a97ad46c8558a3356267ee5d2731ab5e"));
  EXPECT_FALSE(parse_address("0xBE5449a6A97aD46c8558A3356267Ee5D2731aB5e"));
  EXPECT_FALSE(parse_address("0xBE54"));
}

class KeyStoreTest : public testing::Test {
 protected:
  KeyStore open(const std::string& passphrase, const fs::path& folder) { return {folder, SecretBytes(as_bytes(passphrase)), {1, 8 << 20}}; }
  void TearDown() override { fs::remove_all(base_); }
  SeededRandom random_{5};
  fs::path base_ = fs::temp_directory_path() / ("peaberry-keys-" + SystemRandom{}.uuid());
};

TEST_F(KeyStoreTest, OpensWithTheRightPassPhraseOnlyAndNeverOverwrites) {
  auto store = open("right", base_ / "a");
  const auto address = store.create("operator", random_);
  ASSERT_TRUE(address);
  EXPECT_EQ(store.open("operator")->address(), *address);
  EXPECT_EQ(open("wrong", base_ / "a").open("operator").error().code, Errc::kUnauthenticated);
  EXPECT_EQ(store.create("operator", random_).error().code, Errc::kConflict);
  EXPECT_EQ(store.create("../evil", random_).error().code, Errc::kInvalid);
  EXPECT_EQ(fs::status(base_ / "a" / "operator.json").permissions() & fs::perms::all, fs::perms(0600));
  EXPECT_EQ(read_text(base_ / "a" / "operator.json")->find(hex(store.open("operator")->secret())), std::string::npos);
}

TEST_F(KeyStoreTest, BackupRestoresElsewhereAllOrNothing) {
  auto store = open("p", base_ / "a");
  ASSERT_TRUE(store.create("one", random_));
  ASSERT_TRUE(store.create("two", random_));
  const auto text = store.backup();
  ASSERT_TRUE(text);
  auto elsewhere = open("p", base_ / "b");
  const auto back = elsewhere.restore(*text);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(*back, *store.list());
  EXPECT_FALSE(elsewhere.restore(*text)) << "names are taken";
  auto wrong = open("q", base_ / "c");
  EXPECT_FALSE(wrong.restore(*text));
  EXPECT_FALSE(fs::exists(base_ / "c"));
}

}  // namespace
}  // namespace peaberry::crypto
