#pragma once

#include <cstdint>
#include <optional>
#include <peaberry/base/result.hpp>
#include <vector>

namespace peaberry::learn {

/// How a contest of models is judged. Stated before it begins: validators with the same rules and bytes come to the same weights.
struct ContestRules {
  std::uint16_t tolerance = 983;     ///< of 65535 (1.5 %): answers so close are the same answer
  std::uint32_t copy_share_bps = 8'000;  ///< a later model whose answers are another's beyond this share of the rows is its copy
  std::uint32_t rows_min = 100;      ///< fewer rows tell nobody apart
};

/// What one model answers on the hold-out rows: its probability of the positive class, × 65535, a row each.
using Answers = std::vector<std::uint16_t>;

struct Judgement {
  std::uint16_t weight = 0;           ///< (2 AUC - 1) × 65535, 0 below chance: as set_weights takes it
  double auc = 0.5;
  std::optional<std::size_t> copy_of; ///< the earliest model that it repeats
  std::uint32_t nearest_bps = 0;      ///< largest share of equal answers with an earlier model
};

/// Judges models in the order of their commitments (the chain's). Who repeats an earlier one gets weight 0, whether it copied bytes or touched
/// them up; the earlier one is not touched. An empty list of answers is a model that was not revealed: weight 0.
/// kInvalid: other rows than labels, too few, or one class only.
Result<std::vector<Judgement>> judge_contest(const std::vector<bool>& labels, const std::vector<Answers>& models, const ContestRules& rules = {});

}  // namespace peaberry::learn
