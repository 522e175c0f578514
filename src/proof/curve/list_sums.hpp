#pragma once

// Only sources that are compiled for AVX-512 IFMA may include this file.

#include <peaberry/proof/field/memory.hpp>

#include <algorithm>
#include <memory>
#include <utility>

#include "packed_ifma.hpp"

namespace peaberry::proof::detail {

/// Sums of many lists of points at once, by affine additions that share their inversions.
///
/// Eight lists lie side by side, one in each lane, and are summed as a binary tree: the first round gathers pairs of points from memory, all later ones find their
/// operands side by side in lanes as they are and write the sums over the left ones. An addition needs 1/(x2 − x1); Montgomery's trick turns a batch of those into one
/// inversion. Lists are taken in chunks that fit a core's second cache, and a batch is one round of every chunk under way – the first of the newest, the second of the
/// one before – so that batches do not shrink as trees do. Meanwhile the next chunk's points are fetched.
///
/// Source: Montgomery 1987 (section 10.3.1) for shared inversions; affine buckets for Pippenger's method as in Aztec's barretenberg and gnark-crypto; lists in lanes, chunks in
/// a pipeline: ours (docs/decisions/0008).
///
/// Doubling, cancelling and infinity, for which the formulas do not hold, are rare: a batch is looked at closely only after its product was found to be zero, or once
/// an infinity is to be added.
class ListSums {
 public:
  /// The points entries[first … first + length) – index << 1 | minus – summed into *to.
  struct List {
    std::uint32_t first, length;
    Packed* to;
  };

  /// Points and entries are read now; sums are written by `finish` at the latest. Empty lists leave `to` as it is.
  void add(const Packed* points, const std::uint32_t* entries, std::span<const List> lists) {
    std::size_t parts = 0;
    for (const List& list : lists)
      if (list.length > kLongest) parts += parts_of(list);
    if (parts == 0) return add_short(points, entries, lists);
    // A list that is too long is cut evenly; the parts' sums are new points, and make new lists.
    LargeVector<Packed> sums(parts);
    LargeVector<List> cut, rest;
    cut.reserve(lists.size() + parts);
    std::uint32_t done = 0;
    for (const List& list : lists) {
      if (list.length <= kLongest) {
        cut.push_back(list);
        continue;
      }
      const std::uint32_t count = parts_of(list);
      for (std::uint32_t i = 0, at = 0; i < count; ++i) {
        const std::uint32_t end = static_cast<std::uint32_t>(std::uint64_t{list.length} * (i + 1) / count);
        cut.push_back({list.first + at, end - at, &sums[done + i]});
        at = end;
      }
      rest.push_back({done, count, list.to});
      done += count;
    }
    add_short(points, entries, cut);
    finish();
    std::vector<std::uint32_t> all(parts);
    for (std::uint32_t i = 0; i < parts; ++i) all[i] = i << 1;
    add(sums.data(), all.data(), rest);
    finish();
  }

  void finish() {
    while (!live_.empty()) run(nullptr, nullptr);
  }

 private:
  static constexpr std::uint32_t kLongest = 64;
  static constexpr std::size_t kChunkTiles = 48;  ///< of a chunk's first round: 384 pairs, 48 KiB of points
  static constexpr std::size_t kMostTiles = kChunkTiles + kLongest / 2;

  static std::uint32_t parts_of(const List& list) { return (list.length + kLongest - 1) / kLongest; }

  /// Eight points side by side: coordinates below 4q whose limbs need not be carried.
  struct Tile {
    alignas(64) std::uint64_t x[40], y[40];
  };
  /// Eight lists.
  struct Group {
    std::uint32_t first[8], length[8], most = 0, least = 0;
    alignas(16) std::uint8_t tiles[16] = {};  ///< of each lane after the first round; eight are unused
    std::uint32_t tile = 0;                   ///< where the group's tiles begin in its chunk
    Packed* to[8];
    std::uint32_t width() const { return (most + 1) / 2; }
    /// Lanes that have more tiles than `index`.
    __mmask8 beyond(std::uint32_t index) const {
      return static_cast<__mmask8>(_mm_cmpgt_epu8_mask(_mm_load_si128(reinterpret_cast<const __m128i*>(tiles)), _mm_set1_epi8(static_cast<char>(index))));
    }
  };
  struct Chunk {
    const Packed* points = nullptr;
    const std::uint32_t* entries = nullptr;
    std::vector<Group> groups;
    UnfilledVector<Tile> tiles;
    std::size_t used = 0;
    std::uint32_t stride = 0, width = 0;  ///< how far apart the next round's operands are; the widest group's tiles
  };
  /// Fetches the next chunk's points while this batch computes: eight at a time, since a core waits for so many lines at once only.
  class Prefetcher {
   public:
    explicit Prefetcher(const Chunk* chunk) : chunk_(chunk) {}
    bool done() const { return chunk_ == nullptr || group_ == chunk_->groups.size(); }
    void eight() {
      if (done()) return;
      const Group& group = chunk_->groups[group_];
      for (int lane = 0; lane < 8; ++lane) __builtin_prefetch(chunk_->points + (chunk_->entries[group.first[lane] + std::min(index_, group.length[lane] - 1)] >> 1), 0, 1);
      if (++index_ == group.most) ++group_, index_ = 0;
    }

