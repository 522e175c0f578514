#include "check.hpp"

#include <peaberry/bindings/job_escrow.hpp>
#include <peaberry/bindings/quality_registry.hpp>
#include <peaberry/bindings/subnet.hpp>
#include <peaberry/bindings/voucher_channels.hpp>
#include <peaberry/bindings/zk_verifier.hpp>
#include <peaberry/bridge/delivery.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/crypto/keys.hpp>
#include <peaberry/ledger/ledger.hpp>

namespace peaberry::story {
namespace {

/// A chain of the story: given by its URL, or started from the state that the story left, only to be read.
class Reading {
 public:
  Reading(Reading&&) = default;
  ~Reading() {
    if (ledger_ && !ledger_->attached()) (void)ledger_->stop().has_value();
  }
  static Result<Reading> open(net::Client& http, const Clock& clock, Random& random, const fs::path& folder, std::uint64_t id, const std::string& url) {
    Reading out;
    std::string at = url;
    if (at.empty()) {
      PB_TRY(started, ledger::Ledger::start({.folder = folder, .port = 0, .chain_id = id, .deploy_ocean = false}, http, clock, random));
      at = started.url();
      out.ledger_ = std::move(started);
    }
    out.rpc = std::make_unique<chain::Rpc>(http, chain::RpcOptions{.urls = {at}, .chain_id = id}, clock, random);
    return out;
  }
  std::unique_ptr<chain::Rpc> rpc;

 private:
  Reading() = default;
  std::optional<ledger::Ledger> ledger_;
};

class Checker {
 public:
  Checker(fs::path folder, const json::Object& story, chain::Rpc& a, chain::Rpc* b) : folder_(std::move(folder)), story_(story), a_(a), b_(b) {}
  Checked out;

  Status all() {
    PB_TRY(contracts, settlement::Contracts::load(folder_ / "owner/ledger/address.json", 8996));
    contracts_ = contracts;
    PB_CHECK(books());
    PB_CHECK(steps());
    PB_CHECK(jobs());
    PB_CHECK(papers());
    if (const std::string hash = json::string_or(story_, "model_sha256"); !hash.empty()) {
      PB_TRY(model, read_file(folder_ / json::string_or(story_, "model_file")));
      expect(crypto::sha256(model).hex() == hash, "the model has another hash");
    }
    return {};
  }

 private:
  void expect(bool good, const std::string& what) {
    ++out.checks;
    if (!good) out.wrong.push_back(what);
  }

  /// Everything about money again from the chains, and the same text as the story's.
  Status books() {
    std::vector<ChainBook> books;
    PB_TRY(chains, json::array_at(story_, "chains"));
    for (std::size_t i = 0; i < chains->size(); ++i) {
      const auto& told = (*chains)[i].as_object();
      chain::Rpc* rpc = i == 0 ? &a_ : b_;
      if (rpc == nullptr) return fail(Errc::kInvalid, "the story has two chains", "give --chain-b URL, or keep its folder");
      PB_TRY(book, read_chain(*rpc));
      expect(book.head == json::uint_or(told, "block", 0), "chain " + std::to_string(book.chain_id) + " is at block " + std::to_string(book.head));
      PB_TRY(wrong, check_closure(*rpc, book, out.checks));
      out.wrong.insert(out.wrong.end(), wrong.begin(), wrong.end());
      books.push_back(std::move(book));
    }
    Names names;
    PB_TRY(told_names, json::object_at(story_, "names"));
    for (const auto& entry : *told_names) {
      PB_TRY(address, Address::parse(entry.key(), "names"));
      names[address] = entry.value().is_string() ? std::string(json::sv(entry.value().get_string())) : "";
    }
    std::vector<PartyAccounts> parties;
    PB_TRY(told_parties, json::array_at(story_, "parties"));
    for (const auto& item : *told_parties) {
      PB_TRY(told, json::as_object(item, "party"));
      PartyAccounts party;
      party.name = json::string_or(*told, "name");
      if (const auto* role = json::find_object(*told, "role")) party.role = *role;
      if (const auto* cpu = json::find(*told, "cpu_s"); cpu != nullptr && cpu->is_number()) party.cpu_seconds = cpu->to_number<double>();
      PB_TRY(accounts, json::array_at(*told, "accounts"));
      for (const auto& account : *accounts) {
        PB_TRY(address, Address::parse(account.is_string() ? json::sv(account.get_string()) : "", "account"));
        party.accounts.push_back(address);
      }
      parties.push_back(std::move(party));
    }
    const json::Object again = tell_accounts(books, names, parties);
    for (const char* part : {"chains", "flows"}) expect(json::find(story_, part) != nullptr && json::stringify(story_.at(part)) == json::stringify(again.at(part)), std::string(part) + " are others on chain");
    const auto& rows = again.at("parties").as_array();
    for (std::size_t i = 0; i < rows.size(); ++i)
      expect(json::stringify(rows[i]) == json::stringify((*told_parties)[i]), parties[i].name + ": on chain it is " + json::stringify(rows[i].as_object().at("statement")));
    return {};
  }

