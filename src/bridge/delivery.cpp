#include "delivery.hpp"

#include <algorithm>
#include <peaberry/bindings/inbox.hpp>
#include <peaberry/chain/abi.hpp>
#include <peaberry/chain/rlp.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/crypto/keys.hpp>
#include <peaberry/crypto/words.hpp>

#include "trie.hpp"

namespace peaberry::bridge {
namespace {

using chain::rlp::Item;

constexpr std::size_t kNodesMax = 64, kNodeBytesMax = std::size_t{1} << 20;

Error not_shown(const std::string& why) { return fail(Errc::kForbidden, "delivery proof: " + why); }

Result<Item> bytes_item(const json::Object& object, const char* key) {
  PB_TRY(text, json::string_at(object, key));
  PB_TRY(bytes, parse_hex(text, key));
  return Item::string(bytes);
}
Result<Item> number_item(const json::Object& object, const char* key) {
  PB_TRY(number, json::u256_at(object, key));
  return Item::number(number);
}

Result<Item> log_item(const json::Object& log) {
  PB_TRY(address, bytes_item(log, "address"));
  PB_TRY(topics, json::array_at(log, "topics"));
  PB_TRY(data, bytes_item(log, "data"));
  std::vector<Item> list;
  for (const auto& topic : *topics) {
    PB_TRY(bytes, parse_hex(topic.is_string() ? json::sv(topic.get_string()) : std::string_view{"?"}, "topic"));
    list.push_back(Item::string(bytes));
  }
  return Item::list({address, Item::list(std::move(list)), data});
}

}  // namespace

Hash32 message_hash(const Message& message) {
  using chain::abi::Type;
  using chain::abi::Value;
  static const Type kType = *Type::parse("(bytes32,(uint256,address,address,uint256,uint256,address,uint64,address,address,address,address,uint96,address,bytes))");
  static const Hash32 kTag = crypto::keccak256("peaberry/message/1");
  const auto encoded = chain::abi::encode(kType, Value::list({Value::of(kTag), message.to_abi()}));
  PB_ASSERT(encoded);
  return crypto::keccak256(*encoded);
}

json::Object message_to_json(const Message& m) {
  const auto at = [](const Address& address) { return crypto::checksum_address(address); };
  return {{"chainA", m.chain_a.dec()}, {"outbox", at(m.outbox)}, {"escrow", at(m.escrow)}, {"jobNonce", m.job_nonce.dec()}, {"chainB", m.chain_b.dec()}, {"inbox", at(m.inbox)}, {"deliverUntil", m.deliver_until.low64()},
          {"requester", at(m.requester)}, {"executor", at(m.executor)}, {"recipient", at(m.recipient)}, {"token", at(m.token)}, {"price", m.price.dec()}, {"target", at(m.target)}, {"data", hex0x(m.data)}};
}

Result<Message> message_from_json(const json::Object& o) {
  Message m;
  for (const auto& [key, slot] : {std::pair<const char*, U256*>{"chainA", &m.chain_a}, {"jobNonce", &m.job_nonce}, {"chainB", &m.chain_b}, {"deliverUntil", &m.deliver_until}, {"price", &m.price}}) {
    PB_TRY(value, json::u256_at(o, key));
    *slot = value;
  }
  for (const auto& [key, slot] : {std::pair<const char*, Address*>{"outbox", &m.outbox}, {"escrow", &m.escrow}, {"inbox", &m.inbox}, {"requester", &m.requester}, {"executor", &m.executor}, {"recipient", &m.recipient}, {"token", &m.token}, {"target", &m.target}}) {
    PB_TRY(value, json::address_at(o, key));
    *slot = value;
  }
  PB_TRY(text, json::string_at(o, "data"));
  PB_TRY(data, parse_hex(text, "data"));
  m.data = data;
  return m;
}

Result<Bytes> encode_header(const json::Object& block) {
  PB_TRY(hash, json::hash_at(block, "hash"));
  std::vector<Item> items;
  const auto add = [&](const char* key, bool number) -> Status {
    PB_TRY(item, number ? number_item(block, key) : bytes_item(block, key));
    items.push_back(item);
    return {};
  };
  // Number fields have no leading zeros; `nonce` is eight bytes as they are.
  for (const auto& [key, number] : {std::pair<const char*, bool>{"parentHash", false}, {"sha3Uncles", false}, {"miner", false}, {"stateRoot", false}, {"transactionsRoot", false}, {"receiptsRoot", false}, {"logsBloom", false}, {"difficulty", true},
                                    {"number", true}, {"gasLimit", true}, {"gasUsed", true}, {"timestamp", true}, {"extraData", false}, {"mixHash", false}, {"nonce", false}})
    PB_CHECK(add(key, number));
  // Forks added fields at the end, each only with those before it.
  for (const auto& [key, number] : {std::pair<const char*, bool>{"baseFeePerGas", true}, {"withdrawalsRoot", false}, {"blobGasUsed", true}, {"excessBlobGas", true}, {"parentBeaconBlockRoot", false}, {"requestsHash", false}}) {
    const auto* value = json::find(block, key);
    if (value == nullptr || value->is_null()) break;
    PB_CHECK(add(key, number));
  }
  Bytes out = chain::rlp::encode(Item::list(std::move(items)));
  if (crypto::keccak256(out) != hash) return fail(Errc::kUnsupported, "the header of block " + hash.hex() + " has fields that are not known here");
  return out;
}

Result<Bytes> encode_receipt(const json::Object& receipt) {
  PB_TRY(status, number_item(receipt, "status"));
  PB_TRY(gas, number_item(receipt, "cumulativeGasUsed"));
  PB_TRY(bloom, bytes_item(receipt, "logsBloom"));
  PB_TRY(logs, json::array_at(receipt, "logs"));
  std::vector<Item> list;
  for (const auto& entry : *logs) {
    PB_TRY(log, json::as_object(entry, "log"));
    PB_TRY(item, log_item(*log));
    list.push_back(item);
  }
  Bytes out = chain::rlp::encode(Item::list({status, gas, bloom, Item::list(std::move(list))}));
  PB_TRY(type, U256::parse(json::string_or(receipt, "type", "0x0"), "type"));
  if (!type.is_zero()) out.insert(out.begin(), static_cast<std::uint8_t>(type.low64()));
  return out;
}

json::Object DeliveryProof::to_json() const {
  json::Array list;
  for (const auto& node : nodes) list.push_back(json::Value(hex0x(node)));
  return {{"blockNumber", block_number}, {"header", hex0x(header)}, {"index", index}, {"nodes", list}};
}

Result<DeliveryProof> DeliveryProof::from_json(const json::Object& object) {
  DeliveryProof out;
  PB_TRY(number, json::uint_at(object, "blockNumber"));
  PB_TRY(header_text, json::string_at(object, "header"));
  PB_TRY(header, parse_hex(header_text, "header"));
  PB_TRY(index, json::uint_at(object, "index"));
  PB_TRY(nodes, json::array_at(object, "nodes"));
  if (nodes->size() > kNodesMax) return fail(Errc::kExhausted, "delivery proof: more than " + std::to_string(kNodesMax) + " nodes");
  for (const auto& item : *nodes) {
    PB_TRY(node, parse_hex(item.is_string() ? json::sv(item.get_string()) : std::string_view{"?"}, "node"));
    if (node.size() > kNodeBytesMax) return fail(Errc::kExhausted, "delivery proof: a node is too large");
    out.nodes.push_back(std::move(node));
  }
  out.block_number = number, out.header = header, out.index = index;
  return out;
}

Result<DeliveryProof> prove_delivery(chain::Rpc& rpc, const Hash32& transaction) {
  PB_TRY(receipt, rpc.receipt(transaction));
  if (!receipt) return fail(Errc::kNotFound, "transaction " + transaction.hex() + " is not on chain B");
  PB_TRY(block_value, rpc.call("eth_getBlockByNumber", {chain::quantity(receipt->block_number), false}));
  PB_TRY(block, json::as_object(block_value, "block"));
  PB_TRY(list, json::array_at(*block, "transactions"));
  DeliveryProof out;
  PB_TRY(header, encode_header(*block));
  out.block_number = receipt->block_number, out.header = header;
  std::vector<Bytes> receipts;
  bool found = false;
  for (std::size_t i = 0; i < list->size(); ++i) {
    PB_TRY(value, rpc.call("eth_getTransactionReceipt", {(*list)[i]}));
    PB_TRY(object, json::as_object(value, "receipt"));
    PB_TRY(encoded, encode_receipt(*object));
    receipts.push_back(std::move(encoded));
    if (json::hash_at(*object, "transactionHash").value_or(Hash32{}) == transaction) out.index = i, found = true;
  }
  PB_TRY(root, json::hash_at(*block, "receiptsRoot"));
  if (!found || list_trie_root(receipts) != root) return fail(Errc::kUnsupported, "the receipts of block " + std::to_string(out.block_number) + " do not give its receiptsRoot");
  out.nodes = list_trie_proof(receipts, out.index);
  return out;
}

Bytes Delivery::output(const Hash32& message) const {
  Bytes out;
  crypto::put_word(out, message);
  crypto::put_word(out, U256{time});
  return out;
}

Result<Delivery> verify_delivery(const DeliveryProof& proof, const Hash32& block_hash, const Message& message) {
  if (crypto::keccak256(proof.header) != block_hash) return not_shown("the header is not the block's");
  PB_TRY(header, chain::rlp::decode(proof.header));
  if (!header.is_list || header.items.size() < 15 || header.items[5].bytes.size() != 32) return not_shown("the header is malformed");
  PB_TRY(number, chain::rlp::as_number(header.items[8], "number"));
  if (number != U256{proof.block_number}) return not_shown("the header is of another height");
  PB_TRY(root, Hash32::from(header.items[5].bytes));
  if (proof.index > 1'000'000) return not_shown("the index is unreasonably large");
  PB_TRY(encoded, verify_list_trie_proof(root, proof.index, proof.nodes));
  const bool typed = !encoded.empty() && encoded[0] < 0x80;
  PB_TRY(receipt, chain::rlp::decode(ByteView(encoded).subspan(typed ? 1 : 0)));
  if (!receipt.is_list || receipt.items.size() != 4 || !receipt.items[3].is_list) return not_shown("the receipt is malformed");
  if (receipt.items[0].bytes != Bytes{1}) return not_shown("the transaction failed");
  const Hash32 hash = message_hash(message);
  for (const Item& item : receipt.items[3].items) {
    if (!item.is_list || item.items.size() != 3 || !item.items[1].is_list) return not_shown("a log is malformed");
    if (!std::ranges::equal(item.items[0].bytes, message.inbox.view()) || item.items[1].items.size() != 4) continue;
    chain::Log log;
    log.address = message.inbox, log.topic_count = 4, log.data = item.items[2].bytes;
    for (std::size_t t = 0; t < 4; ++t) {
      PB_TRY(topic, Hash32::from(item.items[1].items[t].bytes, "topic"));
      log.topics[t] = topic;
    }
    if (log.topics[0] != bindings::inbox::DeliveredEvent::topic()) continue;
    PB_TRY(event, bindings::inbox::DeliveredEvent::decode(log));
    if (event.message_hash != hash) continue;
    if (event.executor != message.executor) return not_shown("another executor delivered it");
    if (event.chain_a != message.chain_a) return not_shown("it was ordered on another chain");
    if (event.time > message.deliver_until) return not_shown("it came after T_B");
    return Delivery{proof.block_number, event.time.low64()};
  }
  return not_shown("the receipt records no delivery of message " + hash.hex());
}

Result<Delivery> check_delivery(chain::Rpc& rpc, const DeliveryProof& proof, const Message& message, std::uint64_t confirmations) {
  PB_TRY(id, rpc.chain_id());
  if (U256{id} != message.chain_b) return fail(Errc::kInvalid, "chain-b: the node is of chain " + std::to_string(id) + ", the order is for " + message.chain_b.dec());
  PB_TRY(head, rpc.block_number());
  if (head < proof.block_number + confirmations) return fail(Errc::kUnavailable, "block " + std::to_string(proof.block_number) + " has " + std::to_string(head > proof.block_number ? head - proof.block_number : 0) + " of " + std::to_string(confirmations) + " confirmations", "ask again later");
  PB_TRY(block, rpc.block(proof.block_number));
  auto delivery = verify_delivery(proof, block.hash, message);
  if (!delivery && crypto::keccak256(proof.header) != block.hash) return fail(Errc::kConflict, "delivery proof: block " + std::to_string(proof.block_number) + " of chain B is another one now: the delivery was thrown out by a reorg, or never was", "deliver again, or prove the block that holds it now");
  return delivery;
}

}  // namespace peaberry::bridge
