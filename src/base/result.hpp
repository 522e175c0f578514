#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace peaberry {

/// What kind of thing went wrong. Adapters map it to HTTP codes and exit codes.
enum class Errc {
  kInvalid,          ///< the caller's input is malformed; the message names the field
  kUnauthenticated,  ///< signature, nonce or token do not prove who calls
  kForbidden,        ///< the caller is known and may not
  kNotFound,
  kConflict,     ///< the state does not allow it (already done, duplicate, reorged away)
  kPayment,      ///< funds, allowance, order or escrow are missing
  kExhausted,    ///< a bound was reached: size, count, quota
  kUnavailable,  ///< a remote part does not answer; worth retrying
  kTimeout,
  kUnsupported,
  kInternal,  ///< ours: a bug or a broken disk
};

/// Short stable name of an error kind, as printed in `--json` output.
const char* errc_name(Errc code);

/// An error for people: a sentence that names what is wrong, and what to do next.
struct Error {
  Errc code = Errc::kInternal;
  std::string message;
  std::string remedy = {};

  /// The sentence with its remedy, one line.
  std::string text() const { return remedy.empty() ? message : message + " — " + remedy; }
};

/// Either a value or an Error; named after std::expected, which g++ 12 lacks.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() { return std::get<0>(state_); }
  const T& value() const { return std::get<0>(state_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  Error& error() { return std::get<1>(state_); }
  const Error& error() const { return std::get<1>(state_); }
  T value_or(T other) const { return has_value() ? value() : std::move(other); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}
  bool has_value() const { return !error_; }
  explicit operator bool() const { return has_value(); }
  Error& error() { return *error_; }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

inline Error fail(Errc code, std::string message, std::string remedy = {}) {
  return Error{code, std::move(message), std::move(remedy)};
}
/// Puts what was being done before the message, so that nested failures read from the outside in.
inline Error within(std::string context, Error error) {
  error.message = std::move(context) + ": " + error.message;
  return error;
}

[[noreturn]] void assert_failed(const char* expression, const char* file, int line);

}  // namespace peaberry

#define PB_CONCAT_(a, b) a##b
#define PB_CONCAT(a, b) PB_CONCAT_(a, b)

/// PB_TRY(name, expression): declares `name` with the value, or returns the error upwards.
#define PB_TRY(name, expression)                                             \
  auto PB_CONCAT(pb_result_, __LINE__) = (expression);                       \
  if (!PB_CONCAT(pb_result_, __LINE__)) return std::move(PB_CONCAT(pb_result_, __LINE__).error()); \
  auto name = std::move(*PB_CONCAT(pb_result_, __LINE__))

/// PB_CHECK(expression): returns the error of a Result upwards, drops its value.
#define PB_CHECK(expression)                                                                          \
  do {                                                                                                \
    auto PB_CONCAT(pb_status_, __LINE__) = (expression);                                              \
    if (!PB_CONCAT(pb_status_, __LINE__)) return std::move(PB_CONCAT(pb_status_, __LINE__).error());   \
  } while (false)

/// What only we may do wrong. Stays on in release builds.
#define PB_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::peaberry::assert_failed(#condition, __FILE__, __LINE__))
