// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ChannelConfig, ERC3009DepositCollector, IDepositCollector, VoucherChannels} from "../src/settlement/VoucherChannels.sol";
import {TestUSD} from "../src/test/TestUSD.sol";
import {Actors, Base} from "./Base.sol";

/// @dev Brings whatever the payer approved it for.
contract AllowanceCollector is IDepositCollector {
    function collect(ChannelConfig calldata config, uint128 amount, bytes calldata) external {
        TestUSD(config.token).transferFrom(config.payer, msg.sender, amount);
    }
}

/// @dev A settlement that wants somebody else's deposit.
contract Thief {
    function steal(ERC3009DepositCollector collector, ChannelConfig calldata config, uint128 amount, bytes calldata data) external {
        collector.collect(config, amount, data);
    }
}

abstract contract ChannelFixture is Base {
    VoucherChannels internal channels;
    ERC3009DepositCollector internal collector;
    AllowanceCollector internal allowance;
    TestUSD internal token;
    uint256 internal constant PAYER_KEY = 0xB0B;
    uint256 internal constant ROBOT_KEY = 0xB07;
    uint256 internal constant RECEIVER_KEY = 0x5E11;
    address internal payer;
    address internal robot;
    address internal receiver;
    address internal constant STRANGER = address(0x57A6E);

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        vm.chainId(8996);
        channels = new VoucherChannels();
        collector = new ERC3009DepositCollector();
        allowance = new AllowanceCollector();
        token = new TestUSD();
        (payer, robot, receiver) = (vm.addr(PAYER_KEY), vm.addr(ROBOT_KEY), vm.addr(RECEIVER_KEY));
        token.mint(payer, 1e15);
        vm.prank(payer);
        token.approve(address(allowance), type(uint256).max);
    }

    function _config(uint256 salt) internal view returns (ChannelConfig memory) {
        return ChannelConfig(payer, robot, receiver, address(0), address(token), 900, bytes32(salt));
    }

    function _deposit(ChannelConfig memory config, uint128 amount) internal {
        channels.deposit(config, amount, address(allowance), "");
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _voucher(ChannelConfig memory config, uint128 most, uint128 total, uint256 key) internal view returns (VoucherChannels.VoucherClaim memory) {
        return VoucherChannels.VoucherClaim(VoucherChannels.Voucher(config, most), _sign(key, channels.getVoucherDigest(channels.getChannelId(config), most)), total);
    }

    function _one(VoucherChannels.VoucherClaim memory claim) internal pure returns (VoucherChannels.VoucherClaim[] memory list) {
        list = new VoucherChannels.VoucherClaim[](1);
        list[0] = claim;
    }

    function _claim(ChannelConfig memory config, uint128 total) internal {
        VoucherChannels.VoucherClaim[] memory list = _one(_voucher(config, total, total, ROBOT_KEY));
        vm.prank(receiver);
        channels.claim(list);
    }

    function _balance(ChannelConfig memory config) internal view returns (uint128 balance, uint128 claimed) {
        return channels.channels(channels.getChannelId(config));
    }
}

