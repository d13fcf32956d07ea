//! What the server says about Rox in more than a line: a summary for one user, and what budgets are used up.

use crate::ai::budget::{Limits, Sum, Used};
use crate::chat::name::Name;
use crate::chat::text::Line;
use crate::render::Sheet;
use crate::render::form::Colour;

/// What was used of the budgets of the AI, as somebody may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageTold {
    /// By whoever asks: by their account, or by their address.
    pub own: Used,
    /// The lobby, and what was used there.
    pub lobby: (Name, Used),
    /// On the server, where they may know it.
    pub server: Option<Used>,
    /// What is set.
    pub limits: Limits,
}

/// What somebody has missed, for them alone. A summary is the words of a model, so none of its rows begins in the
/// first column.
pub(super) fn summary(sheet: &mut Sheet, rows: &[Line]) {
    sheet.on(Colour::Magenta).fixed("[AI summary for you, may be wrong]").off().newline();
    for row in rows {
        sheet.fixed("  ").line(row).newline();
    }
}

/// Questions and tokens, with their limits.
pub(super) fn usage(sheet: &mut Sheet, told: &UsageTold) {
    let UsageTold { own, lobby: (lobby, of_lobby), server, limits } = told;
    sheet.tinted(Colour::Cyan, "=== AI usage ===").newline();
    let you = |sheet: &mut Sheet| _ = sheet.fixed("You");
    row(sheet, you, " this hour: ", own.hour, (limits.user_per_hour, 0));
    row(sheet, you, " today: ", own.day, (0, 0));
    let here = |sheet: &mut Sheet| _ = sheet.fixed("Lobby '").name(lobby).fixed("'");
    row(sheet, here, " this hour: ", of_lobby.hour, (0, 0));
    row(sheet, here, " today: ", of_lobby.day, (limits.lobby_per_day, 0));
    if let Some(server) = server {
        let all = |sheet: &mut Sheet| _ = sheet.fixed("Server");
        row(sheet, all, " this hour: ", server.hour, (0, 0));
        row(sheet, all, " today: ", server.day, (limits.per_day, limits.tokens_per_day));
    }
}

fn row(
    sheet: &mut Sheet,
    whose: impl Fn(&mut Sheet),
    when: &'static str,
    sum: Sum,
    (questions, tokens): (u64, u64),
) {
    sheet.fitting(|sheet| {
        sheet.fixed("  ");
        whose(sheet);
        sheet.fixed(when);
        of(sheet, sum.questions, questions, " question", " questions");
        sheet.fixed(", ");
        of(sheet, sum.tokens, tokens, " token", " tokens");
        sheet.newline();
    });
}

/// A number, and its limit where there is one.
fn of(sheet: &mut Sheet, used: u64, limit: u64, one: &'static str, more: &'static str) {
    sheet.number(used);
    if limit > 0 {
        sheet.fixed(" of ").number(limit);
    }
    let last = if limit > 0 { limit } else { used };
    sheet.fixed(if last == 1 { one } else { more });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ai::budget::OverBudget;
    use crate::render::replies::tests::written;
    use crate::render::replies::{Reply, reply};

    fn told(what: Reply) -> String {
        written(|sheet| reply(sheet, &what))
    }

    fn used(hour: (u64, u64), day: (u64, u64)) -> Used {
        let sum = |(questions, tokens)| Sum { questions, tokens };
        Used { hour: sum(hour), day: sum(day) }
    }

    #[test]
    fn usage_is_told_with_its_limits_and_of_the_server_to_those_who_may_know() {
        let limits =
            Limits { user_per_hour: 20, lobby_per_day: 200, per_day: 1_000, tokens_per_day: 0 };
        let own = used((1, 10), (3, 1));
        let lobby = (Name::parse("general").unwrap(), used((2, 20), (12, 3_400)));
        let here = "=== AI usage ===\n  You this hour: 1 of 20 questions, 10 tokens\n  \
                    You today: 3 questions, 1 token\n  \
                    Lobby 'general' this hour: 2 questions, 20 tokens\n  \
                    Lobby 'general' today: 12 of 200 questions, 3400 tokens\n";
        let usage = UsageTold { own, lobby, server: None, limits };
        assert_eq!(told(Reply::AiUsage(usage.clone().into())), here);
        let limits = Limits { tokens_per_day: 50_000, ..limits };
        let all = UsageTold { server: Some(used((4, 40), (15, 5_000))), limits, ..usage };
        let server = "  Server this hour: 4 questions, 40 tokens\n  \
                      Server today: 15 of 1000 questions, 5000 of 50000 tokens\n";
        assert_eq!(told(Reply::AiUsage(all.into())), format!("{here}{server}"));
    }

    #[test]
    fn the_wait_for_a_budget_is_told_in_minutes_rounded_up() {
        for (millis, want) in [
            (1, "1 minutes."),
            (60_000, "1 minutes."),
            (60_001, "2 minutes."),
            (3_600_000, "60 minutes."),
        ] {
            let wait = Duration::from_millis(millis);
            let over = told(Reply::AiOverBudget(OverBudget::Hour(wait)));
            assert_eq!(over, format!("AI budget of this hour is used up. Wait {want}\n"));
            let over = told(Reply::AiOverBudget(OverBudget::CatchUp(wait)));
            assert_eq!(over, format!("Once in 10 minutes. Wait {want}\n"));
        }
        let over = told(Reply::AiOverBudget(OverBudget::Day));
        assert_eq!(over, "AI budget of today is used up.\n");
    }

    #[test]
    fn a_summary_stands_under_its_heading_and_none_of_its_rows_in_the_first_column() {
        let rows = [Line::clean("bob asked for help"), Line::clean("[LOBBY] all left")];
        let want = "[AI summary for you, may be wrong]\n  bob asked for help\n  [LOBBY] all left\n";
        assert_eq!(told(Reply::AiSummary(rows.into())), want);
    }
}
