#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <peaberry/bindings/clinic.hpp>
#include <peaberry/bindings/direct_verifier.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/learn/quantised.hpp>
#include <peaberry/net/server.hpp>

#include "commands.hpp"

namespace peaberry::cli {
namespace {

namespace clinic_contract = bindings::clinic;

Result<learn::QuantisedModel> read_quantised(const std::string& file) {
  PB_TRY(text, read_text(file));
  PB_TRY(document, json::parse(text));
  PB_TRY(object, json::as_object(document, file));
  auto model = learn::QuantisedModel::parse(*object);
  if (!model) return within(file, model.error());
  return model;
}

/// A case as a record of one row. Columns that are not given are missing.
ingest::Records record_of(const std::vector<std::pair<std::string, std::string>>& values) {
  ingest::Records out;
  out.rows.emplace_back();
  for (const auto& [name, value] : values) out.names.push_back(name), out.rows[0].push_back(value);
  return out;
}

/// Fills in what a model wants and the case does not say.
Result<std::vector<std::int8_t>> inputs_of(const learn::QuantisedModel& model, ingest::Records record) {
  const auto described = model.to_json();
  for (const auto& column : described.at("columns").as_array()) {
    const std::string name = json::string_or(column.as_object(), "name");
    if (!record.find(name)) record.names.push_back(name), record.rows[0].emplace_back();
  }
  PB_TRY(columns, model.columns_in(record));
  return model.inputs(record.rows[0], columns);
}

json::Object answer_json(const learn::QuantisedModel& model, const std::vector<std::int8_t>& inputs) {
  json::Object probabilities;
  std::string best;
  std::uint32_t most = 0;
  for (std::size_t c = 0; c < model.classes().size(); ++c) {
    const std::uint32_t answer = model.answer(inputs, c).value_or(0);
    probabilities[model.classes()[c]] = std::round(answer / 6.5535) / 10'000;
    if (answer > most || c == 0) most = answer, best = model.classes()[c];
  }
  return {{"label", model.label()}, {"answer", best}, {"probabilities", probabilities}};
}

}  // namespace

Result<Output> model_export(Context&, const std::string& quantised, const std::string& output) {
  PB_TRY(model, read_quantised(quantised));
  PB_TRY(classifier, model.classifier());
  const Bytes bytes = classifier.encode();
  PB_CHECK(write_file_atomic(output, bytes));
  return Output{json::Object{{"file", output}, {"bytes", bytes.size()}, {"subjectRoot", crypto::keccak256(bytes).hex()}, {"inputs", classifier.inputs()}}, fmt::format("wrote {}: {} bytes, subjectRoot {}", output, bytes.size(), crypto::keccak256(bytes).hex())};
}

Result<Output> model_encode(Context&, const std::string& quantised, const std::vector<std::string>& values, const std::string& output) {
  PB_TRY(model, read_quantised(quantised));
  std::vector<std::pair<std::string, std::string>> named;
  for (const auto& text : values) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) return fail(Errc::kInvalid, "value \"" + text.substr(0, 60) + "\" is not COLUMN=VALUE");
    named.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  PB_TRY(inputs, inputs_of(model, record_of(named)));
  const ByteView bytes{reinterpret_cast<const std::uint8_t*>(inputs.data()), inputs.size()};
  PB_CHECK(write_file_atomic(output, bytes));
  return Output{json::Object{{"file", output}, {"inputRoot", crypto::keccak256(bytes).hex()}, {"answer", answer_json(model, inputs)}}, fmt::format("wrote {}: inputRoot {}", output, crypto::keccak256(bytes).hex())};
}

Result<Output> model_run(Context&, const std::string& model_file, const std::string& input_file, const std::string& output) {
  PB_TRY(model_bytes, read_file(model_file, 1 << 20));
  PB_TRY(model, qops::Model::parse(model_bytes));
  PB_TRY(input, read_file(input_file, 1 << 20));
  PB_TRY(words, model.run(std::span(reinterpret_cast<const std::int8_t*>(input.data()), input.size())));
  const Bytes bytes = qops::output_words(words);
  if (!output.empty()) PB_CHECK(write_file_atomic(output, bytes));
  json::Array told;
  for (const auto word : words) told.push_back(json::Value(word));
  return Output{json::Object{{"words", told}, {"outputHash", crypto::keccak256(bytes).hex()}}, json::stringify(told) + "\noutputHash " + crypto::keccak256(bytes).hex()};
}