contract VoucherChannelsTest is ChannelFixture {
    function test_channel_namesAreX402s() public {
        vm.chainId(31_337);
        address canonical = 0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003;
        vm.etch(canonical, address(channels).code);
        address signer = 0x70997970C51812dc3A010C7d01b50e0d17dc79C8;
        address other = 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC;
        ChannelConfig memory config = ChannelConfig(signer, signer, other, other, 0x5FbDB2315678afecb367f032d93F642f64180aa3, 900, bytes32(uint256(1)));
        bytes32 id = VoucherChannels(canonical).getChannelId(config);
        assertEq(id, bytes32(0x774e90ebcb179dac9373f8fa6c81630e0161f18e72dc14d632f05c9f701f8693), "viem's channel id");
        assertEq(VoucherChannels(canonical).getVoucherDigest(id, 12_345), bytes32(0x18ea6df483fb891beb7d5709ee2505433a8b4ca38bfc0c4ac8c5504fb8916498), "viem's voucher");
        assertEq(keccak256(abi.encode(id, uint256(7))), bytes32(0x0a042a32c590a5621b02bf177b9cdceabd22bb21b947ecc6e096a9ec67194cec), "its deposit's nonce");
    }

    function test_channel_theLargestVoucherIsPaidOnce() public {
        ChannelConfig memory config = _config(1);
        _deposit(config, 1_000);
        _claim(config, 30);
        _claim(config, 70);
        _claim(config, 40); // an older one adds nothing
        (uint128 balance, uint128 claimed) = _balance(config);
        assertTrue(balance == 1_000 && claimed == 70, "booked");
        vm.prank(STRANGER);
        channels.settle(receiver, address(token));
        assertEq(token.balanceOf(receiver), 70, "paid");
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.NothingToSettle.selector));
        channels.settle(receiver, address(token));
    }

    function test_channel_aDepositBySignature() public {
        ChannelConfig memory config = _config(1);
        (bytes memory data,) = _authorisation(config, 500, 7);
        vm.prank(STRANGER);
        channels.deposit(config, 500, address(collector), data);
        (uint128 balance,) = _balance(config);
        assertEq(balance, 500, "deposited");
        vm.expectRevert(); // the authorisation is used up
        channels.deposit(config, 500, address(collector), data);
    }

    function _authorisation(ChannelConfig memory config, uint128 amount, uint256 salt) internal view returns (bytes memory data, bytes32 nonce) {
        nonce = keccak256(abi.encode(channels.getChannelId(config), salt));
        bytes32 inner = keccak256(
            abi.encode(token.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(), payer, address(collector), uint256(amount), uint256(0), block.timestamp + 60, nonce)
        );
        data = abi.encode(uint256(0), block.timestamp + 60, salt, _sign(PAYER_KEY, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), inner))));
    }

    function test_channel_nobodyTurnsADepositIntoAnotherChannelOrHisOwnPocket() public {
        ChannelConfig memory config = _config(1);
        (bytes memory data,) = _authorisation(config, 500, 7);
        Thief thief = new Thief();
        vm.expectRevert(abi.encodeWithSelector(TestUSD.WrongSignature.selector));
        thief.steal(collector, config, 500, data);
        ChannelConfig memory other = _config(1);
        other.receiver = STRANGER;
        vm.expectRevert(abi.encodeWithSelector(TestUSD.WrongSignature.selector));
        channels.deposit(other, 500, address(collector), data);
        vm.prank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.OnlyTheReceiver.selector, address(collector)));
        token.receiveWithAuthorization(payer, address(collector), 500, 0, block.timestamp + 60, 0, data);
    }

    function test_channel_aCollectorThatBringsNothingIsRefused() public {
        ChannelConfig memory config = _config(1);
        IDepositCollector nothing = IDepositCollector(address(new Nothing()));
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.NothingCame.selector));
        channels.deposit(config, 500, address(nothing), "");
    }

    function test_channel_noMoreIsClaimedThanSignedOrDeposited() public {
        ChannelConfig memory config = _config(1);
        _deposit(config, 100);
        bytes32 id = channels.getChannelId(config);
        VoucherChannels.VoucherClaim[] memory list = _one(_voucher(config, 50, 51, ROBOT_KEY));
        vm.prank(receiver);
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.ClaimTooLarge.selector, id, 50));
        channels.claim(list);
        list = _one(_voucher(config, 200, 101, ROBOT_KEY));
        vm.prank(receiver);
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.ClaimTooLarge.selector, id, 100));
        channels.claim(list);
        list = _one(_voucher(config, 50, 50, PAYER_KEY)); // the robot signs here, not the owner
        vm.prank(receiver);
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.WrongVoucherSignature.selector, id));
        channels.claim(list);
        list = _one(_voucher(config, 50, 50, ROBOT_KEY));
        list[0].voucher.maxClaimableAmount = 60;
        vm.prank(receiver);
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.WrongVoucherSignature.selector, id));
        channels.claim(list);
        list = _one(_voucher(config, 50, 50, ROBOT_KEY));
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.NotAuthorised.selector, address(this)));
        channels.claim(list);
    }

    function test_channel_withoutARobotThePayerSigns() public {
        ChannelConfig memory config = _config(1);
        config.payerAuthorizer = address(0);
        _deposit(config, 100);
        VoucherChannels.VoucherClaim[] memory list = _one(_voucher(config, 50, 50, PAYER_KEY));
        vm.prank(receiver);
        channels.claim(list);
        (, uint128 claimed) = _balance(config);
        assertEq(claimed, 50, "claimed");
    }

    function test_channel_anybodyBringsABatchThatTheReceiverSigned() public {
        ChannelConfig memory a = _config(1);
        ChannelConfig memory b = _config(2);
        _deposit(a, 100);
        _deposit(b, 100);
        VoucherChannels.VoucherClaim[] memory list = new VoucherChannels.VoucherClaim[](2);
        (list[0], list[1]) = (_voucher(a, 50, 50, ROBOT_KEY), _voucher(b, 60, 60, ROBOT_KEY));
        bytes memory signature = _sign(RECEIVER_KEY, channels.getClaimBatchDigest(list));
        bytes memory wrong = _sign(ROBOT_KEY, channels.getClaimBatchDigest(list));
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.WrongAuthorizerSignature.selector));
        channels.claimWithSignature(list, wrong);
        list[0].totalClaimed = 49; // the signature says 50
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.WrongAuthorizerSignature.selector));
        channels.claimWithSignature(list, signature);
        list[0].totalClaimed = 50;
        vm.prank(STRANGER);
        channels.claimWithSignature(list, signature);
        channels.settle(receiver, address(token));
        assertEq(token.balanceOf(receiver), 110, "both");
        list[1].voucher.channel.receiver = STRANGER;
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.DifferentReceivers.selector));
        channels.claimWithSignature(list, signature);
    }

    function test_channel_thePayerLeavesAfterItsDelayWithWhatIsNotClaimed() public {
        ChannelConfig memory config = _config(1);
        _deposit(config, 100);
        vm.prank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.NotAuthorised.selector, STRANGER));
        channels.initiateWithdraw(config, 100);
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.NoWithdrawal.selector));
        channels.finalizeWithdraw(config);
        vm.prank(payer);
        channels.initiateWithdraw(config, 100);
        vm.warp(block.timestamp + 899);
        _claim(config, 30); // the receiver had its time
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.TooEarly.selector, block.timestamp + 1));
        channels.finalizeWithdraw(config);
        vm.warp(block.timestamp + 1);
        uint256 before = token.balanceOf(payer);
        channels.finalizeWithdraw(config);
        assertEq(token.balanceOf(payer) - before, 70, "what is not claimed");
        channels.settle(receiver, address(token));
        assertEq(token.balanceOf(address(channels)), 0, "nothing stays");
    }

    function test_channel_theReceiverLetsGoAtOnce() public {
        ChannelConfig memory config = _config(1);
        _deposit(config, 100);
        bytes32 id = channels.getChannelId(config);
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.NotAuthorised.selector, address(this)));
        channels.refund(config, 10);
        vm.prank(receiver);
        channels.refund(config, 10);
        bytes memory signature = _sign(RECEIVER_KEY, channels.getRefundDigest(id, 1, 20));
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.WrongNonce.selector, 1));
        channels.refundWithSignature(config, 20, 0, signature);
        vm.prank(STRANGER);
        channels.refundWithSignature(config, 20, 1, signature);
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.WrongNonce.selector, 2));
        channels.refundWithSignature(config, 20, 1, signature);
        (uint128 balance,) = _balance(config);
        assertEq(balance, 70, "70 stay");
        vm.prank(receiver);
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.AmountTooLarge.selector, 70));
        channels.refund(config, 71);
    }

    function test_channel_aRefundCannotTakeWhatIsClaimed() public {
        ChannelConfig memory config = _config(1);
        _deposit(config, 100);
        _claim(config, 80);
        vm.prank(receiver);
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.AmountTooLarge.selector, 20));
        channels.refund(config, 21);
        vm.prank(payer);
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.AmountTooLarge.selector, 20));
        channels.initiateWithdraw(config, 21);
    }

    function test_channel_refusesNonsense() public {
        ChannelConfig memory config = _config(1);
        config.withdrawDelay = 899;
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.BadConfig.selector, "withdrawDelay"));
        channels.deposit(config, 1, address(allowance), "");
        config.withdrawDelay = 2_592_001;
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.BadConfig.selector, "withdrawDelay"));
        channels.deposit(config, 1, address(allowance), "");
        config = _config(1);
        config.receiver = address(0);
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.BadConfig.selector, "receiver"));
        channels.deposit(config, 1, address(allowance), "");
        config = _config(1);
        config.payer = address(0);
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.BadConfig.selector, "payer"));
        channels.deposit(config, 1, address(allowance), "");
    }

    function test_channel_severalCallsInOne() public {
        ChannelConfig memory config = _config(1);
        _deposit(config, 100);
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(VoucherChannels.claim, (_one(_voucher(config, 50, 50, ROBOT_KEY))));
        calls[1] = abi.encodeCall(VoucherChannels.settle, (receiver, address(token)));
        vm.prank(receiver);
        channels.multicall(calls);
        assertEq(token.balanceOf(receiver), 50, "claimed and settled");
        vm.prank(receiver);
        vm.expectRevert(abi.encodeWithSelector(VoucherChannels.NothingToSettle.selector));
        channels.multicall(calls);
    }

    function test_testusd_isNoMoneyOfAPublicChain() public {
        vm.chainId(1);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.OnlyOnLocalChains.selector, 1));
        new TestUSD();
    }

    function test_testusd_movesBySignatureOnceInItsTime() public {
        bytes32 nonce = bytes32(uint256(9));
        bytes32 inner = keccak256(abi.encode(token.TRANSFER_WITH_AUTHORIZATION_TYPEHASH(), payer, receiver, uint256(5), block.timestamp, block.timestamp + 60, nonce));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), inner));
        bytes memory signature = _sign(PAYER_KEY, digest);
        (uint256 after_, uint256 before_) = (block.timestamp, block.timestamp + 60);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.AuthorizationNotYetValid.selector, after_));
        token.transferWithAuthorization(payer, receiver, 5, after_, before_, nonce, signature);
        vm.warp(after_ + 1);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.WrongSignature.selector));
        token.transferWithAuthorization(payer, receiver, 6, after_, before_, nonce, signature);
        token.transferWithAuthorization(payer, receiver, 5, after_, before_, nonce, signature);
        assertEq(token.balanceOf(receiver), 5, "moved");
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(PAYER_KEY, digest);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.AuthorizationUsedOrCanceled.selector, nonce));
        token.transferWithAuthorization(payer, receiver, 5, after_, before_, nonce, v, r, s);
        vm.warp(before_);
        vm.expectRevert(abi.encodeWithSelector(TestUSD.AuthorizationExpired.selector, before_));
        token.transferWithAuthorization(payer, receiver, 5, after_, before_, bytes32(0), signature);
    }

    function test_testusd_canBeCancelled() public {
        bytes32 nonce = bytes32(uint256(9));
        bytes32 inner = keccak256(abi.encode(token.CANCEL_AUTHORIZATION_TYPEHASH(), payer, nonce));
        bytes memory signature = _sign(PAYER_KEY, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), inner)));
        token.cancelAuthorization(payer, nonce, signature);
        assertTrue(token.authorizationState(payer, nonce), "cancelled");
        vm.expectRevert(abi.encodeWithSelector(TestUSD.AuthorizationUsedOrCanceled.selector, nonce));
        token.cancelAuthorization(payer, nonce, signature);
    }

    function test_gas_fiftyChannelsClaimed() public {
        VoucherChannels.VoucherClaim[] memory list = new VoucherChannels.VoucherClaim[](50);
        for (uint256 round = 1; round <= 2; ++round) {
            for (uint256 i = 0; i < 50; ++i) {
                ChannelConfig memory config = _config(uint256(keccak256(abi.encode(i))));
                if (round == 1) _deposit(config, 1_000_000);
                list[i] = _voucher(config, uint128(round * 12_345), uint128(round * 12_345), ROBOT_KEY);
            }
            vm.prank(receiver);
            channels.claim(list);
        }
        uint256 used = vm.lastCallGas().gasTotalUsed / 50;
        vm.snapshotValue("market", "gas_channel_claim_at_50", used);
        assertTrue(used <= 25_000, "gas_channel_claim_at_50");
        vm.prank(receiver);
        channels.settle(receiver, address(token));
        vm.snapshotValue("market", "gas_channel_settle", vm.lastCallGas().gasTotalUsed);
    }
}

