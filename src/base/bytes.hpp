#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "result.hpp"

namespace peaberry {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

/// Lower-case hex without prefix.
std::string hex(ByteView bytes);
/// Lower-case hex with `0x`.
std::string hex0x(ByteView bytes);
/// Accepts an optional `0x`, both cases, even length. `field` names the input in the error.
Result<Bytes> parse_hex(std::string_view text, std::string_view field = "hex");

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }
inline Bytes to_bytes(std::string_view text) { return to_bytes(as_bytes(text)); }
inline void append(Bytes& out, ByteView more) { out.insert(out.end(), more.begin(), more.end()); }

/// A fixed-size byte string with its own type per meaning (`Address`, `Hash32`).
template <std::size_t N, class Tag>
struct FixedBytes {
  static constexpr std::size_t kSize = N;
  std::array<std::uint8_t, N> data{};

  auto operator<=>(const FixedBytes&) const = default;
  bool is_zero() const {
    return std::all_of(data.begin(), data.end(), [](std::uint8_t b) { return b == 0; });
  }
  ByteView view() const { return {data.data(), N}; }
  operator ByteView() const { return view(); }
  std::string hex() const { return hex0x(view()); }

  static Result<FixedBytes> from(ByteView bytes, std::string_view field = "value") {
    if (bytes.size() != N)
      return fail(Errc::kInvalid, std::string(field) + " has " + std::to_string(bytes.size()) + " bytes",
                  "give exactly " + std::to_string(N) + " bytes");
    FixedBytes out;
    std::copy(bytes.begin(), bytes.end(), out.data.begin());
    return out;
  }
  static Result<FixedBytes> parse(std::string_view text, std::string_view field = "value") {
    PB_TRY(bytes, parse_hex(text, field));
    return from(bytes, field);
  }
};

/// A 20-byte EVM account or contract. Text form with checksum: crypto::checksum_address.
using Address = FixedBytes<20, struct AddressTag>;
/// A 32-byte hash, word, transaction id or topic.
using Hash32 = FixedBytes<32, struct HashTag>;

struct FixedBytesHash {
  template <std::size_t N, class Tag>
  std::size_t operator()(const FixedBytes<N, Tag>& value) const {
    // The last bytes of hashes and addresses are uniform; that is enough for a table.
    std::size_t out = 0;
    std::memcpy(&out, value.data.data() + N - sizeof out, sizeof out);
    return out;
  }
};

bool equals_ignore_case(std::string_view a, std::string_view b);
std::string to_lower(std::string_view text);
std::string base64(ByteView bytes);
/// Standard alphabet with padding (RFC 4648 §4), strict: no other characters, no bits that say nothing.
Result<Bytes> parse_base64(std::string_view text);

}  // namespace peaberry
