//! The files of the operator's page, as they are in the program.

/// One of them.
pub(super) struct File {
    path: &'static str,
    /// Its media type.
    pub(super) kind: &'static str,
    /// What is in it.
    pub(super) content: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

const fn file(path: &'static str, kind: &'static str, content: &'static [u8]) -> File {
    File { path, kind, content }
}

static FILES: [File; 3] = [
    file("/", HTML, include_bytes!("index.html")),
    file("/page.js", SCRIPT, include_bytes!("page.js")),
    file("/page.css", STYLE, include_bytes!("page.css")),
];

/// The one at a path.
pub(super) fn find(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}
