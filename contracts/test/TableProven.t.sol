// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IProofs, TableRegistry} from "../src/data/TableRegistry.sol";
import {Parent} from "../src/settlement/ISubjectRegistry.sol";
import {Fixture} from "./Fixture.sol";

/// @dev Believes everything.
contract Credulous {
    function isProven(bytes32, bytes32, bytes calldata, uint256[] calldata, bytes calldata) external pure returns (bool) {
        return true;
    }
}

contract OneNft {
    address public holder;

    function give(address to) external {
        holder = to;
    }

    function ownerOf(uint256) external view returns (address) {
        return holder;
    }
}

interface IPlans {
    function publish(bytes calldata plan) external returns (bytes32);
}

/// @notice Tables whose rows are proven when they are admitted. tests/vectors/proof/admissions.hex holds two proofs for exactly this registry, NFT, owner and chain
/// (proof_vectors --admissions FILE CTX CTX; the first test says which).
contract TableProvenTest is Fixture {
    address internal constant ZK = address(0x5A4B);
    TableRegistry internal constant TABLES = TableRegistry(address(0x7AB1));
    OneNft internal constant NFT = OneNft(address(0x4F7));
    address internal constant OWNER = address(0x0115E);
    bytes32 internal constant SCHEMA = keccak256("schema");

    bytes32 internal planHash;
    bytes[2] internal added;
    bytes[2] internal proofs;

    function setUp() public override {
        super.setUp();
        bytes memory file = readVectors("proof/admissions.hex");
        bytes memory zk = abi.encodePacked(vm.getCode("ZkVerifier.sol:ZkVerifier"), _cut(file, 0, 128));
        address made;
        assembly ("memory-safe") {
            made := create(0, add(zk, 32), mload(zk))
        }
        vm.etch(ZK, made.code);
        vm.etch(address(TABLES), address(new TableRegistry()).code);
        vm.etch(address(NFT), address(new OneNft()).code);
        NFT.give(OWNER);
        uint256 p = 128;
        bytes memory plan;
        (plan, p) = _part(file, p);
        planHash = IPlans(ZK).publish(plan);
        for (uint256 i = 0; i < 2; ++i) {
            (added[i], p) = _part(file, p);
            (proofs[i], p) = _part(file, p);
        }
        assertEq(p, file.length, "file");
    }

    function _cut(bytes memory data, uint256 from, uint256 size) private pure returns (bytes memory out) {
        out = new bytes(size);
        for (uint256 i = 0; i < size; ++i) out[i] = data[from + i];
    }

    function _part(bytes memory data, uint256 from) private pure returns (bytes memory out, uint256 end) {
        uint256 size = uint256(uint8(data[from])) << 8 | uint8(data[from + 1]);
        return (_cut(data, from + 2, size), from + 2 + size);
    }

    /// @dev The sum of two points by the precompile.
    function _plus(bytes memory a, bytes memory b) private view returns (bytes memory out) {
        (bool ok, bytes memory sum) = address(6).staticcall(abi.encodePacked(a, b));
        assertTrue(ok, "points");
        return sum;
    }

    function _table(bytes memory commitments, uint64 rows) private pure returns (TableRegistry.Table memory) {
        return TableRegistry.Table(2, SCHEMA, keccak256(commitments), rows);
    }

    function _admission(uint256 which, uint256 before, uint256 rows) private view returns (TableRegistry.Admission memory a) {
        a.verifier = IProofs(ZK);
        a.planHash = planHash;
        a.schema = before == 0 ? bytes("schema") : bytes("");
        a.contentRoot = keccak256(added[which]);
        a.commitments = added[which];
        a.inputs = new uint256[](2);
        (a.inputs[0], a.inputs[1]) = (before, rows);
        a.proof = proofs[which];
    }

    function _admit(address who, TableRegistry.Table memory table, TableRegistry.Admission memory a) private returns (bool ok, bytes4 why) {
        vm.prank(who);
        bytes memory data;
        (ok, data) = address(TABLES).call(abi.encodeCall(TableRegistry.admit, (address(NFT), table, new Parent[](0), a)));
        if (!ok) why = bytes4(data);
    }

    function _must(address who, TableRegistry.Table memory table, TableRegistry.Admission memory a) private {
        (bool ok,) = _admit(who, table, a);
        assertTrue(ok, "not admitted");
    }

    function _refused(TableRegistry.Table memory table, TableRegistry.Admission memory a, bytes4 why) private {
        (bool ok, bytes4 reason) = _admit(OWNER, table, a);
        assertTrue(!ok, "admitted");
        assertTrue(reason == why, "for another reason");
    }

    function _hex(bytes32 value) private pure returns (string memory) {
        bytes memory out = new bytes(64);
        bytes memory digits = "0123456789abcdef";
        for (uint256 i = 0; i < 64; ++i) out[i] = digits[(uint256(value) >> (252 - 4 * i)) & 15];
        return string(out);
    }

    function test_admission_theVectorsAreForThisRegistry() public view {
        bytes32 first = TABLES.admissionCtx(address(NFT), OWNER, 0, 0, 7, SCHEMA);
        bytes32 second = TABLES.admissionCtx(address(NFT), OWNER, 1, 7, 11, SCHEMA);
        uint256[] memory inputs = _admission(0, 0, 7).inputs;
        bool good = IProofs(ZK).isProven(planHash, first, added[0], inputs, proofs[0]);
        inputs = _admission(1, 7, 11).inputs;
        good = good && IProofs(ZK).isProven(planHash, second, added[1], inputs, proofs[1]);
        assertTrue(good, string.concat("make the vectors again for ", _hex(first), " ", _hex(second)));
    }

    function test_admission_aTableIsAdmittedSealedAndGrows() public {
        TableRegistry.Table memory table = _table(added[0], 7);
        _must(OWNER, table, _admission(0, 0, 7));
        bytes32 root = TABLES.rootOf(table);
        // Nobody reads its commitments as registered before the seal, and only its verifier after.
        vm.prank(ZK);
        (bytes memory read,,,,) = TABLES.commitmentsOf(root);
        assertEq(read.length, 0, "before the seal");
        vm.expectRevert(TableRegistry.TooEarly.selector);
        TABLES.seal(address(NFT), 1);
        vm.roll(block.number + 2);
        bytes32 salt = TABLES.seal(address(NFT), 1);
        vm.expectRevert(TableRegistry.NothingToSeal.selector);
        TABLES.seal(address(NFT), 1);
        (read,,,,) = TABLES.commitmentsOf(root);
        assertEq(read.length, 0, "for anybody else");
        vm.prank(ZK);
        (bytes memory commitments, uint64 epoch, uint64 rows, bytes32 drawn, bytes32 inputRoot) = TABLES.commitmentsOf(root);
        assertEq(keccak256(commitments), keccak256(added[0]), "commitments");
        assertTrue(epoch == 1 && rows == 7 && drawn == salt && salt != 0, "what the chain knows");
        assertTrue(inputRoot == TABLES.inputRootOf(address(NFT), 1), "input root");
        // Four rows more: the old points plus the new ones.
        bytes memory sum = _plus(added[0], added[1]);
        _must(OWNER, _table(sum, 11), _admission(1, 7, 11));
        vm.roll(block.number + 2);
        TABLES.seal(address(NFT), 2);
        bytes32 second = TABLES.rootOf(_table(sum, 11));
        vm.prank(ZK);
        (commitments, epoch, rows,,) = TABLES.commitmentsOf(second);
        assertTrue(keccak256(commitments) == keccak256(sum) && epoch == 2 && rows == 11, "grown");
    }

    function test_admission_isForItsTableOwnerAndPlaceOnly() public {
        TableRegistry.Table memory table = _table(added[0], 7);
        TableRegistry.Admission memory a = _admission(0, 0, 7);
        // another schema, other rows, other commitments
        TableRegistry.Table memory other = TableRegistry.Table(2, keccak256("other"), keccak256(added[0]), 7);
        a.schema = "other";
        _refused(other, a, TableRegistry.NotAdmitted.selector);
        a.schema = "schema";
        _refused(_table(added[0], 8), a, TableRegistry.WrongRows.selector);
        a.inputs[1] = 8;
        _refused(_table(added[0], 8), a, TableRegistry.NotAdmitted.selector);
        a = _admission(0, 0, 7);
        a.schema = "another";
        _refused(table, a, TableRegistry.WrongSchema.selector);
        a = _admission(0, 0, 7);
        _refused(_table(added[1], 7), a, TableRegistry.WrongCommitments.selector);
        a.commitments = added[1];
        _refused(_table(added[1], 7), a, TableRegistry.NotAdmitted.selector);
        a = _admission(0, 0, 7);
        other = TableRegistry.Table(1, SCHEMA, keccak256(added[0]), 7);
        _refused(other, a, TableRegistry.UnknownScheme.selector);
        a.commitments = "";
        _refused(table, a, TableRegistry.BadCommitments.selector);
        a = _admission(0, 0, 7);
        a.inputs = new uint256[](0);
        _refused(table, a, TableRegistry.WrongRows.selector);
        // the same proof by a new owner, who may register but did not prove
        NFT.give(address(0xBAD));
        (bool ok, bytes4 why) = _admit(address(0xBAD), table, _admission(0, 0, 7));
        assertTrue(!ok && why == TableRegistry.NotAdmitted.selector, "another owner");
        NFT.give(OWNER);
        // the same code at another address
        TableRegistry elsewhere = new TableRegistry();
        vm.prank(OWNER);
        (ok,) = address(elsewhere).call(abi.encodeCall(TableRegistry.admit, (address(NFT), table, new Parent[](0), _admission(0, 0, 7))));
        assertTrue(!ok, "another registry");
        // the same proof again, as a second epoch: rows must grow
        _must(OWNER, table, _admission(0, 0, 7));
        _refused(table, _admission(0, 0, 7), TableRegistry.RegisteredBefore.selector);
        // an append out of its place
        bytes memory sum = _plus(added[0], added[1]);
        a = _admission(1, 0, 11);
        a.schema = "";
        _refused(_table(sum, 11), a, TableRegistry.WrongRows.selector);
        _refused(_table(added[1], 11), _admission(1, 7, 11), TableRegistry.WrongCommitments.selector);
        a = _admission(1, 7, 11);
        a.schema = "schema"; // told once, when the table begins
        _refused(_table(sum, 11), a, TableRegistry.WrongSchema.selector);
        _must(OWNER, _table(sum, 11), _admission(1, 7, 11));
    }

    /// @dev Who copies a table from the mempool and admits it first, under an NFT and a verifier of its own, takes nothing from its owner.
    function test_admission_aCopyUnderAnotherVerifierIsInNobodysWay() public {
        OneNft other = new OneNft();
        other.give(address(0xBAD));
        TableRegistry.Table memory table = _table(added[0], 7);
        TableRegistry.Admission memory a = _admission(0, 0, 7);
        a.verifier = IProofs(address(new Credulous()));
        vm.prank(address(0xBAD));
        TABLES.admit(address(other), table, new Parent[](0), a);
        _must(OWNER, table, _admission(0, 0, 7));
        vm.roll(block.number + 2);
        TABLES.seal(address(other), 1);
        TABLES.seal(address(NFT), 1);
        bytes32 root = TABLES.rootOf(table);
        vm.prank(ZK);
        (,,,, bytes32 inputRoot) = TABLES.commitmentsOf(root);
        assertTrue(inputRoot == TABLES.inputRootOf(address(NFT), 1), "the owner's, for the verifier that it proved to");
    }
}
