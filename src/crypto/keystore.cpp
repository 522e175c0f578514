#include "keystore.hpp"

#include <peaberry/base/json.hpp>

namespace peaberry::crypto {

KeyStore::KeyStore(fs::path folder, SecretBytes passphrase, Argon2Cost cost)
    : folder_(std::move(folder)), passphrase_(std::move(passphrase)), cost_(cost) {}

Result<fs::path> KeyStore::path_of(const std::string& name) const {
  const bool plain = !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (!plain)
    return fail(Errc::kInvalid, "key name \"" + name + "\" is not usable",
                "use 1 to 64 of a-z, 0-9, - and _");
  return folder_ / (name + ".json");
}

Result<Address> KeyStore::create(const std::string& name, Random& random) {
  return import(name, PrivateKey::generate(random), random);
}

Result<Address> KeyStore::import(const std::string& name, const PrivateKey& key, Random& random) {
  PB_TRY(path, path_of(name));
  if (fs::exists(path))
    return fail(Errc::kConflict, "key \"" + name + "\" exists in " + folder_.string(), "choose another name");
  std::array<std::uint8_t, 16> salt{};
  random.fill(salt);
  PB_TRY(derived, derive_key(passphrase_.view(), salt, cost_));
  json::Object file;
  file["version"] = 1;
  file["address"] = checksum_address(key.address());
  file["kdf"] = json::Object{{"name", "argon2id"},
                             {"salt", hex(salt)},
                             {"operations", cost_.operations},
                             {"memory_bytes", cost_.memory_bytes}};
  file["cipher"] = "xchacha20-poly1305";
  file["sealed"] = hex(seal(derived.view(), key.secret(), random));
  PB_CHECK(make_directories(folder_, 0700));
  PB_CHECK(write_file_atomic(path, as_bytes(json::pretty(file) + "\n"), 0600));
  return key.address();
}

Result<PrivateKey> KeyStore::decrypt(const std::string& name, std::string_view text) const {
  PB_TRY(document, json::parse(text));
  PB_TRY(file, json::as_object(document, "key file " + name));
  PB_TRY(kdf, json::object_at(*file, "kdf"));
  PB_TRY(salt_text, json::string_at(*kdf, "salt"));
  PB_TRY(salt, parse_hex(salt_text, "salt"));
  PB_TRY(operations, json::uint_at(*kdf, "operations"));
  PB_TRY(memory, json::uint_at(*kdf, "memory_bytes"));
  PB_TRY(sealed_text, json::string_at(*file, "sealed"));
  PB_TRY(sealed, parse_hex(sealed_text, "sealed"));
  PB_TRY(derived, derive_key(passphrase_.view(), salt, {operations, memory}));
  auto secret = unseal(derived.view(), sealed);
  if (!secret)
    return fail(Errc::kUnauthenticated, "key \"" + name + "\" does not open",
                "check the pass phrase (PEABERRY_PASSPHRASE or --passphrase-file)");
  auto key = PrivateKey::from_bytes(*secret);
  wipe(*secret);
  return key;
}

Result<PrivateKey> KeyStore::open(const std::string& name) const {
  PB_TRY(path, path_of(name));
  auto text = read_text(path, 65536);
  if (!text)
    return fail(Errc::kNotFound, "there is no key \"" + name + "\" in " + folder_.string(),
                "make one with: peaberry keys new " + name);
  return decrypt(name, *text);
}

Result<std::map<std::string, Address>> KeyStore::list() const {
  std::map<std::string, Address> out;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder_, code)) {
    if (entry.path().extension() != ".json") continue;
    PB_TRY(text, read_text(entry.path(), 65536));
    PB_TRY(document, json::parse(text));
    PB_TRY(file, json::as_object(document, entry.path().string()));
    PB_TRY(address, json::address_at(*file, "address"));
    out[entry.path().stem().string()] = address;
  }
  return out;
}

Result<std::string> KeyStore::backup() const {
  PB_TRY(names, list());
  json::Object keys;
  for (const auto& [name, address] : names) {
    PB_TRY(text, read_text(folder_ / (name + ".json"), 65536));
    PB_TRY(document, json::parse(text));
    keys[name] = document;
  }
  return json::pretty(json::Object{{"format", "peaberry-keys-1"}, {"keys", keys}}) + "\n";
}

Result<std::map<std::string, Address>> KeyStore::restore(std::string_view backup_text) {
  PB_TRY(document, json::parse(backup_text));
  PB_TRY(file, json::as_object(document, "backup"));
  if (json::string_or(*file, "format") != "peaberry-keys-1")
    return fail(Errc::kInvalid, "this file is not a peaberry key backup", "give the file that `keys backup` wrote");
  PB_TRY(keys, json::object_at(*file, "keys"));
  std::map<std::string, Address> out;
  for (const auto& member : *keys) {  // first look at everything, then write
    const std::string name(member.key());
    PB_TRY(path, path_of(name));
    if (fs::exists(path)) return fail(Errc::kConflict, "key \"" + name + "\" exists already", "restore into an empty home");
    PB_TRY(key, decrypt(name, json::stringify(member.value())));
    out[name] = key.address();
  }
  PB_CHECK(make_directories(folder_, 0700));
  for (const auto& member : *keys) {
    PB_TRY(path, path_of(std::string(member.key())));
    PB_CHECK(write_file_atomic(path, as_bytes(json::pretty(member.value()) + "\n"), 0600));
  }
  return out;
}

}  // namespace peaberry::crypto
