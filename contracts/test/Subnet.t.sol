// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EpochTerms, Subnet} from "../src/learn/Subnet.sol";
import {Yuma} from "../src/learn/Yuma.sol";
import {Base} from "./Base.sol";
import {Token} from "./Tokens.sol";

contract YumaTest is Base {
    bytes internal file;
    uint256 internal at_;

    function _read(uint256 size) internal returns (uint256 value) {
        for (uint256 i = 0; i < size; ++i) value = value << 8 | uint8(file[at_++]);
    }

    /// @dev The same cases that the C++ engine computed.
    function test_yuma_isTheCppEngines() public {
        file = readVectors("yuma/random_epochs.hex");
        uint256 cases = 0;
        for (; at_ < file.length; ++cases) {
            uint256 validators = _read(1);
            uint256 trainers = _read(1);
            uint256 emission = _read(8);
            uint256[] memory stake = new uint256[](validators);
            uint256[][] memory weights = new uint256[][](validators);
            for (uint256 v = 0; v < validators; ++v) stake[v] = _read(8);
            for (uint256 v = 0; v < validators; ++v) {
                weights[v] = new uint256[](trainers);
                for (uint256 t = 0; t < trainers; ++t) weights[v][t] = _read(2);
            }
            (uint256[] memory toValidators, uint256[] memory toTrainers) = Yuma.epoch(stake, weights, emission);
            for (uint256 v = 0; v < validators; ++v) assertEq(toValidators[v], _read(8), "validator");
            for (uint256 t = 0; t < trainers; ++t) assertEq(toTrainers[t], _read(8), "trainer");
        }
        assertEq(cases, 60, "cases");
    }

    /// @dev Step 1 of Bittensor's bonds test: stakes 1 to 4, equal weights.
    function test_yuma_isBittensors() public pure {
        uint256[] memory stake = new uint256[](4);
        uint256[][] memory weights = new uint256[][](4);
        for (uint256 v = 0; v < 4; ++v) {
            stake[v] = v + 1;
            weights[v] = new uint256[](4);
            (weights[v][0], weights[v][1], weights[v][2], weights[v][3]) = (16_383, 32_767, 49_149, 65_535);
        }
        (uint256[] memory toValidators, uint256[] memory toTrainers) = Yuma.epoch(stake, weights, 1e9);
        uint256[8] memory wanted = [uint256(49_999_998), 99_999_999, 150_000_000, 200_000_001, 49_998_779, 100_000_610, 149_996_337, 200_004_272];
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(toValidators[i], wanted[i], "validator");
            assertEq(toTrainers[i], wanted[4 + i], "server");
        }
    }

    function test_yuma_neverGivesMoreThanThereIs(uint96[4] memory stakes, uint16[12] memory values, uint96 emission) public pure {
        uint256[] memory stake = new uint256[](4);
        uint256[][] memory weights = new uint256[][](4);
        for (uint256 v = 0; v < 4; ++v) {
            stake[v] = stakes[v];
            weights[v] = new uint256[](3);
            for (uint256 t = 0; t < 3; ++t) weights[v][t] = values[3 * v + t];
        }
        (uint256[] memory a, uint256[] memory b) = Yuma.epoch(stake, weights, emission);
        assertTrue(Yuma.sum(a) + Yuma.sum(b) <= emission, "at most the emission");
    }

    /// @dev A minority of stake cannot lift a trainer above what the majority says of it.
    function test_yuma_aMinorityIsClipped(uint16 praise) public pure {
        uint256[] memory stake = new uint256[](3);
        uint256[][] memory weights = new uint256[][](3);
        for (uint256 v = 0; v < 3; ++v) {
            stake[v] = 30 + 5 * v;
            weights[v] = new uint256[](2);
            (weights[v][0], weights[v][1]) = (1_000, 9_000);
        }
        (, uint256[] memory honest) = Yuma.epoch(_copyOf(stake), _copyOf2(weights), 1e9);
        (weights[0][0], weights[0][1]) = (60_000, uint256(praise) % 6_000); // it praises its friend
        (, uint256[] memory bought) = Yuma.epoch(stake, weights, 1e9);
        assertTrue(bought[0] * 100 <= honest[0] * 145, "what it gains is the other's loss of its own voice only");
    }

    function _copyOf(uint256[] memory a) internal pure returns (uint256[] memory b) {
        b = abi.decode(abi.encode(a), (uint256[]));
    }

    function _copyOf2(uint256[][] memory a) internal pure returns (uint256[][] memory b) {
        b = abi.decode(abi.encode(a), (uint256[][]));
    }
}

