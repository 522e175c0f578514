// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {Credits} from "../settlement/Credits.sol";
import {IEvidenceVerifier, Status as Verdict} from "../settlement/IEvidenceVerifier.sol";
import {Job, JobIds} from "../settlement/Job.sol";
import {TableRegistry} from "./TableRegistry.sol";

/// @title What owners say of their tables
/// @notice The rows are nobody else's to see, so that a table's metrics are *claimed*, not proven: the owner puts up a bond, and names the keys
/// that attest to its metrics jobs – its own and its hosts'. Two receipts by those keys for the same metrics job over the same table that
/// give different outputs cannot both be true: whoever shows them takes half of the bond, and the other half burns, so that an owner who shows
/// its own contradiction saves nothing.
///
/// Of a table whose commitments were admitted by a proof (scheme 2), row count, completeness and a label's balance can be *proven*: `prove`. Which verifier to believe,
/// and whether the plans are the schema's, is for readers to check (docs/reference/tables.md); nobody's bond is needed.
/// @dev A claim without a sale, named as DESIGN says: settlement = this registry, claimKind 3, requester 0, nonce = epoch; policyHash is 0 for what is claimed, and
/// for what is proven that of a policy with one leaf, the verifier's.
contract QualityRegistry is Credits, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    address internal constant BURNED = 0x000000000000000000000000000000000000dEaD;
    bytes32 internal constant RECEIPT_TYPEHASH = keccak256("MetricsReceipt(bytes32 jobId,bytes32 outputHash)");
    uint256 internal constant MAX_KEYS = 16;
    uint8 internal constant CLAIM_KIND_QUALITY = 3;

    enum Status {
        None,
        Claimed,
        Refuted,
        Released
    }

    /// @param keysHash keccak256(abi.encode(address[] attestKeys))
    struct Claim {
        address owner;
        Status status;
        uint40 holdUntil;
        address token;
        uint96 bond;
        bytes32 keysHash;
        bytes32 jobId;
        bytes32 metricsHash;
    }

    /// @notice What stands behind a claim, and for how long at least.
    struct Bond {
        address token;
        uint96 amount;
        uint32 holdSeconds;
    }

    /// @notice What an attest key signed of a metrics job.
    struct Receipt {
        bytes32 outputHash;
        bytes signature;
    }

    /// @notice What was counted of a table, proven.
    /// @param planHash published at the verifier
    /// @param label    whose balance the plan tells; empty: none. For readers, who compile the plan again
    /// @param inputs   the plan's public inputs: the row count, then what was counted
    struct Measured {
        IEvidenceVerifier verifier;
        bytes32 planHash;
        bytes label;
        uint256[] inputs;
        bytes proof;
    }

    TableRegistry public immutable tables;
    mapping(bytes32 claimId => Claim) public claims;
    /// @notice The claim that stands for a table's epoch: the last one made.
    mapping(address nft => mapping(uint64 epoch => bytes32 claimId)) public claimOf;

    event MetricsClaimed(bytes32 indexed claimId, address indexed nft, uint64 epoch, bytes32 jobId, bytes32 manifestHash, bytes metrics, address[] attestKeys);
    event MetricsProven(
        address indexed nft, uint64 indexed epoch, bytes32 indexed claimId, address verifier, bytes32 planHash, bytes label, uint256[] inputs
    );
    event MetricsRefuted(bytes32 indexed claimId, address indexed by, bytes32 one, bytes32 other);
    event BondReleased(bytes32 indexed claimId);

    error NotTheOwner(address caller);
    error UnknownTable(address nft);
    error BadKeys();
    error BadHold();
    error ClaimedBefore();
    error WrongReceipt(uint256 which);
    error NoContradiction();
    error NotClaimed(Status status);
    error TooEarly(uint256 notBefore);
    error NotProven();
    error WrongRows(uint256 rows);

    constructor(TableRegistry tables_) EIP712("Peaberry Quality", "1") {
        tables = tables_;
    }

    /// @notice The metrics job over a table's epoch: which table, which bytes, which program and parameters.
    function jobOf(address nft, uint64 epoch, bytes32 manifestHash) public view returns (Job memory) {
        return Job(block.chainid, address(this), CLAIM_KIND_QUALITY, tables.rootAt(nft, epoch), tables.inputRootOf(nft, epoch), manifestHash, 0, address(0), epoch);
    }

    function jobIdOf(address nft, uint64 epoch, bytes32 manifestHash) public view returns (bytes32) {
        return keccak256(abi.encode(JobIds.TAG_JOB_V1, jobOf(nft, epoch, manifestHash)));
    }

    /// @notice The EIP-712 digest of a receipt.
    function receiptDigest(bytes32 jobId, bytes32 outputHash) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(RECEIPT_TYPEHASH, jobId, outputHash)));
    }

    /// @notice Claims the metrics of a table's present epoch.
    /// @param manifestHash of the metrics job
    /// @param metrics      its canonical output
    /// @param signature    one of the keys' receipt for it
    /// @param attestKeys   the owner's and its hosts'; the listing names them too
    function claim(address nft, bytes32 manifestHash, bytes calldata metrics, bytes calldata signature, address[] calldata attestKeys, Bond calldata bond)
        external
        nonReentrant
        returns (bytes32 claimId)
    {
        if (IERC721(nft).ownerOf(1) != msg.sender) revert NotTheOwner(msg.sender);
        if (attestKeys.length == 0 || attestKeys.length > MAX_KEYS) revert BadKeys();
        if (bond.holdSeconds == 0 || bond.holdSeconds > 3_650 days) revert BadHold();
        uint64 epoch = _epochOf(nft);
        bytes32 jobId = jobIdOf(nft, epoch, manifestHash);
        if (!_attested(jobId, keccak256(metrics), signature, attestKeys)) revert WrongReceipt(0);
        claimId = _book(jobId, keccak256(metrics), keccak256(abi.encode(attestKeys)), bond);
        claimOf[nft][epoch] = claimId;
        emit MetricsClaimed(claimId, nft, epoch, jobId, manifestHash, metrics, attestKeys);
    }

    /// @notice Proves metrics of the caller's table's present epoch, which was admitted by a proof under the same verifier and sealed. Nobody else may: a proof under a plan
    /// that says nothing would stand before the owner's.
    function prove(address nft, Measured calldata measured) external nonReentrant returns (bytes32 claimId) {
        if (IERC721(nft).ownerOf(1) != msg.sender) revert NotTheOwner(msg.sender);
        uint64 epoch = _epochOf(nft);
        bytes memory policy = _proofPolicy(address(measured.verifier), measured.planHash, measured.inputs.length);
        Job memory job = _proofJob(nft, epoch, keccak256(policy));
        bytes32 outputHash = _countsHash(measured.inputs);
        // The claim does not name the row count, and what is accepted once is accepted again without a look at the proof.
        if (measured.inputs[0] != tables.tableAt(nft, epoch).rows) revert WrongRows(measured.inputs[0]);
        claimId = JobIds.claimId(keccak256(abi.encode(JobIds.TAG_JOB_V1, job)), msg.sender, outputHash);
        bytes memory evidence = abi.encode(policy, uint16(0), abi.encodePacked(uint16(measured.inputs.length), measured.inputs, measured.proof));
        emit MetricsProven(nft, epoch, claimId, address(measured.verifier), measured.planHash, measured.label, measured.inputs);
        if (measured.verifier.submit(job, msg.sender, outputHash, evidence) != Verdict.Accepted) revert NotProven();
    }

    /// @notice Which claim `prove` makes: what the proof must be bound to.
    function proofClaim(address nft, address prover, address verifier, bytes32 planHash, uint256[] calldata inputs) external view returns (bytes32 claimId) {
        Job memory job = _proofJob(nft, _epochOf(nft), keccak256(_proofPolicy(verifier, planHash, inputs.length)));
        return JobIds.claimId(keccak256(abi.encode(JobIds.TAG_JOB_V1, job)), prover, _countsHash(inputs));
    }

    function _proofJob(address nft, uint64 epoch, bytes32 policyHash) private view returns (Job memory) {
        return Job(block.chainid, address(this), CLAIM_KIND_QUALITY, tables.rootAt(nft, epoch), tables.inputRootOf(nft, epoch), 0, policyHash, address(0), epoch);
    }

    /// @dev One leaf (EvidencePolicy): commitments and row count – input 0 – come from `tables`, all other inputs are the output (ZkVerifier).
    function _proofPolicy(address verifier, bytes32 planHash, uint256 count) private view returns (bytes memory) {
        if (count == 0 || count > type(uint16).max) revert NotProven();
        return abi.encodePacked(uint8(1), verifier, uint64(0), uint16(58), planHash, address(tables), uint16(0), uint16(1), uint16(count - 1), uint8(0));
    }

    function _countsHash(uint256[] calldata inputs) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(inputs[1:]));
    }

    function _epochOf(address nft) private view returns (uint64 epoch) {
        uint8 kind;
        (kind,, epoch,) = tables.subjectOf(nft);
        if (kind == 0) revert UnknownTable(nft);
    }

    function _book(bytes32 jobId, bytes32 metricsHash, bytes32 keysHash, Bond calldata bond) private returns (bytes32 claimId) {
        claimId = JobIds.claimId(jobId, msg.sender, metricsHash);
        if (claims[claimId].status != Status.None) revert ClaimedBefore();
        claims[claimId] = Claim(msg.sender, Status.Claimed, uint40(block.timestamp) + bond.holdSeconds, bond.token, bond.amount, keysHash, jobId, metricsHash);
        if (bond.amount != 0) _pull(bond.token, bond.amount);
    }

    /// @notice Shows two receipts for the claim's job that do not agree. Anybody may.
    function refute(bytes32 claimId, address[] calldata attestKeys, Receipt calldata one, Receipt calldata other) external nonReentrant {
        Claim storage made = claims[claimId];
        if (made.status != Status.Claimed) revert NotClaimed(made.status);
        if (keccak256(abi.encode(attestKeys)) != made.keysHash) revert BadKeys();
        if (one.outputHash == other.outputHash) revert NoContradiction();
        if (!_attested(made.jobId, one.outputHash, one.signature, attestKeys)) revert WrongReceipt(0);
        if (!_attested(made.jobId, other.outputHash, other.signature, attestKeys)) revert WrongReceipt(1);
        made.status = Status.Refuted;
        uint256 burned = made.bond / 2;
        _credit(made.token, msg.sender, made.bond - burned);
        emit MetricsRefuted(claimId, msg.sender, one.outputHash, other.outputHash);
        if (burned != 0) IERC20(made.token).safeTransfer(BURNED, burned);
    }

    /// @notice Gives the bond back once its time is over. Anybody may call; the claim then stands without one.
    function release(bytes32 claimId) external {
        Claim storage made = claims[claimId];
        if (made.status != Status.Claimed) revert NotClaimed(made.status);
        if (block.timestamp <= made.holdUntil) revert TooEarly(uint256(made.holdUntil) + 1);
        made.status = Status.Released;
        _credit(made.token, made.owner, made.bond);
        emit BondReleased(claimId);
    }

    function _attested(bytes32 jobId, bytes32 outputHash, bytes calldata signature, address[] calldata attestKeys) private view returns (bool) {
        (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(receiptDigest(jobId, outputHash), signature);
        if (problem != ECDSA.RecoverError.NoError) return false;
        for (uint256 i = 0; i < attestKeys.length; ++i) if (attestKeys[i] == signer) return true;
        return false;
    }
}
