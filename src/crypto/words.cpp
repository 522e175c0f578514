#include "words.hpp"

namespace peaberry::crypto {

void put_word(Bytes& out, const Hash32& value) { append(out, value.view()); }
void put_word(Bytes& out, const U256& value) { put_word(out, value.word()); }
void put_word(Bytes& out, const Address& value) {
  out.resize(out.size() + 12);
  append(out, value.view());
}

Hash32 typed_digest(const TypedDomain& domain, const Hash32& struct_hash) {
  static const Hash32 kType = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
  Bytes bytes{0x19, 0x01};
  put_word(bytes, hash_words(kType, keccak256(domain.name), keccak256(domain.version), U256{domain.chain_id}, domain.contract));
  put_word(bytes, struct_hash);
  return keccak256(bytes);
}

}  // namespace peaberry::crypto
