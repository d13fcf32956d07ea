//! `/help`: what there is, a page at a time, and one command explained.

use crate::chat::command::{Group, Spec};
use crate::chat::roles::Right;
use crate::render::Sheet;
use crate::render::form::Colour;

/// Lines of a page: with the command above it and the prompt below it, a terminal of 24 lines holds
/// all of it.
const PAGE_LINES: usize = 22;

/// Lines at the top of every page.
const HEAD_LINES: usize = 2;

/// The groups on each page. A group stays together.
fn pages() -> Vec<Vec<Group>> {
    let (mut pages, mut lines) = (vec![Vec::new()], HEAD_LINES);
    for group in Group::ALL {
        let more = 1 + group.commands().count();
        if lines + more > PAGE_LINES {
            pages.push(Vec::new());
            lines = HEAD_LINES;
        }
        lines += more;
        if let Some(page) = pages.last_mut() {
            page.push(group);
        }
    }
    pages
}

/// The answer to `/help`: the page of this number, from 1; the last where there are fewer.
pub fn help(sheet: &mut Sheet, page: usize) {
    let pages = pages();
    let page = page.clamp(1, pages.len());
    sheet.tinted(Colour::Cyan, "=== Available Commands ===").newline();
    sheet.fixed("Page ").number(page as u64).fixed(" of ").number(pages.len() as u64);
    sheet.fixed(". /help ").number((page % pages.len() + 1) as u64);
    sheet.fixed(" shows another, /help <command> explains one.").newline();
    for group in &pages[page - 1] {
        sheet.tinted(Colour::Cyan, group.title()).newline();
        for spec in group.commands() {
            usage(sheet.fixed("  ").on(Colour::Yellow), spec).newline();
        }
    }
}

/// The answer to `/help <command>`.
pub fn explain(sheet: &mut Sheet, spec: &Spec) {
    sheet.on(Colour::Cyan).fixed("=== ").fixed(spec.word).fixed(" ===").off().newline();
    usage(sheet.fixed("  ").on(Colour::Yellow), spec).newline();
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
    use super::*;
    use crate::chat::command::{COMMANDS, spec};

    /// A terminal of the smallest usual size.
    const COLUMNS: usize = 80;
    const ROWS: usize = 24;

    fn page(number: usize) -> String {
        written(|s| help(s, number))
    }

    #[test]
    fn every_page_fits_the_screen_with_its_command_and_the_prompt() {
        for number in 1..=pages().len() {
            let shown = page(number);
            assert!(shown.lines().count() + 2 <= ROWS, "{shown}");
            assert!(shown.lines().all(|l| l.chars().count() <= COLUMNS), "{shown}");
            assert!(shown.starts_with("=== Available Commands ===\nPage "), "{shown}");
        }
    }

    #[test]
    fn every_command_has_its_line_on_one_page() {
        let all: String = (1..=pages().len()).map(page).collect();
        for spec in &COMMANDS {
            let args = if spec.args.is_empty() { "" } else { " " };
            let line = format!("  {}{args}{} - {}", spec.word, spec.args, spec.help);
            assert_eq!(all.lines().filter(|l| *l == line).count(), 1, "{line}");
        }
    }

    #[test]
    fn the_first_page_has_what_everybody_needs_and_ends_with_the_way_out() {
        let shown = page(1);
        assert!(shown.ends_with("  /quit - Disconnect\n"), "{shown}");
        assert!(shown.contains("  /join <name> [password] - Go to another lobby\n"), "{shown}");
        assert!(shown.contains("\nPage 1 of 4. /help 2 shows another, "), "{shown}");
        for word in ["/help", "/users", "/lobbies", "/create", "/sp", "/msg", "/tag", "/ai"] {
            assert!(shown.contains(&format!("  {word} ")), "{word}");
        }
    }

    #[test]
    fn a_page_that_is_not_there_is_the_nearest() {
        assert_eq!(page(0), page(1));
        assert_eq!(page(usize::MAX), page(pages().len()));
        assert!(page(4).contains("Page 4 of 4. /help 1 shows another"));
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
