// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @notice A lease's fixed part. Its hash names it; every call brings it along.
/// @param tenant   pays, may close, gets the rest back
/// @param provider is paid
/// @param payer    opens it with its money: nobody else can take the name
/// @param rate     token units a second
/// @param salt     tells equal leases apart
struct Lease {
    address tenant;
    address provider;
    address payer;
    address token;
    uint96 rate;
    bytes32 salt;
}

/// @title Machines paid by the second
/// @notice What a provider has earned is rate × whole seconds since the start, at most what was put in: computed at any touch, never stepped
/// through. A lease whose money has run out stands still and owes nothing; topping it up starts the clock again. Either side may close at
/// any time; neither can keep the other's part by staying away.
/// @dev Akash's escrow rules (x/escrow), with one storage slot a lease and no shortfall carried along: a provider stops when it is not paid.
contract LeaseStream is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    bytes32 internal constant TAG = keccak256("peaberry/lease/1");

    enum Status {
        None,
        Active,
        Exhausted,
        Closed
    }

    /// @dev One slot. startedAt moves forward by the time that a lease stood still; closedAt 0: open.
    struct Meter {
        uint96 deposited;
        uint96 taken;
        uint32 startedAt;
        uint32 closedAt;
    }

    mapping(bytes32 leaseId => Meter) private _meters;

    event LeaseOpened(bytes32 indexed leaseId, address indexed tenant, address indexed provider, Lease lease, uint96 deposit);
    event LeasePaid(bytes32 indexed leaseId, uint256 amount);
    event LeaseToppedUp(bytes32 indexed leaseId, uint96 amount);
    event LeaseClosed(bytes32 indexed leaseId, address by, uint16 reason, uint256 earned, uint256 returned);

    error BadLease(string field);
    error LeaseExists();
    error LeaseNotActive();
    error NotAParty(address caller);
    error NothingToPay();

    /// @notice keccak256(abi.encode(keccak256("peaberry/lease/1"), chainid, this, lease)).
    function leaseIdOf(Lease calldata lease) public view returns (bytes32) {
        return keccak256(abi.encode(TAG, block.chainid, address(this), lease));
    }

    /// @notice Starts a lease with the caller's money, which it must have approved; the caller is lease.payer. The rest belongs to lease.tenant.
    /// @return leaseId its name
    function open(Lease calldata lease, uint96 amount) external nonReentrant returns (bytes32 leaseId) {
        if (lease.payer != msg.sender) revert BadLease("payer");
        if (lease.rate == 0) revert BadLease("rate");
        if (lease.provider == address(0)) revert BadLease("provider");
        if (lease.tenant == address(0)) revert BadLease("tenant");
        leaseId = leaseIdOf(lease);
        if (_meters[leaseId].startedAt != 0) revert LeaseExists();
        uint96 received = _pull(lease.token, amount);
        if (received < lease.rate) revert BadLease("amount");
        _meters[leaseId] = Meter(received, 0, uint32(block.timestamp), 0);
        emit LeaseOpened(leaseId, lease.tenant, lease.provider, lease, received);
    }

    /// @notice Adds money; anybody may. A lease that stood still goes on from now.
    function topUp(Lease calldata lease, uint96 amount) external nonReentrant {
        (bytes32 leaseId, Meter memory meter) = _known(lease);
        if (meter.closedAt != 0) revert LeaseNotActive();
        uint96 received = _pull(lease.token, amount);
        uint256 ranOutAt = uint256(meter.startedAt) + meter.deposited / lease.rate;
        if (block.timestamp > ranOutAt) meter.startedAt += uint32(block.timestamp - ranOutAt);
        meter.deposited += received;
        _meters[leaseId] = meter;
        emit LeaseToppedUp(leaseId, received);
    }

    /// @notice Sends the provider what it has earned so far. Anybody may call: the money can only go there.
    function settle(Lease calldata lease) external nonReentrant returns (uint256 amount) {
        (bytes32 leaseId, Meter memory meter) = _known(lease);
        amount = _earned(lease, meter) - meter.taken;
        if (amount == 0) revert NothingToPay();
        _meters[leaseId].taken = uint96(meter.taken + amount);
        emit LeasePaid(leaseId, amount);
        IERC20(lease.token).safeTransfer(lease.provider, amount);
    }

    /// @notice Ends the lease now. Tenant and provider may at any time, anybody once the money has run out. What is not earned goes to the
    /// tenant at once if the tenant calls, else with `refund`; the provider's part waits for `settle`.
    /// @param reason 1–9999 the tenant's, 10000–19999 the provider's, 20000–29999 the money's (Akash's ranges)
    function close(Lease calldata lease, uint16 reason) external nonReentrant {
        (bytes32 leaseId, Meter memory meter) = _known(lease);
        if (meter.closedAt != 0) revert LeaseNotActive();
        bool ranOut = block.timestamp >= uint256(meter.startedAt) + meter.deposited / lease.rate;
        if (msg.sender != lease.tenant && msg.sender != lease.provider && !ranOut) revert NotAParty(msg.sender);
        meter.closedAt = uint32(block.timestamp);
        _meters[leaseId] = meter;
        uint256 earned = _earned(lease, meter);
        emit LeaseClosed(leaseId, msg.sender, reason, earned, meter.deposited - earned);
        if (msg.sender == lease.tenant && meter.deposited != earned) _return(leaseId, lease, meter, earned);
    }

    /// @notice Sends the tenant what a closed lease did not use. Anybody may call.
    function refund(Lease calldata lease) external nonReentrant returns (uint256) {
        (bytes32 leaseId, Meter memory meter) = _known(lease);
        if (meter.closedAt == 0) revert LeaseNotActive();
        return _return(leaseId, lease, meter, _earned(lease, meter));
    }

    /// @dev From then on the deposit is what was earned: nothing is returned twice.
    function _return(bytes32 leaseId, Lease calldata lease, Meter memory meter, uint256 earned) private returns (uint256 amount) {
        amount = meter.deposited - earned;
        if (amount == 0) revert NothingToPay();
        _meters[leaseId].deposited = uint96(earned);
        IERC20(lease.token).safeTransfer(lease.tenant, amount);
    }

    /// @notice What the lease has cost so far, of that already sent, what is left, and its state.
    function stateOf(Lease calldata lease) external view returns (Status status, uint256 earned, uint256 taken, uint256 left, uint256 startedAt) {
        Meter memory meter = _meters[leaseIdOf(lease)];
        if (meter.startedAt == 0) return (Status.None, 0, 0, 0, 0);
        earned = _earned(lease, meter);
        left = meter.deposited - earned;
        status = meter.closedAt != 0 ? Status.Closed : left < lease.rate ? Status.Exhausted : Status.Active;
        return (status, earned, meter.taken, left, meter.startedAt);
    }

    function _earned(Lease calldata lease, Meter memory meter) private view returns (uint256 earned) {
        uint256 until = meter.closedAt != 0 ? meter.closedAt : block.timestamp;
        uint256 paidFor = meter.deposited / lease.rate;
        uint256 ran = until - meter.startedAt;
        earned = (ran < paidFor ? ran : paidFor) * lease.rate;
    }

    function _known(Lease calldata lease) private view returns (bytes32 leaseId, Meter memory meter) {
        leaseId = leaseIdOf(lease);
        meter = _meters[leaseId];
        if (meter.startedAt == 0) revert LeaseNotActive();
    }

    /// @dev What really came, if a token keeps a part.
    function _pull(address token, uint96 amount) private returns (uint96) {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        return received < amount ? uint96(received) : amount;
    }
}
