#include "archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

namespace peaberry::compute {
namespace {

bool plain_name(std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.size() > 200) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  });
}

struct Collector {
  std::uint64_t bytes_left;
  std::size_t files_left;
  std::vector<ArchiveEntry>& out;
  std::vector<std::string>& refused;

  /// `folder` stays open while it is read, and everything is opened relative to it without following links: what the
  /// job left cannot lead out of the outputs.
  Status walk(int folder, const std::string& prefix, int depth) {
    if (depth > 8) {
      refused.push_back(prefix + " (too deep)");
      return {};
    }
    struct Close {
      void operator()(DIR* dir) const { closedir(dir); }
    };
    const std::unique_ptr<DIR, Close> dir(fdopendir(dup(folder)));
    if (!dir) return fail(Errc::kInternal, "cannot read the outputs");
    while (const dirent* item = readdir(dir.get())) {
      const std::string name = item->d_name;
      if (name == "." || name == "..") continue;
      const std::string path = prefix + name;
      if (!plain_name(name)) {
        refused.push_back(path.substr(0, 100) + " (odd name)");
        continue;
      }
      struct stat info {};
      if (fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (S_ISDIR(info.st_mode)) {
        const Fd child(openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (child) PB_CHECK(walk(child.get(), path + "/", depth + 1));
        continue;
      }
      if (!S_ISREG(info.st_mode) || info.st_nlink != 1) {
        refused.push_back(path + (S_ISLNK(info.st_mode) ? " (symbolic link)" : S_ISREG(info.st_mode) ? " (hard link)" : " (not a regular file)"));
        continue;
      }
      const Fd file(openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
      if (!file || fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
      if (files_left-- == 0) return fail(Errc::kExhausted, "the job left too many output files");
      ArchiveEntry entry{path, {}};
      for (std::array<std::uint8_t, 65536> buffer;;) {
        const ssize_t got = read(file.get(), buffer.data(), buffer.size());
        if (got < 0) return fail(Errc::kInternal, "cannot read output " + path);
        if (got == 0) break;
        if (static_cast<std::uint64_t>(got) > bytes_left) return fail(Errc::kExhausted, "the job's outputs are larger than allowed");
        bytes_left -= static_cast<std::uint64_t>(got);
        append(entry.content, {buffer.data(), static_cast<std::size_t>(got)});
      }
      out.push_back(std::move(entry));
    }
    return {};
  }
};

}  // namespace

Result<std::vector<ArchiveEntry>> collect_files(const fs::path& folder, std::uint64_t bytes_max, std::size_t files_max, std::vector<std::string>& refused) {
  std::vector<ArchiveEntry> out;
  const Fd root(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root) return fail(Errc::kInternal, "cannot read the outputs");
  Collector collector{bytes_max, files_max, out, refused};
  PB_CHECK(collector.walk(root.get(), "", 0));
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

Result<Bytes> make_tar(const std::vector<ArchiveEntry>& entries, const std::string& prefix) {
  struct FreeArchive {
    void operator()(archive* a) const { archive_write_free(a); }
  };
  struct FreeEntry {
    void operator()(archive_entry* e) const { archive_entry_free(e); }
  };
  std::size_t capacity = 20480;
  for (const auto& entry : entries) capacity += entry.content.size() + 4096;
  Bytes out(capacity);
  std::size_t used = 0;
  const std::unique_ptr<archive, FreeArchive> tar(archive_write_new());
  archive_write_set_format_ustar(tar.get());
  archive_write_set_bytes_per_block(tar.get(), 512);
  if (archive_write_open_memory(tar.get(), out.data(), out.size(), &used) != ARCHIVE_OK) return fail(Errc::kInternal, "cannot write a tar");
  for (const auto& file : entries) {
    const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), (prefix + file.name).c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file.content.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    if (archive_write_header(tar.get(), entry.get()) != ARCHIVE_OK ||
        archive_write_data(tar.get(), file.content.data(), file.content.size()) != static_cast<la_ssize_t>(file.content.size()))
      return fail(Errc::kInternal, "cannot write " + file.name + " into a tar");
  }
  if (archive_write_close(tar.get()) != ARCHIVE_OK) return fail(Errc::kInternal, "cannot end a tar");
  out.resize(used);
  return out;
}

Result<std::vector<ArchiveEntry>> read_tar(ByteView bytes, std::uint64_t bytes_max, std::size_t files_max) {
  struct FreeArchive {
    void operator()(archive* a) const { archive_read_free(a); }
  };
  const std::unique_ptr<archive, FreeArchive> tar(archive_read_new());
  archive_read_support_format_tar(tar.get());
  if (archive_read_open_memory(tar.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) return fail(Errc::kInvalid, "not a tar archive");
  std::vector<ArchiveEntry> out;
  archive_entry* entry = nullptr;
  for (int code; (code = archive_read_next_header(tar.get(), &entry)) != ARCHIVE_EOF;) {
    if (code != ARCHIVE_OK) return fail(Errc::kInvalid, "damaged tar archive");
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    const char* path = archive_entry_pathname(entry);
    const std::string name = path == nullptr ? "" : path;
    if (name.empty() || name.front() == '/' || ("/" + name + "/").find("/../") != std::string::npos)
      return fail(Errc::kInvalid, "tar entry \"" + name.substr(0, 100) + "\" leads out of the folder");
    if (out.size() >= files_max) return fail(Errc::kExhausted, "tar has too many files");
    ArchiveEntry file{name, {}};
    for (Bytes buffer(65536);;) {
      const la_ssize_t got = archive_read_data(tar.get(), buffer.data(), buffer.size());
      if (got < 0) return fail(Errc::kInvalid, "damaged tar archive");
      if (got == 0) break;
      if (static_cast<std::uint64_t>(got) > bytes_max) return fail(Errc::kExhausted, "tar is larger than allowed");
      bytes_max -= static_cast<std::uint64_t>(got);
      append(file.content, ByteView(buffer).first(static_cast<std::size_t>(got)));
    }
    out.push_back(std::move(file));
  }
  return out;
}

}  // namespace peaberry::compute
