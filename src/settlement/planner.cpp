#include "planner.hpp"

#include <fmt/core.h>

#include <cmath>

namespace peaberry::settlement {
namespace {

// Gas, as contracts/snapshots/settlement.json has it (rounded up; a product's price is the difference of its two direct claims), and the chain's own
// prices.
constexpr double kClaimDirect = 138'000, kGasPerMac = 114;
constexpr double kCodeGasPerByte = 200, kModelBytesMax = 24'575;  // weights as code (EIP-170)
constexpr double kInputGasPerByte = 16, kBlockGas = 15'000'000;
constexpr double kClaimQuorum = 160'000, kVoteGas = 47'000;       // the claim with its reveals; each commitment
constexpr double kClaimOwner = 107'000;
constexpr double kCommitWindow = 60, kBlockSeconds = 12;

Status in_range(double value, double low, double high, const char* field) {
  if (std::isfinite(value) && value >= low && value <= high) return {};
  return fail(Errc::kInvalid, fmt::format("{}: {} is not from {} to {}", field, value, low, high));
}

PlanOption direct(const PlanRequest& r) {
  PlanOption out{.mode = "direct"};
  out.gas = kClaimDirect + kGasPerMac * r.macs + kInputGasPerByte * r.input_bytes + (r.model_published ? 0 : kCodeGasPerByte * r.model_bytes);
  out.cost = out.gas * r.gas_price, out.latency = kBlockSeconds, out.trust = "the chain";
  if (r.private_input || r.private_model) out.possible = false, out.why = "what the chain runs everybody sees";
  else if (r.model_bytes > kModelBytesMax) out.possible = false, out.why = fmt::format("the model has {:.0f} bytes; {:.0f} fit into a contract's code", r.model_bytes, kModelBytesMax);
  else if (kGasPerMac * r.macs > kBlockGas) out.possible = false, out.why = fmt::format("{:.0f} multiply-accumulates are {:.0f} gas; half a block is {:.0f}", r.macs, kGasPerMac * r.macs, kBlockGas);
  else out.why = "the chain runs the model itself: nothing is left to believe";
  return out;
}

PlanOption quorum(const PlanRequest& r) {
  PlanOption out{.mode = "quorum"};
  out.gas = kClaimQuorum + kVoteGas * r.signers;
  out.cost = out.gas * r.gas_price + r.run_cost * r.signers, out.latency = kCommitWindow + 2 * kBlockSeconds;
  out.trust = fmt::format("{} of {} signers do not collude", r.signers - r.agree + 1, r.signers);
  const double at_stake = r.signer_bond * r.agree;
  if (r.private_model) out.possible = false, out.why = "signers would hold the weights";
  else if (at_stake < r.value) out.possible = false, out.why = fmt::format("{} signers would lose {:.2f} together by lying, and could gain {:.2f}", r.agree, at_stake, r.value);
  else out.why = fmt::format("{} signers who lie would lose {:.2f}, more than the {:.2f} that they could gain", r.agree, at_stake, r.value);
  if (r.private_input && out.possible) out.why += "; they must be hosts of the input";
  return out;
}

PlanOption owner_accept(const PlanRequest& r) {
  PlanOption out{.mode = "owner-accept"};
  out.gas = kClaimOwner, out.cost = out.gas * r.gas_price, out.latency = r.accept_window, out.trust = "the requester's own look";
  if (!r.requester_looks) out.possible = false, out.why = "nobody who can tell a wrong answer looks at it in time";
  else out.why = fmt::format("the requester has {:.0f} s to object; silence pays", r.accept_window);
  return out;
}

}  // namespace

Result<Plan> plan_evidence(const PlanRequest& r) {
  PB_CHECK(in_range(r.value, 0, 1e12, "value"));
  PB_CHECK(in_range(r.latency, 1, 1e9, "latency"));
  PB_CHECK(in_range(r.macs, 0, 1e18, "macs"));
  PB_CHECK(in_range(r.model_bytes, 0, 1e15, "modelBytes"));
  PB_CHECK(in_range(r.input_bytes, 0, 1e15, "inputBytes"));
  PB_CHECK(in_range(r.run_cost, 0, 1e9, "runCost"));
  PB_CHECK(in_range(r.gas_price, 0, 1, "gasPrice"));
  PB_CHECK(in_range(r.signer_bond, 0, 1e12, "signerBond"));
  PB_CHECK(in_range(r.accept_window, 1, 1e9, "acceptWindow"));
  if (r.signers == 0 || r.signers > 32) return fail(Errc::kInvalid, "signers: from 1 to 32");
  if (r.agree > r.signers || 2 * r.agree <= r.signers) return fail(Errc::kInvalid, "agree: a majority of the signers");
  Plan out;
  out.options = {direct(r), quorum(r), owner_accept(r)};
  for (PlanOption& option : out.options)
    if (option.possible && option.latency > r.latency) option.possible = false, option.why = fmt::format("it takes {:.0f} s; the answer may take {:.0f}", option.latency, r.latency);
  for (const PlanOption& option : out.options) {
    if (!option.possible) {
      out.reasons.push_back("not " + option.mode + ": " + option.why);
      continue;
    }
    // The first that will do, except that nobody pays more for evidence than it protects when the next is possible as well.
    const bool dear = option.mode != "owner-accept" && option.cost > r.value && out.options.back().possible;
    if (dear) {
      out.reasons.push_back(fmt::format("not {}: at {:.4f} it costs more than the {:.2f} at stake", option.mode, option.cost, r.value));
      continue;
    }
    out.chosen = option.mode;
    out.reasons.push_back(option.mode + ": " + option.why);
    break;
  }
  if (out.chosen.empty()) out.reasons.push_back(r.private_model || r.private_input ? "this needs evidence that shows nothing: a zero-knowledge proof or an enclave, which are not offered here yet"
                                                                                    : "this needs an optimistic claim or a proof, which are not offered here yet; or larger bonds, or more time");
  return out;
}

json::Object Plan::to_json() const {
  json::Array list, why;
  for (const PlanOption& option : options)
    list.push_back(json::Object{{"mode", option.mode}, {"possible", option.possible}, {"why", option.why}, {"gas", option.gas}, {"cost", option.cost}, {"latency", option.latency}, {"trust", option.trust}});
  for (const std::string& reason : reasons) why.push_back(json::Value(reason));
  return {{"chosen", chosen.empty() ? json::Value(nullptr) : json::Value(chosen)}, {"reasons", why}, {"options", list}};
}

std::string Plan::text() const {
  std::string out = chosen.empty() ? "none of these will do\n" : "chosen: " + chosen + "\n";
  for (const PlanOption& option : options)
    out += fmt::format("  {:<13} {:>10.0f} gas {:>12.4f} USD {:>7.0f} s  {}\n", option.mode, option.gas, option.cost, option.latency, (option.possible ? "" : "– ") + option.why);
  for (const std::string& reason : reasons) out += "  " + reason + "\n";
  out.pop_back();
  return out;
}

}  // namespace peaberry::settlement
