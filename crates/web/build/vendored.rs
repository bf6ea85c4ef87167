//! `uPlot`, as npm has it: a script for `<script>`, which is made a module.

use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::modules::Modules;

/// Adds the script and its styles. The licence goes with the script.
pub fn add(folder: &Path, modules: &mut Modules) -> Outcome<()> {
    let read = |name: &str| fs::read_to_string(folder.join(name));
    let licence = read("LICENSE")?;
    let script = read("uPlot.iife.min.js")?;
    modules.add("uplot.js", format!("/*!\n{licence}\n*/\n{script}\nexport default uPlot;\n").into_bytes());
    modules.add("uplot.css", read("uPlot.min.css")?.into_bytes());
    Ok(())
}
