#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <peaberry/base/bytes.hpp>
#include <peaberry/base/result.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace peaberry::store {

/// The SQL port. Adapters: `open_sqlite` (embedded). Statements are the common subset of SQLite and
/// PostgreSQL, with `?` for parameters. A connection belongs to one thread at a time; `Database` hands them out.

/// A prepared statement. `bind_*` count from 1, `column_*` from 0. Owned by its connection's cache.
class Statement {
 public:
  virtual ~Statement() = default;
  virtual void bind_null(int index) = 0;
  virtual void bind_int(int index, std::int64_t value) = 0;
  virtual void bind_real(int index, double value) = 0;
  virtual void bind_text(int index, std::string_view value) = 0;
  virtual void bind_blob(int index, ByteView value) = 0;
  /// True while there is a row. Writes are done after the first call.
  virtual Result<bool> step() = 0;
  virtual void reset() = 0;
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t column_int(int column) const = 0;
  virtual double column_real(int column) const = 0;
  virtual std::string column_text(int column) const = 0;
  virtual Bytes column_blob(int column) const = 0;
};

/// A value to bind; null when empty.
class Param {
 public:
  Param(std::nullptr_t) {}
  template <class T>
    requires std::is_integral_v<T>
  Param(T value) : kind_(Kind::kInt), integer_(static_cast<std::int64_t>(value)) {}
  Param(double value) : kind_(Kind::kReal), real_(value) {}
  Param(std::string_view value) : kind_(Kind::kText), text_(value) {}
  Param(const std::string& value) : kind_(Kind::kText), text_(value) {}
  Param(const char* value) : kind_(Kind::kText), text_(value) {}
  Param(ByteView value) : kind_(Kind::kBlob), blob_(value) {}
  Param(const Bytes& value) : kind_(Kind::kBlob), blob_(value) {}
  template <std::size_t N, class Tag>
  Param(const FixedBytes<N, Tag>& value) : kind_(Kind::kBlob), blob_(value.view()) {}
  void bind(Statement& statement, int index) const;

 private:
  enum class Kind { kNull, kInt, kReal, kText, kBlob };
  Kind kind_ = Kind::kNull;
  std::int64_t integer_ = 0;
  double real_ = 0;
  std::string_view text_;
  ByteView blob_;
};

class Connection {
 public:
  virtual ~Connection() = default;
  /// A cached prepared statement, reset and without bindings.
  virtual Result<Statement*> prepare(std::string_view sql) = 0;
  /// Several statements, no parameters, no rows.
  virtual Status execute_script(std::string_view sql) = 0;
  /// Rows changed by the last write.
  virtual std::int64_t changes() const = 0;

  /// Runs a write; returns the number of changed rows.
  Result<std::int64_t> run(std::string_view sql, std::initializer_list<Param> params = {});
  /// Calls `row` for each row.
  Status query(std::string_view sql, std::initializer_list<Param> params, const std::function<void(const Statement&)>& row);
  Status query(std::string_view sql, const std::vector<Param>& params, const std::function<void(const Statement&)>& row);
  /// Whether at least one row came; `row` sees the first.
  Result<bool> query_one(std::string_view sql, std::initializer_list<Param> params, const std::function<void(const Statement&)>& row);
  /// Commits when `body` succeeds, rolls back when it fails. May not be nested.
  Status transaction(const std::function<Status()>& body);
};

struct Migration {
  int version;
  const char* sql;
};

/// A database: one writer connection guarded by a mutex, used through `with`.
class Database {
 public:
  virtual ~Database() = default;
  /// Runs `body` with the connection, alone.
  virtual Status with(const std::function<Status(Connection&)>& body) = 0;
  /// `with` inside one transaction.
  Status write(const std::function<Status(Connection&)>& body);
  /// Applies what is missing for a room's schema, each step in a transaction of its own.
  Status migrate(std::string_view room, const std::vector<Migration>& steps);
};

/// Opens or creates a SQLite file in WAL mode. `:memory:` for tests. Refuses a damaged file by name.
Result<std::unique_ptr<Database>> open_sqlite(const std::string& path);

}  // namespace peaberry::store
