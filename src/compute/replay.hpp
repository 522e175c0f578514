#pragma once

#include <peaberry/base/json.hpp>

#include "sandbox.hpp"

namespace peaberry::compute {

/// What a job needs before it can run, put in place by the node.
struct Provision {
  struct Input {
    std::string name;   ///< file name inside /data/inputs
    fs::path path;
    std::string did;    ///< "" for algoCustomData.json
    json::Object table = {};  ///< of a listed table: {nft, epoch, root, inputRoot}, which these bytes were found to give
  };
  std::vector<Input> inputs;
  fs::path algorithm;
  std::vector<std::string> argv;
};

/// Merkle root and size of a file, read in pieces.
struct FileDigest {
  Hash32 root;
  std::uint64_t bytes = 0;
};
Result<FileDigest> digest_file(const fs::path& path);

/// The hash-named description of one run: every byte that goes in, how it is started, and its limits. Equal manifests give equal runs.
struct RunLimits {
  double cpu = 1;
  std::uint64_t ram_bytes = 0, disk_bytes = 0, seconds = 0;
};
Result<json::Object> make_manifest(const Provision& provision, const std::string& algorithm_did, const json::Object& environment, const RunLimits& limits);

/// The sandbox's orders for a manifest whose files lie at `provision`'s paths.
Result<SandboxSpec> spec_of(const json::Object& manifest, const Provision& provision, const fs::path& outputs, const fs::path& log);

/// What whoever runs somebody else's job again is ready to give it.
struct ReplayBounds {
  std::uint64_t ram_bytes = 0, disk_bytes = 0, output_bytes = std::uint64_t{64} << 20;
  std::int64_t wall_ms = 0;  ///< the run is stopped then, however long the manifest would let it go on
};

/// Runs a manifest again from files that somebody else handed over: `folder`/inputs/<name> and `folder`/algorithm. Refuses them when their
/// Merkle roots are not the manifest's (kForbidden), or the manifest asks for more than `bounds` (kExhausted). Returns the outputs' tar, byte for
/// byte what the first run would have published.
Result<Bytes> replay(Sandbox& sandbox, const json::Object& manifest, const fs::path& folder, const ReplayBounds& bounds, const std::atomic<bool>& stop);

}  // namespace peaberry::compute
