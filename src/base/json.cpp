#include "json.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <cmath>
#include <set>

namespace peaberry::json {
namespace {

/// Builds the value and remembers a key that was given twice in one object. Boost.JSON 1.81's own number parser may be one
/// unit in the last place off; documents are hashed as text, so doubles are read by std::from_chars instead.
struct Builder {
  static constexpr std::size_t max_object_size = ~std::size_t{0};
  static constexpr std::size_t max_array_size = ~std::size_t{0};
  static constexpr std::size_t max_key_size = ~std::size_t{0};
  static constexpr std::size_t max_string_size = ~std::size_t{0};
  using Text = boost::json::string_view;
  using Code = boost::json::error_code;

  bool find_duplicates = false;
  boost::json::value_stack stack;
  std::vector<std::set<std::string>> keys;
  std::string partial_key, duplicate, number;

  bool on_document_begin(Code&) { return stack.reset(), true; }
  bool on_document_end(Code&) { return true; }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t count, Code&) { return stack.push_array(count), true; }
  bool on_object_begin(Code&) {
    if (find_duplicates) keys.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t count, Code&) {
    if (find_duplicates) keys.pop_back();
    return stack.push_object(count), true;
  }
  bool on_string_part(Text text, std::size_t, Code&) { return stack.push_chars(text), true; }
  bool on_string(Text text, std::size_t, Code&) { return stack.push_string(text), true; }
  bool on_key_part(Text text, std::size_t, Code&) {
    if (find_duplicates) partial_key.append(text.data(), text.size());
    return stack.push_chars(text), true;
  }
  bool on_key(Text text, std::size_t, Code&) {
    if (find_duplicates) {
      partial_key.append(text.data(), text.size());
      if (!keys.back().insert(partial_key).second && duplicate.empty()) duplicate = partial_key;
      partial_key.clear();
    }
    return stack.push_key(text), true;
  }
  bool on_number_part(Text text, Code&) { return number.append(text.data(), text.size()), true; }
  bool on_int64(std::int64_t value, Text, Code&) { return number.clear(), stack.push_int64(value), true; }
  bool on_uint64(std::uint64_t value, Text, Code&) { return number.clear(), stack.push_uint64(value), true; }
  bool on_double(double value, Text text, Code&) {
    number.append(text.data(), text.size());
    double exact = value;
    const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), exact);
    stack.push_double(code == std::errc() && end == number.data() + number.size() ? exact : value);
    return number.clear(), true;
  }
  bool on_bool(bool value, Code&) { return stack.push_bool(value), true; }
  bool on_null(Code&) { return stack.push_null(), true; }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }
};

void write_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          constexpr char kDigits[] = "0123456789abcdef";
          out += "\\u00";
          out.push_back(kDigits[c >> 4]);
          out.push_back(kDigits[c & 15]);
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

/// ECMA-262 Number::toString(10): plain digits below 1e21, exponents beyond and below 1e-6.
void write_double(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  if (number == 0) {
    out += "0";
    return;
  }
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  if (text.front() == '-') {
    out.push_back('-');
    text.remove_prefix(1);
  }
  const auto e = text.find('e');
  int exponent = 0;
  const char* digits_of_exponent = text.data() + e + 1 + (text[e + 1] == '+' ? 1 : 0);
  std::from_chars(digits_of_exponent, text.data() + text.size(), exponent);
  std::string digits(1, text[0]);
  if (e > 2) digits += text.substr(2, e - 2);
  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // where the decimal point stands among the digits
  if (point > 21 || point < -5) {
    out += digits[0];
    if (count > 1) out += "." + digits.substr(1);
    out += point > 0 ? "e+" : "e-";
    out += std::to_string(std::abs(point - 1));
  } else if (point >= count) {
    out += digits + std::string(static_cast<std::size_t>(point - count), '0');
  } else if (point > 0) {
    out += digits.substr(0, static_cast<std::size_t>(point)) + "." + digits.substr(static_cast<std::size_t>(point));
  } else {
    out += "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  }
}

struct Writer {
  std::string out;
  int indent = -1;  // -1: compact

  void line(int depth) {
    if (indent >= 0) {
      out.push_back('\n');
      out.append(static_cast<std::size_t>(depth * indent), ' ');
    }
  }
  void write(const Value& value, int depth) {
    switch (value.kind()) {
      case boost::json::kind::null: out += "null"; break;
      case boost::json::kind::bool_: out += value.get_bool() ? "true" : "false"; break;
      case boost::json::kind::int64: out += std::to_string(value.get_int64()); break;
      case boost::json::kind::uint64: out += std::to_string(value.get_uint64()); break;
      case boost::json::kind::double_: write_double(out, value.get_double()); break;
      case boost::json::kind::string: write_string(out, sv(value.get_string())); break;
      case boost::json::kind::array: {
        const auto& array = value.get_array();
        out.push_back('[');
        for (std::size_t i = 0; i < array.size(); ++i) {
          if (i != 0) out.push_back(',');
          line(depth + 1);
          write(array[i], depth + 1);
        }
        if (!array.empty()) line(depth);
        out.push_back(']');
        break;
      }
      case boost::json::kind::object: {
        out.push_back('{');
        bool first = true;
        for (const auto& member : value.get_object()) {
          if (!first) out.push_back(',');
          first = false;
          line(depth + 1);
          write_string(out, {member.key().data(), member.key().size()});
          out += indent >= 0 ? ": " : ":";
          write(member.value(), depth + 1);
        }
        if (!first) line(depth);
        out.push_back('}');
        break;
      }
    }
  }
};

Error wrong(std::string_view key, std::string_view wanted) {
  return fail(Errc::kInvalid, "field \"" + std::string(key) + "\" is missing or not " + std::string(wanted));
}

}  // namespace

