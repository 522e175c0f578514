// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IEvidenceVerifier, Status} from "../settlement/IEvidenceVerifier.sol";
import {Job, JobIds} from "../settlement/Job.sol";
import {LeafEvidence} from "./LeafEvidence.sol";
import {QOps} from "./QOps.sol";
import {StoredBytes} from "./StoredBytes.sol";

/// @title Evidence by doing it again: the chain runs the model itself
/// @notice For small QOps models (a linear model, a stump, a tiny network) whose bytes were published here as contract code. A job's
/// subjectRoot is keccak256(model), its inputRoot keccak256(input), its outputHash keccak256 of the output words; it has no parameters.
/// A leaf's params are empty, its window 0: the claim is accepted in the transaction that shows it.
contract DirectVerifier is IEvidenceVerifier {
    using JobIds for Job;

    uint8 internal constant KIND_INFERENCE = 1;
    uint64 internal constant NEVER = type(uint64).max;

    /// @notice Where the model with this hash lies as code (after one 0x00 byte); 0: not published.
    mapping(bytes32 subjectRoot => address code) public models;
    mapping(bytes32 claimId => uint64 since) private _accepted;

    event ModelPublished(bytes32 indexed subjectRoot, address code, uint256 size);
    event Executed(bytes32 indexed jobId, bytes32 indexed claimId, bytes output);

    error ModelTooLarge(uint256 size);
    error ModelNotPublished(bytes32 subjectRoot);
    error NotAnInference(uint8 claimKind);
    error ParamsNotEmpty();
    error WrongInput(bytes32 inputRoot);
    error WrongOutput(bytes32 outputHash);
    error NoValueHere();

    /// @notice Stores a model as code, once. Reverts for a model that QOps refuses.
    function publish(bytes calldata model) external returns (bytes32 subjectRoot) {
        if (model.length > StoredBytes.MAX) revert ModelTooLarge(model.length);
        subjectRoot = keccak256(model);
        if (models[subjectRoot] != address(0)) return subjectRoot;
        QOps.validate(model);
        address code = StoredBytes.store(model);
        models[subjectRoot] = code;
        emit ModelPublished(subjectRoot, code, model.length);
    }

    /// @notice Runs a published model. Free as a call; what `submit` compares with.
    function execute(bytes32 subjectRoot, bytes calldata input) public view returns (bytes memory output) {
        address code = models[subjectRoot];
        if (code == address(0)) revert ModelNotPublished(subjectRoot);
        return QOps.run(StoredBytes.load(code), input);
    }

    /// @inheritdoc IEvidenceVerifier
    /// @dev data = the input bytes, one int8 each.
    function submit(Job calldata job, address executor, bytes32 outputHash, bytes calldata evidence) external payable returns (Status) {
        if (msg.value != 0) revert NoValueHere();
        (bytes calldata params,, bytes calldata input) = LeafEvidence.open(job, evidence);
        if (params.length != 0 || job.paramsHash != 0) revert ParamsNotEmpty();
        if (job.claimKind != KIND_INFERENCE) revert NotAnInference(job.claimKind);
        if (keccak256(input) != job.inputRoot) revert WrongInput(job.inputRoot);
        bytes memory output = execute(job.subjectRoot, input);
        if (keccak256(output) != outputHash) revert WrongOutput(keccak256(output));
        bytes32 jobId = job.jobId();
        bytes32 claimId = JobIds.claimId(jobId, executor, outputHash);
        if (_accepted[claimId] == 0) {
            _accepted[claimId] = uint64(block.timestamp);
            emit Executed(jobId, claimId, output);
        }
        return Status.Accepted;
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
        if (params.length != 0) revert ParamsNotEmpty();
        return (0, window, 0);
    }
}
