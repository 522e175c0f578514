#pragma once

#include <peaberry/base/files.hpp>

namespace peaberry::compute {

struct ArchiveEntry {
  std::string name;  ///< relative path
  Bytes content;
};

/// Regular files below `folder`, sorted by name. Links, devices, sockets and names with odd characters are left out and
/// named in `refused`. Fails with kExhausted beyond the bounds. Follows no link at any level.
Result<std::vector<ArchiveEntry>> collect_files(const fs::path& folder, std::uint64_t bytes_max, std::size_t files_max, std::vector<std::string>& refused);
/// A POSIX tar that depends on names and contents only (times and owners are zero): equal outputs give equal bytes.
Result<Bytes> make_tar(const std::vector<ArchiveEntry>& entries, const std::string& prefix);
/// Regular files of an untrusted tar, bounded; refuses absolute names and "..".
Result<std::vector<ArchiveEntry>> read_tar(ByteView tar, std::uint64_t bytes_max, std::size_t files_max);

}  // namespace peaberry::compute
