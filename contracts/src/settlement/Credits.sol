// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @notice What a contract owes to whom, until its owner takes it: nobody's payment waits for anybody else's account to take money.
abstract contract Credits {
    using SafeERC20 for IERC20;

    /// @notice What `account` may withdraw of `token`.
    mapping(address token => mapping(address account => uint256)) public balanceOf;

    event Withdrawn(address indexed account, address token, uint256 amount);

    error NothingOwed();
    error TransferTaxed(address token);

    /// @notice Sends what the caller is owed to `to` (0: to itself).
    function withdraw(address token, address to) external returns (uint256 amount) {
        amount = balanceOf[token][msg.sender];
        if (amount == 0) revert NothingOwed();
        balanceOf[token][msg.sender] = 0;
        emit Withdrawn(msg.sender, token, amount);
        IERC20(token).safeTransfer(to == address(0) ? msg.sender : to, amount);
    }

    function _credit(address token, address account, uint256 amount) internal {
        if (amount != 0) balanceOf[token][account] += amount;
    }

    /// @dev Takes `amount` from the caller; a token that keeps a part of it on the way is refused.
    function _pull(address token, uint256 amount) internal {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        if (IERC20(token).balanceOf(address(this)) - before != amount) revert TransferTaxed(token);
    }
}
