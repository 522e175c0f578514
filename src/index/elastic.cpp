#include "elastic.hpp"

#include <peaberry/bindings/erc721_template.hpp>

namespace peaberry::index {
namespace {

constexpr int kDepthMax = 16;

/// All values below a dotted path; lists fan out.
void values_at(const json::Value& value, std::string_view path, std::vector<const json::Value*>& out) {
  if (value.is_array()) {
    for (const auto& item : value.get_array()) values_at(item, path, out);
    return;
  }
  if (path.empty()) {
    out.push_back(&value);
    return;
  }
  if (!value.is_object()) return;
  const auto dot = path.find('.');
  if (const auto* next = json::find(value.get_object(), path.substr(0, dot))) values_at(*next, dot == std::string_view::npos ? "" : path.substr(dot + 1), out);
}

std::vector<const json::Value*> field_values(const json::Object& document, std::string_view field) {
  if (field.ends_with(".keyword")) field.remove_suffix(8);
  if (field == "_id") field = "id";
  std::vector<const json::Value*> out;
  const auto dot = field.find('.');
  if (const auto* first = json::find(document, field.substr(0, dot))) values_at(*first, dot == std::string_view::npos ? "" : field.substr(dot + 1), out);
  return out;
}

std::string text_of(const json::Value& value) { return value.is_string() ? to_lower(json::sv(value.get_string())) : to_lower(json::stringify(value)); }

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : to_lower(text)) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || (static_cast<unsigned char>(c) & 0x80) != 0) word.push_back(c);
    else if (!word.empty()) out.push_back(std::move(word)), word.clear();
  }
  if (!word.empty()) out.push_back(word);
  return out;
}

bool equals_value(const json::Object& document, std::string_view field, const json::Value& wanted) {
  const std::string text = text_of(wanted);
  for (const auto* value : field_values(document, field))
    if (text_of(*value) == text) return true;
  return false;
}

bool matches_words(const json::Object& document, std::string_view field, std::string_view query, bool all) {
  const auto wanted = words_of(query);
  std::size_t hits = 0;
  for (const auto& word : wanted)
    for (const auto* value : field_values(document, field)) {
      const auto have = words_of(text_of(*value));
      if (std::find(have.begin(), have.end(), word) != have.end()) {
        ++hits;
        break;
      }
    }
  return all ? hits == wanted.size() : hits > 0;
}

std::optional<double> number_of(const json::Value& value) {
  if (value.is_number()) return value.to_number<double>();
  if (!value.is_string()) return std::nullopt;
  char* end = nullptr;
  const std::string text(json::sv(value.get_string()));
  const double out = std::strtod(text.c_str(), &end);
  return end != text.c_str() && *end == '\0' ? std::optional<double>(out) : std::nullopt;
}

int compare(const json::Value& a, const json::Value& b) {
  const auto x = number_of(a), y = number_of(b);
  if (x && y) return *x < *y ? -1 : *x > *y ? 1 : 0;
  return text_of(a).compare(text_of(b));
}

constexpr const char* kTextFields[] = {"id", "metadata.name", "metadata.description", "metadata.author", "metadata.tags", "nftAddress", "datatokens.address", "datatokens.symbol"};

class Evaluator {
 public:
  explicit Evaluator(const json::Object& document) : document_(document) {}

  Result<bool> query(const json::Value& value, int depth) {
    if (depth > kDepthMax) return fail(Errc::kInvalid, "query is nested too deep");
    if (value.is_array()) {  // a list of clauses: all
      for (const auto& item : value.get_array()) {
        PB_TRY(hit, query(item, depth + 1));
        if (!hit) return false;
      }
      return true;
    }
    PB_TRY(object, json::as_object(value, "query"));
    for (const auto& clause : *object) {
      PB_TRY(hit, one({clause.key().data(), clause.key().size()}, clause.value(), depth));
      if (!hit) return false;
    }
    return true;
  }

