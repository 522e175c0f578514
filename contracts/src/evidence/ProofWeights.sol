// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {R, HALF, Frame, F_D, F_L, F_N, F_Z, F_U, F_PSI, F_SIDES, F_TAILS, ProofFrames} from "./ProofFrame.sol";

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

    /// @dev Both values of each eq(bit, u_i), the products of all 1 − u_j from each i on, and Ψ(u).
    function bothSides(Frame memory f) internal pure {
        assembly ("memory-safe") {
            // all from the top down: Ψ by Horner
            let u := mload(add(f, F_U))
            let l := mload(add(f, F_L))
            let at := add(u, shl(5, l))
            let sides := add(mload(add(f, F_SIDES)), shl(6, l))
            let tail := add(mload(add(f, F_TAILS)), shl(5, l))
            let psi := 0
            let product := 1
            mstore(tail, 1)
            for {} gt(at, u) {} {
                at := sub(at, 32)
                let x := mload(at)
                psi := addmod(add(psi, psi), x, R)
                sides := sub(sides, 64)
                mstore(add(sides, 32), x)
                x := sub(add(R, 1), x)
                mstore(sides, x)
                product := mulmod(product, x, R)
                tail := sub(tail, 32)
                mstore(tail, product)
            }
            mstore(add(f, F_PSI), add(psi, 1))
        }
    }

    /// @dev Π_{i ≥ n} eq(bit i of off, u_i). Above the highest bit of `off` all are 1 − u_i.
    function _prefix(uint256 off, uint256 n, uint256 sides, uint256 tails) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := 1
            sides := add(sides, shl(6, n))
            tails := add(tails, shl(5, n))
            for { off := shl(5, shr(n, off)) } off { off := and(shr(1, off), not(31)) } {
                value := mulmod(value, mload(add(sides, and(off, 32))), R)
                sides := add(sides, 64)
                tails := add(tails, 32)
            }
            value := mulmod(value, mload(tails), R)
        }
    }

    /// @dev Φ_o += γ^k (1 − t)·prefix·Π axes. Neighbours with the same axes share their weight.
    function operandWeights(Frame memory f) internal pure {
        uint256 p = f.operandsAt;
        uint256 weight; // γ^k (1 − t)
        (uint256 gamma, uint256 sides, uint256 tails, uint256 phi) = (f.gamma, f.sides, f.tails, f.phi);
        uint256 lastAxes; // their hash
        uint256 lastValue;
        uint256 runs = f.runs;
        uint256 known; // factors of the run x_0, x_1 … against u_0, u_1 …
        assembly ("memory-safe") {
            weight := sub(add(R, 1), mload(add(mload(add(f, F_Z)), shl(5, mload(add(f, F_N))))))
            mstore(runs, 1)
        }
        uint256 k = f.k;
        for (; k != 0;) {
            unchecked {
                --k;
            }
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
                uint256 len = _plain(axes, p);
                if (len != 0) {
                    if (len > known) {
                        unchecked {
                            ProofFrames.extend(runs + 32 * known, f.z + 32 * known, f.u + 32 * known, len - known);
                        }
                        known = len;
                    }
                    assembly ("memory-safe") {
                        lastValue := mload(add(runs, shl(5, len)))
                    }
                } else {
                    lastValue = _axes(f, axes, p);
                }
            }
            uint256 value = _prefix((header >> 216) & 0xffffffff, (header >> 208) & 0xff, sides, tails);
            assembly ("memory-safe") {
                let pos := add(phi, shl(5, byte(0, header)))
                mstore(pos, addmod(mload(pos), mulmod(weight, mulmod(value, lastValue, R), R), R))
                weight := mulmod(weight, gamma, R)
            }
        }
    }

    /// @dev The length of a column that is looked at as it is, x_0, x_1 … in order; 0 for any other view.
    function _plain(uint256 axes, uint256 end) private pure returns (uint256 len) {
        assembly ("memory-safe") {
            let w := mload(axes)
            len := byte(1, w)
            let unused := sub(256, shl(3, len)) // len ≤ 28
            let order := xor(mload(add(axes, 2)), 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f)
            len := mul(len, and(and(iszero(byte(0, w)), eq(end, add(axes, add(2, len)))), iszero(shr(unused, order))))
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
        unchecked {
            uint256 header;
            uint256 pos = f.masks;
            assembly ("memory-safe") {
                header := mload(pos)
            }
            (uint256 k, uint256 d, uint256 n) = (f.k, _log2Up(f.d), _bitLength(f.n));
            (uint256 weight, uint256 power) = _powers(f.u, f.gamma, k);
            uint256 prefix = _prefix((header >> 216) & 0xffffffff, _log2Up(k), f.sides, f.tails);
            uint256 t = f.z + 32 * f.n;
            assembly ("memory-safe") {
                weight := mulmod(weight, mulmod(mload(t), prefix, R), R)
            }
            uint256 sum = _roundMasks(f, d, n);
            prefix = _prefix((header >> 184) & 0xffffffff, d + n, f.sides, f.tails);
            (uint256 delta, uint256 phi) = (f.delta, f.phi);
            assembly ("memory-safe") {
                weight := addmod(weight, mulmod(mulmod(power, delta, R), mulmod(prefix, sum, R), R), R)
                let slot := add(phi, shl(5, byte(0, header)))
                mstore(slot, addmod(mload(slot), weight, R))
            }
        }
    }

    /// @dev Σ_{k < count} γ^k eq(k, u) over ⌈log2 count⌉ variables, and γ^count. From the lowest bit: where count has it, all numbers without it are below, and those
    /// with it whose lower bits are.
    function _powers(uint256 u, uint256 gamma, uint256 count) private pure returns (uint256 sum, uint256 power) {
        assembly ("memory-safe") {
            power := 1
            let whole := iszero(and(count, sub(count, 1))) // a power of two: its highest bit is no variable
            let all := 1 // Σ over all numbers of the bits so far
            for {} gt(count, 1) { count := shr(1, count) } {
                let x := mload(u)
                u := add(u, 32)
                let with := mulmod(x, gamma, R)
                x := sub(add(R, 1), x)
                switch and(count, 1)
                case 1 {
                    sum := addmod(mulmod(x, all, R), mulmod(with, sum, R), R)
                    power := mulmod(power, gamma, R)
                }
                default { sum := mulmod(x, sum, R) }
                all := mulmod(all, add(x, with), R)
                gamma := mulmod(gamma, gamma, R)
            }
            power := mulmod(power, gamma, R)
            switch whole
            case 1 { sum := all }
            default {
                let x := mload(u)
                sum := addmod(mulmod(sub(add(R, 1), x), all, R), mulmod(mulmod(x, gamma, R), sum, R), R)
            }
        }
    }

    /// @dev Σ_{i ≤ n} eq(i; u_b …) Σ_d eq(d − 1; u_0 … u_{b−1})(z_i^d − ½): a vector over i, folded by its bits.
    function _roundMasks(Frame memory f, uint256 degreeBits, uint256 bits) private pure returns (uint256 sum) {
        uint256 table = f.scratch;
        uint256 u = f.u;
        _eqTable(table, u, degreeBits);
        uint256 count;
        uint256 vector;
        unchecked {
            u += 32 * degreeBits;
            count = f.n + 1;
            vector = table + (32 << degreeBits) + 64;
        }
        assembly ("memory-safe") {
            let d := mload(add(f, F_D))
            let es := add(table, shl(5, d))
            let half := 0
            for { let e := table } lt(e, es) { e := add(e, 32) } { half := addmod(half, mload(e), R) }
            half := sub(R, mulmod(half, HALF, R))
            let z := mload(add(f, F_Z))
            let to := vector
            let end := add(to, shl(5, count))
            switch gt(d, 4)
            case 0 {
                // the e beyond D are taken as zeros
                let e1 := mload(table)
                let e2 := mload(add(table, 32))
                let e3 := mul(mload(add(table, 64)), gt(d, 2))
                let e4 := mul(mload(add(table, 96)), gt(d, 3))
                for {} lt(to, end) { to := add(to, 32) } {
                    let x := mload(z)
                    z := add(z, 32)
                    mstore(to, add(half, mulmod(add(mulmod(add(mulmod(add(mulmod(e4, x, R), e3), x, R), e2), x, R), e1), x, R)))
                }
            }
            default {
                for {} lt(to, end) { to := add(to, 32) } {
                    let x := mload(z)
                    z := add(z, 32)
                    let inner := 0
                    for { let e := es } gt(e, table) {} {
                        e := sub(e, 32)
                        inner := mulmod(add(inner, mload(e)), x, R)
                    }
                    mstore(to, add(half, inner))
                }
            }
            // Entries stay below 2R; an odd rest folds against 0.
            for {} bits { bits := sub(bits, 1) } {
                let c := mload(u)
                u := add(u, 32)
                mstore(add(vector, shl(5, count)), 0)
                count := shr(1, add(count, 1))
                let from := vector
                to := vector
                for { end := add(vector, shl(5, count)) } lt(to, end) { to := add(to, 32) } {
                    let low := mload(from)
                    mstore(to, addmod(low, mulmod(c, add(mload(add(from, 32)), sub(shl(1, R), low)), R), R))
                    from := add(from, 64)
                }
            }
            sum := mload(vector)
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

    /// @dev Of a value below 2^16.
    function _bitLength(uint256 value) private pure returns (uint256 bits) {
        assembly ("memory-safe") {
            bits := shl(3, gt(value, 0xff))
            value := shr(bits, value)
            let more := shl(2, gt(value, 0xf))
            bits := or(bits, more)
            value := shr(more, value)
            // lengths of 0 … 15, a nibble each
            bits := add(bits, and(15, shr(shl(2, value), 0x4444444433332210)))
        }
    }

    function _log2Up(uint256 value) private pure returns (uint256) {
        return value <= 1 ? 0 : _bitLength(value - 1);
    }
}
