// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Job} from "./Job.sol";

enum Status {
    None,
    Pending,
    Accepted,
    Rejected
}

/// @notice One way to believe a claimed result. Implementations never move job money.
///
/// `evidence` = abi.encode(bytes policy, uint16 leaf, bytes data). The verifier requires keccak256(policy) = job.policyHash and that
/// the leaf names itself. Evidence that does not verify reverts and changes nothing; `Rejected` is written only by evidence
/// *against* a claim. Accepted and Rejected are terminal.
interface IEvidenceVerifier {
    /// @notice Gives evidence for the claim that `executor` answered `job` with `outputHash`.
    function submit(Job calldata job, address executor, bytes32 outputHash, bytes calldata evidence) external payable returns (Status);

    /// @notice A function of storage and block time alone: a Pending claim past `finalAt` reads Accepted without a transaction.
    /// @return status  of the claim
    /// @return finalAt Unix seconds; 2^64-1 for a claim that time alone never accepts
    function status(bytes32 claimId) external view returns (Status status, uint64 finalAt);

    /// @notice The latest moment at which a running dispute over the claim ends; 0 when there is none.
    function disputedUntil(bytes32 claimId) external view returns (uint64);

    /// @notice What a policy's leaf means for the clocks and the requester's purse; a pure function of the leaf.
    /// @return quietSeconds  nothing may be claimed for so long after `open`, because a claim would tell the answer
    /// @return disputedMax   seconds from a claim to its end at worst, disputes included; 2^64-1: no bound
    /// @return stake         what the requester deposits at `open`, in the job's token
    function clocks(bytes calldata params, uint64 window) external view returns (uint64 quietSeconds, uint64 disputedMax, uint256 stake);
}

/// @notice A verifier whose `clocks` ask for a stake is told when it has arrived.
interface IStakeReceiver {
    /// @dev Called by job.settlement right after it sent `amount` of `token` here.
    function onStake(Job calldata job, address token, uint256 amount) external;
}

/// @notice What a settlement tells verifiers about its jobs.
interface IJobStates {
    enum JobState {
        None,
        Open,
        Claimed,
        Final,
        Refunded
    }

    function jobState(bytes32 jobId) external view returns (JobState state, uint64 openedAt);
}

/// @notice A contract that acts on an answer.
interface IJobCallback {
    /// @notice Called once with capped gas after the money has moved. If it fails, the payment stands and anybody may try again.
    /// @param output the canonical output bytes; keccak256(output) = outputHash was checked
    function onJobFinal(bytes32 jobId, bytes32 claimId, bytes32 outputHash, bytes calldata output) external;
}
