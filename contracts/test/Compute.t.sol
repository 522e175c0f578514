// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Lease, LeaseStream} from "../src/compute/LeaseStream.sol";
import {Order, ReverseAuction} from "../src/compute/ReverseAuction.sol";
import {Credits} from "../src/settlement/Credits.sol";
import {Actors, Base} from "./Base.sol";
import {TaxToken, Token} from "./Tokens.sol";

abstract contract ComputeFixture is Base {
    LeaseStream internal stream;
    ReverseAuction internal auction;
    Token internal token;
    address internal tenant = address(0x7E);
    address[3] internal hosts = [address(0x1001), address(0x1002), address(0x1003)];

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        stream = new LeaseStream();
        auction = new ReverseAuction(stream);
        token = new Token();
        for (uint256 i = 0; i < 4; ++i) {
            address who = i == 3 ? tenant : hosts[i];
            token.mint(who, 1_000_000 ether);
            vm.prank(who);
            token.approve(address(stream), type(uint256).max);
            vm.prank(who);
            token.approve(address(auction), type(uint256).max);
        }
    }

    function _lease(uint96 rate) internal view returns (Lease memory) {
        return Lease(tenant, hosts[0], tenant, address(token), rate, 0);
    }
}

contract LeaseStreamTest is ComputeFixture {
    function _open(uint96 rate, uint96 amount) internal returns (Lease memory lease) {
        lease = _lease(rate);
        vm.prank(tenant);
        stream.open(lease, amount);
    }

    function _status(Lease memory lease) internal view returns (LeaseStream.Status status) {
        (status,,,,) = stream.stateOf(lease);
    }

    function test_lease_paysByTheSecond() public {
        Lease memory lease = _open(3, 1_000);
        uint256 before = token.balanceOf(hosts[0]);
        vm.warp(block.timestamp + 10);
        stream.settle(lease);
        assertEq(token.balanceOf(hosts[0]) - before, 30, "ten seconds");
        vm.expectRevert(abi.encodeWithSelector(LeaseStream.NothingToPay.selector));
        stream.settle(lease);
        vm.warp(block.timestamp + 5);
        before = token.balanceOf(tenant);
        vm.prank(tenant);
        stream.close(lease, 1);
        assertEq(token.balanceOf(tenant) - before, 1_000 - 45, "the rest at once");
        vm.warp(block.timestamp + 1 days);
        stream.settle(lease);
        assertEq(token.balanceOf(address(stream)), 0, "to the last unit");
        assertTrue(_status(lease) == LeaseStream.Status.Closed, "closed");
    }

    function test_lease_standsStillWithoutMoneyAndOwesNothing() public {
        Lease memory lease = _open(3, 100); // 33 s, and one unit that buys no second
        vm.warp(block.timestamp + 50);
        assertTrue(_status(lease) == LeaseStream.Status.Exhausted, "exhausted");
        uint256 before = token.balanceOf(hosts[0]);
        vm.prank(hosts[1]);
        stream.topUp(lease, 300);
        assertTrue(_status(lease) == LeaseStream.Status.Active, "goes on");
        vm.warp(block.timestamp + 2);
        stream.settle(lease);
        assertEq(token.balanceOf(hosts[0]) - before, 99 + 6, "not for the time that it stood still");
        vm.warp(block.timestamp + 1 days);
        vm.prank(address(0x57A6E));
        stream.close(lease, 20_000); // anybody, now that it has run out
        stream.settle(lease);
        stream.refund(lease);
        assertEq(token.balanceOf(address(stream)), 0, "nothing is left");
    }

    function test_lease_onlyItsPartiesEndItBeforeTheMoneyDoes() public {
        Lease memory lease = _open(1, 1_000);
        vm.warp(block.timestamp + 10);
        vm.prank(address(0x57A6E));
        vm.expectRevert(abi.encodeWithSelector(LeaseStream.NotAParty.selector, address(0x57A6E)));
        stream.close(lease, 1);
        vm.prank(hosts[0]);
        stream.close(lease, 10_000);
        vm.expectRevert(abi.encodeWithSelector(LeaseStream.LeaseNotActive.selector));
        stream.topUp(lease, 1);
        uint256 before = token.balanceOf(tenant);
        vm.prank(address(0x57A6E));
        stream.refund(lease);
        assertEq(token.balanceOf(tenant) - before, 990, "anybody may send it back, only to the tenant");
        vm.expectRevert(abi.encodeWithSelector(LeaseStream.NothingToPay.selector));
        stream.refund(lease);
    }

    function test_lease_aTenantThatIsBlockedCannotHoldTheProvidersPart() public {
        Lease memory lease = _open(1, 1_000);
        vm.warp(block.timestamp + 10);
        vm.prank(hosts[0]);
        stream.close(lease, 10_000); // moves nothing of the tenant's
        stream.settle(lease);
    }

    function test_lease_refusesNonsense() public {
        Lease memory lease = _lease(1);
        vm.expectRevert(abi.encodeWithSelector(LeaseStream.BadLease.selector, "payer"));
        stream.open(lease, 1);
        lease.rate = 0;
        vm.prank(tenant);
        vm.expectRevert(abi.encodeWithSelector(LeaseStream.BadLease.selector, "rate"));
        stream.open(lease, 1);
        lease.rate = 10;
        vm.prank(tenant);
        vm.expectRevert(abi.encodeWithSelector(LeaseStream.BadLease.selector, "amount"));
        stream.open(lease, 9);
        lease.provider = address(0);
        vm.prank(tenant);
        vm.expectRevert(abi.encodeWithSelector(LeaseStream.BadLease.selector, "provider"));
        stream.open(lease, 10);
        _open(1, 10);
        lease = _lease(1);
        vm.prank(tenant);
        vm.expectRevert(abi.encodeWithSelector(LeaseStream.LeaseExists.selector));
        stream.open(lease, 10);
        lease.rate = 2;
        vm.expectRevert(abi.encodeWithSelector(LeaseStream.LeaseNotActive.selector));
        stream.settle(lease);
    }

    function test_lease_countsWhatArrivedOfATaxedToken() public {
        TaxToken taxed = new TaxToken();
        taxed.mint(tenant, 1_000);
        vm.prank(tenant);
        taxed.approve(address(stream), 1_000);
        Lease memory lease = Lease(tenant, hosts[0], tenant, address(taxed), 1, 0);
        vm.prank(tenant);
        stream.open(lease, 1_000);
        (,,, uint256 left,) = stream.stateOf(lease);
        assertEq(left, 990, "990 came");
    }

    /// @dev Any order of touches pays what one touch at the end would pay.
    function test_lease_paysTheSameHoweverOftenItIsTouched(uint32 rate, uint64 amount, uint16[6] memory waits) public {
        rate = uint32(bound(rate, 1, 1_000_000));
        amount = uint64(bound(amount, rate, 1_000_000 ether > type(uint64).max ? type(uint64).max : 1_000_000));
        Lease memory lease = _open(rate, amount);
        uint256 before = token.balanceOf(hosts[0]);
        uint256 total = 0;
        for (uint256 i = 0; i < 6; ++i) {
            vm.warp(block.timestamp + waits[i]);
            total += waits[i];
            try stream.settle(lease) {} catch {}
        }
        uint256 wanted = total * rate < amount / rate * rate ? total * rate : amount / rate * rate;
        assertEq(token.balanceOf(hosts[0]) - before, wanted, "paid");
    }

    function test_gas_aLeaseOpenedAndSettled() public {
        _open(7, 1_000_000);
        Lease memory lease = _lease(3);
        vm.warp(block.timestamp + 100);
        vm.prank(tenant);
        stream.open(lease, 1_000_000);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        vm.warp(block.timestamp + 100);
        vm.prank(hosts[0]);
        stream.settle(lease);
        used += vm.lastCallGas().gasTotalUsed;
        vm.snapshotValue("market", "gas_lease_open_settle", used);
        assertTrue(used <= 180_000, "gas_lease_open_settle");
    }
}

