// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Job, JobIds} from "../src/settlement/Job.sol";

/// @dev Names many random questions and answers and folds the names into one, which the C++ twin must find too.
contract JobIdHarness {
    function fold(uint256 seed, uint256 count) external view returns (bytes32 all) {
        for (uint256 i = 0; i < count; ++i) {
            bytes32[9] memory r;
            for (uint256 j = 0; j < 9; ++j) r[j] = keccak256(abi.encode(seed, i, j));
            Job memory job = Job(uint256(r[0]), address(uint160(uint256(r[1]))), uint8(uint256(r[2])), r[3], r[4], r[5], r[6], address(uint160(uint256(r[7]))), uint256(r[8]));
            bytes32 id = this.idOf(job);
            all = keccak256(abi.encode(all, id, JobIds.claimId(id, job.requester, r[5])));
        }
    }

    function idOf(Job calldata job) external pure returns (bytes32) {
        return JobIds.jobId(job);
    }
}
