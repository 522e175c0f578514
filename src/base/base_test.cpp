#include <gtest/gtest.h>

#include "bytes.hpp"
#include "files.hpp"
#include "json.hpp"
#include "process.hpp"
#include "random.hpp"
#include "u256.hpp"

namespace peaberry {
namespace {

TEST(Hex, RefusesOddAndForeignDigits) {
  EXPECT_EQ(*parse_hex("0x00ff"), (Bytes{0, 255}));
  EXPECT_EQ(*parse_hex("AbCd"), (Bytes{0xab, 0xcd}));
  EXPECT_FALSE(parse_hex("0xabc"));
  EXPECT_FALSE(parse_hex("0xzz"));
  EXPECT_FALSE(parse_hex("0x\xff\xff"));
}

// The slow twin: 64 nibbles in decimal arithmetic on strings would be slower still; __int128 pieces do for the range.
TEST(Base64, RoundTripsAndIsStrict) {
  SeededRandom random(3);
  for (std::size_t size = 0; size < 70; ++size) {
    Bytes bytes(size);
    random.fill(bytes);
    ASSERT_EQ(*parse_base64(base64(bytes)), bytes);
  }
  EXPECT_EQ(*parse_base64("aGk="), to_bytes(as_bytes("hi")));
  for (const char* bad : {"aGk", "aGk=aGk=", "aG==k", "a===", "====", "aGl=", "aR==", "aG k", "aGk-", "aGk\n"}) EXPECT_FALSE(parse_base64(bad)) << bad;
}

TEST(U256, AgreesWithNativeArithmeticOnRandomInputs) {
  SeededRandom random(7);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t a = random.u64() >> (random.below(64)), b = (random.u64() >> random.below(64)) | 1;
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    const U256 wide = U256{a} * U256{b};
    ASSERT_EQ(wide.low64(), static_cast<std::uint64_t>(product));
    ASSERT_EQ((wide >> 64).low64(), static_cast<std::uint64_t>(product >> 64));
    ASSERT_EQ((wide / U256{b}).low64(), a);
    ASSERT_TRUE((wide % U256{b}).is_zero());
    ASSERT_EQ((U256{a} + U256{b} - U256{b}).low64(), a);
    ASSERT_EQ(U256::parse(wide.dec())->hex(), wide.hex());
    ASSERT_EQ(*U256::parse(wide.hex()), wide);
  }
}

TEST(U256, DividesByWideDivisors) {
  SeededRandom random(8);
  for (int i = 0; i < 2'000; ++i) {
    Hash32 x, y;
    random.fill(x.data);
    random.fill(std::span(y.data).subspan(random.below(24)));
    const U256 a = U256::from(x), b = U256::from(y) | U256{1};
    const auto [quotient, remainder] = U256::divmod(a, b);
    ASSERT_LT(remainder, b);
    ASSERT_EQ(quotient * b + remainder, a);
  }
  EXPECT_FALSE(checked_mul(U256::max(), U256{2}));
  EXPECT_FALSE(checked_add(U256::max(), U256{1}));
  EXPECT_FALSE(checked_sub(U256{1}, U256{2}));
  EXPECT_FALSE(U256::parse("115792089237316195423570985008687907853269984665640564039457584007913129639936"));
}

TEST(Units, RefuseMoreDigitsThanTheTokenHas) {
  EXPECT_EQ(parse_units("1.5", 6)->dec(), "1500000");
  EXPECT_FALSE(parse_units("1.1234567", 6));
  EXPECT_FALSE(parse_units("-1", 6));
  EXPECT_FALSE(parse_units("1e3", 6));
  EXPECT_FALSE(parse_units("", 6));
  EXPECT_FALSE(parse_units(".", 6));
  EXPECT_EQ(format_units(U256{1}, 18), "0.000000000000000001");
}

TEST(Json, WritesWhatJavaScriptWrites) {
  // Expected texts are JSON.stringify's.
  constexpr std::pair<const char*, const char*> kCases[] = {{"1.0", "1"}, {"1e21", "1e+21"}, {"123456789012345680000", "123456789012345680000"}, {"1e-7", "1e-7"}, {"0.000001", "0.000001"}, {"0.1", "0.1"}, {"-0.0", "0"},
                                                            {"5e-324", "5e-324"}, {"1.7976931348623157e308", "1.7976931348623157e+308"}, {"\"\\u007f\\/\\u0001é\"", "\"\x7f/\\u0001é\""}, {"{\"b\":1,\"a\":[true,null]}", "{\"b\":1,\"a\":[true,null]}"}};
  for (const auto& [text, wanted] : kCases) EXPECT_EQ(json::stringify(*json::parse(text)), wanted);
}

TEST(Json, IsBoundedAndStrictWhereAsked) {
  EXPECT_FALSE(json::parse(std::string(100, '[')));
  EXPECT_FALSE(json::parse("{\"a\":1}", {.max_bytes = 3}));
  EXPECT_TRUE(json::parse("{\"a\":1,\"a\":2}"));
  EXPECT_FALSE(json::parse("{\"a\":1,\"a\":2}", {.strict = true}));
  EXPECT_TRUE(json::parse("{\"a\":1,\"b\":{\"a\":2}}", {.strict = true}));
  EXPECT_FALSE(json::parse("{\"a\":1} x"));
  EXPECT_FALSE(json::parse(""));
}

TEST(Files, AtomicWriteLeavesNoHalfFile) {
  const fs::path folder = fs::temp_directory_path() / ("peaberry-files-" + SystemRandom{}.uuid());
  ASSERT_TRUE(write_file_atomic(folder / "a", as_bytes("one")));
  ASSERT_TRUE(write_file_atomic(folder / "a", as_bytes("two")));
  EXPECT_EQ(*read_text(folder / "a"), "two");
  EXPECT_FALSE(read_text(folder / "a", 2)) << "bounded";
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
  const auto first = lock_file(folder / "lock");
  ASSERT_TRUE(first);
  EXPECT_EQ(lock_file(folder / "lock").error().code, Errc::kConflict);
  fs::remove_all(folder);
}

TEST(Process, ReportsExecFailureAndKillsAtTheTimeout) {
  EXPECT_FALSE(spawn({.argv = {"no-such-program-here"}}));
  EXPECT_EQ(run_process({.argv = {"sleep", "10"}}, 100).error().code, Errc::kTimeout);
  const auto echo = run_process({.argv = {"sh", "-c", "echo out; echo err >&2; exit 3"}}, 5'000);
  ASSERT_TRUE(echo);
  EXPECT_EQ(echo->exit.code, 3);
  EXPECT_EQ(echo->output, "out\nerr\n");
}

TEST(Random, SeededStreamsRepeatAndBoundsHold) {
  SeededRandom a(1), b(1), c(2);
  EXPECT_EQ(a.u64(), b.u64());
  EXPECT_NE(a.u64(), c.u64());
  for (int i = 0; i < 1000; ++i) EXPECT_LT(a.below(7), 7U);
}

}  // namespace
}  // namespace peaberry
