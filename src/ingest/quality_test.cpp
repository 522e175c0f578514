#include "quality.hpp"

#include <gtest/gtest.h>

#include "clean.hpp"
#include "commitment.hpp"

namespace peaberry::ingest {
namespace {

// The shared data vectors' dq_mini_table: ten rows whose figures were computed by an independent program.
constexpr const char* kMini =
    "id,ts,age,color,label,price\n"
    "1,2026-01-01T00:00:00Z,34,red,1,10.5\n2,2026-01-02T00:00:00Z,,blue,0,11.25\n3,2026-01-03T00:00:00Z,27,red,1,9.75\n4,2026-01-03T00:00:00Z,151,green,0,\n"
    "5,2026-02-01T12:00:00Z,45,blue,0,12.0\n5,2026-02-01T12:00:00Z,45,blue,0,12.0\n7,2025-06-30T23:59:59Z,-3,purple,0,99.0\n8,2026-02-10T08:00:00Z,61,,1,10.0\n"
    "9,2026-02-11T08:00:00Z,38,red,0,10.25\n10,2026-02-12T08:00:00Z,29,green,0,11.0\n";

Records mini() { return *read_records(kMini); }
const BatchDomain kDomain{8996, Address{}};

TEST(Quality, FiguresAreTheVectors) {
  const auto options = QualityOptions::parse(json::parse(R"({"label":"label","key":"id","ranges":[{"column":"age","low":0,"high":120}],"sets":[{"column":"color","values":["red","green","blue"]}],
    "freshness":{"column":"ts","newerThan":"2026-01-01T00:00:00Z"}})")->as_object());
  ASSERT_TRUE(options) << options.error().text();
  const auto told = measure_quality(mini(), *options, kDomain, {});
  ASSERT_TRUE(told) << told.error().text();
  EXPECT_EQ(json::uint_or(*told, "rows", 0), 10U);
  std::map<std::string, std::uint64_t> present;
  for (const auto& item : told->at("columns").as_array()) present[json::string_or(item.as_object(), "name")] = json::uint_or(item.as_object(), "present", 0);
  EXPECT_EQ(present["age"], 9U);
  EXPECT_EQ(present["color"], 9U);
  EXPECT_EQ(present["price"], 9U);
  EXPECT_EQ(present["id"], 10U);
  const auto& range = told->at("ranges").as_array()[0].as_object();
  EXPECT_EQ(json::uint_or(range, "present", 0) - json::uint_or(range, "inside", 0), 2U);
  const auto& set = told->at("sets").as_array()[0].as_object();
  EXPECT_EQ(json::uint_or(set, "present", 0) - json::uint_or(set, "inside", 0), 1U);
  EXPECT_EQ(json::uint_or(told->at("key").as_object(), "unique", 0), 8U) << "uniqueness 0.8: values that occur exactly once";
  EXPECT_EQ(json::uint_or(told->at("key").as_object(), "distinct", 0), 9U);
  EXPECT_EQ(json::uint_or(*told, "duplicateRows", 0), 1U);
  EXPECT_EQ(json::stringify(told->at("label").as_object().at("histogram")), R"({"0":7,"1":3})");
  EXPECT_EQ(json::uint_or(told->at("label").as_object(), "minority", 0), 3U);
  EXPECT_EQ(json::string_or(told->at("freshness").as_object(), "newest"), "2026-02-12T08:00:00Z");
  EXPECT_EQ(json::uint_or(told->at("freshness").as_object(), "newer", 0), 9U);
}

TEST(Quality, AnOptionThatNamesNoColumnIsRefused) {
  QualityOptions options;
  options.label = "lable";
  const auto told = measure_quality(mini(), options, kDomain, {});
  ASSERT_FALSE(told);
  EXPECT_NE(told.error().message.find("lable"), std::string::npos);
}

TEST(Batches, OnlyRegisteredDevicesUntouchedRowsInTheirPlaceCount) {
  SeededRandom random(7);
  const auto one = crypto::PrivateKey::generate(random), two = crypto::PrivateKey::generate(random), thief = crypto::PrivateKey::generate(random);
  const Address devices[] = {one.address(), two.address()};
  const Records table = mini();
  std::vector<Batch> batches;
  Hash32 previous;
  for (const auto& [first, rows, key] : {std::tuple<std::uint64_t, std::uint64_t, const crypto::PrivateKey*>{0, 4, &one}, {4, 3, &two}, {7, 3, &one}}) {
    const auto batch = sign_batch(kDomain, table, first, rows, previous, *key);
    ASSERT_TRUE(batch);
    batches.push_back(*batch);
    previous = kDomain.digest(*batch);
  }
  const auto all = count_signed_rows(kDomain, table, batches, devices);
  EXPECT_EQ(all.rows, 10U);
  EXPECT_EQ(all.by_device, (std::vector<std::uint64_t>{7, 3}));
  const auto read = batches_from_json(batches_to_json(kDomain, batches));
  ASSERT_TRUE(read);
  EXPECT_EQ(count_signed_rows(read->first, table, read->second, devices).rows, 10U);

  Records touched = table;
  touched.rows[5][2] = "46";
  EXPECT_EQ(count_signed_rows(kDomain, touched, batches, devices).rows, 7U) << "the batch that holds the changed row counts for nothing";
  EXPECT_EQ(count_signed_rows({1, {}}, table, batches, devices).rows, 0U) << "signed for another chain";
  EXPECT_EQ(count_signed_rows(kDomain, table, {batches[1], batches[2]}, devices).rows, 0U) << "the first batch was left out";
  EXPECT_EQ(count_signed_rows(kDomain, table, {batches[0], batches[2]}, devices).rows, 4U) << "the middle one was left out";
  auto twice = batches;
  twice.push_back(batches[0]);
  EXPECT_EQ(count_signed_rows(kDomain, table, twice, devices).rows, 10U) << "no row counts twice";
  auto foreign = batches;
  foreign[2] = *sign_batch(kDomain, table, 7, 3, kDomain.digest(batches[1]), thief);
  EXPECT_EQ(count_signed_rows(kDomain, table, foreign, devices).rows, 7U) << "an unregistered device signs for nothing";
  foreign[2].device = one.address();
  EXPECT_EQ(count_signed_rows(kDomain, table, foreign, devices).rows, 7U) << "and cannot say that it is another";
  EXPECT_FALSE(sign_batch(kDomain, table, 8, 3, previous, one));
}

TEST(Commitment, AnyTextAnywhereChangesTheRoot) {
  const Records table = mini();
  const auto base = commit_table(table);
  EXPECT_EQ(base.rows, 10U);
  EXPECT_EQ(*commit_csv(kMini), base) << "read row by row it is the same";
  EXPECT_FALSE(commit_csv("a,b\n1\n"));
  EXPECT_EQ(commit_table(*read_records(write_records(table))), base) << "a file that is written again is the same table";
  for (std::size_t c = 0; c < table.names.size(); ++c) {
    Records other = table;
    other.rows[9][c] += " ";
    const auto changed = commit_table(other);
    EXPECT_NE(changed.root(), base.root());
    for (std::size_t k = 0; k < table.names.size(); ++k) EXPECT_EQ(changed.columns[k] == base.columns[k], k != c);
  }
  Records renamed = table;
  renamed.names[0] = "key";
  EXPECT_NE(commit_table(renamed).root(), base.root());
  Records moved = table;  // a boundary between two texts moves
  moved.rows[0][3] = "redr", moved.rows[1][3] = "blue";
  Records moved_back = table;
  moved_back.rows[0][3] = "red", moved_back.rows[1][3] = "rblue";
  EXPECT_NE(commit_table(moved).root(), commit_table(moved_back).root());
}

TEST(Clean, ARecipeIsAppliedInItsOrder) {
  const auto recipe = Recipe::parse(json::parse(R"({"steps":[{"op":"dedupe"},{"op":"impute","column":"age","with":"median"},{"op":"clip","column":"age","low":0,"high":120},
    {"op":"map","column":"color","values":{"purple":"blue"}},{"op":"impute","column":"color","with":"mode"},{"op":"impute","column":"price","with":"value","value":"0"}]})")->as_object());
  ASSERT_TRUE(recipe) << recipe.error().text();
  const auto done = clean(mini(), *recipe);
  ASSERT_TRUE(done) << done.error().text();
  const auto& rows = done->records.rows;
  ASSERT_EQ(rows.size(), 9U);
  EXPECT_EQ(rows[1][2], "34") << "the lower median of 27 29 34 38 45 61 151 -3 is 34";
  EXPECT_EQ(rows[3][2], "120");
  EXPECT_EQ(rows[5][2], "0");
  EXPECT_EQ(rows[5][3], "blue");
  EXPECT_EQ(rows[6][3], "red") << "red and blue occur three times each: the first to occur";
  EXPECT_EQ(rows[3][5], "0");
  EXPECT_EQ(done->done[0].changed, 1U);
  EXPECT_EQ(done->done[2].changed, 2U);
  EXPECT_NE(commit_table(done->records).root(), commit_table(mini()).root());
}

TEST(Clean, StepsThatCannotBeDoneAreNamed) {
  const auto says = [](const char* text) {
    const auto recipe = Recipe::parse(json::parse(text)->as_object());
    if (!recipe) return recipe.error().message;
    const auto done = clean(mini(), *recipe);
    return done ? std::string("done") : done.error().message;
  };
  EXPECT_NE(says(R"({"steps":[]})").find("between 1 and 256"), std::string::npos);
  EXPECT_NE(says(R"({"steps":[{"op":"dedupe"},{"op":"shuffle","column":"age"}]})").find("step 2"), std::string::npos);
  EXPECT_NE(says(R"({"steps":[{"op":"clip","column":"color","low":0,"high":1}]})").find("texts"), std::string::npos);
  EXPECT_NE(says(R"({"steps":[{"op":"clip","column":"age","low":2,"high":1}]})").find("low above"), std::string::npos);
  EXPECT_NE(says(R"({"steps":[{"op":"impute","column":"agee","with":"median"}]})").find("agee"), std::string::npos);
  EXPECT_NE(says(R"({"steps":[{"op":"impute","column":"color","with":"median"}]})").find("has texts"), std::string::npos);
}

}  // namespace
}  // namespace peaberry::ingest
