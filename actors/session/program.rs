//! What programs and pages send, which read JSON: messages of a WebSocket, and lines that are objects.

use std::task::Poll;

use log::info;
use serde::Deserialize;

use super::commands::{list_lobbies, list_users};
use super::context::{Ctx, Done, Outcome};
use super::{Phase, Session};
use crate::chat::command::{self, Input};
use crate::chat::roles::Right;
use crate::chat::text::Line;
use crate::clock;
use crate::logging::event;
use crate::net::ws::Message;
use crate::render::frame;
use crate::render::replies::Reply;

/// What a line may be that is no text.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Object {
    /// Says this, whatever it begins with; a line end begins a row.
    Say(String),
    /// Carries this command out.
    Command(String),
    /// Tells what was said after this message.
    Since(u64),
}

impl Session {
    /// Takes what came over a WebSocket.
    pub(super) fn take_message(&mut self, message: Message) -> Poll<()> {
        match message {
            Message::Line(text) => {
                self.peer.note_input(clock::now());
                let line = text.trim_end_matches(['\n', '\r']);
                // Words do not become one where a line goes on.
                return match line.contains(['\n', '\r']) {
                    true => self.take_text(&line.replace(['\n', '\r'], " ")),
                    false => self.take_text(line),
                };
            }
            Message::Ping(payload) => {
                self.pace.took_nothing();
                self.peer.push(frame::pong(&payload));
            }
            Message::Pong => self.pace.took_nothing(),
            Message::End(code) => self.end_with(frame::close_back(code)),
            Message::Fault(why, reason) => {
                let (conn, code) = (self.peer.conn().number(), why.code());
                info!(event = event::CLOSED, conn = conn; "is closed: {code}, {reason}");
                self.end_with(frame::close(why, reason));
            }
        }
        Poll::Ready(())
    }

    /// Ends a WebSocket with this as its last frame.
    fn end_with(&mut self, last: bytes::Bytes) {
        self.unread.clear();
        self.end_held();
        self.peer.answer(last);
        self.close(None);
    }

    /// Takes a line of a program that is an object; none where it is a line like others.
    pub(super) fn take_object(&mut self, text: &str) -> Option<Poll<()>> {
        let is_object = self.peer.form().is_json() && text.trim_start().starts_with('{');
        if !is_object || !matches!(self.phase, Phase::Chatting(_)) {
            return None;
        }
        let max = self.thread.config.get().max_message_chars;
        Some(match serde_json::from_str(text) {
            Ok(Object::Say(said)) => {
                let said = said.replace("\r\n", "\n");
                let rows: Vec<Line> = said.split(['\n', '\r']).map(Line::clean).collect();
                let first = rows.iter().find(|row| !row.is_blank()).cloned().unwrap_or_default();
                self.take_in(command::say_rows(rows), first)
            }
            Ok(Object::Command(typed)) => {
                let line = Line::joined(&typed);
                match command::parse(line.clone(), max) {
                    input @ Input::Command { .. } => self.take_in(input, line),
                    Input::Blank | Input::Say(_) | Input::SayRows(_) | Input::Overlong => {
                        self.refuse_object()
                    }
                }
            }
            Ok(Object::Since(id)) => {
                let line = Line::clean(text);
                self.take_in(command::since(id), line)
            }
            Err(_) => self.refuse_object(),
        })
    }

    fn refuse_object(&mut self) -> Poll<()> {
        self.pace.refused_line();
        self.reply(&Reply::NotAnObject);
        Poll::Ready(())
    }

    /// A program that has logged in is told, below where it is, what the operator wants everybody to read, who is
    /// there, and which lobbies there are.
    pub(super) fn tell_program(&mut self) {
        if !self.peer.form().is_json() {
            return;
        }
        self.show_motd();
        if let Some(cx) = self.ctx(Right::Everyone) {
            self.wait_for(look_around(cx), Self::finish);
        }
    }
}

async fn look_around(cx: Ctx) -> Done {
    list_users(&cx).await?;
    list_lobbies(&cx, None, 1).await?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_one_of_three() {
        let read = |text| serde_json::from_str::<Object>(text).ok();
        assert_eq!(read(r#"{"say":"a\nb"}"#), Some(Object::Say("a\nb".into())));
        assert_eq!(read(r#"{"command":"/users"}"#), Some(Object::Command("/users".into())));
        assert_eq!(read(r#"{ "since" : 7 }"#), Some(Object::Since(7)));
        for text in [
            "{}",
            r#"{"say":7}"#,
            r#"{"since":-1}"#,
            r#"{"shout":"x"}"#,
            "{hello",
            "{\"say\":\"x\"} y",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