contract ReverseAuctionTest is ComputeFixture {
    address[] internal list;
    uint256 internal nonce;

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < 3; ++i) list.push(hosts[i]);
    }

    function _order() internal returns (Order memory order) {
        order = Order({
            requester: tenant,
            token: address(token),
            maxRate: 100,
            duration: 1_000,
            bidDeposit: 500,
            noShowBps: 2_000,
            commitUntil: uint40(block.timestamp + 60),
            revealUntil: uint40(block.timestamp + 120),
            startWithin: 30,
            manifestHash: keccak256("manifest"),
            hostsHash: keccak256(abi.encode(list)),
            nonce: ++nonce
        });
    }

    function _opened() internal returns (Order memory order) {
        order = _order();
        vm.prank(tenant);
        auction.open(order);
    }

    function _bid(Order memory order, uint256 who, uint96 rate) internal {
        bytes32 id = auction.orderIdOf(order);
        vm.prank(hosts[who]);
        auction.bid(order, keccak256(abi.encode(id, hosts[who], rate, bytes32(who))), list, who);
    }

    function _reveal(Order memory order, uint256 who, uint96 rate) internal {
        vm.prank(hosts[who]);
        auction.reveal(order, rate, bytes32(who));
    }

    function _owed(address who) internal view returns (uint256) {
        return auction.balanceOf(address(token), who);
    }

    function test_auction_theCheapestHostStartsTheLease() public {
        Order memory order = _opened();
        _bid(order, 0, 70);
        _bid(order, 1, 60);
        vm.warp(order.commitUntil + 1);
        _reveal(order, 0, 70);
        _reveal(order, 1, 60);
        vm.warp(order.revealUntil + 1);
        (address winner, uint96 rate, uint256 until) = auction.winnerOf(order);
        assertTrue(winner == hosts[1] && rate == 60 && until == order.revealUntil + 30, "the second");
        vm.prank(hosts[0]);
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.NotTheWinner.selector, hosts[1]));
        auction.start(order);
        vm.prank(hosts[1]);
        bytes32 leaseId = auction.start(order);
        assertEq(_owed(tenant), 100_000 - 60_000, "the rest of the budget");
        assertEq(_owed(hosts[1]), 500, "its deposit");
        auction.release(order, hosts[0]);
        assertEq(_owed(hosts[0]), 500, "the loser's deposit returns");
        vm.expectRevert(abi.encodeWithSelector(Credits.NothingOwed.selector));
        auction.release(order, hosts[0]);
        Lease memory lease = auction.leaseOf(order, hosts[1], 60);
        assertEq(stream.leaseIdOf(lease), leaseId, "the lease");
        uint256 before = token.balanceOf(hosts[1]);
        vm.warp(block.timestamp + 100);
        stream.settle(lease);
        assertEq(token.balanceOf(hosts[1]) - before, 6_000, "paid by the second");
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.WrongPhase.selector, ReverseAuction.Phase.Started));
        auction.pass(order);
        vm.prank(hosts[0]);
        auction.withdraw(address(token), address(0));
        vm.prank(hosts[1]);
        auction.withdraw(address(token), address(0));
        vm.prank(tenant);
        auction.withdraw(address(token), address(0));
        assertEq(token.balanceOf(address(auction)), 0, "nothing stays");
    }

    /// @dev Whoever could open the winner's lease beforehand would take its start away, and a part of its deposit.
    function test_auction_nobodyTakesTheWinnersStartAway() public {
        Order memory order = _opened();
        _bid(order, 1, 60);
        vm.warp(order.commitUntil + 1);
        _reveal(order, 1, 60);
        vm.warp(order.revealUntil + 1);
        Lease memory lease = auction.leaseOf(order, hosts[1], 60);
        vm.prank(hosts[0]);
        (bool ok,) = address(stream).call(abi.encodeCall(LeaseStream.open, (lease, 60)));
        vm.prank(hosts[1]);
        auction.start(order);
        assertTrue(!ok, "only the payer opens");
    }

    function test_auction_amongEqualsTheFirstSealedWins() public {
        Order memory order = _opened();
        _bid(order, 2, 60);
        _bid(order, 0, 60);
        vm.warp(order.commitUntil + 1);
        _reveal(order, 0, 60);
        _reveal(order, 2, 60);
        vm.warp(order.revealUntil + 1);
        (address winner,,) = auction.winnerOf(order);
        assertEq(winner, hosts[2], "committed first, whenever it opened");
    }

    function test_auction_aWinnerThatDoesNotStartPaysAndTheNextHasItsTurn() public {
        Order memory order = _opened();
        _bid(order, 0, 70);
        _bid(order, 1, 60);
        vm.warp(order.commitUntil + 1);
        _reveal(order, 0, 70);
        _reveal(order, 1, 60);
        vm.warp(order.revealUntil + 30);
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.TooEarly.selector, order.revealUntil + 31));
        auction.pass(order);
        vm.warp(order.revealUntil + 31);
        vm.prank(hosts[1]);
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.TooLate.selector, order.revealUntil + 30));
        auction.start(order);
        auction.pass(order);
        assertEq(_owed(tenant), 100, "a fifth of the deposit");
        assertEq(_owed(hosts[1]), 400, "the rest");
        (address winner,, uint256 until) = auction.winnerOf(order);
        assertTrue(winner == hosts[0] && until == block.timestamp + 30, "the next one's turn");
        vm.prank(hosts[0]);
        auction.start(order);
        assertEq(_owed(tenant), 100 + 30_000, "at its own rate");
    }

    function test_auction_whenNobodyStartsTheBudgetGoesBack() public {
        Order memory order = _opened();
        _bid(order, 0, 70);
        vm.warp(order.commitUntil + 1);
        _reveal(order, 0, 70);
        vm.warp(order.revealUntil + 31);
        auction.pass(order);
        assertEq(_owed(tenant), 100_000 + 100, "budget and a part of the deposit");
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.WrongPhase.selector, ReverseAuction.Phase.Failed));
        auction.pass(order);
    }

    function test_auction_withoutBidsItFails() public {
        Order memory order = _opened();
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.TooEarly.selector, order.revealUntil + 1));
        auction.pass(order);
        vm.warp(order.revealUntil + 1);
        auction.pass(order);
        assertEq(_owed(tenant), 100_000, "back");
    }

    function test_auction_aBidThatIsNotOpenedCostsAPart() public {
        Order memory order = _opened();
        _bid(order, 0, 70);
        vm.warp(order.revealUntil);
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.TooEarly.selector, order.revealUntil + 1));
        auction.release(order, hosts[0]);
        vm.warp(order.revealUntil + 1);
        vm.prank(hosts[0]);
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.TooLate.selector, order.revealUntil));
        auction.reveal(order, 70, 0);
        auction.release(order, hosts[0]);
        assertEq(_owed(hosts[0]), 400, "four fifths");
        assertEq(_owed(tenant), 100, "one fifth");
    }

    function test_auction_onlyAHostBidsOnceAndOpensWhatItSealed() public {
        Order memory order = _opened();
        address stranger = address(0x57A6E);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.NotAHost.selector, stranger));
        auction.bid(order, keccak256("x"), list, 0);
        address[] memory mine = new address[](1);
        mine[0] = stranger;
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.NotAHost.selector, stranger));
        auction.bid(order, keccak256("x"), mine, 0);
        _bid(order, 0, 70);
        vm.prank(hosts[0]);
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.AlreadyBid.selector));
        auction.bid(order, keccak256("x"), list, 0);
        vm.prank(hosts[0]);
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.TooEarly.selector, order.commitUntil + 1));
        auction.reveal(order, 70, 0);
        vm.warp(order.commitUntil + 1);
        vm.prank(hosts[1]);
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.TooLate.selector, order.commitUntil));
        auction.bid(order, keccak256("x"), list, 1);
        vm.prank(hosts[0]);
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.NoSuchBid.selector));
        auction.reveal(order, 69, 0);
        vm.prank(hosts[1]); // a copied commitment opens for nobody else
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.NoSuchBid.selector));
        auction.reveal(order, 70, 0);
    }

    function test_auction_aRateAboveTheHighestIsNotOpened() public {
        Order memory order = _opened();
        _bid(order, 0, 101);
        vm.warp(order.commitUntil + 1);
        vm.prank(hosts[0]);
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.RateTooHigh.selector, 100));
        auction.reveal(order, 101, 0);
    }

    function test_auction_refusesNonsense() public {
        Order memory order = _order();
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.NotTheRequester.selector, address(this)));
        auction.open(order);
        order.commitUntil = uint40(block.timestamp);
        vm.prank(tenant);
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.BadOrder.selector, "commitUntil"));
        auction.open(order);
        order = _order();
        order.revealUntil = order.commitUntil;
        vm.prank(tenant);
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.BadOrder.selector, "revealUntil"));
        auction.open(order);
        order = _order();
        order.noShowBps = 10_001;
        vm.prank(tenant);
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.BadOrder.selector, "noShowBps"));
        auction.open(order);
        order = _opened();
        vm.prank(tenant);
        vm.expectRevert(abi.encodeWithSelector(ReverseAuction.WrongPhase.selector, ReverseAuction.Phase.Open));
        auction.open(order);
    }

    function test_gas_aBid() public {
        Order memory order = _opened();
        _bid(order, 0, 70);
        bytes32 id = auction.orderIdOf(order);
        bytes32 commitment = keccak256(abi.encode(id, hosts[1], uint96(60), bytes32(uint256(1))));
        vm.prank(hosts[1]);
        auction.bid(order, commitment, list, 1);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        vm.snapshotValue("market", "gas_bid", used);
        assertTrue(used <= 90_000, "gas_bid");
    }
}

