//! The events of the log: what happened, in a word that stays the same, on every line.
//!
//! A line is written as `info!(event = event::CONNECTED, conn = conn.number(); "…")`: this table is the only
//! source of the words, and of the table in docs/operating.md.

use log::kv::{ToValue, Value};

/// The name of an event. Only this table has any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName(&'static str);

impl EventName {
    /// The word, as it stands in the log.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl ToValue for EventName {
    fn to_value(&self) -> Value<'_> {
        self.0.to_value()
    }
}

macro_rules! events {
    ($($name:ident $word:literal $says:literal;)+) => {
        $(#[doc = $says] pub const $name: EventName = EventName($word);)+

        /// Every event with what it says, as it stands in docs/operating.md.
        pub const EVENTS: &[(EventName, &str)] = &[$(($name, $says)),+];

        #[cfg(test)]
        const NAMES: &[&str] = &[$(stringify!($name)),+];
    };
}

events! {
    STARTING "starting" "The server starts: its version, process and settings file.";
    DATA "data" "Which database is used, or that there is none; what was done to open it.";
    LISTENING "listening" "A listener is open, with its real address.";
    CERTIFICATE "certificate" "The TLS certificate has expired, or is not valid yet; where a reload finds that, it is a `reload_warning`.";
    CLUSTER "cluster" "How this node stands in its cluster.";
    DESCRIPTORS "descriptors" "The process may have fewer file descriptors than its connections could need.";
    READY "ready" "Every listener accepts.";
    RELOADED "reloaded" "The settings were read again and are in force.";
    RELOAD_FAILED "reload_failed" "The settings were read again, something is wrong, and all of the old stays.";
    RELOAD_WARNING "reload_warning" "What is odd about settings that were read again, such as one that needs a restart.";
    STOPPING "stopping" "The server was told to stop.";
    STOPPED "stopped" "Everybody has been told, all is written: the end.";
    START_FAILED "start_failed" "Why the server does not start, or ends before its time.";
    BAD_SETTING "bad_setting" "A setting or a line of `.env` that cannot be used: the server does not start.";
    SETTING_WARNING "setting_warning" "What is odd about the settings, such as a key that is no setting.";

    CONNECTED "connected" "A connection was accepted: its address, port and listener.";
    REFUSED "refused" "An address was refused a connection, by which limit; a line a second for each address at most, with how many others there were.";
    PROXY_HEADER_REFUSED "proxy_header_refused" "A proxy did not say, or not rightly or in time, for whom it stands; a line a second at most.";
    LOOKED "looked" "A connection that said nothing is over: a proxy saw whether the server is there.";
    HANDSHAKE_FAILED "handshake_failed" "A handshake of TLS came to nothing, or one of SSH and the login after it.";
    OTHER_PROTOCOL "other_protocol" "A client speaks HTTP, TLS on the plain port, or no TLS or SSH on the port for it.";
    LOGGED_IN "logged_in" "Somebody has a name.";
    WRONG_PASSWORD "wrong_password" "A wrong password of an account or a lobby, and from which address.";
    PASSWORD_UNCHECKED "password_unchecked" "A password could not be looked at.";
    JOINED_LOBBY "joined_lobby" "Somebody came into a lobby.";
    LEFT_LOBBY "left_lobby" "Somebody left a lobby.";
    LIMIT "limit" "Somebody met a limit, and which.";
    REGISTERED "registered" "Somebody made an account of their name.";
    UNREGISTERED "unregistered" "Somebody gave their account up.";
    RENAMED "renamed" "Somebody goes by another name.";
    PASSWORD_CHANGED "password_changed" "An account has another password.";
    CERTIFICATE_ADDED "certificate_added" "An account may be logged in to with a certificate or an SSH key.";
    CERTIFICATE_REMOVED "certificate_removed" "The same is over.";
    BOT_ADDED "bot_added" "An account has a bot more.";
    BOT_DELETED "bot_deleted" "It has one less.";
    ASKED "asked" "Somebody asked Rox something.";
    READ_FAILED "read_failed" "A connection broke off while it was read.";
    CUT_OFF "cut_off" "A client does not read what it is sent.";
    CLOSED "closed" "The server ends a connection, and why.";
    LOGGED_OUT "logged_out" "A name is free again.";
    DISCONNECTED "disconnected" "A connection is over, after how many seconds.";
    NOT_STARTED "not_started" "A connection was accepted and cannot be served.";

    LOBBY_CREATED "lobby_created" "Somebody made a lobby.";
    LOBBY_EXPIRED "lobby_expired" "A lobby was empty for too long and goes.";
    LOBBY_BROKE "lobby_broke" "A lobby had a fault.";
    LOBBY_RESTARTED "lobby_restarted" "A lobby that had a fault is set up again.";
    MODERATED "moderated" "A moderator did something: who, what, to whom, for how long. Never why.";
    ACCOUNTS_REMOVED "accounts_removed" "Accounts that were never used again go.";
    ADMIN_DOUBTFUL "admin_doubtful" "A name of CHAT_ADMINS is somebody else's account.";

    CONSOLE "console" "Where the operator's console is, or why there is none.";
    CONSOLE_DENIED "console_denied" "Another user of the machine opened the operator's console.";
    PASSWORD_GIVEN "password_given" "The operator made an account, or gave it a password.";
    BACKUP "backup" "The operator's console had the database copied, or why it is not.";
    DRAINING "draining" "No new connections are taken, until when, and whether anybody waits for that.";
    DRAIN_CANCELLED "drain_cancelled" "New connections are taken again.";
    DRAINED "drained" "A drain is over: how many were left.";

    AI_FAILED "ai_failed" "The AI gave no answer, or not all of it.";
    AI_WORKER_REPLACED "ai_worker_replaced" "A worker of the AI had a fault and is replaced.";

    DATA_FAILING "data_failing" "The database cannot be written: messages wait.";
    DATA_RECOVERED "data_recovered" "The database is written again.";
    DATA_BEHIND "data_behind" "The database does not keep up, or what that has cost.";
    DATA_REJECTED "data_rejected" "A change that contradicts what is stored was left out.";
    DATA_LOST "data_lost" "Changes could not be written before the end.";
    DATA_READER "data_reader" "A reader of the database is not to be had, or did not answer.";
    DATA_UPKEEP "data_upkeep" "Old messages could not be deleted, or the write-ahead log not emptied.";

    ENGINE "engine" "The engine of the cluster was found, lost, or cannot be used, and why.";

    ACCEPT_FAILING "accept_failing" "The machine gives no sockets: connections wait.";
    ACCEPT_RECOVERED "accept_recovered" "Connections are accepted again.";
    HTTP_FAILED "http_failed" "The HTTP service cannot be used, or one of its connections broke off.";
    ACTORS_SILENT "actors_silent" "Actors do not answer in time: the server is not ready.";
    ACTORS_ANSWER "actors_answer" "All actors answer again.";
    MANAGER_FAILED "manager_failed" "The service manager could not be told how the server is.";
    WATCHDOG_HELD "watchdog_held" "Actors do not answer: the watchdog is not fed, and the service manager starts the server anew.";
    WATCHDOG_FED "watchdog_fed" "All actors answer again, and the watchdog is fed.";
    SLOW_END "slow_end" "At the end some clients did not take their last line in time.";
    CLOCK_SET "clock_set" "The clock was set while the server runs.";
    CLOCK_DOUBTFUL "clock_doubtful" "The clock is far from the newest thing stored.";
    HASHER_FAILED "hasher_failed" "A password could not be hashed.";
    PRIORITY "priority" "A thread could not be given its lower priority.";
    FAULT "fault" "Something of the server panicked, and where.";
    LOG_LOST "log_lost" "Lines of the log that nobody read in time were lost.";
    LIBRARY "library" "A line of a library.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_its_name_in_small_letters() {
        for ((event, says), name) in EVENTS.iter().zip(NAMES) {
            assert_eq!(event.as_str(), name.to_lowercase());
            assert!(says.ends_with('.') && !says.contains('|'), "{says}");
        }
    }
}
