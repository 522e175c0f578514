// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ProofCore} from "../src/evidence/ProofCore.sol";
import {Frame, ProofFrames, Statement, Tau} from "../src/evidence/ProofFrame.sol";
import {ProofOpening} from "../src/evidence/ProofOpening.sol";
import {ProofPlan} from "../src/evidence/ProofPlan.sol";
import {StoredBytes} from "../src/evidence/StoredBytes.sol";
import {ProofVectors} from "./Proof.t.sol";

/// @notice A verifier for one ceremony with its plans as code: the least that a user of the library writes.
contract StoredPlans {
    uint256 internal immutable X_IM;
    uint256 internal immutable X_RE;
    uint256 internal immutable Y_IM;
    uint256 internal immutable Y_RE;
    bytes32 internal immutable SRS_ID;
    mapping(bytes32 planHash => address) public plans;

    error Refused();

    constructor(Tau memory tau_) {
        (X_IM, X_RE, Y_IM, Y_RE) = (tau_.xIm, tau_.xRe, tau_.yIm, tau_.yRe);
        SRS_ID = ProofCore.srsId(tau_);
    }

    function publish(bytes memory plan) external {
        ProofPlan.check(plan);
        plans[keccak256(plan)] = StoredBytes.store(plan);
    }

    function verify(bytes32 planHash, bytes32 ctx, bytes calldata registered, uint256[] calldata inputs, bytes calldata proof) external view {
        bytes memory plan = StoredBytes.load(plans[planHash]);
        Tau memory tau = Tau(X_IM, X_RE, Y_IM, Y_RE);
        if (!ProofCore.verify(tau, plan, Statement(SRS_ID, 0, address(0), ctx, planHash, registered, inputs), proof)) revert Refused();
    }
}

/// @notice The opening alone (§6): a commitment opens to a claim at a point, under a transcript that others began.
contract Openings {
    uint256 internal immutable X_IM;
    uint256 internal immutable X_RE;
    uint256 internal immutable Y_IM;
    uint256 internal immutable Y_RE;

    error Refused();

    constructor(Tau memory tau_) {
        (X_IM, X_RE, Y_IM, Y_RE) = (tau_.xIm, tau_.xRe, tau_.yIm, tau_.yRe);
    }

    function open(bytes32 state, uint256[] calldata u, uint256 claim, bytes calldata commitment, bytes calldata proof) external view {
        bytes memory registered = commitment;
        Tau memory tau = Tau(X_IM, X_RE, Y_IM, Y_RE);
        Frame memory f;
        f.ok = 1;
        f.l = u.length;
        f.u = ProofFrames.words(u.length);
        f.phi = ProofFrames.words(1);
        f.oracles = 1;
        f.current = claim;
        f.buffer = ProofFrames.words(2 * u.length + 4);
        (uint256 at, uint256 phi, uint256 buffer) = (f.u, f.phi, f.buffer);
        uint256 cursor;
        uint256 free;
        assembly ("memory-safe") {
            calldatacopy(at, u.offset, shl(5, u.length))
            mstore(phi, 1)
            mstore(buffer, state)
            cursor := proof.offset
            free := mload(0x40)
        }
        (f.cursor, f.scratch) = (cursor, free);
        if (!ProofOpening.open(f, tau, registered)) revert Refused();
    }
}

/// @notice Where a proof stands before its opening.
contract Halfway {
    function run(bytes memory plan, Statement memory statement, bytes calldata proof)
        external
        pure
        returns (bytes32 state, uint256[] memory u, uint256 claim, uint256[] memory weights, uint256[2] memory masks, uint256 rest)
    {
        Frame memory f;
        require(ProofCore.beforeOpening(f, plan, statement, proof) && f.ok == 1, "halfway");
        u = new uint256[](f.l);
        weights = new uint256[](f.oracles);
        (uint256 at, uint256 phi, uint256 buffer, uint256 cursor) = (f.u, f.phi, f.buffer, f.cursor);
        for (uint256 i = 0; i < u.length; ++i) (u[i], at) = (_load(at), at + 32);
        for (uint256 i = 0; i < weights.length; ++i) (weights[i], phi) = (_load(phi), phi + 32);
        state = bytes32(_load(buffer));
        claim = f.current;
        masks = [mulmod(f.delta2, f.psi, P), f.delta2];
        assembly ("memory-safe") {
            rest := sub(cursor, proof.offset)
        }
    }

    uint256 internal constant P = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;

    function _load(uint256 at) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(at)
        }
    }
}

