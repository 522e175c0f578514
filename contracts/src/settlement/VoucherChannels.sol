// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

/// @notice A channel's fixed part; its EIP-712 hash names it.
/// @param payer              owns the deposit
/// @param payerAuthorizer    key that signs vouchers (a robot's); 0: the payer itself, which may be a contract
/// @param receiver           is paid
/// @param receiverAuthorizer may claim and refund for the receiver; 0: only the receiver
/// @param token              ERC-20
/// @param withdrawDelay      seconds between the payer's wish to leave and leaving: 15 minutes to 30 days
/// @param salt               tells equal channels apart
struct ChannelConfig {
    address payer;
    address payerAuthorizer;
    address receiver;
    address receiverAuthorizer;
    address token;
    uint40 withdrawDelay;
    bytes32 salt;
}

/// @notice Brings a payer's money to the settlement that calls it.
interface IDepositCollector {
    /// @dev Must send `amount` of config.token from config.payer to msg.sender, and only for the channel that `config` is at msg.sender.
    function collect(ChannelConfig calldata config, uint128 amount, bytes calldata collectorData) external;
}

/// @title x402's names for things (scheme `batch-settlement` on EVM)
library Channels {
    bytes32 internal constant DOMAIN_TYPEHASH = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant NAME_HASH = keccak256("x402 Batch Settlement");
    bytes32 internal constant VERSION_HASH = keccak256("1");
    bytes32 internal constant CONFIG_TYPEHASH =
        keccak256("ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)");

    function separator(address settlement) internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid, settlement));
    }

    function digest(bytes32 separator_, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", separator_, structHash));
    }

    function idOf(bytes32 separator_, ChannelConfig calldata config) internal pure returns (bytes32) {
        return digest(separator_, keccak256(abi.encode(CONFIG_TYPEHASH, config)));
    }
}

