#pragma once

#include <peaberry/chain/abi.hpp>
#include <peaberry/chain/ocean.hpp>
#include <peaberry/chain/rpc.hpp>

namespace peaberry::ledger {

/// The mnemonic that Ocean's tools expect on chain 8996. Its keys are public: local chains only.
inline constexpr const char* kDevMnemonic = "taxi music thumb unique chat sand crew more leg another off lamp";

struct LedgerOptions {
  fs::path folder;               ///< state.json, anvil.json (pid file), anvil.log, address.json
  std::uint16_t port = 8545;     ///< 0: any free port
  std::uint64_t chain_id = 8996;
  int state_interval_seconds = 2;
  bool deploy_ocean = true;
  std::size_t states_kept = 0;   ///< states of past blocks in memory, none on disk; 0: all, the older ones on disk
  fs::path anvil = {};           ///< empty: PEABERRY_ANVIL, then the npm package, then PATH
};

/// The embedded chain for trying and for tests: an anvil process in a session of its own, so that it outlives the
/// node. `start` attaches to a running one (pid, start time and genesis hash must fit) or starts it from the state on
/// disk; then deploys Ocean's contracts when they are missing and writes `address.json`.
class Ledger {
 public:
  static Result<Ledger> start(const LedgerOptions& options, net::Client& client, const Clock& clock, Random& random);

  /// A running one, to stop it; touches nothing.
  static Result<Ledger> attach(const fs::path& folder);
  const std::string& url() const { return url_; }
  pid_t pid() const { return pid_; }
  bool attached() const { return attached_; }        ///< found running
  bool deployed() const { return deployed_; }        ///< this start deployed the contracts
  std::uint64_t lost_blocks() const { return lost_blocks_; }  ///< the state on disk was so much shorter than last seen
  fs::path address_file() const { return folder_ / "address.json"; }
  /// Remembers the height, so that a later start can say what a hard end of anvil lost.
  Status note_height(std::uint64_t height) const;
  /// Gives `account` coins and Ocean tokens from the development mnemonic's first account.
  Status fund(chain::Rpc& rpc, const Address& account, const U256& wei, const Address& token, const U256& token_amount) const;
  /// Ends anvil gently (it writes its state) and waits.
  Status stop();

 private:
  Status ensure_settlement(chain::Rpc& rpc, const Clock& clock);
  fs::path folder_;
  std::string url_;
  std::uint64_t chain_id_ = 0;
  Hash32 genesis_;
  pid_t pid_ = 0;
  bool attached_ = false;
  bool deployed_ = false;
  std::uint64_t lost_blocks_ = 0;
};

/// A port of the loopback that was free a moment ago; 0: none.
std::uint16_t free_port();

/// Deploys the whole Ocean V4 set from the development mnemonic's first account, in the order of Ocean's own script, so
/// that the addresses are the ones that its tools know. Returns the `development` entry.
Result<json::Object> deploy_ocean(chain::Rpc& rpc, const fs::path& artifacts, const Clock& clock);
/// Deploys this project's contracts from the same account. Returns their names and addresses, for the same entry.
Result<json::Object> deploy_settlement(chain::Rpc& rpc, const fs::path& artifacts, const Clock& clock);

/// The creation code of one of this project's contracts with its constructor's arguments.
Result<Bytes> creation_code(const std::string& name, std::string_view types, std::vector<chain::abi::Value> arguments);

/// The constructor's argument of ZkVerifier: [τ]_2 in EIP-197's order, 128 bytes.
inline constexpr const char* kTauType = "((uint256,uint256,uint256,uint256))";
chain::abi::Value tau_argument(ByteView tau_g2);

}  // namespace peaberry::ledger