contract Nothing is IDepositCollector {
    function collect(ChannelConfig calldata, uint128, bytes calldata) external {}
}

/// @notice Channels at random: nobody gets more than was signed and deposited, nothing is lost.
contract ChannelInvariantTest is Actors, ChannelFixture {
    mapping(uint256 => uint128) internal signed; // the largest voucher of each channel
    uint256 internal deposited;
    uint256 internal back;

    function _actors() internal pure override returns (bytes4[] memory list) {
        list = new bytes4[](6);
        list[0] = this.doDeposit.selector;
        list[1] = this.doClaim.selector;
        list[2] = this.doSettle.selector;
        list[3] = this.doWithdraw.selector;
        list[4] = this.doRefund.selector;
        list[5] = this.doTime.selector;
    }

    function doDeposit(uint256 seed) external {
        uint128 amount = uint128(1 + (seed >> 8) % 1_000);
        _deposit(_config(seed % 3), amount);
        deposited += amount;
    }

    function doClaim(uint256 seed) external {
        uint256 which = seed % 3;
        uint128 most = uint128((seed >> 8) % 3_000);
        uint128 total = uint128((seed >> 32) % 3_000);
        ChannelConfig memory config = _config(which);
        bool genuine = seed >> 64 & 7 != 0;
        VoucherChannels.VoucherClaim[] memory list = _one(_voucher(config, most, total, genuine ? ROBOT_KEY : PAYER_KEY));
        if (genuine && most > signed[which]) signed[which] = most;
        vm.prank(receiver);
        try channels.claim(list) {} catch {}
    }

    function doSettle() external {
        try channels.settle(receiver, address(token)) {} catch {}
    }

    function doWithdraw(uint256 seed) external {
        ChannelConfig memory config = _config(seed % 3);
        vm.prank(payer);
        if (seed >> 8 & 1 == 0) try channels.initiateWithdraw(config, uint128((seed >> 16) % 1_000)) {} catch {}
        uint256 before = token.balanceOf(payer);
        try channels.finalizeWithdraw(config) {} catch {}
        back += token.balanceOf(payer) - before;
    }

    function doRefund(uint256 seed) external {
        uint256 before = token.balanceOf(payer);
        vm.prank(receiver);
        try channels.refund(_config(seed % 3), uint128((seed >> 16) % 1_000)) {} catch {}
        back += token.balanceOf(payer) - before;
    }

    function doTime(uint256 seed) external {
        vm.warp(block.timestamp + seed % 1_000);
    }

    function invariant_moneyIsConserved() public view {
        (uint128 claimed, uint128 settled) = channels.receivers(receiver, address(token));
        uint256 held = claimed - settled;
        uint256 sum = 0;
        for (uint256 i = 0; i < 3; ++i) {
            (uint128 balance, uint128 total) = _balance(_config(i));
            assertTrue(total <= balance, "more claimed than there is");
            assertTrue(total <= signed[i], "more claimed than signed");
            held += balance - total;
            sum += total;
        }
        assertEq(sum, claimed, "channels and receivers agree");
        assertEq(token.balanceOf(address(channels)), held, "what is here belongs to somebody");
        assertEq(deposited, held + settled + back, "what came in is here or went to its owner");
    }
}
