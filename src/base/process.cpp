// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <thread>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/handle.hpp"
#include "airlock/base/interrupt.hpp"

namespace airlock {

namespace {

constexpr int look_up_ms = 100;  // latency of an interruption

/// Reading end, writing end.
std::pair<FileDescriptor, FileDescriptor> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(ErrorCode::internal, "cannot create a pipe to another program");
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

/// A running program; the destructor ends it and waits for it.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    while (!ended() && std::chrono::steady_clock::now() < patience)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);  // cannot be ignored
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Whether it has ended by now.
  bool ended() {
    int status = 0;
    if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = 0;
      status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    return pid_ <= 0;
  }

  int wait() {
    while (!ended()) sleep_for(std::chrono::milliseconds(10));
    return status_;
  }

 private:
  pid_t pid_;
  int status_ = 0;
};

using SpawnAttributes = std::unique_ptr<posix_spawnattr_t, Releaser<posix_spawnattr_destroy>>;

/// Resets the signals that airlock ignores or blocks: a helper starts as from a shell.
void give_default_signals(posix_spawnattr_t& attributes) {
  sigset_t changed;
  sigemptyset(&changed);
  for (const int number : {SIGPIPE, SIGXFSZ}) sigaddset(&changed, number);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &changed);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

/// Writes all of `input` and reads until the program closes its output, or has ended: its background processes may
/// keep the output open.
std::string converse(Child& child, FileDescriptor to, const FileDescriptor& from, std::string_view input,
                     std::size_t limit, const std::string& program) {
  ::fcntl(to.get(), F_SETFL, O_NONBLOCK);
  std::string output;
  std::array<char, 4096> buffer{};
  for (;;) {
    if (input.empty()) to = FileDescriptor();
    const bool ended = child.ended();
    std::array<pollfd, 2> ends{pollfd{from.get(), POLLIN, 0}, pollfd{to.get(), POLLOUT, 0}};
    ::poll(ends.data(), ends.size(), look_up_ms);
    throw_if_interrupted();
    if (to && ends[1].revents != 0) {
      const ssize_t sent = ::write(to.get(), input.data(), input.size());
      // A program that does not read its input may still answer.
      if (sent >= 0 || errno != EAGAIN) input.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : input.size());
    }
    if (ends[0].revents == 0 && ended) return output;
    if (ends[0].revents == 0) continue;
    const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return output;
    output.append(buffer.data(), static_cast<std::size_t>(got));
    if (output.size() > limit) throw Error(ErrorCode::usage, program + " printed too much").hint("run it by hand");
  }
}

}  // namespace

std::optional<ProcessResult> run_process(const std::vector<std::string>& command, std::string_view input,
                                         std::size_t limit) {
  auto [their_input, our_output] = make_pipe();
  auto [our_input, their_output] = make_pipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, their_input.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, their_output.get(), STDOUT_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = 0;
  posix_spawnattr_t signals;
  posix_spawnattr_init(&signals);
  const SpawnAttributes released(&signals);
  give_default_signals(signals);
  const int failure = ::posix_spawnp(&pid, arguments.front(), &actions, &signals, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure == ENOENT) return std::nullopt;
  if (failure != 0)
    throw Error(ErrorCode::usage,
                fmt::format("{} cannot be run: {}", command.front(), std::generic_category().message(failure)))
        .hint("check its permissions and that it is a program for this machine");
  Child child(pid);
  their_input = FileDescriptor();
  their_output = FileDescriptor();
  ProcessResult result;
  result.output = converse(child, std::move(our_output), our_input, input, limit, command.front());
  result.status = child.wait();
  return result;
}

}  // namespace airlock
