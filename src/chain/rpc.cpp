#include "rpc.hpp"

#include <peaberry/crypto/hash.hpp>

namespace peaberry::chain {
namespace {

Result<U256> quantity_at(const json::Object& object, std::string_view key) {
  PB_TRY(text, json::string_at(object, key));
  return U256::parse(text, key);
}

Result<std::uint64_t> small_at(const json::Object& object, std::string_view key) {
  PB_TRY(value, quantity_at(object, key));
  if (!value.fits_u64()) return fail(Errc::kInvalid, "RPC field " + std::string(key) + " is too large");
  return value.low64();
}

Result<U256> as_quantity(const json::Value& value, std::string_view what) {
  if (!value.is_string()) return fail(Errc::kInvalid, "RPC answer to " + std::string(what) + " is not a quantity");
  return U256::parse(json::sv(value.get_string()), what);
}

/// What a node's error means to us. Text is looked at only where the codes are ambiguous.
Error rpc_error(const json::Object& error) {
  const std::string message = json::string_or(error, "message", "unknown error");
  const std::string lower = to_lower(message);
  const auto has = [&](std::string_view part) { return lower.find(part) != std::string::npos; };
  std::string data = json::string_or(error, "data");
  if (const auto* nested = json::find_object(error, "data")) data = json::string_or(*nested, "data");
  if (data.starts_with("0x") && (has("revert") || json::find(error, "code") != nullptr)) {
    const auto bytes = parse_hex(data);
    if (bytes && (bytes->size() >= 4 || has("revert")))
      return fail(Errc::kConflict, "contract call " + abi::describe_revert(*bytes));
  }
  if (has("insufficient funds") || has("out of gas") || has("gas required exceeds"))
    return fail(Errc::kPayment, "chain: " + message, "fund the account with the chain's coin");
  if (has("nonce too low")) return fail(Errc::kConflict, "chain: nonce too low");
  if (has("replacement transaction underpriced") || has("underpriced")) return fail(Errc::kConflict, "chain: " + message);
  if (has("revert")) return fail(Errc::kConflict, "contract call " + message);
  const auto* code = json::find(error, "code");
  const std::int64_t number = code != nullptr && code->is_int64() ? code->get_int64() : 0;
  if (number == -32005 || number == 429 || has("rate limit") || has("too many requests"))
    return fail(Errc::kUnavailable, "RPC: " + message, "slow down or use another RPC URL");
  if (number == -32601) return fail(Errc::kUnsupported, "RPC: " + message);
  return fail(Errc::kInvalid, "RPC: " + message);
}

json::Object request_object(std::uint64_t id, const std::string& method, json::Array params) {
  return json::Object{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(params)}};
}

Result<json::Value> unwrap(const json::Value& reply) {
  if (!reply.is_object()) return fail(Errc::kUnavailable, "RPC answers something that is not a JSON-RPC reply");
  const auto& object = reply.get_object();
  if (const auto* error = json::find_object(object, "error")) return rpc_error(*error);
  const auto* result = json::find(object, "result");
  if (result == nullptr) return fail(Errc::kUnavailable, "RPC reply has neither result nor error");
  return *result;
}

json::Object call_object(const CallRequest& request) {
  json::Object out;
  if (request.from) out["from"] = request.from->hex();
  if (request.to) out["to"] = request.to->hex();
  if (!request.data.empty()) out["data"] = hex0x(request.data);
  if (!request.value.is_zero()) out["value"] = request.value.hex();
  return out;
}

json::Object filter_object(const LogFilter& filter) {
  json::Object out{{"fromBlock", quantity(filter.from_block)}, {"toBlock", quantity(filter.to_block)}};
  if (!filter.addresses.empty()) {
    json::Array list;
    for (const auto& address : filter.addresses) list.push_back(json::Value(address.hex()));
    out["address"] = list;
  }
  const auto any_of = [](const std::vector<Hash32>& topics) -> json::Value {
    if (topics.empty()) return nullptr;
    json::Array list;
    for (const auto& topic : topics) list.push_back(json::Value(topic.hex()));
    return list;
  };
  if (!filter.topics1.empty()) out["topics"] = json::Array{any_of(filter.topics0), any_of(filter.topics1)};
  else if (!filter.topics0.empty()) out["topics"] = json::Array{any_of(filter.topics0)};
  return out;
}

}  // namespace

std::string quantity(std::uint64_t value) { return U256{value}.hex(); }

