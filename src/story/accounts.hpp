#pragma once

#include <map>
#include <peaberry/base/json.hpp>
#include <peaberry/chain/rpc.hpp>

namespace peaberry::story {

/// Everything that moved on one chain since its first block, read from the chain alone.
struct Move {
  Address from, to;
  U256 amount;
};
struct TokenBook {
  Address token;
  std::string symbol;
  unsigned decimals = 18;
  U256 minted, burned;  ///< from and to the zero address
  struct Holder {
    U256 in, out;
  };
  std::map<Address, Holder> holders;
  std::vector<Move> moves;
};
struct CoinBook {
  std::uint64_t gas = 0;
  U256 fees;            ///< Σ gasUsed × effectiveGasPrice
  U256 burned;          ///< Σ gasUsed × baseFee
  struct Account {
    std::uint64_t gas = 0;
    U256 fees, sent, received;
  };
  std::map<Address, Account> accounts;
  Address coinbase;
};
struct ChainBook {
  std::uint64_t chain_id = 0, head = 0, transactions = 0;
  std::vector<TokenBook> tokens;
  CoinBook coin;
};
/// Reads blocks, receipts and ERC-20 transfers up to `head` (0: the newest block).
Result<ChainBook> read_chain(chain::Rpc& rpc, std::uint64_t head = 0);

/// Holds the book against the contracts' own balances: for each token, every holder has what came in less what went out, and all of them together
/// what was minted; for the coin, every account has what it was given less what it sent and its gas, and all together the allotments less the base
/// fees. Returns what does not agree; `checked` counts the comparisons.
Result<std::vector<std::string>> check_closure(chain::Rpc& rpc, const ChainBook& book, std::size_t& checked);

/// Who is who.
using Names = std::map<Address, std::string>;
struct PartyAccounts {
  std::string name;
  json::Object role;
  std::vector<Address> accounts;
  double cpu_seconds = 0;
};
/// The story's books for people: {chains, parties, flows}. A party's statement has for each token revenue, compute, storage, other costs and net,
/// and its gas; flows are sums between names.
json::Object tell_accounts(const std::vector<ChainBook>& books, const Names& names, const std::vector<PartyAccounts>& parties);

}  // namespace peaberry::story
