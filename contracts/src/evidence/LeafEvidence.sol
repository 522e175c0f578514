// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EvidencePolicy} from "../settlement/EvidencePolicy.sol";
import {Job} from "../settlement/Job.sol";

/// @notice What every verifier checks of the evidence it is given before it looks at the data.
library LeafEvidence {
    error WrongPolicy(bytes32 policyHash);
    error NotThisVerifier(address named);
    error EvidenceMalformed();

    /// @notice Takes abi.encode(bytes policy, uint16 leaf, bytes data) apart and returns the leaf's params and window, and the data.
    function open(Job calldata job, bytes calldata evidence) internal view returns (bytes calldata params, uint64 window, bytes calldata data) {
        if (evidence.length < 96) revert EvidenceMalformed();
        bytes calldata policy = _bytesAt(evidence, 0);
        data = _bytesAt(evidence, 64);
        if (keccak256(policy) != job.policyHash) revert WrongPolicy(job.policyHash);
        EvidencePolicy.Leaf memory leaf;
        (leaf, params) = EvidencePolicy.leafAt(policy, uint256(bytes32(evidence[32:64])));
        if (leaf.verifier != address(this)) revert NotThisVerifier(leaf.verifier);
        window = leaf.window;
    }

    /// @dev The byte string whose offset stands in the word at `head`; bounded by the evidence.
    function _bytesAt(bytes calldata evidence, uint256 head) private pure returns (bytes calldata) {
        uint256 offset = uint256(bytes32(evidence[head:head + 32]));
        if (offset > evidence.length - 32) revert EvidenceMalformed();
        uint256 length = uint256(bytes32(evidence[offset:offset + 32]));
        if (length > evidence.length - 32 - offset) revert EvidenceMalformed();
        return evidence[offset + 32:offset + 32 + length];
    }
}
