#include "csv.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace peaberry::ingest {
namespace {

TEST(Csv, ReadsNumbersCategoriesAndMissingValues) {
  const auto table = read_csv("\xef\xbb\xbf" "a,b,c\r\n1,x,\"q\"\"u,o\nte\"\r\n,NA,z\r\n2.5,y,z\r\n");
  ASSERT_TRUE(table) << table.error().text();
  EXPECT_EQ(table->rows(), 3U);
  EXPECT_TRUE(std::isnan(table->columns[0].numbers[1]));
  EXPECT_EQ(table->columns[1].codes, (std::vector<int>{0, -1, 1}));
  EXPECT_EQ(table->columns[2].categories[0], "q\"u,o\nte");
}

TEST(Csv, AColumnThatTurnsTextKeepsItsEarlierNumbersAsTexts) {
  const auto table = read_csv("a\n1\n2\nx\n1\n");
  ASSERT_TRUE(table);
  EXPECT_EQ(table->columns[0].categories, (std::vector<std::string>{"1", "2", "x"}));
  EXPECT_EQ(table->columns[0].codes, (std::vector<int>{0, 1, 2, 0}));
}

TEST(Csv, IdentifiersBecomeHashes) {
  const auto table = read_csv("a\nx1\nx2\nx1\nx3\nx1\n", {.categories_max = 2});
  ASSERT_TRUE(table);
  const auto& column = table->columns[0];
  ASSERT_EQ(column.kind, table::Column::Kind::kText);
  ASSERT_EQ(column.hashes.size(), 5U);
  EXPECT_EQ(column.hashes[0], column.hashes[2]);
  EXPECT_EQ(column.hashes[0], column.hashes[4]);
  EXPECT_NE(column.hashes[0], column.hashes[1]);
}

struct Bad {
  const char* name;
  std::string text, says;
};

TEST(Csv, BadFilesGetAnErrorThatNamesTheLine) {
  const Bad cases[] = {{"empty", "", "empty"}, {"only a header", "a,b\n", "no rows"}, {"ragged", "a,b\n1,2\n1\n", "line 3 has 1 fields"}, {"NUL", std::string("a\n1\0\n", 5), "NUL"},
                       {"wrong encoding", "a\n\xe9t\xe9\n", "UTF-8"}, {"UTF-16", "\xff\xfe" "a", "UTF-16"}, {"two names", "a,a\n1,2\n", "twice"}, {"no name", "a,\n1,2\n", "without a name"},
                       {"open quote", "a\n\"x\n", "not closed"}, {"text after quote", "a\n\"x\"y\n", "after a closing quote"}, {"10 MB line", "a\n" + std::string(10 << 20, 'x') + "\n", "longer than"}};
  for (const auto& bad : cases) {
    const auto table = read_csv(bad.text);
    ASSERT_FALSE(table) << bad.name;
    EXPECT_NE(table.error().message.find(bad.says), std::string::npos) << bad.name << ": " << table.error().message;
  }
}

}  // namespace
}  // namespace peaberry::ingest
