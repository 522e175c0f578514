// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Parent} from "../settlement/ISubjectRegistry.sol";
import {SubjectRegistry} from "../settlement/SubjectRegistry.sol";

/// @title Commitments of models
/// @notice A model is its weights, architecture, quantisation and the reference string its commitments were made under; the identity is free
/// of the chain. Its parents come from the training receipt, whose hash is kept beside them.
contract ModelRegistry is SubjectRegistry(2) {
    struct Model {
        bytes32 weights;
        bytes32 architecture;
        bytes32 quantisation;
        bytes32 srsId; // 0: keccak commitments
    }

    mapping(address nft => mapping(uint64 epoch => bytes32)) public receiptHashAt;

    /// @notice Registers the next epoch of the caller's model.
    function register(address nft, Model calldata model, Parent[] calldata parents, bytes32 receiptHash) external returns (uint64 epoch) {
        epoch = _register(nft, rootOf(model), parents, abi.encode(model, receiptHash));
        receiptHashAt[nft][epoch] = receiptHash;
    }

    function rootOf(Model calldata model) public pure returns (bytes32) {
        return keccak256(abi.encode(model));
    }
}
