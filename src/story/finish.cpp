// The books are closed: what both chains say of everybody's money, whether a row got out, and the page.
#include <fmt/core.h>

#include <cmath>
#include <peaberry/bindings/job_escrow.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/crypto/keys.hpp>

#include "accounts.hpp"
#include "canaries.hpp"
#include "page.hpp"
#include "story.hpp"

namespace peaberry::story {
namespace {

/// Names for a chain's contracts: the address file's own keys, in words where the story has some.
void name_contracts(const fs::path& file, Names& names) {
  static const std::map<std::string, std::string> kWords = {{"Ocean", "OCEAN"}, {"TestUSD", "TestUSD"}, {"Escrow", "Ocean escrow"}, {"FixedPrice", "exchange"}, {"JobEscrow", "job escrow"}, {"LeaseStream", "leases"}, {"ReverseAuction", "auction"},
                                                           {"QualityRegistry", "quality bonds"}, {"Subnet", "subnet"}, {"VoucherChannels", "channels"}, {"ERC3009DepositCollector", "deposit collector"}, {"OPFCommunityFeeCollector", "Ocean's fee collector"},
                                                           {"veOCEAN", "veOCEAN"}, {"Inbox", "inbox"}, {"BuyFor", "buyer for others"}, {"QuorumVerifier", "quorum stakes"}};
  const auto text = read_text(file);
  const auto document = text ? json::parse(*text) : Result<json::Value>(text.error());
  if (!document || !document->is_object()) return;
  for (const auto& network : document->get_object())
    if (network.value().is_object())
      for (const auto& entry : network.value().get_object())
        if (entry.value().is_string())
          if (const auto address = Address::parse(json::sv(entry.value().get_string()))) {
            const auto word = kWords.find(std::string(entry.key()));
            names[*address] = word == kWords.end() ? std::string(entry.key()) : word->second;
          }
}

}  // namespace

Status Story::finish() {
  const Words title{"The books", "账本"};
  stage_.begin("books", title);
  for (std::size_t i = 0; i < hosts_.size(); ++i) stage_.party("host" + std::to_string(i + 1)).cpu_seconds += hosts_[i].stop();
  if (!stage_.url_a.empty()) {
    stage_.party(winner_.empty() ? "developer" : winner_).cpu_seconds += toll_.stop() + model_server_.stop();
    stage_.party("worker").cpu_seconds += worker_server_.stop();
    stage_.party("seller").cpu_seconds += seller_server_.stop();
    stage_.party("owner").cpu_seconds += owner_server_.stop();
    stage_.party("market").cpu_seconds += market_server_.stop();
  }
  // Did a row get out? Everything that anybody but the owner and its hosts received or holds is searched.
  std::string everything;
  std::uint64_t bytes_out = 0;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(stage_.folder() / "received", code)) {
    const std::string who = entry.path().stem().string();
    if (who.starts_with("host")) continue;
    std::string received = read_text(entry.path(), std::uintmax_t{4} << 30).value_or("");
    if (who == "developer") bytes_out = received.size();
    everything += std::move(received);
  }
  for (const auto& party : stage_.parties) {
    if (party.name == "owner" || party.name.starts_with("host")) continue;
    for (const auto& entry : fs::recursive_directory_iterator(stage_.home(party.name), code))
      if (entry.is_regular_file()) everything += read_text(entry.path(), std::uintmax_t{4} << 30).value_or("");
  }
  const std::size_t leaks = count_leaks(canaries_, everything);
  stage_.tell({fmt::format("{} bytes reached the developer, {} crossed to hosts, sealed; rows that left: {}", bytes_out, bytes_to_hosts_, leaks), fmt::format("{} 字节到达开发者，{} 字节加密送达主机；外泄的行数：{}", bytes_out, bytes_to_hosts_, leaks)});

