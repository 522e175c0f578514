#pragma once

#include <peaberry/base/files.hpp>

namespace peaberry::compute {

/// The job's system call filter as a BPF program in an anonymous file, for bubblewrap's --seccomp. Denied calls give
/// EPERM: new namespaces, mounts, tracing, keys, bpf, io_uring, modules, device nodes, and any socket but AF_UNIX.
Result<Fd> make_seccomp_program();

}  // namespace peaberry::compute
