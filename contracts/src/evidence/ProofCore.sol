// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {R, Q, H_X, H_Y, Frame, Statement, Tau, F_CURSOR, F_BUFFER, F_L, F_N, F_D, F_K, F_OPERANDS_AT, F_CLAIMS_AT, F_BASES, F_R, F_Z, F_U, F_GAMMA, F_CURRENT, F_RUNS, ProofFrames} from "./ProofFrame.sol";
import {ProofOpening} from "./ProofOpening.sol";
import {ProofWeights} from "./ProofWeights.sol";

/// @title The verifier of Peaberry's proofs: one interpreter for every plan
/// @notice docs/reference/proof-protocol.md is the specification; its section numbers stand in the comments. The C++ verifier
/// (src/proof/verify) gives the same answer for every input. A plan must have passed `ProofPlan.check` before: nothing is checked of it here.
///
/// Everything the verifier ever uses has been absorbed before the next challenge. Whatever fails, the answer is `false`, no more.
/// Scalars are read below R; points are validated by the precompiles (EIP-196), which every point of a proof passes through.
library ProofCore {
    function srsId(Tau memory tau) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked("peaberry/srs/1", tau.xIm, tau.xRe, tau.yIm, tau.yRe, H_X, H_Y));
    }

    /// @notice Whether the proof shows that the plan's claims hold for the statement.
    function verify(Tau memory tau, bytes memory plan, Statement memory statement, bytes calldata proof) internal view returns (bool) {
        Frame memory f;
        if (!beforeOpening(f, plan, statement, proof)) return false;
        return ProofOpening.open(f, tau, statement.registered);
    }

    /// @notice All but the opening: leaves in `f` the point u, the claim about the combination of commitments, and its weights.
    function beforeOpening(Frame memory f, bytes memory plan, Statement memory statement, bytes calldata proof) internal pure returns (bool) {
        if (!_begin(f, plan, statement, proof)) return false;
        _main(f);
        _reduce(f);
        return true;
    }

    // ---------------------------------------------------------------- rows 1 to 3 of the transcript (§3)

    /// @dev Reads the plan's header, checks lengths, absorbs the statement and the commitments (rows 1 to 3 of §3).
    /// No sum or product here can overflow: all are bounded by the plan's own fields and by lengths of memory.
    function _begin(Frame memory f, bytes memory plan, Statement memory s, bytes calldata proof) private pure returns (bool) {
        unchecked {
            uint256 phase1;
            uint256 phase2;
            {
                uint256 p;
                uint256 header;
                assembly ("memory-safe") {
                    p := add(plan, 32)
                    header := mload(p)
                    mstore(add(f, F_L), byte(1, header))
                    mstore(add(f, F_N), byte(2, header))
                    mstore(add(f, F_D), byte(3, header))
                    mstore(add(f, F_K), and(shr(160, header), 0xffff))
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
                f.bases = ProofFrames.words(6);
                uint256 challenges = ProofFrames.words(3);
                uint256 values = ProofFrames.words(f.k);
                uint256 columns = ProofFrames.words((header >> 176) & 0xffff);
                uint256[] memory inputs = s.inputs;
                assembly ("memory-safe") {
                    let bases := mload(add(f, F_BASES))
                    mstore(add(bases, 0x20), constants)
                    mstore(add(bases, 0x40), add(inputs, 32))
                    mstore(add(bases, 0x60), challenges)
                    mstore(add(bases, 0x80), values)
                    mstore(add(bases, 0xa0), columns)
                }
                f.z = ProofFrames.words(130);
                f.r = f.z + 64 * 32;
                f.u = ProofFrames.words(f.l);
                f.sides = ProofFrames.words(2 * f.l);
                f.phi = ProofFrames.words(oracles);
                f.tails = ProofFrames.words(f.l + 1);
                f.runs = ProofFrames.words(33);
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
                ProofFrames.canonical(f, pos, inputs.length);
            }
            bytes32 state = keccak256(
                abi.encodePacked(
                    "peaberry/proof/1", s.srsId, s.chainId, s.verifier, s.ctx, s.planHash, uint16(s.registered.length / 64), uint16(s.inputs.length), s.registered, s.inputs
                )
            );
            // The longest message: operand values, or a round, or the commitments.
            uint256 longest = f.k + 2 * (phase1 + phase2) + 2 * f.d + parts + 2 * levels + 8;
            f.buffer = ProofFrames.words(longest + 2);
            uint256 free;
            assembly ("memory-safe") {
                mstore(mload(add(f, F_BUFFER)), state)
                mstore(add(f, F_CURSOR), proof.offset)
                free := mload(0x40)
            }
            f.stack = free;
            f.scratch = free;
            f.commitments = f.cursor;
            uint256 base = f.bases;
            uint256 theta = ProofFrames.step(f, 1, 0);
            uint256 alpha = ProofFrames.step(f, 2, 64 * phase1);
            uint256 beta = ProofFrames.step(f, 3, 0);
            assembly ("memory-safe") {
                let challenges := mload(add(base, 0x60))
                mstore(challenges, theta)
                mstore(add(challenges, 0x20), alpha)
                mstore(add(challenges, 0x40), beta)
            }
            f.lambda = ProofFrames.step(f, 4, 64 * phase2);
            f.delta = ProofFrames.step(f, 5, 0);
            assembly ("memory-safe") {
                let buffer := mload(add(f, F_BUFFER))
                let to := mload(add(f, F_R))
                mstore8(add(buffer, 32), 6)
                for { let end := add(to, shl(5, mload(add(f, F_N)))) } lt(to, end) { to := add(to, 32) } {
                    let next := keccak256(buffer, 33)
                    mstore(buffer, next)
                    mstore(to, mod(next, R))
                }
            }
            return true;
        }
    }

    function _main(Frame memory f) private pure {
        _findClaims(f);
        f.stack = f.scratch;
        _rounds(f);
        // v̂ → γ
        uint256 k = f.k;
        f.gamma = ProofFrames.step(f, 8, 32 * k);
        assembly ("memory-safe") {
            let from := add(mload(add(f, F_BUFFER)), 33)
            let to := mload(add(mload(add(f, F_BASES)), 0x80))
            let good := mload(f)
            for { let end := add(from, shl(5, k)) } lt(from, end) { from := add(from, 32) } {
                let v := mload(from)
                good := and(good, lt(v, R))
                mstore(to, v)
                to := add(to, 32)
            }
            mstore(f, good)
        }
        ProofWeights.publicColumns(f);
        (uint256 targets, uint256 total) = _claims(f);
        assembly ("memory-safe") {
            // G* = cur − (1 − t)·Ẑ
            let z := mload(add(f, F_Z))
            let last := add(z, shl(5, mload(add(f, F_N))))
            let t := mload(last)
            if targets {
                for {} iszero(gt(z, last)) { z := add(z, 32) } { targets := mulmod(targets, mload(z), R) }
            }
            let current := add(mload(add(f, F_CURRENT)), targets)
            mstore(add(f, F_CURRENT), addmod(current, sub(R, mulmod(sub(add(R, 1), t), total, R)), R))
        }
    }

    /// @dev The operands' descriptions end where the claims begin.
    function _findClaims(Frame memory f) private pure {
        assembly ("memory-safe") {
            let p := mload(add(f, F_OPERANDS_AT))
            for { let i := mload(add(f, F_K)) } i { i := sub(i, 1) } {
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
            mstore(add(f, F_CLAIMS_AT), p)
        }
    }

    /// @dev Runs postfix code at p … end over the tables of `bases`; the stack lies at `stack`. A value that is used at once never goes there.
    function _run(uint256 p, uint256 end, uint256 bases, uint256 stack) private pure returns (uint256 top) {
        assembly ("memory-safe") {
            for {} lt(p, end) {} {
                let w := mload(p)
                let op := byte(0, w)
                switch lt(op, 16)
                case 1 {
                    let value := mload(add(mload(add(bases, shl(5, op))), and(shr(227, w), 0x1fffe0)))
                    op := byte(3, w)
                    p := add(p, 3)
                    switch and(gt(op, 15), lt(p, end))
                    case 0 {
                        mstore(stack, top)
                        stack := add(stack, 32)
                        top := value
                    }
                    default {
                        p := add(p, 1)
                        switch op
                        case 18 { top := mulmod(top, value, R) }
                        case 17 { top := addmod(top, sub(R, value), R) }
                        default { top := addmod(top, value, R) }
                    }
                }
                default {
                    stack := sub(stack, 32)
                    p := add(p, 1)
                    switch op
                    case 18 { top := mulmod(mload(stack), top, R) }
                    case 16 { top := addmod(mload(stack), top, R) }
                    default { top := addmod(mload(stack), sub(R, top), R) }
                }
            }
        }
    }

    /// @dev Rounds 0 … n: c_0, c_2 … c_D; c_1 follows from the running claim. Up to degree 4 there is no inner loop: coefficients beyond D are zeros behind the
    /// message.
    function _rounds(Frame memory f) private pure {
        uint256 d = f.d;
        assembly ("memory-safe") {
            // A round turns a claim cur into c_0 + x(cur − 2c_0 − Σ) + …, in which cur has the factor x: the targets, which are not known yet, join
            // afterwards with the product of all challenges. Sums of up to five scalars need no reduction: 5R < 2^256.
            let buffer := mload(add(f, F_BUFFER))
            let cursor := mload(add(f, F_CURSOR))
            let current := 0
            let good := mload(f)
            let size := shl(5, d)
            let z := mload(add(f, F_Z))
            let end := add(z, shl(5, add(mload(add(f, F_N)), 1)))
            calldatacopy(add(buffer, 33), calldatasize(), 256)
            mstore8(add(buffer, 32), 7)
            switch gt(d, 4)
            case 0 {
                let hashed := add(33, size)
                for { let message := add(buffer, 33) } lt(z, end) { z := add(z, 32) } {
                    calldatacopy(message, cursor, size)
                    cursor := add(cursor, size)
                    let x := keccak256(buffer, hashed)
                    mstore(buffer, x)
                    x := mod(x, R)
                    mstore(z, x)
                    let c := mload(add(message, 96))
                    let c3 := mload(add(message, 64))
                    let value := mulmod(add(mulmod(c, x, R), c3), x, R)
                    let sum := add(c, c3)
                    good := and(good, and(lt(c, R), lt(c3, R)))
                    c3 := mload(add(message, 32))
                    c := mload(message)
                    good := and(good, and(lt(c, R), lt(c3, R)))
                    current := addmod(mulmod(add(mulmod(add(value, c3), x, R), addmod(current, sub(mul(5, R), add(add(sum, c3), add(c, c))), R)), x, R), c, R)
                }
            }
            default {
                for {} lt(z, end) { z := add(z, 32) } {
                    calldatacopy(add(buffer, 33), cursor, size)
                    cursor := add(cursor, size)
                    let x := keccak256(buffer, add(33, size))
                    mstore(buffer, x)
                    x := mod(x, R)
                    mstore(z, x)
                    let value := 0 // Horner
                    for { let word := add(buffer, add(1, size)) } gt(word, add(buffer, 33)) { word := sub(word, 32) } {
                        let c := mload(word)
                        good := and(good, lt(c, R))
                        current := addmod(current, sub(R, c), R)
                        value := mulmod(add(value, c), x, R)
                    }
                    let c := mload(add(buffer, 33))
                    good := and(good, lt(c, R))
                    current := addmod(mulmod(add(value, addmod(current, sub(shl(1, R), add(c, c)), R)), x, R), c, R)
                }
            }
            mstore(add(f, F_CURSOR), cursor)
            mstore(add(f, F_CURRENT), current)
            mstore(f, good)
        }
    }

    /// @dev Σ λ^c target_c, and Ẑ = Σ λ^c Σ_terms 2^(nt−n)·Π eq(x, r)·code.
    function _claims(Frame memory f) private pure returns (uint256 targets, uint256 total) {
        uint256 p = f.claimsAt;
        uint256 claims;
        uint256 weight = 1;
        (uint256 bases, uint256 stack, uint256 lambda) = (f.bases, f.stack, f.lambda);
        uint256 run; // where the last eq-run began, xs and rs, plus 1; and how many of its factors are known
        uint256 known;
        assembly ("memory-safe") {
            claims := shr(240, mload(p))
            p := add(p, 2)
            mstore(mload(add(f, F_RUNS)), 1)
        }
        unchecked {
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
                    p += size;
                    // Most claims share one run, or its beginning.
                    size = (header >> 224) & 0xff;
                    if (size != 0) {
                        if (run != 1 + ((header >> 232) & 0xffff)) {
                            run = 1 + ((header >> 232) & 0xffff);
                            known = 0;
                        }
                        if (known < size) {
                            uint256 z = f.z;
                            ProofFrames.extend(f.runs + 32 * known, z + 32 * (((header >> 240) & 0xff) + known), z + 32 * (64 + ((header >> 232) & 0xff) + known), size - known);
                            known = size;
                        }
                        assembly ("memory-safe") {
                            value := mulmod(value, mload(add(mload(add(f, F_RUNS)), shl(5, size))), R)
                        }
                    }
                    assembly ("memory-safe") {
                        for { let i := sub(mload(add(f, F_N)), byte(0, header)) } i { i := sub(i, 1) } {
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
    }

    function _reduce(Frame memory f) private pure {
        f.maskPoints = f.cursor;
        f.delta2 = ProofFrames.step(f, 9, 128);
        assembly ("memory-safe") {
            // current = Σ γ^k v̂_k + γ^K G*, by Horner from the top
            let k := mload(add(f, F_K))
            let gamma := mload(add(f, F_GAMMA))
            let value := mload(add(f, F_CURRENT))
            let first := mload(add(mload(add(f, F_BASES)), 0x80))
            for { let pos := add(first, shl(5, k)) } gt(pos, first) {} {
                pos := sub(pos, 32)
                value := addmod(mulmod(value, gamma, R), mload(pos), R)
            }
            let buffer := mload(add(f, F_BUFFER))
            let cursor := mload(add(f, F_CURSOR))
            let good := mload(f)
            let u := mload(add(f, F_U))
            mstore8(add(buffer, 32), 10)
            let message := add(buffer, 33)
            for { let end := add(u, shl(5, mload(add(f, F_L)))) } lt(u, end) { u := add(u, 32) } {
                calldatacopy(message, cursor, 64)
                cursor := add(cursor, 64)
                let x := keccak256(buffer, 97)
                mstore(buffer, x)
                x := mod(x, R)
                mstore(u, x)
                let c0 := mload(message)
                let c2 := mload(add(message, 32))
                good := and(good, and(lt(c0, R), lt(c2, R)))
                // below 5R before it is reduced
                value := addmod(mulmod(add(mulmod(c2, x, R), add(value, sub(mul(3, R), add(add(c0, c0), c2)))), x, R), c0, R)
            }
            mstore(add(f, F_CURSOR), cursor)
            mstore(add(f, F_CURRENT), value)
            mstore(f, good)
        }
        ProofWeights.bothSides(f);
        ProofWeights.operandWeights(f);
        ProofWeights.maskWeights(f);
    }
}
