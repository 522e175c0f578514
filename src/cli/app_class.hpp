#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "commands.hpp"

namespace peaberry::cli {

using Action = std::function<Result<Output>(Context&)>;

/// The command line: which commands there are, with which options. Its parts lie in app.cpp (serving, keys, chain, story), app_market.cpp (assets,
/// compute, tables, models) and app_settlement.cpp (jobs, auctions, feeds, subnets, bridge, economy).
class App {
 public:
  App();
  int run(int argc, char** argv);

 private:
  CLI::App* command(CLI::App& parent, const std::string& name, const std::string& help, Action action) {
    auto* sub = parent.add_subcommand(name, help);
    sub->fallthrough();  // global options may follow the command
    sub->callback([this, action = std::move(action)] { action_ = action; });
    return sub;
  }
  CLI::App* group(const std::string& name, const std::string& help) {
    auto* sub = app_.add_subcommand(name, help);
    sub->require_subcommand(1);
    sub->fallthrough();
    return sub;
  }

  int report(const Error& error) const;

  void add_serving();
  void add_market();
  void add_compute();
  void add_jobs();
  void add_models();
  void add_tables();
  void add_subnets();
  void add_bridge();
  void add_economy();
  void add_auctions();
  void add_feeds();
  void add_proofs();
  void add_keys();
  void add_chain();
  void add_demo();

  CLI::App app_;
  GlobalOptions global_;
  Action action_;
  std::string log_level_ = "warn", shell_, did_, text_, hash_, coins_ = "10", tokens_ = "1000", payee_;
  std::vector<std::string> names_;
  std::uint64_t seconds_ = 7'200, count_ = 10;
  bool refuse_ = false;
  ServeOptions serve_;
  MemberCommand member_;
  TollCommand toll_;
  AuctionOpenOptions auction_open_;
  settlement::PlanRequest plan_;
  std::string rate_;
  PublishOptions publish_;
  UpdateOptions update_;
  SearchOptions search_;
  BuyOptions buy_;
  DownloadOptions download_;
  ComputeOptions compute_;
  JobOpenOptions job_open_;
  JobClaimOptions job_claim_;
  story::StoryOptions demo_;
  SubnetOpenOptions subnet_open_;
  BridgeOrderOptions bridge_order_;
  OtherChain other_;
  RobotOptions robot_;
  GrantsDeployOptions grants_deploy_;
  GrantsProposeOptions grants_propose_;
  ClinicAskOptions clinic_ask_;
  FeedDeployOptions feed_deploy_;
  SrsOptions srs_;
  TableRegisterOptions table_register_;
  ProvenTableOptions proven_;
  QualityMeasureOptions measure_;
  QualityClaimOptions quality_claim_;
  std::string table_file_, batches_, recipe_, transaction_;
  std::uint64_t rows_ = 0;
  std::vector<std::string> receipts_;
};

}  // namespace peaberry::cli
