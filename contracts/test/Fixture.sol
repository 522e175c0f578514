// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {DirectVerifier} from "../src/evidence/DirectVerifier.sol";
import {OwnerAcceptVerifier} from "../src/evidence/OwnerAcceptVerifier.sol";
import {QuorumVerifier} from "../src/evidence/QuorumVerifier.sol";
import {IEvidenceVerifier, IJobStates, Status} from "../src/settlement/IEvidenceVerifier.sol";
import {Job, JobIds} from "../src/settlement/Job.sol";
import {Evidence, IJobEscrow, Terms} from "../src/settlement/IJobEscrow.sol";
import {Base} from "./Base.sol";
import {Token} from "./Tokens.sol";

/// @dev A verifier whose answers a test sets.
contract StubVerifier is IEvidenceVerifier {
    struct Answer {
        Status status;
        uint64 finalAt;
        uint64 disputedUntil;
    }

    mapping(bytes32 => Answer) public answers;
    Status public onSubmit = Status.Accepted;
    uint64 public disputedMax;
    bool public broken;
    bool public hungry;

    function set(bytes32 claimId, Status status_, uint64 finalAt, uint64 disputed) external {
        answers[claimId] = Answer(status_, finalAt, disputed);
    }

    function setOnSubmit(Status status_) external {
        onSubmit = status_;
    }

    function setDisputedMax(uint64 value) external {
        disputedMax = value;
    }

    function setBroken(bool broken_, bool hungry_) external {
        broken = broken_;
        hungry = hungry_;
    }

    function submit(Job calldata job, address executor, bytes32 outputHash, bytes calldata) external payable returns (Status) {
        bytes32 claimId = JobIds.claimId(keccak256(abi.encode(JobIds.TAG_JOB_V1, job)), executor, outputHash);
        if (answers[claimId].status == Status.None) {
            answers[claimId] = Answer(onSubmit, onSubmit == Status.Pending ? type(uint64).max : uint64(block.timestamp), 0);
        }
        return answers[claimId].status;
    }

    function status(bytes32 claimId) external view returns (Status, uint64) {
        require(!broken, "broken");
        if (hungry) while (true) {}
        Answer memory answer = answers[claimId];
        if (answer.status == Status.Pending && answer.finalAt <= block.timestamp) return (Status.Accepted, answer.finalAt);
        return (answer.status, answer.finalAt);
    }

    function disputedUntil(bytes32 claimId) external view returns (uint64) {
        return answers[claimId].disputedUntil;
    }

    function clocks(bytes calldata, uint64 window) external view returns (uint64, uint64, uint256) {
        return (0, disputedMax == 0 ? window : disputedMax, 0);
    }
}

