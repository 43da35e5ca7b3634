// redan-sentinel CONF [--directive value ...]
#include <string>
#include <vector>

#include "sentinel/node.h"

int main(int argc, char** argv) {
  return redan::run_sentinel(std::vector<std::string>(argv, argv + argc));
}
