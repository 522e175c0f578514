#include "auth.hpp"

#include <peaberry/crypto/hash.hpp>
#include <peaberry/crypto/keys.hpp>

namespace peaberry::market {

Status RequestAuth::migrate(store::Database& database) {
  return database.migrate("auth", {{1, "CREATE TABLE auth_nonce(address BLOB PRIMARY KEY, nonce INTEGER NOT NULL) STRICT"}});
}

Result<std::uint64_t> RequestAuth::nonce(const std::string& address) {
  const auto parsed = Address::parse(address);
  std::uint64_t out = 0;
  if (!parsed) return out;
  PB_CHECK(database_.with([&](store::Connection& db) -> Status {
    PB_CHECK(db.query_one("SELECT nonce FROM auth_nonce WHERE address = ?", {*parsed}, [&](const store::Statement& row) { out = static_cast<std::uint64_t>(row.column_int(0)); }));
    return {};
  }));
  return out;
}

Result<bool> verify_request_signature(const Address& address, std::string_view message, ByteView signature, chain::Rpc* rpc) {
  const Hash32 hash = crypto::keccak256(message);
  const auto parsed = crypto::Signature::from_rsv(signature);
  if (parsed) {
    ByteView stripped = hash.view();
    while (!stripped.empty() && stripped.front() == 0) stripped = stripped.subspan(1);
    const std::string text = hash.hex();
    for (const ByteView form : {hash.view(), stripped, as_bytes(text)}) {
      const auto signer = crypto::recover(crypto::personal_message_hash(form), *parsed, true);
      if (signer && *signer == address) return true;
    }
  }
  if (rpc == nullptr) return false;
  for (const Hash32& digest : {hash, crypto::personal_message_hash(hash.view())}) {
    PB_TRY(valid, chain::is_valid_contract_signature(*rpc, address, digest, signature));
    if (valid) return true;
  }
  return false;
}

Status RequestAuth::check(const std::string& address, const std::string& nonce_text, std::string_view command, const std::string& signature) {
  if (address.empty() || nonce_text.empty() || signature.empty())
    return fail(Errc::kUnauthenticated, "Invalid authentication, you need to provide either a token or an address, signature, message and nonce");
  const auto who = Address::parse(address, "consumerAddress");
  const auto wanted = U256::parse(nonce_text, "nonce");
  const auto bytes = parse_hex(signature, "signature");
  const auto bad_nonce = fail(Errc::kUnauthenticated, "nonce: " + nonce_text.substr(0, 40) + " is not a valid nonce", "ask /api/services/nonce and use a larger one");
  if (!who) return fail(Errc::kUnauthenticated, who.error().message);
  if (!wanted || wanted->bit_length() > 63) return bad_nonce;
  PB_TRY(known, nonce(address));
  if (wanted->low64() <= known) return bad_nonce;
  const auto valid = bytes ? verify_request_signature(*who, address + nonce_text + std::string(command), *bytes, &rpc_) : Result<bool>(false);
  if (!valid || !*valid) return fail(Errc::kUnauthenticated, "consumer address and nonce signature mismatch", "sign address + nonce + \"" + std::string(command) + "\"");
  std::int64_t changed = 0;
  PB_CHECK(database_.write([&](store::Connection& db) -> Status {
    PB_TRY(rows, db.run("INSERT INTO auth_nonce(address, nonce) VALUES(?, ?) ON CONFLICT(address) DO UPDATE SET nonce = excluded.nonce WHERE excluded.nonce > auth_nonce.nonce",
                        {*who, wanted->low64()}));
    changed = rows;
    return {};
  }));
  if (changed == 0) return bad_nonce;  // the same request came twice at once
  return {};
}

std::string sign_request(const crypto::PrivateKey& key, std::uint64_t nonce, std::string_view command) {
  const std::string message = crypto::checksum_address(key.address()) + std::to_string(nonce) + std::string(command);
  return hex0x(key.sign(crypto::personal_message_hash(crypto::keccak256(message).view())).rsv());
}

}  // namespace peaberry::market
