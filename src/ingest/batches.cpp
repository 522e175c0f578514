#include "batches.hpp"

#include <algorithm>

namespace peaberry::ingest {
namespace {

constexpr std::size_t kBatchesMax = 100'000;

Hash32 content_of(const Records& records, std::uint64_t first, std::uint64_t rows) {
  Bytes bytes;
  for (std::uint64_t r = first; r < first + rows; ++r)
    for (const auto& value : records.rows[r]) {
      for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(value.size() >> shift));
      append(bytes, as_bytes(value));
    }
  return crypto::keccak256(bytes);
}

bool inside(const Records& records, std::uint64_t first, std::uint64_t rows) { return rows != 0 && first < records.rows.size() && rows <= records.rows.size() - first; }

}  // namespace

json::Object Batch::to_json() const {
  return {{"first", first}, {"rows", rows}, {"content", content.hex()}, {"previous", previous.hex()}, {"device", crypto::checksum_address(device)}, {"signature", hex0x(signature)}};
}

Result<Batch> Batch::from_json(const json::Object& object) {
  Batch out;
  PB_TRY(first, json::uint_at(object, "first"));
  PB_TRY(rows, json::uint_at(object, "rows"));
  PB_TRY(content, json::hash_at(object, "content"));
  PB_TRY(previous, json::hash_at(object, "previous"));
  PB_TRY(device, json::address_at(object, "device"));
  PB_TRY(text, json::string_at(object, "signature"));
  PB_TRY(signature, parse_hex(text, "signature"));
  out.first = first, out.rows = rows, out.content = content, out.previous = previous, out.device = device, out.signature = signature;
  return out;
}

Hash32 BatchDomain::digest(const Batch& batch) const {
  static const Hash32 kType = crypto::keccak256("Batch(uint64 first,uint64 rows,bytes32 content,bytes32 previous)");
  return crypto::typed_digest({"Peaberry Provenance", "1", chain_id, registry}, crypto::hash_words(kType, U256{batch.first}, U256{batch.rows}, batch.content, batch.previous));
}

Result<Batch> sign_batch(const BatchDomain& domain, const Records& records, std::uint64_t first, std::uint64_t rows, const Hash32& previous, const crypto::PrivateKey& device) {
  if (!inside(records, first, rows)) return fail(Errc::kInvalid, "batch: the table has " + std::to_string(records.rows.size()) + " rows, not " + std::to_string(rows) + " from row " + std::to_string(first));
  Batch out{first, rows, content_of(records, first, rows), previous, device.address(), {}};
  const auto signature = device.sign(domain.digest(out)).rsv();
  out.signature.assign(signature.begin(), signature.end());
  return out;
}

json::Object batches_to_json(const BatchDomain& domain, const std::vector<Batch>& batches) {
  json::Array list;
  for (const auto& batch : batches) list.push_back(batch.to_json());
  return {{"chainId", domain.chain_id}, {"registry", crypto::checksum_address(domain.registry)}, {"batches", list}};
}

Result<std::pair<BatchDomain, std::vector<Batch>>> batches_from_json(const json::Object& object) {
  BatchDomain domain;
  PB_TRY(chain_id, json::uint_at(object, "chainId"));
  PB_TRY(registry, json::address_at(object, "registry"));
  domain.chain_id = chain_id, domain.registry = registry;
  PB_TRY(list, json::array_at(object, "batches"));
  if (list->size() > kBatchesMax) return fail(Errc::kExhausted, "batches: more than " + std::to_string(kBatchesMax));
  std::vector<Batch> batches;
  for (const auto& item : *list) {
    PB_TRY(entry, json::as_object(item, "batch"));
    PB_TRY(batch, Batch::from_json(*entry));
    batches.push_back(std::move(batch));
  }
  return std::pair{domain, std::move(batches)};
}

SignedRows count_signed_rows(const BatchDomain& domain, const Records& records, const std::vector<Batch>& batches, std::span<const Address> devices) {
  SignedRows out{0, std::vector<std::uint64_t>(devices.size())};
  Hash32 previous;
  std::uint64_t next = 0;
  for (const Batch& batch : batches) {
    if (batch.previous != previous || batch.first != next || !inside(records, batch.first, batch.rows)) break;  // the chain is cut here
    const Hash32 digest = domain.digest(batch);
    const auto signature = crypto::Signature::from_rsv(batch.signature);
    const auto signer = signature ? crypto::recover(digest, *signature) : Result<Address>(signature.error());
    if (!signer || *signer != batch.device) break;
    const auto device = std::find(devices.begin(), devices.end(), batch.device);
    if (device != devices.end() && batch.content == content_of(records, batch.first, batch.rows)) {
      out.by_device[static_cast<std::size_t>(device - devices.begin())] += batch.rows;
      out.rows += batch.rows;
    }
    previous = digest;
    next = batch.first + batch.rows;
  }
  return out;
}

}  // namespace peaberry::ingest
