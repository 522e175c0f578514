// The settlement room against the real contracts on a real anvil: names, the way of a job, the keeper under crashes and reorgs.

#include <gtest/gtest.h>

#include <peaberry/bindings/erc20_template.hpp>
#include <peaberry/bindings/quorum_verifier.hpp>
#include <peaberry/chain/ocean.hpp>
#include <peaberry/crypto/hash.hpp>
#include <peaberry/ledger/ledger.hpp>
#include <peaberry/settlement/keeper.hpp>
#include <peaberry/settlement/policy.hpp>

namespace peaberry::settlement {
namespace {

namespace contract = bindings::job_escrow;

/// An account with a journal of its own.
struct Party {
  std::unique_ptr<store::Database> database;
  crypto::PrivateKey key;
  std::unique_ptr<chain::TxManager> sender;
  std::unique_ptr<Escrow> escrow;
  Address address() const { return key.address(); }
};

class Settlement : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = fs::temp_directory_path() / ("peaberry-settlement-" + random_.uuid());
    auto started = ledger::Ledger::start({.folder = folder_, .port = 0, .state_interval_seconds = 60}, *http_, clock_, random_);
    ASSERT_TRUE(started) << started.error().text();
    ledger_ = std::make_unique<ledger::Ledger>(std::move(*started));
    rpc_ = std::make_unique<chain::Rpc>(*http_, chain::RpcOptions{.urls = {ledger_->url()}, .chain_id = 8996}, clock_, random_);
    token_ = chain::OceanAddresses::load(ledger_->address_file(), 8996)->ocean;
    const auto contracts = Contracts::load(ledger_->address_file(), 8996);
    ASSERT_TRUE(contracts) << contracts.error().text();
    contracts_ = *contracts;
  }
  static void TearDownTestSuite() {
    if (ledger_) (void)ledger_->stop().has_value();
    ledger_.reset();
    fs::remove_all(folder_);
  }

  static Party party(const char* tokens = "1000") {
    auto database = store::open_sqlite(":memory:");
    Party out{std::move(*database), crypto::PrivateKey::generate(random_), nullptr, nullptr};
    EXPECT_TRUE(chain::TxManager::migrate(*out.database));
    EXPECT_TRUE(Keeper::migrate(*out.database));
    out.sender = std::make_unique<chain::TxManager>(*rpc_, *out.database, out.key.clone(), 8996, clock_);
    out.escrow = std::make_unique<Escrow>(*rpc_, *out.sender, contracts_);
    EXPECT_TRUE(ledger_->fund(*rpc_, out.key.address(), *parse_units("10", 18), token_, *parse_units(tokens, 18)));
    return out;
  }
  static void call(const std::string& method, json::Array params = {}) { ASSERT_TRUE(rpc_->call(method, std::move(params))) << method; }
  static std::uint64_t now() { return rpc_->latest_block()->timestamp; }
  /// Waits until what was sent is mined: the keeper itself does not wait.
  static void settle_chain() {
    for (int i = 0; i < 500; ++i) {
      const auto pool = rpc_->call("txpool_status", {});
      if (pool && pool->is_object() && json::string_or(pool->get_object(), "pending") == "0x0") return;
      clock_.sleep_ms(2);
    }
  }
  static void pass(std::uint64_t seconds) {
    call("evm_increaseTime", {seconds});
    call("evm_mine");
  }
  static U256 tokens(const Address& who) {
    return *bindings::erc20_template::decode_balance_of(*rpc_->eth_call({.to = token_, .data = bindings::erc20_template::balance_of(who)}));
  }

  static Job job(const Address& requester, const Policy& policy) {
    static std::uint64_t nonce = 0;
    Job out;
    out.chain_id = U256{8996}, out.settlement = contracts_.escrow, out.claim_kind = U256{1}, out.subject_root = crypto::keccak256("subject");
    out.input_root = crypto::keccak256("input"), out.policy_hash = policy.hash(), out.requester = requester, out.nonce = U256{++nonce};
    return out;
  }
  static Terms terms(const Address& executor, std::uint64_t seconds = 3600) {
    Terms out;
    out.token = token_, out.amount = *parse_units("10", 18), out.deadline = U256{now() + seconds}, out.executor = executor;
    return out;
  }
  static Policy owner_policy(std::uint64_t window) { return Policy::single({contracts_.owner_accept, window, Bytes(16, 0)}); }
  static OpenedJob opened(const Party& requester, const Job& job, const Terms& terms, const Policy& policy) {
    const auto receipt = requester.escrow->open(job, terms, policy.encode());
    EXPECT_TRUE(receipt) << receipt.error().text();
    auto found = requester.escrow->find(job_id(job));
    EXPECT_TRUE(found) << found.error().text();
    return *found;
  }
  static Answer answer(const Address& executor, std::string_view output, const U256& amount) {
    Answer out;
    out.executor = executor, out.output_hash = crypto::keccak256(output), out.amount = amount;
    return out;
  }

