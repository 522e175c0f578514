// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {ISubjectRegistry, Parent} from "./ISubjectRegistry.sol";

/// @notice What the registries of tables and models share: epochs, owners, parents. The owner of a subject is the owner of its data NFT
/// (Ocean's have the one token id 1).
abstract contract SubjectRegistry is ISubjectRegistry {
    uint256 internal constant MAX_PARENTS = 16;
    uint256 internal constant BPS = 10_000;

    struct Entry {
        bytes32 root;
        bytes32 parentsHash;
        uint64 epoch;
    }

    uint8 private immutable _kind;
    mapping(address nft => Entry) private _entries;
    /// @notice The root of each epoch, for good.
    mapping(address nft => mapping(uint64 epoch => bytes32 root)) public rootAt;

    event SubjectRegistered(address indexed nft, uint64 indexed epoch, bytes32 root, bytes32 parentsHash, Parent[] parents, bytes description);

    error NotTheOwner(address nft, address caller);
    error RootIsZero();
    error TooManyParents(uint256 count);
    error SharesTooLarge(uint256 bps);
    error OwnParent(address nft);

    constructor(uint8 kind) {
        _kind = kind;
    }

    /// @inheritdoc ISubjectRegistry
    function subjectOf(address nft) public view returns (uint8 kind, bytes32 root, uint64 epoch, bytes32 parentsHash) {
        Entry storage entry = _entries[nft];
        if (entry.epoch == 0) return (0, 0, 0, 0);
        return (_kind, entry.root, entry.epoch, entry.parentsHash);
    }

    /// @dev Makes the next epoch. `description` is what the root was computed from; it lives in the event.
    function _register(address nft, bytes32 root, Parent[] calldata parents, bytes memory description) internal returns (uint64 epoch) {
        if (IERC721(nft).ownerOf(1) != msg.sender) revert NotTheOwner(nft, msg.sender);
        if (root == 0) revert RootIsZero();
        if (parents.length > MAX_PARENTS) revert TooManyParents(parents.length);
        uint256 shares = 0;
        for (uint256 i = 0; i < parents.length; ++i) {
            if (parents[i].nft == nft) revert OwnParent(nft);
            shares += parents[i].shareBps;
        }
        if (shares > BPS) revert SharesTooLarge(shares);
        Entry storage entry = _entries[nft];
        epoch = ++entry.epoch;
        entry.root = root;
        entry.parentsHash = parents.length == 0 ? bytes32(0) : keccak256(abi.encode(parents));
        rootAt[nft][epoch] = root;
        emit SubjectRegistered(nft, epoch, root, entry.parentsHash, parents, description);
    }
}
