#include "log.hpp"

#include <simdjson.h>

#include <peaberry/crypto/hash.hpp>

namespace peaberry::chain {
namespace {

Error bad_log(const char* field) {
  return fail(Errc::kInvalid, std::string("log reply: field ") + field + " is malformed", "the RPC node answers garbage; use another");
}

constexpr std::array<std::uint8_t, 256> kNibble = [] {
  std::array<std::uint8_t, 256> table{};
  for (auto& entry : table) entry = 0xff;
  for (int i = 0; i < 10; ++i) table[static_cast<std::size_t>('0' + i)] = static_cast<std::uint8_t>(i);
  for (int i = 0; i < 6; ++i) {
    table[static_cast<std::size_t>('a' + i)] = static_cast<std::uint8_t>(10 + i);
    table[static_cast<std::size_t>('A' + i)] = static_cast<std::uint8_t>(10 + i);
  }
  return table;
}();

/// "0x" and exactly 2·size digits into `out`.
bool unhex(std::string_view text, std::uint8_t* out, std::size_t size) {
  if (text.size() != 2 + 2 * size || text[0] != '0' || text[1] != 'x') return false;
  std::uint8_t seen = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::uint8_t high = kNibble[static_cast<std::uint8_t>(text[2 + 2 * i])];
    const std::uint8_t low = kNibble[static_cast<std::uint8_t>(text[3 + 2 * i])];
    seen |= high | low;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return (seen & 0xf0) == 0;
}
template <std::size_t N, class Tag>
bool unhex(std::string_view text, FixedBytes<N, Tag>& out) {
  return unhex(text, out.data.data(), N);
}
bool unhex_data(std::string_view text, Bytes& out) {
  if (text.size() < 2 || text.size() % 2 != 0) return false;
  out.resize((text.size() - 2) / 2);
  return unhex(text, out.data(), out.size());
}
template <class Integer>
bool quantity(std::string_view text, Integer& out) {
  if (text.size() < 3 || text.size() > 2 + 2 * sizeof(Integer) || text[0] != '0' || text[1] != 'x') return false;
  std::uint64_t value = 0;
  for (const char c : text.substr(2)) {
    const std::uint8_t nibble = kNibble[static_cast<std::uint8_t>(c)];
    if (nibble > 15) return false;
    value = value << 4 | nibble;
  }
  out = static_cast<Integer>(value);
  return true;
}

/// Which field a key names; each must come once.
enum Field : unsigned { kAddress = 1, kTopics = 2, kData = 4, kBlock = 8, kBlockHash = 16, kTx = 32, kTxIndex = 64, kIndex = 128, kAll = 255 };

const char* set_text(Log& log, std::string_view key, std::string_view value, unsigned& seen) {
  const auto mark = [&](Field field, bool ok, const char* name) {
    seen |= field;
    return ok ? nullptr : name;
  };
  if (key == "address") return mark(kAddress, unhex(value, log.address), "address");
  if (key == "data") return mark(kData, unhex_data(value, log.data), "data");
  if (key == "blockNumber") return mark(kBlock, quantity(value, log.block_number), "blockNumber");
  if (key == "blockHash") return mark(kBlockHash, unhex(value, log.block_hash), "blockHash");
  if (key == "transactionHash") return mark(kTx, unhex(value, log.transaction_hash), "transactionHash");
  if (key == "transactionIndex") return mark(kTxIndex, quantity(value, log.transaction_index), "transactionIndex");
  if (key == "logIndex") return mark(kIndex, quantity(value, log.log_index), "logIndex");
  return nullptr;
}

bool wanted_text(std::string_view key) {
  return key == "address" || key == "data" || key == "blockNumber" || key == "blockHash" || key == "transactionHash" ||
         key == "transactionIndex" || key == "logIndex";
}

}  // namespace

Result<std::vector<Log>> decode_logs(std::string_view body) {
  namespace sj = simdjson;
  // One parser and one padded buffer a thread: both are as large as the largest reply so far.
  thread_local sj::ondemand::parser parser;
  thread_local std::string padded;
  padded.assign(body);
  padded.reserve(body.size() + sj::SIMDJSON_PADDING);
  sj::ondemand::document document;
  if (parser.iterate(padded.data(), body.size(), padded.capacity()).get(document) != sj::SUCCESS)
    return fail(Errc::kInvalid, "log reply is not JSON", "the RPC node answers garbage; use another");
  sj::ondemand::array array;
  sj::ondemand::json_type type;
  if (document.type().get(type) != sj::SUCCESS) return bad_log("result");
  if (type == sj::ondemand::json_type::array) {
    if (document.get_array().get(array) != sj::SUCCESS) return bad_log("result");
  } else {
    sj::ondemand::value result;
    if (document["result"].get(result) != sj::SUCCESS || result.get_array().get(array) != sj::SUCCESS) return bad_log("result");
  }
  std::vector<Log> out;
  for (auto element : array) {
    sj::ondemand::object object;
    if (element.get_object().get(object) != sj::SUCCESS) return bad_log("result");
    Log& log = out.emplace_back();
    unsigned seen = 0;
    for (auto member : object) {
      std::string_view key;
      if (member.unescaped_key().get(key) != sj::SUCCESS) return bad_log("key");
      if (key == "topics") {
        sj::ondemand::array topics;
        if (member.value().get_array().get(topics) != sj::SUCCESS) return bad_log("topics");
        log.topic_count = 0;
        for (auto topic : topics) {
          std::string_view text;
          if (log.topic_count == 4 || topic.get_string().get(text) != sj::SUCCESS || !unhex(text, log.topics[log.topic_count++]))
            return bad_log("topics");
        }
        seen |= kTopics;
      } else if (wanted_text(key)) {
        std::string_view text;
        if (member.value().get_string().get(text) != sj::SUCCESS) return bad_log("value");
        if (const char* field = set_text(log, key, text, seen)) return bad_log(field);
      }
    }
    if (seen != kAll) return bad_log("(one is missing)");
  }
  if (document.current_location().error() == sj::SUCCESS && type == sj::ondemand::json_type::array) return bad_log("(text after the end)");
  return out;
}

Result<std::vector<Log>> logs_from_json(const json::Value& value) {
  if (!value.is_array()) return bad_log("result");
  std::vector<Log> out;
  for (const auto& element : value.get_array()) {
    if (!element.is_object()) return bad_log("result");
    Log& log = out.emplace_back();
    unsigned seen = 0;
    for (const auto& member : element.get_object()) {
      const std::string_view key(member.key().data(), member.key().size());
      if (key == "topics") {
        if (!member.value().is_array()) return bad_log("topics");
        log.topic_count = 0;
        for (const auto& topic : member.value().get_array())
          if (log.topic_count == 4 || !topic.is_string() || !unhex(json::sv(topic.get_string()), log.topics[log.topic_count++]))
            return bad_log("topics");
        seen |= kTopics;
      } else if (wanted_text(key)) {
        if (!member.value().is_string()) return bad_log("value");
        if (const char* field = set_text(log, key, json::sv(member.value().get_string()), seen)) return bad_log(field);
      }
    }
    if (seen != kAll) return bad_log("(one is missing)");
  }
  return out;
}

Result<std::vector<Log>> decode_logs_reference(std::string_view body) {
  PB_TRY(document, json::parse(body, {.max_bytes = std::size_t{1} << 30}));
  if (document.is_array()) return logs_from_json(document);
  PB_TRY(object, json::as_object(document, "log reply"));
  const auto* result = json::find(*object, "result");
  if (result == nullptr) return bad_log("result");
  return logs_from_json(*result);
}

EventSpec EventSpec::make(std::string_view name, std::string_view indexed, std::string_view data, std::vector<bool> is_indexed) {
  EventSpec out;
  auto indexed_type = abi::Type::parse(indexed);
  auto data_type = abi::Type::parse(data);
  PB_ASSERT(indexed_type && data_type);  // written by the generator
  std::string signature = std::string(name) + "(";
  std::size_t i = 0, d = 0;
  for (const bool flag : is_indexed) {
    const abi::Type& type = flag ? indexed_type->components[i++] : data_type->components[d++];
    signature += (signature.back() == '(' ? "" : ",") + type.canonical();
  }
  out.topic = crypto::keccak256(signature + ")");
  for (auto& type : indexed_type->components)  // values longer than a word are only known by their hash
    if (type.is_dynamic() || type.kind == abi::Type::Kind::kArray || type.kind == abi::Type::Kind::kTuple)
      type = *abi::Type::parse("bytes32");
  out.indexed = std::move(*indexed_type);
  out.data = std::move(*data_type);
  out.is_indexed = std::move(is_indexed);
  return out;
}

Result<std::vector<abi::Value>> decode_event(const EventSpec& spec, const Log& log) {
  if (log.topic_count == 0 || log.topics[0] != spec.topic) return fail(Errc::kInvalid, "log is of another event");
  if (log.topic_count != spec.indexed.components.size() + 1u) return fail(Errc::kInvalid, "log has another number of topics");
  Bytes words;
  for (std::size_t i = 1; i < log.topic_count; ++i) append(words, log.topics[i].view());
  PB_TRY(indexed, abi::decode(spec.indexed, words));
  PB_TRY(data, abi::decode(spec.data, log.data));
  std::vector<abi::Value> out;
  std::size_t i = 0, d = 0;
  for (const bool flag : spec.is_indexed) out.push_back(std::move(flag ? indexed.items[i++] : data.items[d++]));
  return out;
}

}  // namespace peaberry::chain
