//! The operator's page, in a real browser: it shows what goes on, and says when it cannot.

use std::fs;
use std::net::TcpListener;
use std::time::Instant;

use crate::browser::{Browser, Page, View};
use crate::harness::{PATIENCE, Server};
use crate::nodes::Cluster;
use crate::operator::admin_port;
use crate::store::{limit_file_size, start_with_a_limit_on_files};

/// The charts, and the colours that their lines have.
const CHARTS: [(&str, &[&str]); 6] = [
    ("Users", &["blue"]),
    ("Delivery", &["teal", "orange"]),
    ("Messages in", &["blue"]),
    ("Messages delivered", &["teal"]),
    ("Changes waiting for the store", &["violet"]),
    ("AI questions in a minute", &["rose"]),
];

const VIEWS: [View; 4] =
    [View::phone(false), View::phone(true), View::desktop(false), View::desktop(true)];

fn address(server: &Server) -> String {
    format!("http://127.0.0.1:{}/", admin_port(server))
}

fn start() -> (Server, String) {
    let server = Server::start(&[("CHAT_ADMIN_ADDR", "127.0.0.1:0")]);
    let url = address(&server);
    (server, url)
}

/// An expression: the text of an element.
fn text_of(id: &str) -> String {
    format!("document.getElementById('{id}').textContent")
}

fn shows(id: &str, text: &str) -> String {
    format!("{} === {text:?}", text_of(id))
}

/// An expression: the newest value of a chart, as its heading shows it.
fn value_of(chart: &str) -> String {
    let figures = "[...document.querySelectorAll('figure')]";
    format!(
        "{figures}.find(f => f.querySelector('h3').textContent === {chart:?}).querySelector('b').textContent"
    )
}

/// How many pixels of a chart have the colour that the page's style has for one of its lines, and how far
/// up in the chart the highest of them is, from 0 to 1.
fn drawn(page: &Page, chart: &str, color: &str) -> (u64, f64) {
    let found = page.run(&format!(
        "const figures = [...document.querySelectorAll('figure')];
        const figure = figures.find(f => f.querySelector('h3').textContent === {chart:?});
        const source = figure.querySelector('canvas');
        const {{ width, height }} = source;
        const canvas = document.createElement('canvas');
        Object.assign(canvas, {{ width, height }});
        const context = canvas.getContext('2d', {{ willReadFrequently: true }});
        context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--{color}');
        context.fillRect(0, 0, 1, 1);
        const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
        context.clearRect(0, 0, 1, 1);
        context.drawImage(source, 0, 0);
        const {{ data }} = context.getImageData(0, 0, width, height);
        let count = 0, top = height;
        for (let i = 0; i < data.length; i += 4) {{
            const off = Math.abs(data[i] - red) + Math.abs(data[i + 1] - green) + Math.abs(data[i + 2] - blue);
            if (off > 24 || data[i + 3] < 200) continue;
            count += 1;
            top = Math.min(top, Math.floor(i / 4 / width));
        }}
        return [count, 1 - top / height];"
    ));
    (found[0].as_u64().unwrap(), found[1].as_f64().unwrap())
}

/// Waits until a line has been drawn in the colours of now: a page draws when it next has a frame to show.
fn wait_until_drawn(page: &Page, chart: &str, color: &str) {
    let start = Instant::now();
    while drawn(page, chart, color).0 == 0 {
        assert!(start.elapsed() < PATIENCE, "nothing {color} in {chart:?}, {:?}", page.view);
    }
}

/// The same for every line of every chart.
fn wait_until_all_drawn(page: &Page) {
    for (chart, colors) in CHARTS {
        colors.iter().for_each(|color| wait_until_drawn(page, chart, color));
    }
}

#[test]
fn the_page_follows_what_people_do_on_a_phone_and_on_a_desk_by_day_and_by_night() {
    let Some(browser) = Browser::start() else { return };
    let (server, url) = start();
    let pages = VIEWS.map(|view| browser.open(&url, view));
    for page in &pages {
        page.wait(&shows("word", "Ready"));
        page.wait(&shows("users", "0"));
        assert!(page.text("#listeners").contains(&server.port.to_string()));
    }
    let _bob = server.login("bob");
    let mut alice = server.login("alice");
    let mut number = 0;
    for page in &pages {
        page.wait(&shows("users", "2"));
        page.wait(&shows("connections", "2"));
        page.wait(&shows("lobbies", "1"));
        for chart in ["Messages in", "Messages delivered"] {
            page.wait_while(&format!("parseFloat({}) > 0", value_of(chart)), || {
                number += 1;
                alice.ask(&format!("hello {number}"), &format!("hello {number}\n"));
            });
        }
        page.wait_while(&format!("{}.endsWith(' ms')", value_of("Delivery")), || {
            number += 1;
            alice.ask(&format!("hello {number}"), &format!("hello {number}\n"));
        });
        wait_until_all_drawn(page);
        let (_, height) = drawn(page, "Users", "blue");
        assert!(height > 0.3, "two of five users stand at {height} of the chart's height");
        assert!(!page.is_too_wide(), "{:?}", page.view);
        assert_eq!(page.complaints(), Vec::<String>::new(), "{:?}", page.view);
    }
}

