#pragma once

#include <peaberry/base/json.hpp>
#include <peaberry/bindings/outbox.hpp>
#include <peaberry/chain/rpc.hpp>

namespace peaberry::bridge {

/// An order on chain A for something on chain B (contracts/src/bridge/Message.sol).
using Message = bindings::outbox::Message;

/// keccak256(abi.encode(keccak256("peaberry/message/1"), message)): the paramsHash of the job that pays for it.
Hash32 message_hash(const Message& message);
json::Object message_to_json(const Message& message);
Result<Message> message_from_json(const json::Object& object);

/// A block's header as its hash commits to it. kUnsupported when the fields that the node tells do not give its hash: a fork that we do not know.
Result<Bytes> encode_header(const json::Object& block);
/// A receipt as the receipts trie holds it (EIP-2718).
Result<Bytes> encode_receipt(const json::Object& receipt);

/// That a transaction's receipt stands in a block: the header, and the trie's nodes from its receiptsRoot to the receipt.
struct DeliveryProof {
  std::uint64_t block_number = 0;
  Bytes header;
  std::uint64_t index = 0;
  std::vector<Bytes> nodes;
  json::Object to_json() const;
  static Result<DeliveryProof> from_json(const json::Object& object);
};
/// As the executor: reads the block's receipts from a node of chain B and builds the proof.
Result<DeliveryProof> prove_delivery(chain::Rpc& rpc, const Hash32& transaction);

/// What a proof shows when `block_hash` is what the verifier itself knows of chain B: the Inbox recorded this message's delivery by its executor, not after T_B.
struct Delivery {
  std::uint64_t block_number = 0, time = 0;
  /// The job's canonical output: messageHash, time.
  Bytes output(const Hash32& message) const;
};
/// kForbidden with the step that fails. Bounded: what a stranger sends.
Result<Delivery> verify_delivery(const DeliveryProof& proof, const Hash32& block_hash, const Message& message);

/// As a signer of the quorum: asks its own node of chain B for the block's hash, wants `confirmations` blocks above it, and verifies. kUnavailable:
/// not deep enough yet; kConflict: the block is not on the chain (any more).
Result<Delivery> check_delivery(chain::Rpc& rpc, const DeliveryProof& proof, const Message& message, std::uint64_t confirmations);

}  // namespace peaberry::bridge
