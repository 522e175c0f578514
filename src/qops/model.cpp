#include "model.hpp"

#include <algorithm>
#include <cmath>

namespace peaberry::qops {
namespace {

Error malformed(std::size_t at) { return fail(Errc::kInvalid, "model: malformed at byte " + std::to_string(at)); }

/// Big-endian numbers from bytes whose length was checked.
class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}
  std::size_t left(std::size_t at) const { return bytes_.size() - at; }
  std::uint32_t u16(std::size_t at) const { return std::uint32_t{bytes_[at]} << 8 | bytes_[at + 1]; }
  std::uint32_t u32(std::size_t at) const { return u16(at) << 16 | u16(at + 2); }
  std::int32_t i32(std::size_t at) const { return static_cast<std::int32_t>(u32(at)); }

 private:
  ByteView bytes_;
};

void put(Bytes& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}
void put(Bytes& out, std::int32_t value) { put(out, static_cast<std::uint32_t>(value), 4); }

/// Whether output `o` stays within int32 whatever the inputs are.
bool stays_narrow(const Dense& dense, std::size_t o) {
  std::int64_t bound = std::abs(static_cast<std::int64_t>(dense.bias[o]));
  for (std::size_t i = 0; i < dense.inputs; ++i) bound += 128 * std::abs(std::int64_t{dense.weight[o * dense.inputs + i]});
  return bound < std::int64_t{1} << 31;
}

/// What flows between layers: how many values, and whether they are int8.
struct Flow {
  std::size_t width = 0;
  bool narrow = true;
};

struct Run {
  std::vector<std::int32_t> x;

  void operator()(const Dense& dense) {
    // Values are int8 here; narrow them so that the sum runs over bytes.
    const std::vector<std::int8_t> in(x.begin(), x.end());
    x.assign(dense.bias.begin(), dense.bias.end());
    for (std::size_t o = 0; o < x.size(); ++o) {
      const std::int8_t* weight = dense.weight.data() + o * dense.inputs;
      std::int32_t sum = 0;
      for (std::size_t i = 0; i < in.size(); ++i) sum += std::int32_t{weight[i]} * in[i];
      x[o] += sum;
    }
  }
  void operator()(const Requantise& op) {
    const std::int64_t half = std::int64_t{1} << (op.shift - 1);
    for (std::int32_t& value : x) value = static_cast<std::int32_t>(std::clamp<std::int64_t>((std::int64_t{value} * op.multiplier + half) >> op.shift, -128, 127));
  }
  void operator()(const Relu&) {
    for (std::int32_t& value : x) value = std::max(value, 0);
  }
  void operator()(const Argmax&) { x = {static_cast<std::int32_t>(std::max_element(x.begin(), x.end()) - x.begin())}; }
  void operator()(const Stump& op) { x = {x[op.feature] <= op.threshold ? op.at_most : op.above}; }
};

}  // namespace

Result<Model> Model::parse(ByteView bytes) {
  if (bytes.size() < 4 || bytes[0] != 1) return malformed(0);
  const Reader in(bytes);
  const std::size_t count = bytes[1], inputs = in.u16(2);
  if (count == 0 || count > kLayersMax) return malformed(1);
  if (inputs == 0 || inputs > kWidthMax) return malformed(2);
  Flow flow{inputs, true};
  std::vector<Layer> layers;
  std::size_t p = 4;
  for (std::size_t n = 0; n < count; ++n) {
    if (p >= bytes.size()) return malformed(p);
    switch (bytes[p]) {
      case 1: {
        if (!flow.narrow || in.left(p) < 3) return malformed(p);
        const std::size_t outputs = in.u16(p + 1), stride = 4 + flow.width;
        if (outputs == 0 || outputs > kWidthMax || in.left(p) < 3 + outputs * stride) return malformed(p);
        Dense dense{flow.width, {}, {}};
        dense.bias.reserve(outputs), dense.weight.reserve(outputs * flow.width);
        p += 3;
        for (std::size_t o = 0; o < outputs; ++o, p += stride) {
          dense.bias.push_back(in.i32(p));
          for (std::size_t i = 0; i < flow.width; ++i) dense.weight.push_back(static_cast<std::int8_t>(bytes[p + 4 + i]));
          if (!stays_narrow(dense, o)) return fail(Errc::kInvalid, "model: an accumulator could leave int32 at byte " + std::to_string(p));
        }
        flow = {outputs, false};
        layers.emplace_back(std::move(dense));
        break;
      }
      case 2: {
        if (flow.narrow || in.left(p) < 6) return malformed(p);
        const Requantise op{in.u32(p + 1), bytes[p + 5]};
        if (op.multiplier >> 31 != 0 || op.shift == 0 || op.shift > 62) return malformed(p);
        layers.emplace_back(op);
        flow.narrow = true, p += 6;
        break;
      }
      case 3: layers.emplace_back(Relu{}), p += 1; break;
      case 4: layers.emplace_back(Argmax{}), flow = {1, false}, p += 1; break;
      case 5: {
        if (in.left(p) < 15 || in.u16(p + 1) >= flow.width) return malformed(p);
        layers.emplace_back(Stump{static_cast<std::uint16_t>(in.u16(p + 1)), in.i32(p + 3), in.i32(p + 7), in.i32(p + 11)});
        flow = {1, false}, p += 15;
        break;
      }
      default: return malformed(p);
    }
  }
  if (p != bytes.size()) return malformed(p);
  Model out;
  out.inputs_ = inputs, out.outputs_ = flow.width, out.layers_ = std::move(layers);
  return out;
}

