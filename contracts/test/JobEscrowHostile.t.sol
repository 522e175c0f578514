// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IEvidenceVerifier, IJobCallback, Status} from "../src/settlement/IEvidenceVerifier.sol";
import {Job} from "../src/settlement/Job.sol";
import {Evidence, IJobEscrow, Terms} from "../src/settlement/IJobEscrow.sol";
import {BlacklistToken, FalseToken, HookToken, ITokenHook, NoReturnToken, RebaseToken, TaxToken} from "./Tokens.sol";
import {JobEscrowBase} from "./JobEscrowBase.sol";

/// @notice Tokens of every kind, and hands that reach back into the escrow while it pays.
contract JobEscrowHostileTest is JobEscrowBase {
    // -------------------------------------------------------------- tokens of every kind

    function test_token_withATaxPaysWhatArrived() public {
        TaxToken taxed = new TaxToken();
        (Job memory job, Terms memory terms, bytes memory policy) = _openIn(address(taxed), 0);
        IJobEscrow.Answer memory answer = answerOf(executor, ANSWER, 99 ether);
        vm.prank(executor);
        escrow.claim(job, terms, policy, answer, noData());
        escrow.finalise(job, terms, policy, "");
        assertEq(escrow.balanceOf(address(taxed), executor), 99 ether, "what came");
        assertEq(taxed.balanceOf(address(escrow)), 99 ether, "is here");
    }

    function test_token_withATaxCannotBeABond() public {
        TaxToken taxed = new TaxToken();
        (Job memory job, Terms memory terms, bytes memory policy) = _openIn(address(taxed), 1 ether);
        taxed.mint(executor, 10 ether);
        vm.prank(executor);
        taxed.approve(address(escrow), 10 ether);
        _claimRefused(job, terms, policy, answerOf(executor, ANSWER, 1), noData(), abi.encodeWithSelector(IJobEscrow.TransferTaxed.selector, address(taxed)));
    }

    function test_token_thatRebasesHurtsOnlyItself() public {
        RebaseToken rebasing = new RebaseToken();
        (Job memory job, Terms memory terms, bytes memory policy) = _openIn(address(rebasing), 0);
        (Job memory other, Terms memory otherTerms,) = _open();
        claimAs(executor, job, terms, policy, ANSWER, noData());
        rebasing.rebase(address(escrow), 50);
        escrow.finalise(job, terms, policy, "");
        vm.prank(executor);
        vm.expectRevert();
        escrow.withdraw(address(rebasing), address(0)); // there is not enough of it any more; nothing is marked as paid
        assertEq(escrow.balanceOf(address(rebasing), executor), 100 ether, "still owed");
        claimAs(executor, other, otherTerms, policy, ANSWER, noData());
        escrow.finalise(other, otherTerms, policy, "");
        vm.prank(executor);
        escrow.withdraw(address(token), address(0));
    }

    function test_token_thatReturnsNothingWorks() public {
        NoReturnToken silent = new NoReturnToken();
        silent.mint(requester, 100 ether);
        vm.prank(requester);
        silent.approve(address(escrow), type(uint256).max);
        bytes memory policy = stubPolicy();
        Job memory job = makeJob(policy);
        Terms memory terms = makeTerms();
        terms.token = address(silent);
        openJob(job, terms, policy);
        claimAs(executor, job, terms, policy, ANSWER, noData());
        escrow.finalise(job, terms, policy, "");
        vm.prank(executor);
        escrow.withdraw(address(silent), address(0));
        assertEq(silent.balanceOf(executor), 100 ether, "withdrawn");
    }

    function test_token_thatReturnsFalseIsAFailure() public {
        FalseToken lying = new FalseToken();
        (Job memory job, Terms memory terms, bytes memory policy) = _openIn(address(lying), 0);
        claimAs(executor, job, terms, policy, ANSWER, noData());
        escrow.finalise(job, terms, policy, "");
        lying.setLie(true);
        vm.prank(executor);
        vm.expectRevert();
        escrow.withdraw(address(lying), address(0));
        assertEq(escrow.balanceOf(address(lying), executor), 100 ether, "still owed");
        Job memory another = makeJob(policy);
        vm.prank(requester);
        vm.expectRevert();
        escrow.open(another, terms, policy);
        lying.setLie(false);
        vm.prank(executor);
        escrow.withdraw(address(lying), address(0));
    }

    function test_token_thatBlacklistsAReceiverBlocksOnlyThatAddress() public {
        BlacklistToken listed = new BlacklistToken();
        (Job memory job, Terms memory terms, bytes memory policy) = _openIn(address(listed), 0);
        claimAs(executor, job, terms, policy, ANSWER, noData());
        listed.setBlocked(executor, true);
        escrow.finalise(job, terms, policy, ""); // nothing is pushed, so nothing can be blocked
        vm.prank(executor);
        vm.expectRevert();
        escrow.withdraw(address(listed), address(0));
        vm.prank(executor);
        escrow.withdraw(address(listed), rival);
        assertEq(listed.balanceOf(rival), 100 ether, "elsewhere");
    }

    function test_token_withHooksCannotReenter() public {
        HookToken hooks = new HookToken();
        Reentrant attacker = new Reentrant(escrow, hooks);
        hooks.mint(address(attacker), 200 ether);
        bytes memory policy = stubPolicy();
        Job memory job = makeJob(policy);
        job.requester = address(attacker);
        Terms memory terms = makeTerms();
        (terms.token, terms.executor) = (address(hooks), address(attacker));
        attacker.run(job, terms, policy);
        assertEq(hooks.balanceOf(address(attacker)), 200 ether, "it has what it had");
        assertEq(hooks.balanceOf(address(escrow)), 0, "and nothing of anybody's");
        assertTrue(attacker.tries() >= 4, "it tried");
        assertEq(attacker.successes(), 0, "in vain");
    }

    // -------------------------------------------------------------- reentrancy by other hands

    function test_reentrancy_aCallbackCannotComeBackIn() public {
        (Job memory job, Terms memory terms, bytes memory policy) = _plain();
        Intruder intruder = new Intruder(escrow);
        (terms.callback, terms.callbackGas) = (address(intruder), 1_500_000);
        openJob(job, terms, policy);
        intruder.arm(job, terms, policy);
        IJobEscrow.Answer memory answer = answerOf(executor, keccak256("output"), terms.amount);
        answer.output = "output";
        vm.prank(executor);
        escrow.claim(job, terms, policy, answer, noData());
        escrow.finalise(job, terms, policy, "output");
        assertEq(intruder.tries(), 6, "it tried every door");
        assertEq(intruder.successes(), 0, "all were shut");
        assertEq(_balance(executor), 100 ether, "paid once");
    }

    function test_reentrancy_aVerifierCannotComeBackIn() public {
        Intruder intruder = new Intruder(escrow);
        bytes memory policy = single(address(intruder), 0, "");
        Job memory job = makeJob(policy);
        Terms memory terms = makeTerms();
        openJob(job, terms, policy);
        intruder.arm(job, terms, policy);
        claimAs(executor, job, terms, policy, ANSWER, noData()); // it tries in `submit`
        assertEq(intruder.successes(), 0, "all doors were shut");
        escrow.finalise(job, terms, policy, "");
        assertEq(_balance(executor), 100 ether, "paid once");
        assertEq(token.balanceOf(address(escrow)), 100 ether, "nothing has left");
    }
}