/// @notice Orders, bids and leases at random: what lies in both contracts is what somebody is owed, and every order can be ended by anybody.
contract ComputeInvariantTest is Actors, ComputeFixture {
    Order[] internal orders;
    address[] internal list;
    mapping(uint256 => mapping(uint256 => uint96)) internal rates;
    mapping(uint256 => mapping(uint256 => bool)) internal settled;
    mapping(uint256 => uint256) internal placed; // bits: who bid
    Lease[] internal leases;
    uint256 internal nonce;

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < 3; ++i) list.push(hosts[i]);
    }

    function _actors() internal pure override returns (bytes4[] memory list) {
        list = new bytes4[](7);
        list[0] = this.doOpen.selector;
        list[1] = this.doBid.selector;
        list[2] = this.doReveal.selector;
        list[3] = this.doStart.selector;
        list[4] = this.doEnd.selector;
        list[5] = this.doLease.selector;
        list[6] = this.doTime.selector;
    }

    function doOpen(uint256 seed) external {
        if (orders.length >= 5) return;
        Order memory order = Order(
            tenant,
            address(token),
            uint96(1 + seed % 100),
            uint32(1 + (seed >> 16) % 500),
            uint96((seed >> 32) % 1_000),
            uint16((seed >> 48) % 10_001),
            uint40(block.timestamp + 1 + (seed >> 64) % 60),
            0,
            uint32(1 + (seed >> 80) % 60),
            0,
            keccak256(abi.encode(list)),
            ++nonce
        );
        order.revealUntil = uint40(order.commitUntil + 1 + (seed >> 96) % 60);
        vm.prank(tenant);
        auction.open(order);
        orders.push(order);
    }

    function doBid(uint256 seed) external {
        if (orders.length == 0) return;
        uint256 o = seed % orders.length;
        uint256 who = (seed >> 16) % 3;
        uint96 rate = uint96(1 + (seed >> 32) % 110);
        bytes32 commitment = keccak256(abi.encode(auction.orderIdOf(orders[o]), hosts[who], rate, bytes32(0)));
        vm.prank(hosts[who]);
        try auction.bid(orders[o], commitment, list, who) {
            rates[o][who] = rate;
            placed[o] |= 1 << who;
        } catch {}
    }

    function doReveal(uint256 seed) external {
        if (orders.length == 0) return;
        uint256 o = seed % orders.length;
        for (uint256 who = 0; who < 3; ++who) {
            if (seed >> (16 + who) & 1 == 0) continue;
            vm.prank(hosts[who]);
            try auction.reveal(orders[o], rates[o][who], 0) {} catch {}
        }
    }

    function doStart(uint256 seed) external {
        if (orders.length == 0) return;
        Order memory order = orders[seed % orders.length];
        (address winner, uint96 rate,) = auction.winnerOf(order);
        address who = seed >> 16 & 1 == 0 ? winner : hosts[(seed >> 17) % 3];
        vm.prank(who);
        try auction.start(order) {
            if (who != winner) wrong = "somebody else started";
            leases.push(auction.leaseOf(order, winner, rate));
        } catch {}
    }

    function doEnd(uint256 seed) external {
        if (orders.length == 0) return;
        uint256 o = seed % orders.length;
        vm.prank(address(0x57A6E));
        try auction.pass(orders[o]) {} catch {}
        vm.prank(address(0x57A6E));
        try auction.release(orders[o], hosts[(seed >> 16) % 3]) {} catch {}
        vm.prank(seed >> 32 & 1 == 0 ? tenant : hosts[(seed >> 16) % 3]);
        try auction.withdraw(address(token), address(0)) {} catch {}
    }

    function doLease(uint256 seed) external {
        if (leases.length == 0) return;
        Lease memory lease = leases[seed % leases.length];
        uint256 what = (seed >> 16) % 4;
        vm.prank(seed >> 32 & 1 == 0 ? lease.tenant : seed >> 33 & 1 == 0 ? lease.provider : address(0x57A6E));
        if (what == 0) try stream.settle(lease) {} catch {}
        if (what == 1) try stream.close(lease, 1) {} catch {}
        if (what == 2) try stream.refund(lease) {} catch {}
        if (what == 3) try stream.topUp(lease, uint96((seed >> 40) % 1_000)) {} catch {}
    }

    function doTime(uint256 seed) external {
        vm.warp(block.timestamp + seed % 90);
    }

    function invariant_everyUnitIsOwedToSomebody() public {
        uint256 inLeases = 0;
        for (uint256 i = 0; i < leases.length; ++i) {
            (, uint256 earned, uint256 taken, uint256 left,) = stream.stateOf(leases[i]);
            inLeases += earned - taken + left;
        }
        assertEq(token.balanceOf(address(stream)), inLeases, "leases");
        // Once all clocks have run out anybody ends every order; then only credits are left.
        vm.warp(block.timestamp + 1 days);
        vm.startPrank(address(0x57A6E));
        for (uint256 o = 0; o < orders.length; ++o) {
            for (uint256 turn = 0; turn < 4; ++turn) {
                (ReverseAuction.Phase phase,) = auction.stateOf(orders[o]);
                if (phase != ReverseAuction.Phase.Open) break;
                auction.pass(orders[o]);
                vm.warp(block.timestamp + 1 days);
            }
            (ReverseAuction.Phase end,) = auction.stateOf(orders[o]);
            assertTrue(end != ReverseAuction.Phase.Open, "an order that nobody can end");
            for (uint256 who = 0; who < 3; ++who) if (placed[o] >> who & 1 != 0) try auction.release(orders[o], hosts[who]) {} catch {}
        }
        vm.stopPrank();
        uint256 owed = auction.balanceOf(address(token), tenant);
        for (uint256 i = 0; i < 3; ++i) owed += auction.balanceOf(address(token), hosts[i]);
        assertEq(token.balanceOf(address(auction)), owed, "auction");
        assertTrue(bytes(wrong).length == 0, wrong);
    }
}
