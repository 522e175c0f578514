// Source: docs/reference/proof-protocol.md, §2 and §5.

#include "views.hpp"

namespace peaberry::proof {
namespace {

/// What one axis does to a column's dimension: rows (one for each value of the axis' own x variables) of places and weights.
struct AxisMap {
  std::vector<std::uint8_t> variables;  ///< x_j in the order of the row's bits
  struct Entry {
    std::uint32_t place;
    Fr weight;
  };
  std::vector<std::vector<Entry>> rows;
};

AxisMap axis_map(const Plan::Axis& axis, std::span<const Fr> r) {
  AxisMap out;
  const auto variable = [&](unsigned j) { out.variables.push_back(static_cast<std::uint8_t>(j)); };
  switch (axis.kind) {
    case Plan::AxisKind::kCoord: {
      for (const std::uint8_t code : axis.args)
        if (code < Plan::kFromR) variable(code);
      // Places and weights of what is not x: an outer product over its bits.
      std::vector<AxisMap::Entry> fixed = {{0, Fr::one()}};
      std::vector<unsigned> x_bits;
      for (unsigned i = 0; i < axis.len; ++i) {
        const std::uint8_t code = axis.args[i];
        const std::uint32_t bit = std::uint32_t{1} << i;
        if (code < Plan::kFromR) {
          x_bits.push_back(i);
        } else if (code == Plan::kOne) {
          for (auto& entry : fixed) entry.place |= bit;
        } else if (code != Plan::kZero) {
          const std::size_t size = fixed.size();
          for (std::size_t k = 0; k < size; ++k) {
            const Fr high = fixed[k].weight * r[code - Plan::kFromR];
            fixed.push_back({fixed[k].place | bit, high});
            fixed[k].weight -= high;
          }
        }
      }
      for (std::size_t row = 0; row < std::size_t{1} << x_bits.size(); ++row) {
        std::uint32_t place = 0;
        for (std::size_t b = 0; b < x_bits.size(); ++b)
          if (row >> b & 1) place |= std::uint32_t{1} << x_bits[b];
        auto& entries = out.rows.emplace_back(fixed);
        for (auto& entry : entries) entry.place |= place;
      }
      return out;
    }
    case Plan::AxisKind::kNext:
      for (unsigned i = 0; i < axis.len; ++i) variable(axis.args[0] + i);
      out.rows.resize(std::size_t{1} << axis.len);
      for (std::uint32_t row = 0; row + 1 < out.rows.size(); ++row) out.rows[row].push_back({row + 1, Fr::one()});
      return out;
    case Plan::AxisKind::kWindow: {
      const auto& w = axis.args;
      const auto run_of = [&](std::uint8_t bits, std::uint8_t first) {
        // For each row of x variables: weights of the values; one row when the run is of r.
        std::vector<std::vector<Fr>> rows;
        if (first < Plan::kFromR || bits == 0) {
          for (unsigned i = 0; i < bits; ++i) variable(first + i);
          for (std::size_t value = 0; value < std::size_t{1} << bits; ++value) {
            auto& row = rows.emplace_back(std::size_t{1} << bits);
            row[value] = Fr::one();
          }
        } else {
          const auto table = eq_table<Fr>(r.subspan(first - Plan::kFromR, bits));
          rows.push_back(table);
        }
        return rows;
      };
      const auto outs = run_of(w[0], w[1]), kernels_of = run_of(w[2], w[3]);
      for (const auto& kernel : kernels_of)
        for (const auto& output : outs) {  // the output's bits are the lower ones
          auto& entries = out.rows.emplace_back();
          for (int a = 0; a < w[4]; ++a)
            for (int b = 0; b < w[5]; ++b) {
              const int place = a * w[6] + b - w[7];
              if (place < 0 || place >> axis.len) continue;
              const Fr weight = output[a] * kernel[b];
              if (!weight.is_zero()) entries.push_back({static_cast<std::uint32_t>(place), weight});
            }
        }
      return out;
    }
  }
  return out;
}

}  // namespace

bool is_plain(const Plan::Operand& operand) {
  unsigned next = 0;
  for (const auto& axis : operand.axes) {
    if (axis.kind != Plan::AxisKind::kCoord) return false;
    for (const std::uint8_t code : axis.args)
      if (code != next++) return false;
  }
  return true;
}

Table view_table(const Plan::Operand& operand, std::span<const Fr> column, std::span<const Fr> r) {
  Table tensor(column.begin(), column.end());
  std::vector<std::uint8_t> variables;  // of the tensor's bits that are done
  std::size_t inner = 1;                // product of the dimensions before
  for (const auto& axis : operand.axes) {
    const AxisMap map = axis_map(axis, r);
    const std::size_t old_size = std::size_t{1} << axis.len, new_size = map.rows.size(), outer = tensor.size() / inner / old_size;
    bool identity = new_size == old_size;
    for (std::size_t row = 0; row < new_size && identity; ++row)
      identity = map.rows[row].size() == 1 && map.rows[row][0].place == row && map.rows[row][0].weight == Fr::one();
    if (!identity) {
      Table next(inner * new_size * outer);
      for (std::size_t o = 0; o < outer; ++o)
        for (std::size_t row = 0; row < new_size; ++row)
          for (const auto& [place, weight] : map.rows[row])
            kernels().mac(&next[(o * new_size + row) * inner], &tensor[(o * old_size + place) * inner], weight, inner);
      tensor = std::move(next);
    }
    variables.insert(variables.end(), map.variables.begin(), map.variables.end());
    inner *= new_size;
  }
  bool in_order = variables.size() == operand.variables();
  for (std::size_t i = 0; i < variables.size(); ++i) in_order = in_order && variables[i] == i;
  if (in_order) return tensor;
  Table out(std::size_t{1} << operand.variables());
  for (std::size_t x = 0; x < out.size(); ++x) {
    std::size_t place = 0;
    for (std::size_t i = 0; i < variables.size(); ++i) place |= (x >> variables[i] & 1) << i;
    out[x] = tensor[place];
  }
  return out;
}

Table eq_expansion(std::span<const Fr> x, const Fr& scale) {
  Table out(std::size_t{1} << x.size());
  out[0] = scale;
  for (std::size_t i = 0, half = 1; i < x.size(); ++i, half *= 2) {
    kernels().scale(&out[half], &out[0], x[i], half);
    kernels().sub(&out[0], &out[0], &out[half], half);
  }
  return out;
}

Table weight_table(const Plan::Operand& operand, std::span<const Fr> x, std::span<const Fr> r) {
  Table out(1, Fr::one());
  for (const auto& axis : operand.axes) {
    Table part;
    switch (axis.kind) {
      case Plan::AxisKind::kCoord: {
        std::vector<Fr> point;
        for (const std::uint8_t code : axis.args) point.push_back(source_value<Fr>(code, x, r));
        part = eq_expansion(point);
        break;
      }
      case Plan::AxisKind::kNext: {  // next(x; y) = eq(x, y − 1)
        const Table before = eq_expansion(x.subspan(axis.args[0], axis.len));
        part.resize(before.size());
        std::copy(before.begin(), before.end() - 1, part.begin() + 1);
        break;
      }
      case Plan::AxisKind::kWindow: {
        const auto& w = axis.args;
        const auto table = [&](std::uint8_t bits, std::uint8_t first) {
          std::vector<Fr> point;
          for (std::uint8_t i = 0; i < bits; ++i) point.push_back(source_value<Fr>(static_cast<std::uint8_t>(first + i), x, r));
          return eq_expansion(point);
        };
        const Table outs = table(w[0], w[1]), kernel = table(w[2], w[3]);
        part.resize(std::size_t{1} << axis.len);
        for (int a = 0; a < w[4]; ++a)
          for (int b = 0; b < w[5]; ++b)
            if (const int place = a * w[6] + b - w[7]; place >= 0 && place >> axis.len == 0) part[place] += outs[a] * kernel[b];
        break;
      }
    }
    if (out.size() == 1) {
      part.swap(out);
      continue;
    }
    Table next(out.size() * part.size());
    for (std::size_t k = 0; k < part.size(); ++k) kernels().scale(&next[k * out.size()], out.data(), part[k], out.size());
    out = std::move(next);
  }
  return out;
}

Table column_table(const Plan::PublicColumn& column, std::span<const Fr> inputs) {
  Table out(std::size_t{1} << column.n);
  switch (column.kind) {
    case Plan::PublicKind::kRow:
      for (std::size_t i = 1; i < out.size(); ++i) out[i] = out[i - 1] + Fr::one();
      break;
    case Plan::PublicKind::kPrefix: {
      const auto m = column.b == 1 ? inputs[column.a].number() : detail::Limbs{column.a, 0, 0, 0};
      const std::size_t rows = (m[1] | m[2] | m[3]) != 0 ? out.size() : std::min<std::uint64_t>(m[0], out.size());
      std::fill_n(out.begin(), rows, Fr::one());
      break;
    }
    case Plan::PublicKind::kAt: out[column.a] = Fr::one(); break;
    case Plan::PublicKind::kVector: std::copy_n(inputs.begin() + column.a, column.b, out.begin()); break;
    case Plan::PublicKind::kLess: {
      const std::uint64_t mask = (std::uint64_t{1} << column.c) - 1;
      for (std::size_t i = 0; i < out.size(); ++i)
        if ((i >> column.a & mask) < (i >> column.b & mask)) out[i] = Fr::one();
      break;
    }
  }
  return out;
}

}  // namespace peaberry::proof
