// How the structured directives are read and written: save, client-output-buffer-limit, replicaof
// and the like, and the words of the enums.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/config/log_level.h"
#include "common/config/value.h"
#include "server/config/server_config.h"

namespace redan {

// Type T's Value: several words on a line, and perhaps several lines.
#define REDAN_STRUCTURED_VALUE(Type, many_lines)                                    \
  template <>                                                                       \
  struct Value<Type> {                                                              \
    static constexpr bool kManyWords = true;                                        \
    static constexpr bool kManyLines = many_lines;                                  \
    static Result<void> read(const Option& option, const Line& line, Type& value);  \
    static std::string write(const Option& option, const Type& value);              \
    static std::vector<std::string> lines(const Option& option, const Type& value); \
  }

REDAN_STRUCTURED_VALUE(SavePoints, true);          // seconds changes [seconds changes ...]
REDAN_STRUCTURED_VALUE(OutputBufferLimits, true);  // class hard soft soft-seconds [...]
REDAN_STRUCTURED_VALUE(ShutdownFlags, false);      // default, or some of save nosave now force
REDAN_STRUCTURED_VALUE(PrimaryAddress, false);     // host port, or no one
REDAN_STRUCTURED_VALUE(UserLines, true);           // name [rule ...]
REDAN_STRUCTURED_VALUE(OomScoreValues, false);     // primary replica background
REDAN_STRUCTURED_VALUE(Percentiles, false);        // 50 99 99.9
#undef REDAN_STRUCTURED_VALUE

template <>
struct Value<KeyspaceEvents> {
  static constexpr bool kManyWords = false;
  static constexpr bool kManyLines = false;
  static Result<void> read(const Option& option, const Line& line, KeyspaceEvents& value);
  static std::string write(const Option& option, const KeyspaceEvents& value);
  static std::vector<std::string> lines(const Option& option, const KeyspaceEvents& value);
};

template <>
struct EnumNames<Supervised> {
  static constexpr std::pair<std::string_view, Supervised> kTable[] = {
      {"upstart", Supervised::kUpstart},
      {"systemd", Supervised::kSystemd},
      {"auto", Supervised::kAuto},
      {"no", Supervised::kNo}};
};
template <>
struct EnumNames<SyslogFacility> {
  static constexpr std::pair<std::string_view, SyslogFacility> kTable[] = {
      {"user", SyslogFacility::kUser},     {"local0", SyslogFacility::kLocal0},
      {"local1", SyslogFacility::kLocal1}, {"local2", SyslogFacility::kLocal2},
      {"local3", SyslogFacility::kLocal3}, {"local4", SyslogFacility::kLocal4},
      {"local5", SyslogFacility::kLocal5}, {"local6", SyslogFacility::kLocal6},
      {"local7", SyslogFacility::kLocal7}};
};
template <>
struct EnumNames<OomScoreAdj> {
  static constexpr std::pair<std::string_view, OomScoreAdj> kTable[] = {
      {"no", OomScoreAdj::kNo},
      {"yes", OomScoreAdj::kRelative},
      {"relative", OomScoreAdj::kRelative},
      {"absolute", OomScoreAdj::kAbsolute}};
};
template <>
struct EnumNames<AclPubsubDefault> {
  static constexpr std::pair<std::string_view, AclPubsubDefault> kTable[] = {
      {"allchannels", AclPubsubDefault::kAllChannels},
      {"resetchannels", AclPubsubDefault::kResetChannels}};
};
template <>
struct EnumNames<SanitizePayload> {
  static constexpr std::pair<std::string_view, SanitizePayload> kTable[] = {
      {"no", SanitizePayload::kNo},
      {"yes", SanitizePayload::kYes},
      {"clients", SanitizePayload::kClients}};
};
template <>
struct EnumNames<LocalAllowed> {
  static constexpr std::pair<std::string_view, LocalAllowed> kTable[] = {
      {"no", LocalAllowed::kNo}, {"yes", LocalAllowed::kYes}, {"local", LocalAllowed::kLocal}};
};
template <>
struct EnumNames<TlsAuthClients> {
  static constexpr std::pair<std::string_view, TlsAuthClients> kTable[] = {
      {"no", TlsAuthClients::kNo},
      {"yes", TlsAuthClients::kYes},
      {"optional", TlsAuthClients::kOptional}};
};
template <>
struct EnumNames<MaxmemoryPolicy> {
  static constexpr std::pair<std::string_view, MaxmemoryPolicy> kTable[] = {
      {"volatile-lru", MaxmemoryPolicy::kVolatileLru},
      {"volatile-lfu", MaxmemoryPolicy::kVolatileLfu},
      {"volatile-random", MaxmemoryPolicy::kVolatileRandom},
      {"volatile-ttl", MaxmemoryPolicy::kVolatileTtl},
      {"allkeys-lru", MaxmemoryPolicy::kAllkeysLru},
      {"allkeys-lfu", MaxmemoryPolicy::kAllkeysLfu},
      {"allkeys-random", MaxmemoryPolicy::kAllkeysRandom},
      {"noeviction", MaxmemoryPolicy::kNoeviction}};
};
template <>
struct EnumNames<AppendFsync> {
  static constexpr std::pair<std::string_view, AppendFsync> kTable[] = {
      {"everysec", AppendFsync::kEverysec},
      {"always", AppendFsync::kAlways},
      {"no", AppendFsync::kNo}};
};
template <>
struct EnumNames<PropagationErrorBehavior> {
  static constexpr std::pair<std::string_view, PropagationErrorBehavior> kTable[] = {
      {"ignore", PropagationErrorBehavior::kIgnore},
      {"panic", PropagationErrorBehavior::kPanic},
      {"panic-on-replicas", PropagationErrorBehavior::kPanicOnReplicas}};
};
template <>
struct EnumNames<DisklessLoad> {
  static constexpr std::pair<std::string_view, DisklessLoad> kTable[] = {
      {"disabled", DisklessLoad::kDisabled},
      {"on-empty-db", DisklessLoad::kOnEmptyDb},
      {"swapdb", DisklessLoad::kSwapDb}};
};
template <>
struct EnumNames<WipeRule> {
  static constexpr std::pair<std::string_view, WipeRule> kTable[] = {
      {"no", WipeRule::kNever}, {"empty", WipeRule::kEmpty}, {"shorter", WipeRule::kShorter}};
};
template <>
struct EnumNames<PreferredEndpoint> {
  static constexpr std::pair<std::string_view, PreferredEndpoint> kTable[] = {
      {"ip", PreferredEndpoint::kIp},
      {"hostname", PreferredEndpoint::kHostname},
      {"unknown-endpoint", PreferredEndpoint::kUnknownEndpoint}};
};

}  // namespace redan
