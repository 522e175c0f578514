#include <fmt/core.h>

#include <peaberry/base/clock.hpp>
#include <peaberry/base/files.hpp>
#include <peaberry/compute/egress.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/market/ddo.hpp>
#include <peaberry/market/opener.hpp>
#include <peaberry/storage/file_object.hpp>

#include "commands.hpp"

namespace peaberry::cli {
namespace {

json::Object done_json(const market::Done& done) { return {{"name", done.name}, {"tx", done.transaction.hex()}, {"gas", done.gas_used}}; }

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto at = std::min(text.find(separator), text.size());
    if (at > 0) out.emplace_back(text.substr(0, at));
    text.remove_prefix(std::min(at + 1, text.size()));
  }
  return out;
}

/// {did, filesChecksum, containerSectionChecksum}: what a listing pins of an algorithm.
Result<json::Object> trust_entry(NodeClient& node, const std::string& did) {
  PB_TRY(ddo, node.ddo(did));
  PB_TRY(services, market::services_of(ddo));
  if (services.empty()) return fail(Errc::kInvalid, "algorithm " + did + " has no service");
  PB_TRY(info, node.post("/api/services/fileInfo", json::Object{{"did", did}, {"serviceId", services.front().id}, {"checksum", true}}));
  std::string checksum;
  if (info.is_array())
    for (const auto& file : info.get_array())
      if (file.is_object()) checksum += json::string_or(file.get_object(), "checksum");
  if (checksum.empty()) return fail(Errc::kUnavailable, "the files of algorithm " + did + " cannot be read", "is its node running?");
  json::Object out{{"did", did}, {"filesChecksum", checksum}, {"containerSectionChecksum", ""}, {"serviceId", services.front().id}};
  if (const auto* metadata = json::find_object(ddo, "metadata"))
    if (const auto* algorithm = json::find_object(*metadata, "algorithm"))
      if (const auto* container = json::find_object(*algorithm, "container")) out["containerSectionChecksum"] = market::container_checksum(*container);
  return out;
}

json::Object address_rules(const std::vector<std::string>& addresses) {
  json::Array values;
  for (const auto& address : addresses) values.push_back(json::Value(address));
  return {{"type", "address"}, {"values", values}};
}

/// The file object of what is sold. A file's bytes go to the content store of this home's node; only their name goes into the
/// listing, sealed to the node. `content_id` becomes the content's hash or the URL.
Result<storage::FileObject> file_to_sell(Context& context, const std::string& path, const std::string& url, std::string& content_id) {
  if (path.empty()) {
    content_id = url;
    return storage::FileObject::parse({{"type", "url"}, {"url", url}, {"method", "GET"}});
  }
  storage::ContentStore store(context.home() / "content");
  PB_TRY(stored, store.put(path));
  storage::FileObject file;
  file.kind = storage::FileObject::Kind::kLocal;
  file.sha256 = stored.sha256;
  file.name = fs::path(path).filename().string();
  content_id = stored.sha256.hex();
  context.progress(fmt::format("stored {} ({} bytes) on this node", file.name, stored.size));
  return file;
}

Result<std::string> sealed_files(Context& context, NodeClient& node, const Address& nft, const Address& datatoken, const storage::FileObject& file) {
  PB_TRY(node_key, node.public_key());
  const json::Object files{{"datatokenAddress", crypto::checksum_address(datatoken)}, {"nftAddress", crypto::checksum_address(nft)}, {"files", json::Array{file.to_json()}}};
  return market::seal_text(node_key, json::stringify(files), context.random());
}

/// The fixed-price exchange that sells `datatoken`, from the index's figures in a DDO; zero where there is none.
Hash32 exchange_of(const json::Object& ddo, const Address& datatoken) {
  const auto* indexed = json::find_object(ddo, "indexedMetadata");
  const auto* stats = indexed == nullptr ? nullptr : json::find_array(*indexed, "stats");
  if (stats == nullptr) return {};
  for (const auto& stat : *stats)
    if (stat.is_object() && json::address_at(stat.get_object(), "datatokenAddress").value_or(Address{}) == datatoken)
      if (const auto* prices = json::find_array(stat.get_object(), "prices"); prices != nullptr && !prices->empty() && (*prices)[0].is_object())
        return json::hash_at((*prices)[0].get_object(), "exchangeId").value_or(Hash32{});
  return {};
}

}  // namespace

