#include "ocean_api.hpp"

#include <sys/utsname.h>

#include <peaberry/base/log.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/index/elastic.hpp>

namespace peaberry::node {
namespace {

struct Endpoint {
  const char* name;
  const char* method;
  const char* path;
};
constexpr Endpoint kEndpoints[] = {{"directCommand", "POST", "/directCommand"},
                                   {"nonce", "GET", "/api/services/nonce"},
                                   {"encrypt", "POST", "/api/services/encrypt"},
                                   {"decrypt", "POST", "/api/services/decrypt"},
                                   {"fileInfo", "POST", "/api/services/fileInfo"},
                                   {"initialize", "GET", "/api/services/initialize"},
                                   {"download", "GET", "/api/services/download"},
                                   {"computeEnvironments", "GET", "/api/services/computeEnvironments"},
                                   {"initializeCompute", "POST", "/api/services/initializeCompute"},
                                   {"computeStart", "POST", "/api/services/compute"},
                                   {"freeCompute", "POST", "/api/services/freeCompute"},
                                   {"computeStop", "PUT", "/api/services/compute"},
                                   {"computeStatus", "GET", "/api/services/compute"},
                                   {"computeResult", "GET", "/api/services/computeResult"},
                                   {"validateDDO", "POST", "/api/aquarius/assets/ddo/validate"},
                                   {"getDDO", "GET", "/api/aquarius/assets/ddo"},
                                   {"metadataQuery", "POST", "/api/aquarius/assets/metadata/query"}};

int http_code(Errc code) {
  switch (code) {
    case Errc::kInvalid: return 400;
    case Errc::kUnauthenticated: return 401;
    case Errc::kForbidden: return 403;
    case Errc::kNotFound: return 404;
    case Errc::kConflict: return 409;
    case Errc::kPayment: return 500;  // sic: what Ocean's node answers
    case Errc::kExhausted: return 500;
    case Errc::kUnavailable:
    case Errc::kTimeout: return 503;
    case Errc::kUnsupported: return 501;
    case Errc::kInternal: return 500;
  }
  return 500;
}

Result<json::Object> body_object(const net::Request& request) {
  auto document = json::parse(request.body, {.max_bytes = std::size_t{4} << 20});
  if (!document) return within("request body", document.error());
  PB_TRY(object, json::as_object(*document, "request body"));
  return *object;
}

bool starts_with_did(const std::string& did) { return did.starts_with("did:op"); }

}  // namespace

net::Response OceanApi::handle(const net::Request& request) {
  const std::string& path = request.path;
  const bool get = request.method == "GET" || request.method == "HEAD", post = request.method == "POST";
  constexpr const char* kCompute = "/api/services/compute";
  bool json_errors = false;
  const auto dispatch = [&]() -> Reply {
    if (get && path == "/") return root();
    if (get && path == "/api/services/nonce") return nonce(request);
    if (post && path == "/api/services/encrypt") return encrypt(request);
    if (post && path == "/api/services/decrypt") return decrypt(request);
    if (post && path == "/api/services/fileInfo") return file_info(request);
    if (get && path == "/api/services/initialize") return initialize(request);
    if (get && path == "/api/services/download") return download(request);
    if (get && path == "/api/services/computeEnvironments") return compute_environments();
    if (post && path == "/api/services/initializeCompute") return initialize_compute(request);
    if (post && (path == kCompute || path == "/api/services/freeCompute")) {
      json_errors = true;
      return compute_start(request, path != kCompute);
    }
    if (request.method == "PUT" && path == kCompute) return compute_stop(request);
    if (get && path == kCompute) return compute_status(request);
    if (get && path == "/api/services/computeResult") return compute_result(request);
    if (post && path == "/directCommand") return direct_command(request);
    if (post && path == "/api/aquarius/assets/ddo/validate") return validate(request);
    if (post && path == "/api/aquarius/assets/metadata/query") return metadata_query(request, false);
    if (post && path == "/api/aquarius/assets/query") return metadata_query(request, true);
    if (get && path == "/api/aquarius/state/ddo") return ddo_state(request);
    for (const char* prefix : {"/api/aquarius/assets/ddo/", "/api/aquarius/assets/metadata/"})
      if (get && path.starts_with(prefix)) {
        std::string did = path.substr(std::strlen(prefix));
        return ddo(did.substr(0, did.find('/')));
      }
    if (get && path.starts_with("/api/services/jobs")) return net::Response::json(200, "{\"jobs\":[]}");
    return fail(Errc::kNotFound, "Cannot " + request.method + " " + path.substr(0, 200));
  };
  auto reply = dispatch();
  if (reply) return std::move(*reply);
  const Error& error = reply.error();
  const int code = http_code(error.code);
  if (code >= 500) log::debug("node", "{} {}: {}", request.method, path, error.text());
  const std::string text = error.remedy.empty() || error.code == Errc::kUnauthenticated ? error.message : error.text();
  return json_errors ? net::Response::json(error.code == Errc::kPayment ? 400 : code, json::stringify(json::Value(text))) : net::Response::text(code, text);
}

OceanApi::Reply OceanApi::root() {
  json::Object endpoints, key;
  for (const auto& endpoint : kEndpoints) endpoints[endpoint.name] = json::Array{endpoint.method, endpoint.path};
  const auto compressed = node_.keys_->identity.public_key().compressed();
  for (std::size_t i = 0; i < compressed.size(); ++i) key[std::to_string(i)] = compressed[i];
  return net::Response::json(200, json::stringify(json::Object{{"nodeId", hex(compressed)},
                                                               {"chainIds", json::Array{std::to_string(node_.config_.chain_id)}},
                                                               {"providerAddress", crypto::checksum_address(node_.keys_->identity.address())},
                                                               {"nodePublicKey", key},
                                                               {"serviceEndpoints", endpoints},
                                                               {"software", "Peaberry"},
                                                               {"version", "0.1.0"}}));
}

OceanApi::Reply OceanApi::nonce(const net::Request& request) {
  PB_TRY(value, node_.auth_->nonce(request.query_or("userAddress")));
  return net::Response::json(200, json::stringify(json::Object{{"nonce", std::to_string(value)}}));
}

OceanApi::Reply OceanApi::encrypt(const net::Request& request) {
  if (request.body.empty()) return fail(Errc::kInvalid, "Missing required body");
  PB_CHECK(node_.auth_->check(request.query_or("consumerAddress"), request.query_or("nonce"), "encrypt", request.query_or("signature")));
  net::Response response;
  response.headers["Content-Type"] = "application/octet-stream";
  response.body = market::seal_text(node_.keys_->identity.public_key(), request.body, node_.random_);
  return response;
}

OceanApi::Reply OceanApi::decrypt(const net::Request& request) {
  PB_TRY(body, body_object(request));
  PB_TRY(who, json::string_at(body, "decrypterAddress"));
  const auto* nonce_value = json::find(body, "nonce");
  const std::string nonce_text = nonce_value == nullptr ? "" : nonce_value->is_string() ? std::string(json::sv(nonce_value->get_string())) : json::stringify(*nonce_value);
  PB_CHECK(node_.auth_->check(who, nonce_text, "decryptDDO", json::string_or(body, "signature")));
  PB_TRY(chain_id, json::uint_at(body, "chainId"));
  if (chain_id != node_.config_.chain_id) return fail(Errc::kInvalid, "Decrypt: Unsupported chain id " + std::to_string(chain_id));
  PB_TRY(nft, json::address_at(body, "dataNftAddress"));
  PB_CHECK(node_.opener_->check_factory(nft));
  index::SealedMetadata sealed;
  sealed.chain_id = chain_id;
  sealed.nft = nft;
  if (!json::string_or(body, "transactionId").empty()) {
    PB_TRY(transaction, json::hash_at(body, "transactionId"));
    PB_TRY(found, index::metadata_of_transaction(*node_.rpc_, transaction, nft));
    sealed = std::move(found);
    sealed.chain_id = chain_id;
  } else {
    PB_TRY(document, json::string_at(body, "encryptedDocument"));
    PB_TRY(data, parse_hex(document, "encryptedDocument"));
    PB_TRY(hash, json::hash_at(body, "documentHash"));
    sealed.data = std::move(data);
    sealed.hash = hash;
    sealed.flags = {static_cast<std::uint8_t>(json::uint_or(body, "flags", 2))};
  }
  if (sealed.state == 2 || sealed.state == 3) return fail(Errc::kForbidden, "Decrypt: the asset is deprecated or revoked");
  auto text = node_.opener_->decrypt_own(sealed);
  if (!text) return fail(Errc::kInvalid, "Decrypt: " + text.error().message);
  net::Response response = net::Response::text(200, std::move(*text));
  response.headers["Content-Type"] = "text/plain; charset=utf-8";
  return response;
}

OceanApi::Reply OceanApi::file_info(const net::Request& request) {
  PB_TRY(body, body_object(request));
  std::vector<storage::FileObject> files;
  if (json::find(body, "did") != nullptr) {
    PB_TRY(did, json::string_at(body, "did"));
    PB_TRY(service_id, json::string_at(body, "serviceId"));
    PB_TRY(asset, node_.catalogue_->asset(did));
    PB_TRY(service, market::find_service(asset.ddo, service_id));
    PB_TRY(objects, market::open_files(node_.keys_->identity, service.files, asset.nft, service.datatoken));
    for (const auto& object : objects) {
      PB_TRY(file, storage::FileObject::parse(object));
      files.push_back(std::move(file));
    }
  } else {
    auto file = storage::FileObject::parse(body);
    if (!file) return fail(Errc::kInvalid, "Invalid request parameters: " + file.error().text());
    if (file->kind != storage::FileObject::Kind::kUrl) return fail(Errc::kForbidden, "Invalid request parameters: only url files can be asked about");
    files.push_back(std::move(*file));
  }
  json::Array out;
  for (const auto& file : files) {
    const auto info = node_.files_->info(file, std::uint64_t{10} << 20);
    if (!info && info.error().code == Errc::kForbidden) return info.error();
    json::Object entry{{"valid", info.has_value()}, {"type", file.kind == storage::FileObject::Kind::kUrl ? "url" : "peaberryLocal"}};
    if (info) {
      entry["contentLength"] = std::to_string(info->length);
      entry["contentType"] = info->content_type;
      entry["name"] = info->name;
      if (json::bool_or(body, "checksum", false)) entry["checksum"] = info->sha256_hex;
    } else {
      entry["contentLength"] = "0";
      entry["error"] = info.error().message;
    }
    out.push_back(entry);
  }
  return net::Response::json(200, json::stringify(out));
}

OceanApi::Reply OceanApi::validate(const net::Request& request) {
  PB_TRY(body, body_object(request));
  const auto* ddo_object = json::find_object(body, "ddo");
  const json::Object& ddo = ddo_object != nullptr ? *ddo_object : body;
  const auto* nonce_value = json::find(body, "nonce");
  if (nonce_value != nullptr && json::find(body, "signature") != nullptr) {
    const std::string nonce_text = nonce_value->is_string() ? std::string(json::sv(nonce_value->get_string())) : json::stringify(*nonce_value);
    PB_CHECK(node_.auth_->check(json::string_or(body, "publisherAddress"), nonce_text, "validateDDO", json::string_or(body, "signature")));
  }
  const auto problems = market::validate_ddo(ddo);
  if (!problems.empty()) return fail(Errc::kInvalid, "Validation error: " + market::problems_text(problems));
  const std::string hash = crypto::sha256(json::stringify(ddo)).hex();
  const auto signature = node_.keys_->identity.sign(crypto::personal_message_hash(crypto::keccak256(hash).view()));
  return net::Response::json(200, json::stringify(json::Object{{"hash", hash}, {"publicKey", crypto::checksum_address(node_.keys_->identity.address())},
                                                               {"r", signature.r.hex()}, {"s", signature.s.hex()}, {"v", 27 + signature.y_parity}}));
}

OceanApi::Reply OceanApi::ddo(const std::string& did) {
  if (!starts_with_did(did)) return fail(Errc::kInvalid, "Missing or invalid required parameter: \"did\"");
  auto asset = node_.catalogue_->asset(did);
  if (!asset && asset.error().code == Errc::kNotFound) {
    // Clients poll every 30 s: look at the newest block before saying no.
    node_.catch_up_now(3'000);
    asset = node_.catalogue_->asset(did);
  }
  if (!asset) return asset.error().code == Errc::kNotFound ? Reply(fail(Errc::kNotFound, "DDO not found")) : Reply(asset.error());
  return net::Response::json(200, json::stringify(asset->ddo));
}

OceanApi::Reply OceanApi::ddo_state(const net::Request& request) {
  for (const char* key : {"did", "nft", "txId"})
    if (const std::string value = request.query_or(key); !value.empty()) {
      PB_TRY(state, node_.catalogue_->publication_state(value));
      return net::Response::json(200, json::stringify(state));
    }
  return fail(Errc::kInvalid, "Missing or invalid required parameters, you need to specify one of: \"did\", \"txId\", \"nft\"");
}

OceanApi::Reply OceanApi::metadata_query(const net::Request& request, bool aquarius) {
  PB_TRY(body, body_object(request));
  PB_TRY(documents, node_.catalogue_->documents(100'000));
  PB_TRY(page, index::elastic_search(body, documents));
  json::Array hits;
  for (const auto* document : page.hits) hits.push_back(*document);
  if (aquarius) {  // what Aquarius answered: ocean.js's querySearch reads hits.hits
    json::Array wrapped;
    for (auto& hit : hits) wrapped.push_back(json::Object{{"_source", hit}});
    return net::Response::json(200, json::stringify(json::Object{{"hits", json::Object{{"total", json::Object{{"value", page.total}}}, {"hits", wrapped}}}}));
  }
  return net::Response::json(200, json::stringify(json::Array{hits}));
}

Result<OceanApi::AssetService> OceanApi::orderable(const std::string& did, const std::string& service_id) {
  if (!starts_with_did(did)) return fail(Errc::kInvalid, "Missing or invalid required parameter: \"documentId\"");
  auto asset = node_.catalogue_->asset(did);
  if (!asset) {
    node_.catch_up_now(3'000);
    asset = node_.catalogue_->asset(did);
  }
  if (!asset) return asset.error();
  if (asset->state != index::AssetState::kActive && asset->state != index::AssetState::kEndOfLife && asset->state != index::AssetState::kUnlisted)
    return fail(Errc::kPayment, "Error: asset " + did + " can not be ordered in its state " + std::to_string(static_cast<int>(asset->state)));
  PB_TRY(service, market::find_service(asset->ddo, service_id));
  return AssetService{std::move(*asset), std::move(service)};
}

Status OceanApi::check_access(const AssetService& item, const Address& consumer) {
  const auto member = [this](std::uint64_t chain_id, const Address& list, const Address& who) -> Result<bool> {
    if (chain_id != node_.config_.chain_id) return false;
    PB_TRY(balance, node_.trader_->token_balance(list, who));
    return !balance.is_zero();
  };
  PB_CHECK(market::check_credentials(json::find_object(item.asset.ddo, "credentials"), consumer, member));
  return market::check_credentials(json::find_object(item.service.raw, "credentials"), consumer, member);
}

market::ProviderFee OceanApi::fee_for(const market::Service& service) {
  const U256 amount = parse_units(node_.config_.provider_fee, 18, "providerFee").value_or(U256{});
  const std::uint64_t until = service.timeout == 0 ? 0 : node_.clock_.unix_seconds() + service.timeout;
  return market::sign_provider_fee(node_.keys_->identity, node_.addresses_.ocean, amount, until, service.datatoken, service.id);
}

OceanApi::Reply OceanApi::initialize(const net::Request& request) {
  for (const char* field : {"documentId", "serviceId", "consumerAddress"})
    if (request.query_or(field).empty()) return fail(Errc::kInvalid, std::string("Missing required parameter: \"") + field + "\"");
  PB_TRY(item, orderable(request.query_or("documentId"), request.query_or("serviceId")));
  if (item.service.type == "compute") return fail(Errc::kPayment, "Use the initializeCompute endpoint to initialize compute jobs");
  PB_TRY(consumer, Address::parse(request.query_or("consumerAddress"), "consumerAddress"));
  PB_CHECK(check_access(item, consumer));
  PB_TRY(nonce_value, node_.auth_->nonce(request.query_or("consumerAddress")));
  return net::Response::json(200, json::stringify(json::Object{{"providerFee", fee_for(item.service).to_json()}, {"datatoken", crypto::checksum_address(item.service.datatoken)},
                                                               {"nonce", std::to_string(nonce_value)}, {"computeAddress", ""}}));
}

OceanApi::Reply OceanApi::download(const net::Request& request) {
  for (const char* field : {"fileIndex", "documentId", "serviceId", "transferTxId", "consumerAddress", "nonce", "signature"})
    if (request.query_or(field).empty()) return fail(Errc::kInvalid, std::string("Missing required parameter: \"") + field + "\"");
  PB_TRY(consumer, Address::parse(request.query_or("consumerAddress"), "consumerAddress"));
  PB_CHECK(node_.auth_->check(request.query_or("consumerAddress"), request.query_or("nonce"), "download", request.query_or("signature")));
  PB_TRY(item, orderable(request.query_or("documentId"), request.query_or("serviceId")));
  PB_CHECK(check_access(item, consumer));
  if (item.service.type == "compute") return fail(Errc::kForbidden, "Service type compute cannot be downloaded", "start a compute job on it");
  PB_TRY(index, U256::parse(request.query_or("fileIndex"), "fileIndex"));
  PB_TRY(transaction, Hash32::parse(request.query_or("transferTxId"), "transferTxId"));
  PB_CHECK(node_.trader_->check_order(transaction, item.asset.nft, item.service.datatoken, item.service.index, item.service.id, item.service.timeout, consumer,
                                      node_.keys_->identity.address(), node_.clock_.unix_seconds()));
  PB_TRY(objects, market::open_files(node_.keys_->identity, item.service.files, item.asset.nft, item.service.datatoken));
  if (index >= U256{objects.size()}) return fail(Errc::kInvalid, "fileIndex " + index.dec() + " is beyond the service's " + std::to_string(objects.size()) + " files");
  PB_TRY(file, storage::FileObject::parse(objects[index.low64()]));
  std::string query;
  if (const auto userdata = request.query_or("userdata"); !userdata.empty())
    if (const auto document = json::parse(userdata); document && document->is_object())
      for (const auto& member : document->get_object()) {
        const std::string value = member.value().is_string() ? std::string(json::sv(member.value().get_string())) : json::stringify(member.value());
        query += (query.empty() ? "" : "&") + net::url_encode({member.key().data(), member.key().size()}) + "=" + net::url_encode(value);
      }
  PB_TRY(opened, node_.files_->open(file, query));
  net::Response response;
  response.headers["Content-Type"] = opened.content_type;
  response.headers["Content-Disposition"] = "attachment;filename=" + opened.name;
  response.source = opened.source;
  response.content_length = opened.length;
  return response;
}

json::Object OceanApi::status() {
  utsname system{};
  uname(&system);
  const std::string chain = std::to_string(node_.config_.chain_id);
  const auto compressed = node_.keys_->identity.public_key().compressed();
  return json::Object{{"id", hex(compressed)},
                      {"publicKey", hex(compressed)},
                      {"friendlyName", "peaberry"},
                      {"address", crypto::checksum_address(node_.keys_->identity.address())},
                      {"version", "0.1.0"},
                      {"http", true},
                      {"p2p", false},
                      {"provider", json::Array{json::Object{{"chainId", chain}, {"network", "development"}}}},
                      {"indexer", json::Array{json::Object{{"chainId", chain}, {"network", "development"}, {"block", std::to_string(node_.indexed_)}}}},
                      {"escrowAddress", json::Object{{chain, crypto::checksum_address(node_.addresses_.escrow)}}},
                      {"supportedStorage", json::Object{{"url", true}, {"arwave", false}, {"ipfs", false}}},
                      {"platform", json::Object{{"cpus", std::thread::hardware_concurrency()}, {"arch", system.machine}, {"machine", system.machine}, {"platform", "linux"}, {"osType", system.sysname}, {"node", "native"}}},
                      {"codeHash", ""},
                      {"allowedAdmins", json::Object{{"addresses", json::Array{}}, {"accessLists", json::Array{}}}},
                      {"uptime", node_.clock_.unix_seconds() - node_.started_unix_}};
}

OceanApi::Reply OceanApi::direct_command(const net::Request& request) {
  PB_TRY(body, body_object(request));
  const std::string command = json::string_or(body, "command");
  if (command == "status" || command == "detailedStatus") return net::Response::json(200, json::pretty(status()));
  if (command == "getComputeEnvironments") return compute_environments();
  if (command == "nonce") {
    net::Request inner;
    inner.query["userAddress"] = json::string_or(body, "address");
    return nonce(inner);
  }
  if (command == "getDDO") return ddo(json::string_or(body, "id"));
  if (command == "query") {
    const auto* query = json::find_object(body, "query");
    if (query == nullptr) return fail(Errc::kInvalid, "Missing one ( \"query\" ) or more required field(s) for command: \"query\". Required fields: query");
    net::Request inner;
    inner.body = json::stringify(*query);
    return metadata_query(inner, false);
  }
  return fail(Errc::kInvalid, "Invalid or unrecognized command: \"" + command.substr(0, 60) + "\"");
}

}  // namespace peaberry::node
