// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IEvidenceVerifier, Status} from "./IEvidenceVerifier.sol";

/// @title Evidence policies: AND, OR and k-of-n trees of verifiers
/// @notice A policy is a byte string; its keccak256 stands in the job.
///
///   policy = count (1 B, 1..15) | leaf × count | token …
///   leaf   = verifier (20 B) | window (8 B) | length (2 B) | params (length B)
///   token  = 0x00: the next leaf | k × 16 + n: a gate over the n results before it, of which k are needed
///
/// Tokens are in postfix order; each leaf is used once, in order; AND is n-of-n, OR is 1-of-n, n ≥ 2. A verifier occurs once, so
/// that one (verifier, claim) pair has one meaning. One policy has one encoding.
/// C++ twin: src/settlement/policy.cpp.
library EvidencePolicy {
    uint64 internal constant NEVER = type(uint64).max;
    /// @dev What a verifier may use to tell a status. More is given than this, or the call reverts: a caller cannot starve it. And no more:
    /// eight claims by fifteen leaves, asked three times, must fit into one transaction (2^24 gas) even if each burns all of it.
    uint256 internal constant STATUS_GAS = 40_000;

    error PolicyEmpty();
    error PolicyMalformed(uint256 position);
    error VerifierTwice(address verifier);
    error LeafUnknown(uint256 index);
    error GasTooLow(uint256 needed);

    struct Leaf {
        address verifier;
        uint64 window;
        uint256 paramsAt; // where the params begin, in the policy
        uint256 next; // where the next leaf begins
    }

    /// @notice Reads the leaf that begins at `pos`.
    function leafFrom(bytes calldata policy, uint256 pos) internal pure returns (Leaf memory leaf) {
        if (pos + 30 > policy.length) revert PolicyMalformed(pos);
        leaf.verifier = address(bytes20(policy[pos:pos + 20]));
        leaf.window = uint64(bytes8(policy[pos + 20:pos + 28]));
        leaf.paramsAt = pos + 30;
        leaf.next = pos + 30 + uint16(bytes2(policy[pos + 28:pos + 30]));
        if (leaf.next > policy.length) revert PolicyMalformed(pos + 28);
    }

    /// @notice The leaf number `index` and its params.
    function leafAt(bytes calldata policy, uint256 index) internal pure returns (Leaf memory leaf, bytes calldata params) {
        if (policy.length == 0 || index >= uint8(policy[0])) revert LeafUnknown(index);
        leaf.next = 1;
        for (uint256 i = 0; i <= index; ++i) leaf = leafFrom(policy, leaf.next);
        params = policy[leaf.paramsAt:leaf.next];
    }

    /// @notice Reverts unless the policy is well formed and each verifier occurs once. Returns `worstWindow`.
    function validate(bytes calldata policy) internal pure returns (uint64) {
        if (policy.length == 0 || policy[0] == 0) revert PolicyEmpty();
        uint256 count = uint8(policy[0]);
        if (count > 15) revert PolicyMalformed(0);
        if (count == 1) {
            // Nearly every policy: the leaf, and one token for it.
            Leaf memory only = leafFrom(policy, 1);
            if (policy.length != only.next + 1 || policy[only.next] != 0) revert PolicyMalformed(only.next);
            return only.window;
        }
        address[] memory seen = new address[](count);
        uint256 pos = 1;
        for (uint256 i = 0; i < count; ++i) {
            Leaf memory leaf = leafFrom(policy, pos);
            for (uint256 j = 0; j < i; ++j) if (seen[j] == leaf.verifier) revert VerifierTwice(leaf.verifier);
            seen[i] = leaf.verifier;
            pos = leaf.next;
        }
        uint256 used = 0;
        uint256 depth = 0;
        for (; pos < policy.length; ++pos) {
            uint256 token = uint8(policy[pos]);
            if (token == 0) {
                ++used;
                ++depth;
                if (used > count) revert PolicyMalformed(pos);
            } else {
                uint256 k = token >> 4;
                uint256 n = token & 15;
                if (k == 0 || k > n || n < 2 || n > depth) revert PolicyMalformed(pos);
                depth = depth - n + 1;
            }
        }
        if (used != count || depth != 1) revert PolicyMalformed(policy.length);
        return worstWindow(policy);
    }

    /// @notice Seconds until an undisputed claim is accepted: the longest of an AND, the shortest of an OR, the k-th of a gate.
    function worstWindow(bytes calldata policy) internal pure returns (uint64) {
        uint256 count = uint8(policy[0]);
        if (count == 1) return leafFrom(policy, 1).window;
        uint64[] memory times = new uint64[](count);
        Status[] memory statuses = new Status[](count);
        uint256 pos = 1;
        for (uint256 i = 0; i < count; ++i) {
            Leaf memory leaf = leafFrom(policy, pos);
            times[i] = leaf.window;
            statuses[i] = Status.Pending;
            pos = leaf.next;
        }
        (, uint64 time) = _fold(policy, pos, statuses, times);
        return time;
    }

    /// @notice What the policy says of a claim now.
    function evaluate(bytes calldata policy, bytes32 claimId) internal view returns (Status, uint64) {
        uint256 count = uint8(policy[0]);
        if (count == 1) return _statusOf(leafFrom(policy, 1).verifier, claimId);
        uint64[] memory times = new uint64[](count);
        Status[] memory statuses = new Status[](count);
        uint256 pos = 1;
        for (uint256 i = 0; i < count; ++i) {
            Leaf memory leaf = leafFrom(policy, pos);
            (statuses[i], times[i]) = _statusOf(leaf.verifier, claimId);
            pos = leaf.next;
        }
        return _fold(policy, pos, statuses, times);
    }

    /// @notice The latest end of a dispute that runs over the claim in any leaf; 0 when none does.
    function disputedUntil(bytes calldata policy, bytes32 claimId) internal view returns (uint64 until) {
        uint256 count = uint8(policy[0]);
        uint256 pos = 1;
        for (uint256 i = 0; i < count; ++i) {
            Leaf memory leaf = leafFrom(policy, pos);
            (bool ok, uint256 time,) = _guardedCall(leaf.verifier, abi.encodeCall(IEvidenceVerifier.disputedUntil, (claimId)), 32);
            if (ok && time <= NEVER && time > until) until = uint64(time);
            pos = leaf.next;
        }
    }

    /// @dev A verifier that reverts, burns its gas or answers nonsense is taken as silent: it can hold up nobody's money.
    function _statusOf(address verifier, bytes32 claimId) private view returns (Status, uint64) {
        (bool ok, uint256 status, uint256 finalAt) = _guardedCall(verifier, abi.encodeCall(IEvidenceVerifier.status, (claimId)), 64);
        if (!ok || status > uint256(Status.Rejected) || finalAt > NEVER || status == uint256(Status.None)) return (Status.None, NEVER);
        return (Status(status), uint64(finalAt));
    }

    /// @dev Static call with exactly STATUS_GAS; copies two words whatever comes back.
    function _guardedCall(address to, bytes memory data, uint256 wanted) private view returns (bool ok, uint256 first, uint256 second) {
        // The callee gets all but 1/64 of what is left: with less than this it would see less than STATUS_GAS.
        uint256 needed = STATUS_GAS + STATUS_GAS / 63 + 3_000; // the rest is for the call itself and what comes after
        if (gasleft() < needed) revert GasTooLow(needed);
        uint256 gasGiven = STATUS_GAS;
        assembly ("memory-safe") {
            ok := staticcall(gasGiven, to, add(data, 32), mload(data), 0, 64)
            ok := and(ok, iszero(lt(returndatasize(), wanted)))
            first := mload(0)
            second := mload(32)
        }
    }

    /// @dev Runs the postfix tokens from `pos`. The stack lies in the two arrays' own front: each gate shrinks it.
    function _fold(bytes calldata policy, uint256 pos, Status[] memory statuses, uint64[] memory times) private pure returns (Status, uint64) {
        uint256 next = 0; // next leaf
        uint256 depth = 0; // results on the stack; depth ≤ next, so pushing never overwrites an unread leaf
        for (; pos < policy.length; ++pos) {
            uint256 token = uint8(policy[pos]);
            if (token == 0) {
                (statuses[depth], times[depth]) = (statuses[next], times[next]);
                ++next;
                ++depth;
            } else {
                uint256 n = token & 15;
                depth -= n;
                (statuses[depth], times[depth]) = _gate(statuses, times, depth, n, token >> 4);
                ++depth;
            }
        }
        return (statuses[0], times[0]);
    }

    /// @dev k of the n results from `from`: the k-th end in time among those not rejected.
    function _gate(Status[] memory statuses, uint64[] memory times, uint256 from, uint256 n, uint256 k) private pure returns (Status, uint64) {
        uint256 accepted = 0;
        uint256 alive = 0;
        bool any = false;
        uint64[] memory ends = new uint64[](n);
        for (uint256 i = from; i < from + n; ++i) {
            if (statuses[i] == Status.Rejected) continue;
            if (statuses[i] == Status.Accepted) ++accepted;
            if (statuses[i] != Status.None) any = true;
            uint256 j = alive++;
            for (; j > 0 && ends[j - 1] > times[i]; --j) ends[j] = ends[j - 1];
            ends[j] = times[i];
        }
        if (alive < k) return (Status.Rejected, 0);
        uint64 end = ends[k - 1];
        if (accepted >= k) return (Status.Accepted, end);
        return (any || alive < n ? Status.Pending : Status.None, end);
    }
}