Result<Output> publish(Context& context, PublishOptions options) {
  if (options.file.empty() == options.url.empty()) return fail(Errc::kInvalid, "name what to publish", "give FILE, or --url URL, not both");
  if (options.price.empty() && !options.free) return fail(Errc::kInvalid, "no price is given", "give --price AMOUNT or --free");
  PB_TRY(node_url, context.node_url());
  PB_TRY(key, context.key());
  PB_TRY(trader, context.trader());
  PB_TRY(contracts, context.addresses());
  NodeClient node(context.http(), node_url, *key);

  std::string content_id;
  PB_TRY(file, file_to_sell(context, options.file, options.url, content_id));
  market::Listing listing;
  listing.type = options.algorithm ? "algorithm" : "dataset";
  listing.name = options.name;
  listing.description = options.description;
  listing.author = options.author.empty() ? crypto::checksum_address(key->address()) : options.author;
  listing.license = options.license.empty() ? "No license specified" : options.license;
  listing.tags = split(options.tags, ',');
  listing.service_type = options.compute ? "compute" : "access";
  listing.timeout = options.timeout;
  if (!options.devices.empty()) {
    json::Array devices;
    for (const auto& device : options.devices) {
      PB_TRY(address, crypto::parse_address(device, "device"));
      devices.push_back(json::Value(crypto::checksum_address(address)));
    }
    listing.additional = {{"peaberry", json::Object{{"devices", devices}}}};
  }
  if (options.algorithm) {
    const std::string entrypoint = options.entrypoint.empty() ? "$ALGO" : options.entrypoint;
    listing.container = {{"entrypoint", entrypoint}, {"image", "peaberry/debian"}, {"tag", "12"}, {"checksum", "sha256:" + hex(crypto::sha256(content_id).view())}};
  }
  if (options.compute) {
    json::Array trusted;
    for (const auto& did : options.trust) {
      PB_TRY(entry, trust_entry(node, did));
      trusted.push_back(entry);
    }
    listing.compute = {{"allowRawAlgorithm", options.allow_raw}, {"allowNetworkAccess", false}, {"publisherTrustedAlgorithmPublishers", json::Array{}}, {"publisherTrustedAlgorithms", trusted}};
    compute::EgressPolicy policy;
    if (options.egress_bytes != 0) policy.bytes_max = options.egress_bytes;
    policy.log_bytes_max = options.egress_log_bytes;
    policy.owner_release = options.owner_release;
    if (!options.egress_types.empty()) policy.types = split(options.egress_types, ',');
    listing.egress = policy.to_json();
    for (const auto& host : options.hosts) {
      if (host != "*") PB_CHECK(Address::parse(host, "hosts"));
      listing.hosts.push_back(json::Value(host));
    }
  }
  json::Array allow, deny;
  if (!options.allow.empty()) allow.push_back(address_rules(options.allow));
  if (!options.deny.empty()) deny.push_back(address_rules(options.deny));
  if (!allow.empty() || !deny.empty()) listing.credentials = {{"allow", allow}, {"deny", deny}, {"match_allow", "any"}};

  // Say what is wrong with the text before any money is spent: validate against stand-in addresses.
  const auto probe = market::make_ddo(listing, context.options().chain_id, key->address(), key->address(), "0x00", node_url, context.clock().unix_seconds(), "probe");
  if (const auto problems = market::validate_ddo(probe); !problems.empty())
    return fail(Errc::kInvalid, "the listing is not valid: " + market::problems_text(problems), "mend these fields");

  // The same command again goes on where it was cut off instead of publishing twice; --again makes a new one.
  const std::string intention = "publish:" + crypto::keccak256(content_id + "|" + options.name + "|" + options.price + "|" + options.again).hex().substr(2, 24);
  market::NewAsset asset;
  asset.nft_name = options.name.substr(0, 64);
  asset.nft_symbol = "PBNFT";
  asset.datatoken_name = options.name.substr(0, 60) + " use";
  asset.datatoken_symbol = "PBDT";
  asset.base_token = contracts->ocean;
  if (!options.treasury.empty()) {
    PB_TRY(treasury, Address::parse(options.treasury, "treasury"));
    asset.payment_collector = treasury;
  }
  if (!options.free) {
    PB_TRY(price, parse_units(options.price, 18, "price"));
    asset.price = price;
  }
  context.progress("creating NFT, datatoken and price");
  PB_TRY(created, trader->create(intention, asset));
  const std::string did = market::did_of(created.nft, context.options().chain_id);
  PB_TRY(files, sealed_files(context, node, created.nft, created.datatoken, file));
  const std::string service_id = crypto::sha256(did + listing.service_type).hex().substr(2);
  const json::Object ddo = market::make_ddo(listing, context.options().chain_id, created.nft, created.datatoken, files, node_url, context.clock().unix_seconds(), service_id);
  const std::string text = json::stringify(ddo);
  context.progress("sealing the listing and writing it to the chain");
  PB_TRY(sealed_text, node.encrypt(text, context.options().chain_id));
  PB_TRY(sealed, parse_hex(sealed_text, "encrypted DDO"));
  PB_TRY(metadata, trader->set_metadata(intention, created.nft, 0, node_url, 2, sealed, crypto::sha256(text)));
  PB_CHECK(node.wait_indexed(did, metadata.transaction, context.clock()));
  json::Object out{{"did", did}, {"nft", crypto::checksum_address(created.nft)}, {"datatoken", crypto::checksum_address(created.datatoken)}, {"serviceId", service_id},
                   {"steps", json::Array{done_json(created.done), done_json(metadata)}}};
  return Output{out, fmt::format("published {}\n  {}\n  NFT {}  datatoken {}\n  next: peaberry show {}", options.name, did, crypto::checksum_address(created.nft), crypto::checksum_address(created.datatoken), did)};
}

