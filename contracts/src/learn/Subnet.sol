// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {Credits} from "../settlement/Credits.sol";
import {Yuma} from "./Yuma.sol";

/// @notice What an epoch is about and when. Its hash names it; every call brings it along.
/// @param sponsor            gives the reward
/// @param token              of reward, stakes and bonds
/// @param reward             what the epoch gives away
/// @param validatorsHash     keccak256(abi.encode(address[] validators)): who may weigh – hosts of the hold-out set
/// @param holdoutRoot        of the data on which models are scored
/// @param scoringHash        of the program that scores
/// @param modelsUntil        last second for committing models
/// @param revealUntil        … for revealing them
/// @param weightsUntil       … for committing weights
/// @param weightsRevealUntil … for revealing them
/// @param claimWindow        seconds in which a wrong result can be challenged
/// @param claimBond          what a result puts up; to the challenger if it is wrong
/// @param nonce              tells equal epochs apart
struct EpochTerms {
    address sponsor;
    address token;
    uint96 reward;
    bytes32 validatorsHash;
    bytes32 holdoutRoot;
    bytes32 scoringHash;
    uint40 modelsUntil;
    uint40 revealUntil;
    uint40 weightsUntil;
    uint40 weightsRevealUntil;
    uint32 claimWindow;
    uint96 claimBond;
    uint256 nonce;
}

