// measure [GROUP...] [--rounds N] [--json FILE]: both device models in turn on the simulated Xen.
// Started by ./bench.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <span>

#include "tests/measure/figure.h"
#include "tests/measure/net.h"

namespace {

using measure::Group;

struct Arguments {
  std::vector<std::string> groups;
  std::size_t rounds = 5;
  std::string json;
};

std::vector<Group> all_groups() {
  return {measure::start_group(),   measure::memory_group(),    measure::ioreq_group(),
          measure::vga_group(),     measure::disk_group(),      measure::idle_group(),
          measure::display_group(), measure::lifecycle_group(), measure::net_group()};
}

int usage(const std::string& what) {
  fmt::print(stderr, "bench: {}\nbench [GROUP...] [--rounds N] [--json FILE]; groups:", what);
  for (const Group& group : all_groups()) fmt::print(stderr, " {}", group.name);
  fmt::print(stderr, "\n");
  return 2;
}

bool parse(std::span<char* const> words, Arguments& arguments, std::string& problem) {
  const std::vector<Group> groups = all_groups();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string word = words[i];
    if (word == "--rounds" || word == "--json") {
      if (++i == words.size()) {
        problem = word + ": a value is missing";
        return false;
      }
      if (word == "--json") {
        arguments.json = words[i];
        continue;
      }
      const std::string count = words[i];
      if (count.empty() || count.size() > 3 ||
          count.find_first_not_of("0123456789") != std::string::npos || std::stoul(count) == 0) {
        problem = "--rounds " + count + ": a number from 1 to 999";
        return false;
      }
      arguments.rounds = std::stoul(count);
      continue;
    }
    bool known = false;
    for (const Group& group : groups) known = known || group.name == word;
    if (!known) {
      problem = word + ": no such group";
      return false;
    }
    arguments.groups.push_back(word);
  }
  return true;
}

/// What a program does not give is null with the reason, never left out.
measure::Readings read(const Group& group, const measure::Program& program) {
  measure::Readings readings;
  std::string reason;
  if (!program.present()) {
    reason = program.path + " is not installed";
  } else {
    try {
      group.run(program, readings);
    } catch (const std::exception& error) {
      reason = error.what();
      std::replace(reason.begin(), reason.end(), '\n', ' ');
    }
  }
  if (reason.empty()) return readings;
  for (const measure::Figure& figure : group.figures) {
    if (!readings.value(figure.name)) readings.none(figure.name, reason);
  }
  return readings;
}

int run(std::span<char* const> words) {
  Arguments arguments;
  std::string problem;
  if (!parse(words, arguments, problem)) return usage(problem);

  std::vector<measure::Outcome> outcomes;
  for (const Group& group : all_groups()) {
    if (!arguments.groups.empty() && std::find(arguments.groups.begin(), arguments.groups.end(),
                                               group.name) == arguments.groups.end()) {
      continue;
    }
    std::vector<measure::Round> rounds;
    for (std::size_t i = 0; i < arguments.rounds; ++i) {
      measure::Round round;
      // Turn and turn about, so that neither always has the warmer machine.
      for (std::size_t turn = 0; turn < 2; ++turn) {
        const bool stock = (turn == 0) == (i % 2 == 0);
        fmt::print(stderr, "\r{}: round {} of {}, {}          ", group.name, i + 1,
                   arguments.rounds, stock ? "stock" : "xenolith");
        std::fflush(stderr);
        (stock ? round.stock : round.xenolith) =
            read(group, stock ? xensim::stock() : xensim::xenolith());
      }
      rounds.push_back(std::move(round));
    }
    fmt::print(stderr, "\r{:60}\r", "");
    std::vector<measure::Outcome> mine;
    for (const auto& figure : group.figures) mine.push_back(measure::outcome(figure, rounds));
    fmt::print("{}\n", measure::as_table(mine));
    std::fflush(stdout);
    outcomes.insert(outcomes.end(), mine.begin(), mine.end());
  }
  if (!arguments.json.empty()) {
    std::ofstream file(arguments.json);
    file << measure::as_json(outcomes);
    if (!file.flush()) {
      fmt::print(stderr, "bench: {}: cannot write it\n", arguments.json);
      return 1;
    }
  }
  for (const measure::Outcome& row : outcomes) {
    if (row.xenolith) return 0;
  }
  fmt::print(stderr, "bench: nothing could be measured\n");
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(std::span<char* const>(argv, static_cast<std::size_t>(argc)).subspan(1));
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench: {}\n", error.what());
    return 1;
  }
}
