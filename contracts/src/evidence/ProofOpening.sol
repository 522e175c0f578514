// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {R, Q, H_X, H_Y, Frame, Tau, F_BUFFER, F_L, F_U, F_PHI, F_ORACLES, F_DELTA2, F_CURRENT, F_COMMITMENTS, F_MASK_POINTS, F_PSI, F_SCRATCH, F_BLINDER, F_FOLDS, F_QUOTIENT, F_ZETA, F_CONSTANT, ProofFrames} from "./ProofFrame.sol";

/// @title One opening of one linear combination of commitments (§6)
/// @notice Folds by four, Shplonk, one pairing. Part of the verifier of ProofCore.sol.
library ProofOpening {
    /// @param f l, u, current (the claim), phi, oracles, commitments and mask points (0: none) are read; cursor, buffer and scratch are used
    function open(Frame memory f, Tau memory tau, bytes memory registered) internal view returns (bool) {
        return _levels(f) && _combine(f, tau, registered);
    }

    /// @dev Reads the rest of the transcript (rows 11 to 13 of §3) and walks the levels. Leaves at `scratch`, 128 bytes apart, ν^i/(z^a − κ_{i+1}), and the constant in
    /// front of G; says whether all that was read so far is canonical and the last fold is the claim.
    function _levels(Frame memory f) private view returns (bool) {
        uint256 kappa;
        uint256 nu;
        uint256 parts;
        unchecked {
            f.folds = f.cursor + 32;
            kappa = ProofFrames.step(f, 11, 32 + 64 * ((f.l + 1) / 2 - 1));
            assembly ("memory-safe") {
                let blinder := mload(add(mload(add(f, F_BUFFER)), 33))
                mstore(add(f, F_BLINDER), blinder)
                mstore(f, and(mload(f), lt(blinder, R)))
            }
            parts = f.cursor;
            nu = ProofFrames.step(f, 12, 32 * (1 + 3 * (f.l / 2) + (f.l & 1)));
            f.quotient = f.cursor;
            f.zeta = ProofFrames.step(f, 13, 64);
        }
        uint256 slot = f.scratch; // [z^a − κ_{i+1} | R_i(z) | product of those before | ν^i]
        uint256 fold;
        assembly ("memory-safe") {
            let l := mload(add(f, F_L))
            let u := mload(add(f, F_U))
            let zeta := mload(add(f, F_ZETA))
            let good := mload(f)
            mstore(add(slot, 64), 1)
            mstore(add(slot, 96), 1)
            // The stack is full: z^4 and ν lie in the scratch space.
            {
                let square := mulmod(zeta, zeta, R)
                mstore(0, mulmod(square, square, R))
                mstore(32, nu)
            }
            {
                // The first part is sent: the fold before it is what the link makes it of.
                let h0 := calldataload(parts)
                good := and(good, lt(h0, R))
                parts := add(parts, 32)
                fold := mulmod(add(mulmod(add(mulmod(calldataload(add(parts, 64)), kappa, R), calldataload(add(parts, 32))), kappa, R), calldataload(parts)), kappa, R)
                fold := addmod(fold, h0, R)
            }
            for {} gt(l, 1) { l := sub(l, 2) } {
                let h1 := calldataload(parts)
                let h2 := calldataload(add(parts, 32))
                let h3 := calldataload(add(parts, 64))
                parts := add(parts, 96)
                good := and(good, and(lt(h1, R), and(lt(h2, R), lt(h3, R))))
                // the link: h_0 = fold − h_1 κ − h_2 κ² − h_3 κ³
                let h0 := addmod(fold, sub(R, mulmod(add(mulmod(add(mulmod(h3, kappa, R), h2), kappa, R), h1), kappa, R)), R)
                kappa := mulmod(kappa, kappa, R)
                kappa := mulmod(kappa, kappa, R)
                mstore(add(slot, 32), add(mulmod(add(mulmod(add(mulmod(h3, zeta, R), h2), zeta, R), h1), zeta, R), h0))
                // fold = Σ μ_j h_j: first the lower coordinate, then the upper
                fold := mload(u)
                h0 := add(h0, mulmod(fold, add(h1, sub(R, h0)), R))
                h2 := add(h2, mulmod(fold, add(h3, sub(R, h2)), R))
                fold := addmod(h0, mulmod(mload(add(u, 32)), add(h2, sub(shl(1, R), h0)), R), R)
                u := add(u, 64)
                h1 := addmod(mload(0), sub(R, kappa), R)
                mstore(slot, h1)
                mstore(add(slot, 192), mulmod(mload(add(slot, 64)), h1, R))
                mstore(add(slot, 224), mulmod(mload(add(slot, 96)), mload(32), R))
                slot := add(slot, 128)
            }
            if l {
                // the last level of an odd ℓ takes one coordinate
                let h1 := calldataload(parts)
                good := and(good, lt(h1, R))
                let h0 := addmod(fold, sub(R, mulmod(h1, kappa, R)), R)
                mstore(add(slot, 32), add(mulmod(h1, zeta, R), h0))
                fold := addmod(h0, mulmod(mload(u), add(h1, sub(R, h0)), R), R)
                h1 := addmod(mulmod(zeta, zeta, R), sub(R, mulmod(kappa, kappa, R)), R)
                mstore(slot, h1)
                mstore(add(slot, 192), mulmod(mload(add(slot, 64)), h1, R))
                slot := add(slot, 128)
            }
            good := and(good, eq(fold, mload(add(f, F_CURRENT))))
            // One inversion for all (Montgomery's trick).
            let product := mload(add(slot, 64))
            mstore(slot, 32)
            mstore(add(slot, 32), 32)
            mstore(add(slot, 64), 32)
            mstore(add(slot, 96), product)
            mstore(add(slot, 128), sub(R, 2))
            mstore(add(slot, 160), R)
            good := and(and(good, iszero(iszero(product))), staticcall(100000, 5, slot, 192, slot, 32))
            mstore(f, good)
            let inverse := mload(slot)
            let constant_ := 0
            for { let first := mload(add(f, F_SCRATCH)) } gt(slot, first) {} {
                slot := sub(slot, 128)
                let value := mulmod(mulmod(inverse, mload(add(slot, 64)), R), mload(add(slot, 96)), R)
                inverse := mulmod(inverse, mload(slot), R)
                mstore(slot, value)
                constant_ := addmod(constant_, mulmod(value, mload(add(slot, 32)), R), R)
            }
            mstore(add(f, F_CONSTANT), constant_)
        }
        return f.ok == 1;
    }

    /// @dev Q + z·W + (Σ e_i R_i)·G − Σ e_i G_i − e_0 (C* − ρ*·H), and the pairing. Every point passes through a precompile, which checks it, and none is (0,0).
    function _combine(Frame memory f, Tau memory tau, bytes memory registered) private view returns (bool) {
        unchecked {
            uint256 e = f.scratch;
            uint256 witness = f.quotient + 64;
            uint256 good = 1;
            uint256 call_ = e + 128 * ((f.l + 1) / 2);
            assembly ("memory-safe") {
                // [accumulator | point | scalar]: mul writes over the point, add over the accumulator. Arguments are evaluated from the last to the first.
                function addMul(pos, scalar) -> done {
                    mstore(add(pos, 128), scalar)
                    let point := add(pos, 64)
                    done := lt(0, or(mload(point), mload(add(pos, 96))))
                    done := and(staticcall(10000, 6, pos, 128, pos, 64), and(staticcall(60000, 7, point, 96, point, 64), done))
                }
                calldatacopy(call_, mload(add(f, F_QUOTIENT)), 64)
                good := iszero(iszero(or(mload(call_), mload(add(call_, 32)))))
                // z·W
                calldatacopy(add(call_, 64), witness, 64)
                good := and(good, addMul(call_, mload(add(f, F_ZETA))))
                // (Σ e_i R_i)·G
                mstore(add(call_, 64), 1)
                mstore(add(call_, 96), 2)
                good := and(good, addMul(call_, mload(add(f, F_CONSTANT))))
                // −e_i G_i
                let folds := mload(add(f, F_FOLDS))
                for { let at := add(e, 128) } lt(at, call_) { at := add(at, 128) } {
                    calldatacopy(add(call_, 64), folds, 64)
                    folds := add(folds, 64)
                    good := and(good, addMul(call_, sub(R, mload(at))))
                }
                let e0 := mload(e)
                // e_0 ρ*·H
                mstore(add(call_, 64), H_X)
                mstore(add(call_, 96), H_Y)
                good := and(good, addMul(call_, mulmod(e0, mload(add(f, F_BLINDER)), R)))
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
                let masks := mload(add(f, F_MASK_POINTS))
                if masks {
                    e0 := mulmod(e0, mload(add(f, F_DELTA2)), R)
                    calldatacopy(add(call_, 64), masks, 64)
                    good := and(good, addMul(call_, mulmod(e0, mload(add(f, F_PSI)), R)))
                    calldatacopy(add(call_, 64), add(masks, 64), 64)
                    good := and(good, addMul(call_, e0))
                }
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
}
