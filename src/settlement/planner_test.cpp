#include "planner.hpp"

#include <gtest/gtest.h>

namespace peaberry::settlement {
namespace {

PlanRequest small() {
  PlanRequest out;
  out.value = 100, out.latency = 600, out.macs = 1'000, out.model_bytes = 1'100, out.input_bytes = 30, out.run_cost = 1e-6, out.gas_price = 3e-8, out.signer_bond = 200, out.accept_window = 300;
  return out;
}
const PlanOption& option(const Plan& plan, const std::string& mode) {
  for (const PlanOption& one : plan.options)
    if (one.mode == mode) return one;
  throw std::runtime_error(mode);
}

TEST(Planner, TheChainRunsWhatIsSmallEnough) {
  const auto plan = plan_evidence(small());
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->chosen, "direct");
  EXPECT_NEAR(option(*plan, "direct").gas, 138'000 + 114'000 + 480 + 220'000, 1);
  auto published = small();
  published.model_published = true;
  EXPECT_NEAR(option(*plan_evidence(published), "direct").gas, 138'000 + 114'000 + 480, 1);
}

TEST(Planner, AQuorumShowsWhatIsLargerIfItsBondsCoverTheValue) {
  auto request = small();
  request.macs = 1e9, request.model_bytes = 1e6;
  auto plan = plan_evidence(request);
  EXPECT_EQ(plan->chosen, "quorum");
  EXPECT_NEAR(option(*plan, "quorum").cost, (160'000 + 3 * 47'000) * 3e-8 + 3e-6, 1e-9);
  request.signer_bond = 49;  // two of them lose 98
  plan = plan_evidence(request);
  EXPECT_EQ(plan->chosen, "owner-accept");
  EXPECT_NE(plan->reasons[1].find("98.00"), std::string::npos) << plan->reasons[1];
  request.requester_looks = false;
  plan = plan_evidence(request);
  EXPECT_EQ(plan->chosen, "");
  EXPECT_NE(plan->text().find("none of these"), std::string::npos);
  EXPECT_TRUE(plan->to_json().at("chosen").is_null());
}

TEST(Planner, SecretsRuleThingsOut) {
  auto request = small();
  request.private_input = true;
  auto plan = plan_evidence(request);
  EXPECT_EQ(plan->chosen, "quorum") << "hosts may hold the input, the chain may not";
  request.private_model = true, request.requester_looks = false;
  plan = plan_evidence(request);
  EXPECT_EQ(plan->chosen, "");
  EXPECT_NE(plan->reasons.back().find("zero-knowledge"), std::string::npos);
}

TEST(Planner, NobodyPaysMoreThanIsAtStake) {
  auto request = small();
  request.gas_price = 6e-5, request.value = 1;  // a main net at 20 gwei, and a dollar
  EXPECT_EQ(plan_evidence(request)->chosen, "owner-accept");
  request.latency = 100;  // no time to object
  EXPECT_EQ(plan_evidence(request)->chosen, "direct") << "the dear one is all there is";
}

TEST(Planner, NamesTheFieldThatIsWrong) {
  auto request = small();
  request.value = -1;
  EXPECT_NE(plan_evidence(request).error().text().find("value"), std::string::npos);
  request = small(), request.gas_price = 2;
  EXPECT_NE(plan_evidence(request).error().text().find("gasPrice"), std::string::npos);
  request = small(), request.agree = 1;
  EXPECT_NE(plan_evidence(request).error().text().find("majority"), std::string::npos);
  request = small(), request.macs = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(plan_evidence(request));
}

}  // namespace
}  // namespace peaberry::settlement
