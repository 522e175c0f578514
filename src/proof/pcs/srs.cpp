// Source: powers of τ as in Kate, Zaverucha, Goldberg 2010; snarkjs' .ptau sections (iden3/binfileutils, header, tauG1, tauG2); docs/reference/proof-protocol.md, §1 for ids.

#include "srs.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cstring>

#include <peaberry/crypto/hash.hpp>
#include <peaberry/proof/field/memory.hpp>

namespace peaberry::proof {
namespace {

constexpr std::size_t kPage = 4096;
constexpr char kMagic[8] = {'p', 'b', 's', 'r', 's', '1', '\n', 0};

/// A file as memory. Read-only, private; gone when the last owner is.
struct Mapped {
  std::shared_ptr<const void> owner;
  ByteView bytes;
};
Result<Mapped> map_file(const fs::path& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!fd || fstat(fd.get(), &status) != 0) return fail(Errc::kNotFound, "cannot open " + path.string() + ": " + std::strerror(errno), "check the path");
  if (!S_ISREG(status.st_mode) || status.st_size == 0) return fail(Errc::kInvalid, path.string() + " is not a file with contents", "check the path");
  const auto size = static_cast<std::size_t>(status.st_size);
  void* at = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (at == MAP_FAILED) return fail(Errc::kInternal, "cannot map " + path.string() + ": " + std::strerror(errno));
  return Mapped{std::shared_ptr<const void>(at, [size](const void* memory) { munmap(const_cast<void*>(memory), size); }), {static_cast<const std::uint8_t*>(at), size}};
}

Error bad_ptau(const std::string& what) { return fail(Errc::kInvalid, "ptau: " + what, "take the file again from its ceremony"); }

std::uint64_t little(ByteView bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) out = out << 8 | bytes[i];
  return out;
}

/// A coordinate in Montgomery form, little-endian; nothing when it is not below the modulus.
std::optional<Fq> montgomery(ByteView bytes) {
  detail::Limbs limbs{};
  for (int i = 0; i < 4; ++i) limbs[i] = little(bytes.subspan(8 * i, 8));
  if (!detail::less_limbs(limbs, Fq::kModulus)) return std::nullopt;
  return Fq::raw(limbs);
}

}  // namespace

Srs Srs::local(unsigned log) { return development(log, Fr::from_be_reduced(crypto::keccak256("peaberry/local-tau/1").view())); }

Srs Srs::development(unsigned log, Random& random) { return development(log, Fr::random(random)); }

Srs Srs::development(unsigned log, const Fr& tau) {
  Srs out;
  out.tau_ = G2Affine::generator() * tau;
  const std::size_t size = std::size_t{1} << log;
  auto powers = std::make_shared<LargeVector<G1Affine>>();
  powers->reserve(size);
  LargeVector<Fr> scalars(size, Fr::one());
  for (std::size_t i = 1; i < size; ++i) scalars[i] = scalars[i - 1] * tau;
  for (const G1Affine& one : multiples(G1Affine::generator(), scalars)) powers->push_back(one);
  out.powers_ = *powers;
  out.owner_ = powers;
  return out;
}

Result<Srs> Srs::import_ptau(const fs::path& path, unsigned log, Random& random, const Progress& progress) {
  PB_TRY(file, map_file(path));
  ByteView rest = file.bytes;
  if (rest.size() < 12 || std::memcmp(rest.data(), "ptau", 4) != 0) return bad_ptau(path.string() + " does not begin with \"ptau\"");
  if (const auto version = little(rest.subspan(4, 4)); version != 1) return bad_ptau("version " + std::to_string(version) + " is not known");
  const std::uint64_t sections = little(rest.subspan(8, 4));
  rest = rest.subspan(12);
  ByteView header, tau_g1, tau_g2;
  for (std::uint64_t i = 0; i < sections && !rest.empty(); ++i) {
    if (rest.size() < 12) return bad_ptau("ends inside a section's header");
    const std::uint64_t type = little(rest.first(4)), size = little(rest.subspan(4, 8));
    if (size > rest.size() - 12) return bad_ptau("section " + std::to_string(type) + " is longer than the file");
    const ByteView body = rest.subspan(12, size);
    if (type == 1) header = body;
    if (type == 2) tau_g1 = body;
    if (type == 3) tau_g2 = body;
    rest = rest.subspan(12 + size);
  }
  if (header.size() < 44 || little(header.first(4)) != 32) return bad_ptau("the header is missing, or not of a curve with 32-byte coordinates");
  for (int i = 0; i < 4; ++i)
    if (little(header.subspan(4 + 8 * i, 8)) != Fq::kModulus[i]) return bad_ptau("is of another curve than BN254");
  const std::uint64_t power = little(header.subspan(36, 4));
  if (power > 28) return bad_ptau("power " + std::to_string(power) + " is above 28");
  if (log == 0) log = static_cast<unsigned>(power);
  if (log > power) return fail(Errc::kInvalid, "the file has 2^" + std::to_string(power) + " powers, 2^" + std::to_string(log) + " are asked for", "take a larger file of the same ceremony");
  const std::size_t size = std::size_t{1} << log;
  if (tau_g1.size() < 64 * size || tau_g2.size() < 256) return bad_ptau("has fewer points than its header says");
  Srs out;
  std::array<Fq, 4> g2;
  for (int i = 0; i < 4; ++i) {
    const auto value = montgomery(tau_g2.subspan(128 + 32 * i, 32));
    if (!value) return bad_ptau("[tau]_2 is not canonical");
    g2[i] = *value;
  }
  out.tau_ = {{g2[0], g2[1]}, {g2[2], g2[3]}};
  auto powers = std::make_shared<LargeVector<G1Affine>>(size);
  for (std::size_t i = 0; i < size; ++i) {
    const auto x = montgomery(tau_g1.subspan(64 * i, 32)), y = montgomery(tau_g1.subspan(64 * i + 32, 32));
    if (!x || !y) return bad_ptau("power " + std::to_string(i) + " is not canonical");
    (*powers)[i] = {*x, *y};
  }
  out.powers_ = *powers;
  out.owner_ = powers;
  PB_CHECK(out.validate(random, progress));
  return out;
}

