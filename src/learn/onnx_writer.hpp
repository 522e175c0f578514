#pragma once

#include "network.hpp"

namespace peaberry::learn {

/// An ONNX model (opset 13) that takes the raw features `float X[N, columns]` (NaN: missing number; category index, -1:
/// missing or other) and gives `float probabilities[N, classes]`: imputing, scaling and one-hot are in the graph. The
/// columns and class names are in metadata_props["peaberry.schema"].
Bytes write_onnx(const FeatureEncoder& encoder, const Network& network, const std::vector<std::string>& class_names);

}  // namespace peaberry::learn