contract SubnetTest is Base {
    Subnet internal subnet = new Subnet();
    Token internal token = new Token();
    address internal sponsor = address(0x590);
    address[3] internal trainers = [address(0x701), address(0x702), address(0x703)];
    address[] internal validators = [address(0x801), address(0x802), address(0x803)];
    uint256 internal nonce;

    function setUp() public {
        vm.warp(1_800_000_000);
        for (uint256 i = 0; i < 7; ++i) {
            address who = i < 3 ? trainers[i] : i < 6 ? validators[i - 3] : sponsor;
            token.mint(who, 1_000_000 ether);
            vm.prank(who);
            token.approve(address(subnet), type(uint256).max);
        }
    }

    function _terms() internal returns (EpochTerms memory terms) {
        uint40 t = uint40(block.timestamp);
        terms = EpochTerms(sponsor, address(token), 1_000_000, keccak256(abi.encode(validators)), "holdout", "scoring", t + 10, t + 20, t + 30, t + 40, 60, 500, ++nonce);
    }

    function _opened() internal returns (EpochTerms memory terms) {
        terms = _terms();
        vm.prank(sponsor);
        subnet.open(terms);
    }

    function _models(EpochTerms memory terms) internal {
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(trainers[i]);
            subnet.commitModel(terms, keccak256(abi.encode(bytes32(i + 1), trainers[i], bytes32(i))));
        }
        vm.warp(terms.modelsUntil + 1);
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(trainers[i]);
            subnet.revealModel(terms, bytes32(i + 1), bytes32(i));
        }
        vm.warp(terms.revealUntil + 1);
    }

    function _row(uint256 v) internal pure returns (uint16[] memory row) {
        row = new uint16[](3);
        (row[0], row[1], row[2]) = (uint16(60_000 - v), uint16(30_000 + v), 0); // the third is a copy: 0
    }

    function _weigh(EpochTerms memory terms) internal {
        bytes32 id = subnet.epochIdOf(terms);
        for (uint256 v = 0; v < 3; ++v) {
            vm.prank(validators[v]);
            subnet.commitWeights(terms, keccak256(abi.encode(id, validators[v], _row(v), bytes32(v))), validators, v, uint96(100 * (v + 1)));
        }
        vm.warp(terms.weightsUntil + 1);
        for (uint256 v = 0; v < 3; ++v) {
            vm.prank(validators[v]);
            subnet.revealWeights(terms, _row(v), bytes32(v));
        }
        vm.warp(terms.weightsRevealUntil + 1);
    }

    function _owed(address who) internal view returns (uint256) {
        return subnet.balanceOf(address(token), who);
    }

    function test_subnet_paysByTheRevealedWeights() public {
        EpochTerms memory terms = _opened();
        _models(terms);
        _weigh(terms);
        (uint256[] memory a, uint256[] memory b) = subnet.resultOf(terms);
        vm.prank(trainers[0]);
        subnet.claimResult(terms, a, b);
        vm.expectRevert(abi.encodeWithSelector(Subnet.ResultIsRight.selector));
        subnet.challenge(terms);
        vm.expectRevert(abi.encodeWithSelector(Subnet.TooEarly.selector, block.timestamp + 61));
        subnet.finalise(terms, a, b);
        vm.warp(block.timestamp + 61);
        subnet.finalise(terms, a, b);
        assertTrue(b[0] > b[1] && b[1] > 0 && b[2] == 0, "the better model more, the copy nothing");
        assertEq(_owed(trainers[0]), b[0] + 500, "pay and bond");
        assertEq(_owed(validators[2]), a[2] + 300, "pay and stake");
        uint256 all = _owed(sponsor);
        for (uint256 i = 0; i < 3; ++i) all += _owed(trainers[i]) + _owed(validators[i]);
        assertEq(token.balanceOf(address(subnet)), all, "to the wei");
        vm.expectRevert(abi.encodeWithSelector(Subnet.WrongPhase.selector, Subnet.Phase.Final));
        subnet.finalise(terms, a, b);
    }

    function test_subnet_aWrongResultLosesItsBond() public {
        EpochTerms memory terms = _opened();
        _models(terms);
        _weigh(terms);
        (uint256[] memory a, uint256[] memory b) = subnet.resultOf(terms);
        (b[2], b[0]) = (b[0], b[2]); // the copy would be paid
        vm.prank(trainers[2]);
        subnet.claimResult(terms, a, b);
        vm.prank(trainers[1]);
        subnet.challenge(terms);
        assertEq(_owed(trainers[1]), 500, "the bond");
        (b[2], b[0]) = (b[0], b[2]);
        vm.prank(trainers[1]);
        subnet.claimResult(terms, a, b);
        vm.warp(block.timestamp + 61);
        (b[2], b[0]) = (b[0], b[2]);
        vm.expectRevert(abi.encodeWithSelector(Subnet.WrongResult.selector));
        subnet.finalise(terms, a, b);
    }

    function test_subnet_anUnchallengedLieNeverGivesMoreThanTheReward() public {
        EpochTerms memory terms = _opened();
        _models(terms);
        _weigh(terms);
        (uint256[] memory a, uint256[] memory b) = subnet.resultOf(terms);
        b[2] = type(uint256).max;
        vm.prank(trainers[2]);
        subnet.claimResult(terms, a, b);
        vm.warp(block.timestamp + 61);
        subnet.finalise(terms, a, b);
        uint256 all = _owed(sponsor);
        for (uint256 i = 0; i < 3; ++i) all += _owed(trainers[i]) + _owed(validators[i]);
        assertEq(token.balanceOf(address(subnet)), all, "nobody else's money");
    }

    function test_subnet_whoRevealsNothingHasNothing() public {
        EpochTerms memory terms = _opened();
        bytes32 id = subnet.epochIdOf(terms);
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(trainers[i]);
            subnet.commitModel(terms, keccak256(abi.encode(bytes32(i + 1), trainers[i], bytes32(i))));
        }
        vm.warp(terms.modelsUntil + 1);
        vm.prank(trainers[1]);
        subnet.revealModel(terms, bytes32(uint256(2)), bytes32(uint256(1)));
        vm.warp(terms.revealUntil + 1);
        for (uint256 v = 0; v < 2; ++v) {
            vm.prank(validators[v]);
            subnet.commitWeights(terms, keccak256(abi.encode(id, validators[v], _row(v), bytes32(v))), validators, v, 100);
        }
        vm.warp(terms.weightsUntil + 1);
        vm.prank(validators[0]);
        subnet.revealWeights(terms, _row(0), 0);
        vm.warp(terms.weightsRevealUntil + 1);
        (uint256[] memory a, uint256[] memory b) = subnet.resultOf(terms);
        assertTrue(b[0] == 0 && b[1] > 0 && b[2] == 0, "only the revealed model");
        assertTrue(a[0] > 0 && a[1] == 0, "only the revealed weights");
    }

    function test_subnet_whenNobodyWeighsTheRewardGoesBack() public {
        EpochTerms memory terms = _opened();
        _models(terms);
        vm.prank(validators[0]);
        subnet.commitWeights(terms, "never opened", validators, 0, 100);
        vm.warp(terms.weightsRevealUntil);
        vm.expectRevert(abi.encodeWithSelector(Subnet.TooEarly.selector, terms.weightsRevealUntil + 1));
        subnet.fail(terms);
        vm.warp(terms.weightsRevealUntil + 1);
        vm.prank(trainers[0]);
        vm.expectRevert(abi.encodeWithSelector(Subnet.NobodyWeighed.selector));
        subnet.claimResult(terms, new uint256[](1), new uint256[](3));
        subnet.fail(terms);
        assertEq(_owed(sponsor), 1_000_000, "reward");
        assertEq(_owed(validators[0]), 100, "stake");
    }

    function test_subnet_anEpochThatWasWeighedCannotFail() public {
        EpochTerms memory terms = _opened();
        _models(terms);
        _weigh(terms);
        vm.expectRevert(abi.encodeWithSelector(Subnet.WrongPhase.selector, Subnet.Phase.Open));
        subnet.fail(terms);
    }

    function test_subnet_commitmentsBindToTheirMakers() public {
        EpochTerms memory terms = _opened();
        bytes32 id = subnet.epochIdOf(terms);
        bytes32 commitment = keccak256(abi.encode(bytes32(uint256(1)), trainers[0], bytes32(0)));
        vm.prank(trainers[0]);
        subnet.commitModel(terms, commitment);
        vm.prank(trainers[1]); // cannot copy the commitment
        vm.expectRevert(abi.encodeWithSelector(Subnet.CommittedTwice.selector));
        subnet.commitModel(terms, commitment);
        vm.prank(trainers[0]);
        vm.expectRevert(abi.encodeWithSelector(Subnet.CommittedTwice.selector));
        subnet.commitModel(terms, "another");
        vm.prank(trainers[1]);
        vm.expectRevert(abi.encodeWithSelector(Subnet.TooEarly.selector, terms.modelsUntil + 1));
        subnet.revealModel(terms, bytes32(uint256(1)), 0);
        vm.warp(terms.modelsUntil + 1);
        vm.prank(trainers[1]);
        vm.expectRevert(abi.encodeWithSelector(Subnet.WrongCommitment.selector));
        subnet.revealModel(terms, bytes32(uint256(1)), 0);
        vm.prank(trainers[0]); // another model than it committed to
        vm.expectRevert(abi.encodeWithSelector(Subnet.WrongCommitment.selector));
        subnet.revealModel(terms, bytes32(uint256(2)), 0);
        vm.prank(trainers[1]);
        vm.expectRevert(abi.encodeWithSelector(Subnet.TooLate.selector, terms.modelsUntil));
        subnet.commitModel(terms, "late");
        vm.warp(terms.revealUntil + 1);
        vm.prank(trainers[0]);
        vm.expectRevert(abi.encodeWithSelector(Subnet.NotAValidator.selector, trainers[0]));
        subnet.commitWeights(terms, "w", validators, 0, 1);
        uint16[] memory row = new uint16[](1);
        vm.prank(validators[0]);
        subnet.commitWeights(terms, keccak256(abi.encode(id, validators[0], row, bytes32(0))), validators, 0, 1);
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Subnet.CommittedTwice.selector));
        subnet.commitWeights(terms, "w", validators, 0, 1);
        vm.warp(terms.weightsUntil + 1);
        vm.prank(validators[1]);
        vm.expectRevert(abi.encodeWithSelector(Subnet.WrongCommitment.selector));
        subnet.revealWeights(terms, row, 0);
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Subnet.WrongLength.selector, 1));
        subnet.revealWeights(terms, new uint16[](2), 0);
        vm.prank(validators[0]);
        subnet.revealWeights(terms, row, 0);
    }

    function test_subnet_refusesNonsense() public {
        EpochTerms memory terms = _terms();
        vm.expectRevert(abi.encodeWithSelector(Subnet.NotTheSponsor.selector, address(this)));
        subnet.open(terms);
        terms.revealUntil = terms.modelsUntil;
        vm.prank(sponsor);
        vm.expectRevert(abi.encodeWithSelector(Subnet.BadTerms.selector, "revealUntil"));
        subnet.open(terms);
        terms = _terms();
        terms.weightsRevealUntil = terms.weightsUntil;
        vm.prank(sponsor);
        vm.expectRevert(abi.encodeWithSelector(Subnet.BadTerms.selector, "weightsRevealUntil"));
        subnet.open(terms);
        terms.weightsRevealUntil = uint40(block.timestamp + 365 days + 1);
        vm.prank(sponsor);
        vm.expectRevert(abi.encodeWithSelector(Subnet.BadTerms.selector, "weightsRevealUntil"));
        subnet.open(terms);
        terms = _terms();
        terms.claimWindow = 0;
        vm.prank(sponsor);
        vm.expectRevert(abi.encodeWithSelector(Subnet.BadTerms.selector, "claimWindow"));
        subnet.open(terms);
        terms = _opened();
        vm.prank(sponsor);
        vm.expectRevert(abi.encodeWithSelector(Subnet.WrongPhase.selector, Subnet.Phase.Open));
        subnet.open(terms);
    }

    function test_gas_aSmallEpoch() public {
        EpochTerms memory terms = _opened();
        _models(terms);
        _weigh(terms);
        (uint256[] memory a, uint256[] memory b) = subnet.resultOf(terms);
        b[0] += 1;
        vm.prank(trainers[0]);
        subnet.claimResult(terms, a, b);
        vm.snapshotValue("market", "gas_subnet_claim", vm.lastCallGas().gasTotalUsed);
        vm.prank(trainers[1]);
        subnet.challenge(terms);
        vm.snapshotValue("market", "gas_subnet_challenge_3x3", vm.lastCallGas().gasTotalUsed);
    }
}
