#include "contracts.hpp"

namespace peaberry::settlement {

Result<Contracts> Contracts::load(const fs::path& file, std::uint64_t chain_id) {
  PB_TRY(text, read_text(file));
  PB_TRY(document, json::parse(text));
  PB_TRY(networks, json::as_object(document, file.string()));
  for (const auto& network : *networks) {
    if (!network.value().is_object() || json::uint_or(network.value().get_object(), "chainId", 0) != chain_id) continue;
    const auto& entry = network.value().get_object();
    Contracts out;
    out.chain_id = chain_id;
    out.start_block = json::uint_or(entry, "startBlock", 0);
    const std::pair<const char*, Address*> fields[] = {{"JobEscrow", &out.escrow},       {"QuorumVerifier", &out.quorum}, {"OwnerAcceptVerifier", &out.owner_accept},
                                                       {"DirectVerifier", &out.direct},  {"TableRegistry", &out.tables},  {"ModelRegistry", &out.models},
                                                       {"LineageSplitters", &out.splitters}};
    for (const auto& [name, slot] : fields) {
      const auto address = json::address_at(entry, name);
      if (!address) return fail(Errc::kNotFound, file.string() + " names no " + name + " on chain " + std::to_string(chain_id), "deploy the contracts: peaberry up does so on the embedded chain");
      *slot = *address;
    }
    const std::pair<const char*, Address*> stations[] = {{"VoucherChannels", &out.channels}, {"ERC3009DepositCollector", &out.deposit_collector}, {"LeaseStream", &out.leases}, {"ReverseAuction", &out.auction},
                                                         {"QualityRegistry", &out.quality},  {"Subnet", &out.subnet},                           {"Outbox", &out.outbox},      {"Inbox", &out.inbox},
                                                         {"TestUSD", &out.test_usd}, {"BuyFor", &out.buy_for},                  {"ZkVerifier", &out.zk}};
    for (const auto& [name, slot] : stations)
      if (entry.contains(name)) {
        PB_TRY(address, json::address_at(entry, name));
        *slot = address;
      }
    return out;
  }
  return fail(Errc::kNotFound, file.string() + " has no contracts for chain " + std::to_string(chain_id), "give the address file of that chain with --address-file");
}

}  // namespace peaberry::settlement
