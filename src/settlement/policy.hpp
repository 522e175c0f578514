#pragma once

#include <optional>
#include <peaberry/base/json.hpp>
#include <peaberry/base/u256.hpp>

#include "contracts.hpp"

namespace peaberry::settlement {

/// A tree of evidence: AND (n of n), OR (1 of n) and k-of-n gates over leaves. contracts/src/settlement/EvidencePolicy.sol has the encoding.
struct Policy {
  struct Leaf {
    Address verifier;
    std::uint64_t window = 0;  ///< seconds until an undisputed claim is accepted
    Bytes params;
    bool operator==(const Leaf&) const = default;
  };
  /// A leaf (no children) or a gate that needs `k` of its children.
  struct Node {
    std::size_t leaf = 0;
    unsigned k = 0;
    std::vector<Node> children;
    bool operator==(const Node&) const = default;
  };
  std::vector<Leaf> leaves;
  Node root;

  bool operator==(const Policy&) const = default;
  static Policy single(Leaf leaf);
  Bytes encode() const;
  Hash32 hash() const;
  /// Strict: what the contract refuses is refused here, with the byte's position. Bounded: at most 15 leaves.
  static Result<Policy> decode(ByteView bytes);
  /// The place of the first leaf that asks this verifier.
  std::optional<std::uint16_t> leaf_of(const Address& verifier) const;
  /// The longest window of an AND, the shortest of an OR, the k-th of a gate.
  std::uint64_t worst_window() const;

  /// {"allOf": […]}, {"anyOf": […]}, {"kOf": k, "of": […]} over {"quorum": {k, signers, commitWindow, bondToken, bond, window}},
  /// {"ownerAccept": {window, stake}}, {"direct": {}} or {"verifier": address, "window": s, "params": hex}.
  static Result<Policy> from_json(const json::Value& value, const Contracts& contracts);
};

/// The params of a QuorumVerifier leaf.
struct QuorumParams {
  unsigned k = 0;
  std::uint32_t commit_window = 0;
  Address bond_token;
  U256 bond;  ///< < 2^128
  std::vector<Address> signers;
  Bytes encode() const;
  static Result<QuorumParams> decode(ByteView params);
  /// The place of a signer, as its votes name it.
  std::optional<std::uint8_t> seat_of(const Address& signer) const;
};

/// A policy in words: who must do what until when, what each party risks, and what looks like a mistake.
struct PolicyText {
  std::vector<std::string> rules;     ///< one sentence a leaf and gate
  std::vector<std::string> clocks;
  std::string requester_worst, executor_worst;
  std::vector<std::string> warnings;
  json::Object to_json() const;
  std::string text() const;
};
/// Knows the verifiers of `contracts`; others are named by their address.
PolicyText describe(const Policy& policy, const Contracts& contracts);

}  // namespace peaberry::settlement
