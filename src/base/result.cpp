#include "result.hpp"

#include <cstdio>
#include <cstdlib>

namespace peaberry {

const char* errc_name(Errc code) {
  switch (code) {
    case Errc::kInvalid: return "invalid";
    case Errc::kUnauthenticated: return "unauthenticated";
    case Errc::kForbidden: return "forbidden";
    case Errc::kNotFound: return "not_found";
    case Errc::kConflict: return "conflict";
    case Errc::kPayment: return "payment";
    case Errc::kExhausted: return "exhausted";
    case Errc::kUnavailable: return "unavailable";
    case Errc::kTimeout: return "timeout";
    case Errc::kUnsupported: return "unsupported";
    case Errc::kInternal: return "internal";
  }
  return "internal";
}

void assert_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "peaberry: assertion failed: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace peaberry
