//! `/help`: what one needs on the first evening, the rest by topics, and one command explained.

use crate::chat::command::{COMMANDS, Group, Page, Spec};
use crate::chat::roles::Right;
use crate::render::Sheet;
use crate::render::form::Colour;

/// The answer to `/help`.
pub fn help(sheet: &mut Sheet) {
    sheet.tinted(Colour::Cyan, "=== Available Commands ===").newline();
    sheet.fitting(|sheet| {
        sheet.fixed("A line that begins with / is a command, any other is said to everybody here.");
        sheet.newline().fixed("More: /help");
        let mut comma = " ";
        for topic in Group::ALL {
            if topic.commands().any(|spec| spec.page == Page::Topic) {
                sheet.fixed(comma).fixed(topic.word());
                comma = ", ";
            }
        }
        sheet.newline();
    });
    rows(sheet, COMMANDS.iter().filter(|spec| spec.page == Page::First));
}

/// The answer to `/help <topic>`.
pub fn topic(sheet: &mut Sheet, topic: Group) {
    sheet.on(Colour::Cyan).fixed("=== ").fixed(topic.title()).fixed(" ===").off().newline();
    rows(sheet, topic.commands());
}

fn rows(sheet: &mut Sheet, specs: impl Iterator<Item = &'static Spec>) {
    for spec in specs {
        sheet.fitting(|sheet| _ = usage(sheet.fixed("  ").on(Colour::Yellow), spec).newline());
    }
}

/// The answer to `/help <command>`.
pub fn explain(sheet: &mut Sheet, spec: &'static Spec) {
    sheet.on(Colour::Cyan).fixed("=== ").fixed(spec.word).fixed(" ===").off().newline();
    rows(sheet, [spec].into_iter());
    sheet.fixed("  For: ").fixed(whom(spec.right)).newline();
    sheet.fixed("  Example: ").fixed(spec.example).newline();
}

fn whom(right: Right) -> &'static str {
    match right {
        Right::Everyone => "everyone",
        Right::Guest => "whoever has no account",
        Right::Account => "whoever has an account",
        Right::Operator => "operators and owners of the lobby",
        Right::Owner => "owners of the lobby",
        Right::Admin => "admins of the server",
    }
}

/// A command's line of the help.
pub(super) fn usage<'s>(sheet: &'s mut Sheet, spec: &Spec) -> &'s mut Sheet {
    sheet.fixed(spec.word);
    if !spec.args.is_empty() {
        sheet.fixed(" ").fixed(spec.args);
    }
    sheet.off().fixed(" - ").fixed(spec.help)
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;
    use super::super::{Reply, reply};
    use super::*;
    use crate::chat::command::spec;
    use crate::render::{Form, Palette};

    /// A terminal of the smallest usual size.
    const COLUMNS: usize = 80;
    const ROWS: usize = 24;

    fn pages() -> impl Iterator<Item = String> {
        let topics = Group::ALL.into_iter().map(|group| written(|s| topic(s, group)));
        [written(help)].into_iter().chain(topics)
    }

    #[test]
    fn every_page_fits_the_screen_with_its_command_and_the_prompt() {
        for shown in pages() {
            assert!(shown.lines().count() + 2 <= ROWS, "{shown}");
            assert!(shown.lines().all(|l| l.chars().count() <= COLUMNS), "{shown}");
        }
    }

    #[test]
    fn a_usage_line_fits_the_terminal_whole_and_goes_on_away_from_the_edge() {
        for (width, spec) in [80, 60, 40].iter().flat_map(|w| COMMANDS.iter().map(move |s| (*w, s)))
        {
            let form = Form { width, palette: Palette::None, ..Form::default() };
            let mut sheet = Sheet::new(form);
            reply(&mut sheet, &Reply::Usage(spec));
            let shown = String::from_utf8(sheet.take().to_vec()).unwrap();
            let args = if spec.args.is_empty() { "" } else { " " };
            let whole = format!("Usage: {}{args}{} - {}\n", spec.word, spec.args, spec.help);
            assert_eq!(shown.replace("\n      ", ""), whole);
            assert!(shown.lines().all(|l| l.len() <= usize::from(width)), "{shown}");
            assert!(shown.lines().skip(1).all(|l| l.starts_with("      ")), "{shown}");
        }
    }

    #[test]
    fn every_command_has_its_line_under_one_topic() {
        let all: String = pages().skip(1).collect();
        for spec in &COMMANDS {
            let args = if spec.args.is_empty() { "" } else { " " };
            let line = format!("  {}{args}{} - {}", spec.word, spec.args, spec.help);
            assert_eq!(all.lines().filter(|l| *l == line).count(), 1, "{line}");
        }
    }

    #[test]
    fn the_first_page_has_what_one_needs_on_the_first_evening_and_names_the_rest() {
        let shown = written(help);
        assert!(shown.starts_with("=== Available Commands ===\n"), "{shown}");
        assert!(shown.contains("  /join <name> [password] - Go to another lobby\n"), "{shown}");
        for word in ["/help", "/users", "/lobbies", "/create", "/sp", "/msg", "/tag", "/quit"] {
            assert!(shown.contains(&format!("\n  {word} ")), "{word}");
        }
        assert!(!shown.contains("/kick"), "{shown}");
        for topic in ["lobbies", "settings", "accounts", "moderation", "owners", "admins"] {
            assert!(shown.lines().nth(2).unwrap().contains(&format!(" {topic}")), "{topic}");
        }
        assert!(!shown.contains("basics"), "all of it stands there: {shown}");
        assert!(shown.ends_with("  /quit - Disconnect\n"), "{shown}");
    }

    #[test]
    fn one_command_is_explained_with_an_example() {
        let shown = written(|s| explain(s, spec("/ban").unwrap()));
        assert_eq!(
            shown,
            "=== /ban ===\n  \
             /ban [-1] <user> [time] [reason] - Keep a user out (2h30m 7d; -1: only them)\n  \
             For: operators and owners of the lobby\n  \
             Example: /ban eve 7d Spam again\n"
        );
        for spec in &COMMANDS {
            let shown = written(|s| explain(s, spec));
            assert!(shown.lines().all(|l| l.chars().count() <= COLUMNS), "{shown}");
        }
    }
}
