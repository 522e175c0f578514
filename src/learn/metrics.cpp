#include "metrics.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "network.hpp"

namespace peaberry::learn {
namespace {

struct Sample {
  double accuracy, balanced, auc, log_loss;
};

double macro_auc(const std::vector<float>& p, const std::vector<int>& truth, std::size_t classes, const std::vector<std::size_t>& rows) {
  double sum = 0;
  const std::size_t first = classes == 2 ? 1 : 0;
  for (std::size_t c = first; c < classes; ++c) {
    std::vector<double> scores;
    std::vector<bool> positive;
    for (const std::size_t row : rows) {
      scores.push_back(p[row * classes + c]);
      positive.push_back(static_cast<std::size_t>(truth[row]) == c);
    }
    sum += auc_of(scores, positive);
  }
  return sum / static_cast<double>(classes - first);
}

std::size_t argmax(const float* p, std::size_t n) { return static_cast<std::size_t>(std::max_element(p, p + n) - p); }

Sample measure(const std::vector<float>& p, const std::vector<int>& truth, std::size_t classes, const std::vector<std::size_t>& rows) {
  std::vector<double> hits(classes), counts(classes);
  double right = 0, loss = 0;
  for (const std::size_t row : rows) {
    const auto label = static_cast<std::size_t>(truth[row]);
    const bool hit = argmax(p.data() + row * classes, classes) == label;
    right += hit ? 1 : 0;
    hits[label] += hit ? 1 : 0;
    counts[label] += 1;
    loss -= std::log(std::max<double>(p[row * classes + label], 1e-12));
  }
  double balanced = 0, present = 0;
  for (std::size_t c = 0; c < classes; ++c)
    if (counts[c] > 0) balanced += hits[c] / counts[c], present += 1;
  const auto n = static_cast<double>(std::max<std::size_t>(rows.size(), 1));
  return {right / n, balanced / std::max(present, 1.0), macro_auc(p, truth, classes, rows), loss / n};
}

Interval interval(double value, std::vector<double> draws) {
  std::sort(draws.begin(), draws.end());
  if (draws.empty()) return {value, value, value};
  const auto at = [&](double q) { return draws[static_cast<std::size_t>(q * static_cast<double>(draws.size() - 1))]; };
  return {value, at(0.025), at(0.975)};
}

struct Axes {
  double x0 = 60, y0 = 320, width = 360, height = 280;
};

std::string frame(const std::string& title, const std::string& x_label, const std::string& y_label, const std::string& body) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 460 380\" font-family=\"sans-serif\" font-size=\"13\">"
      "<rect width=\"460\" height=\"380\" fill=\"#fff\"/><text x=\"230\" y=\"22\" text-anchor=\"middle\" font-size=\"15\">{}</text>"
      "<path d=\"M60 40V320H420\" fill=\"none\" stroke=\"#555\"/><text x=\"240\" y=\"362\" text-anchor=\"middle\">{}</text>"
      "<text x=\"18\" y=\"180\" text-anchor=\"middle\" transform=\"rotate(-90 18 180)\">{}</text>{}</svg>\n",
      title, x_label, y_label, body);
}

}  // namespace

json::Object Interval::to_json() const { return {{"value", value}, {"low95", low}, {"high95", high}}; }

double auc_of(const std::vector<double>& scores, const std::vector<bool>& positive) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  double rank_sum = 0, positives = 0;
  for (std::size_t i = 0; i < order.size();) {
    std::size_t j = i;
    while (j < order.size() && scores[order[j]] == scores[order[i]]) ++j;
    const double rank = static_cast<double>(i + j + 1) / 2;  // the mean rank of the tie
    for (; i < j; ++i)
      if (positive[order[i]]) rank_sum += rank, positives += 1;
  }
  const double negatives = static_cast<double>(scores.size()) - positives;
  if (positives == 0 || negatives == 0) return 0.5;
  return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives);
}

