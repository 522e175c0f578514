#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <peaberry/base/bytes.hpp>
#include <peaberry/base/result.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peaberry::net {

/// Header names compare without case, as HTTP says.
struct HeaderLess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};
using Headers = std::map<std::string, std::string, HeaderLess>;

/// Pulls a body piece by piece: fills the span, returns how much (0 = end). Called from one thread at a time.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual Result<std::size_t> read(std::span<std::uint8_t> out) = 0;
};

/// A percent-decoded query; a name given twice keeps the first value.
using Query = std::map<std::string, std::string, std::less<>>;
Query parse_query(std::string_view text);
std::string url_encode(std::string_view text);
Result<std::string> url_decode(std::string_view text);

struct Request {
  std::string method;
  std::string target;  ///< as received
  std::string path;    ///< decoded, "//" collapsed, no query
  Query query;
  Headers headers;
  std::string body;
  std::string remote;  ///< the peer's IP address

  std::string query_or(std::string_view name, std::string_view other = "") const;
  std::string header_or(std::string_view name, std::string_view other = "") const;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  /// When set, sent instead of `body`; with `content_length` if that is known, else chunked.
  std::shared_ptr<BodySource> source;
  std::optional<std::uint64_t> content_length;

  static Response text(int status, std::string body);
  static Response json(int status, std::string body);
};

}  // namespace peaberry::net
