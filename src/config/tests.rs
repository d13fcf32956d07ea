use super::*;

fn load(pairs: &[(&str, &str)]) -> Result<Config, Vec<ConfigError>> {
    Config::load(lookup(pairs))
}

fn lookup(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
    move |key| pairs.iter().find(|(k, _)| *k == key).map(|(_, v)| (*v).to_owned())
}

/// The one thing that is wrong.
fn fault(pairs: &[(&str, &str)]) -> ConfigError {
    let mut faults = load(pairs).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

#[test]
fn nothing_set_gives_the_defaults() {
    let config = load(&[]).unwrap();
    assert_eq!(config.addr, Some(ListenAddr("[::]:8080".parse().unwrap())));
    assert_eq!(config.tls.addr, Some(ListenAddr("[::]:8443".parse().unwrap())));
    assert!(!config.tls.paths_were_set);
    assert_eq!((config.max_connections, config.max_connections_per_ip), (10_000, 10));
    assert_eq!((config.rate_messages, config.rate_window.as_secs()), (5, 10));
    assert_eq!((config.rate_hold, config.width), (40, Some(80)));
    assert_eq!(config.max_message_chars, 1_000);
    assert_eq!((config.history_age.as_secs(), config.history_messages), (300, 200));
    assert_eq!(config.login_timeout.as_secs(), 60);
    assert_eq!(config.idle_timeout, None);
    assert_eq!(config.lobby_idle.as_secs(), 7_200);
    assert_eq!((config.max_lobbies, config.max_lobbies_per_user), (1_000, 10));
    assert_eq!(config.outbound_limit_bytes, 262_144);
    assert_eq!(config.stall_timeout.as_secs(), 30);
    assert!(config.color);
    assert!(config.ai.is_none());
    assert_eq!(config.log_filter, "info");
}

#[test]
fn bad_values_name_the_key_the_value_and_what_was_expected() {
    let cases = [
        ("CHAT_ADDR", "nonsense"),
        ("CHAT_ADDR", ":99999"),
        ("CHAT_TLS_ADDR", "8443"),
        ("CHAT_MAX_CONNECTIONS", "-1"),
        ("CHAT_MAX_CONNECTIONS_PER_IP", "ten"),
        ("CHAT_RATE_MESSAGES", "5.5"),
        ("CHAT_RATE_WINDOW_SECS", "0"),
        ("CHAT_MAX_MESSAGE_CHARS", "0"),
        ("CHAT_HISTORY_SECS", "0"),
        ("CHAT_HISTORY_MESSAGES", "0"),
        ("CHAT_LOGIN_TIMEOUT_SECS", "0"),
        ("CHAT_IDLE_TIMEOUT_SECS", "never"),
        ("CHAT_LOBBY_IDLE_SECS", "0"),
        ("CHAT_MAX_LOBBIES", "0"),
        ("CHAT_MAX_LOBBIES_PER_USER", "0"),
        ("CHAT_OUTBOUND_LIMIT_BYTES", "0"),
        ("CHAT_STALL_TIMEOUT_SECS", "0"),
        ("CHAT_RATE_HOLD", "1001"),
        ("CHAT_COLOR", "yes"),
        ("CHAT_LOG", "xml"),
        ("CHAT_ADMIN_ADDR", "9100"),
        ("CHAT_WEB_ADDR", "8088"),
        ("CHAT_WEB_TLS", "yes"),
        ("CHAT_WEB_ORIGINS", "chat.example"),
        ("CHAT_WEB_ORIGINS", "https://chat.example/"),
        ("CHAT_ALLOW", "10.0.0.1/8"),
        ("CHAT_DENY", "everybody"),
        ("CHAT_PROXY_FROM", "10.0.0.0/8 ::1"),
        ("CHAT_WIDTH", "19"),
        ("CHAT_WIDTH", "501"),
        ("CHAT_WIDTH", "wide"),
        ("GEMINI_MODEL", "../secret?x"),
        ("GEMINI_BASE_URL", "ftp://x"),
        ("GEMINI_BASE_URL", "http://"),
        ("GEMINI_BASE_URL", "http://?x"),
        ("GEMINI_BASE_URL", "http://host:99999"),
        ("AI_PROVIDER", "claude"),
        ("AI_MODEL", "a model"),
        ("RUST_LOG", "lobbyd=loud"),
        ("RUST_LOG", "infoo"),
        ("RUST_LOG", "=,="),
        ("NATS_REPLICAS", "2"),
        ("NATS_REPLICAS", "7"),
        ("NATS_REPLICAS", "03"),
        ("NATS_ALLOW_REMOTE", "yes"),
        ("CHAT_CLUSTER", "a.b"),
        ("CHAT_CLUSTER", "a b"),
        ("CHAT_CLUSTER", "chat*"),
        ("CHAT_NODE", "one>"),
        ("CHAT_NODE", "a..b"),
        ("AI_TIMEOUT_SECS", "0"),
        ("AI_WORKERS", "0"),
        ("AI_QUEUE", "0"),
    ];
    for (key, value) in cases {
        let error = fault(&[(key, value)]);
        let text = error.to_string();
        assert_eq!(error.key, key);
        assert!(text.contains(value) && text.contains("expected"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}

#[test]
fn every_bad_value_is_told_in_the_order_of_the_table() {
    let pairs = [("AI_QUEUE", "0"), ("CHAT_WIDTH", "5"), ("CHAT_ADDR", "x"), ("CHAT_COLOR", "off")];
    let faults = load(&pairs).unwrap_err();
    let keys: Vec<_> = faults.iter().map(|fault| fault.key).collect();
    assert_eq!(keys, ["CHAT_ADDR", "CHAT_WIDTH", "AI_QUEUE"]);
    // What is good of it is read all the same.
    let (config, told) = Config::read(lookup(&pairs));
    assert_eq!(told, faults);
    assert_eq!((config.color, config.width), (false, Some(80)));
}

#[test]
fn zero_means_no_limit_only_where_it_is_said() {
    for key in ["CHAT_MAX_CONNECTIONS", "CHAT_MAX_CONNECTIONS_PER_IP", "CHAT_RATE_MESSAGES"] {
        assert!(load(&[(key, "0")]).is_ok(), "{key}");
    }
    assert_eq!(load(&[("CHAT_IDLE_TIMEOUT_SECS", "0")]).unwrap().idle_timeout, None);
}

#[test]
fn a_width_is_a_number_or_none_at_all() {
    for (text, want) in [("20", Some(20)), ("500", Some(500)), ("OFF", None), ("", Some(80))] {
        assert_eq!(load(&[("CHAT_WIDTH", text)]).unwrap().width, want, "{text}");
    }
    assert_eq!(load(&[("CHAT_RATE_HOLD", "0")]).unwrap().rate_hold, 0);
}

#[test]
fn an_empty_value_counts_as_unset() {
    let config = load(&[("CHAT_MAX_LOBBIES", ""), ("GEMINI_API_KEY", "")]).unwrap();
    assert_eq!(config.max_lobbies, 1_000);
    assert!(config.ai.is_none());
}

#[test]
fn addresses_have_short_forms() {
    for (text, want) in [
        (":0", "[::]:0"),
        ("localhost:80", "127.0.0.1:80"),
        ("0.0.0.0:81", "0.0.0.0:81"),
        ("[::1]:82", "[::1]:82"),
    ] {
        let config = load(&[("CHAT_ADDR", text)]).unwrap();
        assert_eq!(config.addr, Some(ListenAddr(want.parse().unwrap())), "{text}");
    }
    assert_eq!(load(&[("CHAT_ADDR", "OFF")]).unwrap().addr, None);
}

#[test]
fn an_address_with_a_password_is_refused_and_not_shown() {
    let error = fault(&[("GEMINI_BASE_URL", "http://user:pass@host")]).to_string();
    assert!(error.contains("****") && !error.contains("pass@"), "{error}");
}

#[test]
fn log_filters_may_name_modules() {
    for good in ["off", "INFO", "lobbyd", "warn,lobbyd=debug", "h2::proto,mio=error", "info/conn=1"]
    {
        assert!(load(&[("RUST_LOG", good)]).is_ok(), "{good}");
    }
}

#[test]
fn a_bad_value_is_shown_without_its_controls() {
    let error = fault(&[("CHAT_COLOR", "a\nb\u{1b}[31m")]).to_string();
    assert!(error.contains("a\\nb") && !error.contains('\u{1b}'), "{error}");
    assert_eq!(error.lines().count(), 1);
}

#[test]
fn the_api_key_is_never_shown() {
    let pairs = [("GEMINI_API_KEY", "sk-hidden")];
    assert!(Config::summary(lookup(&pairs)).contains("GEMINI_API_KEY=****"));
    let config = load(&pairs).unwrap();
    assert!(!format!("{config:?}").contains("sk-hidden"));
    let error = fault(&[("GEMINI_API_KEY", "sk hidden")]).to_string();
    assert!(error.contains("****") && !error.contains("hidden"), "{error}");
}

#[test]
fn an_engine_is_on_this_machine_unless_another_is_allowed() {
    let url = |url: &str, remote: &str| {
        load(&[("NATS_URL", url), ("NATS_ALLOW_REMOTE", remote)])
            .map(|config| config.cluster.engine)
    };
    for off in ["", "off", "OFF"] {
        assert_eq!(url(off, ""), Ok(None));
    }
    for here in ["nats://127.0.0.1:4222", "nats://u:secret@localhost,nats://[::1]"] {
        assert!(url(here, "").unwrap().is_some(), "{here}");
    }
    for there in ["nats://u:secret@10.0.0.1", "nats://localhost,nats://n2.example"] {
        assert!(url(there, "on").unwrap().is_some(), "{there}");
        let told = fault(&[("NATS_URL", there)]).to_string();
        assert!(told.contains("NATS_ALLOW_REMOTE=on") && !told.contains("secret"), "{told}");
    }
    for tls in ["tls://u:secret@localhost", "nats://localhost,tls://localhost"] {
        let told = fault(&[("NATS_URL", tls), ("NATS_ALLOW_REMOTE", "on")]).to_string();
        assert!(told.contains("in plain") && !told.contains("secret"), "{told}");
    }
    // Whatever is no address may be the password.
    for other in [
        "secret",
        "u:secret",
        "u:secret@localhost",
        "http://u:secret@localhost",
        "nats://u:sec@ret@h",
    ] {
        let told = fault(&[("NATS_URL", other)]).to_string();
        assert!(
            told.starts_with("NATS_URL: bad value '****': expected nats://[user:password@]host"),
            "{told}"
        );
        assert_eq!(told.lines().count(), 1);
    }
}

#[test]
fn the_summary_has_every_key() {
    let summary = Config::summary(lookup(&[("CHAT_COLOR", "off")]));
    assert!(KEYS.iter().all(|k| summary.contains(&format!("{}=", k.name))));
    assert!(summary.contains("CHAT_COLOR=off\n"));
}

#[test]
fn a_slash_at_the_end_of_the_base_url_does_not_matter() {
    let pairs = [("GEMINI_API_KEY", "k"), ("GEMINI_BASE_URL", "http://localhost:1/")];
    assert_eq!(load(&pairs).unwrap().ai.unwrap().base_url, "http://localhost:1");
    for good in ["https://[::1]:8080/proxy", "http://[::1]", "http://host/a/b"] {
        assert!(load(&[("GEMINI_BASE_URL", good)]).is_ok(), "{good}");
    }
}

#[test]
fn who_answers_is_set_or_follows_from_what_else_is() {
    let gemini = ("GEMINI_API_KEY", "g-key");
    let (url, model) = (("AI_BASE_URL", "http://localhost:11434/v1/"), ("AI_MODEL", "qwen2.5:7b"));
    let openai = ("AI_PROVIDER", "OpenAI");
    type Pairs<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Pairs<'_>, Option<Provider>); 8] = [
        (&[], None),
        (&[("AI_MODEL", "x"), ("AI_API_KEY", "k")], None),
        (&[gemini], Some(Provider::Gemini)),
        (&[url, model], Some(Provider::OpenAi)),
        (&[gemini, url], Some(Provider::Gemini)),
        (&[gemini, url, model, openai], Some(Provider::OpenAi)),
        (&[gemini, url, model, ("AI_PROVIDER", "gemini")], Some(Provider::Gemini)),
        (&[openai, url, model, ("AI_API_KEY", "k")], Some(Provider::OpenAi)),
    ];
    for (pairs, want) in cases {
        let ai = load(pairs).unwrap().ai;
        assert_eq!(ai.as_ref().map(|ai| ai.provider), want, "{pairs:?}");
        match ai {
            Some(ai) if ai.provider == Provider::OpenAi => {
                assert_eq!(
                    (ai.base_url.as_str(), ai.model.as_str()),
                    ("http://localhost:11434/v1", "qwen2.5:7b")
                );
                assert_eq!(ai.key.expose().is_empty(), !pairs.contains(&("AI_API_KEY", "k")));
            }
            Some(ai) => assert_eq!(ai.key.expose(), "g-key"),
            None => {}
        }
    }
    let missing: [(Pairs<'_>, &[&str]); 4] = [
        (&[openai], &["AI_BASE_URL", "AI_MODEL"]),
        (&[url], &["AI_MODEL"]),
        (&[openai, model, gemini], &["AI_BASE_URL"]),
        (&[("AI_PROVIDER", "gemini"), url, model], &["GEMINI_API_KEY"]),
    ];
    let bad = load(&[("AI_BASE_URL", "localhost:11434"), model]).unwrap_err();
    assert_eq!((bad.len(), bad[0].key), (1, "AI_BASE_URL"));
    for (pairs, want) in missing {
        let faults = load(pairs).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.key).collect::<Vec<_>>(), want, "{pairs:?}");
        assert!(faults.iter().all(|fault| fault.to_string().contains("expected")));
    }
    assert!(Config::summary(lookup(&[("AI_API_KEY", "hidden")])).contains("AI_API_KEY=****\n"));
}

#[test]
fn a_mistyped_key_is_matched_with_the_nearest() {
    assert_eq!(nearest_key("CHAT_COLOUR"), Some("CHAT_COLOR"));
    assert_eq!(nearest_key("CHAT_RATE_MESAGES"), Some("CHAT_RATE_MESSAGES"));
    assert_eq!(nearest_key("chat_color"), Some("CHAT_COLOR"));
    assert_eq!(nearest_key("AI_WORKER"), Some("AI_WORKERS"));
    assert_eq!(nearest_key("GEMINI_KEY"), Some("GEMINI_API_KEY"));
    assert!(nearest_key("NATS_URLS").is_some());
    for name in ["CHAT_COLOR", "RUST_LOG", "RUST_LOGS", "HOME", "AIR_QUALITY"] {
        assert_eq!(nearest_key(name), None, "{name}");
    }
}

#[test]
fn what_cannot_change_while_the_server_runs_is_put_back_and_named() {
    let (in_force, _) = Config::read(|_| None);
    let other = |key: &Key| match key.name {
        name if name.ends_with("_ADDR") => ":7".to_owned(),
        "CHAT_COLOR" | "CHAT_TELNET" | "AI_LOBBIES" => "off".to_owned(),
        "CHAT_LOG" => "json".to_owned(),
        "RUST_LOG" => "debug".to_owned(),
        "GEMINI_BASE_URL" | "AI_BASE_URL" => "http://localhost".to_owned(),
        "AI_PROVIDER" => "gemini".to_owned(),
        "NATS_URL" => "nats://localhost".to_owned(),
        "NATS_REPLICAS" => "3".to_owned(),
        "NATS_ALLOW_REMOTE" | "CHAT_WEB_TLS" => "on".to_owned(),
        "CHAT_WEB_ORIGINS" => "https://chat.example".to_owned(),
        "CHAT_PROXY_FROM" | "CHAT_ALLOW" | "CHAT_DENY" => "10.0.0.0/8".to_owned(),
        _ => key.default.parse().map_or("other".to_owned(), |n: u32| (n + 20).to_string()),
    };
    for key in &KEYS {
        let value = other(key);
        let mut pairs = vec![(key.name, value.as_str())];
        pairs.extend((key.name == "AI_PROVIDER").then_some(("GEMINI_API_KEY", "k")));
        pairs.extend((key.name == "AI_BASE_URL").then_some(("AI_MODEL", "llama3.2")));
        let mut config = load(&pairs).unwrap();
        let kept = config.keep_fixed(&in_force);
        assert_eq!(kept, if key.fixed { vec![key.name] } else { vec![] }, "{}", key.name);
        assert!(config.keep_fixed(&in_force).is_empty(), "{} is put back", key.name);
    }
}

#[test]
fn the_example_file_is_in_step_with_the_table() {
    let file = include_str!("../../.env.example");
    assert_eq!(file, example(), "write it anew from config::example()");
    let keys =
        file.lines().filter(|l| l.starts_with('#') && l.contains('=') && !l.starts_with("# "));
    assert_eq!(keys.count(), KEYS.len());
}
