#include "server/command/node/user_sessions.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "common/base/parse.h"
#include "common/config/disk.h"
#include "server/command/node/client_text.h"
#include "server/drivers/client_io.h"
#include "server/session/node_control.h"

namespace redan {

namespace {

void close_session(ServerParts& server, Session& session) {
  sign_in(session, server.access.users.default_user());
  session.authenticated = session.unlimited = false;  // What it sent already is not obeyed.
  if (&session == server.access.asking) return session.connection->close_after_replies();
  session.connection->close_soon("its user is gone, or may not listen any more");
}

bool may_listen(const Session& session, const acl::User& user) {
  if (session.subscriptions == nullptr) return true;
  const auto all_of = [&user](const auto& names, bool are_patterns) {
    return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      return user.allows_channel(name, are_patterns);
    });
  };
  return all_of(session.subscriptions->channels, false) &&
         all_of(session.subscriptions->shard_channels, false) &&
         all_of(session.subscriptions->patterns, true);
}

bool all_channels_at_first(const ServerParts& server) {
  return server.config.acl_pubsub_default == AclPubsubDefault::kAllChannels;
}

}  // namespace

void user_changed(ServerParts& server, const acl::User* before, const acl::User* after) {
  if (before == nullptr) return;
  const bool other_channels = after != nullptr && !after->same_channels(*before);
  for (const auto& [id, session] : server.clients.sessions()) {
    if (session->user == nullptr || session->user != (after == nullptr ? before : after)) continue;
    if (after == nullptr || (other_channels && !may_listen(*session, *after))) {
      close_session(server, *session);
    } else {
      judge_anew(*session);
    }
  }
}

void note_denial(ServerParts& server, const Session& session, acl::Reason reason,
                 std::string_view object, std::string_view user) {
  Access& access = server.access;
  ++access.denied[static_cast<size_t>(reason)];
  const bool is_open = server.clients.find(session.id) == &session;  // Tests have others, too.
  access.denials.add({.reason = reason,
                      .context = session.in_multi() || session.in_exec ? "multi" : "toplevel",
                      .object = std::string(object),
                      .user = std::string(user),
                      .client = is_open ? client_line(server, session) : std::string()},
                     unix_ms(server.control.wall_now()),
                     static_cast<size_t>(server.config.acllog_max_len));
}

Result<void> load_users_file(ServerParts& server) {
  const std::string& path = server.access.file;
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  // (An empty file gives no bytes, which streams call a failure.)
  if (file) text << file.rdbuf();
  if (errno != 0 || !file.is_open()) {
    return Error("Error loading ACLs, opening file '" + path + "': " + std::strerror(errno));
  }
  return server.access.users.replace(text.str(), path, all_channels_at_first(server));
}

Result<void> save_users_file(ServerParts& server) {
  return replace_file(server.access.file, server.access.users.file_text());
}

LineList declarations(const ServerParts& server) {
  const acl::Directory& users = server.access.users;
  acl::Directory plain(server.commands);
  plain.set_default_password(server.config.requirepass);
  LineList lines;
  for (const auto& [name, user] : users.users()) {
    const bool is_plain =
        name == acl::kDefaultUser && acl::line_of(*user) == acl::line_of(plain.default_user());
    if (is_plain) continue;
    Words& words = lines.emplace_back(Words{name});
    for (const std::string& rule : user->rules()) {
      // Selectors are read from several words, as Redis writes them.
      for (const std::string_view word : split(rule, ' ')) words.emplace_back(word);
    }
  }
  return lines;
}

}  // namespace redan
