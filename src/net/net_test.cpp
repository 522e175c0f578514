#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "client.hpp"
#include "server.hpp"

namespace peaberry::net {
namespace {

std::unique_ptr<Server> serve(Handler handler, ServerOptions options = {}) {
  auto server = Server::start(options, std::move(handler));
  EXPECT_TRUE(server) << (server ? "" : server.error().text());
  return server ? std::move(*server) : nullptr;
}
std::string url(const Server& server, const std::string& path = "/") { return "http://127.0.0.1:" + std::to_string(server.port()) + path; }

TEST(Url, MalformedEscapesAreRefused) {
  for (const char* bad : {"%0X", "%0x", "%", "%1", "%zz"}) EXPECT_FALSE(url_decode(bad)) << bad;
  EXPECT_EQ(*url_decode("a%20b+c"), "a b c");
}

TEST(Http, RequestsComeThroughDecoded) {
  const auto server = serve([](const Request& request) { return Response::text(200, request.method + " " + request.path + " " + request.query_or("a") + " " + request.header_or("x-y") + " " + request.body); });
  const auto client = make_client();
  const auto reply = client->send({.method = "POST", .url = url(*server, "//x//y?a=1%202&a=3"), .headers = {{"X-Y", "z"}}, .body = "body"});
  ASSERT_TRUE(reply) << reply.error().text();
  EXPECT_EQ(reply->body, "POST /x/y 1 2 z body");
  EXPECT_EQ(reply->headers.at("access-control-allow-origin"), "*");
  EXPECT_EQ(client->send({.method = "OPTIONS", .url = url(*server)})->status, 204);
}

class Counter final : public BodySource {
 public:
  explicit Counter(std::size_t total, bool fails = false) : left_(total), fails_(fails) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    if (left_ == 0 && fails_) return fail(Errc::kInternal, "the disk broke");
    const std::size_t take = std::min(left_, out.size());
    std::fill_n(out.begin(), take, 'x');
    left_ -= take;
    return take;
  }

