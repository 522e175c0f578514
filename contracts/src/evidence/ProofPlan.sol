// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {R} from "./ProofFrame.sol";

/// @title The static checks of a plan, made once before its first use
/// @notice docs/reference/proof-protocol.md §2. The twin of src/proof/plan/plan.cpp: both accept the same bytes.
library ProofPlan {
    /// @notice `position` is where reading stopped; what is wrong stands before it.
    error PlanMalformed(uint256 position);

    struct Reader {
        bytes data;
        uint256 pos;
        uint256 l;
        uint256 n;
        uint256 inputs;
        uint256 constants;
        uint256 columns; // public columns
        uint256[] columnSize; // variables of each
        uint256[] operandSources; // for each operand: its highest x plus one
        uint8[] oracleSize;
        uint256 maskOracle;
        uint256 maskR;
        uint256 maskRLog;
        uint256 maskA;
        uint256 maskALog;
        uint256 used; // the x variables of the operand that is being read
        uint256 most; // what the terms use
    }

    /// @notice Reverts unless the bytes are a plan within the protocol's limits.
    /// @return registered how many commitments of phase 0 a statement has
    /// @return inputs how many public inputs
    function check(bytes memory data) internal pure returns (uint256 registered, uint256 inputs) {
        Reader memory r;
        r.data = data;
        registered = _header(r);
        inputs = r.inputs;
        _operands(r);
        _claims(r);
        if (r.pos != data.length) revert PlanMalformed(r.pos);
        if (r.most != r.n) revert PlanMalformed(2);
    }

    function _require(Reader memory r, bool condition) private pure {
        if (!condition) revert PlanMalformed(r.pos);
    }

    /// @dev The next `size` bytes as a number; reverts at the end.
    function _next(Reader memory r, uint256 size) private pure returns (uint256 value) {
        bytes memory data = r.data;
        uint256 pos = r.pos;
        if (pos + size > data.length) revert PlanMalformed(pos);
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), mload(add(add(data, 32), pos)))
        }
        r.pos = pos + size;
    }

    function _header(Reader memory r) private pure returns (uint256 registered) {
        _require(r, _next(r, 1) == 1);
        r.l = _next(r, 1);
        r.n = _next(r, 1);
        uint256 degree = _next(r, 1);
        _require(r, r.l >= 4 && r.l <= 28 && r.n <= 32 && degree >= 2 && degree <= 8);
        r.inputs = _next(r, 2);
        r.constants = _next(r, 2);
        r.columns = _next(r, 2);
        uint256 operands = _next(r, 2);
        uint256 oracles = _next(r, 1);
        _require(r, operands != 0 && oracles != 0);
        r.operandSources = new uint256[](operands);
        r.oracleSize = new uint8[](oracles);
        uint256 longest = 4;
        uint256 phase;
        uint256 first1 = type(uint256).max;
        uint256 first2 = oracles;
        for (uint256 i = 0; i < oracles; ++i) {
            uint256 size = _next(r, 1);
            uint256 next = _next(r, 1);
            _require(r, size <= 28 && next <= 2 && next >= phase);
            if (next == 0) ++registered;
            if (next != phase) {
                if (next == 1) first1 = i;
                if (next == 2) first2 = i;
                phase = next;
            }
            r.oracleSize[i] = uint8(size);
            if (size > longest) longest = size;
        }
        _require(r, longest == r.l);
        r.maskOracle = _next(r, 1);
        r.maskR = _next(r, 4);
        r.maskA = _next(r, 4);
        _require(r, first1 <= r.maskOracle && r.maskOracle < first2);
        r.maskRLog = _log2Up(operands);
        r.maskALog = _log2Up(r.n + 1) + _log2Up(degree);
        _slice(r, r.maskR, r.maskRLog, r.oracleSize[r.maskOracle]);
        _slice(r, r.maskA, r.maskALog, r.oracleSize[r.maskOracle]);
        _require(r, _apart(r.maskR, r.maskRLog, r.maskA, r.maskALog));
        for (uint256 i = 0; i < r.constants; ++i) _require(r, _next(r, 32) < R);
        _columns(r);
    }

    function _columns(Reader memory r) private pure {
        r.columnSize = new uint256[](r.columns);
        for (uint256 i = 0; i < r.columns; ++i) {
            uint256 kind = _next(r, 1);
            uint256 n = _next(r, 1);
            uint256 a = _next(r, 4);
            uint256 b = _next(r, 4);
            uint256 c = _next(r, 4);
            _require(r, n <= r.n);
            if (kind == 0) _require(r, a == 0 && b == 0 && c == 0);
            else if (kind == 1) _require(r, c == 0 && (b == 0 || (b == 1 && a < r.inputs)));
            else if (kind == 2) _require(r, b == 0 && c == 0 && a >> n == 0);
            else if (kind == 3) _require(r, n <= 16 && c == 0 && b != 0 && b <= 1 << n && a + b <= r.inputs);
            else _require(r, kind == 4 && c != 0 && a + c <= n && b + c <= n && (a >= b + c || b >= a + c));
            r.columnSize[i] = n;
        }
    }

    function _operands(Reader memory r) private pure {
        for (uint256 i = 0; i < r.operandSources.length; ++i) {
            uint256 oracle = _next(r, 1);
            uint256 off = _next(r, 4);
            uint256 n = _next(r, 1);
            uint256 axes = _next(r, 1);
            _require(r, oracle < r.oracleSize.length);
            _slice(r, off, n, r.oracleSize[oracle]);
            if (oracle == r.maskOracle) _require(r, _apart(off, n, r.maskR, r.maskRLog) && _apart(off, n, r.maskA, r.maskALog));
            r.used = 0;
            uint256 bits;
            for (; axes != 0; --axes) bits += _axis(r);
            _require(r, bits == n);
            r.operandSources[i] = _bitLength(r.used);
        }
    }

    function _axis(Reader memory r) private pure returns (uint256 len) {
        uint256 kind = _next(r, 1);
        len = _next(r, 1);
        if (kind == 0) {
            for (uint256 i = 0; i < len; ++i) {
                uint256 source = _next(r, 1);
                if (source < 128) _source(r, source);
                else _require(r, source <= 129);
            }
        } else if (kind == 1) {
            uint256 first = _next(r, 1);
            for (uint256 i = 0; i < len; ++i) {
                _require(r, first + i < r.n);
                _source(r, first + i);
            }
        } else {
            _require(r, kind == 2);
            uint256 w = _next(r, 8);
            (uint256 ob, uint256 kb) = (w >> 56, (w >> 40) & 0xff);
            (uint256 on, uint256 kn) = ((w >> 24) & 0xff, (w >> 16) & 0xff);
            _require(r, ob <= 12 && kb <= 12 && len <= 12 && on != 0 && kn != 0 && (w >> 8) & 0xff != 0);
            _require(r, on <= 1 << ob && kn <= 1 << kb);
            _run(r, (w >> 48) & 0xff, ob);
            _run(r, (w >> 32) & 0xff, kb);
        }
    }

    /// @dev A run of sources: all x or all r.
    function _run(Reader memory r, uint256 first, uint256 count) private pure {
        for (uint256 i = 0; i < count; ++i) {
            _require(r, first + i < 128 && (first + i >= 64) == (first >= 64));
            _source(r, first + i);
        }
    }

    /// @dev x_j (j < 64) or r_{j−64}, inside n; an x at most once in an operand.
    function _source(Reader memory r, uint256 code) private pure {
        _require(r, (code & 63) < r.n);
        if (code >= 64) return;
        _require(r, (r.used >> code) & 1 == 0);
        r.used |= 1 << code;
    }

    function _claims(Reader memory r) private pure {
        uint256 claims = _next(r, 2);
        _require(r, claims != 0);
        for (; claims != 0; --claims) {
            _code(r, false, 0);
            uint256 terms = _next(r, 1);
            _require(r, terms != 0);
            for (; terms != 0; --terms) {
                uint256 nt = _next(r, 1);
                uint256 xs = _next(r, 1);
                uint256 rs = _next(r, 1);
                uint256 len = _next(r, 1);
                _require(r, nt <= r.n && xs + len <= nt && rs + len <= r.n);
                if (nt > r.most) r.most = nt;
                if (rs + len > r.most) r.most = rs + len;
                _code(r, true, nt);
            }
        }
    }

    /// @dev Postfix code; a target uses neither operands nor public columns.
    function _code(Reader memory r, bool isTerm, uint256 nt) private pure {
        uint256 end = _next(r, 2);
        end += r.pos;
        uint256 depth;
        while (r.pos < end) {
            uint256 op = _next(r, 1);
            if (op >= 16) {
                _require(r, op <= 18 && depth >= 2);
                --depth;
                continue;
            }
            uint256 index = _next(r, 2);
            _require(r, r.pos <= end);
            if (op == 1) _require(r, index < r.constants);
            else if (op == 2) _require(r, index < r.inputs);
            else if (op == 3) _require(r, index < 3);
            else if (op == 4) _require(r, isTerm && index < r.operandSources.length && r.operandSources[index] <= nt);
            else _require(r, op == 5 && isTerm && index < r.columns && r.columnSize[index] <= nt);
            ++depth;
        }
        _require(r, depth == 1 && r.pos == end);
    }

    /// @dev off is a multiple of 2^log and the slice ends inside 2^size.
    function _slice(Reader memory r, uint256 off, uint256 log, uint256 size) private pure {
        _require(r, log <= size && off & ((1 << log) - 1) == 0 && off + (1 << log) <= 1 << size);
    }

    function _apart(uint256 a, uint256 aLog, uint256 b, uint256 bLog) private pure returns (bool) {
        return a + (1 << aLog) <= b || b + (1 << bLog) <= a;
    }

    function _bitLength(uint256 value) private pure returns (uint256 bits) {
        for (; value != 0; value >>= 1) ++bits;
    }

    function _log2Up(uint256 value) private pure returns (uint256) {
        return value <= 1 ? 0 : _bitLength(value - 1);
    }
}