Result<Output> update_asset(Context& context, const UpdateOptions& options) {
  if (!options.file.empty() && !options.url.empty()) return fail(Errc::kInvalid, "both --file and --url are given", "give one of them");
  PB_TRY(node_url, context.node_url());
  PB_TRY(key, context.key());
  PB_TRY(trader, context.trader());
  NodeClient node(context.http(), node_url, *key);
  PB_TRY(ddo, node.ddo(options.did));
  PB_TRY(services, market::services_of(ddo));
  if (services.empty()) return fail(Errc::kInvalid, "asset " + options.did + " has no service");
  const Hash32 exchange = exchange_of(ddo, services.front().datatoken);
  U256 price;
  if (!options.price.empty()) {
    if (exchange.is_zero()) return fail(Errc::kInvalid, "asset " + options.did + " is not sold for a price", "publish it again with --price");
    PB_TRY(parsed, parse_units(options.price, 18, "price"));
    price = parsed;
  }
  for (const char* added : {"datatokens", "indexedMetadata"}) ddo.erase(added);  // the index's own, not the owner's words
  PB_TRY(found, json::object_at(ddo, "metadata"));
  json::Object metadata = *found;
  if (!options.name.empty()) metadata["name"] = options.name;
  if (!options.description.empty()) metadata["description"] = options.description;
  if (!options.license.empty()) metadata["license"] = options.license;
  if (!options.tags.empty()) {
    json::Array tags;
    for (const auto& tag : split(options.tags, ',')) tags.push_back(json::Value(tag));
    metadata["tags"] = tags;
  }
  if (!options.lineage.empty()) {
    PB_TRY(lineage_text, read_text(options.lineage));
    PB_TRY(lineage, json::parse(lineage_text));
    PB_TRY(said, json::as_object(lineage, "lineage"));
    const auto* more = json::find_object(metadata, "additionalInformation");
    json::Object additional = more == nullptr ? json::Object{} : *more;
    const auto* known = json::find_object(additional, "peaberry");
    json::Object ours = known == nullptr ? json::Object{} : *known;
    ours["lineage"] = *said;
    additional["peaberry"] = ours;
    metadata["additionalInformation"] = additional;
  }
  metadata["updated"] = iso_time(context.clock().unix_seconds());
  ddo["metadata"] = metadata;
  if (const auto problems = market::validate_ddo(ddo); !problems.empty())
    return fail(Errc::kInvalid, "the listing is not valid: " + market::problems_text(problems), "mend these fields");
  PB_TRY(nft, json::address_at(ddo, "nftAddress"));
  if (!options.file.empty() || !options.url.empty()) {
    std::string content_id;
    PB_TRY(file, file_to_sell(context, options.file, options.url, content_id));
    PB_TRY(files, sealed_files(context, node, nft, services.front().datatoken, file));
    ddo["services"].as_array().front().as_object()["files"] = files;
  }
  json::Array steps;
  const std::string text = json::stringify(ddo);
  const Hash32 hash = crypto::sha256(text);
  PB_TRY(sealed_text, node.encrypt(text, context.options().chain_id));
  PB_TRY(sealed, parse_hex(sealed_text, "encrypted DDO"));
  PB_TRY(written, trader->set_metadata("update:" + hash.hex(), nft, 0, node_url, 2, sealed, hash));
  steps.push_back(done_json(written));
  if (!options.price.empty()) {
    PB_TRY(priced, trader->set_price("price:" + hash.hex(), exchange, price));
    steps.push_back(done_json(priced));
  }
  PB_CHECK(node.wait_indexed(options.did, written.transaction, context.clock()));
  return Output{json::Object{{"did", options.did}, {"steps", steps}}, "updated " + options.did};
}