   private:
    const Chunk* chunk_;
    std::size_t group_ = 0;
    std::uint32_t index_ = 0;
  };
  /// One addition in eight lanes, *left ← *left + *right where both are there.
  struct Step {
    Tile* left;
    const Tile* right;
    __mmask8 both, ones = 0;  ///< ones: lanes whose x2 − x1 counts as 1
  };
  struct Product {
    alignas(64) std::uint64_t limbs[40];
  };
  /// Of all steps' x2 − x1, in two chains: a product waits for the one before it, and two fill each other's waiting.
  struct Products {
    Lane even, odd;
    Lane& of(std::size_t step) { return step % 2 == 0 ? even : odd; }
  };

  /// Lists of up to kLongest: sorted by length, so that lanes end together.
  void add_short(const Packed* points, const std::uint32_t* entries, std::span<const List> lists) {
    std::uint32_t begin[kLongest + 2] = {};
    for (const List& list : lists) ++begin[kLongest - list.length];
    std::uint32_t sum = 0;
    for (auto& place : begin) sum += std::exchange(place, sum);
    order_.resize(lists.size());
    for (const List& list : lists) order_[begin[kLongest - list.length]++] = &list;
    const std::size_t count = begin[kLongest - 1];  // the empty ones are last

    std::unique_ptr<Chunk> fresh;
    for (std::size_t i = 0; i < count;) {
      std::unique_ptr<Chunk> next = take(points, entries, std::span(order_).subspan(i, count - i), i);
      if (fresh != nullptr) run(std::move(fresh), next.get());
      fresh = std::move(next);
    }
    if (fresh != nullptr) run(std::move(fresh), nullptr);
  }

  std::unique_ptr<Chunk> take(const Packed* points, const std::uint32_t* entries, std::span<const List* const> lists, std::size_t& taken) {
    std::unique_ptr<Chunk> chunk = spare_.empty() ? std::make_unique<Chunk>() : std::move(spare_.back());
    if (!spare_.empty()) spare_.pop_back();
    chunk->points = points, chunk->entries = entries;
    chunk->groups.clear();
    chunk->used = 0, chunk->stride = 1, chunk->width = 0;
    for (std::size_t i = 0; i < lists.size() && chunk->used < kChunkTiles; i += 8) {
      Group group;
      for (std::size_t lane = 0; lane < 8; ++lane) {
        const bool here = i + lane < lists.size();
        const List& list = here ? *lists[i + lane] : *lists[i];
        group.first[lane] = list.first;
        group.length[lane] = here ? list.length : 1;
        group.to[lane] = here ? list.to : &waste_;
        for (std::uint32_t k = 0; k < list.length; k += 16) __builtin_prefetch(entries + list.first + k);
        group.tiles[lane] = static_cast<std::uint8_t>((group.length[lane] + 1) / 2);
      }
      group.most = *std::max_element(group.length, group.length + 8);
      group.least = *std::min_element(group.length, group.length + 8);
      group.tile = static_cast<std::uint32_t>(chunk->used);
      chunk->used += group.width();
      chunk->width = std::max(chunk->width, group.width());
      chunk->groups.push_back(group);
      taken += std::min<std::size_t>(8, lists.size() - i);
    }
    if (chunk->tiles.size() < chunk->used) chunk->tiles.resize(kMostTiles);
    return chunk;
  }

