#pragma once

#include "accounts.hpp"
#include "story.hpp"

namespace peaberry::story {

struct Checked {
  std::size_t checks = 0;
  std::vector<std::string> wrong;  ///< what does not agree with the chains
};
/// Re-checks a story against its chains, without any node: every token's holders to the wei, the gas coin, every step's receipt, every job's,
/// epoch's and channel's end, every signed receipt, the delivery's proof. Starts the chains from the folder's state unless their URLs are given.
Result<Checked> check_story(net::Client& http, const Clock& clock, Random& random, const fs::path& file, const std::string& url_a, const std::string& url_b);

}  // namespace peaberry::story
