"""Write the completions for bash, zsh and fish, from what the programs themselves say: the package's build does.

`dhcpd` and `omshell` have few options, which come from their own tables. The others complete by click, which asks the
program; what is written for them is what click says that a shell should load.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from click.shell_completion import get_completion_class

from dhcpd import cli
from dhcpd.adminctl.cli import dhcpd_admin
from dhcpd.omshell.__main__ import HELP
from dhcpd.replay.command.cli import cli as trace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import click

ASKED: Mapping[str, click.Command] = {"dhcpd-trace": trace, "dhcpd-admin": dhcpd_admin}
# Where each shell looks below /usr/share.
FOLDERS = {
    "bash": "bash-completion/completions/{}",
    "zsh": "zsh/vendor-completions/_{}",
    "fish": "fish/vendor_completions.d/{}.fish",
}


# Values of options that are names of files.
PATHS = {"FILE", "DIRECTORY", "SCRIPT"}


def main() -> None:
    """Write all of them below the folder that is named."""
    for place, text in completions():
        path = Path(sys.argv[1]) / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def completions() -> Iterator[tuple[str, str]]:
    """The place of each file below /usr/share, and its text."""
    for program, command in ASKED.items():
        variable = f"_{program.upper().replace('-', '_')}_COMPLETE"
        for shell, place in FOLDERS.items():
            made = get_completion_class(shell)
            assert made is not None, "click knows these shells"
            yield place.format(program), made(command, {}, program, variable).source()
    interfaces = {"bash": "ls /sys/class/net", "zsh": "_net_interfaces", "fish": "ls /sys/class/net"}
    for program, options, rest in (("dhcpd", cli.OPTIONS, interfaces), ("omshell", _of_omshell(), None)):
        yield FOLDERS["bash"].format(program), _bash(program, options, rest and rest["bash"])
        yield FOLDERS["zsh"].format(program), _zsh(program, options, rest and rest["zsh"])
        yield FOLDERS["fish"].format(program), _fish(program, options, rest and rest["fish"])


def _of_omshell() -> dict[str, str]:
    """The options of omshell's help: what it prints is the source."""
    found = re.findall(r"(?m)^  (-\S+)(?: ([A-Z]+))?,?.*?  +(\S.*)$", HELP)
    return {f"{option.rstrip(',')} {value}".strip(): text for option, value, text in found}


def _parted(option: str) -> tuple[str, str, str]:
    return option.partition(" ")


def _bash(program: str, options: Mapping[str, str], rest: str | None) -> str:
    function = f"_{program}_completion"
    words = " ".join(word for word, _, _ in map(_parted, options))
    files = "|".join(word for word, _, value in map(_parted, options) if value in PATHS)
    other = f'compgen -W "$({rest})"' if rest else "compgen -f"
    return f"""{function}() {{
    local word=${{COMP_WORDS[COMP_CWORD]}}
    case ${{COMP_WORDS[COMP_CWORD - 1]}} in
        {files}) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    esac
    case $word in
        -*) mapfile -t COMPREPLY < <(compgen -W "{words}" -- "$word") ;;
        *) mapfile -t COMPREPLY < <({other} -- "$word") ;;
    esac
}}
complete -o filenames -F {function} {program}
"""


def _zsh(program: str, options: Mapping[str, str], rest: str | None) -> str:
    lines = []
    for option, text in options.items():
        word, _, value = _parted(option)
        explained = re.sub(r"([\[\]:'])", "", text)
        action = f":{value.lower()}:{'_files' if value in PATHS else ''}" if value else ""
        lines.append(f"  '{word}[{explained}]{action}' \\")
    lines.append(f"  '*:interface:{rest}'" if rest else "  '*:file:_files'")
    return f"#compdef {program}\n_arguments \\\n" + "\n".join(lines) + "\n"


def _fish(program: str, options: Mapping[str, str], rest: str | None) -> str:
    lines = [f"complete -c {program} -f -a '({rest})'"] if rest else []
    for option, text in options.items():
        word, _, value = _parted(option)
        kind = f"-l {word[2:]}" if word.startswith("--") else f"-o {word[1:]}"
        wants = " -r -F" if value in PATHS else " -x" if value else ""
        explained = text.replace("'", "\\'")
        lines.append(f"complete -c {program} {kind}{wants} -d '{explained}'")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