Result<Output> set_asset_state(Context& context, const std::string& did, const std::string& state) {
  constexpr std::pair<const char*, std::uint8_t> kStates[] = {{"active", 0}, {"end-of-life", 1}, {"deprecated", 2}, {"revoked", 3}, {"ordering-disabled", 4}, {"unlisted", 5}};
  const auto* found = std::find_if(std::begin(kStates), std::end(kStates), [&](const auto& entry) { return state == entry.first; });
  if (found == std::end(kStates)) return fail(Errc::kInvalid, "state \"" + state + "\" is unknown", "use active, end-of-life, deprecated, revoked, ordering-disabled or unlisted");
  PB_TRY(node_url, context.node_url());
  PB_TRY(key, context.key());
  PB_TRY(trader, context.trader());
  PB_TRY(ddo, NodeClient(context.http(), node_url, *key).ddo(did));
  PB_TRY(nft, json::address_at(ddo, "nftAddress"));
  PB_TRY(done, trader->set_state("state:" + did + ":" + std::to_string(context.clock().unix_ms()), nft, found->second));
  return Output{json::Object{{"did", did}, {"state", found->second}, {"steps", json::Array{done_json(done)}}}, did + " is now " + state};
}

Result<Output> search(Context& context, const SearchOptions& options) {
  PB_TRY(node_url, context.node_url());
  const net::Query query{{"q", options.text}, {"type", options.type}, {"tag", options.tag}, {"owner", options.owner}, {"priceMax", options.price_max}, {"sort", options.sort},
                         {"free", options.free ? "true" : ""}, {"quality", options.quality}, {"rowsMin", options.rows_min == 0 ? "" : std::to_string(options.rows_min)},
                         {"completeMin", options.complete_min > 0 ? fmt::format("{}", options.complete_min) : ""}, {"signedMin", options.signed_min > 0 ? fmt::format("{}", options.signed_min) : ""}, {"limit", std::to_string(options.limit)}, {"offset", std::to_string(options.offset)}};
  const auto nobody = crypto::PrivateKey::generate(context.random());  // reading needs no account
  PB_TRY(reply, NodeClient(context.http(), node_url, nobody).get("/api/v1/assets", query));
  PB_TRY(object, json::as_object(reply, "search reply"));
  std::string text;
  if (const auto* list = json::find_array(*object, "assets"))
    for (const auto& item : *list) {
      const auto& row = item.as_object();
      const std::string price = json::string_or(row, "priceType") == "fixedrate" ? json::string_or(row, "price") + " OCEAN" : json::string_or(row, "priceType") == "dispenser" ? "free" : "no price";
      text += fmt::format("{:<44.44} {:<9} {:>12}  {} orders\n  {}\n", json::string_or(row, "name"), json::string_or(row, "type"), price, json::uint_or(row, "orders", 0), json::string_or(row, "did"));
      if (const auto* quality = json::find_object(row, "quality")) text += "  quality " + json::string_or(*quality, "status") + " under a bond: peaberry quality show " + json::string_or(row, "did") + "\n";
    }
  text += fmt::format("{} found", json::uint_or(*object, "total", 0));
  return Output{reply, text};
}

Result<Output> show(Context& context, const std::string& did) {
  PB_TRY(node_url, context.node_url());
  const auto nobody = crypto::PrivateKey::generate(context.random());
  PB_TRY(ddo, NodeClient(context.http(), node_url, nobody).ddo(did));
  return Output{ddo, json::pretty(ddo)};
}

