// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {DirectVerifier} from "../src/evidence/DirectVerifier.sol";
import {LeafEvidence} from "../src/evidence/LeafEvidence.sol";
import {OwnerAcceptVerifier} from "../src/evidence/OwnerAcceptVerifier.sol";
import {QOps} from "../src/evidence/QOps.sol";
import {QuorumVerifier} from "../src/evidence/QuorumVerifier.sol";
import {Job} from "../src/settlement/Job.sol";
import {Terms} from "../src/settlement/IJobEscrow.sol";
import {Fixture} from "./Fixture.sol";

contract QOpsHarness {
    function validate(bytes memory model) external pure {
        QOps.validate(model);
    }

    function run(bytes memory model, bytes calldata input) external pure returns (bytes memory) {
        return QOps.run(model, input);
    }
}

contract DirectTest is Fixture {
    /// @dev The same models that the C++ executor judged and ran.
    function test_qops_isTheCppExecutors() public {
        QOpsHarness harness = new QOpsHarness();
        bytes memory file = readVectors("qops/random_models.hex");
        uint256 p = 0;
        uint256 ran = 0;
        uint256 refused = 0;
        while (p < file.length) {
            bytes memory model = _slice(file, p + 2, _word16(file, p));
            p += 2 + model.length;
            bool valid = file[p++] == 0x01;
            try harness.validate(model) {
                assertTrue(valid, "C++ refuses it");
            } catch {
                assertTrue(!valid, "C++ takes it");
            }
            if (!valid) {
                ++refused;
                continue;
            }
            bytes memory input = _slice(file, p, uint256(uint8(model[2])) << 8 | uint8(model[3]));
            p += input.length;
            bytes memory output = _slice(file, p + 2, _word16(file, p));
            p += 2 + output.length;
            assertEq(keccak256(harness.run(model, input)), keccak256(output), "output");
            ++ran;
        }
        assertEq(ran + refused, 150, "cases");
        assertTrue(refused >= 10, "of both kinds");
    }

    function test_qops_aModelThatEndsBeforeItsLayersIsRefusedAtItsEnd() public {
        QOpsHarness harness = new QOpsHarness();
        vm.expectRevert(abi.encodeWithSelector(QOps.ModelMalformed.selector, 5));
        harness.validate(hex"0102000103"); // two layers, and one relu
        harness.validate(hex"010200010303");
    }

    function _word16(bytes memory data, uint256 p) internal pure returns (uint256) {
        return uint256(uint8(data[p])) << 8 | uint8(data[p + 1]);
    }

    function _slice(bytes memory data, uint256 from, uint256 size) internal pure returns (bytes memory out) {
        out = new bytes(size);
        for (uint256 i = 0; i < size; ++i) out[i] = data[from + i];
    }

    /// @dev dense 3 → 2, requantise, relu, dense 2 → 2, argmax
    function _network() internal pure returns (bytes memory) {
        bytes memory hidden = abi.encodePacked(hex"010002", int32(10), hex"01fe03", int32(-5), hex"64009c"); // 1 -2 3; 100 0 -100
        bytes memory scaled = abi.encodePacked(hex"02", uint32(3), uint8(2), hex"03");
        bytes memory last = abi.encodePacked(hex"010002", int32(0), hex"0100", int32(1), hex"0001");
        return abi.encodePacked(hex"01050003", hidden, scaled, last, hex"04");
    }

    function _input(int8 a, int8 b, int8 c) internal pure returns (bytes memory) {
        return abi.encodePacked(a, b, c);
    }

    function test_direct_theChainRunsTheModelAndPays() public {
        bytes memory policy = single(address(direct), 0, "");
        bytes memory input = _input(5, -7, 2);
        Job memory job = makeJob(policy);
        job.subjectRoot = direct.publish(_network());
        job.inputRoot = keccak256(input);
        Terms memory terms = makeTerms();
        openJob(job, terms, policy);
        bytes memory output = direct.execute(job.subjectRoot, input);
        // 10 + 5 + 14 + 6 = 35; -5 + 500 - 200 = 295; (35·3 + 2) >> 2 = 26; (295·3 + 2) >> 2 = 221 → 127; relu; 26 and 128: the second
        assertEq(bytes32(output), bytes32(uint256(1)), "by hand");
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(DirectVerifier.WrongOutput.selector, keccak256(output)));
        escrow.claim(job, terms, policy, answerOf(executor, keccak256(abi.encode(0)), terms.amount), withData(0, input));
        bytes memory other = _input(5, -7, 3);
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(DirectVerifier.WrongInput.selector, job.inputRoot));
        escrow.claim(job, terms, policy, answerOf(executor, keccak256(output), terms.amount), withData(0, other));
        claimAs(executor, job, terms, policy, keccak256(output), withData(0, input));
        escrow.finalise(job, terms, policy, "");
        assertEq(escrow.balanceOf(address(token), executor), 100 ether, "paid");
    }

    function test_direct_aStumpAndALinearModel() public {
        bytes32 stump = direct.publish(abi.encodePacked(hex"01010002", hex"05", uint16(1), int32(-3), int32(-1), int32(70000)));
        assertEq(bytes32(direct.execute(stump, abi.encodePacked(int8(0), int8(-3)))), bytes32(uint256(type(uint256).max)), "at most: -1");
        assertEq(bytes32(direct.execute(stump, abi.encodePacked(int8(0), int8(-2)))), bytes32(uint256(70000)), "above");
        bytes32 linear = direct.publish(abi.encodePacked(hex"01010002", hex"010001", int32(-100), int8(-128), int8(127)));
        assertEq(bytes32(direct.execute(linear, abi.encodePacked(int8(-128), int8(127)))), bytes32(uint256(128 * 128 + 127 * 127 - 100)), "linear");
    }

    function test_direct_requantiseRoundsAndSaturatesAsWritten(int32 x, uint32 multiplier, uint8 shift) public {
        multiplier = uint32(bound(multiplier, 0, (1 << 31) - 1));
        shift = uint8(bound(shift, 1, 62));
        // dense gives the bias alone: the weight is 0
        vm.assume(x > -2147483648 + 1 && x < 2147483647);
        bytes32 root = direct.publish(abi.encodePacked(hex"01020001", hex"010001", x, int8(0), hex"02", multiplier, shift));
        int256 y = int256(uint256(bytes32(direct.execute(root, hex"05"))));
        // floor((2 x m + 2^s) / 2^(s+1)), the division of integers downwards
        int256 numerator = 2 * int256(x) * int256(uint256(multiplier)) + int256(1 << shift);
        int256 divisor = int256(1 << (uint256(shift) + 1));
        int256 wanted = numerator / divisor;
        if (numerator % divisor < 0) --wanted;
        if (wanted > 127) wanted = 127;
        if (wanted < -128) wanted = -128;
        assertEq(uint256(y), uint256(wanted), "requantise");
    }

    function test_direct_refusesModelsThatAreNotModels() public {
        bytes[13] memory bad = [
            bytes(""),
            hex"02010001030000", // version
            hex"01000001", // no layers
            hex"0101000003", // no inputs
            hex"0101000107", // unknown layer
            hex"010100010300", // bytes left over
            hex"0102000103", // a layer missing
            abi.encodePacked(hex"01010001", hex"02", uint32(1), uint8(1)), // requantise of int8
            abi.encodePacked(hex"01020001", hex"010001", int32(0), int8(0), hex"010001", int32(0), int8(0)), // dense of int32
            abi.encodePacked(hex"01020001", hex"010001", int32(0), int8(0), hex"02", uint32(1), uint8(0)), // shift 0
            abi.encodePacked(hex"01020001", hex"010001", int32(0), int8(0), hex"02", uint32(1), uint8(63)), // shift 63
            abi.encodePacked(hex"01020001", hex"010001", int32(0), int8(0), hex"02", uint32(1) << 31, uint8(1)), // multiplier
            abi.encodePacked(hex"01010001", hex"05", uint16(1), int32(0), int32(0), int32(0)) // feature
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert();
            direct.publish(bad[i]);
        }
        vm.expectRevert(abi.encodeWithSelector(QOps.AccumulatorTooWide.selector, 7));
        direct.publish(abi.encodePacked(hex"01010001", hex"010001", int32(2147483647), int8(1)));
        vm.expectRevert();
        direct.publish(abi.encodePacked(hex"01010001", hex"010001", int32(-2147483648), int8(0)));
        bytes memory large = new bytes(24_576);
        vm.expectRevert(abi.encodeWithSelector(DirectVerifier.ModelTooLarge.selector, 24_576));
        direct.publish(large);
    }

    function test_direct_theErrorSaysWhichByteIsWrong() public {
        _refusedAt(hex"01010001" hex"010000", 4); // no outputs
        _refusedAt(hex"01010001" hex"011001" hex"0000000000", 4); // 4,097 outputs
        _refusedAt(abi.encodePacked(hex"01010002", hex"010002", int32(0), hex"0102", int32(0), hex"01"), 4); // a weight is missing
        _refusedAt(abi.encodePacked(hex"01010002", hex"0100"), 4); // the head is cut off
        _refusedAt(abi.encodePacked(hex"01020001", hex"010001", int32(0), hex"00", hex"0200"), 12); // requantise cut off
        _refusedAt(abi.encodePacked(hex"01010001", hex"050000", int32(0)), 4); // stump cut off
        _refusedAt(hex"01110001", 1); // 17 layers
        _refusedAt(hex"01011001" hex"03", 2); // 4,097 inputs
        _refusedAt(hex"0101", 0);
        bytes32 root = direct.publish(hex"01010002" hex"03");
        vm.expectRevert(abi.encodeWithSelector(QOps.InputMalformed.selector, 3, 2));
        direct.execute(root, hex"010203");
    }

    function _refusedAt(bytes memory model, uint256 position) internal {
        vm.expectRevert(abi.encodeWithSelector(QOps.ModelMalformed.selector, position));
        direct.publish(model);
    }

    function test_direct_theLargestModelThatFitsIntoCode() public {
        bytes memory model = abi.encodePacked(hex"0101", uint16(3_067), hex"01", uint16(8), new bytes(8 * (4 + 3_067)));
        assertEq(model.length, 24_575, "exactly");
        bytes32 root = direct.publish(model);
        assertEq(direct.models(root).code.length, 24_576, "EIP-170");
        assertEq(direct.execute(root, new bytes(3_067)).length, 8 * 32, "outputs");
    }

    function test_verifiers_takeNoMoney() public {
        bytes memory policy = single(address(direct), 0, "");
        Job memory job = makeJob(policy);
        vm.deal(address(this), 3);
        vm.expectRevert(abi.encodeWithSelector(DirectVerifier.NoValueHere.selector));
        direct.submit{value: 1}(job, executor, "answer", abi.encode(policy, uint16(0), bytes("")));
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.NoValueHere.selector));
        quorum.submit{value: 1}(job, executor, "answer", abi.encode(policy, uint16(0), bytes("")));
        vm.expectRevert(abi.encodeWithSelector(OwnerAcceptVerifier.NoValueHere.selector));
        owner.submit{value: 1}(job, executor, "answer", abi.encode(policy, uint16(0), bytes("")));
    }

    function test_verifiers_evidenceThatPointsOutsideItselfIsRefused() public {
        bytes memory policy = single(address(direct), 0, "");
        Job memory job = makeJob(policy);
        bytes[7] memory bad = [
            bytes(""),
            new bytes(95),
            abi.encode(uint256(1_000), uint256(0), uint256(0x60)), // the policy lies beyond the end
            abi.encode(uint256(0x60), uint256(0), uint256(0x60), uint256(1_000)), // it is longer than what follows
            abi.encode(uint256(0x60), uint256(0), type(uint256).max, uint256(0)), // the data's offset overflows
            abi.encode(uint256(0x60), uint256(0), uint256(0x60), uint256(1)), // it is longer by a byte
            abi.encode(uint256(0x41), uint256(0), uint256(0x41)) // the policy's length lies across the end
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(LeafEvidence.EvidenceMalformed.selector));
            direct.submit(job, executor, "answer", bad[i]);
        }
    }

    function test_direct_garbageModelsNeverPass(bytes memory garbage) public {
        try direct.publish(garbage) returns (bytes32 root) {
            // What is accepted can be run.
            uint256 inputs = uint256(uint8(garbage[2])) << 8 | uint8(garbage[3]);
            direct.execute(root, new bytes(inputs));
        } catch {}
    }

    function test_direct_clocksTakeNoParams() public {
        direct.clocks("", 5);
        vm.expectRevert(abi.encodeWithSelector(DirectVerifier.ParamsNotEmpty.selector));
        direct.clocks("x", 5);
    }

    function test_direct_refusesOtherJobsThanInferences() public {
        bytes memory policy = single(address(direct), 0, "");
        bytes memory input = _input(1, 2, 3);
        Job memory job = makeJob(policy);
        (job.subjectRoot, job.inputRoot) = (direct.publish(_network()), keccak256(input));
        bytes memory evidence = abi.encode(policy, uint16(0), input);
        bytes32 outputHash = keccak256(direct.execute(job.subjectRoot, input));
        job.claimKind = 2;
        vm.expectRevert(abi.encodeWithSelector(DirectVerifier.NotAnInference.selector, 2));
        direct.submit(job, executor, outputHash, evidence);
        job.claimKind = 1;
        job.paramsHash = bytes32(uint256(1));
        vm.expectRevert(abi.encodeWithSelector(DirectVerifier.ParamsNotEmpty.selector));
        direct.submit(job, executor, outputHash, evidence);
        job.paramsHash = 0;
        job.subjectRoot = keccak256("unknown");
        vm.expectRevert(abi.encodeWithSelector(DirectVerifier.ModelNotPublished.selector, job.subjectRoot));
        direct.submit(job, executor, outputHash, evidence);
    }
}
