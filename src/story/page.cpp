#include "page.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <peaberry/base/u256.hpp>

namespace peaberry::story {
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

/// Both languages; the page shows one.
std::string both(std::string_view en, std::string_view zh) { return "<span class=en>" + escape(en) + "</span><span class=zh lang=zh>" + escape(zh) + "</span>"; }
std::string both(const json::Object& words) { return both(json::string_or(words, "en"), json::string_or(words, "zh")); }

unsigned decimals_of(const std::string& unit) { return unit.starts_with("TestUSD") ? 6 : 18; }
double amount_of(const std::string& text, unsigned decimals) {
  const bool negative = text.starts_with("-");
  double out = U256::parse(negative ? text.substr(1) : text).value_or(U256{}).to_double();
  for (unsigned i = 0; i < decimals; ++i) out /= 10;
  return negative ? -out : out;
}

double number_or(const json::Object& object, const char* key) {
  const auto* value = json::find(object, key);
  return value != nullptr && value->is_number() ? value->to_number<double>() : 0;
}

/// Flows of a unit with what came back taken off: a deposit that returned is no payment.
json::Array net_flows(const json::Array& flows, const std::string& unit) {
  std::map<std::pair<std::string, std::string>, double> sums;
  for (const auto& item : flows) {
    const auto& flow = item.as_object();
    if (json::string_or(flow, "unit") != unit) continue;
    const std::string from = json::string_or(flow, "from"), to = json::string_or(flow, "to");
    const double amount = amount_of(json::string_or(flow, "amount"), decimals_of(unit));
    (from < to ? sums[{from, to}] : sums[{to, from}]) += from < to ? amount : -amount;
  }
  json::Array out;
  for (const auto& [pair, amount] : sums)
    if (std::abs(amount) > 1e-9) out.push_back(json::Object{{"from", amount > 0 ? pair.first : pair.second}, {"to", amount > 0 ? pair.second : pair.first}, {"amount", std::abs(amount)}});
  return out;
}

/// Who paid whom: payers left, payees right; a name that does both stands on both sides.
std::string sankey(const json::Array& all, const std::string& unit) {
  const json::Array flows = net_flows(all, unit);
  struct Side {
    double size = 0, y = 0, used = 0;
  };
  std::map<std::string, Side> left, right;
  double total = 0;
  for (const auto& item : flows) {
    const auto& flow = item.as_object();
    const double amount = number_or(flow, "amount");
    left[json::string_or(flow, "from")].size += amount, right[json::string_or(flow, "to")].size += amount;
    total += amount;
  }
  if (total <= 0) return "";
  const double scale = 360 / total;
  const auto lay = [&](std::map<std::string, Side>& side) {
    std::vector<std::pair<double, std::string>> order;
    for (const auto& [name, one] : side) order.emplace_back(-one.size, name);
    std::sort(order.begin(), order.end());
    double y = 20;
    for (const auto& [size, name] : order) side[name].y = y, y += std::max(side[name].size * scale, 2.0) + 16;
    return y;
  };
  const double height = std::max(lay(left), lay(right)) + 8;
  std::string out = fmt::format("<svg viewBox=\"0 0 900 {:.0f}\" role=img aria-label=\"Who paid whom, {}\">", height, escape(unit));
  for (const auto& item : flows) {
    const auto& flow = item.as_object();
    Side &from = left[json::string_or(flow, "from")], &to = right[json::string_or(flow, "to")];
    const double amount = number_or(flow, "amount"), thick = std::max(amount * scale, .8);
    const double y0 = from.y + from.used + thick / 2, y1 = to.y + to.used + thick / 2;
    from.used += thick, to.used += thick;
    out += fmt::format("<path class=flow d=\"M236 {:.1f}C450 {:.1f} 450 {:.1f} 664 {:.1f}\" stroke-width=\"{:.1f}\"><title>{} → {}: {:.6f} {}</title></path>", y0, y0, y1, y1, thick, escape(json::string_or(flow, "from")), escape(json::string_or(flow, "to")), amount, escape(unit));
  }
  for (const auto& [name, one] : left) out += fmt::format("<rect x=\"224\" y=\"{:.1f}\" width=\"12\" height=\"{:.1f}\"/><text x=\"218\" y=\"{:.1f}\" text-anchor=\"end\">{} <tspan class=n>{:.4f}</tspan></text>", one.y, std::max(one.size * scale, 2.0), one.y + std::max(one.size * scale, 2.0) / 2 + 4, escape(name), one.size);
  for (const auto& [name, one] : right) out += fmt::format("<rect x=\"664\" y=\"{:.1f}\" width=\"12\" height=\"{:.1f}\"/><text x=\"682\" y=\"{:.1f}\">{} <tspan class=n>{:.4f}</tspan></text>", one.y, std::max(one.size * scale, 2.0), one.y + std::max(one.size * scale, 2.0) / 2 + 4, escape(name), one.size);
  return out + "</svg>";
}

/// A bar for each station: when it ran, and its gas.
std::string timeline(const json::Object& story) {
  const auto* stations = json::find_array(story, "stations");
  if (stations == nullptr || stations->empty()) return "";
  std::map<std::string, std::uint64_t> gas;
  std::map<std::string, unsigned> transactions;
  if (const auto* steps = json::find_array(story, "steps"))
    for (const auto& item : *steps) gas[json::string_or(item.as_object(), "station")] += json::uint_or(item.as_object(), "gas", 0), ++transactions[json::string_or(item.as_object(), "station")];
  const double all = std::max(number_or(story, "seconds"), 1.0);
  std::string out = fmt::format("<svg viewBox=\"0 0 900 {}\" role=img aria-label=Timeline>", stations->size() * 26 + 8);
  for (std::size_t i = 0; i < stations->size(); ++i) {
    const auto& station = (*stations)[i].as_object();
    const double from = number_or(station, "began"), to = i + 1 < stations->size() ? number_or((*stations)[i + 1].as_object(), "began") : all;
    const std::string name = json::string_or(station, "name");
    out += fmt::format("<text x=\"100\" y=\"{}\" text-anchor=end>{}</text><rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"16\" rx=3 /><text x=\"{:.1f}\" y=\"{}\" class=n>{:.1f} s · {} tx · {:.2f} M gas</text>", i * 26 + 17, escape(name), 110 + from / all * 520, i * 26 + 4, std::max((to - from) / all * 520, 1.0),
                       116 + to / all * 520, i * 26 + 17, to - from, transactions[name], static_cast<double>(gas[name]) / 1e6);
  }
  return out + "</svg>";
}

std::string statements(const json::Object& story) {
  std::string out;
  const auto* parties = json::find_array(story, "parties");
  if (parties == nullptr) return out;
  for (const auto& item : *parties) {
    const auto& party = item.as_object();
    const auto* units = json::find_object(party, "statement");
    std::string rows;
    if (units != nullptr)
      for (const auto& entry : *units) {
        const std::string unit(entry.key());
        const auto& row = entry.value().as_object();
        const unsigned decimals = decimals_of(unit);
        const auto cell = [&](const char* key) { return fmt::format("<td class=n>{:.6f}</td>", amount_of(json::string_or(row, key), decimals)); };
        const double net = amount_of(json::string_or(row, "net"), decimals);
        rows += fmt::format("<tr><td>{}</td><td>{}</td>", rows.empty() ? "<b>" + escape(json::string_or(party, "name")) + "</b><br><small>" + both(party.at("role").as_object()) + "</small>" : "", escape(unit)) + cell("revenue") + cell("compute") + cell("storage") + cell("other") +
                fmt::format("<td class=\"n {}\">{:+.6f}</td><td class=n>{:.6f}</td></tr>", net < 0 ? "loss" : "gain", net, rows.empty() ? amount_of(json::string_or(party, "gas_wei"), 18) : 0.0);
      }
    if (rows.empty()) rows = fmt::format("<tr><td><b>{}</b><br><small>{}</small></td><td colspan=6></td><td class=n>{:.6f}</td></tr>", escape(json::string_or(party, "name")), both(party.at("role").as_object()), amount_of(json::string_or(party, "gas_wei"), 18));
    out += rows;
  }
  return out;
}

constexpr const char* kStyle = R"(
:root{--ink:#2b1a10;--paper:#fbf7f2;--line:#e2d5c8;--bean:#8a4b2a;--dark:#3d2314;--gain:#2c7a4b;--loss:#b3382c}
@media(prefers-color-scheme:dark){:root{--ink:#f0e6dc;--paper:#1d1410;--line:#4a382c;--bean:#d08a5c;--dark:#e8d5c4;--gain:#6cc792;--loss:#ef8377}}
body{font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:64rem;margin:2rem auto;padding:0 1rem}
h1{font-size:2rem;margin:.2em 0}h2{margin-top:2.2rem;border-bottom:2px solid var(--bean);padding-bottom:.2rem}
table{border-collapse:collapse;width:100%;margin:1rem 0}td,th{border-bottom:1px solid var(--line);padding:.3rem .5rem;text-align:left;vertical-align:top}
.n{font-variant-numeric:tabular-nums}td.n,th.n{text-align:right}.gain{color:var(--gain);font-weight:600}.loss{color:var(--loss);font-weight:600}
.big{display:flex;gap:2rem;flex-wrap:wrap}.big b{font-size:2rem;display:block}.caught{border:2px solid var(--loss);padding:1rem;border-radius:.5rem}
svg{width:100%;height:auto}svg text{font-size:12px;fill:var(--ink)}svg rect{fill:var(--dark)}.flow{fill:none;stroke:var(--bean);stroke-opacity:.35}.flow:hover{stroke-opacity:.8}
.plot{display:inline-block;width:48%;background:#fff}ol{padding-left:1.2rem}li small{opacity:.6}pre{background:#0001;padding:1rem;overflow:auto;font-size:.75rem;max-height:24rem}
html[data-lang=en] .zh,html[data-lang=zh] .en{display:none}button{font:inherit;border:1px solid var(--bean);background:none;color:inherit;border-radius:.4rem;padding:.2rem .8rem;cursor:pointer;float:right}
.table{overflow-x:auto})";

}  // namespace

std::string page(const json::Object& story, const std::vector<std::string>& plots, const std::vector<std::string>& papers) {
  std::string body;
  body += "<button id=language type=button>中文 / English</button>";
  body += "<h1>" + both("A table was used. It never left.", "数据被使用，却从未离开。") + "</h1><p>" + both("One bean through five layers, played by separate processes on one machine with real contracts on two chains. Not audited; do not secure real value.", "一粒豆走过五层：同一台机器上的独立进程，两条链上的真实合约。未经审计，请勿承载真实价值。") + "</p>";
  body += fmt::format("<div class=big><div><b id=rows-left>{}</b>{}</div><div><b>{}</b>{}</div><div><b>{}</b>{}</div><div><b>{:.1f} s</b>{}</div></div>", json::uint_or(story, "rows_left", 0), both("rows that left", "外泄的行数"), json::uint_or(story, "bytes_out", 0), both("bytes reached the developer", "字节到达开发者"),
                      json::uint_or(story, "bytes_to_hosts", 0), both("bytes crossed to admitted hosts, sealed", "字节加密送达获准主机"), number_or(story, "seconds"), both("for all of it", "全程"));
  if (const auto* lie = json::find_object(story, "caught"))
    body += "<p class=caught>" + both("The lie was told, and refused: ", "谎言已被拒绝：") + both(lie->at("lie").as_object()) + "<br><b>" + escape(json::string_or(*lie, "check")) + "</b><br><code>" + escape(json::string_or(*lie, "said")) + "</code></p>";
  if (const auto* stations = json::find_array(story, "stations"))
    for (const auto& item : *stations) {
      const auto& station = item.as_object();
      body += "<h2 id=" + escape(json::string_or(station, "name")) + ">" + both(station.at("title").as_object()) + "</h2><ol>";
      for (const auto& line : station.at("lines").as_array()) body += "<li>" + both(line.as_object()) + fmt::format(" <small class=n>{:.1f} s</small></li>", number_or(line.as_object(), "at"));
      body += "</ol>";
    }
  if (const auto* flows = json::find_array(story, "flows")) {
    std::vector<std::string> units;
    for (const auto& item : *flows)
      if (const std::string unit = json::string_or(item.as_object(), "unit"); std::find(units.begin(), units.end(), unit) == units.end()) units.push_back(unit);
    for (const auto& unit : units) body += "<h2>" + both("Who paid whom – " + unit, "谁付给谁——" + unit) + "</h2>" + sankey(*flows, unit);
  }
  body += "<h2>" + both("Income statements", "损益表") + "</h2><div class=table><table id=statements><tr><th>" + both("party", "参与方") + "<th>" + both("unit", "单位") + "<th class=n>" + both("revenue", "收入") + "<th class=n>" + both("compute", "算力") + "<th class=n>" + both("storage", "存储") + "<th class=n>" + both("other", "其他") +
          "<th class=n>" + both("net", "净额") + "<th class=n>" + both("gas (coins)", "gas（币）") + "</tr>" + statements(story) + "</table></div>";
  if (const auto* evidence = json::find_array(story, "evidence")) {
    body += "<h2>" + both("Why it may be believed, and what that cost", "为何可信，代价几何") + "</h2><table><tr><th>" + both("result", "结果") + "<th>" + both("evidence", "证据") + "<th class=n>gas</tr>";
    for (const auto& item : *evidence) body += "<tr><td>" + both(item.as_object().at("what").as_object()) + "</td><td>" + escape(json::string_or(item.as_object(), "kind")) + fmt::format("</td><td class=n>{}</td></tr>", json::uint_or(item.as_object(), "gas", 0));
    body += "</table>";
  }
  body += "<h2>" + both("Timeline and gas", "时间线与 gas") + "</h2>" + timeline(story);
  body += "<h2>" + both("The model", "模型") + "</h2>";
  for (const auto& plot : plots)
    if (!plot.empty()) body += "<div class=plot>" + plot + "</div>";
  body += "<h2>" + both("Transactions", "交易") + "</h2><details><summary>" + both("all of them", "全部") + "</summary><table><tr><th>" + both("step", "步骤") + "<th class=n>" + both("chain", "链") + "<th class=n>gas<th>tx</tr>";
  if (const auto* steps = json::find_array(story, "steps"))
    for (const auto& item : *steps) {
      const auto& step = item.as_object();
      body += fmt::format("<tr><td>{}</td><td class=n>{}</td><td class=n>{}</td><td><code>{}</code></td></tr>", escape(json::string_or(step, "name")), json::uint_or(step, "chainId", 0), json::uint_or(step, "gas", 0), escape(json::string_or(step, "tx").substr(0, 18)));
    }
  body += "</table></details><h2>" + both("Receipts", "收据") + "</h2>";
  for (const auto& paper : papers)
    if (const auto document = json::parse(paper)) body += "<details><summary>" + escape(json::string_or(document->as_object().at("receipt").as_object(), "jobId").substr(0, 40)) + "</summary><pre>" + escape(json::pretty(*document)) + "</pre></details>";
  return "<!doctype html><html lang=en data-lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><title>Peaberry: one cup</title><style>" + std::string(kStyle) + "</style><body>" + body +
         "<script>const root=document.documentElement;const set=l=>{root.dataset.lang=l;root.lang=l};if(/^zh/.test(navigator.language))set('zh');document.getElementById('language').onclick=()=>set(root.dataset.lang==='en'?'zh':'en')</script></html>\n";
}

}  // namespace peaberry::story
