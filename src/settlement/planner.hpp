#pragma once

#include <peaberry/base/json.hpp>
#include <string>
#include <vector>

namespace peaberry::settlement {

/// What somebody wants shown, and what the world costs. Money in US dollars, times in seconds.
struct PlanRequest {
  double value = 0;             ///< what a wrong answer would cost
  double latency = 3'600;       ///< how long the answer may take to be payable
  bool private_input = false;   ///< only hosts may hold the input
  bool private_model = false;   ///< nobody may hold the weights
  double macs = 0;              ///< multiply-accumulates of one run
  double model_bytes = 0, input_bytes = 0;
  bool model_published = false; ///< the weights lie on chain already
  double run_cost = 0;          ///< of one native run
  double gas_price = 0;         ///< dollars a gas unit
  unsigned signers = 3, agree = 2;
  double signer_bond = 0;       ///< what one signer would lose by a wrong vote
  double accept_window = 3'600; ///< in which the requester objects
  bool requester_looks = true;  ///< somebody who can tell a wrong answer will look at it in time
};

/// One way to show a result, priced.
struct PlanOption {
  std::string mode;             ///< direct, quorum, owner-accept
  bool possible = true;
  std::string why;              ///< in words: what speaks for or against it
  double gas = 0, cost = 0;     ///< of one job, evidence only
  double latency = 0;
  std::string trust;            ///< on whom it rests
};
struct Plan {
  std::string chosen;           ///< empty: none of these will do
  std::vector<std::string> reasons;
  std::vector<PlanOption> options;
  json::Object to_json() const;
  std::string text() const;
};

/// Chooses evidence by cost and risk: the chain itself where the model is small enough; else a quorum where its bonds cover the value; else
/// the requester's own look. Zero-knowledge, optimistic and enclave evidence are named where they would be needed, not offered.
/// kInvalid names the field that is out of range.
Result<Plan> plan_evidence(const PlanRequest& request);

}  // namespace peaberry::settlement
