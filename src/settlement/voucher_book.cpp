#include "voucher_book.hpp"

#include <algorithm>

namespace peaberry::settlement {

using store::Connection;

namespace {

constexpr const char* kSchema = R"(
CREATE TABLE voucher_channel(chain_id INTEGER NOT NULL, settlement BLOB NOT NULL, channel BLOB NOT NULL, payer BLOB NOT NULL, payer_authorizer BLOB NOT NULL, receiver BLOB NOT NULL,
  receiver_authorizer BLOB NOT NULL, token BLOB NOT NULL, withdraw_delay INTEGER NOT NULL, salt BLOB NOT NULL, balance TEXT NOT NULL, total_claimed TEXT NOT NULL, leaving_since INTEGER NOT NULL, refund_nonce INTEGER NOT NULL,
  total TEXT NOT NULL, signature BLOB NOT NULL, PRIMARY KEY(chain_id, settlement, channel)) STRICT, WITHOUT ROWID;
)";

Address address_of(const Bytes& bytes) { return Address::from(bytes).value_or(Address{}); }

}  // namespace

Status VoucherBook::migrate(store::Database& database) { return database.migrate("vouchers", {{1, kSchema}}); }

Result<std::unique_ptr<VoucherBook>> VoucherBook::open(store::Database& database, const ChannelDomain& domain, const Address& receiver, const Clock& clock) {
  std::unique_ptr<VoucherBook> book(new VoucherBook(database, domain, receiver, clock));
  PB_CHECK(database.with([&](Connection& db) {
    return db.query("SELECT channel, payer, payer_authorizer, receiver, receiver_authorizer, token, withdraw_delay, salt, balance, total_claimed, leaving_since, total, signature, refund_nonce FROM voucher_channel "
                    "WHERE chain_id = ? AND settlement = ? AND receiver = ?",
                    {domain.chain_id, domain.settlement, receiver}, [&](const store::Statement& row) {
                      auto known = std::make_shared<Channel>();
                      Entry& entry = known->entry;
                      entry.config = {address_of(row.column_blob(1)), address_of(row.column_blob(2)), address_of(row.column_blob(3)), address_of(row.column_blob(4)), address_of(row.column_blob(5)),
                                      U256{static_cast<std::uint64_t>(row.column_int(6))}, Hash32::from(row.column_blob(7)).value_or(Hash32{})};
                      entry.on_chain = {U256::parse(row.column_text(8)).value_or(U256{}), U256::parse(row.column_text(9)).value_or(U256{}), static_cast<std::uint64_t>(row.column_int(10)), static_cast<std::uint64_t>(row.column_int(13))};
                      entry.total = U256::parse(row.column_text(11)).value_or(U256{});
                      entry.signature = row.column_blob(12);
                      book->channels_.emplace(Hash32::from(row.column_blob(0)).value_or(Hash32{}), std::move(known));
                    });
  }));
  return book;
}

std::shared_ptr<VoucherBook::Channel> VoucherBook::channel(const Hash32& id) {
  const std::lock_guard lock(channels_mutex_);
  const auto found = channels_.find(id);
  return found == channels_.end() ? nullptr : found->second;
}

Status VoucherBook::mirror(const ChannelConfig& config, const ChannelOnChain& on_chain) {
  if (config.receiver != receiver_) return fail(Errc::kInvalid, "channelConfig.receiver: this channel pays " + crypto::checksum_address(config.receiver) + ", not " + crypto::checksum_address(receiver_));
  const Hash32 id = domain_.channel_id(config);
  std::shared_ptr<Channel> known;
  {
    const std::lock_guard lock(channels_mutex_);
    auto& slot = channels_[id];
    if (!slot) slot = std::make_shared<Channel>(), slot->entry.config = config;
    known = slot;
  }
  const std::lock_guard lock(known->mutex);
  Entry next = known->entry;
  next.on_chain = on_chain;
  PB_CHECK(write({id, next}));
  known->entry = std::move(next);
  return {};
}

namespace {

/// What a voucher for `total` adds, as far as amounts go.
Result<U256> added_by(const VoucherBook::Entry& entry, const U256& total) {
  if (total <= entry.charged()) return fail(Errc::kConflict, "the voucher's total of " + total.dec() + " adds nothing: " + entry.charged().dec() + " were promised before");
  if (total > entry.on_chain.balance) return fail(Errc::kPayment, "the voucher's total of " + total.dec() + " is more than the channel holds: " + entry.on_chain.balance.dec());
  return total - entry.charged();
}

}  // namespace

