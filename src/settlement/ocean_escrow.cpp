#include "ocean_escrow.hpp"

#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/bindings/escrow.hpp>
#include <peaberry/crypto/hash.hpp>

namespace peaberry::settlement {

namespace escrow = bindings::escrow;

std::optional<U256> lock_amount(const U256& rate_per_minute, std::uint64_t seconds, std::uint64_t minimum_seconds) {
  const std::uint64_t charged = std::max(seconds, minimum_seconds);
  const std::uint64_t minutes = charged / 60 + (charged % 60 != 0 ? 1 : 0);
  return checked_mul(rate_per_minute, U256{minutes});
}

U256 claim_amount(const U256& rate_per_minute, std::uint64_t seconds, std::uint64_t minimum_seconds, const U256& locked) {
  const auto product = checked_mul(rate_per_minute, U256{std::max(seconds, minimum_seconds)});
  if (!product) return locked;
  return std::min(*product / U256{60}, locked);
}

U256 OceanEscrow::job_number(std::string_view job_id) { return U256::from(crypto::sha256(job_id)); }

Result<EscrowFunds> OceanEscrow::funds(const Address& payer, const Address& token) {
  PB_TRY(reply, rpc_.eth_call({.to = addresses_.escrow, .data = escrow::get_user_funds(payer, token)}));
  PB_TRY(funds, escrow::decode_get_user_funds(reply));
  return EscrowFunds{funds.available, funds.locked};
}

Result<std::vector<EscrowAuthorization>> OceanEscrow::authorizations(const Address& token, const Address& payer, const Address& payee) {
  PB_TRY(reply, rpc_.eth_call({.to = addresses_.escrow, .data = escrow::get_authorizations(token, payer, payee)}));
  PB_TRY(list, escrow::decode_get_authorizations(reply));
  std::vector<EscrowAuthorization> out;
  for (const auto& item : list)
    out.push_back({item.payee, item.max_locked_amount, item.current_locked_amount, item.max_lock_seconds, item.max_lock_counts, item.current_locks});
  return out;
}

Result<std::optional<EscrowLock>> OceanEscrow::find_lock(const Address& token, const Address& payer, const U256& job) {
  PB_TRY(reply, rpc_.eth_call({.to = addresses_.escrow, .data = escrow::get_locks(token, payer, sender_.address())}));
  PB_TRY(list, escrow::decode_get_locks(reply));
  for (const auto& item : list)
    if (item.job_id == job && item.payer == payer && item.token == token)
      return std::optional<EscrowLock>(EscrowLock{item.job_id, item.payer, item.amount, item.expiry, item.token});
  return std::optional<EscrowLock>();
}

Status OceanEscrow::check_payer(const Address& token, const Address& payer, const Address& payee, const U256& amount, std::uint64_t expiry_seconds) {
  const std::string who = crypto::checksum_address(payer);
  PB_TRY(available, funds(payer, token));
  if (available.available < amount)
    return fail(Errc::kPayment, "User " + who + " does not have enough funds",
                "deposit " + (amount - available.available).dec() + " more of token " + crypto::checksum_address(token) + " into the escrow");
  PB_TRY(auths, authorizations(token, payer, payee));
  if (auths.empty())
    return fail(Errc::kPayment, "No escrow auths found for: chain=" + std::to_string(addresses_.chain_id) + ", token=" + crypto::checksum_address(token) + ", payer=" + who + ", nodeAddress=" + crypto::checksum_address(payee),
                "authorise the node in the escrow");
  const EscrowAuthorization& auth = auths.front();
  const auto after = checked_add(auth.current_locked, amount);
  if (!after || *after > auth.max_locked) return fail(Errc::kPayment, "The escrow authorisation of " + who + " is too small", "authorise a larger amount");
  if (U256{expiry_seconds} > auth.max_lock_seconds) return fail(Errc::kPayment, "The escrow authorisation of " + who + " allows no lock of " + std::to_string(expiry_seconds) + " seconds", "authorise a longer time");
  if (auth.current_locks >= auth.max_lock_counts) return fail(Errc::kPayment, "The escrow authorisation of " + who + " allows no more locks", "authorise more locks");
  return {};
}

Result<chain::Receipt> OceanEscrow::lock(std::string_view job_id, const Address& token, const Address& payer, const U256& amount, std::uint64_t expiry_seconds) {
  const std::string key = "lock:" + std::string(job_id);
  PB_TRY(before, sender_.find(key));
  if (!before) PB_CHECK(check_payer(token, payer, sender_.address(), amount, expiry_seconds));
  return sender_.execute({.key = key, .to = addresses_.escrow, .data = escrow::create_lock(job_number(job_id), token, payer, amount, U256{expiry_seconds})});
}

Result<OceanEscrow::Claim> OceanEscrow::claim(std::string_view job_id, const Address& token, const Address& payer, const U256& amount, ByteView proof) {
  const std::string key = "claim:" + std::string(job_id);
  const U256 number = job_number(job_id);
  const auto measured = [&](const chain::Receipt& receipt) {
    Claim out{receipt.transaction_hash, {}, receipt.gas_used, false};
    for (const auto& log : receipt.logs) {  // what the token says moved to us, net of Ocean's fee
      if (log.address != token || log.topic_count != 3) continue;
      const auto transfer = bindings::erc20_template::TransferEvent::decode(log);
      if (transfer && transfer->to == sender_.address()) out.paid += transfer->value;
    }
    return out;
  };
  PB_TRY(done, sender_.find(key));
  if (done && done->success) return measured(*done);
  PB_TRY(lock, find_lock(token, payer, number));
  if (!lock) return fail(Errc::kConflict, "there is no lock for job " + std::string(job_id), "it was cancelled or claimed before");
  if (lock->expiry <= U256{clock_.unix_seconds()}) {
    // Ocean's escrow pays nothing for an expired lock and does not say so: give the money back instead.
    PB_TRY(receipt, sender_.execute({.key = "cancel:" + std::string(job_id), .to = addresses_.escrow, .data = escrow::cancel_expired_lock(number, token, payer, sender_.address())}));
    return Claim{receipt.transaction_hash, {}, receipt.gas_used, true};
  }
  PB_TRY(receipt, sender_.execute({.key = key, .to = addresses_.escrow, .data = escrow::claim_lock_and_withdraw(number, token, payer, std::min(amount, lock->amount), to_bytes(proof))}));
  return measured(receipt);
}

}  // namespace peaberry::settlement
