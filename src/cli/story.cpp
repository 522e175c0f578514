#include "story.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include <peaberry/base/bytes.hpp>
#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/ledger/ledger.hpp>
#include <peaberry/net/http.hpp>

#include "commands.hpp"

namespace peaberry::cli {

std::vector<std::string> leak_forms(const std::string& text) {
  std::vector<std::string> out = {text, to_lower(text)};
  std::string upper = text;
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  out.push_back(upper);
  out.push_back(hex(as_bytes(text)));
  std::string upper_hex = out.back();
  std::transform(upper_hex.begin(), upper_hex.end(), upper_hex.begin(), [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c; });
  out.push_back(upper_hex);
  for (std::size_t skip = 0; skip < 3; ++skip) {  // base64 of the text inside a longer stream: drop the bits its neighbours share
    const std::string encoded = base64(as_bytes(std::string(skip, 'x') + text));
    const std::size_t from = skip == 0 ? 0 : 4, whole = (skip + text.size()) / 3 * 4;
    if (whole > from + 8) out.push_back(encoded.substr(from, whole - from));
  }
  out.push_back(net::url_encode(text));
  const std::string quoted = json::stringify(json::Value(text));
  out.push_back(quoted.substr(1, quoted.size() - 2));
  out.emplace_back(text.rbegin(), text.rend());
  std::string wide;
  for (const char c : text) wide += {c, '\0'};
  out.push_back(wide);
  return out;
}

std::size_t count_leaks(const std::vector<std::string>& texts, std::string_view received) {
  std::size_t found = 0;
  for (const auto& text : texts) {
    const auto forms = leak_forms(text);
    found += std::any_of(forms.begin(), forms.end(), [&](const std::string& form) { return received.find(form) != std::string_view::npos; }) ? 1 : 0;
  }
  return found;
}

namespace {

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      default: out.push_back(c);
    }
  }
  return out;
}

double ocean(const std::string& wei) {
  const bool negative = wei.starts_with("-");
  const double value = U256::parse(negative ? wei.substr(1) : wei).value_or(U256{}).to_double() / 1e18;
  return negative ? -value : value;
}

/// A Sankey of token flows: sources left, the exchange and the escrow in the middle, receivers right.
std::string sankey(const json::Array& flows) {
  const std::map<std::string, int> columns = {{"developer", 0}, {"exchange", 1}, {"escrow", 1}, {"owner", 2}, {"market", 2}, {"Ocean community fee", 2}};
  const auto column = [&](const std::string& name) {
    const auto found = columns.find(name);
    return found == columns.end() ? 2 : found->second;
  };
  struct Node {
    double in = 0, out = 0, y = 0, used_in = 0, used_out = 0;
    double size() const { return std::max(in, out); }
  };
  std::map<std::string, Node> nodes;
  double total = 0;
  for (const auto& item : flows) {
    const auto& flow = item.as_object();
    const double amount = ocean(json::string_or(flow, "amount"));
    nodes[json::string_or(flow, "from")].out += amount;
    nodes[json::string_or(flow, "to")].in += amount;
  }
  for (const auto& [name, node] : nodes)
    if (column(name) == 0) total += node.size();
  const double scale = total > 0 ? 200 / total : 1;
  double next[3] = {30, 30, 30};
  for (auto& [name, node] : nodes) {
    double& y = next[column(name)];
    node.y = y;
    y += std::max(node.size() * scale, 2.0) + 34;
  }
  std::string out = fmt::format("<svg viewBox=\"0 0 900 {:.0f}\" role=\"img\" aria-label=\"Who paid whom\">", std::max({next[0], next[1], next[2]}) + 20);
  constexpr double kX[] = {40, 400, 760};
  for (const auto& item : flows) {
    const auto& flow = item.as_object();
    Node &from = nodes[json::string_or(flow, "from")], &to = nodes[json::string_or(flow, "to")];
    const double amount = ocean(json::string_or(flow, "amount")), thick = std::max(amount * scale, 1.0);
    const double x0 = kX[column(json::string_or(flow, "from"))] + 16, x1 = kX[column(json::string_or(flow, "to"))];
    const double y0 = from.y + from.used_out + thick / 2, y1 = to.y + to.used_in + thick / 2, middle = (x0 + x1) / 2;
    from.used_out += thick, to.used_in += thick;
    out += fmt::format("<path d=\"M{:.1f} {:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}\" fill=\"none\" stroke=\"#8a4b2a\" stroke-opacity=\".35\" stroke-width=\"{:.1f}\"><title>{} → {}: {:.6f} OCEAN</title></path>", x0, y0, middle, y0,
                       middle, y1, x1, y1, thick, escape(json::string_or(flow, "from")), escape(json::string_or(flow, "to")), amount);
  }
  for (const auto& [name, node] : nodes)
    out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"16\" height=\"{:.1f}\" fill=\"#3d2314\"/><text x=\"{:.1f}\" y=\"{:.1f}\">{} {:.4f}</text>", kX[column(name)], node.y, std::max(node.size() * scale, 2.0), kX[column(name)] - (column(name) == 2 ? 40 : 0),
                       node.y - 6, escape(name), node.size());
  return out + "</svg>";
}

}  // namespace