/// @title Payment channels by cumulative vouchers
/// @notice A payer deposits once and signs ever larger totals; the receiver claims the last one whenever it likes, many channels in one
/// transaction. A voucher has no nonce and no expiry: only the largest matters, so that loss and reordering on the way harm nobody. The payer
/// leaves after `withdrawDelay`, within which the receiver claims; the receiver may let it go at once.
/// @dev ABI and EIP-712 types are those of x402's `batch-settlement`, so that its clients work unmodified. No immutables and no constructor:
/// the domain is computed from address(this), and the code works at any address. A receiver can claim at most what was signed and deposited;
/// it chooses how much of it, which its authoriser's signature covers.
contract VoucherChannels is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    bytes32 public constant CHANNEL_CONFIG_TYPEHASH = Channels.CONFIG_TYPEHASH;
    bytes32 internal constant VOUCHER_TYPEHASH = keccak256("Voucher(bytes32 channelId,uint128 maxClaimableAmount)");
    bytes32 internal constant REFUND_TYPEHASH = keccak256("Refund(bytes32 channelId,uint256 nonce,uint128 amount)");
    bytes32 internal constant ENTRY_TYPEHASH = keccak256("ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)");
    bytes32 internal constant BATCH_TYPEHASH =
        keccak256("ClaimBatch(ClaimEntry[] claims)ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)");
    uint40 internal constant MIN_DELAY = 900;
    uint40 internal constant MAX_DELAY = 2_592_000;

    struct Voucher {
        ChannelConfig channel;
        uint128 maxClaimableAmount;
    }

    struct VoucherClaim {
        Voucher voucher;
        bytes signature;
        uint128 totalClaimed;
    }

    /// @dev balance: all that was deposited and not taken out again by the payer; claims do not lower it.
    struct Channel {
        uint128 balance;
        uint128 totalClaimed;
    }

    struct Withdrawal {
        uint128 amount;
        uint40 initiatedAt;
    }

    struct Receiver {
        uint128 totalClaimed;
        uint128 totalSettled;
    }

    mapping(bytes32 channelId => Channel) public channels;
    mapping(bytes32 channelId => Withdrawal) public pendingWithdrawals;
    mapping(address receiver => mapping(address token => Receiver)) public receivers;
    mapping(bytes32 channelId => uint256) public refundNonce;

    event ChannelCreated(bytes32 indexed channelId, ChannelConfig config);
    event Deposited(bytes32 indexed channelId, uint128 amount);
    event Claimed(bytes32 indexed channelId, uint128 totalClaimed);
    event Settled(address indexed receiver, address indexed token, address indexed sender, uint128 amount);
    event WithdrawInitiated(bytes32 indexed channelId, uint128 amount, uint40 finalAt);
    event Withdrawn(bytes32 indexed channelId, uint128 amount);
    event Refunded(bytes32 indexed channelId, uint128 amount);

    error BadConfig(string field);
    error NothingCame();
    error NotAuthorised(address caller);
    error WrongVoucherSignature(bytes32 channelId);
    error WrongAuthorizerSignature();
    error DifferentReceivers();
    error ClaimTooLarge(bytes32 channelId, uint128 allowed);
    error NothingToSettle();
    error NoWithdrawal();
    error TooEarly(uint256 notBefore);
    error AmountTooLarge(uint128 available);
    error WrongNonce(uint256 expected);

    /// @notice Several of the calls below in one transaction.
    function multicall(bytes[] calldata data) external returns (bytes[] memory results) {
        results = new bytes[](data.length);
        for (uint256 i = 0; i < data.length; ++i) {
            (bool ok, bytes memory result) = address(this).delegatecall(data[i]);
            if (!ok) {
                assembly ("memory-safe") {
                    revert(add(result, 32), mload(result))
                }
            }
            results[i] = result;
        }
    }

    // ---------------------------------------------------------------- the payer

    /// @notice Adds what a collector brings of the payer's money. Anybody may call: the collector has the payer's word.
    function deposit(ChannelConfig calldata config, uint128 amount, address collector, bytes calldata collectorData) external nonReentrant {
        if (config.payer == address(0)) revert BadConfig("payer");
        if (config.receiver == address(0)) revert BadConfig("receiver");
        if (config.withdrawDelay < MIN_DELAY || config.withdrawDelay > MAX_DELAY) revert BadConfig("withdrawDelay");
        bytes32 id = getChannelId(config);
        uint256 before = IERC20(config.token).balanceOf(address(this));
        IDepositCollector(collector).collect(config, amount, collectorData);
        uint256 came = IERC20(config.token).balanceOf(address(this)) - before;
        if (came == 0) revert NothingCame();
        if (came > amount) came = amount;
        Channel storage channel = channels[id];
        if (channel.balance == 0) emit ChannelCreated(id, config);
        channel.balance += uint128(came);
        emit Deposited(id, uint128(came));
    }

    /// @notice The payer wants `amount` back: it can have what is not claimed withdrawDelay later. A new wish replaces the one before.
    function initiateWithdraw(ChannelConfig calldata config, uint128 amount) external {
        if (msg.sender != config.payer && (msg.sender != config.payerAuthorizer || msg.sender == address(0))) revert NotAuthorised(msg.sender);
        bytes32 id = getChannelId(config);
        Channel memory channel = channels[id];
        if (amount == 0 || amount > channel.balance - channel.totalClaimed) revert AmountTooLarge(channel.balance - channel.totalClaimed);
        pendingWithdrawals[id] = Withdrawal(amount, uint40(block.timestamp));
        emit WithdrawInitiated(id, amount, uint40(block.timestamp) + config.withdrawDelay);
    }

    /// @notice Sends the payer what it asked for, less what was claimed in between. Anybody may call.
    function finalizeWithdraw(ChannelConfig calldata config) external nonReentrant {
        bytes32 id = getChannelId(config);
        Withdrawal memory wish = pendingWithdrawals[id];
        if (wish.initiatedAt == 0) revert NoWithdrawal();
        if (block.timestamp < uint256(wish.initiatedAt) + config.withdrawDelay) revert TooEarly(uint256(wish.initiatedAt) + config.withdrawDelay);
        delete pendingWithdrawals[id];
        Channel memory channel = channels[id];
        uint128 free = channel.balance - channel.totalClaimed;
        uint128 amount = wish.amount < free ? wish.amount : free;
        channels[id].balance = channel.balance - amount;
        emit Withdrawn(id, amount);
        if (amount != 0) IERC20(config.token).safeTransfer(config.payer, amount);
    }

    // ---------------------------------------------------------------- the receiver

    /// @notice Books vouchers for the receiver. The caller is the receiver or its authoriser of every channel.
    function claim(VoucherClaim[] calldata voucherClaims) external {
        for (uint256 i = 0; i < voucherClaims.length; ++i) _requireReceiver(voucherClaims[i].voucher.channel);
        _claimAll(voucherClaims);
    }

    /// @notice The same from anybody's account, with the authoriser's signature of the whole batch. All channels have one receiver side.
    function claimWithSignature(VoucherClaim[] calldata voucherClaims, bytes calldata authorizerSignature) external {
        if (voucherClaims.length == 0) return;
        address authorizer = _authorizerOf(voucherClaims[0].voucher.channel);
        for (uint256 i = 1; i < voucherClaims.length; ++i) if (_authorizerOf(voucherClaims[i].voucher.channel) != authorizer) revert DifferentReceivers();
        if (!SignatureChecker.isValidSignatureNow(authorizer, getClaimBatchDigest(voucherClaims), authorizerSignature)) revert WrongAuthorizerSignature();
        _claimAll(voucherClaims);
    }

    function _claimAll(VoucherClaim[] calldata voucherClaims) private {
        bytes32 separator = Channels.separator(address(this));
        for (uint256 i = 0; i < voucherClaims.length; ++i) _claim(separator, voucherClaims[i]);
    }

    function _claim(bytes32 separator, VoucherClaim calldata one) private {
        ChannelConfig calldata config = one.voucher.channel;
        bytes32 id = Channels.idOf(separator, config);
        Channel memory channel = channels[id];
        uint128 allowed = one.voucher.maxClaimableAmount < channel.balance ? one.voucher.maxClaimableAmount : channel.balance;
        if (one.totalClaimed > allowed) revert ClaimTooLarge(id, allowed);
        if (one.totalClaimed <= channel.totalClaimed) return; // an older voucher is no error: it adds nothing
        bytes32 digest = Channels.digest(separator, keccak256(abi.encode(VOUCHER_TYPEHASH, id, one.voucher.maxClaimableAmount)));
        bool signed = config.payerAuthorizer != address(0)
            ? _recovers(config.payerAuthorizer, digest, one.signature)
            : SignatureChecker.isValidSignatureNowCalldata(config.payer, digest, one.signature);
        if (!signed) revert WrongVoucherSignature(id);
        channels[id].totalClaimed = one.totalClaimed;
        receivers[config.receiver][config.token].totalClaimed += one.totalClaimed - channel.totalClaimed;
        emit Claimed(id, one.totalClaimed);
    }

    function _recovers(address signer, bytes32 digest, bytes calldata signature) private pure returns (bool) {
        (address recovered, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(digest, signature);
        return problem == ECDSA.RecoverError.NoError && recovered == signer;
    }

    /// @notice Sends a receiver what was claimed for it. Anybody may call: the money can only go there.
    function settle(address receiver, address token) external nonReentrant {
        Receiver memory books = receivers[receiver][token];
        uint128 amount = books.totalClaimed - books.totalSettled;
        if (amount == 0) revert NothingToSettle();
        receivers[receiver][token].totalSettled = books.totalClaimed;
        emit Settled(receiver, token, msg.sender, amount);
        IERC20(token).safeTransfer(receiver, amount);
    }

    /// @notice The receiver lets the payer have `amount` of what is not claimed at once.
    function refund(ChannelConfig calldata config, uint128 amount) external nonReentrant {
        _requireReceiver(config);
        _refund(config, getChannelId(config), amount);
    }

    /// @notice The same with the receiver side's signature; its nonce counts the channel's refunds.
    function refundWithSignature(ChannelConfig calldata config, uint128 amount, uint256 nonce, bytes calldata receiverAuthorizerSignature) external nonReentrant {
        bytes32 id = getChannelId(config);
        if (nonce != refundNonce[id]) revert WrongNonce(refundNonce[id]);
        if (!SignatureChecker.isValidSignatureNowCalldata(_authorizerOf(config), getRefundDigest(id, nonce, amount), receiverAuthorizerSignature)) {
            revert WrongAuthorizerSignature();
        }
        _refund(config, id, amount);
    }

    function _refund(ChannelConfig calldata config, bytes32 id, uint128 amount) private {
        Channel memory channel = channels[id];
        uint128 free = channel.balance - channel.totalClaimed;
        if (amount == 0 || amount > free) revert AmountTooLarge(free);
        ++refundNonce[id];
        channels[id].balance = channel.balance - amount;
        emit Refunded(id, amount);
        IERC20(config.token).safeTransfer(config.payer, amount);
    }

    function _authorizerOf(ChannelConfig calldata config) private pure returns (address) {
        return config.receiverAuthorizer != address(0) ? config.receiverAuthorizer : config.receiver;
    }

    function _requireReceiver(ChannelConfig calldata config) private view {
        if (msg.sender != config.receiver && (msg.sender != config.receiverAuthorizer || msg.sender == address(0))) revert NotAuthorised(msg.sender);
    }

    // ---------------------------------------------------------------- names

    function getChannelId(ChannelConfig calldata config) public view returns (bytes32) {
        return Channels.idOf(Channels.separator(address(this)), config);
    }

    function getVoucherDigest(bytes32 channelId, uint128 maxClaimableAmount) external view returns (bytes32) {
        return _digest(keccak256(abi.encode(VOUCHER_TYPEHASH, channelId, maxClaimableAmount)));
    }

    function getRefundDigest(bytes32 channelId, uint256 nonce, uint128 amount) public view returns (bytes32) {
        return _digest(keccak256(abi.encode(REFUND_TYPEHASH, channelId, nonce, amount)));
    }

    function getClaimBatchDigest(VoucherClaim[] calldata voucherClaims) public view returns (bytes32) {
        bytes32[] memory entries = new bytes32[](voucherClaims.length);
        for (uint256 i = 0; i < entries.length; ++i) {
            entries[i] = keccak256(
                abi.encode(ENTRY_TYPEHASH, getChannelId(voucherClaims[i].voucher.channel), voucherClaims[i].voucher.maxClaimableAmount, voucherClaims[i].totalClaimed)
            );
        }
        return _digest(keccak256(abi.encode(BATCH_TYPEHASH, keccak256(abi.encodePacked(entries)))));
    }

    function _digest(bytes32 structHash) private view returns (bytes32) {
        return Channels.digest(Channels.separator(address(this)), structHash);
    }
}

/// @notice ERC-3009's side of the token: a payment that only its receiver can take.
interface IReceiveWithAuthorization {
    function receiveWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes calldata signature) external;
}

/// @title Deposits by an ERC-3009 signature
/// @notice collectorData = abi.encode(uint256 validAfter, uint256 validBefore, uint256 salt, bytes signature); the authorisation's nonce is
/// keccak256(abi.encode(channelId, salt)). The channel is named as the *caller* names it: a stranger who calls names another channel, whose
/// nonce the payer never signed, and gets nothing. No storage, no immutables.
contract ERC3009DepositCollector is IDepositCollector {
    using SafeERC20 for IERC20;

    function collect(ChannelConfig calldata config, uint128 amount, bytes calldata collectorData) external {
        (uint256 validAfter, uint256 validBefore, uint256 salt, bytes memory signature) = abi.decode(collectorData, (uint256, uint256, uint256, bytes));
        bytes32 nonce = keccak256(abi.encode(Channels.idOf(Channels.separator(msg.sender), config), salt));
        IReceiveWithAuthorization(config.token).receiveWithAuthorization(config.payer, address(this), amount, validAfter, validBefore, nonce, signature);
        IERC20(config.token).safeTransfer(msg.sender, amount);
    }
}