  /// One round of every chunk under way and the first one of `fresh`.
  void run(std::unique_ptr<Chunk> fresh, const Chunk* next) {
    steps_.clear();
    for (const auto& chunk : live_)
      for (const Group& group : chunk->groups) {
        Tile* tiles = &chunk->tiles[group.tile];
        for (std::uint32_t i = 0; i + chunk->stride < group.width(); i += 2 * chunk->stride) steps_.push_back({tiles + i, tiles + i + chunk->stride, group.beyond(i + chunk->stride)});
      }
    for (const auto& chunk : live_) chunk->stride *= 2;
    const std::size_t later = steps_.size();
    before_.resize(std::max(before_.size(), later + kMostTiles + 1));
    rights_.resize(kMostTiles);
    Prefetcher prefetcher(next);
    Products products = careful_ ? differences<true>(later, fresh.get()) : differences<false>(later, fresh.get());
    if (!careful_ && (products.even * products.odd).is_zero() != 0) [[unlikely]] {
      steps_.resize(later);
      products = differences<true>(later, fresh.get());
    }
    sums(products, prefetcher);
    while (!prefetcher.done()) prefetcher.eight();
    for (const auto& [tile, lane, sum] : odd_) {
      put(tile->x, lane, sum.x), put(tile->y, lane, sum.y);
      careful_ |= sum.is_infinity();
    }
    odd_.clear();
    if (fresh != nullptr) live_.push_back(std::move(fresh));
    std::erase_if(live_, [&](std::unique_ptr<Chunk>& chunk) {
      if (chunk->stride < chunk->width) return false;
      for (const Group& group : chunk->groups) write(chunk->tiles[group.tile], group.to);
      spare_.push_back(std::move(chunk));
      return true;
    });
  }

  template <bool kCareful>
  Products differences(std::size_t later, Chunk* fresh) {
    Products products{Lane::one(), Lane::one()};
    for (std::size_t i = 0; i < later; ++i) difference<kCareful>(i, products);
    if (fresh != nullptr)
      for (const Group& group : fresh->groups)
        for (std::uint32_t i = 0; i < group.width(); ++i) gather_pair<kCareful>(*fresh, group, i, products);
    if (steps_.size() % 2 != 0) {  // sums are made in twos
      steps_.push_back({&dummy_, &dummy_, 0});
      difference<false>(steps_.size() - 1, products);
    }
    return products;
  }

  /// Points 2i and 2i + 1 of eight lists.
  template <bool kCareful>
  void gather_pair(Chunk& chunk, const Group& group, std::uint32_t i, Products& products) {
    const Packed *left[8], *right[8];
    unsigned minus_left = 0, minus_right = 0;
    const bool full = 2 * i + 1 < group.least;
    for (int lane = 0; lane < 8; ++lane) {
      const std::uint32_t* list = chunk.entries + group.first[lane];
      const std::uint32_t a = list[full ? 2 * i : std::min(2 * i, group.length[lane] - 1)], b = list[full ? 2 * i + 1 : std::min(2 * i + 1, group.length[lane] - 1)];
      left[lane] = chunk.points + (a >> 1);
      right[lane] = chunk.points + (b >> 1);
      minus_left |= (a & 1) << lane;
      minus_right |= (b & 1) << lane;
    }
    const auto gather = [](const Packed* const(&at)[8], unsigned minus, Tile& tile) {
      Lane x, y;
      gather_points(at, x, y);
      for (int k = 0; k < 5; ++k) y.l[k] = _mm512_mask_sub_epi64(y.l[k], static_cast<__mmask8>(minus), ifma::all(Lane::C::k2P[k]), y.l[k]);
      x.store_raw(tile.x);
      y.store_raw(tile.y);
    };
    Tile &tile = chunk.tiles[group.tile + i], &other = rights_[group.tile + i];
    gather(left, minus_left, tile);
    if (2 * i + 1 >= group.most) return;  // the last one of all eight stays alone
    gather(right, minus_right, other);
    __mmask8 both = 0xff;
    if (!full)
      for (int lane = 0; lane < 8; ++lane)
        if (2 * i + 1 >= group.length[lane]) both = static_cast<__mmask8>(both & ~(1u << lane));
    steps_.push_back({&tile, &other, both});
    difference<kCareful>(steps_.size() - 1, products);
  }

  /// Step i's x2 − x1, and the product of all before. Careful: doubling, cancelling and infinity go by the scalar formulas, and their difference counts as 1, as it does
  /// where there is nothing to be added.
  template <bool kCareful>
  void difference(std::size_t i, Products& products) {
    Step& step = steps_[i];
    const Lane x1 = Lane::load_raw(step.left->x), x2 = Lane::load_raw(step.right->x);
    Lane dx = far(x2, x1);
    step.ones = static_cast<__mmask8>(~step.both);
    if constexpr (kCareful) {
      const auto zero = [&](const Lane& x) { return (x.carried() * Lane::one()).is_zero(); };
      const __mmask8 odd = static_cast<__mmask8>((zero(dx) | zero(x1) | zero(x2)) & step.both);
      step.ones |= odd;
      for (int lane = 0; odd >> lane != 0; ++lane)
        if (odd >> lane & 1) odd_.push_back({step.left, lane, (G1(point(*step.left, lane)) + point(*step.right, lane)).affine()});
    }
    if (step.ones != 0) dx = Lane::select(step.ones, Lane::one(), dx);
    Lane& product = products.of(i);
    product.store_raw(before_[i].limbs);
    product = product * dx;
  }

