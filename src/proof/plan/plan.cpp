// Source: docs/reference/proof-protocol.md, §2.

#include "plan.hpp"

#include <algorithm>
#include <bit>

#include <peaberry/crypto/hash.hpp>

namespace peaberry::proof {
namespace {

using Op = Plan::Op;

unsigned log_up(std::size_t value) { return value <= 1 ? 0 : static_cast<unsigned>(std::bit_width(value - 1)); }

Error malformed(std::string what) { return fail(Errc::kInvalid, "plan: " + std::move(what), "compile the plan again with this version"); }

/// Big-endian numbers, bounded: after the first lack everything reads as 0 and `short_` stays set.
class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}
  std::uint32_t number(unsigned size) {
    std::uint32_t out = 0;
    for (const std::uint8_t byte : take(size)) out = out << 8 | byte;
    return out;
  }
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return number(4); }
  ByteView take(std::size_t size) {
    if (size > bytes_.size()) {
      short_ = true;
      bytes_ = {};
      return {};
    }
    const ByteView out = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return out;
  }
  bool ran_short() const { return short_; }
  bool at_end() const { return bytes_.empty() && !short_; }

 private:
  ByteView bytes_;
  bool short_ = false;
};

bool has_index(Op op) { return op <= Op::kColumn; }

Result<Plan::Code> read_code(Reader& in) {
  const std::size_t size = in.u16();
  Reader code(in.take(size));
  if (in.ran_short()) return malformed("ends inside code");
  Plan::Code out;
  while (!code.at_end()) {
    const auto op = static_cast<Op>(code.u8());
    const bool known = (op >= Op::kConst && op <= Op::kColumn) || (op >= Op::kAdd && op <= Op::kMul);
    if (!known) return malformed("unknown instruction " + std::to_string(static_cast<int>(op)));
    out.push_back({op, has_index(op) ? code.u16() : std::uint16_t{0}});
    if (code.ran_short()) return malformed("an instruction is cut off");
  }
  return out;
}