  /// A book, a follower and a keeper over one party's database: made anew to play a restart.
  struct Life {
    explicit Life(Party& party, KeeperOptions options = {.withdraw_every_ms = 0})
        : book(*party.database, contracts_),
          follower(*rpc_, book, {.start_block = contracts_.start_block, .addresses = {contracts_.escrow}, .topics0 = JobBook::topics()}, clock_),
          keeper(*rpc_, *party.sender, *party.database, book, contracts_, clock_, options) {}
    Keeper::Tick tick() {
      const auto caught = follower.catch_up();
      EXPECT_TRUE(caught) << caught.error().text();
      const auto done = keeper.tick();
      EXPECT_TRUE(done) << done.error().text();
      settle_chain();
      return done.value_or({});
    }
    JobBook book;
    chain::LogFollower follower;
    Keeper keeper;
  };

  static inline SystemClock clock_;
  static inline SeededRandom random_{static_cast<std::uint64_t>(getpid()) * 1000 + static_cast<std::uint64_t>(SystemClock{}.unix_ms() % 1000)};
  static inline std::unique_ptr<net::Client> http_ = net::make_client();
  static inline fs::path folder_;
  static inline std::unique_ptr<ledger::Ledger> ledger_;
  static inline std::unique_ptr<chain::Rpc> rpc_;
  static inline Address token_;
  static inline Contracts contracts_;
};

TEST_F(Settlement, JobAndClaimNamesAgreeWithSolidityOnAHundredThousandRandomInputs) {
  const auto text = read_text(fs::path(PEABERRY_SOURCE_DIR) / "build/contracts/out/JobIdHarness.sol/JobIdHarness.json");
  ASSERT_TRUE(text) << "run tools/contracts test first";
  const auto artifact = json::parse(*text, {.max_bytes = 16 << 20, .max_depth = 64});
  const auto code = parse_hex(json::string_or(*json::find_object(artifact->get_object(), "bytecode"), "object"));
  auto deployer = party("0");
  const auto deployed = deployer.sender->execute({.key = "harness", .to = std::nullopt, .data = *code});
  ASSERT_TRUE(deployed) << deployed.error().text();
  constexpr std::uint64_t kRounds = 50, kEach = 2'000;
  static const auto fold_type = *chain::abi::Type::parse("(uint256,uint256)");
  for (std::uint64_t seed = 0; seed < kRounds; ++seed) {
    Hash32 all{};
    for (std::uint64_t i = 0; i < kEach; ++i) {
      Hash32 r[9];
      for (std::uint64_t j = 0; j < 9; ++j) {
        Bytes words;
        for (const std::uint64_t word : {seed, i, j}) append(words, U256{word}.word().view());
        r[j] = crypto::keccak256(words);
      }
      Job job;
      const auto address = [](const Hash32& word) { return *Address::from(word.view().subspan(12)); };
      job.chain_id = U256::from(r[0]), job.settlement = address(r[1]), job.claim_kind = U256{r[2].data[31]}, job.subject_root = r[3], job.input_root = r[4];
      job.params_hash = r[5], job.policy_hash = r[6], job.requester = address(r[7]), job.nonce = U256::from(r[8]);
      Bytes words = to_bytes(all.view());
      append(words, job_id(job).view());
      append(words, claim_id(job_id(job), job.requester, r[5]).view());
      all = crypto::keccak256(words);
    }
    const auto data = chain::abi::encode_call(chain::abi::selector("fold(uint256,uint256)"), fold_type, chain::abi::Value::list({chain::abi::Value::of(seed), chain::abi::Value::of(kEach)}));
    const auto reply = rpc_->eth_call({.to = deployed->contract_address, .data = data});
    ASSERT_TRUE(reply) << reply.error().text();
    ASSERT_EQ(hex(*reply), hex(all.view())) << "seed " << seed;
  }
}

