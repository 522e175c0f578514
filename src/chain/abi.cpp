#include "abi.hpp"

#include <map>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/crypto/keys.hpp>

namespace peaberry::chain::abi {
namespace {

// --- Type text ---------------------------------------------------------------------------------------

class TypeParser {
 public:
  explicit TypeParser(std::string_view text) : text_(text) {}

  Result<Type> run() {
    PB_TRY(type, type_at(0));
    if (at_ != text_.size()) return bad("unexpected text");
    return type;
  }

 private:
  Error bad(const char* why) const {
    return fail(Errc::kInvalid, "ABI type \"" + std::string(text_.substr(0, 100)) + "\" at " + std::to_string(at_) + ": " + why);
  }
  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view word() {
    const std::size_t from = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_')) ++at_;
    return text_.substr(from, at_ - from);
  }
  static std::optional<unsigned> number(std::string_view digits) {
    if (digits.empty() || digits.size() > 9 || (digits.front() == '0' && digits.size() > 1)) return std::nullopt;
    unsigned out = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') return std::nullopt;
      out = out * 10 + static_cast<unsigned>(c - '0');
    }
    return out;
  }

  Result<Type> elementary(std::string_view name) {
    using K = Type::Kind;
    if (name == "address") return Type{K::kAddress, 160, {}, {}};
    if (name == "bool") return Type{K::kBool, 8, {}, {}};
    if (name == "bytes") return Type{K::kBytes, 0, {}, {}};
    if (name == "string") return Type{K::kString, 0, {}, {}};
    if (name == "function") return Type{K::kFixedBytes, 192, {}, {}};
    if (name == "uint") return Type{K::kUint, 256, {}, {}};
    if (name == "int") return Type{K::kInt, 256, {}, {}};
    const auto sized = [&](std::string_view prefix) {
      return name.starts_with(prefix) ? number(name.substr(prefix.size())) : std::nullopt;
    };
    if (const auto n = sized("uint"); n && *n % 8 == 0 && *n >= 8 && *n <= 256) return Type{K::kUint, *n, {}, {}};
    if (const auto n = sized("int"); n && *n % 8 == 0 && *n >= 8 && *n <= 256) return Type{K::kInt, *n, {}, {}};
    if (const auto n = sized("bytes"); n && *n >= 1 && *n <= 32) return Type{K::kFixedBytes, *n * 8, {}, {}};
    return bad("unknown type");
  }

