// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

import {GrantsGovernor} from "../src/economy/GrantsGovernor.sol";
import {RevenueRouter} from "../src/economy/RevenueRouter.sol";
import {IVotingEscrow, VeVotes} from "../src/economy/VeVotes.sol";
import {Shares} from "../src/settlement/Shares.sol";
import {Base} from "./Base.sol";
import {Token} from "./Tokens.sol";

contract RevenueRouterTest is Base {
    Token internal token = new Token();
    address internal grants = address(0x6FA);
    address internal constant BURNED = 0x000000000000000000000000000000000000dEaD;

    function _router(uint16 a, uint16 b, uint16 c, uint16 d) internal returns (RevenueRouter) {
        RevenueRouter.Party[] memory parties = new RevenueRouter.Party[](4);
        uint16[4] memory bps = [a, b, c, d];
        for (uint256 i = 0; i < 4; ++i) parties[i] = RevenueRouter.Party(address(uint160(0x100 + i)), bps[i]);
        return new RevenueRouter(parties, grants);
    }

    function test_router_sharesToTheWei(uint96 income, uint96 second, uint16 a, uint16 b, uint16 c, uint16 d) public {
        a = uint16(bound(a, 0, 10_000));
        b = uint16(bound(b, 0, 10_000 - a));
        c = uint16(bound(c, 0, 10_000 - a - b));
        d = uint16(bound(d, 0, 10_000 - a - b - c));
        income = uint96(bound(income, 1, type(uint96).max));
        RevenueRouter router = _router(a, b, c, d);
        token.mint(address(router), income);
        router.distribute(address(token));
        uint16[4] memory bps = [a, b, c, d];
        uint256 left = income;
        for (uint256 i = 0; i < 4; ++i) {
            uint256 share = uint256(income) * bps[i] / 10_000;
            assertEq(router.balances(address(token), address(uint160(0x100 + i))), share, "a party's part, floored");
            left -= share;
        }
        uint256 burned = router.balances(address(token), BURNED);
        uint256 granted = router.balances(address(token), grants);
        assertEq(burned + granted, left, "the community has the rest");
        assertEq(burned, router.communityBps() == 0 ? 0 : left / 2, "half of it burned");
        token.mint(address(router), second);
        if (second != 0) router.distribute(address(token));
        for (uint256 i = 0; i < 6; ++i) {
            address who = i < 4 ? address(uint160(0x100 + i)) : i == 4 ? BURNED : grants;
            uint256 owed = router.balances(address(token), who);
            if (owed == 0) continue;
            router.withdraw(address(token), who);
            assertTrue(token.balanceOf(who) >= owed, "paid to its owner");
        }
        assertEq(token.balanceOf(address(router)), 0, "nothing stays");
        token.mint(address(router), 10_000); // and it goes on after everything was taken out
        assertEq(router.distribute(address(token)), 10_000, "the next income");
    }

    function test_router_refusesNonsense() public {
        vm.expectRevert(abi.encodeWithSelector(RevenueRouter.BadParties.selector));
        _router(10_000, 1, 0, 0);
        RevenueRouter router = _router(1, 2, 3, 4);
        vm.expectRevert(abi.encodeWithSelector(Shares.NothingArrived.selector));
        router.distribute(address(token));
        vm.expectRevert(abi.encodeWithSelector(Shares.NothingOwed.selector));
        router.withdraw(address(token), grants);
        RevenueRouter.Party[] memory nobody = new RevenueRouter.Party[](1);
        vm.expectRevert(abi.encodeWithSelector(RevenueRouter.BadParties.selector));
        new RevenueRouter(nobody, grants);
    }
}

interface IVeOcean is IVotingEscrow {
    function create_lock(uint256 value, uint256 unlockTime) external;
    function totalSupply() external view returns (uint256);
}

