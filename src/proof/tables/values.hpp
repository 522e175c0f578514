#pragma once

// Source: docs/reference/tables.md, commitment scheme 2.

#include <peaberry/proof/field/bn254.hpp>
#include <peaberry/proof/field/memory.hpp>

#include "schema.hpp"

namespace peaberry::proof {

/// Digits after the point of [+-]digits[.digits] with at most 18 digits; nothing for any other text.
std::optional<unsigned> decimals_of(std::string_view text);
/// The number times 10^decimals; nothing when that is no integer or has more than 18 digits.
std::optional<std::int64_t> scaled_number(std::string_view text, unsigned decimals);
/// What stands for a text that is no category: the low 248 bits of its keccak256.
Fr text_value(std::string_view text);

/// The committed vectors of rows `from` … `to` of a table, each 2^log long and 0 elsewhere, in the schema's order.
/// Errors name row and column: a value that the schema has no room for, one that is missing where none may be.
Result<std::vector<LargeVector<Fr>>> table_values(const TableSchema& schema, const Dictionaries& dictionaries, const Cells& cells, std::uint64_t from, std::uint64_t to, unsigned log);

}  // namespace peaberry::proof
