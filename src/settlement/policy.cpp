#include "policy.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/crypto/keys.hpp>

namespace peaberry::settlement {
namespace {

constexpr std::size_t kLeavesMax = 15, kLeafHead = 30, kQuorumHead = 41, kSignersMax = 32;

void put_number(Bytes& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}
std::uint64_t get_number(ByteView bytes) {
  std::uint64_t out = 0;
  for (const std::uint8_t byte : bytes) out = out << 8 | byte;
  return out;
}

Error malformed(std::size_t position) { return fail(Errc::kInvalid, "policy: byte " + std::to_string(position) + " is malformed", "make policies with: peaberry policy check FILE.json"); }

void put_tokens(Bytes& out, const Policy::Node& node) {
  if (node.children.empty()) return out.push_back(0);
  for (const auto& child : node.children) put_tokens(out, child);
  out.push_back(static_cast<std::uint8_t>(node.k << 4 | node.children.size()));
}

/// The k-th smallest value over the tree.
std::uint64_t fold(const Policy& policy, const Policy::Node& node) {
  if (node.children.empty()) return policy.leaves[node.leaf].window;
  std::vector<std::uint64_t> values;
  for (const auto& child : node.children) values.push_back(fold(policy, child));
  std::sort(values.begin(), values.end());
  return values[node.k - 1];
}

std::string seconds(std::uint64_t s) {
  if (s == 0) return "at once";
  if (s % 86'400 == 0) return fmt::format("{} d", s / 86'400);
  if (s % 3'600 == 0) return fmt::format("{} h", s / 3'600);
  if (s % 60 == 0) return fmt::format("{} min", s / 60);
  return fmt::format("{} s", s);
}

Result<Policy::Leaf> leaf_from_json(const json::Object& object, const Contracts& contracts) {
  Policy::Leaf leaf;
  if (const auto* quorum = json::find_object(object, "quorum")) {
    QuorumParams params;
    PB_TRY(k, json::uint_at(*quorum, "k"));
    PB_TRY(window, json::uint_at(*quorum, "commitWindow"));
    PB_TRY(signers, json::array_at(*quorum, "signers"));
    if (window > 0xffffffff) return fail(Errc::kInvalid, "quorum.commitWindow is longer than 2^32 seconds");
    params.k = static_cast<unsigned>(std::min<std::uint64_t>(k, 255));
    params.commit_window = static_cast<std::uint32_t>(window);
    for (const auto& signer : *signers) {
      PB_TRY(address, Address::parse(signer.is_string() ? json::sv(signer.get_string()) : "", "quorum.signers"));
      params.signers.push_back(address);
    }
    if (json::find(*quorum, "bond") != nullptr) {
      PB_TRY(bond, json::u256_at(*quorum, "bond"));
      params.bond = bond;
      if (!bond.is_zero()) {
        PB_TRY(token, json::address_at(*quorum, "bondToken"));
        params.bond_token = token;
      }
    }
    leaf = {contracts.quorum, json::uint_or(*quorum, "window", 0), params.encode()};
    PB_CHECK(QuorumParams::decode(leaf.params));
    return leaf;
  }
  if (const auto* owner = json::find_object(object, "ownerAccept")) {
    PB_TRY(window, json::uint_at(*owner, "window"));
    U256 stake;
    if (json::find(*owner, "stake") != nullptr) {
      PB_TRY(given, json::u256_at(*owner, "stake"));
      stake = given;
    }
    if (stake.bit_length() > 96) return fail(Errc::kInvalid, "ownerAccept.stake is larger than 2^96");
    const auto word = stake.be();
    return Policy::Leaf{contracts.owner_accept, window, Bytes(word.begin() + 16, word.end())};
  }
  if (json::find(object, "direct") != nullptr) return Policy::Leaf{contracts.direct, 0, {}};
  PB_TRY(verifier, json::address_at(object, "verifier"));
  leaf.verifier = verifier;
  leaf.window = json::uint_or(object, "window", 0);
  if (json::find(object, "params") != nullptr) {
    PB_TRY(text, json::string_at(object, "params"));
    PB_TRY(params, parse_hex(text, "params"));
    leaf.params = params;
  }
  return leaf;
}

Result<Policy::Node> node_from_json(const json::Value& value, const Contracts& contracts, Policy& out, int depth) {
  PB_TRY(object, json::as_object(value, "policy"));
  const json::Array* children = nullptr;
  unsigned k = 0;
  if ((children = json::find_array(*object, "allOf")) != nullptr) k = static_cast<unsigned>(children->size());
  else if ((children = json::find_array(*object, "anyOf")) != nullptr) k = 1;
  else if ((children = json::find_array(*object, "of")) != nullptr) k = static_cast<unsigned>(json::uint_or(*object, "kOf", 0));
  if (children == nullptr) {
    PB_TRY(leaf, leaf_from_json(*object, contracts));
    out.leaves.push_back(std::move(leaf));
    return Policy::Node{out.leaves.size() - 1, 0, {}};
  }
  if (depth > 8) return fail(Errc::kInvalid, "policy is nested too deep");
  if (children->size() < 2 || children->size() > kLeavesMax) return fail(Errc::kInvalid, "a gate of the policy has " + std::to_string(children->size()) + " members", "give 2 to 15");
  if (k == 0 || k > children->size()) return fail(Errc::kInvalid, "kOf is " + std::to_string(k) + " of " + std::to_string(children->size()));
  Policy::Node node{0, k, {}};
  for (const auto& child : *children) {
    PB_TRY(next, node_from_json(child, contracts, out, depth + 1));
    node.children.push_back(std::move(next));
  }
  return node;
}

/// What a leaf means, in a sentence, and its part of the clocks and warnings.
std::string leaf_text(const Policy::Leaf& leaf, const Contracts& contracts, PolicyText& out) {
  if (leaf.verifier == contracts.direct) return "the chain runs the model itself (DirectVerifier); accepted in the claim's own transaction";
  if (leaf.verifier == contracts.quorum) {
    const auto params = QuorumParams::decode(leaf.params);
    if (!params) return "a quorum whose parameters are malformed: " + params.error().message;
    out.clocks.push_back(fmt::format("signers commit their votes within {} after the job is opened; nobody can claim before", seconds(params->commit_window)));
    if (leaf.window != 0) out.clocks.push_back(fmt::format("signers are expected to reveal within {} after a claim", seconds(leaf.window)));
    if (params->bond.is_zero()) out.warnings.push_back("the quorum's signers have no bond: a wrong vote costs them nothing");
    if (params->signers.size() == params->k) out.warnings.push_back("every signer must answer: one that is silent blocks the pay until the refund");
    std::string names;
    for (const auto& signer : params->signers) names += (names.empty() ? "" : ", ") + crypto::checksum_address(signer);
    return fmt::format("{} of {} signers find the same output by running the job themselves ({}); time alone never accepts", params->k, params->signers.size(), names);
  }
  if (leaf.verifier == contracts.owner_accept) {
    const U256 stake = U256::from_be(leaf.params);
    out.clocks.push_back(fmt::format("the requester has {} after a claim to object", seconds(leaf.window)));
    if (stake.is_zero()) out.warnings.push_back("the requester may refuse for nothing: pair this with a quorum by anyOf, or state a stake");
    return fmt::format("the requester does not object within {} (or signs its acceptance); an objection costs it {}", seconds(leaf.window), stake.is_zero() ? "nothing" : stake.dec() + " units of the job's token, paid to the executor");
  }
  out.warnings.push_back("verifier " + crypto::checksum_address(leaf.verifier) + " is not known here: read its code before you rely on it");
  return fmt::format("verifier {} accepts, undisputed after {}", crypto::checksum_address(leaf.verifier), seconds(leaf.window));
}

void node_text(const Policy& policy, const Policy::Node& node, const Contracts& contracts, int depth, PolicyText& out) {
  const std::string indent(static_cast<std::size_t>(2 * depth), ' ');
  if (node.children.empty()) return out.rules.push_back(indent + leaf_text(policy.leaves[node.leaf], contracts, out));
  const std::size_t n = node.children.size();
  out.rules.push_back(indent + (node.k == n ? "all of:" : node.k == 1 ? "any of:" : fmt::format("{} of these {}:", node.k, n)));
  for (const auto& child : node.children) node_text(policy, child, contracts, depth + 1, out);
}

}  // namespace

Policy Policy::single(Leaf leaf) {
  Policy out;
  out.leaves.push_back(std::move(leaf));
  return out;
}

Bytes Policy::encode() const {
  PB_ASSERT(!leaves.empty() && leaves.size() <= kLeavesMax);
  Bytes out{static_cast<std::uint8_t>(leaves.size())};
  for (const Leaf& leaf : leaves) {
    append(out, leaf.verifier.view());
    put_number(out, leaf.window, 8);
    put_number(out, leaf.params.size(), 2);
    append(out, leaf.params);
  }
  put_tokens(out, root);
  return out;
}

Hash32 Policy::hash() const { return crypto::keccak256(encode()); }

Result<Policy> Policy::decode(ByteView bytes) {
  if (bytes.empty() || bytes[0] == 0) return fail(Errc::kInvalid, "the policy asks for no evidence", "the escrow pays for accepted claims only");
  const std::size_t count = bytes[0];
  if (count > kLeavesMax) return malformed(0);
  Policy out;
  std::size_t at = 1;
  for (std::size_t i = 0; i < count; ++i) {
    if (at + kLeafHead > bytes.size()) return malformed(at);
    Leaf leaf;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), 20, leaf.verifier.data.begin());
    leaf.window = get_number(bytes.subspan(at + 20, 8));
    const std::size_t length = get_number(bytes.subspan(at + 28, 2));
    if (at + kLeafHead + length > bytes.size()) return malformed(at + 28);
    leaf.params = to_bytes(bytes.subspan(at + kLeafHead, length));
    for (const Leaf& other : out.leaves)
      if (other.verifier == leaf.verifier) return fail(Errc::kInvalid, "policy: verifier " + crypto::checksum_address(leaf.verifier) + " occurs twice");
    out.leaves.push_back(std::move(leaf));
    at += kLeafHead + length;
  }
  std::vector<Node> stack;
  std::size_t used = 0;
  for (; at < bytes.size(); ++at) {
    const std::uint8_t token = bytes[at];
    if (token == 0) {
      if (used == count) return malformed(at);
      stack.push_back({used++, 0, {}});
      continue;
    }
    const unsigned k = token >> 4, n = token & 15;
    if (k == 0 || k > n || n < 2 || n > stack.size()) return malformed(at);
    Node gate{0, k, {}};
    gate.children.assign(std::make_move_iterator(stack.end() - n), std::make_move_iterator(stack.end()));
    stack.resize(stack.size() - n);
    stack.push_back(std::move(gate));
  }
  if (used != count || stack.size() != 1) return malformed(bytes.size());
  out.root = std::move(stack.front());
  return out;
}

