// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

contract Token is ERC20, ERC20Permit {
    constructor() ERC20("Token", "TOK") ERC20Permit("Token") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @dev Takes 1 % of every transfer.
contract TaxToken is Token {
    function _update(address from, address to, uint256 amount) internal override {
        if (from != address(0) && to != address(0)) {
            super._update(from, address(0xdead), amount / 100);
            amount -= amount / 100;
        }
        super._update(from, to, amount);
    }
}

/// @dev Balances shrink when `rebase` is called.
contract RebaseToken is Token {
    function rebase(address account, uint256 percent) external {
        _burn(account, balanceOf(account) * percent / 100);
    }
}

/// @dev USDT's manner: transfers return nothing.
contract NoReturnToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @dev Says false and moves nothing once `lie` is set.
contract FalseToken is Token {
    bool public lie;

    function setLie(bool lie_) external {
        lie = lie_;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return lie ? false : super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return lie ? false : super.transferFrom(from, to, amount);
    }
}

contract BlacklistToken is Token {
    mapping(address => bool) public blocked;

    function setBlocked(address account, bool blocked_) external {
        blocked[account] = blocked_;
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!blocked[from] && !blocked[to], "blocked");
        super._update(from, to, amount);
    }
}

interface ITokenHook {
    function onToken(address from, address to, uint256 amount) external;
}

/// @dev Calls registered parties before and after a move, as ERC-777 does.
contract HookToken is Token {
    mapping(address => bool) public hooked;

    function setHook(bool on) external {
        hooked[msg.sender] = on;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (hooked[from]) ITokenHook(from).onToken(from, to, amount);
        super._update(from, to, amount);
        if (hooked[to]) ITokenHook(to).onToken(from, to, amount);
    }
}
