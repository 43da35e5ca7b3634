#include "clusterctl/command_line.h"

#include <algorithm>

#include "clusterctl/output.h"
#include "common/base/parse.h"

namespace redan {

namespace {

// The words under which an option is known, without dashes.
std::vector<std::string> names_of(const OptionSpec& option) {
  std::vector<std::string> names = {std::string(option.name)};
  for (const std::string_view alias : split(option.aliases, ' ')) {
    if (!alias.empty()) names.emplace_back(alias);
  }
  return names;
}

const OptionSpec* find_option(std::span<const OptionSpec> options, std::string_view word) {
  if (!word.starts_with("-")) return nullptr;
  const bool one_dash = !word.starts_with("--");
  std::string_view name = word.substr(one_dash ? 1 : 2);
  for (const OptionSpec& option : options) {
    for (const std::string& known : names_of(option)) {
      if (one_dash != (known.size() == 1)) continue;
      if (name == known || name == "cluster-" + known) return &option;
    }
  }
  return nullptr;
}

std::string dashed(const std::string& name) {
  return (name.size() == 1 ? "-" : "--") + name;
}

std::string shown(const OptionSpec& option) {
  std::string text;
  for (const std::string& name : names_of(option)) {
    text += (text.empty() ? "" : ", ") + dashed(name);
  }
  if (!option.value.empty()) text += " " + std::string(option.value);
  return text;
}

std::string list_options(std::span<const OptionSpec> options) {
  std::string text;
  for (const OptionSpec& option : options) {
    std::string line = "  " + shown(option);
    if (line.size() > 30) {
      line += "\n" + std::string(32, ' ');
    } else {
      line.append(32 - line.size(), ' ');
    }
    text += line + std::string(option.help) + "\n";
  }
  return text;
}

constexpr std::string_view kExitCodes =
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 (info, check) something is not healthy.\n";

}  // namespace

// --host, --port and --uri say in options what else is a word of the form HOST:PORT.
Result<void> CommandLine::take_connection_options() {
  if (!has("host") && !has("port") && !has("uri")) return kOk;
  std::string host = has("host") ? text("host") : "127.0.0.1";
  std::string port = has("port") ? text("port") : "6379";
  if (has("uri")) {
    std::string rest = text("uri");
    const std::string_view scheme = "redis://";
    if (!rest.starts_with(scheme)) return Error("--uri takes redis://..., not '" + rest + "'");
    rest.erase(0, scheme.size());
    rest = rest.substr(0, rest.find('/'));  // A database number means nothing here.
    if (const size_t at = rest.rfind('@'); at != std::string::npos) {
      const std::string who = rest.substr(0, at);
      const size_t colon = who.find(':');
      const std::string password = colon == std::string::npos ? who : who.substr(colon + 1);
      if (colon != std::string::npos && colon > 0) options_["user"] = {who.substr(0, colon)};
      if (!password.empty()) options_["pass"] = {password};
      rest.erase(0, at + 1);
    }
    const size_t colon = rest.rfind(':');
    if (!rest.empty()) host = rest.substr(0, colon);
    if (colon != std::string::npos) port = rest.substr(colon + 1);
  }
  if (verb_->node_word < 0) {
    return Error("'" + std::string(verb_->name) + "' takes its nodes as words, not from options");
  }
  const auto place = std::min(static_cast<size_t>(verb_->node_word), words_.size());
  words_.insert(words_.begin() + static_cast<long>(place), host + ":" + port);
  return kOk;
}

Result<void> CommandLine::take_address() {
  if (words_.empty()) return kOk;
  // "HOST PORT" is read as "HOST:PORT", as redis-cli does.
  if (words_[0].find(':') == std::string::npos && words_.size() > 1 &&
      words_[1].find(':') == std::string::npos && parse_int64(words_[1])) {
    words_[0] += ":" + words_[1];
    words_.erase(words_.begin() + 1);
  }
  Result<Endpoint> at = parse_endpoint(words_[0]);
  if (!at) return at.error();
  address_ = at.take();
  return kOk;
}

Result<CommandLine> CommandLine::parse(std::span<const VerbSpec> verbs,
                                       std::span<const OptionSpec> common, const Words& words) {
  CommandLine line;
  const auto verb_named = [&](const std::string& name) -> const VerbSpec* {
    for (const VerbSpec& verb : verbs) {
      if (verb.name == name) return &verb;
    }
    return nullptr;
  };
  // Options may stand before the verb, so the verb is found first. `--cluster VERB` is redis-cli's
  // way to say it.
  for (size_t i = 0; i < words.size() && line.verb_ == nullptr; ++i) {
    if (words[i] == "--cluster") continue;
    if (const OptionSpec* option = find_option(common, words[i])) {
      i += option->value.empty() ? 0 : 1;
      continue;
    }
    line.verb_ = verb_named(words[i]);
    if (line.verb_ == nullptr) {
      const bool option = words[i].starts_with("-");
      return Error((option ? "unknown option '" : "unknown verb '") + words[i] + "'");
    }
  }
  if (line.verb_ == nullptr) return Error("no verb given");
  bool seen_verb = false;
  bool verbatim = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--cluster" && !seen_verb) continue;
    if (!seen_verb && word == line.verb_->name) {
      seen_verb = true;
      continue;
    }
    if (word == "--" && !verbatim) {
      verbatim = true;
      continue;
    }
    const OptionSpec* option = nullptr;
    if (!verbatim) option = find_option(line.verb_->options, word);
    if (!verbatim && option == nullptr) option = find_option(common, word);
    // Behind a command for the nodes these letters are the command's own.
    const bool in_command =
        line.verb_->verbatim &&
        line.words_.size() > (line.has("host") || line.has("port") || line.has("uri") ? 0 : 1);
    if (in_command && (word == "-h" || word == "-p" || word == "-u")) option = nullptr;
    if (option == nullptr) {
      // A negative number is a word; so is all that a node is to get as it is.
      const bool plain = verbatim || !word.starts_with("-") || word == "-" ||
                         parse_int64(word).has_value() || in_command;
      if (!plain) {
        return Error("'" + std::string(line.verb_->name) + "' has no option '" + word + "'");
      }
      line.words_.push_back(word);
      continue;
    }
    const bool last = i + 1 == words.size();
    // `-h` is redis-cli's host, and help where no host follows.
    if (word == "-h" && (last || words[i + 1].starts_with("-"))) {
      line.options_["help"];
      continue;
    }
    Words& values = line.options_[std::string(option->name)];
    if (option->value.empty()) continue;
    if (last) return Error(word + " needs a value behind it");
    values.push_back(words[++i]);
    while (option->many && i + 1 < words.size() && !words[i + 1].starts_with("-") &&
           words[i + 1].find('=') != std::string::npos) {
      values.push_back(words[++i]);
    }
  }
  if (line.has("help")) return line;
  if (Result<void> taken = line.take_connection_options(); !taken) return taken.error();
  if (line.verb_->at_least > 0 && line.words_.empty()) {
    return Error(std::string(line.verb_->name) + " needs an address HOST:PORT");
  }
  if (line.verb_->name != "completion" && line.verb_->name != "help") {
    if (Result<void> address = line.take_address(); !address) return address.error();
  }
  if (line.words_.size() < line.verb_->at_least) {
    return Error(std::string(line.verb_->name) + " needs " + std::string(line.verb_->arguments));
  }
  if (line.words_.size() > line.verb_->at_most) {
    return Error("too many words: '" + line.words_.back() + "'");
  }
  return line;
}

