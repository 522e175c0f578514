#include <map>
#include <peaberry/base/log.hpp>
#include <peaberry/crypto/keys.hpp>
#include <peaberry/proof/pcs/srs.hpp>

#include "ledger.hpp"

namespace peaberry::ledger {
namespace {

using chain::abi::Type;
using chain::abi::Value;

using Artifacts = std::map<std::string, fs::path>;  ///< contract → its compiled JSON

Result<Artifacts> artifacts_below(const fs::path& root) {
  Artifacts out;
  std::error_code code;
  for (const auto& entry : fs::recursive_directory_iterator(root, code)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".json") && !name.ends_with(".dbg.json")) out[entry.path().stem().string()] = entry.path();
  }
  if (out.empty()) return fail(Errc::kNotFound, "there are no compiled contracts in " + root.string(), "run tools/setup and tools/contracts build");
  return out;
}

Result<Bytes> code_of(const Artifacts& artifacts, const std::string& name, std::string_view types, std::vector<Value> arguments) {
  const auto found = artifacts.find(name);
  if (found == artifacts.end()) return fail(Errc::kNotFound, "compiled contract " + name + " is missing", "run tools/setup");
  PB_TRY(text, read_text(found->second));
  PB_TRY(document, json::parse(text, {.max_bytes = std::size_t{64} << 20, .max_depth = 64}));
  PB_TRY(object, json::as_object(document, name));
  const auto* nested = json::find_object(*object, "bytecode");  // forge's form; Ocean's artefacts hold the text itself
  PB_TRY(bytecode, nested == nullptr ? json::string_at(*object, "bytecode") : json::string_at(*nested, "object"));
  PB_TRY(code, parse_hex(bytecode, name + " bytecode"));
  PB_TRY(type, Type::parse(types));
  PB_TRY(tail, chain::abi::encode(type, Value::list(std::move(arguments))));
  append(code, tail);
  return code;
}

/// Deploys and calls from an account that the local chain holds unlocked.
class Deployer {
 public:
  Deployer(chain::Rpc& rpc, const Clock& clock, Address owner) : rpc_(rpc), clock_(clock), owner_(owner) {}

  Status find_artifacts(const fs::path& root) {
    PB_TRY(found, artifacts_below(root));
    artifacts_ = std::move(found);
    return {};
  }

  Result<Address> deploy(const std::string& name, std::string_view types = "()", std::vector<Value> arguments = {}) {
    PB_TRY(code, code_of(artifacts_, name, types, std::move(arguments)));
    PB_TRY(receipt, send(std::nullopt, code, name));
    if (!receipt.contract_address) return fail(Errc::kInternal, "deploying " + name + " gave no address");
    last_block_ = receipt.block_number;
    return *receipt.contract_address;
  }

  Status call(const Address& to, std::string_view function, std::vector<Value> arguments) {
    const auto open = function.find('(');
    PB_TRY(type, Type::parse(function.substr(open)));
    PB_CHECK(send(to, chain::abi::encode_call(chain::abi::selector(function), type, Value::list(std::move(arguments))), function));
    return {};
  }

  std::uint64_t last_block() const { return last_block_; }

 private:
  Result<chain::Receipt> send(const std::optional<Address>& to, const Bytes& data, std::string_view what) {
    json::Object transaction{{"from", owner_.hex()}, {"data", hex0x(data)}, {"gas", "0x1ab3f00"}};  // 28 M
    if (to) transaction["to"] = to->hex();
    PB_TRY(result, rpc_.call("eth_sendTransaction", {transaction}));
    if (!result.is_string()) return fail(Errc::kInternal, "eth_sendTransaction gave no hash");
    PB_TRY(hash, Hash32::parse(json::sv(result.get_string())));
    for (int i = 0; i < 3000; ++i) {
      PB_TRY(receipt, rpc_.receipt(hash));
      if (receipt && receipt->success) return std::move(*receipt);
      if (receipt) return fail(Errc::kInternal, std::string(what) + " reverted while deploying");
      clock_.sleep_ms(2);
    }
    return fail(Errc::kTimeout, std::string(what) + " was not mined");
  }

  chain::Rpc& rpc_;
  const Clock& clock_;
  Address owner_;
  Artifacts artifacts_;
  std::uint64_t last_block_ = 0;
};

Value text(const char* value) { return Value::of(value); }

