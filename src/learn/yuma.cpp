#include "yuma.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace peaberry::learn::yuma {
namespace {

using Vector = std::vector<Fixed>;
__extension__ using Wide = unsigned __int128;

/// Quotients by one divisor: a reciprocal in double finds each to within one, the remainder decides. As exact as `divide`, its slow twin, which
/// also takes what does not fit.
class Divider {
 public:
  explicit Divider(Fixed divisor) : divisor_(divisor), reciprocal_(divisor == 0 ? 0 : 4294967296.0 / static_cast<double>(divisor)) {}
  Fixed operator()(Fixed a) const {
    if (a < 0 || a >= kOne || a > divisor_ || divisor_ <= 0) return divide(a, divisor_);
    const std::uint64_t wide = static_cast<std::uint64_t>(a) << 32, divisor = static_cast<std::uint64_t>(divisor_);
    std::uint64_t quotient = static_cast<std::uint64_t>(static_cast<double>(a) * reciprocal_);
    std::int64_t rest = static_cast<std::int64_t>(wide - quotient * divisor);
    while (rest < 0) --quotient, rest += divisor_;
    while (rest >= divisor_) ++quotient, rest -= divisor_;
    return static_cast<Fixed>(quotient);
  }

 private:
  Fixed divisor_;
  double reciprocal_;
};

Fixed sum_of(std::span<const Fixed> values) { return std::accumulate(values.begin(), values.end(), Fixed{0}); }
void normalise_by(std::span<Fixed> values, Fixed sum) {
  const Divider by(sum);
  if (sum != 0)
    for (Fixed& value : values) value = by(value);
}
void normalise(std::span<Fixed> values) { normalise_by(values, sum_of(values)); }

std::uint64_t units(Fixed share, std::uint64_t emission) { return static_cast<std::uint64_t>((static_cast<Wide>(share) * emission) >> 32); }
std::vector<std::uint64_t> units(const Vector& shares, std::uint64_t emission) {
  std::vector<std::uint64_t> out(shares.size());
  for (std::size_t i = 0; i < shares.size(); ++i) out[i] = units(shares[i], emission);
  return out;
}
std::vector<std::uint16_t> u16s(const Vector& values) {
  std::vector<std::uint16_t> out(values.size());
  std::transform(values.begin(), values.end(), out.begin(), to_u16);
  return out;
}

/// Scratch for medians, kept between columns.
struct Median {
  std::vector<std::uint32_t> index, lower, upper;

  Fixed operator()(std::span<const Fixed> stake, std::span<const Fixed> score, Fixed minority, Fixed lo, Fixed hi) {
    index.resize(score.size());
    std::iota(index.begin(), index.end(), 0U);
    for (;;) {
      if (index.empty()) return 0;
      if (index.size() == 1) return score[index[0]];
      const Fixed pivot = score[index[index.size() / 2]];
      Fixed below = 0, above = 0;
      lower.clear(), upper.clear();
      for (const std::uint32_t i : index) {
        if (score[i] < pivot) below += stake[i], lower.push_back(i);
        else if (score[i] > pivot) above += stake[i], upper.push_back(i);
      }
      if (lo <= minority && minority < lo + below) {
        hi = lo + below;
        index.swap(lower);
      } else if (hi - above <= minority && minority < hi) {
        lo = hi - above;
        index.swap(upper);
      } else {
        return pivot;
      }
    }
  }
};

/// Weights or bonds of the validators that count, a column (one uid's) after the other, so that everything done by columns is contiguous.
struct Columns {
  std::size_t rows = 0, columns = 0;
  Vector data;
  Columns(std::size_t rows_, std::size_t columns_) : rows(rows_), columns(columns_), data(rows_ * columns_) {}
  std::span<Fixed> column(std::size_t j) { return {data.data() + j * rows, rows}; }
  std::span<const Fixed> column(std::size_t j) const { return {data.data() + j * rows, rows}; }
  Fixed& at(std::size_t row, std::size_t j) { return data[j * rows + row]; }
  void normalise_columns() {
    for (std::size_t j = 0; j < columns; ++j) normalise(column(j));
  }
};

class Run {
 public:
  Run(State& state, const Params& params, std::uint64_t block) : state_(state), params_(params), block_(block), n_(state.size()) {}

