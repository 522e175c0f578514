#include "feed.hpp"

#include <algorithm>
#include <peaberry/crypto/words.hpp>
#include <set>

namespace peaberry::oracle {

namespace contract = bindings::price_feed;

namespace {

constexpr std::size_t kReportersMax = 31;

}  // namespace

json::Object Observation::to_json() const {
  return {{"reporter", reporter}, {"round", round}, {"timestamp", timestamp}, {"answer", answer.dec()}, {"signature", hex0x(signature.rsv())}};
}

Result<Observation> Observation::from_json(const json::Object& object) {
  Observation out;
  PB_TRY(reporter, json::uint_at(object, "reporter"));
  PB_TRY(round, json::uint_at(object, "round"));
  PB_TRY(timestamp, json::uint_at(object, "timestamp"));
  PB_TRY(answer, json::u256_at(object, "answer"));
  PB_TRY(text, json::string_at(object, "signature"));
  PB_TRY(bytes, parse_hex(text, "signature"));
  PB_TRY(signature, crypto::Signature::from_rsv(bytes));
  if (reporter >= kReportersMax) return fail(Errc::kInvalid, "reporter: a feed has at most 31");
  if (timestamp >> 40 != 0) return fail(Errc::kInvalid, "timestamp does not fit into 40 bits");
  out.reporter = static_cast<std::uint8_t>(reporter), out.round = round, out.timestamp = timestamp, out.answer = answer, out.signature = signature;
  return out;
}

Result<Bytes> Feed::ask(const Bytes& data) { return rpc_->eth_call({.to = address_, .data = data}); }

Result<Feed> Feed::open(chain::Rpc& rpc, std::uint64_t chain_id, const Address& address) {
  PB_TRY(code, rpc.code(address));
  if (code.empty()) return fail(Errc::kNotFound, "feed: no contract is at " + crypto::checksum_address(address));
  Feed out(rpc, chain_id, address);
  PB_TRY(description, out.ask(contract::description()));
  PB_TRY(text, contract::decode_description(description));
  PB_TRY(decimals, out.ask(contract::decimals()));
  PB_TRY(places, contract::decode_decimals(decimals));
  PB_TRY(heartbeat, out.ask(contract::heartbeat()));
  PB_TRY(beat, contract::decode_heartbeat(heartbeat));
  PB_TRY(threshold, out.ask(contract::threshold()));
  PB_TRY(needed, contract::decode_threshold(threshold));
  PB_TRY(lowest, out.ask(contract::min_answer()));
  PB_TRY(low, contract::decode_min_answer(lowest));
  PB_TRY(highest, out.ask(contract::max_answer()));
  PB_TRY(high, contract::decode_max_answer(highest));
  out.description_ = text, out.decimals_ = static_cast<unsigned>(places.low64()), out.heartbeat_ = beat.low64(), out.threshold_ = static_cast<std::size_t>(needed.low64()), out.lowest_ = low, out.highest_ = high;
  for (std::uint64_t i = 0; i < kReportersMax; ++i) {
    const auto reply = out.ask(contract::reporters(U256{i}));
    if (!reply && reply.error().code == Errc::kConflict) break;  // beyond the end of the list
    if (!reply) return reply.error();
    PB_TRY(reporter, contract::decode_reporters(*reply));
    out.reporters_.push_back(reporter);
  }
  return out;
}

Result<Feed::Latest> Feed::latest(std::uint64_t now) {
  PB_TRY(round_reply, ask(contract::latest_round()));
  PB_TRY(round, contract::decode_latest_round(round_reply));
  if (round.is_zero()) return Latest{};
  PB_TRY(reply, ask(contract::get_round_data(round)));
  PB_TRY(data, contract::decode_get_round_data(reply));
  PB_TRY(head, rpc_->latest_block());
  Latest out{round.low64(), data.answer, data.updated_at.low64(), false};
  out.fresh = std::max(head.timestamp, now) <= out.updated_at + heartbeat_;
  return out;
}

Result<U256> Feed::fresh_answer(std::uint64_t now) {
  PB_TRY(last, latest(now));
  if (last.round == 0) return fail(Errc::kConflict, description_ + " has no price yet");
  if (!last.fresh) return fail(Errc::kConflict, description_ + " is stale: its last price is of " + iso_time(last.updated_at) + ", and it promises one every " + std::to_string(heartbeat_) + " s");
  return last.answer;
}

Hash32 Feed::digest(std::uint64_t round, std::uint64_t timestamp, const U256& answer) const {
  static const Hash32 kType = crypto::keccak256("Observation(uint64 round,uint40 timestamp,int192 answer)");
  return crypto::typed_digest({"Peaberry Feed", "1", chain_id_, address_}, crypto::hash_words(kType, U256{round}, U256{timestamp}, answer));
}

Result<Observation> Feed::observe(const crypto::PrivateKey& key, const U256& answer, std::uint64_t timestamp) {
  const auto place = std::find(reporters_.begin(), reporters_.end(), key.address());
  if (place == reporters_.end()) return fail(Errc::kForbidden, crypto::checksum_address(key.address()) + " is no reporter of " + description_);
  if (answer < lowest_ || answer > highest_) return fail(Errc::kInvalid, "answer: " + description_ + " takes " + lowest_.dec() + " to " + highest_.dec());
  PB_TRY(last, latest(0));
  Observation out;
  out.reporter = static_cast<std::uint8_t>(place - reporters_.begin()), out.round = last.round + 1, out.timestamp = timestamp, out.answer = answer;
  out.signature = key.sign(digest(out.round, timestamp, answer));
  return out;
}

std::string Feed::fault(const Observation& observation, std::uint64_t round, std::uint64_t now) const {
  if (observation.reporter >= reporters_.size()) return "there is no such reporter";
  if (observation.round != round) return "it is for round " + std::to_string(observation.round) + ", the next is " + std::to_string(round);
  if (observation.timestamp > now) return "it is of the future";
  if (observation.timestamp + heartbeat_ < now) return "it is older than the heartbeat";
  if (observation.answer.bit_length() > 191) return "its answer does not fit";
  const auto signer = crypto::recover(digest(round, observation.timestamp, observation.answer), observation.signature);
  return signer && *signer == reporters_[observation.reporter] ? "" : "its signature is not the reporter's";
}

Result<chain::Receipt> Feed::report(chain::TxManager& sender, std::vector<Observation> observations) {
  PB_TRY(last, latest(0));
  PB_TRY(head, rpc_->latest_block());
  const std::uint64_t round = last.round + 1;
  std::string faults;
  std::set<std::uint8_t> seen;
  std::erase_if(observations, [&](const Observation& one) {
    std::string why = fault(one, round, head.timestamp);
    if (why.empty() && !seen.insert(one.reporter).second) why = "its reporter has one in already";
    if (!why.empty()) faults += "; reporter " + std::to_string(one.reporter) + ": " + why;
    return !why.empty();
  });
  if (observations.size() < threshold_) return fail(Errc::kInvalid, std::to_string(observations.size()) + " observations hold, " + std::to_string(threshold_) + " are needed" + faults);
  std::sort(observations.begin(), observations.end(), [](const Observation& a, const Observation& b) { return a.answer < b.answer; });
  std::vector<contract::Observation> list;
  for (const Observation& one : observations) {
    Hash32 vs = one.signature.s;
    if (one.signature.y_parity != 0) vs.data[0] |= 0x80;  // EIP-2098
    list.push_back({U256{one.reporter}, U256{one.timestamp}, one.answer, one.signature.r, vs});
  }
  return sender.execute({.key = "feed:" + address_.hex() + ":" + std::to_string(round), .to = address_, .data = contract::report(U256{round}, list)});
}

}  // namespace peaberry::oracle
