#include "channels.hpp"

#include <peaberry/crypto/words.hpp>

namespace peaberry::settlement {
namespace {

Hash32 authorization_digest(const char* type, const TokenDomain& domain, const Authorization& a) {
  return crypto::typed_digest({domain.name, domain.version, domain.chain_id, domain.token}, crypto::hash_words(crypto::keccak256(type), a.from, a.to, a.value, a.valid_after, a.valid_before, a.nonce));
}

}  // namespace

Hash32 ChannelDomain::digest(const Hash32& struct_hash) const { return crypto::typed_digest({"x402 Batch Settlement", "1", chain_id, settlement}, struct_hash); }

Hash32 ChannelDomain::channel_id(const ChannelConfig& config) const {
  static const Hash32 kType = crypto::keccak256("ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)");
  return digest(crypto::hash_words(kType, config.payer, config.payer_authorizer, config.receiver, config.receiver_authorizer, config.token, config.withdraw_delay, config.salt));
}

Hash32 ChannelDomain::voucher_digest(const Hash32& channel, const U256& total) const {
  static const Hash32 kType = crypto::keccak256("Voucher(bytes32 channelId,uint128 maxClaimableAmount)");
  return digest(crypto::hash_words(kType, channel, total));
}

Hash32 ChannelDomain::refund_digest(const Hash32& channel, const U256& nonce, const U256& amount) const {
  static const Hash32 kType = crypto::keccak256("Refund(bytes32 channelId,uint256 nonce,uint128 amount)");
  return digest(crypto::hash_words(kType, channel, nonce, amount));
}

Address voucher_signer(const ChannelConfig& config) { return config.payer_authorizer.is_zero() ? config.payer : config.payer_authorizer; }

Hash32 deposit_nonce(const Hash32& channel, const U256& salt) { return crypto::hash_words(channel, salt); }

Hash32 transfer_digest(const TokenDomain& domain, const Authorization& authorization) {
  return authorization_digest("TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)", domain, authorization);
}
Hash32 receive_digest(const TokenDomain& domain, const Authorization& authorization) {
  return authorization_digest("ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)", domain, authorization);
}

}  // namespace peaberry::settlement