  Epoch operator()() {
    stake();
    rows();
    consensus();
    bonds();
    emission();
    write();
    return std::move(out_);
  }

 private:
  bool is_owner(std::size_t uid) const { return state_.owner && *state_.owner == uid; }

  void stake() {
    // Normalised with 64 fractional bits and floored to 32: one floored quotient.
    Wide total = 0;
    for (const std::uint64_t amount : state_.stake) total += amount;
    stake_.resize(n_);
    for (std::size_t i = 0; i < n_; ++i) stake_[i] = total == 0 ? 0 : static_cast<Fixed>((static_cast<Wide>(state_.stake[i]) << 32) / total);
    new_permit_ = is_top_k(stake_, params_.max_validators);
    for (std::size_t i = 0; i < n_; ++i) new_permit_[i] = is_owner(i) || (new_permit_[i] != 0 && stake_[i] > 0);
    out_.active_stake = stake_;
    for (std::size_t i = 0; i < n_; ++i) {
      const bool inactive = state_.last_update[i] + params_.activity_cutoff < block_;
      if (inactive || !(state_.permit[i] != 0 || is_owner(i))) out_.active_stake[i] = 0;
    }
    normalise(out_.active_stake);
    for (std::size_t i = 0; i < n_; ++i)
      if (state_.permit[i] != 0 || is_owner(i)) validators_.push_back(i);
    validator_stake_.reserve(validators_.size());
    for (const std::size_t i : validators_) validator_stake_.push_back(out_.active_stake[i]);
  }

  /// Rows of validators, without what is their own or older than whom it is about, each normalised to 1.
  void rows() {
    weights_.emplace(validators_.size(), n_);
    for (std::size_t v = 0; v < validators_.size(); ++v) {
      const std::size_t i = validators_[v];
      std::uint64_t sum = 0;
      const auto counts = [&](const Weight& weight) { return (weight.uid != i || is_owner(i)) && state_.last_update[i] > state_.registered[weight.uid]; };
      for (const Weight& weight : state_.weights[i])
        if (counts(weight)) sum += weight.value;
      if (sum == 0) continue;
      for (const Weight& weight : state_.weights[i])
        if (counts(weight)) weights_->at(v, weight.uid) = static_cast<Fixed>((std::uint64_t{weight.value} << 32) / sum);
    }
  }

  void consensus() {
    out_.consensus.assign(n_, 0), out_.rank.assign(n_, 0), out_.validator_trust.assign(n_, 0);
    // Only rows with stake speak; their stake is normalised once more.
    std::vector<std::uint32_t> speaking;
    Vector voice;
    for (std::size_t v = 0; v < validators_.size(); ++v)
      if (validator_stake_[v] > 0) speaking.push_back(static_cast<std::uint32_t>(v)), voice.push_back(validator_stake_[v]);
    normalise(voice);
    const Fixed total = sum_of(voice), minority = total - proportion(params_.kappa);
    Median median;
    Vector score(speaking.size()), trust(validators_.size());
    clipped_.emplace(validators_.size(), n_);
    for (std::size_t j = 0; j < n_; ++j) {
      const auto column = weights_->column(j);
      for (std::size_t s = 0; s < speaking.size(); ++s) score[s] = column[speaking[s]];
      const Fixed agreed = out_.consensus[j] = speaking.empty() ? 0 : median(voice, score, minority, 0, total);
      const auto clipped = clipped_->column(j);
      Fixed rank = 0;
      for (std::size_t v = 0; v < column.size(); ++v) {
        clipped[v] = std::min(column[v], agreed);
        trust[v] += clipped[v];
        rank += multiply(validator_stake_[v], clipped[v]);
      }
      out_.rank[j] = rank;
    }
    for (std::size_t v = 0; v < validators_.size(); ++v) out_.validator_trust[validators_[v]] = trust[v];
    out_.incentive = out_.rank;
    normalise(out_.incentive);
  }

