// GEOSEARCH and its kin: the members of a geo set inside a circle or a box.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/double_text.h"
#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/sorted_sets/geo_args.h"
#include "server/command/sorted_sets/sorted_set_args.h"
#include "server/data/geo_cells.h"

namespace redan {
namespace {

// Which of the commands is asking.
struct Form {
  enum class Center { kSaid, kPlace, kMember };  // by words, or in the arguments behind the key
  Center center = Center::kSaid;
  bool may_store = false;  // GEORADIUS, with STORE and STOREDIST
  bool stores = false;     // GEOSEARCHSTORE
};

enum class Order { kUnsaid, kNearest, kFarthest };

struct Search {
  geo::Shape shape;
  Order order = Order::kUnsaid;
  int64_t count = 0;  // 0: all
  bool any = false;
  bool with_distance = false;
  bool with_score = false;
  bool with_place = false;
  std::optional<std::string_view> target;  // of STORE
  bool stores_distances = false;
};

Result<void> read_circle(Search& search, std::string_view radius, std::string_view unit) {
  const auto number = parse_double(radius);
  if (!number) return Error("need numeric radius");
  if (*number < 0) return Error("radius cannot be negative");
  const Result<double> metres = geo_unit_arg(unit);
  if (!metres) return metres.error();
  search.shape.kind = geo::Shape::Kind::kCircle;
  search.shape.radius = *number;
  search.shape.metres_per_unit = *metres;
  return kOk;
}

Result<void> read_box(Search& search, std::string_view width, std::string_view height,
                      std::string_view unit) {
  const auto across = parse_double(width);
  if (!across) return Error("need numeric width");
  const auto up = parse_double(height);
  if (!up) return Error("need numeric height");
  if (*across < 0 || *up < 0) return Error("height or width cannot be negative");
  const Result<double> metres = geo_unit_arg(unit);
  if (!metres) return metres.error();
  search.shape.kind = geo::Shape::Kind::kBox;
  search.shape.width = *across;
  search.shape.height = *up;
  search.shape.metres_per_unit = *metres;
  return kOk;
}

// The words of a request, read one after another. A set that is not there has no members to search
// around, but what is wrong with the words is said all the same.
class SearchReader {
 public:
  SearchReader(Call& call, const Form& form, const SortedSetView* set, size_t first)
      : call_(call), form_(form), set_(set), words_(call.args(), first) {
    if (form.stores) search_.target = call.arg(1);
  }

  Result<Search> read() {
    if (form_.center != Form::Center::kSaid) {
      const Result<void> began = read_circle_arguments();
      if (!began) return began.error();
    }
    while (words_.more()) {
      const Result<void> option = read_option();
      if (!option) return option.error();
    }
    const Result<void> whole = check();
    if (!whole) return whole.error();
    if (search_.count > 0 && search_.order == Order::kUnsaid && !search_.any) {
      search_.order = Order::kNearest;  // The nearest are meant.
    }
    return search_;
  }

 private:
  bool searches_by_words() const { return form_.center == Form::Center::kSaid; }

  Result<void> around_member(std::string_view member) {
    if (set_ == nullptr) return kOk;
    const std::optional<geo::Place> place = place_of_member(*set_, member);
    if (!place) return Error("could not decode requested zset member");
    search_.shape.center = *place;
    return kOk;
  }

  Result<void> around_place(std::string_view longitude, std::string_view latitude) {
    const Result<geo::Place> place = geo_place_arg(longitude, latitude);
    if (!place) return place.error();
    search_.shape.center = *place;
    return kOk;
  }

  // GEORADIUS key longitude latitude radius unit, GEORADIUSBYMEMBER key member radius unit.
  Result<void> read_circle_arguments() {
    if (form_.center == Form::Center::kPlace) {
      const std::string_view longitude = words_.next();
      const Result<void> center = around_place(longitude, words_.next());
      if (!center) return center;
    } else {
      const Result<void> center = around_member(words_.next());
      if (!center) return center;
      if (set_ == nullptr) {  // Nobody looks at the radius, then.
        words_.next();
        words_.next();
        return kOk;
      }
    }
    const std::string_view radius = words_.next();
    return read_circle(search_, radius, words_.next());
  }

