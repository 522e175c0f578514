// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// @notice What every settlement here offers: it pays its caller's credit to an address.
interface ICredits {
    function withdraw(address token, address to) external returns (uint256);
}

/// @notice A contract that shares out whatever arrives, and from which anybody sends anybody's part – to its owner only.
abstract contract Shares {
    using SafeERC20 for IERC20;

    uint256 internal constant BPS = 10_000;

    mapping(address token => mapping(address account => uint256)) public balances;
    mapping(address token => uint256) private _owed;

    event Withdrawn(address indexed token, address indexed account, uint256 amount);

    error NothingArrived();
    error NothingOwed();

    /// @dev What has arrived since the last time; from now on it is owed.
    function _takeIn(address token) internal returns (uint256 amount) {
        uint256 owed = _owed[token];
        amount = IERC20(token).balanceOf(address(this)) - owed;
        if (amount == 0) revert NothingArrived();
        _owed[token] = owed + amount;
    }

    /// @notice Sends `account` what is its own. Anybody may call: the money can only go there.
    function withdraw(address token, address account) external returns (uint256 amount) {
        amount = balances[token][account];
        if (amount == 0) revert NothingOwed();
        balances[token][account] = 0;
        _owed[token] -= amount;
        emit Withdrawn(token, account, amount);
        IERC20(token).safeTransfer(account, amount);
    }

    /// @notice Pulls what a settlement (JobEscrow, ReverseAuction …) holds for this contract.
    function collect(address settlement, address token) external {
        ICredits(settlement).withdraw(token, address(this));
    }
}