 private:
  Result<bool> one(std::string_view name, const json::Value& value, int depth) {
    if (name == "match_all") return true;
    if (name == "bool") return boolean(value, depth);
    PB_TRY(object, json::as_object(value, name));
    if (name == "nested") {
      const auto* inner = json::find(*object, "query");
      if (inner == nullptr) return fail(Errc::kInvalid, "nested has no query");
      return query(*inner, depth + 1);
    }
    if (name == "query_string" || name == "simple_query_string" || name == "multi_match") return words(*object);
    if (name == "exists") return !field_values(document_, json::string_or(*object, "field")).empty();
    if (name == "ids") {
      if (const auto* list = json::find_array(*object, "values"))
        for (const auto& id : *list)
          if (equals_value(document_, "id", id)) return true;
      return false;
    }
    constexpr std::string_view kFieldClauses[] = {"term", "terms", "match", "match_phrase", "match_phrase_prefix", "prefix", "wildcard", "range"};
    if (std::find(std::begin(kFieldClauses), std::end(kFieldClauses), name) == std::end(kFieldClauses)) return unsupported(name);
    for (const auto& member : *object) {
      const std::string_view field(member.key().data(), member.key().size());
      if (field == "boost" || field == "_name") continue;
      PB_TRY(hit, field_clause(name, field, member.value()));
      if (!hit) return false;
    }
    return true;
  }

  Result<bool> field_clause(std::string_view name, std::string_view field, const json::Value& value) {
    const auto inner = [&](std::string_view key) -> const json::Value& {
      const auto* found = value.is_object() ? json::find(value.get_object(), key) : nullptr;
      return found != nullptr ? *found : value;
    };
    if (name == "term") return equals_value(document_, field, inner("value"));
    if (name == "terms") {
      if (!value.is_array()) return fail(Errc::kInvalid, "terms wants a list");
      for (const auto& item : value.get_array())
        if (equals_value(document_, field, item)) return true;
      return false;
    }
    if (name == "match") {
      const bool all = value.is_object() && to_lower(json::string_or(value.get_object(), "operator")) == "and";
      const auto& wanted = inner("query");
      if (!wanted.is_string()) return equals_value(document_, field, wanted);
      return equals_value(document_, field, wanted) || matches_words(document_, field, json::sv(wanted.get_string()), all);
    }
    if (name == "match_phrase" || name == "match_phrase_prefix" || name == "prefix" || name == "wildcard") {
      std::string wanted = text_of(inner(name == "prefix" || name == "wildcard" ? "value" : "query"));
      std::erase(wanted, '*');
      for (const auto* candidate : field_values(document_, field)) {
        const auto at = text_of(*candidate).find(wanted);
        if (at != std::string::npos && (name != "prefix" || at == 0)) return true;
      }
      return false;
    }
    if (name == "range") {
      PB_TRY(bounds, json::as_object(value, "range"));
      for (const auto* candidate : field_values(document_, field)) {
        bool good = true;
        for (const auto& bound : *bounds) {
          const std::string_view key(bound.key().data(), bound.key().size());
          const int order = compare(*candidate, bound.value());
          if (key == "gte") good = good && order >= 0;
          else if (key == "gt") good = good && order > 0;
          else if (key == "lte") good = good && order <= 0;
          else if (key == "lt") good = good && order < 0;
        }
        if (good) return true;
      }
      return false;
    }
    return unsupported(name);
  }

  static Error unsupported(std::string_view name) {
    return fail(Errc::kUnsupported, "query clause \"" + std::string(name.substr(0, 40)) + "\" is not supported", "use bool, term, terms, match, range, exists or query_string");
  }

  Result<bool> words(const json::Object& object) {
    const std::string text = json::string_or(object, "query");
    std::vector<std::string> fields;
    if (const auto* list = json::find_array(object, "fields"))
      for (const auto& field : *list)
        if (field.is_string()) fields.emplace_back(std::string(json::sv(field.get_string())).substr(0, std::string_view(json::sv(field.get_string())).find('^')));
    if (fields.empty()) fields.assign(std::begin(kTextFields), std::end(kTextFields));
    std::string plain = text;
    std::erase(plain, '*');
    if (plain.empty()) return true;
    const bool all = to_lower(json::string_or(object, "default_operator", json::string_or(object, "operator"))) == "and";
    std::size_t hits = 0;
    const auto wanted = words_of(plain);
    for (const auto& word : wanted) {
      bool found = false;
      for (const auto& field : fields)
        for (const auto* value : field_values(document_, field)) found = found || text_of(*value).find(word) != std::string::npos;
      hits += found ? 1 : 0;
    }
    return all ? hits == wanted.size() : hits > 0;
  }

