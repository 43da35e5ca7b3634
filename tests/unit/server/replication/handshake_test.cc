// Both ends against what two redis-server 7.0.15 said to each other, and against peers that say
// nonsense.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/rng.h"
#include "common/resp/request_parser.h"
#include "common/resp/writer.h"
#include "server/replication/link_machine.h"
#include "server/replication/source_machine.h"
#include "server/replication/standing.h"
#include "tests/unit/server/replication/transcripts.h"

namespace redan {
namespace {

using namespace link_effect;
using ::testing::HasSubstr;
using Request = std::vector<std::string>;
using State = LinkMachine::State;

const Instant t0 = Instant(Seconds(1000));
const std::string kId(40, 'a');

std::vector<Request> requests_in(std::string_view bytes) {
  std::vector<Request> requests;
  RequestParser parser;
  while (parser.parse(bytes, {}) == RequestParser::Status::kRequest) {
    if (!parser.args().empty()) requests.emplace_back(parser.args().begin(), parser.args().end());
    bytes.remove_prefix(parser.consumed());
    parser.reset();
  }
  EXPECT_TRUE(bytes.empty());
  return requests;
}

std::string wire(const Request& request) {
  ByteBuffer out;
  const std::vector<std::string_view> args(request.begin(), request.end());
  append_request(out, args);
  return std::string(out.view());
}

// One request and what answered it at a time: the recorded replica sent some of them together.
Transcript one_by_one(const Transcript& recorded) {
  Transcript result;
  for (size_t i = 0; i < recorded.size(); ++i) {
    if (recorded[i].first == 'P') continue;
    std::string answers = i + 1 < recorded.size() ? recorded[i + 1].second : "";
    const std::vector<Request> requests = requests_in(recorded[i].second);
    for (const Request& request : requests) {
      result.emplace_back('R', wire(request));
      const bool last = &request == &requests.back();
      const size_t size = last ? answers.size() : answers.find('\n') + 1;
      if (!answers.empty()) result.emplace_back('P', answers.substr(0, size));
      answers.erase(0, size);
    }
  }
  return result;
}

// What the machine asked its owner to do, by kind.
struct Seen {
  std::string sent, snapshot, leftover, resumed, hung_up;
  bool dialled = false, began = false, ended = false, handed_over = false, refused = false;
  int64_t size = 0;
  void take(LinkOut& out) {
    for (LinkEffect& effect : out) {
      if (std::get_if<Dial>(&effect)) dialled = true;
      if (const auto* e = std::get_if<Send>(&effect)) sent += e->bytes;
      if (const auto* e = std::get_if<Snapshot>(&effect)) snapshot += e->bytes;
      if (const auto* e = std::get_if<BeginTransfer>(&effect)) began = true, size = e->size;
      if (std::get_if<EndTransfer>(&effect)) ended = true;
      if (const auto* e = std::get_if<Resume>(&effect)) resumed = e->id;
      if (const auto* e = std::get_if<HandOver>(&effect))
        handed_over = true, leftover = e->leftover;
      if (const auto* e = std::get_if<HangUp>(&effect)) hung_up = e->why;
      if (std::get_if<TakeOverRefused>(&effect)) refused = true;
    }
    out.clear();
  }
};

void receive_in_pieces(LinkMachine& link, std::string_view bytes, Rng& rng, Seen& seen) {
  LinkOut out;
  while (!bytes.empty()) {
    const size_t size = std::min<size_t>(bytes.size(), 1 + rng.below(rng.chance(0.5) ? 3 : 200));
    link.receive(t0, bytes.substr(0, size), out);
    bytes.remove_prefix(size);
    seen.take(out);
  }
}

// Plays the recorded primary to a link that has the recorded replica's settings: the link must say
// the same, save for REPLCONF VERSION, which 7.0 does not know yet.
Seen play_primary(const Transcript& recorded, LinkSettings settings, uint64_t seed,
                  LinkMachine& link) {
  const Transcript transcript = one_by_one(recorded);
  Rng rng(seed);
  std::optional<StreamPosition> position;
  for (const auto& [who, bytes] : transcript) {
    if (who != 'R') continue;
    for (const Request& request : requests_in(bytes)) {
      if (request[0] == "PSYNC") position = {request[1], std::stoll(request[2]) - 1};
      if (request.size() > 2 && request[1] == "listening-port") {
        settings.listening_port = std::stoi(request[2]);
      }
    }
  }
  Seen seen;
  LinkOut out;
  link.follow(t0, settings, position, false, out);
  link.connected(t0, out);
  seen.take(out);
  size_t next = 0;
  while (next < transcript.size() && seen.hung_up.empty()) {
    const std::vector<Request> said = requests_in(std::exchange(seen.sent, {}));
    if (said.empty()) {
      EXPECT_EQ(transcript[next].first, 'P') << "the link says nothing more";
      if (transcript[next].first != 'P') break;
      receive_in_pieces(link, transcript[next++].second, rng, seen);
    }
    for (const Request& request : said) {
      if (next >= transcript.size()) break;
      if (request.size() > 1 && request[1] == "VERSION") {
        receive_in_pieces(link, "-ERR Unrecognized REPLCONF option: VERSION\r\n", rng, seen);
        continue;
      }
      EXPECT_EQ(transcript[next].first, 'R');
      EXPECT_EQ(requests_in(transcript[next++].second), std::vector<Request>{request});
      if (next < transcript.size() && link.state() != State::kOnline) {
        receive_in_pieces(link, transcript[next++].second, rng, seen);
      }
    }
    if (seen.ended && link.state() == State::kLoading) {
      link.loaded(t0, out);
      seen.take(out);
      if (seen.sent.find("ACK") != std::string::npos && next == transcript.size()) break;
    }
    if (link.state() == State::kOnline && seen.sent.empty()) break;
  }
  return seen;
}

TEST(LinkMachine, SpeaksLikeARedisReplicaThroughAFullSyncWithEndMark) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    LinkMachine link;
    const Seen seen = play_primary(kFullSyncWithEndMark, {}, seed, link);
    EXPECT_EQ(link.state(), State::kOnline);
    EXPECT_EQ(seen.size, -1);
    ASSERT_TRUE(seen.snapshot.starts_with("REDIS0010"));
    EXPECT_EQ(seen.snapshot[seen.snapshot.size() - 9], '\xff');  // end, then the checksum
    EXPECT_EQ(seen.leftover, "");
  }
}

