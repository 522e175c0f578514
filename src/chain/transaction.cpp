#include "transaction.hpp"

#include <peaberry/crypto/hash.hpp>

namespace peaberry::chain {
namespace {

using rlp::Item;

Item to_item(const std::optional<Address>& to) { return Item::string(to ? to->view() : ByteView{}); }

Item access_item(const std::vector<AccessEntry>& list) {
  std::vector<Item> out;
  for (const auto& entry : list) {
    std::vector<Item> keys;
    for (const auto& key : entry.storage_keys) keys.push_back(Item::string(key.view()));
    out.push_back(Item::list({Item::string(entry.address.view()), Item::list(std::move(keys))}));
  }
  return Item::list(std::move(out));
}

Item authorization_item(const std::vector<Authorization>& list) {
  std::vector<Item> out;
  for (const auto& entry : list)
    out.push_back(Item::list({Item::number(entry.chain_id), Item::string(entry.address.view()), Item::number(U256{entry.nonce}),
                              Item::number(U256{entry.signature.y_parity}), Item::number(U256::from(entry.signature.r)),
                              Item::number(U256::from(entry.signature.s))}));
  return Item::list(std::move(out));
}

std::vector<Item> fields(const Transaction& t) {
  std::vector<Item> out;
  if (t.type != 0) out.push_back(Item::number(U256{t.chain_id.value_or(0)}));
  out.push_back(Item::number(U256{t.nonce}));
  if (t.type <= 1) {
    out.push_back(Item::number(t.gas_price));
  } else {
    out.push_back(Item::number(t.max_priority_fee_per_gas));
    out.push_back(Item::number(t.max_fee_per_gas));
  }
  out.push_back(Item::number(t.gas_limit));
  out.push_back(to_item(t.to));
  out.push_back(Item::number(t.value));
  out.push_back(Item::string(t.data));
  if (t.type != 0) out.push_back(access_item(t.access_list));
  if (t.type == 3) {
    out.push_back(Item::number(t.max_fee_per_blob_gas));
    std::vector<Item> hashes;
    for (const auto& hash : t.blob_hashes) hashes.push_back(Item::string(hash.view()));
    out.push_back(Item::list(std::move(hashes)));
  }
  if (t.type == 4) out.push_back(authorization_item(t.authorizations));
  return out;
}

Bytes envelope(std::uint8_t type, std::vector<Item> items) {
  Bytes out;
  if (type != 0) out.push_back(type);
  append(out, rlp::encode(Item::list(std::move(items))));
  return out;
}

/// Walks over the items of a decoded transaction, each with the name that an error shows.
class FieldReader {
 public:
  explicit FieldReader(const std::vector<Item>& items) : items_(items) {}

  Result<U256> number(const char* name) {
    PB_TRY(item, next(name));
    return rlp::as_number(*item, name);
  }
  Result<std::uint64_t> small(const char* name) {
    PB_TRY(value, number(name));
    if (!value.fits_u64()) return fail(Errc::kInvalid, std::string("transaction ") + name + " is larger than 64 bits");
    return value.low64();
  }
  Result<Bytes> bytes(const char* name) {
    PB_TRY(item, next(name));
    if (item->is_list) return fail(Errc::kInvalid, std::string("transaction ") + name + " is a list");
    return item->bytes;
  }
  Result<const std::vector<Item>*> list(const char* name) {
    PB_TRY(item, next(name));
    if (!item->is_list) return fail(Errc::kInvalid, std::string("transaction ") + name + " is not a list");
    return &item->items;
  }
  Result<std::optional<Address>> to() {
    PB_TRY(raw, bytes("to"));
    if (raw.empty()) return std::optional<Address>();
    PB_TRY(address, Address::from(raw, "transaction to"));
    return std::optional<Address>(address);
  }
  Result<crypto::Signature> signature(std::uint8_t parity) {
    PB_TRY(r, number("r"));
    PB_TRY(s, number("s"));
    return crypto::Signature{r.word(), s.word(), parity};
  }
  Result<std::uint8_t> parity() {
    PB_TRY(value, small("yParity"));
    if (value > 1) return fail(Errc::kInvalid, "transaction yParity is not 0 or 1");
    return static_cast<std::uint8_t>(value);
  }

