// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What listings, escrow, search and splitters read of a table or a model, whatever else its registry knows.
interface ISubjectRegistry {
    /// @return kind        1 table, 2 model; 0: not registered
    /// @return root        commitment of the present epoch
    /// @return epoch       counts registrations of this NFT, from 1
    /// @return parentsHash keccak256(abi.encode(Parent[])) of the present epoch; 0: no parents
    function subjectOf(address nft) external view returns (uint8 kind, bytes32 root, uint64 epoch, bytes32 parentsHash);
}

/// @notice Something that a subject was made from, and its share of what the subject earns.
struct Parent {
    address nft;
    uint64 epoch;
    uint16 shareBps;
}
