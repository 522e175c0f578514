#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace peaberry::story {

/// Texts that occur in no other row and in no listing. If one is seen outside the owner's and the hosts' machines, a row got out.
std::vector<std::string> canary_texts();
/// Distinctive parts of three rows of a user's own table: whole lines, long enough not to occur by chance.
std::vector<std::string> rows_as_canaries(std::string_view csv);
/// The forms in which a text is looked for in received bytes: as it is, lower and upper case, hex, base64 at each of the three alignments,
/// percent-encoded, JSON-escaped, reversed, UTF-16.
std::vector<std::string> leak_forms(const std::string& text);
/// How many of the texts occur in any form.
std::size_t count_leaks(const std::vector<std::string>& texts, std::string_view received);

}  // namespace peaberry::story
