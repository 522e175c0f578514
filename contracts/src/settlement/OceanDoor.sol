// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IJobEscrow, Terms} from "./IJobEscrow.sol";
import {IOceanEscrow} from "./IOceanEscrow.sol";
import {Job} from "./Job.sol";

/// @title The payee of Ocean Escrow locks whose money only evidence releases
/// @notice One for each compute environment, made by JobEscrow. Ocean's clients authorise this address as they would a node's;
/// its operator opens jobs, and what it locks can leave only through JobEscrow: to the executor of an accepted claim, or back.
/// Operator, token and policy never change, so that a payer who authorised the door knows what may be asked of the money.
contract OceanDoor {
    using SafeERC20 for IERC20;

    IJobEscrow public immutable escrow;
    IOceanEscrow public immutable oceanEscrow;
    address public immutable operator;
    IERC20 public immutable token;
    bytes32 public immutable policyHash;

    error NotTheOperator(address caller);
    error NotTheEscrow(address caller);
    error OtherToken(address token);
    error OtherPolicy(bytes32 policyHash);

    constructor(IJobEscrow escrow_, IOceanEscrow oceanEscrow_, address operator_, IERC20 token_, bytes32 policyHash_) {
        escrow = escrow_;
        oceanEscrow = oceanEscrow_;
        operator = operator_;
        token = token_;
        policyHash = policyHash_;
    }

    /// @notice Locks terms.amount of the requester's deposit in Ocean's Escrow for terms.lockSeconds and opens the job.
    function open(Job calldata job, Terms calldata terms, bytes calldata policy) external returns (bytes32 jobId) {
        if (msg.sender != operator) revert NotTheOperator(msg.sender);
        if (terms.token != address(token)) revert OtherToken(terms.token);
        if (job.policyHash != policyHash) revert OtherPolicy(job.policyHash);
        jobId = escrow.openFromOcean(job, terms, policy);
        oceanEscrow.createLock(uint256(jobId), terms.token, job.requester, terms.amount, terms.lockSeconds);
    }

    /// @notice Claims `amount` of the lock and hands over what really came: less Ocean's fee, nothing when the lock had expired.
    function release(bytes32 jobId, address payer, uint256 amount) external {
        if (msg.sender != address(escrow)) revert NotTheEscrow(msg.sender);
        uint256 before = token.balanceOf(address(this));
        oceanEscrow.claimLockAndWithdraw(uint256(jobId), address(token), payer, amount, "");
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != 0) token.safeTransfer(address(escrow), received);
    }

    /// @notice Frees the lock for the payer. Only an expired one (`lapsed`) may be gone already, cancelled by anybody: then the payer has the
    /// money. One that stands must be freed here, or all of the refund reverts: a failure that is passed over would leave it locked.
    function free(bytes32 jobId, address payer, bool lapsed) external {
        if (msg.sender != address(escrow)) revert NotTheEscrow(msg.sender);
        if (!lapsed) return oceanEscrow.claimLock(uint256(jobId), address(token), payer, 0, "");
        try oceanEscrow.claimLock(uint256(jobId), address(token), payer, 0, "") {} catch {}
    }
}

/// @title Makes the doors of one JobEscrow
/// @notice Apart from it only because a contract holds the code of what it creates, and 24 kB are soon full.
contract OceanDoors {
    IJobEscrow public immutable escrow = IJobEscrow(msg.sender);

    function make(IOceanEscrow oceanEscrow, address operator, IERC20 token, bytes32 policyHash) external returns (address) {
        if (msg.sender != address(escrow)) revert OceanDoor.NotTheEscrow(msg.sender);
        return address(new OceanDoor(escrow, oceanEscrow, operator, token, policyHash));
    }
}
