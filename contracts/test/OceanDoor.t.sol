// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IOceanEscrow} from "../src/settlement/IOceanEscrow.sol";
import {IJobStates, Status} from "../src/settlement/IEvidenceVerifier.sol";
import {Job} from "../src/settlement/Job.sol";
import {IJobEscrow, Terms} from "../src/settlement/IJobEscrow.sol";
import {OceanDoor, OceanDoors} from "../src/settlement/OceanDoor.sol";
import {Fixture} from "./Fixture.sol";

interface IOceanEscrowFull is IOceanEscrow {
    struct Funds {
        uint256 available;
        uint256 locked;
    }

    function deposit(address token, uint256 amount) external;
    function authorize(address token, address payee, uint256 maxLockedAmount, uint256 maxLockSeconds, uint256 maxLockCounts) external;
    function getUserFunds(address payer, address token) external view returns (Funds memory);
}

/// @notice Ocean's real Escrow and router, deployed from the bytecode of their npm package.
abstract contract OceanFixture is Fixture {
    IOceanEscrowFull internal ocean;
    address internal collector = address(0xC0FFEE);

    function setUp() public virtual override {
        super.setUp();
        address opc = _deploy("communityFee/OPFCommunityFeeCollector.sol/OPFCommunityFeeCollector", abi.encode(collector, address(this)));
        address router = _deploy("pools/FactoryRouter.sol/FactoryRouter", abi.encode(address(this), address(token), address(0xdead), opc, new address[](0)));
        ocean = IOceanEscrowFull(_deploy("escrow/Escrow.sol/Escrow", abi.encode(router, address(0))));
        collector = opc;
        vm.prank(requester);
        token.approve(address(ocean), type(uint256).max);
        vm.prank(requester);
        ocean.deposit(address(token), 500_000 ether);
    }

    function _deploy(string memory name, bytes memory arguments) internal returns (address made) {
        string memory file = string.concat(vm.projectRoot(), "/../node_modules/@oceanprotocol/contracts/artifacts/contracts/", name, ".json");
        bytes memory code = abi.encodePacked(vm.parseJsonBytes(vm.readFile(file), ".bytecode"), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        assertTrue(made != address(0), name);
    }

    function _authorise(address payee) internal {
        vm.prank(requester);
        ocean.authorize(address(token), payee, 10_000 ether, 30 days, 1_000);
    }

    function _funds() internal view returns (uint256 available, uint256 locked) {
        IOceanEscrowFull.Funds memory funds = ocean.getUserFunds(requester, address(token));
        return (funds.available, funds.locked);
    }
}

contract OceanDoorTest is OceanFixture {
    bytes32 internal constant ANSWER = keccak256("answer");

    OceanDoor internal door;
    Job internal job;
    Terms internal terms;
    bytes internal policy;

    function setUp() public override {
        super.setUp();
        policy = stubPolicy();
        door = OceanDoor(escrow.createDoor(ocean, executor, token, keccak256(policy)));
        _authorise(address(door));
        job = makeJob(policy);
        terms = makeTerms();
        (terms.door, terms.lockSeconds) = (address(door), 1 days + 3_600);
    }

    function _open() internal {
        vm.prank(executor);
        door.open(job, terms, policy);
    }

    function test_door_locksAndPaysTheAcceptedClaimLessOceansFee() public {
        (uint256 before,) = _funds();
        _open();
        (uint256 available, uint256 locked) = _funds();
        assertEq(before - available, 100 ether, "locked at Ocean's");
        assertEq(locked, 100 ether, "locked at Ocean's");
        assertEq(token.balanceOf(address(escrow)), 0, "nothing lies here");
        vm.prank(executor);
        escrow.claim(job, terms, policy, answerOf(executor, ANSWER, 40 ether), noData()); // seconds × price
        escrow.finalise(job, terms, policy, "");
        uint256 fee = 40 ether / 1_000; // Ocean's 0.1 % for its own token
        assertEq(escrow.balanceOf(address(token), executor), 40 ether - fee, "paid less Ocean's fee");
        assertEq(token.balanceOf(collector), fee, "the fee");
        (available, locked) = _funds();
        assertEq(before - available, 40 ether, "the rest is free again");
        assertEq(locked, 0, "nothing is locked");
    }

    function test_door_refundFreesAtOnce() public {
        (uint256 before,) = _funds();
        _open();
        stub.setOnSubmit(Status.Pending);
        claimAs(executor, job, terms, policy, ANSWER, noData());
        stub.set(claimIdOf(job, executor, ANSWER), Status.Rejected, 0, 0);
        vm.prank(rival);
        escrow.refund(job, terms, policy);
        (uint256 available, uint256 locked) = _funds();
        assertEq(available, before, "all back");
        assertEq(locked, 0, "nothing is locked");
    }

    /// @dev A refund with too little gas for Ocean's part must revert as a whole: a job marked as refunded whose money stays locked
    /// would be the requester's loss until the lock expires. (Gas estimates find the least gas that does not revert, so this comes by itself.)
    function test_door_refundCannotBeStarvedOfGas() public {
        (uint256 before,) = _funds();
        _open();
        bool ok = false;
        for (uint256 given = 60_000; given < 600_000; given += 2_000) {
            vm.prank(executor);
            (ok,) = address(escrow).call{gas: given}(abi.encodeCall(IJobEscrow.refund, (job, terms, policy)));
            if (ok) break;
        }
        assertTrue(ok, "refunded at last");
        (uint256 available, uint256 locked) = _funds();
        assertEq(locked, 0, "nothing is locked");
        assertEq(available, before, "all back");
    }

    function test_door_aStrangerCannotUseAClientsAuthorisation() public {
        vm.prank(rival);
        vm.expectRevert(abi.encodeWithSelector(OceanDoor.NotTheOperator.selector, rival));
        door.open(job, terms, policy);
        vm.prank(requester); // not even the client itself
        vm.expectRevert(abi.encodeWithSelector(OceanDoor.NotTheOperator.selector, requester));
        door.open(job, terms, policy);
    }

    function test_door_anotherEnvironmentsOperatorCannotUseIt() public {
        OceanDoor other = OceanDoor(escrow.createDoor(ocean, rival, token, keccak256(policy)));
        Terms memory theirs = terms;
        (theirs.door, theirs.executor) = (address(other), rival);
        vm.prank(rival);
        vm.expectRevert(); // Ocean finds no authorisation for that payee
        other.open(job, theirs, policy);
        vm.prank(rival);
        vm.expectRevert(abi.encodeWithSelector(OceanDoor.NotTheOperator.selector, rival));
        door.open(job, terms, policy);
        // A door that names another door's lock.
        theirs.door = address(door);
        vm.prank(rival);
        vm.expectRevert();
        other.open(job, theirs, policy);
    }

    function test_door_onlyItsPolicyAndToken() public {
        bytes memory easier = single(address(stub), 1, "");
        Job memory other = job;
        other.policyHash = keccak256(easier);
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(OceanDoor.OtherPolicy.selector, other.policyHash));
        door.open(other, terms, easier);
        Terms memory elsewhere = terms;
        elsewhere.token = address(ocean);
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(OceanDoor.OtherToken.selector, address(ocean)));
        door.open(job, elsewhere, policy);
    }

    function test_door_onlyTheEscrowReleasesAndFrees() public {
        _open();
        bytes32 id = idOf(job);
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(OceanDoor.NotTheEscrow.selector, executor));
        door.release(id, requester, 100 ether);
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(OceanDoor.NotTheEscrow.selector, executor));
        door.free(id, requester, false);
    }

    function test_door_aFalseDoorIsRefused() public {
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.NotADoor.selector, executor));
        escrow.openFromOcean(job, terms, policy);
        OceanDoor made = new OceanDoor(escrow, ocean, executor, token, keccak256(policy)); // not made by the escrow
        _authorise(address(made));
        Terms memory forged = terms;
        forged.door = address(made);
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.NotADoor.selector, address(made)));
        made.open(job, forged, policy);
    }

    function test_door_theLockMustOutliveTheJobAndItsDisputes() public {
        terms.lockSeconds = 1 days + 3_599;
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.LockTooShort.selector, 1 days + 3_600));
        door.open(job, terms, policy);
        stub.setDisputedMax(5 days);
        terms.lockSeconds = 6 days + 3_599;
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.LockTooShort.selector, 6 days + 3_600));
        door.open(job, terms, policy);
        stub.setDisputedMax(type(uint64).max);
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.NoDisputeBound.selector, address(stub)));
        door.open(job, terms, policy);
        stub.setDisputedMax(5 days);
        terms.lockSeconds = 6 days + 3_600;
        _open();
    }

    function test_door_anExpiredLockIsNeverMarkedAsPaid() public {
        (uint256 before,) = _funds();
        _open();
        claimAs(executor, job, terms, policy, ANSWER, noData());
        vm.warp(block.timestamp + terms.lockSeconds + 1);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.LockPaidNothing.selector));
        escrow.finalise(job, terms, policy, "");
        escrow.refund(job, terms, policy); // an accepted claim that came too late: closed, the payer has the money
        (uint256 available, uint256 locked) = _funds();
        assertEq(available, before, "back");
        assertEq(locked, 0, "nothing is locked");
        assertEq(escrow.balanceOf(address(token), executor), 0, "nothing paid");
        assertTrue(stateOf(job) == IJobStates.JobState.Refunded, "closed");
    }

    function test_door_aLockThatAnybodyCancelledClosesToo() public {
        (uint256 before,) = _funds();
        _open();
        vm.warp(block.timestamp + terms.lockSeconds + 1);
        ocean.cancelExpiredLock(uint256(idOf(job)), address(token), requester, address(door));
        escrow.refund(job, terms, policy);
        (uint256 available,) = _funds();
        assertEq(available, before, "back once");
    }

    function test_door_paysInTheLocksLastSecond() public {
        _open();
        claimAs(executor, job, terms, policy, ANSWER, noData());
        vm.warp(block.timestamp + terms.lockSeconds - 1);
        escrow.finalise(job, terms, policy, "");
        assertTrue(escrow.balanceOf(address(token), executor) != 0, "paid");
    }

    function test_door_whatSomebodyGivesItIsNotThePay() public {
        _open();
        claimAs(executor, job, terms, policy, ANSWER, noData());
        token.mint(address(door), 5 ether);
        escrow.finalise(job, terms, policy, "");
        assertEq(escrow.balanceOf(address(token), executor), 100 ether - 100 ether / 1_000, "the lock's money only");
        assertEq(token.balanceOf(address(door)), 5 ether, "the gift stays");
    }

    function test_door_onlyTheEscrowHasDoorsMade() public {
        OceanDoors doors = new OceanDoors(); // its escrow is this test
        OceanDoor made = OceanDoor(doors.make(ocean, executor, token, "policy"));
        assertEq(address(made.escrow()), address(this), "escrow");
        vm.prank(rival);
        vm.expectRevert(abi.encodeWithSelector(OceanDoor.NotTheEscrow.selector, rival));
        doors.make(ocean, rival, token, "policy");
    }

    function test_door_needsANamedExecutorAndItself() public {
        terms.executor = address(0);
        vm.prank(executor);
        vm.expectRevert(abi.encodeWithSelector(IJobEscrow.BadTerms.selector, "executor"));
        door.open(job, terms, policy);
    }
}
