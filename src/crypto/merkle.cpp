#include "merkle.hpp"

#include "hash.hpp"

namespace peaberry::crypto {
namespace {

Hash32 node(const Hash32& left, const Hash32& right) {
  const std::uint8_t tag[] = {0x01};
  return Keccak256{}.update(ByteView{tag}).update(left.view()).update(right.view()).finish();
}

}  // namespace

void MerkleHasher::push_leaf(ByteView chunk) {
  const std::uint8_t tag[] = {0x00};
  Hash32 hash = Keccak256{}.update(ByteView{tag}).update(chunk).finish();
  // A binary counter: each trailing one of leaves_ is a finished subtree to join.
  for (std::uint64_t bits = leaves_; (bits & 1) != 0; bits >>= 1) {
    hash = node(pending_.back(), hash);
    pending_.pop_back();
  }
  pending_.push_back(hash);
  ++leaves_;
}

void MerkleHasher::update(ByteView bytes) {
  length_ += bytes.size();
  while (!bytes.empty()) {
    if (chunk_.empty() && bytes.size() >= kMerkleLeafBytes) {
      push_leaf(bytes.first(kMerkleLeafBytes));
      bytes = bytes.subspan(kMerkleLeafBytes);
      continue;
    }
    const std::size_t take = std::min(kMerkleLeafBytes - chunk_.size(), bytes.size());
    append(chunk_, bytes.first(take));
    bytes = bytes.subspan(take);
    if (chunk_.size() == kMerkleLeafBytes) {
      push_leaf(chunk_);
      chunk_.clear();
    }
  }
}

Hash32 MerkleHasher::finish() {
  if (!chunk_.empty() || leaves_ == 0) push_leaf(chunk_);
  Hash32 top = pending_.back();
  pending_.pop_back();
  while (!pending_.empty()) {
    top = node(pending_.back(), top);
    pending_.pop_back();
  }
  std::array<std::uint8_t, 9> head{0x02};
  for (int i = 0; i < 8; ++i) head[8 - i] = static_cast<std::uint8_t>(length_ >> (8 * i));
  return Keccak256{}.update(ByteView{head}).update(top.view()).finish();
}

Hash32 merkle_root(ByteView bytes) {
  MerkleHasher hasher;
  hasher.update(bytes);
  return hasher.finish();
}

}  // namespace peaberry::crypto
