#include <fmt/core.h>

#include <peaberry/base/files.hpp>
#include <peaberry/compute/archive.hpp>
#include <peaberry/compute/job.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/market/auth.hpp>
#include <peaberry/market/ddo.hpp>

#include "commands.hpp"

namespace peaberry::cli {
namespace {

json::Object done_json(const market::Done& done) { return {{"name", done.name}, {"tx", done.transaction.hex()}, {"gas", done.gas_used}}; }

struct Wanted {
  std::string did;
  market::Service service;
  Hash32 exchange;
  Address owner;
};

Result<Wanted> look_up(NodeClient& node, const std::string& did) {
  PB_TRY(ddo, node.ddo(did));
  PB_TRY(services, market::services_of(ddo));
  if (services.empty()) return fail(Errc::kInvalid, "asset " + did + " has no service");
  Wanted out{did, services.front(), {}, {}};
  for (const auto& service : services)
    if (service.type == "compute") {
      out.service = service;
      break;
    }
  if (const auto* indexed = json::find_object(ddo, "indexedMetadata"))
    if (const auto* nft = json::find_object(*indexed, "nft")) out.owner = json::address_at(*nft, "owner").value_or(Address{});
  if (const auto* indexed = json::find_object(ddo, "indexedMetadata"))
    if (const auto* stats = json::find_array(*indexed, "stats"))
      for (const auto& stat : *stats)
        if (stat.is_object() && json::address_at(stat.get_object(), "datatokenAddress").value_or(Address{}) == out.service.datatoken)
          if (const auto* prices = json::find_array(stat.get_object(), "prices"); prices != nullptr && !prices->empty() && (*prices)[0].is_object())
            out.exchange = json::hash_at((*prices)[0].get_object(), "exchangeId").value_or(Hash32{});
  return out;
}

json::Object asset_json(const Wanted& asset, const std::string& order) {
  json::Object out{{"documentId", asset.did}, {"serviceId", asset.service.id}};
  if (!order.empty()) out["transferTxId"] = order;
  return out;
}

Result<json::Object> first_job(const json::Value& reply) {
  const json::Value* value = &reply;
  if (reply.is_array() && !reply.get_array().empty()) value = &reply.get_array()[0];
  PB_TRY(object, json::as_object(*value, "job"));
  return *object;
}

std::string job_line(const json::Object& job) {
  std::string out = fmt::format("{}  {} ({})", json::string_or(job, "jobId"), json::string_or(job, "statusText"), json::uint_or(job, "status", 0));
  if (const auto reason = json::string_or(job, "reason"); !reason.empty()) out += "\n  " + reason;
  if (const auto* payment = json::find_object(job, "payment"))
    out += fmt::format("\n  cost {} wei, claim {} [unchecked: no evidence of the run but the node's signature]", json::string_or(*payment, "cost"), json::string_or(*payment, "claimTx"));
  return out;
}

Result<json::Object> wait_for(NodeClient& node, Context& context, const std::string& id) {
  std::string last;
  for (std::int64_t pause = 50;; pause = std::min<std::int64_t>(pause * 2, 500)) {
    PB_TRY(reply, node.get("/api/services/compute", {{"jobId", id}}));
    PB_TRY(job, first_job(reply));
    const std::string text = json::string_or(job, "statusText");
    if (text != last) context.progress(text);
    last = text;
    if (compute::is_final(static_cast<compute::JobState>(json::uint_or(job, "status", 0)))) return job;
    context.clock().sleep_ms(pause);
  }
}

}  // namespace

Result<Output> compute_envs(Context& context) {
  PB_TRY(node_url, context.node_url());
  const auto nobody = crypto::PrivateKey::generate(context.random());
  PB_TRY(reply, NodeClient(context.http(), node_url, nobody).get("/api/services/computeEnvironments"));
  return Output{reply, json::pretty(reply)};
}

Result<Output> compute_start(Context& context, const ComputeOptions& options) {
  if ((!options.lease.empty() || options.at_home) && !options.free) {  // the lease pays, or nobody
    ComputeOptions hosted = options;
    hosted.free = true;
    return compute_start(context, hosted);
  }
  if (options.algorithm.empty() == options.raw_code.empty()) return fail(Errc::kInvalid, "name the algorithm", "give --algo DID, or --raw FILE, not both");
  PB_TRY(node_url, context.node_url());
  PB_TRY(key, context.key());
  PB_TRY(trader, context.trader());
  NodeClient node(context.http(), node_url, *key);
  PB_TRY(environments, node.get("/api/services/computeEnvironments"));
  const json::Object* environment = nullptr;
  if (environments.is_array())
    for (const auto& item : environments.get_array())
      if (item.is_object() && (options.environment.empty() || json::string_or(item.get_object(), "id") == options.environment)) {
        environment = &item.get_object();
        break;
      }
  if (environment == nullptr) return fail(Errc::kNotFound, "the node offers no such compute environment", "see: peaberry compute envs");
  PB_TRY(payee_of_orders, json::address_at(*environment, "consumerAddress"));
  PB_TRY(contracts, context.addresses());

  std::vector<Wanted> data;
  for (const auto& did : options.data) {
    PB_TRY(asset, look_up(node, did));
    data.push_back(std::move(asset));
  }
  json::Object algorithm;
  std::optional<Wanted> algorithm_asset;
  if (!options.algorithm.empty()) {
    PB_TRY(asset, look_up(node, options.algorithm));
    algorithm = asset_json(asset, "");
    algorithm_asset = std::move(asset);
  } else {
    PB_TRY(code, read_text(options.raw_code, std::uintmax_t{4} << 20));
    algorithm["meta"] = json::Object{{"rawcode", code}, {"container", json::Object{{"entrypoint", options.entrypoint.empty() ? "/bin/sh $ALGO" : options.entrypoint}, {"image", "peaberry/debian"}, {"tag", "12"}}}};
  }
  if (!options.custom.empty()) {
    auto custom = json::parse(options.custom);
    if (!custom) return within("--custom", custom.error());
    algorithm["algocustomdata"] = *custom;
  }
  json::Array datasets;
  for (const auto& asset : data) datasets.push_back(asset_json(asset, ""));
  const json::Object payment{{"chainId", context.options().chain_id}, {"token", crypto::checksum_address(contracts->ocean)}, {"resources", json::Array{json::Object{{"id", "cpu"}, {"amount", 1}}}}};
  json::Object body{{"datasets", datasets}, {"algorithm", algorithm}, {"environment", json::string_or(*environment, "id")}, {"payment", payment}, {"maxJobDuration", options.seconds},
                    {"consumerAddress", crypto::checksum_address(key->address())}};
  if (!options.lease.empty()) body["hosted"] = json::Object{{"order", options.lease}};
  if (options.at_home) body["hosted"] = json::Object{{"host", crypto::checksum_address(key->address())}};
  const std::string intention = "job:" + (options.again.empty() ? context.random().uuid() : options.again);
  json::Array steps;
  const auto order = [&](const Wanted& asset, const json::Object& entry) -> Result<std::string> {
    PB_TRY(fee_object, json::object_at(entry, "providerFee"));
    PB_TRY(fee, market::ProviderFee::from_json(*fee_object));
    const std::string key_name = intention + ":" + asset.did.substr(7, 16);
    PB_TRY(bought, trader->buy_datatoken(key_name, asset.service.datatoken, asset.exchange, U256::max()));
    for (const auto& done : bought) steps.push_back(done_json(done));
    PB_TRY(started, trader->start_order(key_name, asset.service.datatoken, payee_of_orders, asset.service.index, fee));
    steps.push_back(done_json(started));
    return started.transaction.hex();
  };
  // Prices, fees and what must be locked come from the node; orders and deposits are ours.
  PB_TRY(prepared, node.post("/api/services/initializeCompute", body));
  PB_TRY(plan, json::as_object(prepared, "initializeCompute reply"));
  PB_TRY(plan_data, json::array_at(*plan, "datasets"));
  if (plan_data->size() != data.size()) return fail(Errc::kInvalid, "the node answers for another number of data sets");
  json::Array ordered;
  for (std::size_t i = 0; i < data.size(); ++i) {
    PB_TRY(entry, json::as_object((*plan_data)[i], "data set"));
    if (options.free && data[i].owner == key->address()) {  // one's own table needs no order in the free tier
      ordered.push_back(asset_json(data[i], ""));
      continue;
    }
    context.progress("ordering " + data[i].did.substr(0, 24) + "…");
    PB_TRY(transaction, order(data[i], *entry));
    ordered.push_back(asset_json(data[i], transaction));
  }
  if (algorithm_asset) {
    PB_TRY(entry, json::object_at(*plan, "algorithm"));
    context.progress("ordering the algorithm");
    PB_TRY(transaction, order(*algorithm_asset, *entry));
    algorithm["transferTxId"] = transaction;
  }
  body["datasets"] = ordered;
  body["algorithm"] = algorithm;
  if (!options.free) {
    PB_TRY(pay, json::object_at(*plan, "payment"));
    PB_TRY(amount, json::u256_at(*pay, "amount"));
    PB_TRY(payee, json::address_at(*pay, "payee"));
    PB_TRY(seconds, json::uint_at(*pay, "minLockSeconds"));
    context.progress(fmt::format("depositing {} OCEAN into the escrow and authorising the node", format_units(amount, 18)));
    PB_TRY(deposited, trader->escrow_deposit(intention, contracts->ocean, amount));
    for (const auto& done : deposited) steps.push_back(done_json(done));
    PB_TRY(authorized, trader->escrow_authorize(intention, contracts->ocean, payee, amount, seconds, 1));
    steps.push_back(done_json(authorized));
  }
  PB_TRY(signature, node.signed_query(options.free ? "freeStartCompute" : "startCompute"));
  for (const auto& [name, value] : signature) body[name] = value;
  PB_TRY(reply, node.post(options.free ? "/api/services/freeCompute" : "/api/services/compute", body));
  PB_TRY(job, first_job(reply));
  const std::string id = json::string_or(job, "jobId");
  context.progress("job " + id);
  if (options.wait) {
    PB_TRY(finished, wait_for(node, context, id));
    job = std::move(finished);
  }
  json::Object out{{"jobId", id}, {"job", job}, {"steps", steps}};
  std::string text = job_line(job);
  if (options.wait && !options.output.empty() && json::uint_or(job, "status", 0) == 70) {
    PB_TRY(result, compute_result(context, id, options.output));
    out["result"] = result.json;
    text += "\n" + result.text;
  } else if (!options.wait) {
    text += "\n  next: peaberry compute status " + id;
  }
  return Output{out, text};
}

Result<Output> compute_status(Context& context, const std::string& id) {
  PB_TRY(node_url, context.node_url());
  PB_TRY(key, context.key());
  NodeClient node(context.http(), node_url, *key);
  const net::Query query = id.empty() ? net::Query{{"consumerAddress", crypto::checksum_address(key->address())}} : net::Query{{"jobId", id}};
  PB_TRY(reply, node.get("/api/services/compute", query));
  std::string text;
  if (reply.is_array())
    for (const auto& job : reply.get_array())
      if (job.is_object()) text += (text.empty() ? "" : "\n") + job_line(job.get_object());
  return Output{reply, text.empty() ? "no jobs" : text};
}

namespace {
Result<std::string> fetch_result(NodeClient& node, const std::string& id, std::uint64_t index) {
  PB_TRY(query, node.signed_query("getComputeResult"));
  query["jobId"] = id;
  query["index"] = std::to_string(index);
  std::string url = "/api/services/computeResult";
  char separator = '?';
  for (const auto& [name, value] : query) url += separator + name + "=" + net::url_encode(value), separator = '&';
  return node.request({.method = "GET", .url = url});
}
}  // namespace

Result<Output> compute_result(Context& context, const std::string& id, const std::string& output) {
  PB_TRY(node_url, context.node_url());
  PB_TRY(key, context.key());
  NodeClient node(context.http(), node_url, *key);
  PB_TRY(reply, node.get("/api/services/compute", {{"jobId", id}}));
  PB_TRY(job, first_job(reply));
  PB_TRY(results, json::array_at(job, "results"));
  PB_CHECK(make_directories(output));
  json::Array files;
  std::string text;
  const auto write = [&](const std::string& name, ByteView content) -> Status {
    const fs::path target = fs::path(output) / name;
    PB_CHECK(write_file_atomic(target, content));
    files.push_back(json::Object{{"file", target.string()}, {"bytes", content.size()}, {"sha256", crypto::sha256(content).hex()}});
    text += fmt::format("  wrote {} ({} bytes)\n", target.string(), content.size());
    return {};
  };
  for (const auto& item : *results) {
    PB_TRY(entry, json::as_object(item, "result"));
    PB_TRY(content, fetch_result(node, id, json::uint_or(*entry, "index", 0)));
    const std::string name = fs::path(json::string_or(*entry, "filename", "result")).filename().string();
    if (json::string_or(*entry, "type") != "output") {
      PB_CHECK(write(name, as_bytes(content)));
      continue;
    }
    PB_TRY(outputs, compute::read_tar(as_bytes(content), std::uint64_t{1} << 30, 4096));
    for (const auto& file : outputs) PB_CHECK(write(file.name.starts_with("outputs/") ? file.name.substr(8) : file.name, file.content));
  }
  return Output{json::Object{{"jobId", id}, {"files", files}}, text};
}

Result<Output> compute_logs(Context& context, const std::string& id) {
  PB_TRY(node_url, context.node_url());
  PB_TRY(key, context.key());
  NodeClient node(context.http(), node_url, *key);
  PB_TRY(reply, node.get("/api/services/compute", {{"jobId", id}}));
  PB_TRY(job, first_job(reply));
  PB_TRY(results, json::array_at(job, "results"));
  for (const auto& item : *results)
    if (item.is_object() && json::string_or(item.get_object(), "type") == "algorithmLog") {
      PB_TRY(content, fetch_result(node, id, json::uint_or(item.get_object(), "index", 0)));
      return Output{json::Value(content), content};
    }
  return fail(Errc::kNotFound, "job " + id + " has no log yet", "ask again when it has run");
}

Result<Output> compute_stop(Context& context, const std::string& id) {
  PB_TRY(node_url, context.node_url());
  PB_TRY(key, context.key());
  NodeClient node(context.http(), node_url, *key);
  PB_TRY(query, node.signed_query("stopCompute"));
  query["jobId"] = id;
  std::string url = "/api/services/compute";
  char separator = '?';
  for (const auto& [name, value] : query) url += separator + name + "=" + net::url_encode(value), separator = '&';
  PB_TRY(body, node.request({.method = "PUT", .url = url}));
  PB_TRY(reply, json::parse(body));
  PB_TRY(job, first_job(reply));
  return Output{reply, job_line(job)};
}

Result<Output> compute_release(Context& context, const std::string& id, bool refuse) {
  PB_TRY(node_url, context.node_url());
  PB_TRY(key, context.key());
  NodeClient node(context.http(), node_url, *key);
  PB_TRY(query, node.signed_query("releaseResult"));
  PB_TRY(reply, node.post("/api/v1/jobs/release", json::Object{{"jobId", id}, {"allow", !refuse}, {"address", query["consumerAddress"]}, {"nonce", query["nonce"]}, {"signature", query["signature"]}}));
  return Output{reply, refuse ? "the result stays here" : "the result is released"};
}

}  // namespace peaberry::cli
