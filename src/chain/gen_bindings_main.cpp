// peaberry_gen_bindings OUT_DIR ARTIFACT.json…: writes OUT_DIR/<contract>.hpp with a typed call builder and reply
// decoder for each function and a struct for each event. Runs at build time; what it writes is never committed.

#include <cstdio>
#include <map>
#include <peaberry/base/files.hpp>
#include <peaberry/base/json.hpp>
#include <set>

#include "abi.hpp"
#include "log.hpp"

namespace peaberry::chain {
namespace {

std::string snake(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool upper = c >= 'A' && c <= 'Z';
    const bool after_lower = i > 0 && ((name[i - 1] >= 'a' && name[i - 1] <= 'z') || (name[i - 1] >= '0' && name[i - 1] <= '9'));
    const bool before_lower = i > 0 && i + 1 < name.size() && name[i + 1] >= 'a' && name[i + 1] <= 'z' && name[i - 1] != '_';
    if (upper && (after_lower || before_lower)) out.push_back('_');
    out.push_back(upper ? static_cast<char>(c + 32) : c);
  }
  while (!out.empty() && out.front() == '_') out.erase(0, 1);
  static const std::set<std::string> kReserved = {"new", "delete", "register", "operator", "default", "switch", "public", "private", "template", "union", "bool"};
  return kReserved.contains(out) ? out + "_" : out;
}

std::string camel(std::string_view name) {
  std::string out(name);
  while (!out.empty() && out.front() == '_') out.erase(0, 1);
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 32);
  return out;
}

class Generator {
 public:
  explicit Generator(const std::string& contract) : contract_(contract) {}

  Result<std::string> run(const json::Array& abi) {
    for (const auto& entry : abi) {
      PB_TRY(object, json::as_object(entry, "ABI entry"));
      const auto type = json::string_or(*object, "type");
      if (type == "function") PB_CHECK(function(*object));
      if (type == "event") PB_CHECK(event(*object));
      if (type == "error") PB_CHECK(error(*object));
    }
    if (!errors_.empty()) body_ += "/// For describe_revert.\ninline const bool kErrorsKnown = abi::know_errors({" + errors_ + "});\n";
    return "// Generated from the compiled ABI of " + contract_ +
           ". Do not edit.\n#pragma once\n\n#include <peaberry/chain/binding.hpp>\n\nnamespace peaberry::bindings::" + snake(contract_) +
           " {\n\nusing peaberry::chain::Log;\nnamespace abi = peaberry::chain::abi;\nnamespace binding = peaberry::chain::binding;\n\n" + structs_ +
           body_ + "}  // namespace peaberry::bindings::" + snake(contract_) + "\n";
  }

 private:
  struct Field {
    std::string name, cpp, abi;
    bool indexed;
  };

  Result<std::string> cpp_type(const json::Object& parameter) {
    PB_TRY(text, json::string_at(parameter, "type"));
    if (text.ends_with("]")) {
      json::Object element = parameter;
      element["type"] = text.substr(0, text.rfind('['));
      std::string internal = json::string_or(parameter, "internalType");
      if (internal.ends_with("]")) internal = internal.substr(0, internal.rfind('['));
      element["internalType"] = internal;
      PB_TRY(inner, cpp_type(element));
      return "std::vector<" + inner + ">";
    }
    if (text == "tuple") return structure(parameter);
    if (text == "address") return std::string("Address");
    if (text == "bool") return std::string("bool");
    if (text == "string") return std::string("std::string");
    if (text == "bytes32") return std::string("Hash32");
    if (text.starts_with("bytes")) return std::string("Bytes");
    return std::string("U256");
  }

  Result<std::string> abi_text(const json::Object& parameter) {
    json::Array one{parameter};
    PB_TRY(type, abi::Type::from_parameters(one));
    return type.components[0].canonical();
  }

  Result<std::string> structure(const json::Object& parameter) {
    std::string name = json::string_or(parameter, "internalType");
    name = name.substr(name.find_last_of(". ") + 1);
    name = camel(name.empty() ? json::string_or(parameter, "name", "Item") : name);
    if (!known_structs_.insert(name).second) return name;
    PB_TRY(components, json::array_at(parameter, "components"));
    PB_TRY(members, fields(*components));
    structs_ += struct_text(name, members, "") + "\n";
    return name;
  }