TEST(LinkMachine, SpeaksLikeARedisReplicaThroughAFullSyncFromAFile) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    LinkMachine link;
    const Seen seen = play_primary(kFullSyncFromFile, {}, seed, link);
    EXPECT_EQ(link.state(), State::kOnline);
    EXPECT_GT(seen.size, 0);
    EXPECT_EQ(seen.snapshot.size(), static_cast<size_t>(seen.size));
    EXPECT_EQ(seen.snapshot[seen.snapshot.size() - 9], '\xff');
  }
}

TEST(LinkMachine, ResumesWhereARedisReplicaWould) {
  LinkMachine link;
  const Seen seen = play_primary(kResumed, {}, 1, link);
  EXPECT_EQ(link.state(), State::kOnline);
  EXPECT_EQ(seen.resumed.size(), 40U);
  EXPECT_TRUE(seen.handed_over);
  EXPECT_FALSE(seen.began);
}

TEST(LinkMachine, AuthenticatesAndReportsARefusedPassword) {
  LinkMachine link;
  play_primary(kWithPassword, {.user = "rep", .password = "secret"}, 1, link);
  EXPECT_EQ(link.state(), State::kOnline);
  LinkMachine refused;
  const Seen seen = play_primary(kWrongPassword, {.user = "rep", .password = "wrong"}, 1, refused);
  EXPECT_EQ(refused.state(), State::kIdle);
  EXPECT_TRUE(seen.hung_up.starts_with("Unable to AUTH to MASTER: \"-WRONGPASS")) << seen.hung_up;
}

// A link that stands before the answer to its PSYNC.
LinkMachine asking(Seen& seen, std::optional<StreamPosition> position = {},
                   bool take_over = false) {
  LinkMachine link;
  LinkOut out;
  link.follow(t0, {}, position, take_over, out);
  link.connected(t0, out);
  link.receive(t0, "+PONG\r\n+OK\r\n+OK\r\n+OK\r\n", out);
  EXPECT_EQ(link.state(), State::kAnswer);
  seen.take(out);
  return link;
}

