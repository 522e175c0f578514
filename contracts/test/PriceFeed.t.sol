// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AggregatorV3Interface, FreshPrice, PriceFeed} from "../src/oracle/PriceFeed.sol";
import {Base} from "./Base.sol";

/// @dev Another maker's feed, which may say anything.
contract OddFeed is AggregatorV3Interface {
    int256 public answer;
    uint256 public updatedAt;

    function set(int256 answer_, uint256 updatedAt_) external {
        (answer, updatedAt) = (answer_, updatedAt_);
    }

    function decimals() external pure returns (uint8) {
        return 8;
    }

    function description() external pure returns (string memory) {
        return "odd";
    }

    function version() external pure returns (uint256) {
        return 1;
    }

    function getRoundData(uint80) public view returns (uint80, int256, uint256, uint256, uint80) {
        return (1, answer, updatedAt, updatedAt, 1);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return getRoundData(1);
    }

    function read(uint256 maxAge) external view returns (int256) {
        return FreshPrice.read(this, maxAge);
    }
}

contract PriceFeedTest is Base {
    function test_feed_aCarefulReaderTrustsNoFeedBlindly() public {
        OddFeed odd = new OddFeed();
        odd.set(5, block.timestamp - 60);
        assertTrue(odd.read(60) == 5, "fresh and positive");
        odd.set(0, block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(FreshPrice.PriceNotPositive.selector, int256(0)));
        odd.read(60);
        odd.set(-1, block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(FreshPrice.PriceNotPositive.selector, int256(-1)));
        odd.read(60);
        odd.set(5, block.timestamp + 1);
        vm.expectRevert(abi.encodeWithSelector(FreshPrice.PriceStale.selector, block.timestamp + 1));
        odd.read(60);
    }

    PriceFeed internal feed;
    uint256[4] internal keys = [uint256(0xA1), 0xA2, 0xA3, 0xA4];
    uint32 internal constant HEARTBEAT = 60;
    int192 internal constant MIN = 1;
    int192 internal constant MAX = 1e20;

    function setUp() public {
        vm.warp(1_800_000_000);
        feed = _feed(3);
    }

    function _feed(uint256 n) internal returns (PriceFeed) {
        address[] memory reporters = new address[](n);
        for (uint256 i = 0; i < n; ++i) reporters[i] = vm.addr(keys[i]);
        return new PriceFeed("TUSD / OCEAN", 8, MIN, MAX, HEARTBEAT, reporters);
    }

    function _seen(PriceFeed where, uint8 reporter, uint64 round, uint40 timestamp, int192 answer) internal view returns (PriceFeed.Observation memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[reporter], where.observationDigest(round, timestamp, answer));
        return PriceFeed.Observation(reporter, timestamp, answer, r, bytes32(uint256(s) | uint256(v - 27) << 255));
    }

    function _seen(uint8 reporter, uint64 round, int192 answer) internal view returns (PriceFeed.Observation memory) {
        return _seen(feed, reporter, round, uint40(block.timestamp), answer);
    }

    function _two(PriceFeed.Observation memory a, PriceFeed.Observation memory b) internal pure returns (PriceFeed.Observation[] memory list) {
        list = new PriceFeed.Observation[](2);
        (list[0], list[1]) = (a, b);
    }

    function _three(int192 a, int192 b, int192 c) internal view returns (PriceFeed.Observation[] memory list) {
        uint64 round = feed.latestRound() + 1;
        list = new PriceFeed.Observation[](3);
        (list[0], list[1], list[2]) = (_seen(2, round, a), _seen(0, round, b), _seen(1, round, c));
    }

    function _refused(uint64 round, PriceFeed.Observation[] memory list, bytes memory why) internal {
        vm.expectRevert(why);
        feed.report(round, list);
    }

    function test_feed_theMiddleOfThreeIsTheAnswer() public {
        feed.report(1, _three(99, 100, 1_000_000));
        (uint80 round, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredIn) = AggregatorV3Interface(address(feed)).latestRoundData();
        assertTrue(answer == 100, "median");
        assertTrue(round == 1 && answeredIn == 1 && startedAt == block.timestamp && updatedAt == block.timestamp, "as consumers read it");
        assertTrue(feed.decimals() == 8 && feed.version() == 1, "decimals and version");
        vm.warp(block.timestamp + 10);
        feed.report(2, _three(5, 6, 7));
        (, answer,,,) = feed.getRoundData(1);
        assertTrue(answer == 100, "history stays");
        assertTrue(feed.freshAnswer() == 6, "fresh");
    }

    /// @dev Against a slow twin: however reporters see it, sorted insertion's middle is the answer.
    function test_feed_theMedianOfAnyFour(int192 a, int192 b, int192 c, int192 d) public {
        PriceFeed four = _feed(4);
        int192[4] memory answers = [a, b, c, d];
        uint8[4] memory who = [uint8(0), 1, 2, 3];
        for (uint256 i = 0; i < 4; ++i) answers[i] = int192(int256(bound(uint192(answers[i]), 1, uint192(MAX))));
        for (uint256 i = 1; i < 4; ++i) {
            for (uint256 k = i; k > 0 && answers[k] < answers[k - 1]; --k) {
                (answers[k], answers[k - 1]) = (answers[k - 1], answers[k]);
                (who[k], who[k - 1]) = (who[k - 1], who[k]);
            }
        }
        PriceFeed.Observation[] memory list = new PriceFeed.Observation[](4);
        for (uint256 i = 0; i < 4; ++i) list[i] = _seen(four, who[i], 1, uint40(block.timestamp), answers[i]);
        four.report(1, list);
        (, int256 answer,,,) = four.latestRoundData();
        uint256 below = 0;
        uint256 above = 0;
        for (uint256 i = 0; i < 4; ++i) {
            if (answers[i] < answer) ++below;
            if (answers[i] > answer) ++above;
        }
        assertTrue(below <= 2 && above <= 2, "as many below as above");
    }

    function test_feed_aMinorityCannotMoveItBeyondTheHonest(int192 lie) public {
        PriceFeed.Observation memory liar = _seen(2, 1, lie);
        PriceFeed.Observation memory low = _seen(0, 1, 100);
        PriceFeed.Observation memory high = _seen(1, 1, 110);
        PriceFeed.Observation[] memory list = new PriceFeed.Observation[](3);
        if (lie <= 100) (list[0], list[1], list[2]) = (liar, low, high);
        else if (lie <= 110) (list[0], list[1], list[2]) = (low, liar, high);
        else (list[0], list[1], list[2]) = (low, high, liar);
        feed.report(1, list);
        (, int256 answer,,,) = feed.latestRoundData();
        assertTrue(answer >= 100 && answer <= 110, "between the honest ones");
    }

    function test_feed_refusesTooFewTwiceUnknownUnsortedForged() public {
        PriceFeed.Observation[] memory one = new PriceFeed.Observation[](1);
        one[0] = _seen(0, 1, 5);
        _refused(1, one, abi.encodeWithSelector(PriceFeed.TooFew.selector, 2));
        _refused(1, _two(_seen(0, 1, 5), _seen(0, 1, 6)), abi.encodeWithSelector(PriceFeed.ReportedTwice.selector, 0));
        _refused(1, _two(_seen(0, 1, 5), _seen(3, 1, 6)), abi.encodeWithSelector(PriceFeed.NotAReporter.selector, 3));
        _refused(1, _two(_seen(0, 1, 6), _seen(1, 1, 5)), abi.encodeWithSelector(PriceFeed.NotSorted.selector, 1));
        PriceFeed.Observation[] memory forged = _two(_seen(0, 1, 5), _seen(1, 1, 6));
        forged[1].answer = 7;
        _refused(1, forged, abi.encodeWithSelector(PriceFeed.WrongSignature.selector, 1));
        forged = _two(_seen(0, 1, 5), _seen(1, 2, 6)); // signed for another round
        _refused(1, forged, abi.encodeWithSelector(PriceFeed.WrongSignature.selector, 1));
        forged = _two(_seen(0, 1, 5), _seen(_feed(3), 1, 1, uint40(block.timestamp), 6)); // for another feed
        _refused(1, forged, abi.encodeWithSelector(PriceFeed.WrongSignature.selector, 1));
    }

    function test_feed_refusesTheSecondFormOfASignature() public {
        PriceFeed.Observation[] memory list = _two(_seen(0, 1, 5), _seen(1, 1, 6));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        uint256 vs = uint256(list[1].vs);
        uint256 other = order - (vs & uint256(type(int256).max));
        list[1].vs = bytes32(other | (vs >> 255 ^ 1) << 255);
        _refused(1, list, abi.encodeWithSelector(PriceFeed.WrongSignature.selector, 1));
    }

    function test_feed_refusesAReplayAndAGap() public {
        PriceFeed.Observation[] memory list = _three(1, 2, 3);
        feed.report(1, list);
        _refused(1, list, abi.encodeWithSelector(PriceFeed.WrongRound.selector, 2));
        _refused(3, list, abi.encodeWithSelector(PriceFeed.WrongRound.selector, 2));
    }

    function test_feed_refusesWhatIsOldOrNotYet() public {
        uint40 t = uint40(block.timestamp);
        _refused(1, _two(_seen(feed, 0, 1, t + 1, 5), _seen(1, 1, 6)), abi.encodeWithSelector(PriceFeed.FromTheFuture.selector, t + 1));
        _refused(1, _two(_seen(feed, 0, 1, t - HEARTBEAT - 1, 5), _seen(1, 1, 6)), abi.encodeWithSelector(PriceFeed.Stale.selector, t - HEARTBEAT - 1));
        feed.report(1, _two(_seen(feed, 0, 1, t - HEARTBEAT, 5), _seen(1, 1, 6)));
        (,,, uint256 updatedAt,) = feed.latestRoundData();
        assertEq(updatedAt, t - HEARTBEAT, "as old as its oldest part");
        vm.warp(t + 10);
        feed.report(2, _three(1, 2, 3));
        vm.warp(t + 11);
        _refused(3, _two(_seen(feed, 0, 3, t + 9, 5), _seen(1, 3, 6)), abi.encodeWithSelector(PriceFeed.Stale.selector, t + 9)); // time only grows
    }

    function test_feed_outOfBoundsIsRefusedNotClamped() public {
        _refused(1, _three(5, MAX + 1, MAX + 2), abi.encodeWithSelector(PriceFeed.OutOfBounds.selector, MAX + 1));
        _refused(1, _three(-7, 0, 5), abi.encodeWithSelector(PriceFeed.OutOfBounds.selector, int192(0)));
    }

    function test_feed_aStalePriceIsRefusedByItsReader() public {
        feed.report(1, _three(1, 2, 3));
        vm.warp(block.timestamp + HEARTBEAT);
        assertTrue(feed.freshAnswer() == 2, "still");
        vm.warp(block.timestamp + 1);
        vm.expectRevert(abi.encodeWithSelector(FreshPrice.PriceStale.selector, block.timestamp - HEARTBEAT - 1));
        feed.freshAnswer();
    }

    function test_feed_saysNothingBeforeItsFirstRound() public {
        vm.expectRevert(abi.encodeWithSelector(PriceFeed.NoData.selector));
        feed.latestRoundData();
        vm.expectRevert(abi.encodeWithSelector(PriceFeed.NoData.selector));
        feed.getRoundData(9);
    }

    function test_feed_cannotBeMadeWithNonsense() public {
        address[] memory none = new address[](0);
        vm.expectRevert(abi.encodeWithSelector(PriceFeed.BadReporters.selector));
        new PriceFeed("", 8, MIN, MAX, HEARTBEAT, none);
        vm.expectRevert(abi.encodeWithSelector(PriceFeed.BadReporters.selector));
        new PriceFeed("", 8, MIN, MAX, HEARTBEAT, _many(32));
        assertEq(new PriceFeed("", 8, MIN, MAX, HEARTBEAT, _many(31)).threshold(), 16, "31 at most");
        address[] memory twice = new address[](2);
        (twice[0], twice[1]) = (address(1), address(1));
        vm.expectRevert(abi.encodeWithSelector(PriceFeed.BadReporters.selector));
        new PriceFeed("", 8, MIN, MAX, HEARTBEAT, twice);
        twice[1] = address(2);
        vm.expectRevert(abi.encodeWithSelector(PriceFeed.BadBounds.selector));
        new PriceFeed("", 8, 0, MAX, HEARTBEAT, twice);
    }

    function _many(uint256 n) internal pure returns (address[] memory list) {
        list = new address[](n);
        for (uint256 i = 0; i < n; ++i) list[i] = address(uint160(i + 1));
    }

    function test_gas_aReportOfFour() public {
        PriceFeed four = _feed(4);
        for (uint64 round = 1; round <= 2; ++round) {
            PriceFeed.Observation[] memory list = new PriceFeed.Observation[](4);
            for (uint8 i = 0; i < 4; ++i) list[i] = _seen(four, i, round, uint40(block.timestamp), int192(int8(i)) * 1e15 + 123_456_789_012_345);
            vm.prank(address(0xCA11));
            four.report(round, list);
            uint256 used = vm.lastCallGas().gasTotalUsed;
            if (round == 2) vm.snapshotValue("market", "gas_feed_report_4", used);
            assertTrue(round == 1 || used <= 95_000, "gas_feed_report_4");
            vm.warp(block.timestamp + 5);
        }
    }
}
