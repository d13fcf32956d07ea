//! What a cluster's things are called on its engine. All names begin with the cluster's, so that two clusters on
//! one engine know nothing of each other.

use crate::chat::accounts::AccountId;
use crate::chat::lobbies::LobbyId;
use crate::cluster::engine::{Revision, Subject};

/// Characters of the name of a cluster or a node: the name of a machine has no more (POSIX, HOST_NAME_MAX).
const MAX_NAME: usize = 64;

/// Bytes of a key, well under what a subject may have.
const MAX_KEY: usize = 512;

/// Whether a text can name a cluster: it is a part of subjects, and of the names of streams and folders.
pub fn is_cluster(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

/// Whether a text can name a node: it is a key, and a part of subjects. Dots are as in the name of a machine.
pub fn is_node(text: &str) -> bool {
    text.len() <= MAX_NAME && text.split('.').all(is_cluster)
}

/// Whether a text can be a key: parts of visible characters with dots between them, and no `*` or `>`.
pub(super) fn is_key(text: &str) -> bool {
    let fits = |c: char| !c.is_whitespace() && !c.is_control() && !"*>".contains(c);
    text.len() <= MAX_KEY && text.split('.').all(|part| !part.is_empty() && part.chars().all(fits))
}

/// The names of one cluster's things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    cluster: String,
}

impl Names {
    pub(super) fn new(cluster: &str) -> Self {
        Self { cluster: cluster.to_owned() }
    }

    pub(super) fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The stream of the log.
    pub(super) fn log(&self) -> String {
        format!("{}_LOG", self.cluster)
    }

    /// All subjects of the log.
    pub(super) fn log_subjects(&self) -> String {
        format!("{}.log.>", self.cluster)
    }

    /// The bucket of the table of nodes.
    fn bucket(&self) -> String {
        format!("{}_NODES", self.cluster)
    }

    /// The stream of the table of nodes, as every client of the engine names that of a bucket.
    pub(super) fn table(&self) -> String {
        format!("KV_{}", self.bucket())
    }

    /// All subjects of the table.
    pub(super) fn table_subjects(&self) -> String {
        format!("$KV.{}.>", self.bucket())
    }

    /// The subject of a key.
    pub(super) fn key(&self, key: &str) -> String {
        format!("$KV.{}.{key}", self.bucket())
    }

    /// The key of a subject.
    pub(super) fn key_of<'a>(&self, subject: &'a str) -> Option<&'a str> {
        subject.strip_prefix("$KV.")?.strip_prefix(&self.bucket())?.strip_prefix('.')
    }

    /// Where one life of a node is sent something.
    pub(super) fn life(&self, node: &str, life: Revision) -> String {
        format!("{}.to.{node}.{}", self.cluster, life.0)
    }

    /// Where any life of a node is.
    pub(super) fn lives(&self, node: &str) -> String {
        format!("{}.to.{node}.*", self.cluster)
    }

    /// The subject of a record, as the engine knows it.
    pub(super) fn record(&self, subject: Subject) -> String {
        let cluster = &self.cluster;
        match subject {
            Subject::Lobby(LobbyId(id)) => format!("{cluster}.log.l.{id}"),
            Subject::LobbyOrders(LobbyId(id)) => format!("{cluster}.log.d.{id}"),
            Subject::Server => format!("{cluster}.log.s"),
            Subject::People => format!("{cluster}.log.p"),
            Subject::Account(AccountId(id)) => format!("{cluster}.log.a.{id}"),
            Subject::Nodes => format!("{cluster}.log.n"),
        }
    }

    /// The same back; none where it is none of ours.
    pub(super) fn record_of(&self, subject: &str) -> Option<Subject> {
        let rest = subject.strip_prefix(&self.cluster)?.strip_prefix(".log.")?;
        let found = match rest.split_once('.') {
            None if rest == "s" => Subject::Server,
            None if rest == "p" => Subject::People,
            None if rest == "n" => Subject::Nodes,
            Some(("l", id)) => Subject::Lobby(LobbyId(id.parse().ok()?)),
            Some(("d", id)) => Subject::LobbyOrders(LobbyId(id.parse().ok()?)),
            Some(("a", id)) => Subject::Account(AccountId(id.parse().ok()?)),
            _ => return None,
        };
        // Such as +7 and 007 are read as numbers, and written by nobody of ours.
        (self.record(found) == subject).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn subjects_are_found_again_and_no_others() {
        let names = Names::new("lobbyd");
        for (subject, text) in [
            (Subject::Lobby(LobbyId(7)), "lobbyd.log.l.7"),
            (Subject::LobbyOrders(LobbyId(u32::MAX)), "lobbyd.log.d.4294967295"),
            (Subject::Server, "lobbyd.log.s"),
            (Subject::People, "lobbyd.log.p"),
            (Subject::Account(AccountId(0)), "lobbyd.log.a.0"),
            (Subject::Nodes, "lobbyd.log.n"),
        ] {
            assert_eq!(names.record(subject), text);
            assert_eq!(names.record_of(text), Some(subject));
            assert_eq!(Names::new("lobbyd2").record_of(text), None);
        }
        for text in [
            "lobbyd.log.l.007",
            "lobbyd.log.l.+7",
            "lobbyd.log.l.4294967296",
            "lobbyd.log.l",
            "lobbyd.log.s.1",
            "lobbyd.log.x",
            "lobbyd.log.",
            "lobbyd.log.l.7.8",
            "lobbyd",
        ] {
            assert_eq!(names.record_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_cluster_has_no_name_that_would_reach_into_another() {
        for good in ["lobbyd", "a", "Chat-2_x", &"x".repeat(64)] {
            assert!(is_cluster(good) && is_node(good), "{good}");
        }
        assert!(is_node("chat1.example.org") && !is_cluster("chat1.example.org"));
        for bad in [
            "",
            "a b",
            "a*",
            ">",
            "$KV",
            "é",
            "a/b",
            ".",
            "a..b",
            ".a",
            "a.",
            &"x".repeat(65),
            "a\0",
            "a\n",
        ] {
            assert!(!is_cluster(bad) && !is_node(bad), "{bad}");
        }
    }

    #[test]
    fn a_key_is_what_a_subject_can_end_with() {
        for good in ["ann", "a.b", "é=/", "node-1"] {
            assert!(is_key(good), "{good}");
        }
        for bad in ["", "a b", "a.*", ">", "a..b", ".a", "a.", "a\r\n", &"x".repeat(513)] {
            assert!(!is_key(bad), "{bad}");
        }
        let names = Names::new("c");
        let subject = names.key("a.b");
        assert_eq!(subject, "$KV.c_NODES.a.b");
        assert_eq!(names.key_of(&subject), Some("a.b"));
        assert_eq!(Names::new("c2").key_of(&subject), None);
    }

    proptest! {
        #[test]
        fn whatever_a_subject_is_it_is_read_or_not(text in "(lobbyd)?(\\.log)?\\.?[ldsanx]?\\.?[0-9+.a-z]{0,12}") {
            let names = Names::new("lobbyd");
            if let Some(subject) = names.record_of(&text) {
                prop_assert_eq!(names.record(subject), text);
            }
        }
    }
}
