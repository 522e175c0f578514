// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {R, HALF, Frame, F_L, F_N, F_Z, F_U, F_PSI, F_SIDES} from "./ProofFrame.sol";

/// @title The polynomials that a verifier evaluates itself
/// @notice Public columns at x, weights of the oracles at u. Part of the verifier of ProofCore.sol.
library ProofWeights {
    // ---------------------------------------------------------------- of the main sumcheck (§2, §4)

    /// @dev Values of the public columns at x.
    function publicColumns(Frame memory f) internal pure {
        uint256 p = f.columnsAt;
        uint256 end = f.operandsAt;
        uint256 x = f.z;
        (uint256 bases, uint256 scratch) = (f.bases, f.scratch);
        assembly ("memory-safe") {
            function less(m, pos, n) -> value {
                // [row < m]: from the lowest bit
                switch gt(m, sub(shl(n, 1), 1))
                case 1 { value := 1 }
                default {
                    for { let end_ := add(pos, shl(5, n)) } lt(pos, end_) { pos := add(pos, 32) } {
                        let xi := mload(pos)
                        switch and(m, 1)
                        case 1 { value := addmod(1, sub(R, mulmod(xi, addmod(1, sub(R, value), R), R)), R) }
                        default { value := mulmod(value, addmod(1, sub(R, xi), R), R) }
                        m := shr(1, m)
                    }
                }
            }
            let out := mload(add(bases, 0xa0))
            for {} lt(p, end) { p := add(p, 14) } {
                let w := mload(p)
                let n := byte(1, w)
                let a := and(shr(208, w), 0xffffffff)
                let b := and(shr(176, w), 0xffffffff)
                let value := 0
                switch byte(0, w)
                case 0 {
                    // ROW: Σ 2^i x_i, from the top
                    for { let pos := add(x, shl(5, n)) } gt(pos, x) {} {
                        pos := sub(pos, 32)
                        value := addmod(addmod(value, value, R), mload(pos), R)
                    }
                }
                case 1 {
                    let m := a
                    if b { m := mload(add(mload(add(bases, 0x40)), shl(5, a))) }
                    value := less(m, x, n)
                }
                case 2 {
                    value := 1
                    for { let i := 0 } lt(i, n) { i := add(i, 1) } {
                        let xi := mload(add(x, shl(5, i)))
                        if iszero(and(shr(i, a), 1)) { xi := sub(add(R, 1), xi) }
                        value := mulmod(value, xi, R)
                    }
                }
                case 3 {
                    // PUBVEC: fold a copy; an odd rest folds against 0
                    let from := add(mload(add(bases, 0x40)), shl(5, a))
                    for { let i := 0 } lt(i, b) { i := add(i, 1) } { mstore(add(scratch, shl(5, i)), mload(add(from, shl(5, i)))) }
                    for { let i := 0 } lt(i, n) { i := add(i, 1) } {
                        let xi := mload(add(x, shl(5, i)))
                        mstore(add(scratch, shl(5, b)), 0)
                        b := shr(1, add(b, 1))
                        let to := scratch
                        let in_ := scratch
                        for { let last := add(scratch, shl(5, b)) } lt(to, last) { to := add(to, 32) } {
                            let low := mload(in_)
                            mstore(to, addmod(low, mulmod(xi, addmod(mload(add(in_, 32)), sub(R, low), R), R), R))
                            in_ := add(in_, 64)
                        }
                    }
                    value := mload(scratch)
                }
                default {
                    // LESS: from the lowest bit: (1 − a)b + eq(a, b)·less
                    let len := and(shr(144, w), 0xffffffff)
                    for { let i := 0 } lt(i, len) { i := add(i, 1) } {
                        let ai := mload(add(x, shl(5, add(a, i))))
                        let bi := mload(add(x, shl(5, add(b, i))))
                        let ab := mulmod(ai, bi, R)
                        let equal := add(add(1, add(ab, ab)), sub(shl(1, R), add(ai, bi)))
                        value := addmod(add(bi, sub(R, ab)), mulmod(equal, value, R), R)
                    }
                }
                mstore(out, value)
                out := add(out, 32)
            }
        }
    }

    // ---------------------------------------------------------------- of the reduction (§5)

    /// @dev Both values of each eq(bit, u_i), and Ψ(u).
    function bothSides(Frame memory f) internal pure {
        assembly ("memory-safe") {
            let u := mload(add(f, F_U))
            let sides := mload(add(f, F_SIDES))
            let psi := 1
            let power := 1
            for { let end := add(u, shl(5, mload(add(f, F_L)))) } lt(u, end) { u := add(u, 32) } {
                let x := mload(u)
                mstore(sides, sub(add(R, 1), x))
                mstore(add(sides, 32), x)
                sides := add(sides, 64)
                psi := addmod(psi, mulmod(power, x, R), R)
                power := add(power, power)
            }
            mstore(add(f, F_PSI), psi)
        }
    }

    /// @dev Π_{i ≥ n} eq(bit i of off, u_i); `sides` holds both values of each eq.
    function _prefix(uint256 off, uint256 n, uint256 sides, uint256 l) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := 1
            let end := add(sides, shl(6, l))
            sides := add(sides, shl(6, n))
            off := shl(5, shr(n, off))
            for {} lt(sides, end) { sides := add(sides, 64) } {
                value := mulmod(value, mload(add(sides, and(off, 32))), R)
                off := shr(1, off)
            }
        }
    }

    /// @dev Φ_o += γ^k (1 − t)·prefix·Π axes. Neighbours with the same axes share their weight.
    function operandWeights(Frame memory f) internal pure {
        uint256 p = f.operandsAt;
        uint256 weight; // γ^k (1 − t)
        (uint256 gamma, uint256 sides, uint256 l, uint256 phi) = (f.gamma, f.sides, f.l, f.phi);
        uint256 lastAxes; // their hash
        uint256 lastValue;
        assembly ("memory-safe") {
            weight := sub(add(R, 1), mload(add(mload(add(f, F_Z)), shl(5, mload(add(f, F_N))))))
        }
        for (uint256 k = f.k; k != 0; --k) {
            uint256 header;
            uint256 axes;
            assembly ("memory-safe") {
                header := mload(p)
                p := add(p, 7)
                axes := p
                for { let i := byte(6, header) } i { i := sub(i, 1) } {
                    let w := mload(p)
                    switch byte(0, w)
                    case 0 { p := add(p, add(2, byte(1, w))) }
                    case 1 { p := add(p, 3) }
                    default { p := add(p, 10) }
                }
            }
            uint256 hash;
            assembly ("memory-safe") {
                hash := keccak256(axes, sub(p, axes))
            }
            if (hash != lastAxes) {
                lastAxes = hash;
                lastValue = _axes(f, axes, p);
            }
            uint256 value = _prefix((header >> 216) & 0xffffffff, (header >> 208) & 0xff, sides, l);
            assembly ("memory-safe") {
                let pos := add(phi, shl(5, byte(0, header)))
                mstore(pos, addmod(mload(pos), mulmod(weight, mulmod(value, lastValue, R), R), R))
                weight := mulmod(weight, gamma, R)
            }
        }
    }

    /// @dev Π over the axes at p … end of w(x, r; u).
    function _axes(Frame memory f, uint256 p, uint256 end) private pure returns (uint256 value) {
        value = 1;
        (uint256 x, uint256 y) = (f.z, f.u);
        while (p < end) {
            uint256 w;
            uint256 len;
            assembly ("memory-safe") {
                w := mload(p)
                len := byte(1, w)
                p := add(p, 2)
                switch byte(0, w)
                case 0 {
                    let yi := y
                    for { let last := add(p, len) } lt(p, last) { p := add(p, 1) } {
                        let c := mload(add(x, shl(5, byte(0, mload(p)))))
                        let v := mload(yi)
                        yi := add(yi, 32)
                        let both := mulmod(c, v, R)
                        value := mulmod(value, add(add(1, add(both, both)), sub(shl(1, R), add(c, v))), R)
                    }
                }
                case 1 {
                    // NEXT: y = x + 1. With one bit more on top, either the carry ended below and the bits agree, or it ends here.
                    let pos := add(x, shl(5, byte(0, mload(p))))
                    let below := 1 // Π_{i<j} x_i(1−y_i)
                    let next := 0
                    for { let i := 0 } lt(i, len) { i := add(i, 1) } {
                        let xi := mload(add(pos, shl(5, i)))
                        let yi := mload(add(y, shl(5, i)))
                        let both := mulmod(xi, yi, R)
                        let equal := add(add(1, add(both, both)), sub(shl(1, R), add(xi, yi)))
                        next := addmod(mulmod(next, equal, R), mulmod(below, addmod(yi, sub(R, both), R), R), R)
                        below := mulmod(below, addmod(xi, sub(R, both), R), R)
                    }
                    value := mulmod(value, next, R)
                    p := add(p, 1)
                }
                default {}
            }
            if (w >> 248 == 2) {
                uint256 part = _window(f, w, y);
                assembly ("memory-safe") {
                    value := mulmod(value, part, R)
                    p := add(p, 8)
                }
            }
            assembly ("memory-safe") {
                y := add(y, shl(5, len))
            }
        }
    }

    /// @dev Σ_{a<on, b<kn} eq(a; ys)·eq(b; ks)·eq(a·stride + b − pad; y).
    function _window(Frame memory f, uint256 w, uint256 y) private pure returns (uint256 sum) {
        uint256 outs = f.scratch;
        uint256 kernels;
        uint256 places;
        uint256 len = (w >> 240) & 0xff;
        {
            uint256 ob = (w >> 232) & 0xff;
            uint256 kb = (w >> 216) & 0xff;
            kernels = outs + (32 << ob);
            places = kernels + (32 << kb);
            _eqTable(outs, f.z + 32 * ((w >> 224) & 0xff), ob);
            _eqTable(kernels, f.z + 32 * ((w >> 208) & 0xff), kb);
            _eqTable(places, y, len);
        }
        assembly ("memory-safe") {
            let on := byte(6, w)
            let kn := byte(7, w)
            let stride := byte(8, w)
            let pad := byte(9, w)
            for { let a := 0 } lt(a, on) { a := add(a, 1) } {
                let inner := 0
                for { let b := 0 } lt(b, kn) { b := add(b, 1) } {
                    let i := sub(add(mul(a, stride), b), pad) // wraps below 0: then it is not below 2^len
                    if lt(i, shl(len, 1)) { inner := addmod(inner, mulmod(mload(add(kernels, shl(5, b))), mload(add(places, shl(5, i))), R), R) }
                }
                sum := addmod(sum, mulmod(inner, mload(add(outs, shl(5, a))), R), R)
            }
        }
    }

    /// @dev Φ_wmask += t·Σ γ^k eq(offR + k, u) + γ^K δ Σ_{i,d} (z_i^d − ½) eq(offA + i·2^b + d − 1, u).
    function maskWeights(Frame memory f) internal pure {
        uint256 table = f.scratch;
        (uint256 u, uint256 k, uint256 n, uint256 d) = (f.u, f.k, f.n, f.d);
        uint256 header;
        uint256 pos = f.masks;
        assembly ("memory-safe") {
            header := mload(pos)
        }
        uint256 power = 1; // γ^k
        uint256 weight;
        uint256 bits = _log2Up(k);
        _eqTable(table, u, bits);
        {
            uint256 gamma = f.gamma;
            uint256 z = f.z;
            assembly ("memory-safe") {
                for { let end := add(table, shl(5, k)) } lt(table, end) { table := add(table, 32) } {
                    weight := addmod(weight, mulmod(power, mload(table), R), R)
                    power := mulmod(power, gamma, R)
                }
                weight := mulmod(weight, mload(add(z, shl(5, n))), R)
            }
        }
        uint256 prefix = _prefix((header >> 216) & 0xffffffff, bits, f.sides, f.l);
        assembly ("memory-safe") {
            weight := mulmod(weight, prefix, R)
        }
        table = f.scratch;
        bits = _log2Up(d);
        uint256 roundBits = _bitLength(n);
        uint256 rounds = table + (32 << bits);
        _eqTable(table, u, bits);
        _eqTable(rounds, u + 32 * bits, roundBits);
        uint256 sum;
        {
            // Σ_i E_i (Σ_d e_d z_i^d) − ½ (Σ_i E_i)(Σ_d e_d); the e beyond D are taken as zeros.
            uint256 z = f.z;
            assembly ("memory-safe") {
                let es := add(table, shl(5, d))
                let all := 0
                for { let e := table } lt(e, es) { e := add(e, 32) } { all := addmod(all, mload(e), R) }
                let weights := 0
                let e1 := mload(table)
                let e2 := mload(add(table, 32))
                let e3 := mul(mload(add(table, 64)), gt(d, 2))
                let e4 := mul(mload(add(table, 96)), gt(d, 3))
                for { let end := add(z, shl(5, add(n, 1))) } lt(z, end) { z := add(z, 32) } {
                    let x := mload(z)
                    let inner := 0
                    if gt(d, 4) {
                        for { let e := sub(es, 32) } gt(e, add(table, 96)) { e := sub(e, 32) } { inner := mulmod(addmod(inner, mload(e), R), x, R) }
                    }
                    inner := mulmod(add(inner, e4), x, R)
                    inner := mulmod(add(inner, e3), x, R)
                    inner := mulmod(add(inner, e2), x, R)
                    inner := mulmod(add(inner, e1), x, R)
                    let e := mload(rounds)
                    weights := addmod(weights, e, R)
                    sum := addmod(sum, mulmod(inner, e, R), R)
                    rounds := add(rounds, 32)
                }
                sum := addmod(sum, sub(R, mulmod(mulmod(all, weights, R), HALF, R)), R)
            }
        }
        prefix = _prefix((header >> 184) & 0xffffffff, bits + roundBits, f.sides, f.l);
        (uint256 delta, uint256 phi) = (f.delta, f.phi);
        assembly ("memory-safe") {
            weight := addmod(weight, mulmod(mulmod(power, delta, R), mulmod(prefix, sum, R), R), R)
            let slot := add(phi, shl(5, byte(0, header)))
            mstore(slot, addmod(mload(slot), weight, R))
        }
    }

    /// @dev All eq(k, c), k < 2^bits, to `to`; c are words at `from`.
    function _eqTable(uint256 to, uint256 from, uint256 bits) private pure {
        assembly ("memory-safe") {
            mstore(to, 1)
            if bits {
                let c := mload(from)
                mstore(to, sub(add(R, 1), c))
                mstore(add(to, 32), c)
                let size := 64
                for { let last := add(from, shl(5, bits)) } 1 {} {
                    from := add(from, 32)
                    if iszero(lt(from, last)) { break }
                    c := mload(from)
                    let high := add(to, size)
                    for { let low := to } lt(low, add(to, size)) { low := add(low, 64) } {
                        let v := mload(low)
                        let w := mulmod(v, c, R)
                        mstore(high, w)
                        mstore(low, addmod(v, sub(R, w), R))
                        v := mload(add(low, 32))
                        w := mulmod(v, c, R)
                        mstore(add(high, 32), w)
                        mstore(add(low, 32), addmod(v, sub(R, w), R))
                        high := add(high, 64)
                    }
                    size := shl(1, size)
                }
            }
        }
    }

    function _bitLength(uint256 value) private pure returns (uint256 bits) {
        for (; value != 0; value >>= 1) ++bits;
    }

    function _log2Up(uint256 value) private pure returns (uint256) {
        return value <= 1 ? 0 : _bitLength(value - 1);
    }
}
