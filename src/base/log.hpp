#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "result.hpp"

namespace peaberry::log {

enum class Level { kDebug, kInfo, kWarn, kError, kOff };

/// Process-wide threshold and form; set once at start. Default: info, text.
void configure(Level threshold, bool as_json);
Result<Level> parse_level(std::string_view name);
bool enabled(Level level);
/// One line on stderr: time, level, room, message. Thread-safe. Never give it secrets.
void write(Level level, std::string_view room, std::string_view message);

template <class... Args>
void emit(Level level, std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(level)) write(level, room, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void debug(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  emit(Level::kDebug, room, format, std::forward<Args>(args)...);
}
template <class... Args>
void info(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  emit(Level::kInfo, room, format, std::forward<Args>(args)...);
}
template <class... Args>
void warn(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  emit(Level::kWarn, room, format, std::forward<Args>(args)...);
}
template <class... Args>
void error(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  emit(Level::kError, room, format, std::forward<Args>(args)...);
}

}  // namespace peaberry::log