// A cluster's replica, which was told to follow this member, and hears `answer` to CLUSTER MYID.
const std::string kMember(40, 'b');
Seen meet(const std::string& answer, State& state) {
  LinkMachine link;
  LinkOut out;
  Seen seen;
  link.follow(t0, {.host = "h", .port = 7, .member = kMember}, std::nullopt, false, out);
  link.connected(t0, out);
  link.receive(t0, "+PONG\r\n", out);
  seen.take(out);
  const std::vector<Request> said = requests_in(seen.sent);
  EXPECT_EQ(said.back(), (Request{"CLUSTER", "MYID"}));
  // PING was the first of them, and is answered.
  for (size_t i = 1; i + 1 < said.size(); ++i) link.receive(t0, "+OK\r\n", out);
  EXPECT_EQ(link.state(), State::kGreeting);  // Who is it?
  seen.sent.clear();
  Rng rng(1);
  receive_in_pieces(link, answer, rng, seen);
  state = link.state();
  return seen;
}

TEST(LinkMachine, InAClusterOnlyTheMemberThatIsMeantIsAskedForItsData) {
  State state{};
  const Seen seen = meet("$40\r\n" + kMember + "\r\n", state);
  EXPECT_EQ(state, State::kAnswer);
  EXPECT_EQ(requests_in(seen.sent), (std::vector<Request>{{"PSYNC", "?", "-1"}}));
}

TEST(LinkMachine, AnotherMemberAtThatAddressIsLeftWithoutAWord) {
  const std::string other(40, 'c');
  for (const std::string& answer :
       {"$40\r\n" + other + "\r\n", "$40\r\n$40\r\n" + kMember + "\r\n", std::string("$-1\r\n"),
        std::string("+OK\r\n"), std::string("*0\r\n"),
        std::string("-ERR This instance has cluster support disabled\r\n"),
        std::string("-LOADING Redis is loading the dataset in memory\r\n")}) {
    State state{};
    const Seen seen = meet(answer, state);
    EXPECT_EQ(state, State::kIdle) << answer;
    EXPECT_EQ(seen.sent, "") << answer;
    EXPECT_THAT(seen.hung_up, HasSubstr(kMember)) << answer;
    EXPECT_FALSE(seen.began) << answer;
  }
  State state{};
  EXPECT_THAT(meet("$40\r\n" + other + "\r\n", state).hung_up,
              HasSubstr("At h:7 is \"" + other + "\" now, not our primary " + kMember));
}

TEST(LinkMachine, APrimaryThatMayNotSayWhoItIsIsFollowedAllTheSame) {
  for (const char* answer : {"-NOPERM this user has no permissions to run the 'cluster|myid'\r\n",
                             "-ERR unknown command 'CLUSTER', with args beginning with: 'MYID'\r\n",
                             "-NOAUTH Authentication required.\r\n"}) {
    State state{};
    const Seen seen = meet(answer, state);
    EXPECT_EQ(state, State::kAnswer) << answer;
    EXPECT_EQ(requests_in(seen.sent), (std::vector<Request>{{"PSYNC", "?", "-1"}})) << answer;
  }
}

TEST(LinkMachine, NonsenseEndsTheConnectionAndIsTriedAgainASecondLater) {
  const std::string bad_answers[] = {
      "+FULLRESYNC\r\n",
      "+FULLRESYNC " + kId + "\r\n",
      "+FULLRESYNC " + kId + " -1\r\n",
      "+FULLRESYNC " + kId + " 99999999999999999999\r\n",
      "+FULLRESYNC short 1\r\n",
      "+CONTINUE " + kId + "\r\n",  // nothing to continue
      "$5\r\nhello",
      "-ERR unknown command 'PSYNC'\r\n",
      "-LOADING Redis is loading the dataset in memory\r\n",
      "-NOMASTERLINK Can't SYNC while not connected with my master\r\n",
      std::string(5000, 'x'),
      std::string(5000, '\0'),
      "+FULLRESYNC " + kId + " 1\r\n$-1\r\n",
      "+FULLRESYNC " + kId + " 1\r\n$99999999999999999999\r\n",
      "+FULLRESYNC " + kId + " 1\r\n$EOF:tooshort\r\n",
      "+FULLRESYNC " + kId + " 1\r\n$EOF:" + std::string(41, 'm') + "\r\n",
      "+FULLRESYNC " + kId + " 1\r\n-ERR no memory\r\n",
      "+FULLRESYNC " + kId + " 1\r\nREDIS0010\r\n",
  };
  for (const std::string& bytes : bad_answers) {
    Seen seen;
    LinkMachine link = asking(seen);
    Rng rng(1);
    receive_in_pieces(link, bytes, rng, seen);
    EXPECT_NE(seen.hung_up, "") << bytes;
    EXPECT_FALSE(seen.began) << bytes;
    EXPECT_EQ(link.state(), State::kIdle) << bytes;
    LinkOut out;
    seen.dialled = false;
    link.tick(t0 + Millis(999), 0, -1, out);
    seen.take(out);
    EXPECT_FALSE(seen.dialled);
    link.tick(t0 + Millis(1000), 0, -1, out);
    seen.take(out);
    EXPECT_TRUE(seen.dialled);
  }
}

