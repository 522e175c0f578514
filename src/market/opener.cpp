#include "opener.hpp"

#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/bindings/erc721_factory.hpp>
#include <peaberry/bindings/erc721_template.hpp>
#include <peaberry/crypto/hash.hpp>

#include "auth.hpp"
#include "ddo.hpp"

namespace peaberry::market {
namespace {

constexpr std::uint8_t kCompressed = 1, kEncrypted = 2;

std::string trim_slash(std::string url) {
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url;
}

Status check_hash(const index::SealedMetadata& sealed, std::string_view text) {
  if (crypto::sha256(text) == sealed.hash) return {};
  return fail(Errc::kInvalid, "the metadata's hash is not the one on chain", "publish the asset again");
}

}  // namespace

std::string seal_text(const crypto::PublicKey& to, std::string_view text, Random& random) { return hex0x(crypto::ecies_encrypt(to, as_bytes(text), random)); }

Result<std::vector<json::Object>> open_files(const crypto::PrivateKey& key, std::string_view sealed_hex, const Address& nft, const Address& datatoken) {
  PB_TRY(sealed, parse_hex(sealed_hex, "service files"));
  auto plain = crypto::ecies_decrypt(key, sealed);
  if (!plain) return within("service files", plain.error());
  PB_TRY(document, json::parse(as_text(*plain)));
  PB_TRY(object, json::as_object(document, "service files"));
  const auto same = [&](const char* field, const Address& wanted) {
    const auto found = json::address_at(*object, field);
    return found && *found == wanted;
  };
  if (!same("nftAddress", nft) || !same("datatokenAddress", datatoken))
    return fail(Errc::kForbidden, "the sealed files belong to another asset", "its owner must publish it again");
  PB_TRY(list, json::array_at(*object, "files"));
  std::vector<json::Object> out;
  for (const auto& item : *list) {
    PB_TRY(file, json::as_object(item, "files entry"));
    out.push_back(*file);
  }
  if (out.empty()) return fail(Errc::kInvalid, "the service has no files");
  return out;
}

Status DdoOpener::check_factory(const Address& nft) {
  PB_TRY(reply, rpc_.eth_call({.to = addresses_.factory, .data = bindings::erc721_factory::erc721_list(nft)}));
  PB_TRY(listed, bindings::erc721_factory::decode_erc721_list(reply));
  if (listed != nft) return fail(Errc::kForbidden, "NFT " + nft.hex() + " is not of Ocean's factory");
  return {};
}

Result<std::string> DdoOpener::decrypt_own(const index::SealedMetadata& sealed) const {
  const std::uint8_t flags = sealed.flags.empty() ? 0 : sealed.flags.back();
  if ((flags & kCompressed) != 0) return fail(Errc::kUnsupported, "the metadata is compressed with LZMA");
  if ((flags & kEncrypted) == 0) {  // plain: ocean.js hashes the hex text, not the bytes
    const std::string text(as_text(sealed.data));
    if (crypto::sha256(hex0x(sealed.data)) != sealed.hash) PB_CHECK(check_hash(sealed, text));
    return text;
  }
  PB_TRY(plain, crypto::ecies_decrypt(key_, sealed.data));
  std::string text(as_text(plain));
  PB_CHECK(check_hash(sealed, text));
  return text;
}

Result<std::string> DdoOpener::ask_decryptor(const index::SealedMetadata& sealed) {
  const std::string base = trim_slash(sealed.decryptor_url);
  if (!base.starts_with("http://") && !base.starts_with("https://"))
    return fail(Errc::kUnsupported, "the metadata's decryptor \"" + base.substr(0, 80) + "\" is not an HTTP node");
  net::ClientRequest request;
  request.timeout_ms = options_.timeout_ms;
  request.max_bytes = std::size_t{2} << 20;
  request.reach = options_.allow_private_urls ? net::Reach::kAny : net::Reach::kPublicOnly;
  const std::string me = crypto::checksum_address(key_.address());
  request.url = base + "/api/services/nonce?userAddress=" + me;
  PB_TRY(nonce_reply, client_.send(request));
  std::uint64_t nonce = static_cast<std::uint64_t>(clock_.unix_ms());
  if (const auto document = json::parse(nonce_reply.body); document && document->is_object())
    nonce = std::max(nonce, json::uint_or(document->get_object(), "nonce", 0) + 1);
  const json::Object body{{"transactionId", sealed.transaction.hex()}, {"dataNftAddress", crypto::checksum_address(sealed.nft)}, {"decrypterAddress", me},
                          {"chainId", sealed.chain_id}, {"nonce", std::to_string(nonce)}, {"signature", sign_request(key_, nonce, "decryptDDO")}};
  request.method = "POST";
  request.url = base + "/api/services/decrypt";
  request.headers["Content-Type"] = "application/json";
  request.body = json::stringify(body);
  PB_TRY(reply, client_.send(request));
  if (reply.status >= 500 || reply.status == 429) return fail(Errc::kUnavailable, "decryptor answers " + std::to_string(reply.status) + ": " + reply.body.substr(0, 120));
  if (reply.status != 200) return fail(Errc::kForbidden, "decryptor answers " + std::to_string(reply.status) + ": " + reply.body.substr(0, 200));
  PB_CHECK(check_hash(sealed, reply.body));
  return std::move(reply.body);
}

Result<index::OpenedMetadata> DdoOpener::open(const index::SealedMetadata& sealed) {
  PB_CHECK(check_factory(sealed.nft));
  const std::string url = trim_slash(sealed.decryptor_url);
  const bool ours = std::any_of(options_.own_urls.begin(), options_.own_urls.end(), [&](const std::string& own) { return trim_slash(own) == url; });
  const std::uint8_t flags = sealed.flags.empty() ? 0 : sealed.flags.back();
  auto text = ours || (flags & kEncrypted) == 0 ? decrypt_own(sealed) : ask_decryptor(sealed);
  if (!text) return text.error();
  index::OpenedMetadata out;
  PB_TRY(document, json::parse(*text, {.max_bytes = std::size_t{2} << 20}));
  PB_TRY(ddo, json::as_object(document, "DDO"));
  const auto problems = validate_ddo(*ddo);
  if (!problems.empty()) return fail(Errc::kInvalid, "DDO: " + problems_text(problems));
  out.did = did_of(sealed.nft, sealed.chain_id);
  if (json::string_or(*ddo, "id") != out.did) return fail(Errc::kInvalid, "the DDO's id is not the NFT's");
  out.ddo = std::move(*text);
  const auto call = [&](const Address& to, Bytes data) { return rpc_.eth_call({.to = to, .data = std::move(data)}); };
  namespace nft = bindings::erc721_template;
  PB_TRY(name, call(sealed.nft, nft::name()));
  PB_TRY(symbol, call(sealed.nft, nft::symbol()));
  PB_TRY(owner, call(sealed.nft, nft::owner_of(U256{1})));
  PB_TRY(uri, call(sealed.nft, nft::token_uri(U256{1})));
  out.nft_name = nft::decode_name(name).value_or("");
  out.nft_symbol = nft::decode_symbol(symbol).value_or("");
  out.owner = nft::decode_owner_of(owner).value_or(Address{});
  out.token_uri = nft::decode_token_uri(uri).value_or("");
  PB_TRY(services, services_of(*ddo));
  for (const auto& service : services) {
    PB_TRY(deployed_reply, call(sealed.nft, nft::is_deployed(service.datatoken)));
    PB_TRY(deployed, nft::decode_is_deployed(deployed_reply));
    if (!deployed) return fail(Errc::kForbidden, "service " + service.id + " names a datatoken that is not the asset's");
    PB_TRY(token_name, call(service.datatoken, bindings::erc20_template::name()));
    PB_TRY(token_symbol, call(service.datatoken, bindings::erc20_template::symbol()));
    out.datatokens.push_back({service.datatoken, bindings::erc20_template::decode_name(token_name).value_or(""), bindings::erc20_template::decode_symbol(token_symbol).value_or(""), service.id});
  }
  return out;
}

}  // namespace peaberry::market