  /// λ = dy/dx, x3 = λ² − x1 − x2, y3 = λ(x1 − x3) − y1, from the last step to the first.
  void sums(const Products& products, Prefetcher& prefetcher) {
    const Lane both = invert(products.even * products.odd);
    Lane inverse[2] = {both * products.odd, both * products.even}, lambda[2], x3[2], y3[2];
    for (std::size_t i = steps_.size(); i > 0;) {
      i -= 2;
      prefetcher.eight();
      prefetcher.eight();
      const Step* step = &steps_[i];
      for (int k = 0; k < 2; ++k) lambda[k] = inverse[k] * Lane::load_raw(before_[i + k].limbs);
      for (int k = 0; k < 2; ++k) {
        Lane dx = far(Lane::load_raw(step[k].right->x), Lane::load_raw(step[k].left->x));
        if (step[k].ones != 0) dx = Lane::select(step[k].ones, Lane::one(), dx);
        inverse[k] = inverse[k] * dx;
      }
      for (int k = 0; k < 2; ++k) lambda[k] = lambda[k] * far(Lane::load_raw(step[k].right->y), Lane::load_raw(step[k].left->y));
      for (int k = 0; k < 2; ++k) {
        const Lane x1 = Lane::load_raw(step[k].left->x), x2 = Lane::load_raw(step[k].right->x);
        x3[k] = lambda[k].square();
        for (int j = 0; j < 5; ++j) x3[k].l[j] = _mm512_add_epi64(_mm512_sub_epi64(x3[k].l[j], _mm512_add_epi64(x1.l[j], x2.l[j])), ifma::all(Lane::C::k10P[j]));
        x3[k] = x3[k].shrunk();
        y3[k] = far(x1, x3[k]);
      }
      for (int k = 0; k < 2; ++k) {
        const Lane y1 = Lane::load_raw(step[k].left->y);
        y3[k] = lambda[k].times(y3[k]);
        for (int j = 0; j < 5; ++j) y3[k].l[j] = _mm512_add_epi64(_mm512_sub_epi64(y3[k].l[j], y1.l[j]), ifma::all(Lane::C::k8P[j]));
        y3[k] = y3[k].shrunk();
        if (step[k].both != 0xff) {
          x3[k] = Lane::select(step[k].both, x3[k], Lane::load_raw(step[k].left->x));
          y3[k] = Lane::select(step[k].both, y3[k], y1);
        }
        x3[k].store_raw(step[k].left->x);
        y3[k].store_raw(step[k].left->y);
      }
    }
  }

  /// a − b + 4q, carried: below 8q.
  static Lane far(const Lane& a, const Lane& b) {
    Lane out;
    for (int i = 0; i < 5; ++i) out.l[i] = _mm512_add_epi64(_mm512_sub_epi64(a.l[i], b.l[i]), ifma::all(Lane::C::k4P[i]));
    return out.carried();
  }
  /// 1/x in each lane; no lane is zero. One scalar inversion.
  static Lane invert(const Lane& x) {
    alignas(64) Fq values[8];
    x.store(values);
    batch_inverse<Fq>(values);
    return Lane::load(values);
  }
  static G1Affine point(const Tile& tile, int lane) {
    alignas(64) Fq xs[8], ys[8];
    (Lane::load_raw(tile.x).carried() * Lane::one()).store(xs), (Lane::load_raw(tile.y).carried() * Lane::one()).store(ys);
    return {xs[kOrder[lane]], ys[kOrder[lane]]};
  }
  static void put(std::uint64_t (&limbs)[40], int lane, const Fq& value) {
    const auto five = ifma::Constants<BasePrime>::split((value * Fq(16)).montgomery());
    for (int i = 0; i < 5; ++i) limbs[8 * i + lane] = five[i];
  }
  static void write(const Tile& tile, Packed* const (&to)[8]) {
    std::uint64_t *xs[8], *ys[8];
    for (int k = 0; k < 8; ++k) xs[k] = to[kOrder[k]]->x, ys[k] = to[kOrder[k]]->y;
    scatter(Lane::load_raw(tile.x).carried().reduced(), xs);
    scatter(Lane::load_raw(tile.y).carried().reduced(), ys);
  }

  std::vector<const List*> order_;
  std::vector<std::unique_ptr<Chunk>> live_, spare_;
  std::vector<Step> steps_;
  UnfilledVector<Product> before_;
  UnfilledVector<Tile> rights_;  // of the first round
  struct Odd {
    Tile* tile;
    int lane;
    G1Affine sum;
  };
  std::vector<Odd> odd_;  // written after the batch: its operands may still be read
  Tile dummy_{};
  Packed waste_;
  bool careful_ = false;
};

}  // namespace peaberry::proof::detail