TEST(LinkMachine, ATransferThatBreaksOffLeavesThePositionGood) {
  Seen seen;
  LinkMachine link = asking(seen, StreamPosition{kId, 41});
  LinkOut out;
  link.receive(t0, "+FULLRESYNC " + std::string(40, 'b') + " 7\r\n$100\r\nREDIS", out);
  link.disconnected(t0, "Connection reset by peer", out);
  seen.take(out);
  EXPECT_TRUE(seen.began);
  EXPECT_NE(seen.hung_up, "");
  seen = {};
  link.tick(t0 + Seconds(1), 41, -1, out);
  link.connected(t0 + Seconds(1), out);
  link.receive(t0 + Seconds(1), "+PONG\r\n+OK\r\n+OK\r\n+OK\r\n", out);
  seen.take(out);
  EXPECT_EQ(requests_in(seen.sent).back(), (Request{"PSYNC", kId, "42"}));
}

TEST(LinkMachine, FindsTheEndMarkWhereverThePiecesBreak) {
  const std::string mark = "4be1d04f9c2a7735e8806b1f5d39a2c0f4467e8b";
  // The snapshot holds a false start of the mark, and the stream follows without a pause.
  const std::string snapshot = "REDIS" + mark.substr(0, 39) + "x" + mark.substr(0, 20);
  const std::string bytes =
      "\n\n+FULLRESYNC " + kId + " 12\r\n\n\n$EOF:" + mark + "\r\n" + snapshot + mark + "stream";
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    Seen seen;
    LinkMachine link = asking(seen);
    LinkOut out;
    link.receive(t0, bytes.substr(0, cut), out);
    link.receive(t0, bytes.substr(cut), out);
    seen.take(out);
    ASSERT_TRUE(seen.ended) << cut;
    EXPECT_EQ(seen.snapshot, snapshot) << cut;
    link.loaded(t0, out);
    seen.take(out);
    EXPECT_EQ(seen.leftover, "stream");
    EXPECT_EQ(requests_in(seen.sent).back(), (Request{"REPLCONF", "ACK", "12"}));
  }
}

TEST(LinkMachine, SilenceEndsTheLinkInEveryState) {
  const std::string stages[] = {"", "+FULLRESYNC " + kId + " 1\r\n",
                                "+FULLRESYNC " + kId + " 1\r\n$10\r\nRE",
                                "+CONTINUE " + kId + "\r\n"};
  for (const std::string& bytes : stages) {
    Seen seen;
    LinkMachine link = asking(seen, StreamPosition{kId, 1});
    LinkOut out;
    link.receive(t0, bytes, out);
    link.tick(t0 + Seconds(60), 1, -1, out);
    seen.take(out);
    EXPECT_EQ(seen.hung_up, "") << bytes;
    link.tick(t0 + Seconds(60) + Nanos(1), 1, -1, out);
    seen.take(out);
    EXPECT_NE(seen.hung_up, "") << bytes;
  }
}

