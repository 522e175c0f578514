#pragma once

#include <peaberry/chain/rpc.hpp>
#include <peaberry/crypto/keys.hpp>
#include <peaberry/store/sql.hpp>

namespace peaberry::market {

/// Signed requests as Ocean's clients make them: personal_sign over keccak256(address ‖ nonce ‖ command), nonces that
/// only grow. Thread-safe.
class RequestAuth {
 public:
  static Status migrate(store::Database& database);
  RequestAuth(store::Database& database, chain::Rpc& rpc) : database_(database), rpc_(rpc) {}

  Result<std::uint64_t> nonce(const std::string& address);
  /// Checks the signature, then takes the nonce (both or neither). kUnauthenticated with Ocean's words.
  Status check(const std::string& address, const std::string& nonce, std::string_view command, const std::string& signature);

 private:
  store::Database& database_;
  chain::Rpc& rpc_;
};

/// True when `signature` over `message` is by `address`, in any of the forms that wallets produce (32 bytes; leading zero
/// bytes stripped, as ethers does; the hex text) or by ERC-1271 when `rpc` is given.
Result<bool> verify_request_signature(const Address& address, std::string_view message, ByteView signature, chain::Rpc* rpc);
/// What a client sends for `check`.
std::string sign_request(const crypto::PrivateKey& key, std::uint64_t nonce, std::string_view command);

}  // namespace peaberry::market
