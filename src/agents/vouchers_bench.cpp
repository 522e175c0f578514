// vouchers_verified: paid calls a second through HTTP with keep-alive on one core – parsed, signature recovered, voucher on disk, then answered.
// The server has one core, its eight clients the other; payments are signed beforehand.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <peaberry/base/files.hpp>
#include <peaberry/net/server.hpp>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "paywall.hpp"

using namespace peaberry;

namespace {

constexpr int kChannels = 8, kVouchers = 2'500;

void pin(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  (void)sched_setaffinity(0, sizeof set, &set);
}

/// One keep-alive connection that sends its requests one after the other. Returns how many were answered with 200.
int call(std::uint16_t port, const std::vector<std::string>& requests) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET, to.sin_port = htons(port), to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return 0;
  int good = 0;
  std::string reply;
  for (const std::string& request : requests) {
    if (send(fd, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size())) break;
    reply.clear();
    std::size_t whole = 0;
    while (whole == 0 || reply.size() < whole) {
      char buffer[4096];
      const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      reply.append(buffer, static_cast<std::size_t>(got));
      const std::size_t end = reply.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      std::size_t length = reply.find("Content-Length: ");
      if (length == std::string::npos) length = reply.find("content-length: ");
      whole = end + 4 + (length == std::string::npos ? 0 : static_cast<std::size_t>(std::atol(reply.c_str() + length + 16)));
    }
    good += reply.starts_with("HTTP/1.1 200") ? 1 : 0;
  }
  close(fd);
  return good;
}

}  // namespace

int main() {
  SystemClock clock;
  SystemRandom random;
  const auto folder = fs::temp_directory_path() / ("peaberry-bench-" + random.uuid());
  fs::create_directories(folder);
  const auto robot = crypto::PrivateKey::generate(random);
  auto database = store::open_sqlite(":memory:"), vouchers = store::open_sqlite((folder / "vouchers.sqlite").string());
  if (!chain::TxManager::migrate(**database) || !settlement::VoucherBook::migrate(**vouchers)) return 1;
  const auto http = net::make_client();
  chain::Rpc rpc(*http, {.urls = {"http://127.0.0.1:1"}, .chain_id = 8996}, clock, random);  // not called: the channels are known
  chain::TxManager sender(rpc, **database, crypto::PrivateKey::generate(random), 8996, clock);
  const settlement::ChannelDomain domain{8996, *crypto::parse_address("0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003")};
  const Address receiver = crypto::PrivateKey::generate(random).address();
  auto book = settlement::VoucherBook::open(**vouchers, domain, receiver, clock);
  const agents::x402::Price price{U256{10'000}, *crypto::parse_address("0x5FbDB2315678afecb367f032d93F642f64180aa3"), "Test USD", "1", receiver, 60};
  agents::Paywall paywall(rpc, sender, **book, clock, {.chain_id = 8996, .channels = domain.settlement});

  std::vector<std::vector<std::string>> requests(kChannels);
  const auto accepted = agents::x402::channel_requirements(price, 8996, sender.address(), 900, price.amount);
  for (int c = 0; c < kChannels; ++c) {
    Hash32 salt;
    salt.data[31] = static_cast<std::uint8_t>(c);
    const settlement::ChannelConfig config{robot.address(), robot.address(), receiver, sender.address(), price.token, U256{900}, salt};
    const Hash32 id = domain.channel_id(config);
    if (!(*book)->mirror(config, {*U256::parse("1000000000000"), {}, 0, 0})) return 1;
    for (std::uint64_t n = 1; n <= kVouchers; ++n) {
      const U256 total = price.amount * U256{n};
      const json::Object payload{{"type", "voucher"}, {"channelConfig", agents::x402::config_to_json(config)},
                                 {"voucher", json::Object{{"channelId", id.hex()}, {"maxClaimableAmount", total.dec()}, {"signature", hex0x(robot.sign(domain.voucher_digest(id, total)).rsv())}}}};
      requests[static_cast<std::size_t>(c)].push_back("GET /answer HTTP/1.1\r\nHost: bench\r\nPAYMENT-SIGNATURE: " +
                                                      agents::x402::encode_header({{"x402Version", 2}, {"accepted", accepted}, {"payload", payload}}) + "\r\n\r\n");
    }
  }
  int pipe_fd[2];
  if (pipe(pipe_fd) != 0) return 1;
  int answer_fd[2];
  if (pipe(answer_fd) != 0) return 1;
  const pid_t child = fork();  // before any thread is started
  if (child == 0) {
    pin(1);
    std::uint16_t port = 0;
    if (read(pipe_fd[0], &port, sizeof port) != sizeof port) _exit(1);
    std::vector<std::thread> threads;
    std::vector<int> good(kChannels);
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t c = 0; c < kChannels; ++c) threads.emplace_back([&, c] { good[c] = call(port, requests[c]); });
    for (auto& thread : threads) thread.join();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    int all = 0;
    for (const int n : good) all += n;
    const double rate = all == kChannels * kVouchers ? all / seconds : 0;  // each must have been paid
    _exit(write(answer_fd[1], &rate, sizeof rate) == sizeof rate ? 0 : 1);
  }
  pin(0);
  auto server = net::Server::start({.handler_threads = kChannels}, [&](const net::Request& request) {
    return paywall.serve(request, price, [] { return net::Response::json(200, "{\"answer\":42}"); });
  });
  if (!server) return 1;
  const std::uint16_t port = (*server)->port();
  double rate = 0;
  if (write(pipe_fd[1], &port, sizeof port) != sizeof port || read(answer_fd[0], &rate, sizeof rate) != sizeof rate) return 1;
  waitpid(child, nullptr, 0);
  (*server)->stop();
  const double peer = std::getenv("PEABERRY_X402_PEER") != nullptr ? std::atof(std::getenv("PEABERRY_X402_PEER")) : 0;
  char ratio[32] = "null", against[32] = "null";
  if (peer > 0) std::snprintf(ratio, sizeof ratio, "%.1f", rate / peer), std::snprintf(against, sizeof against, "%.1f", peer);
  std::printf("{\"name\":\"vouchers_verified\",\"unit\":\"1/s\",\"ours\":%.0f,\"peer\":%s,\"peer_name\":\"npm batch-settlement client and server, 8 channels\",\"ratio\":%s,\"bar\":2500}\n", rate,
              against, ratio);
  server->reset();
  book->reset(), vouchers->reset();
  fs::remove_all(folder);
  return rate > 0 ? 0 : 1;
}