  Names names;
  name_contracts(stage_.addresses_a, names);
  if (!stage_.url_b.empty()) name_contracts(stage_.addresses_b, names);
  PB_TRY(bank_value, stage_.rpc_a().call("eth_accounts", {}));
  if (bank_value.is_array() && !bank_value.get_array().empty())
    if (const auto bank = Address::parse(json::sv(bank_value.get_array()[0].get_string()))) names[*bank] = "faucet";
  for (const auto& [text, name] : {std::pair<const std::string&, const char*>{clinic_, "clinic's contract"}, {router_, "revenue router"}, {governor_, "grants"}})
    if (const auto address = Address::parse(text); address && !text.empty()) names[*address] = name;
  PB_TRY(dead, Address::parse("0x000000000000000000000000000000000000dEaD"));
  names[dead] = "burned";
  PB_TRY(head, stage_.rpc_a().block_number());
  PB_TRY(doors, stage_.rpc_a().logs({.from_block = 0, .to_block = head, .addresses = {contracts_.escrow}, .topics0 = {bindings::job_escrow::DoorMadeEvent::topic()}}));
  for (const auto& log : doors) {
    PB_TRY(event, bindings::job_escrow::DoorMadeEvent::decode(log));
    names[event.door] = "door";
  }
  std::vector<ChainBook> books;
  PB_TRY(book_a, read_chain(stage_.rpc_a()));
  std::size_t checked = 0;
  PB_TRY(wrong_a, check_closure(stage_.rpc_a(), book_a, checked));
  books.push_back(std::move(book_a));
  if (!stage_.url_b.empty()) {
    PB_TRY(book_b, read_chain(stage_.rpc_b()));
    PB_TRY(wrong_b, check_closure(stage_.rpc_b(), book_b, checked));
    wrong_a.insert(wrong_a.end(), wrong_b.begin(), wrong_b.end());
    books.push_back(std::move(book_b));
  }
  if (!wrong_a.empty()) return fail(Errc::kInternal, "the books do not close: " + wrong_a.front());
  std::vector<PartyAccounts> parties;
  for (const auto& party : stage_.parties) parties.push_back({party.name, party.role.to_json(), {party.account, party.treasury}, party.cpu_seconds});
  const json::Object accounts = tell_accounts(books, names, parties);
  stage_.tell({fmt::format("the books close to the wei: {} balances of {} tokens and the gas coin agree with what was minted, on {} chains", checked, books[0].tokens.size() + (books.size() > 1 ? books[1].tokens.size() : 0), books.size()),
               fmt::format("账目精确到 wei：{} 条链上 {} 个余额与铸造量、gas 完全吻合", books.size(), checked)});
  // The income statement, in the story's own unit.
  const bool colour = isatty(STDERR_FILENO) != 0;
  const auto ocean = [](const std::string& wei) {
    const bool negative = wei.starts_with("-");
    return (negative ? -1 : 1) * U256::parse(negative ? wei.substr(1) : wei).value_or(U256{}).to_double() / 1e18;
  };
  std::fprintf(stderr, "\n          %-10s %12s %12s %12s %12s %14s\n", "OCEAN", "revenue", "compute", "other", "net", "gas (coins)");
  for (const auto& item : accounts.at("parties").as_array()) {
    const auto& party = item.as_object();
    const auto* units = json::find_object(party, "statement");
    const auto* row = units == nullptr ? nullptr : json::find_object(*units, "OCEAN");
    if (row == nullptr) continue;
    const double net = ocean(json::string_or(*row, "net"));
    std::fprintf(stderr, "          %-10s %12.6f %12.6f %12.6f %s%+12.6f%s %14.6f\n", json::string_or(party, "name").c_str(), ocean(json::string_or(*row, "revenue")), ocean(json::string_or(*row, "compute")), ocean(json::string_or(*row, "other")),
                 colour ? net < 0 ? "\033[31m" : "\033[32m" : "", net, colour ? "\033[0m" : "", ocean(json::string_or(party, "gas_wei")));
  }

  json::Object names_json;
  for (const auto& [address, name] : names) names_json[crypto::checksum_address(address)] = name;
  const fs::path model = stage_.home("developer") / (lease_winner_.empty() ? "first-model" : "model");
  const auto onnx = read_file(model / "model.onnx");
  json::Object story{{"version", 2}, {"seconds", std::round(stage_.seconds() * 1000) / 1000}, {"stations", stage_.stations}, {"steps", stage_.steps}, {"evidence", stage_.evidences}, {"names", names_json}, {"jobs", jobs_}, {"papers", papers_},
                     {"bytes_out", bytes_out}, {"bytes_to_hosts", bytes_to_hosts_}, {"rows_left", leaks}, {"canaries", canaries_.size()}, {"canaries_found", leaks}, {"model_file", fs::relative(model, stage_.folder()).string() + "/model.onnx"}, {"model_sha256", onnx ? crypto::sha256(*onnx).hex() : ""}};
  for (const auto& entry : accounts) story[entry.key()] = entry.value();
  if (!caught_.empty()) story["caught"] = caught_;
  PB_CHECK(write_file_atomic(stage_.folder() / "story.json", as_bytes(json::pretty(story) + "\n")));
  std::vector<std::string> plots, papers;
  for (const char* name : {"roc.svg", "learning_curve.svg"}) plots.push_back(read_text(model / name).value_or(""));
  for (const auto& paper : papers_)
    if (json::string_or(paper.as_object(), "kind") == "receipt") papers.push_back(read_text(stage_.folder() / json::string_or(paper.as_object(), "file")).value_or(""));
  PB_CHECK(write_file_atomic(stage_.folder() / "story.html", as_bytes(page(story, plots, papers))));
  if (leaks != 0) return fail(Errc::kInternal, "a row left the owner's and its hosts' machines", "see the received folder");
  return {};
}

}  // namespace peaberry::story
