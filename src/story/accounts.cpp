#include "accounts.hpp"

#include <algorithm>
#include <cmath>
#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/crypto/keys.hpp>
#include <set>

namespace peaberry::story {
namespace {

namespace token_contract = bindings::erc20_template;

Result<TokenBook> open_token(chain::Rpc& rpc, const Address& address) {
  TokenBook out;
  out.token = address;
  PB_TRY(decimals_reply, rpc.eth_call({.to = address, .data = token_contract::decimals()}));
  PB_TRY(decimals, token_contract::decode_decimals(decimals_reply));
  out.decimals = static_cast<unsigned>(decimals.low64());
  PB_TRY(symbol_reply, rpc.eth_call({.to = address, .data = token_contract::symbol()}));
  PB_TRY(symbol, token_contract::decode_symbol(symbol_reply));
  out.symbol = symbol.substr(0, 32);
  return out;
}

/// A signed sum of unsigned amounts.
struct Net {
  U256 in, out;
  bool negative() const { return out > in; }
  U256 size() const { return negative() ? out - in : in - out; }
  std::string text() const { return (negative() ? "-" : "") + size().dec(); }
};

/// What a machine's time is paid through.
bool is_compute(const std::string& name) { return name == "leases" || name == "auction" || name == "Ocean escrow" || name == "door"; }

}  // namespace

Result<ChainBook> read_chain(chain::Rpc& rpc, std::uint64_t head) {
  ChainBook out;
  PB_TRY(id, rpc.chain_id());
  PB_TRY(newest, rpc.block_number());
  out.chain_id = id, out.head = head == 0 ? newest : head;
  PB_TRY(logs, rpc.logs({.from_block = 0, .to_block = out.head, .addresses = {}, .topics0 = {token_contract::TransferEvent::topic()}}));
  std::map<Address, TokenBook> tokens;
  for (const auto& log : logs) {
    if (log.topic_count != 3 || log.data.size() != 32) continue;  // an NFT's transfer has its id among the topics
    auto found = tokens.find(log.address);
    if (found == tokens.end()) {
      PB_TRY(opened, open_token(rpc, log.address));
      found = tokens.emplace(log.address, std::move(opened)).first;
    }
    PB_TRY(event, token_contract::TransferEvent::decode(log));
    TokenBook& book = found->second;
    if (event.from.is_zero()) book.minted += event.value;
    else book.holders[event.from].out += event.value;
    if (event.to.is_zero()) book.burned += event.value;
    else book.holders[event.to].in += event.value;
    book.moves.push_back({event.from, event.to, event.value});
  }
  for (auto& [address, book] : tokens) out.tokens.push_back(std::move(book));
  for (std::uint64_t number = 1; number <= out.head; ++number) {
    PB_TRY(value, rpc.call("eth_getBlockByNumber", {chain::quantity(number), true}));
    PB_TRY(block, json::as_object(value, "block"));
    PB_TRY(list, json::array_at(*block, "transactions"));
    PB_TRY(miner, json::address_at(*block, "miner"));
    const U256 base_fee = json::find(*block, "baseFeePerGas") == nullptr ? U256{} : json::u256_at(*block, "baseFeePerGas").value_or(U256{});
    out.coin.coinbase = miner;
    for (const auto& item : *list) {
      PB_TRY(transaction, json::as_object(item, "transaction"));
      PB_TRY(hash, json::hash_at(*transaction, "hash"));
      PB_TRY(amount, json::u256_at(*transaction, "value"));
      PB_TRY(receipt, rpc.receipt(hash));
      if (!receipt) return fail(Errc::kUnavailable, "transaction " + hash.hex() + " has no receipt");
      ++out.transactions;
      const U256 fee = U256{receipt->gas_used} * receipt->effective_gas_price;
      auto& sender = out.coin.accounts[receipt->from];
      sender.gas += receipt->gas_used, sender.fees += fee;
      out.coin.gas += receipt->gas_used, out.coin.fees += fee, out.coin.burned += U256{receipt->gas_used} * base_fee;
      if (amount.is_zero() || !receipt->success) continue;
      sender.sent += amount;
      if (const auto to = json::address_at(*transaction, "to")) out.coin.accounts[*to].received += amount;
    }
  }
  return out;
}

Result<std::vector<std::string>> check_closure(chain::Rpc& rpc, const ChainBook& book, std::size_t& checked) {
  std::vector<std::string> wrong;
  const std::string where = "chain " + std::to_string(book.chain_id) + ", ";
  const auto expect = [&](bool good, const std::string& what) {
    ++checked;
    if (!good) wrong.push_back(where + what);
  };
  for (const auto& token : book.tokens) {
    Net total;
    for (const auto& [holder, sums] : token.holders) {
      PB_TRY(reply, rpc.eth_call({.to = token.token, .data = token_contract::balance_of(holder)}));
      PB_TRY(balance, token_contract::decode_balance_of(reply));
      expect(sums.in >= sums.out && balance == sums.in - sums.out, token.symbol + ": " + crypto::checksum_address(holder) + " holds " + balance.dec() + ", its transfers give " + Net{sums.in, sums.out}.text());
      total.in += balance;
    }
    expect(total.in == token.minted - token.burned, token.symbol + ": all holders have " + total.in.dec() + ", minted are " + (token.minted - token.burned).dec());
    PB_TRY(reply, rpc.eth_call({.to = token.token, .data = token_contract::total_supply()}));
    PB_TRY(supply, token_contract::decode_total_supply(reply));
    expect(supply == total.in, token.symbol + ": its supply is " + supply.dec());
  }
  // The local chain gave its development accounts equal allotments; one that never sent anything shows how much.
  PB_TRY(developers, rpc.call("eth_accounts", {}));
  std::set<Address> allotted;
  U256 allotment;
  if (developers.is_array())
    for (const auto& item : developers.get_array()) {
      PB_TRY(account, Address::parse(item.is_string() ? json::sv(item.get_string()) : "", "account"));
      allotted.insert(account);
      if (book.coin.accounts.contains(account)) continue;
      PB_TRY(balance, rpc.balance(account));
      allotment = std::max(allotment, balance);
    }
  U256 all;
  const U256 tips = book.coin.fees - book.coin.burned;
  for (const auto& [account, sums] : book.coin.accounts) {
    PB_TRY(balance, rpc.balance(account));
    Net expected{sums.received, sums.sent + sums.fees};
    if (allotted.contains(account)) expected.in += allotment;
    if (account == book.coin.coinbase) expected.in += tips;
    expect(!expected.negative() && balance == expected.size(), "coin: " + crypto::checksum_address(account) + " has " + balance.dec() + ", its transactions give " + expected.text());
    all += balance;
  }
  if (!book.coin.accounts.contains(book.coin.coinbase)) {
    PB_TRY(balance, rpc.balance(book.coin.coinbase));
    expect(balance == tips, "coin: the coinbase has " + balance.dec() + ", tips were " + tips.dec());
    all += balance;
  }
  std::uint64_t active = 0;
  for (const auto& account : allotted) active += book.coin.accounts.contains(account) ? 1 : 0;
  expect(all + book.coin.burned == allotment * U256{active}, "coin: balances and burned base fees are " + (all + book.coin.burned).dec() + ", allotments " + (allotment * U256{active}).dec());
  return wrong;
}

json::Object tell_accounts(const std::vector<ChainBook>& books, const Names& names, const std::vector<PartyAccounts>& parties) {
  std::map<Address, std::string> owners;
  for (const auto& party : parties)
    for (const auto& account : party.accounts) owners[account] = party.name;
  const auto name_of = [&](const Address& address) -> std::string {
    if (const auto party = owners.find(address); party != owners.end()) return party->second;
    if (const auto known = names.find(address); known != names.end()) return known->second;
    return crypto::checksum_address(address).substr(0, 10) + "…";
  };
  json::Array chains, party_rows, flows;
  struct Statement {
    std::map<std::string, Net> by;  ///< counterparty → what came and went
    Net funded;
  };
  std::map<std::string, std::map<std::string, Statement>> statements;  // party → unit → …
  std::map<std::string, std::map<std::pair<std::string, std::string>, U256>> sums;
  std::map<std::string, std::pair<std::uint64_t, U256>> gas;
  for (const auto& book : books) {
    json::Array tokens;
    const std::string suffix = book.chain_id == 8996 ? "" : "@" + std::to_string(book.chain_id);
    for (const auto& token : book.tokens) {
      json::Object changes;
      for (const auto& [holder, holding] : token.holders) changes[crypto::checksum_address(holder)] = Net{holding.in, holding.out}.text();
      tokens.push_back(json::Object{{"token", crypto::checksum_address(token.token)}, {"symbol", token.symbol}, {"decimals", token.decimals}, {"minted", token.minted.dec()}, {"burned", token.burned.dec()}, {"holders", changes}});
      const auto known_token = names.find(token.token);
      const bool money = known_token != names.end() && (known_token->second == "OCEAN" || known_token->second == "TestUSD");
      const std::string unit = (money ? known_token->second : token.symbol) + suffix;
      for (const auto& move : token.moves) {
        const std::string from = move.from.is_zero() ? "mint" : name_of(move.from), to = move.to.is_zero() ? "redeemed" : name_of(move.to);
        if (from == to || !money) continue;
        const bool funding = from == "faucet" || from == "mint";
        if (!funding) sums[unit][{from, to}] += move.amount;
        if (owners.contains(move.to)) {
          auto& statement = statements[to][unit];
          (funding ? statement.funded : statement.by[from]).in += move.amount;
        }
        if (owners.contains(move.from)) statements[from][unit].by[to].out += move.amount;
      }
    }
    json::Object coin{{"gas", book.coin.gas}, {"fees", book.coin.fees.dec()}, {"burned", book.coin.burned.dec()}};
    chains.push_back(json::Object{{"chainId", book.chain_id}, {"block", book.head}, {"transactions", book.transactions}, {"tokens", tokens}, {"coin", coin}});
    for (const auto& [account, spent] : book.coin.accounts)
      if (const auto owner = owners.find(account); owner != owners.end()) gas[owner->second].first += spent.gas, gas[owner->second].second += spent.fees;
  }
  for (const auto& [unit, pairs] : sums)
    for (const auto& [pair, amount] : pairs) flows.push_back(json::Object{{"unit", unit}, {"from", pair.first}, {"to", pair.second}, {"amount", amount.dec()}});
  for (const auto& party : parties) {
    json::Object units;
    for (const auto& [unit, statement] : statements[party.name]) {
      Net revenue, compute, other, net;
      for (const auto& [name, flow] : statement.by) {
        (flow.negative() ? is_compute(name) ? compute.out : other.out : revenue.in) += flow.size();
        net.in += flow.in, net.out += flow.out;
      }
      units[unit] = json::Object{{"funded", statement.funded.in.dec()}, {"revenue", revenue.in.dec()}, {"compute", compute.out.dec()}, {"storage", "0"}, {"other", other.out.dec()}, {"net", net.text()}};
    }
    json::Array accounts;
    for (const auto& account : party.accounts) accounts.push_back(json::Value(crypto::checksum_address(account)));
    party_rows.push_back(json::Object{{"name", party.name}, {"role", party.role}, {"accounts", accounts}, {"statement", units}, {"gas", gas[party.name].first}, {"gas_wei", gas[party.name].second.dec()}, {"cpu_s", std::round(party.cpu_seconds * 1000) / 1000}});
  }
  return {{"chains", chains}, {"parties", party_rows}, {"flows", flows}};
}

}  // namespace peaberry::story
