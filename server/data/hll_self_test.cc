#include "server/data/hll_self_test.h"

#include <cmath>
#include <string_view>

#include "common/base/rng.h"
#include "server/data/hll_runs.h"
#include "server/data/hyperloglog.h"

namespace redan::hll {
namespace {

// Dense registers keep what was written to them, whatever their neighbours hold.
std::optional<std::string> test_registers(Rng& rng) {
  Registers expected{};
  std::string text = *to_dense(make_empty());
  for (int round = 0; round < 20; ++round) {
    for (size_t i = 0; i < kRegisters; ++i) {
      const auto rank = static_cast<uint8_t>(rng.below(64));
      const auto index = static_cast<uint16_t>(i);
      const bool rises = rank > expected[i];
      if (raise_dense(text.data(), {.index = index, .rank = rank}) != rises) {
        return "register " + std::to_string(i) + " was not raised right";
      }
      if (rises) expected[i] = rank;
    }
    for (size_t i = 0; i < kRegisters; ++i) {
      if (dense_register(text, static_cast<uint16_t>(i)) != expected[i]) {
        return "register " + std::to_string(i) + " does not hold its value";
      }
    }
    if (make_dense(text, expected) != text) return "registers are packed otherwise";
  }
  return std::nullopt;
}

// Sparse and dense registers agree, and estimates are as near as the method promises: its standard
// error is 1.04 / sqrt(16384), and one in many thousands of estimates is five times as far off.
std::optional<std::string> test_estimates(Rng& rng) {
  constexpr uint64_t kElements = 1'000'000;
  constexpr double kStandardError = 0.008125;
  std::string sparse = make_empty();
  std::string dense = *to_dense(sparse);
  bool is_sparse = true;
  SparseEditor editor(sparse);
  for (uint64_t count = 1, next = 1; count <= kElements; ++count) {
    const uint64_t number = rng.next();
    const Spot spot = spot_of({reinterpret_cast<const char*>(&number), sizeof number});
    raise_dense(dense.data(), spot);
    is_sparse = is_sparse && editor.raise(spot, 12'000) != SparseEditor::Outcome::kTooLarge;
    if (count != next) continue;
    next = next * 3 / 2 + 1;
    const auto estimated = static_cast<double>(*estimate(dense, Form::kDense));
    const double allowed = std::ceil(static_cast<double>(count) * kStandardError * 5);
    if (std::abs(estimated - static_cast<double>(count)) > allowed) {
      return "too large an error at " + std::to_string(count) + " elements";
    }
    if (is_sparse && to_dense(sparse) != dense) return "sparse and dense registers differ";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> self_test() {
  Rng rng(1);
  if (auto fault = test_registers(rng)) return fault;
  return test_estimates(rng);
}

}  // namespace redan::hll