Result<Value> parse(std::string_view text, const ParseLimits& limits) {
  if (text.size() > limits.max_bytes)
    return fail(Errc::kExhausted, "JSON document has " + std::to_string(text.size()) + " bytes",
                "the limit is " + std::to_string(limits.max_bytes));
  boost::json::parse_options options;
  options.max_depth = limits.max_depth;
  boost::json::error_code code;
  boost::json::basic_parser<Builder> parser(options);
  parser.handler().find_duplicates = limits.strict;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), code);
  if (!code && used < text.size()) code = boost::json::error::extra_data;
  if (code)
    return fail(Errc::kInvalid, "not valid JSON near byte " + std::to_string(used) + ": " + code.message());
  if (!parser.handler().duplicate.empty())
    return fail(Errc::kInvalid, "JSON key \"" + parser.handler().duplicate + "\" is given twice", "keep one of them");
  return parser.handler().stack.release();
}

std::string stringify(const Value& value) {
  Writer writer;
  writer.write(value, 0);
  return std::move(writer.out);
}

std::string pretty(const Value& value) {
  Writer writer;
  writer.indent = 2;
  writer.write(value, 0);
  return std::move(writer.out);
}

const Value* find(const Object& object, std::string_view key) {
  return object.if_contains(boost::json::string_view(key.data(), key.size()));
}

Result<const Object*> object_at(const Object& object, std::string_view key) {
  const auto* found = find_object(object, key);
  if (found == nullptr) return wrong(key, "an object");
  return found;
}

Result<const Array*> array_at(const Object& object, std::string_view key) {
  const auto* found = find_array(object, key);
  if (found == nullptr) return wrong(key, "an array");
  return found;
}

Result<std::string> string_at(const Object& object, std::string_view key) {
  const auto* found = find(object, key);
  if (found == nullptr || !found->is_string()) return wrong(key, "a string");
  return std::string(sv(found->get_string()));
}

Result<std::uint64_t> uint_at(const Object& object, std::string_view key) {
  const auto* found = find(object, key);
  if (found != nullptr && found->is_uint64()) return found->get_uint64();
  if (found != nullptr && found->is_int64() && found->get_int64() >= 0)
    return static_cast<std::uint64_t>(found->get_int64());
  if (found != nullptr && found->is_double() && found->get_double() >= 0 && found->get_double() < 0x1p53 &&
      std::floor(found->get_double()) == found->get_double())
    return static_cast<std::uint64_t>(found->get_double());
  if (found != nullptr && found->is_string()) {
    const auto number = U256::parse(sv(found->get_string()), key);
    if (number && number->fits_u64()) return number->low64();
  }
  return wrong(key, "a whole number of at most 64 bits");
}

Result<bool> bool_at(const Object& object, std::string_view key) {
  const auto* found = find(object, key);
  if (found == nullptr || !found->is_bool()) return wrong(key, "true or false");
  return found->get_bool();
}

Result<U256> u256_at(const Object& object, std::string_view key) {
  const auto* found = find(object, key);
  if (found != nullptr && found->is_string()) return U256::parse(sv(found->get_string()), key);
  PB_TRY(small, uint_at(object, key));
  return U256{small};
}

Result<Address> address_at(const Object& object, std::string_view key) {
  PB_TRY(text, string_at(object, key));
  return Address::parse(text, key);
}

Result<Hash32> hash_at(const Object& object, std::string_view key) {
  PB_TRY(text, string_at(object, key));
  return Hash32::parse(text, key);
}

std::string string_or(const Object& object, std::string_view key, std::string_view other) {
  const auto* found = find(object, key);
  return found != nullptr && found->is_string() ? std::string(sv(found->get_string())) : std::string(other);
}

std::uint64_t uint_or(const Object& object, std::string_view key, std::uint64_t other) {
  return uint_at(object, key).value_or(other);
}

bool bool_or(const Object& object, std::string_view key, bool other) {
  const auto* found = find(object, key);
  return found != nullptr && found->is_bool() ? found->get_bool() : other;
}

const Object* find_object(const Object& object, std::string_view key) {
  const auto* found = find(object, key);
  return found == nullptr ? nullptr : found->if_object();
}

const Array* find_array(const Object& object, std::string_view key) {
  const auto* found = find(object, key);
  return found == nullptr ? nullptr : found->if_array();
}

Result<const Object*> as_object(const Value& value, std::string_view what) {
  if (!value.is_object()) return fail(Errc::kInvalid, std::string(what) + " is not a JSON object");
  return &value.get_object();
}

}  // namespace peaberry::json
