#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <peaberry/base/clock.hpp>
#include <peaberry/store/sql.hpp>
#include <unordered_map>

#include "channels.hpp"
#include "evidence.hpp"

namespace peaberry::settlement {

/// What the chain says of a channel, as of when it was last read.
struct ChannelOnChain {
  U256 balance;         ///< deposited and not taken out; claims do not lower it
  U256 total_claimed;
  std::uint64_t leaving_since = 0;  ///< block time of a wish to withdraw, 0: none
  std::uint64_t refund_nonce = 0;
};

/// A receiver's ledger of vouchers. A voucher counts once it is on disk: `accept` returns no sooner, and many at once share one write, so
/// that a receiver who answers after `accept` loses nothing by a crash. Only the largest voucher of a channel is kept. Thread-safe; calls for
/// one channel go one after the other.
class VoucherBook final : public Rail {
 public:
  static Status migrate(store::Database& database);
  /// Reads the book that `database` has. Channels pay to `receiver`.
  static Result<std::unique_ptr<VoucherBook>> open(store::Database& database, const ChannelDomain& domain, const Address& receiver, const Clock& clock);

  /// Takes note of a channel, or of what the chain newly says of one. kInvalid: it pays somebody else.
  Status mirror(const ChannelConfig& config, const ChannelOnChain& on_chain);

  /// A voucher for `total` units since the channel's beginning: returns what it adds. kNotFound: an unknown channel (mirror it first);
  /// kConflict: it adds nothing; kPayment: more than was deposited; kForbidden: another's signature, or the payer is leaving and its time is up.
  Result<U256> accept(const Hash32& channel, const U256& total, ByteView signature) override;
  /// `accept` in two parts, for who answers in between: what `check` allowed, `record` writes without looking at the signature again, if no
  /// other voucher came first (kConflict).
  Result<U256> check(const Hash32& channel, const U256& total, ByteView signature);
  Result<U256> record(const Hash32& channel, const U256& total, ByteView signature);
  /// Promised and not yet claimed on chain.
  Result<U256> outstanding(const Hash32& channel) override;

  struct Entry {
    ChannelConfig config;
    ChannelOnChain on_chain;
    U256 total;       ///< of the last voucher
    Bytes signature;  ///< of it; empty: none yet
    /// What the payer has been charged since the beginning. A book that was lost goes on from what was claimed.
    const U256& charged() const { return total > on_chain.total_claimed ? total : on_chain.total_claimed; }
    /// What can still be claimed: a payer that has left took along what was not claimed in time.
    U256 claimable() const {
      const U256& most = total < on_chain.balance ? total : on_chain.balance;
      return most > on_chain.total_claimed ? most - on_chain.total_claimed : U256{};
    }
  };
  Result<Entry> find(const Hash32& channel);
  /// Channels with something to claim, the largest sum first.
  std::vector<std::pair<Hash32, Entry>> claimable();

  const ChannelDomain& domain() const { return domain_; }
  const Address& receiver() const { return receiver_; }

 private:
  struct Channel {
    std::mutex mutex;  // one voucher at a time
    Entry entry;
  };
  struct Write {
    Hash32 channel;
    Entry entry;
  };
  VoucherBook(store::Database& database, const ChannelDomain& domain, const Address& receiver, const Clock& clock) : database_(database), domain_(domain), receiver_(receiver), clock_(clock) {}
  std::shared_ptr<Channel> channel(const Hash32& id);
  /// Returns when the row is on disk. Whoever comes while nobody writes, writes for all that wait.
  Status write(Write row);
  Status write_all(const std::vector<Write>& rows);

  store::Database& database_;
  ChannelDomain domain_;
  Address receiver_;
  const Clock& clock_;
  std::mutex channels_mutex_;
  std::unordered_map<Hash32, std::shared_ptr<Channel>, FixedBytesHash> channels_;

  std::mutex write_mutex_;
  std::condition_variable written_;
  std::vector<Write> waiting_;
  bool writing_ = false;
  std::uint64_t next_ticket_ = 0, done_ticket_ = 0;
  std::unordered_map<std::uint64_t, Error> failed_;  ///< tickets whose write failed
};

}  // namespace peaberry::settlement