/// @dev Callback and verifier in one: whenever the escrow calls it, it calls every entry of the escrow.
contract Intruder is IJobCallback, IEvidenceVerifier {
    IJobEscrow internal escrow;
    Job internal job;
    Terms internal terms;
    bytes internal policy;
    uint256 public tries;
    uint256 public successes;

    constructor(IJobEscrow escrow_) {
        escrow = escrow_;
    }

    function arm(Job memory job_, Terms memory terms_, bytes memory policy_) external {
        (job, terms, policy) = (job_, terms_, policy_);
    }

    function _intrude() internal {
        IJobEscrow.Answer memory answer;
        _try(abi.encodeCall(IJobEscrow.open, (job, terms, policy)));
        _try(abi.encodeCall(IJobEscrow.claim, (job, terms, policy, answer, new Evidence[](1))));
        _try(abi.encodeCall(IJobEscrow.finalise, (job, terms, policy, "")));
        _try(abi.encodeCall(IJobEscrow.refund, (job, terms, policy)));
        _try(abi.encodeCall(IJobEscrow.retryCallback, (job, terms, policy, "")));
        _try(abi.encodeCall(IJobEscrow.withdraw, (terms.token, address(0))));
    }

    function _try(bytes memory data) internal {
        ++tries;
        (bool ok, bytes memory why) = address(escrow).call(data);
        if (ok || bytes4(why) != bytes4(keccak256("ReentrancyGuardReentrantCall()"))) ++successes;
    }

    function onJobFinal(bytes32, bytes32, bytes32, bytes calldata) external {
        _intrude();
    }

    function submit(Job calldata, address, bytes32, bytes calldata) external payable returns (Status) {
        _intrude();
        return Status.Accepted;
    }

    function status(bytes32) external view returns (Status, uint64) {
        return (Status.Accepted, uint64(block.timestamp));
    }

    function disputedUntil(bytes32) external pure returns (uint64) {
        return 0;
    }

    function clocks(bytes calldata, uint64 window) external pure returns (uint64, uint64, uint256) {
        return (0, window, 0);
    }
}

/// @dev Requester and executor in one, which calls back into the escrow from every token hook.
contract Reentrant is ITokenHook {
    IJobEscrow internal escrow;
    HookToken internal money;
    Job internal job;
    Terms internal terms;
    bytes internal policy;
    uint256 public tries;
    uint256 public successes;

    constructor(IJobEscrow escrow_, HookToken money_) {
        (escrow, money) = (escrow_, money_);
        money.setHook(true);
        money.approve(address(escrow), type(uint256).max);
    }

    function run(Job memory job_, Terms memory terms_, bytes memory policy_) external {
        (job, terms, policy) = (job_, terms_, policy_);
        escrow.open(job, terms, policy);
        IJobEscrow.Answer memory answer;
        (answer.executor, answer.outputHash, answer.amount) = (address(this), "answer", terms.amount);
        escrow.claim(job, terms, policy, answer, new Evidence[](1));
        escrow.finalise(job, terms, policy, "");
        escrow.withdraw(address(money), address(0));
    }

    function onToken(address, address, uint256) external {
        tries += 2;
        (bool a,) = address(escrow).call(abi.encodeCall(IJobEscrow.withdraw, (address(money), address(0))));
        (bool b,) = address(escrow).call(abi.encodeCall(IJobEscrow.refund, (job, terms, policy)));
        if (a || b) ++successes;
    }
}
