// model-scorer: the built-in algorithm with which a subnet's validators score a contest. Inside a sandbox it reads the hold-out table (the first CSV
// of /data/inputs) and from /data/inputs/algoCustomData.json {"label", "positive", "models": [model or null, …], "rules"?} – the models in the order
// of their commitments – and writes scores.json to /data/outputs: a judgement a model, no row. `model-scorer HOLDOUT.csv OUTPUT_DIR CONTEST.json`.

#include <cmath>
#include <cstdio>
#include <peaberry/base/files.hpp>
#include <peaberry/ingest/csv.hpp>
#include <peaberry/learn/contest.hpp>
#include <peaberry/learn/quantised.hpp>

namespace {

using namespace peaberry;

/// What one model answers on the labelled rows; empty when it is none, or not one for this table.
Result<learn::Answers> answers_of(const json::Value& item, const ingest::Records& records, const std::vector<std::size_t>& rows, const std::string& label, const std::string& positive) {
  PB_TRY(object, json::as_object(item, "model"));
  PB_TRY(model, learn::QuantisedModel::parse(*object));
  if (model.label() != label) return fail(Errc::kInvalid, "the model answers for another label");
  std::size_t at = 0;
  while (at < model.classes().size() && model.classes()[at] != positive) ++at;
  PB_TRY(columns, model.columns_in(records));
  learn::Answers out;
  for (const std::size_t row : rows) {
    PB_TRY(answer, model.answer(model.inputs(records.rows[row], columns), at));
    out.push_back(answer);
  }
  return out;
}

Status run(int argc, char** argv) {
  fs::path input, output = "/data/outputs", contest_file = "/data/inputs/algoCustomData.json";
  if (argc >= 4) {
    input = argv[1], output = argv[2], contest_file = argv[3];
  } else {
    std::error_code code;
    for (const auto& entry : fs::directory_iterator("/data/inputs", code))
      if (entry.path().filename() != "algoCustomData.json" && (input.empty() || entry.path() < input)) input = entry.path();
    if (input.empty()) return fail(Errc::kInvalid, "there is no hold-out in /data/inputs", "start the job with a CSV data set");
  }
  PB_TRY(text, read_text(input, std::uintmax_t{1} << 30));
  auto records = ingest::read_records(text);
  if (!records) return within(input.filename().string(), records.error());
  PB_TRY(contest_text, read_text(contest_file));
  PB_TRY(document, json::parse(contest_text, {.max_bytes = std::size_t{8} << 20}));
  PB_TRY(contest, json::as_object(document, "contest"));
  PB_TRY(label, json::string_at(*contest, "label"));
  PB_TRY(positive, json::string_at(*contest, "positive"));
  PB_TRY(models, json::array_at(*contest, "models"));
  if (models->empty() || models->size() > 16) return fail(Errc::kInvalid, "contest: between 1 and 16 models");
  learn::ContestRules rules;
  if (const auto* given = json::find_object(*contest, "rules")) {
    rules.tolerance = static_cast<std::uint16_t>(std::min<std::uint64_t>(json::uint_or(*given, "tolerance", rules.tolerance), 65'535));
    rules.copy_share_bps = static_cast<std::uint32_t>(std::min<std::uint64_t>(json::uint_or(*given, "copyShareBps", rules.copy_share_bps), 10'000));
    rules.rows_min = static_cast<std::uint32_t>(std::min<std::uint64_t>(json::uint_or(*given, "rowsMin", rules.rows_min), 1'000'000'000));
  }
  PB_TRY(column, records->find(label));
  std::vector<std::size_t> rows;
  std::vector<bool> labels;
  for (std::size_t r = 0; r < records->rows.size(); ++r)
    if (!ingest::is_missing(records->rows[r][column])) rows.push_back(r), labels.push_back(records->rows[r][column] == positive);
  std::vector<learn::Answers> answers;
  std::vector<std::string> problems;
  for (const auto& item : *models) {
    auto got = item.is_null() ? Result<learn::Answers>(fail(Errc::kNotFound, "not revealed")) : answers_of(item, *records, rows, label, positive);
    problems.push_back(got ? "" : got.error().message);
    answers.push_back(got ? std::move(*got) : learn::Answers{});
  }
  PB_TRY(judgements, learn::judge_contest(labels, answers, rules));
  json::Array told;
  for (std::size_t m = 0; m < judgements.size(); ++m) {
    json::Object entry{{"weight", judgements[m].weight}, {"aucMillionths", static_cast<std::uint64_t>(std::llround(judgements[m].auc * 1e6))}, {"nearestBps", judgements[m].nearest_bps},
                       {"copyOf", judgements[m].copy_of ? json::Value(*judgements[m].copy_of) : json::Value(nullptr)}};
    if (!problems[m].empty()) entry["problem"] = problems[m].substr(0, 200);
    told.push_back(entry);
  }
  return write_file_atomic(output / "scores.json", as_bytes(json::stringify(json::Object{{"version", 1}, {"rows", rows.size()}, {"scores", told}})));
}

}  // namespace

int main(int argc, char** argv) {
  const auto status = run(argc, argv);
  if (status) return 0;
  std::fprintf(stderr, "model-scorer: %s\n", status.error().text().c_str());
  return 1;
}
