// The conformance vectors of tests/vectors/evm: each test prints N of N for its file.

#include <gtest/gtest.h>

#include <peaberry/base/files.hpp>
#include <peaberry/base/json.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/crypto/keys.hpp>
#include <peaberry/base/random.hpp>

#include "abi.hpp"
#include "eip712.hpp"
#include "rlp.hpp"
#include "transaction.hpp"

namespace peaberry::chain {
namespace {

json::Array load(const std::string& name) {
  const auto text = read_text(std::string(PEABERRY_SOURCE_DIR) + "/tests/vectors/evm/" + name);
  EXPECT_TRUE(text) << name;
  const auto document = json::parse(*text, {.max_bytes = std::size_t{64} << 20, .max_depth = 64});
  EXPECT_TRUE(document) << document.error().message;
  return document->get_array();
}

std::string text(const json::Object& object, std::string_view key) { return json::string_or(object, key); }
Bytes bytes(const json::Object& object, std::string_view key) { return parse_hex(text(object, key)).value_or(Bytes{0xde, 0xad}); }

/// Counts passes and says so: "abi.json: 512 of 512".
class Tally {
 public:
  explicit Tally(std::string file) : file_(std::move(file)) {}
  ~Tally() { std::printf("vectors %s: %d of %d\n", file_.c_str(), passed_, total_); }
  void check(bool passed, const std::string& name) {
    ++total_;
    passed_ += passed ? 1 : 0;
    EXPECT_TRUE(passed) << file_ << " " << name;
  }