Rpc::Rpc(net::Client& client, RpcOptions options, const Clock& clock, Random& random)
    : client_(client), options_(std::move(options)), clock_(clock), random_(random) {
  PB_ASSERT(!options_.urls.empty());
}

Result<std::string> Rpc::post_once(std::size_t url, const std::string& body) {
  net::ClientRequest request;
  request.method = "POST";
  request.url = options_.urls[url];
  request.headers["Content-Type"] = "application/json";
  request.body = body;
  request.timeout_ms = options_.timeout_ms;
  request.max_bytes = options_.reply_bytes_max;
  PB_TRY(response, client_.send(request));
  if (response.status == 429 || response.status >= 500)
    return fail(Errc::kUnavailable, "RPC answers HTTP " + std::to_string(response.status));
  if (response.status != 200 && response.body.find("\"jsonrpc\"") == std::string::npos)
    return fail(Errc::kUnavailable, "RPC answers HTTP " + std::to_string(response.status), "check the RPC URL and its key");
  return std::move(response.body);
}

Status Rpc::verify_chain(std::size_t url) {
  if (!options_.chain_id) return {};
  {
    const std::lock_guard lock(mutex_);
    if (verified_.contains(url)) return {};
  }
  PB_TRY(body, post_once(url, json::stringify(request_object(next_id_++, "eth_chainId", {}))));
  PB_TRY(reply, json::parse(body));
  PB_TRY(result, unwrap(reply));
  PB_TRY(id, as_quantity(result, "eth_chainId"));
  if (id != U256{*options_.chain_id})
    return fail(Errc::kForbidden, options_.urls[url] + " is chain " + id.dec() + ", not " + std::to_string(*options_.chain_id),
                "give the RPC URL of chain " + std::to_string(*options_.chain_id));
  const std::lock_guard lock(mutex_);
  verified_.insert(url);
  return {};
}

Result<std::string> Rpc::post(const std::string& body) {
  Error last;
  std::size_t url = current_url_;
  for (int attempt = 0; attempt < options_.attempts_max; ++attempt) {
    if (attempt != 0 && attempt % static_cast<int>(options_.urls.size()) == 0) {
      const int round = attempt / static_cast<int>(options_.urls.size());
      const std::int64_t pause = std::min<std::int64_t>(std::int64_t{options_.backoff_ms} << (round - 1), 5000);
      clock_.sleep_ms(pause / 2 + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(pause / 2 + 1))));
    }
    Status right = verify_chain(url);
    if (right) {
      auto reply = post_once(url, body);
      if (reply) {
        current_url_ = url;
        return reply;
      }
      last = reply.error();
    } else {
      last = right.error();
    }
    const bool only_url_is_wrong = last.code == Errc::kForbidden && options_.urls.size() == 1;
    const bool worth_it = last.code == Errc::kUnavailable || last.code == Errc::kTimeout || last.code == Errc::kInvalid || last.code == Errc::kForbidden;
    if (!worth_it || only_url_is_wrong) return last;
    url = (url + 1) % options_.urls.size();
  }
  return last;
}

Result<std::string> Rpc::raw(const std::string& method, json::Array params) {
  return post(json::stringify(request_object(next_id_++, method, std::move(params))));
}

Result<json::Value> Rpc::call(const std::string& method, json::Array params) {
  Error last;
  for (int attempt = 0; attempt < 3; ++attempt) {  // rate limits and cut replies arrive inside HTTP 200
    PB_TRY(body, raw(method, params));
    auto reply = json::parse(body, {.max_bytes = options_.reply_bytes_max, .max_depth = 64});
    if (!reply) {
      last = fail(Errc::kUnavailable, "RPC " + method + " answers garbage: " + reply.error().message, "use another RPC URL");
      current_url_ = (current_url_ + 1) % options_.urls.size();
      continue;
    }
    auto result = unwrap(*reply);
    if (result || result.error().code != Errc::kUnavailable) return result;
    last = result.error();
    clock_.sleep_ms(options_.backoff_ms << attempt);
  }
  return last;
}

