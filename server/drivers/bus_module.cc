#include "server/drivers/bus_module.h"

#include <dlfcn.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace redan {

namespace {

namespace fs = std::filesystem;

// Beside the program; where packages put libraries of /usr/bin; for tests of the build tree.
constexpr const char* kPlaces[] = {".", "../lib/redan", "../bin"};

Result<fs::path> find_module() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return Error("cannot tell where the program lies: " + error.message());
  std::string tried;
  for (const char* place : kPlaces) {
    const fs::path path = (program.parent_path() / place / kBusModuleFile).lexically_normal();
    if (fs::exists(path, error)) return path;
    tried += (tried.empty() ? "" : ", ") + path.string();
  }
  return Error(std::string("Cluster mode needs ") + kBusModuleFile +
               ", which is built and installed with redan-server; it is in none of " + tried);
}

std::string loader_error() {
  const char* text = dlerror();
  return text != nullptr ? text : "unknown error";
}

}  // namespace

Result<std::unique_ptr<BusTransport>> load_bus_transport(BusTransport::Options options,
                                                         BusTransport::Events events) {
  const Result<fs::path> path = find_module();
  if (!path) return path.error();
  void* const module = dlopen(path->c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (module == nullptr) {
    return Error("Cluster mode needs a module that cannot be loaded: " + loader_error() +
                 "; are the packages of libgrpc++ and libprotobuf installed?");
  }
  const auto version = reinterpret_cast<BusModuleVersion>(dlsym(module, kBusModuleVersion));
  const auto open = reinterpret_cast<BusModuleOpen>(dlsym(module, kBusModuleOpen));
  if (version == nullptr || open == nullptr || std::string_view(version()) != kBusModuleBuild) {
    return Error(path->string() + " belongs to another version of redan-server: install both anew");
  }
  return std::unique_ptr<BusTransport>(open(std::move(options), std::move(events)));
}

}  // namespace redan
