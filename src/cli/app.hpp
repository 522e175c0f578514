#pragma once

namespace peaberry::cli {

/// Parses the command line, runs one command, prints its result (text, or JSON with --json). Exit codes: 0 done, 1 failed,
/// 2 wrong usage.
int run(int argc, char** argv);

}  // namespace peaberry::cli
