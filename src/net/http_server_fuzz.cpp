// Raw bytes as one connection's requests: whatever comes, the server answers or closes, and lives.

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "server.hpp"

using namespace peaberry;

namespace {

std::unique_ptr<net::Server> start() {
  net::ServerOptions options;
  options.body_bytes_max = 4096;
  options.header_bytes_max = 4096;
  options.handler_threads = 1;
  options.idle_seconds = options.transfer_seconds = 2;
  auto server = net::Server::start(options, [](const net::Request& request) {
    PB_ASSERT(request.body.size() <= 4096);
    return net::Response::text(200, request.path + request.body);
  });
  PB_ASSERT(server.has_value());
  return std::move(*server);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto server = start();
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(server->port());
  PB_ASSERT(fd >= 0);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    // A reset instead of TIME_WAIT: thousands of connections a second would use up the ports.
    const linger at_once{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)send(fd, data, size, MSG_NOSIGNAL);
    (void)shutdown(fd, SHUT_WR);
    char reply[4096];
    while (recv(fd, reply, sizeof reply, 0) > 0) {
    }
  }
  close(fd);
  return 0;
}
