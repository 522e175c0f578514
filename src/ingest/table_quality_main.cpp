// table-quality: the built-in algorithm that measures a table. Inside a sandbox it reads the first CSV of /data/inputs and its options (see
// QualityOptions; beside them "provenance", a batches file) from /data/inputs/algoCustomData.json, and writes metrics.json to /data/outputs.
// `table-quality INPUT.csv OUTPUT_DIR [OPTIONS.json]` runs it by hand.

#include <cstdio>
#include <peaberry/base/files.hpp>
#include <peaberry/ingest/quality.hpp>

namespace {

using namespace peaberry;

Status run(int argc, char** argv) {
  fs::path input, output = "/data/outputs", options_file = "/data/inputs/algoCustomData.json";
  if (argc >= 3) {
    input = argv[1], output = argv[2], options_file = argc >= 4 ? argv[3] : "";
  } else {
    std::error_code code;
    for (const auto& entry : fs::directory_iterator("/data/inputs", code))
      if (entry.path().filename() != "algoCustomData.json" && (input.empty() || entry.path() < input)) input = entry.path();
    if (input.empty()) return fail(Errc::kInvalid, "there is no input in /data/inputs", "start the job with a CSV data set");
  }
  ingest::QualityOptions options;
  ingest::BatchDomain domain;
  std::vector<ingest::Batch> batches;
  if (const auto text = read_text(options_file)) {
    PB_TRY(document, json::parse(*text));
    PB_TRY(object, json::as_object(document, "options"));
    PB_TRY(parsed, ingest::QualityOptions::parse(*object));
    options = parsed;
    if (const auto* provenance = json::find_object(*object, "provenance")) {
      PB_TRY(read, ingest::batches_from_json(*provenance));
      domain = read.first, batches = read.second;
    }
  }
  PB_TRY(text, read_text(input, std::uintmax_t{4} << 30));
  auto records = ingest::read_records(text);
  if (!records) return within(input.filename().string(), records.error());
  PB_TRY(metrics, ingest::measure_quality(*records, options, domain, batches));
  return write_file_atomic(output / "metrics.json", as_bytes(json::stringify(metrics)));
}

}  // namespace

int main(int argc, char** argv) {
  const auto status = run(argc, argv);
  if (status) return 0;
  std::fprintf(stderr, "table-quality: %s\n", status.error().text().c_str());
  return 1;
}
