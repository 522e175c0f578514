// What stands in x402's headers: what we write is what we read, and what is malformed is named.

#include "x402.hpp"

#include <gtest/gtest.h>

namespace peaberry::agents::x402 {
namespace {

Address party(const char* text) { return *crypto::parse_address(text); }
Address token() { return party("0x5FbDB2315678afecb367f032d93F642f64180aa3"); }
Address receiver() { return party("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"); }
Address payer() { return party("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"); }
Price price() { return {U256{10'000}, token(), "USD Coin", "2", receiver(), 60}; }
std::string signature() { return "0x" + std::string(130, '1'); }

json::Object exact() {
  return {{"x402Version", 2},
          {"accepted", exact_requirements(price(), 31'337)},
          {"payload", json::Object{{"signature", signature()},
                                   {"authorization", json::Object{{"from", payer().hex()}, {"to", receiver().hex()}, {"value", "10000"}, {"validAfter", "0"}, {"validBefore", "2000000000"}, {"nonce", "0x" + std::string(64, '2')}}}}}};
}
json::Object channel(const char* type) {
  json::Object payload{{"type", type},
                       {"channelConfig", config_to_json({payer(), payer(), receiver(), receiver(), token(), U256{900}, {}})},
                       {"voucher", json::Object{{"channelId", "0x" + std::string(64, '3')}, {"maxClaimableAmount", "20000"}, {"signature", signature()}}}};
  if (std::string_view(type) == "deposit")
    payload["deposit"] = json::Object{{"amount", "50000"},
                                      {"authorization", json::Object{{"erc3009Authorization", json::Object{{"validAfter", "0"}, {"validBefore", "2000000000"}, {"salt", "0x07"}, {"signature", signature()}}}}}};
  return {{"x402Version", 2}, {"accepted", channel_requirements(price(), 31'337, receiver(), 900, U256{10'000})}, {"payload", std::move(payload)}};
}
/// Removes or changes one field, and looks for its name in what comes back.
void expect_refused(json::Object value, std::vector<std::string> path, json::Value with) {
  json::Value* at = nullptr;
  json::Object* object = &value;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) at = &(*object)[path[i]], object = &at->as_object();
  if (with.is_null()) object->erase(path.back());
  else (*object)[path.back()] = with;
  const auto got = parse_payment(encode_header(value));
  ASSERT_FALSE(got) << path.back();
  EXPECT_NE(got.error().text().find(path.back()), std::string::npos) << path.back() << ": " << got.error().text();
}

TEST(X402, ReadsWhatAClientSends) {
  const auto one = parse_payment(encode_header(exact()));
  ASSERT_TRUE(one) << one.error().text();
  EXPECT_EQ(one->network, "eip155:31337");
  EXPECT_EQ(one->amount, U256{10'000});
  const auto& a = std::get<Exact>(one->scheme).authorization;
  EXPECT_EQ(a.from, payer());
  EXPECT_EQ(a.valid_before, U256{2'000'000'000});
  const auto two = parse_payment(encode_header(channel("deposit")));
  ASSERT_TRUE(two) << two.error().text();
  const auto& c = std::get<Channel>(two->scheme);
  EXPECT_EQ(c.kind, Channel::Kind::kDeposit);
  EXPECT_EQ(c.total, U256{20'000});
  EXPECT_EQ(c.deposit->salt, U256{7});
  EXPECT_EQ(c.config.withdraw_delay, U256{900});
  EXPECT_EQ(std::get<Channel>(parse_payment(encode_header(channel("voucher")))->scheme).kind, Channel::Kind::kVoucher);
  EXPECT_EQ(std::get<Channel>(parse_payment(encode_header(channel("refund")))->scheme).kind, Channel::Kind::kRefund);
}

TEST(X402, NamesTheFieldThatIsWrong) {
  expect_refused(exact(), {"x402Version"}, 1);
  expect_refused(exact(), {"accepted"}, nullptr);
  expect_refused(exact(), {"accepted", "scheme"}, "gift");
  expect_refused(exact(), {"accepted", "asset"}, "0x12");
  expect_refused(exact(), {"payload", "signature"}, "0x1234");
  expect_refused(exact(), {"payload", "authorization", "value"}, "-1");
  expect_refused(exact(), {"payload", "authorization", "value"}, 10'000);
  expect_refused(exact(), {"payload", "authorization", "nonce"}, "0x22");
  expect_refused(exact(), {"payload", "authorization", "validBefore"}, json::Value(std::string(79, '9')));
  expect_refused(channel("voucher"), {"payload", "type"}, "gift");
  expect_refused(channel("voucher"), {"payload", "channelConfig", "salt"}, nullptr);
  expect_refused(channel("voucher"), {"payload", "channelConfig", "withdrawDelay"}, std::uint64_t{1} << 40);
  expect_refused(channel("voucher"), {"payload", "voucher", "maxClaimableAmount"}, "340282366920938463463374607431768211456");
  expect_refused(channel("deposit"), {"payload", "deposit"}, nullptr);
  expect_refused(channel("deposit"), {"payload", "deposit", "authorization"}, json::Object{{"permit2Authorization", json::Object{}}});
}

}  // namespace
}  // namespace peaberry::agents::x402
