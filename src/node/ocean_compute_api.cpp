// The compute half of Ocean's surface.
#include <peaberry/crypto/hash.hpp>
#include <peaberry/market/auction.hpp>

#include "ocean_api.hpp"

namespace peaberry::node {
namespace {

/// How long after a job's end its lock stays claimable, as Ocean's clients expect.
constexpr std::uint64_t kClaimSeconds = 3'600;

Result<compute::JobAsset> asset_of(const json::Object& object) {
  return compute::JobAsset{json::string_or(object, "documentId"), json::string_or(object, "serviceId"), json::string_or(object, "transferTxId")};
}

Result<compute::EgressPolicy> egress_of(const market::Service& service) {
  if (const auto* additional = json::find_object(service.raw, "additionalInformation"))
    if (const auto* ours = json::find_object(*additional, "peaberry"))
      if (const auto* egress = json::find_object(*ours, "egress")) return compute::EgressPolicy::parse(*egress);
  return compute::EgressPolicy{};
}

/// What an algorithm's author may see of a run over no data of others.
compute::EgressPolicy open_policy() {
  compute::EgressPolicy out;
  out.bytes_max = std::uint64_t{64} << 20;
  out.files_max = 1024;
  out.numbers_max = out.text_max = std::uint64_t{64} << 20;
  out.log_bytes_max = 1 << 20;
  return out;
}

}  // namespace

struct OceanApi::ComputeRequest {
  compute::Job job;
  std::vector<std::pair<compute::JobAsset, std::optional<AssetService>>> datasets;
  std::optional<AssetService> algorithm;
  Address consumer;
};

OceanApi::Reply OceanApi::compute_environments() {
  if (!node_.runner_) return net::Response::json(200, "[]");
  return net::Response::json(200, json::stringify(json::Array{node_.environment_->to_json(node_.runner_->load(), node_.sandbox_->describe())}));
}

Result<std::string> OceanApi::files_checksum(const AssetService& item) {
  PB_TRY(objects, market::open_files(node_.keys_->identity, item.service.files, item.asset.nft, item.service.datatoken));
  std::string out;
  for (const auto& object : objects) {
    PB_TRY(file, storage::FileObject::parse(object));
    PB_TRY(info, node_.files_->info(file, std::uint64_t{512} << 20));
    out += info.sha256_hex;
  }
  return out;
}

/// A quorum runs the job again, so it sees the rows: every signer must be a host that the data's owner has admitted.
Status OceanApi::check_hosts(const AssetService& item) {
  if (!node_.desk_ || node_.desk_->signers().empty()) return {};
  for (const Address& signer : node_.desk_->signers()) PB_CHECK(check_host(item, signer));
  return {};
}

Status OceanApi::check_host(const AssetService& item, const Address& host) {
  const json::Array* hosts = nullptr;
  if (const auto* additional = json::find_object(item.service.raw, "additionalInformation"))
    if (const auto* ours = json::find_object(*additional, "peaberry")) hosts = json::find_array(*ours, "hosts");
  const std::string name = crypto::checksum_address(host);
  const bool admitted = hosts != nullptr && std::any_of(hosts->begin(), hosts->end(), [&](const json::Value& one) {
    return one.is_string() && (json::sv(one.get_string()) == "*" || equals_ignore_case(std::string(json::sv(one.get_string())), name));
  });
  if (!admitted) return fail(Errc::kForbidden, "data set " + item.asset.did + " does not admit " + name + " as a host, and it would be handed the rows", "run it elsewhere, or ask the owner to add it to the listing's hosts");
  return {};
}

/// Where a job runs elsewhere: at the winner of an auction's order whose lease is running and was opened by the consumer, or at the consumer's own
/// machine. Every data set must admit that host.
Status OceanApi::choose_host(const json::Object& hosted, ComputeRequest& request) {
  if (node_.desk_) return fail(Errc::kUnsupported, "this environment is paid by evidence: its jobs run here", "use an environment without a policy");
  compute::Job& job = request.job;
  if (const std::string order_text = json::string_or(hosted, "order"); !order_text.empty()) {
    if (!node_.contracts_ || node_.contracts_->auction.is_zero()) return fail(Errc::kUnsupported, "this chain has no ReverseAuction");
    PB_TRY(id, Hash32::parse(order_text, "hosted.order"));
    market::Auctions auctions(*node_.rpc_, *node_.sender_, {node_.config_.chain_id, node_.contracts_->start_block, node_.contracts_->auction, node_.contracts_->leases});
    PB_TRY(order, auctions.find(id));
    if (order.requester != request.consumer) return fail(Errc::kForbidden, "hosted.order was opened by another account");
    PB_TRY(lease, auctions.lease_of(id));
    PB_TRY(state, auctions.lease_state(lease));
    if (state.status != market::LeaseStatus::kActive) return fail(Errc::kPayment, "hosted.order: its lease is " + std::string(market::lease_status_name(state.status)), "open another order");
    job.host = lease.provider, job.lease_order = id.hex();
  } else {
    PB_TRY(host, json::address_at(hosted, "host"));
    if (host != request.consumer) return fail(Errc::kForbidden, "hosted.host is another account", "name an order that this host has won");
    job.host = host;
  }
  for (const auto& [asset, item] : request.datasets)
    if (item) PB_CHECK(check_host(*item, job.host));
  return {};
}

/// Reads and checks what both initializeCompute and compute start need: environment, resources, time, assets, access, trust.
Result<OceanApi::ComputeRequest> OceanApi::parse_compute(const json::Object& body, bool free, bool start) {
  if (!node_.runner_) return fail(Errc::kUnsupported, "this node has no compute environment", node_.sandbox_problem_);
  ComputeRequest out;
  compute::Job& job = out.job;
  const Environment& environment = *node_.environment_;
  PB_TRY(environment_id, json::string_at(body, "environment"));
  if (environment_id != environment.id()) return fail(Errc::kInvalid, "Invalid environment ID: " + environment_id.substr(0, 200), "ask /api/services/computeEnvironments");
  PB_TRY(consumer_text, json::string_at(body, "consumerAddress"));
  PB_TRY(consumer, Address::parse(consumer_text, "consumerAddress"));
  out.consumer = consumer;
  job.owner = crypto::checksum_address(consumer);
  job.payer = consumer;
  job.environment = environment_id;
  job.free = free;
  const auto* payment = json::find_object(body, "payment");
  const json::Array* wanted = json::find_array(body, "resources");
  if (wanted == nullptr && payment != nullptr) wanted = json::find_array(*payment, "resources");
  PB_TRY(resources, environment.resources(wanted, free));
  job.resources = resources;
  const std::uint64_t most = free ? environment.config().free_job_seconds_max : environment.config().job_seconds_max;
  job.duration_max = std::min(json::uint_or(body, "maxJobDuration", most), most);  // clients send timestamps here: clamped, as Ocean's node does
  if (job.duration_max == 0) job.duration_max = most;
  job.queue_max = std::min(json::uint_or(body, "queueMaxWaitTime", environment.config().queue_seconds_max), environment.config().queue_seconds_max);
  if (free && !environment.config().free_tier) return fail(Errc::kForbidden, "this environment has no free tier");
  if (!free) {
    if (payment == nullptr) return fail(Errc::kInvalid, "field \"payment\" is missing", "give chainId, token and resources");
    PB_TRY(chain_id, json::uint_at(*payment, "chainId"));
    PB_TRY(token, json::address_at(*payment, "token"));
    if (chain_id != node_.config_.chain_id) return fail(Errc::kInvalid, "payment.chainId " + std::to_string(chain_id) + " is not served", "use " + std::to_string(node_.config_.chain_id));
    if (token != environment.fee_token()) return fail(Errc::kInvalid, "payment.token is not one of the environment's fee tokens", "use " + crypto::checksum_address(environment.fee_token()));
    compute::JobPayment pay;
    pay.chain_id = chain_id;
    pay.token = token;
    PB_TRY(rate, environment.rate_per_minute(job.resources));
    pay.rate_per_minute = rate;
    const auto locked = settlement::lock_amount(rate, job.duration_max, environment.config().job_seconds_min);
    if (!locked) return fail(Errc::kInvalid, "the job's price does not fit into 256 bits");
    pay.locked = *locked;
    pay.lock_seconds = job.duration_max + job.queue_max + (node_.desk_ ? node_.desk_->extra_lock_seconds() : kClaimSeconds);
    job.payment = pay;
  }

  PB_TRY(algorithm, json::object_at(body, "algorithm"));
  PB_TRY(algorithm_asset, asset_of(*algorithm));
  job.algorithm = algorithm_asset;
  market::AlgorithmIdentity identity;
  if (!job.algorithm.did.empty()) {
    PB_TRY(item, orderable(job.algorithm.did, job.algorithm.service_id));
    PB_CHECK(check_access(item, consumer));
    identity.did = job.algorithm.did;
    identity.nft = item.asset.nft;
    identity.service_id = job.algorithm.service_id;
    auto checksum = files_checksum(item);
    if (!checksum) return within("algorithm files", checksum.error());
    identity.files_checksum = *checksum;
    if (const auto* metadata = json::find_object(item.asset.ddo, "metadata"))
      if (const auto* section = json::find_object(*metadata, "algorithm"))
        if (const auto* container = json::find_object(*section, "container")) identity.container_section_checksum = market::container_checksum(*container);
    out.algorithm = std::move(item);
  } else {
    const auto* meta = json::find_object(*algorithm, "meta");
    if (meta == nullptr) return fail(Errc::kInvalid, "field \"algorithm\" has neither documentId nor meta", "name an algorithm asset or give meta.rawcode");
    if (json::string_or(*meta, "rawcode").empty()) return fail(Errc::kInvalid, "field \"algorithm.meta.rawcode\" is missing");
    job.algorithm_meta = *meta;
  }
  if (const auto* custom = json::find(*algorithm, "algocustomdata")) job.custom_data = *custom;
  if (const auto* variables = json::find_object(*algorithm, "envs"))
    for (const auto& variable : *variables) {
      const std::string name(variable.key());
      const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; });
      if (!plain || name.starts_with("LD_")) return fail(Errc::kInvalid, "environment variable \"" + name.substr(0, 60) + "\" is not allowed");
      job.environment_variables[name] = variable.value();
    }

  const auto* datasets = json::find_array(body, "datasets");
  job.egress = open_policy();
  bool first = true;
  if (datasets != nullptr) {
    if (datasets->size() > 32) return fail(Errc::kInvalid, "field \"datasets\" has more than 32 entries");
    for (const auto& entry : *datasets) {
      PB_TRY(object, json::as_object(entry, "datasets entry"));
      PB_TRY(asset, asset_of(*object));
      if (asset.did.empty()) return fail(Errc::kUnsupported, "datasets entry has no documentId", "publish the file as an asset");
      PB_TRY(item, orderable(asset.did, asset.service_id));
      PB_CHECK(check_access(item, consumer));
      PB_CHECK(market::check_algorithm_trust(item.service, identity));
      if (item.service.type == "compute") {
        PB_TRY(policy, egress_of(item.service));
        job.egress = first ? policy : job.egress.strictest(policy);
        first = false;
      }
      if (!free) PB_CHECK(check_hosts(item));
      job.inputs.push_back(asset);
      out.datasets.emplace_back(asset, std::move(item));
    }
  }
  if (job.inputs.empty() && job.algorithm.did.empty() && !free) return fail(Errc::kInvalid, "field \"datasets\" is empty", "name at least one data set");
  if (start) {
    job.metadata = json::find(body, "metadata") != nullptr ? json::stringify(*json::find(body, "metadata")).substr(0, 1024) : "";
    job.id = environment.cluster() + "-" + node_.random_.uuid();
  }
  return out;
}

