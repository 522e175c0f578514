#include "completion.hpp"

#include <CLI/CLI.hpp>

namespace peaberry::cli {
namespace {

std::string words_of(const CLI::App& app) {
  std::string out;
  for (const auto* sub : app.get_subcommands({})) out += (out.empty() ? "" : " ") + sub->get_name();
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames()) out += (out.empty() ? "--" : " --") + name;
  return out;
}

}  // namespace

Result<Output> completion_script(const CLI::App& app, const std::string& shell) {
  if (shell != "bash" && shell != "zsh" && shell != "fish") return fail(Errc::kInvalid, "shell \"" + shell + "\" is unknown", "use bash, zsh or fish");
  std::string out;
  if (shell == "fish") {
    for (const auto* sub : app.get_subcommands({})) {
      out += "complete -c peaberry -n __fish_use_subcommand -f -a " + sub->get_name() + "\n";
      for (const auto* inner : sub->get_subcommands({})) out += "complete -c peaberry -n '__fish_seen_subcommand_from " + sub->get_name() + "' -f -a " + inner->get_name() + "\n";
    }
  } else {
    if (shell == "zsh") out += "autoload -U +X bashcompinit && bashcompinit\n";
    out += "_peaberry() {\n  local current=\"${COMP_WORDS[COMP_CWORD]}\" words\n  case \"${COMP_WORDS[1]}\" in\n";
    for (const auto* sub : app.get_subcommands({})) out += "    " + sub->get_name() + ") words=\"" + words_of(*sub) + "\" ;;\n";
    out += "    *) words=\"" + words_of(app) + "\" ;;\n  esac\n  [ \"$COMP_CWORD\" -eq 1 ] && words=\"" + words_of(app) + "\"\n  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n}\ncomplete -F _peaberry -o default peaberry\n";
  }
  return Output{json::Object{{"shell", shell}, {"script", out}}, out};
}

}  // namespace peaberry::cli
