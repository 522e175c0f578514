#include "client.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>

#include <deque>
#include <mutex>

namespace peaberry::net {
namespace {

struct Prefix {
  std::uint32_t network;
  int bits;
};
// IANA special-purpose registry (RFC 6890 and its updates): nothing here is a public server.
constexpr Prefix kSpecialV4[] = {{0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
                                 {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0586300, 24}, {0xc0a80000, 16},
                                 {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 4},  {0xf0000000, 4}};

bool public_v4(std::uint32_t address) {
  for (const auto& [network, bits] : kSpecialV4)
    if ((address >> (32 - bits)) == (network >> (32 - bits))) return false;
  return true;
}

std::uint32_t read_v4(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

bool public_v6(const std::uint8_t* a) {
  const auto zero = [&](int from, int to) { return std::all_of(a + from, a + to, [](std::uint8_t b) { return b == 0; }); };
  if (zero(0, 10) && a[10] == 0xff && a[11] == 0xff) return public_v4(read_v4(a + 12));  // ::ffff:0:0/96
  if (zero(0, 12)) return false;                                                        // ::, ::1 and v4-compatible
  if (a[0] == 0x00 && a[1] == 0x64 && a[2] == 0xff && a[3] == 0x9b) return false;        // NAT64
  if (a[0] == 0x20 && a[1] == 0x02) return public_v4(read_v4(a + 2));                    // 6to4
  if (a[0] == 0x20 && a[1] == 0x01 && a[2] < 0x02) return false;                         // Teredo, ORCHID, benchmarks
  if (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8) return false;        // documentation
  return (a[0] & 0xe0) == 0x20;                                                          // only 2000::/3 is global unicast
}

bool is_public_socket(const sockaddr* address) {
  if (address->sa_family == AF_INET)
    return public_v4(ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr));
  if (address->sa_family == AF_INET6)
    return public_v6(reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr.s6_addr);
  return false;
}

std::string address_text(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
  if (address->sa_family == AF_INET6) inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text, sizeof text);
  return text;
}

struct Transfer {
  Reach reach = Reach::kAny;
  std::vector<std::string> admitted;
  bool blocked = false;
  bool too_large = false;
  std::size_t max_bytes = 0;
  std::uint64_t received = 0;
  int status = 0;
  Headers headers;
  bool headers_done = false;
  std::deque<Bytes> pieces;  // streams
  std::string* whole = nullptr;
};

curl_socket_t open_socket(void* context, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(context);
  const auto admitted = [&] { return std::find(transfer.admitted.begin(), transfer.admitted.end(), address_text(&address->addr)) != transfer.admitted.end(); };
  if (transfer.reach == Reach::kPublicOnly && !is_public_socket(&address->addr) && !admitted()) {
    transfer.blocked = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  std::string_view line(data, size * count);
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {  // a new reply: after a redirect or 100
    transfer.headers.clear();
    const auto space = line.find(' ');
    transfer.status = space == std::string_view::npos ? 0 : std::atoi(std::string(line.substr(space + 1, 3)).c_str());
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos && transfer.headers.size() < 200) {
    auto value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    transfer.headers[std::string(line.substr(0, colon))] = std::string(value);
  }
  return size * count;
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::size_t bytes = size * count;
  transfer.headers_done = true;
  transfer.received += bytes;
  if (transfer.received > transfer.max_bytes) {
    transfer.too_large = true;
    return 0;
  }
  if (transfer.whole != nullptr) transfer.whole->append(data, bytes);
  else transfer.pieces.emplace_back(data, data + bytes);
  return bytes;
}

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListDeleter>;

List configure(CURL* easy, const ClientRequest& request, Transfer& transfer) {
  curl_easy_reset(easy);
  transfer.reach = request.reach;
  transfer.admitted = request.reach_admitted;
  transfer.max_bytes = request.max_bytes;
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout_ms));
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, request.redirects_max > 0 ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_MAXREDIRS, static_cast<long>(request.redirects_max));
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &transfer);
  // A kept connection would skip the check above.
  if (request.reach == Reach::kPublicOnly) curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L << 10);
  if (request.method == "HEAD") curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  else curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
  }
  curl_slist* list = curl_slist_append(nullptr, "Expect:");
  for (const auto& [name, value] : request.headers) list = curl_slist_append(list, (name + ": " + value).c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
  return List(list);
}

