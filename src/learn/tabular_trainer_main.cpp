// tabular-trainer: the built-in algorithm asset. Inside a sandbox it reads the first CSV of /data/inputs and options from
// /data/inputs/algoCustomData.json ({"label","seed","model","hidden"}), and writes model.onnx, quantised.json, metrics.json, roc.svg and
// learning_curve.svg to /data/outputs. `tabular-trainer INPUT.csv OUTPUT_DIR [LABEL [SEED]]` runs it by hand.

#include <algorithm>
#include <cstdio>
#include <peaberry/base/files.hpp>
#include <peaberry/ingest/csv.hpp>
#include <peaberry/learn/trainer.hpp>

namespace {

using namespace peaberry;

Status run(int argc, char** argv) {
  fs::path input, output = "/data/outputs";
  learn::TrainerOptions options;
  if (argc >= 3) {
    input = argv[1];
    output = argv[2];
    if (argc >= 4) options.label = argv[3];
    if (argc >= 5) options.seed = std::strtoull(argv[4], nullptr, 10);
  } else {
    std::error_code code;
    for (const auto& entry : fs::directory_iterator("/data/inputs", code))
      if (entry.path().filename() != "algoCustomData.json" && (input.empty() || entry.path() < input)) input = entry.path();
    if (input.empty()) return fail(Errc::kInvalid, "there is no input in /data/inputs", "start the job with a CSV data set");
    if (const auto text = read_text("/data/inputs/algoCustomData.json")) {
      const auto custom = json::parse(*text);
      if (custom && custom->is_object()) {
        options.label = json::string_or(custom->get_object(), "label");
        options.seed = json::uint_or(custom->get_object(), "seed", options.seed);
        options.model = json::string_or(custom->get_object(), "model", options.model);
        options.hidden = std::clamp<std::size_t>(json::uint_or(custom->get_object(), "hidden", options.hidden), 1, 256);
      }
    }
  }
  PB_TRY(text, read_text(input, std::uintmax_t{4} << 30));
  auto table = ingest::read_csv(text);
  if (!table) return within(input.filename().string(), table.error());
  PB_TRY(result, learn::train_table(*table, options, [](const std::string& line) { std::printf("%s\n", line.c_str()); }));
  PB_CHECK(write_file_atomic(output / "model.onnx", result.onnx));
  if (!result.quantised.empty()) PB_CHECK(write_file_atomic(output / "quantised.json", as_bytes(json::stringify(result.quantised))));
  PB_CHECK(write_file_atomic(output / "metrics.json", as_bytes(json::pretty(result.metrics) + "\n")));
  PB_CHECK(write_file_atomic(output / "roc.svg", as_bytes(result.roc_svg)));
  PB_CHECK(write_file_atomic(output / "learning_curve.svg", as_bytes(result.curve_svg)));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const auto status = run(argc, argv);
  if (status) return 0;
  std::fprintf(stderr, "tabular-trainer: %s\n", status.error().text().c_str());
  return 1;
}
