#include "trade.hpp"

#include <peaberry/bindings/dispenser.hpp>
#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/bindings/erc721_factory.hpp>
#include <peaberry/bindings/erc721_template.hpp>
#include <peaberry/bindings/escrow.hpp>
#include <peaberry/bindings/fixed_rate_exchange.hpp>

namespace peaberry::market {

namespace factory = bindings::erc721_factory;
namespace nft_contract = bindings::erc721_template;
namespace token_contract = bindings::erc20_template;
namespace exchange = bindings::fixed_rate_exchange;
namespace dispenser = bindings::dispenser;
namespace escrow = bindings::escrow;

namespace {
const U256 kOne{1'000'000'000'000'000'000};
const Address kNobody{};

token_contract::ProviderFee to_contract(const ProviderFee& fee) {
  return {fee.address, fee.token, fee.amount, U256{27U + fee.signature.y_parity}, fee.signature.r, fee.signature.s, U256{fee.valid_until}, to_bytes(fee.data)};
}
}  // namespace

Result<Done> Trader::send(const std::string& name, const std::string& key, const Address& to, Bytes data) {
  auto receipt = sender_.execute({.key = key + ":" + name, .to = to, .data = std::move(data)});
  if (!receipt) return within(name, receipt.error());
  return Done{name, receipt->transaction_hash, receipt->gas_used};
}

Result<CreatedAsset> Trader::create(const std::string& key, const NewAsset& asset) {
  const Address me = address();
  const Address collector = asset.payment_collector.is_zero() ? me : asset.payment_collector;
  const factory::NftCreateData nft{asset.nft_name, asset.nft_symbol, U256{1}, "", true, me};
  const bool fixed = asset.price.has_value();
  const factory::ErcCreateData token{U256{1},
                                     {asset.datatoken_name, asset.datatoken_symbol},
                                     {me, collector, kNobody, kNobody},
                                     {U256::max(), U256{}},
                                     {}};
  Bytes data;
  if (fixed) {
    const factory::FixedData price{addresses_.fixed_price, {asset.base_token, me, kNobody, kNobody},
                                   {U256{asset.base_token_decimals}, U256{18}, *asset.price, U256{}, U256{1}}};
    data = factory::create_nft_with_erc20_with_fixed_rate(nft, token, price);
  } else {
    const factory::DispenserData free{addresses_.dispenser, kOne, kOne, true, kNobody};
    data = factory::create_nft_with_erc20_with_dispenser(nft, token, free);
  }
  auto receipt = sender_.execute({.key = key + ":create", .to = addresses_.factory, .data = std::move(data)});
  if (!receipt) return within("publish", receipt.error());
  CreatedAsset out;
  out.done = {"create", receipt->transaction_hash, receipt->gas_used};
  for (const auto& log : receipt->logs) {
    if (log.topic_count == 0) continue;
    if (log.address == addresses_.factory && log.topics[0] == factory::NFTCreatedEvent::topic()) {
      PB_TRY(event, factory::NFTCreatedEvent::decode(log));
      out.nft = event.new_token_address;
    } else if (log.address == addresses_.factory && log.topics[0] == factory::TokenCreatedEvent::topic()) {
      PB_TRY(event, factory::TokenCreatedEvent::decode(log));
      out.datatoken = event.new_token_address;
    } else if (log.address == addresses_.fixed_price && log.topics[0] == exchange::ExchangeCreatedEvent::topic()) {
      PB_TRY(event, exchange::ExchangeCreatedEvent::decode(log));
      out.exchange_id = event.exchange_id;
    }
  }
  if (out.nft.is_zero() || out.datatoken.is_zero()) return fail(Errc::kInternal, "the factory's receipt names no new NFT");
  return out;
}

Result<Done> Trader::set_metadata(const std::string& key, const Address& nft, std::uint8_t state, const std::string& decryptor_url, std::uint8_t flags, ByteView data, const Hash32& hash) {
  return send("setMetaData", key, nft, nft_contract::set_meta_data(U256{state}, decryptor_url, "", Bytes{flags}, to_bytes(data), hash, {}));
}

Result<Done> Trader::set_price(const std::string& key, const Hash32& exchange_id, const U256& price) {
  return send("setRate", key, addresses_.fixed_price, exchange::set_rate(exchange_id, price));
}

Result<Done> Trader::set_state(const std::string& key, const Address& nft, std::uint8_t state) {
  return send("setMetaDataState", key, nft, nft_contract::set_meta_data_state(U256{state}));
}

Result<U256> Trader::token_balance(const Address& token, const Address& who) {
  PB_TRY(reply, rpc_.eth_call({.to = token, .data = token_contract::balance_of(who)}));
  return token_contract::decode_balance_of(reply);
}

Result<Done> Trader::approve(const std::string& key, const Address& token, const Address& spender, const U256& amount) {
  return send("approve", key, token, token_contract::approve(spender, amount));
}

Result<std::vector<Done>> Trader::buy_datatoken(const std::string& key, const Address& datatoken, const Hash32& exchange_id, const U256& price_max) {
  std::vector<Done> out;
  PB_TRY(have, token_balance(datatoken, address()));
  if (have >= kOne) return out;  // bought before (a run that was cut off)
  if (exchange_id.is_zero()) {
    PB_TRY(taken, send("dispense", key, addresses_.dispenser, dispenser::dispense(datatoken, kOne, address())));
    out.push_back(taken);
    return out;
  }
  PB_TRY(info_reply, rpc_.eth_call({.to = addresses_.fixed_price, .data = exchange::get_exchange(exchange_id)}));
  PB_TRY(info, exchange::decode_get_exchange(info_reply));
  PB_TRY(quote_reply, rpc_.eth_call({.to = addresses_.fixed_price, .data = exchange::calc_base_in_given_out_dt(exchange_id, kOne, U256{})}));
  PB_TRY(quote, exchange::decode_calc_base_in_given_out_dt(quote_reply));
  if (!info.active) return fail(Errc::kConflict, "the asset's exchange is not active", "ask the owner");
  if (quote.base_token_amount > price_max)
    return fail(Errc::kConflict, "the price rose to " + quote.base_token_amount.dec() + " units, more than the " + price_max.dec() + " allowed", "look at it again with: peaberry show DID");
  PB_TRY(funds, token_balance(info.base_token, address()));
  if (funds < quote.base_token_amount)
    return fail(Errc::kPayment, "account " + crypto::checksum_address(address()) + " has " + funds.dec() + " units of token " + crypto::checksum_address(info.base_token) + ", the price is " + quote.base_token_amount.dec(),
                "send it some of that token");
  PB_TRY(approved, approve(key, info.base_token, addresses_.fixed_price, quote.base_token_amount));
  out.push_back(approved);
  PB_TRY(bought, send("buyDT", key, addresses_.fixed_price, exchange::buy_dt(exchange_id, kOne, quote.base_token_amount, kNobody, U256{})));
  out.push_back(bought);
  return out;
}

Result<Done> Trader::start_order(const std::string& key, const Address& datatoken, const Address& consumer, std::uint64_t service_index, const ProviderFee& fee) {
  if (!fee.amount.is_zero()) PB_CHECK(approve(key + ":fee", fee.token, datatoken, fee.amount));
  return send("startOrder", key, datatoken, token_contract::start_order(consumer, U256{service_index}, to_contract(fee), {kNobody, kNobody, U256{}}));
}

Result<Done> Trader::reuse_order(const std::string& key, const Address& datatoken, const Hash32& order, const ProviderFee& fee) {
  if (!fee.amount.is_zero()) PB_CHECK(approve(key + ":fee", fee.token, datatoken, fee.amount));
  return send("reuseOrder", key, datatoken, token_contract::reuse_order(order, to_contract(fee)));
}

Result<std::vector<Done>> Trader::escrow_deposit(const std::string& key, const Address& token, const U256& amount) {
  std::vector<Done> out;
  PB_TRY(approved, approve(key, token, addresses_.escrow, amount));
  out.push_back(approved);
  PB_TRY(deposited, send("deposit", key, addresses_.escrow, escrow::deposit(token, amount)));
  out.push_back(deposited);
  return out;
}

Result<Done> Trader::escrow_authorize(const std::string& key, const Address& token, const Address& payee, const U256& amount, std::uint64_t seconds, std::uint64_t count) {
  return send("authorize", key, addresses_.escrow, escrow::authorize(token, payee, amount, U256{seconds}, U256{count}));
}

Result<Done> Trader::escrow_withdraw(const std::string& key, const Address& token, const U256& amount) {
  return send("withdraw", key, addresses_.escrow, escrow::withdraw({token}, {amount}));
}

Result<Trader::Order> Trader::check_order(const Hash32& transaction, const Address& nft, const Address& datatoken, std::uint64_t service_index, const std::string& service_id,
                                          std::uint64_t timeout, const Address& who, const Address& provider, std::uint64_t now) {
  const auto refuse = [&](const std::string& why) { return fail(Errc::kPayment, "Error: Order " + transaction.hex() + " " + why, "order the service again"); };
  PB_TRY(deployed_reply, rpc_.eth_call({.to = nft, .data = nft_contract::is_deployed(datatoken)}));
  PB_TRY(deployed, nft_contract::decode_is_deployed(deployed_reply));
  if (!deployed) return refuse("is for a datatoken that is not the asset's");
  PB_TRY(receipt, rpc_.receipt(transaction));
  if (!receipt) return refuse("is not on chain");
  if (!receipt->success) return refuse("failed on chain");
  bool fee_paid = false;
  std::optional<token_contract::OrderStartedEvent> started;
  std::optional<token_contract::OrderReusedEvent> reused;
  for (const auto& log : receipt->logs) {
    if (log.address != datatoken || log.topic_count == 0) continue;
    if (log.topics[0] == token_contract::OrderStartedEvent::topic()) {
      PB_TRY(event, token_contract::OrderStartedEvent::decode(log));
      if (event.service_index == U256{service_index}) started = event;
    } else if (log.topics[0] == token_contract::OrderReusedEvent::topic()) {
      PB_TRY(event, token_contract::OrderReusedEvent::decode(log));
      reused = event;
    } else if (log.topics[0] == token_contract::ProviderFeeEvent::topic()) {
      PB_TRY(event, token_contract::ProviderFeeEvent::decode(log));
      const auto data = json::parse(as_text(event.provider_data));
      const bool ours = event.provider_fee_address == provider && data && data->is_object() && json::string_or(data->get_object(), "id") == service_id &&
                        equals_ignore_case(json::string_or(data->get_object(), "dt"), datatoken.hex());
      const bool valid = event.valid_until.is_zero() || event.valid_until >= U256{now};
      fee_paid = fee_paid || (ours && valid);
    }
  }
  if (!started && !reused) return refuse("is not for this service");
  if (!fee_paid) return refuse("carries no valid provider fee of this node");
  if (started) {
    if (started->consumer != who && started->payer != who) return refuse("belongs to another consumer");
    const std::uint64_t at = started->timestamp.low64();
    if (timeout != 0 && now > at && now - at > timeout) return refuse("has expired");
    return Order{transaction, started->consumer, started->payer, service_index, at};
  }
  if (reused->caller != who && who != reused->caller) return refuse("belongs to another consumer");
  // The first order must be the same service's; its provider fee has been replaced by the new one.
  PB_TRY(first, rpc_.receipt(reused->order_tx_id));
  if (!first || !first->success) return refuse("renews an order that is not on chain");
  for (const auto& log : first->logs) {
    if (log.address != datatoken || log.topic_count == 0 || log.topics[0] != token_contract::OrderStartedEvent::topic()) continue;
    PB_TRY(event, token_contract::OrderStartedEvent::decode(log));
    if (event.service_index != U256{service_index}) continue;
    if (event.consumer != who && event.payer != who && event.consumer != reused->caller && event.payer != reused->caller) continue;
    const std::uint64_t at = event.timestamp.low64();
    if (timeout != 0 && now > at && now - at > timeout) return refuse("renews an order that has expired");
    return Order{reused->order_tx_id, event.consumer, event.payer, service_index, at};
  }
  return refuse("renews an order of something else");
}

}  // namespace peaberry::market
