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
  Node& node_;
};

}  // namespace peaberry::node