Result<U256> VoucherBook::accept(const Hash32& id, const U256& total, ByteView signature) {
  PB_CHECK(check(id, total, signature));
  return record(id, total, signature);
}

Result<U256> VoucherBook::check(const Hash32& id, const U256& total, ByteView signature) {
  PB_TRY(entry, find(id));
  PB_TRY(added, added_by(entry, total));
  if (entry.on_chain.leaving_since != 0 && clock_.unix_seconds() >= entry.on_chain.leaving_since + entry.config.withdraw_delay.low64())
    return fail(Errc::kForbidden, "the payer has left this channel");
  const auto parsed = crypto::Signature::from_rsv(signature);
  const auto signer = parsed ? crypto::recover(domain_.voucher_digest(id, total), *parsed) : Result<Address>(parsed.error());
  if (!signer || *signer != voucher_signer(entry.config)) return fail(Errc::kForbidden, "voucher.signature is not of " + crypto::checksum_address(voucher_signer(entry.config)));
  return added;
}

Result<U256> VoucherBook::record(const Hash32& id, const U256& total, ByteView signature) {
  const auto known = channel(id);
  if (!known) return fail(Errc::kNotFound, "channel " + id.hex() + " is not known here");
  const std::lock_guard lock(known->mutex);
  PB_TRY(added, added_by(known->entry, total));
  Entry next = known->entry;
  next.total = total, next.signature = to_bytes(signature);
  PB_CHECK(write({id, next}));
  known->entry = std::move(next);
  return added;
}

Result<U256> VoucherBook::outstanding(const Hash32& id) {
  PB_TRY(entry, find(id));
  return entry.claimable();
}

Result<VoucherBook::Entry> VoucherBook::find(const Hash32& id) {
  const auto known = channel(id);
  if (!known) return fail(Errc::kNotFound, "channel " + id.hex() + " is not known here");
  const std::lock_guard lock(known->mutex);
  return known->entry;
}

std::vector<std::pair<Hash32, VoucherBook::Entry>> VoucherBook::claimable() {
  std::vector<std::pair<Hash32, std::shared_ptr<Channel>>> all;
  {
    const std::lock_guard lock(channels_mutex_);
    all.assign(channels_.begin(), channels_.end());
  }
  std::vector<std::pair<Hash32, Entry>> out;
  for (const auto& [id, known] : all) {
    const std::lock_guard lock(known->mutex);
    if (!known->entry.claimable().is_zero()) out.emplace_back(id, known->entry);
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.second.claimable() > b.second.claimable(); });
  return out;
}

Status VoucherBook::write(Write row) {
  std::unique_lock lock(write_mutex_);
  waiting_.push_back(std::move(row));
  const std::uint64_t ticket = next_ticket_++;
  while (done_ticket_ <= ticket) {
    if (writing_) {
      written_.wait(lock);
      continue;
    }
    writing_ = true;
    std::vector<Write> batch;
    batch.swap(waiting_);
    const std::uint64_t first = done_ticket_;
    lock.unlock();
    const Status done = write_all(batch);
    lock.lock();
    if (!done)
      for (std::uint64_t failed = first; failed < first + batch.size(); ++failed) failed_.emplace(failed, done.error());
    done_ticket_ = first + batch.size();
    writing_ = false;
    written_.notify_all();
  }
  const auto failed = failed_.find(ticket);
  if (failed == failed_.end()) return {};
  const Error error = failed->second;
  failed_.erase(failed);
  return error;
}

Status VoucherBook::write_all(const std::vector<Write>& rows) {
  return database_.write([&](Connection& db) -> Status {
    for (const Write& row : rows) {
      const Entry& e = row.entry;
      PB_CHECK(db.run("INSERT INTO voucher_channel(chain_id, settlement, channel, payer, payer_authorizer, receiver, receiver_authorizer, token, withdraw_delay, salt, balance, total_claimed, leaving_since, refund_nonce, total, "
                      "signature) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(chain_id, settlement, channel) DO UPDATE SET balance = excluded.balance, total_claimed = excluded.total_claimed, "
                      "leaving_since = excluded.leaving_since, refund_nonce = excluded.refund_nonce, total = excluded.total, signature = excluded.signature",
                      {domain_.chain_id, domain_.settlement, row.channel, e.config.payer, e.config.payer_authorizer, e.config.receiver, e.config.receiver_authorizer, e.config.token, e.config.withdraw_delay.low64(), e.config.salt,
                       e.on_chain.balance.dec(), e.on_chain.total_claimed.dec(), e.on_chain.leaving_since, e.on_chain.refund_nonce, e.total.dec(), e.signature}));
    }
    return {};
  });
}

}  // namespace peaberry::settlement
