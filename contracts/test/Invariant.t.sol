// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IJobStates, Status} from "../src/settlement/IEvidenceVerifier.sol";
import {Job} from "../src/settlement/Job.sol";
import {Evidence, IJobEscrow, Terms} from "../src/settlement/IJobEscrow.sol";
import {OceanDoor} from "../src/settlement/OceanDoor.sol";
import {Actors} from "./Base.sol";
import {StubVerifier} from "./Fixture.sol";
import {OceanFixture} from "./OceanDoor.t.sol";

/// @notice Everybody who can touch an escrow, acting at random: requesters, executors, rivals, a griefer, a keeper, the verifiers' answers,
/// Ocean's canceller, and time. After each step the books are held against the contracts.
contract InvariantTest is Actors, OceanFixture {
    struct Case {
        Job job;
        Terms terms;
        bytes policy;
        uint256 funded;
        uint256 ends; // how often it was paid or refunded
        bool acceptedEver; // a paid executor was accepted
    }

    Case[] internal cases;
    OceanDoor internal door;
    bytes internal policyOfDoor;
    address[4] internal actors = [address(0xE1), address(0xE2), address(0xE3), address(0xE4)];
    uint256 internal deposited; // into the escrow by requesters and bonds
    uint256 internal withdrawn;
    uint256 internal lockPaid; // what came through doors
    uint256 internal opened;
    uint256 internal ended;

    function setUp() public override {
        super.setUp();
        policyOfDoor = stubPolicy();
        door = OceanDoor(escrow.createDoor(ocean, executor, token, keccak256(policyOfDoor)));
        _authorise(address(door));
        for (uint256 i = 0; i < 4; ++i) {
            token.mint(actors[i], 10_000 ether);
            vm.prank(actors[i]);
            token.approve(address(escrow), type(uint256).max);
        }
    }

    function _actors() internal pure override returns (bytes4[] memory list) {
        list = new bytes4[](9);
        list[0] = this.doOpen.selector;
        list[1] = this.doClaim.selector;
        list[2] = this.doClaim.selector;
        list[3] = this.doDecide.selector;
        list[4] = this.doFinalise.selector;
        list[5] = this.doRefund.selector;
        list[6] = this.doWithdraw.selector;
        list[7] = this.doTime.selector;
        list[8] = this.doGrief.selector;
    }

    // -------------------------------------------------------------- actors

    function doOpen(uint256 seed) external {
        if (cases.length >= 12) return;
        bytes memory policy = seed % 2 == 0 ? stubPolicy() : single(address(stub), uint64(seed >> 8 & 0xfff), "");
        bool ofDoor = seed % 3 == 0;
        if (ofDoor) policy = policyOfDoor;
        Case storage item = cases.push();
        item.job = makeJob(policy);
        item.terms = makeTerms();
        item.policy = policy;
        item.terms.amount = uint96(1 + (seed >> 20) % 50 ether);
        item.terms.deadline = uint64(block.timestamp + 1 hours + (seed >> 90) % 1 days);
        item.terms.bond = seed % 5 == 0 ? uint96(1 + (seed >> 120) % 1 ether) : 0;
        item.terms.feeBps = uint16((seed >> 150) % 500);
        item.terms.feeTo = market;
        if (seed % 7 == 0) item.terms.executor = address(0);
        if (ofDoor) {
            item.terms.executor = executor;
            item.terms.door = address(door);
            item.terms.lockSeconds = uint64(item.terms.deadline - block.timestamp + 3_600);
            vm.prank(executor);
            door.open(item.job, item.terms, item.policy);
        } else {
            vm.prank(requester);
            escrow.open(item.job, item.terms, item.policy);
            deposited += item.terms.amount;
        }
        item.funded = item.terms.amount;
        ++opened;
    }

    function doClaim(uint256 seed) external {
        if (cases.length == 0) return;
        Case storage item = cases[seed % cases.length];
        address who = actors[(seed >> 16) % 4];
        if (item.terms.executor != address(0)) who = item.terms.executor;
        bytes32 outputHash = bytes32(1 + (seed >> 32) % 3);
        stub.setOnSubmit(seed >> 40 & 1 == 0 ? Status.Accepted : Status.Pending);
        IJobEscrow.Answer memory answer = answerOf(who, outputHash, uint96(seed >> 50 & 1 == 0 ? item.terms.amount : (seed >> 60) % (uint256(item.terms.amount) + 1)));
        answer.salt = bytes32(seed);
        if (item.terms.executor == address(0)) {
            try escrow.commit(idOf(item.job), keccak256(abi.encode(claimIdOf(item.job, who, outputHash), answer.salt))) {} catch {}
            vm.roll(block.number + 1);
        }
        vm.prank(who);
        try escrow.claim(item.job, item.terms, item.policy, answer, noData()) {
            deposited += item.terms.bond;
        } catch {}
    }

    /// @dev Evidence changes its mind only from Pending, as verifiers promise.
    function doDecide(uint256 seed) external {
        if (cases.length == 0) return;
        Case storage item = cases[seed % cases.length];
        IJobEscrow.ClaimView[] memory list = escrow.claimsOf(item.job, item.terms, item.policy);
        if (list.length == 0) return;
        IJobEscrow.ClaimView memory claim = list[(seed >> 16) % list.length];
        if (claim.status != Status.Pending) return;
        uint256 what = (seed >> 32) % 4;
        if (what == 0) stub.set(claim.claimId, Status.Accepted, uint64(block.timestamp), 0);
        if (what == 1) stub.set(claim.claimId, Status.Rejected, 0, 0);
        if (what == 2) stub.set(claim.claimId, Status.Pending, uint64(block.timestamp + (seed >> 40) % 1 days), 0);
        if (what == 3) stub.set(claim.claimId, Status.Pending, type(uint64).max, uint64(block.timestamp + (seed >> 40) % 2 days));
    }

    function doFinalise(uint256 seed) external {
        if (cases.length == 0) return;
        Case storage item = cases[seed % cases.length];
        bool accepted = _hasAccepted(item);
        uint256 before = token.balanceOf(address(escrow));
        vm.prank(actors[(seed >> 16) % 4]);
        try escrow.finalise(item.job, item.terms, item.policy, "") {
            ++item.ends;
            ++ended;
            item.acceptedEver = accepted;
            lockPaid += token.balanceOf(address(escrow)) - before;
        } catch {}
    }

    function doRefund(uint256 seed) external {
        if (cases.length == 0) return;
        Case storage item = cases[seed % cases.length];
        bool accepted = _hasAccepted(item);
        bool lapsed = item.terms.door != address(0) && block.timestamp > uint256(item.terms.deadline) + 3_600;
        vm.prank(actors[(seed >> 16) % 4]);
        try escrow.refund(item.job, item.terms, item.policy) {
            ++item.ends;
            ++ended;
            item.acceptedEver = true;
            if (accepted && !lapsed) wrong = "refunded although a claim was accepted";
        } catch {}
    }

    function doWithdraw(uint256 seed) external {
        address who = (seed >> 8) % 3 == 0 ? requester : (seed >> 8) % 3 == 1 ? market : actors[seed % 4];
        vm.prank(who);
        try escrow.withdraw(address(token), address(0)) returns (uint256 amount) {
            withdrawn += amount;
        } catch {}
    }

    function doTime(uint256 seed) external {
        vm.warp(block.timestamp + seed % 12 hours);
        vm.roll(block.number + 1 + seed % 10);
    }

    function doGrief(uint256 seed) external {
        if (cases.length == 0) return;
        Case storage item = cases[seed % cases.length];
        bytes32 id = idOf(item.job);
        uint256 what = (seed >> 16) % 5;
        if (what == 0) try escrow.commit(id, bytes32(seed)) {} catch {}
        if (what == 1) try ocean.cancelExpiredLock(uint256(id), address(token), requester, address(door)) {} catch {}
        if (what == 2) try escrow.open(item.job, item.terms, item.policy) {} catch {}
        if (what == 3) stub.setBroken(false, false);
        if (what == 4) try escrow.retryCallback(item.job, item.terms, item.policy, "") {} catch {}
    }

    function _hasAccepted(Case storage item) internal view returns (bool) {
        IJobEscrow.ClaimView[] memory list = escrow.claimsOf(item.job, item.terms, item.policy);
        for (uint256 i = 0; i < list.length; ++i) if (list[i].status == Status.Accepted) return true;
        return false;
    }

    // -------------------------------------------------------------- invariants

    function invariant_moneyIsConservedToTheWei() public view {
        uint256 owed = escrow.balanceOf(address(token), requester) + escrow.balanceOf(address(token), market);
        for (uint256 i = 0; i < 4; ++i) owed += escrow.balanceOf(address(token), actors[i]);
        uint256 held = 0; // by jobs that have not ended
        for (uint256 i = 0; i < cases.length; ++i) {
            IJobStates.JobState state = stateOf(cases[i].job);
            if (state != IJobStates.JobState.Open && state != IJobStates.JobState.Claimed) continue;
            if (cases[i].terms.door == address(0)) held += cases[i].funded;
            if (cases[i].terms.bond != 0) held += cases[i].terms.bond * escrow.claimsOf(cases[i].job, cases[i].terms, cases[i].policy).length;
        }
        assertEq(token.balanceOf(address(escrow)), deposited + lockPaid - withdrawn, "what came in less what went out");
        assertEq(token.balanceOf(address(escrow)), owed + held, "is owed to somebody");
        assertEq(token.balanceOf(address(door)), 0, "a door holds nothing");
    }

    function invariant_eachJobEndsOnceAndOnlyWithReason() public view {
        assertTrue(bytes(wrong).length == 0, wrong);
        for (uint256 i = 0; i < cases.length; ++i) {
            IJobStates.JobState state = stateOf(cases[i].job);
            bool over = state == IJobStates.JobState.Final || state == IJobStates.JobState.Refunded;
            assertEq(cases[i].ends, over ? 1 : 0, "ends");
            if (over) assertTrue(cases[i].acceptedEver, "paid without an accepted claim");
        }
    }

    /// @dev No state that only one party can leave: once all clocks have run out, anybody's call ends any job.
    function invariant_everyJobCanBeEndedByAnybody() public {
        vm.warp(block.timestamp + 40 days);
        for (uint256 i = 0; i < cases.length; ++i) {
            Case storage item = cases[i];
            IJobStates.JobState state = stateOf(item.job);
            if (state != IJobStates.JobState.Open && state != IJobStates.JobState.Claimed) continue;
            vm.prank(address(0x57A6E));
            try escrow.refund(item.job, item.terms, item.policy) {}
            catch {
                vm.prank(address(0x57A6E));
                escrow.finalise(item.job, item.terms, item.policy, "");
            }
        }
    }
}
