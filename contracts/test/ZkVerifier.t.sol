// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitments} from "../src/evidence/ICommitments.sol";
import {IEvidenceVerifier, Status} from "../src/settlement/IEvidenceVerifier.sol";
import {Job} from "../src/settlement/Job.sol";
import {Fixture} from "./Fixture.sol";

/// @dev The verifier as it is called; it is deployed by its artifact (see Fixture.deployed).
interface IZk is IEvidenceVerifier {
    function SRS_ID() external view returns (bytes32);
    function plans(bytes32) external view returns (address);
    function publish(bytes calldata plan) external returns (bytes32);
    function isProven(bytes32 planHash, bytes32 ctx, bytes calldata registered, uint256[] calldata inputs, bytes calldata proof) external view returns (bool);

    error UnknownCeremony(bytes32 srsId);
    error PlanNotPublished(bytes32 planHash);
    error PlanMalformed(uint256 position);
    error BadParams();
    error BadData();
    error ParamsNotEmpty();
    error UnknownSubject(bytes32 subjectRoot);
    error WrongRows(uint256 rows);
    error WrongInput(bytes32 inputRoot);
    error WrongOutput(bytes32 outputHash);
    error ProofRefused();
    error NoValueHere();
}

contract CommitmentsStub is ICommitments {
    bytes public commitments;
    uint64 public epoch = 3;
    uint64 public rows = 11;
    bytes32 public salt = keccak256("salt");
    bytes32 public constant ROOT = keccak256("input root");

    function set(bytes memory commitments_, uint64 epoch_, uint64 rows_, bytes32 salt_) external {
        (commitments, epoch, rows, salt) = (commitments_, epoch_, rows_, salt_);
    }

    function commitmentsOf(bytes32 subjectRoot) external view returns (bytes memory, uint64, uint64, bytes32, bytes32) {
        if (subjectRoot != keccak256("table")) return ("", 0, 0, 0, 0);
        return (commitments, epoch, rows, salt, ROOT);
    }
}