TEST(LinkMachine, AcknowledgesEverySecondWhileOnline) {
  Seen seen;
  LinkMachine link = asking(seen, StreamPosition{kId, 1});
  LinkOut out;
  link.receive(t0, "+CONTINUE\r\n", out);
  seen.take(out);
  EXPECT_EQ(seen.resumed, kId);
  seen = {};
  link.tick(t0 + Millis(900), 5, -1, out);
  seen.take(out);
  EXPECT_EQ(seen.sent, "");
  link.tick(t0 + Millis(1000), 5, -1, out);
  link.tick(t0 + Millis(1100), 6, -1, out);
  link.tick(t0 + Millis(2000), 7, 6, out);
  seen.take(out);
  EXPECT_EQ(requests_in(seen.sent), (std::vector<Request>{{"REPLCONF", "ACK", "5"},
                                                          {"REPLCONF", "ACK", "7", "FACK", "6"}}));
}

TEST(LinkMachine, ATakeOverThatIsRefusedIsGivenUp) {
  for (const std::string answer : {"-ERR PSYNC FAILOVER replid must match my replid.\r\n",
                                   "+FULLRESYNC aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1\r\n"}) {
    Seen seen;
    LinkMachine link = asking(seen, StreamPosition{kId, 9}, true);
    EXPECT_EQ(requests_in(seen.sent).back(), (Request{"PSYNC", kId, "10", "FAILOVER"}));
    LinkOut out;
    link.receive(t0, answer, out);
    seen.take(out);
    EXPECT_TRUE(seen.refused);
    EXPECT_FALSE(seen.began);
  }
}

TEST(LinkMachine, RandomBytesNeverHarm) {
  const std::string words[] = {"+PONG\r\n", "+OK\r\n", "-ERR x\r\n",   "\n",
                               "$EOF:",     "$5\r\n",  "+FULLRESYNC ", kId,
                               " 1",        "\r\n",    "+CONTINUE",    std::string(1, '\0')};
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    Rng rng(seed);
    LinkMachine link;
    LinkOut out;
    std::optional<StreamPosition> position;
    if (rng.chance(0.5)) position = StreamPosition{kId, 5};
    link.follow(t0, {.password = rng.chance(0.5) ? "p" : ""}, position, rng.chance(0.1), out);
    link.connected(t0, out);
    for (int i = 0; i < 60; ++i) {
      link.receive(t0, words[rng.below(std::size(words))], out);
      if (link.state() == State::kLoading) {
        rng.chance(0.5) ? link.loaded(t0, out) : link.load_failed(t0, "bad", out);
      }
      if (rng.chance(0.02)) link.disconnected(t0, "cut", out);
    }
    int hand_overs = 0;
    for (const LinkEffect& effect : out) hand_overs += std::get_if<HandOver>(&effect) != nullptr;
    EXPECT_LE(hand_overs, 30);
  }
}

// --- The primary's end ---

struct Said {
  std::string replies, drop;
  bool joins = false;
  void take(SourceOut& out) {
    for (SourceEffect& effect : out) {
      if (const auto* e = std::get_if<source_effect::Reply>(&effect)) replies += e->bytes;
      if (const auto* e = std::get_if<source_effect::Drop>(&effect)) drop = e->why;
      if (std::get_if<source_effect::JoinTransfer>(&effect)) joins = true;
    }
    out.clear();
  }
};

// Lives until the end of the full expression, as its argument does.
std::vector<std::string_view> views(const Request& request) {
  return {request.begin(), request.end()};
}