  void bonds() {
    Columns before(validators_.size(), n_);
    const std::uint64_t last_tempo = state_.last_step ? *state_.last_step + 1 : block_ - std::min(block_, params_.tempo);
    for (std::size_t v = 0; v < validators_.size(); ++v)
      for (const Weight& bond : state_.bonds[validators_[v]])
        if (last_tempo > state_.registered[bond.uid]) before.at(v, bond.uid) = bond.value;  // the unit does not matter: columns are normalised
    const Fixed alpha = kOne - static_cast<Fixed>((static_cast<Wide>(params_.bonds_moving_average) << 32) / 1'000'000), penalty = proportion(params_.bonds_penalty);
    Vector dividends(validators_.size());
    for (std::size_t j = 0; j < n_; ++j) {
      const auto bond = before.column(j), weight = weights_->column(j), clipped = clipped_->column(j);
      normalise(bond);
      for (std::size_t v = 0; v < weight.size(); ++v) {  // what this epoch adds
        const Fixed kept = params_.bonds_penalty == 65'535 ? clipped[v] : weight[v] + multiply(penalty, clipped[v] - weight[v]);
        weight[v] = multiply(validator_stake_[v], kept);
      }
      normalise(weight);
      for (std::size_t v = 0; v < weight.size(); ++v) bond[v] = multiply(alpha, weight[v]) + multiply(kOne - alpha, bond[v]);
      normalise(bond);
      if (const Fixed incentive = out_.incentive[j]; incentive != 0)
        for (std::size_t v = 0; v < bond.size(); ++v) dividends[v] += multiply(bond[v], incentive);
      if (!bond.empty()) normalise_by(bond, *std::max_element(bond.begin(), bond.end()));  // as it is stored
    }
    out_.dividends.assign(n_, 0);
    for (std::size_t v = 0; v < validators_.size(); ++v) out_.dividends[validators_[v]] = dividends[v];
    normalise(out_.dividends);
    for (std::size_t i = 0; i < n_; ++i) state_.bonds[i].clear();
    for (std::size_t v = 0; v < validators_.size(); ++v) {
      if (new_permit_[validators_[v]] == 0) continue;
      Row& row = state_.bonds[validators_[v]];
      for (std::size_t j = 0; j < n_; ++j)
        if (const std::uint16_t value = to_u16(before.at(v, j)); value != 0) row.push_back({static_cast<std::uint16_t>(j), value});
    }
  }

  void emission() {
    Vector combined(n_), server = out_.incentive, validator = out_.dividends;
    for (std::size_t i = 0; i < n_; ++i) combined[i] = server[i] + validator[i];
    if (const Fixed sum = sum_of(combined); sum != 0) {
      for (Vector* shares : {&combined, &server, &validator}) normalise_by(*shares, sum);
    } else {  // nobody has found anything: who has stake is paid for it
      validator = sum_of(out_.active_stake) == 0 ? stake_ : out_.active_stake;
      combined = validator;
    }
    out_.server_emission = units(server, params_.emission);
    out_.validator_emission = units(validator, params_.emission);
    out_.emission = units(combined, params_.emission);
  }

  void write() {
    out_.stake_u16 = u16s(stake_);
    out_.consensus_u16 = u16s(out_.consensus), out_.incentive_u16 = u16s(out_.incentive), out_.dividends_u16 = u16s(out_.dividends);
    out_.validator_trust_u16 = u16s(out_.validator_trust);
    state_.permit = new_permit_;
    state_.last_step = block_;
  }

  State& state_;
  const Params& params_;
  std::uint64_t block_;
  std::size_t n_;
  Epoch out_;
  Vector stake_, validator_stake_;
  std::vector<std::uint8_t> new_permit_;
  std::vector<std::size_t> validators_;  ///< uids with a permit, ascending: the rows below
  std::optional<Columns> weights_, clipped_;
};

}  // namespace

