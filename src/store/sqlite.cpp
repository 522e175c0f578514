#include <sqlite3.h>

#include <mutex>
#include <unordered_map>

#include "sql.hpp"

namespace peaberry::store {
namespace {

Error sqlite_error(sqlite3* handle, int code, std::string_view doing) {
  const std::string text = std::string(doing) + ": " + sqlite3_errmsg(handle);
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return fail(Errc::kInternal, text, "the store is damaged: move it away; what is on chain is indexed again");
    case SQLITE_FULL: return fail(Errc::kExhausted, text, "free some disk space");
    case SQLITE_BUSY: return fail(Errc::kConflict, text, "another process holds the store");
    case SQLITE_CONSTRAINT: return fail(Errc::kConflict, text);
    default: return fail(Errc::kInternal, text);
  }
}

class SqliteStatement final : public Statement {
 public:
  SqliteStatement(sqlite3* handle, sqlite3_stmt* raw) : handle_(handle), raw_(raw) {}
  ~SqliteStatement() override { sqlite3_finalize(raw_); }
  SqliteStatement(const SqliteStatement&) = delete;

  void bind_null(int index) override { sqlite3_bind_null(raw_, index); }
  void bind_int(int index, std::int64_t value) override { sqlite3_bind_int64(raw_, index, value); }
  void bind_real(int index, double value) override { sqlite3_bind_double(raw_, index, value); }
  // TRANSIENT: callers bind temporaries.
  void bind_text(int index, std::string_view value) override {
    sqlite3_bind_text64(raw_, index, value.data() != nullptr ? value.data() : "", value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  void bind_blob(int index, ByteView value) override {
    if (value.empty()) sqlite3_bind_zeroblob(raw_, index, 0);
    else sqlite3_bind_blob64(raw_, index, value.data(), value.size(), SQLITE_TRANSIENT);
  }
  Result<bool> step() override {
    const int code = sqlite3_step(raw_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return sqlite_error(handle_, code, "store");
  }
  void reset() override {
    sqlite3_reset(raw_);
    sqlite3_clear_bindings(raw_);
  }
  bool is_null(int column) const override { return sqlite3_column_type(raw_, column) == SQLITE_NULL; }
  std::int64_t column_int(int column) const override { return sqlite3_column_int64(raw_, column); }
  double column_real(int column) const override { return sqlite3_column_double(raw_, column); }
  std::string column_text(int column) const override {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(raw_, column));
    return text == nullptr ? "" : std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(raw_, column)));
  }
  Bytes column_blob(int column) const override {
    const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(raw_, column));
    return data == nullptr ? Bytes{} : Bytes(data, data + sqlite3_column_bytes(raw_, column));
  }

 private:
  sqlite3* handle_;
  sqlite3_stmt* raw_;
};

class SqliteConnection final : public Connection {
 public:
  explicit SqliteConnection(sqlite3* handle) : handle_(handle) {}
  ~SqliteConnection() override {
    cache_.clear();
    sqlite3_close(handle_);
  }
  SqliteConnection(const SqliteConnection&) = delete;

  Result<Statement*> prepare(std::string_view sql) override {
    const auto found = cache_.find(std::string(sql));
    if (found != cache_.end()) {
      found->second->reset();
      return found->second.get();
    }
    // Filtered searches make many different texts; a bound keeps the cache small.
    if (cache_.size() >= 256) cache_.clear();
    sqlite3_stmt* raw = nullptr;
    const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    if (code != SQLITE_OK) return sqlite_error(handle_, code, std::string("store: ") + std::string(sql.substr(0, 120)));
    auto& slot = cache_[std::string(sql)];
    slot = std::make_unique<SqliteStatement>(handle_, raw);
    return slot.get();
  }
  Status execute_script(std::string_view sql) override {
    const int code = sqlite3_exec(handle_, std::string(sql).c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return sqlite_error(handle_, code, "store: " + std::string(sql.substr(0, 80)));
    return {};
  }
  std::int64_t changes() const override { return sqlite3_changes64(handle_); }

 private:
  sqlite3* handle_;
  std::unordered_map<std::string, std::unique_ptr<Statement>> cache_;
};

class SqliteDatabase final : public Database {
 public:
  explicit SqliteDatabase(std::unique_ptr<SqliteConnection> connection) : connection_(std::move(connection)) {}
  Status with(const std::function<Status(Connection&)>& body) override {
    const std::lock_guard lock(mutex_);
    return body(*connection_);
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<SqliteConnection> connection_;
};

}  // namespace

Result<std::unique_ptr<Database>> open_sqlite(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  auto connection = std::make_unique<SqliteConnection>(handle);
  if (code != SQLITE_OK) return sqlite_error(handle, code, path);
  sqlite3_busy_timeout(handle, 5000);
  // FULL: a committed job state survives a power cut. Bulk indexing has few, large transactions.
  const Status ready = connection->execute_script(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16000;"
      "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF");
  if (!ready) return within(path, ready.error());
  return std::unique_ptr<Database>(std::make_unique<SqliteDatabase>(std::move(connection)));
}

}  // namespace peaberry::store
