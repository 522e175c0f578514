#include <fmt/core.h>

#include <peaberry/oracle/feed.hpp>

#include "commands.hpp"

namespace peaberry::cli {
namespace {

Result<oracle::Feed> open_feed(Context& context, const std::string& text) {
  PB_TRY(address, crypto::parse_address(text, "feed"));
  PB_TRY(rpc, context.rpc());
  return oracle::Feed::open(*rpc, context.options().chain_id, address);
}

/// A number of the feed's smallest unit with its point.
std::string decimal(const U256& value, unsigned decimals) { return format_units(value, decimals); }

}  // namespace

Result<Output> feed_show(Context& context, const std::string& feed_text) {
  PB_TRY(feed, open_feed(context, feed_text));
  PB_TRY(last, feed.latest(context.clock().unix_seconds()));
  json::Array reporters;
  for (const Address& reporter : feed.reporters()) reporters.push_back(json::Value(crypto::checksum_address(reporter)));
  json::Object out{{"description", feed.description()}, {"decimals", feed.decimals()}, {"heartbeat", feed.heartbeat()}, {"threshold", feed.threshold()}, {"reporters", reporters}, {"round", last.round}};
  std::string text = fmt::format("{}: {} of {} reporters, a price every {} s", feed.description(), feed.threshold(), feed.reporters().size(), feed.heartbeat());
  if (last.round != 0) {
    out["answer"] = last.answer.dec(), out["updatedAt"] = last.updated_at, out["fresh"] = last.fresh;
    text += fmt::format("\nround {}: {} of {}{}", last.round, decimal(last.answer, feed.decimals()), iso_time(last.updated_at), last.fresh ? "" : " – STALE: do not act on it");
  } else {
    text += "\nno price yet";
  }
  return Output{out, text};
}

Result<Output> feed_deploy(Context& context, const FeedDeployOptions& options) {
  using chain::abi::Value;
  std::vector<Value> reporters;
  for (const auto& text : options.reporters) {
    PB_TRY(reporter, crypto::parse_address(text, "reporter"));
    reporters.push_back(Value::of(reporter));
  }
  PB_TRY(min, parse_units(options.min, options.decimals, "min"));
  PB_TRY(max, parse_units(options.max, options.decimals, "max"));
  PB_TRY(made, context.deploy("PriceFeed", "(string,uint8,int192,int192,uint32,address[])",
                              {Value::of(options.description.c_str()), Value::of(std::uint64_t{options.decimals}), Value::of(min), Value::of(max), Value::of(options.heartbeat), Value::list(std::move(reporters))}));
  const std::string address = crypto::checksum_address(made.first);
  return Output{json::Object{{"feed", address}, {"tx", made.second.transaction_hash.hex()}, {"gas", made.second.gas_used}}, "feed " + address};
}

Result<Output> feed_observe(Context& context, const std::string& feed_text, const std::string& price) {
  PB_TRY(feed, open_feed(context, feed_text));
  PB_TRY(key, context.key());
  PB_TRY(rpc, context.rpc());
  PB_TRY(answer, parse_units(price, feed.decimals(), "price"));
  PB_TRY(head, rpc->latest_block());
  PB_TRY(observation, feed.observe(*key, answer, head.timestamp));
  return Output{observation.to_json(), json::stringify(observation.to_json())};
}

Result<Output> feed_report(Context& context, const std::string& feed_text, const std::vector<std::string>& observations) {
  PB_TRY(feed, open_feed(context, feed_text));
  PB_TRY(sender, context.sender());
  std::vector<oracle::Observation> list;
  for (const std::string& text : observations) {
    PB_TRY(document, json::parse(text));
    PB_TRY(object, json::as_object(document, "observation"));
    PB_TRY(observation, oracle::Observation::from_json(*object));
    list.push_back(observation);
  }
  PB_TRY(receipt, feed.report(*sender, std::move(list)));
  PB_TRY(last, feed.latest(context.clock().unix_seconds()));
  return Output{json::Object{{"round", last.round}, {"answer", last.answer.dec()}, {"tx", receipt.transaction_hash.hex()}, {"gas", receipt.gas_used}},
                fmt::format("round {}: {}", last.round, decimal(last.answer, feed.decimals()))};
}

}  // namespace peaberry::cli
