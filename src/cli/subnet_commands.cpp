#include <fmt/core.h>

#include <peaberry/bindings/subnet.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/crypto/words.hpp>
#include <peaberry/market/auction.hpp>

#include "commands.hpp"

namespace peaberry::cli {
namespace {

namespace subnet = bindings::subnet;
using subnet::EpochTerms;

constexpr const char *kModelSalt = "peaberry/model-salt/1", *kWeightsSalt = "peaberry/weights-salt/1";

struct Epoch {
  Address contract;
  Hash32 id;
  EpochTerms terms;
};
Result<Epoch> find_epoch(Context& context, const std::string& text) {
  PB_TRY(contracts, context.settlement_contracts());
  if (contracts->subnet.is_zero()) return fail(Errc::kNotFound, "this chain's address file names no Subnet", "peaberry up deploys it on the embedded chain");
  PB_TRY(id, Hash32::parse(text, "epoch"));
  PB_TRY(rpc, context.rpc());
  PB_TRY(head, rpc->block_number());
  PB_TRY(logs, rpc->logs({.from_block = contracts->start_block, .to_block = head, .addresses = {contracts->subnet}, .topics0 = {subnet::EpochOpenedEvent::topic()}, .topics1 = {id}}));
  if (logs.empty()) return fail(Errc::kNotFound, "no epoch " + id.hex() + " was opened at " + crypto::checksum_address(contracts->subnet));
  PB_TRY(event, subnet::EpochOpenedEvent::decode(logs.front()));
  return Epoch{contracts->subnet, id, event.terms};
}

Output done(const std::string& what, const Epoch& epoch, const chain::Receipt& receipt, json::Object more = {}) {
  more["epochId"] = epoch.id.hex(), more["tx"] = receipt.transaction_hash.hex(), more["gas"] = receipt.gas_used;
  return Output{more, what + " in " + receipt.transaction_hash.hex()};
}

Result<std::vector<U256>> weights_of(const std::string& file) {
  PB_TRY(text, read_text(file));
  PB_TRY(document, json::parse(text));
  PB_TRY(object, json::as_object(document, file));
  PB_TRY(scores, json::array_at(*object, "scores"));
  std::vector<U256> out;
  for (const auto& item : *scores) {
    PB_TRY(entry, json::as_object(item, "score"));
    PB_TRY(weight, json::uint_at(*entry, "weight"));
    if (weight > 65'535) return fail(Errc::kInvalid, file + ": a weight is at most 65535");
    out.push_back(U256{weight});
  }
  return out;
}

Hash32 weights_commitment(const Hash32& epoch, const Address& validator, const std::vector<U256>& weights, const Hash32& salt) {
  using chain::abi::Value;
  static const chain::abi::Type kType = *chain::abi::Type::parse("(bytes32,address,uint16[],bytes32)");
  std::vector<Value> list;
  for (const auto& weight : weights) list.push_back(Value::of(weight));
  const auto encoded = chain::abi::encode(kType, Value::list({Value::of(epoch), Value::of(validator), Value::list(std::move(list)), Value::of(salt)}));
  PB_ASSERT(encoded);
  return crypto::keccak256(*encoded);
}

json::Array amounts(const std::vector<U256>& list) {
  json::Array out;
  for (const auto& amount : list) out.push_back(json::Value(amount.dec()));
  return out;
}

const char* phase_name(const U256& phase) {
  constexpr const char* kNames[] = {"none", "open", "claimed", "final", "failed"};
  return phase.low64() < 5 ? kNames[phase.low64()] : "unknown";
}

}  // namespace

Result<Output> subnet_open(Context& context, const SubnetOpenOptions& options) {
  PB_TRY(contracts, context.settlement_contracts());
  if (contracts->subnet.is_zero()) return fail(Errc::kNotFound, "this chain's address file names no Subnet");
  PB_TRY(token, context.token_or_ocean(options.token));
  PB_TRY(rpc, context.rpc());
  PB_TRY(journal, context.sender());
  PB_TRY(validators, parse_addresses(options.validators, "validator"));
  if (validators.empty() || validators.size() > 8) return fail(Errc::kInvalid, "validator: between 1 and 8");
  PB_TRY(reward, parse_units(options.reward, options.decimals, "reward"));
  PB_TRY(bond, parse_units(options.claim_bond, options.decimals, "claim-bond"));
  PB_TRY(holdout, Hash32::parse(options.holdout, "holdout"));
  PB_TRY(scoring, Hash32::parse(options.scoring, "scoring"));
  PB_TRY(head, rpc->latest_block());
  EpochTerms terms;
  terms.sponsor = journal->address(), terms.token = token, terms.reward = reward, terms.validators_hash = market::hosts_hash(validators), terms.holdout_root = holdout, terms.scoring_hash = scoring;
  terms.models_until = U256{head.timestamp + options.models_seconds};
  terms.reveal_until = terms.models_until + U256{options.reveal_seconds};
  terms.weights_until = terms.reveal_until + U256{options.weights_seconds};
  terms.weights_reveal_until = terms.weights_until + U256{options.weights_reveal_seconds};
  terms.claim_window = U256{options.claim_window}, terms.claim_bond = bond, terms.nonce = U256::from(crypto::sha256(context.random().uuid()));
  PB_CHECK(context.allow(terms.token, contracts->subnet, reward));
  PB_TRY(id_reply, context.call(contracts->subnet, subnet::epoch_id_of(terms)));
  PB_TRY(id, subnet::decode_epoch_id_of(id_reply));
  PB_TRY(receipt, context.send("subnet-open", contracts->subnet, subnet::open(terms)));
  return done("opened epoch " + id.hex(), {contracts->subnet, id, terms}, receipt,
              {{"modelsUntil", terms.models_until.low64()}, {"revealUntil", terms.reveal_until.low64()}, {"weightsUntil", terms.weights_until.low64()}, {"weightsRevealUntil", terms.weights_reveal_until.low64()}});
}

Result<Output> subnet_show(Context& context, const std::string& text) {
  PB_TRY(epoch, find_epoch(context, text));
  PB_TRY(phase_reply, context.call(epoch.contract, subnet::phase_of(epoch.id)));
  PB_TRY(phase, subnet::decode_phase_of(phase_reply));
  PB_TRY(trainers_reply, context.call(epoch.contract, subnet::trainers_of(epoch.id)));
  PB_TRY(trainers, subnet::decode_trainers_of(trainers_reply));
  PB_TRY(validators_reply, context.call(epoch.contract, subnet::validators_of(epoch.id)));
  PB_TRY(validators, subnet::decode_validators_of(validators_reply));
  json::Array trainer_rows, validator_rows;
  std::string words = fmt::format("epoch {} is {}: {} units to win\n", epoch.id.hex(), phase_name(phase), epoch.terms.reward.dec());
  for (const auto& trainer : trainers) {
    trainer_rows.push_back(json::Object{{"account", crypto::checksum_address(trainer.account)}, {"modelHash", trainer.model_hash.is_zero() ? "" : trainer.model_hash.hex()}});
    words += fmt::format("  trainer {} {}\n", crypto::checksum_address(trainer.account), trainer.model_hash.is_zero() ? "has not revealed its model" : trainer.model_hash.hex());
  }
  for (const auto& validator : validators) {
    validator_rows.push_back(json::Object{{"account", crypto::checksum_address(validator.account)}, {"stake", validator.stake.dec()}, {"weights", amounts(validator.weights)}});
    words += fmt::format("  validator {} with {} at stake {}\n", crypto::checksum_address(validator.account), validator.stake.dec(), validator.weights.empty() ? "has not revealed its weights" : "has weighed");
  }
  json::Object out{{"epochId", epoch.id.hex()}, {"phase", phase_name(phase)}, {"reward", epoch.terms.reward.dec()}, {"trainers", trainer_rows}, {"validators", validator_rows},
                   {"modelsUntil", epoch.terms.models_until.low64()}, {"revealUntil", epoch.terms.reveal_until.low64()}, {"weightsUntil", epoch.terms.weights_until.low64()}, {"weightsRevealUntil", epoch.terms.weights_reveal_until.low64()}};
  PB_TRY(result_reply, context.call(epoch.contract, subnet::result_of(epoch.terms)));
  PB_TRY(result, subnet::decode_result_of(result_reply));
  out["toTrainers"] = amounts(result.to_trainers), out["toValidators"] = amounts(result.to_validators);
  return Output{out, words};
}

Result<Output> subnet_model(Context& context, const std::string& text, const std::string& file, bool reveal) {
  PB_TRY(epoch, find_epoch(context, text));
  PB_TRY(key, context.key());
  PB_TRY(model, read_file(file));
  const Hash32 hash = crypto::keccak256(model), salt = own_salt(*key, kModelSalt, crypto::hash_words(epoch.id, hash));
  PB_TRY(receipt, context.send("subnet-model", epoch.contract, reveal ? subnet::reveal_model(epoch.terms, hash, salt) : subnet::commit_model(epoch.terms, crypto::hash_words(hash, key->address(), salt))));
  return done(reveal ? "opened the model" : "sealed the model", epoch, receipt, {{"modelHash", hash.hex()}});
}

Result<Output> subnet_weigh(Context& context, const std::string& text, const std::string& scores, const std::string& stake_text, const std::vector<std::string>& validator_texts, unsigned decimals, bool reveal) {
  PB_TRY(epoch, find_epoch(context, text));
  PB_TRY(key, context.key());
  PB_TRY(weights, weights_of(scores));
  const Hash32 salt = own_salt(*key, kWeightsSalt, epoch.id);
  if (reveal) {
    PB_TRY(receipt, context.send("subnet-weights", epoch.contract, subnet::reveal_weights(epoch.terms, weights, salt)));
    return done("opened the weights", epoch, receipt);
  }
  PB_TRY(validators, parse_addresses(validator_texts, "validators"));
  const auto me = std::find(validators.begin(), validators.end(), key->address());
  if (me == validators.end()) return fail(Errc::kForbidden, "validators: " + crypto::checksum_address(key->address()) + " is none of them");
  if (market::hosts_hash(validators) != epoch.terms.validators_hash) return fail(Errc::kForbidden, "validators: these are not the epoch's", "give the list in the epoch's own order");
  PB_TRY(stake, parse_units(stake_text, decimals, "stake"));
  PB_CHECK(context.allow(epoch.terms.token, epoch.contract, stake));
  PB_TRY(receipt, context.send("subnet-weights", epoch.contract, subnet::commit_weights(epoch.terms, weights_commitment(epoch.id, key->address(), weights, salt), validators, U256{static_cast<std::uint64_t>(me - validators.begin())}, stake)));
  return done("sealed the weights", epoch, receipt);
}

Result<Output> subnet_step(Context& context, const std::string& text, SubnetStep step) {
  PB_TRY(epoch, find_epoch(context, text));
  PB_TRY(reply, context.call(epoch.contract, subnet::result_of(epoch.terms)));
  PB_TRY(result, subnet::decode_result_of(reply));
  const json::Object told{{"toTrainers", amounts(result.to_trainers)}, {"toValidators", amounts(result.to_validators)}};
  switch (step) {
    case SubnetStep::kClaim: {
      PB_CHECK(context.allow(epoch.terms.token, epoch.contract, epoch.terms.claim_bond));
      PB_TRY(receipt, context.send("subnet-claim", epoch.contract, subnet::claim_result(epoch.terms, result.to_validators, result.to_trainers)));
      return done("claimed the epoch's result", epoch, receipt, told);
    }
    case SubnetStep::kChallenge: {
      PB_TRY(receipt, context.send("subnet-challenge", epoch.contract, subnet::challenge(epoch.terms)));
      return done("refuted the claim", epoch, receipt);
    }
    case SubnetStep::kFinalise: {
      PB_TRY(receipt, context.send("subnet-finalise", epoch.contract, subnet::finalise(epoch.terms, result.to_validators, result.to_trainers)));
      return done("paid the epoch", epoch, receipt, told);
    }
    case SubnetStep::kFail: break;
  }
  PB_TRY(receipt, context.send("subnet-fail", epoch.contract, subnet::fail(epoch.terms)));
  return done("ended the epoch in which nobody weighed", epoch, receipt);
}

Result<Output> subnet_withdraw(Context& context, const std::string& token_text) {
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(journal, context.sender());
  PB_TRY(token, context.token_or_ocean(token_text));
  PB_TRY(reply, context.call(contracts->subnet, subnet::balance_of(token, journal->address())));
  PB_TRY(owed, subnet::decode_balance_of(reply));
  if (owed.is_zero()) return Output{json::Object{{"amount", "0"}}, "nothing is owed"};
  PB_TRY(receipt, context.send("subnet-withdraw", contracts->subnet, subnet::withdraw(token, Address{})));
  return Output{json::Object{{"amount", owed.dec()}, {"tx", receipt.transaction_hash.hex()}, {"gas", receipt.gas_used}}, "withdrew " + owed.dec()};
}

}  // namespace peaberry::cli
