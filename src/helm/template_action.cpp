// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "airlock/base/text.hpp"
#include "airlock/helm/chart_images.hpp"

namespace airlock::helm {

namespace {

/// Words of an action, quotes kept; `|` and parentheses are words of their own.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  char quote = '\0';
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::exchange(word, {}));
  };
  for (const char c : text) {
    if (quote != '\0') {
      word += c;
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '`') {
      word += quote = c;
    } else if (c == '|' || c == '(' || c == ')') {
      end_word();
      words.emplace_back(1, c);
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      end_word();
    } else {
      word += c;
    }
  }
  end_word();
  return words;
}

/// One action; each function gives nothing where it does not know.
class Evaluator {
 public:
  using Value = std::optional<std::string>;

  Evaluator(std::vector<std::string> words, const Json& values, const Chart& chart)
      : words_(std::move(words)), values_(values), chart_(chart) {}

  Value run() {
    Value value = pipeline(0);
    return at_ == words_.size() ? value : std::nullopt;
  }

 private:
  static constexpr unsigned max_depth = 32;

  /// `a | b | c`, to the end or a closing parenthesis.
  Value pipeline(unsigned depth) {
    if (depth > max_depth) return std::nullopt;
    Value value = command(std::nullopt, depth);
    while (value && at_ < words_.size() && words_[at_] == "|") {
      ++at_;
      value = command(value, depth);
    }
    return value;
  }

  /// A function with its arguments, the piped one last; or one operand.
  Value command(const Value& piped, unsigned depth) {
    if (at_ == words_.size()) return std::nullopt;
    const std::string name = words_[at_];
    const bool function = name.front() != '"' && name.front() != '`' && name.front() != '.' && name.front() != '$' &&
                          name != "(" && !parse_number(name);
    if (function) ++at_;
    std::vector<std::string> arguments;
    while (at_ < words_.size() && words_[at_] != "|" && words_[at_] != ")") {
      const Value argument = operand(depth);
      if (!argument) return std::nullopt;
      arguments.push_back(*argument);
    }
    if (piped) arguments.push_back(*piped);
    if (function) return call(name, arguments);
    return arguments.size() == 1 && !piped ? Value(arguments.front()) : std::nullopt;
  }

  Value operand(unsigned depth) {
    const std::string word = words_[at_++];
    if (word == "(") {
      Value value = pipeline(depth + 1);
      if (at_ == words_.size() || words_[at_] != ")") return std::nullopt;
      ++at_;
      return value;
    }
    if (word.size() >= 2 && (word.front() == '"' || word.front() == '`') && word.back() == word.front())
      return word.substr(1, word.size() - 2);
    if (parse_number(word)) return word;
    return variable(word);
  }

  /// `.Values.a.b`, `$.Values.a.b`, `.Chart.AppVersion`. What values do not have is empty, as in a template.
  Value variable(std::string_view word) const {
    if (word.starts_with('$')) word.remove_prefix(1);
    if (word == ".Chart.AppVersion") return chart_.app_version;
    if (word == ".Chart.Version") return chart_.version;
    if (word == ".Chart.Name") return chart_.name;
    constexpr std::string_view values = ".Values.";
    if (!word.starts_with(values)) return std::nullopt;
    const Json* node = &values_;
    for (const std::string& key : split(word.substr(values.size()), '.')) {
      if (!node->is_object()) return std::string();
      const auto found = node->find(key);
      if (found == node->end()) return std::string();
      node = &*found;
    }
    if (node->is_null()) return std::string();
    if (node->is_structured()) return std::nullopt;
    return node->is_string() ? node->get<std::string>() : node->dump();
  }

  static Value call(const std::string& name, const std::vector<std::string>& arguments) {
    if (arguments.empty()) return std::nullopt;
    const std::string& last = arguments.back();
    if (name == "quote" || name == "squote") return last;  // what is quoted is a text all the same
    if (name == "toString" || name == "toYaml" || name == "print") return last;
    if (name == "trim") return std::string(trim(last));
    if (name == "lower") return to_lower(last);
    if (name == "default" && arguments.size() == 2) return last.empty() ? arguments.front() : last;
    if (name == "coalesce") return coalesce(arguments);
    if (name == "trimPrefix" && arguments.size() == 2)
      return last.starts_with(arguments.front()) ? last.substr(arguments.front().size()) : last;
    if (name == "trimSuffix" && arguments.size() == 2)
      return last.ends_with(arguments.front()) ? last.substr(0, last.size() - arguments.front().size()) : last;
    if (name == "printf") return print_formatted(arguments);
    return std::nullopt;
  }

  static Value coalesce(const std::vector<std::string>& arguments) {
    for (const std::string& argument : arguments)
      if (!argument.empty()) return argument;
    return std::string();
  }

  /// `%s` and `%v` only.
  static Value print_formatted(const std::vector<std::string>& arguments) {
    std::string text;
    std::size_t next = 1;
    const std::string& format = arguments.front();
    for (std::size_t i = 0; i < format.size(); ++i) {
      if (format[i] != '%') {
        text += format[i];
        continue;
      }
      const char kind = i + 1 < format.size() ? format[++i] : '\0';
      if ((kind != 's' && kind != 'v') || next == arguments.size()) return std::nullopt;
      text += arguments[next++];
    }
    return next == arguments.size() ? Value(text) : std::nullopt;
  }

  std::vector<std::string> words_;
  std::size_t at_ = 0;
  const Json& values_;
  const Chart& chart_;
};

}  // namespace

std::optional<std::string> evaluate_action(std::string_view action, const Json& values, const Chart& chart) {
  return Evaluator(words_of(action), values, chart).run();
}

}  // namespace airlock::helm
