// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {OwnerAcceptVerifier} from "../src/evidence/OwnerAcceptVerifier.sol";
import {IJobStates, Status} from "../src/settlement/IEvidenceVerifier.sol";
import {Job} from "../src/settlement/Job.sol";
import {IJobEscrow, Terms} from "../src/settlement/IJobEscrow.sol";
import {Fixture} from "./Fixture.sol";

contract OwnerAcceptTest is Fixture {
    bytes32 internal constant ANSWER = keccak256("answer");

    Job internal job;
    Terms internal terms;
    bytes internal policy;

    function _start(uint128 stake) internal {
        policy = single(address(owner), 1 hours, abi.encodePacked(stake));
        job = makeJob(policy);
        terms = makeTerms();
        if (stake != 0) {
            vm.prank(requester);
            token.approve(address(escrow), type(uint256).max);
        }
        openJob(job, terms, policy);
    }

    function _sign(string memory what, bytes32 claimId, uint256 key) internal view returns (bytes memory) {
        bytes32 domain = keccak256(
            abi.encode(keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"), keccak256("Peaberry OwnerAccept"), keccak256("1"), block.chainid, address(owner))
        );
        bytes32 inner = keccak256(abi.encode(keccak256(abi.encodePacked(what, "(bytes32 claimId)")), claimId));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, inner)));
        return abi.encodePacked(r, s, v);
    }

    function test_owner_silenceAccepts() public {
        _start(0);
        claimAs(executor, job, terms, policy, ANSWER, noData());
        (Status status, uint64 finalAt) = owner.status(claimIdOf(job, executor, ANSWER));
        assertTrue(status == Status.Pending && finalAt == block.timestamp + 1 hours, "pending");
        vm.warp(block.timestamp + 1 hours - 1);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.NotAccepted.selector));
        escrow.finalise(job, terms, policy, "");
        vm.warp(block.timestamp + 1);
        escrow.finalise(job, terms, policy, "");
    }

    function test_owner_aSignatureAcceptsAtOnce() public {
        _start(0);
        claimAs(executor, job, terms, policy, ANSWER, noData());
        bytes32 claimId = claimIdOf(job, executor, ANSWER);
        bytes memory wrong = _sign("Accept", claimId, signerKeys[0]);
        vm.expectRevert(abi.encodeWithSelector(OwnerAcceptVerifier.NotTheRequester.selector));
        owner.accept(job, executor, ANSWER, wrong);
        vm.prank(rival); // anybody may bring it
        owner.accept(job, executor, ANSWER, _sign("Accept", claimId, REQUESTER_KEY));
        escrow.finalise(job, terms, policy, "");
    }

    function test_owner_nothingIsAcceptedBeforeItIsClaimed() public {
        _start(0);
        bytes32 claimId = claimIdOf(job, executor, ANSWER);
        bytes memory signature = _sign("Accept", claimId, REQUESTER_KEY);
        vm.expectRevert(abi.encodeWithSelector(OwnerAcceptVerifier.NoSuchClaim.selector, claimId));
        owner.accept(job, executor, ANSWER, signature);
    }

    function test_owner_aSignatureMayComeWithTheClaim() public {
        _start(0);
        claimAs(executor, job, terms, policy, ANSWER, withData(0, _sign("Accept", claimIdOf(job, executor, ANSWER), REQUESTER_KEY)));
        escrow.finalise(job, terms, policy, "");
    }

    function test_owner_anObjectionInTimeRejectsAndCostsTheStake() public {
        _start(7 ether);
        assertEq(token.balanceOf(address(owner)), 7 ether, "the stake lies in the verifier");
        claimAs(executor, job, terms, policy, ANSWER, noData());
        bytes32 claimId = claimIdOf(job, executor, ANSWER);
        bytes memory evidence = abi.encode(policy, uint16(0), _sign("Object", claimId, REQUESTER_KEY));
        vm.prank(rival);
        owner.object(job, executor, ANSWER, evidence);
        (Status status,) = owner.status(claimId);
        assertTrue(status == Status.Rejected, "rejected");
        vm.warp(block.timestamp + 2 hours);
        (status,) = owner.status(claimId);
        assertTrue(status == Status.Rejected, "for good");
        vm.prank(executor);
        owner.withdraw(address(token), address(0));
        assertEq(token.balanceOf(executor), 1_007 ether, "the stake is the executor's");
        escrow.refund(job, terms, policy);
        owner.release(job);
        vm.prank(requester);
        vm.expectRevert(abi.encodeWithSelector(OwnerAcceptVerifier.NothingOwed.selector));
        owner.withdraw(address(token), address(0));
    }

    function test_owner_eachObjectionNeedsAStake() public {
        _start(7 ether);
        claimAs(executor, job, terms, policy, ANSWER, noData());
        owner.object(job, executor, ANSWER, abi.encode(policy, uint16(0), _sign("Object", claimIdOf(job, executor, ANSWER), REQUESTER_KEY)));
        bytes32 second = keccak256("second");
        claimAs(executor, job, terms, policy, second, noData());
        bytes memory evidence = abi.encode(policy, uint16(0), _sign("Object", claimIdOf(job, executor, second), REQUESTER_KEY));
        vm.expectRevert(abi.encodeWithSelector(OwnerAcceptVerifier.StakeMissing.selector, 7 ether));
        owner.object(job, executor, second, evidence);
    }

    function test_owner_anObjectionIsNeverTakenAfterFinalAt() public {
        _start(0);
        claimAs(executor, job, terms, policy, ANSWER, noData());
        bytes32 claimId = claimIdOf(job, executor, ANSWER);
        bytes memory evidence = abi.encode(policy, uint16(0), _sign("Object", claimId, REQUESTER_KEY));
        vm.warp(block.timestamp + 1 hours);
        vm.expectRevert(abi.encodeWithSelector(OwnerAcceptVerifier.AlreadyDecided.selector, claimId));
        owner.object(job, executor, ANSWER, evidence);
    }

    function test_owner_anObjectionByAnybodyElseIsRefused() public {
        _start(0);
        claimAs(executor, job, terms, policy, ANSWER, noData());
        bytes32 claimId = claimIdOf(job, executor, ANSWER);
        bytes memory evidence = abi.encode(policy, uint16(0), _sign("Object", claimId, signerKeys[0]));
        vm.expectRevert(abi.encodeWithSelector(OwnerAcceptVerifier.NotTheRequester.selector));
        owner.object(job, executor, ANSWER, evidence);
        evidence = abi.encode(policy, uint16(0), _sign("Accept", claimId, REQUESTER_KEY)); // another word
        vm.expectRevert(abi.encodeWithSelector(OwnerAcceptVerifier.NotTheRequester.selector));
        owner.object(job, executor, ANSWER, evidence);
    }

    function test_owner_theClockStartsWithTheSettlementOnly() public {
        _start(0);
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(OwnerAcceptVerifier.OnlyTheSettlement.selector, executor));
        owner.submit(job, executor, ANSWER, abi.encode(policy, uint16(0), bytes("")));
    }

    function test_owner_theStakeReturnsWithTheJobsEnd() public {
        _start(7 ether);
        vm.expectRevert(abi.encodeWithSelector(OwnerAcceptVerifier.JobStillOpen.selector));
        owner.release(job);
        claimAs(executor, job, terms, policy, ANSWER, noData());
        vm.warp(block.timestamp + 1 hours);
        escrow.finalise(job, terms, policy, "");
        uint256 before = token.balanceOf(requester);
        owner.release(job);
        owner.release(job); // twice gives nothing more
        vm.prank(requester);
        owner.withdraw(address(token), address(0));
        assertEq(token.balanceOf(requester) - before, 7 ether, "back");
    }

    function test_owner_aStakeNeedsANamedExecutor() public {
        policy = single(address(owner), 1 hours, abi.encodePacked(uint128(7 ether)));
        job = makeJob(policy);
        terms = makeTerms();
        terms.executor = address(0);
        vm.prank(requester);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.StakeNeedsNamedExecutor.selector));
        escrow.open(job, terms, policy); // else anybody could claim nonsense to earn the objection
    }

    function test_owner_whatWasWithdrawnIsNotHeldAnyMore() public {
        for (uint256 i = 0; i < 2; ++i) {
            _start(7 ether);
            claimAs(executor, job, terms, policy, ANSWER, noData());
            vm.warp(block.timestamp + 1 hours);
            escrow.finalise(job, terms, policy, "");
            owner.release(job);
            vm.prank(requester);
            assertEq(owner.withdraw(address(token), address(0)), 7 ether, "the stake");
        }
        assertEq(token.balanceOf(address(owner)), 0, "nothing is left");
    }

    function test_owner_aFalseSettlementCannotInventStakes() public {
        _start(7 ether); // somebody's real stake lies there
        FalseSettlement thief = new FalseSettlement();
        Job memory forged = job;
        (forged.settlement, forged.requester) = (address(thief), address(thief));
        vm.expectRevert(abi.encodeWithSelector(OwnerAcceptVerifier.StakeMissing.selector, 7 ether));
        thief.steal(owner, forged, address(token));
    }
}

contract FalseSettlement is IJobStates {
    function steal(OwnerAcceptVerifier owner, Job memory job, address token) external {
        owner.onStake(job, token, 7 ether);
        owner.release(job);
        owner.withdraw(token, address(0));
    }

    function jobState(bytes32) external pure returns (JobState, uint64) {
        return (JobState.Refunded, 1);
    }
}
