// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IEvidenceVerifier, Status} from "../settlement/IEvidenceVerifier.sol";
import {Job, JobIds} from "../settlement/Job.sol";
import {ICommitments} from "./ICommitments.sol";
import {LeafEvidence} from "./LeafEvidence.sol";
import {ProofCore} from "./ProofCore.sol";
import {Statement, Tau} from "./ProofFrame.sol";
import {ProofPlan} from "./ProofPlan.sol";
import {StoredBytes} from "./StoredBytes.sol";

/// @title Evidence by a zero-knowledge proof
/// @notice A claim is accepted in the transaction that proves it. What is proven is a plan that was published here; that the plan means a query or a
/// network is for its compiler to say: consumers compile again and compare hashes. No owner, no upgrade, no fee.
///
/// A leaf's params: planHash (32) | registry (20) | rowInput (2) | outputFrom (2) | outputCount (2), window 0.
///   registry     where commitments, epoch, row count and salt of job.subjectRoot are read (ICommitments); 0: the plan has no registered commitments
///   rowInput     which public input is the row count; 0xffff: none
///   outputs      public inputs [outputFrom, outputFrom + outputCount): keccak256 of their words is the claim's outputHash
/// All other public inputs are the question's: keccak256 of their words is job.inputRoot, or, when there is a registry, it is combined with the registry's
/// own root as keccak256(abi.encode(root, hash)); a question without inputs has the registry's root itself.
/// Data: count (2) | public inputs (32 each) | proof.
contract ZkVerifier is IEvidenceVerifier {
    using JobIds for Job;

    bytes32 internal constant TAG_CTX_V1 = keccak256("peaberry/ctx/1");
    uint64 internal constant NEVER = type(uint64).max;
    uint256 internal constant NO_ROWS = 0xffff;

    uint256 private immutable X_IM;
    uint256 private immutable X_RE;
    uint256 private immutable Y_IM;
    uint256 private immutable Y_RE;
    /// @notice Names the ceremony: keccak256("peaberry/srs/1", [tau]_2, H).
    bytes32 public immutable SRS_ID;

    /// @notice Where the plan with this hash lies as code (after one 0x00 byte); 0: not published.
    mapping(bytes32 planHash => address code) public plans;
    mapping(bytes32 claimId => uint64 since) private _accepted;

    event PlanPublished(bytes32 indexed planHash, address code, uint256 size);
    event Proven(bytes32 indexed jobId, bytes32 indexed claimId, bytes32 indexed planHash, uint256[] inputs);

    error UnknownCeremony(bytes32 srsId);
    error PlanTooLarge(uint256 size);
    error PlanNotPublished(bytes32 planHash);
    error BadParams();
    error BadData();
    error ParamsNotEmpty();
    error UnknownSubject(bytes32 subjectRoot);
    error WrongRows(uint256 rows);
    error WrongInput(bytes32 inputRoot);
    error WrongOutput(bytes32 outputHash);
    error ProofRefused();
    error NoValueHere();

    struct Leaf {
        bytes32 planHash;
        ICommitments registry;
        uint256 rowInput;
        uint256 outputFrom;
        uint256 outputCount;
    }

    /// @dev Who knows a development ceremony's tau proves anything: on public chains only ceremonies of the list are believed.
    constructor(Tau memory tau) {
        (X_IM, X_RE, Y_IM, Y_RE) = (tau.xIm, tau.xRe, tau.yIm, tau.yRe);
        SRS_ID = ProofCore.srsId(tau);
        bool local = block.chainid == 31337 || block.chainid == 1337 || block.chainid == 8996;
        if (!local && !_isPublicCeremony(SRS_ID)) revert UnknownCeremony(SRS_ID);
    }

    /// @dev Empty until a public ceremony has been imported and verified.
    function _isPublicCeremony(bytes32) private pure returns (bool) {
        return false;
    }

    /// @notice Stores a plan as code, once, after its static checks.
    function publish(bytes calldata plan) external returns (bytes32 planHash) {
        if (plan.length > StoredBytes.MAX) revert PlanTooLarge(plan.length);
        planHash = keccak256(plan);
        if (plans[planHash] != address(0)) return planHash;
        ProofPlan.check(plan);
        address code = StoredBytes.store(plan);
        plans[planHash] = code;
        emit PlanPublished(planHash, code, plan.length);
    }

    /// @notice Whether a proof under this ceremony shows that a published plan holds. `ctx` must bind whatever gives the proof its meaning for the caller;
    /// a registry that admits subjects computes it, never the prover.
    function isProven(bytes32 planHash, bytes32 ctx, bytes calldata registered, uint256[] calldata inputs, bytes calldata proof) external view returns (bool) {
        return _isProven(planHash, ctx, registered, inputs, proof);
    }

    function _isProven(bytes32 planHash, bytes32 ctx, bytes memory registered, uint256[] memory inputs, bytes calldata proof) private view returns (bool) {
        address code = plans[planHash];
        if (code == address(0)) revert PlanNotPublished(planHash);
        return ProofCore.verify(
            Tau(X_IM, X_RE, Y_IM, Y_RE), StoredBytes.load(code), Statement(SRS_ID, block.chainid, address(this), ctx, planHash, registered, inputs), proof
        );
    }

    /// @inheritdoc IEvidenceVerifier
    function submit(Job calldata job, address executor, bytes32 outputHash, bytes calldata evidence) external payable returns (Status) {
        if (msg.value != 0) revert NoValueHere();
        (bytes calldata params,, bytes calldata data) = LeafEvidence.open(job, evidence);
        Leaf memory leaf = _leaf(params);
        if (job.paramsHash != 0) revert ParamsNotEmpty();
        bytes32 jobId = job.jobId();
        bytes32 claimId = JobIds.claimId(jobId, executor, outputHash);
        if (_accepted[claimId] != 0) return Status.Accepted;
        (uint256[] memory inputs, bytes calldata proof) = _open(data);
        (bytes memory registered, bytes32 ctx) = _context(leaf, job, claimId, inputs);
        if (_hash(inputs, leaf.outputFrom, leaf.outputCount) != outputHash) revert WrongOutput(outputHash);
        if (!_isProven(leaf.planHash, ctx, registered, inputs, proof)) revert ProofRefused();
        _accepted[claimId] = uint64(block.timestamp);
        emit Proven(jobId, claimId, leaf.planHash, inputs);
        return Status.Accepted;
    }

    function _leaf(bytes calldata params) private pure returns (Leaf memory leaf) {
        if (params.length != 58) revert BadParams();
        leaf.planHash = bytes32(params[:32]);
        leaf.registry = ICommitments(address(bytes20(params[32:52])));
        leaf.rowInput = uint16(bytes2(params[52:54]));
        leaf.outputFrom = uint16(bytes2(params[54:56]));
        leaf.outputCount = uint16(bytes2(params[56:58]));
    }

    function _open(bytes calldata data) private pure returns (uint256[] memory inputs, bytes calldata proof) {
        if (data.length < 2) revert BadData();
        uint256 count = uint16(bytes2(data[:2]));
        if (data.length < 2 + 32 * count) revert BadData();
        inputs = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) inputs[i] = uint256(bytes32(data[2 + 32 * i:34 + 32 * i]));
        proof = data[2 + 32 * count:];
    }

    /// @dev Reads what the chain knows, holds the public inputs against it, and binds everything into ctx.
    function _context(Leaf memory leaf, Job calldata job, bytes32 claimId, uint256[] memory inputs) private view returns (bytes memory registered, bytes32 ctx) {
        if (leaf.outputFrom + leaf.outputCount > inputs.length) revert BadData();
        uint64 epoch;
        uint64 rows;
        bytes32 salt;
        bytes32 root;
        if (address(leaf.registry) != address(0)) {
            (registered, epoch, rows, salt, root) = leaf.registry.commitmentsOf(job.subjectRoot);
            if (registered.length == 0) revert UnknownSubject(job.subjectRoot);
        }
        uint256 asked = inputs.length - leaf.outputCount;
        if (leaf.rowInput != NO_ROWS) {
            bool isOutput = leaf.rowInput >= leaf.outputFrom && leaf.rowInput < leaf.outputFrom + leaf.outputCount;
            if (leaf.rowInput >= inputs.length || isOutput) revert BadParams();
            if (inputs[leaf.rowInput] != rows) revert WrongRows(inputs[leaf.rowInput]);
            --asked;
        }
        uint256[] memory question = new uint256[](asked);
        uint256 n;
        for (uint256 i = 0; i < inputs.length; ++i) {
            if (i == leaf.rowInput || (i >= leaf.outputFrom && i < leaf.outputFrom + leaf.outputCount)) continue;
            question[n++] = inputs[i];
        }
        bytes32 inputRoot = asked == 0 && root != 0 ? root : _hash(question, 0, asked);
        if (asked != 0 && root != 0) inputRoot = keccak256(abi.encode(root, inputRoot));
        if (inputRoot != job.inputRoot) revert WrongInput(job.inputRoot);
        ctx = keccak256(abi.encode(TAG_CTX_V1, claimId, job.subjectRoot, epoch, rows, salt));
    }

    /// @dev keccak256 of the words [from, from + count).
    function _hash(uint256[] memory words, uint256 from, uint256 count) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(add(add(words, 32), shl(5, from)), shl(5, count))
        }
    }

    /// @inheritdoc IEvidenceVerifier
    function status(bytes32 claimId) external view returns (Status, uint64) {
        uint64 since = _accepted[claimId];
        return since == 0 ? (Status.None, NEVER) : (Status.Accepted, since);
    }

    /// @inheritdoc IEvidenceVerifier
    function disputedUntil(bytes32) external pure returns (uint64) {
        return 0;
    }

    /// @inheritdoc IEvidenceVerifier
    function clocks(bytes calldata params, uint64 window) external pure returns (uint64 quietSeconds, uint64 disputedMax, uint256 stake) {
        _leaf(params);
        return (0, window, 0);
    }
}
