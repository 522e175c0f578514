// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title QOps: the integer meaning of a quantised model, version 1
/// @notice docs/reference/qops.md is the specification; this library, the C++ executor and every later mode agree with it bit for bit.
///
///   model = 0x01 | layers (1 B, 1..16) | inputs (2 B) | layer …      all integers big-endian
///   dense       0x01 | outputs (2 B) | (bias int32 | weight int8 × inputs) × outputs      int8 → int32
///   requantise  0x02 | multiplier (4 B, < 2^31) | shift (1 B, 1..62)                     int32 → int8
///   relu        0x03                                                                    keeps the type
///   argmax      0x04                                                                    → one int32
///   stump       0x05 | feature (2 B) | threshold int32 | atMost int32 | above int32     → one int32
library QOps {
    uint256 internal constant MAX_WIDTH = 4096;
    uint256 internal constant MAX_LAYERS = 16;

    error ModelMalformed(uint256 position);
    error InputMalformed(uint256 length, uint256 wanted);
    /// @notice A dense output could leave int32: |bias| + 128 Σ|weight| ≥ 2^31.
    error AccumulatorTooWide(uint256 position);

    /// @notice Reverts unless every layer is well formed, fits the one before, and no accumulator can leave int32.
    function validate(bytes memory model) internal pure {
        if (model.length < 4 || model[0] != 0x01) revert ModelMalformed(0);
        uint256 layers = uint8(model[1]);
        if (layers == 0 || layers > MAX_LAYERS) revert ModelMalformed(1);
        uint256 width = _u16(model, 2);
        if (width == 0 || width > MAX_WIDTH) revert ModelMalformed(2);
        bool narrow = true; // int8 values
        uint256 p = 4;
        for (uint256 i = 0; i < layers; ++i) {
            if (p >= model.length) revert ModelMalformed(p);
            uint8 kind = uint8(model[p]);
            if (kind == 1) {
                if (!narrow || p + 3 > model.length) revert ModelMalformed(p);
                uint256 outputs = _u16(model, p + 1);
                if (outputs == 0 || outputs > MAX_WIDTH || p + 3 + outputs * (4 + width) > model.length) revert ModelMalformed(p);
                p += 3;
                for (uint256 o = 0; o < outputs; ++o) {
                    if (_bound(model, p, width) >= 1 << 31) revert AccumulatorTooWide(p);
                    p += 4 + width;
                }
                (width, narrow) = (outputs, false);
            } else if (kind == 2) {
                if (narrow || p + 6 > model.length) revert ModelMalformed(p);
                uint256 shift = uint8(model[p + 5]);
                if (_u32(model, p + 1) >= 1 << 31 || shift == 0 || shift > 62) revert ModelMalformed(p);
                narrow = true;
                p += 6;
            } else if (kind == 3) {
                p += 1;
            } else if (kind == 4) {
                (width, narrow) = (1, false);
                p += 1;
            } else if (kind == 5) {
                if (p + 15 > model.length || _u16(model, p + 1) >= width) revert ModelMalformed(p);
                (width, narrow) = (1, false);
                p += 15;
            } else {
                revert ModelMalformed(p);
            }
        }
        if (p != model.length) revert ModelMalformed(p);
    }

    /// @notice Runs a valid model on int8 inputs. The output is one 32-byte two's complement word for each value.
    function run(bytes memory model, bytes calldata input) internal pure returns (bytes memory output) {
        uint256 width = _u16(model, 2);
        if (input.length != width) revert InputMalformed(input.length, width);
        int256[] memory x = new int256[](width);
        for (uint256 i = 0; i < width; ++i) x[i] = int8(uint8(input[i]));
        uint256 layers = uint8(model[1]);
        uint256 p = 4;
        for (uint256 i = 0; i < layers; ++i) {
            uint8 kind = uint8(model[p]);
            if (kind == 1) {
                uint256 outputs = _u16(model, p + 1);
                uint256 inputs = x.length;
                x = _dense(model, p + 3, x, outputs);
                p += 3 + outputs * (4 + inputs);
            } else if (kind == 2) {
                _requantise(x, int256(_u32(model, p + 1)), uint8(model[p + 5]));
                p += 6;
            } else if (kind == 3) {
                for (uint256 j = 0; j < x.length; ++j) if (x[j] < 0) x[j] = 0;
                p += 1;
            } else if (kind == 4) {
                x = _argmax(x);
                p += 1;
            } else {
                x = _stump(model, p, x);
                p += 15;
            }
        }
        return abi.encodePacked(x); // pads every element to 32 bytes
    }

    function _dense(bytes memory model, uint256 p, int256[] memory x, uint256 outputs) private pure returns (int256[] memory y) {
        y = new int256[](outputs);
        uint256 inputs = x.length;
        for (uint256 o = 0; o < outputs; ++o) {
            int256 sum = _i32(model, p);
            // The hot loop: weights lie byte by byte in the model, values word by word in x. Both were bounded by validate and run.
            assembly ("memory-safe") {
                let weight := add(add(model, 32), add(p, 4))
                let value := add(x, 32)
                for { let end := add(weight, inputs) } lt(weight, end) {
                    weight := add(weight, 1)
                    value := add(value, 32)
                } { sum := add(sum, mul(signextend(0, byte(0, mload(weight))), mload(value))) }
            }
            y[o] = sum;
            p += 4 + inputs;
        }
    }

    /// @dev saturate8((x · multiplier + 2^(shift-1)) >> shift), the shift arithmetic: halves round towards plus infinity.
    function _requantise(int256[] memory x, int256 multiplier, uint256 shift) private pure {
        int256 half = int256(1 << (shift - 1));
        for (uint256 i = 0; i < x.length; ++i) {
            int256 y = (x[i] * multiplier + half) >> shift;
            x[i] = y > 127 ? int256(127) : y < -128 ? int256(-128) : y;
        }
    }

    /// @dev The lowest index among equals.
    function _argmax(int256[] memory x) private pure returns (int256[] memory y) {
        uint256 best = 0;
        for (uint256 i = 1; i < x.length; ++i) if (x[i] > x[best]) best = i;
        y = new int256[](1);
        y[0] = int256(best);
    }

    function _stump(bytes memory model, uint256 p, int256[] memory x) private pure returns (int256[] memory y) {
        y = new int256[](1);
        y[0] = x[_u16(model, p + 1)] <= _i32(model, p + 3) ? _i32(model, p + 7) : _i32(model, p + 11);
    }

    function _bound(bytes memory model, uint256 p, uint256 inputs) private pure returns (uint256 bound) {
        int256 bias = _i32(model, p);
        bound = uint256(bias < 0 ? -bias : bias);
        for (uint256 i = p + 4; i < p + 4 + inputs; ++i) {
            int256 weight = int8(uint8(model[i]));
            bound += 128 * uint256(weight < 0 ? -weight : weight);
        }
    }

    function _u16(bytes memory model, uint256 p) private pure returns (uint256) {
        return uint256(uint8(model[p])) << 8 | uint8(model[p + 1]);
    }

    function _u32(bytes memory model, uint256 p) private pure returns (uint256) {
        return _u16(model, p) << 16 | _u16(model, p + 2);
    }

    function _i32(bytes memory model, uint256 p) private pure returns (int256) {
        return int32(uint32(_u32(model, p)));
    }
}
