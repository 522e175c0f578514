// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Shares} from "../settlement/Shares.sol";

/// @title Where the revenue of a use goes
/// @notice Parties and shares are fixed at making; what is left of them is the community's, half of it burned, half granted. Whatever token
/// arrives is shared out by anybody's call; payments go only where they belong.
/// @dev Each party's part is floored; the community has every rounding, and of that the grants.
contract RevenueRouter is Shares {
    /// @notice Burned is what lies here: OceanToken has no burn of its own.
    address public constant BURNED = 0x000000000000000000000000000000000000dEaD;
    uint256 internal constant MAX_PARTIES = 16;

    struct Party {
        address account;
        uint16 bps;
    }

    Party[] private _parties;
    address public immutable grants;
    uint16 public immutable communityBps;

    event Distributed(address indexed token, uint256 amount, uint256 burned, uint256 granted);

    error BadParties();

    constructor(Party[] memory parties_, address grants_) {
        if (parties_.length > MAX_PARTIES || grants_ == address(0)) revert BadParties();
        uint256 sum = 0;
        for (uint256 i = 0; i < parties_.length; ++i) {
            if (parties_[i].account == address(0)) revert BadParties();
            sum += parties_[i].bps;
            _parties.push(parties_[i]);
        }
        if (sum > BPS) revert BadParties();
        grants = grants_;
        communityBps = uint16(BPS - sum);
    }

    function parties() external view returns (Party[] memory) {
        return _parties;
    }

    /// @notice Shares out what has arrived since the last time.
    function distribute(address token) external returns (uint256 amount) {
        amount = _takeIn(token);
        uint256 left = amount;
        for (uint256 i = 0; i < _parties.length; ++i) {
            Party memory party = _parties[i];
            uint256 share = amount * party.bps / BPS;
            left -= share;
            balances[token][party.account] += share;
        }
        uint256 burned = communityBps == 0 ? 0 : left / 2;
        balances[token][BURNED] += burned;
        balances[token][grants] += left - burned;
        emit Distributed(token, amount, burned, left - burned);
    }
}
