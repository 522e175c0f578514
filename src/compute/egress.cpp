#include "egress.hpp"

namespace peaberry::compute {
namespace {

struct JsonMeasure {
  std::uint64_t numbers = 0, text = 0;
  void add(const json::Value& value) {
    if (value.is_number()) ++numbers;
    else if (value.is_string()) text += value.get_string().size();
    else if (value.is_array())
      for (const auto& item : value.get_array()) add(item);
    else if (value.is_object())
      for (const auto& member : value.get_object()) {
        text += member.key().size();
        add(member.value());
      }
  }
};

std::string extension(std::string_view name) {
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos ? "" : to_lower(name.substr(dot + 1));
}

Status check_content(const std::string& name, ByteView content, JsonMeasure& measure) {
  const std::string type = extension(name);
  if (type == "json") {
    const auto document = json::parse(as_text(content), {.max_bytes = std::size_t{64} << 20});
    if (!document) return fail(Errc::kForbidden, "egress: output " + name + " is not JSON");
    measure.add(*document);
  } else if (type == "svg") {
    if (!as_text(content).starts_with("<svg") && !as_text(content).starts_with("<?xml"))
      return fail(Errc::kForbidden, "egress: output " + name + " is not an SVG picture");
  } else if (type == "onnx") {
    // A ModelProto begins with field 1, ir_version, a varint.
    if (content.size() < 2 || content[0] != 0x08) return fail(Errc::kForbidden, "egress: output " + name + " is not an ONNX model");
  }
  return {};
}

}  // namespace

Result<EgressPolicy> EgressPolicy::parse(const json::Object& object) {
  EgressPolicy out;
  out.bytes_max = json::uint_or(object, "bytesMax", out.bytes_max);
  out.files_max = static_cast<std::uint32_t>(std::min<std::uint64_t>(json::uint_or(object, "filesMax", out.files_max), 4096));
  out.numbers_max = json::uint_or(object, "numbersMax", out.numbers_max);
  out.text_max = json::uint_or(object, "textMax", out.text_max);
  out.log_bytes_max = json::uint_or(object, "logBytesMax", out.log_bytes_max);
  out.owner_release = json::bool_or(object, "ownerRelease", out.owner_release);
  if (const auto* types = json::find_array(object, "types")) {
    out.types.clear();
    for (const auto& type : *types) {
      if (!type.is_string() || type.get_string().empty() || type.get_string().size() > 16)
        return fail(Errc::kInvalid, "egress field \"types\" holds something that is no file name ending", "write them like [\"onnx\", \"json\"]");
      out.types.push_back(to_lower(json::sv(type.get_string())));
    }
  }
  return out;
}

json::Object EgressPolicy::to_json() const {
  json::Array list;
  for (const auto& type : types) list.push_back(json::Value(type));
  return {{"bytesMax", bytes_max}, {"filesMax", files_max}, {"types", list}, {"numbersMax", numbers_max}, {"textMax", text_max}, {"logBytesMax", log_bytes_max}, {"ownerRelease", owner_release}};
}

EgressPolicy EgressPolicy::strictest(const EgressPolicy& other) const {
  EgressPolicy out;
  out.bytes_max = std::min(bytes_max, other.bytes_max);
  out.files_max = std::min(files_max, other.files_max);
  out.numbers_max = std::min(numbers_max, other.numbers_max);
  out.text_max = std::min(text_max, other.text_max);
  out.log_bytes_max = std::min(log_bytes_max, other.log_bytes_max);
  out.owner_release = owner_release || other.owner_release;
  out.types.clear();
  for (const auto& type : types)
    if (std::find(other.types.begin(), other.types.end(), type) != other.types.end()) out.types.push_back(type);
  return out;
}

Status check_egress(const EgressPolicy& policy, const std::vector<ArchiveEntry>& outputs) {
  if (outputs.size() > policy.files_max)
    return fail(Errc::kForbidden, "egress: " + std::to_string(outputs.size()) + " output files, the owner allows " + std::to_string(policy.files_max));
  std::uint64_t bytes = 0;
  JsonMeasure measure;
  for (const auto& output : outputs) {
    bytes += output.content.size() + output.name.size();  // names carry bytes too
    const std::string type = extension(output.name);
    if (std::find(policy.types.begin(), policy.types.end(), type) == policy.types.end())
      return fail(Errc::kForbidden, "egress: output " + output.name + " is of a type that the owner does not allow");
    PB_CHECK(check_content(output.name, output.content, measure));
  }
  if (bytes > policy.bytes_max) return fail(Errc::kForbidden, "egress: outputs have " + std::to_string(bytes) + " bytes, the owner allows " + std::to_string(policy.bytes_max));
  if (measure.numbers > policy.numbers_max)
    return fail(Errc::kForbidden, "egress: JSON outputs hold " + std::to_string(measure.numbers) + " numbers, the owner allows " + std::to_string(policy.numbers_max));
  if (measure.text > policy.text_max)
    return fail(Errc::kForbidden, "egress: JSON outputs hold " + std::to_string(measure.text) + " bytes of text, the owner allows " + std::to_string(policy.text_max));
  return {};
}

}  // namespace peaberry::compute
