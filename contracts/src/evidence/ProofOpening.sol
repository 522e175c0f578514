// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {R, Q, H_X, H_Y, Frame, Tau, F_BUFFER, F_U, F_PHI, F_ORACLES, F_DELTA2, F_CURRENT, F_COMMITMENTS, F_MASK_POINTS, ProofFrames} from "./ProofFrame.sol";

/// @title One opening of one linear combination of commitments (§6)
/// @notice Folds by four, Shplonk, one pairing. Part of the verifier of ProofCore.sol.
library ProofOpening {
    /// @dev What the levels leave: at `e` the 1/(z^a − κ_{i+1})·ν^i, the constant in front of G, and whether the top is right.
    function _levels(Frame memory f, uint256 kappa, uint256 nu, uint256 zeta, uint256 parts, uint256 e) private view returns (uint256 constant_, bool good) {
        uint256 l = f.l;
        uint256 levels = (l + 1) / 2;
        uint256 remainders = e + 32 * levels;
        uint256 fold;
        assembly ("memory-safe") {
            let u := mload(add(f, F_U))
            let zz := mulmod(zeta, zeta, R)
            let nuPower := 1
            for { let i := 0 } lt(i, levels) { i := add(i, 1) } {
                let h0 := 0
                if iszero(i) {
                    h0 := mload(parts)
                    parts := add(parts, 32)
                }
                let h1 := mload(parts)
                let h2 := 0
                let h3 := 0
                let k2 := mulmod(kappa, kappa, R)
                let next := k2
                let z := zz
                let u0 := mload(u)
                let u1 := 0
                switch lt(add(i, i), sub(l, 1))
                case 1 {
                    h2 := mload(add(parts, 32))
                    h3 := mload(add(parts, 64))
                    parts := add(parts, 96)
                    next := mulmod(k2, k2, R)
                    z := mulmod(zz, zz, R)
                    u1 := mload(add(u, 32))
                    u := add(u, 64)
                }
                default { parts := add(parts, 32) }
                if i {
                    // the link: h_0 = fold − h_1 κ − h_2 κ² − h_3 κ³
                    let rest := mulmod(addmod(mulmod(addmod(mulmod(h3, kappa, R), h2, R), kappa, R), h1, R), kappa, R)
                    h0 := addmod(fold, sub(R, rest), R)
                }
                // fold = Σ μ_j h_j: first the lower coordinate, then the upper
                let low := addmod(h0, mulmod(u0, addmod(h1, sub(R, h0), R), R), R)
                let high := addmod(h2, mulmod(u0, addmod(h3, sub(R, h2), R), R), R)
                fold := addmod(low, mulmod(u1, addmod(high, sub(R, low), R), R), R)
                kappa := next
                mstore(add(e, shl(5, i)), addmod(z, sub(R, kappa), R))
                let pos := addmod(mulmod(addmod(mulmod(addmod(mulmod(h3, zeta, R), h2, R), zeta, R), h1, R), zeta, R), h0, R)
                mstore(add(remainders, shl(5, i)), mulmod(nuPower, pos, R))
                nuPower := mulmod(nuPower, nu, R)
            }
            good := eq(fold, mload(add(f, F_CURRENT)))
            // One inversion for all (Montgomery's trick): prefix products behind the remainders.
            let products := add(remainders, shl(5, levels))
            let product := 1
            for { let i := 0 } lt(i, levels) { i := add(i, 1) } {
                mstore(add(products, shl(5, i)), product)
                product := mulmod(product, mload(add(e, shl(5, i))), R)
            }
            good := and(good, iszero(iszero(product)))
            let call_ := add(products, shl(5, levels))
            mstore(call_, 32)
            mstore(add(call_, 32), 32)
            mstore(add(call_, 64), 32)
            mstore(add(call_, 96), product)
            mstore(add(call_, 128), sub(R, 2))
            mstore(add(call_, 160), R)
            good := and(good, staticcall(100000, 5, call_, 192, call_, 32))
            let inverse := mload(call_)
            for { let i := levels } i {} {
                i := sub(i, 1)
                let slot := add(e, shl(5, i))
                let value := mulmod(inverse, mload(add(products, shl(5, i))), R)
                inverse := mulmod(inverse, mload(slot), R)
                mstore(slot, value)
                constant_ := addmod(constant_, mulmod(value, mload(add(remainders, shl(5, i))), R), R)
            }
            nuPower := 1
            for { let i := 0 } lt(i, levels) { i := add(i, 1) } {
                let slot := add(e, shl(5, i))
                mstore(slot, mulmod(mload(slot), nuPower, R))
                nuPower := mulmod(nuPower, nu, R)
            }
        }
    }

    function open(Frame memory f, Tau memory tau, bytes memory registered) internal view returns (bool) {
        uint256 levels = (f.l + 1) / 2;
        uint256 folds = f.cursor + 32; // calldata: G_1 …
        uint256 blinder;
        uint256 kappa = ProofFrames.step(f, 11, 32 + 64 * (levels - 1));
        assembly ("memory-safe") {
            blinder := mload(add(mload(add(f, F_BUFFER)), 33))
            mstore(f, and(mload(f), lt(blinder, R)))
        }
        uint256 constant_;
        uint256 zeta;
        uint256 e = f.scratch;
        uint256 quotient;
        {
            uint256 parts = 1 + 3 * (f.l / 2) + (f.l & 1);
            uint256 nu = ProofFrames.step(f, 12, 32 * parts);
            // The parts move out of the way of the next message.
            uint256 kept = e;
            e += 32 * parts;
            assembly ("memory-safe") {
                let from := add(mload(add(f, F_BUFFER)), 33)
                for { let i := 0 } lt(i, parts) { i := add(i, 1) } { mstore(add(kept, shl(5, i)), mload(add(from, shl(5, i)))) }
            }
            ProofFrames.canonical(f, kept, parts);
            quotient = f.cursor;
            zeta = ProofFrames.step(f, 13, 64);
            bool top;
            (constant_, top) = _levels(f, kappa, nu, zeta, kept, e);
            if (!top || f.ok != 1) return false;
        }
        uint256 good = 1;
        uint256 call_ = e + 128 * levels + 256;
        uint256 psi = f.psi;
        assembly ("memory-safe") {
            // [accumulator | point | scalar]: mul writes over the point, add over the accumulator
            function addMul(pos, scalar) -> done {
                mstore(add(pos, 128), scalar)
                done := iszero(iszero(or(mload(add(pos, 64)), mload(add(pos, 96)))))
                done := and(done, staticcall(60000, 7, add(pos, 64), 96, add(pos, 64), 64))
                done := and(done, staticcall(10000, 6, pos, 128, pos, 64))
            }
            calldatacopy(call_, quotient, 64)
            good := iszero(iszero(or(mload(call_), mload(add(call_, 32)))))
            // z·W
            let witness := add(quotient, 64)
            calldatacopy(add(call_, 64), witness, 64)
            good := and(good, addMul(call_, zeta))
            // (Σ e_i R_i)·G
            mstore(add(call_, 64), 1)
            mstore(add(call_, 96), 2)
            good := and(good, addMul(call_, constant_))
            // −e_i G_i
            for { let i := 1 } lt(i, levels) { i := add(i, 1) } {
                calldatacopy(add(call_, 64), folds, 64)
                folds := add(folds, 64)
                good := and(good, addMul(call_, sub(R, mload(add(e, shl(5, i))))))
            }
            let e0 := mload(e)
            // e_0 ρ*·H
            mstore(add(call_, 64), H_X)
            mstore(add(call_, 96), H_Y)
            good := and(good, addMul(call_, mulmod(e0, blinder, R)))
            e0 := sub(R, e0)
            // −e_0 Φ_o C_o
            let phi := mload(add(f, F_PHI))
            let from := add(registered, 32)
            for { let end := add(from, mload(registered)) } lt(from, end) { from := add(from, 64) } {
                mstore(add(call_, 64), mload(from))
                mstore(add(call_, 96), mload(add(from, 32)))
                good := and(good, addMul(call_, mulmod(e0, mload(phi), R)))
                phi := add(phi, 32)
            }
            let sent := mload(add(f, F_COMMITMENTS))
            for { let end := add(mload(add(f, F_PHI)), shl(5, mload(add(f, F_ORACLES)))) } lt(phi, end) { phi := add(phi, 32) } {
                calldatacopy(add(call_, 64), sent, 64)
                sent := add(sent, 64)
                good := and(good, addMul(call_, mulmod(e0, mload(phi), R)))
            }
            // −e_0 δ'Ψ(u) C_σ − e_0 δ' C_ω
            e0 := mulmod(e0, mload(add(f, F_DELTA2)), R)
            let masks := mload(add(f, F_MASK_POINTS))
            calldatacopy(add(call_, 64), masks, 64)
            good := and(good, addMul(call_, mulmod(e0, psi, R)))
            calldatacopy(add(call_, 64), add(masks, 64), 64)
            good := and(good, addMul(call_, e0))
            // e(P, [1]_2)·e(−W, [τ]_2) = 1
            mstore(add(call_, 64), 0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2)
            mstore(add(call_, 96), 0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed)
            mstore(add(call_, 128), 0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b)
            mstore(add(call_, 160), 0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa)
            mstore(add(call_, 192), calldataload(witness))
            mstore(add(call_, 224), sub(Q, calldataload(add(witness, 32))))
            mstore(add(call_, 256), mload(tau))
            mstore(add(call_, 288), mload(add(tau, 32)))
            mstore(add(call_, 320), mload(add(tau, 64)))
            mstore(add(call_, 352), mload(add(tau, 96)))
            good := and(good, staticcall(500000, 8, call_, 384, call_, 32))
            good := and(good, eq(mload(call_), 1))
        }
        return good == 1;
    }
}