Result<std::vector<Result<json::Value>>> Rpc::batch(const std::vector<RpcCall>& calls) {
  std::vector<Result<json::Value>> out(calls.size(), Result<json::Value>(fail(Errc::kUnavailable, "RPC left this call out of its batch reply")));
  for (std::size_t from = 0; from < calls.size(); from += options_.batch_max) {
    const std::size_t count = std::min(options_.batch_max, calls.size() - from);
    const std::uint64_t first_id = next_id_.fetch_add(count);
    json::Array request;
    for (std::size_t i = 0; i < count; ++i)
      request.push_back(request_object(first_id + i, calls[from + i].method, calls[from + i].params));
    PB_TRY(body, post(json::stringify(request)));
    PB_TRY(reply, json::parse(body, {.max_bytes = options_.reply_bytes_max, .max_depth = 64}));
    if (reply.is_object()) return unwrap(reply).error();  // the whole batch was refused
    if (!reply.is_array()) return fail(Errc::kUnavailable, "RPC batch reply is not an array");
    for (const auto& item : reply.get_array()) {  // replies may come in any order
      if (!item.is_object()) continue;
      const auto id = json::uint_at(item.get_object(), "id");
      if (id && *id >= first_id && *id < first_id + count) out[from + (*id - first_id)] = unwrap(item);
    }
  }
  return out;
}

Result<std::uint64_t> Rpc::chain_id() {
  PB_TRY(result, call("eth_chainId", {}));
  PB_TRY(value, as_quantity(result, "eth_chainId"));
  return value.low64();
}

Result<std::uint64_t> Rpc::block_number() {
  PB_TRY(result, call("eth_blockNumber", {}));
  PB_TRY(value, as_quantity(result, "eth_blockNumber"));
  if (!value.fits_u64()) return fail(Errc::kInvalid, "RPC block number is too large");
  return value.low64();
}

Result<BlockRef> block_from_json(const json::Value& value) {
  if (value.is_null()) return fail(Errc::kNotFound, "the chain has no such block");
  PB_TRY(object, json::as_object(value, "RPC block"));
  PB_TRY(number, small_at(*object, "number"));
  PB_TRY(hash, json::hash_at(*object, "hash"));
  PB_TRY(parent, json::hash_at(*object, "parentHash"));
  PB_TRY(timestamp, small_at(*object, "timestamp"));
  return BlockRef{number, hash, parent, timestamp};
}

Result<BlockRef> Rpc::block(std::uint64_t number) {
  PB_TRY(result, call("eth_getBlockByNumber", {quantity(number), false}));
  PB_TRY(block, block_from_json(result));
  if (block.number != number) return fail(Errc::kInvalid, "RPC answers with another block");
  return block;
}

Result<BlockRef> Rpc::latest_block() {
  PB_TRY(result, call("eth_getBlockByNumber", {"latest", false}));
  return block_from_json(result);
}

Result<std::vector<Result<BlockRef>>> Rpc::blocks(std::uint64_t from, std::uint64_t to) {
  std::vector<RpcCall> calls;
  for (std::uint64_t number = from; number <= to; ++number) calls.push_back({"eth_getBlockByNumber", {quantity(number), false}});
  PB_TRY(results, batch(calls));
  std::vector<Result<BlockRef>> out;
  for (auto& result : results) out.push_back(result ? block_from_json(*result) : Result<BlockRef>(result.error()));
  return out;
}

Result<U256> Rpc::balance(const Address& account) {
  PB_TRY(result, call("eth_getBalance", {account.hex(), "latest"}));
  return as_quantity(result, "eth_getBalance");
}

Result<std::uint64_t> Rpc::transaction_count(const Address& account) {
  PB_TRY(result, call("eth_getTransactionCount", {account.hex(), "latest"}));
  PB_TRY(value, as_quantity(result, "eth_getTransactionCount"));
  return value.low64();
}

Result<Bytes> Rpc::code(const Address& account) {
  PB_TRY(result, call("eth_getCode", {account.hex(), "latest"}));
  if (!result.is_string()) return fail(Errc::kInvalid, "RPC answer to eth_getCode is not hex");
  return parse_hex(json::sv(result.get_string()), "eth_getCode");
}

Result<Bytes> Rpc::eth_call(const CallRequest& request) {
  PB_TRY(result, call("eth_call", {call_object(request), "latest"}));
  if (!result.is_string()) return fail(Errc::kInvalid, "RPC answer to eth_call is not hex");
  return parse_hex(json::sv(result.get_string()), "eth_call");
}

Result<std::uint64_t> Rpc::estimate_gas(const CallRequest& request) {
  PB_TRY(result, call("eth_estimateGas", {call_object(request)}));
  PB_TRY(value, as_quantity(result, "eth_estimateGas"));
  if (!value.fits_u64()) return fail(Errc::kInvalid, "RPC gas estimate is too large");
  return value.low64();
}

