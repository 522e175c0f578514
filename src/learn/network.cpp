#include "network.hpp"

#include <cmath>
#include <numeric>

namespace peaberry::learn {
namespace {

void softmax(float* z, std::size_t n) {
  float top = z[0], sum = 0;
  for (std::size_t i = 1; i < n; ++i) top = std::max(top, z[i]);
  for (std::size_t i = 0; i < n; ++i) sum += z[i] = std::exp(z[i] - top);
  for (std::size_t i = 0; i < n; ++i) z[i] /= sum;
}

void dense(const std::vector<float>& w, const std::vector<float>& b, const float* x, std::size_t inputs, float* out) {
  for (std::size_t o = 0; o < b.size(); ++o) {
    float sum = b[o];
    for (std::size_t i = 0; i < inputs; ++i) sum += w[o * inputs + i] * x[i];
    out[o] = sum;
  }
}

/// Adam (Kingma & Ba 2015) with decoupled weight decay.
class Adam {
 public:
  Adam(std::vector<float>& weights, double rate, double decay) : weights_(weights), m_(weights.size()), v_(weights.size()), rate_(rate), decay_(decay) {}
  void step(const std::vector<float>& gradient, int t) {
    const double correct1 = 1 - std::pow(0.9, t), correct2 = 1 - std::pow(0.999, t);
    const auto rate = static_cast<float>(rate_ * std::sqrt(correct2) / correct1), decay = static_cast<float>(rate_ * decay_);
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      m_[i] = 0.9F * m_[i] + 0.1F * gradient[i];
      v_[i] = 0.999F * v_[i] + 0.001F * gradient[i] * gradient[i];
      weights_[i] -= rate * m_[i] / (std::sqrt(v_[i]) + 1e-8F) + decay * weights_[i];
    }
  }

 private:
  std::vector<float>& weights_;
  std::vector<float> m_, v_;
  double rate_, decay_;
};

double loss(const Network& network, const Matrix& x, const std::vector<int>& y, const std::vector<float>& class_weight) {
  std::vector<float> p(network.classes);
  double sum = 0, weight = 0;
  for (std::size_t i = 0; i < x.rows; ++i) {
    network.predict(x.row(i), p.data());
    const float w = class_weight[static_cast<std::size_t>(y[i])];
    sum -= w * std::log(std::max(p[static_cast<std::size_t>(y[i])], 1e-12F));
    weight += w;
  }
  return sum / std::max(weight, 1e-12);
}

struct Gradients {
  std::vector<float> w1, b1, w2, b2;
};

}  // namespace

void Network::predict(const float* x, float* out) const {
  if (hidden == 0) {
    dense(w2, b2, x, inputs, out);
  } else {
    thread_local std::vector<float> h;
    h.resize(hidden);
    dense(w1, b1, x, inputs, h.data());
    for (float& value : h) value = std::max(value, 0.0F);
    dense(w2, b2, h.data(), hidden, out);
  }
  softmax(out, classes);
}

Trained train(const Matrix& x, const std::vector<int>& y, const Matrix& valid_x, const std::vector<int>& valid_y, std::size_t classes, const TrainOptions& options,
              Random& random, const std::function<void(const Epoch&)>& progress) {
  Network net;
  net.inputs = x.columns, net.hidden = options.hidden, net.classes = classes;
  const std::size_t top_inputs = net.hidden != 0 ? net.hidden : net.inputs;
  const auto init = [&](std::vector<float>& w, std::size_t outputs, std::size_t inputs) {
    w.resize(outputs * inputs);
    for (float& value : w) value = static_cast<float>(random.normal() * std::sqrt(2.0 / static_cast<double>(std::max<std::size_t>(inputs, 1))));
  };
  if (net.hidden != 0) {
    init(net.w1, net.hidden, net.inputs);
    net.b1.assign(net.hidden, 0);
    init(net.w2, classes, net.hidden);
  } else {
    net.w2.assign(classes * net.inputs, 0);
  }
  net.b2.assign(classes, 0);

  // Rare classes weigh more: each class has the same share of the loss.
  std::vector<float> class_weight(classes, 0);
  for (const int label : y) class_weight[static_cast<std::size_t>(label)] += 1;
  for (float& weight : class_weight) weight = weight > 0 ? static_cast<float>(y.size()) / (static_cast<float>(classes) * weight) : 0;

  Adam a1(net.w1, options.rate, options.weight_decay), a2(net.b1, options.rate, 0), a3(net.w2, options.rate, options.weight_decay), a4(net.b2, options.rate, 0);
  Gradients g{std::vector<float>(net.w1.size()), std::vector<float>(net.b1.size()), std::vector<float>(net.w2.size()), std::vector<float>(net.b2.size())};
  std::vector<std::size_t> order(x.rows);
  std::iota(order.begin(), order.end(), 0);
  std::vector<float> h(net.hidden), p(classes), dh(net.hidden);
  Trained out;
  out.valid_loss = INFINITY;
  int since_best = 0, t = 0;
  for (int epoch = 1; epoch <= options.epochs_max && since_best < options.patience; ++epoch) {
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    double train_loss = 0, train_weight = 0;
    for (std::size_t from = 0; from < x.rows; from += options.batch) {
      const std::size_t to = std::min(from + options.batch, x.rows);
      for (auto* part : {&g.w1, &g.b1, &g.w2, &g.b2}) std::fill(part->begin(), part->end(), 0.0F);
      for (std::size_t at = from; at < to; ++at) {
        const float* row = x.row(order[at]);
        const auto label = static_cast<std::size_t>(y[order[at]]);
        const float* top = row;
        if (net.hidden != 0) {
          dense(net.w1, net.b1, row, net.inputs, h.data());
          for (float& value : h) value = std::max(value, 0.0F);
          top = h.data();
        }
        dense(net.w2, net.b2, top, top_inputs, p.data());
        softmax(p.data(), classes);
        const float weight = class_weight[label];
        train_loss -= weight * std::log(std::max(p[label], 1e-12F));
        train_weight += weight;
        const float scale = weight / static_cast<float>(to - from);
        std::fill(dh.begin(), dh.end(), 0.0F);
        for (std::size_t o = 0; o < classes; ++o) {
          const float d = (p[o] - (o == label ? 1.0F : 0.0F)) * scale;
          g.b2[o] += d;
          for (std::size_t i = 0; i < top_inputs; ++i) g.w2[o * top_inputs + i] += d * top[i];
          for (std::size_t i = 0; i < net.hidden; ++i) dh[i] += d * net.w2[o * top_inputs + i];
        }
        for (std::size_t k = 0; k < net.hidden; ++k) {
          if (h[k] <= 0) continue;
          g.b1[k] += dh[k];
          for (std::size_t i = 0; i < net.inputs; ++i) g.w1[k * net.inputs + i] += dh[k] * row[i];
        }
      }
      ++t;
      a1.step(g.w1, t);
      a2.step(g.b1, t);
      a3.step(g.w2, t);
      a4.step(g.b2, t);
    }
    const Epoch entry{epoch, train_loss / std::max(train_weight, 1e-12), loss(net, valid_x, valid_y, class_weight)};
    out.curve.push_back(entry);
    if (progress) progress(entry);
    ++since_best;
    if (entry.valid_loss < out.valid_loss - 1e-5) {
      out.valid_loss = entry.valid_loss;
      out.network = net;
      since_best = 0;
    }
  }
  return out;
}

}  // namespace peaberry::learn
