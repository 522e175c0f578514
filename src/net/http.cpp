#include "http.hpp"

namespace peaberry::net {
namespace {
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
}  // namespace

bool HeaderLess::operator()(std::string_view a, std::string_view b) const {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return lower(x) < lower(y); });
}

Result<std::string> url_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out.push_back(' ');
    } else if (text[i] == '%') {
      if (i + 2 >= text.size()) return fail(Errc::kInvalid, "URL ends inside a %xx escape");
      const auto byte = parse_hex(text.substr(i + 1, 2), "URL escape");
      if (!byte || byte->size() != 1) return fail(Errc::kInvalid, "URL has a malformed %xx escape");
      out.push_back(static_cast<char>(byte->front()));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string url_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_.~").find(c) != std::string_view::npos;
    if (plain) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      out += "%" + hex(ByteView{&byte, 1});
    }
  }
  return out;
}

Query parse_query(std::string_view text) {
  Query out;
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto pair = text.substr(0, end);
    const auto equals = pair.find('=');
    auto name = url_decode(pair.substr(0, equals));
    auto value = equals == std::string_view::npos ? Result<std::string>(std::string()) : url_decode(pair.substr(equals + 1));
    if (name && value && !name->empty()) out.emplace(std::move(*name), std::move(*value));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return out;
}

std::string Request::query_or(std::string_view name, std::string_view other) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string(other) : found->second;
}

std::string Request::header_or(std::string_view name, std::string_view other) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string(other) : found->second;
}

Response Response::text(int status, std::string body) {
  Response out;
  out.status = status;
  out.headers["Content-Type"] = "text/html; charset=utf-8";  // what Express sends for a string
  out.body = std::move(body);
  return out;
}

Response Response::json(int status, std::string body) {
  Response out;
  out.status = status;
  out.headers["Content-Type"] = "application/json; charset=utf-8";
  out.body = std::move(body);
  return out;
}

}  // namespace peaberry::net
