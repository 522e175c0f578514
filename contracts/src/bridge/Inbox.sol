// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {Message, Messages} from "./Message.sol";

/// @title Orders that arrive on a chain
/// @notice An executor fronts the price, the order's call is made with it, and the delivery is on record – once, and not after T_B. The record's
/// log is what signers prove to chain A. Nobody's allowance to this contract is ever used for anything but the caller's own delivery: the
/// call comes from a `Courier` of this one delivery, which owns nothing else and is gone afterwards, with whatever it was made to approve.
contract Inbox is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    mapping(bytes32 messageHash => uint64 time) public deliveredAt;

    event Delivered(bytes32 indexed messageHash, address indexed executor, address indexed recipient, uint256 chainA, uint64 time);

    error WrongMessage(string field);
    error TooLate(uint64 deliverUntil);
    error DeliveredBefore(uint64 time);
    error NotTheExecutor(address caller);
    error CallFailed(bytes reason);

    /// @notice Delivers with the caller's money. The message is nobody's word: an order that was never made on A is not paid there.
    function deliver(Message calldata message) external nonReentrant returns (bytes32 messageHash) {
        if (message.chainB != block.chainid) revert WrongMessage("chainB");
        if (message.inbox != address(this)) revert WrongMessage("inbox");
        if (block.timestamp > message.deliverUntil) revert TooLate(message.deliverUntil);
        if (msg.sender != message.executor) revert NotTheExecutor(msg.sender);
        messageHash = Messages.hash(message);
        if (deliveredAt[messageHash] != 0) revert DeliveredBefore(deliveredAt[messageHash]);
        deliveredAt[messageHash] = uint64(block.timestamp);
        emit Delivered(messageHash, msg.sender, message.recipient, message.chainA, uint64(block.timestamp));
        bytes memory code = abi.encodePacked(type(Courier).creationCode, abi.encode(message.token, message.price, message.target, message.data, msg.sender));
        // Its address is known before it is, so that the money waits there.
        address courier = address(uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), messageHash, keccak256(code))))));
        IERC20(message.token).safeTransferFrom(msg.sender, courier, message.price);
        assembly ("memory-safe") {
            if iszero(create2(0, add(code, 32), mload(code), messageHash)) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }
}

/// @notice Makes an order's call with exactly the order's money and gives back what is left of it, all in its constructor.
contract Courier {
    using SafeERC20 for IERC20;

    constructor(IERC20 token, uint256 price, address target, bytes memory data, address change) {
        token.forceApprove(target, price);
        (bool ok, bytes memory reason) = target.call(data);
        if (!ok || target.code.length == 0) revert Inbox.CallFailed(reason);
        uint256 left = token.balanceOf(address(this));
        if (left != 0) token.safeTransfer(change, left);
        assembly ("memory-safe") {
            return(0, 0) // no code stays, and what was approved to anybody is worth nothing
        }
    }
}
