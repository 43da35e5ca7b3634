// HyperLogLog: how many different elements there were, from 16 384 registers that each keep the
// longest run of zeroes seen in the hashes that fall to it. It lives in a string, in Redis' layout:
//
//   text    = header registers
//   header  = "HYLL" form 3*unused count       16 bytes
//   form    = 00 (dense) | 01 (sparse)
//   count   = 8 bytes, low first: the estimate as it was last computed; the highest bit says that
//             registers have changed since
//   dense   = 16384 registers of 6 bits, low bits first: 12 288 bytes
//   sparse  = runs; see hll_runs.h
//
// Source: https://redis.io/docs/data-types/probabilistic/hyperloglogs and the layout of dumped
// keys. Texts come from clients (SET, RESTORE): nothing here reads or writes outside of them, and
// what does not add up to 16 384 registers is said to be corrupt. A text's length is that of its
// form only after form_of() has said so.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace redan::hll {

constexpr size_t kRegisters = 16'384;
constexpr size_t kHeaderBytes = 16;
constexpr size_t kDenseBytes = kHeaderBytes + kRegisters * 6 / 8;

enum class Form : uint8_t { kDense = 0, kSparse = 1 };
// nullopt: no HyperLogLog. Runs of a sparse one are not looked at.
std::optional<Form> form_of(std::string_view text);

// The register that an element falls to, and the rank (1 to 51) that it raises it to.
struct Spot {
  uint16_t index;
  uint8_t rank;
};
Spot spot_of(std::string_view element);

// One without elements, sparse.
std::string make_empty();

// The count in the header; nullopt where it is outdated.
std::optional<uint64_t> cached_count(std::string_view text);
void cache_count(char* text, uint64_t count);
void outdate_count(char* text);

// All registers, one byte each.
using Registers = std::array<uint8_t, kRegisters>;

// Raises `registers` to those of a text of either form; false: corrupt, and `registers` may be
// raised in part.
bool raise_to(Registers& registers, std::string_view text, Form form);
// The first register from `index` on that is not 0; kRegisters: there is none.
size_t next_raised(const Registers& registers, size_t index);

// --- dense texts ---
uint8_t dense_register(std::string_view text, uint16_t index);
// true: it was lower.
bool raise_dense(char* text, Spot spot);
// A dense text with the header of another one.
std::string make_dense(std::string_view header_of, const Registers& registers);
// nullopt: corrupt.
std::optional<std::string> to_dense(std::string_view sparse);

// The estimate from what a text of either form holds; nullopt: corrupt.
std::optional<uint64_t> estimate(std::string_view text, Form form);
uint64_t estimate(const Registers& registers);

}  // namespace redan::hll
