#include "table_prover.hpp"

#include <peaberry/proof/tables/values.hpp>

namespace peaberry::evidence {

using proof::Fr;
using proof::G1Affine;

namespace {

Bytes commitments_of(const proof::Srs& srs, const std::vector<proof::Table>& values, const proof::LargeVector<Fr>& blinders) {
  Bytes out;
  for (std::size_t i = 0; i < values.size(); ++i) append(out, commit(srs, values[i], blinders[i]).be());
  return out;
}

std::vector<U256> numbers(const std::vector<Fr>& values) {
  std::vector<U256> out;
  for (const Fr& value : values) out.push_back(U256::from_be(value.be()));
  return out;
}

}  // namespace

Status TableProver::check(const TableOpening& opening, unsigned log) const {
  if (log > srs_.log()) return fail(Errc::kInvalid, "the SRS has 2^" + std::to_string(srs_.log()) + " powers, the table needs 2^" + std::to_string(log), "import more powers: peaberry srs import --log " + std::to_string(log));
  if (!opening.steps.empty() && opening.srs_id != srs_.id()) return fail(Errc::kConflict, "the table was committed under srsId " + opening.srs_id.hex() + ", this SRS is " + srs_.id().hex(), "give --srs the file that it was committed with");
  if (opening.by != identity_.address()) return fail(Errc::kConflict, "the table was committed under identity key " + crypto::checksum_address(opening.by), "prove from the home that has it");
  return {};
}

Result<TableProver::Opened> TableProver::open(const TableOpening& opening, const proof::Cells& cells, unsigned log) const {
  PB_TRY(values, proof::table_values(opening.schema, opening.dictionaries, cells, 0, opening.rows(), log));
  proof::LargeVector<Fr> blinders(values.size(), Fr::zero());
  for (const auto& step : opening.steps) {
    const auto more = blinders_of(identity_, opening.table_id, step, values.size());
    for (std::size_t i = 0; i < more.size(); ++i) blinders[i] += more[i];
  }
  if (commitments_of(srs_, values, blinders) != opening.commitments)
    return fail(Errc::kConflict, "the first " + std::to_string(opening.rows()) + " rows are not the ones that were committed", "give the file that was admitted, with new rows at its end only");
  return Opened{std::move(values), std::move(blinders)};
}

Result<Admitted> TableProver::admit(const TableOpening& before, const proof::Cells& cells, std::uint64_t rows, const ProofFor& proof_for) {
  const unsigned log = proof::table_log(rows);
  PB_CHECK(check(before, log));
  if (rows <= before.rows()) return fail(Errc::kConflict, "the table has " + std::to_string(before.rows()) + " rows already, " + std::to_string(rows) + " add none");
  if (!before.steps.empty()) PB_CHECK(open(before, cells, proof::table_log(before.rows())));
  PB_TRY(plan, proof::admission_plan(before.schema, log));
  PB_TRY(values, proof::table_values(before.schema, before.dictionaries, cells, before.rows(), rows, log));
  Admitted out;
  out.opening = before;
  out.opening.srs_id = srs_.id();
  TableOpening::Step step{{}, before.rows(), rows};
  random_.fill(step.nonce.data);
  const auto blinders = blinders_of(identity_, before.table_id, step, values.size());
  out.added = commitments_of(srs_, values, blinders);
  out.opening.steps.push_back(step);
  out.opening.commitments.clear();
  for (std::size_t i = 0; i < values.size(); ++i) {
    proof::G1 sum(G1Affine::from_be(ByteView(out.added).subspan(64 * i, 64)).value());
    if (!before.steps.empty()) {
      const auto old = G1Affine::from_be(ByteView(before.commitments).subspan(64 * i, 64));
      if (!old) return fail(Errc::kInvalid, "commitments: number " + std::to_string(i) + " is no point", "restore the opening");
      sum += *old;
    }
    append(out.opening.commitments, sum.affine().be());
  }
  PB_TRY(proof, prove(plan.compiled, values, blinders, out.added, {Fr(before.rows()), Fr(rows)}, [&] { return proof::admission_witness(plan, values, before.rows(), rows); }, proof_for));
  out.proof = std::move(proof);
  return out;
}

Result<TableProof> TableProver::measure(const TableOpening& opening, const proof::Cells& cells, const std::function<Result<ProofFor>(const Hash32&, const std::vector<U256>&)>& proof_for) {
  const unsigned log = proof::table_log(opening.rows());
  PB_CHECK(check(opening, log));
  PB_TRY(plan, proof::metrics_plan(opening.schema, log, opening.label));
  PB_TRY(opened, open(opening, cells, log));
  std::vector<Fr> inputs = proof::metrics_inputs(opening.schema, plan, opened.values, opening.rows());
  PB_TRY(bound, proof_for(plan.compiled.name, numbers(inputs)));
  const auto empty = [&] {
    std::vector<proof::Table> out;
    for (const auto& oracle : plan.compiled.plan.oracles)
      if (oracle.phase == 1) out.emplace_back(std::size_t{1} << oracle.n);
    return out;
  };
  return prove(plan.compiled, opened.values, opened.blinders, opening.commitments, std::move(inputs), empty, bound);
}

Result<TableProof> TableProver::prove(const proof::CompiledPlan& compiled, const std::vector<proof::Table>& values, const proof::LargeVector<Fr>& blinders, const Bytes& registered, std::vector<Fr> inputs,
                                      std::function<std::vector<proof::Table>()> witness, const ProofFor& proof_for) {
  proof::Statement statement;
  statement.srs_id = srs_.id();
  statement.chain_id = U256{proof_for.chain_id}.word();
  statement.verifier = proof_for.verifier;
  statement.ctx = proof_for.ctx;
  statement.registered = registered;
  proof::ProverInput input;
  for (std::size_t i = 0; i < values.size(); ++i) input.registered.push_back({&values[i], blinders[i]});
  input.inputs = std::move(inputs);
  for (const Fr& one : input.inputs) append(statement.public_inputs, one.be());
  input.witness = [&](const Fr&) { return witness(); };
  PB_TRY(bytes, proof::prove(srs_, compiled, statement, input, random_, options_));
  return TableProof{compiled.bytes, compiled.name, numbers(input.inputs), std::move(bytes)};
}

}  // namespace peaberry::evidence
