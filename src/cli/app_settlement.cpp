#include "app_class.hpp"

namespace peaberry::cli {

void App::add_jobs() {
  auto* policy = group("policy", "Evidence policies");
  for (const char* name : {"show", "check"})
    command(*policy, name, "Who must do what until when, the worst case for each party, and what looks like a mistake", [this](Context& c) { return policy_show(c, text_); })
        ->add_option("policy", text_, "JSON file, or the encoded bytes as 0x…")
        ->required();
  auto* plan = command(*policy, "plan", "Which evidence a job should have, what each kind would cost, and why", [this](Context& c) { return policy_plan(c, plan_); });
  plan->add_option("--value", plan_.value, "Dollars that a wrong answer would cost")->required();
  plan->add_option("--gas-price", plan_.gas_price, "Dollars a unit of gas")->required();
  plan->add_option("--latency", plan_.latency, "Seconds that the answer may take")->capture_default_str();
  plan->add_option("--macs", plan_.macs, "Multiply-accumulates of one run");
  plan->add_option("--model-bytes", plan_.model_bytes);
  plan->add_option("--input-bytes", plan_.input_bytes);
  plan->add_flag("--model-published", plan_.model_published, "The weights lie on chain already");
  plan->add_option("--run-cost", plan_.run_cost, "Dollars for one native run");
  plan->add_flag("--private-input", plan_.private_input, "Only hosts may hold the input");
  plan->add_flag("--private-model", plan_.private_model, "Nobody may hold the weights");
  plan->add_option("--signers", plan_.signers)->capture_default_str();
  plan->add_option("--agree", plan_.agree, "How many of them must")->capture_default_str();
  plan->add_option("--signer-bond", plan_.signer_bond, "Dollars that one signer would lose by lying");
  plan->add_option("--accept-window", plan_.accept_window, "Seconds in which the requester objects")->capture_default_str();
  plan->add_flag("!--nobody-looks", plan_.requester_looks, "No requester can tell a wrong answer in time");
  auto* job = group("job", "Jobs in JobEscrow: paid when a claim is accepted");
  auto* open = command(*job, "open", "Lock money and ask", [this](Context& c) { return job_open(c, job_open_); });
  open->add_option("--policy", job_open_.policy, "JSON file or 0x… bytes")->required();
  open->add_option("--amount", job_open_.amount, "What is paid")->required();
  open->add_option("--token", job_open_.token, "ERC-20; default: OCEAN");
  open->add_option("--decimals", job_open_.decimals, "Of the token")->capture_default_str();
  open->add_option("--seconds", job_open_.seconds, "Claims are taken for so long")->capture_default_str();
  open->add_option("--executor", job_open_.executor, "Who may claim; default: anybody, in two steps");
  open->add_option("--kind", job_open_.kind, "inference, sql, quality, training, epoch or message")->capture_default_str();
  open->add_option("--subject", job_open_.subject, "subjectRoot");
  open->add_option("--input", job_open_.input, "inputRoot");
  open->add_option("--params", job_open_.params, "paramsHash");
  open->add_option("--bond", job_open_.bond, "What each claim deposits")->capture_default_str();
  open->add_option("--callback", job_open_.callback, "Contract that is told the answer");
  open->add_option("--callback-gas", job_open_.callback_gas)->capture_default_str();
  open->add_option("--fee-to", job_open_.fee_to);
  open->add_option("--fee-bps", job_open_.fee_bps);
  open->add_option("--royalty-to", job_open_.royalty_to, "A lineage splitter");
  open->add_option("--royalty-bps", job_open_.royalty_bps);
  open->add_option("--nonce", job_open_.nonce, "Default: random");
  const auto of_job = [&](const char* name, const char* help, Action action) {
    auto* sub = command(*job, name, help, std::move(action));
    sub->add_option("job", text_, "Job id")->required();
    return sub;
  };
  of_job("show", "State, claims, and who may do what next", [this](Context& c) { return job_show(c, text_); });
  auto* claim = command(*job, "claim", "Claim an answer with evidence", [this](Context& c) { return job_claim(c, job_claim_); });
  claim->add_option("job", job_claim_.job, "Job id")->required();
  claim->add_option("--output", job_claim_.output_file, "File with the output bytes");
  claim->add_option("--output-hash", job_claim_.output_hash, "Or their keccak256");
  claim->add_option("--amount", job_claim_.amount, "Less than everything: the rest goes back");
  claim->add_option("--decimals", job_claim_.decimals)->capture_default_str();
  claim->add_option("--leaf", job_claim_.leaf, "Which leaf of the policy the evidence is for")->capture_default_str();
  claim->add_option("--vote", job_claim_.votes, "A signer's vote, as printed by job reveal");
  claim->add_option("--data", job_claim_.data_file, "File with other evidence (for direct: the input bytes)");
  for (const bool reveal : {false, true})
    of_job(reveal ? "reveal" : "vote", reveal ? "As a signer: print the vote that you committed" : "As a signer: commit a vote", [this, reveal](Context& c) { return job_vote(c, text_, hash_, reveal); })
        ->add_option("--output-hash", hash_)
        ->required();
  for (const bool object : {false, true})
    of_job(object ? "object" : "accept", object ? "As the requester: object to a claim" : "As the requester: accept a claim at once", [this, object](Context& c) { return job_judge(c, text_, hash_, object); })
        ->add_option("--claim", hash_, "Claim id")
        ->required();
  of_job("finalise", "Pay the accepted claim", [this](Context& c) { return job_end(c, text_, false); });
  of_job("refund", "Send the money back", [this](Context& c) { return job_end(c, text_, true); });
  auto* withdraw = command(*job, "withdraw", "Pull what the escrow owes this key", [this](Context& c) { return job_withdraw(c, text_, hash_); });
  withdraw->add_option("--token", text_, "Default: OCEAN");
  withdraw->add_option("--to", hash_, "Default: the key's own address");
  command(*job, "publish-model", "Store a QOps model as code for direct evidence", [this](Context& c) { return model_publish(c, text_); })->add_option("file", text_)->required();
}

void App::add_subnets() {
  auto* subnets = group("subnet", "Contests of models, judged by stake");
  auto* open = command(*subnets, "open", "Sponsor an epoch", [this](Context& c) { return subnet_open(c, subnet_open_); });
  open->add_option("--reward", subnet_open_.reward, "Tokens that the epoch gives away")->required();
  open->add_option("--token", subnet_open_.token, "Default: OCEAN");
  open->add_option("--decimals", subnet_open_.decimals)->capture_default_str();
  open->add_option("--validator", subnet_open_.validators, "Who may weigh, in this order")->required();
  open->add_option("--holdout", subnet_open_.holdout, "Root of the data on which models are scored")->required();
  open->add_option("--scoring", subnet_open_.scoring, "Hash of the program that scores")->required();
  open->add_option("--models", subnet_open_.models_seconds, "Seconds for committing models")->capture_default_str();
  open->add_option("--reveal", subnet_open_.reveal_seconds, "… for revealing them")->capture_default_str();
  open->add_option("--weights", subnet_open_.weights_seconds, "… for committing weights")->capture_default_str();
  open->add_option("--weights-reveal", subnet_open_.weights_reveal_seconds, "… for revealing them")->capture_default_str();
  open->add_option("--claim-window", subnet_open_.claim_window, "… in which a wrong result can be challenged")->capture_default_str();
  open->add_option("--claim-bond", subnet_open_.claim_bond, "What a result puts up")->capture_default_str();
  const auto of_epoch = [&](const char* name, const char* help, Action action) {
    auto* sub = command(*subnets, name, help, std::move(action));
    sub->add_option("epoch", text_, "Epoch id")->required();
    return sub;
  };
  of_epoch("show", "State of an epoch, and what its revealed weights give", [this](Context& c) { return subnet_show(c, text_); });
  of_epoch("commit", "As a trainer: seal a model", [this](Context& c) { return subnet_model(c, text_, table_file_, false); })->add_option("--model", table_file_)->required();
  of_epoch("reveal", "As a trainer: open it", [this](Context& c) { return subnet_model(c, text_, table_file_, true); })->add_option("--model", table_file_)->required();
  auto* weigh = of_epoch("weigh", "As a validator: seal the weights of a scoring job", [this](Context& c) { return subnet_weigh(c, text_, table_file_, rate_, names_, subnet_open_.decimals, false); });
  weigh->add_option("--scores", table_file_, "scores.json of model-scorer")->required();
  weigh->add_option("--stake", rate_, "What this word weighs; comes back")->required();
  weigh->add_option("--validators", names_, "All of them, in the epoch's order")->required();
  of_epoch("reveal-weights", "As a validator: open them", [this](Context& c) { return subnet_weigh(c, text_, table_file_, "0", {}, 18, true); })->add_option("--scores", table_file_)->required();
  of_epoch("claim", "Claim what the revealed weights give", [this](Context& c) { return subnet_step(c, text_, SubnetStep::kClaim); });
  of_epoch("challenge", "Have the chain recompute a claim", [this](Context& c) { return subnet_step(c, text_, SubnetStep::kChallenge); });
  of_epoch("finalise", "Pay by a claim that stood", [this](Context& c) { return subnet_step(c, text_, SubnetStep::kFinalise); });
  of_epoch("fail", "End an epoch in which nobody weighed", [this](Context& c) { return subnet_step(c, text_, SubnetStep::kFail); });
  command(*subnets, "withdraw", "Take what epochs owe", [this](Context& c) { return subnet_withdraw(c, hash_); })->add_option("--token", hash_, "Default: OCEAN");
}

void App::add_bridge() {
  auto* orders = group("bridge", "Orders from this chain for something on another one");
  const auto other = [this](CLI::App* sub) {
    sub->add_option("job", text_, "The job that pays for the order")->required();
    sub->add_option("--chain-b", other_.url, "RPC URL of the other chain")->required();
    sub->add_option("--chain-b-id", other_.id)->required();
    sub->add_option("--address-file-b", other_.address_file);
    return sub;
  };
  auto* order = command(*orders, "order", "Lock the price here and announce what it is for", [this](Context& c) { return bridge_order(c, bridge_order_); });
  order->add_option("--chain-b-id", bridge_order_.other.id)->required();
  order->add_option("--chain-b", bridge_order_.other.url, "With --asset-b: RPC URL of the other chain");
  order->add_option("--address-file-b", bridge_order_.other.address_file);
  order->add_option("--asset-b", bridge_order_.asset_b, "DID of a listing on B: one use is bought for the recipient");
  order->add_option("--node-b", bridge_order_.node_b, "URL of a node that indexes chain B");
  order->add_option("--inbox", bridge_order_.inbox, "Inbox on chain B");
  order->add_option("--target", bridge_order_.target, "Contract on B that the price pays");
  order->add_option("--data", bridge_order_.data, "Call data for it")->capture_default_str();
  order->add_option("--token-b", bridge_order_.token_b, "Token on B");
  order->add_option("--price", bridge_order_.price, "What the executor fronts on B");
  order->add_option("--decimals-b", bridge_order_.decimals_b)->capture_default_str();
  order->add_option("--recipient", bridge_order_.recipient, "Who gets it on B")->required();
  order->add_option("--executor", bridge_order_.executor, "Who delivers, and is paid here")->required();
  order->add_option("--policy", bridge_order_.policy, "Evidence of the delivery")->required();
  order->add_option("--amount", bridge_order_.amount, "What is paid here");
  order->add_option("--feed", bridge_order_.feed, "… or the feed that says what a token here is worth in B's");
  order->add_flag("--feed-times", bridge_order_.times, "The feed says what a token of B is worth here");
  order->add_option("--token", bridge_order_.token, "Default: OCEAN");
  order->add_option("--decimals", bridge_order_.decimals)->capture_default_str();
  order->add_option("--deliver-within", bridge_order_.deliver_seconds, "Seconds until T_B")->capture_default_str();
  command(*orders, "show", "An order's message", [this](Context& c) { return bridge_show(c, text_); })->add_option("job", text_)->required();
  other(command(*orders, "deliver", "As the executor: front the price on B", [this](Context& c) { return bridge_deliver(c, text_, other_); }));
  other(command(*orders, "prove", "Prove the delivery's receipt by B's block", [this](Context& c) { return bridge_prove(c, text_, other_, hash_, transaction_); }))->add_option("-o,--output", hash_, "File for the proof");
  orders->get_subcommand("prove")->add_option("--tx", transaction_, "This transaction of B instead of the delivery that the Inbox has on record");
  auto* attest = other(command(*orders, "attest", "As a signer: check a proof against one's own node of B, and vote", [this](Context& c) { return bridge_attest(c, text_, other_, hash_, count_); }));
  attest->add_option("--proof", hash_)->required();
  attest->add_option("--confirmations", count_, "Blocks of B above the delivery's")->capture_default_str();
}

void App::add_economy() {
  auto* sending = command(app_, "pay", "Send tokens to somebody", [this](Context& c) { return pay(c, text_, rate_, hash_, subnet_open_.decimals); });
  sending->add_option("to", text_)->required();
  sending->add_option("--amount", rate_)->required();
  sending->add_option("--token", hash_, "Default: OCEAN");
  sending->add_option("--decimals", subnet_open_.decimals)->capture_default_str();
  auto* clinic = group("clinic", "A contract that asks a model about cases and acts on accepted answers");
  command(*clinic, "deploy", "Deploy one", [this](Context& c) { return clinic_deploy(c, hash_); })->add_option("--token", hash_, "What it pays with; default: OCEAN");
  auto* ask = command(*clinic, "ask", "Ask about a case", [this](Context& c) { return clinic_ask(c, clinic_ask_); });
  ask->add_option("clinic", clinic_ask_.clinic)->required();
  ask->add_option("--model", clinic_ask_.model, "subjectRoot")->required();
  ask->add_option("--input", clinic_ask_.input, "inputRoot")->required();
  ask->add_option("--policy", clinic_ask_.policy)->required();
  ask->add_option("--amount", clinic_ask_.amount)->required();
  ask->add_option("--decimals", clinic_ask_.decimals)->capture_default_str();
  ask->add_option("--executor", clinic_ask_.executor, "Who may answer; default: anybody, in two steps");
  ask->add_option("--seconds", clinic_ask_.seconds, "Until when")->capture_default_str();
  ask->add_option("--fee-to", clinic_ask_.fee_to);
  ask->add_option("--fee-bps", clinic_ask_.fee_bps);
  ask->add_option("--royalty-to", clinic_ask_.royalty_to, "A revenue router, say");
  ask->add_option("--royalty-bps", clinic_ask_.royalty_bps);
  auto* looked = command(*clinic, "show", "What became of a case", [this](Context& c) { return clinic_show(c, text_, hash_); });
  looked->add_option("clinic", text_)->required();
  looked->add_option("job", hash_)->required();
  auto* buyer = command(app_, "robot", "Buy answers by the call (x402): one signature each, or vouchers out of a channel", [this](Context& c) { return robot(c, robot_); });
  buyer->add_option("--url", robot_.url)->required();
  buyer->add_option("--calls", robot_.calls)->capture_default_str();
  buyer->add_option("--deposit-calls", robot_.deposit_calls, "A channel is filled for so many calls at once")->capture_default_str();
  buyer->add_option("--price-max", robot_.price_max, "No call may cost more, in whole tokens of 6 decimals")->capture_default_str();
  buyer->add_option("--token", robot_.token, "Default: the local chain's TestUSD");
  buyer->add_option("--channels", robot_.channels);
  buyer->add_option("--collector", robot_.collector);
  buyer->add_flag("--exact", robot_.exact, "One transfer a call instead of a channel");
  auto* lock = command(*group("ve", "Vote-escrowed OCEAN"), "lock", "Lock OCEAN for votes", [this](Context& c) { return ve_lock(c, rate_, count_); });
  lock->add_option("amount", rate_)->required();
  lock->add_option("--weeks", count_, "1 to 208")->capture_default_str();
  auto* grants = group("grants", "Grants by a vote of lockers");
  auto* deploy = command(*grants, "deploy", "Deploy the governor over veOCEAN", [this](Context& c) { return grants_deploy(c, grants_deploy_); });
  deploy->add_option("--delay", grants_deploy_.delay, "Blocks from proposal to snapshot")->capture_default_str();
  deploy->add_option("--period", grants_deploy_.period, "Blocks of voting")->capture_default_str();
  deploy->add_option("--threshold", grants_deploy_.threshold, "veOCEAN that a proposer needs")->capture_default_str();
  deploy->add_option("--quorum", grants_deploy_.quorum_percent, "Percent of all votes")->capture_default_str();
  auto* propose = command(*grants, "propose", "Propose to pay somebody", [this](Context& c) { return grants_propose(c, grants_propose_); });
  propose->add_option("governor", grants_propose_.governor)->required();
  propose->add_option("--to", grants_propose_.to)->required();
  propose->add_option("--amount", grants_propose_.amount)->required();
  propose->add_option("--why", grants_propose_.why)->required();
  propose->add_option("--token", grants_propose_.token, "Default: OCEAN");
  propose->add_option("--decimals", grants_propose_.decimals)->capture_default_str();
  const auto of_proposal = [&](const char* name, const char* help, Action action) {
    auto* sub = command(*grants, name, help, std::move(action));
    sub->add_option("governor", text_)->required();
    sub->add_option("proposal", hash_)->required();
    return sub;
  };
  of_proposal("show", "State and votes of a proposal", [this](Context& c) { return grants_show(c, text_, hash_); });
  of_proposal("vote", "Vote for a proposal", [this](Context& c) { return grants_vote(c, text_, hash_, refuse_); })->add_flag("--against", refuse_);
  of_proposal("execute", "Do what was decided", [this](Context& c) { return grants_execute(c, text_, hash_); });
  auto* revenue = group("revenue", "Where the revenue of a use goes");
  auto* route = command(*revenue, "deploy", "Deploy a router: parties' shares, the rest to the community", [this](Context& c) { return revenue_deploy(c, names_, text_); });
  route->add_option("--party", names_, "ADDRESS:BPS")->required();
  route->add_option("--grants", text_, "Governor that grants half of the community's part")->required();
  const auto of_router = [&](const char* name, const char* help, Action action) {
    auto* sub = command(*revenue, name, help, std::move(action));
    sub->add_option("router", text_)->required();
    sub->add_option("--token", hash_, "Default: OCEAN");
    return sub;
  };
  of_router("show", "Parties, shares and what is owed", [this](Context& c) { return revenue_show(c, text_, hash_); });
  of_router("distribute", "Share out what has arrived", [this](Context& c) { return revenue_distribute(c, text_, hash_); });
  of_router("withdraw", "Send somebody what is its own", [this](Context& c) { return revenue_withdraw(c, text_, hash_, payee_); })->add_option("--account", payee_, "Default: this key's");
}

void App::add_auctions() {
  auto* auction = group("auction", "Machines by sealed bids, paid by the second");
  auto* open = command(*auction, "open", "Ask hosts for a machine", [this](Context& c) { return auction_open(c, auction_open_); });
  open->add_option("--max-rate", auction_open_.max_rate, "Highest price, tokens a second")->required();
  open->add_option("--hosts", auction_open_.hosts, "Who may bid: the hosts that the listing names")->required();
  open->add_option("--seconds", auction_open_.seconds, "How long it is paid for")->capture_default_str();
  open->add_option("--deposit", auction_open_.deposit, "What each bidder puts up")->capture_default_str();
  open->add_option("--no-show-bps", auction_open_.no_show_bps, "Which part of it a bid costs that is not opened, or a win that is not started")->capture_default_str();
  open->add_option("--commit-seconds", auction_open_.commit_seconds, "For sealed bids")->capture_default_str();
  open->add_option("--reveal-seconds", auction_open_.reveal_seconds, "For opening them")->capture_default_str();
  open->add_option("--start-within", auction_open_.start_within, "Seconds that each winner has to start")->capture_default_str();
  open->add_option("--token", auction_open_.token, "ERC-20; default: OCEAN");
  open->add_option("--decimals", auction_open_.decimals, "Of the token")->capture_default_str();
  open->add_option("--manifest", auction_open_.manifest, "Hash of what is to be run");
  const auto of_order = [&](const char* name, const char* help, Action action) {
    auto* sub = command(*auction, name, help, std::move(action));
    sub->add_option("order", text_, "Order id")->required();
    return sub;
  };
  of_order("show", "Bids, whose turn it is, and what the lease has cost", [this](Context& c) { return auction_show(c, text_); });
  auto* bid = of_order("bid", "As a host: seal a bid", [this](Context& c) { return auction_bid(c, text_, rate_, names_, auction_open_.decimals); });
  bid->add_option("--hosts", names_, "The order's hosts, in its order")->required();
  auto* reveal = of_order("reveal", "As a host: open the bid", [this](Context& c) { return auction_reveal(c, text_, rate_, auction_open_.decimals); });
  for (auto* sub : {bid, reveal}) {
    sub->add_option("--rate", rate_, "Tokens a second")->required();
    sub->add_option("--decimals", auction_open_.decimals, "Of the token")->capture_default_str();
  }
  for (const auto& [name, help, step] : {std::tuple{"start", "As the winner: start the lease", AuctionStep::kStart}, {"pass", "End the turn of a winner that did not start", AuctionStep::kPass},
                                         {"settle", "Send the provider what its lease has earned", AuctionStep::kSettle}, {"close", "End the lease now", AuctionStep::kClose},
                                         {"refund", "Send the tenant what a closed lease did not use", AuctionStep::kRefund}})
    of_order(name, help, [this, step = step](Context& c) { return auction_step(c, text_, step); });
  of_order("release", "Settle the deposit of a bid that did not win", [this](Context& c) { return auction_release(c, text_, hash_); })->add_option("--bidder", hash_, "Default: this key");
  command(*auction, "withdraw", "Pull what the auction owes this key", [this](Context& c) { return auction_withdraw(c, text_); })->add_option("--token", text_, "Default: OCEAN");
}

void App::add_feeds() {
  auto* feed = group("feed", "Price feeds");
  const auto of_feed = [&](const char* name, const char* help, Action action) {
    auto* sub = command(*feed, name, help, std::move(action));
    sub->add_option("feed", text_, "Address of the PriceFeed")->required();
    return sub;
  };
  auto* deploy = command(*feed, "deploy", "Deploy a feed of these reporters", [this](Context& c) { return feed_deploy(c, feed_deploy_); });
  deploy->add_option("--description", feed_deploy_.description, "OCEAN / USD, say")->required();
  deploy->add_option("--reporter", feed_deploy_.reporters, "Addresses, in their order")->required();
  deploy->add_option("--decimals", feed_deploy_.decimals)->capture_default_str();
  deploy->add_option("--heartbeat", feed_deploy_.heartbeat, "Seconds after which a price is stale")->capture_default_str();
  deploy->add_option("--min", feed_deploy_.min, "Below it nothing is taken")->capture_default_str();
  deploy->add_option("--max", feed_deploy_.max)->capture_default_str();
  of_feed("show", "Its reporters, its last price, and whether that is fresh", [this](Context& c) { return feed_show(c, text_); });
  of_feed("observe", "As a reporter: sign what you see", [this](Context& c) { return feed_observe(c, text_, rate_); })->add_option("--price", rate_)->required();
  of_feed("report", "Bring a round's observations", [this](Context& c) { return feed_report(c, text_, names_); })->add_option("--observation", names_, "As printed by feed observe --json")->required();
}

}  // namespace peaberry::cli
