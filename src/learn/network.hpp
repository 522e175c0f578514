#pragma once

#include <functional>
#include <peaberry/base/random.hpp>

#include "features.hpp"

namespace peaberry::learn {

/// Softmax classifier: logistic regression (hidden = 0) or a network with one ReLU layer. Weights are row-major
/// [outputs × inputs].
struct Network {
  std::size_t inputs = 0, hidden = 0, classes = 0;
  std::vector<float> w1, b1, w2, b2;  ///< without a hidden layer only w2 and b2 are used
  /// Class probabilities of one encoded row.
  void predict(const float* x, float* out) const;
};

struct TrainOptions {
  std::size_t hidden = 0;
  int epochs_max = 60;
  int patience = 6;           ///< epochs without a better validation loss
  std::size_t batch = 256;
  double rate = 0.01;
  double weight_decay = 1e-4;
};

struct Epoch {
  int number;
  double train_loss, valid_loss;
};

struct Trained {
  Network network;
  std::vector<Epoch> curve;
  double valid_loss = 0;
};

/// Adam on class-weighted cross entropy; keeps the weights of the best validation loss. One thread and one stream of
/// `random`: the same seed gives the same bytes.
Trained train(const Matrix& x, const std::vector<int>& y, const Matrix& valid_x, const std::vector<int>& valid_y, std::size_t classes, const TrainOptions& options,
              Random& random, const std::function<void(const Epoch&)>& progress);

}  // namespace peaberry::learn