  Result<std::vector<Field>> fields(const json::Array& parameters) {
    std::vector<Field> out;
    std::set<std::string> used;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      PB_TRY(object, json::as_object(parameters[i], "ABI parameter"));
      PB_TRY(cpp, cpp_type(*object));
      PB_TRY(type, abi_text(*object));
      std::string name = snake(json::string_or(*object, "name"));
      if (name.empty()) name = "arg" + std::to_string(i);
      while (!used.insert(name).second) name += "_";
      out.push_back({name, cpp, type, json::bool_or(*object, "indexed", false)});
    }
    return out;
  }

  static std::string struct_text(const std::string& name, const std::vector<Field>& members, const std::string& extra) {
    std::string out = "struct " + name + " {\n";
    for (const auto& field : members) out += "  " + field.cpp + " " + field.name + "{};\n";
    out += "  abi::Value to_abi() const {\n    return abi::Value::list({";
    for (std::size_t i = 0; i < members.size(); ++i) out += (i ? ", " : "") + std::string("binding::to_value(") + members[i].name + ")";
    out += "});\n  }\n  void from_abi(const abi::Value& abi_value) {\n";
    if (members.empty()) out += "    (void)abi_value;\n";
    for (std::size_t i = 0; i < members.size(); ++i)
      out += "    binding::from_value(abi_value.items[" + std::to_string(i) + "], " + members[i].name + ");\n";
    return out + "  }\n" + extra + "};\n";
  }

  static std::string tuple_text(const std::vector<Field>& members) {
    std::string out = "(";
    for (const auto& field : members) out += (out.size() > 1 ? "," : "") + field.abi;
    return out + ")";
  }

  Status function(const json::Object& entry) {
    PB_TRY(name, json::string_at(entry, "name"));
    PB_TRY(inputs, json::array_at(entry, "inputs"));
    PB_TRY(arguments, fields(*inputs));
    const std::string types = tuple_text(arguments);
    const auto selector = abi::selector(name + types);
    std::string symbol = snake(name);
    if (const int count = ++functions_[symbol]; count > 1) symbol += std::to_string(count);
    body_ += "/// " + name + types + "\ninline Bytes " + symbol + "(";
    for (std::size_t i = 0; i < arguments.size(); ++i)
      body_ += (i ? ", " : "") + std::string("const ") + arguments[i].cpp + "& " + arguments[i].name;
    body_ += ") {\n  static const abi::Type kType = *abi::Type::parse(\"" + types + "\");\n  return abi::encode_call({";
    for (int i = 0; i < 4; ++i) body_ += (i ? ", " : "") + std::to_string(selector[static_cast<std::size_t>(i)]);
    body_ += "}, kType, abi::Value::list({";
    for (std::size_t i = 0; i < arguments.size(); ++i) body_ += (i ? ", " : "") + std::string("binding::to_value(") + arguments[i].name + ")";
    body_ += "}));\n}\n";
    const auto* outputs = json::find_array(entry, "outputs");
    if (outputs == nullptr || outputs->empty()) return {};
    PB_TRY(results, fields(*outputs));
    std::string type = results[0].cpp;
    if (results.size() > 1) {
      type = camel(symbol) + "Result";
      body_ += struct_text(type, results, "");
    }
    body_ += "inline Result<" + type + "> decode_" + symbol + "(ByteView data) {\n  static const abi::Type kType = *abi::Type::parse(\"" +
             tuple_text(results) + "\");\n  PB_TRY(value, abi::decode(kType, data));\n  " + type + " out{};\n  binding::from_value(" +
             (results.size() > 1 ? "value" : "value.items[0]") + ", out);\n  return out;\n}\n";
    return {};
  }

  Status event(const json::Object& entry) {
    PB_TRY(name, json::string_at(entry, "name"));
    PB_TRY(inputs, json::array_at(entry, "inputs"));
    PB_TRY(members, fields(*inputs));
    std::string indexed = "(", data = "(", flags;
    for (auto& field : members) {
      std::string& list = field.indexed ? indexed : data;
      list += (list.size() > 1 ? "," : "") + field.abi;
      flags += (flags.empty() ? "" : ", ") + std::string(field.indexed ? "true" : "false");
      if (field.indexed && (field.cpp == "std::string" || field.cpp == "Bytes" || field.cpp.starts_with("std::vector"))) field.cpp = "Hash32";
    }
    const std::string type = camel(name) + "Event";
    if (!known_structs_.insert(type).second) return {};
    const auto spec = EventSpec::make(name, indexed + ")", data + ")", [&] {
      std::vector<bool> out;
      for (const auto& field : members) out.push_back(field.indexed);
      return out;
    }());
    const std::string extra = "  static const chain::EventSpec& spec() {\n    static const chain::EventSpec kSpec = chain::EventSpec::make(\"" + name +
                              "\", \"" + indexed + ")\", \"" + data + ")\", {" + flags + "});\n    return kSpec;\n  }\n  /// " + spec.topic.hex() +
                              "\n  static const Hash32& topic() { return spec().topic; }\n  static Result<" + type +
                              "> decode(const Log& log) {\n    PB_TRY(values, chain::decode_event(spec(), log));\n    " + type +
                              " out{};\n    out.from_abi(abi::Value::list(std::move(values)));\n    return out;\n  }\n";
    body_ += struct_text(type, members, extra);
    return {};
  }

  /// Simple parameters only: what has a tuple is told by its selector.
  Status error(const json::Object& object) {
    PB_TRY(name, json::string_at(object, "name"));
    PB_TRY(inputs, json::array_at(object, "inputs"));
    std::string text = name + "(";
    for (std::size_t i = 0; i < inputs->size(); ++i) {
      PB_TRY(input, json::as_object((*inputs)[i], "error input"));
      const auto kind = json::string_or(*input, "type");
      if (kind.starts_with("tuple")) return {};
      text += (i == 0 ? "" : ",") + kind + " " + json::string_or(*input, "name");
    }
    errors_ += (errors_.empty() ? "\"" : ", \"") + text + ")\"";
    return {};
  }

  std::string contract_;
  std::string errors_;
  std::string structs_;
  std::string body_;
  std::set<std::string> known_structs_;
  std::map<std::string, int> functions_;
};

Status generate(const fs::path& folder, const fs::path& artifact) {
  PB_TRY(text, read_text(artifact));
  PB_TRY(document, json::parse(text, {.max_bytes = std::size_t{64} << 20, .max_depth = 64}));
  PB_TRY(object, json::as_object(document, artifact.string()));
  PB_TRY(abi, json::array_at(*object, "abi"));
  const std::string name = artifact.stem().string();
  PB_TRY(header, Generator(name).run(*abi));
  return write_file_atomic(folder / (snake(name) + ".hpp"), as_bytes(header));
}

}  // namespace
}  // namespace peaberry::chain

int main(int argc, char** argv) {
  for (int i = 2; i < argc; ++i) {
    const auto status = peaberry::chain::generate(argv[1], argv[i]);
    if (!status) {
      std::fprintf(stderr, "gen_bindings: %s: %s\n", argv[i], status.error().text().c_str());
      return 1;
    }
  }
  return 0;
}
