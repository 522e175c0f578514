#pragma once

#include <peaberry/base/bytes.hpp>
#include <peaberry/base/json.hpp>
#include <peaberry/base/u256.hpp>
#include <optional>
#include <string>
#include <vector>

namespace peaberry::chain::abi {

/// A Solidity ABI type (Contract ABI Specification).
struct Type {
  enum class Kind { kUint, kInt, kAddress, kBool, kFixedBytes, kBytes, kString, kArray, kTuple };
  Kind kind = Kind::kUint;
  unsigned bits = 256;           ///< kUint, kInt: width; kFixedBytes: 8 × length
  std::optional<std::size_t> length;  ///< kArray: fixed length, or none when dynamic
  std::vector<Type> components;  ///< kArray: the element; kTuple: the members
  std::vector<std::string> names = {};  ///< kTuple: member names, may be empty

  /// "(uint256,string[2][])", "bytes32", "tuple(address payer, uint8 v)" …
  static Result<Type> parse(std::string_view text);
  /// From an ABI JSON parameter list: one tuple of all parameters.
  static Result<Type> from_parameters(const json::Array& parameters);
  /// The canonical name that selectors hash.
  std::string canonical() const;
  bool is_dynamic() const;
  /// Bytes of the head: 32 unless a static tuple or array is larger.
  std::size_t head_size() const;
};

/// A value of any type. Integers (bool and address too) are words in two's complement.
struct Value {
  enum class Kind { kWord, kBytes, kList };
  Kind kind = Kind::kWord;
  U256 word;
  Bytes bytes;               ///< bytes, string, bytesN
  std::vector<Value> items;  ///< arrays and tuples

  static Value of(const U256& value) { return {Kind::kWord, value, {}, {}}; }
  static Value of(std::uint64_t value) { return {Kind::kWord, U256{value}, {}, {}}; }
  static Value of(bool value) { return {Kind::kWord, U256{value ? 1U : 0U}, {}, {}}; }
  static Value of(const Address& value) { return {Kind::kWord, U256::from_be(value.view()), {}, {}}; }
  static Value of(const Hash32& value) { return {Kind::kBytes, {}, to_bytes(value.view()), {}}; }
  static Value of(ByteView value) { return {Kind::kBytes, {}, to_bytes(value), {}}; }
  static Value of(const Bytes& value) { return {Kind::kBytes, {}, value, {}}; }
  static Value of(std::string_view value) { return {Kind::kBytes, {}, to_bytes(value), {}}; }
  static Value of(const std::string& value) { return of(std::string_view(value)); }
  static Value of(const char* value) { return of(std::string_view(value)); }
  static Value list(std::vector<Value> items) { return {Kind::kList, {}, {}, std::move(items)}; }

  Address address() const;
  Hash32 hash() const;
  std::string text() const { return std::string(as_text(bytes)); }
  bool boolean() const { return !word.is_zero(); }
  bool operator==(const Value&) const = default;
};

/// Encodes a value; the error names the position whose value does not fit its type.
Result<Bytes> encode(const Type& type, const Value& value);
/// Strict decode: padding must be zero, bool 0 or 1, offsets inside the data; allocation is bounded by the input
/// length and `items_max`. Trailing bytes are allowed, as in Solidity.
Result<Value> decode(const Type& type, ByteView data, std::size_t items_max = 1'000'000);
/// abi.encodePacked of the values of a tuple.
Result<Bytes> encode_packed(const Type& tuple, const Value& value);

/// Parses a value written as JSON (numbers as decimal text, bytes as 0x-hex, lists as arrays).
Result<Value> from_json(const Type& type, const json::Value& value);
json::Value to_json(const Type& type, const Value& value);

std::array<std::uint8_t, 4> selector(std::string_view signature);
/// Selector ‖ encoded arguments.
Bytes encode_call(const std::array<std::uint8_t, 4>& selector, const Type& arguments, const Value& value);

/// Turns revert data into a sentence: Error(string), Panic(uint256), a known error with its fields, else the bytes in hex.
std::string describe_revert(ByteView data);
/// Tells `describe_revert` of a contract's own errors, as Solidity declares them: "TooLate(uint256 until)". Bindings do so for theirs before
/// main; two contracts may share a declaration. Not to be called once threads run.
bool know_errors(std::initializer_list<const char*> declarations);

}  // namespace peaberry::chain::abi