#[test]
fn the_page_of_a_node_has_a_table_of_all_nodes() {
    let Some(browser) = Browser::start() else { return };
    let (alone, url) = start();
    let page = browser.open(&url, VIEWS[0]);
    page.wait(&shows("word", "Ready"));
    page.wait("document.getElementById('cluster').hidden");
    drop(alone);
    let Some(mut cluster) = Cluster::start_with(2, &[("CHAT_ADMIN_ADDR", "127.0.0.1:0")]) else {
        return;
    };
    let _alice = cluster.nodes[1].login("alice");
    let page = browser.open(&address(&cluster.nodes[0]), VIEWS[0]);
    let row = |number: usize, cell: usize| {
        format!("document.getElementById('nodes').rows[{number}]?.cells[{cell}].textContent ?? ''")
    };
    page.wait(&format!("({}) === '✓ up'", row(0, 0)));
    page.wait(&format!("({}) === '✓ up' && ({}) === '1'", row(1, 0), row(1, 2)));
    let version = env!("CARGO_PKG_VERSION");
    for (number, name) in ["node1", "node2"].into_iter().enumerate() {
        page.wait(&format!("({}).startsWith('{name} {version}, at ')", row(number, 1)));
    }
    assert!(!page.is_too_wide(), "{:?}", page.view);
    cluster.kill(1);
    page.wait(&format!("({}) === '! gone' && ({}) === '0'", row(1, 0), row(1, 2)));
    page.wait(&format!(r"/^node2 [\d.]+, for \d+ s$/.test({})", row(1, 1)));
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn the_charts_are_read_by_mouse_touch_and_keys_and_follow_the_systems_colours() {
    let Some(browser) = Browser::start() else { return };
    let (server, url) = start();
    let _alice = server.login("alice");
    let (desk, phone) = (browser.open(&url, VIEWS[2]), browser.open(&url, VIEWS[1]));
    let time = r"/^\d\d:\d\d:\d\d$/";
    let when = "[...document.querySelectorAll('.when')]";
    for page in [&desk, &phone] {
        page.wait(&format!("{} === '1'", value_of("Users")));
    }
    // All charts show the moment that is pointed at in one.
    desk.point_at("figure:nth-child(2) .plot");
    desk.wait(&format!("{when}.every(w => {time}.test(w.textContent))"));
    phone.tap("figure:nth-child(3) .plot");
    phone.wait(&format!("{when}.every(w => {time}.test(w.textContent))"));

    desk.point_at("#word");
    desk.wait(&format!("{when}.every(w => w.textContent === '')"));
    // The choice of what time is shown, then the first chart.
    desk.press("Tab");
    desk.press("Tab");
    desk.press("ArrowLeft");
    desk.wait(r"/^Users at \d\d:\d\d:\d\d: 1$/.test(document.getElementById('read').textContent)");
    desk.press("Escape");
    desk.wait(&format!("{when}.every(w => w.textContent === '')"));

    wait_until_all_drawn_but_deliveries(&desk);
    desk.prefer_dark(true);
    let ground = "getComputedStyle(document.body).backgroundColor";
    desk.wait(&format!("{ground}.match(/\\d+/g).every(part => part < 40)"));
    wait_until_all_drawn_but_deliveries(&desk);
    for page in [desk, phone] {
        assert_eq!(page.complaints(), Vec::<String>::new(), "{:?}", page.view);
    }
}

/// Nobody has said anything: there is no time of a delivery.
fn wait_until_all_drawn_but_deliveries(page: &Page) {
    for (chart, colors) in CHARTS.iter().filter(|(chart, _)| *chart != "Delivery") {
        wait_until_drawn(page, chart, colors[0]);
    }
}

/// A port that is still free when the server is started again: none of those that the system gives.
fn port_to_keep() -> u16 {
    let start = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (start..32_000).find(is_free).unwrap()
}

#[test]
fn the_page_says_that_the_server_is_gone_and_begins_anew_with_the_next() {
    let Some(browser) = Browser::start() else { return };
    let admin = format!("127.0.0.1:{}", port_to_keep());
    let env = [("CHAT_ADMIN_ADDR", admin.as_str())];
    let mut server = Server::start(&env);
    let url = address(&server);
    let pages = [VIEWS[0], VIEWS[3]].map(|view| browser.open(&url, view));
    let alice = server.login("alice");
    for page in &pages {
        page.wait(&format!("{} === '1'", value_of("Users")));
        assert_eq!(page.complaints(), Vec::<String>::new(), "{:?}", page.view);
    }
    server.signal("KILL");
    server.wait();
    drop(alice);
    for page in &pages {
        page.wait(&shows("word", "Unreachable"));
        let since = r"/^Cannot be reached since \d\d:\d\d:\d\d\. What is shown is from then\.$/";
        page.wait(&format!("{since}.test({})", text_of("why")));
        page.wait("document.title.startsWith('Unreachable')");
        // What was there last can still be read.
        assert_eq!(page.text("#users"), "1");
        assert!(!page.is_too_wide());
    }
    let _server = Server::start_in(server.into_folder(), &env);
    for page in &pages {
        page.wait(&shows("word", "Ready"));
        page.wait(&format!("{} === '0'", value_of("Users")));
        wait_until_drawn(page, "Users", "blue");
        let (_, height) = drawn(page, "Users", "blue");
        assert!(height < 0.3, "there is one up to {height} of the chart's height");
        // Nothing but the questions that nobody answered.
        let complaints = page.complaints();
        let unanswered =
            |line: &String| line.starts_with("console: Failed to load resource: net::ERR_");
        assert!(!complaints.is_empty() && complaints.iter().all(unanswered), "{complaints:?}");
    }
}

#[test]
fn the_page_says_what_fails_and_why_a_reload_was_refused() {
    let Some(browser) = Browser::start() else { return };
    let mut server = start_with_a_limit_on_files(&[("CHAT_ADMIN_ADDR", "127.0.0.1:0")]);
    let page = browser.open(&address(&server), View::phone(true));
    page.wait(&shows("word", "Ready"));
    page.wait(&shows("reload", "As read at the start"));
    let env = server.folder.join(".env");
    fs::write(&env, "CHAT_MAX_LOBBIES=<b>many</b>\n").unwrap();
    server.signal("HUP");
    page.wait(&format!("{}.includes('refused')", text_of("reload")));
    // What somebody wrote stands there as they wrote it, and is no markup.
    page.wait(&format!("/CHAT_MAX_LOBBIES.*<b>many<\\/b>/.test({})", text_of("fault")));
    fs::write(&env, "CHAT_MAX_LOBBIES=50\n").unwrap();
    server.signal("HUP");
    page.wait(&format!("{}.startsWith('✓ Reloaded at ')", text_of("reload")));
    page.wait(&shows("fault", ""));

    let mut alice = server.login("alice");
    limit_file_size(&server, "0");
    alice.ask("nowhere to put", "nowhere to put");
    server.wait_for_log("the database cannot be written");
    page.wait(&shows("word", "Failing"));
    page.wait(&shows("why", "the database cannot be written"));
    page.wait("document.title.startsWith('Failing')");
    limit_file_size(&server, "unlimited");
    page.wait(&shows("word", "Ready"));
    assert!(!page.is_too_wide());
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn no_script_but_the_pages_own_runs_in_it_and_nothing_becomes_markup() {
    let Some(browser) = Browser::start() else { return };
    let (_server, url) = start();
    let page = browser.open(&url, View::desktop(false));
    page.wait("document.querySelectorAll('figure canvas').length === 6");
    for (attempt, policy) in [
        ("append('script', { text: 'window.ran = true' })", "TrustedScript"),
        ("document.getElementById('why').innerHTML = '<b>bold</b>'", "TrustedHTML"),
        ("document.body.setAttribute('onclick', 'window.ran = true')", "TrustedScript"),
        ("append('style', { textContent: '* { display: none }' })", "policy: style-src-elem"),
        ("append('img', { src: 'http://127.0.0.1:1/' })", "policy: img-src"),
        ("append('img', { src: 'data:,' })", "policy: img-src"),
        ("append('iframe', { src: '/' })", "policy: frame-src"),
        ("fetch('http://127.0.0.1:1/').catch(() => {})", "policy: connect-src"),
    ] {
        page.refuses(attempt, policy);
    }
    page.run("document.body.click()");
    assert_eq!(
        page.run("return [window.ran, document.querySelector('#why b')]"),
        serde_json::json!([null, null])
    );
}
