// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a door uses of Ocean's Escrow (npm @oceanprotocol/contracts 2.6.0). The payee of a lock is whoever calls createLock.
interface IOceanEscrow {
    struct Lock {
        uint256 jobId;
        address payer;
        uint256 amount;
        uint256 expiry;
        address token;
    }

    function createLock(uint256 jobId, address token, address payer, uint256 amount, uint256 expiry) external;
    /// @dev Pays `amount` (≤ the lock) less Ocean's fee and frees the rest. For an expired lock it pays nothing and does not revert.
    function claimLockAndWithdraw(uint256 jobId, address token, address payer, uint256 amount, bytes calldata proof) external;
    /// @dev With amount 0: frees the lock at once.
    function claimLock(uint256 jobId, address token, address payer, uint256 amount, bytes calldata proof) external;
    function cancelExpiredLock(uint256 jobId, address token, address payer, address payee) external;
    function getLocks(address token, address payer, address payee) external view returns (Lock[] memory);
}