/// @notice tests/vectors/proof/leaf.hex holds one proof, for exactly the job, registry, executor, chain and verifier of this test: the sum of the first 11 of
/// 16 registered values is 66 (proof_vectors --leaf FILE CTX; CTX is what `_ctx` gives).
contract ZkVerifierTest is Fixture {
    IZk internal constant ZK = IZk(address(0x5A4B));
    CommitmentsStub internal constant REGISTRY = CommitmentsStub(address(0x4E6));
    address internal constant SETTLEMENT = address(0x5E77);
    address internal constant EXECUTOR = address(0xE7);

    bytes internal tau;
    bytes internal commitment;
    bytes internal plan;
    bytes internal proof;

    function setUp() public override {
        super.setUp();
        bytes memory file = readVectors("proof/leaf.hex");
        tau = _cut(file, 0, 128);
        commitment = _cut(file, 128, 64);
        uint256 size = uint256(uint8(file[192])) << 8 | uint8(file[193]);
        plan = _cut(file, 194, size);
        proof = _cut(file, 196 + size, file.length - 196 - size);
        vm.etch(address(ZK), _zk().code);
        vm.etch(address(REGISTRY), address(new CommitmentsStub()).code);
        REGISTRY.set(commitment, 3, 11, keccak256("salt"));
        ZK.publish(plan);
    }

    function _zk() private returns (address made) {
        bytes memory code = abi.encodePacked(vm.getCode("ZkVerifier.sol:ZkVerifier"), tau);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
    }

    function _cut(bytes memory data, uint256 from, uint256 size) private pure returns (bytes memory out) {
        out = new bytes(size);
        for (uint256 i = 0; i < size; ++i) out[i] = data[from + i];
    }

    function _params(uint16 rowInput, uint16 outputFrom, uint16 outputCount) private view returns (bytes memory) {
        return abi.encodePacked(keccak256(plan), address(REGISTRY), rowInput, outputFrom, outputCount);
    }

    function _policy() private view returns (bytes memory) {
        return single(address(ZK), 0, _params(0, 1, 1));
    }

    function _job(bytes memory policy) private view returns (Job memory) {
        return Job(8996, SETTLEMENT, 2, keccak256("table"), REGISTRY.ROOT(), 0, keccak256(policy), address(0xC11E), 7);
    }

    function _data(uint256 rows, uint256 sum, bytes memory proof_) private pure returns (bytes memory) {
        return abi.encodePacked(uint16(2), rows, sum, proof_);
    }

    bytes32 internal constant ANSWER = keccak256(abi.encode(uint256(66)));

    function _evidence(bytes memory policy, bytes memory data) private pure returns (bytes memory) {
        return abi.encode(policy, uint16(0), data);
    }

    function _ctx() private view returns (bytes32) {
        bytes32 claim = claimIdOf(_job(_policy()), EXECUTOR, ANSWER);
        return keccak256(abi.encode(keccak256("peaberry/ctx/1"), claim, keccak256("table"), uint64(3), uint64(11), keccak256("salt")));
    }

    function _inputs() private pure returns (uint256[] memory inputs) {
        inputs = new uint256[](2);
        (inputs[0], inputs[1]) = (11, 66);
    }

    function test_zk_theVectorIsForThisJob() public view {
        (bytes32 ctx, uint256[] memory inputs) = (_ctx(), _inputs());
        assertTrue(ZK.isProven(keccak256(plan), ctx, commitment, inputs, proof), string.concat("make the vector again for ", _hex(ctx)));
    }

    function _hex(bytes32 value) private pure returns (string memory) {
        bytes memory out = new bytes(64);
        bytes memory digits = "0123456789abcdef";
        for (uint256 i = 0; i < 64; ++i) out[i] = digits[(uint256(value) >> (252 - 4 * i)) & 15];
        return string(out);
    }

    function test_zk_aProofIsAcceptedAndStays() public {
        bytes memory policy = _policy();
        Job memory job = _job(policy);
        bytes32 claim = claimIdOf(job, EXECUTOR, ANSWER);
        (Status before,) = ZK.status(claim);
        assertTrue(before == Status.None, "unknown");
        assertTrue(ZK.submit(job, EXECUTOR, ANSWER, _evidence(policy, _data(11, 66, proof))) == Status.Accepted, "accepted");
        (Status now_, uint64 at_) = ZK.status(claim);
        assertTrue(now_ == Status.Accepted && at_ == block.timestamp, "since now");
        vm.warp(block.timestamp + 1 days);
        assertTrue(ZK.submit(job, EXECUTOR, ANSWER, _evidence(policy, _data(11, 66, proof))) == Status.Accepted, "again");
        (, uint64 later) = ZK.status(claim);
        assertEq(later, at_, "the first time counts");
    }

    function _refused(Job memory job, address who, bytes32 answer, bytes memory policy, bytes memory data, bytes4 why) private {
        (bool ok, bytes memory reason) = address(ZK).call(abi.encodeCall(IEvidenceVerifier.submit, (job, who, answer, _evidence(policy, data))));
        assertTrue(!ok, "believed");
        assertTrue(bytes4(reason) == why, "for another reason");
    }

    /// @dev The same proof under another executor, question, payer, table, epoch, salt, registry, chain or verifier.
    function test_zk_aProofIsForItsJobOnly() public {
        bytes memory policy = _policy();
        Job memory job = _job(policy);
        bytes memory data = _data(11, 66, proof);
        _refused(job, address(0xBAD), ANSWER, policy, data, IZk.ProofRefused.selector);
        job.nonce = 8;
        _refused(job, EXECUTOR, ANSWER, policy, data, IZk.ProofRefused.selector);
        job = _job(policy);
        job.requester = address(1);
        _refused(job, EXECUTOR, ANSWER, policy, data, IZk.ProofRefused.selector);
        job = _job(policy);
        job.settlement = address(1);
        _refused(job, EXECUTOR, ANSWER, policy, data, IZk.ProofRefused.selector);
        job = _job(policy);
        job.claimKind = 3;
        _refused(job, EXECUTOR, ANSWER, policy, data, IZk.ProofRefused.selector);
        job = _job(policy);
        job.chainId = 1;
        _refused(job, EXECUTOR, ANSWER, policy, data, IZk.ProofRefused.selector);
        job = _job(policy);
        job.subjectRoot = keccak256("another table");
        _refused(job, EXECUTOR, ANSWER, policy, data, IZk.UnknownSubject.selector);
        job = _job(policy);
        job.inputRoot = keccak256("another input");
        _refused(job, EXECUTOR, ANSWER, policy, data, IZk.WrongInput.selector);
        job = _job(policy);
        job.paramsHash = keccak256("params");
        _refused(job, EXECUTOR, ANSWER, policy, data, IZk.ParamsNotEmpty.selector);
        job = _job(policy);
        REGISTRY.set(commitment, 4, 11, keccak256("salt"));
        _refused(job, EXECUTOR, ANSWER, policy, data, IZk.ProofRefused.selector);
        REGISTRY.set(commitment, 3, 11, keccak256("another salt"));
        _refused(job, EXECUTOR, ANSWER, policy, data, IZk.ProofRefused.selector);
        REGISTRY.set(commitment, 3, 12, keccak256("salt"));
        _refused(job, EXECUTOR, ANSWER, policy, data, IZk.WrongRows.selector);
        _refused(job, EXECUTOR, ANSWER, policy, _data(12, 66, proof), IZk.ProofRefused.selector);
        REGISTRY.set(abi.encodePacked(uint256(1), uint256(2)), 3, 11, keccak256("salt"));
        _refused(job, EXECUTOR, ANSWER, policy, data, IZk.ProofRefused.selector);
        REGISTRY.set(commitment, 3, 11, keccak256("salt"));
        // Another registry with the same contents is another leaf, hence another policy, hence another claim.
        CommitmentsStub twin = new CommitmentsStub();
        twin.set(commitment, 3, 11, keccak256("salt"));
        bytes memory other = single(address(ZK), 0, abi.encodePacked(keccak256(plan), address(twin), uint16(0), uint16(1), uint16(1)));
        _refused(_job(other), EXECUTOR, ANSWER, other, data, IZk.ProofRefused.selector);
        vm.chainId(31337);
        _refused(job, EXECUTOR, ANSWER, policy, data, IZk.ProofRefused.selector);
        vm.chainId(8996);
        // The same code elsewhere.
        address elsewhere = _zk();
        IZk(elsewhere).publish(plan);
        other = single(elsewhere, 0, _params(0, 1, 1));
        (bool ok,) = elsewhere.call(abi.encodeCall(IEvidenceVerifier.submit, (_job(other), EXECUTOR, ANSWER, _evidence(other, data))));
        assertTrue(!ok, "another verifier believes it");
        // And where it belongs it is still believed.
        ZK.submit(job, EXECUTOR, ANSWER, _evidence(policy, data));
    }

    function test_zk_outputsAndDataAreHeldAgainstTheClaim() public {
        bytes memory policy = _policy();
        Job memory job = _job(policy);
        _refused(job, EXECUTOR, keccak256(abi.encode(uint256(67))), policy, _data(11, 66, proof), IZk.WrongOutput.selector);
        _refused(job, EXECUTOR, keccak256(abi.encode(uint256(67))), policy, _data(11, 67, proof), IZk.ProofRefused.selector);
        _refused(job, EXECUTOR, ANSWER, policy, "", IZk.BadData.selector);
        _refused(job, EXECUTOR, ANSWER, policy, abi.encodePacked(uint16(2), uint256(11)), IZk.BadData.selector);
        _refused(job, EXECUTOR, ANSWER, policy, abi.encodePacked(uint16(1), uint256(11), proof), IZk.BadData.selector);
        _refused(job, EXECUTOR, ANSWER, policy, abi.encodePacked(_data(11, 66, proof), uint8(0)), IZk.ProofRefused.selector);
        bytes memory bad = single(address(ZK), 0, _params(1, 1, 1)); // the row count is an output
        _refused(_job(bad), EXECUTOR, ANSWER, bad, _data(11, 66, proof), IZk.BadParams.selector);
        bad = single(address(ZK), 0, _params(2, 1, 1)); // the row count is beyond the inputs
        _refused(_job(bad), EXECUTOR, ANSWER, bad, _data(11, 66, proof), IZk.BadParams.selector);
        bad = single(address(ZK), 0, "short");
        _refused(_job(bad), EXECUTOR, ANSWER, bad, _data(11, 66, proof), IZk.BadParams.selector);
        vm.expectRevert(IZk.NoValueHere.selector);
        vm.deal(address(this), 1);
        ZK.submit{value: 1}(job, EXECUTOR, ANSWER, _evidence(policy, _data(11, 66, proof)));
    }

    function testFuzz_zk_noMutatedProofIsBelieved(uint256 where, uint8 bit) public {
        bytes memory policy = _policy();
        bytes memory changed = proof;
        changed[where % changed.length] ^= bytes1(uint8(1) << (bit % 8));
        _refused(_job(policy), EXECUTOR, ANSWER, policy, _data(11, 66, changed), IZk.ProofRefused.selector);
    }

    function testFuzz_zk_noMutatedPlanIsTheSamePlan(uint256 where, uint8 bit) public {
        bytes memory changed = plan;
        changed[where % changed.length] ^= bytes1(uint8(1) << (bit % 8));
        try ZK.publish(changed) returns (bytes32 planHash) {
            assertTrue(planHash != keccak256(plan), "another plan has another name");
            try ZK.isProven(planHash, _ctx(), commitment, _inputs(), proof) returns (bool yes) {
                assertTrue(!yes, "a proof of another plan is believed");
            } catch {}
        } catch {}
    }

    function test_zk_plansAreCheckedAndUnknownOnesRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IZk.PlanMalformed.selector, uint256(1)));
        ZK.publish(hex"02");
        uint256[] memory none = new uint256[](0);
        vm.expectRevert(abi.encodeWithSelector(IZk.PlanNotPublished.selector, bytes32(uint256(1))));
        ZK.isProven(bytes32(uint256(1)), 0, "", none, "");
        assertTrue(ZK.plans(keccak256(plan)) != address(0), "published");
        assertEq(ZK.publish(plan), keccak256(plan), "once");
    }

    /// @dev Whoever made a development ceremony can prove anything: no public chain takes one.
    function test_zk_publicChainsRefuseADevelopmentCeremony() public {
        bytes memory code = abi.encodePacked(vm.getCode("ZkVerifier.sol:ZkVerifier"), tau);
        uint256[5] memory chains = [uint256(1), 10, 137, 56, 11155111];
        for (uint256 i = 0; i < chains.length; ++i) {
            vm.chainId(chains[i]);
            address made;
            assembly ("memory-safe") {
                made := create(0, add(code, 32), mload(code))
            }
            assertTrue(made == address(0), "a public chain took it");
        }
        uint256[3] memory local = [uint256(31337), 1337, 8996];
        for (uint256 i = 0; i < local.length; ++i) {
            vm.chainId(local[i]);
            assertTrue(_zk() != address(0), "a local chain refused it");
        }
        assertTrue(address(ZK).code.length <= 24_576, "EIP-170");
    }
}
