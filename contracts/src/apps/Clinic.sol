// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IJobCallback} from "../settlement/IEvidenceVerifier.sol";
import {IJobEscrow, Terms} from "../settlement/IJobEscrow.sol";
import {Job} from "../settlement/Job.sol";

/// @title A clinic that acts on accepted answers
/// @notice Asks a registered model about a case – commitments only, no names – and, when an answer is accepted, puts the case on the list of
/// those to be seen first or not. The answer is an integer class in 32 bytes, as QOps' argmax gives it.
contract Clinic is IJobCallback {
    using SafeERC20 for IERC20;

    enum Triage {
        Unknown,
        Asked,
        Routine,
        Urgent
    }

    IJobEscrow public immutable escrow;
    IERC20 public immutable token;
    address public immutable physician;
    mapping(bytes32 jobId => Triage) public triageOf;
    uint256 public urgentCases;
    uint256 private _nonce;

    event CaseAsked(bytes32 indexed jobId, bytes32 indexed inputRoot);
    event CaseDecided(bytes32 indexed jobId, Triage triage);

    error OnlyThePhysician();
    error OnlyTheEscrow();
    error NotAsked(bytes32 jobId);
    error NotAClass(bytes output);

    constructor(IJobEscrow escrow_, IERC20 token_) {
        (escrow, token, physician) = (escrow_, token_, msg.sender);
    }

    /// @notice Asks with `price` of the clinic's tokens. Fields of `terms` that say who is paid and how are the caller's; token, amount and
    /// callback are the clinic's.
    function ask(bytes32 model, bytes32 input, bytes calldata policy, Terms memory terms) external returns (bytes32 jobId) {
        if (msg.sender != physician) revert OnlyThePhysician();
        Job memory job = Job(block.chainid, address(escrow), 1, model, input, 0, keccak256(policy), address(this), ++_nonce);
        (terms.token, terms.callback, terms.callbackGas, terms.door, terms.lockSeconds) = (address(token), address(this), 120_000, address(0), 0);
        token.forceApprove(address(escrow), terms.amount);
        jobId = escrow.open(job, terms, policy);
        triageOf[jobId] = Triage.Asked;
        emit CaseAsked(jobId, input);
    }

    /// @inheritdoc IJobCallback
    function onJobFinal(bytes32 jobId, bytes32, bytes32, bytes calldata output) external {
        if (msg.sender != address(escrow)) revert OnlyTheEscrow();
        if (triageOf[jobId] != Triage.Asked) revert NotAsked(jobId);
        if (output.length != 32 || uint256(bytes32(output)) > 1) revert NotAClass(output);
        bool urgent = uint256(bytes32(output)) == 1;
        triageOf[jobId] = urgent ? Triage.Urgent : Triage.Routine;
        if (urgent) ++urgentCases;
        emit CaseDecided(jobId, triageOf[jobId]);
    }

    /// @notice Takes back what unpaid questions returned to the clinic.
    function reclaim() external {
        escrow.withdraw(address(token), address(this));
    }

    /// @notice The physician takes the clinic's money out.
    function close(address to) external {
        if (msg.sender != physician) revert OnlyThePhysician();
        token.safeTransfer(to, token.balanceOf(address(this)));
    }
}