OceanApi::Reply OceanApi::initialize_compute(const net::Request& request) {
  auto document = json::parse(request.body, {.max_bytes = std::size_t{4} << 20});
  if (!document) return within("request body", document.error());
  PB_TRY(body, json::as_object(*document, "request body"));
  PB_TRY(parsed, parse_compute(*body, false, false));
  const Address payee = node_.environment_->payee();
  const auto entry = [&](const compute::JobAsset& asset, const std::optional<AssetService>& item) -> json::Object {
    json::Object out{{"datatoken", ""}, {"chainId", node_.config_.chain_id}, {"consumerAddress", crypto::checksum_address(payee)}, {"validOrder", false}, {"did", asset.did}, {"serviceId", asset.service_id}};
    if (!item) return out;
    out["datatoken"] = crypto::checksum_address(item->service.datatoken);
    if (const auto transaction = Hash32::parse(asset.transfer_tx)) {
      const auto order = node_.trader_->check_order(*transaction, item->asset.nft, item->service.datatoken, item->service.index, item->service.id, item->service.timeout, payee,
                                                    node_.keys_->identity.address(), node_.clock_.unix_seconds());
      if (order) {
        out["validOrder"] = asset.transfer_tx;
        return out;
      }
    }
    out["providerFee"] = fee_for(item->service).to_json();
    return out;
  };
  json::Array datasets;
  for (const auto& [asset, item] : parsed.datasets) datasets.push_back(entry(asset, item));
  const auto& pay = *parsed.job.payment;
  json::Object out{{"algorithm", entry(parsed.job.algorithm, parsed.algorithm)},
                   {"datasets", datasets},
                   {"payment", json::Object{{"escrowAddress", crypto::checksum_address(node_.addresses_.escrow)}, {"payee", crypto::checksum_address(payee)}, {"chainId", pay.chain_id},
                                            {"minLockSeconds", pay.lock_seconds}, {"token", crypto::checksum_address(pay.token)}, {"amount", pay.locked.dec()}}}};
  return net::Response::json(200, json::stringify(out));
}

