#pragma once

#include <peaberry/base/json.hpp>
#include <peaberry/crypto/words.hpp>
#include <peaberry/crypto/keys.hpp>
#include <span>

#include "csv.hpp"

namespace peaberry::ingest {

/// Rows that a device signed as it measured them. Batches hang on each other: none can be left out or put elsewhere unseen.
struct Batch {
  std::uint64_t first = 0, rows = 0;  ///< of the table
  Hash32 content;                     ///< of those rows' texts, in order
  Hash32 previous;                    ///< digest of the batch before; zero for the first
  Address device;
  Bytes signature;                    ///< 65 bytes over the digest

  json::Object to_json() const;
  static Result<Batch> from_json(const json::Object& object);
};

/// Where the signatures belong: EIP-712 "Peaberry Provenance", version 1, of the TableRegistry that the table is registered with.
struct BatchDomain {
  std::uint64_t chain_id = 0;
  Address registry;
  /// Batch(uint64 first,uint64 rows,bytes32 content,bytes32 previous)
  Hash32 digest(const Batch& batch) const;
};

/// kInvalid when the rows lie outside the table.
Result<Batch> sign_batch(const BatchDomain& domain, const Records& records, std::uint64_t first, std::uint64_t rows, const Hash32& previous, const crypto::PrivateKey& device);

/// {"chainId","registry","batches":[…]}
json::Object batches_to_json(const BatchDomain& domain, const std::vector<Batch>& batches);
Result<std::pair<BatchDomain, std::vector<Batch>>> batches_from_json(const json::Object& object);

/// How many of the table's rows registered devices signed, and how many each. A batch whose rows, place or signature does not hold counts for
/// nothing, and so does all that hangs on it.
struct SignedRows {
  std::uint64_t rows = 0;
  std::vector<std::uint64_t> by_device;  ///< in the order of `devices`
};
SignedRows count_signed_rows(const BatchDomain& domain, const Records& records, const std::vector<Batch>& batches, std::span<const Address> devices);

}  // namespace peaberry::ingest
