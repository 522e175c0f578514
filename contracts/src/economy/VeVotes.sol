// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC5805} from "@openzeppelin/contracts/interfaces/IERC5805.sol";

/// @notice What is read of veOCEAN (Curve's VotingEscrow).
interface IVotingEscrow {
    function balanceOf(address account) external view returns (uint256);
    function balanceOfAt(address account, uint256 blockNumber) external view returns (uint256);
    function totalSupplyAt(uint256 blockNumber) external view returns (uint256);
}

/// @title Locked OCEAN as votes
/// @notice Reads veOCEAN the way OpenZeppelin's Governor asks. Nothing is stored and nothing can be delegated: a lock votes for itself.
/// @dev Clock = block numbers, because that is what VotingEscrow keeps. Only past blocks: the present one may still change.
contract VeVotes is IERC5805 {
    IVotingEscrow public immutable votingEscrow;

    error NotPast(uint256 timepoint);
    error NoDelegation();

    constructor(IVotingEscrow votingEscrow_) {
        votingEscrow = votingEscrow_;
    }

    function clock() public view returns (uint48) {
        return uint48(block.number);
    }

    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() external pure returns (string memory) {
        return "mode=blocknumber&from=default";
    }

    function getVotes(address account) external view returns (uint256) {
        return votingEscrow.balanceOf(account);
    }

    function getPastVotes(address account, uint256 timepoint) external view returns (uint256) {
        if (timepoint >= clock()) revert NotPast(timepoint);
        return votingEscrow.balanceOfAt(account, timepoint);
    }

    function getPastTotalSupply(uint256 timepoint) external view returns (uint256) {
        if (timepoint >= clock()) revert NotPast(timepoint);
        return votingEscrow.totalSupplyAt(timepoint);
    }

    function delegates(address account) external pure returns (address) {
        return account;
    }

    function delegate(address) external pure {
        revert NoDelegation();
    }

    function delegateBySig(address, uint256, uint256, uint8, bytes32, bytes32) external pure {
        revert NoDelegation();
    }
}
