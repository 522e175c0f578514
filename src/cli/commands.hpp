#pragma once

#include <peaberry/settlement/planner.hpp>
#include <peaberry/settlement/policy.hpp>
#include <peaberry/story/options.hpp>

#include "context.hpp"

namespace peaberry::cli {

// The commands; app.cpp gives them their options. Each returns what is printed.

struct PublishOptions {
  std::string file, url, name, description, author, license, price, tags;
  bool free = false, compute = false, allow_raw = false, owner_release = false;
  std::vector<std::string> trust;     ///< algorithm DIDs
  std::vector<std::string> allow, deny;
  std::vector<std::string> devices;   ///< whose signatures under batches of rows count
  std::vector<std::string> hosts;     ///< who may hold the rows to run jobs again; "*": anybody
  std::uint64_t timeout = 0, egress_bytes = 0, egress_log_bytes = 0;
  std::string egress_types, entrypoint, again, treasury;
  bool algorithm = false;
};
Result<Output> publish(Context& context, PublishOptions options);
struct UpdateOptions {
  std::string did, name, description, tags, license, file, url, price;
  std::string lineage;  ///< JSON file that `table clean` printed: what the rows were made from
};
/// Writes the listing again with other words or files, and sets its price; what is not named stays.
Result<Output> update_asset(Context& context, const UpdateOptions& options);
Result<Output> set_asset_state(Context& context, const std::string& did, const std::string& state);
struct SearchOptions {
  std::string text, type, tag, owner, price_max, sort = "relevance";
  bool free = false;
  std::string quality;
  std::uint64_t rows_min = 0;
  double complete_min = 0, signed_min = 0;
  unsigned limit = 20, offset = 0;
};
Result<Output> search(Context& context, const SearchOptions& options);
Result<Output> show(Context& context, const std::string& did);
struct BuyOptions {
  std::string did, service, consumer, price_max, again;
};
Result<Output> buy(Context& context, const BuyOptions& options);
struct DownloadOptions {
  std::string did, service, order, output = ".";
  unsigned index = 0;
};
Result<Output> download(Context& context, const DownloadOptions& options);

struct ComputeOptions {
  std::vector<std::string> data;
  std::string algorithm, raw_code, entrypoint, environment, custom, again, output, resources;
  std::string lease;             ///< order of an auction whose winner is to run it
  bool at_home = false;          ///< on one's own machine, as a host of the data
  std::uint64_t seconds = 600;
  bool free = false, wait = false;
};
Result<Output> compute_envs(Context& context);
Result<Output> compute_start(Context& context, const ComputeOptions& options);
Result<Output> compute_status(Context& context, const std::string& job);
Result<Output> compute_result(Context& context, const std::string& job, const std::string& output);
Result<Output> compute_logs(Context& context, const std::string& job);
Result<Output> compute_stop(Context& context, const std::string& job);
Result<Output> compute_release(Context& context, const std::string& job, bool refuse);

Result<Output> keys_new(Context& context, const std::vector<std::string>& names);
Result<Output> keys_show(Context& context);
Result<Output> keys_backup(Context& context, const std::string& file);
Result<Output> keys_restore(Context& context, const std::string& file);
Result<Output> chain_status(Context& context);
Result<Output> chain_fund(Context& context, const std::string& address, const std::string& coins, const std::string& tokens);
Result<Output> escrow_show(Context& context, const std::string& payee);
Result<Output> escrow_move(Context& context, const std::string& what, const std::string& amount, const std::string& payee, std::uint64_t seconds, std::uint64_t count);
Result<Output> doctor(Context& context);
Output version();

/// A policy from its hex bytes or a JSON file.
Result<settlement::Policy> read_policy(const std::string& text, const settlement::Contracts& contracts);
/// A policy file or its hex bytes, in words, with its encoding and hash.
Result<Output> policy_show(Context& context, const std::string& text);
struct JobOpenOptions {
  std::string policy, amount, token, executor, kind = "inference", subject, input, params, bond = "0", callback, fee_to, royalty_to;
  unsigned decimals = 18;
  std::uint64_t seconds = 3'600, fee_bps = 0, royalty_bps = 0, callback_gas = 200'000, nonce = 0;
};
Result<Output> job_open(Context& context, const JobOpenOptions& options);
Result<Output> job_show(Context& context, const std::string& id);
struct JobClaimOptions {
  std::string job, output_file, output_hash, amount, data_file;
  std::vector<std::string> votes;
  unsigned leaf = 0, decimals = 18;
};
Result<Output> job_claim(Context& context, const JobClaimOptions& options);
/// As a quorum's signer: commits a vote, or prints it when it may be revealed.
Result<Output> job_vote(Context& context, const std::string& id, const std::string& output_hash, bool reveal);
/// As the requester: signs acceptance of a claim, or an objection.
Result<Output> job_judge(Context& context, const std::string& id, const std::string& claim, bool object);
Result<Output> job_end(Context& context, const std::string& id, bool refund);
Result<Output> job_withdraw(Context& context, const std::string& token, const std::string& to);
/// Sends tokens to somebody.
Result<Output> pay(Context& context, const std::string& to, const std::string& amount, const std::string& token, unsigned decimals);

/// A contract that asks a model about cases and acts on accepted answers.
Result<Output> clinic_deploy(Context& context, const std::string& token);
struct ClinicAskOptions {
  std::string clinic, model, input, policy, amount, executor, fee_to, royalty_to;
  std::uint64_t seconds = 3'600, fee_bps = 0, royalty_bps = 0;
  unsigned decimals = 18;
};
Result<Output> clinic_ask(Context& context, const ClinicAskOptions& options);
Result<Output> clinic_show(Context& context, const std::string& clinic, const std::string& job);

/// What a trained model is in whole numbers: its QOps bytes, a case's inputs, its answer – and the answer over HTTP.
Result<Output> model_export(Context& context, const std::string& quantised, const std::string& output);
Result<Output> model_encode(Context& context, const std::string& quantised, const std::vector<std::string>& values, const std::string& output);
Result<Output> model_run(Context& context, const std::string& model, const std::string& input, const std::string& output);
Result<Output> model_serve(Context& context, const std::string& quantised, std::uint16_t port);
/// Stores a QOps model as code, so that the chain can run it.
Result<Output> model_publish(Context& context, const std::string& file);

struct MemberCommand {
  std::vector<std::string> nodes;
  std::int64_t grace_seconds = 10, poll_ms = 500, job_seconds_max = 3'600;
};
/// A secret that only this key can make, the same each time: a command that was cut off between two steps, or a later one, finds it again.
Hash32 own_salt(const crypto::PrivateKey& key, std::string_view what, const Hash32& id);
/// Which evidence a job should have, what each kind would cost, and why.
Result<Output> policy_plan(Context& context, const settlement::PlanRequest& request);

struct AuctionOpenOptions {
  std::string max_rate, deposit = "0", token, manifest;
  std::vector<std::string> hosts;
  std::uint64_t seconds = 600, commit_seconds = 60, reveal_seconds = 60, start_within = 60, no_show_bps = 2'000;
  unsigned decimals = 18;
};
/// Sealed-bid auctions of hosts, and the leases that they end in. Rates in whole tokens a second.
Result<Output> auction_open(Context& context, const AuctionOpenOptions& options);
Result<Output> auction_show(Context& context, const std::string& order);
Result<Output> auction_bid(Context& context, const std::string& order, const std::string& rate, const std::vector<std::string>& hosts, unsigned decimals);
Result<Output> auction_reveal(Context& context, const std::string& order, const std::string& rate, unsigned decimals);
enum class AuctionStep : std::uint8_t { kStart, kPass, kSettle, kClose, kRefund };
Result<Output> auction_step(Context& context, const std::string& order, AuctionStep step);
Result<Output> auction_release(Context& context, const std::string& order, const std::string& bidder);
Result<Output> auction_withdraw(Context& context, const std::string& token);

/// Tables: their commitments, their devices' batches, their cleaning.
Result<Output> table_commit(Context& context, const std::string& file);
struct TableRegisterOptions {
  std::string did, file;
  std::vector<std::string> parents;  ///< DID:bps, from whose tables this one was made
};
/// Lists the file as the next epoch of the caller's table; jobs over it then refuse to start with other bytes.
Result<Output> table_register(Context& context, const TableRegisterOptions& options);
/// As a device: signs the next rows of a table, in the order in which they were measured.
Result<Output> table_sign(Context& context, const std::string& file, const std::string& batches, std::uint64_t rows);
Result<Output> table_clean(Context& context, const std::string& file, const std::string& recipe, const std::string& output);

/// Tables under hiding commitments (scheme 2).
struct ProvenTableOptions {
  std::string did, file, label, srs, verifier;
  std::vector<std::string> categories, parents;
  bool nullable = false, anew = false;
};
/// The schema that a file fits into, and the plans that follow from it.
Result<Output> table_schema(Context& context, const ProvenTableOptions& options);
/// Lists the next epoch by a proof: a table that begins, or new rows at its end.
Result<Output> table_admit(Context& context, const ProvenTableOptions& options);
/// Proves row count, completeness and the label's balance of the present epoch.
Result<Output> quality_prove(Context& context, const ProvenTableOptions& options);

/// A table's quality: what its owner claims of it, by a job's receipt, under a bond.
struct QualityMeasureOptions {
  std::string did, algorithm, options, batches, output;
};
Result<Output> quality_measure(Context& context, const QualityMeasureOptions& options);
Result<Output> quality_receipt(Context& context, const std::string& result);
struct QualityClaimOptions {
  std::string result, bond = "0", token;
  std::vector<std::string> keys;  ///< attest keys of hosts, beside the own
  std::uint64_t hold_seconds = 7 * 86'400;
  unsigned decimals = 18;
};
Result<Output> quality_claim(Context& context, const QualityClaimOptions& options);
Result<Output> quality_show(Context& context, const std::string& did);
/// Shows two receipts that contradict each other, and takes half of the bond.
Result<Output> quality_refute(Context& context, const std::string& claim, const std::vector<std::string>& receipts);
Result<Output> quality_release(Context& context, const std::string& claim);

/// Contests of models, judged by stake.
struct SubnetOpenOptions {
  std::string reward, token, holdout, scoring, claim_bond = "0";
  std::vector<std::string> validators;
  std::uint64_t models_seconds = 600, reveal_seconds = 600, weights_seconds = 600, weights_reveal_seconds = 600, claim_window = 3'600;
  unsigned decimals = 18;
};
Result<Output> subnet_open(Context& context, const SubnetOpenOptions& options);
Result<Output> subnet_show(Context& context, const std::string& epoch);
/// As a trainer: seals a model's hash, or opens it.
Result<Output> subnet_model(Context& context, const std::string& epoch, const std::string& file, bool reveal);
/// As a validator: seals the weights of a scoring job's scores.json behind a stake, or opens them.
Result<Output> subnet_weigh(Context& context, const std::string& epoch, const std::string& scores, const std::string& stake, const std::vector<std::string>& validators, unsigned decimals, bool reveal);
enum class SubnetStep : std::uint8_t { kClaim, kChallenge, kFinalise, kFail };
Result<Output> subnet_step(Context& context, const std::string& epoch, SubnetStep step);
Result<Output> subnet_withdraw(Context& context, const std::string& token);

/// Orders from this chain for something on another one.
struct OtherChain {
  std::string url, address_file;
  std::uint64_t id = 0;
};
struct BridgeOrderOptions {
  std::string inbox, target, data = "0x", token_b, price, recipient, executor, policy, amount, token, feed;
  std::string asset_b, node_b;   ///< instead of inbox, target, data, token_b and price: a listing on B, bought for the recipient
  OtherChain other;
  bool times = false;            ///< the feed says what a token of B is worth here, not the other way round
  std::uint64_t deliver_seconds = 600;
  unsigned decimals = 18, decimals_b = 18;
};
Result<Output> bridge_order(Context& context, const BridgeOrderOptions& options);
Result<Output> bridge_show(Context& context, const std::string& job);
Result<Output> bridge_deliver(Context& context, const std::string& job, const OtherChain& other);
Result<Output> bridge_prove(Context& context, const std::string& job, const OtherChain& other, const std::string& output, const std::string& transaction);
/// As a signer: checks a delivery's proof against one's own node of chain B and votes for what it shows.
Result<Output> bridge_attest(Context& context, const std::string& job, const OtherChain& other, const std::string& proof, std::uint64_t confirmations);

struct RobotOptions {
  std::string url, price_max = "1", token, channels, collector;
  std::uint64_t calls = 1, deposit_calls = 100;
  bool exact = false;
};
/// A robot that buys answers by the call.
Result<Output> robot(Context& context, const RobotOptions& options);

/// Locked OCEAN, grants by its vote, and where revenue goes.
Result<Output> ve_lock(Context& context, const std::string& amount, std::uint64_t weeks);
struct GrantsDeployOptions {
  std::uint64_t delay = 1, period = 50'400, quorum_percent = 10;
  std::string threshold = "1";
};
Result<Output> grants_deploy(Context& context, const GrantsDeployOptions& options);
struct GrantsProposeOptions {
  std::string governor, to, amount, token, why;
  unsigned decimals = 18;
};
Result<Output> grants_propose(Context& context, const GrantsProposeOptions& options);
Result<Output> grants_show(Context& context, const std::string& governor, const std::string& proposal);
Result<Output> grants_vote(Context& context, const std::string& governor, const std::string& proposal, bool against);
Result<Output> grants_execute(Context& context, const std::string& governor, const std::string& proposal);
Result<Output> revenue_deploy(Context& context, const std::vector<std::string>& parties, const std::string& grants);
Result<Output> revenue_show(Context& context, const std::string& router, const std::string& token);
Result<Output> revenue_distribute(Context& context, const std::string& router, const std::string& token);
Result<Output> revenue_withdraw(Context& context, const std::string& router, const std::string& token, const std::string& account);

/// Price feeds: what a reporter saw, and a round's report of several.
Result<Output> feed_show(Context& context, const std::string& feed);
struct FeedDeployOptions {
  std::string description, min = "0.00000001", max = "1000000";
  std::vector<std::string> reporters;
  unsigned decimals = 8;
  std::uint64_t heartbeat = 3'600;
};
Result<Output> feed_deploy(Context& context, const FeedDeployOptions& options);
Result<Output> feed_observe(Context& context, const std::string& feed, const std::string& price);
Result<Output> feed_report(Context& context, const std::string& feed, const std::vector<std::string>& observations);

struct TollCommand {
  std::string upstream, price, token, channels, collector, pay_to, claim_at_least = "1";
  std::uint16_t port = 8402;
  std::uint64_t withdraw_delay = 900, calls_min = 10;
  std::int64_t claim_every_seconds = 60;
};
/// A paid door before an HTTP service; runs until SIGINT or SIGTERM, and then claims what it earned.
Result<Output> toll(Context& context, const TollCommand& options);
/// A quorum's signer; runs until SIGINT or SIGTERM.
Result<Output> member(Context& context, const MemberCommand& options);

struct ServeOptions {
  std::uint16_t port = 8001, chain_port = 8545;
  std::string public_url;
  bool no_compute = false, embedded_chain = false, allow_private_urls = false;
  std::string cpu_price, job_seconds_min, evidence;
};
/// Runs until SIGINT or SIGTERM.
Result<Output> serve(Context& context, const ServeOptions& options);
Result<Output> chain_stop(Context& context);
/// An embedded chain without a node: a second one beside that of `up`, say. It runs on until `chain stop`.
Result<Output> chain_start(Context& context, std::uint16_t port);
/// On a local chain: TestUSD for anybody.
Result<Output> chain_mint(Context& context, const std::string& address, const std::string& amount);

/// A transaction, job, claim or asset in one paragraph of plain words.
Result<Output> explain(Context& context, const std::string& what);
Result<Output> demo(Context& context, const story::StoryOptions& options);
Result<Output> demo_data(const std::string& file, std::uint64_t rows, std::uint64_t seed);
/// Re-checks a story (its folder or story.json) against its chains.
Result<Output> verify(Context& context, const std::string& story, const std::string& url_a, const std::string& url_b);

/// Powers of a ceremony: import, make, check, and deploy the contract that believes them.
struct SrsOptions {
  std::string file, out;
  unsigned log = 0;
};
/// The file that an option names, or the home's own.
fs::path powers_file(Context& context, const std::string& given);
Result<Output> srs_import(Context& context, const SrsOptions& options);
Result<Output> srs_dev(Context& context, const SrsOptions& options);
Result<Output> srs_deploy(Context& context, const SrsOptions& options);
Result<Output> srs_verify(Context& context, const SrsOptions& options);
Result<Output> proof_inspect(Context& context, const std::string& file);
Result<Output> proof_verify(Context& context, const std::string& file);

}  // namespace peaberry::cli
