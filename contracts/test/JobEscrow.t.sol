// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EvidencePolicy} from "../src/settlement/EvidencePolicy.sol";
import {IJobStates, Status} from "../src/settlement/IEvidenceVerifier.sol";
import {Job} from "../src/settlement/Job.sol";
import {Evidence, IJobEscrow, Terms} from "../src/settlement/IJobEscrow.sol";
import {StubVerifier} from "./Fixture.sol";
import {JobEscrowBase, Listener} from "./JobEscrowBase.sol";

/// @notice Every transition of docs/reference/settlement.md by its name, and what is refused.
contract JobEscrowTest is JobEscrowBase {
    // -------------------------------------------------------------- open

    function test_open_takesTheMoneyAndTellsEverything() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _plain();
        uint256 before = token.balanceOf(requester);
        bytes32 id = openJob(job, terms, policy);
        assertEq(id, idOf(job), "the id is the hash of the question");
        assertEq(before - token.balanceOf(requester), 100 ether, "taken");
        assertTrue(stateOf(job) == IJobStates.JobState.Open, "open");
    }

    function test_open_refusesWhatCannotEndWell() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _plain();
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.NotTheRequester.selector, address(this)));
        escrow.open(job, terms, policy);

        Job memory elsewhere = _copy(job);
        elsewhere.chainId = 1;
        _refused(elsewhere, terms, policy, IJobEscrow.NotThisSettlement.selector);
        elsewhere = _copy(job);
        elsewhere.settlement = address(1);
        _refused(elsewhere, terms, policy, IJobEscrow.NotThisSettlement.selector);
        elsewhere = _copy(job);
        elsewhere.policyHash = keccak256("another policy");
        _refused(elsewhere, terms, policy, IJobEscrow.WrongPolicy.selector);

        Terms memory bad = _copy(terms);
        bad.amount = 0;
        _refused(job, bad, policy, IJobEscrow.BadTerms.selector);
        bad = _copy(terms);
        bad.deadline = uint64(block.timestamp) - 1;
        _refused(job, bad, policy, IJobEscrow.TooLate.selector);
        bad = _copy(terms);
        bad.deadline = uint64(block.timestamp + 3_651 days);
        _refused(job, bad, policy, IJobEscrow.BadTerms.selector);
        bad = _copy(terms);
        (bad.feeBps, bad.feeTo, bad.royaltyBps, bad.royaltyTo) = (6_000, market, 4_001, market);
        _refused(job, bad, policy, IJobEscrow.BadTerms.selector);
        bad = _copy(terms);
        bad.feeBps = 1;
        _refused(job, bad, policy, IJobEscrow.BadTerms.selector);
        bad = _copy(terms);
        bad.royaltyBps = 1;
        _refused(job, bad, policy, IJobEscrow.BadTerms.selector);
        bad = _copy(terms);
        bad.callback = address(1);
        _refused(job, bad, policy, IJobEscrow.BadTerms.selector);
        bad = _copy(terms);
        bad.callbackGas = 100_000;
        _refused(job, bad, policy, IJobEscrow.BadTerms.selector);
        bad = _copy(terms);
        (bad.callback, bad.callbackGas) = (address(1), 2_000_001);
        _refused(job, bad, policy, IJobEscrow.BadTerms.selector);
        bad = _copy(terms);
        bad.door = address(1);
        _refused(job, bad, policy, IJobEscrow.BadTerms.selector);
        bad = _copy(terms);
        bad.lockSeconds = 1;
        _refused(job, bad, policy, IJobEscrow.BadTerms.selector);
        bad = _copy(terms);
        bad.token = address(0xdead);
        vm.prank(requester);
        vm.expectRevert();
        escrow.open(job, bad, policy);

        openJob(job, terms, policy);
        _refused(job, terms, policy, IJobEscrow.WrongState.selector); // one question is opened once
    }

    function test_open_refusesAWindowThatEndsAfterTheDeadline() public {
        bytes memory policy = single(address(stub), 1 hours, "");
        Job memory job = makeJob(policy);
        Terms memory terms = makeTerms();
        terms.deadline = uint64(block.timestamp + 1 hours - 1);
        _refused(job, terms, policy, IJobEscrow.TooLate.selector);
        terms.deadline += 1;
        openJob(job, terms, policy);
    }

    function test_open_refusesPoliciesWithoutEvidence() public {
        bytes[4] memory bad = [bytes(""), hex"00", abi.encodePacked(uint8(1), leaf(address(stub), 0, "")), abi.encodePacked(stubPolicy(), uint8(0))];
        for (uint256 i = 0; i < bad.length; ++i) {
            Job memory job = makeJob(bad[i]);
            Terms memory terms = makeTerms();
            vm.prank(requester);
            vm.expectRevert();
            escrow.open(job, terms, bad[i]);
        }
    }

    function test_openWithPermit_needsNoApproval() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _plain();
        vm.prank(requester);
        token.approve(address(escrow), 0);
        (uint8 v, bytes32 r, bytes32 s) = _permit(terms.amount, block.timestamp + 1);
        vm.prank(requester);
        escrow.openWithPermit(job, terms, policy, terms.amount, block.timestamp + 1, v, r, s);
        assertTrue(stateOf(job) == IJobStates.JobState.Open, "open");
    }

    function test_openWithPermit_survivesAPermitThatWasUsedBefore() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _plain();
        vm.prank(requester);
        token.approve(address(escrow), 0);
        (uint8 v, bytes32 r, bytes32 s) = _permit(terms.amount, block.timestamp + 1);
        token.permit(requester, address(escrow), terms.amount, block.timestamp + 1, v, r, s); // a griefer was first
        vm.prank(requester);
        escrow.openWithPermit(job, terms, policy, terms.amount, block.timestamp + 1, v, r, s);
        assertTrue(stateOf(job) == IJobStates.JobState.Open, "open");
    }

    // -------------------------------------------------------------- commit, claim

    function test_claim_byTheNamedExecutor() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _open();
        claimAs(executor, job, terms, policy, ANSWER, noData());
        assertTrue(stateOf(job) == IJobStates.JobState.Claimed, "claimed");
        IJobEscrow.ClaimView[] memory list = escrow.claimsOf(job, terms, policy);
        assertEq(list.length, 1, "claims");
        assertEq(list[0].claimId, claimIdOf(job, executor, ANSWER), "claimId");
        assertEq(list[0].amount, 100 ether, "amount");
    }

    function test_claim_refusesAnybodyElseThanTheNamedExecutor() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _open();
        IJobEscrow.Answer memory answer = answerOf(executor, ANSWER, terms.amount);
        vm.prank(rival);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.NotTheExecutor.selector, rival));
        escrow.claim(job, terms, policy, answer, noData());
        answer.executor = rival;
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.NotTheExecutor.selector, executor));
        escrow.claim(job, terms, policy, answer, noData());
    }

    function test_claim_refusesOtherTermsAndPolicies() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _open();
        Terms memory richer = _copy(terms);
        richer.bond = 1;
        _claimRefused(job, richer, policy, answerOf(executor, ANSWER, 1), noData(), abi.encodeWithSelector(IJobEscrow.WrongTerms.selector, idOf(job)));
        bytes memory easier = single(address(new StubVerifier()), 0, "");
        _claimRefused(job, terms, easier, answerOf(executor, ANSWER, 1), noData(), abi.encodeWithSelector(IJobEscrow.WrongPolicy.selector, job.policyHash));
    }

    function test_claim_refusesWithoutEvidence() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _open();
        _claimRefused(job, terms, policy, answerOf(executor, ANSWER, terms.amount), new Evidence[](0), abi.encodeWithSelector(IJobEscrow.NoEvidence.selector));
        _claimRefused(job, terms, policy, answerOf(executor, ANSWER, terms.amount), withData(1, ""), abi.encodeWithSelector(EvidencePolicy.LeafUnknown.selector, 1));
        stub.setOnSubmit(Status.None);
        _claimRefused(job, terms, policy, answerOf(executor, ANSWER, terms.amount), noData(), abi.encodeWithSelector(IJobEscrow.NoEvidence.selector));
        stub.setOnSubmit(Status.Rejected);
        _claimRefused(job, terms, policy, answerOf(executor, ANSWER, terms.amount), noData(), abi.encodeWithSelector(IJobEscrow.ClaimIsRejected.selector));
    }

    function test_claim_refusesMoreThanTheJobHolds() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _open();
        _claimRefused(job, terms, policy, answerOf(executor, ANSWER, terms.amount + 1), noData(), abi.encodeWithSelector(IJobEscrow.AmountTooLarge.selector, terms.amount + 1, terms.amount));
    }

    function test_claim_refusesAfterTheLastMoment() public {
        bytes memory policy = single(address(stub), 1 hours, "");
        Job memory job = makeJob(policy);
        Terms memory terms = makeTerms();
        openJob(job, terms, policy);
        vm.warp(terms.deadline - 1 hours + 1);
        _claimRefused(job, terms, policy, answerOf(executor, ANSWER, terms.amount), noData(), abi.encodeWithSelector(IJobEscrow.TooLate.selector, uint256(terms.deadline) + 1, terms.deadline));
        vm.warp(terms.deadline - 1 hours);
        claimAs(executor, job, terms, policy, ANSWER, noData());
    }

    function test_claim_sendsEachVerifierItsValueAndNoMore() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _open();
        Evidence[] memory evidence = noData();
        evidence[0].value = 2;
        vm.deal(executor, 10);
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.WrongValue.selector, 2));
        escrow.claim{value: 3}(job, terms, policy, answerOf(executor, ANSWER, terms.amount), evidence);
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.WrongValue.selector, 2));
        escrow.claim{value: 1}(job, terms, policy, answerOf(executor, ANSWER, terms.amount), evidence);
        vm.prank(executor);
        escrow.claim{value: 2}(job, terms, policy, answerOf(executor, ANSWER, terms.amount), evidence);
        assertEq(address(stub).balance, 2, "value");
    }

    function test_claim_oneLiveClaimForEachExecutor() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _open();
        stub.setOnSubmit(Status.Pending);
        claimAs(executor, job, terms, policy, ANSWER, noData());
        _claimRefused(job, terms, policy, answerOf(executor, OTHER, terms.amount), noData(), abi.encodeWithSelector(IJobEscrow.AlreadyClaimed.selector, executor));
        stub.set(claimIdOf(job, executor, ANSWER), Status.Rejected, 0, 0);
        claimAs(executor, job, terms, policy, OTHER, noData()); // a rejected claim ends itself, not the job
        assertEq(escrow.claimsOf(job, terms, policy).length, 2, "claims");
    }

    function test_commit_thenClaimInALaterBlock() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _openToAll();
        bytes32 id = idOf(job);
        IJobEscrow.Answer memory answer = answerOf(executor, ANSWER, terms.amount);
        answer.salt = "salt";
        bytes32 commitment = keccak256(abi.encode(claimIdOf(job, executor, ANSWER), answer.salt));
        _claimRefused(job, terms, policy, answer, noData(), abi.encodeWithSelector(IJobEscrow.NotCommitted.selector, commitment));
        escrow.commit(id, commitment);
        _claimRefused(job, terms, policy, answer, noData(), abi.encodeWithSelector(IJobEscrow.TooEarly.selector, block.number + 1));
        vm.roll(block.number + 1);
        answer.salt = "pepper";
        _claimRefused(job, terms, policy, answer, noData(), abi.encodeWithSelector(IJobEscrow.NotCommitted.selector, keccak256(abi.encode(claimIdOf(job, executor, ANSWER), answer.salt))));
        answer.salt = "salt";
        vm.prank(market); // whoever knows the salt may bring it
        escrow.claim(job, terms, policy, answer, noData());
        assertEq(escrow.claimsOf(job, terms, policy)[0].executor, executor, "executor");
    }

    function test_commit_needsAnOpenJob() public {
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.WrongState.selector, IJobStates.JobState.None));
        escrow.commit("nothing", "commitment");
    }

    function test_commit_aCopiedAnswerEarnsNothing() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _openToAll();
        bytes32 id = idOf(job);
        bytes32 commitment = keccak256(abi.encode(claimIdOf(job, executor, ANSWER), bytes32("salt")));
        vm.prank(executor);
        escrow.commit(id, commitment);
        vm.prank(rival);
        escrow.commit(id, commitment); // copying the commitment changes nothing
        vm.roll(block.number + 1);
        commitAndClaim(rival, job, terms, policy, ANSWER, noData()); // saw the answer, claims first
        IJobEscrow.Answer memory answer = answerOf(executor, ANSWER, terms.amount);
        answer.salt = "salt";
        escrow.claim(job, terms, policy, answer, noData());
        escrow.finalise(job, terms, policy, "");
        assertEq(_balance(executor), 100 ether, "the earliest committed is paid");
        assertEq(_balance(rival), 0, "the copy is not");
    }

    function test_claim_aFullListMakesRoomForTheRejected() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _openToAll(1 ether);
        stub.setOnSubmit(Status.Pending);
        for (uint160 i = 1; i <= 8; ++i) _fundedClaim(address(0x1000 + i), job, terms, policy, keccak256(abi.encode(i)));
        vm.prank(executor);
        escrow.commit(idOf(job), keccak256(abi.encode(claimIdOf(job, executor, ANSWER), keccak256(abi.encode(executor)))));
        vm.roll(block.number + 1);
        IJobEscrow.Answer memory answer = answerOf(executor, ANSWER, terms.amount);
        answer.salt = keccak256(abi.encode(executor));
        _claimRefused(job, terms, policy, answer, noData(), abi.encodeWithSelector(IJobEscrow.ClaimsFull.selector));
        stub.set(claimIdOf(job, address(0x1003), keccak256(abi.encode(uint160(3)))), Status.Rejected, 0, 0);
        stub.setOnSubmit(Status.Accepted);
        vm.prank(executor);
        escrow.claim(job, terms, policy, answer, noData());
        assertEq(_balance(requester), 1 ether, "the bond of the one that made room");
        escrow.finalise(job, terms, policy, "");
        assertEq(_balance(executor), 101 ether, "paid, bond back");
        assertEq(_balance(address(0x1001)), 1 ether, "a claim that was neither has its bond back");
    }

    function test_claim_aFullListOfCopiesMakesRoomForTheEarlier() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _openToAll(1 ether);
        bytes32 salt = keccak256(abi.encode(executor));
        vm.prank(executor);
        escrow.commit(idOf(job), keccak256(abi.encode(claimIdOf(job, executor, ANSWER), salt)));
        for (uint160 i = 1; i <= 8; ++i) _fundedClaim(address(0x1000 + i), job, terms, policy, ANSWER);
        IJobEscrow.Answer memory answer = answerOf(executor, ANSWER, terms.amount);
        answer.salt = salt;
        vm.prank(executor);
        escrow.claim(job, terms, policy, answer, noData());
        escrow.finalise(job, terms, policy, "");
        assertEq(_balance(executor), 101 ether, "paid, bond back");
        for (uint160 i = 1; i <= 8; ++i) assertEq(_balance(address(0x1000 + i)), 1 ether, "copies have their bonds back");
        _fundedClaimRefused(address(0x2000), job, terms, policy);
    }

    // -------------------------------------------------------------- finalise

    function test_finalise_paysTheAcceptedClaim() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _open();
        claimAs(executor, job, terms, policy, ANSWER, noData());
        vm.prank(market); // anybody
        escrow.finalise(job, terms, policy, "");
        assertTrue(stateOf(job) == IJobStates.JobState.Final, "final");
        assertEq(_balance(executor), 100 ether, "paid");
        assertEq(escrow.answerOf(idOf(job)), ANSWER, "answer");
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.WrongState.selector, IJobStates.JobState.Final));
        escrow.finalise(job, terms, policy, "");
        vm.warp(terms.deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.WrongState.selector, IJobStates.JobState.Final));
        escrow.refund(job, terms, policy);
    }

    function test_finalise_needsAnAcceptedClaim() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _open();
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.WrongState.selector, IJobStates.JobState.Open));
        escrow.finalise(job, terms, policy, "");
        stub.setOnSubmit(Status.Pending);
        claimAs(executor, job, terms, policy, ANSWER, noData());
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.NotAccepted.selector));
        escrow.finalise(job, terms, policy, "");
        stub.set(claimIdOf(job, executor, ANSWER), Status.Pending, uint64(block.timestamp + 10), 0);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.NotAccepted.selector));
        escrow.finalise(job, terms, policy, "");
        vm.warp(block.timestamp + 10); // silence accepts, without a transaction
        escrow.finalise(job, terms, policy, "");
    }

    function test_finalise_returnsWhatWasNotClaimed() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _open();
        vm.prank(executor);
        escrow.claim(job, terms, policy, answerOf(executor, ANSWER, 7), noData());
        escrow.finalise(job, terms, policy, "");
        assertEq(_balance(executor), 7, "metered");
        assertEq(_balance(requester), 100 ether - 7, "the rest");
    }

    function test_finalise_splitsFeeAndRoyaltyToTheWei(uint96 amount, uint16 feeBps, uint16 royaltyBps) public {
        amount = uint96(bound(amount, 1, 100 ether));
        feeBps = uint16(bound(feeBps, 0, 10_000));
        royaltyBps = uint16(bound(royaltyBps, 0, 10_000 - feeBps));
        bytes memory policy = stubPolicy();
        Job memory job = makeJob(policy);
        Terms memory terms = makeTerms();
        (terms.feeBps, terms.feeTo, terms.royaltyBps, terms.royaltyTo) = (feeBps, market, royaltyBps, address(0x4040));
        openJob(job, terms, policy);
        vm.prank(executor);
        escrow.claim(job, terms, policy, answerOf(executor, ANSWER, amount), noData());
        escrow.finalise(job, terms, policy, "");
        uint256 fee = uint256(amount) * feeBps / 10_000;
        uint256 royalty = uint256(amount) * royaltyBps / 10_000;
        assertEq(_balance(market), fee, "fee");
        assertEq(_balance(address(0x4040)), royalty, "royalty");
        assertEq(_balance(executor), amount - fee - royalty, "executor");
        assertEq(_balance(requester), 100 ether - amount, "requester");
    }

    function test_finalise_bondsOfTheRejectedGoToTheRequester() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _openToAll(3 ether);
        stub.setOnSubmit(Status.Pending);
        commitAndClaim(rival, job, terms, policy, OTHER, noData());
        stub.set(claimIdOf(job, rival, OTHER), Status.Rejected, 0, 0);
        stub.setOnSubmit(Status.Accepted);
        commitAndClaim(executor, job, terms, policy, ANSWER, noData());
        escrow.finalise(job, terms, policy, "");
        assertEq(_balance(executor), 103 ether, "pay and bond");
        assertEq(_balance(requester), 3 ether, "the liar's bond");
        assertEq(_balance(rival), 0, "the liar");
    }

    function test_finalise_cannotBeStarvedOfGas() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _open();
        claimAs(executor, job, terms, policy, ANSWER, noData());
        vm.warp(terms.deadline + 1);
        // With less gas the verifier's answer would be cut off and look like silence: the money would go back.
        for (uint256 given = 30_000; given < 140_000; given += 2_500) {
            (bool ok,) = address(escrow).call{gas: given}(abi.encodeCall(IJobEscrow.refund, (job, terms, policy)));
            assertTrue(!ok, "refunded although the claim is accepted");
        }
        escrow.finalise(job, terms, policy, "");
    }

    // -------------------------------------------------------------- callback

    function test_callback_isToldTheAnswer() public {
        (Job memory job, Terms memory terms, bytes memory policy, Listener listener) = _openWithCallback();
        escrow.finalise(job, terms, policy, "output");
        assertEq(listener.calls(), 1, "calls");
        assertEq(keccak256(listener.last()), keccak256("output"), "output");
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.NothingOwed.selector));
        escrow.retryCallback(job, terms, policy, "output");
    }

    function test_callback_needsTheRightOutput() public {
        (Job memory job, Terms memory terms, bytes memory policy,) = _openWithCallback();
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.WrongOutput.selector));
        escrow.finalise(job, terms, policy, "lie");
    }

    function test_callback_aClaimMustDiscloseTheOutput() public {
        bytes memory policy = stubPolicy();
        Job memory job = makeJob(policy);
        Terms memory terms = makeTerms();
        (terms.callback, terms.callbackGas) = (address(new Listener()), 200_000);
        openJob(job, terms, policy);
        _claimRefused(job, terms, policy, answerOf(executor, keccak256("output"), terms.amount), noData(), abi.encodeWithSelector(IJobEscrow.WrongOutput.selector));
    }

    function test_callback_thatFailsLeavesThePaymentAndMayBeRetriedByAnybody() public {
        (Job memory job, Terms memory terms, bytes memory policy, Listener listener) = _openWithCallback();
        listener.set(true, false, false);
        escrow.finalise(job, terms, policy, "output");
        assertEq(_balance(executor), 100 ether, "paid all the same");
        vm.prank(rival);
        escrow.retryCallback(job, terms, policy, "output");
        assertEq(listener.calls(), 0, "still failing");
        listener.set(false, false, false);
        vm.prank(rival);
        escrow.retryCallback(job, terms, policy, "output");
        assertEq(listener.calls(), 1, "told");
    }

    function test_callback_thatBurnsGasOrReturnsBombsHarmsNobody() public {
        for (uint256 i = 0; i < 2; ++i) {
            (Job memory job, Terms memory terms, bytes memory policy, Listener listener) = _openWithCallback();
            listener.set(false, i == 0, i == 1);
            uint256 before = gasleft();
            escrow.finalise(job, terms, policy, "output");
            assertTrue(before - gasleft() < 600_000, "bounded");
            assertEq(listener.calls(), 0, "not told");
        }
        assertEq(_balance(executor), 200 ether, "paid");
    }

    function test_callback_withoutEnoughGasRevertsInsteadOfFailing() public {
        (Job memory job, Terms memory terms, bytes memory policy, Listener listener) = _openWithCallback();
        (bool ok,) = address(escrow).call{gas: 250_000}(abi.encodeCall(IJobEscrow.finalise, (job, terms, policy, bytes("output"))));
        assertTrue(!ok && listener.calls() == 0, "a griefer cannot make the callback fail by giving it little");
        escrow.finalise(job, terms, policy, "output");
        assertEq(listener.calls(), 1, "told");
    }

    function test_callback_toAnAccountWithoutCodeIsNotDone() public {
        bytes memory policy = stubPolicy();
        Job memory job = makeJob(policy);
        Terms memory terms = makeTerms();
        (terms.callback, terms.callbackGas) = (address(0xBEEF), 50_000);
        openJob(job, terms, policy);
        IJobEscrow.Answer memory answer = answerOf(executor, keccak256("output"), terms.amount);
        answer.output = "output";
        vm.prank(executor);
        escrow.claim(job, terms, policy, answer, noData());
        escrow.finalise(job, terms, policy, "output");
        escrow.retryCallback(job, terms, policy, "output"); // still owed
    }

    // -------------------------------------------------------------- refund

    function test_refund_afterTheDeadlineByAnybody() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _open();
        vm.warp(terms.deadline);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.TooEarly.selector, uint256(terms.deadline) + 1));
        escrow.refund(job, terms, policy);
        vm.warp(terms.deadline + 1);
        vm.prank(rival);
        escrow.refund(job, terms, policy);
        assertEq(_balance(requester), 100 ether, "back");
        assertTrue(stateOf(job) == IJobStates.JobState.Refunded, "refunded");
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.WrongState.selector, IJobStates.JobState.Refunded));
        escrow.refund(job, terms, policy);
    }

    function test_refund_notWhileAClaimIsAccepted() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _open();
        claimAs(executor, job, terms, policy, ANSWER, noData());
        vm.warp(terms.deadline + 100 days);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.ClaimAccepted.selector, claimIdOf(job, executor, ANSWER)));
        escrow.refund(job, terms, policy);
        escrow.finalise(job, terms, policy, "");
    }

    function test_refund_aPendingClaimDoesNotHoldItUp() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _openBonded();
        stub.setOnSubmit(Status.Pending);
        claimAs(executor, job, terms, policy, ANSWER, noData());
        vm.warp(terms.deadline + 1);
        escrow.refund(job, terms, policy);
        assertEq(_balance(requester), 100 ether, "back");
        assertEq(_balance(executor), 2 ether, "the bond too");
    }

    function test_refund_waitsForADisputeButNotForEver() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _open();
        stub.setOnSubmit(Status.Pending);
        claimAs(executor, job, terms, policy, ANSWER, noData());
        stub.set(claimIdOf(job, executor, ANSWER), Status.Pending, type(uint64).max, terms.deadline + 5 days);
        vm.warp(terms.deadline + 5 days);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.InDispute.selector, uint256(terms.deadline) + 5 days));
        escrow.refund(job, terms, policy);
        stub.set(claimIdOf(job, executor, ANSWER), Status.Pending, type(uint64).max, type(uint64).max);
        vm.warp(uint256(terms.deadline) + 30 days);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.InDispute.selector, uint256(terms.deadline) + 30 days));
        escrow.refund(job, terms, policy);
        vm.warp(uint256(terms.deadline) + 30 days + 1);
        escrow.refund(job, terms, policy);
    }

    function test_refund_atOnceWhenTheNamedExecutorWasRejected() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _openBonded();
        stub.setOnSubmit(Status.Pending);
        claimAs(executor, job, terms, policy, ANSWER, noData());
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.TooEarly.selector, uint256(terms.deadline) + 1));
        escrow.refund(job, terms, policy);
        stub.set(claimIdOf(job, executor, ANSWER), Status.Rejected, 0, 0);
        vm.prank(rival);
        escrow.refund(job, terms, policy);
        assertEq(_balance(requester), 102 ether, "money and bond");
    }

    function test_refund_notAtOnceWhenOthersMayStillAnswer() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _openToAll();
        stub.setOnSubmit(Status.Pending);
        commitAndClaim(executor, job, terms, policy, ANSWER, noData());
        stub.set(claimIdOf(job, executor, ANSWER), Status.Rejected, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.TooEarly.selector, uint256(terms.deadline) + 1));
        escrow.refund(job, terms, policy);
    }

    function test_refund_byTheNamedExecutorThatGivesUp() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _open();
        vm.prank(requester);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.TooEarly.selector, uint256(terms.deadline) + 1));
        escrow.refund(job, terms, policy);
        vm.prank(executor);
        escrow.refund(job, terms, policy);
        assertEq(_balance(requester), 100 ether, "back");
    }

    function test_refund_aBrokenVerifierHoldsUpNobody() public {
        for (uint256 i = 0; i < 2; ++i) {
            (Job memory job, Terms memory terms, bytes memory policy) = _open();
            stub.setBroken(false, false);
            stub.setOnSubmit(Status.Pending);
            claimAs(executor, job, terms, policy, ANSWER, noData());
            stub.setBroken(i == 0, i == 1);
            vm.warp(terms.deadline + 1);
            escrow.refund(job, terms, policy);
        }
        assertEq(_balance(requester), 200 ether, "back");
    }

    /// @dev Fifteen verifiers that burn whatever gas they get, eight claims, bonds: the dearest end there is. It must fit into one transaction
    /// (EIP-7825: 2^24 gas), or the verifiers' author could keep everybody's money in.
    function test_refund_fitsIntoATransactionWhateverTheVerifiersDo() public {
        StubVerifier[15] memory hungry;
        bytes memory leaves;
        bytes memory tokens;
        for (uint256 i = 0; i < 15; ++i) {
            hungry[i] = new StubVerifier();
            hungry[i].setOnSubmit(Status.Pending);
            leaves = abi.encodePacked(leaves, leaf(address(hungry[i]), 0, ""));
            tokens = abi.encodePacked(tokens, uint8(0));
        }
        bytes memory policy = abi.encodePacked(uint8(15), leaves, tokens, uint8(0xff)); // all of them
        Job memory job = makeJob(policy);
        Terms memory terms = makeTerms();
        (terms.executor, terms.bond) = (address(0), 1 ether);
        openJob(job, terms, policy);
        for (uint160 i = 1; i <= 8; ++i) _fundedClaim(address(0x1000 + i), job, terms, policy, ANSWER);
        for (uint256 i = 0; i < 15; ++i) hungry[i].setBroken(false, true);
        vm.warp(terms.deadline + 1);
        uint256 before = gasleft();
        escrow.refund(job, terms, policy);
        assertTrue(before - gasleft() < 16_000_000, "too dear");
        assertEq(_balance(requester), 100 ether, "back");
    }

    // -------------------------------------------------------------- withdraw

    function test_withdraw_sendsOnesOwnOnce() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _open();
        claimAs(executor, job, terms, policy, ANSWER, noData());
        escrow.finalise(job, terms, policy, "");
        vm.prank(rival);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.NothingOwed.selector));
        escrow.withdraw(address(token), address(0));
        vm.prank(executor);
        escrow.withdraw(address(token), address(0));
        assertEq(token.balanceOf(executor), 1_100 ether, "withdrawn");
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.NothingOwed.selector));
        escrow.withdraw(address(token), address(0));
        assertEq(token.balanceOf(address(escrow)), 0, "nothing is left");
    }

    // -------------------------------------------------------------- garbage

    function test_garbageNeverChangesAStatus(bytes memory evidence) public {
        bytes memory policy = quorumPolicy();
        Job memory job = makeJob(policy);
        Terms memory terms = makeTerms();
        openJob(job, terms, policy);
        vm.warp(block.timestamp + QUIET + 1);
        try quorum.submit(job, executor, ANSWER, evidence) {
            assertTrue(false, "garbage was taken");
        } catch {}
        (Status status,) = quorum.status(claimIdOf(job, executor, ANSWER));
        assertTrue(status == Status.None, "status");
        try owner.submit(job, executor, ANSWER, evidence) {
            assertTrue(false, "garbage was taken");
        } catch {}
        try direct.submit(job, executor, ANSWER, evidence) {
            assertTrue(false, "garbage was taken");
        } catch {}
    }
}
