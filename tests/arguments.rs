//! What is made of the table of arguments: the manual page, as groff formats it, and the completions, as each
//! shell makes use of them.

use std::fs;
use std::process::{Command, Output};

use crate::clients::have;
use crate::harness::{Folder, run};

/// What the program prints where it is asked with `args`.
fn printed(args: &[&str]) -> String {
    let folder = Folder::new();
    let output = run(folder.path(), &[], args);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that `--help` lists.
fn commands() -> Vec<String> {
    let help = printed(&["--help"]);
    let (_, listed) = help.split_once("Commands:\n").unwrap();
    let (listed, _) = listed.split_once("\n\n").unwrap();
    listed.lines().map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

/// What a program says, which must be content.
fn said(Output { status, stdout, stderr }: Output) -> String {
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success() && stderr.is_empty(), "{status} {stderr}");
    String::from_utf8(stdout).unwrap()
}

#[test]
fn the_manual_page_is_well_formed_and_tells_of_every_command_and_setting() {
    if !have(&["groff"]) {
        return;
    }
    let folder = Folder::new();
    let page = folder.join("lobbyd.1");
    fs::write(&page, printed(&["man"])).unwrap();
    let format = ["-man", "-Tascii", "-wall", "-rLL=200n", "-P-c", "-P-b", "-P-u"];
    let page = said(Command::new("groff").args(format).arg(&page).output().unwrap());
    for command in commands().iter().filter(|command| *command != "help") {
        assert!(page.contains(&format!("\n       lobbyd {command}")), "{command} in {page}");
    }
    let settings = printed(&["--check-config"]);
    for key in settings.lines().filter_map(|line| line.split_once('=')).map(|(key, _)| key) {
        assert!(page.contains(&format!("\n       {key}")), "{key} in {page}");
    }
    for heading in [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "OPTIONS",
        "COMMANDS",
        "ENVIRONMENT",
        "FILES",
        "EXIT STATUS",
        "SIGNALS",
        "EXAMPLES",
        "SEE ALSO",
    ] {
        assert!(page.contains(&format!("\n{heading}\n")), "{heading} in {page}");
    }
    let foot = concat!("lobbyd ", env!("CARGO_PKG_VERSION"));
    assert!(page.trim_end().lines().last().unwrap().starts_with(foot), "{page}");
}

/// Completes the last of some words in a shell, by a `script` that finds the completions in the file `$1`.
fn completed(shell: &str, script: &str, words: &[&str]) -> String {
    let folder = Folder::new();
    let file = folder.join(shell);
    fs::write(&file, printed(&["completions", shell])).unwrap();
    let mut command = Command::new(shell);
    match shell {
        "bash" => command.args(["--norc", "-c", script, shell]),
        "zsh" => command.args(["-f", "-c", script, shell]),
        _ => command.args(["--no-config", "-c", script]),
    };
    command.arg(&file).args(words).env("HOME", folder.path()).current_dir(folder.path());
    said(command.output().unwrap())
}

#[test]
fn bash_completes_commands_flags_and_shells() {
    if !have(&["bash"]) {
        return;
    }
    let script = r#"source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _lobbyd lobbyd "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let complete = |words: &[&str]| completed("bash", script, words);
    let all = complete(&["lobbyd", ""]);
    for command in commands() {
        assert!(all.lines().any(|line| line == command), "{command} in {all}");
    }
    assert_eq!(complete(&["lobbyd", "exp"]), "export\n");
    assert_eq!(complete(&["lobbyd", "gen-cert", "--f"]), "--force\n");
    assert_eq!(complete(&["lobbyd", "completions", "z"]), "zsh\n");
}

#[test]
fn fish_completes_commands_with_their_help_and_flags() {
    if !have(&["fish"]) {
        return;
    }
    let script = "source $argv[1]; complete -C \"$argv[2..]\"";
    let complete = |words: &[&str]| completed("fish", script, words);
    let all = complete(&["lobbyd", ""]);
    for command in commands() {
        assert!(all.lines().any(|line| line.starts_with(&format!("{command}\t"))), "{all}");
    }
    assert_eq!(
        complete(&["lobbyd", "exp"]),
        "export\tPrint the messages of a lobby as JSON, one a line\n"
    );
    assert!(complete(&["lobbyd", "gen-cert", "--f"]).starts_with("--force\t"));
}

#[test]
fn zsh_takes_up_the_completions_of_every_command() {
    if !have(&["zsh"]) {
        return;
    }
    let script = r#"autoload -Uz compinit; compinit -u -D; source "$1"
        [[ $_comps[lobbyd] == _lobbyd ]] || exit 1
        functions _lobbyd_commands"#;
    let all = completed("zsh", script, &[]);
    for command in commands() {
        assert!(all.contains(&format!("'{command}:")), "{command} in {all}");
    }
}
