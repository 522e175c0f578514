#include "contest.hpp"

#include <algorithm>

#include "metrics.hpp"

namespace peaberry::learn {
namespace {

std::uint32_t equal_share_bps(const Answers& a, const Answers& b, std::uint16_t tolerance) {
  std::uint64_t equal = 0;
  for (std::size_t row = 0; row < a.size(); ++row) equal += (a[row] > b[row] ? a[row] - b[row] : b[row] - a[row]) <= tolerance ? 1U : 0U;
  return static_cast<std::uint32_t>(equal * 10'000 / a.size());
}

}  // namespace

Result<std::vector<Judgement>> judge_contest(const std::vector<bool>& labels, const std::vector<Answers>& models, const ContestRules& rules) {
  if (labels.size() < rules.rows_min) return fail(Errc::kInvalid, "hold-out: " + std::to_string(labels.size()) + " rows tell nobody apart; " + std::to_string(rules.rows_min) + " are needed");
  const auto positives = static_cast<std::size_t>(std::count(labels.begin(), labels.end(), true));
  if (positives == 0 || positives == labels.size()) return fail(Errc::kInvalid, "hold-out: one class only");
  std::vector<Judgement> out(models.size());
  for (std::size_t m = 0; m < models.size(); ++m) {
    if (models[m].empty()) continue;
    if (models[m].size() != labels.size()) return fail(Errc::kInvalid, "model " + std::to_string(m) + " answers " + std::to_string(models[m].size()) + " rows of " + std::to_string(labels.size()));
    Judgement& judgement = out[m];
    judgement.auc = auc_of(std::vector<double>(models[m].begin(), models[m].end()), labels);
    for (std::size_t earlier = 0; earlier < m; ++earlier) {
      if (models[earlier].empty()) continue;
      const std::uint32_t share = equal_share_bps(models[earlier], models[m], rules.tolerance);
      judgement.nearest_bps = std::max(judgement.nearest_bps, share);
      if (share > rules.copy_share_bps && !judgement.copy_of) judgement.copy_of = earlier;
    }
    if (!judgement.copy_of) judgement.weight = static_cast<std::uint16_t>(std::clamp(2 * judgement.auc - 1, 0.0, 1.0) * 65'535);
  }
  return out;
}

}  // namespace peaberry::learn
