#pragma once

#include <peaberry/base/json.hpp>

#include "csv.hpp"

namespace peaberry::ingest {

/// How one epoch of a table became the next, declared so that whoever holds both can make the one from the other. JSON:
/// {"steps":[{"op":"dedupe"}, {"op":"impute","column":C,"with":"median"|"mode"|"value","value":V}, {"op":"clip","column":C,"low":L,"high":H},
/// {"op":"map","column":C,"values":{"from":"to",…}}]}. Errors name the step (kInvalid).
struct Recipe {
  enum class Op : std::uint8_t { kDedupe, kImpute, kClip, kMap };
  struct Step {
    Op op = Op::kDedupe;
    std::string column;
    std::string with, value;   ///< impute
    double low = 0, high = 0;  ///< clip
    std::vector<std::pair<std::string, std::string>> values;  ///< map
  };
  std::vector<Step> steps;
  json::Object source;  ///< as it was given

  static Result<Recipe> parse(const json::Object& object);
  /// keccak256 of its canonical JSON.
  Hash32 hash() const;
};

struct Cleaned {
  Records records;
  struct Done {
    std::string step;
    std::uint64_t changed = 0;  ///< rows dropped or values set
  };
  std::vector<Done> done;
};
/// Applies the steps in order. The same records and recipe give the same bytes. A clip of a text, or a median of none, is refused.
Result<Cleaned> clean(Records records, const Recipe& recipe);

}  // namespace peaberry::ingest
