// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title One epoch of Yuma consensus
/// @notice What validators' weights give trainers and validators: stake-weighted median, clipping, ranks, incentive, and dividends by the bonds of
/// this one epoch. Numbers have 32 fractional bits; products are floored, quotients truncated, x / 0 = 0.
/// @dev Exact to Bittensor's integers for an epoch without earlier bonds (kappa 32767, bonds penalty 65535). C++ twin: src/learn/yuma.cpp.
/// O(validators² × trainers): meant for a handful of validators.
library Yuma {
    uint256 internal constant KAPPA = (uint256(32_767) << 32) / 65_535;
    /// @dev 1 less the moving average of 0.9, as it comes out in 32 bits.
    uint256 internal constant ALPHA = (1 << 32) - ((uint256(900_000) << 32) / 1_000_000);

    function mul(uint256 a, uint256 b) internal pure returns (uint256) {
        return (a * b) >> 32;
    }

    function div(uint256 a, uint256 b) internal pure returns (uint256) {
        return b == 0 ? 0 : (a << 32) / b;
    }

    function sum(uint256[] memory values) internal pure returns (uint256 total) {
        for (uint256 i = 0; i < values.length; ++i) total += values[i];
    }

    function normalise(uint256[] memory values) internal pure {
        normaliseBy(values, sum(values));
    }

    function normaliseBy(uint256[] memory values, uint256 total) internal pure {
        for (uint256 i = 0; total != 0 && i < values.length; ++i) values[i] = (values[i] << 32) / total;
    }

    /// @param stake    of each validator, any unit
    /// @param weights  weights[v][t]: how validator v ranks trainer t; only the ratios within a row count
    /// @param emission what there is to give
    /// @return toValidators what each validator gets
    /// @return toTrainers   what each trainer gets; with the validators never more than `emission`
    function epoch(uint256[] memory stake, uint256[][] memory weights, uint256 emission) internal pure returns (uint256[] memory toValidators, uint256[] memory toTrainers) {
        uint256 trainers = weights.length == 0 ? 0 : weights[0].length;
        uint256[] memory active = new uint256[](stake.length);
        for (uint256 v = 0; v < stake.length; ++v) active[v] = stake[v];
        normalise(active);
        uint256[] memory alone = _copy(active); // what is paid when nobody has found anything
        normalise(active);
        for (uint256 v = 0; v < stake.length; ++v) normalise(weights[v]);
        uint256[] memory incentive = new uint256[](trainers);
        uint256[][] memory bonds = _clip(active, weights, incentive);
        normalise(incentive);
        uint256[] memory dividends = new uint256[](stake.length);
        for (uint256 v = 0; v < stake.length; ++v) {
            for (uint256 t = 0; t < trainers; ++t) dividends[v] += mul(bonds[t][v], incentive[t]);
        }
        normalise(dividends);
        uint256 total = sum(incentive) + sum(dividends);
        if (total == 0) {
            dividends = sum(active) == 0 ? alone : active;
        } else {
            normaliseBy(incentive, total);
            normaliseBy(dividends, total);
        }
        for (uint256 t = 0; t < trainers; ++t) incentive[t] = (incentive[t] * emission) >> 32;
        for (uint256 v = 0; v < stake.length; ++v) dividends[v] = (dividends[v] * emission) >> 32;
        return (dividends, incentive);
    }

    /// @dev Fills `rank` and returns the bonds, a row for each trainer.
    function _clip(uint256[] memory active, uint256[][] memory weights, uint256[] memory rank) private pure returns (uint256[][] memory bonds) {
        uint256[] memory voice = _copy(active);
        normalise(voice);
        uint256 total = sum(voice);
        bonds = new uint256[][](rank.length);
        for (uint256 t = 0; t < rank.length; ++t) {
            uint256 agreed = total <= KAPPA ? 0 : _median(voice, weights, t, total - KAPPA);
            bonds[t] = new uint256[](active.length);
            for (uint256 v = 0; v < active.length; ++v) {
                uint256 clipped = weights[v][t] < agreed ? weights[v][t] : agreed;
                bonds[t][v] = mul(active[v], clipped);
                rank[t] += bonds[t][v];
            }
            normalise(bonds[t]);
            for (uint256 v = 0; v < active.length; ++v) bonds[t][v] = mul(ALPHA, bonds[t][v]);
            normalise(bonds[t]);
        }
    }

    /// @dev The smallest weight that more than `minority` of the stake does not exceed.
    function _median(uint256[] memory voice, uint256[][] memory weights, uint256 t, uint256 minority) private pure returns (uint256 best) {
        best = type(uint256).max;
        for (uint256 v = 0; v < voice.length; ++v) {
            if (voice[v] == 0 || weights[v][t] >= best) continue;
            uint256 upTo = 0;
            for (uint256 u = 0; u < voice.length; ++u) if (weights[u][t] <= weights[v][t]) upTo += voice[u];
            if (upTo > minority) best = weights[v][t];
        }
        if (best == type(uint256).max) best = 0;
    }

    function _copy(uint256[] memory values) private pure returns (uint256[] memory out) {
        out = new uint256[](values.length);
        for (uint256 i = 0; i < values.length; ++i) out[i] = values[i];
    }
}