Result<std::vector<Address>> unlocked_accounts(chain::Rpc& rpc) {
  PB_TRY(reply, rpc.call("eth_accounts", {}));
  if (!reply.is_array() || reply.get_array().size() < 10)
    return fail(Errc::kUnsupported, "the chain holds no unlocked development accounts", "deploy the contracts with your own key");
  std::vector<Address> out;
  for (const auto& item : reply.get_array()) {
    PB_TRY(address, Address::parse(item.is_string() ? json::sv(item.get_string()) : "", "account"));
    out.push_back(address);
  }
  return out;
}

}  // namespace

Result<json::Object> deploy_ocean(chain::Rpc& rpc, const fs::path& artifacts, const Clock& clock) {
  PB_TRY(accounts, unlocked_accounts(rpc));
  const Address me = accounts[0];
  const auto mine = Value::of(me);
  const auto of = [](const Address& address) { return Value::of(address); };
  Deployer d(rpc, clock, me);
  PB_CHECK(d.find_artifacts(artifacts));
  const U256 ether{1'000'000'000'000'000'000};
  PB_TRY(dead, Address::parse("0x000000000000000000000000000000000000dead"));
  PB_TRY(chain_id, rpc.chain_id());
  PB_TRY(ocean, d.deploy("OceanToken", "(address)", {mine}));
  PB_CHECK(d.call(ocean, "mint(address,uint256)", {mine, Value::of(ether * U256{1'000'000})}));
  for (std::size_t i = 1; i < 10; ++i)
    PB_CHECK(d.call(ocean, "mint(address,uint256)", {of(accounts[i]), Value::of(ether * U256{100'000})}));
  PB_TRY(dai, d.deploy("MockERC20Decimals", "(string,string,uint8)", {text("DAI"), text("DAI"), Value::of(std::uint64_t{18})}));
  PB_TRY(usdc, d.deploy("MockERC20Decimals", "(string,string,uint8)", {text("USDC"), text("USDC"), Value::of(std::uint64_t{6})}));
  PB_TRY(opf, d.deploy("OPFCommunityFeeCollector", "(address,address)", {mine, mine}));
  PB_TRY(enterprise_fee, d.deploy("EnterpriseFeeCollector", "(address,address)", {mine, mine}));
  PB_TRY(router, d.deploy("FactoryRouter", "(address,address,address,address,address[])", {mine, of(ocean), of(dead), of(opf), Value::list({})}));
  const std::uint64_t start_block = d.last_block();
  PB_TRY(fixed, d.deploy("FixedRateExchange", "(address)", {of(router)}));
  PB_TRY(fixed_enterprise, d.deploy("FixedRateExchangeEnterprise", "(address,address)", {of(router), of(enterprise_fee)}));
  PB_TRY(template1, d.deploy("ERC20Template"));
  PB_TRY(template2, d.deploy("ERC20TemplateEnterprise"));
  PB_TRY(template3, d.deploy("ERC20Template3"));
  PB_TRY(template4, d.deploy("ERC20Template4"));
  PB_TRY(template721, d.deploy("ERC721Template"));
  PB_TRY(dispenser, d.deploy("Dispenser", "(address)", {of(router)}));
  PB_TRY(factory, d.deploy("ERC721Factory", "(address,address,address)", {of(template721), of(template1), of(router)}));
  for (const Address& more : {template2, template3, template4}) PB_CHECK(d.call(factory, "addTokenTemplate(address)", {of(more)}));
  PB_CHECK(d.call(router, "addFactory(address)", {of(factory)}));
  PB_CHECK(d.call(router, "addFixedRateContract(address)", {of(fixed)}));
  PB_CHECK(d.call(router, "addFixedRateContract(address)", {of(fixed_enterprise)}));
  PB_CHECK(d.call(router, "addDispenserContract(address)", {of(dispenser)}));
  PB_TRY(ve, d.deploy("veOCEAN", "(address,string,string,string)", {of(ocean), text("veOCEAN"), text("veOCEAN"), text("0.1.0")}));
  PB_TRY(allocate, d.deploy("veAllocate"));
  PB_TRY(delegation, d.deploy("veDelegation", "(string,string,string,address)", {text("Voting Escrow Boost Delegation"), text("veDelegation"), text(""), of(ve)}));
  PB_TRY(latest, rpc.latest_block());
  PB_TRY(distributor, d.deploy("veFeeDistributor", "(address,uint256,address,address,address)", {of(ve), Value::of(latest.timestamp), of(ocean), mine, mine}));
  PB_TRY(estimate, d.deploy("veFeeEstimate", "(address,address)", {of(ve), of(distributor)}));
  PB_TRY(checker, d.deploy("SmartWalletChecker"));
  PB_CHECK(d.call(ve, "commit_smart_wallet_checker(address)", {of(checker)}));
  PB_CHECK(d.call(ve, "apply_smart_wallet_checker()", {}));
  PB_TRY(splitter, d.deploy("Splitter", "(address[],uint256[])", {Value::list({mine}), Value::list({Value::of(std::uint64_t{100})})}));
  PB_TRY(vesting, d.deploy("VestingWalletLinear", "(address,uint64,uint64)", {of(splitter), Value::of(latest.timestamp), Value::of(std::uint64_t{31'536'000})}));
  PB_TRY(distribute, d.deploy("Distribute"));
  PB_TRY(batch, d.deploy("BatchPayments"));
  PB_TRY(escrow, d.deploy("Escrow", "(address,address)", {of(router), of(Address{})}));
  PB_TRY(enterprise_escrow, d.deploy("EnterpriseEscrow", "(address)", {of(enterprise_fee)}));
  PB_TRY(rewards, d.deploy("DFRewards"));
  PB_TRY(strategy, d.deploy("DFStrategyV1", "(address)", {of(rewards)}));
  PB_CHECK(d.call(rewards, "addStrategy(address)", {of(strategy)}));
  PB_TRY(helper, d.deploy("PredictoorHelper"));
  PB_TRY(access_list, d.deploy("AccessList"));
  PB_TRY(access_factory, d.deploy("AccessListFactory", "(address)", {of(access_list)}));

  const auto at = [](const Address& address) { return json::Value(crypto::checksum_address(address)); };
  return json::Object{{"chainId", chain_id}, {"Ocean", at(ocean)}, {"MockDAI", at(dai)}, {"MockUSDC", at(usdc)},
                      {"OPFCommunityFeeCollector", at(opf)}, {"EnterpriseFeeCollector", at(enterprise_fee)},
                      {"startBlock", start_block}, {"Router", at(router)}, {"FixedPrice", at(fixed)}, {"FixedPriceEnterprise", at(fixed_enterprise)},
                      {"ERC20Template", json::Object{{"1", at(template1)}, {"2", at(template2)}, {"3", at(template3)}, {"4", at(template4)}}},
                      {"ERC721Template", json::Object{{"1", at(template721)}}}, {"Dispenser", at(dispenser)}, {"ERC721Factory", at(factory)},
                      {"veOCEAN", at(ve)}, {"veAllocate", at(allocate)}, {"veDelegation", at(delegation)}, {"veFeeDistributor", at(distributor)},
                      {"veFeeEstimate", at(estimate)}, {"SmartWalletChecker", at(checker)}, {"Splitter", at(splitter)}, {"VestingWallet0", at(vesting)},
                      {"Distribute", at(distribute)}, {"BatchPayments", at(batch)}, {"Escrow", at(escrow)}, {"EnterpriseEscrow", at(enterprise_escrow)},
                      {"DFRewards", at(rewards)}, {"DFStrategyV1", at(strategy)}, {"PredictoorHelper", at(helper)}, {"AccessListFactory", at(access_factory)}};
}

Result<json::Object> deploy_settlement(chain::Rpc& rpc, const fs::path& artifacts, const Clock& clock) {
  constexpr std::uint64_t kUnbondingSeconds = 7 * 86'400;
  PB_TRY(accounts, unlocked_accounts(rpc));
  Deployer d(rpc, clock, accounts[0]);
  PB_CHECK(d.find_artifacts(artifacts));
  PB_TRY(escrow, d.deploy("JobEscrow"));
  PB_TRY(quorum, d.deploy("QuorumVerifier", "(uint64)", {Value::of(kUnbondingSeconds)}));
  PB_TRY(owner, d.deploy("OwnerAcceptVerifier"));
  PB_TRY(direct, d.deploy("DirectVerifier"));
  PB_TRY(tables, d.deploy("TableRegistry"));
  PB_TRY(models, d.deploy("ModelRegistry"));
  PB_TRY(splitters, d.deploy("LineageSplitters", "(address,address)", {Value::of(tables), Value::of(models)}));
  constexpr std::uint64_t kConfirmationSeconds = 12;  // a local chain has no forks of its own
  PB_TRY(channels, d.deploy("VoucherChannels"));
  PB_TRY(collector, d.deploy("ERC3009DepositCollector"));
  PB_TRY(leases, d.deploy("LeaseStream"));
  PB_TRY(auction, d.deploy("ReverseAuction", "(address)", {Value::of(leases)}));
  PB_TRY(quality, d.deploy("QualityRegistry", "(address)", {Value::of(tables)}));
  PB_TRY(subnet, d.deploy("Subnet"));
  PB_TRY(outbox, d.deploy("Outbox", "(uint64)", {Value::of(kConfirmationSeconds)}));
  PB_TRY(inbox, d.deploy("Inbox"));
  PB_TRY(usd, d.deploy("TestUSD"));
  PB_TRY(buy_for, d.deploy("BuyFor"));
  PB_TRY(zk, d.deploy("ZkVerifier", kTauType, {tau_argument(proof::Srs::local(4).tau().be())}));
  const auto at = [](const Address& address) { return json::Value(crypto::checksum_address(address)); };
  return json::Object{{"JobEscrow", at(escrow)},      {"QuorumVerifier", at(quorum)}, {"OwnerAcceptVerifier", at(owner)}, {"DirectVerifier", at(direct)},
                      {"TableRegistry", at(tables)}, {"ModelRegistry", at(models)},  {"LineageSplitters", at(splitters)}, {"VoucherChannels", at(channels)},
                      {"ERC3009DepositCollector", at(collector)}, {"LeaseStream", at(leases)}, {"ReverseAuction", at(auction)}, {"QualityRegistry", at(quality)},
                      {"Subnet", at(subnet)},        {"Outbox", at(outbox)},         {"Inbox", at(inbox)},                {"TestUSD", at(usd)},
                      {"BuyFor", at(buy_for)},       {"ZkVerifier", at(zk)}};
}

Value tau_argument(ByteView tau_g2) {
  PB_ASSERT(tau_g2.size() == 128);
  std::vector<Value> words;
  for (std::size_t i = 0; i < 4; ++i) words.push_back(Value::of(U256::from_be(tau_g2.subspan(32 * i, 32))));
  return Value::list(std::move(words));
}

Result<Bytes> creation_code(const std::string& name, std::string_view types, std::vector<Value> arguments) {
  PB_TRY(artifacts, artifacts_below(PEABERRY_CONTRACT_ARTIFACTS));
  return code_of(artifacts, name, types, std::move(arguments));
}

Status Ledger::fund(chain::Rpc& rpc, const Address& account, const U256& wei, const Address& token, const U256& token_amount) const {
  PB_TRY(accounts, rpc.call("eth_accounts", {}));
  if (!accounts.is_array() || accounts.get_array().empty()) return fail(Errc::kUnsupported, "the chain holds no unlocked development account");
  const std::string bank(json::sv(accounts.get_array()[0].get_string()));
  static const Type kTransfer = *Type::parse("(address,uint256)");
  std::vector<json::Object> transactions;
  if (!wei.is_zero()) transactions.push_back({{"from", bank}, {"to", account.hex()}, {"value", wei.hex()}});
  if (!token_amount.is_zero())
    transactions.push_back({{"from", bank}, {"to", token.hex()},
                            {"data", hex0x(chain::abi::encode_call(chain::abi::selector("transfer(address,uint256)"), kTransfer, Value::list({Value::of(account), Value::of(token_amount)})))}});
  for (const auto& transaction : transactions) {
    PB_TRY(sent, rpc.call("eth_sendTransaction", {transaction}));
    PB_TRY(hash, Hash32::parse(sent.is_string() ? json::sv(sent.get_string()) : ""));
    std::optional<chain::Receipt> receipt;
    for (int i = 0; i < 2000 && !receipt; ++i) {
      PB_TRY(found, rpc.receipt(hash));
      receipt = std::move(found);
      if (!receipt) SystemClock{}.sleep_ms(2);
    }
    if (!receipt || !receipt->success) return fail(Errc::kPayment, "the development account could not fund " + account.hex());
  }
  return {};
}

}  // namespace peaberry::ledger
