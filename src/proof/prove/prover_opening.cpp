// Source: docs/reference/proof-protocol.md, §6; Gemini (ePrint 2022/420) folded four ways; Shplonk (ePrint 2020/081).

#include "prover_class.hpp"

namespace peaberry::proof {

bool Prover::opening() {
  say("folds", 0.6);
  const auto arities = plan_.arities();
  const std::size_t levels = arities.size();
  std::vector<Table> g;
  g.push_back(std::move(g_));
  for (std::size_t i = 0, coordinate = 0; i < levels; ++i) {
    Table next(g[i].size() / 2);
    kernels().fold(next.data(), g[i].data(), u_[coordinate++], next.size());
    if (arities[i] == 4) {
      kernels().fold(next.data(), next.data(), u_[coordinate++], next.size() / 2);
      next.resize(next.size() / 2);
    }
    g.push_back(std::move(next));
  }
  begin();
  send(blinder_);
  for (std::size_t i = 1; i < levels; ++i) send_commitment(g[i], nullptr);
  std::vector<Fr> kappas = {script_.step(Tag::kFolds, message())};
  for (const unsigned a : arities) kappas.push_back(kappas.back().pow(a));
  say("parts and quotient", 0.7);

  std::vector<std::vector<Fr>> h;
  begin();
  for (std::size_t i = 0; i < levels; ++i) {
    const unsigned a = arities[i];
    auto& parts = h.emplace_back(a);
    for (std::size_t k = g[i].size(); k > 0; k -= a)
      for (unsigned j = 0; j < a; ++j) parts[j] = parts[j] * kappas[i + 1] + g[i][k - a + j];
    for (unsigned j = i == 0 ? 0 : 1; j < a; ++j) send(parts[j]);
  }
  const Fr nu = script_.step(Tag::kParts, message());

  Table quotient = std::move(spare_);
  quotient.assign(g[0].size(), Fr::zero());
  Fr power = Fr::one();
  for (std::size_t i = 0; i < levels; ++i) {  // (g_i − R_i)/(X^a − κ): q_k = c_{k+a} + κ q_{k+a}, scaled by ν^i
    const unsigned a = arities[i];
    std::array<Fr, 4> carry{};
    for (std::size_t k = g[i].size() - a; k >= a; k -= a)
      for (unsigned j = 0; j < a; ++j) {
        carry[j] = g[i][k + j] + kappas[i + 1] * carry[j];
        quotient[k - a + j] += i == 0 ? carry[j] : power * carry[j];
      }
    power *= nu;
  }
  begin();
  send_commitment(quotient, nullptr);
  const Fr zeta = script_.step(Tag::kQuotient, message());
  say("second quotient", 0.85);

  power = Fr::one();
  for (std::size_t i = 0; i < levels; ++i) {
    const Fr denominator = zeta.pow(arities[i]) - kappas[i + 1];
    if (denominator.is_zero()) return false;
    const Fr e = power * denominator.inverse();
    kernels().mac(quotient.data(), g[i].data(), -e, g[i].size());
    Fr at;
    for (unsigned j = arities[i]; j-- > 0;) at = at * zeta + h[i][j];
    quotient[0] += e * at;
    power *= nu;
  }
  Fr carry;  // l(X)/(X − z), in place
  for (std::size_t k = quotient.size(); k-- > 0;) {
    const Fr next = quotient[k] + zeta * carry;
    quotient[k] = carry;
    carry = next;
  }
  send_commitment(quotient, nullptr);
  return true;
}

}  // namespace peaberry::proof
