// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {QuorumVerifier} from "../src/evidence/QuorumVerifier.sol";
import {IOceanEscrow} from "../src/settlement/IOceanEscrow.sol";
import {Job} from "../src/settlement/Job.sol";
import {Evidence, IJobEscrow, Terms} from "../src/settlement/IJobEscrow.sol";
import {OceanDoor} from "../src/settlement/OceanDoor.sol";
import {OceanFixture} from "./OceanDoor.t.sol";

/// @notice What transactions cost. Written to snapshots/settlement.json, which is reviewed like code.
contract GasTest is OceanFixture {
    bytes32 internal constant ANSWER = keccak256("answer");

    /// @dev Sends a transaction of its own (the tests run with `isolate`, so that storage is cold and gas is what a receipt says).
    function _transaction(address from, address to, bytes memory data) internal returns (uint256) {
        vm.prank(from);
        (bool ok, bytes memory why) = to.call(data);
        if (!ok) {
            assembly {
                revert(add(why, 32), mload(why))
            }
        }
        return vm.lastCallGas().gasTotalUsed;
    }

    function _keep(string memory name, uint256 used, uint256 bar) internal {
        vm.snapshotValue("settlement", name, used);
        assertTrue(used <= bar, name);
    }

    function test_gas_ofAJobPaidByQuorum() public {
        bytes memory policy = quorumPolicy();
        Terms memory terms = makeTerms();
        // The escrow and the parties hold some of the token already, as they do after the first job of a chain.
        token.mint(address(escrow), 1);
        _run(policy, terms, false);
        _run(policy, terms, true);
    }

    function _run(bytes memory policy, Terms memory terms, bool known) internal {
        Job memory job = makeJob(policy);
        bytes32 id = idOf(job);
        uint256 used = _transaction(requester, address(escrow), abi.encodeCall(IJobEscrow.open, (job, terms, policy)));
        if (known) _keep("gas_open", used, 140_000);
        Vote memory a = voteAs(0, id, ANSWER);
        Vote memory b = voteAs(1, id, ANSWER);
        used = _transaction(vm.addr(signerKeys[2]), address(quorum), abi.encodeCall(QuorumVerifier.commit, (id, keccak256("x"))));
        if (known) vm.snapshotValue("settlement", "gas_quorum_commit", used);
        vm.warp(block.timestamp + QUIET + 1);
        used = _transaction(executor, address(escrow), abi.encodeCall(IJobEscrow.claim, (job, terms, policy, answerOf(executor, ANSWER, terms.amount), withData(0, reveals(a, b)))));
        if (known) _keep("gas_claim_quorum_2of3", used, 160_000);
        used = _transaction(executor, address(escrow), abi.encodeCall(IJobEscrow.finalise, (job, terms, policy, "")));
        if (known) _keep("gas_finalise", used, 70_000);
        else vm.snapshotValue("settlement", "gas_finalise_first_credit", used);
        used = _transaction(executor, address(escrow), abi.encodeCall(IJobEscrow.withdraw, (address(token), address(0))));
        if (known) _keep("gas_withdraw", used, 45_000);
    }

    function test_gas_ofACommittedClaimWithADirectAnswer() public {
        bytes memory policy = single(address(direct), 0, "");
        bytes memory input = abi.encodePacked(int8(1), int8(2));
        Job memory job = makeJob(policy);
        job.subjectRoot = direct.publish(abi.encodePacked(hex"01010002", hex"010001", int32(1), int8(3), int8(4)));
        job.inputRoot = keccak256(input);
        Terms memory terms = makeTerms();
        terms.executor = address(0);
        openJob(job, terms, policy);
        bytes32 outputHash = keccak256(direct.execute(job.subjectRoot, input));
        bytes32 salt = "salt";
        uint256 used = _transaction(executor, address(escrow), abi.encodeCall(IJobEscrow.commit, (idOf(job), keccak256(abi.encode(claimIdOf(job, executor, outputHash), salt)))));
        vm.snapshotValue("settlement", "gas_commit", used);
        vm.roll(block.number + 1);
        IJobEscrow.Answer memory answer = answerOf(executor, outputHash, terms.amount);
        answer.salt = salt;
        used = _transaction(executor, address(escrow), abi.encodeCall(IJobEscrow.claim, (job, terms, policy, answer, withData(0, input))));
        vm.snapshotValue("settlement", "gas_claim_direct_2_macs", used);
    }

    /// @dev What src/settlement/planner.cpp prices with: a claim by silence, and by the chain's own run of 64 × 16 products.
    function test_gas_thatThePlannerPricesWith() public {
        bytes memory policy = single(address(owner), 1 hours, abi.encodePacked(uint128(0)));
        Job memory job = makeJob(policy);
        Terms memory terms = makeTerms();
        openJob(job, terms, policy);
        vm.snapshotValue(
            "settlement", "gas_claim_owner", _transaction(executor, address(escrow), abi.encodeCall(IJobEscrow.claim, (job, terms, policy, answerOf(executor, ANSWER, terms.amount), withData(0, ""))))
        );
        policy = single(address(direct), 0, "");
        bytes memory model = hex"010100400100" hex"10";
        for (uint256 o = 0; o < 16; ++o) model = abi.encodePacked(model, int32(1), bytes32(hex"0102030405060708"), bytes32(hex"ff"));
        bytes memory input = abi.encodePacked(bytes32(uint256(7)), bytes32(uint256(9)));
        job = makeJob(policy);
        (job.subjectRoot, job.inputRoot) = (direct.publish(model), keccak256(input));
        openJob(job, terms, policy);
        bytes32 outputHash = keccak256(direct.execute(job.subjectRoot, input));
        vm.snapshotValue(
            "settlement", "gas_claim_direct_1024_macs", _transaction(executor, address(escrow), abi.encodeCall(IJobEscrow.claim, (job, terms, policy, answerOf(executor, outputHash, terms.amount), withData(0, input))))
        );
    }

    function test_gas_ofARefund() public {
        bytes memory policy = stubPolicy();
        Job memory job = makeJob(policy);
        Terms memory terms = makeTerms();
        openJob(job, terms, policy);
        vm.warp(terms.deadline + 1);
        vm.snapshotValue("settlement", "gas_refund", _transaction(rival, address(escrow), abi.encodeCall(IJobEscrow.refund, (job, terms, policy))));
    }

    /// @dev A door's open and finalise, less what a node pays at Ocean's Escrow alone in the same state.
    function test_gas_ofTheOceanDoor() public {
        bytes memory policy = quorumPolicy();
        OceanDoor door = OceanDoor(escrow.createDoor(ocean, executor, token, keccak256(policy)));
        _authorise(address(door));
        _authorise(executor);
        token.mint(address(escrow), 1);
        Terms memory terms = makeTerms();
        (terms.door, terms.lockSeconds) = (address(door), 1 days + 3_600);
        uint256 alone;
        uint256 opened;
        uint256 finalised;
        for (uint256 round = 0; round < 2; ++round) {
            // The second round is measured: every account has been touched before, for both.
            uint256 number = uint256(keccak256(abi.encode(round)));
            alone = _transaction(executor, address(ocean), abi.encodeCall(IOceanEscrow.createLock, (number, address(token), requester, terms.amount, terms.lockSeconds)));
            alone += _transaction(executor, address(ocean), abi.encodeCall(IOceanEscrow.claimLockAndWithdraw, (number, address(token), requester, terms.amount, "")));
            Job memory job = makeJob(policy);
            terms.deadline = uint64(block.timestamp + 1 days);
            opened = _transaction(executor, address(door), abi.encodeCall(OceanDoor.open, (job, terms, policy)));
            Vote memory a = voteAs(0, idOf(job), ANSWER);
            Vote memory b = voteAs(1, idOf(job), ANSWER);
            vm.warp(block.timestamp + QUIET + 1);
            claimAs(executor, job, terms, policy, ANSWER, withData(0, reveals(a, b)));
            finalised = _transaction(executor, address(escrow), abi.encodeCall(IJobEscrow.finalise, (job, terms, policy, "")));
        }
        vm.snapshotValue("settlement", "gas_ocean_alone", alone);
        vm.snapshotValue("settlement", "gas_door_open", opened);
        vm.snapshotValue("settlement", "gas_door_finalise", finalised);
        _keep("gas_ocean_door_extra", opened + finalised - alone, 120_000);
    }
}