contract Stores {
    function store(bytes memory data) external returns (address) {
        return StoredBytes.store(data);
    }

    function load(address code) external view returns (bytes memory) {
        return StoredBytes.load(code);
    }
}

/// @notice Limits at which plans and their storage end.
contract ProofLimitsTest is ProofVectors {
    PlanChecks internal checks = new PlanChecks();

    /// @dev The first large proof's plan with its oracle and its length of another size.
    function _sized(uint8 log) private view returns (bytes memory plan) {
        bytes memory data = readVectors("proof/gas.hex");
        uint256 p = 161;
        for (uint256 i = 0; i < 2; ++i) p += 4 + (_word(data, p) >> 224);
        uint256 size = _word(data, p) >> 224;
        plan = new bytes(size);
        for (uint256 i = 0; i < size; ++i) plan[i] = data[p + 4 + i];
        assertTrue(plan[1] == bytes1(uint8(20)) && plan[13] == bytes1(uint8(20)), "length, and size of the first oracle");
        plan[1] = plan[13] = bytes1(log);
    }

    function test_limits_anOracleHasAtMost28Variables() public {
        checks.check(_sized(20));
        checks.check(_sized(28));
        (bool ok,) = address(checks).call(abi.encodeCall(PlanChecks.check, (_sized(29))));
        assertTrue(!ok, "29");
        (ok,) = address(checks).call(abi.encodeCall(PlanChecks.check, (_sized(19))));
        assertTrue(!ok, "shorter than its column");
    }

    function test_limits_whatCannotBeStoredIsSaid() public {
        Stores stores = new Stores();
        bytes memory most = new bytes(24_575);
        most[24_574] = 0x77;
        assertEq(keccak256(stores.load(stores.store(most))), keccak256(most), "the most");
        vm.expectRevert(abi.encodeWithSelector(StoredBytes.CannotStore.selector, 24_576));
        stores.store(new bytes(24_576));
        // Gas for the call, but not for 24,576 bytes of code.
        (bool ok, bytes memory why) = address(stores).call{gas: 1_500_000}(abi.encodeCall(Stores.store, (most)));
        assertTrue(!ok && bytes4(why) == StoredBytes.CannotStore.selector, "too little gas");
    }
}

contract PlanChecks {
    function check(bytes memory plan) external pure {
        ProofPlan.check(plan);
    }
}

