#pragma once

// What the generated headers (<peaberry/bindings/….hpp>) are written in: conversions between C++ types and ABI values.

#include "abi.hpp"
#include "log.hpp"

namespace peaberry::chain::binding {

inline abi::Value to_value(const U256& v) { return abi::Value::of(v); }
inline abi::Value to_value(const Address& v) { return abi::Value::of(v); }
inline abi::Value to_value(const Hash32& v) { return abi::Value::of(v); }
inline abi::Value to_value(bool v) { return abi::Value::of(v); }
inline abi::Value to_value(const Bytes& v) { return abi::Value::of(v); }
inline abi::Value to_value(const std::string& v) { return abi::Value::of(v); }
template <class T>
  requires requires(const T& v) { v.to_abi(); }
abi::Value to_value(const T& v) {
  return v.to_abi();
}
template <class T>
abi::Value to_value(const std::vector<T>& list) {
  std::vector<abi::Value> items;
  for (const auto& item : list) items.push_back(to_value(item));
  return abi::Value::list(std::move(items));
}

inline void from_value(const abi::Value& v, U256& out) { out = v.word; }
inline void from_value(const abi::Value& v, Address& out) { out = v.address(); }
inline void from_value(const abi::Value& v, Hash32& out) { out = v.hash(); }
inline void from_value(const abi::Value& v, bool& out) { out = v.boolean(); }
inline void from_value(const abi::Value& v, Bytes& out) { out = v.bytes; }
inline void from_value(const abi::Value& v, std::string& out) { out = v.text(); }
template <class T>
  requires requires(T& v, const abi::Value& a) { v.from_abi(a); }
void from_value(const abi::Value& v, T& out) {
  out.from_abi(v);
}
template <class T>
void from_value(const abi::Value& v, std::vector<T>& out) {
  out.clear();
  for (const auto& item : v.items) {
    T next{};
    from_value(item, next);
    out.push_back(std::move(next));
  }
}

}  // namespace peaberry::chain::binding
