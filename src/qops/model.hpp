#pragma once

#include <peaberry/base/bytes.hpp>
#include <peaberry/base/result.hpp>
#include <span>
#include <variant>
#include <vector>

namespace peaberry::qops {

inline constexpr std::size_t kWidthMax = 4096, kLayersMax = 16;

/// y[o] = bias[o] + Σ weight[o][i] · x[i]; int8 → int32.
struct Dense {
  std::size_t inputs = 0;
  std::vector<std::int32_t> bias;   ///< one an output
  std::vector<std::int8_t> weight;  ///< row-major, outputs × inputs
  bool operator==(const Dense&) const = default;
};
/// y = saturate8((x · multiplier + 2^(shift-1)) >> shift), the shift arithmetic; int32 → int8.
struct Requantise {
  std::uint32_t multiplier = 0;  ///< < 2^31
  std::uint8_t shift = 1;        ///< 1…62
  bool operator==(const Requantise&) const = default;
};
/// y = max(x, 0)
struct Relu {
  bool operator==(const Relu&) const = default;
};
/// The index of the largest value, the lowest among equals; → one int32.
struct Argmax {
  bool operator==(const Argmax&) const = default;
};
/// x[feature] ≤ threshold ? at_most : above; → one int32.
struct Stump {
  std::uint16_t feature = 0;
  std::int32_t threshold = 0, at_most = 0, above = 0;
  bool operator==(const Stump&) const = default;
};
using Layer = std::variant<Dense, Requantise, Relu, Argmax, Stump>;

/// A quantised model: docs/reference/qops.md, version 1. Immutable once it was parsed or made, and then valid: no accumulator can leave
/// int32. Thread-safe.
class Model {
 public:
  /// Strict: what QOps.sol refuses is refused here, with the byte's position. Bounded by the input.
  static Result<Model> parse(ByteView bytes);
  /// kInvalid when the layers do not fit each other.
  static Result<Model> make(std::size_t inputs, std::vector<Layer> layers);

  Bytes encode() const;
  std::size_t inputs() const { return inputs_; }
  std::size_t outputs() const { return outputs_; }
  const std::vector<Layer>& layers() const { return layers_; }
  /// One int8 for each input. kInvalid: another number of them.
  Result<std::vector<std::int32_t>> run(std::span<const std::int8_t> input) const;
  bool operator==(const Model&) const = default;

 private:
  std::size_t inputs_ = 0, outputs_ = 0;
  std::vector<Layer> layers_;
};

/// The output as it is hashed: a 32-byte big-endian two's complement word for each value.
Bytes output_words(std::span<const std::int32_t> values);
/// Real numbers to int8 by one scale: round half up, saturate.
std::vector<std::int8_t> quantise(std::span<const double> values, double scale);

}  // namespace peaberry::qops
