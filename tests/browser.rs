//! A real browser: Chromium without a window, driven through `tests/browser/driver.mjs`.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clients::{have, skip};
use crate::harness::PATIENCE;

/// How long the browser may take to start, and for an order. The machine may be busy with other tests.
const SLOWEST: Duration = Duration::from_secs(90);

/// How long it may take to end by itself.
const LEAVE: Duration = Duration::from_secs(10);

/// Between two looks at a page.
const PAUSE: Duration = Duration::from_millis(100);

/// How a page is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub width: u32,
    pub height: u32,
    pub dark: bool,
    pub touch: bool,
}

impl View {
    pub(crate) const fn phone(dark: bool) -> Self {
        Self { width: 390, height: 844, dark, touch: true }
    }

    pub(crate) const fn desktop(dark: bool) -> Self {
        Self { width: 1280, height: 800, dark, touch: false }
    }
}

/// The browser. Ends when dropped.
pub(crate) struct Browser {
    driver: Rc<RefCell<Driver>>,
}

impl Browser {
    /// Starts one. None where something that it needs is missing, which is said; that is a failure where
    /// it has to be there.
    pub(crate) fn start() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
        if !have(&["node", "chromium"]) {
            return None;
        }
        for package in ["playwright-core", "axe-core"] {
            if !folder.join("node_modules").join(package).is_dir() {
                skip(&format!("{package} (npm ci in tests/browser)"));
                return None;
            }
        }
        let mut child = Command::new("sh")
            .args(["-c", "exec node driver.mjs \"$(command -v chromium)\""])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (sender, answers) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let driver = Driver { orders: child.stdin.take(), child, answers };
        driver.answer("the browser starts");
        Some(Self { driver: Rc::new(RefCell::new(driver)) })
    }

    /// Opens an address, in a profile of its own.
    pub(crate) fn open(&self, url: &str, view: View) -> Page {
        let View { width, height, dark, touch } = view;
        let order = json!({
            "do": "open", "url": url, "width": width, "height": height, "dark": dark, "touch": touch,
        });
        let number = self.driver.borrow_mut().order(&order);
        Page { driver: self.driver.clone(), number, view }
    }
}

/// One page in it.
pub(crate) struct Page {
    driver: Rc<RefCell<Driver>>,
    number: Value,
    pub view: View,
}

impl Page {
    fn order(&self, mut order: Value) -> Value {
        order["page"] = self.number.clone();
        self.driver.borrow_mut().order(&order)
    }

    /// What a script comes to in the page: the body of a function.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.order(json!({"do": "run", "script": script}))
    }

    /// Waits until an expression holds in the page.
    #[track_caller]
    pub(crate) fn wait(&self, holds: &str) {
        self.wait_while(holds, || {});
    }

    /// The same, and does something again and again until then.
    #[track_caller]
    pub(crate) fn wait_while(&self, holds: &str, mut act: impl FnMut()) {
        let (script, start) = (format!("return Boolean({holds})"), Instant::now());
        while self.run(&script) != true {
            let seen = || self.run("return document.body.innerText");
            assert!(start.elapsed() < PATIENCE, "not so: {holds}, {:?}: {}", self.view, seen());
            act();
            thread::sleep(PAUSE);
        }
    }

    /// The text of the element that a selector finds.
    pub(crate) fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({selector:?}).textContent");
        self.run(&script).as_str().unwrap().to_owned()
    }

    /// Has the system like the dark, or the light.
    pub(crate) fn prefer_dark(&self, dark: bool) {
        self.order(json!({"do": "dark", "dark": dark}));
    }

    pub(crate) fn press(&self, key: &str) {
        self.order(json!({"do": "press", "key": key}));
    }

    /// Types a text, key by key, where the focus is.
    pub(crate) fn type_in(&self, text: &str) {
        self.order(json!({"do": "type", "text": text}));
    }

    /// Puts a text into a field.
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        self.order(json!({"do": "fill", "selector": selector, "text": text}));
    }

    /// Clicks an element, once it is there, at rest and uncovered.
    pub(crate) fn click(&self, selector: &str) {
        self.order(json!({"do": "click", "selector": selector}));
    }

    /// What a screen reader makes of an element.
    pub(crate) fn aria(&self, selector: &str) -> String {
        self.order(json!({"do": "aria", "selector": selector})).as_str().unwrap().to_owned()
    }

    /// What axe-core finds that keeps people out.
    pub(crate) fn barriers(&self) -> Vec<String> {
        serde_json::from_value(self.order(json!({"do": "axe"}))).unwrap()
    }

    /// Moves the mouse into the middle of an element.
    pub(crate) fn point_at(&self, selector: &str) {
        self.at_middle("move", selector);
    }

    /// Touches an element in its middle.
    pub(crate) fn tap(&self, selector: &str) {
        self.at_middle("tap", selector);
    }

    fn at_middle(&self, order: &str, selector: &str) {
        let place = self.run(&format!(
            "const element = document.querySelector({selector:?});
            element.scrollIntoView({{ block: 'center' }});
            const box = element.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];"
        ));
        self.order(json!({"do": order, "x": place[0], "y": place[1]}));
    }

    /// All that the page should not have done since the last time: what is an error or a warning in the
    /// console, what the policy forbids, what goes to another host.
    pub(crate) fn complaints(&self) -> Vec<String> {
        serde_json::from_value(self.order(json!({"do": "complaints"}))).unwrap()
    }

    /// Tries something, in which `append` adds an element with these fields, and waits until this policy has
    /// refused it.
    #[track_caller]
    pub(crate) fn refuses(&self, attempt: &str, policy: &str) {
        self.run(&format!(
            "const append = (tag, fields) => document.body.append(Object.assign(document.createElement(tag), fields));
            try {{ {attempt} }} catch {{ }}"
        ));
        let (mut complaints, start) = (Vec::new(), Instant::now());
        while !complaints.iter().any(|line: &String| line.contains(policy)) {
            assert!(
                start.elapsed() < PATIENCE,
                "{attempt} is not refused by {policy}: {complaints:?}"
            );
            complaints.extend(self.complaints());
        }
    }

    /// Whether it can be scrolled sideways.
    pub(crate) fn is_too_wide(&self) -> bool {
        self.run("return document.documentElement.scrollWidth > innerWidth") == true
    }
}

/// The program between.
struct Driver {
    child: Child,
    /// None once it is to end.
    orders: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Driver {
    fn order(&mut self, order: &Value) -> Value {
        let orders = self.orders.as_mut().unwrap();
        writeln!(orders, "{order}").unwrap();
        self.answer(&order.to_string())
    }

    fn answer(&self, order: &str) -> Value {
        let line =
            self.answers.recv_timeout(SLOWEST).unwrap_or_else(|why| panic!("{order}: {why}"));
        let mut answer: Value = serde_json::from_str(&line).unwrap();
        assert!(answer.get("fault").is_none(), "{order}: {}", answer["fault"]);
        answer["ok"].take()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The end of its orders is the order to end, and to take the browser along.
        self.orders = None;
        let start = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && start.elapsed() < LEAVE {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