/// @notice With Ocean's real veOCEAN, from the bytecode of their npm package.
contract GrantsTest is Base {
    Token internal token;
    IVeOcean internal ve;
    VeVotes internal votes;
    GrantsGovernor internal governor;
    address[3] internal lockers = [address(0x71), address(0x72), address(0x73)];
    address internal worker = address(0x3077);

    uint48 internal constant DELAY = 2;
    uint32 internal constant PERIOD = 10;

    function setUp() public {
        vm.warp(1_800_000_000);
        vm.roll(1_000);
        token = new Token();
        string memory file = string.concat(vm.projectRoot(), "/../node_modules/@oceanprotocol/contracts/artifacts/contracts/ve/veOCEAN.vy/veOCEAN.json");
        bytes memory code = abi.encodePacked(vm.parseJsonBytes(vm.readFile(file), ".bytecode"), abi.encode(address(token), "veOCEAN", "veOCEAN", "1"));
        address made;
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        assertTrue(made != address(0), "veOCEAN");
        ve = IVeOcean(made);
        votes = new VeVotes(ve);
        governor = new GrantsGovernor(votes, DELAY, PERIOD, 1, 20);
        token.mint(address(governor), 1_000 ether);
        for (uint256 i = 0; i < 2; ++i) _lock(i, 1_000 ether * (i + 1));
        _blocks(5);
    }

    /// @dev Only people lock: veOCEAN asks tx.origin.
    function _lock(uint256 who, uint256 amount) internal {
        token.mint(lockers[who], amount);
        vm.prank(lockers[who]);
        token.approve(address(ve), amount);
        vm.prank(lockers[who], lockers[who]);
        ve.create_lock(amount, block.timestamp + 2 * 365 days);
    }

    function _blocks(uint256 n) internal {
        vm.roll(block.number + n);
        vm.warp(block.timestamp + n * 12);
    }

    function _propose(uint256 amount) internal returns (uint256 id, address[] memory targets, uint256[] memory values, bytes[] memory data) {
        (targets, values, data) = (new address[](1), new uint256[](1), new bytes[](1));
        (targets[0], data[0]) = (address(token), abi.encodeCall(token.transfer, (worker, amount)));
        vm.prank(lockers[0]);
        id = governor.propose(targets, values, data, "a new data set");
    }

    function test_grants_lockersPayAWorker() public {
        (uint256 id, address[] memory targets, uint256[] memory values, bytes[] memory data) = _propose(100 ether);
        _blocks(DELAY + 1);
        vm.prank(lockers[1]);
        governor.castVote(id, 1);
        vm.expectRevert();
        governor.execute(targets, values, data, keccak256("a new data set"));
        _blocks(PERIOD);
        governor.execute(targets, values, data, keccak256("a new data set"));
        assertEq(token.balanceOf(worker), 100 ether, "granted");
        vm.expectRevert();
        governor.execute(targets, values, data, keccak256("a new data set"));
    }

    function test_grants_aLockMadeAfterTheSnapshotHasNoVote() public {
        (uint256 id, address[] memory targets, uint256[] memory values, bytes[] memory data) = _propose(100 ether);
        _blocks(DELAY + 1);
        _lock(2, 1_000_000 ether);
        _blocks(1);
        assertTrue(votes.getPastVotes(lockers[2], block.number - 1) > 0, "a lock it is");
        vm.prank(lockers[2]);
        governor.castVote(id, 1);
        (, uint256 for_,) = governor.proposalVotes(id);
        assertEq(for_, 0, "but without a vote here");
        _blocks(PERIOD);
        vm.expectRevert();
        governor.execute(targets, values, data, keccak256("a new data set"));
        assertTrue(governor.state(id) == IGovernor.ProposalState.Defeated, "no quorum");
    }

    function test_grants_nobodyVotesTwiceAndStrangersHaveNoSay() public {
        (uint256 id,,,) = _propose(1);
        _blocks(DELAY + 1);
        vm.prank(lockers[1]);
        governor.castVote(id, 0);
        vm.prank(lockers[1]);
        vm.expectRevert();
        governor.castVote(id, 1);
        vm.prank(address(0x57A6E));
        governor.castVote(id, 1);
        (uint256 against, uint256 for_,) = governor.proposalVotes(id);
        assertTrue(for_ == 0 && against > 0, "counted");
        vm.prank(address(0x57A6E));
        vm.expectRevert();
        governor.propose(new address[](1), new uint256[](1), new bytes[](1), "mine");
    }

    /// @dev Locks decay line by line, rounded each: the sum of all votes is never above the supply by more than the rounding of each lock.
    function test_votes_neverExceedTheSupply(uint16[3] memory waits, uint96 third) public {
        _lock(2, bound(third, 1 ether, 1_000_000 ether));
        for (uint256 i = 0; i < 3; ++i) {
            _blocks(1 + uint256(waits[i]) * 20);
            uint256 past = block.number - 1;
            uint256 sum = 0;
            for (uint256 who = 0; who < 3; ++who) sum += votes.getPastVotes(lockers[who], past);
            assertTrue(sum <= votes.getPastTotalSupply(past) + 3 * 2 * 365 days, "beyond rounding");
        }
    }

    function test_votes_onlyThePastCounts() public {
        vm.expectRevert(abi.encodeWithSelector(VeVotes.NotPast.selector, block.number));
        votes.getPastVotes(lockers[0], block.number);
        vm.expectRevert(abi.encodeWithSelector(VeVotes.NotPast.selector, block.number + 1));
        votes.getPastTotalSupply(block.number + 1);
        assertEq(votes.getVotes(lockers[0]), ve.balanceOf(lockers[0]), "now");
        assertEq(votes.delegates(lockers[0]), lockers[0], "itself");
        vm.expectRevert(abi.encodeWithSelector(VeVotes.NoDelegation.selector));
        votes.delegate(lockers[1]);
        vm.expectRevert(abi.encodeWithSelector(VeVotes.NoDelegation.selector));
        votes.delegateBySig(lockers[1], 0, 0, 0, 0, 0);
        assertEq(votes.clock(), block.number, "clock");
    }

    function test_votes_aContractCannotLock() public {
        token.mint(address(this), 1 ether);
        token.approve(address(ve), 1 ether);
        vm.expectRevert();
        ve.create_lock(1 ether, block.timestamp + 365 days);
    }
}
