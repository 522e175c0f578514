// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice An order on chain A for something on chain B. Its hash is the paramsHash of the `message` job that pays for it on A.
/// @param chainA, outbox    where it was ordered
/// @param escrow, jobNonce  JobEscrow on A, and the job's nonce there: with the requester they name the job
/// @param chainB, inbox     where it is delivered
/// @param deliverUntil      T_B, last second of chain B for the delivery
/// @param requester         who ordered on A
/// @param executor          who delivers, and is paid on A: nobody can claim another's delivery
/// @param recipient         on B
/// @param token, price      what the executor fronts on B
/// @param target, data      the call on B that the price pays for
struct Message {
    uint256 chainA;
    address outbox;
    address escrow;
    uint256 jobNonce;
    uint256 chainB;
    address inbox;
    uint64 deliverUntil;
    address requester;
    address executor;
    address recipient;
    address token;
    uint96 price;
    address target;
    bytes data;
}

library Messages {
    bytes32 internal constant TAG = keccak256("peaberry/message/1");

    function hash(Message calldata message) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG, message));
    }
}