std::string CommandLine::text(std::string_view option) const {
  const auto found = options_.find(std::string(option));
  return found == options_.end() || found->second.empty() ? "" : found->second.back();
}

Words CommandLine::all(std::string_view option) const {
  const auto found = options_.find(std::string(option));
  return found == options_.end() ? Words() : found->second;
}

Result<int64_t> CommandLine::number(std::string_view option, int64_t fallback, int64_t low,
                                    int64_t high) const {
  if (!has(option)) return fallback;
  const auto value = parse_int64(text(option));
  if (value && *value >= low && *value <= high) return *value;
  return Error("--" + std::string(option) + " takes a number from " + std::to_string(low) + " to " +
               std::to_string(high) + ", not '" + text(option) + "'");
}

std::string help(std::span<const VerbSpec> verbs, std::span<const OptionSpec> common) {
  std::string text =
      "clusterctl looks after clusters and sentinel deployments of Redan (and Redis) servers.\n\n"
      "Usage: clusterctl VERB ARGUMENTS [OPTIONS]\n\nVerbs:\n";
  for (const VerbSpec& verb : verbs) {
    std::string line = "  " + std::string(verb.name);
    line.append(14 - line.size(), ' ');
    text += line + std::string(verb.summary) + "\n";
  }
  text += "\nOptions of every verb:\n" + list_options(common);
  text +=
      "\n  clusterctl VERB --help shows a verb's own options and examples. Options may also be\n"
      "  written as redis-cli has them: --cluster-replicas is --replicas.\n\n";
  return text + std::string(kExitCodes);
}

