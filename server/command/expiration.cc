#include "server/command/expiration.h"

#include <limits>
#include <string>

#include "common/base/parse.h"
#include "common/command/args.h"

namespace redan {
namespace {

Error invalid_expire_time(std::string_view command) {
  return Error("invalid expire time in '" + std::string(command) + "' command");
}

}  // namespace

Result<int64_t> any_deadline(std::string_view word, TimeForm form, int64_t now_ms,
                             std::string_view command) {
  const Result<int64_t> number = integer_arg(word);
  if (!number) return number.error();
  int64_t ms = *number;
  if (form.unit == TimeUnit::kSeconds && __builtin_mul_overflow(ms, int64_t{1000}, &ms)) {
    return invalid_expire_time(command);
  }
  if (!form.absolute && __builtin_add_overflow(ms, now_ms, &ms)) {
    return invalid_expire_time(command);
  }
  return ms;
}

Result<int64_t> deadline_to_come(std::string_view word, TimeForm form, int64_t now_ms,
                                 std::string_view command) {
  const Result<int64_t> number = integer_arg(word);
  if (!number) return number.error();
  if (*number <= 0) return invalid_expire_time(command);
  return any_deadline(word, form, now_ms, command);
}

}  // namespace redan