std::string story_html(const json::Object& story, const std::string& metrics_json, const std::vector<std::string>& svgs, const std::vector<std::string>& receipts) {
  std::string steps, parties, plots, papers;
  if (const auto* list = json::find_array(story, "steps"))
    for (const auto& item : *list) {
      const auto& step = item.as_object();
      const auto* seconds = json::find(step, "seconds");
      steps += fmt::format("<tr><td>{}</td><td class=n>{}</td><td class=n>{:.2f}</td><td><code>{}</code></td></tr>", escape(json::string_or(step, "name")), json::uint_or(step, "gas", 0), seconds != nullptr && seconds->is_number() ? seconds->to_number<double>() : 0.0,
                           escape(json::string_or(step, "tx").substr(0, 18)));
    }
  if (const auto* list = json::find_array(story, "parties"))
    for (const auto& item : *list) {
      const auto& party = item.as_object();
      parties += fmt::format("<tr><td>{}</td><td class=n>{:.6f}</td><td class=n>{:.6f}</td><td class=n>{:+.6f}</td><td class=n>{}</td><td class=n>{:.6f}</td><td class=n>{:.2f}</td></tr>", escape(json::string_or(party, "name")), ocean(json::string_or(party, "before")),
                             ocean(json::string_or(party, "after")), ocean(json::string_or(party, "net")), json::uint_or(party, "gas", 0), ocean(json::string_or(party, "gas_wei")), party.at("cpu_s").to_number<double>());
    }
  for (const auto& svg : svgs) plots += "<div class=plot>" + svg + "</div>";
  for (const auto& receipt : receipts)
    if (const auto document = json::parse(receipt)) papers += "<pre>" + escape(json::pretty(*document)) + "</pre>";
  std::string figures;
  if (const auto document = json::parse(metrics_json); document && document->is_object())
    for (const char* name : {"auc", "accuracy", "balancedAccuracy", "logLoss"})
      if (const auto* figure = json::find_object(document->get_object(), name))
        figures += fmt::format("<tr><td>{}</td><td class=n>{:.4f}</td><td class=n>[{:.4f}, {:.4f}]</td></tr>", name, figure->at("value").to_number<double>(), figure->at("low95").to_number<double>(), figure->at("high95").to_number<double>());
  const auto* flows = json::find_array(story, "flows");
  const std::string evidence = json::string_or(story, "evidence", "unchecked");
  const std::string trust = evidence == "unchecked" ? "The run itself is <em>unchecked</em>: that this model came from this table rests on the node's signature. Evidence replaces that trust: make demo EVIDENCE=quorum."
                                                    : "The machine was paid by evidence: <em>" + evidence + "</em> members ran the job again and found the same bytes. Its rows were seen by them, as the owner's listing admits; a forged output was refused.";
  return fmt::format(
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><title>Peaberry: the first sale</title><style>"
      "body{{font:16px/1.5 system-ui,sans-serif;color:#2b1a10;background:#fbf7f2;max-width:60rem;margin:2rem auto;padding:0 1rem}}h1{{font-size:1.8rem}}"
      "table{{border-collapse:collapse;width:100%;margin:1rem 0}}td,th{{border-bottom:1px solid #e2d5c8;padding:.3rem .5rem;text-align:left}}.n{{text-align:right;font-variant-numeric:tabular-nums}}"
      "pre{{background:#f1e8dd;padding:1rem;overflow:auto;font-size:.8rem;max-height:24rem}}.plot{{display:inline-block;width:48%}}svg{{width:100%}}.big{{display:flex;gap:2rem;flex-wrap:wrap}}.big b{{font-size:2rem;display:block}}</style>"
      "<h1>A table was used. It never left.</h1><div class=big><div><b>{}</b>bytes reached the developer</div><div><b>{} of {}</b>canary rows among them</div><div><b>{}</b>model.onnx (sha256)</div></div>"
      "<p>{}</p>"
      "<h2>Who paid whom (OCEAN)</h2>{}<h2>Parties</h2><table><tr><th>party<th class=n>before<th class=n>after<th class=n>net<th class=n>gas<th class=n>gas paid (coins)<th class=n>CPU s</tr>{}</table>"
      "<h2>The model</h2><table><tr><th>figure<th class=n>value<th class=n>95 % interval</tr>{}</table>{}<h2>Steps</h2><table><tr><th>step<th class=n>gas<th class=n>seconds<th>transaction</tr>{}</table><h2>Receipt</h2>{}</html>\n",
      json::uint_or(story, "bytes_out", 0), json::uint_or(story, "canaries_found", 0), json::uint_or(story, "canaries", 0), json::string_or(story, "model_sha256").substr(0, 12), trust, flows != nullptr ? sankey(*flows) : "", parties, figures, plots, steps,
      papers);
}

