// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Parent} from "../settlement/ISubjectRegistry.sol";
import {SubjectRegistry} from "../settlement/SubjectRegistry.sol";

/// @title Commitments of tables
/// @notice A table is its schema and the commitments of its columns; the scheme byte says how those were made (1: keccak Merkle root of each
/// column's canonical bytes, 1 kB leaves). A job over a table has inputRoot = keccak256(abi.encode(tableId, epoch, commitmentsHash)).
contract TableRegistry is SubjectRegistry(1) {
    struct Table {
        uint8 scheme;
        bytes32 schemaHash;
        bytes32 commitmentsHash; // keccak256 of the columns' commitments in order
        uint64 rows;
    }

    mapping(address nft => mapping(uint64 epoch => Table)) private _tables;

    error UnknownScheme(uint8 scheme);

    /// @notice Registers the next epoch of the caller's table.
    function register(address nft, Table calldata table, Parent[] calldata parents) external returns (uint64 epoch) {
        if (table.scheme != 1) revert UnknownScheme(table.scheme);
        epoch = _register(nft, rootOf(table), parents, abi.encode(table));
        _tables[nft][epoch] = table;
    }

    /// @notice The table as it was registered for an epoch.
    function tableAt(address nft, uint64 epoch) external view returns (Table memory) {
        return _tables[nft][epoch];
    }

    /// @notice Names a table on every chain; it does not change with epochs or schemes.
    function tableId(address nft) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), nft));
    }

    /// @notice What a job over this epoch must have as inputRoot.
    function inputRootOf(address nft, uint64 epoch) external view returns (bytes32) {
        return keccak256(abi.encode(tableId(nft), epoch, _tables[nft][epoch].commitmentsHash));
    }

    function rootOf(Table calldata table) public pure returns (bytes32) {
        return keccak256(abi.encode(table));
    }
}
