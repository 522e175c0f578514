// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IJobStates, Status} from "./IEvidenceVerifier.sol";
import {IOceanEscrow} from "./IOceanEscrow.sol";
import {Job} from "./Job.sol";

/// @notice What is paid, to whom and until when. Fixed at `open`; only its hash is stored, so every later call brings it along.
/// @param token        ERC-20 in which everything of this job is counted
/// @param amount       what the requester puts in
/// @param deadline     last second at which a claim may come
/// @param executor     who may claim; 0: anybody, in two steps (`commit`, then `claim` in a later block)
/// @param bond         what each claim deposits; to the requester if the claim is rejected, back otherwise
/// @param feeTo        receives feeBps of what is paid (a market)
/// @param royaltyTo    receives royaltyBps of what is paid (a LineageSplitter)
/// @param callback     IJobCallback to tell the answer, with callbackGas; 0: none
/// @param door         OceanDoor whose lock holds the amount; 0: the amount lies here
/// @param lockSeconds  how long the door's lock lasts
struct Terms {
    address token;
    uint96 amount;
    uint64 deadline;
    address executor;
    uint96 bond;
    address feeTo;
    uint16 feeBps;
    address royaltyTo;
    uint16 royaltyBps;
    address callback;
    uint32 callbackGas;
    address door;
    uint64 lockSeconds;
}

/// @notice Evidence for one leaf of the policy. `value` wei go along with it.
struct Evidence {
    uint16 leaf;
    uint256 value;
    bytes data;
}

/// @notice What JobEscrow does, tells and refuses.
interface IJobEscrow is IJobStates {
    /// @notice One party's answer.
    /// @param executor   whose answer it is; receives the pay
    /// @param outputHash keccak256 of the canonical output bytes
    /// @param amount     what is asked for, at most what the job holds: the rest goes back to the requester
    /// @param salt       of the commitment; unused where the executor is named
    /// @param output     the output bytes; needed where a callback waits for them, else may stay empty
    struct Answer {
        address executor;
        bytes32 outputHash;
        uint96 amount;
        bytes32 salt;
        bytes output;
    }

    struct ClaimView {
        bytes32 claimId;
        address executor;
        bytes32 outputHash;
        uint256 amount;
        uint16 order;
        Status status;
        uint64 finalAt;
    }

    event JobOpened(bytes32 indexed jobId, address indexed requester, Job job, Terms terms, bytes policy, uint256 funded);
    event ClaimCommitted(bytes32 indexed jobId, bytes32 commitment, uint16 order);
    event JobClaimed(bytes32 indexed jobId, bytes32 indexed claimId, address indexed executor, bytes32 outputHash, uint256 amount, uint16 order);
    event JobFinal(bytes32 indexed jobId, bytes32 indexed claimId, address indexed executor, uint256 paid, uint256 fee, uint256 royalty, uint256 returned);
    event JobRefunded(bytes32 indexed jobId, address indexed requester, uint256 amount);
    event AnswerDisclosed(bytes32 indexed jobId, bytes32 indexed claimId, bytes output);
    event CallbackDone(bytes32 indexed jobId, bool success);
    event Withdrawn(address indexed account, address token, uint256 amount);
    event DoorMade(address indexed door, address indexed operator, address oceanEscrow, address token, bytes32 policyHash);

    error NotThisSettlement(uint256 chainId, address settlement);
    error NotTheRequester(address caller);
    error NotTheExecutor(address caller);
    error NotADoor(address caller);
    error WrongPolicy(bytes32 policyHash);
    error WrongTerms(bytes32 jobId);
    error BadTerms(string field);
    error WrongState(JobState state);
    error TooLate(uint256 needed, uint64 deadline);
    error TooEarly(uint256 notBefore);
    error NoDisputeBound(address verifier);
    error LockTooShort(uint256 needed);
    error StakeNeedsNamedExecutor();
    error NotCommitted(bytes32 commitment);
    error AlreadyClaimed(address executor);
    error ClaimsFull();
    error AmountTooLarge(uint256 amount, uint256 funded);
    error NoEvidence();
    error ClaimIsRejected();
    error WrongValue(uint256 needed);
    error NotAccepted();
    error ClaimAccepted(bytes32 claimId);
    error InDispute(uint256 until);
    error WrongOutput();
    error LockPaidNothing();
    error TransferTaxed(address token);
    error NothingOwed();

    /// @notice Opens a job with its money; needs an allowance of terms.amount (and the policy's stakes).
    function open(Job calldata job, Terms calldata terms, bytes calldata policy) external returns (bytes32);

    /// @notice `open` with an EIP-2612 permit instead of an approval. A permit that somebody used before is no error.
    function openWithPermit(Job calldata job, Terms calldata terms, bytes calldata policy, uint256 value, uint256 permitDeadline, uint8 v, bytes32 r, bytes32 s) external returns (bytes32);

    /// @notice Makes the door of a compute environment. Anybody may; a door is worth what its operator and policy are worth.
    function createDoor(IOceanEscrow oceanEscrow, address operator, IERC20 token, bytes32 policyHash) external returns (address door);

    /// @notice Called by a door that locks the amount in Ocean's Escrow in the same transaction.
    function openFromOcean(Job calldata job, Terms calldata terms, bytes calldata policy) external returns (bytes32 id);

    /// @notice First step of a claim that anybody may make: keccak256(abi.encode(claimId, salt)). Who commits first is paid first.
    function commit(bytes32 id, bytes32 commitment) external;

    /// @notice Claims that answer.executor answered the job, with evidence for at least one leaf of its policy.
    /// @dev A named executor calls by itself. Else whoever knows the salt may, in a later block than the commitment; the pay goes to the
    /// executor in either case. The caller deposits the bond, which returns to the executor.
    function claim(Job calldata job, Terms calldata terms, bytes calldata policy, Answer calldata answer, Evidence[] calldata evidence) external payable returns (bytes32 claimId);

    /// @notice Pays the earliest committed claim that the policy accepts, then tells the callback. Anybody may call.
    /// @param output the winning output bytes where a callback waits for them (event AnswerDisclosed has them), else ignored
    function finalise(Job calldata job, Terms calldata terms, bytes calldata policy, bytes calldata output) external;

    /// @notice Gives the money back: after the deadline to anybody's call; before it when a named executor's every claim was rejected, or when
    /// that executor gives up. Never while a claim is accepted, nor while a dispute over one runs (at most 30 days beyond the deadline).
    /// A door's job whose lock has expired can only be closed this way.
    function refund(Job calldata job, Terms calldata terms, bytes calldata policy) external;

    /// @notice Tells a callback that failed once more. Anybody may call.
    function retryCallback(Job calldata job, Terms calldata terms, bytes calldata policy, bytes calldata output) external;

    /// @notice Sends what the caller has earned or got back to `to` (0: to itself).
    function withdraw(address token, address to) external returns (uint256 amount);

    /// @notice What `account` may withdraw of `token`.
    function balanceOf(address token, address account) external view returns (uint256);

    /// @notice Hash of the paid answer of a Final job; 0 before.
    function answerOf(bytes32 id) external view returns (bytes32 outputHash);

    /// @notice All claims of a job in the order of their places, and what the policy says of each.
    function claimsOf(Job calldata job, Terms calldata terms, bytes calldata policy) external view returns (ClaimView[] memory list);

    /// @notice What the policy says of a claim now; for people and keepers.
    function evaluate(bytes calldata policy, bytes32 claimId) external view returns (Status, uint64);

    /// @notice Whether JobEscrow made this door.
    function isDoor(address door) external view returns (bool);
}
