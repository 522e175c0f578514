#include <gtest/gtest.h>

#include "srs.hpp"

namespace peaberry::proof {
namespace {

/// A file in snarkjs' format with the powers of a development SRS.
Bytes ptau_of(const Srs& srs) {
  Bytes out = to_bytes("ptau");
  const auto number = [&](std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  };
  const auto coordinate = [&](const Fq& value) {
    for (const std::uint64_t limb : value.montgomery()) number(limb, 8);
  };
  number(1, 4), number(3, 4);
  number(1, 4), number(44, 8), number(32, 4);
  for (const std::uint64_t limb : Fq::kModulus) number(limb, 8);
  number(srs.log(), 4), number(srs.log(), 4);
  number(2, 4), number(64 * srs.powers().size(), 8);
  for (const G1Affine& point : srs.powers()) coordinate(point.x), coordinate(point.y);
  number(3, 4), number(256, 8);
  for (const G2Affine& point : {G2Affine::generator(), srs.tau()}) coordinate(point.x.re), coordinate(point.x.im), coordinate(point.y.re), coordinate(point.y.im);
  return out;
}

class SrsFile : public testing::Test {
 protected:
  fs::path folder_ = fs::temp_directory_path() / ("peaberry-srs-" + std::to_string(::getpid()));
  SeededRandom random_{41};
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  Result<Srs> import(const Bytes& bytes, unsigned log = 0) {
    EXPECT_TRUE(write_file_atomic(folder_ / "x.ptau", bytes));
    return Srs::import_ptau(folder_ / "x.ptau", log, random_);
  }
};

TEST_F(SrsFile, APtauIsImportedSavedAndMapped) {
  const Srs made = Srs::development(9, random_);
  const auto imported = import(ptau_of(made));
  ASSERT_TRUE(imported) << imported.error().text();
  EXPECT_EQ(imported->id(), made.id());
  EXPECT_TRUE(std::equal(made.powers().begin(), made.powers().end(), imported->powers().begin(), imported->powers().end()));
  ASSERT_TRUE(imported->save(folder_ / "x.srs"));
  const auto opened = Srs::open(folder_ / "x.srs");
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ(opened->id(), made.id());
  EXPECT_EQ(opened->log(), 9u);
  EXPECT_TRUE(opened->validate(random_));
  const auto shorter = import(ptau_of(made), 7);
  ASSERT_TRUE(shorter);
  EXPECT_EQ(shorter->powers().size(), 128u);
  EXPECT_FALSE(import(ptau_of(made), 10));
}

TEST_F(SrsFile, WhatIsNoCeremonyIsRefused) {
  const Srs made = Srs::development(8, random_);
  const Bytes good = ptau_of(made);
  const auto refuses = [&](std::size_t at, const char* what) {
    Bytes bad = good;
    bad[at] ^= 1;
    EXPECT_FALSE(import(bad)) << what;
  };
  refuses(0, "magic");
  refuses(4, "version");
  refuses(24, "coordinate size");
  refuses(30, "modulus");
  const std::size_t points = 12 + 12 + 44 + 12;
  refuses(points, "the generator");
  refuses(points + 64 * 5 + 3, "a power");
  refuses(good.size() - 3, "[tau]_2");
  for (const std::size_t size : {std::size_t{0}, std::size_t{3}, std::size_t{11}, points, good.size() - 1}) {
    const auto result = import(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_FALSE(result) << size;
  }
  // Points of the curve, but not powers of one secret.
  const Srs other = Srs::development(8, random_);
  Bytes wrong = good;
  const Bytes from = ptau_of(other);
  std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(points + 64 * 100), 64, wrong.begin() + static_cast<std::ptrdiff_t>(points + 64 * 100));
  EXPECT_FALSE(import(wrong));
  // An SRS file that was cut, or that says another size.
  ASSERT_TRUE(made.save(folder_ / "x.srs"));
  Bytes file = read_file(folder_ / "x.srs").value();
  file.pop_back();
  ASSERT_TRUE(write_file_atomic(folder_ / "y.srs", file));
  EXPECT_FALSE(Srs::open(folder_ / "y.srs"));
  EXPECT_FALSE(Srs::open(folder_ / "none.srs"));
}

}  // namespace
}  // namespace peaberry::proof