Result<Model> Model::make(std::size_t inputs, std::vector<Layer> layers) {
  // Sizes that the encoding cannot say; everything else is parse's to judge.
  if (inputs > kWidthMax) return fail(Errc::kInvalid, "inputs: at most " + std::to_string(kWidthMax));
  if (layers.size() > kLayersMax) return fail(Errc::kInvalid, "layers: at most " + std::to_string(kLayersMax));
  for (const Layer& layer : layers)
    if (const auto* dense = std::get_if<Dense>(&layer); dense != nullptr && (dense->bias.size() > kWidthMax || dense->weight.size() != dense->bias.size() * dense->inputs)) return fail(Errc::kInvalid, "dense: weights are not outputs × inputs");
  Model draft;
  draft.inputs_ = inputs, draft.layers_ = std::move(layers);
  PB_TRY(parsed, parse(draft.encode()));
  if (parsed.layers_ != draft.layers_) return fail(Errc::kInvalid, "a dense layer has other inputs than the layer before gives");
  return parsed;
}

Bytes Model::encode() const {
  Bytes out{1, static_cast<std::uint8_t>(layers_.size())};
  put(out, inputs_, 2);
  for (const Layer& layer : layers_) {
    out.push_back(static_cast<std::uint8_t>(layer.index() + 1));
    if (const auto* dense = std::get_if<Dense>(&layer)) {
      put(out, dense->bias.size(), 2);
      for (std::size_t o = 0; o < dense->bias.size(); ++o) {
        put(out, dense->bias[o]);
        for (std::size_t i = 0; i < dense->inputs; ++i) out.push_back(static_cast<std::uint8_t>(dense->weight[o * dense->inputs + i]));
      }
    } else if (const auto* op = std::get_if<Requantise>(&layer)) {
      put(out, op->multiplier, 4), out.push_back(op->shift);
    } else if (const auto* stump = std::get_if<Stump>(&layer)) {
      put(out, stump->feature, 2), put(out, stump->threshold), put(out, stump->at_most), put(out, stump->above);
    }
  }
  return out;
}

Result<std::vector<std::int32_t>> Model::run(std::span<const std::int8_t> input) const {
  if (input.size() != inputs_) return fail(Errc::kInvalid, "input: " + std::to_string(input.size()) + " values, the model takes " + std::to_string(inputs_));
  Run state{{input.begin(), input.end()}};
  for (const Layer& layer : layers_) std::visit(state, layer);
  return std::move(state.x);
}

Bytes output_words(std::span<const std::int32_t> values) {
  Bytes out;
  out.reserve(32 * values.size());
  for (const std::int32_t value : values) {
    out.insert(out.end(), 28, value < 0 ? 0xff : 0x00);
    put(out, value);
  }
  return out;
}

std::vector<std::int8_t> quantise(std::span<const double> values, double scale) {
  std::vector<std::int8_t> out;
  out.reserve(values.size());
  for (const double value : values) {
    const double scaled = std::floor(value / scale + 0.5);
    out.push_back(static_cast<std::int8_t>(std::isnan(scaled) ? 0 : std::clamp(scaled, -128.0, 127.0)));
  }
  return out;
}

}  // namespace peaberry::qops
