#include "sql.hpp"

namespace peaberry::store {
namespace {

template <class Params>
Result<Statement*> bound(Connection& connection, std::string_view sql, const Params& params) {
  PB_TRY(statement, connection.prepare(sql));
  int index = 1;
  for (const Param& param : params) param.bind(*statement, index++);
  return statement;
}

/// Statements hold their read lock until reset; this does it on every way out.
class Resetter {
 public:
  explicit Resetter(Statement& statement) : statement_(statement) {}
  ~Resetter() { statement_.reset(); }
  Resetter(const Resetter&) = delete;

 private:
  Statement& statement_;
};

template <class Params>
Status query_all(Connection& connection, std::string_view sql, const Params& params,
                 const std::function<void(const Statement&)>& row) {
  PB_TRY(statement, bound(connection, sql, params));
  const Resetter resetter(*statement);
  for (;;) {
    PB_TRY(more, statement->step());
    if (!more) return {};
    row(*statement);
  }
}

}  // namespace

void Param::bind(Statement& statement, int index) const {
  switch (kind_) {
    case Kind::kNull: return statement.bind_null(index);
    case Kind::kInt: return statement.bind_int(index, integer_);
    case Kind::kReal: return statement.bind_real(index, real_);
    case Kind::kText: return statement.bind_text(index, text_);
    case Kind::kBlob: return statement.bind_blob(index, blob_);
  }
}

Result<std::int64_t> Connection::run(std::string_view sql, std::initializer_list<Param> params) {
  PB_TRY(statement, bound(*this, sql, params));
  const Resetter resetter(*statement);
  PB_CHECK(statement->step());
  return changes();
}

Status Connection::query(std::string_view sql, std::initializer_list<Param> params,
                         const std::function<void(const Statement&)>& row) {
  return query_all(*this, sql, params, row);
}

Status Connection::query(std::string_view sql, const std::vector<Param>& params,
                         const std::function<void(const Statement&)>& row) {
  return query_all(*this, sql, params, row);
}

Result<bool> Connection::query_one(std::string_view sql, std::initializer_list<Param> params,
                                   const std::function<void(const Statement&)>& row) {
  PB_TRY(statement, bound(*this, sql, params));
  const Resetter resetter(*statement);
  PB_TRY(found, statement->step());
  if (found) row(*statement);
  return found;
}

Status Connection::transaction(const std::function<Status()>& body) {
  PB_CHECK(execute_script("BEGIN IMMEDIATE"));
  Status status = body();
  if (!status) {
    (void)execute_script("ROLLBACK").has_value();
    return status;
  }
  Status committed = execute_script("COMMIT");
  if (!committed) (void)execute_script("ROLLBACK").has_value();
  return committed;
}

Status Database::write(const std::function<Status(Connection&)>& body) {
  return with([&](Connection& connection) { return connection.transaction([&] { return body(connection); }); });
}

Status Database::migrate(std::string_view room, const std::vector<Migration>& steps) {
  return with([&](Connection& connection) -> Status {
    PB_CHECK(connection.execute_script(
        "CREATE TABLE IF NOT EXISTS migrations(room TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL) STRICT"));
    std::int64_t have = 0;
    PB_CHECK(connection.query_one("SELECT version FROM migrations WHERE room = ?", {room},
                                  [&](const Statement& row) { have = row.column_int(0); }));
    if (!steps.empty() && have > steps.back().version)
      return fail(Errc::kUnsupported, "the store was written by a newer peaberry (" + std::string(room) + " " +
                                          std::to_string(have) + ")",
                  "install that version, or use another home");
    for (const Migration& step : steps) {
      if (step.version <= have) continue;
      PB_CHECK(connection.transaction([&]() -> Status {
        PB_CHECK(connection.execute_script(step.sql));
        PB_CHECK(connection.run("INSERT INTO migrations(room, version) VALUES(?, ?) "
                                "ON CONFLICT(room) DO UPDATE SET version = excluded.version",
                                {room, step.version}));
        return {};
      }));
    }
    return {};
  });
}

}  // namespace peaberry::store
