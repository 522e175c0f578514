#include "ddo.hpp"

#include <peaberry/base/clock.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/crypto/keys.hpp>

namespace peaberry::market {
namespace {

enum class Kind { kText, kNumber, kBool, kObject, kArray, kAny };

struct Rule {
  const char* path;  ///< one key below the checked object
  Kind kind;
  bool required;
  std::size_t low = 0, high = 1 << 20;  ///< text: characters; arrays: items
};

constexpr Rule kRoot[] = {{"@context", Kind::kArray, true, 1, 16}, {"id", Kind::kText, true, 71, 71}, {"version", Kind::kText, true, 5, 10},
                          {"chainId", Kind::kNumber, true},        {"nftAddress", Kind::kText, true, 42, 42}, {"metadata", Kind::kObject, true},
                          {"services", Kind::kArray, true, 1, 64}, {"credentials", Kind::kObject, false}};
constexpr Rule kMetadata[] = {{"created", Kind::kText, true, 1, 64}, {"updated", Kind::kText, true, 1, 64}, {"type", Kind::kText, true, 1, 64},
                              {"name", Kind::kText, true, 4, 512},   {"description", Kind::kText, true, 10, 7000}, {"author", Kind::kText, true, 1, 512},
                              {"license", Kind::kText, true, 1, 7000}, {"tags", Kind::kArray, false, 0, 64}, {"links", Kind::kArray, false, 0, 64},
                              {"categories", Kind::kArray, false, 0, 64}, {"copyrightHolder", Kind::kText, false, 0, 512}, {"algorithm", Kind::kObject, false},
                              {"contentLanguage", Kind::kText, false, 0, 64}};
constexpr Rule kService[] = {{"id", Kind::kText, true, 1, 512},          {"type", Kind::kText, true, 1, 64}, {"datatokenAddress", Kind::kText, true, 42, 42},
                             {"serviceEndpoint", Kind::kText, true, 1, 2048}, {"timeout", Kind::kNumber, true}, {"files", Kind::kText, true, 1, 1 << 20},
                             {"name", Kind::kText, false, 0, 512},       {"description", Kind::kText, false, 0, 7000}, {"compute", Kind::kObject, false},
                             {"consumerParameters", Kind::kArray, false, 0, 64}};
constexpr Rule kContainer[] = {{"entrypoint", Kind::kText, true, 3, 256}, {"image", Kind::kText, true, 1, 512}, {"tag", Kind::kText, true, 1, 256}, {"checksum", Kind::kText, true, 7, 256}};
constexpr Rule kParameter[] = {{"name", Kind::kText, true, 1, 512}, {"type", Kind::kText, true, 1, 64}, {"label", Kind::kText, true, 1, 512},
                               {"required", Kind::kBool, true},     {"description", Kind::kText, true, 1, 7000}, {"default", Kind::kAny, true}};
constexpr Rule kCompute[] = {{"allowRawAlgorithm", Kind::kBool, true}, {"allowNetworkAccess", Kind::kBool, true},
                             {"publisherTrustedAlgorithmPublishers", Kind::kArray, true, 0, 64}, {"publisherTrustedAlgorithms", Kind::kArray, true, 0, 64}};

bool is_kind(const json::Value& value, Kind kind) {
  switch (kind) {
    case Kind::kText: return value.is_string();
    case Kind::kNumber: return value.is_number();
    case Kind::kBool: return value.is_bool();
    case Kind::kObject: return value.is_object();
    case Kind::kArray: return value.is_array();
    case Kind::kAny: return true;
  }
  return false;
}
const char* kind_name(Kind kind) {
  constexpr const char* kNames[] = {"text", "a number", "true or false", "an object", "a list", "a value"};
  return kNames[static_cast<int>(kind)];
}

std::size_t characters(std::string_view text) {  // code points, not bytes
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

class Checker {
 public:
  std::vector<DdoProblem> problems;

  template <std::size_t N>
  void check(const json::Object& object, const std::string& path, const Rule (&rules)[N]) {
    for (const Rule& rule : rules) {
      const auto* value = json::find(object, rule.path);
      const std::string at = path + rule.path;
      if (value == nullptr || value->is_null()) {
        if (rule.required) add(at, "is missing");
        continue;
      }
      if (!is_kind(*value, rule.kind)) {
        add(at, std::string("must be ") + kind_name(rule.kind));
        continue;
      }
      const std::size_t size = value->is_string() ? characters(json::sv(value->get_string())) : value->is_array() ? value->get_array().size() : rule.low;
      if (size < rule.low || size > rule.high)
        add(at, "has " + std::to_string(size) + (value->is_string() ? " characters" : " items") + "; allowed are " + std::to_string(rule.low) + " to " + std::to_string(rule.high));
    }
  }
  void add(const std::string& path, const std::string& message) {
    if (problems.size() < 32) problems.push_back({path, message});
  }
};

}  // namespace

std::string did_of(const Address& nft, std::uint64_t chain_id) {
  return "did:op:" + hex(crypto::sha256(crypto::checksum_address(nft) + std::to_string(chain_id)).view());
}

std::vector<DdoProblem> validate_ddo(const json::Object& ddo) {
  Checker c;
  const std::string version = json::string_or(ddo, "version");
  if (version == "deprecated") return {};
  constexpr const char* kVersions[] = {"4.1.0", "4.3.0", "4.5.0", "4.7.0"};
  if (std::find(std::begin(kVersions), std::end(kVersions), version) == std::end(kVersions))
    c.add("version", "\"" + version.substr(0, 20) + "\" is not supported; use 4.7.0");
  c.check(ddo, "", kRoot);
  if (const auto* metadata = json::find_object(ddo, "metadata")) {
    c.check(*metadata, "metadata.", kMetadata);
    const std::string type = json::string_or(*metadata, "type");
    if (!type.empty() && type != "dataset" && type != "algorithm" && type != "service") c.add("metadata.type", "must be dataset, algorithm or service");
    for (const char* key : {"tags", "links", "categories"}) {
      if (const auto* list = json::find_array(*metadata, key))
        for (std::size_t i = 0; i < list->size(); ++i)
          if (!(*list)[i].is_string()) c.add(std::string("metadata.") + key + "[" + std::to_string(i) + "]", "must be text");
    }
    if (const auto* algorithm = json::find_object(*metadata, "algorithm")) {
      const auto* container = json::find_object(*algorithm, "container");
      if (container == nullptr) c.add("metadata.algorithm.container", "is missing");
      else c.check(*container, "metadata.algorithm.container.", kContainer);
    } else if (type == "algorithm") {
      c.add("metadata.algorithm", "is missing for an algorithm");
    }
  }
  if (const auto* services = json::find_array(ddo, "services"))
    for (std::size_t i = 0; i < services->size(); ++i) {
      const std::string at = "services[" + std::to_string(i) + "].";
      if (!(*services)[i].is_object()) {
        c.add(at, "must be an object");
        continue;
      }
      const auto& service = (*services)[i].get_object();
      c.check(service, at, kService);
      if (json::find(service, "datatokenAddress") != nullptr && !json::address_at(service, "datatokenAddress")) c.add(at + "datatokenAddress", "is not an address");
      if (json::string_or(service, "type") == "compute") {
        const auto* compute = json::find_object(service, "compute");
        if (compute == nullptr) c.add(at + "compute", "is missing for a compute service");
        else c.check(*compute, at + "compute.", kCompute);
      }
      if (const auto* parameters = json::find_array(service, "consumerParameters"))
        for (std::size_t k = 0; k < parameters->size(); ++k) {
          const std::string place = at + "consumerParameters[" + std::to_string(k) + "].";
          if ((*parameters)[k].is_object()) c.check((*parameters)[k].get_object(), place, kParameter);
          else c.add(place, "must be an object");
        }
    }
  const auto nft = json::address_at(ddo, "nftAddress");
  const auto chain_id = json::uint_at(ddo, "chainId");
  if (json::find(ddo, "nftAddress") != nullptr && !nft) c.add("nftAddress", "is not an address");
  if (nft && chain_id && json::string_or(ddo, "id") != did_of(*nft, *chain_id)) c.add("id", "did is not valid for chain Id and nft address");
  return c.problems;
}

std::string problems_text(const std::vector<DdoProblem>& problems) {
  std::string out;
  for (const auto& problem : problems) out += (out.empty() ? "" : "; ") + problem.path + " " + problem.message;
  return out;
}

json::Object make_ddo(const Listing& listing, std::uint64_t chain_id, const Address& nft, const Address& datatoken, const std::string& sealed_files,
                      const std::string& service_endpoint, std::uint64_t now, const std::string& service_id) {
  json::Array tags;
  for (const auto& tag : listing.tags) tags.push_back(json::Value(tag));
  json::Object metadata{{"created", iso_time(now)}, {"updated", iso_time(now)}, {"type", listing.type}, {"name", listing.name}, {"description", listing.description},
                        {"author", listing.author}, {"license", listing.license}, {"tags", tags}};
  if (!listing.container.empty()) metadata["algorithm"] = json::Object{{"language", "binary"}, {"version", "1"}, {"container", listing.container}};
  if (!listing.additional.empty()) metadata["additionalInformation"] = listing.additional;
  json::Object service{{"id", service_id}, {"type", listing.service_type}, {"files", sealed_files}, {"datatokenAddress", crypto::checksum_address(datatoken)},
                       {"serviceEndpoint", service_endpoint}, {"timeout", listing.timeout}};
  if (listing.service_type == "compute") service["compute"] = listing.compute;
  json::Object ours;
  if (!listing.egress.empty()) ours["egress"] = listing.egress;
  if (!listing.hosts.empty()) ours["hosts"] = listing.hosts;
  if (!ours.empty()) service["additionalInformation"] = json::Object{{"peaberry", ours}};
  json::Object out{{"@context", json::Array{"https://w3id.org/did/v1"}}, {"id", did_of(nft, chain_id)}, {"version", "4.7.0"}, {"chainId", chain_id},
                   {"nftAddress", crypto::checksum_address(nft)}, {"metadata", metadata}, {"services", json::Array{service}}};
  if (!listing.credentials.empty()) out["credentials"] = listing.credentials;
  return out;
}

Result<std::vector<Service>> services_of(const json::Object& ddo) {
  std::vector<Service> out;
  PB_TRY(list, json::array_at(ddo, "services"));
  for (std::size_t i = 0; i < list->size(); ++i) {
    PB_TRY(object, json::as_object((*list)[i], "services[" + std::to_string(i) + "]"));
    Service service;
    PB_TRY(id, json::string_at(*object, "id"));
    PB_TRY(datatoken, json::address_at(*object, "datatokenAddress"));
    service.index = i, service.id = id, service.datatoken = datatoken;
    service.type = json::string_or(*object, "type");
    service.endpoint = json::string_or(*object, "serviceEndpoint");
    service.files = json::string_or(*object, "files");
    service.timeout = json::uint_or(*object, "timeout", 0);
    service.raw = *object;
    out.push_back(std::move(service));
  }
  return out;
}

Result<Service> find_service(const json::Object& ddo, std::string_view service_id) {
  PB_TRY(services, services_of(ddo));
  for (auto& service : services)
    if (service.id == service_id) return std::move(service);
  return fail(Errc::kNotFound, "asset " + json::string_or(ddo, "id") + " has no service \"" + std::string(service_id.substr(0, 100)) + "\"");
}

Status check_credentials(const json::Object* credentials, const Address& who,
                         const std::function<Result<bool>(std::uint64_t, const Address&, const Address&)>& access_list_member) {
  if (credentials == nullptr) return {};
  const std::string text = crypto::checksum_address(who);
  const auto matches = [&](const json::Value& entry) -> Result<bool> {
    if (!entry.is_object()) return false;
    const auto& object = entry.get_object();
    const std::string type = json::string_or(object, "type");
    if (type == "address") {
      if (const auto* values = json::find_array(object, "values"))
        for (const auto& value : *values) {
          std::string_view listed = value.is_string() ? json::sv(value.get_string()) : "";
          if (value.is_object()) listed = json::find(value.get_object(), "address") != nullptr && value.get_object().at("address").is_string() ? json::sv(value.get_object().at("address").get_string()) : "";
          if (listed == "*" || equals_ignore_case(listed, text)) return true;
        }
      return false;
    }
    if (type == "accessList") {
      PB_TRY(chain_id, json::uint_at(object, "chainId"));
      PB_TRY(list, json::address_at(object, "accessList"));
      return access_list_member(chain_id, list, who);
    }
    return false;  // a rule that we do not know never matches: unknown in allow keeps out
  };
  const Error refused = fail(Errc::kForbidden, "Error: Access to this asset is denied for " + text, "ask its owner");
  if (const auto* deny = json::find_array(*credentials, "deny")) {
    const bool all = json::string_or(*credentials, "match_deny", "any") == "all";
    std::size_t hits = 0;
    for (const auto& entry : *deny) {
      PB_TRY(hit, matches(entry));
      hits += hit ? 1 : 0;
    }
    if (hits > 0 && (!all || hits == deny->size())) return refused;
  }
  if (const auto* allow = json::find_array(*credentials, "allow"); allow != nullptr && !allow->empty()) {
    const bool all = json::string_or(*credentials, "match_allow", "all") == "all";
    std::size_t hits = 0;
    for (const auto& entry : *allow) {
      PB_TRY(hit, matches(entry));
      hits += hit ? 1 : 0;
    }
    if (all ? hits != allow->size() : hits == 0) return refused;
  }
  return {};
}

std::string container_checksum(const json::Object& container) {
  return hex(crypto::sha256(json::string_or(container, "entrypoint") + json::string_or(container, "checksum")).view());
}

Status check_algorithm_trust(const Service& service, const AlgorithmIdentity& algorithm) {
  if (service.type == "access") return {};
  const auto* compute = json::find_object(service.raw, "compute");
  if (compute == nullptr) return fail(Errc::kForbidden, "service " + service.id + " has no compute section");
  if (algorithm.did.empty()) {
    if (json::bool_or(*compute, "allowRawAlgorithm", false)) return {};
    return fail(Errc::kForbidden, "the data owner allows no raw algorithms", "use an algorithm that the listing trusts");
  }
  if (const auto* publishers = json::find_array(*compute, "publisherTrustedAlgorithmPublishers"))
    for (const auto& publisher : *publishers) {
      const std::string_view text = publisher.is_string() ? json::sv(publisher.get_string()) : "";
      if (text == "*" || equals_ignore_case(text, algorithm.nft.hex())) return {};
    }
  if (const auto* trusted = json::find_array(*compute, "publisherTrustedAlgorithms"))
    for (const auto& entry : *trusted) {
      if (!entry.is_object()) continue;
      const auto& object = entry.get_object();
      const auto fits = [&](const char* key, const std::string& value) {
        const std::string wanted = json::string_or(object, key);
        return wanted == "*" || wanted == value;
      };
      if (!fits("did", algorithm.did)) continue;
      if (!fits("filesChecksum", algorithm.files_checksum)) return fail(Errc::kForbidden, "algorithm " + algorithm.did + " filesChecksum does not match the one that the data owner trusts", "the algorithm's files changed: ask the owner to trust the new version");
      if (!fits("containerSectionChecksum", algorithm.container_section_checksum)) return fail(Errc::kForbidden, "algorithm " + algorithm.did + " containerSectionChecksum does not match the one that the data owner trusts");
      if (json::find(object, "serviceId") != nullptr && !fits("serviceId", algorithm.service_id)) continue;
      return {};
    }
  return fail(Errc::kForbidden, "algorithm " + algorithm.did + " is not trusted by the data owner", "use an algorithm that the listing trusts");
}

}  // namespace peaberry::market