TEST_F(Settlement, AQuorumThatAgreesPaysByTheKeeperAlone) {
  auto requester = party(), executor = party("0");
  std::vector<Party> signers;
  QuorumParams params{.k = 2, .commit_window = 30, .bond_token = {}, .bond = {}, .signers = {}};
  for (int i = 0; i < 3; ++i) signers.push_back(party("0")), params.signers.push_back(signers.back().address());
  const Policy policy = Policy::single({contracts_.quorum, 60, params.encode()});
  const auto job_of = opened(requester, job(requester.address(), policy), terms(executor.address()), policy);
  const Hash32 output = crypto::keccak256("output"), salt = crypto::keccak256("salt");
  std::vector<Vote> votes;
  for (std::uint8_t i = 0; i < 2; ++i) {
    const auto receipt = signers[i].sender->execute({.key = "vote", .to = contracts_.quorum, .data = bindings::quorum_verifier::commit(job_of.id, vote_commitment(job_of.id, signers[i].address(), output, salt))});
    ASSERT_TRUE(receipt) << receipt.error().text();
    votes.push_back(sign_vote({8996, contracts_.quorum}, signers[i].key, i, job_of.id, output, salt, rpc_->block(receipt->block_number)->timestamp));
  }
  const U256 asked = *parse_units("4", 18);  // metered: less than the job holds
  {
    Life life(executor);
    ASSERT_TRUE(life.keeper.intend_claim(job_of.id, answer(executor.address(), "output", asked), {{U256{}, U256{}, encode_votes(votes)}}));
    const auto early = life.tick();
    EXPECT_EQ(early.claimed, 0) << "quiet while votes could be copied";
    EXPECT_EQ(early.waiting, 1);
  }
  pass(31);
  Life life(executor, {.withdraw_every_ms = 1});  // a restart: the intention is still there
  EXPECT_EQ(life.tick().claimed, 1);
  const auto paid = life.tick();
  EXPECT_EQ(paid.finalised, 1);
  EXPECT_EQ(executor.escrow->state(job_of.id)->state, JobState::kFinal);
  clock_.sleep_ms(5);
  EXPECT_EQ(paid.withdrawn + life.tick().withdrawn, 1) << "with the payment or after it, once";
  EXPECT_EQ(tokens(executor.address()), asked);
  EXPECT_EQ(*requester.escrow->balance(token_, requester.address()), *parse_units("6", 18)) << "the rest is the requester's to withdraw";
  const auto idle = life.tick();
  EXPECT_EQ(idle.claimed + idle.finalised + idle.refunded, 0);
}

TEST_F(Settlement, AWrongAnswerGoesBackAtOnceByAnybodysKeeper) {
  auto requester = party(), executor = party("0");
  std::vector<Party> signers;
  QuorumParams params{.k = 2, .commit_window = 30, .bond_token = {}, .bond = {}, .signers = {}};
  for (int i = 0; i < 2; ++i) signers.push_back(party("0")), params.signers.push_back(signers.back().address());
  const Policy policy = Policy::single({contracts_.quorum, 0, params.encode()});
  const auto job_of = opened(requester, job(requester.address(), policy), terms(executor.address()), policy);
  const Hash32 truth = crypto::keccak256("truth"), salt = crypto::keccak256("salt");
  std::vector<Vote> votes;
  for (std::uint8_t i = 0; i < 2; ++i) {
    const auto receipt = signers[i].sender->execute({.key = "vote", .to = contracts_.quorum, .data = bindings::quorum_verifier::commit(job_of.id, vote_commitment(job_of.id, signers[i].address(), truth, salt))});
    ASSERT_TRUE(receipt);
    votes.push_back(sign_vote({8996, contracts_.quorum}, signers[i].key, i, job_of.id, truth, salt, rpc_->block(receipt->block_number)->timestamp));
  }
  pass(31);
  ASSERT_TRUE(executor.escrow->claim(job_of, answer(executor.address(), "lie", job_of.funded), {{U256{}, U256{}, {}}}));
  // The executor's node dies here. The signers bring their votes; the requester's keeper gets the money back before the deadline.
  ASSERT_TRUE(signers[0].sender->execute({.key = "reveal", .to = contracts_.quorum, .data = bindings::quorum_verifier::reveal(as<bindings::quorum_verifier::Job>(job_of.job), encode_evidence(job_of.policy, 0, encode_votes(votes)))}));
  Life life(requester, {.withdraw_every_ms = 1});
  EXPECT_EQ(life.tick().refunded, 1);
  EXPECT_EQ(requester.escrow->state(job_of.id)->state, JobState::kRefunded);
  clock_.sleep_ms(5);
  life.tick();
  EXPECT_EQ(tokens(requester.address()), *parse_units("1000", 18));
}

TEST_F(Settlement, AKeeperRefundsAfterTheDeadlineAndNotBefore) {
  auto requester = party(), executor = party("0");
  const auto policy = owner_policy(10);
  const auto job_of = opened(requester, job(requester.address(), policy), terms(executor.address(), 100), policy);
  Life life(requester);
  EXPECT_EQ(life.tick().refunded, 0);
  pass(101);
  EXPECT_EQ(life.tick().refunded, 1);
  EXPECT_EQ(requester.escrow->state(job_of.id)->state, JobState::kRefunded);
}

