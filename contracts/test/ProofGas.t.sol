// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ProofCore} from "../src/evidence/ProofCore.sol";
import {Statement, Tau} from "../src/evidence/ProofFrame.sol";
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

/// @notice What verification costs: tests/vectors/proof/gas.hex holds proofs over 2^20 rows (made by proof_vectors --gas).
contract ProofGasTest is ProofVectors {
    /// @dev Ceilings of today; the bar for the second is 450,000 (docs/specs/005-status.md).
    function test_gas_ofLargeProofs() public {
        bytes memory data = readVectors("proof/gas.hex");
        StoredPlans verifier = new StoredPlans(Tau(_word(data, 0), _word(data, 32), _word(data, 64), _word(data, 96)));
        uint256 p = 129;
        p = _one(verifier, data, p, "gas_open_2e20", 360_000);
        p = _one(verifier, data, p, "gas_zerocheck_lookup_2e20", 480_000);
        assertEq(p, data.length, "file");
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
