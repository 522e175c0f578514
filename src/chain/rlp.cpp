#include "rlp.hpp"

namespace peaberry::chain::rlp {
namespace {

void put_header(Bytes& out, std::uint8_t short_base, std::size_t length) {
  if (length <= 55) {
    out.push_back(static_cast<std::uint8_t>(short_base + length));
    return;
  }
  Bytes digits;
  for (std::size_t rest = length; rest != 0; rest >>= 8) digits.insert(digits.begin(), static_cast<std::uint8_t>(rest));
  out.push_back(static_cast<std::uint8_t>(short_base + 55 + digits.size()));
  append(out, digits);
}

void encode_into(Bytes& out, const Item& item) {
  if (!item.is_list) {
    if (item.bytes.size() == 1 && item.bytes[0] < 0x80) {
      out.push_back(item.bytes[0]);
      return;
    }
    put_header(out, 0x80, item.bytes.size());
    append(out, item.bytes);
    return;
  }
  Bytes content;
  for (const Item& child : item.items) encode_into(content, child);
  put_header(out, 0xc0, content.size());
  append(out, content);
}

class Decoder {
 public:
  Decoder(ByteView input, const Limits& limits) : input_(input), limits_(limits) {}

  Result<Item> run() {
    PB_TRY(item, next(input_.size(), 0));
    if (at_ != input_.size()) return bad("bytes after the end");
    return item;
  }

 private:
  Error bad(const char* why) const { return fail(Errc::kInvalid, "RLP at byte " + std::to_string(at_) + ": " + why); }

  /// Reads one item that must end at or before `end`.
  Result<Item> next(std::size_t end, std::size_t depth) {
    if (depth > limits_.depth_max) return bad("nested too deep");
    if (++count_ > limits_.items_max) return bad("too many items");
    if (at_ >= end) return bad("item is missing");
    const std::uint8_t head = input_[at_++];
    if (head < 0x80) return Item::string(ByteView{&head, 1});
    const bool list = head >= 0xc0;
    std::size_t length = head - (list ? 0xc0 : 0x80);
    if (length > 55) {
      const std::size_t digits = length - 55;
      if (digits > end - at_) return bad("length is cut off");
      if (digits > 8 || input_[at_] == 0) return bad("length has leading zeros");
      length = 0;
      for (std::size_t i = 0; i < digits; ++i) length = length << 8 | input_[at_ + i];
      if (length <= 55) return bad("long form for a short length");
      at_ += digits;
    }
    if (length > end - at_) return bad("content is cut off");
    if (!list) {
      if (length == 1 && input_[at_] < 0x80) return bad("single byte written in two");
      Item item = Item::string(input_.subspan(at_, length));
      at_ += length;
      return item;
    }
    Item item = Item::list({});
    const std::size_t stop = at_ + length;
    while (at_ < stop) {
      PB_TRY(child, next(stop, depth + 1));
      item.items.push_back(std::move(child));
    }
    return item;
  }

  ByteView input_;
  Limits limits_;
  std::size_t at_ = 0;
  std::size_t count_ = 0;
};

}  // namespace

Item Item::number(const U256& value) {
  const auto bytes = value.be();
  const std::size_t used = (value.bit_length() + 7) / 8;
  return string(ByteView{bytes}.last(used));
}

Bytes encode(const Item& item) {
  Bytes out;
  encode_into(out, item);
  return out;
}

Result<Item> decode(ByteView input, const Limits& limits) { return Decoder(input, limits).run(); }

Result<U256> as_number(const Item& item, std::string_view field) {
  if (item.is_list || item.bytes.size() > 32 || (!item.bytes.empty() && item.bytes[0] == 0))
    return fail(Errc::kInvalid, std::string(field) + " is not a canonical RLP integer");
  return U256::from_be(item.bytes);
}

}  // namespace peaberry::chain::rlp