std::optional<std::uint16_t> Policy::leaf_of(const Address& verifier) const {
  const auto found = std::find_if(leaves.begin(), leaves.end(), [&](const Leaf& leaf) { return leaf.verifier == verifier; });
  return found == leaves.end() ? std::nullopt : std::optional(static_cast<std::uint16_t>(found - leaves.begin()));
}

std::uint64_t Policy::worst_window() const { return fold(*this, root); }

Result<Policy> Policy::from_json(const json::Value& value, const Contracts& contracts) {
  Policy out;
  PB_TRY(root, node_from_json(value, contracts, out, 0));
  out.root = std::move(root);
  if (out.leaves.size() > kLeavesMax) return fail(Errc::kInvalid, "the policy has more than 15 leaves");
  PB_CHECK(decode(out.encode()));
  return out;
}

Bytes QuorumParams::encode() const {
  Bytes out{static_cast<std::uint8_t>(k)};
  put_number(out, commit_window, 4);
  append(out, bond_token.view());
  const auto word = bond.be();
  append(out, ByteView(word).subspan(16));
  for (const Address& signer : signers) append(out, signer.view());
  return out;
}

std::optional<std::uint8_t> QuorumParams::seat_of(const Address& signer) const {
  const auto found = std::find(signers.begin(), signers.end(), signer);
  return found == signers.end() ? std::nullopt : std::optional(static_cast<std::uint8_t>(found - signers.begin()));
}