Result<Output> check_story(Context& context, const std::string& folder_text) {
  const fs::path folder = fs::absolute(folder_text);
  PB_TRY(text, read_text(folder / "story.json"));
  PB_TRY(document, json::parse(text));
  PB_TRY(story, json::as_object(document, "story.json"));
  // The demo stopped its chain; its state is on disk. Start it again only to read.
  PB_TRY(ledger, ledger::Ledger::start({.folder = folder / "owner" / "ledger", .port = 0, .deploy_ocean = false}, context.http(), context.clock(), context.random()));
  struct Stopper {
    ledger::Ledger& chain;
    bool ours;
    ~Stopper() {
      if (ours) (void)chain.stop().has_value();
    }
  } stopper{ledger, !ledger.attached()};
  chain::Rpc rpc(context.http(), {.urls = {ledger.url()}, .chain_id = 8996}, context.clock(), context.random());
  std::vector<std::string> wrong;
  std::size_t checked = 0;
  const auto expect = [&](bool good, const std::string& what) {
    ++checked;
    if (!good) wrong.push_back(what);
  };
  PB_TRY(token, json::address_at(*story, "token"));
  PB_TRY(steps, json::array_at(*story, "steps"));
  for (const auto& item : *steps) {
    const auto& step = item.as_object();
    const std::string transaction = json::string_or(step, "tx");
    if (transaction.empty()) continue;
    PB_TRY(hash, Hash32::parse(transaction, "tx"));
    PB_TRY(receipt, rpc.receipt(hash));
    expect(receipt && receipt->success, json::string_or(step, "name") + ": transaction " + transaction + " is not on chain");
    if (receipt) expect(receipt->gas_used == json::uint_or(step, "gas", 0), json::string_or(step, "name") + ": gas is " + std::to_string(receipt->gas_used) + " on chain");
  }
  PB_TRY(head, rpc.block_number());
  expect(head == json::uint_or(*story, "block", 0), "the chain is at block " + std::to_string(head));
  PB_TRY(logs, rpc.logs({.from_block = 0, .to_block = head, .addresses = {token}, .topics0 = {bindings::erc20_template::TransferEvent::topic()}}));
  PB_TRY(parties, json::array_at(*story, "parties"));
  std::uint64_t first_sale_block = head + 1;
  for (const auto& item : *steps)
    if (const auto hash = Hash32::parse(json::string_or(item.as_object(), "tx")); hash && !json::string_or(item.as_object(), "tx").empty())
      if (const auto receipt = rpc.receipt(*hash); receipt && *receipt) first_sale_block = std::min(first_sale_block, (*receipt)->block_number);
  std::map<Address, std::pair<std::uint64_t, U256>> gas;  // account → gas, wei
  for (std::uint64_t number = 1; number <= head; ++number) {
    PB_TRY(block, rpc.call("eth_getBlockByNumber", {chain::quantity(number), true}));
    PB_TRY(object, json::as_object(block, "block"));
    PB_TRY(transactions, json::array_at(*object, "transactions"));
    for (const auto& item : *transactions) {
      PB_TRY(hash, json::hash_at(item.as_object(), "hash"));
      PB_TRY(receipt, rpc.receipt(hash));
      if (!receipt) continue;
      auto& sum = gas[receipt->from];
      sum.first += receipt->gas_used;
      sum.second += U256{receipt->gas_used} * receipt->effective_gas_price;
    }
  }
  for (const auto& item : *parties) {
    const auto& party = item.as_object();
    const std::string name = json::string_or(party, "name");
    PB_TRY(accounts, json::array_at(party, "accounts"));
    PB_TRY(before, json::u256_at(party, "before"));
    PB_TRY(after, json::u256_at(party, "after"));
    U256 balance, moved_in, moved_out, funded;
    std::uint64_t party_gas = 0;
    U256 party_wei;
    for (const auto& account_text : *accounts) {
      PB_TRY(account, Address::parse(account_text.is_string() ? json::sv(account_text.get_string()) : "", "account"));
      PB_TRY(reply, rpc.eth_call({.to = token, .data = bindings::erc20_template::balance_of(account)}));
      PB_TRY(now, bindings::erc20_template::decode_balance_of(reply));
      balance += now;
      party_gas += gas[account].first;
      party_wei += gas[account].second;
      for (const auto& log : logs) {
        PB_TRY(event, bindings::erc20_template::TransferEvent::decode(log));
        if (log.block_number < first_sale_block) {
          if (event.to == account) funded += event.value;
          continue;
        }
        if (event.to == account) moved_in += event.value;
        if (event.from == account) moved_out += event.value;
      }
    }
    expect(balance == after, name + ": the balance on chain is " + balance.dec());
    expect(funded == before, name + ": was funded with " + funded.dec() + " before the first step");
    expect(before + moved_in - moved_out == after, name + ": transfers on chain give " + (before + moved_in - moved_out).dec());
    const std::string net = after >= before ? (after - before).dec() : "-" + (before - after).dec();
    expect(json::string_or(party, "net") == net, name + ": net is " + net);
    expect(party_gas == json::uint_or(party, "gas", 0) && party_wei.dec() == json::string_or(party, "gas_wei"), name + ": gas on chain is " + std::to_string(party_gas));
  }
  // The model and the receipt: what the node signed is what lies there.
  PB_TRY(onnx, read_file(folder / "developer/model/model.onnx"));
  expect(crypto::sha256(onnx).hex() == json::string_or(*story, "model_sha256"), "model.onnx has another hash");
  PB_TRY(receipt_text, read_text(folder / "developer/model/receipt.json"));
  PB_TRY(signed_receipt, json::parse(receipt_text));
  PB_TRY(envelope, json::as_object(signed_receipt, "receipt.json"));
  const auto* receipt = json::find(*envelope, "receipt");
  const auto signature = parse_hex(json::string_or(*envelope, "signature"));
  bool signed_well = false;
  if (receipt != nullptr && signature)
    if (const auto parsed = crypto::Signature::from_rsv(*signature))
      if (const auto signer = crypto::recover(crypto::personal_message_hash(crypto::keccak256(json::stringify(*receipt)).view()), *parsed)) signed_well = crypto::checksum_address(*signer) == json::string_or(*envelope, "signer");
  expect(signed_well, "the receipt's signature does not fit");
  PB_TRY(received, read_text(folder / "developer-received.bin", std::uintmax_t{4} << 30));
  expect(received.size() == json::uint_or(*story, "bytes_out", 0), "developer-received.bin has another length");
  expect(json::uint_or(*story, "canaries_found", 1) == 0, "canary rows got out");
  if (!wrong.empty()) {
    std::string all;
    for (const auto& line : wrong) all += "\n  " + line;
    return fail(Errc::kConflict, fmt::format("the story does not agree with the chain in {} of {} points:{}", wrong.size(), checked, all));
  }
  return Output{json::Object{{"checked", checked}, {"agrees", true}}, fmt::format("the chain agrees with the story in all {} points", checked)};
}

}  // namespace peaberry::cli
