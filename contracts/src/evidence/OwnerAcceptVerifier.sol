// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IEvidenceVerifier, IJobStates, IStakeReceiver, Status} from "../settlement/IEvidenceVerifier.sol";
import {Job, JobIds} from "../settlement/Job.sol";
import {LeafEvidence} from "./LeafEvidence.sol";

/// @title Evidence by the requester's silence
/// @notice A claim is pending for the leaf's window; silence accepts it. The requester's EIP-712 signature accepts at once; a signed
/// objection in time rejects, and hands the objection stake of the policy to the executor. With a stake of 0 the requester may refuse for
/// nothing: pair this with a quorum by OR.
///
/// A leaf's params: stake (16 B, in the job's token). Escrows place the stake at `open`; each objection uses one up.
contract OwnerAcceptVerifier is IEvidenceVerifier, IStakeReceiver, EIP712 {
    using SafeERC20 for IERC20;
    using JobIds for Job;

    bytes32 internal constant ACCEPT_TYPEHASH = keccak256("Accept(bytes32 claimId)");
    bytes32 internal constant OBJECT_TYPEHASH = keccak256("Object(bytes32 claimId)");
    uint64 internal constant NEVER = type(uint64).max;

    struct Claim {
        uint64 finalAt;
        bool accepted; // by signature
        bool rejected;
    }

    struct Stake {
        address token;
        uint96 amount;
    }

    mapping(bytes32 claimId => Claim) private _claims;
    /// @notice What the requester has at stake for a job's next objection.
    mapping(bytes32 jobId => Stake) public stakes;
    mapping(address token => mapping(address account => uint256)) public balances;
    /// @dev Stakes and balances together: what of a token here belongs to somebody.
    mapping(address token => uint256) private _held;

    event Claimed(bytes32 indexed jobId, bytes32 indexed claimId, uint64 finalAt);
    event AcceptedByRequester(bytes32 indexed claimId);
    event Objected(bytes32 indexed jobId, bytes32 indexed claimId, address executor, uint256 stake);
    event StakePlaced(bytes32 indexed jobId, address token, uint256 amount);

    error BadParams();
    error OnlyTheSettlement(address caller);
    error NotTheRequester();
    error NoSuchClaim(bytes32 claimId);
    error AlreadyDecided(bytes32 claimId);
    error StakeMissing(uint256 needed);
    error JobStillOpen();
    error NothingOwed();
    error NoValueHere();

    constructor() EIP712("Peaberry OwnerAccept", "1") {}

    function _stakeOf(bytes calldata params) private pure returns (uint256) {
        if (params.length != 16) revert BadParams();
        return uint128(bytes16(params));
    }

    /// @inheritdoc IEvidenceVerifier
    /// @dev Only the settlement starts the clock: nobody can let a window pass before the requester sees a claim. data is either empty or the
    /// requester's signature of Accept(claimId).
    function submit(Job calldata job, address executor, bytes32 outputHash, bytes calldata evidence) external payable returns (Status) {
        if (msg.value != 0) revert NoValueHere();
        if (msg.sender != job.settlement) revert OnlyTheSettlement(msg.sender);
        (bytes calldata params, uint64 window, bytes calldata data) = LeafEvidence.open(job, evidence);
        _stakeOf(params);
        bytes32 claimId = _start(job.jobId(), executor, outputHash, window);
        if (data.length != 0) _accept(claimId, job.requester, data);
        (Status status_,) = _status(_claims[claimId]);
        return status_;
    }

    function _start(bytes32 jobId, address executor, bytes32 outputHash, uint64 window) private returns (bytes32 claimId) {
        claimId = JobIds.claimId(jobId, executor, outputHash);
        Claim storage claim = _claims[claimId];
        if (claim.finalAt != 0) return claimId;
        claim.finalAt = uint64(block.timestamp) + window;
        emit Claimed(jobId, claimId, claim.finalAt);
    }

    /// @notice Accepts at once with the requester's signature of Accept(claimId). Anybody may bring it.
    function accept(Job calldata job, address executor, bytes32 outputHash, bytes calldata signature) external {
        bytes32 claimId = JobIds.claimId(job.jobId(), executor, outputHash);
        _accept(claimId, job.requester, signature);
    }

    /// @notice Rejects with the requester's signature of Object(claimId), before finalAt only. The stake goes to the executor.
    /// @param evidence abi.encode(bytes policy, uint16 leaf, bytes signature)
    function object(Job calldata job, address executor, bytes32 outputHash, bytes calldata evidence) external {
        (bytes calldata params,, bytes calldata signature) = LeafEvidence.open(job, evidence);
        bytes32 jobId = job.jobId();
        bytes32 claimId = JobIds.claimId(jobId, executor, outputHash);
        Claim storage claim = _known(claimId);
        if (claim.accepted || claim.rejected || block.timestamp >= claim.finalAt) revert AlreadyDecided(claimId);
        _requireSignature(job.requester, _hashTypedDataV4(keccak256(abi.encode(OBJECT_TYPEHASH, claimId))), signature);
        uint256 needed = _stakeOf(params);
        Stake storage stake = stakes[jobId];
        if (stake.amount < needed) revert StakeMissing(needed);
        claim.rejected = true;
        if (needed != 0) {
            stake.amount -= uint96(needed);
            balances[stake.token][executor] += needed;
        }
        emit Objected(jobId, claimId, executor, needed);
    }

    function _accept(bytes32 claimId, address requester, bytes calldata signature) private {
        Claim storage claim = _known(claimId);
        if (claim.rejected) revert AlreadyDecided(claimId);
        _requireSignature(requester, _hashTypedDataV4(keccak256(abi.encode(ACCEPT_TYPEHASH, claimId))), signature);
        claim.accepted = true;
        emit AcceptedByRequester(claimId);
    }

    function _known(bytes32 claimId) private view returns (Claim storage claim) {
        claim = _claims[claimId];
        if (claim.finalAt == 0) revert NoSuchClaim(claimId);
    }

    function _requireSignature(address requester, bytes32 digest, bytes calldata signature) private view {
        if (!SignatureChecker.isValidSignatureNow(requester, digest, signature)) revert NotTheRequester();
    }

    // ---------------------------------------------------------------- stakes

    /// @inheritdoc IStakeReceiver
    function onStake(Job calldata job, address token, uint256 amount) external {
        if (msg.sender != job.settlement) revert OnlyTheSettlement(msg.sender);
        bytes32 jobId = job.jobId();
        // Any contract may call itself a settlement: only what nobody owns yet can be a stake.
        uint256 held = _held[token] + amount;
        if (IERC20(token).balanceOf(address(this)) < held || amount > type(uint96).max || stakes[jobId].amount != 0) revert StakeMissing(amount);
        _held[token] = held;
        stakes[jobId] = Stake(token, uint96(amount));
        emit StakePlaced(jobId, token, amount);
    }

    /// @notice Gives the requester back what is at stake once the job is Final or Refunded. Anybody may call.
    function release(Job calldata job) external {
        bytes32 jobId = job.jobId();
        (IJobStates.JobState state,) = IJobStates(job.settlement).jobState(jobId);
        if (state != IJobStates.JobState.Final && state != IJobStates.JobState.Refunded) revert JobStillOpen();
        Stake memory stake = stakes[jobId];
        delete stakes[jobId];
        if (stake.amount != 0) balances[stake.token][job.requester] += stake.amount;
    }

    /// @notice Sends the caller what it earned or got back.
    function withdraw(address token, address to) external returns (uint256 amount) {
        amount = balances[token][msg.sender];
        if (amount == 0) revert NothingOwed();
        balances[token][msg.sender] = 0;
        _held[token] -= amount;
        IERC20(token).safeTransfer(to == address(0) ? msg.sender : to, amount);
    }

    // ---------------------------------------------------------------- reading

    /// @inheritdoc IEvidenceVerifier
    function status(bytes32 claimId) external view returns (Status, uint64) {
        return _status(_claims[claimId]);
    }

    function _status(Claim storage claim) private view returns (Status, uint64) {
        if (claim.finalAt == 0) return (Status.None, NEVER);
        if (claim.rejected) return (Status.Rejected, claim.finalAt);
        if (claim.accepted || block.timestamp >= claim.finalAt) return (Status.Accepted, claim.finalAt);
        return (Status.Pending, claim.finalAt);
    }

    /// @inheritdoc IEvidenceVerifier
    function disputedUntil(bytes32) external pure returns (uint64) {
        return 0;
    }

    /// @inheritdoc IEvidenceVerifier
    function clocks(bytes calldata params, uint64 window) external pure returns (uint64 quietSeconds, uint64 disputedMax, uint256 stake) {
        return (0, window, _stakeOf(params));
    }
}
