//! The machine that requests are sent from, for those who compare runs: latencies of two machines
//! differ before anything else does.

use std::{fs, thread};

/// `linux x86_64, 8 × AMD EPYC 7B13`. No name of the host, which would be another one each night
/// on a build server, and somebody's elsewhere.
pub fn machine() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    match fs::read_to_string("/proc/cpuinfo").ok().as_deref().and_then(model) {
        Some(model) => format!("{os} {arch}, {cores} × {model}"),
        None => format!("{os} {arch}, {cores} cores"),
    }
}

/// What the processor calls itself; nothing where it is virtual and says nothing.
fn model(cpuinfo: &str) -> Option<&str> {
    let name = cpuinfo.lines().find_map(|it| it.strip_prefix("model name")?.split_once(':'));
    name.map(|(_, name)| name.trim()).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_named_as_it_names_itself() {
        let text = "processor\t: 0\nmodel name\t: AMD EPYC 7B13\nmodel name\t: other\n";
        assert_eq!(model(text), Some("AMD EPYC 7B13"));
        assert_eq!(model("model name\t:\n"), None);
        assert_eq!(model("BogoMIPS : 50\n"), None);
        assert!(machine().starts_with(std::env::consts::OS));
    }
}
