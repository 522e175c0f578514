// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev The scalar field's order and the base field's.
uint256 constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;
uint256 constant Q = 0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47;
/// @dev 1/2 mod R.
uint256 constant HALF = 0x183227397098d014dc2822db40c0ac2e9419f4243cdcb848a1f0fac9f8000001;
/// @dev The second generator: hashed from "peaberry/H/1" (§1).
uint256 constant H_X = 0x0a1d0f9905521967cd5c2180f2fdc0e26bf063127ba92279405855b0aa98612f;
uint256 constant H_Y = 0x2652f5d2d1e195330f07ea81ac80ffdcca339e0ef5b16c6f53178ddfa199a968;

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
    uint256 tails; // word i: Π_{j ≥ i} (1 − u_j)
    uint256 runs; // word j: the product of the first j factors of a run of eq; room for 33
    uint256 blinder; // ρ*
    uint256 folds; // calldata: G_1 …
    uint256 quotient; // calldata: Q, then W
    uint256 zeta; // z of §6
    uint256 constant_; // in front of G
}

/// @dev Where the assembly finds the frame's fields; `ok` is at 0.
uint256 constant F_CURSOR = 0x20;
uint256 constant F_BUFFER = 0x40;
uint256 constant F_L = 0x60;
uint256 constant F_N = 0x80;
uint256 constant F_D = 0xa0;
uint256 constant F_K = 0xc0;
uint256 constant F_OPERANDS_AT = 0x120;
uint256 constant F_CLAIMS_AT = 0x140;
uint256 constant F_BASES = 0x160;
uint256 constant F_R = 0x180;
uint256 constant F_Z = 0x1a0;
uint256 constant F_U = 0x1c0;
uint256 constant F_SCRATCH = 0x200;
uint256 constant F_PHI = 0x220;
uint256 constant F_ORACLES = 0x240;
uint256 constant F_GAMMA = 0x2a0;
uint256 constant F_DELTA2 = 0x2c0;
uint256 constant F_CURRENT = 0x2e0;
uint256 constant F_COMMITMENTS = 0x300;
uint256 constant F_MASK_POINTS = 0x320;
uint256 constant F_PSI = 0x340;
uint256 constant F_SIDES = 0x360;
uint256 constant F_TAILS = 0x380;
uint256 constant F_RUNS = 0x3a0;
uint256 constant F_BLINDER = 0x3c0;
uint256 constant F_FOLDS = 0x3e0;
uint256 constant F_QUOTIENT = 0x400;
uint256 constant F_ZETA = 0x420;
uint256 constant F_CONSTANT = 0x440;

/// @dev What every part of the verifier does with a frame: absorb, check, make room.
library ProofFrames {
    /// @dev T ← keccak256(T ‖ tag ‖ size bytes of the proof); moves the cursor. The message stays at buffer + 33.
    function step(Frame memory f, uint256 tag, uint256 size) internal pure returns (uint256 challenge) {
        assembly ("memory-safe") {
            let buffer := mload(add(f, F_BUFFER))
            let cursor := mload(add(f, F_CURSOR))
            mstore8(add(buffer, 32), tag)
            calldatacopy(add(buffer, 33), cursor, size)
            mstore(add(f, F_CURSOR), add(cursor, size))
            let state := keccak256(buffer, add(33, size))
            mstore(buffer, state)
            challenge := mod(state, R)
        }
    }

    /// @dev `ok` stays only if the `count` words at `pos` are below R.
    function canonical(Frame memory f, uint256 pos, uint256 count) internal pure {
        assembly ("memory-safe") {
            let good := mload(f)
            for { let end := add(pos, shl(5, count)) } lt(pos, end) { pos := add(pos, 32) } { good := and(good, lt(mload(pos), R)) }
            mstore(f, good)
        }
    }

    /// @dev Products of a run of eq: the word at `at` times eq(x, y) for `count` words at x and y, each product behind the one before.
    function extend(uint256 at, uint256 x, uint256 y, uint256 count) internal pure {
        assembly ("memory-safe") {
            let product := mload(at)
            let end := add(at, shl(5, count))
            y := sub(y, x)
            // two a turn; an odd first one is taken alone
            if and(count, 1) {
                let xi := mload(x)
                let yi := mload(add(x, y))
                let both := mulmod(xi, yi, R)
                product := mulmod(product, add(add(1, add(both, both)), sub(shl(1, R), add(xi, yi))), R)
                at := add(at, 32)
                mstore(at, product)
                x := add(x, 32)
            }
            for {} lt(at, end) { x := add(x, 64) } {
                let xi := mload(x)
                let yi := mload(add(x, y))
                let both := mulmod(xi, yi, R)
                product := mulmod(product, add(add(1, add(both, both)), sub(shl(1, R), add(xi, yi))), R)
                mstore(add(at, 32), product)
                xi := mload(add(x, 32))
                yi := mload(add(add(x, y), 32))
                both := mulmod(xi, yi, R)
                product := mulmod(product, add(add(1, add(both, both)), sub(shl(1, R), add(xi, yi))), R)
                at := add(at, 64)
                mstore(at, product)
            }
        }
    }

    /// @dev Room for `count` words.
    function words(uint256 count) internal pure returns (uint256 pos) {
        assembly ("memory-safe") {
            pos := mload(0x40)
            mstore(0x40, add(pos, shl(5, count)))
        }
    }
}
