#pragma once

#include <peaberry/compute/archive.hpp>
#include <peaberry/compute/replay.hpp>

namespace peaberry::node {

/// A job's bytes as they are handed to whoever runs it elsewhere: a tar of manifest.json, algorithm, inputs/<name>.
Result<Bytes> pack_bundle(const compute::Provision& provision, const std::string& manifest);
/// Lays a bundle out below `folder` as compute::replay wants it, and returns the manifest's text. Bounded; the manifest's own hashes are checked
/// by replay.
Result<std::string> unpack_bundle(ByteView tar, const fs::path& folder);

}  // namespace peaberry::node