  Result<void> read_option() {
    if (words_.match("WITHDIST")) {
      search_.with_distance = true;
    } else if (words_.match("WITHHASH")) {
      search_.with_score = true;
    } else if (words_.match("WITHCOORD")) {
      search_.with_place = true;
    } else if (words_.match("ANY")) {
      search_.any = true;
    } else if (words_.match("ASC")) {
      search_.order = Order::kNearest;
    } else if (words_.match("DESC")) {
      search_.order = Order::kFarthest;
    } else if (words_.match_with("COUNT", 1)) {
      const Result<int64_t> count = words_.integer();
      if (!count) return count.error();
      if (*count <= 0) return Error("COUNT must be > 0");
      search_.count = *count;
    } else if (form_.may_store && words_.match_with("STORE", 1)) {
      search_.target = words_.next();
      search_.stores_distances = false;
    } else if (form_.may_store && words_.match_with("STOREDIST", 1)) {
      search_.target = words_.next();
      search_.stores_distances = true;
    } else if (searches_by_words()) {
      return read_shape_option();
    } else {
      return syntax_error();
    }
    return kOk;
  }

  Result<void> read_shape_option() {
    if (!by_place_ && words_.match_with("FROMMEMBER", 1)) {
      by_member_ = true;
      return around_member(words_.next());
    }
    if (!by_member_ && words_.match_with("FROMLONLAT", 2)) {
      by_place_ = true;
      const std::string_view longitude = words_.next();
      return around_place(longitude, words_.next());
    }
    if (!in_box_ && words_.match_with("BYRADIUS", 2)) {
      in_circle_ = true;
      const std::string_view radius = words_.next();
      return read_circle(search_, radius, words_.next());
    }
    if (!in_circle_ && words_.match_with("BYBOX", 3)) {
      in_box_ = true;
      const std::string_view width = words_.next();
      const std::string_view height = words_.next();
      return read_box(search_, width, height, words_.next());
    }
    if (form_.stores && words_.match("STOREDIST")) {
      search_.stores_distances = true;
      return kOk;
    }
    return syntax_error();
  }