  Result<bool> boolean(const json::Value& value, int depth) {
    PB_TRY(object, json::as_object(value, "bool"));
    const auto each = [&](const json::Value& clauses, auto&& visit) -> Status {
      if (!clauses.is_array()) {
        PB_TRY(hit, query(clauses, depth + 1));
        visit(hit);
        return {};
      }
      for (const auto& clause : clauses.get_array()) {
        PB_TRY(hit, query(clause, depth + 1));
        visit(hit);
      }
      return {};
    };
    bool good = true;
    std::size_t required = 0, should = 0, should_hits = 0;
    for (const auto& member : *object) {
      const std::string_view key(member.key().data(), member.key().size());
      if (key == "must" || key == "filter") PB_CHECK(each(member.value(), [&](bool hit) { good = good && hit, ++required; }));
      else if (key == "must_not") PB_CHECK(each(member.value(), [&](bool hit) { good = good && !hit; }));
      else if (key == "should") PB_CHECK(each(member.value(), [&](bool hit) { ++should, should_hits += hit ? 1 : 0; }));
      else if (key != "minimum_should_match" && key != "boost") return fail(Errc::kUnsupported, "bool clause \"" + std::string(key.substr(0, 40)) + "\" is not supported");
    }
    const std::uint64_t minimum = json::uint_or(*object, "minimum_should_match", required == 0 && should > 0 ? 1 : 0);
    return good && should_hits >= minimum;
  }

  const json::Object& document_;
};

}  // namespace

Result<ElasticPage> elastic_search(const json::Object& body, const std::vector<json::Object>& documents) {
  ElasticPage out;
  const auto* query = json::find(body, "query");
  for (const auto& document : documents) {
    if (query != nullptr) {
      PB_TRY(hit, Evaluator(document).query(*query, 0));
      if (!hit) continue;
    }
    out.hits.push_back(&document);
  }
  out.total = out.hits.size();
  if (const auto* sort = json::find(body, "sort")) {
    json::Array list = sort->is_array() ? sort->get_array() : json::Array{*sort};
    std::reverse(list.begin(), list.end());  // the last key first, each sort stable
    for (const auto& entry : list) {
      if (!entry.is_object()) continue;
      for (const auto& member : entry.get_object()) {
        const std::string field(member.key());
        std::string direction = member.value().is_string() ? std::string(json::sv(member.value().get_string())) : "asc";
        if (member.value().is_object()) direction = json::string_or(member.value().get_object(), "order", "asc");
        std::stable_sort(out.hits.begin(), out.hits.end(), [&](const json::Object* a, const json::Object* b) {
          const auto x = field_values(*a, field), y = field_values(*b, field);
          if (x.empty() || y.empty()) return !x.empty() && y.empty();
          const int order = compare(*x.front(), *y.front());
          return direction == "desc" ? order > 0 : order < 0;
        });
      }
    }
  }
  const std::size_t from = std::min<std::size_t>(json::uint_or(body, "from", json::uint_or(body, "offset", 0)), out.hits.size());
  const std::size_t size = std::min<std::size_t>(json::uint_or(body, "size", 10), 1000);
  out.hits.erase(out.hits.begin(), out.hits.begin() + static_cast<std::ptrdiff_t>(from));
  if (out.hits.size() > size) out.hits.resize(size);
  return out;
}

Result<SealedMetadata> metadata_of_transaction(chain::Rpc& rpc, const Hash32& transaction, const Address& nft) {
  namespace contract = bindings::erc721_template;
  PB_TRY(receipt, rpc.receipt(transaction));
  if (!receipt) return fail(Errc::kInvalid, "transaction " + transaction.hex() + " is not on chain");
  const auto fill = [&](const auto& event) {
    SealedMetadata out;
    out.nft = nft;
    out.transaction = transaction;
    out.state = static_cast<std::uint8_t>(event.state.low64());
    out.decryptor_url = event.decryptor_url;
    out.flags = event.flags;
    out.data = event.data;
    out.hash = event.meta_data_hash;
    return out;
  };
  for (const auto& log : receipt->logs) {
    if (log.address != nft || log.topic_count == 0) continue;
    if (log.topics[0] == contract::MetadataCreatedEvent::topic()) {
      PB_TRY(event, contract::MetadataCreatedEvent::decode(log));
      return fill(event);
    }
    if (log.topics[0] == contract::MetadataUpdatedEvent::topic()) {
      PB_TRY(event, contract::MetadataUpdatedEvent::decode(log));
      return fill(event);
    }
  }
  return fail(Errc::kInvalid, "transaction " + transaction.hex() + " has no metadata of " + nft.hex());
}

}  // namespace peaberry::index
