// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {LeafEvidence} from "../src/evidence/LeafEvidence.sol";
import {QuorumVerifier} from "../src/evidence/QuorumVerifier.sol";
import {Status} from "../src/settlement/IEvidenceVerifier.sol";
import {Job} from "../src/settlement/Job.sol";
import {IJobEscrow, Terms} from "../src/settlement/IJobEscrow.sol";
import {Fixture} from "./Fixture.sol";

contract QuorumTest is Fixture {
    bytes32 internal constant ANSWER = keccak256("answer");
    bytes32 internal constant OTHER = keccak256("other");

    Job internal job;
    Terms internal terms;
    bytes internal policy;
    bytes32 internal id;

    function _start() internal {
        policy = quorumPolicy();
        job = makeJob(policy);
        terms = makeTerms();
        id = openJob(job, terms, policy);
    }

    function _close() internal {
        vm.warp(block.timestamp + QUIET + 1);
    }

    function test_quorum_twoOfThreeEqualVotesAccept() public {
        _start();
        Vote memory a = voteAs(0, id, ANSWER);
        Vote memory b = voteAs(1, id, ANSWER);
        _close();
        claimAs(executor, job, terms, policy, ANSWER, withData(0, reveals(a, b)));
        escrow.finalise(job, terms, policy, "");
        assertEq(escrow.balanceOf(address(token), executor), 100 ether, "paid");
    }

    function test_quorum_nothingIsClaimedWhileVotersCouldCopy() public {
        _start();
        Vote memory a = voteAs(0, id, ANSWER);
        Vote memory b = voteAs(1, id, ANSWER);
        vm.warp(block.timestamp + QUIET);
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.CommitWindowOpen.selector, block.timestamp));
        escrow.claim(job, terms, policy, answerOf(executor, ANSWER, terms.amount), withData(0, reveals(a, b)));
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.CommitWindowOpen.selector, block.timestamp));
        quorum.submit(job, executor, ANSWER, abi.encode(policy, uint16(0), reveals(a, b)));
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.CommitWindowOpen.selector, block.timestamp));
        quorum.reveal(job, abi.encode(policy, uint16(0), reveals(a, b)));
    }

    function test_quorum_nothingIsClaimedByAnotherLeafEither() public {
        policy = pair(1, leaf(address(stub), 0, ""), leaf(address(quorum), 0, quorumParams()));
        job = makeJob(policy);
        terms = makeTerms();
        openJob(job, terms, policy);
        vm.warp(block.timestamp + QUIET);
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.TooEarly.selector, block.timestamp + 1));
        escrow.claim(job, terms, policy, answerOf(executor, ANSWER, terms.amount), noData()); // by the stub's leaf
        vm.warp(block.timestamp + 1);
        claimAs(executor, job, terms, policy, ANSWER, noData());
        escrow.finalise(job, terms, policy, "");
    }

    function test_quorum_votesForAnotherOutputRejectAClaim() public {
        _start();
        Vote memory a = voteAs(0, id, OTHER);
        Vote memory b = voteAs(2, id, OTHER);
        _close();
        claimAs(executor, job, terms, policy, ANSWER, withData(0, ""));
        (Status status, uint64 finalAt) = quorum.status(claimIdOf(job, executor, ANSWER));
        assertTrue(status == Status.Pending && finalAt == type(uint64).max, "pending, never by time");
        quorum.reveal(job, abi.encode(policy, uint16(0), reveals(a, b)));
        (status,) = quorum.status(claimIdOf(job, executor, ANSWER));
        assertTrue(status == Status.Rejected, "rejected");
        escrow.refund(job, terms, policy); // at once: the named executor was wrong
        assertEq(escrow.balanceOf(address(token), requester), 100 ether, "back");
    }

    function test_quorum_aWrongClaimAfterTheVotesIsRefused() public {
        _start();
        Vote memory a = voteAs(0, id, OTHER);
        Vote memory b = voteAs(2, id, OTHER);
        _close();
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.OutputRejected.selector, OTHER));
        escrow.claim(job, terms, policy, answerOf(executor, ANSWER, terms.amount), withData(0, reveals(a, b)));
        claimAs(executor, job, terms, policy, OTHER, withData(0, reveals(a, b)));
    }

    function test_quorum_unequalAnswersLeaveTheJobOpen() public {
        _start();
        Vote memory a = voteAs(0, id, ANSWER);
        Vote memory b = voteAs(1, id, OTHER);
        Vote memory c = voteAs(2, id, keccak256("third"));
        _close();
        claimAs(executor, job, terms, policy, ANSWER, withData(0, reveals(a, b)));
        quorum.reveal(job, abi.encode(policy, uint16(0), oneReveal(c)));
        (Status status,) = quorum.status(claimIdOf(job, executor, ANSWER));
        assertTrue(status == Status.Pending, "pending");
        vm.warp(terms.deadline + 1);
        escrow.refund(job, terms, policy);
    }

    function test_quorum_aLateVoteDecidesAWaitingClaim() public {
        _start();
        Vote memory a = voteAs(0, id, ANSWER);
        Vote memory b = voteAs(1, id, ANSWER);
        _close();
        claimAs(executor, job, terms, policy, ANSWER, withData(0, oneReveal(a)));
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.NotAccepted.selector));
        escrow.finalise(job, terms, policy, "");
        quorum.reveal(job, abi.encode(policy, uint16(0), oneReveal(b)));
        escrow.finalise(job, terms, policy, "");
    }

    function test_quorum_aVoteCountsOnce() public {
        _start();
        Vote memory a = voteAs(0, id, ANSWER);
        _close();
        bytes memory again = abi.encode(policy, uint16(0), reveals(a, a));
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.WrongCommitment.selector, vm.addr(signerKeys[0])));
        quorum.reveal(job, again);
        quorum.reveal(job, abi.encode(policy, uint16(0), oneReveal(a)));
        again = abi.encode(policy, uint16(0), oneReveal(a));
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.WrongCommitment.selector, vm.addr(signerKeys[0])));
        quorum.reveal(job, again);
    }

    function test_quorum_refusesVotesThatAreNotTheSigners() public {
        _start();
        Vote memory late;
        Vote memory good = voteAs(0, id, ANSWER);
        Vote memory forged = voteAs(1, id, ANSWER);
        vm.warp(block.timestamp + QUIET + 1);
        late = voteAs(2, id, ANSWER);
        vm.warp(block.timestamp + 1);
        bytes memory data = abi.encode(policy, uint16(0), oneReveal(late));
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.CommittedTooLate.selector, vm.addr(signerKeys[2]), late.committedAt));
        quorum.reveal(job, data);
        late.committedAt -= 1; // a lie about the time
        data = abi.encode(policy, uint16(0), oneReveal(late));
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.WrongCommitment.selector, vm.addr(signerKeys[2])));
        quorum.reveal(job, data);
        forged.signature = good.signature;
        data = abi.encode(policy, uint16(0), oneReveal(forged));
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.WrongSignature.selector, vm.addr(signerKeys[1])));
        quorum.reveal(job, data);
        good.signer = 1; // another's place
        data = abi.encode(policy, uint16(0), oneReveal(good));
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.WrongCommitment.selector, vm.addr(signerKeys[1])));
        quorum.reveal(job, data);
        good.signer = 3; // nobody's place
        data = abi.encode(policy, uint16(0), oneReveal(good));
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.NotASigner.selector, 3));
        quorum.reveal(job, data);
        good.signer = 0;
        good.outputHash = OTHER; // another answer than committed
        data = abi.encode(policy, uint16(0), oneReveal(good));
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.WrongCommitment.selector, vm.addr(signerKeys[0])));
        quorum.reveal(job, data);
        // An output that k signers never voted for cannot be fixed by all of this.
        assertEq(quorum.fixedOutput(id), 0, "fixed");
    }

    function test_quorum_cutOffVotesAreRefused(uint256 length) public {
        _start();
        Vote memory a = voteAs(0, id, ANSWER);
        _close();
        bytes memory whole = reveals(a, voteAs(1, id, ANSWER));
        uint256 one = whole.length / 2;
        length = bound(length, 1, whole.length - 1);
        if (length == one) --length;
        bytes memory part = new bytes(length);
        for (uint256 i = 0; i < length; ++i) part[i] = whole[i];
        vm.expectRevert();
        quorum.reveal(job, abi.encode(policy, uint16(0), part));
    }

    function test_quorum_votesOfAnotherJobDoNotCount() public {
        _start();
        Vote memory a = voteAs(0, id, ANSWER);
        Vote memory b = voteAs(1, id, ANSWER);
        Job memory twin = makeJob(policy);
        openJob(twin, terms, policy);
        _close();
        bytes memory data = abi.encode(policy, uint16(0), reveals(a, b));
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.WrongCommitment.selector, vm.addr(signerKeys[0])));
        quorum.submit(twin, executor, ANSWER, data);
    }

    function test_quorum_refusesOtherPoliciesThanTheJobs() public {
        _start();
        Vote memory a = voteAs(0, id, ANSWER);
        _close();
        bytes memory easier = single(address(quorum), 0, abi.encodePacked(uint8(1), QUIET, address(0), uint128(0), vm.addr(signerKeys[0])));
        vm.expectRevert(abi.encodeWithSelector(LeafEvidence.WrongPolicy.selector, job.policyHash));
        quorum.submit(job, executor, ANSWER, abi.encode(easier, uint16(0), oneReveal(a)));
        // A policy of the job that names another verifier for the leaf.
        bytes memory mixed = pair(1, leaf(address(stub), 0, ""), leaf(address(quorum), 0, quorumParams()));
        Job memory other = makeJob(mixed);
        openJob(other, terms, mixed);
        vm.expectRevert(abi.encodeWithSelector(LeafEvidence.NotThisVerifier.selector, address(stub)));
        quorum.submit(other, executor, ANSWER, abi.encode(mixed, uint16(0), oneReveal(a)));
    }

    function test_quorum_refusesJobsThatNobodyOpened() public {
        policy = quorumPolicy();
        job = makeJob(policy);
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.JobNotOpen.selector));
        quorum.submit(job, executor, ANSWER, abi.encode(policy, uint16(0), bytes("")));
        job.chainId = 1;
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.JobNotOpen.selector));
        quorum.submit(job, executor, ANSWER, abi.encode(policy, uint16(0), bytes("")));
    }

    function test_quorum_refusesParamsThatCannotDecide() public {
        address a = vm.addr(signerKeys[0]);
        address b = vm.addr(signerKeys[1]);
        bytes[8] memory bad = [
            bytes(""),
            abi.encodePacked(uint8(1), QUIET, address(0), uint128(0)), // nobody
            abi.encodePacked(uint8(0), QUIET, address(0), uint128(0), a), // k = 0
            abi.encodePacked(uint8(3), QUIET, address(0), uint128(0), a, b), // k > n
            abi.encodePacked(uint8(1), QUIET, address(0), uint128(0), a, b), // two outputs could win
            abi.encodePacked(uint8(2), uint32(0), address(0), uint128(0), a, b), // no secrecy
            abi.encodePacked(uint8(2), QUIET, address(token), uint128(0), a, b), // a token and no bond
            abi.encodePacked(uint8(2), QUIET, address(0), uint128(1), a, b) // a bond and no token
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert();
            quorum.clocks(bad[i], 0);
        }
        quorum.clocks(quorumParams(), 0);
    }

    // -------------------------------------------------------------- bonds

    function _bondedPolicy() internal view returns (bytes memory) {
        return single(address(quorum), 0, abi.encodePacked(uint8(2), QUIET, address(token), uint128(5 ether), vm.addr(signerKeys[0]), vm.addr(signerKeys[1]), vm.addr(signerKeys[2])));
    }

    function _depositAs(uint256 index, uint128 amount) internal {
        address signer = vm.addr(signerKeys[index]);
        token.mint(signer, amount);
        vm.prank(signer);
        token.approve(address(quorum), amount);
        vm.prank(signer);
        quorum.deposit(address(token), amount);
    }

    function test_bond_withoutItThereIsNoVote() public {
        policy = _bondedPolicy();
        job = makeJob(policy);
        terms = makeTerms();
        id = openJob(job, terms, policy);
        _depositAs(0, 5 ether);
        _depositAs(1, 5 ether - 1);
        Vote memory a = voteAs(0, id, ANSWER);
        Vote memory b = voteAs(1, id, ANSWER);
        _close();
        bytes memory both = abi.encode(policy, uint16(0), reveals(a, b));
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.NoBond.selector, vm.addr(signerKeys[1])));
        quorum.reveal(job, both);
        _depositAs(1, 1);
        vm.prank(vm.addr(signerKeys[1]));
        quorum.startLeaving(address(token));
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.NoBond.selector, vm.addr(signerKeys[1])));
        quorum.reveal(job, both);
        quorum.reveal(job, abi.encode(policy, uint16(0), oneReveal(a)));
    }

    function test_bond_ofAWrongVoteBurnsOnce() public {
        policy = _bondedPolicy();
        job = makeJob(policy);
        terms = makeTerms();
        id = openJob(job, terms, policy);
        for (uint256 i = 0; i < 3; ++i) _depositAs(i, 8 ether);
        Vote memory liar = voteAs(0, id, OTHER);
        Vote memory a = voteAs(1, id, ANSWER);
        Vote memory b = voteAs(2, id, ANSWER);
        _close();
        bytes memory evidence = abi.encode(policy, uint16(0), bytes(""));
        quorum.reveal(job, abi.encode(policy, uint16(0), oneReveal(liar)));
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.NoWrongVote.selector)); // nothing is fixed yet
        quorum.burnWrongVote(job, evidence, 0, OTHER);
        quorum.reveal(job, abi.encode(policy, uint16(0), reveals(a, b)));
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.NoWrongVote.selector)); // an honest one
        quorum.burnWrongVote(job, evidence, 1, OTHER);
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.NoWrongVote.selector));
        quorum.burnWrongVote(job, evidence, 1, ANSWER);
        quorum.burnWrongVote(job, evidence, 0, OTHER);
        (uint128 left,) = quorum.deposits(address(token), vm.addr(signerKeys[0]));
        assertEq(left, 3 ether, "less the bond");
        assertEq(token.balanceOf(0x000000000000000000000000000000000000dEaD), 5 ether, "burned");
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.NoWrongVote.selector));
        quorum.burnWrongVote(job, evidence, 0, OTHER);
    }

    function test_bond_aWrongVoteBesideTheRightOnesIsRememberedToo() public {
        policy = _bondedPolicy();
        job = makeJob(policy);
        terms = makeTerms();
        id = openJob(job, terms, policy);
        for (uint256 i = 0; i < 3; ++i) _depositAs(i, 5 ether);
        bytes memory all = abi.encodePacked(oneReveal(voteAs(0, id, ANSWER)), oneReveal(voteAs(1, id, OTHER)), oneReveal(voteAs(2, id, ANSWER)));
        _close();
        quorum.reveal(job, abi.encode(policy, uint16(0), all));
        assertEq(quorum.fixedOutput(id), ANSWER, "fixed");
        quorum.burnWrongVote(job, abi.encode(policy, uint16(0), bytes("")), 1, OTHER);
    }

    function test_bond_leavesAfterItsTime() public {
        _depositAs(0, 5 ether);
        address signer = vm.addr(signerKeys[0]);
        vm.prank(signer);
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.DepositStays.selector, 0));
        quorum.take(address(token), signer);
        vm.prank(signer);
        quorum.startLeaving(address(token));
        uint256 until = block.timestamp + 7 days;
        vm.prank(signer);
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.DepositLeaving.selector));
        quorum.deposit(address(token), 1);
        vm.warp(until - 1);
        vm.prank(signer);
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.DepositStays.selector, until));
        quorum.take(address(token), signer);
        vm.warp(until);
        vm.prank(signer);
        quorum.take(address(token), rival);
        assertEq(token.balanceOf(rival), 1_005 ether, "taken");
        vm.prank(signer);
        vm.expectRevert(abi.encodeWithSelector(QuorumVerifier.DepositStays.selector, 0));
        quorum.take(address(token), signer);
    }
}
