// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The verifier of Peaberry's proofs: one interpreter for every plan
/// @notice docs/reference/proof-protocol.md is the specification; its section numbers stand in the comments. The C++ verifier
/// (src/proof/verify) gives the same answer for every input. A plan must have passed `ProofPlan.check` before: nothing is checked of it here.
///
/// Everything the verifier ever uses has been absorbed before the next challenge. Whatever fails, the answer is `false`, no more.
/// Scalars are read below R; points are validated by the precompiles (EIP-196), which every point of a proof passes through.
library ProofCore {
    /// @dev The scalar field's order and the base field's.
    uint256 internal constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;
    uint256 internal constant Q = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;
    /// @dev 1/2 mod R.
    uint256 internal constant HALF = 0x183227397098d014dc2822db40c0ac2e9419f4243cdcb848a1f0fac9f8000001;
    /// @dev The second generator: hashed from "peaberry/H/1" (§1).
    uint256 internal constant H_X = 0x0a1d0f9905521967cd5c2180f2fdc0e26bf063127ba92279405855b0aa98612f;
    uint256 internal constant H_Y = 0x2652f5d2d1e195330f07ea81ac80ffdcca339e0ef5b16c6f53178ddfa199a968;

    /// @notice [tau]_2 in EIP-197's order.
    struct Tau {
        uint256 xIm;
        uint256 xRe;
        uint256 yIm;
        uint256 yRe;
    }

    /// @notice What gives a proof its meaning beside the plan. `registered`: 64 bytes a commitment of phase 0; `inputs`: public inputs.
    struct Statement {
        bytes32 srsId;
        uint256 chainId;
        address verifier;
        bytes32 ctx;
        bytes32 planHash;
        bytes registered;
        uint256[] inputs;
    }

    /// @dev Where things lie in memory, and the challenges; arrays of words unless said otherwise.
    struct Frame {
        uint256 ok; // 1 while everything that was read is canonical
        uint256 cursor; // calldata: the next byte of the proof
        uint256 buffer; // transcript: T, tag, message
        uint256 l;
        uint256 n;
        uint256 d;
        uint256 k;
        uint256 masks; // plan: wmask, offR, offA
        uint256 columnsAt; // plan: public columns
        uint256 operandsAt; // plan: operands
        uint256 claimsAt; // plan: claims
        uint256 bases; // words 1…5: constants, inputs, challenges, operand values, public columns
        uint256 r; // = z + 64 words: a source j of an axis is word j from z on, up to the constants 0 and 1 at 128 and 129
        uint256 z; // challenges of the main sumcheck: x_0 … x_{n−1}, t
        uint256 u; // challenges of the reduction
        uint256 stack;
        uint256 scratch; // free memory from here on
        uint256 phi; // weights of the oracles
        uint256 oracles;
        uint256 delta;
        uint256 lambda;
        uint256 gamma;
        uint256 delta2;
        uint256 current;
        uint256 commitments; // calldata: phase 1, then phase 2
        uint256 maskPoints; // calldata: C_sigma, C_omega
        uint256 psi; // 1 + Σ 2^i u_i
        uint256 sides; // u_i and 1 − u_i, in pairs: 1 − u_i first
    }

    function srsId(Tau memory tau) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked("peaberry/srs/1", tau.xIm, tau.xRe, tau.yIm, tau.yRe, H_X, H_Y));
    }

    /// @notice Whether the proof shows that the plan's claims hold for the statement.
    function verify(Tau memory tau, bytes memory plan, Statement memory statement, bytes calldata proof) internal view returns (bool) {
        Frame memory f;
        if (!_begin(f, plan, statement, proof)) return false;
        _main(f);
        _reduce(f);
        return _open(f, tau, statement.registered);
    }

    // ---------------------------------------------------------------- transcript

    /// @dev T ← keccak256(T ‖ tag ‖ size bytes of the proof); moves the cursor. The message stays at buffer + 33.
    function _step(Frame memory f, uint256 tag, uint256 size) private pure returns (uint256 challenge) {
        assembly ("memory-safe") {
            let buffer := mload(add(f, 0x40))
            let cursor := mload(add(f, 0x20))
            mstore8(add(buffer, 32), tag)
            calldatacopy(add(buffer, 33), cursor, size)
            mstore(add(f, 0x20), add(cursor, size))
            let state := keccak256(buffer, add(33, size))
            mstore(buffer, state)
            challenge := mod(state, R)
        }
    }

    /// @dev `ok` stays only if the `count` words at `at` are below R.
    function _canonical(Frame memory f, uint256 pos, uint256 count) private pure {
        assembly ("memory-safe") {
            let good := mload(f)
            for { let end := add(pos, shl(5, count)) } lt(pos, end) { pos := add(pos, 32) } { good := and(good, lt(mload(pos), R)) }
            mstore(f, good)
        }
    }

    /// @dev Reads the plan's header, checks lengths, absorbs the statement and the commitments (rows 1 to 3 of §5).
    function _begin(Frame memory f, bytes memory plan, Statement memory s, bytes calldata proof) private pure returns (bool) {
        uint256 phase1;
        uint256 phase2;
        {
            uint256 p;
            uint256 header;
            assembly ("memory-safe") {
                p := add(plan, 32)
                header := mload(p)
                mstore(add(f, 0x60), byte(1, header))
                mstore(add(f, 0x80), byte(2, header))
                mstore(add(f, 0xa0), byte(3, header))
                mstore(add(f, 0xc0), and(shr(160, header), 0xffff))
            }
            if (s.inputs.length != (header >> 208) & 0xffff) return false;
            uint256 oracles = (header >> 152) & 0xff;
            p += 13;
            for (uint256 i = 0; i < oracles; ++i) {
                uint256 phase;
                assembly ("memory-safe") {
                    phase := byte(1, mload(p))
                }
                if (phase == 1) ++phase1;
                if (phase == 2) ++phase2;
                p += 2;
            }
            if (s.registered.length != 64 * (oracles - phase1 - phase2)) return false;
            f.oracles = oracles;
            f.masks = p;
            uint256 constants = p + 9;
            f.columnsAt = constants + 32 * ((header >> 192) & 0xffff);
            f.operandsAt = f.columnsAt + 14 * ((header >> 176) & 0xffff);
            f.ok = 1;
            f.bases = _words(6);
            uint256 challenges = _words(3);
            uint256 values = _words(f.k);
            uint256 columns = _words((header >> 176) & 0xffff);
            uint256[] memory inputs = s.inputs;
            assembly ("memory-safe") {
                let bases := mload(add(f, 0x160))
                mstore(add(bases, 0x20), constants)
                mstore(add(bases, 0x40), add(inputs, 32))
                mstore(add(bases, 0x60), challenges)
                mstore(add(bases, 0x80), values)
                mstore(add(bases, 0xa0), columns)
            }
            f.z = _words(130);
            f.r = f.z + 64 * 32;
            f.u = _words(f.l);
            f.sides = _words(2 * f.l);
            f.phi = _words(oracles);
            (uint256 phi, uint256 z) = (f.phi, f.z);
            assembly ("memory-safe") {
                calldatacopy(phi, calldatasize(), shl(5, oracles)) // zeros
                mstore(add(z, 0x1000), 0)
                mstore(add(z, 0x1020), 1)
            }
        }
        uint256 levels = (f.l + 1) / 2;
        // points: oracles, C_σ, C_ω, G_1 … G_{L−1}, Q, W; scalars: rounds, values, reduction, ρ*, parts
        uint256 parts = 1 + 3 * (f.l / 2) + (f.l & 1);
        if (proof.length != 64 * (phase1 + phase2 + levels + 3) + 32 * ((f.n + 1) * f.d + f.k + 2 * f.l + 1 + parts)) return false;
        {
            uint256[] memory inputs = s.inputs;
            uint256 pos;
            assembly ("memory-safe") {
                pos := add(inputs, 32)
            }
            _canonical(f, pos, inputs.length);
        }
        bytes32 state = keccak256(
            abi.encodePacked(
                "peaberry/proof/1", s.srsId, s.chainId, s.verifier, s.ctx, s.planHash, uint16(s.registered.length / 64), uint16(s.inputs.length), s.registered, s.inputs
            )
        );
        // The longest message: operand values, or a round, or the commitments.
        uint256 longest = f.k + 2 * (phase1 + phase2) + 2 * f.d + parts + 2 * levels + 8;
        f.buffer = _words(longest + 2);
        uint256 free;
        assembly ("memory-safe") {
            mstore(mload(add(f, 0x40)), state)
            mstore(add(f, 0x20), proof.offset)
            free := mload(0x40)
        }
        f.stack = free;
        f.scratch = free;
        f.commitments = f.cursor;
        uint256 base = f.bases;
        uint256 theta = _step(f, 1, 0);
        uint256 alpha = _step(f, 2, 64 * phase1);
        uint256 beta = _step(f, 3, 0);
        assembly ("memory-safe") {
            let challenges := mload(add(base, 0x60))
            mstore(challenges, theta)
            mstore(add(challenges, 0x20), alpha)
            mstore(add(challenges, 0x40), beta)
        }
        f.lambda = _step(f, 4, 64 * phase2);
        f.delta = _step(f, 5, 0);
        assembly ("memory-safe") {
            let buffer := mload(add(f, 0x40))
            let to := mload(add(f, 0x180))
            mstore8(add(buffer, 32), 6)
            for { let end := add(to, shl(5, mload(add(f, 0x80)))) } lt(to, end) { to := add(to, 32) } {
                let next := keccak256(buffer, 33)
                mstore(buffer, next)
                mstore(to, mod(next, R))
            }
        }
        return true;
    }

    /// @dev Room for `count` words.
    function _words(uint256 count) private pure returns (uint256 pos) {
        assembly ("memory-safe") {
            pos := mload(0x40)
            mstore(0x40, add(pos, shl(5, count)))
        }
    }

    // ---------------------------------------------------------------- main sumcheck (§6)

    function _main(Frame memory f) private pure {
        _findClaims(f);
        f.stack = f.scratch;
        _rounds(f);
        // v̂ → γ
        uint256 k = f.k;
        f.gamma = _step(f, 8, 32 * k);
        assembly ("memory-safe") {
            let from := add(mload(add(f, 0x40)), 33)
            let to := mload(add(mload(add(f, 0x160)), 0x80))
            let good := mload(f)
            for { let end := add(from, shl(5, k)) } lt(from, end) { from := add(from, 32) } {
                let v := mload(from)
                good := and(good, lt(v, R))
                mstore(to, v)
                to := add(to, 32)
            }
            mstore(f, good)
        }
        _publicColumns(f);
        (uint256 targets, uint256 total) = _claims(f);
        assembly ("memory-safe") {
            // G* = cur − (1 − t)·Ẑ
            let z := mload(add(f, 0x1a0))
            let last := add(z, shl(5, mload(add(f, 0x80))))
            let t := mload(last)
            if targets {
                for {} iszero(gt(z, last)) { z := add(z, 32) } { targets := mulmod(targets, mload(z), R) }
            }
            let current := add(mload(add(f, 0x2e0)), targets)
            mstore(add(f, 0x2e0), addmod(current, sub(R, mulmod(sub(add(R, 1), t), total, R)), R))
        }
    }

    /// @dev The operands' descriptions end where the claims begin.
    function _findClaims(Frame memory f) private pure {
        assembly ("memory-safe") {
            let p := mload(add(f, 0x120))
            for { let i := mload(add(f, 0xc0)) } i { i := sub(i, 1) } {
                let axes := byte(6, mload(p))
                p := add(p, 7)
                for {} axes { axes := sub(axes, 1) } {
                    let w := mload(p)
                    switch byte(0, w)
                    case 0 { p := add(p, add(2, byte(1, w))) }
                    case 1 { p := add(p, 3) }
                    default { p := add(p, 10) }
                }
            }
            mstore(add(f, 0x140), p)
        }
    }

    /// @dev Runs postfix code at p … end over the tables of `bases`; the stack lies at `stack`.
    function _run(uint256 p, uint256 end, uint256 bases, uint256 stack) private pure returns (uint256 top) {
        assembly ("memory-safe") {
            for {} lt(p, end) {} {
                let w := mload(p)
                let op := byte(0, w)
                switch lt(op, 16)
                case 1 {
                    mstore(stack, top)
                    stack := add(stack, 32)
                    top := mload(add(mload(add(bases, shl(5, op))), and(shr(227, w), 0x1fffe0)))
                    p := add(p, 3)
                }
                default {
                    stack := sub(stack, 32)
                    let left := mload(stack)
                    switch op
                    case 18 { top := mulmod(left, top, R) }
                    case 16 { top := addmod(left, top, R) }
                    default { top := addmod(left, sub(R, top), R) }
                    p := add(p, 1)
                }
            }
        }
    }

    /// @dev Rounds 0 … n: c_0, c_2 … c_D; c_1 follows from the running claim. Coefficients beyond D are zeros behind the message, so that up to
    /// degree 4 there is no inner loop.
    function _rounds(Frame memory f) private pure {
        uint256 d = f.d;
        assembly ("memory-safe") {
            let buffer := mload(add(f, 0x40))
            let cursor := mload(add(f, 0x20))
            // A round turns a claim cur into c_0 + x(cur − 2c_0 − Σ) + …, in which cur has the factor x: the targets, which are not known yet, join
            // afterwards with the product of all challenges. Sums of up to five scalars need no reduction: 5R < 2^256.
            let current := 0
            let good := mload(f)
            let size := shl(5, d)
            let z := mload(add(f, 0x1a0))
            calldatacopy(add(buffer, 33), calldatasize(), 256)
            mstore8(add(buffer, 32), 7)
            for { let end := add(z, shl(5, add(mload(add(f, 0x80)), 1))) } lt(z, end) { z := add(z, 32) } {
                calldatacopy(add(buffer, 33), cursor, size)
                cursor := add(cursor, size)
                let x := keccak256(buffer, add(33, size))
                mstore(buffer, x)
                x := mod(x, R)
                mstore(z, x)
                let sum := 0 // of c_2 … c_D and 2c_0
                let value := 0 // Horner
                if gt(size, 128) {
                    for { let word := add(buffer, 257) } gt(word, add(buffer, 129)) { word := sub(word, 32) } {
                        let c := mload(word)
                        good := and(good, lt(c, R))
                        sum := addmod(sum, c, R)
                        value := mulmod(add(value, c), x, R)
                    }
                    current := addmod(current, sub(R, sum), R)
                    sum := 0
                }
                let c := mload(add(buffer, 129))
                good := and(good, lt(c, R))
                sum := c
                value := mulmod(add(value, c), x, R)
                c := mload(add(buffer, 97))
                good := and(good, lt(c, R))
                sum := add(sum, c)
                value := mulmod(add(value, c), x, R)
                c := mload(add(buffer, 65))
                good := and(good, lt(c, R))
                sum := add(sum, c)
                value := mulmod(add(value, c), x, R)
                c := mload(add(buffer, 33))
                good := and(good, lt(c, R))
                sum := add(sum, add(c, c))
                current := addmod(mulmod(add(value, addmod(current, sub(mul(5, R), sum), R)), x, R), c, R)
            }
            mstore(add(f, 0x20), cursor)
            mstore(add(f, 0x2e0), current)
            mstore(f, good)
        }
    }

    /// @dev Values of the public columns at x.
    function _publicColumns(Frame memory f) private pure {
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

    /// @dev Σ λ^c target_c, and Ẑ = Σ λ^c Σ_terms 2^(nt−n)·Π eq(x, r)·code.
    function _claims(Frame memory f) private pure returns (uint256 targets, uint256 total) {
        uint256 p = f.claimsAt;
        uint256 claims;
        uint256 weight = 1;
        (uint256 bases, uint256 stack, uint256 lambda) = (f.bases, f.stack, f.lambda);
        uint256 run; // the last eq-run: len, rs, xs
        uint256 runValue = 1;
        assembly ("memory-safe") {
            claims := shr(240, mload(p))
            p := add(p, 2)
        }
        for (; claims != 0; --claims) {
            uint256 terms;
            uint256 sum = 0;
            {
                uint256 size;
                assembly ("memory-safe") {
                    size := shr(240, mload(p))
                    p := add(p, 2)
                }
                uint256 target = _run(p, p + size, bases, stack);
                assembly ("memory-safe") {
                    targets := addmod(targets, mulmod(weight, target, R), R)
                    p := add(p, size)
                    terms := byte(0, mload(p))
                    p := add(p, 1)
                }
            }
            for (; terms != 0; --terms) {
                uint256 header;
                assembly ("memory-safe") {
                    header := mload(p)
                    p := add(p, 6)
                }
                uint256 size = (header >> 208) & 0xffff;
                uint256 value = _run(p, p + size, bases, stack);
                assembly ("memory-safe") {
                    p := add(p, size)
                    let len := byte(3, header)
                    if len {
                        // Most claims share one run: it is evaluated once.
                        let key := and(shr(224, header), 0xffffff)
                        if xor(key, run) {
                            run := key
                            runValue := 1
                            let x := add(mload(add(f, 0x1a0)), shl(5, byte(1, header)))
                            let r := add(mload(add(f, 0x180)), shl(5, byte(2, header)))
                            for { let end := add(x, shl(5, len)) } lt(x, end) { x := add(x, 32) } {
                                let xi := mload(x)
                                let ri := mload(r)
                                let both := mulmod(xi, ri, R)
                                runValue := mulmod(runValue, add(add(1, add(both, both)), sub(shl(1, R), add(xi, ri))), R)
                                r := add(r, 32)
                            }
                        }
                        value := mulmod(value, runValue, R)
                    }
                    for { let i := sub(mload(add(f, 0x80)), byte(0, header)) } i { i := sub(i, 1) } {
                        // halve: an odd number is first made even by adding R
                        value := shr(1, add(value, mul(and(value, 1), R)))
                    }
                    sum := addmod(sum, value, R)
                }
            }
            assembly ("memory-safe") {
                total := addmod(total, mulmod(weight, sum, R), R)
                weight := mulmod(weight, lambda, R)
            }
        }
    }

    // ---------------------------------------------------------------- reduction sumcheck (§7)

    function _reduce(Frame memory f) private pure {
        f.maskPoints = f.cursor;
        f.delta2 = _step(f, 9, 128);
        assembly ("memory-safe") {
            // current = Σ γ^k v̂_k + γ^K G*, by Horner from the top
            let k := mload(add(f, 0xc0))
            let gamma := mload(add(f, 0x2a0))
            let value := mload(add(f, 0x2e0))
            let first := mload(add(mload(add(f, 0x160)), 0x80))
            for { let pos := add(first, shl(5, k)) } gt(pos, first) {} {
                pos := sub(pos, 32)
                value := addmod(mulmod(value, gamma, R), mload(pos), R)
            }
            let buffer := mload(add(f, 0x40))
            let cursor := mload(add(f, 0x20))
            let good := mload(f)
            let u := mload(add(f, 0x1c0))
            mstore8(add(buffer, 32), 10)
            for { let end := add(u, shl(5, mload(add(f, 0x60)))) } lt(u, end) { u := add(u, 32) } {
                calldatacopy(add(buffer, 33), cursor, 64)
                cursor := add(cursor, 64)
                let x := keccak256(buffer, 97)
                mstore(buffer, x)
                x := mod(x, R)
                mstore(u, x)
                let c0 := mload(add(buffer, 33))
                let c2 := mload(add(buffer, 65))
                good := and(good, and(lt(c0, R), lt(c2, R)))
                value := addmod(mulmod(add(mulmod(c2, x, R), addmod(value, sub(mul(4, R), add(add(c0, c0), c2)), R)), x, R), c0, R)
            }
            mstore(add(f, 0x20), cursor)
            mstore(add(f, 0x2e0), value)
            mstore(f, good)
        }
        _sides(f);
        _operandWeights(f);
        _maskWeights(f);
    }

    /// @dev Both values of each eq(bit, u_i), and Ψ(u).
    function _sides(Frame memory f) private pure {
        assembly ("memory-safe") {
            let u := mload(add(f, 0x1c0))
            let sides := mload(add(f, 0x360))
            let psi := 1
            let power := 1
            for { let end := add(u, shl(5, mload(add(f, 0x60)))) } lt(u, end) { u := add(u, 32) } {
                let x := mload(u)
                mstore(sides, sub(add(R, 1), x))
                mstore(add(sides, 32), x)
                sides := add(sides, 64)
                psi := addmod(psi, mulmod(power, x, R), R)
                power := add(power, power)
            }
            mstore(add(f, 0x340), psi)
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
    function _operandWeights(Frame memory f) private pure {
        uint256 p = f.operandsAt;
        uint256 weight; // γ^k (1 − t)
        (uint256 gamma, uint256 sides, uint256 l, uint256 phi) = (f.gamma, f.sides, f.l, f.phi);
        uint256 lastAxes; // their hash
        uint256 lastValue;
        assembly ("memory-safe") {
            weight := sub(add(R, 1), mload(add(mload(add(f, 0x1a0)), shl(5, mload(add(f, 0x80))))))
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
    function _maskWeights(Frame memory f) private pure {
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

    function _bitLength(uint256 value) private pure returns (uint256 bits) {
        for (; value != 0; value >>= 1) ++bits;
    }

    function _log2Up(uint256 value) private pure returns (uint256) {
        return value <= 1 ? 0 : _bitLength(value - 1);
    }

    // ---------------------------------------------------------------- opening (§8)

    /// @dev What the levels leave: at `e` the 1/(z^a − κ_{i+1})·ν^i, the constant in front of G, and whether the top is right.
    function _levels(Frame memory f, uint256 kappa, uint256 nu, uint256 zeta, uint256 parts, uint256 e) private view returns (uint256 constant_, bool good) {
        uint256 l = f.l;
        uint256 levels = (l + 1) / 2;
        uint256 remainders = e + 32 * levels;
        uint256 fold;
        assembly ("memory-safe") {
            let u := mload(add(f, 0x1c0))
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
            good := eq(fold, mload(add(f, 0x2e0)))
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

    function _open(Frame memory f, Tau memory tau, bytes memory registered) private view returns (bool) {
        uint256 levels = (f.l + 1) / 2;
        uint256 folds = f.cursor + 32; // calldata: G_1 …
        uint256 blinder;
        uint256 kappa = _step(f, 11, 32 + 64 * (levels - 1));
        assembly ("memory-safe") {
            blinder := mload(add(mload(add(f, 0x40)), 33))
            mstore(f, and(mload(f), lt(blinder, R)))
        }
        uint256 constant_;
        uint256 zeta;
        uint256 e = f.scratch;
        uint256 quotient;
        {
            uint256 parts = 1 + 3 * (f.l / 2) + (f.l & 1);
            uint256 nu = _step(f, 12, 32 * parts);
            // The parts move out of the way of the next message.
            uint256 kept = e;
            e += 32 * parts;
            assembly ("memory-safe") {
                let from := add(mload(add(f, 0x40)), 33)
                for { let i := 0 } lt(i, parts) { i := add(i, 1) } { mstore(add(kept, shl(5, i)), mload(add(from, shl(5, i)))) }
            }
            _canonical(f, kept, parts);
            quotient = f.cursor;
            zeta = _step(f, 13, 64);
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
            let phi := mload(add(f, 0x220))
            let from := add(registered, 32)
            for { let end := add(from, mload(registered)) } lt(from, end) { from := add(from, 64) } {
                mstore(add(call_, 64), mload(from))
                mstore(add(call_, 96), mload(add(from, 32)))
                good := and(good, addMul(call_, mulmod(e0, mload(phi), R)))
                phi := add(phi, 32)
            }
            let sent := mload(add(f, 0x300))
            for { let end := add(mload(add(f, 0x220)), shl(5, mload(add(f, 0x240)))) } lt(phi, end) { phi := add(phi, 32) } {
                calldatacopy(add(call_, 64), sent, 64)
                sent := add(sent, 64)
                good := and(good, addMul(call_, mulmod(e0, mload(phi), R)))
            }
            // −e_0 δ'Ψ(u) C_σ − e_0 δ' C_ω
            e0 := mulmod(e0, mload(add(f, 0x2c0)), R)
            let masks := mload(add(f, 0x320))
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
