#pragma once

#include <peaberry/base/u256.hpp>
#include <peaberry/bindings/voucher_channels.hpp>
#include <peaberry/crypto/keys.hpp>

namespace peaberry::settlement {

/// A payment channel's fixed part (contracts/src/settlement/VoucherChannels.sol); names and hashes are x402's `batch-settlement`.
using ChannelConfig = bindings::voucher_channels::ChannelConfig;

/// What the names of one settlement's channels hang on.
struct ChannelDomain {
  std::uint64_t chain_id = 0;
  Address settlement;  ///< VoucherChannels

  Hash32 channel_id(const ChannelConfig& config) const;
  /// Signed by the payer's authoriser: the receiver may claim `total` in all, whatever was promised before.
  Hash32 voucher_digest(const Hash32& channel, const U256& total) const;
  /// Signed by the receiver's authoriser: the payer may have `amount` back at once. `nonce` counts the channel's refunds.
  Hash32 refund_digest(const Hash32& channel, const U256& nonce, const U256& amount) const;

 private:
  Hash32 digest(const Hash32& struct_hash) const;
};

/// Who signs a channel's vouchers.
Address voucher_signer(const ChannelConfig& config);
/// The nonce of the ERC-3009 authorisation that pays a deposit: keccak256(abi.encode(channel, salt)).
Hash32 deposit_nonce(const Hash32& channel, const U256& salt);

/// EIP-3009's digests for a token's domain {name, version, chainId, token}.
struct TokenDomain {
  std::string name, version;
  std::uint64_t chain_id = 0;
  Address token;
};
struct Authorization {
  Address from, to;
  U256 value, valid_after, valid_before;
  Hash32 nonce;
};
Hash32 transfer_digest(const TokenDomain& domain, const Authorization& authorization);
Hash32 receive_digest(const TokenDomain& domain, const Authorization& authorization);

}  // namespace peaberry::settlement
