#include <gtest/gtest.h>

#include "plans.hpp"
#include "values.hpp"

namespace peaberry::proof {
namespace {

Cells cells_of(const std::vector<std::vector<std::string>>& rows) {
  return [&rows](std::size_t row, std::size_t column) -> std::optional<std::string_view> {
    return rows[row][column].empty() ? std::nullopt : std::optional<std::string_view>(rows[row][column]);
  };
}

TEST(Schema, IsAsNarrowAsTheRowsAllow) {
  const std::vector<std::vector<std::string>> rows = {{"1", "0.25", "a", "70000", "", "9999999999", "1e3", "123456789012345678"}, {"-7", "12", "b", "-3", "x", "1", "2", "-1"}};
  const auto made = infer_schema({"small", "fraction", "letter", "middle", "gap", "large", "scientific", "widest"}, 2, cells_of(rows), {});
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(made->schema.text(),
            R"({"scheme":2,"columns":[{"name":"small","kind":"number","decimals":0,"bits":16,"nullable":false},{"name":"fraction","kind":"number","decimals":2,"bits":16,"nullable":false},)"
            R"({"name":"letter","kind":"category","size":2,"nullable":false},{"name":"middle","kind":"number","decimals":0,"bits":32,"nullable":false},)"
            R"({"name":"gap","kind":"category","size":1,"nullable":true},{"name":"large","kind":"number","decimals":0,"bits":48,"nullable":false},)"
            R"({"name":"scientific","kind":"category","size":2,"nullable":false},{"name":"widest","kind":"number","decimals":0,"bits":64,"nullable":false}]})");
  EXPECT_EQ(made->dictionaries[2], (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(made->dictionaries[0].empty());
  EXPECT_EQ(*TableSchema::parse(made->schema.text()), made->schema);
  EXPECT_EQ(made->schema.oracles(), 9U);
  EXPECT_EQ(made->schema.presence_oracle(4), 4U);
  EXPECT_EQ(made->schema.value_oracle(4), 5U);
  EXPECT_EQ(made->schema.value_oracle(7), 8U);
}

TEST(Schema, ManyTextsAreHashed) {
  std::vector<std::vector<std::string>> rows;
  for (int i = 0; i < 600; ++i) rows.push_back({"name " + std::to_string(i < 257 ? i : i % 256)});
  EXPECT_EQ(infer_schema({"n"}, 600, [&](std::size_t row, std::size_t) { return cells_of(rows)(row == 256 ? 0 : row, 0); }, {})->schema.columns[0].kind, TableSchema::Kind::kCategory);
  EXPECT_EQ(infer_schema({"n"}, 600, cells_of(rows), {})->schema.columns[0].kind, TableSchema::Kind::kText) << "257 of them";
  EXPECT_EQ(infer_schema({"n"}, 256, cells_of(rows), {})->schema.columns[0].kind, TableSchema::Kind::kText) << "each but once";
  EXPECT_FALSE(infer_schema({"n"}, 257, cells_of(rows), {.categories = {"n"}, .all_nullable = false}));
  EXPECT_FALSE(infer_schema({"n"}, 2, cells_of(rows), {.categories = {"m"}, .all_nullable = false}));
  EXPECT_FALSE(infer_schema({"n"}, 0, cells_of(rows), {}));
  const auto values = table_values(infer_schema({"n"}, 257, cells_of(rows), {})->schema, {{}}, cells_of(rows), 0, 257, 9);
  EXPECT_TRUE((*values)[0][3] == text_value("name 3"));
  EXPECT_TRUE((*values)[0][257].is_zero());
}

TEST(Schema, OnlyItsOwnTextIsRead) {
  const std::string good = R"({"scheme":2,"columns":[{"name":"a","kind":"category","size":2,"values":["x","y"],"nullable":true}]})";
  ASSERT_TRUE(TableSchema::parse(good));
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"scheme\":2", "\"scheme\":3"}, {"\"size\":2", "\"size\":3"}, {"\"size\":2", "\"size\":0"}, {"\"size\":2", "\"size\":60001"}, {"category", "categories"}, {"true", "1"}, {"[\"x\",\"y\"]", "[\"x\",7]"},
           {"{\"scheme\"", " {\"scheme\""}, {"\"nullable\":true}", "\"nullable\":true,\"more\":1}"}, {"}]}", "},{\"name\":\"a\",\"kind\":\"text\",\"nullable\":true}]}"}, {"\"columns\":[{", "\"columns\":[],\"c\":[{"}}) {
    std::string bad = good;
    bad.replace(bad.find(from), from.size(), to);
    EXPECT_FALSE(TableSchema::parse(bad)) << bad;
  }
  for (const char* bits : {"0", "8", "17", "80", "-16"}) EXPECT_FALSE(TableSchema::parse(R"({"scheme":2,"columns":[{"name":"a","kind":"number","decimals":0,"bits":)" + std::string(bits) + R"(,"nullable":true}]})"));
  EXPECT_FALSE(TableSchema::parse(R"({"scheme":2,"columns":[{"name":"a","kind":"number","decimals":19,"bits":16,"nullable":true}]})"));
}

TEST(Schema, NumbersAreReadExactly) {
  EXPECT_EQ(scaled_number("12.5", 3), 12500);
  EXPECT_EQ(scaled_number("-0.001", 3), -1);
  EXPECT_EQ(scaled_number("+7", 0), 7);
  EXPECT_EQ(scaled_number("000000000000000000000000000012", 0), 12);
  EXPECT_EQ(scaled_number("0", 18), 0);
  EXPECT_EQ(scaled_number("999999999999999999", 0), 999999999999999999);
  for (const char* bad : {"", "-", ".", "1.", ".5", "1e3", "0x1", " 1", "1 ", "1..2", "1.2.3", "--1", "1000000000000000000", "nan", "١"}) EXPECT_FALSE(scaled_number(bad, 18)) << bad;
  EXPECT_FALSE(scaled_number("1.25", 1)) << "digits would be lost";
  EXPECT_FALSE(scaled_number("5", 18)) << "nineteen digits";
}

TEST(History, BeginsWhereNoRowsWereBeforeAndHasNoGaps) {
  const auto admission = [](std::uint64_t epoch, std::uint64_t before, std::uint64_t after, const char* schema = "") { return Admission{epoch, {Hash32{}, before, after}, schema}; };
  const auto told = [](const TableHistory& history) {
    std::string out = history.schema;
    for (const auto& one : history.rows) out += " " + std::to_string(one.rows_before) + "-" + std::to_string(one.rows_after);
    return out;
  };
  const std::vector<Admission> all = {admission(1, 0, 10, "a"), admission(2, 10, 20), admission(3, 0, 5, "b"), admission(4, 5, 9), admission(6, 9, 12)};
  EXPECT_EQ(told(history_of(all, 1)), "a 0-10");
  EXPECT_EQ(told(history_of(all, 2)), "a 0-10 10-20");
  EXPECT_EQ(told(history_of(all, 4)), "b 0-5 5-9") << "begun anew";
  EXPECT_EQ(told(history_of(all, 5)), "") << "not admitted";
  EXPECT_EQ(told(history_of(all, 6)), " 9-12") << "the epoch before is missing: no schema, and no rows from 0 – nobody believes it";
  EXPECT_FALSE(read_metrics("", history_of(all, 6).rows, "", Hash32{}, {}));
  EXPECT_EQ(told(history_of({}, 1)), "");
  EXPECT_EQ(told(history_of(all, 0)), "");
}

TEST(Schema, PlansFollowFromSchemaAndSizeAlone) {
  const std::string text = R"({"scheme":2,"columns":[{"name":"a","kind":"category","size":2,"values":["x","y"],"nullable":true},{"name":"b","kind":"number","decimals":0,"bits":48,"nullable":false}]})";
  const auto schema = TableSchema::parse(text).value();
  EXPECT_EQ(admission_plan(schema, 9)->compiled.name, admission_plan(*TableSchema::parse(text), 9)->compiled.name);
  EXPECT_NE(admission_plan(schema, 9)->compiled.name, admission_plan(schema, 10)->compiled.name);
  EXPECT_NE(metrics_plan(schema, 9, "a")->compiled.name, metrics_plan(schema, 9, "")->compiled.name);
  EXPECT_FALSE(metrics_plan(schema, 9, "b")) << "no categories";
  EXPECT_FALSE(metrics_plan(schema, 9, "c")) << "no such column";
  EXPECT_FALSE(admission_plan(schema, 29));
  for (const unsigned log : {8u, 15u, 16u, 20u}) {
    const auto plan = admission_plan(schema, log).value();
    EXPECT_EQ(plan.compiled.plan.l, log) << "no oracle is longer than the table's vectors";
    EXPECT_EQ(plan.limb_bits, log < 16 ? 8U : 16U);
    for (const auto& oracle : plan.compiled.plan.oracles) EXPECT_TRUE(oracle.phase != 0 || oracle.n == log) << "rule A";
  }
  EXPECT_EQ(table_log(1), 8U);
  EXPECT_EQ(table_log(256), 8U);
  EXPECT_EQ(table_log(257), 9U);
}

}  // namespace
}  // namespace peaberry::proof
