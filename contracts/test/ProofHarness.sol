// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ProofCore} from "../src/evidence/ProofCore.sol";
import {Statement, Tau} from "../src/evidence/ProofFrame.sol";
import {ProofPlan} from "../src/evidence/ProofPlan.sol";

/// @notice The verifier with chain id and address as its caller gives them: for vectors. Test code: it accepts any ceremony.
contract ProofHarness {
    function check(bytes calldata plan) external pure returns (uint256 registered, uint256 inputs) {
        return ProofPlan.check(plan);
    }

    function verify(Tau calldata tau, bytes calldata plan, Statement calldata statement, bytes calldata proof) external view returns (bool) {
        return ProofCore.verify(tau, plan, statement, proof);
    }
}
