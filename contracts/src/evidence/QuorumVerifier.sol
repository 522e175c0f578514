// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IEvidenceVerifier, IJobStates, Status} from "../settlement/IEvidenceVerifier.sol";
import {Job, JobIds} from "../settlement/Job.sol";
import {LeafEvidence} from "./LeafEvidence.sol";

/// @title Evidence by quorum: k of n signers found the same output
/// @notice Signers re-run a job and vote on its output, not on anybody's claim. They commit while nobody has shown an answer, and reveal
/// when the commit window has closed; k equal votes fix the output for good. Claims with it are accepted, claims with another are
/// rejected, whoever made them. Too few votes leave a claim pending: time alone never accepts it.
///
/// A leaf's params (all packed):
///   k (1 B) | commitWindow (4 B, seconds) | bondToken (20 B) | bond (16 B) | signer (20 B) × n, n ≤ 32
/// The leaf's window is how long signers may take to reveal after a claim; it bounds the job's clocks and decides nothing.
///
/// Bonds lie here, apart from job money. A signer whose deposit is below the bond, or on its way out, has no vote. A vote for another output
/// than the fixed one burns the bond. Deposits leave after `unbondingSeconds`, within which such a vote can still be shown.
contract QuorumVerifier is IEvidenceVerifier, EIP712 {
    using SafeERC20 for IERC20;
    using JobIds for Job;

    address internal constant DEAD = 0x000000000000000000000000000000000000dEaD;
    bytes32 internal constant VOTE_TYPEHASH = keccak256("Vote(bytes32 jobId,bytes32 outputHash,bytes32 salt)");
    uint256 internal constant PARAMS_HEAD = 41;
    uint256 internal constant VOTE_HEAD = 75;
    uint256 internal constant MAX_SIGNERS = 32;
    uint64 internal constant NEVER = type(uint64).max;

    /// @notice How long a deposit stays within reach after its owner asked for it.
    uint64 public immutable unbondingSeconds;

    /// @dev A vote opened. On the wire, one after the other, packed:
    ///   signer (1 B, its place in the leaf) | committedAt (8 B) | outputHash (32 B) | salt (32 B) | length (2 B) | signature
    /// The EIP-712 signature lets anybody bring the vote along.
    struct Reveal {
        uint256 signer;
        bytes32 outputHash;
    }

    /// @dev Of a claim that came after the output was fixed.
    struct Verdict {
        Status status;
        uint64 since;
    }

    /// @dev A claim that came before.
    struct Waiting {
        bytes32 jobId;
        bytes32 outputHash;
    }

    struct Deposit {
        uint128 amount;
        uint64 leavesAt; // 0: stays
    }

    /// @notice The output that k signers agreed on; 0 before.
    mapping(bytes32 jobId => bytes32) public fixedOutput;
    /// @dev keccak256(commitment, time), so that one slot holds both.
    mapping(bytes32 jobId => mapping(address signer => bytes32)) private _commitments;
    /// @notice Who voted for an output that is not fixed (bit i: the leaf's signer i).
    mapping(bytes32 jobId => mapping(bytes32 outputHash => uint256 signers)) public votes;
    mapping(bytes32 claimId => Verdict) private _verdicts;
    mapping(bytes32 claimId => Waiting) private _waiting;
    mapping(bytes32 jobId => uint256 signers) private _burned;
    mapping(address token => mapping(address signer => Deposit)) public deposits;

    event VoteCommitted(bytes32 indexed jobId, address indexed signer, bytes32 commitment);
    event VoteRevealed(bytes32 indexed jobId, address indexed signer, bytes32 outputHash);
    event OutputFixed(bytes32 indexed jobId, bytes32 outputHash);
    event Deposited(address indexed token, address indexed signer, uint256 amount);
    event Leaving(address indexed token, address indexed signer, uint64 leavesAt);
    event BondBurned(bytes32 indexed jobId, address indexed signer, address token, uint256 amount);

    error BadParams(string field);
    error JobNotOpen();
    error CommitWindowOpen(uint256 until);
    error NotASigner(uint256 index);
    error RevealMalformed(uint256 position);
    error TooManyReveals();
    error WrongCommitment(address signer);
    error CommittedTooLate(address signer, uint256 committedAt);
    error WrongSignature(address signer);
    error NoBond(address signer);
    error OutputRejected(bytes32 fixedOutput);
    error NoWrongVote();
    error DepositLeaving();
    error DepositStays(uint256 until);
    error NoValueHere();

    constructor(uint64 unbondingSeconds_) EIP712("Peaberry Quorum", "1") {
        unbondingSeconds = unbondingSeconds_;
    }

    struct Params {
        uint256 k;
        uint64 commitWindow;
        address bondToken;
        uint128 bond;
        uint256 closes; // when the job's commit window closes
    }

    /// @dev The packed params, checked; signer i stands at PARAMS_HEAD + 20 i.
    function _params(bytes calldata params) private pure returns (Params memory p) {
        if (params.length < PARAMS_HEAD + 20 || (params.length - PARAMS_HEAD) % 20 != 0) revert BadParams("length");
        uint256 n = (params.length - PARAMS_HEAD) / 20;
        p.k = uint8(params[0]);
        p.commitWindow = uint32(bytes4(params[1:5]));
        p.bondToken = address(bytes20(params[5:25]));
        p.bond = uint128(bytes16(params[25:41]));
        if (n > MAX_SIGNERS) revert BadParams("signers");
        if (p.k == 0 || p.k > n) revert BadParams("k");
        if (2 * p.k <= n) revert BadParams("k"); // two outputs could both have k votes
        if (p.commitWindow == 0) revert BadParams("commitWindow");
        if ((p.bond == 0) != (p.bondToken == address(0))) revert BadParams("bond");
    }

    function _signer(bytes calldata params, uint256 index) private pure returns (address) {
        uint256 from = PARAMS_HEAD + 20 * index;
        if (from + 20 > params.length) revert NotASigner(index);
        return address(bytes20(params[from:from + 20]));
    }

    /// @notice keccak256(abi.encode(jobId, signer, outputHash, salt)): a vote that nobody can read or copy.
    /// @dev Counts when the job's commit window was open at the time. A second commitment replaces the first.
    function commit(bytes32 jobId, bytes32 commitment) external {
        _commitments[jobId][msg.sender] = keccak256(abi.encode(commitment, uint64(block.timestamp)));
        emit VoteCommitted(jobId, msg.sender, commitment);
    }

    /// @notice Opens votes without a claim, so that a quorum can also speak when the executor is silent.
    /// @param evidence abi.encode(bytes policy, uint16 leaf, bytes votes), votes packed as above
    function reveal(Job calldata job, bytes calldata evidence) external {
        (bytes calldata params,, bytes calldata data) = LeafEvidence.open(job, evidence);
        bytes32 jobId = job.jobId();
        _reveal(job, jobId, params, data);
    }

    /// @inheritdoc IEvidenceVerifier
    /// @dev data = votes, packed as above, or nothing. Reverts while the commit window is open, because the claim would tell the answer,
    /// and when another output is fixed.
    function submit(Job calldata job, address executor, bytes32 outputHash, bytes calldata evidence) external payable returns (Status status_) {
        if (msg.value != 0) revert NoValueHere();
        (bytes calldata params,, bytes calldata data) = LeafEvidence.open(job, evidence);
        bytes32 jobId = job.jobId();
        bytes32 agreed = _reveal(job, jobId, params, data);
        bytes32 claimId = JobIds.claimId(jobId, executor, outputHash);
        if (agreed == 0) {
            _waiting[claimId] = Waiting(jobId, outputHash);
            status_ = Status.Pending;
        } else if (agreed == outputHash) {
            status_ = Status.Accepted;
            if (_verdicts[claimId].status == Status.None) _verdicts[claimId] = Verdict(status_, uint64(block.timestamp));
        } else {
            revert OutputRejected(agreed);
        }
    }

    /// @dev Counts the votes; returns the fixed output, 0 if there is none yet.
    function _reveal(Job calldata job, bytes32 jobId, bytes calldata params, bytes calldata votes_) private returns (bytes32 agreed) {
        Params memory p = _params(params);
        p.closes = _closes(job, jobId, p.commitWindow);
        if (block.timestamp <= p.closes) revert CommitWindowOpen(p.closes);
        Reveal[] memory reveals = new Reveal[](votes_.length / VOTE_HEAD); // at most: a vote is no shorter
        if (reveals.length > 2 * MAX_SIGNERS) revert TooManyReveals();
        uint256 count = 0;
        for (uint256 pos = 0; pos < votes_.length; ++count) {
            if (pos + VOTE_HEAD > votes_.length) revert RevealMalformed(pos);
            uint256 next = pos + VOTE_HEAD + uint16(bytes2(votes_[pos + 73:pos + 75]));
            if (next > votes_.length) revert RevealMalformed(pos + 73);
            _openVote(jobId, params, votes_[pos:next], p, reveals[count]);
            pos = next;
        }
        agreed = fixedOutput[jobId];
        for (uint256 i = 0; i < count && agreed == 0; ++i) {
            if (!_agreeOn(jobId, reveals[i].outputHash, reveals, count, p.k)) continue;
            agreed = reveals[i].outputHash;
            fixedOutput[jobId] = agreed;
            emit OutputFixed(jobId, agreed);
        }
        // Votes that agree need no storage once the output is fixed; the others are kept as long as they may count or cost a bond.
        for (uint256 i = 0; i < count; ++i) {
            if (reveals[i].outputHash != agreed) votes[jobId][reveals[i].outputHash] |= 1 << reveals[i].signer;
        }
    }

    function _closes(Job calldata job, bytes32 jobId, uint64 commitWindow) private view returns (uint256) {
        if (job.chainId != block.chainid) revert JobNotOpen();
        (IJobStates.JobState state, uint64 openedAt) = IJobStates(job.settlement).jobState(jobId);
        if (state == IJobStates.JobState.None) revert JobNotOpen();
        return uint256(openedAt) + commitWindow;
    }

    /// @dev Reads a vote, which a bonded signer must have committed in time and signed. Uses the commitment up, so that it counts once.
    function _openVote(bytes32 jobId, bytes calldata params, bytes calldata raw, Params memory p, Reveal memory vote) private {
        vote.signer = uint8(raw[0]);
        vote.outputHash = bytes32(raw[9:41]);
        address signer = _signer(params, vote.signer);
        bytes32 salt = bytes32(raw[41:73]);
        _useCommitment(jobId, signer, keccak256(abi.encode(jobId, signer, vote.outputHash, salt)), uint64(bytes8(raw[1:9])), p.closes);
        if (vote.outputHash == 0) revert WrongCommitment(signer);
        if (!_signed(signer, voteDigest(jobId, vote.outputHash, salt), raw[VOTE_HEAD:])) revert WrongSignature(signer);
        if (p.bond != 0) {
            Deposit memory deposit_ = deposits[p.bondToken][signer];
            if (deposit_.amount < p.bond || deposit_.leavesAt != 0) revert NoBond(signer);
        }
        emit VoteRevealed(jobId, signer, vote.outputHash);
    }

    function _useCommitment(bytes32 jobId, address signer, bytes32 commitment, uint64 committedAt, uint256 closes) private {
        if (_commitments[jobId][signer] != keccak256(abi.encode(commitment, committedAt))) revert WrongCommitment(signer);
        if (committedAt > closes) revert CommittedTooLate(signer, committedAt);
        delete _commitments[jobId][signer];
    }

    /// @dev A key's signature, else a contract's (ERC-1271): in this order a key costs no look at its account.
    function _signed(address signer, bytes32 digest, bytes calldata signature) private view returns (bool) {
        (address recovered, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (problem == ECDSA.RecoverError.NoError && recovered == signer) return true;
        return SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, signature);
    }

    /// @dev Whether k signers voted for an output, in these reveals or with those before.
    function _agreeOn(bytes32 jobId, bytes32 outputHash, Reveal[] memory reveals, uint256 count, uint256 k) private view returns (bool) {
        uint256 voters = 0;
        for (uint256 i = 0; i < count; ++i) if (reveals[i].outputHash == outputHash) voters |= 1 << reveals[i].signer;
        return _count(voters) >= k || _count(voters | votes[jobId][outputHash]) >= k;
    }

    function _count(uint256 bits) private pure returns (uint256 ones) {
        for (; bits != 0; bits &= bits - 1) ++ones;
    }

    /// @notice The EIP-712 digest that a signer signs to let anybody bring its vote along.
    function voteDigest(bytes32 jobId, bytes32 outputHash, bytes32 salt) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VOTE_TYPEHASH, jobId, outputHash, salt)));
    }

    /// @inheritdoc IEvidenceVerifier
    function status(bytes32 claimId) external view returns (Status, uint64) {
        Verdict memory verdict = _verdicts[claimId];
        if (verdict.status != Status.None) return (verdict.status, verdict.since);
        Waiting memory claim = _waiting[claimId];
        if (claim.jobId == 0) return (Status.None, NEVER);
        bytes32 agreed = fixedOutput[claim.jobId];
        if (agreed == 0) return (Status.Pending, NEVER);
        return agreed == claim.outputHash ? (Status.Accepted, uint64(0)) : (Status.Rejected, uint64(0));
    }

    /// @inheritdoc IEvidenceVerifier
    function disputedUntil(bytes32) external pure returns (uint64) {
        return 0;
    }

    /// @inheritdoc IEvidenceVerifier
    function clocks(bytes calldata params, uint64 window) external pure returns (uint64 quietSeconds, uint64 disputedMax, uint256 stake) {
        return (_params(params).commitWindow, window, 0);
    }

    // ---------------------------------------------------------------- bonds

    /// @notice Adds to the caller's deposit what really arrives.
    function deposit(address token, uint128 amount) external {
        Deposit storage mine = deposits[token][msg.sender];
        if (mine.leavesAt != 0) revert DepositLeaving();
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        if (received > amount) received = amount;
        mine.amount += uint128(received);
        emit Deposited(token, msg.sender, received);
    }

    /// @notice Announces that the deposit leaves: from now on the caller has no vote that asks for this token.
    function startLeaving(address token) external {
        Deposit storage mine = deposits[token][msg.sender];
        if (mine.leavesAt != 0) revert DepositLeaving();
        mine.leavesAt = uint64(block.timestamp) + unbondingSeconds;
        emit Leaving(token, msg.sender, mine.leavesAt);
    }

    /// @notice Takes a deposit whose time is over.
    function take(address token, address to) external returns (uint256 amount) {
        Deposit memory mine = deposits[token][msg.sender];
        if (mine.leavesAt == 0 || block.timestamp < mine.leavesAt) revert DepositStays(mine.leavesAt);
        delete deposits[token][msg.sender];
        amount = mine.amount;
        IERC20(token).safeTransfer(to, amount);
    }

    /// @notice Burns the bond of a signer who voted for another output than the fixed one. Anybody may show it; once for each job.
    /// @dev Burned, not paid out: nobody earns by making others look wrong.
    /// @param evidence as for `reveal`; its data is not looked at
    function burnWrongVote(Job calldata job, bytes calldata evidence, uint8 index, bytes32 outputHash) external {
        (bytes calldata params,,) = LeafEvidence.open(job, evidence);
        Params memory p = _params(params);
        address signer = _signer(params, index);
        bytes32 jobId = job.jobId();
        bytes32 agreed = fixedOutput[jobId];
        uint256 bit = 1 << index;
        if (agreed == 0 || agreed == outputHash || votes[jobId][outputHash] & bit == 0 || _burned[jobId] & bit != 0) revert NoWrongVote();
        _burned[jobId] |= bit;
        Deposit storage theirs = deposits[p.bondToken][signer];
        uint128 amount = theirs.amount < p.bond ? theirs.amount : p.bond;
        theirs.amount -= amount;
        emit BondBurned(jobId, signer, p.bondToken, amount);
        if (amount != 0) IERC20(p.bondToken).safeTransfer(DEAD, amount);
    }
}
