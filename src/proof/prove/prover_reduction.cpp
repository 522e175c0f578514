// Source: docs/reference/proof-protocol.md, §5.

#include <map>
#include <tuple>

#include "product.hpp"
#include "prover_class.hpp"

namespace peaberry::proof {
namespace {

/// A mask with few entries under Ψ(y) = 1 + Σ 2^i y_i or under 1.
struct Sparse {
  std::vector<std::uint32_t> places;
  std::vector<Fr> values;
  bool ramp;
  Fr base = Fr::one(), step = Fr::one();  // the weight at place y: base + step·y
  Fr at(std::uint64_t y) const { return ramp ? base + step * Fr(y) : Fr::one(); }
  Fr weight() const { return at(0); }
  Fr low() const {
    Fr sum;
    for (std::size_t i = 0; i < places.size(); ++i)
      if (places[i] % 2 == 0) sum += values[i] * at(places[i]);
    return sum;
  }
  /// Σ (f_1 − f_0)(w_1 − w_0): the weight rises by `step`.
  Fr high() const {
    if (!ramp) return Fr::zero();
    Fr sum;
    for (std::size_t i = 0; i < places.size(); ++i) sum += places[i] % 2 ? values[i] : -values[i];
    return sum * step;
  }
  void fold(const Fr& u) {
    std::map<std::uint32_t, Fr> next;
    for (std::size_t i = 0; i < places.size(); ++i) next[places[i] / 2] += values[i] * (places[i] % 2 ? u : Fr::one() - u);
    places.clear(), values.clear();
    for (const auto& [place, value] : next) places.push_back(place), values.push_back(value);
    base += step * u;
    step = step.doubled();
  }
};

}  // namespace

void Prover::reduction() {
  say("reduction", 0.45);
  const unsigned l = plan_.l, n = plan_.n, D = plan_.degree;
  const std::size_t size = std::size_t{1} << l;
  const auto x = std::span<const Fr>(z_).first(n);
  const Fr t = z_[n], rest = Fr::one() - t;
  const auto places = sigma_positions(l), others = omega_positions(l);
  begin();
  const auto send_sparse = [&](const std::vector<std::uint32_t>& at, const std::vector<Fr>& values, const Fr& blinder) {
    std::vector<G1Affine> points;
    for (const std::uint32_t place : at) points.push_back(srs_.powers()[place]);
    append(proof_, (msm(points, values) + G1(hiding_generator()) * blinder).affine().be());
  };
  send_sparse(places, masks_.sigma, masks_.sigma_blinder);
  send_sparse(others, masks_.omega, masks_.omega_blinder);
  delta2_ = script_.step(Tag::kMasks, message());

  // A whole oracle of full length under one weight needs no product of its own: all oracles under the same weight are summed first. Everything
  // else – slices, short oracles, the masks – gets its oracle's dense weight.
  std::vector<Fr> gammas = {Fr::one()};
  for (std::size_t k = 0; k < plan_.operands.size(); ++k) gammas.push_back(gammas.back() * gamma_);
  std::vector<Product> products;
  std::vector<Table> dense(oracles_.size());
  std::vector<std::pair<const std::vector<Plan::Axis>*, std::size_t>> whole;  // axes → product
  const auto weight_of = [&](std::size_t oracle) -> Table& {
    if (dense[oracle].empty()) dense[oracle].resize(oracles_[oracle].size());
    return dense[oracle];
  };
  for (std::size_t k = 0; k < plan_.operands.size(); ++k) {
    const auto& operand = plan_.operands[k];
    const Fr factor = gammas[k] * rest;
    if (operand.n == l) {
      auto found = std::find_if(whole.begin(), whole.end(), [&](const auto& one) { return *one.first == operand.axes; });
      if (found == whole.end()) {
        whole.emplace_back(&operand.axes, products.size());
        products.emplace_back(Table(size), weight_table(operand, x, r_));
        found = whole.end() - 1;
      }
      Table& f = products[found->second].f();
      over(size, [&](std::size_t from, std::size_t count) { kernels().mac(&f[from], &oracles_[operand.oracle][from], factor, count); });
    } else {
      const Table weight = weight_table(operand, x, r_);
      kernels().mac(&weight_of(operand.oracle)[operand.off], weight.data(), factor, weight.size());
    }
  }
  Table& mask_weight = weight_of(plan_.mask_oracle);
  for (std::size_t k = 0; k < plan_.operands.size(); ++k) mask_weight[plan_.mask_r + k] += gammas[k] * t;
  for (unsigned i = 0; i <= n; ++i) {
    Fr power = Fr::one();
    for (unsigned d = 1; d <= D; ++d) {
      power *= z_[i];
      mask_weight[plan_.mask_a + (std::size_t{i} << plan_.mask_degree_log()) + d - 1] += gammas.back() * delta_ * (power - half_);
    }
  }
  std::vector<std::size_t> product_of(oracles_.size(), SIZE_MAX);
  for (std::size_t o = 0; o < oracles_.size(); ++o)
    if (!dense[o].empty()) {
      product_of[o] = products.size();
      products.emplace_back(Table(oracles_[o].begin(), oracles_[o].end()), std::move(dense[o]));
    }
  // σ under Ψ, ω under 1: sparse, so their rounds are nearly free.
  Sparse sigma{places, masks_.sigma, true}, omega{others, masks_.omega, false};

  for (unsigned i = 0; i < l; ++i) {
    Fr c0 = delta2_ * (sigma.low() + omega.low()), c2 = delta2_ * (sigma.high() + omega.high());
    for (Product& product : products) {
      const auto [a, b] = product.round(options_.threads);
      c0 += a, c2 += b;
    }
    begin();
    send(c0);
    send(c2);
    const Fr u = script_.step(Tag::kReduction, message());
    u_.push_back(u);
    for (Product& product : products) product.bind(u, options_.threads);
    sigma.fold(u);
    omega.fold(u);
  }
  // g = Σ Φ_o(u) f_o + δ'(Ψ(u)σ + ω), and its blinder
  std::vector<Fr> phi(oracles_.size());
  for (std::size_t k = 0; k < plan_.operands.size(); ++k)
    if (plan_.operands[k].n == l)
      for (const auto& [axes, product] : whole)
        if (*axes == plan_.operands[k].axes) phi[plan_.operands[k].oracle] += gammas[k] * rest * products[product].weight();
  for (std::size_t o = 0; o < oracles_.size(); ++o)
    if (product_of[o] != SIZE_MAX) phi[o] += products[product_of[o]].weight();
  // Memory that was touched already is worth keeping: a large product's becomes g and the opening's quotient.
  if (!products.empty()) std::tie(g_, spare_) = std::move(products.front()).release();
  products.clear();
  const Fr psi = sigma.weight();
  g_.assign(size, Fr::zero());
  blinder_ = delta2_ * (psi * masks_.sigma_blinder + masks_.omega_blinder);
  for (std::size_t o = 0; o < oracles_.size(); ++o) {
    over(oracles_[o].size(), [&](std::size_t from, std::size_t count) { kernels().mac(&g_[from], &oracles_[o][from], phi[o], count); });
    blinder_ += phi[o] * blinders_[o];
  }
  for (std::size_t i = 0; i < places.size(); ++i) g_[places[i]] += delta2_ * psi * masks_.sigma[i];
  for (std::size_t i = 0; i < others.size(); ++i) g_[others[i]] += delta2_ * masks_.omega[i];
}

}  // namespace peaberry::proof
