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
const PICTURE: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

const fn file(path: &'static str, kind: &'static str, content: &'static [u8]) -> File {
    File { path, kind, content }
}

static FILES: [File; 7] = [
    file("/", HTML, include_bytes!("index.html")),
    file("/page.js", SCRIPT, include_bytes!("page.js")),
    file("/page.css", STYLE, include_bytes!("page.css")),
    file("/icon.svg", PICTURE, include_bytes!("icon.svg")),
    // Draws the charts. Its licence wants to go wherever it goes.
    file("/uPlot.iife.min.js", SCRIPT, include_bytes!("uPlot.iife.min.js")),
    file("/uPlot.min.css", STYLE, include_bytes!("uPlot.min.css")),
    file("/LICENSE.uPlot", TEXT, include_bytes!("LICENSE.uPlot")),
];

/// The one at a path.
pub(super) fn find(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}
