// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IJobStates, Status} from "../src/settlement/IEvidenceVerifier.sol";
import {Job} from "../src/settlement/Job.sol";
import {Evidence, IJobEscrow, Terms} from "../src/settlement/IJobEscrow.sol";
import {Actors} from "./Base.sol";
import {Fixture} from "./Fixture.sol";
import {BlacklistToken, FalseToken, HookToken, ITokenHook, NoReturnToken, RebaseToken, TaxToken, Token} from "./Tokens.sol";

/// @dev An executor that reaches back into the escrow whenever its token calls it.
contract Greedy is ITokenHook {
    IJobEscrow internal immutable escrow;
    HookToken internal immutable hooks;
    bytes internal again;
    uint256 public gained;

    constructor(IJobEscrow escrow_, HookToken hooks_) {
        (escrow, hooks) = (escrow_, hooks_);
        hooks_.approve(address(escrow_), type(uint256).max);
        hooks_.setHook(true);
    }

    function act(bytes calldata data) external returns (bool ok) {
        again = data;
        (ok,) = address(escrow).call(data);
    }

    function onToken(address, address, uint256) external {
        (bool ok,) = address(escrow).call(again);
        if (ok) ++gained;
        (ok,) = address(escrow).call(abi.encodeCall(IJobEscrow.withdraw, (address(hooks), address(0))));
        if (ok) ++gained;
    }
}

