// Any text as a HyperLogLog: refused, said to be corrupt, or used; what is used adds up. Where the
// sparse form takes an element the dense one takes it the same way.
#include "common/base/check.h"
#include "server/data/hll_runs.h"
#include "server/data/hyperloglog.h"
#include "tests/fuzz/input.h"

namespace redan::fuzz {
namespace {

using hll::Form;
using hll::SparseEditor;

// A text that its form_of() takes, more often than chance would make one.
std::string text_of(Input& input) {
  const uint8_t kind = input.byte();
  if (kind % 8 == 0) return std::string(input.rest());
  std::string text = hll::make_empty().substr(0, hll::kHeaderBytes);
  text += input.rest();
  if (kind % 8 == 1) {
    text[4] = static_cast<char>(Form::kDense);
    text.resize(hll::kDenseBytes, static_cast<char>(kind));
  }
  return text;
}

void use_sparse(std::string text, uint16_t seed, bool is_whole) {
  std::string dense = is_whole ? *hll::to_dense(text) : "";
  SparseEditor editor(text);
  uint32_t state = seed;
  for (int i = 0; i < 40; ++i) {
    state = state * 1'103'515'245U + 12'345U;
    const hll::Spot spot{.index = static_cast<uint16_t>((state >> 16) % hll::kRegisters),
                         .rank = static_cast<uint8_t>(1 + (state >> 8) % 51)};
    const SparseEditor::Outcome outcome = editor.raise(spot, 20'000);
    if (outcome == SparseEditor::Outcome::kTooLarge) continue;
    if (!is_whole) continue;
    REDAN_CHECK(outcome != SparseEditor::Outcome::kCorrupt);
    REDAN_CHECK(hll::raise_dense(dense.data(), spot) ==
                (outcome == SparseEditor::Outcome::kRaised));
    REDAN_CHECK(*hll::to_dense(text) == dense);
  }
}

}  // namespace
}  // namespace redan::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace redan;
  fuzz::Input input(data, size);
  const uint16_t seed = input.word();
  std::string text = fuzz::text_of(input);
  const std::optional<hll::Form> form = hll::form_of(text);
  if (!form) return 0;
  hll::Registers registers{};
  const bool is_whole = hll::raise_to(registers, text, *form);
  const std::optional<uint64_t> count = hll::estimate(text, *form);
  REDAN_CHECK(count.has_value() == is_whole);
  if (is_whole) {
    REDAN_CHECK(*count == hll::estimate(registers));
  }
  if (*form == hll::Form::kSparse) {
    REDAN_CHECK(hll::to_dense(text).has_value() == is_whole);
    fuzz::use_sparse(text, seed, is_whole);
    for (size_t at = hll::kHeaderBytes; at < text.size();) {
      const std::optional<hll::Run> run = hll::read_run(text, at);
      if (!run) break;
      at += run->bytes;
    }
  } else {
    REDAN_CHECK(hll::make_dense(text, registers) == text);
    const hll::Spot spot{.index = static_cast<uint16_t>(seed % hll::kRegisters), .rank = 63};
    const bool is_lower = hll::dense_register(text, spot.index) < spot.rank;
    REDAN_CHECK(hll::raise_dense(text.data(), spot) == is_lower);
    REDAN_CHECK(hll::dense_register(text, spot.index) == spot.rank);
  }
  hll::outdate_count(text.data());
  REDAN_CHECK(!hll::cached_count(text));
  return 0;
}
