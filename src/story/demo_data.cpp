#include <fmt/core.h>

#include <cmath>

#include <peaberry/base/files.hpp>
#include <peaberry/base/random.hpp>

#include "canaries.hpp"
#include "demo_data.hpp"

namespace peaberry::story {

/// A clinical table: 12 columns, realistic marginals and dependence, documented in docs/reference/demo-data.md. About 4 %
/// missing values and 1 % exact duplicates, as real exports have.
Result<Table> make_demo_table(const std::string& file, std::uint64_t rows, std::uint64_t seed) {
  if (rows < 100 || rows > 5'000'000) return fail(Errc::kInvalid, "rows must be between 100 and 5000000");
  SeededRandom random(seed);
  std::string out = "patient,age,sex,bmi,systolic_bp,cholesterol,glucose,smoker,activity_hours,family_history,ward,heart_disease\n";
  const auto canaries = canary_texts();
  constexpr const char* kWards[] = {"cardiology", "internal", "surgery", "oncology", "neurology"};
  constexpr double kWardShare[] = {0.30, 0.34, 0.20, 0.09, 0.07};
  std::vector<std::string> recent;
  for (std::uint64_t i = 0; i < rows; ++i) {
    if (!recent.empty() && random.unit() < 0.01) {
      out += recent[random.below(recent.size())];
      continue;
    }
    const double age = std::clamp(58 + 15 * random.normal(), 18.0, 98.0);
    const bool male = random.unit() < 0.52, smoker = random.unit() < 0.22, family = random.unit() < 0.18;
    const double bmi = std::clamp(26.5 + 4.5 * random.normal(), 15.0, 55.0), activity = std::max(0.0, 3 + 2 * random.normal() - 0.02 * (age - 50));
    const double pressure = std::clamp(108 + 0.45 * (age - 40) + 0.9 * (bmi - 25) + 12 * random.normal(), 80.0, 230.0);
    const double cholesterol = std::clamp(188 + 0.5 * (age - 45) + 1.1 * (bmi - 25) + 32 * random.normal(), 90.0, 420.0);
    const double glucose = std::clamp(88 + 1.4 * (bmi - 25) + 0.25 * (age - 45) + 18 * random.normal() + (random.unit() < 0.08 ? 70 : 0), 50.0, 380.0);
    double draw = random.unit();
    std::size_t ward = 0;
    while (ward < 4 && draw > kWardShare[ward]) draw -= kWardShare[ward++];
    const double logit = -9.1 + 0.062 * age + (male ? 0.55 : 0) + 0.055 * (bmi - 25) + 0.021 * (pressure - 120) + 0.008 * (cholesterol - 190) + 0.009 * (glucose - 95) + (smoker ? 0.85 : 0) +
                         (family ? 0.7 : 0) - 0.16 * activity + (smoker && age > 60 ? 0.4 : 0) + (pressure > 150 && glucose > 126 ? 0.6 : 0) + 1.9;
    const bool sick = random.unit() < 1 / (1 + std::exp(-logit));
    const auto maybe = [&](double chance, std::string value) { return random.unit() < chance ? std::string() : value; };
    // Canaries sit at fixed fractions of the table; every other patient is a random code.
    std::string patient;
    for (std::size_t c = 0; c < canaries.size(); ++c)
      if (i == rows * (c + 1) / (canaries.size() + 1)) patient = canaries[c];
    if (patient.empty()) patient = std::to_string(100'000'000 + random.below(899'999'999));
    std::string line = fmt::format("{},{:.0f},{},{},{},{},{},{},{},{},{},{}\n", patient, age, male ? "male" : "female", maybe(0.05, fmt::format("{:.1f}", bmi)), maybe(0.03, fmt::format("{:.0f}", pressure)),
                                   maybe(0.08, fmt::format("{:.0f}", cholesterol)), maybe(0.07, fmt::format("{:.0f}", glucose)), maybe(0.04, smoker ? "yes" : "no"), maybe(0.10, fmt::format("{:.1f}", activity)),
                                   family ? "yes" : "no", kWards[ward], sick ? 1 : 0);
    out += line;
    if (patient.front() <= '9') {
      if (recent.size() < 64) recent.push_back(line);
      else recent[random.below(64)] = line;
    }
  }
  PB_CHECK(write_file_atomic(file, as_bytes(out)));
  return Table{rows, 12, out.size()};
}

}  // namespace peaberry::story