Error explain(CURLcode code, const Transfer& transfer, const ClientRequest& request) {
  const std::string url = request.url.substr(0, 200);
  if (transfer.blocked)
    return fail(Errc::kForbidden, "the address of " + url + " is not public",
                "give a URL that anybody on the internet can reach");
  if (transfer.too_large)
    return fail(Errc::kExhausted, url + " sent more than " + std::to_string(request.max_bytes) + " bytes");
  if (code == CURLE_OPERATION_TIMEDOUT)
    return fail(Errc::kTimeout, url + " did not answer within " + std::to_string(request.timeout_ms) + " ms");
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
    return fail(Errc::kInvalid, "URL \"" + url + "\" is not usable", "give an http:// or https:// URL");
  return fail(Errc::kUnavailable, url + ": " + curl_easy_strerror(code));
}

class CurlStream final : public ClientStream {
 public:
  CurlStream(ClientRequest request) : request_(std::move(request)), easy_(curl_easy_init()), multi_(curl_multi_init()) {
    list_ = configure(easy_.get(), request_, transfer_);
    curl_multi_add_handle(multi_, easy_.get());
  }
  ~CurlStream() override {
    curl_multi_remove_handle(multi_, easy_.get());
    curl_multi_cleanup(multi_);
  }
  CurlStream(const CurlStream&) = delete;

  Status wait_headers() {
    while (!transfer_.headers_done && !done_) PB_CHECK(pump());
    return {};
  }
  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    while (transfer_.pieces.empty() && !done_) PB_CHECK(pump());
    if (transfer_.pieces.empty()) return std::size_t{0};
    Bytes& front = transfer_.pieces.front();
    const std::size_t take = std::min(out.size(), front.size() - offset_);
    std::memcpy(out.data(), front.data() + offset_, take);
    offset_ += take;
    if (offset_ == front.size()) {
      transfer_.pieces.pop_front();
      offset_ = 0;
    }
    return take;
  }
  int status() const override { return transfer_.status; }
  const Headers& headers() const override { return transfer_.headers; }

 private:
  Status pump() {
    int running = 0;
    curl_multi_perform(multi_, &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      done_ = true;
      if (message->data.result != CURLE_OK) return explain(message->data.result, transfer_, request_);
    }
    if (!done_ && transfer_.pieces.empty()) curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    return {};
  }
  ClientRequest request_;
  Transfer transfer_;
  Easy easy_;
  List list_;
  CURLM* multi_;
  bool done_ = false;
  std::size_t offset_ = 0;
};

class CurlClient final : public Client {
 public:
  CurlClient() {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    PB_ASSERT(ready == CURLE_OK);
  }

  Result<ClientResponse> send(const ClientRequest& request) override {
    Easy easy = take();
    Transfer transfer;
    ClientResponse out;
    transfer.whole = &out.body;
    const List list = configure(easy.get(), request, transfer);
    const CURLcode code = curl_easy_perform(easy.get());
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, nullptr);
    put(std::move(easy));
    if (code != CURLE_OK) return explain(code, transfer, request);
    out.status = transfer.status;
    out.headers = std::move(transfer.headers);
    return out;
  }

  Result<std::unique_ptr<ClientStream>> open(const ClientRequest& request) override {
    auto stream = std::make_unique<CurlStream>(request);
    PB_CHECK(stream->wait_headers());
    return std::unique_ptr<ClientStream>(std::move(stream));
  }

 private:
  // A handle keeps its connections; as many as were ever used at once, at most 16.
  Easy take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return Easy(curl_easy_init());
    Easy out = std::move(idle_.back());
    idle_.pop_back();
    return out;
  }
  void put(Easy easy) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < 16) idle_.push_back(std::move(easy));
  }
  std::mutex mutex_;
  std::vector<Easy> idle_;
};

}  // namespace

bool is_public_address(std::string_view address) {
  std::uint8_t bytes[16];
  if (inet_pton(AF_INET, std::string(address).c_str(), bytes) == 1) return public_v4(read_v4(bytes));
  if (inet_pton(AF_INET6, std::string(address).c_str(), bytes) == 1) return public_v6(bytes);
  return false;
}

std::unique_ptr<Client> make_client() { return std::make_unique<CurlClient>(); }

}  // namespace peaberry::net
