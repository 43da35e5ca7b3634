// Errors as values. A function that can fail returns Result<T>; the success path reads straight
// down and errors leave early:
//   Result<Rdb> rdb = open(path);
//   if (!rdb) return rdb.error().with_context("loading " + path);
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace redan {

// What went wrong: `code` is the RESP prefix that clients match on ("ERR", "WRONGTYPE", ...),
// `message` the sentence behind it. One pointer wide, so that the success path stays cheap.
class [[nodiscard]] Error {
 public:
  Error(std::string_view code, std::string_view message)
      : body_(std::make_unique<Body>(Body{std::string(code), std::string(message)})) {}
  // An error of the general code ERR.
  explicit Error(std::string_view message) : Error("ERR", message) {}
  Error(const Error& other) : body_(std::make_unique<Body>(*other.body_)) {}
  Error& operator=(const Error& other) {
    body_ = std::make_unique<Body>(*other.body_);
    return *this;
  }
  Error(Error&&) noexcept = default;
  Error& operator=(Error&&) noexcept = default;

  const std::string& code() const { return body_->code; }
  const std::string& message() const { return body_->message; }
  // "code message", as it stands behind the '-' of a RESP error.
  std::string text() const { return body_->code + " " + body_->message; }

  // The same error seen one level further out: "what: message".
  Error with_context(std::string_view what) const {
    return Error(body_->code, std::string(what) + ": " + body_->message);
  }

  friend bool operator==(const Error& a, const Error& b) {
    return a.code() == b.code() && a.message() == b.message();
  }

 private:
  struct Body {
    std::string code;
    std::string message;
  };
  std::unique_ptr<Body> body_;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: by design

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& operator*() { return *std::get_if<0>(&state_); }
  const T& operator*() const { return *std::get_if<0>(&state_); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  const Error& error() const { return *std::get_if<1>(&state_); }
  // The value moved out; only after ok().
  T take() { return std::move(*std::get_if<0>(&state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: by design

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

// The success of a Result<void>: `return kOk;`
struct OkType {
  operator Result<void>() const { return {}; }  // NOLINT: by design
};
inline constexpr OkType kOk;

}  // namespace redan
