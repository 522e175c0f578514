#pragma once

#include <memory>

#include "http.hpp"

namespace peaberry::net {

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free port
  std::size_t io_threads = 1;
  std::size_t handler_threads = 8;
  std::size_t queue_max = 1024;         ///< requests waiting for a handler; more get 503
  std::size_t header_bytes_max = 65536; ///< signed requests carry long queries
  std::size_t body_bytes_max = std::size_t{25} << 20;
  int idle_seconds = 60;     ///< a connection without a request is closed
  int transfer_seconds = 30; ///< one request's bytes, or one piece of a reply
};

/// Called on a pool thread, several at once. What it throws becomes a 500 and a log line.
using Handler = std::function<Response(const Request&)>;

/// HTTP/1.1 with keep-alive. Adds CORS headers and answers OPTIONS, as Ocean's clients in browsers need.
class Server {
 public:
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handler handler);
  virtual ~Server() = default;
  virtual std::uint16_t port() const = 0;
  /// Stops accepting, lets running handlers end, joins.
  virtual void stop() = 0;
};

}  // namespace peaberry::net
