// The geo commands that name their members; searches are in geo_search.cc.
#include "server/data/geo.h"

#include <optional>
#include <string>
#include <vector>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/sorted_sets/geo_args.h"
#include "server/command/sorted_sets/sorted_set_args.h"

namespace redan {
namespace {

struct GeoAddOptions {
  AddRules rules;
  bool count_changes = false;  // CH
  size_t first = 2;            // the first longitude
};

Result<GeoAddOptions> read_geoadd(Call& call) {
  GeoAddOptions options;
  ArgReader words(call.args(), 2);
  while (words.more()) {
    if (words.match("NX")) {
      options.rules.only_new = true;
    } else if (words.match("XX")) {
      options.rules.only_existing = true;
    } else if (words.match("CH")) {
      options.count_changes = true;
    } else {
      break;
    }
  }
  options.first = call.arg_count() - words.left();
  if (words.left() == 0 || words.left() % 3 != 0) return syntax_error();
  if (options.rules.only_new && options.rules.only_existing) return syntax_error();
  return options;
}

// Replicas get the scores.
void propagate_scores(Call& call, const GeoAddOptions& options,
                      const std::vector<uint64_t>& scores) {
  std::vector<std::string> texts;
  texts.reserve(scores.size());
  std::vector<std::string_view> args = {"ZADD", call.arg(1)};
  for (size_t i = 2; i < options.first; ++i) args.push_back(call.arg(i));
  for (size_t i = 0; i < scores.size(); ++i) {
    texts.push_back(std::to_string(scores[i]));
    args.push_back(texts.back());
    args.push_back(call.arg(options.first + i * 3 + 2));
  }
  call.propagate_as(args);
}

Result<void> geoadd(Call& call) {
  const Result<GeoAddOptions> options = read_geoadd(call);
  if (!options) return options.error();
  const std::string_view key = call.arg(1);
  std::vector<uint64_t> scores;
  for (size_t i = options->first; i < call.arg_count(); i += 3) {
    const Result<geo::Place> place = geo_place_arg(call.arg(i), call.arg(i + 1));
    if (!place) return place.error();
    scores.push_back(geo::score_of(geo::cell_of(*place)));
  }
  const Result<Keyspace::Ref> ref = change_sorted_set(call, key);
  if (!ref) return ref.error();
  int64_t added = 0;
  int64_t changed = 0;
  {
    SortedSetEdit edit(call.keyspace(), call.db(), key, *ref);
    for (size_t i = 0; i < scores.size(); ++i) {
      const AddResult result = edit.add(call.arg(options->first + i * 3 + 2),
                                        static_cast<double>(scores[i]), options->rules);
      if (result.what == AddResult::What::kNew) ++added;
      if (result.what == AddResult::What::kChanged) ++changed;
    }
  }
  if (added + changed > 0) {
    call.keyspace().changed(call.db(), key, static_cast<uint64_t>(added + changed));
    call.notify(KeyspaceEvents::kZset, "zadd", key);
    propagate_scores(call, *options, scores);
  }
  call.reply().integer(options->count_changes ? added + changed : added);
  return kOk;
}

Result<void> geodist(Call& call) {
  double metres = 1;
  if (call.arg_count() > 5) return syntax_error();
  if (call.arg_count() == 5) {
    const Result<double> unit = geo_unit_arg(call.arg(4));
    if (!unit) return unit.error();
    metres = *unit;
  }
  const Result<const Entry*> entry = read_sorted_set(call, call.arg(1));
  if (!entry) return entry.error();
  if (*entry != nullptr) {
    const SortedSetView set(**entry);
    const auto from = place_of_member(set, call.arg(2));
    const auto to = place_of_member(set, call.arg(3));
    if (from && to) {
      reply_distance(call.reply(), geo::distance_m(*from, *to) / metres);
      return kOk;
    }
  }
  call.reply().null();
  return kOk;
}

// One reply for each member that is asked for; where there is none, `missing` writes it.
template <class Found, class Missing>
Result<void> for_each_member(Call& call, Found&& found, Missing&& missing) {
  const Result<const Entry*> entry = read_sorted_set(call, call.arg(1));
  if (!entry) return entry.error();
  call.reply().array(call.arg_count() - 2);
  for (size_t i = 2; i < call.arg_count(); ++i) {
    const auto place =
        *entry == nullptr ? std::nullopt : place_of_member(SortedSetView(**entry), call.arg(i));
    place ? found(*place) : missing();
  }
  return kOk;
}

Result<void> geohash(Call& call) {
  return for_each_member(
      call,
      [&](geo::Place place) {
        const auto text = geo::geohash_of(place);
        call.reply().bulk({text.data(), text.size()});
      },
      [&] { call.reply().null(); });
}

Result<void> geopos(Call& call) {
  return for_each_member(
      call, [&](geo::Place place) { reply_place(call.reply(), place); },
      [&] { call.reply().null_array(); });
}

constexpr Command<Call> kCommands[] = {
    {{.name = "GEOADD",
      .syntax = "key [condition: NX|XX]@6.2.0 [change: CH]@6.2.0 (longitude:double latitude:double "
                "member ...)",
      .flags = kWrite | kDenyOom,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Add one or more geospatial items in the geospatial index represented using a "
                 "sorted set",
      .since = "3.2.0",
      .complexity = "O(log(N)) for each item added, where N is the number of elements in the "
                    "sorted set.",
      .history = "6.2.0: Added the `CH`, `NX` and `XX` options."},
     geoadd},
    {{.name = "GEODIST",
      .syntax = "key member1 member2 [unit: M|KM|FT|MI]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Returns the distance between two members of a geospatial index",
      .since = "3.2.0",
      .complexity = "O(log(N))"},
     geodist},
    {{.name = "GEOHASH",
      .syntax = "key member [member ...]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Returns members of a geospatial index as standard geohash strings",
      .since = "3.2.0",
      .complexity = "O(log(N)) for each member requested, where N is the number of elements in the "
                    "sorted set.",
      .arity = -2},
     geohash},
    {{.name = "GEOPOS",
      .syntax = "key member [member ...]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Returns longitude and latitude of members of a geospatial index",
      .since = "3.2.0",
      .complexity = "O(N) where N is the number of members requested.",
      .arity = -2},
     geopos},
};

}  // namespace

CommandFamily<Call> geo_commands() {
  return {.group = Group::kGeo, .commands = kCommands};
}

}  // namespace redan
