// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {Credits} from "../settlement/Credits.sol";
import {Lease, LeaseStream} from "./LeaseStream.sol";

/// @notice What is wanted. Its hash names it; every call brings it along.
/// @param requester    pays, and becomes the lease's tenant
/// @param token        of price and deposits
/// @param maxRate      highest price, token units a second
/// @param duration     seconds that are paid for
/// @param bidDeposit   what each bidder puts up
/// @param noShowBps    which part of it a bid costs that is not revealed, or a win that is not started; to the requester
/// @param commitUntil  last second for sealed bids
/// @param revealUntil  last second for opening them
/// @param startWithin  seconds that each winner has to start
/// @param manifestHash what is to be run
/// @param hostsHash    keccak256(abi.encode(address[] hosts)): who may bid – those that hold the data
/// @param nonce        tells equal orders apart
struct Order {
    address requester;
    address token;
    uint96 maxRate;
    uint32 duration;
    uint96 bidDeposit;
    uint16 noShowBps;
    uint40 commitUntil;
    uint40 revealUntil;
    uint32 startWithin;
    bytes32 manifestHash;
    bytes32 hostsHash;
    uint256 nonce;
}

/// @title Sealed bids, the lowest wins
/// @notice Hosts commit to a rate, open it when nobody can bid any more, and the cheapest – among equals the one that committed first – starts
/// the lease with a transaction of its own. Who does not open a bid, or wins and does not start, loses a part of its deposit, and the next
/// bid has its turn. Every state ends by a clock and anybody's call.
contract ReverseAuction is Credits, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    bytes32 internal constant TAG = keccak256("peaberry/order/1");
    uint256 internal constant MAX_BIDS = 16;
    uint256 internal constant BPS = 10_000;

    enum Phase {
        None,
        Open,
        Started,
        Failed
    }

    /// @dev One slot.
    struct State {
        Phase phase;
        uint8 bids; // sealed ones
        uint16 revealed; // bit i: bid i was opened and may still win or take its deposit back
        uint16 settled; // bit i: bid i's deposit has gone its way
        uint40 turnEnds; // 0: the first winner's turn, which ends revealUntil + startWithin
    }

    /// @dev A sealed bid: 240 bits of the commitment, and the bid's place.
    struct Sealed {
        bytes30 commitment;
        uint16 placePlusOne;
    }

    struct Bid {
        address bidder;
        uint96 rate;
    }

    LeaseStream public immutable stream;
    mapping(bytes32 orderId => State) private _states;
    mapping(bytes32 orderId => mapping(address bidder => Sealed)) private _sealed;
    mapping(bytes32 orderId => mapping(uint256 place => Bid)) private _bids;

    event OrderOpened(bytes32 indexed orderId, address indexed requester, Order order);
    event BidSealed(bytes32 indexed orderId, address indexed bidder, uint256 place);
    event BidOpened(bytes32 indexed orderId, address indexed bidder, uint96 rate);
    event OrderStarted(bytes32 indexed orderId, address indexed winner, uint96 rate, bytes32 leaseId);
    event OrderFailed(bytes32 indexed orderId);
    event NoShow(bytes32 indexed orderId, address indexed bidder, uint256 lost);

    error BadOrder(string field);
    error NotTheRequester(address caller);
    error WrongPhase(Phase phase);
    error TooLate(uint256 until);
    error TooEarly(uint256 notBefore);
    error NotAHost(address caller);
    error AlreadyBid();
    error TooManyBids();
    error NoSuchBid();
    error RateTooHigh(uint96 maxRate);
    error NotTheWinner(address winner);

    constructor(LeaseStream stream_) {
        stream = stream_;
    }

    function orderIdOf(Order calldata order) public view returns (bytes32) {
        return keccak256(abi.encode(TAG, block.chainid, address(this), order));
    }

    /// @notice Opens an order with maxRate × duration, of which the winner's price is used.
    function open(Order calldata order) external nonReentrant returns (bytes32 id) {
        if (msg.sender != order.requester) revert NotTheRequester(msg.sender);
        if (order.maxRate == 0 || uint256(order.maxRate) * order.duration > type(uint96).max) revert BadOrder("maxRate");
        if (order.duration == 0) revert BadOrder("duration");
        if (order.commitUntil <= block.timestamp) revert BadOrder("commitUntil");
        if (order.revealUntil <= order.commitUntil || order.revealUntil > block.timestamp + 365 days) revert BadOrder("revealUntil");
        if (order.startWithin == 0 || order.startWithin > 30 days) revert BadOrder("startWithin");
        if (order.noShowBps > BPS) revert BadOrder("noShowBps");
        id = orderIdOf(order);
        if (_states[id].phase != Phase.None) revert WrongPhase(_states[id].phase);
        _states[id].phase = Phase.Open;
        _pull(order.token, uint256(order.maxRate) * order.duration);
        emit OrderOpened(id, order.requester, order);
    }

    /// @notice Seals a bid. Only a host may, once.
    /// @param commitment keccak256(abi.encode(orderId, bidder, rate, salt))
    /// @param hosts      the whole list, whose hash the order has; hosts[index] is the caller
    function bid(Order calldata order, bytes32 commitment, address[] calldata hosts, uint256 index) external nonReentrant {
        (bytes32 id, State memory state) = _open(order);
        if (block.timestamp > order.commitUntil) revert TooLate(order.commitUntil);
        if (keccak256(abi.encode(hosts)) != order.hostsHash || index >= hosts.length || hosts[index] != msg.sender) revert NotAHost(msg.sender);
        if (_sealed[id][msg.sender].placePlusOne != 0) revert AlreadyBid();
        if (state.bids == MAX_BIDS) revert TooManyBids();
        _sealed[id][msg.sender] = Sealed(bytes30(commitment), ++state.bids);
        _states[id].bids = state.bids;
        if (order.bidDeposit != 0) _pull(order.token, order.bidDeposit);
        emit BidSealed(id, msg.sender, state.bids - 1);
    }

    /// @notice Opens the caller's bid, after the last second for sealed ones.
    function reveal(Order calldata order, uint96 rate, bytes32 salt) external {
        (bytes32 id, State memory state) = _open(order);
        if (block.timestamp <= order.commitUntil) revert TooEarly(uint256(order.commitUntil) + 1);
        if (block.timestamp > order.revealUntil) revert TooLate(order.revealUntil);
        Sealed memory mine = _sealed[id][msg.sender];
        if (mine.placePlusOne == 0 || mine.commitment != bytes30(keccak256(abi.encode(id, msg.sender, rate, salt)))) revert NoSuchBid();
        if (rate > order.maxRate || rate == 0) revert RateTooHigh(order.maxRate);
        uint256 place = mine.placePlusOne - 1;
        _states[id].revealed = state.revealed | uint16(1 << place);
        _bids[id][place] = Bid(msg.sender, rate);
        emit BidOpened(id, msg.sender, rate);
    }

    /// @notice Whose turn it is to start, at which rate, and until when. 0: nobody's any more.
    function winnerOf(Order calldata order) public view returns (address winner, uint96 rate, uint256 until) {
        bytes32 id = orderIdOf(order);
        State memory state = _states[id];
        (uint256 place,) = _best(id, state);
        if (state.phase != Phase.Open || place == MAX_BIDS) return (address(0), 0, 0);
        Bid memory best = _bids[id][place];
        return (best.bidder, best.rate, _turnEnds(order, state));
    }

    /// @notice The winner's own: starts the lease at its rate and gets its deposit back. What the price leaves of the budget is the requester's.
    function start(Order calldata order) external nonReentrant returns (bytes32 leaseId) {
        (bytes32 id, State memory state) = _open(order);
        if (block.timestamp <= order.revealUntil) revert TooEarly(uint256(order.revealUntil) + 1);
        uint256 until = _turnEnds(order, state);
        if (block.timestamp > until) revert TooLate(until);
        (uint256 place, Bid memory best) = _best(id, state);
        if (place == MAX_BIDS || best.bidder != msg.sender) revert NotTheWinner(best.bidder);
        state.phase = Phase.Started;
        state.settled |= uint16(1 << place);
        _states[id] = state;
        uint256 price = uint256(best.rate) * order.duration;
        _credit(order.token, order.requester, uint256(order.maxRate) * order.duration - price);
        _credit(order.token, msg.sender, order.bidDeposit);
        IERC20(order.token).forceApprove(address(stream), price);
        leaseId = stream.open(leaseOf(order, best.bidder, best.rate), uint96(price));
        emit OrderStarted(id, msg.sender, best.rate, leaseId);
    }

    /// @notice The lease that a started order has.
    function leaseOf(Order calldata order, address winner, uint96 rate) public view returns (Lease memory) {
        return Lease(order.requester, winner, address(this), order.token, rate, orderIdOf(order));
    }

    /// @notice Ends the turn of a winner that did not start: it loses a part of its deposit and the next bid has its turn. When there is none
    /// (any more), the order has failed and the budget goes back. Anybody may call.
    function pass(Order calldata order) external nonReentrant {
        (bytes32 id, State memory state) = _open(order);
        if (block.timestamp <= order.revealUntil) revert TooEarly(uint256(order.revealUntil) + 1);
        (uint256 place, Bid memory best) = _best(id, state);
        if (place != MAX_BIDS) {
            uint256 until = _turnEnds(order, state);
            if (block.timestamp <= until) revert TooEarly(until + 1);
            state.settled |= uint16(1 << place);
            _noShow(id, order, best.bidder);
            (place,) = _best(id, state);
            state.turnEnds = uint40(block.timestamp + order.startWithin);
        }
        if (place == MAX_BIDS) {
            state.phase = Phase.Failed;
            _credit(order.token, order.requester, uint256(order.maxRate) * order.duration);
            emit OrderFailed(id);
        }
        _states[id] = state;
    }

    /// @notice Settles a bid that did not win: an opened one gets its deposit back once the order is over, one that was not opened loses a
    /// part of it once nobody can open any more. Anybody may call.
    function release(Order calldata order, address bidder) external {
        bytes32 id = orderIdOf(order);
        State memory state = _states[id];
        uint16 placePlusOne = _sealed[id][bidder].placePlusOne;
        if (placePlusOne == 0) revert NoSuchBid();
        uint16 bit = uint16(1 << (placePlusOne - 1));
        if (state.settled & bit != 0) revert NothingOwed();
        if (state.revealed & bit != 0) {
            if (state.phase == Phase.Open) revert WrongPhase(state.phase);
            _credit(order.token, bidder, order.bidDeposit);
        } else {
            if (block.timestamp <= order.revealUntil) revert TooEarly(uint256(order.revealUntil) + 1);
            _noShow(id, order, bidder);
        }
        _states[id].settled = state.settled | bit;
    }

    /// @notice An order's phase, and how many sealed bids it has.
    function stateOf(Order calldata order) external view returns (Phase phase, uint256 bids) {
        State memory state = _states[orderIdOf(order)];
        return (state.phase, state.bids);
    }

    function _noShow(bytes32 id, Order calldata order, address bidder) private {
        uint256 lost = uint256(order.bidDeposit) * order.noShowBps / BPS;
        _credit(order.token, order.requester, lost);
        _credit(order.token, bidder, order.bidDeposit - lost);
        emit NoShow(id, bidder, lost);
    }

    /// @dev The lowest opened bid that has not lost its turn, among equals the first sealed; MAX_BIDS when there is none.
    function _best(bytes32 id, State memory state) private view returns (uint256 place, Bid memory best) {
        place = MAX_BIDS;
        for (uint256 i = 0; i < state.bids; ++i) {
            if ((state.revealed & ~state.settled) >> i & 1 == 0) continue;
            Bid memory candidate = _bids[id][i];
            if (place == MAX_BIDS || candidate.rate < best.rate) (place, best) = (i, candidate);
        }
    }

    function _turnEnds(Order calldata order, State memory state) private pure returns (uint256) {
        return state.turnEnds != 0 ? state.turnEnds : uint256(order.revealUntil) + order.startWithin;
    }

    function _open(Order calldata order) private view returns (bytes32 id, State memory state) {
        id = orderIdOf(order);
        state = _states[id];
        if (state.phase != Phase.Open) revert WrongPhase(state.phase);
    }
}
