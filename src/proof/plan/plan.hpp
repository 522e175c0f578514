#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <peaberry/base/bytes.hpp>

namespace peaberry::proof {

/// What a proof is about, as data (docs/reference/proof-protocol.md, §2): oracles, views of their columns, claims over them.
/// The same bytes drive the prover, this verifier and the Solidity verifier.
struct Plan {
  struct Oracle {
    std::uint8_t n;      ///< log2 of its declared length
    std::uint8_t phase;  ///< 0 registered before, 1 witness, 2 helper (sent after α, β)
    bool operator==(const Oracle&) const = default;
  };
  enum class PublicKind : std::uint8_t { kRow, kPrefix, kAt, kVector, kLess };
  struct PublicColumn {
    PublicKind kind;
    std::uint8_t n;  ///< number of variables
    std::uint32_t a = 0, b = 0, c = 0;
    bool operator==(const PublicColumn&) const = default;
  };
  enum class AxisKind : std::uint8_t { kCoord, kNext, kWindow };
  /// Sources of a COORD axis: j < 64 is x_j, 64 + j is r_j, then the two constants.
  static constexpr std::uint8_t kFromR = 64, kZero = 128, kOne = 129;
  struct Axis {
    AxisKind kind;
    std::uint8_t len;
    /// COORD: a source for each bit; NEXT: the first x; WINDOW: ob, ys, kb, ks, on, kn, stride, pad.
    std::vector<std::uint8_t> args;
    bool operator==(const Axis&) const = default;
  };
  struct Operand {
    std::uint8_t oracle;
    std::uint32_t off;
    std::uint8_t n;  ///< log2 of the column's length
    std::vector<Axis> axes;
    bool operator==(const Operand&) const = default;
    /// Variables x_0 … that the view has: its highest x plus one.
    unsigned variables() const;
  };
  enum class Op : std::uint8_t { kConst = 1, kPublic = 2, kChallenge = 3, kOperand = 4, kColumn = 5, kAdd = 16, kSub = 17, kMul = 18 };
  enum Challenge : std::uint16_t { kTheta = 0, kAlpha = 1, kBeta = 2 };
  struct Instruction {
    Op op;
    std::uint16_t index = 0;
    bool operator==(const Instruction&) const = default;
  };
  using Code = std::vector<Instruction>;  ///< postfix
  /// The most operands and public columns that code multiplies. The code is balanced.
  static unsigned degree_in(const Code& code);
  struct Term {
    std::uint8_t nt, xs, rs, len;  ///< variables; eq-run Π_{i<len} eq(x_{xs+i}, r_{rs+i})
    Code code;
    bool operator==(const Term&) const = default;
  };
  struct Claim {
    Code target;
    std::vector<Term> terms;
    bool operator==(const Claim&) const = default;
  };

  std::uint8_t l = 0, n = 0, degree = 0;  ///< ℓ, n, D
  std::uint16_t public_inputs = 0;
  std::vector<std::array<std::uint8_t, 32>> constants;
  std::vector<PublicColumn> columns;
  std::vector<Oracle> oracles;
  std::uint8_t mask_oracle = 0;
  std::uint32_t mask_r = 0, mask_a = 0;  ///< offsets of the operand masks and the round masks
  std::vector<Operand> operands;
  std::vector<Claim> claims;
  bool operator==(const Plan&) const = default;

  // ---- derived
  std::size_t oracles_of(unsigned phase) const;
  unsigned mask_r_log() const;        ///< ⌈log2 K⌉
  unsigned mask_round_log() const;    ///< a = bitlength(n)
  unsigned mask_degree_log() const;   ///< b = ⌈log2 D⌉
  std::vector<unsigned> arities() const;  ///< of the opening's levels: fours, and a two when ℓ is odd
  std::size_t proof_size() const;
};

/// Reads and checks a plan: every static check of §2. `modulus` is the scalar field's, big-endian: constants are below it.
/// Errors name the field and its place. Accepts exactly what `encode` makes.
Result<Plan> parse_plan(ByteView bytes, const std::array<std::uint8_t, 32>& modulus);
/// The checks alone, for a plan made by hand.
Status check_plan(const Plan& plan, const std::array<std::uint8_t, 32>& modulus);
Bytes encode(const Plan& plan);
/// keccak256 of the bytes: a plan's name.
Hash32 plan_hash(ByteView bytes);

}  // namespace peaberry::proof
