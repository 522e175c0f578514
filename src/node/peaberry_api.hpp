#pragma once

#include "node.hpp"

namespace peaberry::node {

/// Our own routes, /api/v1/…: health, search, owner's actions. Thread-safe.
class PeaberryApi {
 public:
  explicit PeaberryApi(Node& node) : node_(node) {}
  net::Response handle(const net::Request& request);

 private:
  Result<json::Value> dispatch(const net::Request& request);
  Result<json::Value> health();
  Result<json::Value> search(const net::Request& request);
  Result<json::Value> release(const net::Request& request);
  Result<json::Value> hosted(const net::Request& request);
  /// /api/v1/questions/<job>[/bundle|/votes]
  Result<net::Response> questions(const net::Request& request);
  Result<net::Response> bundle(const net::Request& request, const Hash32& job);
  Node& node_;
};

}  // namespace peaberry::node
