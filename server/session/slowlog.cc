#include "server/session/slowlog.h"

namespace redan {

namespace {
constexpr size_t kMaxArguments = 32;
constexpr size_t kMaxBytes = 128;
}  // namespace

void SlowLog::add(Entry entry, std::span<const std::string_view> args, size_t max_length) {
  entry.id = next_id_++;
  const bool too_many = args.size() > kMaxArguments;
  const size_t shown = too_many ? kMaxArguments - 1 : args.size();
  for (const std::string_view arg : args.first(shown)) {
    std::string text(arg.substr(0, kMaxBytes));
    if (arg.size() > kMaxBytes) {
      text += "... (" + std::to_string(arg.size() - kMaxBytes) + " more bytes)";
    }
    entry.args.push_back(std::move(text));
  }
  if (too_many) {
    entry.args.push_back("... (" + std::to_string(args.size() - shown) + " more arguments)");
  }
  entries_.push_front(std::move(entry));
  trim(max_length);
}

void SlowLog::trim(size_t max_length) {
  while (entries_.size() > max_length) entries_.pop_back();
}

}  // namespace redan
