#include "bytes.hpp"

namespace peaberry {
namespace {
constexpr char kDigits[] = "0123456789abcdef";

// 0xff marks what is no hex digit.
constexpr std::array<std::uint8_t, 256> make_nibbles() {
  std::array<std::uint8_t, 256> table{};
  for (auto& entry : table) entry = 0xff;
  for (int i = 0; i < 10; ++i) table['0' + i] = static_cast<std::uint8_t>(i);
  for (int i = 0; i < 6; ++i) {
    table['a' + i] = static_cast<std::uint8_t>(10 + i);
    table['A' + i] = static_cast<std::uint8_t>(10 + i);
  }
  return table;
}
constexpr auto kNibbles = make_nibbles();

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
}  // namespace

std::string hex(ByteView bytes) {
  std::string out(bytes.size() * 2, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    out[2 * i] = kDigits[bytes[i] >> 4];
    out[2 * i + 1] = kDigits[bytes[i] & 15];
  }
  return out;
}

std::string hex0x(ByteView bytes) { return "0x" + hex(bytes); }

Result<Bytes> parse_hex(std::string_view text, std::string_view field) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  if (text.size() % 2 != 0)
    return fail(Errc::kInvalid, std::string(field) + " has an odd number of hex digits",
                "write each byte as two digits");
  Bytes out(text.size() / 2);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto high = kNibbles[static_cast<std::uint8_t>(text[2 * i])];
    const auto low = kNibbles[static_cast<std::uint8_t>(text[2 * i + 1])];
    if ((high | low) == 0xff || high > 15 || low > 15)
      return fail(Errc::kInvalid, std::string(field) + " is not hex at digit " + std::to_string(2 * i),
                  "use 0-9 and a-f");
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return out;
}

bool equals_ignore_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string base64(ByteView bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < have ? bytes[i + k] : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      out.push_back(k <= have ? kAlphabet[group >> (18 - 6 * k) & 63] : '=');
  }
  return out;
}

Result<Bytes> parse_base64(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
  };
  if (text.size() % 4 != 0) return fail(Errc::kInvalid, "base64: the length is no multiple of four");
  Bytes out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const std::size_t padding = !last || text[i + 3] != '=' ? 0U : text[i + 2] != '=' ? 1U : 2U;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const int value = k >= 4 - padding ? 0 : digit(text[i + k]);
      if (value < 0) return fail(Errc::kInvalid, "base64: character " + std::to_string(i + k) + " is not of the alphabet");
      group = group << 6 | static_cast<std::uint32_t>(value);
    }
    if ((padding == 1 && (group & 0xff) != 0) || (padding == 2 && (group & 0xffff) != 0)) return fail(Errc::kInvalid, "base64: the last group has bits that say nothing");
    for (std::size_t k = 0; k < 3 - padding; ++k) out.push_back(static_cast<std::uint8_t>(group >> (16 - 8 * k)));
  }
  return out;
}

}  // namespace peaberry
