#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace peaberry {

/// Time by constructor, so that a test can hold it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Unix time in milliseconds, UTC.
  virtual std::int64_t unix_ms() const = 0;
  /// A clock that never goes back, in milliseconds from an arbitrary start.
  virtual std::int64_t steady_ms() const = 0;
  virtual void sleep_ms(std::int64_t duration_ms) const = 0;
  std::uint64_t unix_seconds() const { return static_cast<std::uint64_t>(unix_ms() / 1000); }
};

class SystemClock final : public Clock {
 public:
  std::int64_t unix_ms() const override;
  std::int64_t steady_ms() const override;
  void sleep_ms(std::int64_t duration_ms) const override;
};

/// Stands still until told; `sleep_ms` advances it.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t unix_ms = 1'700'000'000'000) : now_(unix_ms) {}
  std::int64_t unix_ms() const override { return now_; }
  std::int64_t steady_ms() const override { return now_; }
  void sleep_ms(std::int64_t duration_ms) const override { now_ += duration_ms; }

 private:
  mutable std::atomic<std::int64_t> now_;
};

/// 2026-11-22T14:01:42Z
std::string iso_time(std::uint64_t unix_seconds);

}  // namespace peaberry
