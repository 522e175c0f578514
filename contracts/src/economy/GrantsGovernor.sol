// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorSettings} from "@openzeppelin/contracts/governance/extensions/GovernorSettings.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {GovernorVotesQuorumFraction} from "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";

/// @title Grants by a vote of lockers
/// @notice Holds the community's half of the revenue and pays whom a proposal names: a proposal is a list of calls, usually one transfer.
/// OpenZeppelin's Governor with nothing added; its settings change only by a vote. Snapshots and deadlines are block numbers.
contract GrantsGovernor is Governor, GovernorSettings, GovernorCountingSimple, GovernorVotes, GovernorVotesQuorumFraction {
    /// @param votes           VeVotes
    /// @param delay           blocks from proposal to snapshot
    /// @param period          blocks of voting
    /// @param threshold       votes that a proposer needs
    /// @param quorumPercent   of all votes at the snapshot
    constructor(IVotes votes, uint48 delay, uint32 period, uint256 threshold, uint256 quorumPercent)
        Governor("Peaberry Grants")
        GovernorSettings(delay, period, threshold)
        GovernorVotes(votes)
        GovernorVotesQuorumFraction(quorumPercent)
    {}

    function proposalThreshold() public view override(Governor, GovernorSettings) returns (uint256) {
        return super.proposalThreshold();
    }
}
