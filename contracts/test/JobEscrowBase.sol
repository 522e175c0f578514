// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IJobCallback, IJobStates} from "../src/settlement/IEvidenceVerifier.sol";
import {Job} from "../src/settlement/Job.sol";
import {Evidence, IJobEscrow, Terms} from "../src/settlement/IJobEscrow.sol";
import {Fixture} from "./Fixture.sol";
import {Token} from "./Tokens.sol";

contract Listener is IJobCallback {
    bool public fail;
    bool public burn;
    bool public bomb;
    uint256 public calls;
    bytes public last;

    function set(bool fail_, bool burn_, bool bomb_) external {
        (fail, burn, bomb) = (fail_, burn_, bomb_);
    }

    function onJobFinal(bytes32, bytes32, bytes32, bytes calldata output) external {
        require(!fail, "not now");
        if (burn) while (true) {}
        if (bomb) {
            assembly {
                revert(0, 1000000)
            }
        }
        ++calls;
        last = output;
    }
}

/// @dev Jobs in the shapes that the escrow's tests need.
abstract contract JobEscrowBase is Fixture {
    bytes32 internal constant ANSWER = keccak256("answer");
    bytes32 internal constant OTHER = keccak256("other");

    function _balance(address who) internal view returns (uint256) {
        return escrow.balanceOf(address(token), who);
    }

    function _plain() internal returns (Job memory job, Terms memory terms, bytes memory policy) {
        policy = stubPolicy();
        job = makeJob(policy);
        terms = makeTerms();
    }

    function _open() internal returns (Job memory job, Terms memory terms, bytes memory policy) {
        (job, terms, policy) = _plain();
        openJob(job, terms, policy);
    }

    function _openBonded() internal returns (Job memory job, Terms memory terms, bytes memory policy) {
        (job, terms, policy) = _plain();
        terms.bond = 2 ether;
        openJob(job, terms, policy);
    }

    function _openToAll() internal returns (Job memory job, Terms memory terms, bytes memory policy) {
        return _openToAll(0);
    }

    function _openToAll(uint96 bond) internal returns (Job memory job, Terms memory terms, bytes memory policy) {
        (job, terms, policy) = _plain();
        (terms.executor, terms.bond) = (address(0), bond);
        openJob(job, terms, policy);
    }

    function _openIn(address money, uint96 bond) internal returns (Job memory job, Terms memory terms, bytes memory policy) {
        (job, terms, policy) = _plain();
        (terms.token, terms.bond) = (money, bond);
        Token(money).mint(requester, 1_000 ether);
        vm.prank(requester);
        Token(money).approve(address(escrow), type(uint256).max);
        openJob(job, terms, policy);
    }

    function _openWithCallback() internal returns (Job memory job, Terms memory terms, bytes memory policy, Listener listener) {
        (job, terms, policy) = _plain();
        listener = new Listener();
        (terms.callback, terms.callbackGas) = (address(listener), 200_000);
        openJob(job, terms, policy);
        IJobEscrow.Answer memory answer = answerOf(executor, keccak256("output"), terms.amount);
        answer.output = "output";
        vm.prank(executor);
        escrow.claim(job, terms, policy, answer, noData());
    }

    function _fundedClaim(address who, Job memory job, Terms memory terms, bytes memory policy, bytes32 outputHash) internal {
        token.mint(who, terms.bond);
        vm.prank(who);
        token.approve(address(escrow), type(uint256).max);
        commitAndClaim(who, job, terms, policy, outputHash, noData());
    }

    function _fundedClaimRefused(address who, Job memory job, Terms memory terms, bytes memory policy) internal {
        vm.prank(who);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.WrongState.selector, IJobStates.JobState.Final));
        escrow.claim(job, terms, policy, answerOf(who, ANSWER, 1), noData());
    }

    function _refused(Job memory job, Terms memory terms, bytes memory policy, bytes4 selector) internal {
        uint256 before = token.balanceOf(requester);
        vm.prank(requester);
        (bool ok, bytes memory why) = address(escrow).call(abi.encodeCall(IJobEscrow.open, (job, terms, policy)));
        assertTrue(!ok, "opened");
        assertEq(bytes32(bytes4(why)), bytes32(selector), "reason");
        assertEq(token.balanceOf(requester), before, "no money moved");
    }

    function _claimRefused(Job memory job, Terms memory terms, bytes memory policy, IJobEscrow.Answer memory answer, Evidence[] memory evidence, bytes memory why) internal {
        vm.prank(executor);
        vm.expectRevert(why);
        escrow.claim(job, terms, policy, answer, evidence);
    }

    function _permit(uint256 value, uint256 deadline) internal view returns (uint8, bytes32, bytes32) {
        bytes32 typeHash = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 inner = keccak256(abi.encode(typeHash, requester, address(escrow), value, token.nonces(requester), deadline));
        return vm.sign(REQUESTER_KEY, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), inner)));
    }

    function _copy(Job memory job) internal pure returns (Job memory) {
        return abi.decode(abi.encode(job), (Job));
    }

    function _copy(Terms memory terms) internal pure returns (Terms memory) {
        return abi.decode(abi.encode(terms), (Terms));
    }
}
