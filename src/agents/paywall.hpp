#pragma once

#include <peaberry/chain/tx_manager.hpp>
#include <peaberry/net/http.hpp>
#include <peaberry/settlement/voucher_book.hpp>
#include <set>

#include "x402.hpp"

namespace peaberry::agents {

struct PaywallOptions {
  std::uint64_t chain_id = 0;
  Address channels;   ///< VoucherChannels; zero: only `exact` is offered
  Address collector;  ///< ERC3009DepositCollector
  std::uint64_t withdraw_delay = 900;  ///< seconds that a channel must leave us to claim
  std::uint64_t calls_min = 1;         ///< a deposit must be worth so many calls: its transaction is sent with our gas
};

/// Answers a request when it is paid for, by x402 version 2. A call without a payment gets 402 and what it costs; one with a payment that
/// does not hold gets 402 and x402's code for why; a paid one gets the handler's answer and a receipt in PAYMENT-RESPONSE.
///
/// By `exact` the handler runs first and the answer leaves when the transfer is mined; by a channel the answer leaves when the voucher is
/// on disk. A handler that fails is not charged. One payment buys one answer: the same authorisation or channel is never in work twice.
/// Thread-safe.
class Paywall {
 public:
  /// Everything is paid to book.receiver(); `sender` pays gas, and is the receiver's authoriser in channels.
  Paywall(chain::Rpc& rpc, chain::TxManager& sender, settlement::VoucherBook& book, const Clock& clock, PaywallOptions options)
      : rpc_(rpc), sender_(sender), book_(book), clock_(clock), options_(std::move(options)) {}

  using Handler = std::function<net::Response()>;
  /// price.pay_to must be the book's receiver.
  net::Response serve(const net::Request& request, const x402::Price& price, const Handler& handler);

  struct Claimed {
    std::size_t channels = 0;
    U256 amount;
  };
  /// Claims what channels owe, at most `channels_max` in one transaction, if it is `at_least` in all or somebody is leaving, and settles.
  Result<Claimed> claim(const U256& at_least, std::size_t channels_max = 50);

 private:
  /// An answer that says why a payment did not hold: x402's code, and words.
  struct Refusal {
    int status = 402;
    std::string code, message;
    json::Object channel_extra;  ///< beside the channel's requirements: what a client needs to find its way back
  };
  struct Paid {
    net::Response response;
    json::Object receipt;
  };
  using Outcome = std::variant<Paid, Refusal>;

  Outcome pay_exact(const x402::Price& price, const x402::Exact& exact, const Handler& handler);
  Outcome pay_channel(const x402::Price& price, const x402::Channel& channel, const Handler& handler);
  Outcome refund(const x402::Channel& channel);
  std::optional<Refusal> check_channel(const x402::Price& price, const x402::Channel& channel) const;
  std::optional<Refusal> take_deposit(const x402::Price& price, const x402::Channel& channel);
  Refusal refused_total(const settlement::VoucherBook::Entry& entry, const Hash32& id, const std::string& code, const std::string& message) const;
  Status refresh(const settlement::ChannelConfig& config, const Hash32& id);
  json::Object channel_state(const settlement::VoucherBook::Entry& entry, const Hash32& id) const;
  json::Array offers(const x402::Price& price, const json::Object& channel_extra) const;
  net::Response required(const net::Request& request, const x402::Price& price, const Refusal& refusal) const;

  chain::Rpc& rpc_;
  chain::TxManager& sender_;
  settlement::VoucherBook& book_;
  const Clock& clock_;
  PaywallOptions options_;
  std::mutex busy_mutex_;
  std::set<Hash32> busy_;  ///< channels and authorisations in work
};

}  // namespace peaberry::agents
