#include "proof_file.hpp"

// The verifier on arbitrary bytes. The first byte chooses: a whole document, or a plan with a proof of the size that it asks for, which nobody can have made
// by chance.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peaberry;
  if (size < 4) return 0;
  if (data[0] % 2 == 0) {
    const auto files = proof::parse_proof_files(as_text({data + 1, size - 1}));
    if (!files) return 0;
    for (const auto& one : *files) (void)proof::verify(one).has_value();
    return 0;
  }
  // A plan, and behind it whatever there is as inputs, commitments and proof of the sizes that it asks for.
  static const auto key = proof::VerifierKey::from((proof::G2Affine::generator() * proof::Fr(77)).be()).value();
  const std::size_t plan_size = std::min<std::size_t>(size - 3, std::size_t{data[1]} << 8 | data[2]);
  const ByteView plan_bytes(data + 3, plan_size);
  const auto plan = proof::parse_plan(plan_bytes, proof::Fr::modulus_be());
  if (!plan || plan->proof_size() > (std::size_t{1} << 20)) return 0;
  ByteView rest(data + 3 + plan_size, size - 3 - plan_size);
  const auto take = [&](std::size_t count) {
    Bytes out(count);
    const std::size_t have = std::min(count, rest.size());
    std::copy_n(rest.begin(), have, out.begin());
    rest = rest.subspan(have);
    return out;
  };
  proof::Statement statement;
  statement.srs_id = key.srs_id();
  statement.registered = take(64 * plan->oracles_of(0));
  statement.public_inputs = take(std::size_t{32} * plan->public_inputs);
  if (proof::verify(key, plan_bytes, statement, take(plan->proof_size()))) __builtin_trap();
  return 0;
}
