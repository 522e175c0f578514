#include "peaberry_api.hpp"

#include <charconv>
#include <peaberry/crypto/keys.hpp>
#include <peaberry/crypto/sealing.hpp>

#include "bundle.hpp"

namespace peaberry::node {
namespace {

int http_code(Errc code) {
  switch (code) {
    case Errc::kInvalid: return 400;
    case Errc::kUnauthenticated: return 401;
    case Errc::kForbidden: return 403;
    case Errc::kNotFound: return 404;
    case Errc::kConflict: return 409;
    case Errc::kPayment: return 402;
    case Errc::kExhausted: return 429;
    case Errc::kUnavailable: return 503;
    case Errc::kTimeout: return 504;
    case Errc::kUnsupported: return 501;
    case Errc::kInternal: return 500;
  }
  return 500;
}

json::Object row_json(const index::AssetRow& row) {
  json::Object out{{"did", row.did}, {"chainId", row.chain_id}, {"nft", crypto::checksum_address(row.nft)}, {"owner", crypto::checksum_address(row.owner)}, {"state", static_cast<int>(row.state)},
          {"type", row.type}, {"name", row.name}, {"author", row.author}, {"priceType", row.price_type}, {"price", format_units(row.price, 18)},
          {"priceToken", crypto::checksum_address(row.price_token)}, {"orders", row.orders}, {"created", row.created}};
  if (const auto* indexed = json::find_object(row.ddo, "indexedMetadata")) {
    if (const auto* quality = json::find_object(*indexed, "quality")) out["quality"] = *quality;
    if (const auto* proven = json::find_object(*indexed, "proven")) out["proven"] = *proven;
  }
  return out;
}

}  // namespace

net::Response PeaberryApi::handle(const net::Request& request) {
  Error error;
  if (request.path.starts_with("/api/v1/questions/")) {
    auto response = questions(request);
    if (response) return std::move(*response);
    error = response.error();
  } else {
    const auto reply = dispatch(request);
    if (reply) return net::Response::json(200, json::stringify(*reply));
    error = reply.error();
  }
  return net::Response::json(http_code(error.code), json::stringify(json::Object{{"error", json::Object{{"code", errc_name(error.code)}, {"message", error.message}, {"remedy", error.remedy}}}}));
}

Result<json::Value> PeaberryApi::dispatch(const net::Request& request) {
  if (request.method == "GET" && request.path == "/api/v1/health") return health();
  if (request.method == "GET" && request.path == "/api/v1/assets") return search(request);
  if (request.method == "GET" && request.path == "/api/v1/index/poisoned") {
    PB_TRY(list, node_.catalogue_->poisoned(200));
    return json::Value(list);
  }
  if (request.method == "POST" && request.path == "/api/v1/jobs/release") return release(request);
  if (request.method == "POST" && request.path.starts_with("/api/v1/hosted")) return hosted(request);
  return fail(Errc::kNotFound, "there is no " + request.method + " " + request.path.substr(0, 200));
}

Result<net::Response> PeaberryApi::questions(const net::Request& request) {
  if (!node_.desk_) return fail(Errc::kUnsupported, "this node's environment is not paid by evidence");
  const std::string rest = request.path.substr(std::strlen("/api/v1/questions/"));
  PB_TRY(job, Hash32::parse(rest.substr(0, rest.find('/')), "job id"));
  const std::string what = rest.find('/') == std::string::npos ? "" : rest.substr(rest.find('/') + 1);
  if (request.method == "GET" && what.empty()) {
    PB_TRY(question, node_.desk_->question(job));
    return net::Response::json(200, json::stringify(question));
  }
  if (request.method == "POST" && what == "bundle") return bundle(request, job);
  if (request.method == "POST" && what == "votes") {
    PB_TRY(document, json::parse(request.body));
    PB_TRY(body, json::as_object(document, "request body"));
    PB_TRY(text, json::string_at(*body, "vote"));
    PB_TRY(raw, parse_hex(text, "vote"));
    PB_CHECK(node_.desk_->take_vote(job, raw));
    return net::Response::json(200, "{\"taken\":true}");
  }
  return fail(Errc::kNotFound, "there is no " + request.method + " " + request.path.substr(0, 200));
}

/// Hands a signer of the quorum the job's bytes: manifest.json, algorithm, inputs/<name>.
Result<net::Response> PeaberryApi::bundle(const net::Request& request, const Hash32& job) {
  PB_TRY(document, json::parse(request.body));
  PB_TRY(body, json::as_object(document, "request body"));
  PB_TRY(who, json::address_at(*body, "address"));
  PB_CHECK(node_.auth_->check(json::string_or(*body, "address"), json::string_or(*body, "nonce"), "questionBundle", json::string_or(*body, "signature")));
  const auto& signers = node_.desk_->signers();
  if (std::find(signers.begin(), signers.end(), who) == signers.end()) return fail(Errc::kForbidden, crypto::checksum_address(who) + " is not a signer of this environment's quorum");
  PB_TRY(id, node_.desk_->compute_job(job));
  PB_TRY(compute_job, node_.runner_->find(id));
  PB_TRY(question, node_.desk_->question(job));
  const fs::path stage = node_.config_.home / "questions" / ("bundle-" + node_.random_.uuid());
  PB_CHECK(make_directories(stage, 0700));
  bool algorithm_failed = false;
  auto provisioned = node_.ports_->provision(compute_job, stage, algorithm_failed);
  auto tar = provisioned ? pack_bundle(*provisioned, json::string_or(question, "manifestText")) : Result<Bytes>(provisioned.error());
  std::error_code code;
  fs::remove_all(stage, code);
  if (!tar) return tar.error();
  net::Response response;
  response.body = std::string(as_text(*tar));
  response.headers["Content-Type"] = "application/x-tar";
  return response;
}

/// A host's three calls: which jobs wait for it, their bytes sealed to its key, and what came of them. Signed commands: hostedJobs,
/// hostedBundle:<publicKey>, hostedResult:<report digest>.
Result<json::Value> PeaberryApi::hosted(const net::Request& request) {
  PB_TRY(document, json::parse(request.body, {.max_bytes = std::size_t{128} << 20}));
  PB_TRY(body, json::as_object(document, "request body"));
  PB_TRY(who, json::address_at(*body, "address"));
  const auto check = [&](const std::string& command) { return node_.auth_->check(json::string_or(*body, "address"), json::string_or(*body, "nonce"), command, json::string_or(*body, "signature")); };
  if (request.path == "/api/v1/hosted") {
    PB_CHECK(check("hostedJobs"));
    json::Array jobs;
    for (const auto& offer : node_.hosted_.offers(who)) jobs.push_back(json::Object{{"jobId", offer.job}, {"egress", offer.egress.to_json()}});
    return json::Value(json::Object{{"jobs", jobs}});
  }
  if (request.path == "/api/v1/hosted/bundle") {
    PB_TRY(job, json::string_at(*body, "jobId"));
    PB_TRY(key_text, json::string_at(*body, "publicKey"));
    PB_CHECK(check("hostedBundle:" + key_text));
    PB_TRY(key_bytes, parse_hex(key_text, "publicKey"));
    PB_TRY(key, crypto::PublicKey::parse(key_bytes));
    PB_TRY(tar, node_.hosted_.bundle(job, who));
    return json::Value(json::Object{{"jobId", job}, {"sealed", base64(crypto::ecies_encrypt(key, tar, node_.random_))}});
  }
  if (request.path == "/api/v1/hosted/result") {
    PB_TRY(report, HostReport::from_json(*body));
    PB_CHECK(check("hostedResult:" + report.digest().hex()));
    PB_CHECK(node_.hosted_.take(who, std::move(report)));
    return json::Value(json::Object{{"taken", true}});
  }
  return fail(Errc::kNotFound, "there is no " + request.method + " " + request.path.substr(0, 200));
}

Result<json::Value> PeaberryApi::health() {
  PB_TRY(counts, node_.catalogue_->counts());
  return json::Value(json::Object{{"ok", true},
                                  {"version", "0.1.0"},
                                  {"audited", false},
                                  {"chainId", node_.config_.chain_id},
                                  {"head", node_.head_.load()},
                                  {"indexed", node_.indexed_.load()},
                                  {"assets", counts.assets},
                                  {"orders", counts.orders},
                                  {"poisoned", counts.poisoned},
                                  {"pending", counts.pending},
                                  {"identity", crypto::checksum_address(node_.keys_->identity.address())},
                                  {"operator", crypto::checksum_address(node_.keys_->operator_.address())},
                                  {"attest", crypto::checksum_address(node_.keys_->attest.address())},
                                  {"treasury", crypto::checksum_address(node_.keys_->treasury)},
                                  {"sandbox", node_.sandbox_ ? node_.sandbox_->describe() : "none: " + node_.sandbox_problem_}});
}

Result<json::Value> PeaberryApi::search(const net::Request& request) {
  index::SearchQuery query;
  query.text = request.query_or("q");
  query.type = request.query_or("type");
  query.tag = request.query_or("tag");
  query.sort = request.query_or("sort", "relevance");
  query.free_only = request.query_or("free") == "true";
  query.include_inactive = request.query_or("inactive") == "true";
  if (const auto owner = request.query_or("owner"); !owner.empty()) {
    PB_TRY(address, Address::parse(owner, "owner"));
    query.owner = address;
  }
  if (const auto price = request.query_or("priceMax"); !price.empty()) {
    PB_TRY(amount, parse_units(price, 18, "priceMax"));
    query.price_max = amount;
  }
  query.quality = request.query_or("quality");
  if (const auto rows = request.query_or("rowsMin"); !rows.empty()) {
    PB_TRY(number, U256::parse(rows, "rowsMin"));
    if (number.bit_length() > 62) return fail(Errc::kInvalid, "rowsMin is too large");
    query.rows_min = number.low64();
  }
  for (const auto& [name, slot] : {std::pair<const char*, double*>{"completeMin", &query.complete_min}, {"signedMin", &query.signed_min}})
    if (const auto text = request.query_or(name); !text.empty()) {
      const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), *slot);
      if (code != std::errc() || end != text.data() + text.size() || !(*slot >= 0 && *slot <= 1)) return fail(Errc::kInvalid, std::string(name) + " is not a share from 0 to 1");
    }
  for (const auto& [name, slot] : {std::pair<const char*, std::uint32_t*>{"limit", &query.limit}, {"offset", &query.offset}})
    if (const auto text = request.query_or(name); !text.empty()) {
      PB_TRY(number, U256::parse(text, name));
      if (number.bit_length() > 31) return fail(Errc::kInvalid, std::string(name) + " is too large");
      *slot = static_cast<std::uint32_t>(number.low64());
    }
  PB_TRY(page, node_.catalogue_->search(query));
  json::Array rows;
  for (const auto& row : page.rows) rows.push_back(row_json(row));
  return json::Value(json::Object{{"total", page.total}, {"assets", rows}});
}

/// The owner of every compute input releases (or refuses) a waiting result: {jobId, allow, address, nonce, signature}.
Result<json::Value> PeaberryApi::release(const net::Request& request) {
  if (!node_.runner_) return fail(Errc::kUnsupported, "this node has no compute environment");
  PB_TRY(document, json::parse(request.body));
  PB_TRY(body, json::as_object(document, "request body"));
  PB_TRY(id, json::string_at(*body, "jobId"));
  PB_TRY(allow, json::bool_at(*body, "allow"));
  PB_TRY(who, json::address_at(*body, "address"));
  PB_CHECK(node_.auth_->check(json::string_or(*body, "address"), json::string_or(*body, "nonce"), "releaseResult", json::string_or(*body, "signature")));
  PB_TRY(job, node_.runner_->find(id));
  for (const auto& input : job.inputs) {
    PB_TRY(asset, node_.catalogue_->asset(input.did));
    if (asset.owner != who) return fail(Errc::kForbidden, "asset " + input.did + " belongs to another account");
  }
  PB_CHECK(node_.runner_->release(id, allow));
  return json::Value(json::Object{{"jobId", id}, {"released", allow}});
}

}  // namespace peaberry::node
