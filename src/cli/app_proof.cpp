#include "app_class.hpp"

namespace peaberry::cli {

void App::add_proofs() {
  auto* srs = group("srs", "Powers of a ceremony's secret, under which proofs are made");
  auto* import = command(*srs, "import", "Import a snarkjs .ptau file: every point is checked", [this](Context& c) { return srs_import(c, srs_); });
  import->add_option("file", srs_.file, "The .ptau file")->required();
  import->add_option("--log", srs_.log, "Keep 2^log powers; default: all");
  import->add_option("--out", srs_.out, "Default: srs/powers.srs in the home");
  auto* dev = command(*srs, "dev", "Make powers here, for trying: public chains refuse them", [this](Context& c) {
    if (srs_.log == 0) srs_.log = 16;
    return srs_dev(c, srs_);
  });
  dev->add_option("--log", srs_.log, "2^log powers; default: 16");
  dev->add_option("--out", srs_.out, "Default: srs/powers.srs in the home");
  command(*srs, "verify", "Check all powers of a file again", [this](Context& c) { return srs_verify(c, srs_); })->add_option("file", srs_.file)->required();
  command(*srs, "deploy", "Deploy a contract that believes proofs under these powers", [this](Context& c) { return srs_deploy(c, srs_); })->add_option("file", srs_.file, "Default: srs/powers.srs in the home");
  auto* proof = group("proof", "Zero-knowledge proofs as files");
  command(*proof, "inspect", "What a proof is about, and how large it is", [this](Context& c) { return proof_inspect(c, text_); })->add_option("file", text_, "JSON with \"cases\"")->required();
  command(*proof, "verify", "Check every proof of a file", [this](Context& c) { return proof_verify(c, text_); })->add_option("file", text_, "JSON with \"cases\"")->required();
}

}  // namespace peaberry::cli
