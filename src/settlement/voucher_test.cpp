// Channels' names against viem's numbers, and the receiver's book: what it refuses, what it keeps, what it survives.

#include <gtest/gtest.h>
#include <unistd.h>

#include <peaberry/base/files.hpp>
#include <peaberry/crypto/hash.hpp>
#include <thread>

#include "voucher_book.hpp"

namespace peaberry::settlement {
namespace {

Address address(std::string_view text) { return *crypto::parse_address(text); }
std::string hex_of(const Hash32& hash) { return hash.hex(); }

TEST(Channels, NamesAndDigestsAreViems) {
  const auto signer = address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"), receiver = address("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"), token = address("0x5FbDB2315678afecb367f032d93F642f64180aa3");
  Hash32 salt;
  salt.data[31] = 1;
  const ChannelDomain domain{31'337, address("0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003")};
  const Hash32 id = domain.channel_id({signer, signer, receiver, receiver, token, U256{900}, salt});
  EXPECT_EQ(hex_of(id), "0x774e90ebcb179dac9373f8fa6c81630e0161f18e72dc14d632f05c9f701f8693");
  const Hash32 voucher = domain.voucher_digest(id, U256{12'345});
  EXPECT_EQ(hex_of(voucher), "0x18ea6df483fb891beb7d5709ee2505433a8b4ca38bfc0c4ac8c5504fb8916498");
  EXPECT_EQ(hex_of(deposit_nonce(id, U256{7})), "0x0a042a32c590a5621b02bf177b9cdceabd22bb21b947ecc6e096a9ec67194cec");
  const auto key = crypto::PrivateKey::from_bytes(*parse_hex("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"));
  EXPECT_EQ(hex0x(key->sign(voucher).rsv()),
            "0x39cb0470c6a8a8f57f64a87fc0d105d495bd34a68796fd9b027d76235f7947d3625548354fe3deb7593641c8d91300e50c6f7ffcd7ecc851cf81af7a513666531c");
  Hash32 ones;
  ones.data.fill(1);
  const Hash32 exact = transfer_digest({"USD Coin", "2", 31'337, token}, {signer, receiver, U256{10'000}, U256{}, U256{2'000'000'000}, ones});
  EXPECT_EQ(hex_of(exact), "0x2ce6249506d8c9d7dbcb4cb302712ff415e4afc516b2cc69c4b155b669dc0197");
  EXPECT_EQ(hex0x(key->sign(exact).rsv()),
            "0x8d299ef4b2159717f9ce81f800b4fdf3aaeb3f4d80ede51061402c55256805fd39e3f915ce305d30bb41c0d2d5f4000bcea2d7e6b210be92a69da896a9af67191b");
}

class Book : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("peaberry-vouchers-" + SystemRandom().uuid());
    fs::create_directories(folder_);
    reopen();
  }
  void TearDown() override {
    book_.reset(), database_.reset();
    fs::remove_all(folder_);
  }
  void reopen() {
    book_.reset(), database_.reset();
    auto opened = store::open_sqlite((folder_ / "book.sqlite").string());
    ASSERT_TRUE(opened) << opened.error().text();
    database_ = std::move(*opened);
    ASSERT_TRUE(VoucherBook::migrate(*database_));
    auto book = VoucherBook::open(*database_, domain_, receiver_, clock_);
    ASSERT_TRUE(book) << book.error().text();
    book_ = std::move(*book);
  }
  ChannelConfig config(std::uint8_t n) const {
    Hash32 salt;
    salt.data[31] = n;
    return {payer_.address(), robot_.address(), receiver_, receiver_, address("0x5FbDB2315678afecb367f032d93F642f64180aa3"), U256{900}, salt};
  }
  Hash32 opened(std::uint8_t n, std::uint64_t balance) {
    EXPECT_TRUE(book_->mirror(config(n), {U256{balance}, {}, 0, 0}));
    return domain_.channel_id(config(n));
  }
  Result<U256> pay(const Hash32& channel, std::uint64_t total, const crypto::PrivateKey& key) {
    return book_->accept(channel, U256{total}, key.sign(domain_.voucher_digest(channel, U256{total})).rsv());
  }
  Errc refused(const Hash32& channel, std::uint64_t total, const crypto::PrivateKey& key) {
    const auto got = pay(channel, total, key);
    EXPECT_FALSE(got);
    return got ? Errc::kInternal : got.error().code;
  }

  SeededRandom random_{5};
  ManualClock clock_{1'800'000'000'000};
  ChannelDomain domain_{8996, address("0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003")};
  Address receiver_ = address("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC");
  crypto::PrivateKey payer_ = crypto::PrivateKey::generate(random_), robot_ = crypto::PrivateKey::generate(random_);
  fs::path folder_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<VoucherBook> book_;
};

TEST_F(Book, ALargerVoucherAddsTheDifference) {
  const Hash32 id = opened(1, 100);
  EXPECT_EQ(*pay(id, 30, robot_), U256{30});
  EXPECT_EQ(*pay(id, 70, robot_), U256{40}) << "whatever was lost in between is paid with it";
  EXPECT_EQ(*book_->outstanding(id), U256{70});
  ASSERT_TRUE(book_->mirror(config(1), {U256{100}, U256{30}, 0, 0}));  // claimed on chain
  EXPECT_EQ(*book_->outstanding(id), U256{40});
}

TEST_F(Book, RefusesWhatIsNoPayment) {
  const Hash32 id = opened(1, 100);
  ASSERT_TRUE(pay(id, 50, robot_));
  EXPECT_EQ(refused(id, 50, robot_), Errc::kConflict) << "the same again";
  EXPECT_EQ(refused(id, 20, robot_), Errc::kConflict) << "an older one";
  EXPECT_EQ(refused(id, 101, robot_), Errc::kPayment) << "more than there is";
  EXPECT_EQ(refused(id, 60, payer_), Errc::kForbidden) << "the robot signs, not its owner";
  EXPECT_EQ(refused(domain_.channel_id(config(2)), 60, robot_), Errc::kNotFound);
  EXPECT_EQ(book_->accept(id, U256{60}, Bytes(65, 1)).error().code, Errc::kForbidden);
  EXPECT_EQ(book_->accept(id, U256{60}, Bytes(3, 1)).error().code, Errc::kForbidden);
  const auto other = robot_.sign(ChannelDomain{1, domain_.settlement}.voucher_digest(id, U256{60})).rsv();
  EXPECT_EQ(book_->accept(id, U256{60}, other).error().code, Errc::kForbidden) << "another chain's";
  auto foreign = config(3);
  foreign.receiver = payer_.address();
  EXPECT_EQ(book_->mirror(foreign, {}).error().code, Errc::kInvalid);
  EXPECT_EQ(book_->find(id)->total, U256{50}) << "nothing of this changed the book";
}

TEST_F(Book, APayerThatHasLeftDoesNotPay) {
  const Hash32 id = opened(1, 100);
  ASSERT_TRUE(book_->mirror(config(1), {U256{100}, {}, 1'800'000'000, 0}));
  EXPECT_TRUE(pay(id, 10, robot_)) << "it wants to leave, and there is time to claim";
  clock_.sleep_ms(900'000);
  EXPECT_EQ(refused(id, 20, robot_), Errc::kForbidden);
}

TEST_F(Book, WhatALeaverTookAlongIsNotClaimable) {
  const Hash32 id = opened(1, 100);
  ASSERT_TRUE(pay(id, 60, robot_));
  ASSERT_TRUE(book_->mirror(config(1), {U256{40}, U256{10}, 0, 0}));
  EXPECT_EQ(*book_->outstanding(id), U256{30}) << "of the sixty, forty are there, and ten were claimed";
  ASSERT_TRUE(book_->mirror(config(1), {U256{10}, U256{10}, 0, 0}));
  EXPECT_EQ(*book_->outstanding(id), U256{});
  EXPECT_TRUE(book_->claimable().empty());
}

TEST_F(Book, KeepsEveryVoucherThatItTook) {
  const Hash32 a = opened(1, 100), b = opened(2, 1'000);
  ASSERT_TRUE(pay(a, 30, robot_));
  ASSERT_TRUE(pay(b, 700, robot_));
  reopen();
  EXPECT_EQ(book_->find(a)->total, U256{30});
  EXPECT_EQ(refused(a, 30, robot_), Errc::kConflict) << "paid before the restart";
  EXPECT_EQ(*pay(a, 31, robot_), U256{1});
  const auto list = book_->claimable();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].first, b) << "the largest first";
  EXPECT_EQ(*crypto::recover(domain_.voucher_digest(b, U256{700}), *crypto::Signature::from_rsv(list[0].second.signature)), robot_.address());
}

TEST_F(Book, ManyAtOnceLoseNothing) {
  constexpr int kChannels = 6, kVouchers = 60;
  std::vector<Hash32> ids;
  for (int c = 0; c < kChannels; ++c) ids.push_back(opened(static_cast<std::uint8_t>(c), 1'000'000));
  std::vector<std::thread> threads;
  std::array<std::uint64_t, kChannels> added{};
  for (int c = 0; c < kChannels; ++c)
    threads.emplace_back([&, c] {
      for (std::uint64_t n = 1; n <= kVouchers; ++n)
        if (const auto got = pay(ids[static_cast<std::size_t>(c)], n * 10, robot_)) added[static_cast<std::size_t>(c)] += got->low64();
    });
  for (auto& thread : threads) thread.join();
  for (int c = 0; c < kChannels; ++c) EXPECT_EQ(added[static_cast<std::size_t>(c)], kVouchers * 10U);
  reopen();
  for (const Hash32& id : ids) EXPECT_EQ(book_->find(id)->total, U256{kVouchers * 10U});
}

TEST_F(Book, RacingVouchersOfOneChannelAddUpToTheLargest) {
  const Hash32 id = opened(1, 1'000'000);
  std::vector<std::thread> threads;
  std::array<std::uint64_t, 4> added{};
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      SeededRandom random(t);
      for (int n = 0; n < 50; ++n)
        if (const auto got = pay(id, 1 + random.below(100'000), robot_)) added[t] += got->low64();
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(U256{added[0] + added[1] + added[2] + added[3]}, book_->find(id)->total);
}

}  // namespace
}  // namespace peaberry::settlement
