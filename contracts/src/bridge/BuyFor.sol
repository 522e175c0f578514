// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @notice What is used of Ocean's fixed-rate exchange.
interface IFixedRateExchange {
    function buyDT(bytes32 exchangeId, uint256 datatokenAmount, uint256 maxBaseTokenAmount, address consumeMarketAddress, uint256 consumeMarketSwapFeeAmount) external;
}

/// @title Buying for somebody else
/// @notice Ocean's exchange hands datatokens to whoever calls it. An order from another chain is called by a courier that is gone in the same
/// transaction: this buys with the caller's allowance, gives the datatokens to the recipient and the change back. It owns nothing between calls.
contract BuyFor is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    error NothingBought();

    /// @param amount of datatokens, at whatever price the caller's allowance for this contract covers
    function buy(IFixedRateExchange exchange, bytes32 exchangeId, IERC20 base, IERC20 datatoken, uint256 amount, address recipient) external nonReentrant {
        uint256 most = base.allowance(msg.sender, address(this));
        uint256 baseBefore = base.balanceOf(address(this));
        uint256 boughtBefore = datatoken.balanceOf(address(this));
        base.safeTransferFrom(msg.sender, address(this), most);
        base.forceApprove(address(exchange), most);
        exchange.buyDT(exchangeId, amount, most, address(0), 0);
        base.forceApprove(address(exchange), 0);
        uint256 bought = datatoken.balanceOf(address(this)) - boughtBefore;
        if (bought < amount || amount == 0) revert NothingBought();
        datatoken.safeTransfer(recipient, bought);
        uint256 change = base.balanceOf(address(this)) - baseBefore;
        if (change != 0) base.safeTransfer(msg.sender, change);
    }
}