OceanApi::Reply OceanApi::compute_start(const net::Request& request, bool free) {
  auto document = json::parse(request.body, {.max_bytes = std::size_t{4} << 20});
  if (!document) return within("request body", document.error());
  PB_TRY(body, json::as_object(*document, "request body"));
  const auto* nonce_value = json::find(*body, "nonce");
  const std::string nonce_text = nonce_value == nullptr ? request.query_or("nonce") : nonce_value->is_string() ? std::string(json::sv(nonce_value->get_string())) : json::stringify(*nonce_value);
  const std::string signature = json::string_or(*body, "signature", request.query_or("signature"));
  PB_CHECK(node_.auth_->check(json::string_or(*body, "consumerAddress"), nonce_text, free ? "freeStartCompute" : "startCompute", signature));
  PB_TRY(parsed, parse_compute(*body, free, true));
  const auto* hosted = json::find_object(*body, "hosted");
  if (hosted != nullptr && !free) return fail(Errc::kInvalid, "field \"hosted\" goes with freeCompute: the lease pays the host", "POST /api/services/freeCompute");
  if (hosted != nullptr) PB_CHECK(choose_host(*hosted, parsed));
  const Address payee = node_.environment_->payee();
  // For a paid job every asset must be ordered, with the environment as consumer or the caller as payer.
  const auto check = [&](const compute::JobAsset& asset, const std::optional<AssetService>& item) -> Status {
    if (!item || (free && asset.transfer_tx.empty() && item->service.type != "compute" && item->asset.price_type == "dispenser")) return {};
    if (asset.transfer_tx.empty() && free && crypto::checksum_address(item->asset.owner) == crypto::checksum_address(parsed.consumer)) return {};
    const auto transaction = Hash32::parse(asset.transfer_tx, "transferTxId");
    if (!transaction) return fail(Errc::kPayment, "asset " + asset.did + " is not ordered: " + transaction.error().message, "order its service and give the transaction as transferTxId");
    const auto order = node_.trader_->check_order(*transaction, item->asset.nft, item->service.datatoken, item->service.index, item->service.id, item->service.timeout, payee,
                                                  node_.keys_->identity.address(), node_.clock_.unix_seconds());
    if (!order) return order.error();
    if (order->payer != parsed.consumer && order->consumer != parsed.consumer) return fail(Errc::kPayment, "Error: Order " + asset.transfer_tx + " was paid by another account");
    return {};
  };
  for (const auto& [asset, item] : parsed.datasets) PB_CHECK(check(asset, item));
  PB_CHECK(check(parsed.job.algorithm, parsed.algorithm));
  if (free && hosted == nullptr) {
    const auto load = node_.runner_->load();
    if (load.running_free + load.queued_free >= node_.config_.environment.free_jobs_max) return fail(Errc::kExhausted, "the environment's free places are taken", "try again later");
  }
  PB_TRY(job, node_.runner_->submit(std::move(parsed.job)));
  return net::Response::json(200, json::stringify(json::Array{job.to_wire()}));
}

