#pragma once

#include <peaberry/base/bytes.hpp>

namespace peaberry::crypto {

inline constexpr std::size_t kMerkleLeafBytes = 1024;

/// The keccak Merkle root of a byte string, scheme 1 of DESIGN §7 (docs/reference/merkle.md):
/// leaf = keccak(0x00 ‖ chunk), node = keccak(0x01 ‖ left ‖ right), an odd node moves up unchanged,
/// root = keccak(0x02 ‖ length as u64 big-endian ‖ top). Incremental: memory is one hash a level.
class MerkleHasher {
 public:
  void update(ByteView bytes);
  Hash32 finish();

 private:
  void push_leaf(ByteView chunk);
  Bytes chunk_;
  std::uint64_t length_ = 0;
  std::uint64_t leaves_ = 0;
  std::vector<Hash32> pending_;  // one left sibling for each set bit of leaves_, top first
};

Hash32 merkle_root(ByteView bytes);

}  // namespace peaberry::crypto
