#pragma once

#include <peaberry/proof/field/memory.hpp>
#include <peaberry/proof/field/vector.hpp>

namespace peaberry::proof {

/// Σ_y f(y)·w(y), whose variables are bound one by one from the lowest: a sumcheck of degree 2. From the first binding on the tables are tiles, in the same memory; a binding
/// gives the next round's sums in the same pass. Source: binding and summing in one pass as in Gruen 2024 (ePrint 2024/108), here on lanes.
class Product {
 public:
  /// Equally long, a power of two.
  Product(LargeVector<Fr> f, LargeVector<Fr> w) : f_(std::move(f)), w_(std::move(w)), size_(f_.size()) {}

  std::size_t size() const { return size_; }
  /// c_0 = Σ f(0, y)w(0, y) and c_2 = Σ (f(1, y) − f(0, y))(w(1, y) − w(0, y)). A product without variables is 0 where a variable beyond its own is 1, and both its
  /// factors have eq(0, y): then both are f·w.
  std::pair<Fr, Fr> round(unsigned threads);
  void bind(const Fr& u, unsigned threads);
  /// Once every variable is bound.
  const Fr& weight() const { return w_[0]; }
  /// Before the first binding.
  LargeVector<Fr>& f() { return f_; }
  /// The memory of both factors, to be used for something else.
  std::pair<LargeVector<Fr>, LargeVector<Fr>> release() && { return {std::move(f_), std::move(w_)}; }

 private:
  static constexpr std::size_t kLeast = 64;  // elements from which tiles are worth it: two are left

  LargeVector<Fr> f_, w_;  // elements, or the memory of tiles
  std::size_t size_;
  bool tiled_ = false;
  bool known_ = false;  // the sums of this round
  std::pair<Fr, Fr> sums_;
};

}  // namespace peaberry::proof
