// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {DirectVerifier} from "../src/evidence/DirectVerifier.sol";
import {LeafEvidence} from "../src/evidence/LeafEvidence.sol";
import {OwnerAcceptVerifier} from "../src/evidence/OwnerAcceptVerifier.sol";
import {QOps} from "../src/evidence/QOps.sol";
import {QuorumVerifier} from "../src/evidence/QuorumVerifier.sol";
import {IJobStates, Status} from "../src/settlement/IEvidenceVerifier.sol";
import {Job} from "../src/settlement/Job.sol";
import {Evidence, IJobEscrow, Terms} from "../src/settlement/IJobEscrow.sol";
import {Fixture} from "./Fixture.sol";
import {Token} from "./Tokens.sol";

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

contract DirectTest is Fixture {
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
        bytes[5] memory bad = [
            bytes(""),
            new bytes(95),
            abi.encode(uint256(1_000), uint256(0), uint256(0x60)), // the policy lies beyond the end
            abi.encode(uint256(0x60), uint256(0), uint256(0x60), uint256(1_000)), // it is longer than what follows
            abi.encode(uint256(0x60), uint256(0), type(uint256).max, uint256(0)) // the data's offset overflows
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
