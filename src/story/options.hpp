#pragma once

#include <peaberry/base/json.hpp>

namespace peaberry::story {

/// A sentence in the two languages of the story.
struct Words {
  std::string en, zh;
  json::Object to_json() const { return {{"en", en}, {"zh", zh}}; }
};

struct StoryOptions {
  std::string folder = "build/demo", data, label;
  std::string evidence = "none";  ///< or quorum: three members check the first sale's run, a lie is shown, and the story ends there
  std::string stop;               ///< station after which it ends
  std::string cheat;              ///< a lie to be told and refused
  std::string language = "en";    ///< or zh
  std::uint64_t seed = 20260, rows = 50'000;
};

/// The lies that a visitor may pick, each with the check that refuses it.
const std::vector<std::pair<std::string, Words>>& cheats();

}  // namespace peaberry::story
