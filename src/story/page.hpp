#pragma once

#include <peaberry/base/json.hpp>

namespace peaberry::story {

/// The story as one page that needs nothing else: what happened, who paid whom, why results may be believed, what is left for each. English and
/// Chinese, by a switch. `plots`: SVG texts; `papers`: JSON texts.
std::string page(const json::Object& story, const std::vector<std::string>& plots, const std::vector<std::string>& papers);

}  // namespace peaberry::story
