#pragma once

#include <peaberry/base/json.hpp>
#include <string>
#include <vector>

namespace peaberry::cli {

std::vector<std::string> canary_texts();
/// The forms in which a text is looked for in received bytes: as it is, lower and upper case, hex, base64 at each of the
/// three alignments, percent-encoded, JSON-escaped, reversed, UTF-16.
std::vector<std::string> leak_forms(const std::string& text);
/// How many of the texts occur in any form.
std::size_t count_leaks(const std::vector<std::string>& texts, std::string_view received);
/// The story as one page that needs nothing else.
std::string story_html(const json::Object& story, const std::string& metrics_json, const std::vector<std::string>& svgs, const std::vector<std::string>& receipts);

}  // namespace peaberry::cli
