// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice A registry whose subjects are committed for proofs: tables and models that were admitted (docs/reference/proof-protocol.md §8).
interface ICommitments {
    /// @param subjectRoot  names one epoch of one subject
    /// @return commitments phase-0 commitments, 64 bytes each, in the order of the plans over it; empty: unknown
    /// @return epoch       of the subject
    /// @return rows        that are live; 0 for subjects without rows
    /// @return salt        chain randomness drawn after registration
    /// @return inputRoot   what a job over this subject has as inputRoot when it asks with nothing else
    function commitmentsOf(bytes32 subjectRoot) external view returns (bytes memory commitments, uint64 epoch, uint64 rows, bytes32 salt, bytes32 inputRoot);
}
