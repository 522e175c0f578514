#pragma once

#include <peaberry/settlement/contracts.hpp>

#include "options.hpp"
#include "stage.hpp"

namespace peaberry::story {

struct Told {
  json::Object story;
  std::string text;
};

/// One bean through all five layers: six stations, each a file of its own (farm.cpp … till.cpp). Leaves story.json and story.html in the folder.
class Story {
 public:
  Story(net::Client& http, const Clock& clock, Random& random, StoryOptions options);
  Result<Told> play();

 private:
  Status open();
  Status farm();
  Status prove_table();
  Status first_sale();
  Status short_cut();  ///< a lie at the counter needs a model, not the whole way to it
  bool lies_at_the_counter() const;
  Status lie_of_the_node(const std::string& algorithm);  ///< EVIDENCE=quorum
  Status roastery();
  Status recipe();
  Status counter();
  Status answer_directly();
  Status answer_by_quorum();
  Status order_across_chains();
  Status cup();
  Status till();
  Status finish();
  void close();

  bool lies(const char* name) const { return options_.cheat == name; }
  /// The visitor's lie was refused: says by what, and ends the story.
  Status caught(const Words& lie, const std::string& check, const std::string& said);
  Result<std::string> wait_found(const std::vector<std::string>& search);
  /// The parts of the quorum's vote on a job: commits, waits, opens; returns the --vote arguments.
  Result<std::vector<std::string>> vote(const std::string& job, const std::string& output_hash, std::uint64_t opened_at, std::uint64_t window, const std::vector<std::string>& signers);
  /// Waits until a job is paid: any keeper – every node and host is one – finalises what is accepted.
  Status paid(const std::string& job);
  Result<std::uint64_t> opened_at(const std::string& job);
  std::string write_json(const std::string& who, const std::string& name, const json::Value& value);

  StoryOptions options_;
  Stage stage_;
  settlement::Contracts contracts_;
  Server owner_server_, market_server_, seller_server_, worker_server_, model_server_, toll_;
  std::vector<Server> hosts_;
  std::vector<std::string> owner_arguments_;
  std::string market_url_;
  bool ended_ = false;
  json::Object caught_;

  // What one station leaves for the next.
  std::string label_, table_, holdout_, table_did_, holdout_did_, trainer_did_, quality_did_, scorer_did_, holdout_root_;
  std::vector<std::string> canaries_;
  std::string quality_claim_;
  std::string lease_winner_;
  std::uint64_t bytes_to_hosts_ = 0;
  std::string winner_, model_file_;
  std::string router_, governor_, clinic_, feed_;
  std::string model_root_, qops_file_, input_file_, input_root_, output_file_, output_hash_;
  json::Array jobs_, papers_;  ///< what `verify` looks at again
};

}  // namespace peaberry::story
