#include "evidence.hpp"

#include <peaberry/chain/abi.hpp>
#include <peaberry/crypto/words.hpp>

namespace peaberry::settlement {
namespace {

constexpr std::size_t kVoteHead = 75;

Hash32 digest_of(std::string_view name, const VerifierDomain& domain, const Hash32& struct_hash) { return crypto::typed_digest({name, "1", domain.chain_id, domain.verifier}, struct_hash); }

}  // namespace

Hash32 vote_commitment(const Hash32& job, const Address& signer, const Hash32& output_hash, const Hash32& salt) { return crypto::hash_words(job, signer, output_hash, salt); }

Hash32 vote_digest(const VerifierDomain& domain, const Hash32& job, const Hash32& output_hash, const Hash32& salt) {
  static const Hash32 kType = crypto::keccak256("Vote(bytes32 jobId,bytes32 outputHash,bytes32 salt)");
  return digest_of("Peaberry Quorum", domain, crypto::hash_words(kType, job, output_hash, salt));
}

Vote sign_vote(const VerifierDomain& domain, const crypto::PrivateKey& key, std::uint8_t place, const Hash32& job, const Hash32& output_hash, const Hash32& salt, std::uint64_t committed_at) {
  const auto signature = key.sign(vote_digest(domain, job, output_hash, salt)).rsv();
  return {place, committed_at, output_hash, salt, Bytes(signature.begin(), signature.end())};
}

Bytes encode_votes(const std::vector<Vote>& votes) {
  Bytes out;
  for (const Vote& vote : votes) {
    PB_ASSERT(vote.signature.size() <= 0xffff);
    out.push_back(vote.signer);
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(vote.committed_at >> shift));
    crypto::put_word(out, vote.output_hash), crypto::put_word(out, vote.salt);
    out.push_back(static_cast<std::uint8_t>(vote.signature.size() >> 8));
    out.push_back(static_cast<std::uint8_t>(vote.signature.size()));
    append(out, vote.signature);
  }
  return out;
}

Result<std::vector<Vote>> decode_votes(ByteView data) {
  std::vector<Vote> out;
  for (std::size_t at = 0; at < data.size();) {
    const auto malformed = [&] { return fail(Errc::kInvalid, "votes: the vote at byte " + std::to_string(at) + " is cut off"); };
    if (at + kVoteHead > data.size()) return malformed();
    const ByteView head = data.subspan(at, kVoteHead);
    const std::size_t length = std::size_t{head[73]} << 8 | head[74];
    if (at + kVoteHead + length > data.size()) return malformed();
    Vote vote;
    vote.signer = head[0];
    for (std::size_t i = 1; i < 9; ++i) vote.committed_at = vote.committed_at << 8 | head[i];
    std::copy_n(head.begin() + 9, 32, vote.output_hash.data.begin());
    std::copy_n(head.begin() + 41, 32, vote.salt.data.begin());
    vote.signature = to_bytes(data.subspan(at + kVoteHead, length));
    out.push_back(std::move(vote));
    at += kVoteHead + length;
  }
  return out;
}

Hash32 accept_digest(const VerifierDomain& domain, const Hash32& claim) {
  static const Hash32 kType = crypto::keccak256("Accept(bytes32 claimId)");
  return digest_of("Peaberry OwnerAccept", domain, crypto::hash_words(kType, claim));
}

Hash32 object_digest(const VerifierDomain& domain, const Hash32& claim) {
  static const Hash32 kType = crypto::keccak256("Object(bytes32 claimId)");
  return digest_of("Peaberry OwnerAccept", domain, crypto::hash_words(kType, claim));
}

Bytes encode_evidence(ByteView policy, std::uint16_t leaf, ByteView data) {
  static const chain::abi::Type kType = *chain::abi::Type::parse("(bytes,uint16,bytes)");
  auto encoded = chain::abi::encode(kType, chain::abi::Value::list({chain::abi::Value::of(policy), chain::abi::Value::of(std::uint64_t{leaf}), chain::abi::Value::of(data)}));
  PB_ASSERT(encoded);  // the types fit by construction
  return std::move(*encoded);
}

Hash32 stream_digest(const VerifierDomain& domain, const StreamCheckpoint& checkpoint) {
  static const Hash32 kType = crypto::keccak256("Checkpoint(bytes32 lease,uint256 seconds)");
  return digest_of("Peaberry Streams", domain, crypto::hash_words(kType, checkpoint.lease, U256{checkpoint.seconds}));
}

}  // namespace peaberry::settlement