TEST_F(Settlement, AClockThatRunsAheadDoesNotMakeTheExecutorGiveUp) {
  auto requester = party(), executor = party("0");
  const auto policy = owner_policy(10);
  const auto job_of = opened(requester, job(requester.address(), policy), terms(executor.address(), 100), policy);
  const ManualClock ahead(clock_.unix_ms() + 1'000'000'000);
  JobBook book(*executor.database, contracts_);
  chain::LogFollower follower(*rpc_, book, {.start_block = contracts_.start_block, .addresses = {contracts_.escrow}, .topics0 = JobBook::topics()}, clock_);
  Keeper keeper(*rpc_, *executor.sender, *executor.database, book, contracts_, ahead, {.withdraw_every_ms = 0});
  ASSERT_TRUE(follower.catch_up());
  EXPECT_EQ(keeper.tick()->refunded, 0);
  settle_chain();
  EXPECT_EQ(requester.escrow->state(job_of.id)->state, JobState::kOpen);
}

TEST_F(Settlement, SilenceAcceptsAndTheKeeperFinalises) {
  auto requester = party(), executor = party("0");
  const auto policy = owner_policy(50);
  const auto job_of = opened(requester, job(requester.address(), policy), terms(executor.address()), policy);
  Life life(executor);
  ASSERT_TRUE(life.keeper.intend_claim(job_of.id, answer(executor.address(), "output", job_of.funded), {{}}));
  EXPECT_EQ(life.tick().claimed, 1);
  EXPECT_EQ(life.tick().finalised, 0) << "the requester may still object";
  pass(51);
  EXPECT_EQ(life.tick().finalised, 1);
  EXPECT_EQ(executor.escrow->state(job_of.id)->state, JobState::kFinal);
  EXPECT_EQ(*executor.escrow->balance(token_, executor.address()), job_of.funded);
}

TEST_F(Settlement, AKeeperClaimsAnOpenJobInTwoStepsAndPutsUpItsBond) {
  auto requester = party(), executor = party("5");
  const auto policy = owner_policy(50);
  auto open_terms = terms(Address{});
  open_terms.bond = *parse_units("5", 18);
  const auto job_of = opened(requester, job(requester.address(), policy), open_terms, policy);
  Life life(executor, {.withdraw_every_ms = 1});
  auto mine = answer(executor.address(), "output", job_of.funded);
  mine.salt = crypto::keccak256("salt");
  ASSERT_TRUE(life.keeper.intend_claim(job_of.id, mine, {{}}));
  for (int round = 0; round < 4 && executor.escrow->state(job_of.id)->state != JobState::kClaimed; ++round) {
    life.tick();
    call("evm_mine");
  }
  ASSERT_EQ(executor.escrow->state(job_of.id)->state, JobState::kClaimed);
  EXPECT_EQ(tokens(executor.address()), U256{}) << "the bond is put up";
  pass(51);
  EXPECT_EQ(life.tick().finalised, 1);
  for (int round = 0; round < 3; ++round) clock_.sleep_ms(5), life.tick();
  EXPECT_EQ(tokens(executor.address()), *parse_units("15", 18)) << "bond and pay";
}

TEST_F(Settlement, AReorgThatThrowsOutClaimAndPaymentLosesNothing) {
  auto requester = party(), executor = party("0");
  const auto policy = owner_policy(0);
  const auto job_of = opened(requester, job(requester.address(), policy), terms(executor.address()), policy);
  Life life(executor);
  ASSERT_TRUE(life.keeper.intend_claim(job_of.id, answer(executor.address(), "output", job_of.funded), {{}}));
  EXPECT_EQ(life.tick().claimed, 1);
  EXPECT_EQ(life.tick().finalised, 1);
  EXPECT_EQ(executor.escrow->state(job_of.id)->state, JobState::kFinal);
  call("anvil_reorg", {2, json::Array{}});
  EXPECT_EQ(executor.escrow->state(job_of.id)->state, JobState::kOpen) << "claim and payment are gone";
  for (int round = 0; round < 5 && executor.escrow->state(job_of.id)->state != JobState::kFinal; ++round) {
    ASSERT_TRUE(executor.sender->maintain());
    life.tick();
  }
  EXPECT_EQ(executor.escrow->state(job_of.id)->state, JobState::kFinal);
  EXPECT_EQ(*executor.escrow->balance(token_, executor.address()), job_of.funded) << "paid once";
}

TEST_F(Settlement, AKeeperThatComesLateDoesNothingTwice) {
  auto requester = party(), executor = party("0");
  const auto policy = owner_policy(0);
  const auto job_of = opened(requester, job(requester.address(), policy), terms(executor.address()), policy);
  ASSERT_TRUE(executor.escrow->claim(job_of, answer(executor.address(), "output", job_of.funded), {{}}));
  Life mine(executor), theirs(requester);
  EXPECT_EQ(theirs.tick().finalised, 1);
  EXPECT_EQ(mine.tick().finalised, 0);
  EXPECT_EQ(executor.escrow->state(job_of.id)->state, JobState::kFinal);
}

}  // namespace
}  // namespace peaberry::settlement