 private:
  std::size_t left_;
  bool fails_;
};

TEST(Http, StreamsAreWholeOrVisiblyCut) {
  const auto server = serve([](const Request& request) {
    Response response;
    const bool broken = request.path == "/broken";
    response.source = std::make_shared<Counter>(1'000'000, broken);
    if (request.path == "/known") response.content_length = 1'000'000;
    return response;
  });
  const auto client = make_client();
  for (int round = 0; round < 20; ++round)
    for (const char* path : {"/known", "/chunked"}) EXPECT_EQ(client->send({.url = url(*server, path)})->body.size(), 1'000'000U);
  EXPECT_FALSE(client->send({.url = url(*server, "/broken")}));
  EXPECT_EQ(client->send({.url = url(*server, "/known")})->status, 200);
}

TEST(Http, BigBodiesThrowingHandlersAndGarbageDoNoHarm) {
  const auto server = serve([](const Request& request) -> Response {
    if (request.path == "/throw") throw std::runtime_error("oops");
    return Response::text(200, "ok");
  }, {.body_bytes_max = 1000});
  const auto client = make_client();
  EXPECT_EQ(client->send({.method = "POST", .url = url(*server), .body = std::string(2000, 'x')}).value_or({}).status, 413);
  EXPECT_EQ(client->send({.url = url(*server, "/throw")})->status, 500);
  EXPECT_EQ(client->send({.url = url(*server)})->body, "ok");
}

TEST(Client, BoundsTimeAndSize) {
  const auto server = serve([](const Request& request) {
    if (request.path == "/slow") std::this_thread::sleep_for(std::chrono::milliseconds(700));
    return Response::text(200, std::string(5000, 'x'));
  });
  const auto client = make_client();
  EXPECT_EQ(client->send({.url = url(*server, "/slow"), .timeout_ms = 100}).error().code, Errc::kTimeout);
  EXPECT_EQ(client->send({.url = url(*server), .max_bytes = 100}).error().code, Errc::kExhausted);
  EXPECT_EQ(client->send({.url = "http://127.0.0.1:1/"}).error().code, Errc::kUnavailable);
  EXPECT_EQ(client->send({.url = "file:///etc/passwd"}).error().code, Errc::kInvalid);
  EXPECT_EQ(client->send({.url = "gopher://x"}).error().code, Errc::kInvalid);
}

TEST(Ssrf, NoRoadLeadsToAPrivateAddress) {
  std::atomic<int> reached{0};
  const auto inside = serve([&](const Request&) { return ++reached, Response::text(200, "secret"); });
  const auto client = make_client();
  const std::string port = std::to_string(inside->port());
  for (const std::string& bad : {"http://127.0.0.1:" + port, "http://localhost:" + port, "http://[::1]:" + port, "http://0.0.0.0:" + port, "http://127.1:" + port, "http://2130706433:" + port, "http://[::ffff:127.0.0.1]:" + port,
                                 std::string("http://169.254.169.254/latest/meta-data"), std::string("http://10.0.0.1/"), std::string("http://[fe80::1]/")}) {
    const auto reply = client->send({.url = bad, .timeout_ms = 2000, .connect_timeout_ms = 500, .reach = Reach::kPublicOnly, .redirects_max = 5});
    ASSERT_FALSE(reply) << bad;
    EXPECT_TRUE(reply.error().code == Errc::kForbidden || reply.error().code == Errc::kUnavailable) << bad << ": " << reply.error().message;
  }
  EXPECT_EQ(reached, 0);
  EXPECT_TRUE(client->send({.url = url(*inside)})) << "without the guard the same address answers";
}

TEST(Ssrf, ARedirectFromAnAdmittedAddressDoesNotOpenTheOthers) {
  std::atomic<int> reached{0};
  const auto inside = serve([&](const Request&) { return ++reached, Response::text(200, "secret"); });
  const auto outside = serve([&](const Request& request) {
    Response response;
    response.status = 302;
    response.headers["Location"] = request.path == "/name" ? "http://localhost:" + std::to_string(inside->port()) + "/" : url(*inside);
    return request.path == "/plain" ? Response::text(200, "open") : response;
  }, {.address = "127.0.0.2"});
  const auto client = make_client();
  const auto get = [&](const std::string& path) {
    return client->send({.url = "http://127.0.0.2:" + std::to_string(outside->port()) + path, .reach = Reach::kPublicOnly, .reach_admitted = {"127.0.0.2"}, .redirects_max = 5});
  };
  EXPECT_EQ(get("/plain").value_or({}).body, "open");
  for (const char* path : {"/number", "/name"}) {
    const auto reply = get(path);
    ASSERT_FALSE(reply) << path;
    EXPECT_EQ(reply.error().code, Errc::kForbidden) << reply.error().message;
  }
  EXPECT_EQ(reached, 0);
}

TEST(Ssrf, NamesThatResolveToPrivateAddressesAreRefused) {
  const auto client = make_client();
  std::ifstream hosts("/etc/hosts");  // the resolver's own source: whatever of it is not public must be refused
  int names = 0;
  for (std::string line; std::getline(hosts, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string address, name;
    words >> address;
    if (address.empty() || is_public_address(address)) continue;
    while (words >> name) {
      ++names;
      const auto reply = client->send({.url = "http://" + name + ":9/", .timeout_ms = 2000, .reach = Reach::kPublicOnly});
      ASSERT_FALSE(reply) << name;
      EXPECT_EQ(reply.error().code, Errc::kForbidden) << name << ": " << reply.error().message;
    }
  }
  EXPECT_GT(names, 0);
}

TEST(Ssrf, KnowsTheSpecialAddresses) {
  for (const char* bad : {"127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1",
                          "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "2001:db8::1", "not an address"})
    EXPECT_FALSE(is_public_address(bad)) << bad;
  for (const char* good : {"1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"}) EXPECT_TRUE(is_public_address(good)) << good;
}

}  // namespace
}  // namespace peaberry::net