OceanApi::Reply OceanApi::compute_stop(const net::Request& request) {
  if (!node_.runner_) return fail(Errc::kUnsupported, "this node has no compute environment");
  const std::string consumer = request.query_or("consumerAddress"), id = request.query_or("jobId");
  PB_CHECK(node_.auth_->check(consumer, request.query_or("nonce"), "stopCompute", request.query_or("signature")));
  PB_TRY(job, node_.runner_->find(id));
  if (!equals_ignore_case(job.owner, consumer)) return fail(Errc::kForbidden, "job " + id + " belongs to another account");
  PB_CHECK(node_.runner_->request_stop(id));
  PB_TRY(after, node_.runner_->find(id));
  return net::Response::json(200, json::stringify(json::Array{after.to_wire()}));
}

OceanApi::Reply OceanApi::compute_status(const net::Request& request) {
  if (!node_.runner_) return net::Response::json(200, "[]");
  const std::string id = request.query_or("jobId"), consumer = request.query_or("consumerAddress"), agreement = request.query_or("agreementId");
  if (id.empty() && consumer.empty() && agreement.empty()) return fail(Errc::kInvalid, "Missing required parameter: \"consumerAddress\" or \"jobId\"");
  json::Array out;
  if (!id.empty()) {
    const auto job = node_.runner_->find(id);
    if (job && (consumer.empty() || equals_ignore_case(job->owner, consumer))) out.push_back(job->to_wire());
    else if (job || job.error().code == Errc::kNotFound) return fail(Errc::kNotFound, "Job not found");
  } else {
    PB_TRY(jobs, node_.jobs_->list(consumer, 500));
    for (const auto& job : jobs) {
      const bool wanted = agreement.empty() || std::any_of(job.inputs.begin(), job.inputs.end(), [&](const auto& input) { return input.transfer_tx == agreement; });
      if (wanted) out.push_back(job.to_wire());
    }
  }
  return net::Response::json(200, json::stringify(out));
}