/// @notice The contracts, a token, and the parties that most tests need.
abstract contract Fixture is Base {
    IJobEscrow internal escrow;
    QuorumVerifier internal quorum;
    OwnerAcceptVerifier internal owner;
    DirectVerifier internal direct;
    StubVerifier internal stub;
    Token internal token;

    uint256 internal constant REQUESTER_KEY = 0xA11CE;
    uint256[3] internal signerKeys = [uint256(0x51), 0x52, 0x53];
    address internal requester;
    address internal executor = address(0xE1);
    address internal rival = address(0xE2);
    address internal market = address(0xFEE);
    uint256 internal nonce;

    uint32 internal constant QUIET = 60;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        vm.roll(100);
        vm.chainId(8996);
        escrow = IJobEscrow(deployed("JobEscrow.sol:JobEscrow"));
        quorum = new QuorumVerifier(7 days);
        owner = new OwnerAcceptVerifier();
        direct = new DirectVerifier();
        stub = new StubVerifier();
        token = new Token();
        requester = vm.addr(REQUESTER_KEY);
        token.mint(requester, 1_000_000 ether);
        token.mint(executor, 1_000 ether);
        token.mint(rival, 1_000 ether);
        for (uint256 i = 0; i < 3; ++i) {
            address who = i == 0 ? requester : i == 1 ? executor : rival;
            vm.prank(who);
            token.approve(address(escrow), type(uint256).max);
        }
    }

    /// @dev Deploys a contract by its artifact. What needs the intermediate representation to compile is not imported here, so that the
    /// tests themselves compile in seconds.
    function deployed(string memory name) internal returns (address made) {
        bytes memory code = vm.getCode(name);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        assertTrue(made != address(0), name);
    }

    // -------------------------------------------------------------- policies

    function leaf(address verifier, uint64 window, bytes memory params) internal pure returns (bytes memory) {
        return abi.encodePacked(verifier, window, uint16(params.length), params);
    }

    function single(address verifier, uint64 window, bytes memory params) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(1), leaf(verifier, window, params), uint8(0));
    }

    /// @dev k of the two leaves.
    function pair(uint8 k, bytes memory first, bytes memory second) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(2), first, second, uint8(0), uint8(0), k * 16 + 2);
    }

    function stubPolicy() internal view returns (bytes memory) {
        return single(address(stub), 0, "");
    }

    function quorumParams() internal view returns (bytes memory) {
        return abi.encodePacked(uint8(2), QUIET, address(0), uint128(0), vm.addr(signerKeys[0]), vm.addr(signerKeys[1]), vm.addr(signerKeys[2]));
    }

    function quorumPolicy() internal view returns (bytes memory) {
        return single(address(quorum), 0, quorumParams());
    }

    // -------------------------------------------------------------- jobs

    function makeJob(bytes memory policy) internal returns (Job memory job) {
        job = Job({
            chainId: block.chainid,
            settlement: address(escrow),
            claimKind: 1,
            subjectRoot: keccak256("subject"),
            inputRoot: keccak256("input"),
            paramsHash: 0,
            policyHash: keccak256(policy),
            requester: requester,
            nonce: ++nonce
        });
    }

    function makeTerms() internal view returns (Terms memory terms) {
        terms.token = address(token);
        terms.amount = 100 ether;
        terms.deadline = uint64(block.timestamp + 1 days);
        terms.executor = executor;
    }

    function idOf(Job memory job) internal pure returns (bytes32) {
        return keccak256(abi.encode(JobIds.TAG_JOB_V1, job));
    }

    function claimIdOf(Job memory job, address who, bytes32 outputHash) internal pure returns (bytes32) {
        return JobIds.claimId(idOf(job), who, outputHash);
    }

    function openJob(Job memory job, Terms memory terms, bytes memory policy) internal returns (bytes32) {
        vm.prank(requester);
        return escrow.open(job, terms, policy);
    }

    function answerOf(address who, bytes32 outputHash, uint96 amount) internal pure returns (IJobEscrow.Answer memory answer) {
        answer.executor = who;
        answer.outputHash = outputHash;
        answer.amount = amount;
    }

    function noData() internal pure returns (Evidence[] memory list) {
        list = new Evidence[](1);
    }

    function withData(uint16 index, bytes memory data) internal pure returns (Evidence[] memory list) {
        list = new Evidence[](1);
        list[0].leaf = index;
        list[0].data = data;
    }

    function claimAs(address who, Job memory job, Terms memory terms, bytes memory policy, bytes32 outputHash, Evidence[] memory evidence) internal {
        vm.prank(who);
        escrow.claim(job, terms, policy, answerOf(who, outputHash, terms.amount), evidence);
    }

    function commitAndClaim(address who, Job memory job, Terms memory terms, bytes memory policy, bytes32 outputHash, Evidence[] memory evidence) internal {
        bytes32 salt = keccak256(abi.encode(who));
        vm.prank(who);
        escrow.commit(idOf(job), keccak256(abi.encode(claimIdOf(job, who, outputHash), salt)));
        vm.roll(block.number + 1);
        IJobEscrow.Answer memory answer = answerOf(who, outputHash, terms.amount);
        answer.salt = salt;
        vm.prank(who);
        escrow.claim(job, terms, policy, answer, evidence);
    }

    function stateOf(Job memory job) internal view returns (IJobStates.JobState state) {
        (state,) = escrow.jobState(idOf(job));
    }

    // -------------------------------------------------------------- quorum

    struct Vote {
        uint8 signer;
        uint64 committedAt;
        bytes32 outputHash;
        bytes32 salt;
        bytes signature;
    }

    function voteAs(uint256 index, bytes32 jobId, bytes32 outputHash) internal returns (Vote memory vote) {
        bytes32 salt = keccak256(abi.encode("salt", index));
        address signer = vm.addr(signerKeys[index]);
        vm.prank(signer);
        quorum.commit(jobId, keccak256(abi.encode(jobId, signer, outputHash, salt)));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(signerKeys[index], quorum.voteDigest(jobId, outputHash, salt));
        vote = Vote(uint8(index), uint64(block.timestamp), outputHash, salt, abi.encodePacked(r, s, v));
    }

    function oneReveal(Vote memory a) internal pure returns (bytes memory) {
        return abi.encodePacked(a.signer, a.committedAt, a.outputHash, a.salt, uint16(a.signature.length), a.signature);
    }

    function reveals(Vote memory a, Vote memory b) internal pure returns (bytes memory) {
        return abi.encodePacked(oneReveal(a), oneReveal(b));
    }
}
