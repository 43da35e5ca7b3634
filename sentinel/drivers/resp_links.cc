// Links over RESP: a data node's two connections, and a stock sentinel.
#include <set>

#include "common/base/parse.h"
#include "common/log/log.h"
#include "common/net/event_loop.h"
#include "common/net/resp_client.h"
#include "sentinel/drivers/links.h"
#include "sentinel/logic/commands.h"

namespace redan {

namespace {

constexpr std::string_view kHelloChannel = "__sentinel__:hello";

std::vector<std::string_view> views(const std::vector<std::string>& words) {
  return {words.begin(), words.end()};
}

std::string renamed(const Credentials& credentials, std::string_view command) {
  const auto found = credentials.renamed_commands.find(to_lower(command));
  return found == credentials.renamed_commands.end() ? std::string(command) : found->second;
}

NodeReply to_node_reply(const Result<Reply>& reply) {
  if (!reply) return {true, reply.error().message()};
  if (reply->kind == Reply::Kind::kInteger) return {false, std::to_string(reply->integer)};
  return {reply->is_error(), reply->text};
}

// EXEC's reply: the second half (CONFIG REWRITE, CLIENT KILL) is a courtesy that a server without a
// configuration file refuses; the change of role stands first and decides.
NodeReply to_exec_reply(const Result<Reply>& reply) {
  if (!reply || !reply->is_array() || reply->elements.empty()) {
    NodeReply answer = to_node_reply(reply);
    if (reply && !reply->is_error()) answer = {true, "EXEC was not carried out"};
    return answer;
  }
  const Reply& role = reply->elements[0];
  return {role.is_error(), role.text};
}

PrimaryDownReply to_down_reply(const Reply& reply) {
  PrimaryDownReply answer;
  const auto& fields = reply.elements;
  if (reply.kind != Reply::Kind::kArray || fields.size() != 3) return answer;
  answer.down = fields[0].integer == 1;
  answer.leader = fields[1].text == "*" ? std::nullopt : NodeId::from_hex(fields[1].text);
  // Zero is said by who was asked for no vote, or does not watch this primary.
  if (fields[2].integer > 0) answer.leader_epoch = Epoch(static_cast<uint64_t>(fields[2].integer));
  return answer;
}

// Wrong passwords are worth one line for each place, not one a second.
void report_refused_auth(const std::string& place, const Result<Reply>& reply) {
  static std::set<std::string> told;  // The loop's thread only.
  if (!reply) return;
  if (!reply->is_error()) {
    told.erase(place);
  } else if (told.insert(place).second) {
    log_warning("Unable to AUTH to {}: {}. Check 'sentinel auth-pass' and 'sentinel auth-user'.",
                place, reply->text);
  }
}

class RespLink : public LinkConnection {
 public:
  RespLink(LinkContext& context, const OpenLink& open, LinkEvents events, bool subscriber)
      : events_(std::move(events)),
        client_(context.loop->io(), {.to = {open.address.dialled(), open.address.port},
                                     .source_address = context.source_address,
                                     .connect_timeout = context.connect_timeout,
                                     .subscriber = subscriber}) {
    client_.on_closed([this](const Error& why) { events_.down(why.message()); });
  }

  // AUTH and the name by which CLIENT LIST shows us.
  void introduce(const LinkContext& context, const OpenLink& open, const Credentials& credentials,
                 std::string_view suffix) {
    if (!credentials.password.empty()) {
      const std::string auth = renamed(credentials, "AUTH");
      const auto checked = [place = open.address.text()](Result<Reply> reply) {
        report_refused_auth(place, reply);
      };
      if (credentials.user.empty()) {
        client_.request({auth, credentials.password}, checked);
      } else {
        client_.request({auth, credentials.user, credentials.password}, checked);
      }
    }
    const std::string name = "sentinel-" + context.self.hex().substr(0, 8) + std::string(suffix);
    client_.request({renamed(credentials, "CLIENT"), "SETNAME", name}, [](Result<Reply>) {});
  }

  void send(uint64_t request, const Request& message,
            const std::map<std::string, std::string>& renamed_commands) override {
    const std::vector<Words> commands = words(message, renamed_commands);
    for (size_t i = 0; i + 1 < commands.size(); ++i) {
      client_.request(views(commands[i]), [](Result<Reply>) {});
    }
    const bool asks_opinion = std::holds_alternative<AskPrimaryDown>(message);
    const bool transaction = commands.size() > 1;
    client_.request(
        views(commands.back()), [this, request, asks_opinion, transaction](Result<Reply> reply) {
          if (!reply) return;  // The link is down, which is told next.
          if (asks_opinion) return events_.answer(request, to_down_reply(*reply));
          events_.answer(request, transaction ? to_exec_reply(reply) : to_node_reply(reply));
        });
  }

 protected:
  LinkEvents events_;
  RespClient client_;
};

class Subscription : public RespLink {
 public:
  Subscription(LinkContext& context, const OpenLink& open, LinkEvents events)
      : RespLink(context, open, std::move(events), true) {
    const Credentials credentials = context.node_credentials(open.primary);
    introduce(context, open, credentials, "-pubsub");
    client_.request(
        {renamed(credentials, "SUBSCRIBE"), kHelloChannel}, [this](Result<Reply> reply) {
          if (reply) client_.close(Error("IOERR", "SUBSCRIBE was answered with: " + reply->text));
        });
    client_.on_push([this](Reply push) {
      const auto& parts = push.elements;
      if (parts.size() == 3 && parts[0].text == "subscribe") events_.up(client_.local_ip());
      if (parts.size() == 3 && parts[0].text == "message" && parts[1].text == kHelloChannel) {
        events_.hello(parts[2].text);
      }
    });
  }
};

}  // namespace

std::unique_ptr<LinkConnection> open_node_commands(LinkContext& context, const OpenLink& open,
                                                   LinkEvents events) {
  class Commands : public RespLink {
   public:
    Commands(LinkContext& context_, const OpenLink& open_, LinkEvents events_given)
        : RespLink(context_, open_, std::move(events_given), false) {
      introduce(context_, open_, context_.node_credentials(open_.primary), "-cmd");
      client_.on_connected([this] { events_.up(client_.local_ip()); });
    }
  };
  return std::make_unique<Commands>(context, open, std::move(events));
}

std::unique_ptr<LinkConnection> open_subscription(LinkContext& context, const OpenLink& open,
                                                  LinkEvents events) {
  return std::make_unique<Subscription>(context, open, std::move(events));
}

std::unique_ptr<LinkConnection> open_resp_peer(LinkContext& context, const OpenLink& open,
                                               LinkEvents events) {
  class Peer : public RespLink {
   public:
    Peer(LinkContext& context_, const OpenLink& open_, LinkEvents events_given)
        : RespLink(context_, open_, std::move(events_given), false) {
      introduce(context_, open_, context_.peer_credentials(), "-cmd");
      client_.request({"PING"}, [this](Result<Reply> reply) {
        if (reply) events_.up(client_.local_ip());
      });
    }
  };
  return std::make_unique<Peer>(context, open, std::move(events));
}

}  // namespace redan
