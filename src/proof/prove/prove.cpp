#include "slow_prover.hpp"