  Status steps() {
    PB_TRY(list, json::array_at(story_, "steps"));
    for (const auto& item : *list) {
      const auto& step = item.as_object();
      PB_TRY(hash, Hash32::parse(json::string_or(step, "tx"), "tx"));
      chain::Rpc* rpc = json::uint_or(step, "chainId", 8996) == 8996 ? &a_ : b_;
      if (rpc == nullptr) continue;
      PB_TRY(receipt, rpc->receipt(hash));
      expect(receipt && receipt->success, json::string_or(step, "name") + ": transaction " + hash.hex() + " is not on chain");
      if (receipt) expect(receipt->gas_used == json::uint_or(step, "gas", 0), json::string_or(step, "name") + ": gas is " + std::to_string(receipt->gas_used) + " on chain");
    }
    return {};
  }

  Status jobs() {
    PB_TRY(list, json::array_at(story_, "jobs"));
    PB_TRY(head, a_.block_number());
    for (const auto& item : *list) {
      const auto& job = item.as_object();
      const std::string kind = json::string_or(job, "kind");
      PB_TRY(id, Hash32::parse(json::string_or(job, "id"), "id"));
      if (kind == "job") {
        namespace escrow = bindings::job_escrow;
        PB_TRY(finals, a_.logs({.from_block = 0, .to_block = head, .addresses = {contracts_.escrow}, .topics0 = {escrow::JobFinalEvent::topic()}, .topics1 = {id}}));
        PB_TRY(refunds, a_.logs({.from_block = 0, .to_block = head, .addresses = {contracts_.escrow}, .topics0 = {escrow::JobRefundedEvent::topic()}, .topics1 = {id}}));
        expect(finals.size() == 1 && refunds.empty(), "job " + id.hex() + " is not paid exactly once");
        if (finals.empty()) continue;
        PB_TRY(final, escrow::JobFinalEvent::decode(finals.front()));
        expect(Stage::text_of(final.executor) == json::string_or(job, "executor"), "job " + id.hex() + " paid " + Stage::text_of(final.executor));
        PB_TRY(reply, a_.eth_call({.to = contracts_.escrow, .data = escrow::answer_of(id)}));
        PB_TRY(answer, escrow::decode_answer_of(reply));
        expect(answer.hex() == json::string_or(job, "outputHash"), "job " + id.hex() + " was answered with " + answer.hex());
      } else if (kind == "epoch") {
        namespace subnet = bindings::subnet;
        PB_TRY(finals, a_.logs({.from_block = 0, .to_block = head, .addresses = {contracts_.subnet}, .topics0 = {subnet::EpochFinalEvent::topic()}, .topics1 = {id}}));
        PB_TRY(opened, a_.logs({.from_block = 0, .to_block = head, .addresses = {contracts_.subnet}, .topics0 = {subnet::EpochOpenedEvent::topic()}, .topics1 = {id}}));
        expect(finals.size() == 1 && opened.size() == 1, "epoch " + id.hex() + " is not final");
        if (finals.empty() || opened.empty()) continue;
        PB_TRY(final, subnet::EpochFinalEvent::decode(finals.front()));
        PB_TRY(open, subnet::EpochOpenedEvent::decode(opened.front()));
        // The chain recomputes it once more from the revealed weights.
        PB_TRY(reply, a_.eth_call({.to = contracts_.subnet, .data = subnet::result_of(open.terms)}));
        PB_TRY(result, subnet::decode_result_of(reply));
        expect(result.to_trainers == final.to_trainers && result.to_validators == final.to_validators, "epoch " + id.hex() + " was paid otherwise than its weights give");
        json::Array told;
        for (const auto& amount : final.to_trainers) told.push_back(json::Value(amount.dec()));
        expect(json::find(job, "toTrainers") != nullptr && json::stringify(told) == json::stringify(job.at("toTrainers")), "epoch " + id.hex() + " paid its trainers " + json::stringify(told));
      } else if (kind == "metrics") {
        namespace quality = bindings::quality_registry;
        PB_TRY(reply, a_.eth_call({.to = contracts_.zk, .data = bindings::zk_verifier::status(id)}));
        PB_TRY(status, bindings::zk_verifier::decode_status(reply));
        expect(status.arg0 == U256{2}, "metrics " + id.hex() + " were not accepted by the verifier");
        PB_TRY(logs, a_.logs({.from_block = 0, .to_block = head, .addresses = {contracts_.quality}, .topics0 = {quality::MetricsProvenEvent::topic()}}));
        std::uint64_t rows = 0;
        for (const auto& log : logs) {
          PB_TRY(event, quality::MetricsProvenEvent::decode(log));
          if (event.claim_id == id && event.verifier == contracts_.zk && !event.inputs.empty()) rows = event.inputs[0].low64();
        }
        expect(rows == json::uint_or(job, "rows", 0), "metrics " + id.hex() + " are of " + std::to_string(rows) + " rows");
      } else if (kind == "channel") {
        PB_TRY(reply, a_.eth_call({.to = contracts_.channels, .data = bindings::voucher_channels::channels(id)}));
        PB_TRY(channel, bindings::voucher_channels::decode_channels(reply));
        expect(channel.total_claimed.dec() == json::string_or(job, "promised"), "channel " + id.hex() + ": " + channel.total_claimed.dec() + " were claimed");
      }
    }
    return {};
  }

