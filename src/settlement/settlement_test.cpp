#include <gtest/gtest.h>

#include <peaberry/base/random.hpp>

#include "ocean_escrow.hpp"

namespace peaberry::settlement {
namespace {

TEST(EscrowMoney, LocksStartedMinutesAndClaimsSecondsFloored) {
  EXPECT_EQ(lock_amount(U256{10}, 1, 0)->dec(), "10");
  EXPECT_EQ(lock_amount(U256{10}, 60, 0)->dec(), "10");
  EXPECT_EQ(lock_amount(U256{10}, 61, 0)->dec(), "20");
  EXPECT_EQ(lock_amount(U256{10}, 1, 120)->dec(), "20");
  EXPECT_FALSE(lock_amount(U256::max(), 61, 0)) << "overflow is refused, not wrapped";
  EXPECT_EQ(claim_amount(U256{10}, 7, 0, U256{100}).dec(), "1");
  EXPECT_EQ(claim_amount(U256{10}, 1, 60, U256{100}).dec(), "10");
  EXPECT_EQ(claim_amount(U256{10}, 6000, 0, U256{100}).dec(), "100");
}

TEST(EscrowMoney, AClaimNeverExceedsItsLock) {
  SeededRandom random(1);
  for (int i = 0; i < 100'000; ++i) {
    Hash32 raw;
    random.fill(std::span(raw.data).subspan(random.below(33) % 32));
    const U256 rate = U256::from(raw);
    const std::uint64_t longest = 1 + random.below(100'000), minimum = random.below(600), seconds = random.below(longest + 1);
    const auto locked = lock_amount(rate, longest, minimum);
    if (!locked) continue;
    ASSERT_LE(claim_amount(rate, seconds, minimum, *locked), *locked);
  }
}

}  // namespace
}  // namespace peaberry::settlement
