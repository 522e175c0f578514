// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Bytes kept as the code of a contract
/// @notice Reading costs a fraction of storage. The code begins with STOP, so that nobody can run it.
library StoredBytes {
    /// @dev EIP-170 less the leading STOP.
    uint256 internal constant MAX = 24_575;

    error CannotStore(uint256 size);

    function store(bytes memory data) internal returns (address code) {
        if (data.length > MAX) revert CannotStore(data.length);
        // Init code that returns what follows it.
        bytes memory init = abi.encodePacked(hex"61", uint16(data.length + 1), hex"80600a3d393df300", data);
        assembly ("memory-safe") {
            code := create(0, add(init, 32), mload(init))
        }
        if (code == address(0)) revert CannotStore(data.length);
    }

    /// @notice What `store` kept there.
    function load(address code) internal view returns (bytes memory data) {
        uint256 size = code.code.length - 1;
        data = new bytes(size);
        assembly ("memory-safe") {
            extcodecopy(code, add(data, 32), 1, size)
        }
    }
}