/// @notice What verification costs: tests/vectors/proof/gas.hex holds proofs over 2^20 rows (made by proof_vectors --gas).
contract ProofGasTest is ProofVectors {
    /// @dev The first is a whole proof with one entry of one column as its only claim.
    function test_gas_ofLargeProofs() public {
        bytes memory data = readVectors("proof/gas.hex");
        StoredPlans verifier = new StoredPlans(Tau(_word(data, 0), _word(data, 32), _word(data, 64), _word(data, 96)));
        uint256 p = 129;
        p = _one(verifier, data, p, "gas_one_entry_2e20", 350_000);
        p = _one(verifier, data, p, "gas_zerocheck_lookup_2e20", 450_000);
        p = _one(verifier, data, p, "gas_zerocheck_lookup_2e20_cut", 1_000_000);
        assertEq(p, data.length, "file");
    }

    /// @dev The same first proof's opening, of the combination C* that its verifier comes to.
    function test_gas_ofAnOpeningAlone() public {
        bytes memory data = readVectors("proof/gas.hex");
        Openings verifier = new Openings(Tau(_word(data, 0), _word(data, 32), _word(data, 64), _word(data, 96)));
        Statement memory s;
        bytes memory packed;
        bytes memory plan;
        bytes memory proof;
        s.ctx = bytes32(_word(data, 129));
        uint256 p = 161;
        (s.registered, p) = _long(data, p);
        (packed, p) = _long(data, p);
        (plan, p) = _long(data, p);
        (proof, p) = _long(data, p);
        s.srsId = ProofCore.srsId(Tau(_word(data, 0), _word(data, 32), _word(data, 64), _word(data, 96)));
        s.planHash = keccak256(plan);
        s.inputs = new uint256[](1);
        s.inputs[0] = _word(packed, 0);
        (bytes32 state, uint256[] memory u, uint256 claim, uint256[] memory weights, uint256[2] memory masks, uint256 rest) = new Halfway().run(plan, s, proof);
        // Registered, then W1, then – before the reduction's 2·20 scalars – C_sigma and C_omega.
        bytes memory sum = _times(s.registered, 0, weights[0]);
        sum = _plus(sum, _times(proof, 0, weights[1]));
        sum = _plus(sum, _times(proof, rest - 1280 - 128, masks[0]));
        sum = _plus(sum, _times(proof, rest - 1280 - 64, masks[1]));
        bytes memory tail = _slice(proof, rest, proof.length - rest);
        bytes memory call_ = abi.encodeCall(Openings.open, (state, u, claim, sum, tail));
        (bool ok,) = address(verifier).call(call_);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        assertTrue(ok, "opens");
        vm.snapshotValue("proof", "gas_open_2e20", used);
        vm.snapshotValue("proof", "gas_open_2e20_bytes", tail.length);
        assertTrue(used <= 280_000, "an opening costs more than its bar");
        (ok,) = address(verifier).call(abi.encodeCall(Openings.open, (state, u, addmod(claim, 1, Q_), sum, tail)));
        assertTrue(!ok, "to another claim it does not");
    }

    uint256 internal constant Q_ = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;

    function _slice(bytes memory data, uint256 from, uint256 size) private pure returns (bytes memory out) {
        out = new bytes(size);
        for (uint256 i = 0; i < size; ++i) out[i] = data[from + i];
    }

    function _times(bytes memory points, uint256 at, uint256 scalar) private view returns (bytes memory) {
        (bool ok, bytes memory out) = address(7).staticcall(abi.encodePacked(_slice(points, at, 64), scalar));
        require(ok, "ecMul");
        return out;
    }

    function _plus(bytes memory one, bytes memory other) private view returns (bytes memory) {
        (bool ok, bytes memory out) = address(6).staticcall(abi.encodePacked(one, other));
        require(ok, "ecAdd");
        return out;
    }

    function _one(StoredPlans verifier, bytes memory data, uint256 p, string memory name, uint256 ceiling) private returns (uint256) {
        bytes32 ctx = bytes32(_word(data, p));
        bytes memory registered;
        bytes memory packed;
        bytes memory plan;
        bytes memory proof;
        (registered, p) = _long(data, p + 32);
        (packed, p) = _long(data, p);
        (plan, p) = _long(data, p);
        (proof, p) = _long(data, p);
        uint256[] memory inputs = new uint256[](packed.length / 32);
        for (uint256 i = 0; i < inputs.length; ++i) inputs[i] = _word(packed, 32 * i);
        verifier.publish(plan);
        bytes memory call_ = abi.encodeCall(StoredPlans.verify, (keccak256(plan), ctx, registered, inputs, proof));
        (bool ok,) = address(verifier).call(call_);
        uint256 used = vm.lastCallGas().gasTotalUsed;
        assertTrue(ok, name);
        vm.snapshotValue("proof", name, used);
        vm.snapshotValue("proof", string.concat(name, "_bytes"), proof.length);
        assertTrue(used <= ceiling, string.concat(name, " costs more than it did"));
        return p;
    }

    function _long(bytes memory data, uint256 pos) private pure returns (bytes memory out, uint256 end) {
        uint256 size = _word(data, pos) >> 224;
        out = new bytes(size);
        for (uint256 i = 0; i < size; ++i) out[i] = data[pos + 4 + i];
        end = pos + 4 + size;
    }
}