// The recorded replica speaks to our end; what it hears must begin like what it heard from Redis.
TEST(SourceMachine, AnswersARedisReplicaLikeARedisPrimary) {
  for (const Transcript* recorded :
       {&kFullSyncWithEndMark, &kFullSyncFromFile, &kResumed, &kWithPassword}) {
    const Transcript transcript = one_by_one(*recorded);
    SourceMachine machine("127.0.0.1", t0);
    Backlog backlog(1 << 20);
    backlog.activate();
    std::string first_line;  // of the answer to PSYNC
    for (const auto& [who, bytes] : transcript) {
      if (who == 'P' && (bytes.starts_with("+FULL") || bytes.starts_with("+CONT"))) {
        first_line = bytes.substr(0, bytes.find('\n') + 1);
      }
    }
    const bool full = first_line.starts_with("+FULL");
    const std::string id = first_line.substr(full ? 12 : 10, 40);
    if (!full) backlog.feed_verbatim(std::string(50, 'x'));
    const History history(id);
    std::string stream;  // what Redis sent behind the ACK
    for (size_t i = 0; i < transcript.size(); ++i) {
      const auto& [who, bytes] = transcript[i];
      if (who != 'R') continue;
      for (const Request& request : requests_in(bytes)) {
        Said said;
        SourceOut out;
        if (request[0] == "REPLCONF") {
          const auto answer = machine.replconf(t0, views(request));
          ASSERT_TRUE(answer.ok());
          if (answer->answered) {
            EXPECT_EQ(transcript[i + 1].second, "+OK\r\n");
          }
          if (!answer->answered && i + 1 < transcript.size()) stream = transcript[i + 1].second;
        } else if (request[0] == "PSYNC") {
          machine.psync(t0, request[1], request[2], {history, backlog}, out);
          said.take(out);
          EXPECT_EQ(said.joins, full);
          if (full) machine.transfer_begins(t0, id, backlog.offset(), out);
          said.take(out);
          EXPECT_EQ(said.replies, first_line);
          if (full) machine.transfer_ends(t0, recorded != &kFullSyncFromFile, out);
        }
      }
    }
    EXPECT_TRUE(machine.streaming());
    EXPECT_EQ(machine.next_byte(), backlog.offset() + 1);
    if (stream.empty()) continue;
    const std::string_view set[] = {"SET", "k", "v"};
    backlog.feed(0, set);
    EXPECT_EQ(backlog.read(machine.next_byte()).bytes(), stream);
  }
}

TEST(SourceMachine, TheStreamBehindAnEndMarkWaitsForTheFirstAck) {
  for (const bool mark : {true, false}) {
    SourceMachine machine("127.0.0.1", t0);
    Backlog backlog(1 << 20);
    backlog.activate();
    const History history(kId);
    SourceOut out;
    machine.psync(t0, "?", "-1", {history, backlog}, out);
    EXPECT_EQ(machine.needs_from(), Backlog::kNobody);
    machine.transfer_begins(t0, kId, 0, out);
    backlog.feed_verbatim("abc");
    EXPECT_FALSE(machine.streaming());
    EXPECT_EQ(machine.needs_from(), 1);
    machine.transfer_ends(t0, mark, out);
    EXPECT_EQ(machine.streaming(), !mark);
    const std::string_view ack[] = {"REPLCONF", "ACK", "0"};
    ASSERT_TRUE(machine.replconf(t0, ack).ok());
    EXPECT_TRUE(machine.streaming());
  }
}

TEST(SourceMachine, AnAckThatOvertakesTheEndOfTheTransferOpensTheStreamToo) {
  for (const char* acked : {"41", "42"}) {
    SourceMachine machine("127.0.0.1", t0);
    Backlog backlog(1 << 20);
    backlog.activate();
    const History history(kId);
    SourceOut out;
    machine.psync(t0, "?", "-1", {history, backlog}, out);
    machine.transfer_begins(t0, kId, 42, out);
    const std::string_view ack[] = {"REPLCONF", "ACK", acked};
    ASSERT_TRUE(machine.replconf(t0, ack).ok());
    EXPECT_FALSE(machine.streaming());
    machine.transfer_ends(t0, true, out);
    // An ACK of less than the snapshot says nothing about it.
    EXPECT_EQ(machine.streaming(), acked == std::string_view("42"));
  }
}

TEST(SourceMachine, NobodyIsBelievedToHoldMoreThanWasSent) {
  SourceMachine machine("127.0.0.1", t0);
  Backlog backlog(1 << 20);
  backlog.activate();
  const History history(kId);
  SourceOut out;
  machine.psync(t0, kId, "1", {history, backlog}, out);
  backlog.feed_verbatim("abcdef");
  machine.sent(4);
  const auto ack = [&](std::string_view offset) {
    const std::string_view args[] = {"REPLCONF", "ACK", offset};
    EXPECT_TRUE(machine.replconf(t0, args).ok());
    return machine.acked_offset();
  };
  EXPECT_EQ(ack("9223372036854775807"), 4);
  EXPECT_EQ(ack("2"), 4);  // An older one does not take back.
  EXPECT_EQ(ack("nonsense"), 4);
  machine.sent(2);
  EXPECT_EQ(ack("5"), 5);
  const std::string_view durable[] = {"REPLCONF", "ACK", "6", "FACK", "99"};
  EXPECT_TRUE(machine.replconf(t0, durable).ok());
  EXPECT_EQ(machine.durable_offset(), 6);
}

