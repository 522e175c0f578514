// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ProofCore} from "../src/evidence/ProofCore.sol";
import {Statement, Tau} from "../src/evidence/ProofFrame.sol";
import {Base} from "./Base.sol";
import {ProofHarness} from "./ProofHarness.sol";

/// @dev Reading vectors.
abstract contract ProofVectors is Base {
    function _decimal(uint256 value) internal pure returns (string memory) {
        bytes memory out = new bytes(2);
        out[0] = bytes1(uint8(48 + value / 10));
        out[1] = bytes1(uint8(48 + value % 10));
        return string(out);
    }

    function _word(bytes memory data, uint256 pos) internal pure returns (uint256 value) {
        assembly {
            value := mload(add(add(data, 32), pos))
        }
    }

    function _u16(bytes memory data, uint256 pos) internal pure returns (uint256) {
        return _word(data, pos) >> 240;
    }

    function _bytes(bytes memory data, uint256 pos) internal pure returns (bytes memory out, uint256 end) {
        uint256 size = _u16(data, pos);
        out = new bytes(size);
        for (uint256 i = 0; i < size; ++i) out[i] = data[pos + 2 + i];
        end = pos + 2 + size;
    }
}

/// @notice The Solidity verifier agrees with the C++ one: tests/vectors/proof/twin.hex holds proofs of every claim type, honest and lying.
contract ProofTest is ProofVectors {
    struct Case {
        Statement statement;
        bytes plan;
        bytes proof;
        bool accepted;
    }

    ProofHarness internal harness;
    Tau internal tau;
    Case[] internal cases;
    bytes internal file;

    function setUp() public {
        harness = new ProofHarness();
        bytes memory data = readVectors("proof/twin.hex");
        uint256 p = 128;
        tau = Tau(_word(data, 0), _word(data, 32), _word(data, 64), _word(data, 96));
        uint256 count = _u16(data, p);
        p += 2;
        for (; count != 0; --count) {
            Case storage one = cases.push();
            one.statement.srsId = ProofCore.srsId(tau);
            one.statement.ctx = bytes32(_word(data, p));
            p += 32;
            (one.statement.registered, p) = _bytes(data, p);
            bytes memory inputs;
            (inputs, p) = _bytes(data, p);
            for (uint256 i = 0; i < inputs.length; i += 32) one.statement.inputs.push(_word(inputs, i));
            (one.plan, p) = _bytes(data, p);
            one.statement.planHash = keccak256(one.plan);
            (one.proof, p) = _bytes(data, p);
            one.accepted = data[p++] == 0x01;
        }
        assertEq(p, data.length, "file");
    }

    function test_proof_itThinksWhatTheCppVerifierThinks() public view {
        for (uint256 i = 0; i < cases.length; ++i) {
            Case memory one = cases[i];
            harness.check(one.plan);
            assertTrue(harness.verify(tau, one.plan, one.statement, one.proof) == one.accepted, string.concat("case ", _decimal(i)));
        }
    }

    /// @dev One bit in each word of every honest proof; the C++ suite does every byte of the proofs made elsewhere.
    function test_proof_aMutatedByteInEachWordIsRefused() public view {
        for (uint256 i = 0; i < cases.length; ++i) {
            Case memory one = cases[i];
            if (!one.accepted) continue;
            for (uint256 k = i % 3; k < one.proof.length; k += 31) {
                one.proof[k] ^= bytes1(uint8(1) << uint8(k % 8));
                assertTrue(!harness.verify(tau, one.plan, one.statement, one.proof), string.concat("case ", _decimal(i)));
                one.proof[k] ^= bytes1(uint8(1) << uint8(k % 8));
            }
        }
    }
}
