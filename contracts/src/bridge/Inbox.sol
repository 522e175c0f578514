// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {Message, Messages} from "./Message.sol";

/// @title Orders that arrive on a chain
/// @notice An executor fronts the price, the order's call is made with it, and the delivery is on record – once, and not after T_B. The record's
/// log is what signers prove to chain A. Nobody's allowance to this contract is ever used for anything but the caller's own delivery: the
/// call comes from `Courier`, which owns nothing and is trusted by nobody.
contract Inbox is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    Courier public immutable courier = new Courier();
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
        IERC20(message.token).safeTransferFrom(msg.sender, address(courier), message.price);
        courier.run(IERC20(message.token), message.price, message.target, message.data, msg.sender);
    }
}

/// @notice Makes an order's call with exactly the order's money, and gives back what is left of it.
contract Courier {
    using SafeERC20 for IERC20;

    address private immutable _inbox = msg.sender;

    error OnlyTheInbox();

    function run(IERC20 token, uint256 price, address target, bytes calldata data, address change) external {
        if (msg.sender != _inbox) revert OnlyTheInbox();
        token.forceApprove(target, price);
        (bool ok, bytes memory reason) = target.call(data);
        if (!ok || target.code.length == 0) revert Inbox.CallFailed(reason);
        if (token.allowance(address(this), target) != 0) token.forceApprove(target, 0);
        uint256 left = token.balanceOf(address(this));
        if (left != 0) token.safeTransfer(change, left);
    }
}
