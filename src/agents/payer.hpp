#pragma once

#include <peaberry/base/clock.hpp>
#include <peaberry/base/files.hpp>
#include <peaberry/net/client.hpp>

#include "x402.hpp"

namespace peaberry::agents {

struct PayerOptions {
  std::uint64_t chain_id = 0;
  Address channels, collector;       ///< VoucherChannels and ERC3009DepositCollector; channels zero: only `exact` is used
  Address token;                     ///< the only token that is paid with
  U256 price_max;                    ///< no call may cost more
  std::uint64_t deposit_calls = 100; ///< a channel is filled for so many calls at once
  fs::path state;                    ///< file in which channels are kept: what was promised outlives the process
};

/// A robot's purse: buys over HTTP by x402 version 2, by one signature or out of a channel that it keeps. It needs no chain while its channel has
/// money: vouchers are signatures. One thread.
///
/// Before a voucher leaves, the state on disk says what it will promise: a robot that dies and starts again never signs less than it did, and asks
/// the seller for nothing it has not bought. What a seller says of a channel is believed only as far as our own signatures go.
class Payer {
 public:
  Payer(net::Client& http, Random& random, const Clock& clock, const crypto::PrivateKey& key, PayerOptions options) : http_(http), random_(random), clock_(clock), key_(key), options_(std::move(options)) {}

  struct Bought {
    net::ClientResponse response;
    U256 paid;                 ///< for this call
    std::string transaction;   ///< of a transfer; empty out of a channel
    U256 deposited;            ///< into the channel with this call
    Hash32 channel;            ///< zero for `exact`
    U256 total;                ///< promised in all out of this channel
  };
  /// One paid GET. A price that has changed since the channel was opened is paid if it is not above price_max. kPayment: it costs more than allowed, or is paid in another way; kForbidden: the seller claims promises that we did not make.
  Result<Bought> buy(const std::string& url, bool by_channel);

 private:
  struct Channel {
    settlement::ChannelConfig config;
    json::Object accepted;  ///< the requirements it was opened for
    U256 deposited, charged, promised;
    /// A deposit that was signed and not yet confirmed: after a crash the same is sent again, and can be taken only once.
    struct Pending {
      U256 amount, salt, valid_before;
    };
    std::optional<Pending> pending;
  };
  Result<json::Object> offer(const net::ClientResponse& response, const char* scheme) const;
  Result<Bought> by_exact(const std::string& url, const json::Object& accepted);
  Result<Bought> by_voucher(const std::string& url, json::Object accepted);
  Result<net::ClientResponse> send(const std::string& url, const json::Object& accepted, json::Object payload);
  Result<std::optional<Channel>> load(const std::string& seller);
  Status save(const std::string& seller, const Channel& channel);
  /// What a corrective 402 says of our channel, as far as our signature bears it out.
  Result<U256> corrected(const Channel& channel, const json::Object& accepted) const;
  settlement::TokenDomain token_domain(const json::Object& accepted) const;

  net::Client& http_;
  Random& random_;
  const Clock& clock_;
  const crypto::PrivateKey& key_;
  PayerOptions options_;
};

}  // namespace peaberry::agents
