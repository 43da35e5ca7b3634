// REDAN_CHECK(a <= b): our own logic must hold. Kept in release builds; a failure prints the
// expression, both values and the place, and stops the process. Never applied to input from
// outside, which is answered with an Error instead.
#pragma once

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>

namespace redan {

[[noreturn]] void check_failed(const char* expression, const std::string& values, const char* file,
                               int line);

// Ends the process because going on would do harm: abort(), or exit code 1 without a signal after
// set_exit_on_panic(true) (`use-exit-on-panic`: for tools that take a signal for a fault of
// theirs).
[[noreturn]] void panic();
void set_exit_on_panic(bool on);

namespace check_detail {

template <class T>
std::string show(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_enum_v<T>) {
    return std::to_string(static_cast<int64_t>(value));
  } else if constexpr (requires(std::ostringstream & out) { out << value; }) {
    std::ostringstream out;
    out << value;
    return out.str();
  } else {
    return "?";
  }
}

// An operand may be a temporary that ends before it is printed: small values are copied.
template <class T>
using Held = std::conditional_t<std::is_scalar_v<T>, T, const T&>;

// Catches the left operand of the expression, so that both sides can be printed.
template <class L>
struct Left {
  Held<L> value;
#define REDAN_CHECK_OPERATOR(op)                                        \
  template <class R>                                                    \
  [[gnu::always_inline]] auto operator op(const R& right) const {       \
    return Outcome<R>{static_cast<bool>(value op right), value, right}; \
  }
  template <class R>
  struct Outcome {
    bool ok;
    Held<L> left;
    Held<R> right;
    std::string values() const { return show(left) + " vs " + show(right); }
  };
// Both operands are ours, often a size and a literal.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-compare"
  REDAN_CHECK_OPERATOR(==)
  REDAN_CHECK_OPERATOR(!=)
  REDAN_CHECK_OPERATOR(<)
  REDAN_CHECK_OPERATOR(<=)
  REDAN_CHECK_OPERATOR(>)
  REDAN_CHECK_OPERATOR(>=)
#pragma GCC diagnostic pop
#undef REDAN_CHECK_OPERATOR
};

struct Start {
  template <class L>
  [[gnu::always_inline]] Left<L> operator<<(const L& left) const {
    return {left};
  }
};

template <class T>
[[gnu::always_inline]] inline bool passed(const T& outcome) {
  if constexpr (requires { outcome.ok; }) {
    return outcome.ok;
  } else {
    return static_cast<bool>(outcome.value);
  }
}

template <class T>
std::string values(const T& outcome) {
  if constexpr (requires { outcome.values(); }) {
    return outcome.values();
  } else {
    return show(outcome.value);
  }
}

// Of one kind of operands, so that a check that passes is a comparison and nothing else.
template <class T>
[[noreturn, gnu::noinline, gnu::cold]] void fail(const T& outcome, const char* expression,
                                                 const char* file, int line) {
  check_failed(expression, values(outcome), file, line);
}

// Called within the full expression that made `outcome`, whose operands may be temporaries.
template <class T>
[[gnu::always_inline]] inline void verify(const T& outcome, const char* expression,
                                          const char* file, int line) {
  if (!passed(outcome)) [[unlikely]] {
    fail(outcome, expression, file, line);
  }
}

}  // namespace check_detail

#define REDAN_CHECK(...)                                                                      \
  do {                                                                                        \
    _Pragma("GCC diagnostic push")                                                            \
        _Pragma("GCC diagnostic ignored \"-Wparentheses\"")::redan::check_detail::verify(     \
            ::redan::check_detail::Start{} << __VA_ARGS__, #__VA_ARGS__, __FILE__, __LINE__); \
    _Pragma("GCC diagnostic pop")                                                             \
  } while (false)

}  // namespace redan
