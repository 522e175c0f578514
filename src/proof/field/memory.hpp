#pragma once

// Source: none; Linux madvise(2).

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

namespace peaberry::proof {

/// Memory for large arrays that are read at random: aligned to cache lines, on huge pages where the system gives them. It is wiped when it goes, since scalars and
/// columns are somebody's data.
template <class T, bool kFill = true>
struct LargeAllocator {
  using value_type = T;
  template <class U>
  struct rebind {
    using other = LargeAllocator<U, kFill>;
  };
  LargeAllocator() = default;
  template <class U>
  LargeAllocator(const LargeAllocator<U, kFill>&) {}
  T* allocate(std::size_t count) {
    constexpr std::size_t kHuge = std::size_t{2} << 20;
    if (count > (std::size_t{1} << 46) / sizeof(T)) throw std::bad_array_new_length();
    const std::size_t bytes = count * sizeof(T), align = bytes >= kHuge ? kHuge : 64;
    void* at = std::aligned_alloc(align, (bytes + align - 1) / align * align);
    if (at == nullptr) throw std::bad_alloc();
    if (align == kHuge) madvise(at, bytes, MADV_HUGEPAGE);  // a wish: ignored where it cannot be
    return static_cast<T*>(at);
  }
  void deallocate(T* at, std::size_t count) {
    explicit_bzero(at, count * sizeof(T));
    std::free(at);
  }
  template <class U, class... Args>
  void construct(U* at, Args&&... args) {
    if constexpr (kFill || sizeof...(Args) != 0) ::new (static_cast<void*>(at)) U(std::forward<Args>(args)...);
  }
  template <class U>
  bool operator==(const LargeAllocator<U, kFill>&) const {
    return true;
  }
};
template <class T>
using LargeVector = std::vector<T, LargeAllocator<T>>;
/// For what is written before it is read: elements begin as whatever was there.
template <class T>
using UnfilledVector = std::vector<T, LargeAllocator<T, false>>;

}  // namespace peaberry::proof