 private:
  Result<const Item*> next(const char* name) {
    if (at_ == items_.size()) return fail(Errc::kInvalid, std::string("transaction field ") + name + " is missing");
    return &items_[at_++];
  }
  const std::vector<Item>& items_;
  std::size_t at_ = 0;
};

Result<std::vector<AccessEntry>> read_access_list(FieldReader& reader) {
  PB_TRY(list, reader.list("accessList"));
  std::vector<AccessEntry> out;
  for (const Item& item : *list) {
    if (!item.is_list || item.items.size() != 2 || item.items[0].is_list || !item.items[1].is_list)
      return fail(Errc::kInvalid, "transaction accessList entry is malformed");
    AccessEntry entry;
    PB_TRY(address, Address::from(item.items[0].bytes, "accessList address"));
    entry.address = address;
    for (const Item& key : item.items[1].items) {
      PB_TRY(hash, Hash32::from(key.bytes, "accessList key"));
      entry.storage_keys.push_back(hash);
    }
    out.push_back(std::move(entry));
  }
  return out;
}

Result<std::vector<Authorization>> read_authorizations(FieldReader& reader) {
  PB_TRY(list, reader.list("authorizationList"));
  std::vector<Authorization> out;
  for (const Item& item : *list) {
    if (!item.is_list || item.items.size() != 6) return fail(Errc::kInvalid, "authorizationList entry is malformed");
    FieldReader entry(item.items);
    PB_TRY(chain_id, entry.number("authorization chainId"));
    PB_TRY(raw, entry.bytes("authorization address"));
    PB_TRY(address, Address::from(raw, "authorization address"));
    PB_TRY(nonce, entry.small("authorization nonce"));
    PB_TRY(parity, entry.parity());
    PB_TRY(signature, entry.signature(parity));
    out.push_back({chain_id, address, nonce, signature});
  }
  return out;
}

Result<SignedTransaction> finish(Transaction t, const crypto::Signature& signature, ByteView raw) {
  PB_TRY(from, crypto::recover(signing_hash(t), signature));
  return SignedTransaction{std::move(t), signature, crypto::keccak256(raw), from};
}

Result<SignedTransaction> decode_legacy(const Item& root, ByteView raw) {
  if (root.items.size() != 9) return fail(Errc::kInvalid, "legacy transaction does not have 9 fields");
  FieldReader reader(root.items);
  Transaction t;
  t.type = 0;
  PB_TRY(nonce, reader.small("nonce"));
  PB_TRY(gas_price, reader.number("gasPrice"));
  PB_TRY(gas_limit, reader.number("gasLimit"));
  PB_TRY(to, reader.to());
  PB_TRY(value, reader.number("value"));
  PB_TRY(data, reader.bytes("data"));
  PB_TRY(v, reader.small("v"));
  t.nonce = nonce, t.gas_price = gas_price, t.gas_limit = gas_limit, t.to = to, t.value = value, t.data = std::move(data);
  if (v >= 35) t.chain_id = (v - 35) / 2;
  else if (v != 27 && v != 28) return fail(Errc::kInvalid, "transaction v is " + std::to_string(v));
  PB_TRY(signature, reader.signature(static_cast<std::uint8_t>(v >= 35 ? (v - 35) % 2 : v - 27)));
  return finish(std::move(t), signature, raw);
}

}  // namespace

Bytes unsigned_bytes(const Transaction& t) {
  auto items = fields(t);
  if (t.type == 0 && t.chain_id) {  // EIP-155
    items.push_back(Item::number(U256{*t.chain_id}));
    items.push_back(Item::string({}));
    items.push_back(Item::string({}));
  }
  return envelope(t.type, std::move(items));
}

Hash32 signing_hash(const Transaction& t) { return crypto::keccak256(unsigned_bytes(t)); }

Bytes signed_bytes(const Transaction& t, const crypto::Signature& signature) {
  auto items = fields(t);
  U256 v{signature.y_parity};
  if (t.type == 0) v = t.chain_id ? U256{*t.chain_id} * U256{2} + U256{35} + v : U256{27} + v;
  items.push_back(Item::number(v));
  items.push_back(Item::number(U256::from(signature.r)));
  items.push_back(Item::number(U256::from(signature.s)));
  return envelope(t.type, std::move(items));
}

Result<SignedTransaction> decode_transaction(ByteView raw) {
  if (raw.empty()) return fail(Errc::kInvalid, "transaction is empty");
  const std::uint8_t type = raw[0] >= 0xc0 ? 0 : raw[0];
  if (type > 4 || (type == 0 && raw[0] < 0xc0))
    return fail(Errc::kUnsupported, "transaction type " + std::to_string(raw[0]) + " is unknown");
  PB_TRY(root, rlp::decode(type == 0 ? raw : raw.subspan(1)));
  if (!root.is_list) return fail(Errc::kInvalid, "transaction is not an RLP list");
  if (type == 0) return decode_legacy(root, raw);
  constexpr std::size_t kCounts[] = {9, 11, 12, 14, 13};
  if (root.items.size() != kCounts[type])
    return fail(Errc::kInvalid, "transaction of type " + std::to_string(type) + " has " + std::to_string(root.items.size()) + " fields");
  FieldReader reader(root.items);
  Transaction t;
  t.type = type;
  PB_TRY(chain_id, reader.small("chainId"));
  PB_TRY(nonce, reader.small("nonce"));
  t.chain_id = chain_id, t.nonce = nonce;
  if (type == 1) {
    PB_TRY(gas_price, reader.number("gasPrice"));
    t.gas_price = gas_price;
  } else {
    PB_TRY(tip, reader.number("maxPriorityFeePerGas"));
    PB_TRY(cap, reader.number("maxFeePerGas"));
    t.max_priority_fee_per_gas = tip, t.max_fee_per_gas = cap;
  }
  PB_TRY(gas_limit, reader.number("gasLimit"));
  PB_TRY(to, reader.to());
  PB_TRY(value, reader.number("value"));
  PB_TRY(data, reader.bytes("data"));
  PB_TRY(access, read_access_list(reader));
  t.gas_limit = gas_limit, t.to = to, t.value = value, t.data = std::move(data), t.access_list = std::move(access);
  if (type == 3) {
    PB_TRY(blob_fee, reader.number("maxFeePerBlobGas"));
    t.max_fee_per_blob_gas = blob_fee;
    PB_TRY(hashes, reader.list("blobVersionedHashes"));
    for (const Item& item : *hashes) {
      PB_TRY(hash, Hash32::from(item.bytes, "blobVersionedHash"));
      t.blob_hashes.push_back(hash);
    }
  }
  if (type == 4) {
    PB_TRY(authorizations, read_authorizations(reader));
    t.authorizations = std::move(authorizations);
  }
  PB_TRY(parity, reader.parity());
  PB_TRY(signature, reader.signature(parity));
  return finish(std::move(t), signature, raw);
}

Address create_address(const Address& sender, std::uint64_t nonce) {
  const Hash32 hash = crypto::keccak256(rlp::encode(Item::list({Item::string(sender.view()), Item::number(U256{nonce})})));
  Address out;
  std::copy(hash.data.begin() + 12, hash.data.end(), out.data.begin());
  return out;
}

Address create2_address(const Address& sender, const Hash32& salt, const Hash32& init_code_hash) {
  const std::uint8_t tag[] = {0xff};
  const Hash32 hash = crypto::Keccak256{}.update(ByteView{tag}).update(sender.view()).update(salt.view()).update(init_code_hash.view()).finish();
  Address out;
  std::copy(hash.data.begin() + 12, hash.data.end(), out.data.begin());
  return out;
}

Hash32 authorization_hash(const U256& chain_id, const Address& address, std::uint64_t nonce) {
  Bytes body{0x05};
  append(body, rlp::encode(Item::list({Item::number(chain_id), Item::string(address.view()), Item::number(U256{nonce})})));
  return crypto::keccak256(body);
}

}  // namespace peaberry::chain
