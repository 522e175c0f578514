#pragma once

#include <map>
#include <peaberry/base/files.hpp>
#include <peaberry/base/random.hpp>

#include "keys.hpp"
#include "sealing.hpp"

namespace peaberry::crypto {

/// The roles a node's keys have (DESIGN: they are apart so that a stolen one loses little).
inline constexpr const char* kKeyRoles[] = {"identity", "treasury", "operator", "attest"};

/// Encrypted key files, `<folder>/<name>.json`, mode 0600: Argon2id → XChaCha20-Poly1305.
/// Not thread-safe.
class KeyStore {
 public:
  KeyStore(fs::path folder, SecretBytes passphrase, Argon2Cost cost = {});

  /// Fails with kConflict when the name is taken: a key is never overwritten.
  Result<Address> create(const std::string& name, Random& random);
  Result<Address> import(const std::string& name, const PrivateKey& key, Random& random);
  Result<PrivateKey> open(const std::string& name) const;
  /// Name → address; needs no pass phrase.
  Result<std::map<std::string, Address>> list() const;
  /// One file that holds every encrypted key file; opens with the same pass phrase.
  Result<std::string> backup() const;
  /// Writes back what `backup` gave; checks that each key opens first. Existing names are refused.
  Result<std::map<std::string, Address>> restore(std::string_view backup_text);

 private:
  Result<PrivateKey> decrypt(const std::string& name, std::string_view text) const;
  Result<fs::path> path_of(const std::string& name) const;
  fs::path folder_;
  SecretBytes passphrase_;
  Argon2Cost cost_;
};

}  // namespace peaberry::crypto
