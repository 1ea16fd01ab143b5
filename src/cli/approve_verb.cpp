// SPDX-License-Identifier: Apache-2.0
// approve and reject: a reviewer's signed yes or no.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "airlock/base/error.hpp"
#include "airlock/base/file.hpp"
#include "airlock/base/output.hpp"
#include "airlock/base/text.hpp"
#include "airlock/bundle/medium.hpp"
#include "airlock/bundle/signature_region.hpp"
#include "airlock/trust/policy.hpp"
#include "cli/signing.hpp"
#include "cli/verbs.hpp"

namespace airlock::cli {

namespace {

constexpr std::size_t max_document = 64U << 20;

struct ReviewVerbOptions : SignVerbOptions {
  std::string comment;
  std::string report;
  std::string policy;
  std::vector<std::string> findings;
  bool checklist = false;
  bool rejects = false;
};

void check_text(const char* option, const std::string& text) {
  constexpr std::size_t longest = 2000;
  if (text.size() > longest)
    throw Error(ErrorCode::usage,
                fmt::format("{} has {} bytes; a bundle stores at most {}", option, text.size(), longest))
        .hint("shorten it, and refer to the full review in it");
  if (!is_utf8(text))
    throw Error(ErrorCode::usage, fmt::format("{} is not in UTF-8", option))
        .hint("set the terminal's encoding to UTF-8 (LANG=C.UTF-8)");
}

/// What the decision was made by, for whoever asks later: by the files' names.
std::map<std::string, oci::Digest> documents_of(const ReviewVerbOptions& options) {
  std::map<std::string, oci::Digest> documents;
  std::vector<std::string> files = options.findings;
  for (const std::string& file : {options.report, options.policy})
    if (!file.empty()) files.push_back(file);
  for (const std::string& file : files) {
    const std::string name = std::filesystem::path(file).filename().string();
    if (!is_utf8(name))
      throw Error(ErrorCode::usage, printable(name, 200) + " is no name in UTF-8, as the signed statement needs it")
          .hint("give the file another name");
    const oci::Digest digest = oci::sha256(read_file(file, max_document));
    const auto [other, added] = documents.emplace(name, digest);
    if (!added && other->second != digest)
      throw Error(ErrorCode::usage, fmt::format("two different files are named {}", name))
          .hint("give one of them another name: the statement names them so");
  }
  return documents;
}

/// A page of airlock's is about one bundle; what else was looked at is the reviewer's own.
void check_page(const ReviewVerbOptions& options, const flow::SignRequest& request) {
  if (options.report.empty()) return;
  const std::string page = read_file(options.report, max_document);
  if (page.find("<dt>SHA256SUMS</dt>") == std::string::npos) return;
  const auto head = bundle::read_head(*bundle::open_medium(request.bundle, request.volumes));
  if (page.find(oci::sha256(head.sums).str()) == std::string::npos)
    throw Error(ErrorCode::trust, options.report + " is a page about another bundle")
        .hint("make one of this bundle: airlock report");
}

/// Asks each question of the policy: on stderr, answered on stdin, so that a person or a form can.
std::vector<trust::Answer> ask(const std::string& policy) {
  constexpr std::size_t longest = 300;
  const auto questions = trust::Policy::load(policy).content().questions;
  if (questions.empty())
    throw Error(ErrorCode::usage, policy + " has no questions")
        .hint("leave --checklist out, or add them (docs/policy.md)");
  std::vector<trust::Answer> answers;
  for (const std::string& question : questions) {
    const std::string shown = printable(question, longest);
    std::string answer;
    while (answer.empty()) {
      show(fmt::format("{} of {}: {} [yes, no, or a text] ", answers.size() + 1, questions.size(), shown));
      const auto line = read_line(STDIN_FILENO);
      if (!line)
        throw Error(ErrorCode::usage, fmt::format("no answer to \"{}\"", shown))
            .hint("answer every question; nothing was signed");
      answer = trim(line->view());
    }
    if (answer.size() > longest || !is_utf8(answer))
      throw Error(ErrorCode::usage, fmt::format("the answer is not a UTF-8 text of up to {} bytes", longest))
          .hint("give a short one, and the rest with --comment; nothing was signed");
    if (trust::declines(answer))
      throw Error(ErrorCode::policy, fmt::format("not approved: the answer to \"{}\" is no", shown))
          .hint("nothing was signed; airlock reject signs that it must not cross");
    answers.push_back({question, answer});
  }
  return answers;
}

void run(const ReviewVerbOptions& options, const GlobalOptions& global) {
  check_text(options.rejects ? "--reason" : "--comment", options.comment);
  if (options.rejects && trim(options.comment).empty())
    throw Error(ErrorCode::usage, "--reason says nothing")
        .hint("say why it must not cross: whoever is refused reads it");
  Reporter reporter(global.reporter());
  auto request = options.request();
  const auto documents = documents_of(options);
  check_page(options, request);
  const auto answers = options.checklist ? ask(options.policy) : std::vector<trust::Answer>();
  const auto key = options.signing.load();
  // Beside an approval by the same person, whose name it would have.
  if (options.rejects) request.name += ".rejection";
  const auto result =
      flow::review_bundle(request, key, {options.comment, options.rejects, documents, answers}, reporter);
  print_signed(options, request, result, key.public_key(), options.rejects ? "rejected" : "approved", global);
}

void add_documents(CLI::App& verb, ReviewVerbOptions& options) {
  const std::string group = "Decided by";
  verb.add_option("--report", options.report, "The page that was looked at: its digest is signed with the decision")
      ->type_name("FILE")
      ->group(group);
  verb.add_option("--policy", options.policy, "The policy that was judged by; likewise")
      ->type_name("FILE")
      ->group(group);
  verb.add_option("--findings", options.findings, "What a scanner found; likewise")
      ->allow_extra_args(false)
      ->type_name("FILE")
      ->group(group);
}

}  // namespace

void add_approve(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<ReviewVerbOptions>();
  options->add_to(verb);
  verb.add_option("--comment", options->comment, "The reviewer's comment; it is signed with the approval")
      ->type_name("TEXT");
  add_documents(verb, *options);
  verb.add_flag("--checklist", options->checklist, "Ask the questions of the policy; the answers are signed")
      ->needs("--policy")
      ->group("Decided by");
  global.add_to(verb);
  verb.footer(
      "Example:\n  airlock approve /media/usb/kubernetes.tar --key bob.key --comment \"scanned, change 4711\"\n"
      "Verify the exporter's signature first: airlock verify BUNDLE --key PUB. With the digest that it prints, "
      "--verified avoids reading everything a second time.");
  verb.callback([=, &global] { run(*options, global); });
}

void add_reject(CLI::App& verb, GlobalOptions& global) {
  const auto options = std::make_shared<ReviewVerbOptions>();
  options->rejects = true;
  options->add_to(verb);
  verb.add_option("--reason", options->comment, "Why; it is signed with the rejection")->required()->type_name("TEXT");
  add_documents(verb, *options);
  global.add_to(verb);
  verb.footer(
      "Example:\n  airlock reject /media/usb/kubernetes.tar --key bob.key --reason \"an image has a secret in it\"\n"
      "Every policy that names the reviewer's key refuses the bundle from then on.");
  verb.callback([=, &global] { run(*options, global); });
}

}  // namespace airlock::cli
