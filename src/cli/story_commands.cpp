#include <fmt/core.h>

#include <peaberry/story/check.hpp>
#include <peaberry/story/demo_data.hpp>
#include <peaberry/story/story.hpp>

#include "commands.hpp"

namespace peaberry::cli {

Result<Output> demo(Context& context, const story::StoryOptions& options) {
  PB_TRY(told, story::Story(context.http(), context.clock(), context.random(), options).play());
  return Output{told.story, told.text};
}

Result<Output> demo_data(const std::string& file, std::uint64_t rows, std::uint64_t seed) {
  PB_TRY(table, story::make_demo_table(file, rows, seed));
  return Output{json::Object{{"file", file}, {"rows", table.rows}, {"columns", table.columns}, {"bytes", table.bytes}}, fmt::format("wrote {} ({} rows, {} bytes)", file, table.rows, table.bytes)};
}

Result<Output> verify(Context& context, const std::string& story, const std::string& url_a, const std::string& url_b) {
  fs::path file = story;
  if (fs::is_directory(file)) file /= "story.json";
  PB_TRY(checked, story::check_story(context.http(), context.clock(), context.random(), file, url_a, url_b));
  if (!checked.wrong.empty()) {
    std::string text = "the story and its chains do not agree:";
    for (const auto& line : checked.wrong) text += "\n  " + line;
    return fail(Errc::kConflict, text);
  }
  return Output{json::Object{{"agrees", true}, {"checks", checked.checks}}, fmt::format("the story agrees with its chains: {} checks", checked.checks)};
}

}  // namespace peaberry::cli
