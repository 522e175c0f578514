#include "seccomp.hpp"

#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace peaberry::compute {

Result<Fd> make_seccomp_program() {
  struct Release {
    void operator()(void* context) const { seccomp_release(context); }
  };
  const std::unique_ptr<void, Release> context(seccomp_init(SCMP_ACT_ALLOW));
  if (!context) return fail(Errc::kInternal, "cannot make a seccomp filter");
  const std::uint32_t deny = SCMP_ACT_ERRNO(EPERM);
  constexpr const char* kDenied[] = {
      "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
      "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp", "bpf", "perf_event_open", "userfaultfd",
      "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key", "init_module", "finit_module", "delete_module",
      "kexec_load", "kexec_file_load", "open_by_handle_at", "name_to_handle_at", "quotactl", "quotactl_fd", "swapon", "swapoff", "reboot", "acct",
      "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname", "iopl", "ioperm", "syslog", "lookup_dcookie",
      "fanotify_init", "vhangup", "nfsservctl", "personality", "memfd_secret"};
  for (const char* name : kDenied) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || number < 0) continue;  // not on this architecture
    if (seccomp_rule_add(context.get(), deny, number, 0) != 0) return fail(Errc::kInternal, std::string("cannot deny ") + name);
  }
  int bad = 0;
  // New user namespaces through clone; clone3 hides its flags behind a pointer, so libc must fall back to clone.
  bad |= seccomp_rule_add(context.get(), deny, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
  bad |= seccomp_rule_add(context.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  bad |= seccomp_rule_add(context.get(), deny, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
  for (const int kind : {S_IFCHR, S_IFBLK}) {
    bad |= seccomp_rule_add(context.get(), deny, SCMP_SYS(mknod), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, S_IFMT, static_cast<scmp_datum_t>(kind)));
    bad |= seccomp_rule_add(context.get(), deny, SCMP_SYS(mknodat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, S_IFMT, static_cast<scmp_datum_t>(kind)));
  }
  if (bad != 0) return fail(Errc::kInternal, "cannot build the seccomp filter");
  Fd file(memfd_create("peaberry-seccomp", MFD_CLOEXEC));
  if (!file || seccomp_export_bpf(context.get(), file.get()) != 0 || lseek(file.get(), 0, SEEK_SET) != 0)
    return fail(Errc::kInternal, "cannot write the seccomp filter");
  return file;
}

}  // namespace peaberry::compute
