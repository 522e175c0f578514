// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {ISubjectRegistry, Parent} from "./ISubjectRegistry.sol";
import {Shares} from "./Shares.sol";

/// @title Revenue by lineage
/// @notice One splitter for each (registry, NFT), at an address known before it exists. What arrives belongs to the parents by their shares
/// and the rest, with every rounding, to the NFT's owner. A parent's part goes to the parent's own splitter of the same registry or of the
/// other one named at making: one call splits one generation, so that a chain of any depth costs each level the same and nobody can make
/// a split too dear to run. Payments are pulled.
contract LineageSplitter is Shares {
    LineageSplitters public immutable factory;
    ISubjectRegistry public immutable registry;
    address public immutable nft;
    bytes32 private immutable _codeHash; // of every splitter's creation code: their addresses are computed here
    ISubjectRegistry private immutable _tables;
    ISubjectRegistry private immutable _models;

    event Split(address indexed token, uint256 amount, uint64 epoch, uint256 toOwner);

    error NotRegistered();
    error WrongParents();

    /// @dev Without arguments, so that one code hash and a salt give every address: the factory says what is being made.
    constructor() {
        factory = LineageSplitters(msg.sender);
        (registry, nft, _tables, _models, _codeHash) = factory.making();
    }

    /// @notice Shares out what has arrived since the last split, by the parents of the present epoch. Anybody may call.
    /// @param parents  as registered: their hash is the registry's parentsHash
    /// @param registries where each parent is registered (tables and models have different ones)
    function split(address token, Parent[] calldata parents, ISubjectRegistry[] calldata registries) external returns (uint256 amount) {
        (uint8 kind,, uint64 epoch, bytes32 parentsHash) = registry.subjectOf(nft);
        if (kind == 0) revert NotRegistered();
        if (parents.length != registries.length || (parents.length == 0 ? parentsHash != 0 : keccak256(abi.encode(parents)) != parentsHash)) revert WrongParents();
        amount = _takeIn(token);
        uint256 left = amount;
        for (uint256 i = 0; i < parents.length; ++i) left -= _share(token, amount, parents[i], registries[i]);
        balances[token][IERC721(nft).ownerOf(1)] += left;
        emit Split(token, amount, epoch, left);
    }

    function _share(address token, uint256 amount, Parent calldata parent, ISubjectRegistry parentRegistry) private returns (uint256 share) {
        if (address(parentRegistry) != address(_tables) && address(parentRegistry) != address(_models)) revert WrongParents();
        (uint8 kind,,,) = parentRegistry.subjectOf(parent.nft);
        if (kind == 0) revert WrongParents();
        share = amount * parent.shareBps / BPS;
        balances[token][SplitterAddress.locate(address(factory), _codeHash, parentRegistry, parent.nft)] += share;
    }
}

library SplitterAddress {
    function salt(ISubjectRegistry registry, address nft) internal pure returns (bytes32) {
        return keccak256(abi.encode(registry, nft));
    }

    function locate(address factory, bytes32 codeHash, ISubjectRegistry registry, address nft) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), factory, salt(registry, nft), codeHash)))));
    }
}

/// @title Makes splitters at predictable addresses
/// @notice Its registries are fixed when it is made: a parent cannot be looked up in a registry that somebody invented.
contract LineageSplitters {
    ISubjectRegistry public immutable tables;
    ISubjectRegistry public immutable models;
    bytes32 private immutable _codeHash = keccak256(type(LineageSplitter).creationCode);
    address private transient _registryOfNew;
    address private transient _nftOfNew;

    event SplitterMade(address indexed splitter, address indexed registry, address indexed nft);

    error UnknownRegistry(address registry);

    constructor(ISubjectRegistry tables_, ISubjectRegistry models_) {
        tables = tables_;
        models = models_;
    }

    function isRegistry(ISubjectRegistry registry) public view returns (bool) {
        return address(registry) == address(tables) || address(registry) == address(models);
    }

    /// @notice Where the splitter of a subject is, or will be.
    function splitterOf(ISubjectRegistry registry, address nft) public view returns (address) {
        return SplitterAddress.locate(address(this), _codeHash, registry, nft);
    }

    /// @notice What is being made: for the constructor of a splitter.
    function making() external view returns (ISubjectRegistry, address, ISubjectRegistry, ISubjectRegistry, bytes32) {
        return (ISubjectRegistry(_registryOfNew), _nftOfNew, tables, models, _codeHash);
    }

    function make(ISubjectRegistry registry, address nft) external returns (address splitter) {
        if (!isRegistry(registry)) revert UnknownRegistry(address(registry));
        splitter = splitterOf(registry, nft);
        if (splitter.code.length != 0) return splitter;
        (_registryOfNew, _nftOfNew) = (address(registry), nft);
        new LineageSplitter{salt: SplitterAddress.salt(registry, nft)}();
        emit SplitterMade(splitter, address(registry), nft);
    }
}