Status Srs::save(const fs::path& path) const {
  Bytes file(kPage);
  std::memcpy(file.data(), kMagic, sizeof kMagic);
  file[8] = static_cast<std::uint8_t>(log());
  const auto tau = tau_.be();
  std::copy(tau.begin(), tau.end(), file.begin() + 16);
  file.reserve(kPage + 64 * powers_.size());
  append(file, {reinterpret_cast<const std::uint8_t*>(powers_.data()), 64 * powers_.size()});
  return write_file_atomic(path, file);
}

Result<Srs> Srs::open(const fs::path& path) {
  static_assert(sizeof(G1Affine) == 64 && std::endian::native == std::endian::little);
  PB_TRY(file, map_file(path));
  const auto malformed = [&](const char* what) { return fail(Errc::kInvalid, path.string() + " " + what, "make it again: peaberry srs import, or peaberry srs dev"); };
  if (file.bytes.size() < kPage || std::memcmp(file.bytes.data(), kMagic, sizeof kMagic) != 0) return malformed("is not an SRS of ours");
  const unsigned log = file.bytes[8];
  if (log > 28 || file.bytes.size() != kPage + (std::size_t{64} << log)) return malformed("has not the size that its header says");
  const auto tau = G2Affine::from_be(file.bytes.subspan(16, 128));
  if (!tau) return malformed("has a [tau]_2 that is not in G2");
  Srs out;
  out.tau_ = *tau;
  out.powers_ = {reinterpret_cast<const G1Affine*>(file.bytes.data() + kPage), std::size_t{1} << log};
  out.owner_ = file.owner;
  if (!(out.powers_[0] == G1Affine::generator())) return malformed("does not begin with the generator");
  return out;
}

Status Srs::validate(Random& random, const Progress& progress) const {
  const auto wrong = [](std::string what) { return fail(Errc::kInvalid, "SRS: " + std::move(what), "take the file again from its ceremony"); };
  if (powers_.size() < 2 || !(powers_[0] == G1Affine::generator())) return wrong("the first power is not the generator");
  if (tau_.is_infinity() || !tau_.in_group()) return wrong("[tau]_2 is not in G2");
  std::vector<Fr> weights;
  constexpr std::size_t kChunk = std::size_t{1} << 16;
  G1 low, high;  // Σ ρ_i τ^i G and Σ ρ_i τ^{i+1} G, fresh weights for each chunk
  for (std::size_t from = 0; from + 1 < powers_.size(); from += kChunk) {
    const std::size_t count = std::min(kChunk, powers_.size() - 1 - from);
    weights.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const G1Affine& point = powers_[from + i + 1];
      if (!detail::less_limbs(point.x.montgomery(), Fq::kModulus) || !detail::less_limbs(point.y.montgomery(), Fq::kModulus) || point.is_infinity() || !point.on_curve())
        return wrong("power " + std::to_string(from + i + 1) + " is not a point of the curve");
      weights.push_back(Fr::random(random));
    }
    low += msm(powers_.subspan(from, count), weights);
    high += msm(powers_.subspan(from + 1, count), weights);
    if (progress) progress(static_cast<double>(from + count) / static_cast<double>(powers_.size()));
  }
  const G2Prepared one(G2Affine::generator()), tau(tau_);
  const std::pair<G1Affine, const G2Prepared*> pairs[] = {{high.affine(), &one}, {(-low).affine(), &tau}};
  if (!pairing_product_is_one(pairs)) return wrong("its points are not the powers of one secret");
  return {};
}

unsigned Srs::log() const { return static_cast<unsigned>(std::bit_width(powers_.size()) - 1); }

Hash32 Srs::id() const { return srs_id(tau_); }

G1Affine commit(const Srs& srs, std::span<const Fr> values, const Fr& blinder) {
  PB_ASSERT(values.size() <= srs.powers().size());
  return (msm_mixed(srs.powers().first(values.size()), values) + G1(hiding_generator()) * blinder).affine();
}

}  // namespace peaberry::proof
