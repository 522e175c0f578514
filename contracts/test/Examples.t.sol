// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AnswerBuyer} from "@examples/AnswerBuyer.sol";
import {Job} from "../src/settlement/Job.sol";
import {IJobEscrow, Terms} from "../src/settlement/IJobEscrow.sol";
import {Fixture} from "./Fixture.sol";

/// @notice The examples do what their comments say.
contract ExamplesTest is Fixture {
    AnswerBuyer internal buyer;
    bytes internal policy;
    bytes internal input = abi.encodePacked(int8(5), int8(4));
    bytes32 internal model;
    Job internal job;
    Terms internal terms;

    function setUp() public override {
        super.setUp();
        buyer = new AnswerBuyer(escrow, token);
        token.mint(address(buyer), 10 ether);
        policy = single(address(direct), 0, "");
        model = direct.publish(abi.encodePacked(hex"01010002", hex"010001", int32(3), int8(2), int8(-1))); // 3 + 2 x - y
    }

    function _ask() internal returns (bytes32 id) {
        id = buyer.ask(model, keccak256(input), policy, 4 ether, 600);
        job = Job(block.chainid, address(escrow), 1, model, keccak256(input), 0, keccak256(policy), address(buyer), 1);
        assertEq(id, idOf(job), "the same question");
        (terms.token, terms.amount, terms.deadline) = (address(token), 4 ether, uint64(block.timestamp) + 600);
        (terms.callback, terms.callbackGas) = (address(buyer), 100_000);
    }

    function _claim(bytes memory output) internal {
        bytes32 salt = "salt";
        escrow.commit(idOf(job), keccak256(abi.encode(claimIdOf(job, executor, keccak256(output)), salt)));
        vm.roll(block.number + 1);
        IJobEscrow.Answer memory answer = answerOf(executor, keccak256(output), 4 ether);
        (answer.salt, answer.output) = (salt, output);
        vm.prank(executor);
        escrow.claim(job, terms, policy, answer, withData(0, input));
    }

    function test_example_theBuyerActsInTheCallback() public {
        bytes32 id = _ask();
        bytes memory output = direct.execute(model, input);
        _claim(output);
        escrow.finalise(job, terms, policy, output);
        assertTrue(buyer.windowsOpen(), "9 > 0: open");
        assertEq(buyer.asked(id), 2, "acted");
        buyer.pull(id, output); // once more changes nothing
        assertEq(escrow.balanceOf(address(token), executor), 4 ether, "paid");
    }

    function test_example_theBuyerNeedsNoCallback() public {
        bytes32 id = _ask();
        bytes memory output = direct.execute(model, input);
        _claim(output);
        vm.expectRevert(abi.encodeWithSelector(AnswerBuyer.NotPaidYet.selector, id));
        buyer.pull(id, output);
        vm.etch(address(buyer), hex"fe"); // the callback fails: whatever the reason
        escrow.finalise(job, terms, policy, output);
        assertEq(escrow.balanceOf(address(token), executor), 4 ether, "paid all the same");
        AnswerBuyer fresh = new AnswerBuyer(escrow, token);
        vm.etch(address(buyer), address(fresh).code); // mended
        vm.expectRevert(abi.encodeWithSelector(AnswerBuyer.WrongOutput.selector));
        buyer.pull(id, "lie");
        buyer.pull(id, output);
        assertTrue(buyer.windowsOpen(), "open");
    }

    function test_example_strangersCannotTellIt() public {
        bytes32 id = _ask();
        vm.expectRevert(abi.encodeWithSelector(AnswerBuyer.OnlyTheEscrow.selector));
        buyer.onJobFinal(id, 0, 0, abi.encode(1));
        vm.prank(rival);
        vm.expectRevert(abi.encodeWithSelector(AnswerBuyer.OnlyTheOwner.selector));
        buyer.ask(model, 0, policy, 1, 600);
    }

    function test_example_aRefundComesBackToItsOwner() public {
        _ask();
        vm.warp(terms.deadline + 1);
        escrow.refund(job, terms, policy);
        buyer.collect();
        assertEq(token.balanceOf(address(this)), 4 ether, "back");
    }
}
