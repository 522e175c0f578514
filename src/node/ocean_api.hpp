#pragma once

#include "node.hpp"

namespace peaberry::node {

/// Ocean Node's HTTP surface (3.1.0) for what this node does; shapes and codes are its, so that real clients work
/// unchanged. Thread-safe.
class OceanApi {
 public:
  explicit OceanApi(Node& node) : node_(node) {}
  net::Response handle(const net::Request& request);

 private:
  using Reply = Result<net::Response>;
  Reply root();
  Reply nonce(const net::Request& request);
  Reply encrypt(const net::Request& request);
  Reply decrypt(const net::Request& request);
  Reply file_info(const net::Request& request);
  Reply validate(const net::Request& request);
  Reply ddo(const std::string& did);
  Reply ddo_state(const net::Request& request);
  Reply metadata_query(const net::Request& request, bool aquarius);
  Reply initialize(const net::Request& request);
  Reply download(const net::Request& request);
  Reply direct_command(const net::Request& request);
  json::Object status();

  Reply compute_environments();
  Reply initialize_compute(const net::Request& request);
  Reply compute_start(const net::Request& request, bool free);
  Reply compute_stop(const net::Request& request);
  Reply compute_status(const net::Request& request);
  Reply compute_result(const net::Request& request);

  struct ComputeRequest;
  struct AssetService {
    index::AssetRow asset;
    market::Service service;
  };
  /// Finds an asset that can be ordered now (state 0 or 1) and one of its services.
  Result<AssetService> orderable(const std::string& did, const std::string& service_id);
  Status check_access(const AssetService& item, const Address& consumer);
  market::ProviderFee fee_for(const market::Service& service);
  Status check_host(const AssetService& item, const Address& host);
  Status choose_host(const json::Object& hosted, ComputeRequest& request);
  Status check_hosts(const AssetService& item);
  Result<std::string> files_checksum(const AssetService& item);
  Result<ComputeRequest> parse_compute(const json::Object& body, bool free, bool start);

  Node& node_;
};

}  // namespace peaberry::node
