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
#include <csignal>
#include <memory>
#include <thread>
#include <utility>

#include "airlock/base/error.hpp"
#include "airlock/base/event.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/handle.hpp"
#include "airlock/base/interrupt.hpp"

namespace airlock {

namespace {

constexpr int patience_ms = 2000;  // between asking a program to end and making it

/// Reading end, writing end.
std::pair<FileDescriptor, FileDescriptor> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(ErrorCode::internal, "cannot create a pipe to another program");
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

/// A running program; the destructor ends it and waits for it.
class Child {
 public:
  /// A thread of its own sees it end: kernels before 5.3 have no descriptor of another process.
  Child(pid_t pid, Event ended) : pid_(pid), ended_(std::move(ended)) {
    try {
      watcher_ = std::thread([this] {
        siginfo_t ignored;
        while (::waitid(P_PID, static_cast<id_t>(pid_), &ignored, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
        }
        ended_.set();
      });
    } catch (const std::system_error&) {
      end_now();
      throw Error(ErrorCode::internal, "the system gives no thread to wait for another program")
          .hint("allow more processes (ulimit -u)");
    }
  }
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    pollfd end{ended_.fd(), POLLIN, 0};
    if (::poll(&end, 1, patience_ms) == 1)
      reap();
    else
      end_now();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Can be read once it has ended.
  int ended() const { return ended_.fd(); }

  /// The exit status, as shells have it.
  int wait() {
    wait_until_readable(ended_.fd());
    const int status = reap();
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  void end_now() noexcept {
    ::kill(pid_, SIGKILL);  // there is no way not to hear this one
    reap();
  }
  int reap() noexcept {
    if (watcher_.joinable()) watcher_.join();  // before the number can be another program's
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return status;
  }

  pid_t pid_;
  Event ended_;
  std::thread watcher_;
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
std::string converse(const Child& child, FileDescriptor to, const FileDescriptor& from, std::string_view input,
                     std::size_t limit, const std::string& program) {
  ::fcntl(to.get(), F_SETFL, O_NONBLOCK);
  std::string output;
  std::array<char, 4096> buffer{};
  for (bool ended = false;;) {
    if (input.empty()) to = FileDescriptor();
    std::array<pollfd, 3> ends{pollfd{from.get(), POLLIN, 0}, pollfd{to.get(), POLLOUT, 0},
                               pollfd{child.ended(), POLLIN, 0}};
    wait_until_ready(ends);
    if (to && ends[1].revents != 0) {
      const ssize_t sent = ::write(to.get(), input.data(), input.size());
      // A program that does not read its input may still answer.
      if (sent >= 0 || errno != EAGAIN) input.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : input.size());
    }
    if (ends[0].revents == 0 && ended) return output;
    ended = ends[2].revents != 0;  // poll() looked at the output before: what was written last is seen the next time
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
  Event ended;
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
  Child child(pid, std::move(ended));
  their_input = FileDescriptor();
  their_output = FileDescriptor();
  ProcessResult result;
  result.output = converse(child, std::move(our_output), our_input, input, limit, command.front());
  result.status = child.wait();
  return result;
}

}  // namespace airlock