std::string help(const VerbSpec& verb, std::span<const OptionSpec> common) {
  std::string text = "Usage: clusterctl " + std::string(verb.name) + " " +
                     std::string(verb.arguments) + " [OPTIONS]\n\n" + std::string(verb.text) + "\n";
  if (!verb.options.empty()) text += "\nOptions:\n" + list_options(verb.options);
  text += "\nOptions of every verb:\n" + list_options(common) + "\nExamples:\n";
  for (const std::string_view example : verb.examples) {
    text += "  clusterctl " + std::string(example) + "\n";
  }
  return text + "\n" + std::string(kExitCodes);
}

Result<std::string> completion(const std::string& shell, std::span<const VerbSpec> verbs,
                               std::span<const OptionSpec> common) {
  const auto options_of = [](std::span<const OptionSpec> options) {
    std::string words;
    for (const OptionSpec& option : options) {
      for (const std::string& name : names_of(option)) {
        if (name.size() > 1) words += (words.empty() ? "" : " ") + dashed(name);
      }
    }
    return words;
  };
  std::string names;
  std::string cases;
  for (const VerbSpec& verb : verbs) {
    names += (names.empty() ? "" : " ") + std::string(verb.name);
    cases += "    " + std::string(verb.name) + ") words=\"" + options_of(verb.options) +
             (verb.name == "completion" ? " bash zsh" : "") + "\" ;;\n";
  }
  const std::string general = options_of(common);
  if (shell == "bash") {
    return "# clusterctl completion bash: source this file, or put it into\n"
           "# /etc/bash_completion.d/clusterctl.\n"
           "_clusterctl() {\n"
           "  local current=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} words=\n"
           "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "    COMPREPLY=($(compgen -W \"" +
           names +
           "\" -- \"$current\"))\n"
           "    return\n"
           "  fi\n"
           "  case $verb in\n" +
           cases +
           "  esac\n"
           "  COMPREPLY=($(compgen -W \"$words " +
           general +
           "\" -- \"$current\"))\n"
           "}\n"
           "complete -o default -F _clusterctl clusterctl\n";
  }
  if (shell == "zsh") {
    std::string zsh_cases = cases;  // There `words` is the line itself.
    for (size_t at = 0; (at = zsh_cases.find(") words=", at)) != std::string::npos; ++at) {
      zsh_cases.replace(at, 8, ") found=");
    }
    return "#compdef clusterctl\n"
           "# clusterctl completion zsh > ${fpath[1]}/_clusterctl\n"
           "_clusterctl() {\n"
           "  if (( CURRENT == 2 )); then\n"
           "    compadd -- ${=:-" +
           names +
           "}\n"
           "    return\n"
           "  fi\n"
           "  local verb=${words[2]} found=\n"
           "  case $verb in\n" +
           zsh_cases +
           "  esac\n"
           "  compadd -- ${=found} ${=:-" +
           general +
           "}\n"
           "}\n"
           "_clusterctl \"$@\"\n";
  }
  return Error("completion knows bash and zsh, not '" + shell + "'");
}

}  // namespace redan
