//! The files of the operator's page, as they are in the program.

use crate::web::files::{File, HTML, PICTURE, SCRIPT, STYLE, TEXT};

pub(super) static FILES: [File; 7] = [
    File::new("/", HTML, include_bytes!("index.html")),
    File::new("/page.js", SCRIPT, include_bytes!("page.js")),
    File::new("/page.css", STYLE, include_bytes!("page.css")),
    File::new("/icon.svg", PICTURE, include_bytes!("icon.svg")),
    // Draws the charts. Its licence wants to go wherever it goes.
    File::new("/uPlot.iife.min.js", SCRIPT, include_bytes!("uPlot.iife.min.js")),
    File::new("/uPlot.min.css", STYLE, include_bytes!("uPlot.min.css")),
    File::new("/LICENSE.uPlot", TEXT, include_bytes!("LICENSE.uPlot")),
];
