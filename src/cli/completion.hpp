#pragma once

#include <string>

#include "context.hpp"

namespace CLI {
class App;
}

namespace peaberry::cli {

/// A completion script for bash, zsh or fish, made from the commands as they are.
Result<Output> completion_script(const CLI::App& app, const std::string& shell);

}  // namespace peaberry::cli
