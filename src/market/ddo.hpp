#pragma once

#include <functional>
#include <peaberry/base/json.hpp>

namespace peaberry::market {

/// did:op: + hex(sha256(checksummed NFT address + decimal chain id)), Ocean's rule.
std::string did_of(const Address& nft, std::uint64_t chain_id);

/// One reason why a DDO is refused: where (JSON path) and what to do.
struct DdoProblem {
  std::string path, message;
};
/// Checks a DDO of version 4.1.0, 4.3.0, 4.5.0 or 4.7.0: the cardinalities, types, lengths and patterns of Ocean's
/// shapes, and that id, chainId and nftAddress agree. Empty: valid.
std::vector<DdoProblem> validate_ddo(const json::Object& ddo);
std::string problems_text(const std::vector<DdoProblem>& problems);

/// What a listing says, before it has addresses.
struct Listing {
  std::string type = "dataset";  ///< or "algorithm"
  std::string name, description, author, license;
  std::vector<std::string> tags;
  std::string service_type = "access";  ///< or "compute"
  std::uint64_t timeout = 0;            ///< seconds an order is good for; 0: for ever
  json::Object compute;                 ///< service type compute: Ocean's allow-list fields
  json::Object egress;                  ///< ours, under the service's additionalInformation
  json::Array hosts;                    ///< addresses that may hold the rows to run jobs over them (again); "*": anybody
  json::Object container;               ///< algorithms: {entrypoint, image, tag, checksum}
  json::Object additional;              ///< under metadata.additionalInformation
  json::Object credentials;             ///< {allow, deny} or empty
};

/// The DDO text's object: version 4.7.0.
json::Object make_ddo(const Listing& listing, std::uint64_t chain_id, const Address& nft, const Address& datatoken, const std::string& sealed_files,
                      const std::string& service_endpoint, std::uint64_t now, const std::string& service_id);

/// A service of a DDO, with what the node needs of it.
struct Service {
  std::size_t index = 0;
  std::string id, type, endpoint, files;
  Address datatoken;
  std::uint64_t timeout = 0;
  json::Object raw;
};
Result<Service> find_service(const json::Object& ddo, std::string_view service_id);
Result<std::vector<Service>> services_of(const json::Object& ddo);

/// deny first, then allow; an empty allow list lets everybody in. `access_list_member(chain, list, address)` answers for
/// on-chain lists. Returns why not.
Status check_credentials(const json::Object* credentials, const Address& who,
                         const std::function<Result<bool>(std::uint64_t, const Address&, const Address&)>& access_list_member);

/// sha256 of entrypoint + checksum, as Ocean pins an algorithm's container.
std::string container_checksum(const json::Object& container);

/// May this algorithm run on this compute service? `files_checksum` is the concatenated sha256 of its files.
struct AlgorithmIdentity {
  std::string did;               ///< empty: raw code
  Address nft;
  std::string files_checksum, container_section_checksum, service_id;
};
Status check_algorithm_trust(const Service& dataset_service, const AlgorithmIdentity& algorithm);

}  // namespace peaberry::market
