#pragma once

#include <optional>
#include <vector>

#include "g1.hpp"
#include "tower.hpp"

namespace peaberry::proof {

/// A point of the twist y² = x³ + 3/ξ over Fq2. Not every point of the twist is in G2: see `in_group`.
struct G2Affine {
  Fq2 x, y;
  bool operator==(const G2Affine&) const = default;
  bool is_infinity() const { return x.is_zero() && y.is_zero(); }
  G2Affine operator-() const { return {x, -y}; }
  bool on_curve() const;
  /// On the curve and of order p (multiplication by p gives infinity).
  bool in_group() const;
  G2Affine operator+(const G2Affine& other) const;
  G2Affine operator*(const Fr& scalar) const;

  static G2Affine generator();
  /// EIP-197's order: x.im ‖ x.re ‖ y.im ‖ y.re, 32 big-endian bytes each. Nothing unless canonical, in the group and not infinity.
  static std::optional<G2Affine> from_be(ByteView bytes);
  std::array<std::uint8_t, 128> be() const;
};

/// What statements and chains call a ceremony: keccak256("peaberry/srs/1" ‖ [τ]_2 ‖ H).
Hash32 srs_id(const G2Affine& tau);

/// The lines of the Miller loop of one fixed G2 point: half of a pairing's work, done once.
class G2Prepared {
 public:
  explicit G2Prepared(const G2Affine& point);

 private:
  friend bool pairing_product_is_one(std::span<const std::pair<G1Affine, const G2Prepared*>> pairs);
  struct Line {
    Fq2 slope, offset;  // y_P − slope·x_P·w + offset·w³
  };
  std::vector<Line> lines_;
};

/// Whether Π e(P_i, Q_i) = 1, by the optimal ate pairing (Vercauteren 2010; loop length 6u+2, u = 4965661367192848881).
bool pairing_product_is_one(std::span<const std::pair<G1Affine, const G2Prepared*>> pairs);

}  // namespace peaberry::proof