OceanApi::Reply OceanApi::compute_result(const net::Request& request) {
  if (!node_.runner_) return fail(Errc::kUnsupported, "this node has no compute environment");
  const std::string consumer = request.query_or("consumerAddress"), id = request.query_or("jobId");
  PB_CHECK(node_.auth_->check(consumer, request.query_or("nonce"), "getComputeResult", request.query_or("signature")));
  PB_TRY(job, node_.runner_->find(id));
  if (!equals_ignore_case(job.owner, consumer)) return fail(Errc::kForbidden, "job " + id + " belongs to another account");
  if (job.state == compute::JobState::kAwaitingRelease) return fail(Errc::kConflict, "the data owner has not released the result yet", "ask again later");
  PB_TRY(index, U256::parse(request.query_or("index", "0"), "index"));
  PB_TRY(path, node_.runner_->result_path(job, index.bit_length() > 16 ? 65535 : index.low64()));
  PB_TRY(content, read_text(path, std::uintmax_t{1} << 30));
  const auto& result = job.results[index.low64()];
  net::Response response;
  std::size_t from = 0;
  if (const std::string range = request.header_or("Range"); range.starts_with("bytes=")) {
    const auto start = U256::parse(std::string_view(range).substr(6, range.find('-') - 6));
    if (start && start->bit_length() < 40) from = std::min<std::size_t>(content.size(), start->low64());
  }
  response.body = content.substr(from);
  response.headers["Content-Type"] = result.type == "output" ? "application/octet-stream" : "text/plain";
  response.headers["Content-Disposition"] = "attachment;filename=" + result.filename;
  return response;
}

}  // namespace peaberry::node