Metrics evaluate(const std::vector<float>& p, const std::vector<int>& truth, std::size_t classes, Random& random, int bootstraps) {
  Metrics out;
  std::vector<std::size_t> rows(truth.size());
  std::iota(rows.begin(), rows.end(), 0);
  const Sample all = measure(p, truth, classes, rows);
  std::vector<double> accuracy, balanced, auc, loss;
  for (int b = 0; b < bootstraps && !truth.empty(); ++b) {
    std::vector<std::size_t> draw(truth.size());
    for (auto& row : draw) row = random.below(truth.size());
    const Sample s = measure(p, truth, classes, draw);
    accuracy.push_back(s.accuracy), balanced.push_back(s.balanced), auc.push_back(s.auc), loss.push_back(s.log_loss);
  }
  out.accuracy = interval(all.accuracy, accuracy);
  out.balanced_accuracy = interval(all.balanced, balanced);
  out.auc = interval(all.auc, auc);
  out.log_loss = interval(all.log_loss, loss);
  out.confusion.assign(classes, std::vector<std::uint64_t>(classes));
  for (std::size_t i = 0; i < truth.size(); ++i) ++out.confusion[static_cast<std::size_t>(truth[i])][argmax(p.data() + i * classes, classes)];
  // 101 points are a smooth curve and say nothing about single rows.
  const std::size_t first = classes == 2 ? 1 : 0;
  for (int step = 0; step <= 100; ++step) {
    double fpr = 0, tpr = 0;
    const double threshold = 1 - step / 100.0;
    for (std::size_t c = first; c < classes; ++c) {
      double tp = 0, fp = 0, pos = 0, neg = 0;
      for (std::size_t i = 0; i < truth.size(); ++i) {
        const bool positive = static_cast<std::size_t>(truth[i]) == c, said = p[i * classes + c] >= threshold;
        (positive ? pos : neg) += 1;
        if (said) (positive ? tp : fp) += 1;
      }
      fpr += neg > 0 ? fp / neg : 0;
      tpr += pos > 0 ? tp / pos : 0;
    }
    out.roc.push_back({fpr / static_cast<double>(classes - first), tpr / static_cast<double>(classes - first)});
  }
  return out;
}

std::string roc_svg(const Metrics& metrics) {
  const Axes a;
  std::string points = "60,320";
  for (const auto& point : metrics.roc) points += fmt::format(" {:.1f},{:.1f}", a.x0 + point.false_positive_rate * a.width, a.y0 - point.true_positive_rate * a.height);
  return frame(fmt::format("ROC, AUC {:.3f} [{:.3f}, {:.3f}]", metrics.auc.value, metrics.auc.low, metrics.auc.high), "false positive rate", "true positive rate",
               "<path d=\"M60 320L420 40\" stroke=\"#bbb\" stroke-dasharray=\"4\"/><polyline fill=\"none\" stroke=\"#8a4b2a\" stroke-width=\"2\" points=\"" + points + "\"/>");
}

std::string curve_svg(const std::vector<Epoch>& curve) {
  const Axes a;
  double low = INFINITY, high = -INFINITY;
  for (const auto& epoch : curve) low = std::min({low, epoch.train_loss, epoch.valid_loss}), high = std::max({high, epoch.train_loss, epoch.valid_loss});
  if (!(high > low)) high = low + 1;
  std::string train_points, valid_points;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const double x = a.x0 + a.width * (curve.size() > 1 ? static_cast<double>(i) / static_cast<double>(curve.size() - 1) : 0.5);
    train_points += fmt::format("{:.1f},{:.1f} ", x, a.y0 - (curve[i].train_loss - low) / (high - low) * a.height);
    valid_points += fmt::format("{:.1f},{:.1f} ", x, a.y0 - (curve[i].valid_loss - low) / (high - low) * a.height);
  }
  return frame("Learning curve", fmt::format("epoch (of {})", curve.size()), fmt::format("loss {:.3f} to {:.3f}", low, high),
               "<polyline fill=\"none\" stroke=\"#8a4b2a\" stroke-width=\"2\" points=\"" + train_points + "\"/><polyline fill=\"none\" stroke=\"#2a6f8a\" stroke-width=\"2\" points=\"" +
                   valid_points + "\"/><text x=\"330\" y=\"60\" fill=\"#8a4b2a\">training</text><text x=\"330\" y=\"78\" fill=\"#2a6f8a\">validation</text>");
}

}  // namespace peaberry::learn
