#pragma once

#include <peaberry/base/json.hpp>
#include <peaberry/bindings/price_feed.hpp>
#include <peaberry/chain/tx_manager.hpp>

namespace peaberry::oracle {

/// What one reporter saw of a price (contracts/src/oracle/PriceFeed.sol). `answer` has the feed's decimals.
struct Observation {
  std::uint8_t reporter = 0;       ///< its place in the feed's list
  std::uint64_t round = 0;
  std::uint64_t timestamp = 0;     ///< Unix seconds
  U256 answer;                     ///< positive, < 2^191
  crypto::Signature signature;

  json::Object to_json() const;
  /// Names the field that is wrong. The signature is not checked.
  static Result<Observation> from_json(const json::Object& object);
};

/// A feed as its readers, reporters and relays use it. Not thread-safe.
class Feed {
 public:
  /// Reads the feed's fixed part. kNotFound when no PriceFeed is at `address`.
  static Result<Feed> open(chain::Rpc& rpc, std::uint64_t chain_id, const Address& address);

  const std::string& description() const { return description_; }
  unsigned decimals() const { return decimals_; }
  std::uint64_t heartbeat() const { return heartbeat_; }
  std::size_t threshold() const { return threshold_; }
  const std::vector<Address>& reporters() const { return reporters_; }

  struct Latest {
    std::uint64_t round = 0;
    U256 answer;
    std::uint64_t updated_at = 0;  ///< of the oldest observation that went in; 0: no round yet
    bool fresh = false;            ///< by the feed's heartbeat, and the later of the chain's time and the reader's own
  };
  /// `now`: the reader's clock, Unix seconds. A chain on which nothing happens stands still, and an old price would look new.
  Result<Latest> latest(std::uint64_t now);
  /// kConflict: the price is older than the heartbeat, or there is none: what a careful reader acts on.
  Result<U256> fresh_answer(std::uint64_t now);

  /// The EIP-712 digest of an observation.
  Hash32 digest(std::uint64_t round, std::uint64_t timestamp, const U256& answer) const;
  /// Signs for the next round. kForbidden: this key is no reporter of the feed.
  Result<Observation> observe(const crypto::PrivateKey& key, const U256& answer, std::uint64_t timestamp);
  /// Checks each observation, leaves out what does not hold, sorts, and brings the report. kInvalid with the reasons when too few are left.
  Result<chain::Receipt> report(chain::TxManager& sender, std::vector<Observation> observations);

 private:
  Feed(chain::Rpc& rpc, std::uint64_t chain_id, const Address& address) : rpc_(&rpc), chain_id_(chain_id), address_(address) {}
  Result<Bytes> ask(const Bytes& data);
  /// Why an observation cannot go into `round`'s report; empty: it can.
  std::string fault(const Observation& observation, std::uint64_t round, std::uint64_t now) const;

  chain::Rpc* rpc_;
  std::uint64_t chain_id_;
  Address address_;
  std::string description_;
  unsigned decimals_ = 0;
  std::uint64_t heartbeat_ = 0;
  std::size_t threshold_ = 0;
  U256 lowest_, highest_;
  std::vector<Address> reporters_;
};

}  // namespace peaberry::oracle
