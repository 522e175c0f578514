#include "eip712.hpp"

#include <peaberry/crypto/hash.hpp>
#include <set>

#include "abi.hpp"

namespace peaberry::chain::eip712 {
namespace {

constexpr int kDepthMax = 32;

std::string_view base_type(std::string_view type) { return type.substr(0, type.find('[')); }

Status collect(const json::Object& types, std::string_view name, std::set<std::string>& out, int depth) {
  if (depth > kDepthMax) return fail(Errc::kInvalid, "typed data is nested too deep");
  const auto* fields = json::find_array(types, name);
  if (fields == nullptr || !out.insert(std::string(name)).second) return {};
  for (const auto& field : *fields) {
    PB_TRY(object, json::as_object(field, "typed data field"));
    PB_TRY(type, json::string_at(*object, "type"));
    PB_CHECK(collect(types, base_type(type), out, depth + 1));
  }
  return {};
}

Result<std::string> one_type(const json::Object& types, std::string_view name) {
  PB_TRY(fields, json::array_at(types, name));
  std::string out = std::string(name) + "(";
  for (const auto& field : *fields) {
    PB_TRY(object, json::as_object(field, "typed data field"));
    PB_TRY(type, json::string_at(*object, "type"));
    PB_TRY(label, json::string_at(*object, "name"));
    if (out.back() != '(') out += ",";
    out += type + " " + label;
  }
  return out + ")";
}

class Encoder {
 public:
  explicit Encoder(const json::Object& types) : types_(types) {}

  /// typeHash ‖ one word a field.
  Result<Bytes> structure(std::string_view name, const json::Object& value, int depth) {
    if (depth > kDepthMax) return fail(Errc::kInvalid, "typed data is nested too deep");
    PB_TRY(type_text, encode_type(types_, name));
    Bytes out = to_bytes(crypto::keccak256(type_text).view());
    PB_TRY(fields, json::array_at(types_, name));
    for (const auto& field : *fields) {
      PB_TRY(object, json::as_object(field, "typed data field"));
      PB_TRY(type, json::string_at(*object, "type"));
      PB_TRY(label, json::string_at(*object, "name"));
      const auto* member = json::find(value, label);
      if (member == nullptr) return fail(Errc::kInvalid, "typed data lacks field \"" + label + "\" of " + std::string(name));
      PB_TRY(encoded, word(type, *member, depth));
      append(out, encoded);
    }
    return out;
  }

 private:
  Result<Bytes> word(std::string_view type, const json::Value& value, int depth) {
    if (depth > kDepthMax) return fail(Errc::kInvalid, "typed data is nested too deep");
    if (type.ends_with("]")) {
      const auto open = type.rfind('[');
      const auto element = type.substr(0, open);
      const auto length = type.substr(open + 1, type.size() - open - 2);
      if (!value.is_array()) return fail(Errc::kInvalid, "typed data value of " + std::string(type) + " is not an array");
      if (!length.empty() && std::to_string(value.get_array().size()) != length)
        return fail(Errc::kInvalid, "typed data value of " + std::string(type) + " has another length");
      Bytes content;
      for (const auto& item : value.get_array()) {
        PB_TRY(encoded, word(element, item, depth + 1));
        append(content, encoded);
      }
      return to_bytes(crypto::keccak256(content).view());
    }
    if (json::find_array(types_, type) != nullptr) {
      PB_TRY(object, json::as_object(value, "typed data value of " + std::string(type)));
      PB_TRY(content, structure(type, *object, depth + 1));
      return to_bytes(crypto::keccak256(content).view());
    }
    PB_TRY(parsed, abi::Type::parse(type));
    PB_TRY(typed, abi::from_json(parsed, value));
    if (parsed.kind == abi::Type::Kind::kBytes || parsed.kind == abi::Type::Kind::kString)
      return to_bytes(crypto::keccak256(typed.bytes).view());
    return abi::encode(parsed, typed);
  }

  const json::Object& types_;
};

}  // namespace

Result<std::string> encode_type(const json::Object& types, std::string_view primary_type) {
  std::set<std::string> referenced;
  PB_CHECK(collect(types, primary_type, referenced, 0));
  PB_TRY(out, one_type(types, primary_type));
  for (const auto& name : referenced) {
    if (name == primary_type) continue;
    PB_TRY(next, one_type(types, name));
    out += next;
  }
  return out;
}

Result<Hash32> domain_separator(const json::Object& domain) {
  static constexpr std::pair<const char*, const char*> kFields[] = {
      {"name", "string"}, {"version", "string"}, {"chainId", "uint256"}, {"verifyingContract", "address"}, {"salt", "bytes32"}};
  json::Array fields;
  json::Object present;
  for (const auto& [name, type] : kFields) {
    const auto* value = json::find(domain, name);
    if (value == nullptr || value->is_null()) continue;
    fields.push_back(json::Object{{"name", name}, {"type", type}});
    present[name] = *value;
  }
  const json::Object types{{"EIP712Domain", fields}};
  PB_TRY(encoded, Encoder(types).structure("EIP712Domain", present, 0));
  return crypto::keccak256(encoded);
}

Result<Encoded> encode(const json::Object& types, std::string_view primary_type, const json::Object& domain,
                       const json::Object& message) {
  PB_TRY(separator, domain_separator(domain));
  PB_TRY(encoded, Encoder(types).structure(primary_type, message, 0));
  const std::uint8_t prefix[] = {0x19, 0x01};
  const Hash32 digest =
      crypto::Keccak256{}.update(ByteView{prefix}).update(separator.view()).update(crypto::keccak256(encoded).view()).finish();
  return Encoded{std::move(encoded), digest};
}

}  // namespace peaberry::chain::eip712
