#include "bundle.hpp"

namespace peaberry::node {
namespace {

constexpr std::uint64_t kBytesMax = std::uint64_t{2} << 30;
constexpr std::size_t kFilesMax = 4'096;

}  // namespace

Result<Bytes> pack_bundle(const compute::Provision& provision, const std::string& manifest) {
  std::vector<compute::ArchiveEntry> entries{{"manifest.json", to_bytes(manifest)}};
  PB_TRY(algorithm, read_file(provision.algorithm, kBytesMax));
  entries.push_back({"algorithm", std::move(algorithm)});
  for (const auto& input : provision.inputs) {
    PB_TRY(content, read_file(input.path, kBytesMax));
    entries.push_back({"inputs/" + input.name, std::move(content)});
  }
  return compute::make_tar(entries, "");
}

Result<std::string> unpack_bundle(ByteView tar, const fs::path& folder) {
  PB_TRY(entries, compute::read_tar(tar, kBytesMax, kFilesMax));
  std::error_code code;
  fs::remove_all(folder, code);
  PB_CHECK(make_directories(folder / "inputs", 0711));
  std::string manifest;
  for (const auto& entry : entries) {
    if (entry.name == "manifest.json") manifest = as_text(entry.content);
    else if (entry.name == "algorithm" || entry.name.starts_with("inputs/")) PB_CHECK(write_file_atomic(folder / entry.name, entry.content, 0640));
  }
  return manifest;
}

}  // namespace peaberry::node