/// @notice The real verifiers and seven kinds of money at once, with everybody acting at random: the requester who accepts, objects or is
/// silent, executors (one of them greedy), voters who agree, lie or come late, tokens that tax, lie, block, shrink or call back, and a
/// griefer who submits garbage. After each step every claim's status must be what a few lines below say, and every token must be accounted for.
contract EvidenceInvariantTest is Actors, Fixture {
    enum Kind {
        Quorum,
        Owner,
        Either,
        Both,
        Direct
    }

    struct Case {
        Job job;
        Terms terms;
        bytes policy;
        Kind kind;
        uint64 window;
        uint256 funded;
        uint256 ends;
    }

    struct Seen {
        uint64 claimedAt;
        bool objected;
        bool accepted;
        Status last;
    }

    uint256 internal constant KINDS_OF_MONEY = 7;
    address[KINDS_OF_MONEY] internal money;
    address[3] internal executors;
    Greedy internal greedy;
    Case[] internal cases;
    mapping(uint256 caseIndex => Vote[]) internal votesOf;
    mapping(bytes32 jobId => mapping(bytes32 outputHash => uint256)) internal shown; // bit i: signer i's vote was revealed
    mapping(bytes32 claimId => Seen) internal seen;
    mapping(address => uint256) internal came;
    mapping(address => uint256) internal went;
    mapping(address => uint256) internal shrank;
    bytes32 internal stump;
    bytes32 internal truth; // hash of what the stump answers

    bytes internal constant INPUT = hex"0005";

    function setUp() public override {
        super.setUp();
        HookToken hooks = new HookToken();
        money = [address(token), address(new TaxToken()), address(new NoReturnToken()), address(new FalseToken()), address(new BlacklistToken()), address(hooks), address(new RebaseToken())];
        greedy = new Greedy(escrow, hooks);
        executors = [executor, rival, address(greedy)];
        for (uint256 m = 0; m < KINDS_OF_MONEY; ++m) {
            for (uint256 i = 0; i < 3; ++i) Token(money[m]).mint(executors[i], 1_000 ether);
            Token(money[m]).mint(requester, 100_000 ether);
            for (uint256 i = 0; i < 3; ++i) {
                vm.prank(i == 2 ? requester : executors[i]);
                (bool ok,) = money[m].call(abi.encodeCall(token.approve, (address(escrow), type(uint256).max))); // one of them returns nothing
                assertTrue(ok, "approve");
            }
        }
        stump = direct.publish(abi.encodePacked(hex"01010002", hex"05", uint16(1), int32(4), int32(-1), int32(70000)));
        truth = keccak256(direct.execute(stump, INPUT));
    }

    function _actors() internal pure override returns (bytes4[] memory list) {
        list = new bytes4[](14);
        list[0] = this.doOpen.selector;
        list[1] = this.doClaim.selector;
        list[2] = this.doClaim.selector;
        list[3] = this.doVote.selector;
        list[4] = this.doVote.selector;
        list[5] = this.doReveal.selector;
        list[6] = this.doJudge.selector;
        list[7] = this.doEnd.selector;
        list[8] = this.doWithdraw.selector;
        list[9] = this.doTime.selector;
        list[10] = this.doMoney.selector;
        list[11] = this.doGarbage.selector;
        list[12] = this.doJudge.selector;
        list[13] = this.doEnd.selector;
    }

    function _mustBe(bool holds, string memory what) internal {
        if (!holds) wrong = what;
    }

    // -------------------------------------------------------------- actors

    function doOpen(uint256 seed) external {
        uint256 live = 0;
        for (uint256 i = 0; i < cases.length; ++i) if (!_over(cases[i])) ++live;
        if (live >= 3) return;
        Case memory item;
        item.kind = Kind(seed % 5);
        item.window = uint64(1 + (seed >> 8) % 2 hours);
        uint128 stake = item.kind == Kind.Owner && seed >> 40 & 1 == 0 ? uint128(1 + (seed >> 44) % 1 ether) : 0;
        item.policy = _policy(item.kind, item.window, stake);
        item.job = makeJob(item.policy);
        if (item.kind == Kind.Direct) (item.job.subjectRoot, item.job.inputRoot) = (stump, keccak256(INPUT));
        item.terms = makeTerms();
        item.terms.token = money[(seed >> 120) % KINDS_OF_MONEY];
        item.terms.amount = uint96(1 + (seed >> 130) % 50 ether);
        item.terms.deadline = uint64(block.timestamp + 3 hours + (seed >> 190) % 1 days);
        item.terms.bond = seed >> 210 & 1 == 0 ? uint96(1 + (seed >> 212) % 1 ether) : 0;
        item.terms.executor = stake == 0 && seed >> 250 & 1 == 0 ? address(0) : executors[(seed >> 251) % 3];
        uint256 before = _here(item.terms.token);
        vm.prank(requester);
        (bool ok,) = address(escrow).call(abi.encodeCall(IJobEscrow.open, (item.job, item.terms, item.policy)));
        if (!ok) return;
        item.funded = _here(item.terms.token) - before;
        came[item.terms.token] += item.funded;
        cases.push(item);
        _watch();
    }

    function _policy(Kind kind, uint64 window, uint128 stake) internal view returns (bytes memory) {
        if (kind == Kind.Quorum) return quorumPolicy();
        if (kind == Kind.Direct) return single(address(direct), 0, "");
        bytes memory params = abi.encodePacked(stake);
        if (kind == Kind.Owner) return single(address(owner), window, params);
        return pair(kind == Kind.Either ? 1 : 2, leaf(address(quorum), 0, quorumParams()), leaf(address(owner), window, params));
    }

    function doClaim(uint256 seed) external {
        if (cases.length == 0) return;
        uint256 index = seed % cases.length;
        Case storage item = cases[index];
        IJobEscrow.Answer memory answer;
        answer.executor = item.terms.executor != address(0) ? item.terms.executor : executors[(seed >> 16) % 3];
        answer.outputHash = _output(seed >> 32);
        answer.amount = uint96(seed >> 50 & 1 == 0 ? item.funded : (seed >> 60) % (item.funded + 1));
        bytes32 claimId = claimIdOf(item.job, answer.executor, answer.outputHash);
        if (item.terms.executor == address(0)) {
            try escrow.commit(idOf(item.job), keccak256(abi.encode(claimId, answer.salt))) {} catch {}
            vm.roll(block.number + 1);
        }
        (Vote[] memory votes, Evidence[] memory evidence) = _evidence(index, seed >> 100);
        uint256 before = _here(item.terms.token);
        if (!_as(answer.executor, abi.encodeCall(IJobEscrow.claim, (item.job, item.terms, item.policy, answer, evidence)))) return;
        came[item.terms.token] += _here(item.terms.token) - before;
        _mustBe(_here(item.terms.token) - before == item.terms.bond, "a claim that took another sum than its bond");
        seen[claimId].claimedAt = uint64(block.timestamp);
        _note(index, votes);
        _mustBe(item.kind != Kind.Direct || answer.outputHash == truth, "the chain took a wrong result");
        _watch();
    }

    /// @dev One of three; the first is the truth.
    function _output(uint256 seed) internal view returns (bytes32) {
        uint256 which = seed % 5;
        return which < 3 ? truth : bytes32(which);
    }

    function _evidence(uint256 index, uint256 seed) internal view returns (Vote[] memory votes, Evidence[] memory list) {
        Kind kind = cases[index].kind;
        bytes memory opened;
        if (kind != Kind.Owner && kind != Kind.Direct && seed & 1 == 0) (votes, opened) = _someVotes(index, seed >> 1);
        bool two = kind == Kind.Either || kind == Kind.Both;
        list = new Evidence[](two ? 2 : 1);
        list[0].data = kind == Kind.Direct ? INPUT : opened;
        if (two) list[1].leaf = 1;
    }

    /// @dev Two or three votes of a case that lie one after the other.
    function _someVotes(uint256 index, uint256 seed) internal view returns (Vote[] memory votes, bytes memory opened) {
        uint256 all = votesOf[index].length;
        if (all == 0) return (votes, opened);
        votes = new Vote[](all < 2 ? all : 2);
        for (uint256 i = 0; i < votes.length; ++i) {
            votes[i] = votesOf[index][(seed + i) % all];
            opened = abi.encodePacked(opened, oneReveal(votes[i]));
        }
    }

    function _note(uint256 index, Vote[] memory votes) internal {
        Case storage item = cases[index];
        for (uint256 i = 0; i < votes.length; ++i) {
            shown[idOf(item.job)][votes[i].outputHash] |= 1 << votes[i].signer;
            _mustBe(votes[i].committedAt <= _openedAt(item) + QUIET && block.timestamp > _openedAt(item) + QUIET, "a vote counted that was committed too late or shown too early");
        }
    }

    function doVote(uint256 seed) external {
        if (cases.length == 0) return;
        uint256 index = seed % cases.length;
        uint256 signer = (seed >> 16) % 3;
        votesOf[index].push(voteAs(signer, idOf(cases[index].job), _output(seed >> 32)));
        // A second commitment replaces the first.
        uint256 last = votesOf[index].length - 1;
        for (uint256 i = 0; i < last; ++i) {
            if (votesOf[index][i].signer != signer) continue;
            votesOf[index][i] = votesOf[index][last];
            votesOf[index].pop();
            break;
        }
        _watch();
    }

    function doReveal(uint256 seed) external {
        if (cases.length == 0) return;
        uint256 index = seed % cases.length;
        Case storage item = cases[index];
        (Vote[] memory votes, bytes memory opened) = _someVotes(index, seed >> 16);
        vm.prank(address(0x57A6E));
        try quorum.reveal(item.job, abi.encode(item.policy, uint16(0), opened)) {
            _note(index, votes);
        } catch {}
        _watch();
    }

    function doJudge(uint256 seed) external {
        if (cases.length == 0) return;
        Case storage item = cases[seed % cases.length];
        IJobEscrow.ClaimView[] memory list = escrow.claimsOf(item.job, item.terms, item.policy);
        if (list.length == 0) return;
        IJobEscrow.ClaimView memory claim = list[(seed >> 16) % list.length];
        bool object = seed >> 32 & 1 == 0;
        bytes memory signature = _sign(object ? "Object" : "Accept", claim.claimId, seed >> 33 & 3 == 0 ? signerKeys[0] : REQUESTER_KEY);
        bool genuine = seed >> 33 & 3 != 0;
        if (object) {
            uint16 leafIndex = item.kind == Kind.Owner ? 0 : 1;
            try owner.object(item.job, claim.executor, claim.outputHash, abi.encode(item.policy, leafIndex, signature)) {
                _mustBe(genuine && _ownerSays(item, claim.claimId) == Status.Pending, "an objection that came too late or from somebody else");
                seen[claim.claimId].objected = true;
            } catch {}
        } else {
            try owner.accept(item.job, claim.executor, claim.outputHash, signature) {
                _mustBe(genuine, "somebody else accepted");
                seen[claim.claimId].accepted = true;
            } catch {}
        }
        _watch();
    }

    function _sign(string memory what, bytes32 claimId, uint256 key) internal view returns (bytes memory) {
        bytes32 domain = keccak256(
            abi.encode(keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"), keccak256("Peaberry OwnerAccept"), keccak256("1"), block.chainid, address(owner))
        );
        bytes32 inner = keccak256(abi.encode(keccak256(abi.encodePacked(what, "(bytes32 claimId)")), claimId));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, inner)));
        return abi.encodePacked(r, s, v);
    }

    /// @dev What the end of a job must give to whom, from the evidence alone.
    struct Due {
        uint256 toRequester;
        uint256[3] toExecutors;
        bool anyAccepted;
        bool allRejected;
        bool anyClaim;
    }

    function doEnd(uint256 seed) external {
        if (cases.length == 0) return;
        Case storage item = cases[seed % cases.length];
        if (_over(item)) return;
        bool pay = seed >> 16 & 1 == 0;
        address who = executors[(seed >> 20) % 3];
        Due memory due = _due(item, pay);
        if (_as(who, pay ? abi.encodeCall(IJobEscrow.finalise, (item.job, item.terms, item.policy, "")) : abi.encodeCall(IJobEscrow.refund, (item.job, item.terms, item.policy)))) {
            ++item.ends;
            _mustBe(due.anyAccepted == pay, pay ? "paid without an accepted claim" : "refunded although a claim was accepted");
            bool gaveUp = item.terms.executor != address(0) && (due.anyClaim ? due.allRejected : who == item.terms.executor);
            _mustBe(pay || block.timestamp > item.terms.deadline || gaveUp, "refunded before its time");
            bool right = escrow.balanceOf(item.terms.token, requester) == due.toRequester;
            for (uint256 i = 0; i < 3; ++i) right = right && escrow.balanceOf(item.terms.token, executors[i]) == due.toExecutors[i];
            _mustBe(right, "pay, rest and bonds did not go where the evidence says");
        }
        try owner.release(item.job) {} catch {}
        _watch();
    }

    /// @dev Credits as they must stand after the end: the earliest accepted claim is paid, a rejected claim's bond is the requester's.
    function _due(Case storage item, bool pay) internal view returns (Due memory due) {
        IJobEscrow.ClaimView[] memory list = escrow.claimsOf(item.job, item.terms, item.policy);
        due.toRequester = escrow.balanceOf(item.terms.token, requester) + item.funded;
        for (uint256 i = 0; i < 3; ++i) due.toExecutors[i] = escrow.balanceOf(item.terms.token, executors[i]);
        (due.anyClaim, due.allRejected) = (list.length != 0, true);
        uint256 won = type(uint256).max;
        for (uint256 i = 0; i < list.length; ++i) {
            Status status = _policySays(item, list[i].claimId, list[i].outputHash);
            if (status == Status.Accepted && (won == type(uint256).max || list[i].order < list[won].order)) won = i;
            if (status != Status.Rejected) due.allRejected = false;
            if (status == Status.Rejected) due.toRequester += item.terms.bond;
            else due.toExecutors[_place(list[i].executor)] += item.terms.bond;
        }
        due.anyAccepted = won != type(uint256).max;
        if (!pay || !due.anyAccepted) return due;
        due.toRequester -= list[won].amount;
        due.toExecutors[_place(list[won].executor)] += list[won].amount;
    }

    function _place(address who) internal view returns (uint256) {
        return who == executors[0] ? 0 : who == executors[1] ? 1 : 2;
    }

    function doWithdraw(uint256 seed) external {
        address who = seed % 4 == 3 ? requester : executors[seed % 4];
        address which = money[(seed >> 8) % KINDS_OF_MONEY];
        uint256 owed = escrow.balanceOf(which, who);
        uint256 before = _here(which);
        if (_as(who, abi.encodeCall(IJobEscrow.withdraw, (which, address(0))))) {
            went[which] += owed;
            _mustBe(before - _here(which) == owed && escrow.balanceOf(which, who) == 0, "a withdrawal of another sum than was owed");
        }
        vm.prank(who);
        try owner.withdraw(which, address(0)) {} catch {}
        _watch();
    }

    function doTime(uint256 seed) external {
        vm.warp(block.timestamp + (seed & 1 == 0 ? (seed >> 1) % 2 minutes : (seed >> 1) % 4 hours));
        vm.roll(block.number + 1 + seed % 10);
        _watch();
    }

    /// @dev The odd tokens' moods.
    function doMoney(uint256 seed) external {
        uint256 what = seed % 4;
        if (what == 0) FalseToken(money[3]).setLie(seed >> 8 & 1 == 0);
        if (what == 1) BlacklistToken(money[4]).setBlocked(executors[(seed >> 8) % 3], seed >> 16 & 1 == 0);
        if (what == 2) BlacklistToken(money[4]).setBlocked(address(escrow), seed >> 16 & 3 == 0);
        if (what == 3) {
            uint256 before = _here(money[6]);
            RebaseToken(money[6]).rebase(address(escrow), (seed >> 8) % 20);
            shrank[money[6]] += before - _here(money[6]);
        }
        _watch();
    }

    /// @dev Whatever a stranger submits changes nothing: `_watch` looks.
    function doGarbage(uint256 seed, bytes calldata data) external {
        if (cases.length == 0) return;
        Case storage item = cases[seed % cases.length];
        address who = executors[(seed >> 16) % 3];
        bytes memory evidence = seed >> 24 & 1 == 0 ? bytes(data) : abi.encode(item.policy, uint16((seed >> 28) % 3), data);
        vm.startPrank(address(0x57A6E));
        uint256 what = (seed >> 32) % 6;
        bool ok = false;
        if (what == 0) (ok,) = address(quorum).call(abi.encodeCall(quorum.reveal, (item.job, evidence)));
        if (what == 1) (ok,) = address(quorum).call(abi.encodeCall(quorum.submit, (item.job, who, truth, evidence)));
        if (what == 2) (ok,) = address(owner).call(abi.encodeCall(owner.submit, (item.job, who, truth, evidence)));
        if (what == 3) (ok,) = address(owner).call(abi.encodeCall(owner.object, (item.job, who, truth, evidence)));
        if (what == 4) (ok,) = address(owner).call(abi.encodeCall(owner.accept, (item.job, who, truth, data)));
        if (what == 5) (ok,) = address(direct).call(abi.encodeCall(direct.submit, (item.job, who, truth, evidence)));
        vm.stopPrank();
        // A quorum takes an empty list of votes, and a note of a claim that nobody made: neither says anything.
        _mustBe(!ok || (what <= 1 && data.length == 0), "garbage was taken");
        _watch();
    }

    function _as(address who, bytes memory data) internal returns (bool ok) {
        if (who == address(greedy)) return greedy.act(data);
        vm.prank(who);
        (ok,) = address(escrow).call(data);
    }

    function _here(address which) internal view returns (uint256) {
        return Token(which).balanceOf(address(escrow));
    }

    function _openedAt(Case storage item) internal view returns (uint64 openedAt) {
        (, openedAt) = escrow.jobState(idOf(item.job));
    }

    // -------------------------------------------------------------- what a claim's status must be

    function _quorumSays(Case storage item, bytes32 outputHash) internal view returns (Status) {
        bytes32 id = idOf(item.job);
        for (uint256 o = 0; o < 3; ++o) {
            bytes32 output = o == 0 ? truth : bytes32(o + 2);
            if (_count(shown[id][output]) >= 2) return output == outputHash ? Status.Accepted : Status.Rejected;
        }
        return Status.Pending;
    }

    function _count(uint256 bits) internal pure returns (uint256 ones) {
        for (; bits != 0; bits &= bits - 1) ++ones;
    }

    function _ownerSays(Case storage item, bytes32 claimId) internal view returns (Status) {
        Seen storage claim = seen[claimId];
        if (claim.objected) return Status.Rejected;
        return claim.accepted || block.timestamp >= claim.claimedAt + item.window ? Status.Accepted : Status.Pending;
    }

    function _policySays(Case storage item, bytes32 claimId, bytes32 outputHash) internal view returns (Status) {
        if (item.kind == Kind.Direct) return Status.Accepted;
        if (item.kind == Kind.Quorum) return _quorumSays(item, outputHash);
        if (item.kind == Kind.Owner) return _ownerSays(item, claimId);
        (Status a, Status b) = (_quorumSays(item, outputHash), _ownerSays(item, claimId));
        (Status decisive, Status other) = item.kind == Kind.Either ? (Status.Accepted, Status.Rejected) : (Status.Rejected, Status.Accepted);
        if (a == decisive || b == decisive) return decisive;
        return a == other && b == other ? other : Status.Pending;
    }

    /// @dev After each step: the chain's word on each claim is ours, and what was decided stays decided.
    function _watch() internal {
        for (uint256 c = 0; c < cases.length; ++c) {
            Case storage item = cases[c];
            IJobEscrow.ClaimView[] memory list = escrow.claimsOf(item.job, item.terms, item.policy);
            for (uint256 i = 0; i < list.length; ++i) {
                Seen storage claim = seen[list[i].claimId];
                _mustBe(list[i].status == _policySays(item, list[i].claimId, list[i].outputHash), "a claim has another status than its evidence gives it");
                _mustBe(claim.last != Status.Accepted && claim.last != Status.Rejected || claim.last == list[i].status, "a decided claim was decided again");
                claim.last = list[i].status;
            }
        }
    }

    // -------------------------------------------------------------- invariants

    function invariant_evidenceAloneDecides() public view {
        assertTrue(bytes(wrong).length == 0, wrong);
    }

    function invariant_everyTokenIsAccountedFor() public view {
        for (uint256 m = 0; m < KINDS_OF_MONEY; ++m) {
            address which = money[m];
            uint256 owed = escrow.balanceOf(which, requester);
            for (uint256 i = 0; i < 3; ++i) owed += escrow.balanceOf(which, executors[i]);
            for (uint256 c = 0; c < cases.length; ++c) {
                if (cases[c].terms.token != which || _over(cases[c])) continue;
                owed += cases[c].funded + cases[c].terms.bond * escrow.claimsOf(cases[c].job, cases[c].terms, cases[c].policy).length;
            }
            assertEq(_here(which), came[which] - went[which] - shrank[which], "what came in less what went out");
            assertEq(_here(which) + shrank[which], owed, "is owed to somebody");
        }
    }

    function invariant_stakesAreAccountedFor() public view {
        for (uint256 m = 0; m < KINDS_OF_MONEY; ++m) {
            uint256 owed = owner.balances(money[m], requester);
            for (uint256 i = 0; i < 3; ++i) owed += owner.balances(money[m], executors[i]);
            for (uint256 c = 0; c < cases.length; ++c) {
                (address which, uint96 amount) = owner.stakes(idOf(cases[c].job));
                if (which == money[m]) owed += amount;
            }
            assertEq(Token(money[m]).balanceOf(address(owner)), owed, "stakes");
        }
    }

    function invariant_eachJobEndsOnce() public view {
        for (uint256 i = 0; i < cases.length; ++i) assertEq(cases[i].ends, _over(cases[i]) ? 1 : 0, "ends");
    }

    function invariant_aTokenThatCallsBackGainsNothing() public view {
        assertEq(greedy.gained(), 0, "came back in");
    }

    function _over(Case storage item) internal view returns (bool) {
        IJobStates.JobState state = stateOf(item.job);
        return state == IJobStates.JobState.Final || state == IJobStates.JobState.Refunded;
    }
}