void write(Bytes& out, std::uint64_t value, unsigned size) {
  for (unsigned i = size; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void write(Bytes& out, const Plan::Code& code) {
  Bytes body;
  for (const auto& [op, index] : code) {
    body.push_back(static_cast<std::uint8_t>(op));
    if (has_index(op)) write(body, index, 2);
  }
  write(out, body.size(), 2);
  append(out, body);
}

std::size_t axis_args(Plan::AxisKind kind, std::uint8_t len) {
  return kind == Plan::AxisKind::kCoord ? len : kind == Plan::AxisKind::kNext ? 1 : 8;
}

class Checker {
 public:
  Checker(const Plan& plan, const std::array<std::uint8_t, 32>& modulus) : plan_(plan), modulus_(modulus) {}
  Status run() {
    PB_CHECK(sizes());
    PB_CHECK(public_columns());
    PB_CHECK(operands());
    PB_CHECK(masks());
    return claims();
  }

 private:
  Status sizes() {
    if (plan_.l < 4 || plan_.l > 28) return malformed("l = " + std::to_string(plan_.l) + " is not in 4…28");
    if (plan_.n > 32) return malformed("n = " + std::to_string(plan_.n) + " is above 32");
    if (plan_.degree < 2 || plan_.degree > 8) return malformed("D = " + std::to_string(plan_.degree) + " is not in 2…8");
    if (plan_.oracles.empty() || plan_.oracles.size() > 255) return malformed("oracles: 1…255");
    if (plan_.operands.empty() || plan_.operands.size() > 65535) return malformed("operands: 1…65,535");
    std::uint8_t longest = 4, phase = 0;
    for (const auto& oracle : plan_.oracles) {
      if (oracle.phase > 2 || oracle.phase < phase) return malformed("phases of oracles must ascend from 0 to 2");
      phase = oracle.phase;
      if (oracle.n > 28) return malformed("an oracle is longer than 2^28");
      longest = std::max(longest, oracle.n);
    }
    if (longest != plan_.l) return malformed("l is not the longest oracle's");
    for (const auto& constant : plan_.constants)
      if (!std::lexicographical_compare(constant.begin(), constant.end(), modulus_.begin(), modulus_.end()))
        return malformed("a constant is not below the modulus");
    return {};
  }

  Status public_columns() {
    for (const auto& column : plan_.columns) {
      if (column.n > plan_.n) return malformed("a public column has more variables than n");
      switch (column.kind) {
        case Plan::PublicKind::kRow:
          if (column.a || column.b || column.c) return malformed("ROW takes no arguments");
          break;
        case Plan::PublicKind::kPrefix:
          if (column.b > 1 || column.c) return malformed("PREFIX: the second argument is 0 or 1, the third 0");
          if (column.b == 1 && column.a >= plan_.public_inputs) return malformed("PREFIX names a public input that does not exist");
          break;
        case Plan::PublicKind::kAt:
          if (column.b || column.c || std::uint64_t{column.a} >> column.n) return malformed("AT: the index is outside the column");
          break;
        case Plan::PublicKind::kVector:
          if (column.n > 16) return malformed("PUBVEC has more than 16 variables");
          if (column.c || column.b == 0 || column.b > std::uint64_t{1} << column.n) return malformed("PUBVEC: its length does not fit");
          if (std::uint64_t{column.a} + column.b > plan_.public_inputs) return malformed("PUBVEC names public inputs that do not exist");
          break;
        case Plan::PublicKind::kLess: {
          const std::uint64_t a = column.a, b = column.b, len = column.c;
          if (len == 0 || a + len > column.n || b + len > column.n) return malformed("LESS: its bits are outside the column");
          if (a < b + len && b < a + len) return malformed("LESS: the two numbers share bits");
          break;
        }
        default: return malformed("unknown public column");
      }
    }
    return {};
  }

  /// A source may be used once in an operand: only then is the view multilinear in x.
  Status source(std::uint8_t code) {
    if (code >= Plan::kZero) return code <= Plan::kOne ? Status() : malformed("COORD: unknown source");
    if ((code & 63) >= plan_.n) return malformed("an axis names a variable beyond n");
    if (code >= Plan::kFromR) return {};
    if (used_ >> code & 1) return malformed("an operand uses a variable twice");
    used_ |= std::uint64_t{1} << code;
    return {};
  }

  Status axis(const Plan::Axis& axis) {
    if (axis.args.size() != axis_args(axis.kind, axis.len)) return malformed("an axis has the wrong number of arguments");
    switch (axis.kind) {
      case Plan::AxisKind::kCoord:
        for (const std::uint8_t code : axis.args) PB_CHECK(source(code));
        return {};
      case Plan::AxisKind::kNext:
        for (unsigned i = 0; i < axis.len; ++i) {
          if (axis.args[0] + i >= plan_.n) return malformed("NEXT names a variable beyond n");
          PB_CHECK(source(static_cast<std::uint8_t>(axis.args[0] + i)));
        }
        return {};
      case Plan::AxisKind::kWindow: {
        const auto& w = axis.args;
        if (w[0] > 12 || w[2] > 12 || axis.len > 12) return malformed("WINDOW: ob, kb and len are at most 12");
        if (w[4] == 0 || w[5] == 0 || w[6] == 0) return malformed("WINDOW: on, kn and stride are at least 1");
        if (w[4] > 1u << w[0] || w[5] > 1u << w[2]) return malformed("WINDOW: on or kn does not fit its bits");
        for (int run = 0; run < 2; ++run)
          for (unsigned i = 0; i < w[2 * run]; ++i) {
            const unsigned code = w[2 * run + 1] + i;
            if (code >= Plan::kZero || (code >= Plan::kFromR) != (w[2 * run + 1] >= Plan::kFromR)) return malformed("WINDOW: a run of sources ends");
            PB_CHECK(source(static_cast<std::uint8_t>(code)));
          }
        return {};
      }
    }
    return malformed("unknown axis");
  }

  Status operands() {
    for (const auto& operand : plan_.operands) {
      if (operand.oracle >= plan_.oracles.size()) return malformed("an operand names an oracle that does not exist");
      PB_CHECK(slice("an operand's column", operand.off, operand.n, plan_.oracles[operand.oracle].n));
      unsigned bits = 0;
      used_ = 0;
      for (const auto& one : operand.axes) {
        bits += one.len;
        PB_CHECK(axis(one));
      }
      if (bits != operand.n) return malformed("an operand's axes do not cover its column");
      variables_.push_back(operand.variables());
    }
    return {};
  }

  static Status slice(const std::string& what, std::uint64_t off, unsigned log, unsigned oracle_log) {
    if (log > oracle_log || off % (std::uint64_t{1} << log) || off + (std::uint64_t{1} << log) > std::uint64_t{1} << oracle_log)
      return malformed(what + " is not an aligned slice of its oracle");
    return {};
  }

  Status masks() {
    if (plan_.mask_oracle >= plan_.oracles.size() || plan_.oracles[plan_.mask_oracle].phase != 1)
      return malformed("wmask is not a phase-1 oracle");
    const unsigned log = plan_.oracles[plan_.mask_oracle].n, a_log = plan_.mask_round_log() + plan_.mask_degree_log();
    PB_CHECK(slice("the operand masks", plan_.mask_r, plan_.mask_r_log(), log));
    PB_CHECK(slice("the round masks", plan_.mask_a, a_log, log));
    const auto apart = [](std::uint64_t a, unsigned a_bits, std::uint64_t b, unsigned b_bits) {
      return a + (std::uint64_t{1} << a_bits) <= b || b + (std::uint64_t{1} << b_bits) <= a;
    };
    if (!apart(plan_.mask_r, plan_.mask_r_log(), plan_.mask_a, a_log)) return malformed("the two mask slices overlap");
    for (const auto& operand : plan_.operands)
      if (operand.oracle == plan_.mask_oracle && (!apart(operand.off, operand.n, plan_.mask_r, plan_.mask_r_log()) || !apart(operand.off, operand.n, plan_.mask_a, a_log)))
        return malformed("an operand reads the masks");
    return {};
  }

  /// `nt` < 0: a target, which uses neither operands nor public columns.
  Status code(const Plan::Code& code, int nt) {
    std::size_t depth = 0;
    for (const auto& [op, index] : code) {
      std::size_t count = 0;
      switch (op) {
        case Op::kAdd:
        case Op::kSub:
        case Op::kMul:
          if (depth < 2) return malformed("code takes more values than there are");
          --depth;
          continue;
        case Op::kConst: count = plan_.constants.size(); break;
        case Op::kPublic: count = plan_.public_inputs; break;
        case Op::kChallenge: count = 3; break;
        case Op::kOperand: count = nt < 0 ? 0 : plan_.operands.size(); break;
        case Op::kColumn: count = nt < 0 ? 0 : plan_.columns.size(); break;
      }
      if (index >= count) return malformed("code names something that does not exist, or may not be used there");
      if (op == Op::kOperand && variables_[index] > static_cast<unsigned>(nt)) return malformed("an operand has more variables than its term");
      if (op == Op::kColumn && plan_.columns[index].n > static_cast<unsigned>(nt)) return malformed("a public column has more variables than its term");
      ++depth;
    }
    return depth == 1 ? Status() : malformed("code leaves " + std::to_string(depth) + " values");
  }

  Status claims() {
    if (plan_.claims.empty() || plan_.claims.size() > 65535) return malformed("claims: 1…65,535");
    unsigned most = 0;
    for (const auto& claim : plan_.claims) {
      PB_CHECK(code(claim.target, -1));
      if (claim.terms.empty() || claim.terms.size() > 255) return malformed("terms of a claim: 1…255");
      for (const auto& term : claim.terms) {
        if (term.nt > plan_.n || term.xs + term.len > term.nt || term.rs + term.len > plan_.n) return malformed("an eq-run is outside its term or n");
        most = std::max<unsigned>({most, term.nt, static_cast<unsigned>(term.rs) + term.len});
        PB_CHECK(code(term.code, term.nt));
      }
    }
    return most == plan_.n ? Status() : malformed("n is not what the terms use");
  }

  const Plan& plan_;
  const std::array<std::uint8_t, 32>& modulus_;
  std::uint64_t used_ = 0;
  std::vector<unsigned> variables_;  // of each operand
};

}  // namespace

unsigned Plan::Operand::variables() const {
  unsigned out = 0;
  const auto see = [&](unsigned code, unsigned count) {
    if (count > 0 && code < kFromR) out = std::max(out, code + count);
  };
  for (const auto& axis : axes) {
    if (axis.kind == AxisKind::kCoord)
      for (const std::uint8_t code : axis.args) see(code, 1);
    if (axis.kind == AxisKind::kNext) see(axis.args[0], axis.len);
    if (axis.kind == AxisKind::kWindow) {
      see(axis.args[1], axis.args[0]);
      see(axis.args[3], axis.args[2]);
    }
  }
  return out;
}

unsigned Plan::degree_in(const Code& code) {
  std::vector<unsigned> stack;
  for (const auto& [op, index] : code) {
    if (op <= Op::kColumn) {
      stack.push_back(op == Op::kOperand || op == Op::kColumn);
      continue;
    }
    const unsigned right = stack.back();
    stack.pop_back();
    stack.back() = op == Op::kMul ? stack.back() + right : std::max(stack.back(), right);
  }
  return stack.back();
}

std::size_t Plan::oracles_of(unsigned phase) const {
  return static_cast<std::size_t>(std::count_if(oracles.begin(), oracles.end(), [&](const Oracle& o) { return o.phase == phase; }));
}
unsigned Plan::mask_r_log() const { return log_up(operands.size()); }
unsigned Plan::mask_round_log() const { return static_cast<unsigned>(std::bit_width(static_cast<unsigned>(n))); }
unsigned Plan::mask_degree_log() const { return log_up(degree); }

std::vector<unsigned> Plan::arities() const {
  std::vector<unsigned> out(l / 2, 4);
  if (l % 2) out.push_back(2);
  return out;
}

std::size_t Plan::proof_size() const {
  const auto levels = arities();
  std::size_t parts = 1;
  for (const unsigned a : levels) parts += a - 1;
  const std::size_t points = oracles_of(1) + oracles_of(2) + 2 + (levels.size() - 1) + 2;
  return 64 * points + 32 * ((n + std::size_t{1}) * degree + operands.size() + 2 * std::size_t{l} + 1 + parts);
}

Status check_plan(const Plan& plan, const std::array<std::uint8_t, 32>& modulus) { return Checker(plan, modulus).run(); }

Result<Plan> parse_plan(ByteView bytes, const std::array<std::uint8_t, 32>& modulus) {
  Reader in(bytes);
  Plan plan;
  if (in.u8() != 1) return malformed("unknown version");
  plan.l = in.u8();
  plan.n = in.u8();
  plan.degree = in.u8();
  plan.public_inputs = in.u16();
  const std::size_t constants = in.u16(), columns = in.u16(), operands = in.u16(), oracles = in.u8();
  for (std::size_t i = 0; i < oracles; ++i) {
    const std::uint8_t n = in.u8();
    plan.oracles.push_back({n, in.u8()});
  }
  plan.mask_oracle = in.u8();
  plan.mask_r = in.u32();
  plan.mask_a = in.u32();
  for (std::size_t i = 0; i < constants && !in.ran_short(); ++i) {
    const ByteView word = in.take(32);
    if (word.size() == 32) std::copy(word.begin(), word.end(), plan.constants.emplace_back().begin());
  }
  for (std::size_t i = 0; i < columns && !in.ran_short(); ++i) {
    const auto kind = in.u8();
    if (kind > 4) return malformed("unknown public column");
    Plan::PublicColumn column{static_cast<Plan::PublicKind>(kind), in.u8()};
    column.a = in.u32();
    column.b = in.u32();
    column.c = in.u32();
    plan.columns.push_back(column);
  }
  for (std::size_t i = 0; i < operands && !in.ran_short(); ++i) {
    Plan::Operand operand{};
    operand.oracle = in.u8();
    operand.off = in.u32();
    operand.n = in.u8();
    const std::size_t axes = in.u8();
    for (std::size_t k = 0; k < axes && !in.ran_short(); ++k) {
      const auto kind = in.u8();
      if (kind > 2) return malformed("unknown axis");
      const auto len = in.u8();
      const ByteView args = in.take(axis_args(static_cast<Plan::AxisKind>(kind), len));
      operand.axes.push_back({static_cast<Plan::AxisKind>(kind), len, {args.begin(), args.end()}});
    }
    plan.operands.push_back(std::move(operand));
  }
  const std::size_t claims = in.u16();
  for (std::size_t i = 0; i < claims && !in.ran_short(); ++i) {
    Plan::Claim claim;
    PB_TRY(target, read_code(in));
    claim.target = std::move(target);
    const std::size_t terms = in.u8();
    for (std::size_t k = 0; k < terms && !in.ran_short(); ++k) {
      Plan::Term term{};
      term.nt = in.u8();
      term.xs = in.u8();
      term.rs = in.u8();
      term.len = in.u8();
      PB_TRY(code, read_code(in));
      term.code = std::move(code);
      claim.terms.push_back(std::move(term));
    }
    plan.claims.push_back(std::move(claim));
  }
  if (in.ran_short()) return malformed("ends too early");
  if (!in.at_end()) return malformed("has bytes after its end");
  PB_CHECK(check_plan(plan, modulus));
  return plan;
}

Bytes encode(const Plan& plan) {
  Bytes out;
  write(out, 1, 1);
  write(out, plan.l, 1);
  write(out, plan.n, 1);
  write(out, plan.degree, 1);
  write(out, plan.public_inputs, 2);
  write(out, plan.constants.size(), 2);
  write(out, plan.columns.size(), 2);
  write(out, plan.operands.size(), 2);
  write(out, plan.oracles.size(), 1);
  for (const auto& [n, phase] : plan.oracles) {
    write(out, n, 1);
    write(out, phase, 1);
  }
  write(out, plan.mask_oracle, 1);
  write(out, plan.mask_r, 4);
  write(out, plan.mask_a, 4);
  for (const auto& constant : plan.constants) append(out, constant);
  for (const auto& column : plan.columns) {
    write(out, static_cast<std::uint8_t>(column.kind), 1);
    write(out, column.n, 1);
    write(out, column.a, 4);
    write(out, column.b, 4);
    write(out, column.c, 4);
  }
  for (const auto& operand : plan.operands) {
    write(out, operand.oracle, 1);
    write(out, operand.off, 4);
    write(out, operand.n, 1);
    write(out, operand.axes.size(), 1);
    for (const auto& axis : operand.axes) {
      write(out, static_cast<std::uint8_t>(axis.kind), 1);
      write(out, axis.len, 1);
      append(out, axis.args);
    }
  }
  write(out, plan.claims.size(), 2);
  for (const auto& claim : plan.claims) {
    write(out, claim.target);
    write(out, claim.terms.size(), 1);
    for (const auto& term : claim.terms) {
      write(out, term.nt, 1);
      write(out, term.xs, 1);
      write(out, term.rs, 1);
      write(out, term.len, 1);
      write(out, term.code);
    }
  }
  return out;
}

Hash32 plan_hash(ByteView bytes) { return crypto::keccak256(bytes); }

}  // namespace peaberry::proof
