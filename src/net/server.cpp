#include "server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <thread>

#include <peaberry/base/log.hpp>
#include <peaberry/base/thread_pool.hpp>

namespace peaberry::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using asio::use_awaitable;
using Stream = beast::tcp_stream;

/// Runs `work` on the pool and continues on the connection's executor with what it gave; `refused` is
/// returned when the pool's queue is full.
template <class T>
asio::awaitable<T> offload(ThreadPool& pool, std::function<T()> work, T refused) {
  // The timer never fires by itself: cancelling it is how the pool thread wakes the coroutine, on the connection's executor.
  struct Slot {
    explicit Slot(const asio::any_io_executor& executor) : timer(executor, asio::steady_timer::time_point::max()) {}
    asio::steady_timer timer;
    std::optional<T> value;
  };
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto slot = std::make_shared<Slot>(executor);
  const bool taken = pool.submit([slot, executor, work = std::move(work)] {
    auto value = std::make_shared<T>(work());
    asio::post(executor, [slot, value] {
      slot->value = std::move(*value);
      slot->timer.cancel();
    });
  });
  if (!taken) co_return refused;
  beast::error_code ignored;
  while (!slot->value) co_await slot->timer.async_wait(asio::redirect_error(use_awaitable, ignored));
  co_return std::move(*slot->value);
}

std::string collapse_slashes(std::string_view path) {
  std::string out;
  for (const char c : path)
    if (c != '/' || out.empty() || out.back() != '/') out.push_back(c);
  return out;
}

Request convert(http::request<http::string_body>&& raw, std::string remote) {
  Request out;
  out.method = std::string(raw.method_string());
  out.target = std::string(raw.target());
  const auto question = out.target.find('?');
  out.path = collapse_slashes(url_decode(out.target.substr(0, question)).value_or(out.target.substr(0, question)));
  if (question != std::string::npos) out.query = parse_query(std::string_view(out.target).substr(question + 1));
  for (const auto& field : raw) out.headers.emplace(std::string(field.name_string()), std::string(field.value()));
  out.body = std::move(raw.body());
  out.remote = std::move(remote);
  return out;
}

void add_common_headers(Response& response) {
  response.headers["Access-Control-Allow-Origin"] = "*";
  response.headers["Server"] = "Peaberry";
  response.headers["X-Content-Type-Options"] = "nosniff";
}

class BeastServer final : public Server {
 public:
  BeastServer(ServerOptions options, Handler handler)
      : options_(std::move(options)), handler_(std::move(handler)), acceptor_(io_) {}
  ~BeastServer() override { stop(); }

  Status open() {
    beast::error_code code;
    const auto address = asio::ip::make_address(options_.address, code);
    if (code) return fail(Errc::kInvalid, "listen address \"" + options_.address + "\" is not an IP address", "use 127.0.0.1");
    const tcp::endpoint endpoint(address, options_.port);
    acceptor_.open(endpoint.protocol(), code);
    if (!code) acceptor_.set_option(tcp::acceptor::reuse_address(true), code);
    if (!code) acceptor_.bind(endpoint, code);
    if (!code) acceptor_.listen(512, code);
    if (code)
      return fail(Errc::kConflict, "cannot listen on " + options_.address + ":" + std::to_string(options_.port) + ": " + code.message(),
                  "choose another --port, or stop what uses it");
    port_ = acceptor_.local_endpoint().port();
    pool_ = std::make_unique<ThreadPool>(options_.handler_threads, options_.queue_max);
    asio::co_spawn(io_, accept_loop(), asio::detached);
    for (std::size_t i = 0; i < options_.io_threads; ++i) threads_.emplace_back([this] { io_.run(); });
    return {};
  }

  std::uint16_t port() const override { return port_; }

  void stop() override {
    if (threads_.empty()) return;
    asio::post(io_, [this] {
      beast::error_code ignored;
      acceptor_.close(ignored);
    });
    pool_.reset();  // running handlers end first
    io_.stop();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  asio::awaitable<void> accept_loop() {
    for (;;) {
      beast::error_code code;
      tcp::socket socket = co_await acceptor_.async_accept(asio::redirect_error(use_awaitable, code));
      if (!acceptor_.is_open()) co_return;
      if (code) {  // out of descriptors: wait for connections to end
        asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(50));
        co_await timer.async_wait(asio::redirect_error(use_awaitable, code));
        continue;
      }
      socket.set_option(tcp::no_delay(true), code);
      asio::co_spawn(io_, serve(Stream(std::move(socket))), asio::detached);
    }
  }

