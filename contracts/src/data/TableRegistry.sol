// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ICommitments} from "../evidence/ICommitments.sol";
import {StoredBytes} from "../evidence/StoredBytes.sol";
import {Parent} from "../settlement/ISubjectRegistry.sol";
import {SubjectRegistry} from "../settlement/SubjectRegistry.sol";

/// @notice What proves an admission: `ZkVerifier` (contracts/src/evidence).
interface IProofs {
    function isProven(bytes32 planHash, bytes32 ctx, bytes calldata registered, uint256[] calldata inputs, bytes calldata proof) external view returns (bool);
}

/// @title Commitments of tables
/// @notice A table is its schema and the commitments of its columns; the scheme byte says how those were made (1: keccak Merkle root of each
/// column's canonical bytes, 1 kB leaves; 2: hiding commitments of the proof engine, admitted by a proof). A job over a table has
/// inputRoot = keccak256(abi.encode(tableId, epoch, commitmentsHash)).
///
/// Scheme 2 grows by adding: an epoch's commitments are the last epoch's plus those of the new rows, and what is added must be proven to be zero outside
/// the rows that it claims (docs/reference/proof-protocol.md, §8). The plan of that proof and the verifier that believed it stand with
/// the epoch: whether the plan says enough is for readers to check, by compiling it again from schema and size.
contract TableRegistry is SubjectRegistry(1), ICommitments {
    struct Table {
        uint8 scheme;
        bytes32 schemaHash;
        bytes32 commitmentsHash; // keccak256 of the columns' commitments in order
        uint64 rows;
    }

    /// @notice Shows that the rows that are added are what their plan says.
    /// @param verifier    believes the proof; only it may read the epoch's commitments as registered ones
    /// @param commitments of the new rows, 64 bytes a column
    /// @param schema      text that schemaHash is keccak256 of, for readers; empty where rows are added
    /// @param contentRoot what `root` would be under scheme 1 for the same rows: the bytes that jobs over the epoch are given. The owner's word: no proof binds it
    /// @param inputs      public inputs of the plan; the first two are the row counts before and after
    struct Admission {
        IProofs verifier;
        bytes32 planHash;
        bytes schema;
        bytes32 contentRoot;
        bytes commitments;
        uint256[] inputs;
        bytes proof;
    }

    /// @notice What stands with an epoch of scheme 2. `salt` is 0 until `seal`.
    struct Proven {
        IProofs verifier;
        uint64 registeredIn;
        address commitments; // code
        bytes32 planHash;
        bytes32 contentRoot;
        bytes32 salt;
    }

    struct Place {
        address nft;
        uint64 epoch;
    }

    bytes32 internal constant TAG_ADMISSION_V1 = keccak256("peaberry/admission/1");
    uint256 internal constant MAX_COLUMNS = 255;

    mapping(address nft => mapping(uint64 epoch => Table)) private _tables;
    mapping(address nft => mapping(uint64 epoch => Proven)) public proven;
    /// @dev Which epoch of which table a verifier knows by a root. Each verifier has its own: a copy under another one is in nobody's way.
    mapping(IProofs verifier => mapping(bytes32 root => Place)) private _places;

    event TableAdmitted(
        address indexed nft, uint64 indexed epoch, address verifier, bytes32 planHash, uint64 rowsBefore, uint64 rowsAfter, bytes32 contentRoot, bytes schema
    );
    event TableSealed(address indexed nft, uint64 indexed epoch, bytes32 salt);

    error UnknownScheme(uint8 scheme);
    error BadCommitments();
    error WrongCommitments(bytes32 commitmentsHash);
    error WrongRows();
    error WrongSchema();
    error NotAdmitted();
    error RegisteredBefore(bytes32 root);
    error TooEarly();
    error NothingToSeal();

    /// @notice Registers the next epoch of the caller's table.
    function register(address nft, Table calldata table, Parent[] calldata parents) external returns (uint64 epoch) {
        if (table.scheme != 1) revert UnknownScheme(table.scheme);
        epoch = _register(nft, rootOf(table), parents, abi.encode(table));
        _tables[nft][epoch] = table;
    }

    /// @notice Registers the next epoch of the caller's table in scheme 2: anew, or – under the same schema – the last one with rows added.
    function admit(address nft, Table calldata table, Parent[] calldata parents, Admission calldata admission) external returns (uint64 epoch) {
        if (table.scheme != 2) revert UnknownScheme(table.scheme);
        bytes32 root = rootOf(table);
        if (_places[admission.verifier][root].epoch != 0) revert RegisteredBefore(root);
        (bytes memory commitments, uint64 rowsBefore) = _admitted(nft, table, admission);
        epoch = _register(nft, root, parents, abi.encode(table));
        _tables[nft][epoch] = table;
        _places[admission.verifier][root] = Place(nft, epoch);
        proven[nft][epoch] =
            Proven(admission.verifier, uint64(block.number), StoredBytes.store(commitments), admission.planHash, admission.contentRoot, 0);
        emit TableAdmitted(
            nft, epoch, address(admission.verifier), admission.planHash, rowsBefore, table.rows, admission.contentRoot, admission.schema
        );
    }

    /// @dev The epoch's commitments and the rows before it, if the proof shows that what is added is as it should be.
    function _admitted(address nft, Table calldata table, Admission calldata admission) private view returns (bytes memory commitments, uint64 rowsBefore) {
        uint64 epochBefore;
        (commitments, epochBefore, rowsBefore) = _before(nft, table, admission.commitments.length);
        bool told = rowsBefore == 0 ? keccak256(admission.schema) == table.schemaHash : admission.schema.length == 0;
        if (!told) revert WrongSchema();
        commitments = _sum(commitments, admission.commitments);
        if (keccak256(commitments) != table.commitmentsHash) revert WrongCommitments(keccak256(commitments));
        uint256[] calldata inputs = admission.inputs;
        if (table.rows <= rowsBefore || inputs.length < 2 || inputs[0] != rowsBefore || inputs[1] != table.rows) revert WrongRows();
        bytes32 ctx = admissionCtx(nft, msg.sender, epochBefore, rowsBefore, table.rows, table.schemaHash);
        if (!admission.verifier.isProven(admission.planHash, ctx, admission.commitments, inputs, admission.proof)) revert NotAdmitted();
    }

    /// @notice What an admission's proof is bound to. epochBefore is 0 for a table that begins.
    function admissionCtx(address nft, address owner, uint64 epochBefore, uint64 rowsBefore, uint64 rowsAfter, bytes32 schemaHash) public view returns (bytes32) {
        return keccak256(abi.encode(TAG_ADMISSION_V1, address(this), owner, tableId(nft), epochBefore, epochBefore + 1, rowsBefore, rowsAfter, schemaHash));
    }

    /// @dev The epoch that is added to: the present one, if it has scheme 2, the same schema and as many columns.
    function _before(address nft, Table calldata table, uint256 length) private view returns (bytes memory commitments, uint64 epoch, uint64 rows) {
        if (length == 0 || length % 64 != 0 || length > 64 * MAX_COLUMNS) revert BadCommitments();
        (,, epoch,) = subjectOf(nft);
        Table storage last = _tables[nft][epoch];
        if (last.scheme != 2 || last.schemaHash != table.schemaHash) return ("", epoch, 0);
        commitments = StoredBytes.load(proven[nft][epoch].commitments);
        if (commitments.length != length) revert BadCommitments();
        rows = last.rows;
    }

    /// @dev Column by column (EIP-196); nothing before: what is added, whose points the proof has checked.
    function _sum(bytes memory one, bytes calldata other) private view returns (bytes memory out) {
        if (one.length == 0) return other;
        out = new bytes(one.length);
        for (uint256 i = 0; i < one.length; i += 64) {
            bool ok;
            assembly ("memory-safe") {
                let free := mload(0x40)
                let from := add(add(one, 32), i)
                mstore(free, mload(from))
                mstore(add(free, 32), mload(add(from, 32)))
                calldatacopy(add(free, 64), add(other.offset, i), 64)
                let to := add(add(out, 32), i)
                ok := staticcall(10000, 6, free, 128, to, 64)
                // (0,0) cannot be opened, nor sent in a proof
                ok := and(ok, iszero(iszero(or(mload(to), mload(add(to, 32))))))
            }
            if (!ok) revert BadCommitments();
        }
    }

    /// @notice Draws an epoch's salt from the block after its registration, once; anybody may call. Proofs over the epoch are bound to it: nobody could know it
    /// when the commitments were chosen.
    function seal(address nft, uint64 epoch) external returns (bytes32 salt) {
        Proven storage entry = proven[nft][epoch];
        if (entry.registeredIn == 0 || entry.salt != 0) revert NothingToSeal();
        uint256 next = uint256(entry.registeredIn) + 1;
        if (block.number <= next) revert TooEarly();
        bytes32 drawn = blockhash(next); // 0 when it is more than 256 blocks ago
        salt = keccak256(abi.encode(drawn == 0 ? bytes32(block.prevrandao) : drawn, nft, epoch));
        entry.salt = salt;
        emit TableSealed(nft, epoch, salt);
    }

    /// @inheritdoc ICommitments
    /// @dev Answers the verifier that admitted the epoch, after its seal; nothing to anybody else.
    function commitmentsOf(bytes32 subjectRoot) external view returns (bytes memory commitments, uint64 epoch, uint64 rows, bytes32 salt, bytes32 inputRoot) {
        Place memory place = _places[IProofs(msg.sender)][subjectRoot];
        (address nft, Proven storage entry) = (place.nft, proven[place.nft][place.epoch]);
        epoch = place.epoch;
        if (entry.salt == 0) return ("", 0, 0, 0, 0);
        return (StoredBytes.load(entry.commitments), epoch, _tables[nft][epoch].rows, entry.salt, inputRootOf(nft, epoch));
    }

    /// @notice The table as it was registered for an epoch.
    function tableAt(address nft, uint64 epoch) external view returns (Table memory) {
        return _tables[nft][epoch];
    }

    /// @notice Names a table on every chain; it does not change with epochs or schemes.
    function tableId(address nft) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), nft));
    }

    /// @notice What a job over this epoch must have as inputRoot.
    function inputRootOf(address nft, uint64 epoch) public view returns (bytes32) {
        return keccak256(abi.encode(tableId(nft), epoch, _tables[nft][epoch].commitmentsHash));
    }

    function rootOf(Table calldata table) public pure returns (bytes32) {
        return keccak256(abi.encode(table));
    }
}
