#pragma once

#include <peaberry/compute/runner.hpp>

#include "config.hpp"

namespace peaberry::node {

/// The node's compute offer as Ocean's clients read it, and the arithmetic of its price.
class Environment {
 public:
  Environment(const EnvironmentConfig& config, std::uint64_t chain_id, const Address& fee_token, unsigned fee_token_decimals, const Address& payee);
  const std::string& id() const { return id_; }
  const std::string& cluster() const { return cluster_; }
  const EnvironmentConfig& config() const { return config_; }
  const Address& fee_token() const { return fee_token_; }
  /// Who is advertised as consumer and payee: the node's operator, or a door. Before any request is served.
  void set_payee(const Address& payee, const std::string& evidence) { payee_ = payee, evidence_ = evidence; }
  const Address& payee() const { return payee_; }
  json::Object to_json(const compute::Runner::Load& load, const std::string& sandbox) const;

  /// Parses [{id, amount}]; defaults are the smallest useful job. Fails with Ocean's words when more is asked than offered.
  Result<compute::JobResources> resources(const json::Array* wanted, bool free) const;
  /// Token units (smallest) per minute for these resources.
  Result<U256> rate_per_minute(const compute::JobResources& resources) const;

 private:
  EnvironmentConfig config_;
  std::uint64_t chain_id_;
  Address fee_token_;
  unsigned decimals_;
  Address payee_;
  std::string cluster_, id_;
  std::string evidence_ = "none: results are unchecked";
};

}  // namespace peaberry::node
