// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @notice Chainlink's reading interface, as consumers know it.
interface AggregatorV3Interface {
    function decimals() external view returns (uint8);
    function description() external view returns (string memory);
    function version() external view returns (uint256);
    function getRoundData(uint80 roundId) external view returns (uint80, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
    function latestRoundData() external view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}

/// @title A price that several reporters agree on
/// @notice Each reporter signs what it saw; anybody brings more than half of the reporters' observations, in order, and the middle one becomes
/// the round's answer. Fewer than half of the reporters cannot move it beyond what honest ones saw. A report outside the feed's bounds is
/// refused, never clamped; a feed without reports is visibly stale, because `updatedAt` is the *oldest* observation that went in.
contract PriceFeed is AggregatorV3Interface, EIP712 {
    bytes32 internal constant OBSERVATION_TYPEHASH = keccak256("Observation(uint64 round,uint40 timestamp,int192 answer)");
    uint256 internal constant MAX_REPORTERS = 31;

    /// @param reporter  its place in the list
    /// @param timestamp when it looked, Unix seconds
    /// @param r,vs      EIP-712 signature of Observation, in EIP-2098's 64 bytes
    struct Observation {
        uint8 reporter;
        uint40 timestamp;
        int192 answer;
        bytes32 r;
        bytes32 vs;
    }

    struct Round {
        int192 answer;
        uint40 updatedAt;
    }

    uint8 public immutable decimals;
    int192 public immutable minAnswer;
    int192 public immutable maxAnswer;
    /// @notice An observation older than this is no observation; a round older than this is stale.
    uint32 public immutable heartbeat;
    uint8 public immutable threshold;
    string public description;
    address[] public reporters;
    uint64 public latestRound;
    uint40 private _latestAt; // beside it in one slot: a report does not read the round before
    uint8 private immutable _count;
    mapping(uint256 round => Round) private _rounds;

    event NewRound(uint64 indexed round, int192 answer, uint40 updatedAt, uint256 observations);

    error BadReporters();
    error BadBounds();
    error WrongRound(uint64 expected);
    error TooFew(uint256 needed);
    error NotAReporter(uint8 index);
    error ReportedTwice(uint8 index);
    error WrongSignature(uint8 index);
    error NotSorted(uint256 position);
    error OutOfBounds(int192 answer);
    error FromTheFuture(uint40 timestamp);
    error Stale(uint40 timestamp);
    error NoData();

    constructor(string memory description_, uint8 decimals_, int192 min_, int192 max_, uint32 heartbeat_, address[] memory reporters_) EIP712("Peaberry Feed", "1") {
        if (reporters_.length == 0 || reporters_.length > MAX_REPORTERS) revert BadReporters();
        for (uint256 i = 0; i < reporters_.length; ++i) {
            if (reporters_[i] == address(0)) revert BadReporters();
            for (uint256 k = 0; k < i; ++k) if (reporters_[k] == reporters_[i]) revert BadReporters();
        }
        if (min_ <= 0 || min_ >= max_ || heartbeat_ == 0) revert BadBounds();
        (description, decimals, minAnswer, maxAnswer, heartbeat, reporters) = (description_, decimals_, min_, max_, heartbeat_, reporters_);
        _count = uint8(reporters_.length);
        threshold = uint8(reporters_.length / 2 + 1);
    }

    /// @notice Takes the next round's observations, ascending by answer. Anybody may bring them.
    function report(uint64 round, Observation[] calldata observations) external {
        uint64 expected = latestRound + 1;
        if (round != expected) revert WrongRound(expected);
        if (observations.length < threshold) revert TooFew(threshold);
        uint256 seen = 0;
        uint40 oldest = type(uint40).max;
        for (uint256 i = 0; i < observations.length; ++i) {
            Observation calldata one = observations[i];
            if (one.reporter >= _count) revert NotAReporter(one.reporter);
            if (seen >> one.reporter & 1 != 0) revert ReportedTwice(one.reporter);
            seen |= 1 << one.reporter;
            if (i != 0 && one.answer < observations[i - 1].answer) revert NotSorted(i);
            if (one.timestamp > block.timestamp) revert FromTheFuture(one.timestamp);
            if (one.timestamp < oldest) oldest = one.timestamp;
            _checkSignature(round, one);
        }
        if (block.timestamp - oldest > heartbeat || oldest < _latestAt) revert Stale(oldest);
        int192 answer = observations[observations.length / 2].answer;
        if (answer < minAnswer || answer > maxAnswer) revert OutOfBounds(answer);
        (latestRound, _latestAt) = (round, oldest);
        _rounds[round] = Round(answer, oldest);
        emit NewRound(round, answer, oldest, observations.length);
    }

    function _checkSignature(uint64 round, Observation calldata one) private view {
        bytes32 digest = observationDigest(round, one.timestamp, one.answer);
        // EIP-2098 has 255 bits for s: a signature's second form, whose s lies in the upper half of the order, cannot be written.
        bytes32 s = one.vs & bytes32(uint256(type(int256).max));
        address signer = ecrecover(digest, uint8(uint256(one.vs) >> 255) + 27, one.r, s);
        if (signer == address(0) || signer != reporters[one.reporter]) revert WrongSignature(one.reporter);
    }

    /// @notice The EIP-712 digest that a reporter signs.
    function observationDigest(uint64 round, uint40 timestamp, int192 answer) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(OBSERVATION_TYPEHASH, round, timestamp, answer)));
    }

    // ---------------------------------------------------------------- reading

    function version() external pure returns (uint256) {
        return 1;
    }

    function getRoundData(uint80 roundId) public view returns (uint80, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound) {
        Round memory round = _rounds[roundId];
        if (round.updatedAt == 0) revert NoData();
        return (roundId, round.answer, round.updatedAt, round.updatedAt, roundId);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return getRoundData(latestRound);
    }

    /// @notice The latest answer, or nothing: reverts when it is older than the heartbeat.
    function freshAnswer() external view returns (int256 answer) {
        return FreshPrice.read(this, heartbeat);
    }
}

/// @notice How a consumer reads a feed: an old price, or one that is none, is refused.
library FreshPrice {
    error PriceStale(uint256 updatedAt);
    error PriceNotPositive(int256 answer);

    function read(AggregatorV3Interface feed, uint256 maxAge) internal view returns (int256) {
        (, int256 answer,, uint256 updatedAt,) = feed.latestRoundData();
        if (updatedAt > block.timestamp || block.timestamp - updatedAt > maxAge) revert PriceStale(updatedAt);
        if (answer <= 0) revert PriceNotPositive(answer);
        return answer;
    }
}
