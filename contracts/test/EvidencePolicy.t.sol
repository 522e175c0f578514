// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EvidencePolicy} from "../src/settlement/EvidencePolicy.sol";
import {Status} from "../src/settlement/IEvidenceVerifier.sol";
import {Fixture, StubVerifier} from "./Fixture.sol";

/// @dev Library calls need calldata.
contract PolicyHarness {
    function validate(bytes calldata policy) external pure {
        EvidencePolicy.validate(policy);
    }

    function worstWindow(bytes calldata policy) external pure returns (uint64) {
        return EvidencePolicy.worstWindow(policy);
    }

    function evaluate(bytes calldata policy, bytes32 claimId) external view returns (Status, uint64) {
        return EvidencePolicy.evaluate(policy, claimId);
    }
}

/// @notice The postfix machine against a plain recursion over the same random tree.
contract EvidencePolicyTest is Fixture {
    PolicyHarness internal harness;
    StubVerifier[6] internal stubs;
    bytes32 internal constant CLAIM = "claim";

    struct Tree {
        bytes leaves;
        bytes tokens;
        uint256 count;
        Status status;
        uint64 time;
        uint64 window;
    }

    function setUp() public override {
        super.setUp();
        harness = new PolicyHarness();
        for (uint256 i = 0; i < 6; ++i) stubs[i] = new StubVerifier();
    }

    function test_policy_evaluatesAsTheTreeSays(uint256 seed) public {
        Tree memory tree = _grow(seed, 0, 0);
        bytes memory policy = abi.encodePacked(uint8(tree.count), tree.leaves, tree.tokens);
        harness.validate(policy);
        (Status status, uint64 time) = harness.evaluate(policy, CLAIM);
        assertEq(uint256(status), uint256(tree.status), "status");
        if (status != Status.Rejected) assertEq(time, tree.time, "time");
        assertEq(harness.worstWindow(policy), tree.window, "window");
    }

    /// @dev A random tree of at most six leaves; what it should say is computed by counting, without sorting or a stack.
    function _grow(uint256 seed, uint256 firstLeaf, uint256 depth) internal returns (Tree memory tree) {
        uint256 random = uint256(keccak256(abi.encode(seed, firstLeaf, depth)));
        if (depth == 2 || random % 3 == 0) return _leaf(random, firstLeaf);
        uint256 n = 2 + random / 3 % 2 * (depth == 0 ? 1 : 0); // the root may have three
        uint256 k = 1 + random / 7 % n;
        Tree[] memory children = new Tree[](n);
        for (uint256 i = 0; i < n; ++i) {
            children[i] = _grow(uint256(keccak256(abi.encode(seed, i, depth))), firstLeaf + tree.count, n == 3 || depth == 1 ? 2 : depth + 1);
            tree.count += children[i].count;
            tree.leaves = abi.encodePacked(tree.leaves, children[i].leaves);
            tree.tokens = abi.encodePacked(tree.tokens, children[i].tokens);
        }
        tree.tokens = abi.encodePacked(tree.tokens, uint8(k * 16 + n));
        (tree.status, tree.time) = _expected(children, k);
        tree.window = _kthWindow(children, k);
    }

    function _leaf(uint256 random, uint256 index) internal returns (Tree memory tree) {
        uint64 window = uint64(random >> 20 & 0xff);
        Status status = Status(random / 11 % 4);
        uint64 time = status == Status.None ? type(uint64).max : status == Status.Accepted ? uint64(block.timestamp - (random >> 40 & 0xff)) : uint64(block.timestamp + 1 + (random >> 50 & 0xff));
        stubs[index].set(CLAIM, status, time, 0);
        return Tree(leaf(address(stubs[index]), window, ""), hex"00", 1, status, time, window);
    }

    function _expected(Tree[] memory children, uint256 k) internal pure returns (Status, uint64) {
        uint256 accepted;
        uint256 rejected;
        uint256 none;
        for (uint256 i = 0; i < children.length; ++i) {
            if (children[i].status == Status.Accepted) ++accepted;
            if (children[i].status == Status.Rejected) ++rejected;
            if (children[i].status == Status.None) ++none;
        }
        if (rejected >= children.length - k + 1) return (Status.Rejected, 0);
        uint64 time = type(uint64).max;
        for (uint256 i = 0; i < children.length; ++i) {
            // The k-th end is the smallest time by which k of the living have ended.
            if (children[i].status == Status.Rejected || children[i].time >= time) continue;
            uint256 ended;
            for (uint256 j = 0; j < children.length; ++j) if (children[j].status != Status.Rejected && children[j].time <= children[i].time) ++ended;
            if (ended >= k) time = children[i].time;
        }
        if (accepted >= k) return (Status.Accepted, time);
        return (none == children.length ? Status.None : Status.Pending, time);
    }

    function _kthWindow(Tree[] memory children, uint256 k) internal pure returns (uint64 window) {
        window = type(uint64).max;
        for (uint256 i = 0; i < children.length; ++i) {
            uint256 ended;
            for (uint256 j = 0; j < children.length; ++j) if (children[j].window <= children[i].window) ++ended;
            if (ended >= k && children[i].window < window) window = children[i].window;
        }
    }

    function test_policy_everyMalformationIsRefused() public {
        bytes memory a = leaf(address(stubs[0]), 0, "");
        bytes memory b = leaf(address(stubs[1]), 0, "");
        bytes[14] memory bad = [
            bytes(""), // nothing
            hex"00", // no leaf
            abi.encodePacked(uint8(16), a, uint8(0)), // too many
            abi.encodePacked(uint8(1), a), // no token
            abi.encodePacked(uint8(1), a, hex"0000"), // a leaf twice
            abi.encodePacked(uint8(2), a, b, hex"00"), // a leaf unused
            abi.encodePacked(uint8(2), a, b, hex"0000"), // two results
            abi.encodePacked(uint8(2), a, b, hex"000002"), // k = 0
            abi.encodePacked(uint8(2), a, b, hex"000032"), // k > n
            abi.encodePacked(uint8(2), a, b, hex"000013"), // more than there are
            abi.encodePacked(uint8(1), a, hex"0011"), // a gate over one
            abi.encodePacked(uint8(1), address(stub), uint64(0), uint16(1), uint8(0)), // params run over the end
            abi.encodePacked(uint8(2), a, a, hex"000012"), // one verifier twice
            abi.encodePacked(uint8(1), hex"00112233") // cut off
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            try harness.validate(bad[i]) {
                revert NotEqual("malformed policy was taken", i, 0);
            } catch {}
        }
        harness.validate(abi.encodePacked(uint8(2), a, b, hex"000012"));
    }

    function test_policy_theErrorSaysWhichByteIsWrong() public {
        bytes memory a = leaf(address(stubs[0]), 0, "");
        bytes memory b = leaf(address(stubs[1]), 0, "");
        _refusedAt(abi.encodePacked(uint8(16), a, uint8(0)), 0);
        _refusedAt(abi.encodePacked(uint8(2), a, hex"0011"), 31); // the second leaf is cut off
        _refusedAt(abi.encodePacked(uint8(1), address(stub), uint64(0), uint16(9), uint8(0)), 29); // params run over the end
        _refusedAt(abi.encodePacked(uint8(1), a, hex"0100"), 31); // another token than the leaf's
        _refusedAt(abi.encodePacked(uint8(1), a), 31); // no token
        _refusedAt(abi.encodePacked(uint8(2), a, b, hex"000032"), 63); // k > n
        _refusedAt(abi.encodePacked(uint8(2), a, b, hex"000000"), 63); // a third leaf
        _refusedAt(abi.encodePacked(uint8(2), a, b, hex"0000"), 63); // two results
        vm.expectRevert(abi.encodeWithSelector(EvidencePolicy.PolicyEmpty.selector));
        harness.validate("");
        vm.expectRevert(abi.encodeWithSelector(EvidencePolicy.VerifierTwice.selector, address(stubs[0])));
        harness.validate(abi.encodePacked(uint8(2), a, a, hex"000012"));
    }

    function _refusedAt(bytes memory policy, uint256 position) internal {
        vm.expectRevert(abi.encodeWithSelector(EvidencePolicy.PolicyMalformed.selector, position));
        harness.validate(policy);
    }

    function test_policy_aBoundOfFifteenLeaves() public {
        bytes memory leaves;
        bytes memory tokens;
        for (uint256 i = 1; i <= 15; ++i) {
            leaves = abi.encodePacked(leaves, leaf(address(uint160(i)), uint64(i), ""));
            tokens = abi.encodePacked(tokens, uint8(0));
        }
        bytes memory policy = abi.encodePacked(uint8(15), leaves, tokens, uint8(0x8f)); // 8 of 15
        harness.validate(policy);
        assertEq(harness.worstWindow(policy), 8, "the eighth");
        (Status status,) = harness.evaluate(policy, CLAIM); // nobody is there: silence
        assertTrue(status == Status.None, "none");
    }

    function test_policy_garbageNeverPassesAsAnotherPolicy(bytes memory garbage) public view {
        try harness.validate(garbage) {
            harness.worstWindow(garbage); // what is valid can be read
        } catch {}
    }
}