std::uint16_t to_u16(Fixed x) {
  if (x <= 0) return 0;
  const auto scaled = (static_cast<Wide>(x) * 65'535) >> 32;
  return scaled > 65'535 ? std::uint16_t{65'535} : static_cast<std::uint16_t>(scaled);
}

std::vector<std::uint16_t> max_upscale(std::span<const std::uint16_t> values) {
  std::vector<std::uint16_t> out(values.begin(), values.end());
  const std::uint64_t largest = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
  if (largest == 0) return out;
  for (std::uint16_t& value : out) value = static_cast<std::uint16_t>((std::uint64_t{value} * 65'535 * 2 + largest) / (2 * largest));
  return out;
}

Fixed weighted_median(std::span<const Fixed> stake, std::span<const Fixed> score, Fixed minority, Fixed lo, Fixed hi) { return Median{}(stake, score, minority, lo, hi); }

std::vector<Fixed> weighted_median_columns(std::span<const Fixed> stake, const std::vector<std::vector<Fixed>>& rows, Fixed majority) {
  Vector voice, out(rows.empty() ? 0 : rows.front().size());
  std::vector<std::size_t> speaking;
  for (std::size_t i = 0; i < stake.size(); ++i)
    if (stake[i] > 0) speaking.push_back(i), voice.push_back(stake[i]);
  if (speaking.empty()) return out;
  normalise(voice);
  const Fixed total = sum_of(voice);
  Median median;
  Vector score(speaking.size());
  for (std::size_t j = 0; j < out.size(); ++j) {
    for (std::size_t s = 0; s < speaking.size(); ++s) score[s] = rows[speaking[s]][j];
    out[j] = median(voice, score, total - majority, 0, total);
  }
  return out;
}

std::vector<std::uint8_t> is_top_k(std::span<const Fixed> values, std::size_t k) {
  std::vector<std::uint8_t> out(values.size(), k >= values.size() ? 1 : 0);
  if (k >= values.size()) return out;
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  for (std::size_t i = order.size() - k; i < order.size(); ++i) out[order[i]] = 1;
  return out;
}

State State::of_size(std::size_t n) {
  State out;
  out.stake.assign(n, 0), out.weights.resize(n), out.bonds.resize(n), out.last_update.assign(n, 0), out.registered.assign(n, 0), out.permit.assign(n, 0);
  return out;
}

Result<Epoch> run(State& state, const Params& params, std::uint64_t block) {
  const std::size_t n = state.size();
  if (n > 65'536) return fail(Errc::kInvalid, "stake: more than 65,536 uids");
  for (const auto& [name, size] : std::initializer_list<std::pair<const char*, std::size_t>>{
           {"weights", state.weights.size()}, {"bonds", state.bonds.size()}, {"last_update", state.last_update.size()}, {"registered", state.registered.size()}, {"permit", state.permit.size()}})
    if (size != n) return fail(Errc::kInvalid, std::string(name) + ": " + std::to_string(size) + " entries for " + std::to_string(n) + " uids");
  std::vector<std::size_t> seen(n, 0);
  std::size_t stamp = 0;
  for (const auto* rows : {&state.weights, &state.bonds})
    for (const Row& row : *rows) {
      ++stamp;
      for (const Weight& weight : row) {
        const char* name = rows == &state.weights ? "weights: uid " : "bonds: uid ";
        if (weight.uid >= n) return fail(Errc::kInvalid, name + std::to_string(weight.uid) + " does not exist");
        if (std::exchange(seen[weight.uid], stamp) == stamp) return fail(Errc::kInvalid, name + std::to_string(weight.uid) + " occurs twice in a row");
      }
    }
  if (params.bonds_moving_average > 1'000'000) return fail(Errc::kInvalid, "bonds_moving_average is above 1,000,000");
  return Run(state, params, block)();
}

}  // namespace peaberry::learn::yuma
