#pragma once

// What parties do with each other: each process is a few honest state machines and, now and then, a cheat. A tick looks at the chain and sends what
// is due; what was lost or rolled back is due again.

#include "world.hpp"

namespace peaberry::sim {

namespace subnet = bindings::subnet;

struct Scene {
  World& world;
  SeededRandom& random;
  Net& net;
};

class Process {
 public:
  explicit Process(Scene& scene) : world(scene.world), random(scene.random), net(scene.net) {}
  virtual ~Process() = default;
  virtual void tick(const View& view) = 0;
  /// When every clock of it has run out.
  virtual std::uint64_t ends() const = 0;
  /// Empty, or what is wrong at the end: not decided, or an honest party lost something.
  virtual std::string verdict(const View& view) = 0;

 protected:
  /// What nobody is in a hurry about.
  bool now_and_then() { return !net.lossy || random.below(4) == 0; }
  World& world;
  SeededRandom& random;
  Net& net;
};

/// A job whose answer a quorum of three judges; one of them may lie, and so may the executor.
class Question final : public Process {
 public:
  Question(Scene& scene, std::uint64_t now) : Process(scene) {
    using namespace settlement;
    liar_ = random.below(5);  // 3, 4: nobody
    cheating_ = random.below(3) == 0;
    QuorumParams params{.k = 2, .commit_window = 40};
    for (std::size_t seat = 0; seat < 3; ++seat) params.signers.push_back(world.parties[kSigner + seat]);
    policy_ = Policy::single({world.contracts.quorum, 10, params.encode()});
    job_.job.chain_id = U256{8996}, job_.job.settlement = world.contracts.escrow, job_.job.claim_kind = U256{1}, job_.job.policy_hash = policy_.hash(), job_.job.requester = world.parties[kRequester], job_.job.nonce = U256{random.below(1ULL << 62)};
    job_.terms.token = world.ocean.ocean, job_.terms.amount = U256{1'000 + random.below(1'000'000)}, job_.terms.deadline = U256{now + 300}, job_.terms.executor = world.parties[kExecutor], job_.terms.bond = U256{500};
    job_.policy = policy_.encode(), job_.id = job_id(job_.job), job_.funded = job_.terms.amount;
  }
  static constexpr std::size_t kRequester = 1, kExecutor = 2, kSigner = 3;

  void tick(const View& view) override {
    namespace escrow = bindings::job_escrow;
    namespace quorum = bindings::quorum_verifier;
    const auto& c = world.contracts;
    const auto* opened = view.find(c.escrow, escrow::JobOpenedEvent::topic(), job_.id);
    if (opened == nullptr) return net.send(kRequester, c.escrow, escrow::open(job_.job, job_.terms, job_.policy));
    if (ended(view)) return collect();
    const std::uint64_t closes = opened_at(*opened) + 40;
    if (view.time <= closes)
      for (std::size_t seat = 0; seat < 3; ++seat)
        if (view.find(c.quorum, quorum::VoteCommittedEvent::topic(), job_.id, world.parties[kSigner + seat]) == nullptr)
          net.send(kSigner + seat, c.quorum, quorum::commit(job_.id, settlement::vote_commitment(job_.id, world.parties[kSigner + seat], said(seat), salt(seat))));
    if (view.time > closes) {
      const bool fixed = view.find(c.quorum, quorum::OutputFixedEvent::topic(), job_.id) != nullptr;
      if (!fixed) net.send(kSigner, c.quorum, quorum::reveal(settlement::as<quorum::Job>(job_.job), settlement::encode_evidence(job_.policy, 0, votes(view))));
      if (view.find(c.escrow, escrow::JobClaimedEvent::topic(), job_.id) == nullptr) {
        settlement::Answer answer;
        answer.executor = world.parties[kExecutor], answer.output_hash = cheating_ ? lie() : truth(), answer.amount = job_.funded;
        net.send(kExecutor, c.escrow, escrow::claim(job_.job, job_.terms, job_.policy, answer, {{U256{}, U256{}, fixed ? Bytes{} : votes(view)}}));
      } else {
        if (now_and_then()) net.send(9, c.escrow, escrow::finalise(job_.job, job_.terms, job_.policy, {}));  // anybody's, refused until it is due
      }
      if (now_and_then()) net.send(9, c.escrow, escrow::refund(job_.job, job_.terms, job_.policy));
    }
  }
  std::uint64_t ends() const override { return job_.terms.deadline.low64() + 100; }
  std::string verdict(const View& view) override {
    namespace escrow = bindings::job_escrow;
    const auto& c = world.contracts;
    if (view.find(c.escrow, escrow::JobOpenedEvent::topic(), job_.id) == nullptr) return "";
    const auto* final = view.find(c.escrow, escrow::JobFinalEvent::topic(), job_.id);
    const auto* refunded = view.find(c.escrow, escrow::JobRefundedEvent::topic(), job_.id);
    if ((final == nullptr) == (refunded == nullptr)) return "the job is " + std::string(final == nullptr ? "not decided" : "paid and refunded");
    if (cheating_ && final != nullptr) return "a cheating executor was paid";
    if (!cheating_ && final == nullptr && view.find(c.escrow, escrow::JobClaimedEvent::topic(), job_.id) != nullptr) return "an honest answer was not paid";
    return "";
  }

 private:
  bool ended(const View& view) const {
    namespace escrow = bindings::job_escrow;
    return view.find(world.contracts.escrow, escrow::JobFinalEvent::topic(), job_.id) != nullptr || view.find(world.contracts.escrow, escrow::JobRefundedEvent::topic(), job_.id) != nullptr;
  }
  void collect() {
    for (const std::size_t party : {kRequester, kExecutor})
      if (!must(bindings::job_escrow::decode_balance_of(must(world.rpc->eth_call({.to = world.contracts.escrow, .data = bindings::job_escrow::balance_of(world.ocean.ocean, world.parties[party])}), "credit")), "credit").is_zero())
        net.send(party, world.contracts.escrow, bindings::job_escrow::withdraw(world.ocean.ocean, Address{}));
  }
  std::uint64_t opened_at(const chain::Log& log) { return world.time_of(log); }
  static Hash32 truth() { return crypto::keccak256("the truth"); }
  static Hash32 lie() { return crypto::keccak256("a lie"); }
  Hash32 said(std::size_t seat) const { return seat == liar_ ? lie() : truth(); }
  Hash32 salt(std::size_t seat) const { return crypto::keccak256(job_.id.hex() + std::to_string(seat)); }
  Bytes votes(const View& view) {
    std::vector<settlement::Vote> out;
    for (std::size_t seat = 0; seat < 3; ++seat)
      if (const auto* log = view.find(world.contracts.quorum, bindings::quorum_verifier::VoteCommittedEvent::topic(), job_.id, world.parties[kSigner + seat]))
        out.push_back(settlement::sign_vote({8996, world.contracts.quorum}, world.keys[kSigner + seat], static_cast<std::uint8_t>(seat), job_.id, said(seat), salt(seat), opened_at(*log)));
    return settlement::encode_votes(out);
  }
  std::uint64_t liar_ = 4;
  bool cheating_ = false;
  settlement::Policy policy_;
  settlement::OpenedJob job_;
};

/// Three hosts bid for an order; one of them may never open its bid or never start.
class Tender final : public Process {
 public:
  Tender(Scene& scene, std::uint64_t now) : Process(scene) {
    lazy_ = random.below(5);  // 3, 4: nobody
    for (std::size_t host = 0; host < 3; ++host) hosts_.push_back(world.parties[kHost + host]), rates_.emplace_back(1 + random.below(1'000));
    order_.requester = world.parties[kTenant], order_.token = world.ocean.ocean, order_.max_rate = U256{1'000}, order_.duration = U256{100}, order_.bid_deposit = U256{10'000}, order_.no_show_bps = U256{2'000};
    order_.commit_until = U256{now + 40}, order_.reveal_until = U256{now + 80}, order_.start_within = U256{50}, order_.hosts_hash = market::hosts_hash(hosts_), order_.nonce = U256{random.below(1ULL << 62)};
    id_ = market::order_id({8996, 0, world.contracts.auction, world.contracts.leases}, order_);
  }
  static constexpr std::size_t kTenant = 1, kHost = 3;

  void tick(const View& view) override {
    namespace auction = bindings::reverse_auction;
    namespace leases = bindings::lease_stream;
    const auto& c = world.contracts;
    if (view.find(c.auction, auction::OrderOpenedEvent::topic(), id_) == nullptr) return net.send(kTenant, c.auction, auction::open(order_));
    const auto* started = view.find(c.auction, auction::OrderStartedEvent::topic(), id_);
    const bool failed = view.find(c.auction, auction::OrderFailedEvent::topic(), id_) != nullptr;
    for (std::size_t host = 0; host < 3 && started == nullptr && !failed; ++host) {
      const Address& me = hosts_[host];
      if (view.time <= order_.commit_until.low64()) {
        if (view.find(c.auction, auction::BidSealedEvent::topic(), id_, me) == nullptr) net.send(kHost + host, c.auction, auction::bid(order_, market::bid_commitment(id_, me, rates_[host], salt(host)), hosts_, U256{host}));
      } else if (view.time <= order_.reveal_until.low64()) {
        if (host != lazy_ && view.find(c.auction, auction::BidOpenedEvent::topic(), id_, me) == nullptr) net.send(kHost + host, c.auction, auction::reveal(order_, rates_[host], salt(host)));
      } else if (host != lazy_) {
        if (host == turn(view)) net.send(kHost + host, c.auction, auction::start(order_));
      }
    }
    if (view.time > order_.reveal_until.low64()) {
      if (started == nullptr && !failed && view.time > order_.reveal_until.low64() + 50) net.send(9, c.auction, auction::pass(order_));
      for (std::size_t host = 0; host < 3 && now_and_then(); ++host) net.send(9, c.auction, auction::release(order_, hosts_[host]));
    }
    if (started != nullptr) {
      const auto event = must(auction::OrderStartedEvent::decode(*started), "OrderStarted");
      const market::Lease lease{order_.requester, event.winner, c.auction, order_.token, event.rate, id_};
      if (now_and_then()) net.send(kTenant, c.leases, leases::close(lease, U256{1}));
      if (now_and_then()) net.send(9, c.leases, leases::settle(lease));
      if (now_and_then()) net.send(9, c.leases, leases::refund(lease));
    }
    if ((started != nullptr || failed) && now_and_then())
      for (const std::size_t party : {kTenant, kHost, kHost + 1, kHost + 2}) net.send(party, c.auction, auction::withdraw(order_.token, Address{}));
  }
  std::uint64_t ends() const override { return order_.reveal_until.low64() + 360; }
  std::string verdict(const View& view) override {
    namespace auction = bindings::reverse_auction;
    const auto& c = world.contracts;
    if (view.find(c.auction, auction::OrderOpenedEvent::topic(), id_) == nullptr) return "";
    const bool started = view.find(c.auction, auction::OrderStartedEvent::topic(), id_) != nullptr, failed = view.find(c.auction, auction::OrderFailedEvent::topic(), id_) != nullptr;
    if (started == failed) return "the order is " + std::string(started ? "started and failed" : "not decided");
    for (const auto& log : view.logs) {
      if (log.address != c.auction || log.topics[0] != auction::NoShowEvent::topic() || log.topics[1] != id_) continue;
      const auto event = must(auction::NoShowEvent::decode(log), "NoShow");
      const std::size_t host = static_cast<std::size_t>(std::find(hosts_.begin(), hosts_.end(), event.bidder) - hosts_.begin());
      if (host != lazy_) {
        std::string story;
        for (const auto& one : view.logs)
          if (one.address == c.auction && one.topics[1] == id_) {
            const char* name = one.topics[0] == auction::OrderOpenedEvent::topic() ? "opened" : one.topics[0] == auction::BidSealedEvent::topic() ? "sealed" : one.topics[0] == auction::BidOpenedEvent::topic() ? "bid opened" : one.topics[0] == auction::OrderStartedEvent::topic() ? "started" : one.topics[0] == auction::NoShowEvent::topic() ? "no show" : "failed";
            story += "\n  " + std::string(name) + " " + one.topics[2].hex().substr(26, 8) + " at " + std::to_string(static_cast<std::int64_t>(world.time_of(one)) - static_cast<std::int64_t>(order_.reveal_until.low64()));
          }
        return "an honest host lost a part of its deposit; seconds from revealUntil:" + story;
      }
    }
    return "";
  }

 private:
  /// Whose turn it is to start; 3: nobody's.
  std::size_t turn(const View& view) {
    if (view.time != asked_at_) {
      const auto winner = must(bindings::reverse_auction::decode_winner_of(must(world.rpc->eth_call({.to = world.contracts.auction, .data = bindings::reverse_auction::winner_of(order_)}), "winner")), "winner");
      turn_ = static_cast<std::size_t>(std::find(hosts_.begin(), hosts_.end(), winner.winner) - hosts_.begin()), asked_at_ = view.time;
    }
    return turn_;
  }
  Hash32 salt(std::size_t host) const { return crypto::keccak256(id_.hex() + std::to_string(host)); }
  std::size_t turn_ = 3;
  std::uint64_t asked_at_ = 0;
  std::uint64_t lazy_ = 4;
  std::vector<Address> hosts_;
  std::vector<U256> rates_;
  market::Order order_;
  Hash32 id_;
};

/// An epoch of a subnet: two trainers, three validators, one of whom may weigh nonsense; whoever claims may claim everything for the wrong ones.
class Contest final : public Process {
 public:
  Contest(Scene& scene, std::uint64_t now) : Process(scene) {
    nonsense_ = random.below(5);
    lying_claim_ = random.below(2) == 0;
    for (std::size_t v = 0; v < 3; ++v) validators_.push_back(world.parties[kValidator + v]);
    terms_.sponsor = world.parties[kSponsor], terms_.token = world.ocean.ocean, terms_.reward = U256{1'000'000}, terms_.validators_hash = market::hosts_hash(validators_), terms_.holdout_root = crypto::keccak256("holdout"), terms_.scoring_hash = crypto::keccak256("program");
    terms_.models_until = U256{now + 40}, terms_.reveal_until = U256{now + 75}, terms_.weights_until = U256{now + 110}, terms_.weights_reveal_until = U256{now + 145}, terms_.claim_window = U256{40}, terms_.claim_bond = U256{700}, terms_.nonce = U256{random.below(1ULL << 62)};
    id_ = must(subnet::decode_epoch_id_of(must(world.rpc->eth_call({.to = world.contracts.subnet, .data = subnet::epoch_id_of(terms_)}), "epoch")), "epoch");
  }
  static constexpr std::size_t kSponsor = 1, kTrainer = 7, kValidator = 3, kLiar = 2, kWatcher = 9;

  void tick(const View& view) override {
    const Address& c = world.contracts.subnet;
    if (view.find(c, subnet::EpochOpenedEvent::topic(), id_) == nullptr) return net.send(kSponsor, c, subnet::open(terms_));
    if (over(view)) {
      if (now_and_then()) for (const std::size_t party : {kSponsor, kLiar, kValidator, kValidator + 1, kValidator + 2, kTrainer, kTrainer + 1, kWatcher}) net.send(party, c, subnet::withdraw(terms_.token, Address{}));
      return;
    }
    if (view.time <= terms_.models_until.low64()) {
      for (std::size_t t = 0; t < 2; ++t)
        if (view.find(c, subnet::ModelCommittedEvent::topic(), id_, world.parties[kTrainer + t]) == nullptr) net.send(kTrainer + t, c, subnet::commit_model(terms_, crypto::hash_words(model(t), world.parties[kTrainer + t], model(t))));
    } else if (view.time <= terms_.reveal_until.low64()) {
      for (std::size_t t = 0; t < 2; ++t)
        if (view.find(c, subnet::ModelRevealedEvent::topic(), id_, world.parties[kTrainer + t]) == nullptr) net.send(kTrainer + t, c, subnet::reveal_model(terms_, model(t), model(t)));
    } else if (view.time <= terms_.weights_until.low64()) {
      for (std::size_t v = 0; v < 3; ++v)
        if (view.find(c, subnet::WeightsCommittedEvent::topic(), id_, validators_[v]) == nullptr) net.send(kValidator + v, c, subnet::commit_weights(terms_, commitment(v, trainers(view)), validators_, U256{v}, U256{50'000}));
    } else if (view.time <= terms_.weights_reveal_until.low64()) {
      for (std::size_t v = 0; v < 3; ++v)
        if (view.find(c, subnet::WeightsRevealedEvent::topic(), id_, validators_[v]) == nullptr) net.send(kValidator + v, c, subnet::reveal_weights(terms_, weights(v, trainers(view)), salt(v)));
    } else {
      const auto result = must(subnet::decode_result_of(must(world.rpc->eth_call({.to = c, .data = subnet::result_of(terms_)}), "result")), "result");
      const auto* claimed = last(view, subnet::ResultClaimedEvent::topic());
      const auto* refuted = last(view, subnet::ResultRefutedEvent::topic());
      const bool stands = claimed != nullptr && (refuted == nullptr || std::pair(refuted->block_number, refuted->log_index) < std::pair(claimed->block_number, claimed->log_index));
      if (!stands) {
        if (lying_claim_ && refuted == nullptr) {
          auto false_result = result;
          if (!false_result.to_trainers.empty()) false_result.to_trainers[0] = terms_.reward;
          net.send(kLiar, c, subnet::claim_result(terms_, false_result.to_validators, false_result.to_trainers));
        } else {
          net.send(kValidator, c, subnet::claim_result(terms_, result.to_validators, result.to_trainers));
        }
        if (now_and_then()) net.send(kWatcher, c, subnet::fail(terms_));
      } else {
        const auto event = must(subnet::ResultClaimedEvent::decode(*claimed), "ResultClaimed");
        if (event.to_trainers != result.to_trainers || event.to_validators != result.to_validators) net.send(kWatcher, c, subnet::challenge(terms_));
        else if (now_and_then()) net.send(kWatcher, c, subnet::finalise(terms_, result.to_validators, result.to_trainers));
      }
    }
  }
  std::uint64_t ends() const override { return terms_.weights_reveal_until.low64() + 200; }
  std::string verdict(const View& view) override {
    const Address& c = world.contracts.subnet;
    if (view.find(c, subnet::EpochOpenedEvent::topic(), id_) == nullptr) return "";
    const auto* final = view.find(c, subnet::EpochFinalEvent::topic(), id_);
    const bool failed = view.find(c, subnet::EpochFailedEvent::topic(), id_) != nullptr;
    if ((final != nullptr) == failed) return "the epoch is " + std::string(failed ? "paid and failed" : "not decided");
    if (final == nullptr) return "";
    const auto paid = must(subnet::EpochFinalEvent::decode(*final), "EpochFinal");
    const auto result = must(subnet::decode_result_of(must(world.rpc->eth_call({.to = c, .data = subnet::result_of(terms_)}), "result")), "result");
    if (paid.to_trainers != result.to_trainers || paid.to_validators != result.to_validators) return "the epoch was paid otherwise than its weights give";
    return "";
  }

 private:
  bool over(const View& view) const { return view.find(world.contracts.subnet, subnet::EpochFinalEvent::topic(), id_) != nullptr || view.find(world.contracts.subnet, subnet::EpochFailedEvent::topic(), id_) != nullptr; }
  const chain::Log* last(const View& view, const Hash32& topic) const {
    const chain::Log* out = nullptr;
    for (const auto& log : view.logs)
      if (log.address == world.contracts.subnet && log.topics[0] == topic && log.topics[1] == id_) out = &log;
    return out;
  }
  std::size_t trainers(const View& view) const {
    std::size_t out = 0;
    for (const auto& log : view.logs) out += log.address == world.contracts.subnet && log.topics[0] == subnet::ModelCommittedEvent::topic() && log.topics[1] == id_ ? 1 : 0;
    return out;
  }
  Hash32 model(std::size_t trainer) const { return crypto::keccak256(id_.hex() + "model" + std::to_string(trainer)); }
  Hash32 salt(std::size_t validator) const { return crypto::keccak256(id_.hex() + "weights" + std::to_string(validator)); }
  std::vector<U256> weights(std::size_t validator, std::size_t count) const {
    std::vector<U256> out;
    for (std::size_t t = 0; t < count; ++t) out.emplace_back(validator == nonsense_ ? 65'535 - 40'000 * t : 20'000 + 30'000 * t);
    return out;
  }
  Hash32 commitment(std::size_t validator, std::size_t count) const {
    using chain::abi::Value;
    static const chain::abi::Type kType = *chain::abi::Type::parse("(bytes32,address,uint16[],bytes32)");
    std::vector<Value> list;
    for (const auto& weight : weights(validator, count)) list.push_back(Value::of(weight));
    return crypto::keccak256(must(chain::abi::encode(kType, Value::list({Value::of(id_), Value::of(validators_[validator]), Value::list(std::move(list)), Value::of(salt(validator))})), "encode"));
  }
  std::uint64_t nonsense_ = 4;
  bool lying_claim_ = false;
  std::vector<Address> validators_;
  bindings::subnet::EpochTerms terms_;
  Hash32 id_;
};

/// An owner claims its table's quality; a host may have found something else in the same job, and then somebody shows both.
class Promise final : public Process {
 public:
  Promise(Scene& scene, std::uint64_t now) : Process(scene), until_(now + 120) {
    namespace quality = bindings::quality_registry;
    false_ = random.below(2) == 0;
    manifest_ = crypto::keccak256(std::to_string(random.below(1ULL << 62)));
    keys_ = {world.parties[kOwner], world.parties[kHost]};
    job_ = must(quality::decode_job_id_of(must(world.rpc->eth_call({.to = world.contracts.quality, .data = quality::job_id_of(world.nft, U256{1}, manifest_)}), "job")), "job");
    metrics_ = to_bytes(json::stringify(json::Object{{"rows", 1 + random.below(100)}, {"columns", json::Array{}}}));
    using namespace crypto;
    claim_ = hash_words(keccak256("peaberry/claim/1"), job_, world.parties[kOwner], keccak256(metrics_));
  }
  static constexpr std::size_t kOwner = 0, kHost = 3, kWatcher = 9;

  void tick(const View& view) override {
    namespace quality = bindings::quality_registry;
    const Address& c = world.contracts.quality;
    if (view.find(c, quality::MetricsClaimedEvent::topic(), claim_) == nullptr) {
      if (view.time < until_) net.send(kOwner, c, quality::claim(world.nft, manifest_, metrics_, receipt(kOwner, crypto::keccak256(metrics_)), keys_, {world.ocean.ocean, U256{9'001}, U256{60}}));
      return;
    }
    if (over(view)) {
      if (now_and_then()) for (const std::size_t party : {kOwner, kWatcher}) net.send(party, c, quality::withdraw(world.ocean.ocean, Address{}));
      return;
    }
    const Hash32 other = crypto::keccak256("what the host found");
    if (false_) net.send(kWatcher, c, quality::refute(claim_, keys_, {crypto::keccak256(metrics_), receipt(kOwner, crypto::keccak256(metrics_))}, {other, receipt(kHost, other)}));
    else if (now_and_then()) net.send(kWatcher, c, quality::refute(claim_, keys_, {crypto::keccak256(metrics_), receipt(kOwner, crypto::keccak256(metrics_))}, {other, receipt(kWatcher, other)}));  // a stranger's word
    if ((!false_ && now_and_then()) || !net.lossy) net.send(kWatcher, c, quality::release(claim_));
  }
  std::uint64_t ends() const override { return until_ + 200; }
  std::string verdict(const View& view) override {
    namespace quality = bindings::quality_registry;
    const Address& c = world.contracts.quality;
    if (view.find(c, quality::MetricsClaimedEvent::topic(), claim_) == nullptr) return "";
    const bool refuted = view.find(c, quality::MetricsRefutedEvent::topic(), claim_) != nullptr, released = view.find(c, quality::BondReleasedEvent::topic(), claim_) != nullptr;
    if (refuted == released) return "the bond is " + std::string(refuted ? "lost and released" : "not decided");
    if (refuted && !false_) return "an honest owner lost its bond";
    return "";
  }

 private:
  bool over(const View& view) const {
    namespace quality = bindings::quality_registry;
    return view.find(world.contracts.quality, quality::MetricsRefutedEvent::topic(), claim_) != nullptr || view.find(world.contracts.quality, quality::BondReleasedEvent::topic(), claim_) != nullptr;
  }
  Bytes receipt(std::size_t party, const Hash32& output) const {
    static const Hash32 kType = crypto::keccak256("MetricsReceipt(bytes32 jobId,bytes32 outputHash)");
    const auto signature = world.keys[party].sign(crypto::typed_digest({"Peaberry Quality", "1", 8996, world.contracts.quality}, crypto::hash_words(kType, job_, output))).rsv();
    return Bytes(signature.begin(), signature.end());
  }
  std::uint64_t until_ = 0;
  bool false_ = false;
  Hash32 manifest_, job_, claim_;
  std::vector<Address> keys_;
  Bytes metrics_;
};

}  // namespace peaberry::sim
