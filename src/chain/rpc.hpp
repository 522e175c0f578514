#pragma once

#include <atomic>
#include <mutex>
#include <peaberry/base/clock.hpp>
#include <peaberry/base/random.hpp>
#include <peaberry/net/client.hpp>
#include <set>

#include "log.hpp"

namespace peaberry::chain {

struct RpcOptions {
  std::vector<std::string> urls;                ///< tried in order; the next one when one fails
  std::optional<std::uint64_t> chain_id;        ///< each URL must answer this to eth_chainId before it is used
  int timeout_ms = 15'000;
  int attempts_max = 6;                         ///< over all URLs, with growing pauses
  int backoff_ms = 100;
  std::size_t batch_max = 100;
  std::size_t reply_bytes_max = std::size_t{512} << 20;
};

struct RpcCall {
  std::string method;
  json::Array params;
};

struct BlockRef {
  std::uint64_t number = 0;
  Hash32 hash;
  Hash32 parent_hash;
  std::uint64_t timestamp = 0;
  bool operator==(const BlockRef&) const = default;
};

struct Receipt {
  Hash32 transaction_hash;
  std::uint64_t block_number = 0;
  Hash32 block_hash;
  bool success = false;
  std::uint64_t gas_used = 0;
  U256 effective_gas_price;
  Address from;
  std::optional<Address> to;
  std::optional<Address> contract_address;
  std::vector<Log> logs;
};

struct CallRequest {
  std::optional<Address> from;
  std::optional<Address> to;
  Bytes data;
  U256 value;
};

struct LogFilter {
  std::uint64_t from_block = 0;
  std::uint64_t to_block = 0;
  std::vector<Address> addresses = {};
  std::vector<Hash32> topics0 = {};  ///< any of these
  std::vector<Hash32> topics1 = {};  ///< and any of these as first indexed parameter
};

/// A JSON-RPC 2.0 client for one chain. Thread-safe. A revert comes back as kConflict with the reason in words and
/// the raw data in `revert_data` of the last call's thread; transport trouble as kUnavailable after all attempts.
class Rpc {
 public:
  Rpc(net::Client& client, RpcOptions options, const Clock& clock, Random& random);

  Result<json::Value> call(const std::string& method, json::Array params);
  /// One result a call, in order; an item's error does not spoil the others.
  Result<std::vector<Result<json::Value>>> batch(const std::vector<RpcCall>& calls);
  /// The body as it came, for decoders of their own. Not checked for an `error` member.
  Result<std::string> raw(const std::string& method, json::Array params);

  Result<std::uint64_t> chain_id();
  Result<std::uint64_t> block_number();
  /// kNotFound when the chain is shorter.
  Result<BlockRef> block(std::uint64_t number);
  Result<BlockRef> latest_block();
  Result<std::vector<Result<BlockRef>>> blocks(std::uint64_t from, std::uint64_t to);
  Result<U256> balance(const Address& account);
  Result<std::uint64_t> transaction_count(const Address& account);
  Result<Bytes> code(const Address& account);
  Result<Bytes> eth_call(const CallRequest& request);
  Result<std::uint64_t> estimate_gas(const CallRequest& request);
  /// "already known" is success: the same bytes are in the pool.
  Result<Hash32> send_raw(ByteView raw_transaction);
  Result<std::optional<Receipt>> receipt(const Hash32& transaction);
  Result<std::vector<Log>> logs(const LogFilter& filter);
  struct Fees {
    U256 max_fee_per_gas;
    U256 max_priority_fee_per_gas;
  };
  /// Base fee × 2 + the median tip of recent blocks.
  Result<Fees> fees();
  const RpcOptions& options() const { return options_; }

 private:
  Result<std::string> post(const std::string& body);
  Result<std::string> post_once(std::size_t url, const std::string& body);
  Status verify_chain(std::size_t url);
  net::Client& client_;
  RpcOptions options_;
  const Clock& clock_;
  Random& random_;
  std::atomic<std::uint64_t> next_id_{1};
  std::atomic<std::size_t> current_url_{0};
  std::mutex mutex_;
  std::set<std::size_t> verified_;
};

/// ERC-1271: does the contract at `account` accept `signature` for `digest`?
Result<bool> is_valid_contract_signature(Rpc& rpc, const Address& account, const Hash32& digest, ByteView signature);

std::string quantity(std::uint64_t value);
Result<Receipt> receipt_from_json(const json::Value& value);
Result<BlockRef> block_from_json(const json::Value& value);

}  // namespace peaberry::chain
