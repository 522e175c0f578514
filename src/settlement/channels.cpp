#include "channels.hpp"

#include <peaberry/crypto/hash.hpp>

namespace peaberry::settlement {
namespace {

void put(Bytes& out, const Hash32& word) { append(out, word.view()); }
void put(Bytes& out, const U256& value) { put(out, value.word()); }
void put(Bytes& out, const Address& address) {
  out.resize(out.size() + 12);
  append(out, address.view());
}
template <class... Words>
Hash32 hash_words(const Words&... words) {
  Bytes bytes;
  bytes.reserve(32 * sizeof...(words));
  (put(bytes, words), ...);
  return crypto::keccak256(bytes);
}
Hash32 typed(const Hash32& separator, const Hash32& struct_hash) {
  Bytes bytes{0x19, 0x01};
  put(bytes, separator), put(bytes, struct_hash);
  return crypto::keccak256(bytes);
}
Hash32 separator_of(std::string_view name, std::string_view version, std::uint64_t chain_id, const Address& contract) {
  static const Hash32 kType = crypto::keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
  return hash_words(kType, crypto::keccak256(name), crypto::keccak256(version), U256{chain_id}, contract);
}
Hash32 authorization_digest(const char* type, const TokenDomain& domain, const Authorization& a) {
  return typed(separator_of(domain.name, domain.version, domain.chain_id, domain.token), hash_words(crypto::keccak256(type), a.from, a.to, a.value, a.valid_after, a.valid_before, a.nonce));
}

}  // namespace

Hash32 ChannelDomain::digest(const Hash32& struct_hash) const { return typed(separator_of("x402 Batch Settlement", "1", chain_id, settlement), struct_hash); }

Hash32 ChannelDomain::channel_id(const ChannelConfig& config) const {
  static const Hash32 kType = crypto::keccak256("ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)");
  return digest(hash_words(kType, config.payer, config.payer_authorizer, config.receiver, config.receiver_authorizer, config.token, config.withdraw_delay, config.salt));
}

Hash32 ChannelDomain::voucher_digest(const Hash32& channel, const U256& total) const {
  static const Hash32 kType = crypto::keccak256("Voucher(bytes32 channelId,uint128 maxClaimableAmount)");
  return digest(hash_words(kType, channel, total));
}

Hash32 ChannelDomain::refund_digest(const Hash32& channel, const U256& nonce, const U256& amount) const {
  static const Hash32 kType = crypto::keccak256("Refund(bytes32 channelId,uint256 nonce,uint128 amount)");
  return digest(hash_words(kType, channel, nonce, amount));
}

Address voucher_signer(const ChannelConfig& config) { return config.payer_authorizer.is_zero() ? config.payer : config.payer_authorizer; }

Hash32 deposit_nonce(const Hash32& channel, const U256& salt) { return hash_words(channel, salt); }

Hash32 transfer_digest(const TokenDomain& domain, const Authorization& authorization) {
  return authorization_digest("TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)", domain, authorization);
}
Hash32 receive_digest(const TokenDomain& domain, const Authorization& authorization) {
  return authorization_digest("ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)", domain, authorization);
}

}  // namespace peaberry::settlement