  Result<void> check() const {
    if (search_.target && (search_.with_distance || search_.with_score || search_.with_place)) {
      return Error(std::string(form_.stores ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS") +
                   " is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
    }
    const std::string name(call_.arg(0));
    if (searches_by_words() && !by_member_ && !by_place_) {
      return Error("exactly one of FROMMEMBER or FROMLONLAT can be specified for " + name);
    }
    if (searches_by_words() && !in_circle_ && !in_box_) {
      return Error("exactly one of BYRADIUS and BYBOX can be specified for " + name);
    }
    if (search_.any && search_.count == 0) {
      return Error("the ANY argument requires COUNT argument");
    }
    return kOk;
  }

  Call& call_;
  const Form& form_;
  const SortedSetView* set_;
  ArgReader words_;
  Search search_;
  bool by_member_ = false;
  bool by_place_ = false;
  bool in_circle_ = false;
  bool in_box_ = false;
};

struct Hit {
  std::string member;
  double score;
  geo::Place place;
  double distance;  // in the unit of the search
};

// The members from one rank to another that lie inside, until there are enough.
void find_between(const SortedSetView& set, const geo::ShapeRuler& ruler, RankRange ranks,
                  size_t enough, std::vector<Hit>& hits) {
  // Whoever wants only some does not wait for all to be looked at.
  constexpr size_t kAtFirst = 8;
  size_t step = enough == SIZE_MAX ? ranks.size() : kAtFirst;
  Listpack::Scratch scratch;
  for (size_t rank = ranks.begin; rank < ranks.end && hits.size() < enough; step *= 2) {
    const size_t count = std::min(step, ranks.end - rank);
    rank += count;
    set.for_each(rank - count, count, Direction::kUp, [&](const SortedSetMember& member) {
      if (hits.size() >= enough) return;
      const geo::Place place = geo::place_of_score(member.score());
      const std::optional<double> distance = ruler.distance_inside_m(place);
      if (!distance) return;
      hits.push_back({.member = std::string(member.name(scratch)),
                      .score = member.score(),
                      .place = place,
                      .distance = *distance});
    });
  }
}

std::vector<Hit> find_members(const SortedSetView& set, const Search& search) {
  std::vector<Hit> hits;
  const size_t enough = search.any ? static_cast<size_t>(search.count) : SIZE_MAX;
  hits.reserve(std::min<size_t>(enough, 8));
  const geo::ShapeRuler ruler(search.shape);
  const geo::Cells cells(search.shape);
  for (const geo::Cell cell : cells.cells()) {
    if (hits.size() >= enough) break;
    const geo::Scores scores = geo::scores_of(cell);
    const RankRange ranks =
        set.ranks({.min = scores.first, .max = scores.end, .max_excluded = true});
    find_between(set, ruler, ranks, enough, hits);
  }
  return hits;
}

// What is wanted of the hits, in its order. Those that are as far away stay as they were found.
std::vector<Hit> chosen(std::vector<Hit> hits, const Search& search) {
  const size_t wanted =
      search.count == 0 ? hits.size() : std::min(hits.size(), static_cast<size_t>(search.count));
  if (search.order != Order::kUnsaid) {
    struct Ranked {
      double distance;
      size_t index;
    };
    std::vector<Ranked> order;
    order.reserve(hits.size());
    for (const Hit& hit : hits) order.push_back({hit.distance, order.size()});
    const bool nearest = search.order == Order::kNearest;
    const auto in_order = [nearest](const Ranked& a, const Ranked& b) {
      if (a.distance != b.distance) return (a.distance < b.distance) == nearest;
      return a.index < b.index;
    };
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(wanted);
    if (end != order.end()) std::nth_element(order.begin(), end, order.end(), in_order);
    std::sort(order.begin(), end, in_order);
    std::vector<Hit> sorted;
    sorted.reserve(wanted);
    for (auto at = order.begin(); at != end; ++at) sorted.push_back(std::move(hits[at->index]));
    hits = std::move(sorted);
  }
  hits.resize(wanted);
  for (Hit& hit : hits) hit.distance /= search.shape.metres_per_unit;
  return hits;
}

void reply_hits(ReplyWriter& reply, const std::vector<Hit>& hits, const Search& search) {
  const size_t details = static_cast<size_t>(search.with_distance) +
                         static_cast<size_t>(search.with_score) +
                         static_cast<size_t>(search.with_place);
  reply.array(hits.size());
  for (const Hit& hit : hits) {
    if (details > 0) reply.array(details + 1);
    reply.bulk(hit.member);
    if (search.with_distance) reply_distance(reply, hit.distance);
    if (search.with_score) reply.integer(static_cast<int64_t>(hit.score));
    if (search.with_place) reply_place(reply, hit.place);
  }
}

// Replicas get the members with their scores: another machine's sines may differ in a last digit.
void propagate_hits(Call& call, std::string_view target, const std::vector<Hit>& hits,
                    bool distances) {
  call.propagate_as({"DEL", target});
  std::vector<std::string> scores;
  scores.reserve(hits.size());
  std::vector<std::string_view> args = {"ZADD", target};
  for (const Hit& hit : hits) {
    scores.push_back(format_double(distances ? hit.distance : hit.score));
    args.push_back(scores.back());
    args.push_back(hit.member);
  }
  if (!hits.empty()) call.propagate_as(args);
}

void store_hits(Call& call, const std::vector<Hit>& hits, const Search& search, bool searched) {
  const auto stored = [&](const Hit& hit) {
    return search.stores_distances ? hit.distance : static_cast<double>(hit.score);
  };
  std::vector<const Hit*> ordered;
  ordered.reserve(hits.size());
  for (const Hit& hit : hits) ordered.push_back(&hit);
  std::sort(ordered.begin(), ordered.end(), [&](const Hit* a, const Hit* b) {
    return std::pair(stored(*a), std::string_view(a->member)) <
           std::pair(stored(*b), std::string_view(b->member));
  });
  SortedSetBuilder builder(call.keyspace().limits());
  builder.expect(hits.size());
  for (const Hit* hit : ordered) builder.append(hit->member, stored(*hit));
  propagate_hits(call, *search.target, hits, search.stores_distances);
  store_sorted_set(call, *search.target, builder, searched ? "geosearchstore" : "georadiusstore");
}

Result<void> search_set(Call& call, const Form& form) {
  const size_t source = form.stores ? 2 : 1;
  const Result<const Entry*> entry = read_sorted_set(call, call.arg(source));
  if (!entry) return entry.error();
  std::optional<SortedSetView> set;
  if (*entry != nullptr) set.emplace(**entry);
  const Result<Search> search = SearchReader(call, form, set ? &*set : nullptr, source + 1).read();
  if (!search) return search.error();
  std::vector<Hit> hits;
  if (set) hits = chosen(find_members(*set, *search), *search);
  if (search->target) {
    store_hits(call, hits, *search, form.center == Form::Center::kSaid);
  } else {
    reply_hits(call.reply(), hits, *search);
  }
  return kOk;
}

Result<void> geosearch(Call& call) {
  return search_set(call, {});
}

Result<void> geosearchstore(Call& call) {
  return search_set(call, {.stores = true});
}

Result<void> georadius(Call& call) {
  return search_set(call, {.center = Form::Center::kPlace, .may_store = true});
}

Result<void> georadius_ro(Call& call) {
  return search_set(call, {.center = Form::Center::kPlace});
}

Result<void> georadiusbymember(Call& call) {
  return search_set(call, {.center = Form::Center::kMember, .may_store = true});
}

Result<void> georadiusbymember_ro(Call& call) {
  return search_set(call, {.center = Form::Center::kMember});
}

constexpr KeySpec store_key(std::string_view keyword, int16_t start) {
  return {.flags = kKeyOW | kKeyUpdate,
          .begin = KeySpec::Begin::kKeyword,
          .index = start,
          .keyword = keyword};
}

#define REDAN_GEO_SHAPE                                                                    \
  "(from: FROMMEMBER member|FROMLONLAT (longitude:double latitude:double)) (by: (circle: " \
  "BYRADIUS radius:double (unit: M|KM|FT|MI))|(box: BYBOX width:double height:double "     \
  "(unit: M|KM|FT|MI))) [order: ASC|DESC] [count: COUNT count:integer [ANY]]"
#define REDAN_GEO_DETAILS " [WITHCOORD] [WITHDIST] [WITHHASH]"
#define REDAN_GEO_CIRCLE " radius:double (unit: M|KM|FT|MI)" REDAN_GEO_DETAILS

constexpr std::string_view kSearchCost =
    "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around "
    "the shape provided as the filter and M is the number of items inside the shape";
constexpr std::string_view kRadiusCost =
    "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area "
    "delimited by center and radius and M is the number of items inside the index.";
constexpr std::string_view kUnitHistory = "7.0.0: Added support for uppercase unit names.";

constexpr Command<Call> kCommands[] = {
    {{.name = "GEOSEARCH",
      .syntax = "key " REDAN_GEO_SHAPE REDAN_GEO_DETAILS,
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Query a sorted set representing a geospatial index to fetch members inside an "
                 "area of a box or a circle.",
      .since = "6.2.0",
      .complexity = kSearchCost,
      .arity = -7,
      .history = kUnitHistory},
     geosearch},
    {{.name = "GEOSEARCHSTORE",
      .syntax = "destination:key source:key " REDAN_GEO_SHAPE " [STOREDIST]",
      .flags = kWrite | kDenyOom,
      .keys = {KeySpec{.flags = kKeyOW | kKeyUpdate, .begin = KeySpec::Begin::kIndex, .index = 1},
               KeySpec{.flags = kKeyRO | kKeyAccess, .begin = KeySpec::Begin::kIndex, .index = 2}},
      .summary = "Query a sorted set representing a geospatial index to fetch members inside an "
                 "area of a box or a circle, and store the result in another key.",
      .since = "6.2.0",
      .complexity = kSearchCost,
      .arity = -8,
      .history = kUnitHistory},
     geosearchstore},
    {{.name = "GEORADIUS",
      .syntax = "key longitude:double latitude:double" REDAN_GEO_CIRCLE
                " [count: COUNT count:integer [ANY]@6.2.0] [order: ASC|DESC] [STORE key#1] "
                "[STOREDIST key#2]",
      .flags = kWrite | kDenyOom,
      .keys = {KeySpec{.flags = kKeyRO | kKeyAccess, .begin = KeySpec::Begin::kIndex, .index = 1},
               store_key("STORE", 6), store_key("STOREDIST", 6)},
      .summary = "Query a sorted set representing a geospatial index to fetch members matching a "
                 "given maximum distance from a point",
      .since = "3.2.0",
      .complexity = kRadiusCost,
      .deprecated_since = "6.2.0",
      .replaced_by = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
      .history = "6.2.0: Added the `ANY` option for `COUNT`.\n7.0.0: Added support for uppercase "
                 "unit names."},
     georadius},
    {{.name = "GEORADIUSBYMEMBER",
      .syntax = "key member" REDAN_GEO_CIRCLE
                " [count: COUNT count:integer [ANY]] [order: ASC|DESC] [STORE key#1] "
                "[STOREDIST key#2]",
      .flags = kWrite | kDenyOom,
      .keys = {KeySpec{.flags = kKeyRO | kKeyAccess, .begin = KeySpec::Begin::kIndex, .index = 1},
               store_key("STORE", 5), store_key("STOREDIST", 5)},
      .summary = "Query a sorted set representing a geospatial index to fetch members matching a "
                 "given maximum distance from a member",
      .since = "3.2.0",
      .complexity = kRadiusCost,
      .deprecated_since = "6.2.0",
      .replaced_by =
          "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
      .history = kUnitHistory},
     georadiusbymember},
    {{.name = "GEORADIUS_RO",
      .syntax = "key longitude:double latitude:double" REDAN_GEO_CIRCLE
                " [count: COUNT count:integer [ANY]@6.2.0] [order: ASC|DESC]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "A read-only variant for GEORADIUS",
      .since = "3.2.10",
      .complexity = kRadiusCost,
      .deprecated_since = "6.2.0",
      .replaced_by = "`GEOSEARCH` with the `BYRADIUS` argument",
      .history = "6.2.0: Added the `ANY` option for `COUNT`."},
     georadius_ro},
    {{.name = "GEORADIUSBYMEMBER_RO",
      .syntax =
          "key member" REDAN_GEO_CIRCLE " [count: COUNT count:integer [ANY]] [order: ASC|DESC]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "A read-only variant for GEORADIUSBYMEMBER",
      .since = "3.2.10",
      .complexity = kRadiusCost,
      .deprecated_since = "6.2.0",
      .replaced_by = "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"},
     georadiusbymember_ro},
};

#undef REDAN_GEO_CIRCLE
#undef REDAN_GEO_DETAILS
#undef REDAN_GEO_SHAPE

}  // namespace

CommandFamily<Call> geo_search_commands() {
  return {.group = Group::kGeo, .commands = kCommands};
}

}  // namespace redan
