#pragma once

#include <peaberry/base/u256.hpp>
#include <string_view>

#include "hash.hpp"

namespace peaberry::crypto {

/// Appends a static value as abi.encode writes it: 32 bytes, addresses and numbers to the right.
void put_word(Bytes& out, const Hash32& value);
void put_word(Bytes& out, const U256& value);
void put_word(Bytes& out, const Address& value);

/// keccak256(abi.encode(values…)) of static values.
template <class... Values>
Hash32 hash_words(const Values&... values) {
  Bytes words;
  words.reserve(32 * sizeof...(values));
  (put_word(words, values), ...);
  return keccak256(words);
}

/// EIP-712 by hand, where a struct's hash is known: the domain of a contract, and the digest that is signed.
struct TypedDomain {
  std::string_view name, version;
  std::uint64_t chain_id = 0;
  Address contract;
};
Hash32 typed_digest(const TypedDomain& domain, const Hash32& struct_hash);

}  // namespace peaberry::crypto
