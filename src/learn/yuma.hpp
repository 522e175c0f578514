#pragma once

#include <cstdint>
#include <optional>
#include <peaberry/base/result.hpp>
#include <span>
#include <vector>

namespace peaberry::learn::yuma {

/// Bittensor's number: 64-bit fixed point with 32 fractional bits. Products are floored, quotients truncated, x / 0 = 0.
using Fixed = std::int64_t;
inline constexpr Fixed kOne = Fixed{1} << 32;
constexpr Fixed multiply(Fixed a, Fixed b) { return static_cast<Fixed>((static_cast<__int128>(a) * b) >> 32); }
constexpr Fixed divide(Fixed a, Fixed b) { return b == 0 ? 0 : static_cast<Fixed>((static_cast<__int128>(a) << 32) / b); }
/// value / 65535
constexpr Fixed proportion(std::uint16_t value) { return static_cast<Fixed>((std::uint64_t{value} << 32) / 65535); }
/// floor(x · 65535), saturated.
std::uint16_t to_u16(Fixed x);

struct Weight {
  std::uint16_t uid = 0;
  std::uint16_t value = 0;
  bool operator==(const Weight&) const = default;
};
using Row = std::vector<Weight>;

/// What an epoch's rule is set to; the defaults are Bittensor's.
struct Params {
  std::uint16_t kappa = 32'767;                ///< of 65535: the stake that must stand behind a consensus weight
  std::uint64_t bonds_moving_average = 900'000;  ///< of 10⁶
  std::uint16_t bonds_penalty = 65'535;        ///< of 65535: how far out-of-consensus weight is kept out of bonds
  std::uint64_t activity_cutoff = 5'000;       ///< blocks without a set of weights that silence a validator
  std::uint64_t tempo = 360;                   ///< blocks between epochs
  std::size_t max_validators = 128;
  std::uint64_t emission = 1'000'000'000;      ///< units that the epoch gives away
};

/// A subnet's participants, as the chain keeps them; one entry a uid.
struct State {
  std::vector<std::uint64_t> stake;          ///< any unit
  std::vector<Row> weights;                  ///< stored rows: max-upscaled to 65535
  std::vector<Row> bonds;                    ///< written by `run`
  std::vector<std::uint64_t> last_update;    ///< block at which the row was set
  std::vector<std::uint64_t> registered;     ///< block at which the uid came
  std::vector<std::uint8_t> permit;          ///< of the epoch before; written by `run`
  std::optional<std::uint16_t> owner;        ///< keeps its self-weight, its permit, and needs no stake
  std::optional<std::uint64_t> last_step;    ///< block of the epoch before

  static State of_size(std::size_t n);
  std::size_t size() const { return stake.size(); }
};

/// What an epoch gives. All vectors have one entry a uid.
struct Epoch {
  std::vector<Fixed> active_stake, consensus, rank, incentive, dividends, validator_trust;
  std::vector<std::uint16_t> stake_u16, consensus_u16, incentive_u16, dividends_u16, validator_trust_u16;
  std::vector<std::uint64_t> server_emission, validator_emission, emission;  ///< sums are at most Params::emission
};

/// A set_weights call's values as they are stored: the largest becomes 65535, the others keep their ratio, rounded half up.
std::vector<std::uint16_t> max_upscale(std::span<const std::uint16_t> values);

/// The smallest score that more than `minority` of the stake does not exceed (stake-weighted median). Scores and stakes in one order.
/// Undetermined by the rule when minority lies outside [lo, hi]; then as upstream's partitioning leaves it.
Fixed weighted_median(std::span<const Fixed> stake, std::span<const Fixed> score, Fixed minority, Fixed lo, Fixed hi);
/// The same, column by column, of a matrix with a row for each stake: as `run` takes it. Rows without stake are left out and the rest normalised.
std::vector<Fixed> weighted_median_columns(std::span<const Fixed> stake, const std::vector<std::vector<Fixed>>& rows, Fixed majority);
/// Whether an entry is among the k largest; ties keep the later one.
std::vector<std::uint8_t> is_top_k(std::span<const Fixed> values, std::size_t k);

/// One epoch of Yuma consensus with bonds (Bittensor's Yuma2): stake-weighted median clipping, ranks, incentive, dividends by bonds.
/// Exact to subtensor's integers (commit 14bc6f9f). Writes `bonds`, `permit` and `last_step`. kInvalid when the vectors' sizes differ or a
/// weight names an unknown uid.
Result<Epoch> run(State& state, const Params& params, std::uint64_t block);

}  // namespace peaberry::learn::yuma