 private:
  std::string file_;
  int passed_ = 0, total_ = 0;
};

U256 number(const json::Object& object, std::string_view key) { return json::u256_at(object, key).value_or(U256{}); }

TEST(Vectors, Abi) {
  Tally tally("abi.json");
  for (const auto& item : load("abi.json")) {
    const auto& v = item.get_object();
    const auto type = abi::Type::parse("(" + text(v, "type") + ")");
    ASSERT_TRUE(type) << type.error().message;
    const auto value = abi::from_json(*type, json::Array{*json::find(v, "value")});
    ASSERT_TRUE(value) << text(v, "name") << " " << text(v, "type") << ": " << value.error().message;
    const auto encoded = abi::encode(*type, *value);
    const auto decoded = abi::decode(*type, bytes(v, "encoded"));
    tally.check(encoded && *encoded == bytes(v, "encoded") && decoded && *decoded == *value, text(v, "name") + " " + text(v, "type"));
  }
}

rlp::Item rlp_item(const json::Value& value) {
  if (value.is_array()) {
    std::vector<rlp::Item> items;
    for (const auto& child : value.get_array()) items.push_back(rlp_item(child));
    return rlp::Item::list(std::move(items));
  }
  return rlp::Item::string(parse_hex(json::sv(value.get_string())).value_or(Bytes{}));
}

TEST(Vectors, Rlp) {
  Tally tally("rlp.json");
  for (const auto& item : load("rlp.json")) {
    const auto& v = item.get_object();
    const Bytes encoded = bytes(v, "encoded");
    const auto decoded = rlp::decode(encoded);
    tally.check(rlp::encode(rlp_item(*json::find(v, "decoded"))) == encoded && decoded && rlp::encode(*decoded) == encoded, text(v, "name"));
  }
}

TEST(Vectors, Eip712) {
  Tally tally("eip712.json");
  for (const auto& item : load("eip712.json")) {
    const auto& v = item.get_object();
    const auto result = eip712::encode(*json::find_object(v, "types"), text(v, "primaryType"), *json::find_object(v, "domain"), *json::find_object(v, "data"));
    tally.check(result && result->encoded == bytes(v, "encoded") && result->digest.hex() == text(v, "digest"),
                text(v, "name") + (result ? "" : result.error().message));
  }
}

TEST(Vectors, Accounts) {
  Tally tally("accounts.json");
  for (const auto& item : load("accounts.json")) {
    const auto& v = item.get_object();
    Address address;
    if (v.contains("privateKey") && v.at("privateKey").is_string()) {
      const auto key = crypto::PrivateKey::from_bytes(bytes(v, "privateKey"));
      ASSERT_TRUE(key);
      address = key->address();
    } else {  // some cases only test the address text
      address = Address::parse(text(v, "address")).value_or(Address{});
    }
    tally.check(crypto::checksum_address(address) == text(v, "address") && crypto::parse_address(text(v, "address")).has_value(), text(v, "name"));
  }
}

TEST(Vectors, Create) {
  Tally tally("create.json");
  for (const auto& group : load("create.json"))
    for (const auto& item : group.at("creates").get_array()) {
      const auto& v = item.get_object();
      const auto sender = *Address::parse(text(group.get_object(), "sender"));
      tally.check(crypto::checksum_address(create_address(sender, *json::uint_at(v, "nonce"))) == text(v, "address"), text(v, "name"));
    }
}

TEST(Vectors, Create2) {
  Tally tally("create2.json");
  for (const auto& group : load("create2.json"))
    for (const auto& item : group.at("creates").get_array()) {
      const auto& v = item.get_object();
      const auto sender = *Address::parse(text(group.get_object(), "sender"));
      tally.check(crypto::checksum_address(create2_address(sender, *json::hash_at(v, "salt"), *json::hash_at(v, "initCodeHash"))) == text(v, "address"), text(v, "name"));
    }
}

TEST(Vectors, Eip191) {
  Tally tally("eip191.json");
  for (const auto& item : load("eip191.json")) {
    const auto& v = item.get_object();
    const auto key = crypto::PrivateKey::from_bytes(bytes(v, "privateKey"));
    const Hash32 hash = crypto::personal_message_hash(as_bytes(text(v, "message")));
    const auto signature = key->sign(hash);
    const auto who = crypto::recover(hash, signature);
    tally.check(hash.hex() == text(v, "hash") && hex0x(signature.rsv()) == text(v, "signature") && who && *who == key->address(), text(v, "message"));
  }
}

TEST(Vectors, Hashes) {
  Tally tally("hashes.json");
  for (const auto& item : load("hashes.json")) {
    const auto& v = item.get_object();
    const Bytes data = bytes(v, "data");
    tally.check(crypto::keccak256(data).hex() == text(v, "keccak256") && crypto::sha256(data).hex() == text(v, "sha256") &&
                    hex0x(crypto::sha512(data)) == text(v, "sha512") && hex0x(crypto::ripemd160(data)) == text(v, "ripemd160"),
                text(v, "name"));
  }
}

TEST(Vectors, SolidityPacked) {
  Tally tally("solidity_packed.json");
  for (const auto& item : load("solidity_packed.json")) {
    const auto& v = item.get_object();
    std::string types = "(";
    for (const auto& type : v.at("types").get_array()) types += (types.size() > 1 ? "," : "") + std::string(json::sv(type.get_string()));
    const auto type = abi::Type::parse(types + ")");
    ASSERT_TRUE(type) << type.error().message;
    const auto value = abi::from_json(*type, v.at("values"));
    ASSERT_TRUE(value) << types << value.error().message;
    const auto packed = abi::encode_packed(*type, *value);
    tally.check(packed && crypto::keccak256(*packed).hex() == text(v, "keccak256") && crypto::sha256(*packed).hex() == text(v, "sha256"),
                text(v, "name") + (packed ? "" : packed.error().message));
  }
}

TEST(Vectors, Transactions) {
  Tally tally("transactions.json");
  for (const auto& item : load("transactions.json")) {
    const auto& v = item.get_object();
    const auto& t = v.at("transaction").get_object();
    const auto key = crypto::PrivateKey::from_bytes(bytes(v, "privateKey"));
    Transaction tx;
    tx.nonce = json::uint_or(t, "nonce", 0);
    tx.gas_limit = number(t, "gasLimit");
    tx.value = number(t, "value");
    if (t.contains("data")) tx.data = bytes(t, "data");
    if (const auto to = json::address_at(t, "to")) tx.to = *to;
    const std::uint64_t chain = json::uint_or(t, "chainId", 0);
    bool good = true;
    const auto compare = [&](std::uint8_t type, const std::string& name, std::optional<std::uint64_t> chain_id) {
      Transaction next = tx;
      next.type = type;
      next.chain_id = chain_id;
      if (type <= 1) next.gas_price = number(t, "gasPrice");
      else next.max_fee_per_gas = number(t, "maxFeePerGas"), next.max_priority_fee_per_gas = number(t, "maxPriorityFeePerGas");
      const Bytes raw = signed_bytes(next, key->sign(signing_hash(next)));
      const auto decoded = decode_transaction(raw);
      good = good && hex0x(unsigned_bytes(next)) == text(v, "unsigned" + name) && hex0x(raw) == text(v, "signed" + name) && decoded &&
             decoded->transaction == next && decoded->from == key->address();
    };
    compare(0, "Legacy", std::nullopt);
    if (chain != 0) compare(0, "Eip155", chain);
    compare(1, "Berlin", chain);
    compare(2, "London", chain);
    tally.check(good, text(v, "name"));
  }
}

TEST(Vectors, TransactionTypes0To4) {
  Tally tally("tx_types_0_4.json");
  for (const auto& item : load("tx_types_0_4.json")) {
    const auto& v = item.get_object();
    const auto& t = v.at("transaction").get_object();
    const Bytes raw = bytes(v, "signed");
    const auto decoded = decode_transaction(raw);
    ASSERT_TRUE(decoded) << text(v, "name") << decoded.error().message;
    const Transaction& tx = decoded->transaction;
    const bool fields = tx.type == json::uint_or(t, "type", 99) && tx.nonce == json::uint_or(t, "nonce", 0) && tx.value == number(t, "value") &&
                        tx.data == bytes(t, "data") && tx.gas_limit == number(t, "gasLimit");
    tally.check(fields && crypto::checksum_address(decoded->from) == text(v, "from") && hex0x(unsigned_bytes(tx)) == text(v, "unsigned") &&
                    signed_bytes(tx, decoded->signature) == raw,
                text(v, "name"));
  }
}

TEST(Vectors, Units) {
  Tally tally("units.json");
  constexpr std::pair<const char*, unsigned> kUnits[] = {{"kwei", 3}, {"mwei", 6}, {"gwei", 9}, {"szabo", 12}, {"finney", 15}, {"ether", 18}};
  for (const auto& item : load("units.json")) {
    const auto& v = item.get_object();
    const bool negative = text(v, "wei").starts_with("-");  // amounts are unsigned here: a negative one must be refused
    bool good = true;
    for (const auto& [name, decimals] : kUnits) {
      if (!v.contains(name)) continue;
      const auto parsed = parse_units(text(v, name), decimals);
      if (negative) good = good && !parsed;
      else good = good && parsed && parsed->dec() == text(v, "wei") && format_units(*parsed, decimals) == text(v, std::string(name) + "_format");
    }
    tally.check(good, text(v, "name"));
  }
}

TEST(Reverts, AContractsOwnErrorsAreTold) {
  abi::know_errors({"TooLate(uint256 until,address who)", "Empty()"});
  static const abi::Type kType = *abi::Type::parse("(uint256,address)");
  const Bytes late = abi::encode_call(abi::selector("TooLate(uint256,address)"), kType, abi::Value::list({abi::Value::of(std::uint64_t{7}), abi::Value::of(Address{})}));
  EXPECT_EQ(abi::describe_revert(late), "reverted: TooLate (until 7, who 0x0000000000000000000000000000000000000000)");
  const auto empty = abi::selector("Empty()");
  EXPECT_EQ(abi::describe_revert(empty), "reverted: Empty");
  EXPECT_NE(abi::describe_revert(ByteView(late).first(20)).find("reverted with 0x"), std::string::npos) << "cut off: told by its bytes";
}

}  // namespace
}  // namespace peaberry::chain
