#pragma once

#include <optional>
#include <peaberry/base/u256.hpp>
#include <peaberry/crypto/keys.hpp>
#include <vector>

#include "rlp.hpp"

namespace peaberry::chain {

struct AccessEntry {
  Address address;
  std::vector<Hash32> storage_keys;
  bool operator==(const AccessEntry&) const = default;
};

/// EIP-7702: authority lets its account run the code of `address`.
struct Authorization {
  U256 chain_id;
  Address address;
  std::uint64_t nonce = 0;
  crypto::Signature signature;
  bool operator==(const Authorization&) const = default;
};

/// A transaction of type 0 (legacy), 1 (EIP-2930), 2 (EIP-1559), 3 (EIP-4844) or 4 (EIP-7702). Amounts in wei.
struct Transaction {
  std::uint8_t type = 2;
  std::optional<std::uint64_t> chain_id;  ///< absent only for legacy without EIP-155
  std::uint64_t nonce = 0;
  U256 gas_limit;
  U256 gas_price;  ///< types 0 and 1
  U256 max_priority_fee_per_gas;
  U256 max_fee_per_gas;
  std::optional<Address> to;  ///< absent: contract creation
  U256 value;
  Bytes data;
  std::vector<AccessEntry> access_list;
  U256 max_fee_per_blob_gas;
  std::vector<Hash32> blob_hashes;
  std::vector<Authorization> authorizations;
  bool operator==(const Transaction&) const = default;
};

/// The bytes whose keccak is signed.
Bytes unsigned_bytes(const Transaction& transaction);
Hash32 signing_hash(const Transaction& transaction);
/// The raw transaction for eth_sendRawTransaction.
Bytes signed_bytes(const Transaction& transaction, const crypto::Signature& signature);

struct SignedTransaction {
  Transaction transaction;
  crypto::Signature signature;
  Hash32 hash;
  Address from;
};
/// Strict: canonical RLP, low s, parity 0 or 1, exact field counts. Blob transactions without sidecar.
Result<SignedTransaction> decode_transaction(ByteView raw);

/// The address CREATE gives: keccak(rlp([sender, nonce])).
Address create_address(const Address& sender, std::uint64_t nonce);
/// EIP-1014.
Address create2_address(const Address& sender, const Hash32& salt, const Hash32& init_code_hash);

/// keccak(0x05 ‖ rlp([chain_id, address, nonce])), EIP-7702.
Hash32 authorization_hash(const U256& chain_id, const Address& address, std::uint64_t nonce);

}  // namespace peaberry::chain