Result<QuorumParams> QuorumParams::decode(ByteView params) {
  const auto bad = [](const char* field) { return fail(Errc::kInvalid, std::string("quorum: ") + field); };
  if (params.size() < kQuorumHead + 20 || (params.size() - kQuorumHead) % 20 != 0) return bad("the parameters' length is wrong");
  QuorumParams out;
  out.k = params[0];
  out.commit_window = static_cast<std::uint32_t>(get_number(params.subspan(1, 4)));
  std::copy_n(params.begin() + 5, 20, out.bond_token.data.begin());
  out.bond = U256::from_be(params.subspan(25, 16));
  for (std::size_t at = kQuorumHead; at < params.size(); at += 20) {
    Address signer;
    std::copy_n(params.begin() + static_cast<std::ptrdiff_t>(at), 20, signer.data.begin());
    out.signers.push_back(signer);
  }
  const std::size_t n = out.signers.size();
  if (n > kSignersMax) return bad("there are more than 32 signers");
  if (out.k == 0 || out.k > n) return bad("k is not between 1 and the number of signers");
  if (2 * out.k <= n) return bad("k is not a majority: two outputs could both win");
  if (out.commit_window == 0) return bad("commitWindow is 0: votes would not be secret");
  if (out.bond.is_zero() != out.bond_token.is_zero()) return bad("bond and bondToken go together");
  return out;
}