  asio::awaitable<void> serve(Stream stream) {
    try {
      beast::flat_buffer buffer;
      beast::error_code code;
      const auto endpoint = stream.socket().remote_endpoint(code);
      const std::string remote = code ? "" : endpoint.address().to_string();
      for (bool keep_alive = true; keep_alive;) {
        http::request_parser<http::string_body> parser;
        parser.header_limit(static_cast<std::uint32_t>(options_.header_bytes_max));
        parser.body_limit(options_.body_bytes_max);
        stream.expires_after(std::chrono::seconds(options_.idle_seconds));
        co_await http::async_read_header(stream, buffer, parser, asio::redirect_error(use_awaitable, code));
        if (!code) {
          stream.expires_after(std::chrono::seconds(options_.transfer_seconds));
          if (equals_ignore_case(std::string(parser.get()[http::field::expect]), "100-continue")) {
            http::response<http::empty_body> proceed{http::status::continue_, 11};
            co_await http::async_write(stream, proceed, asio::redirect_error(use_awaitable, code));
          }
          co_await http::async_read(stream, buffer, parser, asio::redirect_error(use_awaitable, code));
        }
        if (code == http::error::body_limit || code == http::error::header_limit) {
          co_await send(stream, Response::text(413, "Request is too large"), false, 11, false);
          break;
        }
        if (code) break;
        keep_alive = parser.get().keep_alive();
        const unsigned version = parser.get().version();
        const bool head = parser.get().method() == http::verb::head;
        auto request = std::make_shared<Request>(convert(parser.release(), remote));
        Response response = co_await answer(request);
        keep_alive = co_await send(stream, std::move(response), keep_alive, version, head) && keep_alive;
      }
      stream.socket().shutdown(tcp::socket::shutdown_both, code);
    } catch (const std::exception& problem) {
      log::warn("net", "connection ended: {}", problem.what());
    }
  }

  asio::awaitable<Response> answer(std::shared_ptr<Request> request) {
    if (request->method == "OPTIONS") {
      Response preflight;
      preflight.status = 204;
      preflight.headers["Access-Control-Allow-Methods"] = "GET,HEAD,PUT,PATCH,POST,DELETE";
      const auto wanted = request->header_or("Access-Control-Request-Headers");
      if (!wanted.empty()) preflight.headers["Access-Control-Allow-Headers"] = wanted;
      co_return preflight;
    }
    Response busy = Response::text(503, "The node is busy. Try again in 1 second.");
    busy.headers["Retry-After"] = "1";
    std::function<Response()> work = [this, request]() -> Response {
      try {
        return handler_(*request);
      } catch (const std::exception& problem) {
        log::error("net", "{} {}: {}", request->method, request->path, problem.what());
        return Response::text(500, "Internal Server Error");
      }
    };
    Response response = co_await offload<Response>(*pool_, work, busy);
    co_return response;
  }

  /// False when the connection cannot be used any more.
  asio::awaitable<bool> send(Stream& stream, Response response, bool keep_alive, unsigned version, bool head) {
    add_common_headers(response);
    beast::error_code code;
    stream.expires_after(std::chrono::seconds(options_.transfer_seconds));
    if (response.source == nullptr) {
      http::response<http::string_body> raw{static_cast<http::status>(response.status), version, std::move(response.body)};
      for (const auto& [name, value] : response.headers) raw.set(name, value);
      raw.keep_alive(keep_alive);
      const std::size_t length = raw.body().size();
      if (head) raw.body().clear();
      raw.content_length(length);
      co_await http::async_write(stream, raw, asio::redirect_error(use_awaitable, code));
      co_return !code;
    }
    http::response<http::buffer_body> raw{static_cast<http::status>(response.status), version};
    for (const auto& [name, value] : response.headers) raw.set(name, value);
    raw.keep_alive(keep_alive);
    if (response.content_length) raw.content_length(*response.content_length);
    else raw.chunked(true);
    raw.body().data = nullptr;
    raw.body().more = true;
    http::response_serializer<http::buffer_body> serializer{raw};
    co_await http::async_write_header(stream, serializer, asio::redirect_error(use_awaitable, code));
    if (code || head) co_return !code && head;
    auto buffer = std::make_shared<Bytes>(65536);
    std::uint64_t sent = 0;
    for (bool more = true; more;) {
      // Named, not temporaries: g++ 12 destroys captured temporaries of a co_await expression twice.
      std::function<Result<std::size_t>()> read_piece = [source = response.source, buffer] { return source->read(*buffer); };
      Result<std::size_t> refused = fail(Errc::kExhausted, "busy");
      const Result<std::size_t> got = co_await offload<Result<std::size_t>>(*pool_, read_piece, refused);
      if (!got) {  // the client sees a cut transfer, never a short file that looks whole
        log::warn("net", "stream ended early: {}", got.error().message);
        co_return false;
      }
      sent += *got;
      more = *got != 0;
      raw.body().data = more ? buffer->data() : nullptr;
      raw.body().size = *got;
      raw.body().more = more;
      stream.expires_after(std::chrono::seconds(options_.transfer_seconds));
      co_await http::async_write(stream, serializer, asio::redirect_error(use_awaitable, code));
      if (code == http::error::need_buffer) code = {};
      if (code) co_return false;
    }
    co_return !response.content_length || sent == *response.content_length;
  }

  ServerOptions options_;
  Handler handler_;
  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::unique_ptr<ThreadPool> pool_;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Handler handler) {
  auto server = std::make_unique<BeastServer>(options, std::move(handler));
  PB_CHECK(server->open());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace peaberry::net
