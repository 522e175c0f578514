#include "log.hpp"

#include <atomic>
#include <cstdio>

#include "clock.hpp"
#include "json.hpp"

namespace peaberry::log {
namespace {
std::atomic<Level> g_threshold{Level::kInfo};
std::atomic<bool> g_json{false};
constexpr const char* kNames[] = {"debug", "info", "warn", "error", "off"};
}  // namespace

void configure(Level threshold, bool as_json) {
  g_threshold = threshold;
  g_json = as_json;
}

Result<Level> parse_level(std::string_view name) {
  for (int i = 0; i < 5; ++i)
    if (name == kNames[i]) return static_cast<Level>(i);
  return fail(Errc::kInvalid, "log level \"" + std::string(name) + "\" is unknown",
              "use debug, info, warn, error or off");
}

bool enabled(Level level) { return level >= g_threshold.load(std::memory_order_relaxed); }

void write(Level level, std::string_view room, std::string_view message) {
  const std::string time = iso_time(SystemClock{}.unix_seconds());
  std::string line;
  if (g_json) {
    json::Object row;
    row["time"] = time;
    row["level"] = kNames[static_cast<int>(level)];
    row["room"] = std::string(room);
    row["message"] = std::string(message);
    line = json::stringify(row) + "\n";
  } else {
    line = fmt::format("{} {:<5} {:<10} {}\n", time, kNames[static_cast<int>(level)], room, message);
  }
  std::fwrite(line.data(), 1, line.size(), stderr);  // one call: lines of threads do not mix
}

}  // namespace peaberry::log