PolicyText describe(const Policy& policy, const Contracts& contracts) {
  PolicyText out;
  node_text(policy, policy.root, contracts, 0, out);
  out.clocks.push_back(policy.worst_window() == 0 ? "an undisputed claim is accepted at once" : "an undisputed claim is accepted after " + seconds(policy.worst_window()));
  out.clocks.push_back("claims that could not be accepted before the deadline are refused");
  out.requester_worst = "nobody's claim is accepted: the money is locked until the deadline (a running dispute adds at most 30 d), then anybody's call gives all of it back";
  out.executor_worst = "the work is done and the claim is not accepted: no pay, gas lost, and the bond goes to the requester if the claim is rejected (else it returns)";
  return out;
}

json::Object PolicyText::to_json() const {
  const auto list = [](const std::vector<std::string>& lines) {
    json::Array array;
    for (const auto& line : lines) array.push_back(json::Value(line));
    return array;
  };
  return {{"paysWhen", list(rules)}, {"clocks", list(clocks)}, {"worstForRequester", requester_worst}, {"worstForExecutor", executor_worst}, {"warnings", list(warnings)}};
}

std::string PolicyText::text() const {
  std::string out = "pays when\n";
  for (const auto& line : rules) out += "  " + line + "\n";
  out += "clocks\n";
  for (const auto& line : clocks) out += "  " + line + "\n";
  out += "worst for the requester\n  " + requester_worst + "\nworst for the executor\n  " + executor_worst + "\n";
  for (const auto& line : warnings) out += "warning: " + line + "\n";
  return out;
}

}  // namespace peaberry::settlement
