// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice The cheat codes that these tests use (Foundry book, "Cheatcodes Reference").
interface Vm {
    function warp(uint256 timestamp) external;
    function roll(uint256 number) external;
    function chainId(uint256 id) external;
    function prank(address sender) external;
    function prank(address sender, address origin) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function deal(address account, uint256 wei_) external;
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function assume(bool condition) external pure;
    function expectRevert() external;
    function expectRevert(bytes4 selector) external;
    function expectRevert(bytes calldata data) external;
    function expectEmit() external;
    function etch(address account, bytes calldata code) external;
    function readFile(string calldata path) external view returns (string memory);
    function parseBytes(string calldata text) external pure returns (bytes memory);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function getCode(string calldata artifact) external view returns (bytes memory);
    function projectRoot() external view returns (string memory);
    function snapshotValue(string calldata group, string calldata name, uint256 value) external;
    function lastCallGas() external view returns (Gas memory);
    function cool(address target) external;
    function label(address account, string calldata name) external;

    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);

    struct Gas {
        uint64 gasLimit;
        uint64 gasTotalUsed;
        uint64 gasMemoryUsed;
        int64 gasRefunded;
        uint64 gasRemaining;
    }
}

/// @notice Tests' ground: the cheat codes and a few assertions that say both values.
abstract contract Base {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    bool public constant IS_TEST = true;

    error NotEqual(string what, uint256 got, uint256 wanted);
    error NotEqualBytes(string what, bytes32 got, bytes32 wanted);
    error Not(string what);

    function assertEq(uint256 got, uint256 wanted, string memory what) internal pure {
        if (got != wanted) revert NotEqual(what, got, wanted);
    }

    function assertEq(bytes32 got, bytes32 wanted, string memory what) internal pure {
        if (got != wanted) revert NotEqualBytes(what, got, wanted);
    }

    function assertEq(address got, address wanted, string memory what) internal pure {
        if (got != wanted) revert NotEqualBytes(what, bytes32(uint256(uint160(got))), bytes32(uint256(uint160(wanted))));
    }

    function assertTrue(bool condition, string memory what) internal pure {
        if (!condition) revert Not(what);
    }

    /// @dev A file of tests/vectors: one line of hex.
    function readVectors(string memory name) internal view returns (bytes memory) {
        bytes memory line = bytes(vm.readFile(string.concat(vm.projectRoot(), "/../tests/vectors/", name)));
        assembly ("memory-safe") {
            mstore(line, sub(mload(line), 1)) // its end of line
        }
        return vm.parseBytes(string(line));
    }

    function bound(uint256 x, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + x % (high - low + 1);
    }
}

/// @notice A test whose own functions are the actors: forge calls them at random between looks at the invariants. With fail_on_revert off a
/// revert in an actor is only skipped, assertions included: what must never happen is written into `wrong`, and an invariant asserts that.
abstract contract Actors is Base {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    string internal wrong;

    /// @dev The actors; one that is named twice acts twice as often.
    function _actors() internal pure virtual returns (bytes4[] memory);

    function targetContracts() public view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(this);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory list) {
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector(address(this), _actors());
    }
}
