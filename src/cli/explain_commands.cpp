#include <fmt/core.h>

#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/bindings/job_escrow.hpp>
#include <peaberry/bindings/quality_registry.hpp>
#include <peaberry/bindings/table_registry.hpp>
#include <peaberry/market/ddo.hpp>

#include "commands.hpp"

namespace peaberry::cli {
namespace {

namespace escrow = bindings::job_escrow;
namespace quality = bindings::quality_registry;

struct Said {
  std::string kind, text;
};

std::string who(const Address& address) { return crypto::checksum_address(address); }

/// An amount in its token's own words.
std::string money(Context& context, const U256& amount, const Address& token) {
  const auto decimals_reply = context.call(token, bindings::erc20_template::decimals());
  const auto symbol_reply = context.call(token, bindings::erc20_template::symbol());
  const auto decimals = decimals_reply ? bindings::erc20_template::decode_decimals(*decimals_reply) : Result<U256>(decimals_reply.error());
  const auto symbol = symbol_reply ? bindings::erc20_template::decode_symbol(*symbol_reply) : Result<std::string>(symbol_reply.error());
  if (!decimals || !symbol) return amount.dec() + " units of " + who(token);
  return format_units(amount, static_cast<unsigned>(std::min<std::uint64_t>(decimals->low64(), 36))) + " " + symbol->substr(0, 20);
}

Result<Said> explain_job(Context& context, const Hash32& id) {
  PB_TRY(jobs, context.job_escrow());
  PB_TRY(job, jobs->find(id));
  PB_TRY(state, jobs->state(id));
  PB_TRY(claims, jobs->claims(job));
  PB_TRY(policy, settlement::Policy::decode(job.policy));
  const auto words = settlement::describe(policy, jobs->contracts());
  std::string rule;
  for (const auto& line : words.rules) rule += (rule.empty() ? "" : " ") + line;
  std::string text = fmt::format("A job of kind {}: {} put {} into JobEscrow for an answer, until {}. {} It is {}.", settlement::claim_kind_name(job.job.claim_kind.low64()), who(job.job.requester), money(context, job.funded, job.terms.token), iso_time(job.terms.deadline.low64()), rule,
                                 settlement::job_state_name(state.state));
  for (const auto& claim : claims) text += fmt::format(" {} claims {} for output {}; that claim is {}.", who(claim.executor), money(context, claim.amount, job.terms.token), claim.output_hash.hex(), settlement::claim_status_name(claim.status));
  if (claims.empty() && state.state == settlement::JobState::kOpen) text += " Nobody has answered yet.";
  return Said{"job", text};
}

Result<Said> explain_claim(Context& context, const Hash32& id) {
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(rpc, context.rpc());
  PB_TRY(head, rpc->block_number());
  PB_TRY(logs, rpc->logs({.from_block = contracts->start_block, .to_block = head, .addresses = {contracts->escrow}, .topics0 = {escrow::JobClaimedEvent::topic()}}));
  for (const auto& log : logs) {
    if (log.topics[2] != id) continue;
    PB_TRY(event, escrow::JobClaimedEvent::decode(log));
    PB_TRY(job, explain_job(context, event.job_id));
    return Said{"claim", fmt::format("A claim of {} in transaction {}: output {} answers job {}. About that job: {}", who(event.executor), log.transaction_hash.hex(), event.output_hash.hex(), event.job_id.hex(), job.text)};
  }
  if (!contracts->quality.is_zero()) {
    PB_TRY(claimed, rpc->logs({.from_block = contracts->start_block, .to_block = head, .addresses = {contracts->quality}, .topics0 = {quality::MetricsClaimedEvent::topic()}, .topics1 = {id}}));
    if (!claimed.empty()) {
      PB_TRY(event, quality::MetricsClaimedEvent::decode(claimed.front()));
      PB_TRY(reply, context.call(contracts->quality, quality::claims(id)));
      PB_TRY(made, quality::decode_claims(reply));
      constexpr const char* kStates[] = {"unknown", "standing", "refuted: somebody showed two receipts that contradict each other", "released: its bond went back"};
      return Said{"claim", fmt::format("A quality claim: {} says of epoch {} of table {} what its metrics job gave, under a bond of {}. Nobody else sees the rows, so it is claimed, not proven. It is {}.", who(made.owner), event.epoch.dec(), who(event.nft), money(context, made.bond, made.token), kStates[made.status.low64() & 3])};
    }
  }
  return fail(Errc::kNotFound, "no claim " + id.hex());
}

Result<Said> explain_transaction(Context& context, const Hash32& hash) {
  PB_TRY(rpc, context.rpc());
  PB_TRY(receipt, rpc->receipt(hash));
  if (!receipt) return fail(Errc::kNotFound, "no transaction " + hash.hex());
  PB_TRY(contracts, context.settlement_contracts());
  std::string text = fmt::format("A transaction of {} in block {}: it {} and used {} gas, {} coins.", who(receipt->from), receipt->block_number, receipt->success ? "succeeded" : "failed, and changed nothing", receipt->gas_used, format_units(U256{receipt->gas_used} * receipt->effective_gas_price, 18));
  if (receipt->contract_address) text += " It deployed " + who(*receipt->contract_address) + ".";
  std::size_t others = 0;
  for (const auto& log : receipt->logs) {
    if (log.topics[0] == bindings::erc20_template::TransferEvent::topic() && log.topic_count == 3) {
      if (const auto event = bindings::erc20_template::TransferEvent::decode(log)) text += fmt::format(" {} went from {} to {}.", money(context, event->value, log.address), event->from.is_zero() ? "nowhere (minted)" : who(event->from), event->to.is_zero() ? "nowhere (burned)" : who(event->to));
    } else if (log.address == contracts->escrow && log.topics[0] == escrow::JobOpenedEvent::topic()) {
      text += " Job " + log.topics[1].hex() + " was opened.";
    } else if (log.address == contracts->escrow && log.topics[0] == escrow::JobClaimedEvent::topic()) {
      text += " An answer to job " + log.topics[1].hex() + " was claimed.";
    } else if (log.address == contracts->escrow && log.topics[0] == escrow::JobFinalEvent::topic()) {
      text += " Job " + log.topics[1].hex() + " was paid.";
    } else if (log.address == contracts->escrow && log.topics[0] == escrow::JobRefundedEvent::topic()) {
      text += " The money of job " + log.topics[1].hex() + " went back.";
    } else {
      ++others;
    }
  }
  if (others != 0) text += fmt::format(" {} more events are on its record.", others);
  return Said{"transaction", text};
}

Result<Said> explain_asset(Context& context, const std::string& did) {
  PB_TRY(url, context.node_url());
  const auto nobody = crypto::PrivateKey::generate(context.random());
  PB_TRY(ddo, NodeClient(context.http(), url, nobody).ddo(did));
  const auto* metadata = json::find_object(ddo, "metadata");
  const auto* indexed = json::find_object(ddo, "indexedMetadata");
  const auto* nft = indexed == nullptr ? nullptr : json::find_object(*indexed, "nft");
  if (metadata == nullptr || nft == nullptr) return fail(Errc::kNotFound, did + " is no longer listed");
  std::string text = fmt::format("“{}” is a{} of {}: {}.", json::string_or(*metadata, "name"), json::string_or(*metadata, "type") == "algorithm" ? "n algorithm" : " data set", json::string_or(*nft, "owner"), json::string_or(*metadata, "description"));
  PB_TRY(services, market::services_of(ddo));
  if (!services.empty()) text += services.front().type == "compute" ? " Its use is sold, not the file: algorithms come to it, and only what its policy allows leaves." : " Whoever orders it may download it.";
  if (const auto* stats = json::find_array(*indexed, "stats"); stats != nullptr && !stats->empty()) {
    const auto& stat = (*stats)[0].as_object();
    const auto* prices = json::find_array(stat, "prices");
    const std::string price = prices == nullptr || prices->empty() ? "is not for sale now" : json::string_or((*prices)[0].as_object(), "type") == "dispenser" ? "is free" : "costs " + json::string_or((*prices)[0].as_object(), "price") + " tokens a use";
    text += fmt::format(" It {}, and was ordered {} times.", price, json::uint_or(stat, "orders", 0));
  }
  if (const auto* claim = json::find_object(*indexed, "quality")) text += fmt::format(" Its owner's claim of the table's quality is {}.", json::string_or(*claim, "status"));
  return Said{"asset", text};
}

}  // namespace

Result<Output> explain(Context& context, const std::string& what) {
  const auto tell = [](const Said& said) { return Output{json::Object{{"kind", said.kind}, {"text", said.text}}, said.text}; };
  if (what.starts_with("did:")) {
    PB_TRY(said, explain_asset(context, what));
    return tell(said);
  }
  const auto hash = Hash32::parse(what, "id");
  if (!hash) return fail(Errc::kInvalid, "\"" + what.substr(0, 80) + "\" is neither a DID nor 32 bytes of hex", "give a transaction, a job, a claim or an asset");
  // Each of the three is 32 bytes; nothing is two of them.
  for (const auto& explainer : {explain_job, explain_claim, explain_transaction}) {
    const auto said = explainer(context, *hash);
    if (said) return tell(*said);
    if (said.error().code != Errc::kNotFound) return said.error();
  }
  return fail(Errc::kNotFound, what + " is no job, claim or transaction of this chain", "is it another chain's? give --chain and --chain-id");
}

}  // namespace peaberry::cli
