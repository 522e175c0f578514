#include <fmt/core.h>

#include <peaberry/agents/payer.hpp>
#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/bindings/grants_governor.hpp>
#include <peaberry/bindings/job_escrow.hpp>
#include <peaberry/bindings/revenue_router.hpp>
#include <peaberry/chain/ocean.hpp>
#include <peaberry/crypto/hash.hpp>

#include "commands.hpp"

namespace peaberry::cli {
namespace {

namespace governor_contract = bindings::grants_governor;
namespace router_contract = bindings::revenue_router;
using chain::abi::Type;
using chain::abi::Value;

json::Object done(const chain::Receipt& receipt, json::Object more = {}) {
  more["tx"] = receipt.transaction_hash.hex(), more["gas"] = receipt.gas_used;
  return more;
}

/// An entry of the chain's address file that no room here reads.
Result<Address> named_contract(Context& context, const char* name) {
  PB_TRY(text, read_text(context.options().address_file));
  PB_TRY(document, json::parse(text));
  PB_TRY(networks, json::as_object(document, "address file"));
  for (const auto& network : *networks)
    if (network.value().is_object() && json::uint_or(network.value().get_object(), "chainId", 0) == context.options().chain_id) return json::address_at(network.value().get_object(), name);
  return fail(Errc::kNotFound, "the address file has no entry for chain " + std::to_string(context.options().chain_id));
}

Result<governor_contract::ProposalCreatedEvent> find_proposal(Context& context, const Address& governor, const std::string& text) {
  PB_TRY(id, U256::parse(text, "proposal"));
  PB_TRY(rpc, context.rpc());
  PB_TRY(head, rpc->block_number());
  PB_TRY(logs, rpc->logs({.from_block = 0, .to_block = head, .addresses = {governor}, .topics0 = {governor_contract::ProposalCreatedEvent::topic()}}));
  for (const auto& log : logs) {
    PB_TRY(event, governor_contract::ProposalCreatedEvent::decode(log));
    if (event.proposal_id == id) return event;
  }
  return fail(Errc::kNotFound, "governor " + crypto::checksum_address(governor) + " has no proposal " + text);
}

const char* proposal_state(const U256& state) {
  constexpr const char* kNames[] = {"pending", "active", "canceled", "defeated", "succeeded", "queued", "expired", "executed"};
  return state.low64() < 8 ? kNames[state.low64()] : "unknown";
}

}  // namespace

Result<Output> pay(Context& context, const std::string& to_text, const std::string& amount_text, const std::string& token_text, unsigned decimals) {
  PB_TRY(to, crypto::parse_address(to_text, "to"));
  PB_TRY(token, context.token_or_ocean(token_text));
  PB_TRY(amount, parse_units(amount_text, decimals, "amount"));
  PB_TRY(receipt, context.send("pay", token, bindings::erc20_template::transfer(to, amount)));
  return Output{done(receipt, {{"amount", amount.dec()}}), "sent " + amount_text + " to " + to_text};
}

Result<Output> ve_lock(Context& context, const std::string& amount_text, std::uint64_t weeks) {
  constexpr std::uint64_t kWeek = 7 * 86'400;
  if (weeks == 0 || weeks > 208) return fail(Errc::kInvalid, "weeks: between 1 and 208");
  PB_TRY(ocean, context.addresses());
  PB_TRY(ve, named_contract(context, "veOCEAN"));
  PB_TRY(rpc, context.rpc());
  PB_TRY(amount, parse_units(amount_text, 18, "amount"));
  PB_TRY(head, rpc->latest_block());
  PB_CHECK(context.allow(ocean->ocean, ve, amount));
  static const Type kType = *Type::parse("(uint256,uint256)");
  const U256 until{(head.timestamp / kWeek + weeks) * kWeek};
  PB_TRY(receipt, context.send("ve-lock", ve, chain::abi::encode_call(chain::abi::selector("create_lock(uint256,uint256)"), kType, Value::list({Value::of(amount), Value::of(until)}))));
  return Output{done(receipt, {{"amount", amount.dec()}, {"until", until.low64()}}), fmt::format("locked {} OCEAN until {}", amount_text, iso_time(until.low64()))};
}

Result<Output> grants_deploy(Context& context, const GrantsDeployOptions& options) {
  PB_TRY(ve, named_contract(context, "veOCEAN"));
  PB_TRY(threshold, parse_units(options.threshold, 18, "threshold"));
  PB_TRY(votes, context.deploy("VeVotes", "(address)", {Value::of(ve)}));
  PB_TRY(governor, context.deploy("GrantsGovernor", "(address,uint48,uint32,uint256,uint256)", {Value::of(votes.first), Value::of(options.delay), Value::of(options.period), Value::of(threshold), Value::of(options.quorum_percent)}));
  const std::string votes_text = crypto::checksum_address(votes.first), governor_text = crypto::checksum_address(governor.first);
  return Output{json::Object{{"votes", votes_text}, {"governor", governor_text}, {"steps", json::Array{done(votes.second, {{"name", "deploy VeVotes"}}), done(governor.second, {{"name", "deploy GrantsGovernor"}})}}}, "governor " + governor_text + ", voting with veOCEAN through " + votes_text};
}

Result<Output> grants_propose(Context& context, const GrantsProposeOptions& options) {
  PB_TRY(governor, crypto::parse_address(options.governor, "governor"));
  PB_TRY(to, crypto::parse_address(options.to, "to"));
  PB_TRY(token, context.token_or_ocean(options.token));
  PB_TRY(amount, parse_units(options.amount, options.decimals, "amount"));
  PB_TRY(receipt, context.send("propose", governor, governor_contract::propose({token}, {U256{}}, {bindings::erc20_template::transfer(to, amount)}, options.why)));
  for (const auto& log : receipt.logs)
    if (log.address == governor && log.topics[0] == governor_contract::ProposalCreatedEvent::topic()) {
      PB_TRY(event, governor_contract::ProposalCreatedEvent::decode(log));
      return Output{done(receipt, {{"proposal", event.proposal_id.dec()}, {"voteStart", event.vote_start.low64()}, {"voteEnd", event.vote_end.low64()}}),
                    fmt::format("proposal {}\n  votes from block {} to {}", event.proposal_id.dec(), event.vote_start.low64() + 1, event.vote_end.low64())};
    }
  return fail(Errc::kInternal, "the governor made no proposal");
}

Result<Output> grants_show(Context& context, const std::string& governor_text, const std::string& proposal) {
  PB_TRY(governor, crypto::parse_address(governor_text, "governor"));
  PB_TRY(event, find_proposal(context, governor, proposal));
  PB_TRY(state_reply, context.call(governor, governor_contract::state(event.proposal_id)));
  PB_TRY(state, governor_contract::decode_state(state_reply));
  PB_TRY(votes_reply, context.call(governor, governor_contract::proposal_votes(event.proposal_id)));
  PB_TRY(votes, governor_contract::decode_proposal_votes(votes_reply));
  return Output{json::Object{{"proposal", event.proposal_id.dec()}, {"state", proposal_state(state)}, {"description", event.description}, {"for", votes.for_votes.dec()}, {"against", votes.against_votes.dec()}, {"voteStart", event.vote_start.low64()}, {"voteEnd", event.vote_end.low64()}},
                fmt::format("{} is {}: {} veOCEAN for, {} against\n{}", event.proposal_id.dec(), proposal_state(state), format_units(votes.for_votes, 18), format_units(votes.against_votes, 18), event.description)};
}

Result<Output> grants_vote(Context& context, const std::string& governor_text, const std::string& proposal, bool against) {
  PB_TRY(governor, crypto::parse_address(governor_text, "governor"));
  PB_TRY(id, U256::parse(proposal, "proposal"));
  PB_TRY(receipt, context.send("vote", governor, governor_contract::cast_vote(id, U256{against ? 0U : 1U})));
  return Output{done(receipt), against ? "voted against" : "voted for it"};
}

Result<Output> grants_execute(Context& context, const std::string& governor_text, const std::string& proposal) {
  PB_TRY(governor, crypto::parse_address(governor_text, "governor"));
  PB_TRY(event, find_proposal(context, governor, proposal));
  PB_TRY(receipt, context.send("execute", governor, governor_contract::execute(event.targets, event.values, event.calldatas, crypto::keccak256(event.description))));
  return Output{done(receipt), "executed: " + event.description};
}

Result<Output> revenue_deploy(Context& context, const std::vector<std::string>& party_texts, const std::string& grants_text) {
  PB_TRY(grants, crypto::parse_address(grants_text, "grants"));
  std::vector<Value> parties;
  for (const auto& text : party_texts) {
    const auto colon = text.rfind(':');
    PB_TRY(account, crypto::parse_address(text.substr(0, colon), "party"));
    PB_TRY(bps, U256::parse(colon == std::string::npos ? "" : text.substr(colon + 1), "party"));
    parties.push_back(Value::list({Value::of(account), Value::of(bps)}));
  }
  PB_TRY(made, context.deploy("RevenueRouter", "((address,uint16)[],address)", {Value::list(std::move(parties)), Value::of(grants)}));
  const std::string address = crypto::checksum_address(made.first);
  return Output{done(made.second, {{"router", address}}), "router " + address};
}

Result<Output> revenue_show(Context& context, const std::string& router_text, const std::string& token_text) {
  PB_TRY(router, crypto::parse_address(router_text, "router"));
  PB_TRY(token, context.token_or_ocean(token_text));
  PB_TRY(reply, context.call(router, router_contract::parties()));
  PB_TRY(parties, router_contract::decode_parties(reply));
  PB_TRY(grants_reply, context.call(router, router_contract::grants()));
  PB_TRY(grants, router_contract::decode_grants(grants_reply));
  PB_TRY(community_reply, context.call(router, router_contract::community_bps()));
  PB_TRY(community, router_contract::decode_community_bps(community_reply));
  json::Array rows;
  std::string text = fmt::format("community {} bps, half of it burned, half granted by {}", community.dec(), crypto::checksum_address(grants));
  for (const auto& party : parties) {
    PB_TRY(owed_reply, context.call(router, router_contract::balances(token, party.account)));
    PB_TRY(owed, router_contract::decode_balances(owed_reply));
    rows.push_back(json::Object{{"account", crypto::checksum_address(party.account)}, {"bps", party.bps.low64()}, {"owed", owed.dec()}});
    text += fmt::format("\n{} {} bps, {} owed", crypto::checksum_address(party.account), party.bps.dec(), owed.dec());
  }
  return Output{json::Object{{"router", router_text}, {"communityBps", community.low64()}, {"grants", crypto::checksum_address(grants)}, {"parties", rows}}, text};
}

Result<Output> revenue_distribute(Context& context, const std::string& router_text, const std::string& token_text) {
  PB_TRY(router, crypto::parse_address(router_text, "router"));
  PB_TRY(token, context.token_or_ocean(token_text));
  // What JobEscrow holds for the router comes first.
  if (const auto contracts = context.settlement_contracts()) {
    PB_TRY(reply, context.call((*contracts)->escrow, bindings::job_escrow::balance_of(token, router)));
    PB_TRY(waiting, bindings::job_escrow::decode_balance_of(reply));
    if (!waiting.is_zero()) PB_CHECK(context.send("collect", router, router_contract::collect((*contracts)->escrow, token)));
  }
  PB_TRY(receipt, context.send("distribute", router, router_contract::distribute(token)));
  for (const auto& log : receipt.logs)
    if (log.address == router && log.topics[0] == router_contract::DistributedEvent::topic()) {
      PB_TRY(event, router_contract::DistributedEvent::decode(log));
      return Output{done(receipt, {{"amount", event.amount.dec()}, {"burned", event.burned.dec()}, {"granted", event.granted.dec()}}), fmt::format("shared out {}: {} to burn, {} to grant", event.amount.dec(), event.burned.dec(), event.granted.dec())};
    }
  return fail(Errc::kInternal, "the router shared nothing out");
}

Result<Output> revenue_withdraw(Context& context, const std::string& router_text, const std::string& token_text, const std::string& account_text) {
  PB_TRY(router, crypto::parse_address(router_text, "router"));
  PB_TRY(token, context.token_or_ocean(token_text));
  PB_TRY(journal, context.sender());
  Address account = journal->address();
  if (!account_text.empty()) {
    PB_TRY(named, crypto::parse_address(account_text, "account"));
    account = named;
  }
  PB_TRY(reply, context.call(router, router_contract::balances(token, account)));
  PB_TRY(owed, router_contract::decode_balances(reply));
  if (owed.is_zero()) return Output{json::Object{{"amount", "0"}}, "nothing is owed"};
  PB_TRY(receipt, context.send("revenue", router, router_contract::withdraw(token, account)));
  return Output{done(receipt, {{"amount", owed.dec()}}), "sent " + owed.dec() + " to " + crypto::checksum_address(account)};
}

Result<Output> robot(Context& context, const RobotOptions& options) {
  if (options.calls == 0) return fail(Errc::kInvalid, "calls: at least one");
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(key, context.key());
  agents::PayerOptions purse{.chain_id = context.options().chain_id, .channels = contracts->channels, .collector = contracts->deposit_collector, .token = contracts->test_usd, .price_max = {}, .deposit_calls = options.deposit_calls, .state = context.home() / "purse.json"};
  for (const auto& [text, slot, field] : {std::tuple<const std::string&, Address*, const char*>{options.token, &purse.token, "token"}, {options.channels, &purse.channels, "channels"}, {options.collector, &purse.collector, "collector"}}) {
    if (text.empty()) continue;
    PB_TRY(address, crypto::parse_address(text, field));
    *slot = address;
  }
  if (purse.token.is_zero()) return fail(Errc::kInvalid, "no token is named", "give --token ADDRESS");
  PB_TRY(price_max, parse_units(options.price_max, 6, "price-max"));
  purse.price_max = price_max;
  agents::Payer payer(context.http(), context.random(), context.clock(), *key, purse);
  U256 paid, total, deposited;
  std::uint64_t answers = 0, failed = 0;
  json::Array transactions;
  std::string last;
  Hash32 channel;
  for (std::uint64_t call = 0; call < options.calls; ++call) {
    auto bought = payer.buy(options.url, !options.exact);
    if (!bought) return within("call " + std::to_string(call + 1) + " of " + std::to_string(options.calls), bought.error());
    if (bought->response.status >= 400) ++failed;
    else ++answers;
    paid += bought->paid, deposited += bought->deposited, total = std::max(total, bought->total), channel = bought->channel, last = bought->response.body.substr(0, 4'000);
    if (!bought->transaction.empty()) transactions.push_back(json::Value(bought->transaction));
  }
  return Output{json::Object{{"answers", answers}, {"failed", failed}, {"paid", paid.dec()}, {"promised", total.dec()}, {"deposited", deposited.dec()}, {"channel", channel.is_zero() ? "" : channel.hex()}, {"transactions", transactions}, {"last", last}},
                fmt::format("{} answers for {} TestUSD, {} transactions\n{}", answers, format_units(paid, 6), transactions.size(), last)};
}

}  // namespace peaberry::cli
