#include "ocean.hpp"

namespace peaberry::chain {

Result<OceanAddresses> OceanAddresses::from_json(const json::Object& entry) {
  OceanAddresses out;
  PB_TRY(chain_id, json::uint_at(entry, "chainId"));
  out.chain_id = chain_id;
  out.start_block = json::uint_or(entry, "startBlock", 0);
  const std::pair<const char*, Address*> fields[] = {{"Ocean", &out.ocean},         {"Router", &out.router},         {"FixedPrice", &out.fixed_price},
                                                     {"Dispenser", &out.dispenser}, {"ERC721Factory", &out.factory}, {"Escrow", &out.escrow}};
  for (const auto& [name, slot] : fields) {
    PB_TRY(address, json::address_at(entry, name));
    *slot = address;
  }
  if (const auto usdc = json::address_at(entry, "MockUSDC")) out.usdc = *usdc;
  return out;
}

Result<OceanAddresses> OceanAddresses::load(const fs::path& file, std::uint64_t chain_id) {
  PB_TRY(text, read_text(file));
  PB_TRY(document, json::parse(text));
  PB_TRY(networks, json::as_object(document, file.string()));
  for (const auto& network : *networks)
    if (network.value().is_object() && json::uint_or(network.value().get_object(), "chainId", 0) == chain_id)
      return from_json(network.value().get_object());
  return fail(Errc::kNotFound, file.string() + " has no contracts for chain " + std::to_string(chain_id),
              "deploy them, or give the address file of that chain with --address-file");
}

}  // namespace peaberry::chain