Result<Output> buy(Context& context, const BuyOptions& options) {
  PB_TRY(node_url, context.node_url());
  PB_TRY(key, context.key());
  PB_TRY(trader, context.trader());
  NodeClient node(context.http(), node_url, *key);
  PB_TRY(ddo, node.ddo(options.did));
  PB_TRY(services, market::services_of(ddo));
  if (services.empty()) return fail(Errc::kInvalid, "asset " + options.did + " has no service");
  auto service = options.service.empty() ? Result<market::Service>(services.front()) : market::find_service(ddo, options.service);
  if (!service) return service.error();
  if (service->type == "compute") return fail(Errc::kInvalid, "this service is compute-to-data", "use: peaberry compute start --data " + options.did);
  net::Query query{{"documentId", options.did}, {"serviceId", service->id}, {"fileIndex", "0"}, {"consumerAddress", crypto::checksum_address(key->address())}};
  PB_TRY(reply, node.get("/api/services/initialize", query));
  PB_TRY(object, json::as_object(reply, "initialize reply"));
  PB_TRY(fee_object, json::object_at(*object, "providerFee"));
  PB_TRY(fee, market::ProviderFee::from_json(*fee_object));
  U256 price_max = U256::max();
  if (!options.price_max.empty()) {
    PB_TRY(limit, parse_units(options.price_max, 18, "price-max"));
    price_max = limit;
  }
  const std::string intention = "buy:" + options.did.substr(0, 40) + ":" + service->id.substr(0, 12) + ":" + options.again;
  json::Array steps;
  PB_TRY(bought, trader->buy_datatoken(intention, service->datatoken, exchange_of(ddo, service->datatoken), price_max));
  for (const auto& done : bought) steps.push_back(done_json(done));
  PB_TRY(order, trader->start_order(intention, service->datatoken, key->address(), service->index, fee));
  steps.push_back(done_json(order));
  return Output{json::Object{{"did", options.did}, {"serviceId", service->id}, {"order", order.transaction.hex()}, {"steps", steps}},
                fmt::format("ordered {}\n  order {}\n  next: peaberry download {} --order {}", options.did, order.transaction.hex(), options.did, order.transaction.hex())};
}

Result<Output> download(Context& context, const DownloadOptions& options) {
  PB_TRY(node_url, context.node_url());
  PB_TRY(key, context.key());
  NodeClient catalogue(context.http(), node_url, *key);
  PB_TRY(ddo, catalogue.ddo(options.did));
  PB_TRY(services, market::services_of(ddo));
  auto service = options.service.empty() && !services.empty() ? Result<market::Service>(services.front()) : market::find_service(ddo, options.service);
  if (!service) return service.error();
  NodeClient provider(context.http(), service->endpoint, *key);  // the files are where the listing says
  PB_TRY(query, provider.signed_query("download"));
  query["documentId"] = options.did;
  query["serviceId"] = service->id;
  query["fileIndex"] = std::to_string(options.index);
  query["transferTxId"] = options.order;
  std::string url = service->endpoint + "/api/services/download";
  char separator = '?';
  for (const auto& [name, value] : query) url += separator + name + "=" + net::url_encode(value), separator = '&';
  PB_TRY(stream, context.http().open({.url = url, .timeout_ms = 3'600'000, .max_bytes = std::size_t{1} << 40}));
  const bool refused = stream->status() != 200;
  fs::path target = options.output;
  if (fs::is_directory(target)) {
    std::string name = "file0";
    const auto header = stream->headers().find("content-disposition");
    if (header != stream->headers().end())
      if (const auto at = header->second.find("filename="); at != std::string::npos) name = fs::path(header->second.substr(at + 9)).filename().string();
    target /= name;
  }
  Bytes content;
  std::uint64_t total = 0;
  std::FILE* out = refused ? nullptr : std::fopen(target.c_str(), "wb");
  if (!refused && out == nullptr) return fail(Errc::kInvalid, "cannot write " + target.string(), "give another --output");
  for (Bytes buffer(65536);;) {
    auto got = stream->read(buffer);
    if (!got || *got == 0) {
      if (out != nullptr) std::fclose(out);
      if (!got) return got.error();
      break;
    }
    total += *got;
    if (refused) append(content, ByteView(buffer).first(std::min<std::size_t>(*got, 2000)));
    else if (std::fwrite(buffer.data(), 1, *got, out) != *got) return fail(Errc::kExhausted, "cannot write " + target.string(), "free some disk space");
  }
  if (refused) return fail(Errc::kForbidden, "the node answers " + std::to_string(stream->status()) + ": " + std::string(as_text(content)).substr(0, 500));
  return Output{json::Object{{"file", target.string()}, {"bytes", total}}, fmt::format("wrote {} ({} bytes)", target.string(), total)};
}

}  // namespace peaberry::cli
