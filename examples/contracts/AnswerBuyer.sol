// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IJobCallback, IJobStates} from "@peaberry/contracts/settlement/IEvidenceVerifier.sol";
import {IJobEscrow, Terms} from "@peaberry/contracts/settlement/IJobEscrow.sol";
import {Job, JobIds} from "@peaberry/contracts/settlement/Job.sol";

/// @title Example: a contract that buys an answer and acts on it
/// @notice A greenhouse asks a published model whether to open its windows. Anybody may answer; whoever answers first, with evidence that the
/// policy accepts, is paid; the windows move in the callback.
///
/// What a callback must mind:
///  - Only the escrow may call it, and only for jobs that this contract opened: check both.
///  - It gets a fixed amount of gas, and if it fails the payment stands all the same. So do little, do not call strangers, and keep
///    the answer readable without it: `pull` below does the same by hand, from what the escrow stores.
///  - It may come more than once in the life of a contract and late: decide by the job's id, never by order.
contract AnswerBuyer is IJobCallback {
    using SafeERC20 for IERC20;

    IJobEscrow public immutable escrow;
    IERC20 public immutable token;
    address public immutable owner;

    bool public windowsOpen;
    /// @notice 0: not asked; 1: waiting; 2: acted upon.
    mapping(bytes32 jobId => uint8) public asked;
    uint256 private _nonce;

    event Asked(bytes32 indexed jobId);
    event Acted(bytes32 indexed jobId, bool open);

    error OnlyTheOwner();
    error OnlyTheEscrow();
    error NotAsked(bytes32 jobId);
    error NotPaidYet(bytes32 jobId);
    error WrongOutput();

    constructor(IJobEscrow escrow_, IERC20 token_) {
        (escrow, token, owner) = (escrow_, token_, msg.sender);
    }

    /// @notice Locks `price` of this contract's tokens and asks.
    function ask(bytes32 model, bytes32 input, bytes calldata policy, uint96 price, uint64 seconds_) external returns (bytes32 jobId) {
        if (msg.sender != owner) revert OnlyTheOwner();
        Job memory job = Job(block.chainid, address(escrow), 1, model, input, 0, keccak256(policy), address(this), ++_nonce);
        Terms memory terms;
        (terms.token, terms.amount, terms.deadline) = (address(token), price, uint64(block.timestamp) + seconds_);
        (terms.callback, terms.callbackGas) = (address(this), 100_000);
        token.forceApprove(address(escrow), price);
        jobId = escrow.open(job, terms, policy);
        asked[jobId] = 1;
        emit Asked(jobId);
    }

    /// @inheritdoc IJobCallback
    function onJobFinal(bytes32 jobId, bytes32, bytes32, bytes calldata output) external {
        if (msg.sender != address(escrow)) revert OnlyTheEscrow();
        _act(jobId, output);
    }

    /// @notice The same by hand, when the callback failed and nobody retries it: the escrow still knows the answer's hash.
    function pull(bytes32 jobId, bytes calldata output) external {
        bytes32 answer = escrow.answerOf(jobId);
        if (answer == 0) revert NotPaidYet(jobId);
        if (keccak256(output) != answer) revert WrongOutput();
        _act(jobId, output);
    }

    /// @notice Takes back what a refund or a metered claim returned.
    function collect() external {
        escrow.withdraw(address(token), owner);
    }

    function _act(bytes32 jobId, bytes calldata output) private {
        if (asked[jobId] == 0) revert NotAsked(jobId);
        if (asked[jobId] == 2) return; // callback and pull may both come
        asked[jobId] = 2;
        windowsOpen = abi.decode(output, (int256)) > 0;
        emit Acted(jobId, windowsOpen);
    }
}
