// SPDX-License-Identifier: Apache-2.0
// Go templates around YAML (KubeOne addons, Helm charts): made readable without rendering them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace airlock::kubeone {

/// What an action such as `.Values.image.tag | quote` stands for; nothing where only rendering tells.
using ActionValue = std::function<std::optional<std::string>(std::string_view)>;

/// KubeOne's template function `Registry` stands for its argument (pkg/addons/manifest.go, txtFuncMap).
std::optional<std::string> kubeone_action(std::string_view action);

/// A text whose actions are replaced, with as many lines as before: by their value, by a mark inside of a line, and
/// by nothing where a line has nothing else.
class TemplateText {
 public:
  struct Piece {
    std::string_view text;
    bool action = false;
  };

  TemplateText(std::string_view text, const ActionValue& value);

  const std::string& text() const { return text_; }
  /// Whether a part of the text has a mark.
  static bool is_marked(std::string_view part);
  /// A part of the text as it was written.
  std::string original(std::string_view part) const;

 private:
  void add(Piece piece, bool alone, const ActionValue& value);

  std::string text_;
  std::vector<std::string> actions_;  // by the number in their mark
};

}  // namespace airlock::kubeone
