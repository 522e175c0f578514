// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What is asked: nine fields, in this order, whose hash names the question on every chain.
/// @param chainId      chain of the settlement
/// @param settlement   contract that pays, or the registry that stores a claim without a sale
/// @param claimKind    1 inference, 2 sql, 3 quality, 4 training, 5 epoch, 6 message: what is claimed, never how it is shown
/// @param subjectRoot  commitment of what is asked: a model, an algorithm
/// @param inputRoot    commitment of what it is asked about
/// @param paramsHash   keccak256 of the parameters, 0 for none
/// @param policyHash   keccak256 of the evidence policy (see EvidencePolicy)
/// @param requester    who asks and is refunded; 0 for claims without a sale
/// @param nonce        tells equal questions of one requester apart
struct Job {
    uint256 chainId;
    address settlement;
    uint8 claimKind;
    bytes32 subjectRoot;
    bytes32 inputRoot;
    bytes32 paramsHash;
    bytes32 policyHash;
    address requester;
    uint256 nonce;
}

/// @notice Names of questions and answers. The C++ twin is src/settlement/job_id.cpp; both are compared on random inputs.
library JobIds {
    bytes32 internal constant TAG_JOB_V1 = keccak256("peaberry/job/1");
    bytes32 internal constant TAG_CLAIM_V1 = keccak256("peaberry/claim/1");

    /// @notice Names a question; rival answers share it.
    function jobId(Job calldata job) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG_JOB_V1, job));
    }

    /// @notice Names one party's answer.
    function claimId(bytes32 id, address executor, bytes32 outputHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG_CLAIM_V1, id, executor, outputHash));
    }
}
