// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {EvidencePolicy} from "./EvidencePolicy.sol";
import {IEvidenceVerifier, IJobCallback, IJobStates, IStakeReceiver, Status} from "./IEvidenceVerifier.sol";
import {Evidence, IJobEscrow, Terms} from "./IJobEscrow.sol";
import {IOceanEscrow} from "./IOceanEscrow.sol";
import {Job, JobIds} from "./Job.sol";
import {OceanDoor, OceanDoors} from "./OceanDoor.sol";

/// @title The only place where evidence releases money
/// @notice Open → Claimed → Final | Refunded. A job is opened with its money, takes claims until its deadline, and is paid to the
/// earliest committed claim that its policy accepts, or refunded when none can be. Nobody owns this contract, nothing in it can be
/// paused or changed, and money leaves only when its owner pulls it. docs/reference/settlement.md has every transition.
contract JobEscrow is IJobEscrow, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using JobIds for Job;

    uint256 internal constant BPS = 10_000;
    uint256 internal constant MAX_CLAIMS = 8;
    /// @dev How far a dispute may push a refund beyond the deadline: a verifier that never ends one cannot hold the money.
    uint64 internal constant MAX_SUSPENSION = 30 days;
    /// @dev A lock outlives its job by this, so that the last claim can still be paid from it.
    uint64 internal constant LOCK_MARGIN = 3_600;
    uint64 internal constant MAX_DURATION = 3_650 days;

    OceanDoors private immutable _doors = new OceanDoors();

    /// @dev One slot for each job. 192 bits of the terms' hash leave room for everything that changes: finding two terms with one such hash
    /// takes 2^96 tries. `commits` counts commitments (at most 65,535 are told apart) and is the paid claim's place once the job is Final.
    struct Record {
        bytes24 termsHash;
        uint32 openedAt;
        uint16 commits;
        uint8 claims;
        uint8 flags; // JobState, and the bits below
    }

    uint8 internal constant STATE_MASK = 7;
    uint8 internal constant UNTOLD = 8; // the callback has not succeeded yet
    uint8 internal constant SHORT = 16; // less than terms.amount arrived: see _received
    uint8 internal constant METERED = 32; // some claim asks for less than everything: see _asked

    /// @dev Who claimed, where anybody may; a named executor needs no note.
    struct Claimant {
        address executor;
        uint16 order; // of its commitment: the smallest accepted one is paid
    }

    /// @dev A claim as it is worked with.
    struct Claim {
        uint256 index;
        address executor;
        uint16 order;
        bytes32 outputHash;
        bytes32 claimId;
    }

    mapping(bytes32 jobId => Record) private _records;
    mapping(bytes32 jobId => uint256) private _received;
    mapping(bytes32 jobId => mapping(uint256 index => bytes32 outputHash)) private _outputs;
    mapping(bytes32 jobId => mapping(uint256 index => Claimant)) private _claimants;
    mapping(bytes32 jobId => mapping(uint256 index => uint256 amountPlusOne)) private _asked;
    /// @dev order << 64 | block number
    mapping(bytes32 jobId => mapping(bytes32 commitment => uint256)) private _commitments;
    /// @dev One more than the balance once it was ever touched: a credit to a known account never pays for a fresh slot.
    struct Credit {
        uint256 plusOne;
    }

    mapping(address token => mapping(address account => Credit)) private _credits;
    mapping(address door => bool) public isDoor;

    // ---------------------------------------------------------------- open

    /// @inheritdoc IJobEscrow
    function open(Job calldata job, Terms calldata terms, bytes calldata policy) external nonReentrant returns (bytes32) {
        return _openFunded(job, terms, policy);
    }

    /// @inheritdoc IJobEscrow
    function openWithPermit(Job calldata job, Terms calldata terms, bytes calldata policy, uint256 value, uint256 permitDeadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
        returns (bytes32)
    {
        try IERC20Permit(terms.token).permit(msg.sender, address(this), value, permitDeadline, v, r, s) {} catch {}
        return _openFunded(job, terms, policy);
    }

    /// @inheritdoc IJobEscrow
    function createDoor(IOceanEscrow oceanEscrow, address operator, IERC20 token, bytes32 policyHash) external returns (address door) {
        door = _doors.make(oceanEscrow, operator, token, policyHash);
        isDoor[door] = true;
        emit DoorMade(door, operator, address(oceanEscrow), address(token), policyHash);
    }

    /// @inheritdoc IJobEscrow
    function openFromOcean(Job calldata job, Terms calldata terms, bytes calldata policy) external nonReentrant returns (bytes32 id) {
        if (!isDoor[msg.sender]) revert NotADoor(msg.sender);
        if (terms.door != msg.sender) revert BadTerms("door");
        if (terms.executor == address(0)) revert BadTerms("executor");
        Bounds memory bounds = _bounds(terms, policy);
        if (bounds.disputedMax > MAX_DURATION) revert NoDisputeBound(bounds.unbounded);
        if (bounds.stake != 0) revert BadTerms("stake");
        // A claim in the last second may be disputed: its lock must live until that ends, and then some.
        uint256 needed = uint256(terms.deadline) - block.timestamp + (bounds.disputedMax - bounds.window) + LOCK_MARGIN;
        if (terms.lockSeconds < needed) revert LockTooShort(needed);
        id = _open(job, terms, policy, terms.amount);
    }

    function _openFunded(Job calldata job, Terms calldata terms, bytes calldata policy) private returns (bytes32 id) {
        if (job.requester != msg.sender) revert NotTheRequester(msg.sender);
        if (terms.door != address(0) || terms.lockSeconds != 0) revert BadTerms("door");
        if (terms.token.code.length == 0) revert BadTerms("token");
        Bounds memory bounds = _bounds(terms, policy);
        if (bounds.stake != 0 && terms.executor == address(0)) revert StakeNeedsNamedExecutor();
        uint256 received = _pull(terms.token, terms.amount);
        id = _open(job, terms, policy, received);
        if (bounds.stake != 0) _placeStakes(job, terms.token, policy);
    }

    function _open(Job calldata job, Terms calldata terms, bytes calldata policy, uint256 funded) private returns (bytes32 id) {
        if (job.chainId != block.chainid || job.settlement != address(this)) revert NotThisSettlement(job.chainId, job.settlement);
        if (keccak256(policy) != job.policyHash) revert WrongPolicy(job.policyHash);
        if (funded == 0) revert BadTerms("amount");
        if (uint256(terms.feeBps) + terms.royaltyBps > BPS) revert BadTerms("feeBps");
        if ((terms.feeBps != 0 && terms.feeTo == address(0)) || (terms.royaltyBps != 0 && terms.royaltyTo == address(0))) revert BadTerms("feeTo");
        if (terms.callback == address(0) ? terms.callbackGas != 0 : terms.callbackGas == 0 || terms.callbackGas > 2_000_000) revert BadTerms("callbackGas");
        id = job.jobId();
        JobState state = _stateOf(_records[id]);
        if (state != JobState.None) revert WrongState(state);
        uint8 flags = uint8(JobState.Open);
        if (funded != terms.amount) {
            flags |= SHORT;
            _received[id] = funded;
        }
        _records[id] = Record({termsHash: bytes24(keccak256(abi.encode(terms))), openedAt: uint32(block.timestamp), commits: 0, claims: 0, flags: flags});
        emit JobOpened(id, job.requester, job, terms, policy, funded);
    }

    struct Bounds {
        uint64 quiet;
        uint64 window;
        uint64 disputedMax;
        uint256 stake;
        address unbounded;
    }

    /// @dev Asks every leaf what it means for clocks and purses, and refuses a job that no claim could meet in time.
    function _bounds(Terms calldata terms, bytes calldata policy) private view returns (Bounds memory bounds) {
        bounds.window = EvidencePolicy.validate(policy);
        bounds.disputedMax = bounds.window;
        uint256 count = uint8(policy[0]);
        uint256 pos = 1;
        for (uint256 i = 0; i < count; ++i) {
            EvidencePolicy.Leaf memory leaf = EvidencePolicy.leafFrom(policy, pos);
            (uint64 quiet, uint64 disputed, uint256 stake) = IEvidenceVerifier(leaf.verifier).clocks(policy[leaf.paramsAt:leaf.next], leaf.window);
            if (quiet > bounds.quiet) bounds.quiet = quiet;
            if (disputed > bounds.disputedMax) (bounds.disputedMax, bounds.unbounded) = (disputed, leaf.verifier);
            bounds.stake += stake;
            pos = leaf.next;
        }
        uint256 earliest = block.timestamp + bounds.quiet + bounds.window;
        if (earliest > terms.deadline) revert TooLate(earliest, terms.deadline);
        if (terms.deadline > block.timestamp + MAX_DURATION) revert BadTerms("deadline");
    }

    /// @dev The stakes go straight to the verifiers that asked for them: job money never waits for anybody's stake.
    function _placeStakes(Job calldata job, address token, bytes calldata policy) private {
        uint256 count = uint8(policy[0]);
        uint256 pos = 1;
        for (uint256 i = 0; i < count; ++i) {
            EvidencePolicy.Leaf memory leaf = EvidencePolicy.leafFrom(policy, pos);
            (,, uint256 stake) = IEvidenceVerifier(leaf.verifier).clocks(policy[leaf.paramsAt:leaf.next], leaf.window);
            if (stake != 0) {
                uint256 before = IERC20(token).balanceOf(leaf.verifier);
                IERC20(token).safeTransferFrom(msg.sender, leaf.verifier, stake);
                if (IERC20(token).balanceOf(leaf.verifier) - before != stake) revert TransferTaxed(token);
                IStakeReceiver(leaf.verifier).onStake(job, token, stake);
            }
            pos = leaf.next;
        }
    }

    /// @dev Takes `amount` from the caller and returns what really came, which a fee on transfer makes less.
    function _pull(address token, uint256 amount) private returns (uint256) {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(token).balanceOf(address(this)) - before;
        return received < amount ? received : amount;
    }

    // ---------------------------------------------------------------- claim

    /// @inheritdoc IJobEscrow
    function commit(bytes32 id, bytes32 commitment) external {
        Record storage record = _records[id];
        JobState state = _stateOf(record);
        if (state != JobState.Open && state != JobState.Claimed) revert WrongState(state);
        if (_commitments[id][commitment] != 0) return; // the earlier one stands, whoever sent it
        uint16 order = record.commits;
        if (order != type(uint16).max) record.commits = ++order; // beyond that, who claims first is first
        _commitments[id][commitment] = uint256(order) << 64 | block.number;
        emit ClaimCommitted(id, commitment, order);
    }

    /// @inheritdoc IJobEscrow
    function claim(Job calldata job, Terms calldata terms, bytes calldata policy, Answer calldata answer, Evidence[] calldata evidence)
        external
        payable
        nonReentrant
        returns (bytes32 claimId)
    {
        (bytes32 id, Record memory record) = _liveRecord(job, terms, policy);
        {
            uint256 end = block.timestamp + EvidencePolicy.worstWindow(policy);
            if (end > terms.deadline) revert TooLate(end, terms.deadline);
            uint256 funded = _funded(id, record, terms);
            if (answer.amount > funded) revert AmountTooLarge(answer.amount, funded);
            if (answer.amount != funded) record.flags |= METERED;
        }
        if (terms.callback != address(0) && keccak256(answer.output) != answer.outputHash) revert WrongOutput();
        _requireNotQuiet(policy, record.openedAt);
        claimId = JobIds.claimId(id, answer.executor, answer.outputHash);
        uint16 order = _orderOf(id, terms.executor, answer, claimId);
        bool accepted = _submitAll(job, policy, answer, evidence, claimId); // first: it may decide the claims that hold a place
        uint256 index = _placeFor(id, record, job.requester, terms, policy, answer.executor, order, accepted);
        _outputs[id][index] = answer.outputHash;
        if (terms.executor == address(0)) _claimants[id][index] = Claimant(answer.executor, order);
        if (record.flags & METERED != 0) _asked[id][index] = uint256(answer.amount) + 1;
        record.flags = record.flags & ~STATE_MASK | uint8(JobState.Claimed);
        // Not the whole record: a commitment may have come in through a token's or a verifier's hands.
        _records[id].claims = record.claims;
        _records[id].flags = record.flags;
        if (terms.bond != 0 && _pull(terms.token, terms.bond) != terms.bond) revert TransferTaxed(terms.token);
        emit JobClaimed(id, claimId, answer.executor, answer.outputHash, answer.amount, order);
        if (terms.callback != address(0)) emit AnswerDisclosed(id, claimId, answer.output);
    }

    /// @dev The commitment's order, which is used up; 0 for a named executor.
    function _orderOf(bytes32 id, address named, Answer calldata answer, bytes32 claimId) private returns (uint16) {
        if (named != address(0)) {
            if (msg.sender != named || answer.executor != named) revert NotTheExecutor(msg.sender);
            return 0;
        }
        bytes32 commitment = keccak256(abi.encode(claimId, answer.salt));
        uint256 known = _commitments[id][commitment];
        if (known == 0) revert NotCommitted(commitment);
        if (uint64(known) >= block.number) revert TooEarly(uint64(known) + 1);
        delete _commitments[id][commitment];
        return uint16(known >> 64);
    }

    /// @dev Where the claim is kept. One executor has one claim that is not rejected. When all places are taken, a rejected claim makes room,
    /// and an accepted one that was committed later than this accepted one: it could not be paid any more. Else the list is full, which the
    /// bond makes dear.
    function _placeFor(bytes32 id, Record memory record, address requester, Terms calldata terms, bytes calldata policy, address executor, uint16 order, bool accepted)
        private
        returns (uint256)
    {
        uint256 count = record.claims;
        uint256 place = MAX_CLAIMS;
        address bondTo;
        for (uint256 i = 0; i < count; ++i) {
            Claim memory known = _claimAt(id, i, terms.executor);
            bool same = known.executor == executor;
            if (!same && count < MAX_CLAIMS) continue;
            (Status status,) = EvidencePolicy.evaluate(policy, known.claimId);
            if (same && status != Status.Rejected) revert AlreadyClaimed(executor);
            if (status == Status.Rejected) (place, bondTo) = (i, requester);
            else if (bondTo != requester && accepted && status == Status.Accepted && known.order > order) (place, bondTo) = (i, known.executor);
        }
        if (count < MAX_CLAIMS) {
            record.claims = uint8(count + 1);
            return count;
        }
        if (place == MAX_CLAIMS) revert ClaimsFull();
        if (terms.bond != 0) _credit(terms.token, bondTo, terms.bond);
        return place;
    }

    /// @dev No claim while a leaf wants quiet: its voters would copy the answer. A single leaf sees to that in its own `submit`.
    function _requireNotQuiet(bytes calldata policy, uint256 openedAt) private view {
        uint256 count = uint8(policy[0]);
        if (count == 1) return;
        uint256 pos = 1;
        for (uint256 i = 0; i < count; ++i) {
            EvidencePolicy.Leaf memory leaf = EvidencePolicy.leafFrom(policy, pos);
            (uint64 quiet,,) = IEvidenceVerifier(leaf.verifier).clocks(policy[leaf.paramsAt:leaf.next], leaf.window);
            if (quiet != 0 && block.timestamp <= openedAt + quiet) revert TooEarly(openedAt + quiet + 1);
            pos = leaf.next;
        }
    }

    /// @dev Hands the evidence to the leaves' verifiers and returns whether the policy accepts the claim already.
    function _submitAll(Job calldata job, bytes calldata policy, Answer calldata answer, Evidence[] calldata evidence, bytes32 claimId) private returns (bool) {
        if (evidence.length == 0) revert NoEvidence();
        uint256 left = msg.value;
        Status status;
        for (uint256 i = 0; i < evidence.length; ++i) {
            Evidence calldata piece = evidence[i];
            (EvidencePolicy.Leaf memory leaf,) = EvidencePolicy.leafAt(policy, piece.leaf);
            if (piece.value > left) revert WrongValue(piece.value);
            left -= piece.value;
            status = IEvidenceVerifier(leaf.verifier).submit{value: piece.value}(job, answer.executor, answer.outputHash, abi.encode(policy, piece.leaf, piece.data));
        }
        if (left != 0) revert WrongValue(msg.value - left);
        if (uint8(policy[0]) != 1) (status,) = EvidencePolicy.evaluate(policy, claimId);
        if (status == Status.None) revert NoEvidence();
        if (status == Status.Rejected) revert ClaimIsRejected();
        return status == Status.Accepted;
    }

    // ---------------------------------------------------------------- end

    /// @inheritdoc IJobEscrow
    function finalise(Job calldata job, Terms calldata terms, bytes calldata policy, bytes calldata output) external nonReentrant {
        (bytes32 id, Record memory record) = _liveRecord(job, terms, policy);
        if (_stateOf(record) != JobState.Claimed) revert WrongState(_stateOf(record));
        Claim memory won = _winner(id, record.claims, terms.executor, policy);
        if (terms.callback != address(0) && keccak256(output) != won.outputHash) revert WrongOutput();
        uint8 flags = record.flags & ~STATE_MASK | uint8(JobState.Final);
        _records[id].flags = terms.callback == address(0) ? flags : flags | UNTOLD;
        _records[id].commits = uint16(won.index);
        _pay(id, record, job.requester, terms, won);
        if (terms.bond != 0) _returnBonds(id, record.claims, job.requester, terms, policy);
        if (terms.callback != address(0)) _tell(id, flags, terms, won, output);
    }

    /// @dev The accepted claim with the smallest order.
    function _winner(bytes32 id, uint256 count, address named, bytes calldata policy) private view returns (Claim memory won) {
        bool found = false;
        for (uint256 i = 0; i < count; ++i) {
            Claim memory candidate = _claimAt(id, i, named);
            if (found && candidate.order >= won.order) continue;
            (Status status,) = EvidencePolicy.evaluate(policy, candidate.claimId);
            if (status == Status.Accepted) (won, found) = (candidate, true);
        }
        if (!found) revert NotAccepted();
    }

    function _pay(bytes32 id, Record memory record, address requester, Terms calldata terms, Claim memory won) private {
        uint256 funded = _funded(id, record, terms);
        uint256 gross = _amountOf(id, won.index, record, funded);
        uint256 returned = funded - gross;
        uint256 paid = gross;
        if (terms.door != address(0)) {
            // What the lock really paid: Ocean's fee is taken at the claim, and an expired lock pays nothing without saying so.
            uint256 before = IERC20(terms.token).balanceOf(address(this));
            OceanDoor(terms.door).release(id, requester, gross);
            paid = IERC20(terms.token).balanceOf(address(this)) - before;
            if (paid == 0 && gross != 0) revert LockPaidNothing();
        } else if (returned != 0) {
            _credit(terms.token, requester, returned);
        }
        uint256 fee = paid * terms.feeBps / BPS;
        uint256 royalty = paid * terms.royaltyBps / BPS;
        paid -= fee + royalty; // floors favour the executor
        if (fee != 0) _credit(terms.token, terms.feeTo, fee);
        if (royalty != 0) _credit(terms.token, terms.royaltyTo, royalty);
        if (paid != 0) _credit(terms.token, won.executor, paid);
        emit JobFinal(id, won.claimId, won.executor, paid, fee, royalty, returned);
    }

    /// @inheritdoc IJobEscrow
    function refund(Job calldata job, Terms calldata terms, bytes calldata policy) external nonReentrant {
        (bytes32 id, Record memory record) = _liveRecord(job, terms, policy);
        bool lapsed = terms.door != address(0) && block.timestamp > uint256(record.openedAt) + terms.lockSeconds;
        if (!lapsed) _requireRefundable(id, record.claims, terms, policy);
        _records[id].flags = record.flags & ~STATE_MASK | uint8(JobState.Refunded);
        if (terms.bond != 0) _returnBonds(id, record.claims, job.requester, terms, policy);
        uint256 funded = _funded(id, record, terms);
        if (terms.door != address(0)) OceanDoor(terms.door).free(id, job.requester, lapsed);
        else _credit(terms.token, job.requester, funded);
        emit JobRefunded(id, job.requester, funded);
    }

    function _requireRefundable(bytes32 id, uint256 count, Terms calldata terms, bytes calldata policy) private view {
        bool allRejected = count != 0;
        for (uint256 i = 0; i < count; ++i) {
            bytes32 claimId = _claimAt(id, i, terms.executor).claimId;
            (Status status,) = EvidencePolicy.evaluate(policy, claimId);
            if (status == Status.Accepted) revert ClaimAccepted(claimId);
            if (status == Status.Rejected) continue;
            allRejected = false;
            uint256 until = EvidencePolicy.disputedUntil(policy, claimId);
            if (until > uint256(terms.deadline) + MAX_SUSPENSION) until = uint256(terms.deadline) + MAX_SUSPENSION;
            if (block.timestamp <= until) revert InDispute(until);
        }
        if (block.timestamp > terms.deadline) return;
        bool over = terms.executor != address(0) && (allRejected || (count == 0 && msg.sender == terms.executor));
        if (!over) revert TooEarly(uint256(terms.deadline) + 1);
    }

    /// @dev A rejected claim's bond goes to the requester, every other back to its executor.
    function _returnBonds(bytes32 id, uint256 count, address requester, Terms calldata terms, bytes calldata policy) private {
        for (uint256 i = 0; i < count; ++i) {
            Claim memory known = _claimAt(id, i, terms.executor);
            (Status status,) = EvidencePolicy.evaluate(policy, known.claimId);
            _credit(terms.token, status == Status.Rejected ? requester : known.executor, terms.bond);
        }
    }

    /// @inheritdoc IJobEscrow
    function retryCallback(Job calldata job, Terms calldata terms, bytes calldata policy, bytes calldata output) external nonReentrant {
        (bytes32 id, Record memory record) = _recordOf(job, terms, policy);
        if (record.flags & UNTOLD == 0) revert NothingOwed();
        Claim memory won = _claimAt(id, record.commits, terms.executor);
        if (keccak256(output) != won.outputHash) revert WrongOutput();
        _tell(id, record.flags & ~UNTOLD, terms, won, output);
    }

    /// @dev Calls back with exactly terms.callbackGas and looks at nothing that comes back.
    function _tell(bytes32 id, uint8 flagsIfTold, Terms calldata terms, Claim memory won, bytes calldata output) private {
        bytes memory data = abi.encodeCall(IJobCallback.onJobFinal, (id, won.claimId, won.outputHash, output));
        uint256 gasGiven = terms.callbackGas;
        uint256 needed = gasGiven + gasGiven / 63 + 30_000; // 63/64 go along; the rest is for what follows
        if (gasleft() < needed) revert EvidencePolicy.GasTooLow(needed);
        address to = terms.callback;
        bool success;
        assembly ("memory-safe") {
            success := call(gasGiven, to, 0, add(data, 32), mload(data), 0, 0)
        }
        success = success && to.code.length != 0;
        if (success) _records[id].flags = flagsIfTold;
        emit CallbackDone(id, success);
    }

    // ---------------------------------------------------------------- money

    /// @inheritdoc IJobEscrow
    function withdraw(address token, address to) external nonReentrant returns (uint256 amount) {
        Credit storage mine = _credits[token][msg.sender];
        amount = mine.plusOne;
        if (amount < 2) revert NothingOwed();
        unchecked {
            --amount;
        }
        mine.plusOne = 1;
        emit Withdrawn(msg.sender, token, amount);
        IERC20(token).safeTransfer(to == address(0) ? msg.sender : to, amount);
    }

    function _credit(address token, address account, uint256 amount) private {
        Credit storage theirs = _credits[token][account];
        uint256 credit = theirs.plusOne;
        theirs.plusOne = (credit == 0 ? 1 : credit) + amount;
    }

    // ---------------------------------------------------------------- reading

    /// @inheritdoc IJobEscrow
    function balanceOf(address token, address account) external view returns (uint256) {
        uint256 credit = _credits[token][account].plusOne;
        return credit == 0 ? 0 : credit - 1;
    }

    /// @inheritdoc IJobStates
    function jobState(bytes32 id) external view returns (JobState state, uint64 openedAt) {
        Record storage record = _records[id];
        return (_stateOf(record), record.openedAt);
    }

    /// @inheritdoc IJobEscrow
    function answerOf(bytes32 id) external view returns (bytes32 outputHash) {
        Record storage record = _records[id];
        return _stateOf(record) == JobState.Final ? _outputs[id][record.commits] : bytes32(0);
    }

    /// @inheritdoc IJobEscrow
    function claimsOf(Job calldata job, Terms calldata terms, bytes calldata policy) external view returns (ClaimView[] memory list) {
        (bytes32 id, Record memory record) = _recordOf(job, terms, policy);
        list = new ClaimView[](record.claims);
        uint256 funded = _funded(id, record, terms);
        for (uint256 i = 0; i < list.length; ++i) {
            Claim memory known = _claimAt(id, i, terms.executor);
            (Status status, uint64 finalAt) = EvidencePolicy.evaluate(policy, known.claimId);
            list[i] = ClaimView(known.claimId, known.executor, known.outputHash, _amountOf(id, i, record, funded), known.order, status, finalAt);
        }
    }

    /// @inheritdoc IJobEscrow
    function evaluate(bytes calldata policy, bytes32 claimId) external view returns (Status, uint64) {
        EvidencePolicy.validate(policy);
        return EvidencePolicy.evaluate(policy, claimId);
    }

    function _claimAt(bytes32 id, uint256 index, address named) private view returns (Claim memory known) {
        known.index = index;
        known.executor = named;
        if (named == address(0)) {
            Claimant storage claimant = _claimants[id][index];
            (known.executor, known.order) = (claimant.executor, claimant.order);
        }
        known.outputHash = _outputs[id][index];
        known.claimId = JobIds.claimId(id, known.executor, known.outputHash);
    }

    /// @dev What the job holds: terms.amount unless the token took a part of it on the way.
    function _funded(bytes32 id, Record memory record, Terms calldata terms) private view returns (uint256) {
        return record.flags & SHORT == 0 ? terms.amount : _received[id];
    }

    function _amountOf(bytes32 id, uint256 index, Record memory record, uint256 funded) private view returns (uint256) {
        if (record.flags & METERED == 0) return funded;
        uint256 asked = _asked[id][index];
        return asked == 0 ? funded : asked - 1;
    }

    function _stateOf(Record memory record) private pure returns (JobState) {
        return JobState(record.flags & STATE_MASK);
    }

    /// @dev The record of a job that is neither final nor refunded.
    function _liveRecord(Job calldata job, Terms calldata terms, bytes calldata policy) private view returns (bytes32 id, Record memory record) {
        (id, record) = _recordOf(job, terms, policy);
        JobState state = _stateOf(record);
        if (state != JobState.Open && state != JobState.Claimed) revert WrongState(state);
    }

    function _recordOf(Job calldata job, Terms calldata terms, bytes calldata policy) private view returns (bytes32 id, Record memory record) {
        id = job.jobId();
        record = _records[id];
        if (record.termsHash != bytes24(keccak256(abi.encode(terms)))) revert WrongTerms(id);
        if (keccak256(policy) != job.policyHash) revert WrongPolicy(job.policyHash);
    }
}