Result<Output> model_serve(Context& context, const std::string& quantised, std::uint16_t port) {
  PB_TRY(model, read_quantised(quantised));
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  PB_TRY(server, net::Server::start({.port = port}, [&model](const net::Request& request) {
           std::vector<std::pair<std::string, std::string>> named(request.query.begin(), request.query.end());
           const auto inputs = inputs_of(model, record_of(named));
           if (!inputs) return net::Response::json(400, json::stringify(json::Object{{"error", inputs.error().text()}}));
           return net::Response::json(200, json::stringify(answer_json(model, *inputs)));
         }));
  const std::string url = "http://127.0.0.1:" + std::to_string(server->port());
  std::printf("%s\n", context.options().json ? json::stringify(json::Object{{"url", url}, {"pid", getpid()}}).c_str() : ("answers at " + url + "/?COLUMN=VALUE&…; stop with Ctrl-C").c_str());
  std::fflush(stdout);
  int got = 0;
  sigwait(&signals, &got);
  server->stop();
  return Output{json::Object{{"stopped", true}}, "stopped"};
}

Result<Output> clinic_deploy(Context& context, const std::string& token_text) {
  using chain::abi::Value;
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(token, context.token_or_ocean(token_text));
  PB_TRY(made, context.deploy("Clinic", "(address,address)", {Value::of(contracts->escrow), Value::of(token)}));
  const std::string address = crypto::checksum_address(made.first);
  return Output{json::Object{{"clinic", address}, {"tx", made.second.transaction_hash.hex()}, {"gas", made.second.gas_used}}, "clinic " + address + "\n  give it tokens to ask with: peaberry pay " + address};
}

Result<Output> clinic_ask(Context& context, const ClinicAskOptions& options) {
  PB_TRY(contracts, context.settlement_contracts());
  PB_TRY(rpc, context.rpc());
  PB_TRY(clinic, crypto::parse_address(options.clinic, "clinic"));
  PB_TRY(model, Hash32::parse(options.model, "model"));
  PB_TRY(input, Hash32::parse(options.input, "input"));
  PB_TRY(policy, read_policy(options.policy, *contracts));
  PB_TRY(amount, parse_units(options.amount, options.decimals, "amount"));
  PB_TRY(head, rpc->latest_block());
  settlement::Terms terms;
  terms.amount = amount, terms.deadline = U256{head.timestamp + options.seconds}, terms.fee_bps = U256{options.fee_bps}, terms.royalty_bps = U256{options.royalty_bps};
  for (const auto& [text, slot, field] : {std::tuple<const std::string&, Address*, const char*>{options.executor, &terms.executor, "executor"}, {options.fee_to, &terms.fee_to, "fee-to"}, {options.royalty_to, &terms.royalty_to, "royalty-to"}}) {
    if (text.empty()) continue;
    PB_TRY(address, crypto::parse_address(text, field));
    *slot = address;
  }
  PB_TRY(receipt, context.send("clinic-ask", clinic, clinic_contract::ask(model, input, policy.encode(), settlement::as<clinic_contract::Terms>(terms))));
  for (const auto& log : receipt.logs)
    if (log.address == clinic && log.topics[0] == clinic_contract::CaseAskedEvent::topic()) {
      PB_TRY(event, clinic_contract::CaseAskedEvent::decode(log));
      return Output{json::Object{{"jobId", event.job_id.hex()}, {"tx", receipt.transaction_hash.hex()}, {"gas", receipt.gas_used}}, "asked: job " + event.job_id.hex()};
    }
  return fail(Errc::kInternal, "the clinic asked nothing");
}

Result<Output> clinic_show(Context& context, const std::string& clinic_text, const std::string& job_text) {
  constexpr const char* kTriage[] = {"unknown", "asked", "routine", "urgent"};
  PB_TRY(clinic, crypto::parse_address(clinic_text, "clinic"));
  PB_TRY(job, Hash32::parse(job_text, "job"));
  PB_TRY(reply, context.call(clinic, clinic_contract::triage_of(job)));
  PB_TRY(triage, clinic_contract::decode_triage_of(reply));
  PB_TRY(urgent_reply, context.call(clinic, clinic_contract::urgent_cases()));
  PB_TRY(urgent, clinic_contract::decode_urgent_cases(urgent_reply));
  const std::string name = kTriage[triage.low64() & 3];
  return Output{json::Object{{"jobId", job.hex()}, {"triage", name}, {"urgentCases", urgent.low64()}}, "the case is " + name};
}

}  // namespace peaberry::cli