/// @title A contest of models, judged by stake
/// @notice Trainers commit a model before any is known, validators commit weights before any is known, and Yuma's rule says what that gives. The
/// result is claimed under a bond; anybody has the chain recompute it, and a wrong one loses the bond. Who committed first is on record: a
/// copy is known by its place. Every state ends by a clock and anybody's call.
contract Subnet is Credits, ReentrancyGuardTransient {
    bytes32 internal constant TAG = keccak256("peaberry/epoch/1");
    uint256 internal constant MAX_TRAINERS = 16;
    uint256 internal constant MAX_VALIDATORS = 8;

    enum Phase {
        None,
        Open,
        Claimed,
        Final,
        Failed
    }

    struct Trainer {
        address account;
        bytes32 commitment;
        bytes32 modelHash; // 0: not revealed
    }

    struct Validator {
        address account;
        uint96 stake;
        bytes32 commitment;
        uint16[] weights; // empty: not revealed
    }

    struct Claim {
        address by;
        uint40 madeAt;
        bytes32 result;
    }

    mapping(bytes32 epochId => Phase) public phaseOf;
    mapping(bytes32 epochId => Claim) public claims;
    mapping(bytes32 epochId => Trainer[]) private _trainers;
    mapping(bytes32 epochId => Validator[]) private _validators;

    event EpochOpened(bytes32 indexed epochId, address indexed sponsor, EpochTerms terms);
    event ModelCommitted(bytes32 indexed epochId, address indexed trainer, uint256 place);
    event ModelRevealed(bytes32 indexed epochId, address indexed trainer, bytes32 modelHash);
    event WeightsCommitted(bytes32 indexed epochId, address indexed validator, uint96 stake);
    event WeightsRevealed(bytes32 indexed epochId, address indexed validator, uint16[] weights);
    event ResultClaimed(bytes32 indexed epochId, address indexed by, uint256[] toValidators, uint256[] toTrainers);
    event ResultRefuted(bytes32 indexed epochId, address indexed by);
    event EpochFinal(bytes32 indexed epochId, uint256[] toValidators, uint256[] toTrainers);
    event EpochFailed(bytes32 indexed epochId);

    error BadTerms(string field);
    error NotTheSponsor(address caller);
    error WrongPhase(Phase phase);
    error TooEarly(uint256 notBefore);
    error TooLate(uint256 until);
    error Full();
    error CommittedTwice();
    error WrongCommitment();
    error NotAValidator(address caller);
    error WrongLength(uint256 trainers);
    error ResultIsRight();
    error WrongResult();
    error NobodyWeighed();

    function epochIdOf(EpochTerms calldata terms) public view returns (bytes32) {
        return keccak256(abi.encode(TAG, block.chainid, address(this), terms));
    }

    function trainersOf(bytes32 epochId) external view returns (Trainer[] memory) {
        return _trainers[epochId];
    }

    function validatorsOf(bytes32 epochId) external view returns (Validator[] memory) {
        return _validators[epochId];
    }

    function open(EpochTerms calldata terms) external nonReentrant returns (bytes32 id) {
        if (msg.sender != terms.sponsor) revert NotTheSponsor(msg.sender);
        if (terms.modelsUntil <= block.timestamp) revert BadTerms("modelsUntil");
        if (terms.revealUntil <= terms.modelsUntil) revert BadTerms("revealUntil");
        if (terms.weightsUntil <= terms.revealUntil) revert BadTerms("weightsUntil");
        if (terms.weightsRevealUntil <= terms.weightsUntil || terms.weightsRevealUntil > block.timestamp + 365 days) revert BadTerms("weightsRevealUntil");
        if (terms.claimWindow == 0 || terms.claimWindow > 30 days) revert BadTerms("claimWindow");
        if (terms.reward == 0) revert BadTerms("reward");
        id = epochIdOf(terms);
        if (phaseOf[id] != Phase.None) revert WrongPhase(phaseOf[id]);
        phaseOf[id] = Phase.Open;
        _pull(terms.token, terms.reward);
        emit EpochOpened(id, terms.sponsor, terms);
    }

    // ---------------------------------------------------------------- trainers

    /// @param commitment keccak256(abi.encode(modelHash, trainer, salt))
    function commitModel(EpochTerms calldata terms, bytes32 commitment) external {
        bytes32 id = _between(terms, 0, terms.modelsUntil);
        Trainer[] storage list = _trainers[id];
        if (list.length == MAX_TRAINERS) revert Full();
        for (uint256 i = 0; i < list.length; ++i) if (list[i].account == msg.sender || list[i].commitment == commitment) revert CommittedTwice();
        list.push(Trainer(msg.sender, commitment, 0));
        emit ModelCommitted(id, msg.sender, list.length - 1);
    }

    function revealModel(EpochTerms calldata terms, bytes32 modelHash, bytes32 salt) external {
        bytes32 id = _between(terms, terms.modelsUntil, terms.revealUntil);
        Trainer[] storage list = _trainers[id];
        bytes32 commitment = keccak256(abi.encode(modelHash, msg.sender, salt));
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i].account != msg.sender || list[i].commitment != commitment || modelHash == 0) continue;
            list[i].modelHash = modelHash;
            emit ModelRevealed(id, msg.sender, modelHash);
            return;
        }
        revert WrongCommitment();
    }

    // ---------------------------------------------------------------- validators

    /// @param commitment keccak256(abi.encode(epochId, validator, weights, salt))
    /// @param validators the whole list, whose hash the terms have; validators[index] is the caller
    /// @param stake      what its word weighs; comes back at the end
    function commitWeights(EpochTerms calldata terms, bytes32 commitment, address[] calldata validators, uint256 index, uint96 stake) external nonReentrant {
        bytes32 id = _between(terms, terms.revealUntil, terms.weightsUntil);
        if (keccak256(abi.encode(validators)) != terms.validatorsHash || index >= validators.length || validators[index] != msg.sender) revert NotAValidator(msg.sender);
        Validator[] storage list = _validators[id];
        if (list.length == MAX_VALIDATORS) revert Full();
        for (uint256 i = 0; i < list.length; ++i) if (list[i].account == msg.sender) revert CommittedTwice();
        list.push(Validator(msg.sender, stake, commitment, new uint16[](0)));
        if (stake != 0) _pull(terms.token, stake);
        emit WeightsCommitted(id, msg.sender, stake);
    }

    /// @param weights one for each trainer in the order of their commitments
    function revealWeights(EpochTerms calldata terms, uint16[] calldata weights, bytes32 salt) external {
        bytes32 id = _between(terms, terms.weightsUntil, terms.weightsRevealUntil);
        if (weights.length != _trainers[id].length) revert WrongLength(_trainers[id].length);
        Validator[] storage list = _validators[id];
        bytes32 commitment = keccak256(abi.encode(id, msg.sender, weights, salt));
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i].account != msg.sender || list[i].commitment != commitment) continue;
            list[i].weights = weights;
            emit WeightsRevealed(id, msg.sender, weights);
            return;
        }
        revert WrongCommitment();
    }

    // ---------------------------------------------------------------- the result

    /// @notice What the revealed weights give. A validator that revealed nothing has no voice, a trainer that revealed nothing gets nothing.
    function resultOf(EpochTerms calldata terms) public view returns (uint256[] memory toValidators, uint256[] memory toTrainers) {
        bytes32 id = epochIdOf(terms);
        Validator[] memory validators = _validators[id];
        Trainer[] memory trainers = _trainers[id];
        uint256[] memory stake = new uint256[](validators.length);
        uint256[][] memory weights = new uint256[][](validators.length);
        for (uint256 v = 0; v < validators.length; ++v) {
            weights[v] = new uint256[](trainers.length);
            if (validators[v].weights.length == 0) continue;
            stake[v] = validators[v].stake;
            for (uint256 t = 0; t < trainers.length; ++t) weights[v][t] = trainers[t].modelHash == 0 ? 0 : validators[v].weights[t];
        }
        return Yuma.epoch(stake, weights, terms.reward);
    }

    /// @notice Claims what the epoch gives, under the terms' bond. One claim at a time.
    function claimResult(EpochTerms calldata terms, uint256[] calldata toValidators, uint256[] calldata toTrainers) external nonReentrant {
        bytes32 id = _after(terms, Phase.Open, terms.weightsRevealUntil);
        if (toValidators.length != _validators[id].length || toTrainers.length != _trainers[id].length) revert WrongResult();
        if (!_anybodyWeighed(id)) revert NobodyWeighed();
        phaseOf[id] = Phase.Claimed;
        claims[id] = Claim(msg.sender, uint40(block.timestamp), keccak256(abi.encode(toValidators, toTrainers)));
        if (terms.claimBond != 0) _pull(terms.token, terms.claimBond);
        emit ResultClaimed(id, msg.sender, toValidators, toTrainers);
    }

    /// @notice Has the chain recompute a claimed result: a wrong one is refuted and its bond is the caller's. A right one reverts.
    function challenge(EpochTerms calldata terms) external {
        bytes32 id = _after(terms, Phase.Claimed, 0);
        (uint256[] memory toValidators, uint256[] memory toTrainers) = resultOf(terms);
        if (keccak256(abi.encode(toValidators, toTrainers)) == claims[id].result) revert ResultIsRight();
        delete claims[id];
        phaseOf[id] = Phase.Open;
        _credit(terms.token, msg.sender, terms.claimBond);
        emit ResultRefuted(id, msg.sender);
    }

    /// @notice Pays by a claim that stood for the window. Anybody may call.
    function finalise(EpochTerms calldata terms, uint256[] calldata toValidators, uint256[] calldata toTrainers) external {
        bytes32 id = _after(terms, Phase.Claimed, 0);
        Claim memory claim = claims[id];
        if (block.timestamp <= uint256(claim.madeAt) + terms.claimWindow) revert TooEarly(uint256(claim.madeAt) + terms.claimWindow + 1);
        if (keccak256(abi.encode(toValidators, toTrainers)) != claim.result) revert WrongResult();
        phaseOf[id] = Phase.Final;
        uint256 left = terms.reward;
        for (uint256 i = 0; i < toTrainers.length; ++i) {
            left = _give(terms.token, _trainers[id][i].account, toTrainers[i], left);
        }
        for (uint256 i = 0; i < toValidators.length; ++i) {
            left = _give(terms.token, _validators[id][i].account, toValidators[i], left);
        }
        _credit(terms.token, terms.sponsor, left); // what rounding left
        _credit(terms.token, claim.by, terms.claimBond);
        _returnStakes(id, terms.token);
        emit EpochFinal(id, toValidators, toTrainers);
    }

    /// @notice Ends an epoch in which nobody weighed anything: the reward goes back. Anybody may call.
    function fail(EpochTerms calldata terms) external {
        bytes32 id = _after(terms, Phase.Open, terms.weightsRevealUntil);
        if (_anybodyWeighed(id)) revert WrongPhase(Phase.Open);
        phaseOf[id] = Phase.Failed;
        _credit(terms.token, terms.sponsor, terms.reward);
        _returnStakes(id, terms.token);
        emit EpochFailed(id);
    }

    /// @dev A claim that nobody challenged in its window may still be wrong: it can never give more than the reward.
    function _give(address token, address account, uint256 amount, uint256 left) private returns (uint256) {
        if (amount > left) amount = left;
        _credit(token, account, amount);
        return left - amount;
    }

    function _returnStakes(bytes32 id, address token) private {
        Validator[] storage list = _validators[id];
        for (uint256 i = 0; i < list.length; ++i) _credit(token, list[i].account, list[i].stake);
    }

    function _anybodyWeighed(bytes32 id) private view returns (bool) {
        Validator[] storage list = _validators[id];
        for (uint256 i = 0; i < list.length; ++i) if (list[i].weights.length != 0) return true;
        return false;
    }

    function _between(EpochTerms calldata terms, uint256 from, uint256 until) private view returns (bytes32 id) {
        id = _after(terms, Phase.Open, from);
        if (block.timestamp > until) revert TooLate(until);
    }

    function _after(EpochTerms calldata terms, Phase phase, uint256 time) private view returns (bytes32 id) {
        id = epochIdOf(terms);
        if (phaseOf[id] != phase) revert WrongPhase(phaseOf[id]);
        if (block.timestamp <= time) revert TooEarly(time + 1);
    }
}