TEST(SourceMachine, MalformedGreetingsGetAnError) {
  const std::vector<Request> bad = {{"REPLCONF", "listening-port"},
                                    {"REPLCONF", "listening-port", "x"},
                                    {"REPLCONF", "listening-port", "65536"},
                                    {"REPLCONF", "listening-port", "-1"},
                                    {"REPLCONF", "ip-address", std::string(256, 'i')},
                                    {"REPLCONF", "rdb-only", "2"},
                                    {"REPLCONF", "rdb-filter-only", "keys"},
                                    {"REPLCONF", "nonsense", "1"}};
  for (const Request& request : bad) {
    SourceMachine machine("127.0.0.1", t0);
    EXPECT_FALSE(machine.replconf(t0, views(request)).ok()) << request[1];
  }
  SourceMachine machine("127.0.0.1", t0);
  EXPECT_TRUE(machine.replconf(t0, views({"REPLCONF"})).ok());
  EXPECT_TRUE(machine.replconf(t0, views({"REPLCONF", "capa", "future"})).ok());
  const auto early = machine.replconf(t0, views({"REPLCONF", "ACK", "5"}));
  ASSERT_TRUE(early.ok());
  EXPECT_FALSE(early->answered);
  EXPECT_EQ(machine.acked_offset(), 0);
  Backlog backlog(100);
  const History history(kId);
  SourceOut out;
  Said said;
  machine.psync(t0, "?", "x", {history, backlog}, out);
  said.take(out);
  EXPECT_EQ(said.replies, "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(machine.state(), SourceMachine::State::kGreeting);
  machine.psync(t0, "?", "-1", {history, backlog, true}, out);
  said = {};
  said.take(out);
  EXPECT_TRUE(said.replies.starts_with("-NOMASTERLINK"));
}

TEST(SourceMachine, SilentAndSlowReplicasAreDropped) {
  Backlog backlog(1000);
  backlog.activate();
  const History history(kId);
  const SourceSettings settings{
      .hard_limit_bytes = 5000, .soft_limit_bytes = 2000, .soft_limit_for = Seconds(10)};
  SourceMachine machine("127.0.0.1", t0);
  SourceOut out;
  machine.psync(t0, kId, "1", {history, backlog}, out);
  const auto drops = [&](Nanos after, int64_t pending) {
    Said said;
    out.clear();
    machine.tick(t0 + after, settings, pending, backlog, out);
    said.take(out);
    return !said.drop.empty();
  };
  EXPECT_FALSE(drops(Seconds(60), 0));
  EXPECT_TRUE(drops(Seconds(60) + Nanos(1), 0));
  EXPECT_FALSE(drops(Seconds(1), 5000));
  EXPECT_TRUE(drops(Seconds(1), 5001));
  EXPECT_FALSE(drops(Seconds(2), 2001));   // The clock of the soft limit has begun at 1 s,
  EXPECT_FALSE(drops(Seconds(11), 2000));  // stops,
  EXPECT_FALSE(drops(Seconds(12), 2001));  // and begins again.
  EXPECT_FALSE(drops(Seconds(22), 2001));
  EXPECT_TRUE(drops(Seconds(22) + Nanos(1), 2001));
}

TEST(TransferPolicy, WaitsForTheDelayOrForEnoughReplicas) {
  const TransferPolicy diskless{.delay = Seconds(5), .enough = 3};
  EXPECT_FALSE(transfer_is_due(t0 + Seconds(9), 0, t0, diskless));
  EXPECT_FALSE(transfer_is_due(t0 + Millis(4999), 2, t0, diskless));
  EXPECT_TRUE(transfer_is_due(t0 + Millis(5000), 1, t0, diskless));
  EXPECT_TRUE(transfer_is_due(t0, 3, t0, diskless));
  EXPECT_TRUE(transfer_is_due(t0, 1, t0, {.diskless = false}));
  EXPECT_FALSE(transfer_is_due(t0, 100, t0, {.delay = Seconds(5)}));
}

}  // namespace
}  // namespace redan
