// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IJobStates} from "../settlement/IEvidenceVerifier.sol";
import {IJobEscrow, Terms} from "../settlement/IJobEscrow.sol";
import {EvidencePolicy} from "../settlement/EvidencePolicy.sol";
import {Job, JobIds} from "../settlement/Job.sol";
import {Message, Messages} from "./Message.sol";

/// @title Orders that leave a chain
/// @notice Holds no money: the price waits in JobEscrow, in a `message` job whose params are the message. Announcing checks that the two fit,
/// above all that nobody can be refunded on A while a delivery on B can still be made or shown.
contract Outbox {
    using JobIds for Job;

    uint8 internal constant CLAIM_KIND_MESSAGE = 6;

    /// @notice Seconds after T_B that signers wait for B's blocks to be final enough.
    uint64 public immutable confirmationSeconds;

    mapping(bytes32 messageHash => bytes32 jobId) public jobOf;

    event MessageSent(bytes32 indexed messageHash, bytes32 indexed jobId, Message message);

    error WrongMessage(string field);
    error RefundTooEarly(uint256 needed);
    error JobNotOpen();
    error SentBefore();

    constructor(uint64 confirmationSeconds_) {
        confirmationSeconds = confirmationSeconds_;
    }

    /// @notice Announces a message whose job is open. Anybody may: everything is checked.
    function send(Message calldata message, Job calldata job, Terms calldata terms, bytes calldata policy) external returns (bytes32 messageHash) {
        if (message.chainA != block.chainid) revert WrongMessage("chainA");
        if (message.outbox != address(this)) revert WrongMessage("outbox");
        if (message.escrow != job.settlement || job.chainId != block.chainid) revert WrongMessage("escrow");
        if (message.requester != job.requester) revert WrongMessage("requester");
        if (message.executor == address(0) || message.executor != terms.executor) revert WrongMessage("executor");
        if (message.jobNonce != job.nonce) revert WrongMessage("jobNonce");
        if (message.chainB == block.chainid) revert WrongMessage("chainB");
        messageHash = Messages.hash(message);
        if (job.paramsHash != messageHash || job.claimKind != CLAIM_KIND_MESSAGE) revert WrongMessage("job");
        if (keccak256(policy) != job.policyHash) revert WrongMessage("policy");
        if (jobOf[messageHash] != 0) revert SentBefore();
        // The last claim may come at the deadline less the policy's window: a delivery in B's last second must have been final by then.
        uint256 needed = uint256(message.deliverUntil) + confirmationSeconds + EvidencePolicy.worstWindow(policy);
        if (terms.deadline < needed) revert RefundTooEarly(needed);
        bytes32 jobId = job.jobId();
        _requireOpen(job, terms, policy, jobId);
        jobOf[messageHash] = jobId;
        emit MessageSent(messageHash, jobId, message);
    }

    /// @dev claimsOf reverts unless these are the job's own terms.
    function _requireOpen(Job calldata job, Terms calldata terms, bytes calldata policy, bytes32 jobId) private view {
        (IJobStates.JobState state,) = IJobStates(job.settlement).jobState(jobId);
        if (state != IJobStates.JobState.Open) revert JobNotOpen();
        IJobEscrow(job.settlement).claimsOf(job, terms, policy);
    }
}
