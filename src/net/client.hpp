#pragma once

#include <memory>

#include "http.hpp"

namespace peaberry::net {

/// Which addresses a connection may go to. Checked on the very socket address that is connected to, so that
/// neither DNS answers nor redirects get around it.
enum class Reach {
  kAny,
  kPublicOnly,  ///< no loopback, private, link-local, shared, multicast or reserved address, v4 or v6
};
/// `address` is the text of an IPv4 or IPv6 address.
bool is_public_address(std::string_view address);

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  Headers headers = {};
  std::string body = {};
  int timeout_ms = 30'000;
  int connect_timeout_ms = 5'000;
  std::size_t max_bytes = std::size_t{256} << 20;
  Reach reach = Reach::kAny;
  /// Numeric addresses that kPublicOnly lets through all the same: what the owner has admitted by hand (a file server at home).
  std::vector<std::string> reach_admitted = {};
  int redirects_max = 0;
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

/// A reply whose body is pulled while it arrives.
class ClientStream : public BodySource {
 public:
  virtual int status() const = 0;
  virtual const Headers& headers() const = 0;
};

/// An HTTP client with kept connections. Thread-safe. Fails with kTimeout, kUnavailable (no connection),
/// kExhausted (too large) or kForbidden (address not allowed); HTTP error codes are replies, not failures.
class Client {
 public:
  virtual ~Client() = default;
  virtual Result<ClientResponse> send(const ClientRequest& request) = 0;
  /// Returns when the headers have come.
  virtual Result<std::unique_ptr<ClientStream>> open(const ClientRequest& request) = 0;
};

std::unique_ptr<Client> make_client();

}  // namespace peaberry::net
