#include "clock.hpp"

#include <ctime>
#include <thread>

namespace peaberry {
namespace {
template <class C>
std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(C::now().time_since_epoch()).count();
}
}  // namespace

std::int64_t SystemClock::unix_ms() const { return now_ms<std::chrono::system_clock>(); }
std::int64_t SystemClock::steady_ms() const { return now_ms<std::chrono::steady_clock>(); }
void SystemClock::sleep_ms(std::int64_t duration_ms) const {
  std::this_thread::sleep_for(std::chrono::milliseconds(duration_ms));
}

std::string iso_time(std::uint64_t unix_seconds) {
  const auto time = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&time, &parts);
  char buffer[32];
  const std::size_t length = std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {buffer, length};
}

}  // namespace peaberry
