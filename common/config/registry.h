// All options of one config struct: the door through which its values are read, shown and changed.
//   ServerConfig config;
//   Registry registry(config, server_options());
//   registry.set({"maxmemory", "1gb", "hz", "20"}, {});
// A change is all or nothing: every value is checked and written, then the hooks of what changed
// run; if one refuses, the old values come back and the hooks that had run are run again for them.
// Used by one thread.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/config/option.h"

namespace redan {

using OptionList = std::vector<const Option*>;

// Joins the tables of a program's options, in their order.
OptionList join_options(std::initializer_list<std::span<const Option>> tables);

// Sets the option's member of `config` (of the struct that the option was declared for) to its
// fallback.
void set_fallback(const Option& option, void* config);

class Registry {
 public:
  // `config` outlives the registry. Its values stay as they are.
  template <class Config>
  Registry(Config& config, OptionList options)
      : Registry(&config, typeid(Config), std::move(options)) {}

  const OptionList& options() const { return options_; }
  // By name or alias, in any case; nullptr if there is none.
  const Option* find(std::string_view name) const;
  // The known name nearest to a misspelt one; empty if none is near.
  std::string_view nearest(std::string_view name) const;

  // Every value back at its fallback.
  void reset();
  bool at_fallback(const Option& option) const;
  std::string value(const Option& option) const { return option.field.write(option, config_); }
  // What the file says behind the name, a line each.
  std::vector<std::string> lines(const Option& option) const {
    return option.field.lines(option, config_);
  }

  // All values, and their way back.
  using Checkpoint = std::vector<Field::Copy>;
  Checkpoint checkpoint() const;
  void restore(const Checkpoint& checkpoint);

  // CONFIG GET: name and value of what the patterns match, each name once.
  std::vector<std::pair<std::string, std::string>> get(
      std::span<const std::string_view> patterns) const;

  struct Rights {
    bool may_set_protected = false;
    bool loading = false;  // a dataset is being loaded
  };
  // CONFIG SET name value [name value ...]; the errors are Redis'.
  Result<void> set(std::span<const std::string_view> names_and_values, const Rights& rights);
  Result<void> set(std::initializer_list<std::string_view> names_and_values, const Rights& rights) {
    return set(std::span(names_and_values.begin(), names_and_values.size()), rights);
  }

  // A line of the file or of the command line, before the program runs: words[0] is the name. No
  // hook is called. begin_load() forgets which options earlier lines have set.
  void begin_load() { loaded_.clear(); }
  Result<void> load_line(std::span<const std::string> words);
  // Was it set by a line since begin_load()?
  bool loaded(const Option& option) const { return loaded_.contains(&option); }

  // `apply` runs after CONFIG SET changed one of the options named, once for all of them. Its error
  // undoes the change. It is also called for the way back, so it should do what the config says.
  using Apply = std::function<Result<void>()>;
  void on_change(std::initializer_list<std::string_view> names, Apply apply);

 private:
  struct Hook {
    OptionList options;
    Apply apply;
  };
  struct Pending {
    const Option* option;
    std::string_view given_name;
    std::string_view value;
    Field::Copy before;
    bool changed;
  };

  Registry(void* config, const std::type_info& type, OptionList options);
  Result<const Option*> settable(std::string_view name, const Rights& rights) const;
  void roll_back(const std::vector<Pending>& done);

  void* config_;
  OptionList options_;
  std::map<std::string, const Option*, std::less<>> by_name_;  // lower-case names and aliases
  std::set<const Option*> loaded_;
  std::vector<Hook> hooks_;
};

}  // namespace redan
