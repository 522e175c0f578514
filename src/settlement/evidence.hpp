#pragma once

#include <peaberry/base/u256.hpp>
#include <peaberry/crypto/keys.hpp>

namespace peaberry::settlement {

/// The EIP-712 domain of one of our verifiers.
struct VerifierDomain {
  std::uint64_t chain_id = 0;
  Address verifier;
};

/// A quorum signer's vote on a job's output (contracts/src/evidence/QuorumVerifier.sol).
struct Vote {
  std::uint8_t signer = 0;         ///< its place in the leaf's list
  std::uint64_t committed_at = 0;  ///< block time of its commitment, Unix seconds
  Hash32 output_hash;
  Hash32 salt;
  Bytes signature;                 ///< EIP-712, 65 bytes for a key
};
/// What a signer commits: keccak256(abi.encode(job, signer, output_hash, salt)).
Hash32 vote_commitment(const Hash32& job, const Address& signer, const Hash32& output_hash, const Hash32& salt);
/// What it signs, so that anybody may bring the vote along.
Hash32 vote_digest(const VerifierDomain& domain, const Hash32& job, const Hash32& output_hash, const Hash32& salt);
Vote sign_vote(const VerifierDomain& domain, const crypto::PrivateKey& key, std::uint8_t place, const Hash32& job, const Hash32& output_hash, const Hash32& salt, std::uint64_t committed_at);
/// The evidence data of a quorum leaf.
Bytes encode_votes(const std::vector<Vote>& votes);
/// Strict; bounded by the input. Errors name the byte.
Result<std::vector<Vote>> decode_votes(ByteView data);

/// What the requester signs to accept a claim at once, or to object to it (OwnerAcceptVerifier).
Hash32 accept_digest(const VerifierDomain& domain, const Hash32& claim);
Hash32 object_digest(const VerifierDomain& domain, const Hash32& claim);

/// abi.encode(bytes policy, uint16 leaf, bytes data): what a verifier takes when it is called directly.
Bytes encode_evidence(ByteView policy, std::uint16_t leaf, ByteView data);

// ---- other rails: streams (contracts/src/compute/LeaseStream.sol) and vouchers (channels.hpp) ----

/// A stream's agreed end of metering: `seconds` in all at the lease's rate.
struct StreamCheckpoint {
  Hash32 lease;
  std::uint64_t seconds = 0;
};
Hash32 stream_digest(const VerifierDomain& domain, const StreamCheckpoint& checkpoint);

/// One way to be paid. A rail never pays less than an earlier promise: `accept` refuses what is not more than before.
class Rail {
 public:
  virtual ~Rail() = default;
  /// Takes a signed promise of `total` units since the beginning; returns what it adds. kConflict when it adds nothing, kForbidden when
  /// the signature is another's, kPayment when the funds behind it do not suffice.
  virtual Result<U256> accept(const Hash32& account, const U256& total, ByteView signature) = 0;
  /// What has been promised and not yet been collected.
  virtual Result<U256> outstanding(const Hash32& account) = 0;
};

}  // namespace peaberry::settlement
