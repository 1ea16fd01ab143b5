// SPDX-License-Identifier: Apache-2.0
#include "airlock/base/output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "airlock/base/error.hpp"
#include "airlock/base/text.hpp"

namespace airlock {

namespace {

void to_standard_output(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      std::signal(SIGPIPE, SIG_DFL);
      std::raise(SIGPIPE);
    } else if (errno != EINTR) {
      throw Error(ErrorCode::media, "cannot write to standard output")
          .hint("check whether the disk is full or the reader has ended");
    }
  }
}

void to_standard_error(const std::string& text) {
  [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

void open_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    // The lowest free descriptor is taken: those below are open already.
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF && ::open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_RDWR) != fd)
      ::_exit(static_cast<int>(ErrorCode::internal));
}

void print(std::string_view text) { to_standard_output(without_controls(text, true)); }

void print_content(std::string_view bytes) {
  static const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  if (terminal)
    print(bytes);
  else
    to_standard_output(bytes);
}

void print_json(const Json& value) { to_standard_output(pretty_json(value) + "\n"); }

void show(std::string_view text) { show_at({}, text); }

void show_at(std::string_view movements, std::string_view text) {
  to_standard_error(std::string(movements) + without_controls(text, true));
}

void show_json(const Json& value) { to_standard_error(json_line(value) + "\n"); }

}  // namespace airlock