  Result<Type> type_at(int depth) {
    if (depth > 24) return bad("nested too deep");
    skip_spaces();
    Type type;
    const std::string_view name = word();
    if ((name.empty() || name == "tuple") && take('(')) {
      type.kind = Type::Kind::kTuple;
      skip_spaces();
      if (!take(')')) {
        for (;;) {
          PB_TRY(member, type_at(depth + 1));
          type.components.push_back(std::move(member));
          skip_spaces();
          std::string_view label = word();
          if (label == "indexed" || label == "memory" || label == "calldata") {
            skip_spaces();
            label = word();
          }
          type.names.emplace_back(label);
          skip_spaces();
          if (take(')')) break;
          if (!take(',')) return bad("expected , or )");
        }
      }
    } else {
      PB_TRY(simple, elementary(name));
      type = std::move(simple);
    }
    while (take('[')) {
      const std::string_view digits = word();
      const auto length = number(digits);
      if (!digits.empty() && (!length || *length > 100'000)) return bad("bad array length");
      if (!take(']')) return bad("expected ]");
      Type array;
      array.kind = Type::Kind::kArray;
      if (length) array.length = *length;
      array.components.push_back(std::move(type));
      type = std::move(array);
    }
    return type;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Result<std::string> type_text(const json::Object& parameter, int depth) {
  if (depth > 24) return fail(Errc::kInvalid, "ABI is nested too deep");
  PB_TRY(text, json::string_at(parameter, "type"));
  if (!text.starts_with("tuple")) return text;
  PB_TRY(components, json::array_at(parameter, "components"));
  std::string out = "(";
  for (const auto& member : *components) {
    PB_TRY(object, json::as_object(member, "ABI component"));
    PB_TRY(inner, type_text(*object, depth + 1));
    if (out.size() > 1) out += ",";
    out += inner + " " + json::string_or(*object, "name");
  }
  return out + ")" + text.substr(5);
}

// --- Encoding ----------------------------------------------------------------------------------------

Error mismatch(const Type& type, const char* why) {
  return fail(Errc::kInvalid, "value for ABI type " + type.canonical() + " " + why);
}

U256 sign_extend(const U256& value, unsigned bits) {
  if (bits >= 256 || !value.bit(bits - 1)) return value;
  return value | (U256::max() << bits);
}

bool fits(const Type& type, const U256& word) {
  switch (type.kind) {
    case Type::Kind::kInt: return sign_extend(type.bits == 256 ? word : word & ~(U256::max() << type.bits), type.bits) == word;
    case Type::Kind::kBool: return word <= U256{1};
    default: return word.bit_length() <= type.bits;
  }
}

void put_word(Bytes& out, const U256& word) {
  const auto bytes = word.be();
  append(out, bytes);
}

void put_padded(Bytes& out, ByteView bytes) {
  append(out, bytes);
  out.resize(out.size() + (32 - bytes.size() % 32) % 32);
}

std::size_t children(const Type& type, const Value& value) {
  return type.kind == Type::Kind::kTuple ? type.components.size() : value.items.size();
}
const Type& child_type(const Type& type, std::size_t index) {
  return type.kind == Type::Kind::kTuple ? type.components[index] : type.components[0];
}

Status encode_into(Bytes& out, const Type& type, const Value& value);

Status encode_sequence(Bytes& out, const Type& type, const Value& value) {
  std::size_t head = 0;
  for (std::size_t i = 0; i < children(type, value); ++i) head += child_type(type, i).head_size();
  Bytes tail;
  for (std::size_t i = 0; i < children(type, value); ++i) {
    const Type& member = child_type(type, i);
    if (member.is_dynamic()) {
      put_word(out, U256{head + tail.size()});
      PB_CHECK(encode_into(tail, member, value.items[i]));
    } else {
      PB_CHECK(encode_into(out, member, value.items[i]));
    }
  }
  append(out, tail);
  return {};
}

Status encode_into(Bytes& out, const Type& type, const Value& value) {
  using K = Type::Kind;
  switch (type.kind) {
    case K::kUint:
    case K::kInt:
    case K::kAddress:
    case K::kBool:
      if (value.kind != Value::Kind::kWord) return mismatch(type, "is not a number");
      if (!fits(type, value.word)) return mismatch(type, "is out of range");
      put_word(out, value.word);
      return {};
    case K::kFixedBytes:
      if (value.kind != Value::Kind::kBytes || value.bytes.size() != type.bits / 8) return mismatch(type, "has another length");
      put_padded(out, value.bytes);
      return {};
    case K::kBytes:
    case K::kString:
      if (value.kind != Value::Kind::kBytes) return mismatch(type, "is not a byte string");
      put_word(out, U256{value.bytes.size()});
      put_padded(out, value.bytes);
      return {};
    case K::kArray:
      if (value.kind != Value::Kind::kList) return mismatch(type, "is not a list");
      if (type.length && *type.length != value.items.size()) return mismatch(type, "has another length");
      if (!type.length) put_word(out, U256{value.items.size()});
      return encode_sequence(out, type, value);
    case K::kTuple:
      if (value.kind != Value::Kind::kList || value.items.size() != type.components.size())
        return mismatch(type, "has another number of members");
      return encode_sequence(out, type, value);
  }
  return mismatch(type, "has an unknown kind");
}

// --- Decoding ----------------------------------------------------------------------------------------

class Decoder {
 public:
  Decoder(ByteView data, std::size_t items_max) : data_(data), items_left_(items_max) {}

  Result<Value> value(const Type& type, std::size_t at, int depth) {
    using K = Type::Kind;
    if (depth > 32) return bad(at, "nested too deep");
    if (items_left_-- == 0) return bad(at, "too many items");
    switch (type.kind) {
      case K::kUint:
      case K::kInt:
      case K::kAddress:
      case K::kBool: {
        PB_TRY(word, word_at(at));
        if (!fits(type, word)) return bad(at, "integer is out of its type's range");
        return Value::of(word);
      }
      case K::kFixedBytes: {
        if (data_.size() < 32 || at > data_.size() - 32) return bad(at, "data ends early");
        const std::size_t length = type.bits / 8;
        const ByteView padding = data_.subspan(at + length, 32 - length);
        if (std::any_of(padding.begin(), padding.end(), [](std::uint8_t b) { return b != 0; })) return bad(at, "padding is not zero");
        return Value::of(data_.subspan(at, length));
      }
      case K::kBytes:
      case K::kString: {
        PB_TRY(length, length_at(at));
        if (length > data_.size() - at - 32) return bad(at, "length is larger than the data");
        return Value::of(data_.subspan(at + 32, length));
      }
      case K::kArray: {
        if (type.length) return sequence(type, at, *type.length, depth);
        PB_TRY(length, length_at(at));
        // Each element needs its head (or, when it is empty like uint[0], a unit of the item budget).
        const std::size_t head = type.components[0].head_size();
        if (head != 0 && length > (data_.size() - at - 32) / head) return bad(at, "length is larger than the data");
        if (length > items_left_) return bad(at, "too many items");
        return sequence(type, at + 32, length, depth);
      }
      case K::kTuple: return sequence(type, at, type.components.size(), depth);
    }
    return bad(at, "unknown kind");
  }

 private:
  static Error bad(std::size_t at, const char* why) {
    return fail(Errc::kInvalid, "ABI data at byte " + std::to_string(at) + ": " + why);
  }
  Result<U256> word_at(std::size_t at) const {
    if (data_.size() < 32 || at > data_.size() - 32) return bad(at, "data ends early");
    return U256::from_be(data_.subspan(at, 32));
  }
  Result<std::size_t> length_at(std::size_t at) const {
    PB_TRY(word, word_at(at));
    if (!word.fits_u64() || word.low64() > data_.size()) return bad(at, "length or offset is larger than the data");
    return static_cast<std::size_t>(word.low64());
  }
  Result<Value> sequence(const Type& type, std::size_t base, std::size_t count, int depth) {
    std::vector<Value> items;
    std::size_t at = base;
    for (std::size_t i = 0; i < count; ++i) {
      const Type& member = child_type(type, i);
      std::size_t where = at;
      if (member.is_dynamic()) {
        PB_TRY(offset, length_at(at));
        where = base + offset;
      }
      PB_TRY(item, value(member, where, depth + 1));
      items.push_back(std::move(item));
      at += member.head_size();
    }
    return Value::list(std::move(items));
  }

  ByteView data_;
  std::size_t items_left_;
};

Status packed_into(Bytes& out, const Type& type, const Value& value, bool in_array) {
  using K = Type::Kind;
  switch (type.kind) {
    case K::kBytes:
    case K::kString:
      if (in_array) return fail(Errc::kUnsupported, "packed encoding has no arrays of dynamic types");
      if (value.kind != Value::Kind::kBytes) return mismatch(type, "is not a byte string");
      append(out, value.bytes);
      return {};
    case K::kArray: {
      if (in_array && !type.length) return fail(Errc::kUnsupported, "packed encoding has no nested dynamic arrays");
      if (type.length && *type.length != value.items.size()) return mismatch(type, "has another length");
      for (const Value& item : value.items) PB_CHECK(packed_into(out, type.components[0], item, true));
      return {};
    }
    case K::kTuple: return fail(Errc::kUnsupported, "packed encoding has no structs");
    default: break;
  }
  Bytes word;
  PB_CHECK(encode_into(word, type, value));
  if (in_array) append(out, word);
  else if (type.kind == K::kFixedBytes) append(out, ByteView{word}.first(type.bits / 8));
  else append(out, ByteView{word}.last(type.bits / 8));
  return {};
}

}  // namespace

Result<Type> Type::parse(std::string_view text) {
  if (text.size() > 65536) return fail(Errc::kExhausted, "ABI type text is too long");
  return TypeParser(text).run();
}

Result<Type> Type::from_parameters(const json::Array& parameters) {
  std::string text = "(";
  for (const auto& parameter : parameters) {
    PB_TRY(object, json::as_object(parameter, "ABI parameter"));
    PB_TRY(inner, type_text(*object, 0));
    if (text.size() > 1) text += ",";
    text += inner + " " + json::string_or(*object, "name");
  }
  return parse(text + ")");
}

std::string Type::canonical() const {
  switch (kind) {
    case Kind::kUint: return "uint" + std::to_string(bits);
    case Kind::kInt: return "int" + std::to_string(bits);
    case Kind::kAddress: return "address";
    case Kind::kBool: return "bool";
    case Kind::kFixedBytes: return "bytes" + std::to_string(bits / 8);
    case Kind::kBytes: return "bytes";
    case Kind::kString: return "string";
    case Kind::kArray: return components[0].canonical() + "[" + (length ? std::to_string(*length) : "") + "]";
    case Kind::kTuple: {
      std::string out = "(";
      for (const Type& member : components) out += (out.size() > 1 ? "," : "") + member.canonical();
      return out + ")";
    }
  }
  return "";
}

bool Type::is_dynamic() const {
  switch (kind) {
    case Kind::kBytes:
    case Kind::kString: return true;
    case Kind::kArray: return !length || (*length != 0 && components[0].is_dynamic());
    case Kind::kTuple: return std::any_of(components.begin(), components.end(), [](const Type& t) { return t.is_dynamic(); });
    default: return false;
  }
}

std::size_t Type::head_size() const {
  if (is_dynamic()) return 32;
  if (kind == Kind::kArray) return *length * components[0].head_size();
  if (kind != Kind::kTuple) return 32;
  std::size_t out = 0;
  for (const Type& member : components) out += member.head_size();
  return out;
}

Address Value::address() const {
  const auto be = word.be();
  Address out;
  std::copy(be.begin() + 12, be.end(), out.data.begin());
  return out;
}

Hash32 Value::hash() const {
  Hash32 out;
  std::copy_n(bytes.begin(), std::min<std::size_t>(32, bytes.size()), out.data.begin());
  return out;
}

Result<Bytes> encode(const Type& type, const Value& value) {
  Bytes out;
  PB_CHECK(encode_into(out, type, value));
  return out;
}

Result<Value> decode(const Type& type, ByteView data, std::size_t items_max) {
  return Decoder(data, items_max).value(type, 0, 0);
}

Result<Bytes> encode_packed(const Type& tuple, const Value& value) {
  if (tuple.kind != Type::Kind::kTuple || value.items.size() != tuple.components.size())
    return mismatch(tuple, "has another number of members");
  Bytes out;
  for (std::size_t i = 0; i < value.items.size(); ++i)
    PB_CHECK(packed_into(out, tuple.components[i], value.items[i], false));
  return out;
}

Result<Value> from_json(const Type& type, const json::Value& value) {
  using K = Type::Kind;
  switch (type.kind) {
    case K::kArray:
    case K::kTuple: {
      std::vector<Value> items;
      if (type.kind == K::kTuple && value.is_object()) {
        for (std::size_t i = 0; i < type.components.size(); ++i) {
          const auto* member = i < type.names.size() ? json::find(value.get_object(), type.names[i]) : nullptr;
          if (member == nullptr) return mismatch(type, "lacks a member");
          PB_TRY(item, from_json(type.components[i], *member));
          items.push_back(std::move(item));
        }
        return Value::list(std::move(items));
      }
      if (!value.is_array()) return mismatch(type, "is not a JSON array");
      if (type.kind == K::kTuple && value.get_array().size() != type.components.size())
        return mismatch(type, "has another number of members");
      for (std::size_t i = 0; i < value.get_array().size(); ++i) {
        PB_TRY(item, from_json(child_type(type, i), value.get_array()[i]));
        items.push_back(std::move(item));
      }
      return Value::list(std::move(items));
    }
    case K::kBool:
      if (!value.is_bool()) return mismatch(type, "is not true or false");
      return Value::of(value.get_bool());
    case K::kString:
      if (!value.is_string()) return mismatch(type, "is not a string");
      return Value::of(json::sv(value.get_string()));
    default: break;
  }
  std::string text;
  if (value.is_string()) text = json::sv(value.get_string());
  else if (value.is_int64()) text = std::to_string(value.get_int64());
  else if (value.is_uint64()) text = std::to_string(value.get_uint64());
  else return mismatch(type, "is not a string or number");
  if (type.kind == K::kBytes || type.kind == K::kFixedBytes) {
    PB_TRY(bytes, parse_hex(text, type.canonical()));
    return Value::of(bytes);
  }
  if (type.kind == K::kAddress) {
    PB_TRY(address, Address::parse(text, "address"));
    return Value::of(address);
  }
  const bool negative = type.kind == K::kInt && text.starts_with("-");
  PB_TRY(number, U256::parse(negative ? text.substr(1) : text, type.canonical()));
  return Value::of(negative ? U256{} - number : number);
}

json::Value to_json(const Type& type, const Value& value) {
  using K = Type::Kind;
  switch (type.kind) {
    case K::kArray:
    case K::kTuple: {
      json::Array out;
      for (std::size_t i = 0; i < value.items.size(); ++i) out.push_back(to_json(child_type(type, i), value.items[i]));
      return out;
    }
    case K::kBool: return value.boolean();
    case K::kAddress: return json::Value(crypto::checksum_address(value.address()));
    case K::kBytes:
    case K::kFixedBytes: return json::Value(hex0x(value.bytes));
    case K::kString: return json::Value(value.text());
    case K::kInt:
      if (value.word.bit(255)) return json::Value("-" + (U256{} - value.word).dec());
      return json::Value(value.word.dec());
    case K::kUint: return json::Value(value.word.dec());
  }
  return nullptr;
}

std::array<std::uint8_t, 4> selector(std::string_view signature) {
  const Hash32 hash = crypto::keccak256(signature);
  return {hash.data[0], hash.data[1], hash.data[2], hash.data[3]};
}

Bytes encode_call(const std::array<std::uint8_t, 4>& selector, const Type& arguments, const Value& value) {
  Bytes out(selector.begin(), selector.end());
  const auto body = encode(arguments, value);
  PB_ASSERT(body.has_value());  // the bindings give values of the right shape
  append(out, *body);
  return out;
}

namespace {

struct KnownError {
  std::string name;
  Type type;
};
std::map<std::string, KnownError, std::less<>>& known_errors() {
  static std::map<std::string, KnownError, std::less<>> known;
  return known;
}
/// "TooLate (until 1795549759)"
std::string error_text(const KnownError& error, const Value& value) {
  std::string out = error.name;
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    const json::Value item = to_json(error.type.components[i], value.items[i]);
    const std::string field = i < error.type.names.size() ? error.type.names[i] : "";
    out += (i == 0 ? " (" : ", ") + field + (field.empty() ? "" : " ") + (item.is_string() ? std::string(json::sv(item.get_string())) : json::stringify(item));
  }
  return value.items.empty() ? out : out + ")";
}

}  // namespace

bool know_errors(std::initializer_list<const char*> declarations) {
  for (const std::string_view declaration : declarations) {
    const std::size_t open = declaration.find('(');
    auto type = Type::parse(declaration.substr(std::min(open, declaration.size())));
    PB_ASSERT(type.has_value());
    std::string name(declaration.substr(0, open));
    const auto id = selector(name + type->canonical());
    known_errors().emplace(hex(id), KnownError{std::move(name), std::move(*type)});
  }
  return true;
}

std::string describe_revert(ByteView data) {
  if (data.empty()) return "reverted without a reason";
  if (data.size() < 4) return "reverted with " + hex0x(data);
  static const Type kText = *Type::parse("(string)");
  static const Type kCode = *Type::parse("(uint256)");
  const ByteView body = data.subspan(4);
  if (hex(data.first(4)) == "08c379a0")
    if (const auto value = decode(kText, body)) return "reverted: " + value->items[0].text();
  if (hex(data.first(4)) == "4e487b71")
    if (const auto value = decode(kCode, body)) return "reverted: panic " + value->items[0].word.hex();
  if (const auto known = known_errors().find(hex(data.first(4))); known != known_errors().end())
    if (const auto value = decode(known->second.type, body)) return "reverted: " + error_text(known->second, *value);
  return "reverted with " + hex0x(data.first(std::min<std::size_t>(68, data.size())));
}

}  // namespace peaberry::chain::abi
