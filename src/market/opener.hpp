#pragma once

#include <peaberry/chain/ocean.hpp>
#include <peaberry/crypto/sealing.hpp>
#include <peaberry/index/indexer.hpp>
#include <peaberry/net/client.hpp>

namespace peaberry::market {

/// Opens listed metadata: with our own key where it is ours, else by asking the node that the event names
/// (POST /api/services/decrypt). Checks the factory, the hash, the id and the datatokens before it believes anything.
/// Thread-safe.
class DdoOpener final : public index::MetadataOpener {
 public:
  struct Options {
    std::vector<std::string> own_urls;      ///< a decryptorUrl with one of these is ours
    bool allow_private_urls = false;        ///< other nodes on private addresses (local chains, tests)
    int timeout_ms = 20'000;
  };
  DdoOpener(chain::Rpc& rpc, net::Client& client, const chain::OceanAddresses& addresses, const crypto::PrivateKey& key, const Clock& clock, Options options)
      : rpc_(rpc), client_(client), addresses_(addresses), key_(key), clock_(clock), options_(std::move(options)) {}

  Result<index::OpenedMetadata> open(const index::SealedMetadata& sealed) override;
  /// Opens with our own key and checks the hash; no chain look-ups.
  Result<std::string> decrypt_own(const index::SealedMetadata& sealed) const;
  /// Fails with kForbidden when the NFT is not of Ocean's factory.
  Status check_factory(const Address& nft);

 private:
  Result<std::string> ask_decryptor(const index::SealedMetadata& sealed);
  chain::Rpc& rpc_;
  net::Client& client_;
  chain::OceanAddresses addresses_;
  const crypto::PrivateKey& key_;
  const Clock& clock_;
  Options options_;
};

/// Seals a DDO's text or a service's files to a key: `0x` + hex(ECIES).
std::string seal_text(const crypto::PublicKey& to, std::string_view text, Random& random);

/// The plaintext of service.files: {"datatokenAddress","nftAddress","files":[…]}. Checks that both addresses are the DDO's.
Result<std::vector<json::Object>> open_files(const crypto::PrivateKey& key, std::string_view sealed_hex, const Address& nft, const Address& datatoken);

}  // namespace peaberry::market
