#pragma once

// The door to Boost.JSON: parsing with bounds, typed reads with named errors, and a writer whose text is
// byte for byte what JavaScript's JSON.stringify gives (signed documents are hashed as text).

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "bytes.hpp"
#include "result.hpp"
#include "u256.hpp"

namespace peaberry::json {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;

/// Parses one UTF-8 document of at most `max_bytes` and `max_depth` levels. Duplicate keys are refused
/// when `strict` (documents that people sign); otherwise the last one wins, as in JavaScript.
struct ParseLimits {
  std::size_t max_bytes = std::size_t{1} << 20;
  std::size_t max_depth = 32;
  bool strict = false;
};
Result<Value> parse(std::string_view text, const ParseLimits& limits = {});

/// Text as JSON.stringify writes it: key order kept, no spaces, shortest doubles, minimal escapes.
std::string stringify(const Value& value);
/// Indented by two spaces, for people.
std::string pretty(const Value& value);

/// Reads `object[key]`; the error names the key and the type that was wanted.
Result<const Object*> object_at(const Object& object, std::string_view key);
Result<const Array*> array_at(const Object& object, std::string_view key);
Result<std::string> string_at(const Object& object, std::string_view key);
Result<std::uint64_t> uint_at(const Object& object, std::string_view key);
Result<bool> bool_at(const Object& object, std::string_view key);
Result<U256> u256_at(const Object& object, std::string_view key);
Result<Address> address_at(const Object& object, std::string_view key);
Result<Hash32> hash_at(const Object& object, std::string_view key);
/// Empty or `other` where the key is absent, null or of another type.
std::string string_or(const Object& object, std::string_view key, std::string_view other = "");
std::uint64_t uint_or(const Object& object, std::string_view key, std::uint64_t other);
bool bool_or(const Object& object, std::string_view key, bool other);
/// nullptr where absent or of another type.
const Object* find_object(const Object& object, std::string_view key);
const Array* find_array(const Object& object, std::string_view key);
const Value* find(const Object& object, std::string_view key);

/// The value as an object, or an error naming `what`.
Result<const Object*> as_object(const Value& value, std::string_view what);

inline std::string_view sv(const boost::json::string& text) { return {text.data(), text.size()}; }

}  // namespace peaberry::json
