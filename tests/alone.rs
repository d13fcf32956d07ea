//! The tests of one process, which are of a server alone also where the suite runs over several nodes: modules, and
//! single tests, each with the reason. What the documents promise to users is in none of them, but for limits that are
//! each node's.

/// Why a test is alone that changes the database of a server from outside.
const FILE: &str = "a database file that is changed while no process runs";

/// Why one is that holds a disk up.
const DISK: &str = "over nodes nobody waits for the disk of one process";

/// Why one is that sets a clock.
const CLOCK: &str = "over nodes the engine's clock counts, and not that of a process";

/// Why one is that keeps all workers busy.
const WORKERS: &str =
    "those who ask the AI, and the places where questions wait for them, are each node's";

/// A module, what the names of some begin with, or a test, and why.
pub(crate) const ALONE: &[(&str, &str)] = &[
    ("ai_peers", "programs that are asked by a process"),
    ("activation", "sockets that a service manager hands to a process"),
    ("arguments", "the command line"),
    (
        "budgets::tokens_are_counted_and_usage_is_told_to_those_who_may_know_and_to_the_metrics",
        "what a process counts",
    ),
    ("certs", "the certificate files of a process"),
    ("console", "the socket of one process, its file and its answers"),
    ("counting", "what a process counts"),
    ("deploying", "what an operator installs on a machine"),
    ("draining", "the end of one process"),
    ("engine", "starts its own engines and nodes"),
    ("exhaustion", "file descriptors and memory of a process"),
    ("expiring", "the certificate files of a process"),
    ("exporting", "the database file of a process"),
    ("faults", "actors of a process that break"),
    ("full_engine", "starts its own engines and nodes"),
    ("handshakes", "handshakes with one process"),
    ("limits", "limits of connections are each node's"),
    ("logs", "the log of one process"),
    ("manager", "one process and its service manager"),
    ("manual", "pages of the manual"),
    ("monitoring", "what a process counts"),
    ("around_nodes", "starts its own engines and nodes"),
    ("nodes", "starts its own engines and nodes"),
    ("nodes_", "starts its own engines and nodes"),
    ("several_machines", "starts its own engines and nodes"),
    ("stopping_nodes", "starts its own engines and nodes"),
    ("operator", "the listener of one process's operator"),
    ("operator_page", "the page of one process's operator"),
    ("page", "the web listener of one process"),
    ("picture", "the pictures of the documentation"),
    ("process", "the start and the end of one process"),
    ("proxies", "a proxy before one process"),
    ("proxying", "addresses that a proxy tells one process"),
    ("reloading", "settings and files that one process reads anew"),
    ("restore", "the database file of a process"),
    ("shutdown", "the end of one process"),
    ("ssh", "the SSH listener of one process"),
    ("ssh_bytes", "the SSH listener of one process"),
    ("store", "the database file of a process"),
    ("tls", "the TLS listener of one process"),
    ("wedged", "actors of a process that do not answer"),
    ("ai::a_user_has_one_question_open_and_an_address_half_of_the_workers", WORKERS),
    ("ai::more_questions_than_the_queue_takes_are_refused", WORKERS),
    ("hooks::a_draining_server_sends_hooks_away", "the end of one process"),
    (
        "rox_orders::an_answer_that_the_end_of_the_server_ends_is_shown_and_kept_as_far_as_it_went",
        "the end of one process",
    ),
    ("keeping::a_clock_that_has_jumped_hides_nothing_in_the_first_hour", CLOCK),
    ("keeping::a_clock_that_is_set_while_the_server_runs_hides_and_deletes_nothing", CLOCK),
    ("keeping::a_mute_and_a_ban_end_no_sooner_for_a_clock_that_is_set_ahead", CLOCK),
    ("keeping::what_grows_old_while_the_server_runs_is_shown_by_nothing", CLOCK),
    ("keeping::what_is_too_old_is_shown_by_nothing_from_that_moment_on", CLOCK),
    ("passwords::a_record_of_the_form_that_was_typed_opens_and_is_made_anew", FILE),
    ("passwords::so_does_that_of_a_lobby", FILE),
    ("passwords::what_the_operator_sets_is_what_the_login_reads", FILE),
    ("searching::a_search_that_takes_too_long_is_given_up_and_nobody_waits_for_it", FILE),
    ("told::a_name_is_kept_while_its_account_is_being_stored", DISK),
    ("told::an_account_is_stored_with_its_lobbies_and_its_mutes_or_not_at_all", DISK),
    ("told::whoever_leaves_while_they_are_being_put_out_is_out_all_the_same", DISK),
    ("whose::a_name_that_a_stranger_had_before_it_was_an_admins_makes_no_admin", FILE),
    (
        "lobbies::wrong_passwords_at_once_are_limited_like_wrong_ones_in_turn",
        "of one instant, a node does not know yet which wrong passwords others were given",
    ),
    (
        "login::logins_to_one_account_at_the_same_time_leave_one",
        "of one instant, a login that takes over another one which is not in yet may be told as coming and going",
    ),
    (
        "accounts::without_a_data_folder_accounts_live_until_the_exit",
        "over nodes the log outlives every process",
    ),
    ("whose::an_address_has_ten_times_as_much_in_all", "rate windows of guests are each node's"),
    (
        "whose::no_way_of_coming_back_refills_a_rate_window",
        "rate windows of guests are each node's",
    ),
];

/// So that whoever runs the suite over nodes need not run these again.
#[test]
#[ignore = "prints what to skip"]
fn tests_of_one_process() {
    for (name, _) in ALONE {
        let is_module = !name.contains("::") && !name.ends_with('_');
        println!("of one process: {name}{}", if is_module { "::" } else { "" });
    }
}