  Status papers() {
    PB_TRY(list, json::array_at(story_, "papers"));
    for (const auto& item : *list) {
      const auto& paper = item.as_object();
      const std::string kind = json::string_or(paper, "kind"), file = json::string_or(paper, "file");
      if (kind == "receipt") PB_CHECK(receipt(file));
      else if (kind == "delivery") PB_CHECK(delivery(paper));
    }
    return {};
  }

  /// A run's receipt: signed by the node, its manifest's hash its own, and – where a host ran it – the host's signature over the same outputs.
  Status receipt(const std::string& file) {
    PB_TRY(text, read_text(folder_ / file));
    PB_TRY(document, json::parse(text));
    PB_TRY(paper, json::as_object(document, file));
    PB_TRY(receipt, json::object_at(*paper, "receipt"));
    PB_TRY(signer, json::address_at(*paper, "signer"));
    PB_TRY(raw, parse_hex(json::string_or(*paper, "signature"), "signature"));
    PB_TRY(signature, crypto::Signature::from_rsv(raw));
    const auto recovered = crypto::recover(crypto::personal_message_hash(crypto::keccak256(json::stringify(*receipt)).view()), signature);
    expect(recovered && *recovered == signer, file + ": the receipt's signature does not hold");
    PB_TRY(manifest, json::object_at(*receipt, "manifest"));
    expect(crypto::keccak256(json::stringify(*manifest)).hex() == json::string_or(*receipt, "manifestHash"), file + ": the manifest is another");
    const auto* host = json::find_object(*receipt, "host");
    if (host == nullptr) return {};
    PB_TRY(host_signer, json::address_at(*host, "signer"));
    PB_TRY(host_raw, parse_hex(json::string_or(*host, "signature"), "signature"));
    PB_TRY(host_signature, crypto::Signature::from_rsv(host_raw));
    const Hash32 digest = crypto::keccak256(json::stringify(json::Object{{"jobId", json::string_or(*receipt, "jobId")}, {"manifestHash", json::string_or(*receipt, "manifestHash")}, {"outputHash", json::string_or(*host, "outputHash")}, {"wallMs", json::uint_or(*host, "wallMs", 0)}}));
    const auto by = crypto::recover(crypto::personal_message_hash(digest.view()), host_signature);
    expect(by && *by == host_signer, file + ": the host's signature does not hold");
    expect(json::string_or(*host, "outputHash") == json::string_or(*receipt, "outputHash"), file + ": the host signed other outputs");
    return {};
  }

  Status delivery(const json::Object& paper) {
    if (b_ == nullptr) return fail(Errc::kInvalid, "the story has two chains", "give --chain-b URL, or keep its folder");
    PB_TRY(proof_text, read_text(folder_ / json::string_or(paper, "file")));
    PB_TRY(proof_value, json::parse(proof_text));
    PB_TRY(proof, bridge::DeliveryProof::from_json(proof_value.as_object()));
    PB_TRY(message_text, read_text(folder_ / json::string_or(paper, "message")));
    PB_TRY(message_value, json::parse(message_text));
    PB_TRY(message, bridge::message_from_json(message_value.as_object()));
    const auto shown = bridge::check_delivery(*b_, proof, message, 0);
    expect(shown.has_value(), "the delivery's proof: " + (shown ? "" : shown.error().message));
    if (shown) expect(crypto::keccak256(shown->output(bridge::message_hash(message))).hex() == json::string_or(paper, "outputHash"), "the delivery's proof shows another output");
    return {};
  }

  fs::path folder_;
  const json::Object& story_;
  chain::Rpc& a_;
  chain::Rpc* b_;
  settlement::Contracts contracts_;
};

}  // namespace

Result<Checked> check_story(net::Client& http, const Clock& clock, Random& random, const fs::path& file, const std::string& url_a, const std::string& url_b) {
  const fs::path folder = fs::absolute(file).parent_path();
  PB_TRY(text, read_text(file));
  PB_TRY(document, json::parse(text, {.max_bytes = std::size_t{64} << 20, .max_depth = 64}));
  PB_TRY(story, json::as_object(document, "story.json"));
  if (json::uint_or(*story, "version", 0) != 2) return fail(Errc::kUnsupported, "this is no story of version 2");
  PB_TRY(a, Reading::open(http, clock, random, folder / "owner/ledger", 8996, url_a));
  std::optional<Reading> b;
  PB_TRY(chains, json::array_at(*story, "chains"));
  if (chains->size() > 1) {
    PB_TRY(opened, Reading::open(http, clock, random, folder / "chain-b/ledger", 31337, url_b));
    b.emplace(std::move(opened));
  }
  Checker checker(folder, *story, *a.rpc, b ? b->rpc.get() : nullptr);
  PB_CHECK(checker.all());
  return checker.out;
}

}  // namespace peaberry::story