Result<Hash32> Rpc::send_raw(ByteView raw_transaction) {
  auto result = call("eth_sendRawTransaction", {hex0x(raw_transaction)});
  if (!result) {
    const std::string lower = to_lower(result.error().message);
    const bool known = lower.find("already known") != std::string::npos || lower.find("already imported") != std::string::npos;
    if (!known) return result.error();
    return crypto::keccak256(raw_transaction);
  }
  if (!result->is_string()) return fail(Errc::kInvalid, "RPC answer to eth_sendRawTransaction is not a hash");
  return Hash32::parse(json::sv(result->get_string()), "transaction hash");
}

Result<Receipt> receipt_from_json(const json::Value& value) {
  PB_TRY(object, json::as_object(value, "RPC receipt"));
  Receipt out;
  PB_TRY(hash, json::hash_at(*object, "transactionHash"));
  PB_TRY(block, small_at(*object, "blockNumber"));
  PB_TRY(block_hash, json::hash_at(*object, "blockHash"));
  PB_TRY(status, small_at(*object, "status"));
  PB_TRY(gas, small_at(*object, "gasUsed"));
  PB_TRY(price, quantity_at(*object, "effectiveGasPrice"));
  PB_TRY(from, json::address_at(*object, "from"));
  out.transaction_hash = hash, out.block_number = block, out.block_hash = block_hash, out.success = status == 1;
  out.gas_used = gas, out.effective_gas_price = price, out.from = from;
  if (const auto to = json::address_at(*object, "to")) out.to = *to;
  if (const auto created = json::address_at(*object, "contractAddress")) out.contract_address = *created;
  const auto* logs = json::find(*object, "logs");
  if (logs == nullptr) return fail(Errc::kInvalid, "RPC receipt has no logs");
  PB_TRY(decoded, logs_from_json(*logs));
  out.logs = std::move(decoded);
  return out;
}

Result<std::optional<Receipt>> Rpc::receipt(const Hash32& transaction) {
  PB_TRY(result, call("eth_getTransactionReceipt", {transaction.hex()}));
  if (result.is_null()) return std::optional<Receipt>();
  PB_TRY(receipt, receipt_from_json(result));
  if (receipt.transaction_hash != transaction) return fail(Errc::kInvalid, "RPC answers with another receipt");
  return std::optional<Receipt>(std::move(receipt));
}

Result<std::vector<Log>> Rpc::logs(const LogFilter& filter) {
  PB_TRY(body, raw("eth_getLogs", {filter_object(filter)}));
  auto logs = decode_logs(body);
  if (logs) return logs;
  PB_TRY(reply, json::parse(body, {.max_bytes = options_.reply_bytes_max, .max_depth = 64}));
  PB_CHECK(unwrap(reply));
  return logs.error();
}

Result<Rpc::Fees> Rpc::fees() {
  PB_TRY(result, call("eth_feeHistory", {"0x5", "latest", json::Array{50}}));
  PB_TRY(object, json::as_object(result, "eth_feeHistory"));
  PB_TRY(bases, json::array_at(*object, "baseFeePerGas"));
  if (bases->empty()) return fail(Errc::kInvalid, "RPC fee history is empty");
  PB_TRY(base, as_quantity(bases->back(), "baseFeePerGas"));
  U256 tip{1'000'000'000};
  if (const auto* rewards = json::find_array(*object, "reward")) {
    std::vector<U256> tips;
    for (const auto& row : *rewards)
      if (row.is_array() && !row.get_array().empty())
        if (const auto value = as_quantity(row.get_array()[0], "reward")) tips.push_back(*value);
    std::sort(tips.begin(), tips.end());
    if (!tips.empty() && !tips[tips.size() / 2].is_zero()) tip = tips[tips.size() / 2];
  }
  return Fees{base * U256{2} + tip, tip};
}

Result<bool> is_valid_contract_signature(Rpc& rpc, const Address& account, const Hash32& digest, ByteView signature) {
  static const abi::Type kArguments = *abi::Type::parse("(bytes32,bytes)");
  constexpr std::array<std::uint8_t, 4> kMagic = {0x16, 0x26, 0xba, 0x7e};  // isValidSignature(bytes32,bytes)
  PB_TRY(code, rpc.code(account));
  if (code.empty()) return false;
  const auto reply = rpc.eth_call({.to = account, .data = abi::encode_call(kMagic, kArguments, abi::Value::list({abi::Value::of(digest), abi::Value::of(signature)}))});
  if (!reply) return reply.error().code == Errc::kConflict ? Result<bool>(false) : Result<bool>(reply.error());
  return reply->size() == 32 && std::equal(kMagic.begin(), kMagic.end(), reply->begin());
}

}  // namespace peaberry::chain
