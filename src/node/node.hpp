#pragma once

#include <atomic>
#include <memory>
#include <peaberry/base/thread_pool.hpp>
#include <peaberry/chain/tx_manager.hpp>
#include <peaberry/compute/runner.hpp>
#include <peaberry/crypto/keystore.hpp>
#include <peaberry/index/catalogue.hpp>
#include <peaberry/index/indexer.hpp>
#include <peaberry/market/auth.hpp>
#include <peaberry/market/ddo.hpp>
#include <peaberry/market/opener.hpp>
#include <peaberry/market/trade.hpp>
#include <set>
#include <peaberry/net/server.hpp>
#include <peaberry/settlement/ocean_escrow.hpp>
#include <peaberry/storage/file_object.hpp>
#include <thread>

#include "config.hpp"
#include "environment.hpp"
#include "evidence_desk.hpp"
#include "hosted_runs.hpp"

namespace peaberry::node {

/// The four keys of a node, by role.
struct NodeKeys {
  crypto::PrivateKey identity;  ///< decrypts listings, signs provider fees
  crypto::PrivateKey operator_; ///< gas, locks and claims
  crypto::PrivateKey attest;    ///< signs receipts
  Address treasury;             ///< receives; its key stays closed
};
/// Opens the roles' keys, making missing ones when `create`.
Result<NodeKeys> open_node_keys(const fs::path& home, bool create, Random& random);

/// The composition root: every object of one node, wired once. `start` gives a running node; it stops when it dies.
class Node {
 public:
  static Result<std::unique_ptr<Node>> start(NodeConfig config);
  ~Node();
  std::uint16_t port() const;
  const std::string& public_url() const { return public_url_; }
  /// Asks the follower to look for new blocks now and waits until it has caught up once. False on time-out.
  bool catch_up_now(int timeout_ms);

 private:
  friend class OceanApi;
  friend class PeaberryApi;
  friend class NodeJobPorts;
  explicit Node(NodeConfig config);
  Status open();
  void follow();
  void maintain();
  Status open_desk();

  NodeConfig config_;
  std::string public_url_;
  SystemClock clock_;
  SystemRandom random_;
  Fd home_lock_;
  std::unique_ptr<net::Client> http_;
  std::unique_ptr<chain::Rpc> rpc_;
  chain::OceanAddresses addresses_;
  std::optional<settlement::Contracts> contracts_;  ///< where the chain has this project's
  std::unique_ptr<store::Database> database_;
  std::optional<NodeKeys> keys_;
  std::unique_ptr<chain::TxManager> sender_;
  std::unique_ptr<market::RequestAuth> auth_;
  std::unique_ptr<market::Trader> trader_;
  std::unique_ptr<market::DdoOpener> opener_;
  std::unique_ptr<storage::ContentStore> content_;
  std::unique_ptr<storage::Files> files_;
  std::unique_ptr<index::Indexer> indexer_;
  std::unique_ptr<index::Catalogue> catalogue_;
  std::unique_ptr<settlement::OceanEscrow> escrow_;
  std::unique_ptr<Environment> environment_;
  std::unique_ptr<EvidenceDesk> desk_;  ///< where the environment is paid by evidence
  std::unique_ptr<settlement::JobBook> book_;
  std::unique_ptr<settlement::Keeper> keeper_;
  std::unique_ptr<compute::Sandbox> sandbox_;
  std::string sandbox_problem_;
  std::unique_ptr<compute::JobStore> jobs_;
  std::unique_ptr<compute::JobPorts> ports_;
  HostedRuns hosted_;
  std::unique_ptr<compute::Runner> runner_;
  std::unique_ptr<class OceanApi> ocean_api_;
  std::unique_ptr<class PeaberryApi> peaberry_api_;
  std::unique_ptr<net::Server> server_;
  StopSignal follow_signal_, maintain_signal_;
  std::atomic<std::uint64_t> rounds_{0};   ///< finished catch-ups
  std::atomic<std::uint64_t> head_{0}, indexed_{0};
  std::thread follower_, maintainer_;
  std::uint64_t started_unix_ = 0;
};

}  // namespace peaberry::node
