//! `snowgauge emulator`

use super::{CliError, Ending, failure::print};
use crate::{run::nearest, suite::Release, target::emulated};
use clap::Args;
use snowgauge_emulator::{
    Emulator, EmulatorSettings, Regression, clock::Clock, warehouse::capacity::Capacity,
};
use std::net::{Ipv4Addr, SocketAddr};

/// Start a local Snowflake for any client, until Ctrl-C.
///
/// It listens on this machine only and lets in whoever reaches it, with any password.
#[derive(Debug, Args)]
pub struct EmulatorArgs {
    /// Port to listen on [default: a free one].
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,

    /// The release of the product to behave like.
    #[arg(long, value_enum, value_name = "RELEASE", default_value_t = Release::ZeroCopy)]
    release: Release,

    /// Let time jump when it is told to, instead of passing only: for waiting for refreshes
    /// without waiting.
    #[arg(long)]
    virtual_time: bool,

    /// Switch on something that is wrong, for suites to notice.
    #[arg(long, value_name = "NAME")]
    regression: Option<String>,

    /// Let queries take as long as this capacity model says: `seed`, or `seed@0.1` for a tenth of
    /// the time. A simulation, not a prediction.
    #[arg(long, value_name = "NAME")]
    capacity: Option<String>,

    /// List what can be switched on, and start nothing.
    #[arg(long)]
    regressions: bool,
}

pub fn emulator(args: &EmulatorArgs) -> Result<Ending, CliError> {
    if args.regressions {
        print(&regressions_text())?;
        return Ok(Ending::AllPassed);
    }
    let regression = args.regression.as_deref().map(regression).transpose()?;
    let capacity = args.capacity.as_deref().map(capacity).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(snowgauge_emulator::STACK_BYTES)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut settings = EmulatorSettings {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)),
            ..EmulatorSettings::default()
        };
        settings.engine.release = emulated(args.release);
        settings.engine.regression = regression;
        settings.engine.capacity = capacity;
        if args.virtual_time {
            settings.engine.clock = Clock::virtual_time();
        }
        let emulator = Emulator::start(settings).await.map_err(|err| {
            CliError::new(format!("cannot listen on port {}: {err}", args.port))
                .hint("without `--port`, a free one is taken")
        })?;
        print(&settings_text(emulator.address(), args.release))?;
        tokio::signal::ctrl_c().await?;
        emulator.stop().await;
        Ok(Ending::AllPassed)
    })
}

/// The capacity model of a name.
pub fn capacity(name: &str) -> Result<Capacity, CliError> {
    name.parse().map_err(|err: String| {
        CliError::new(err).hint("`seed@0.1` is the model `seed` in a tenth of the time")
    })
}

/// The regression of a name.
pub fn regression(name: &str) -> Result<Regression, CliError> {
    name.parse().map_err(|err: String| {
        let known = Regression::ALL.iter().map(|it| it.name());
        CliError::new(err).hint(match nearest(name, known) {
            Some(it) => format!("did you mean `{it}`?"),
            None => "`snowgauge emulator --regressions` lists them".to_owned(),
        })
    })
}

/// Every regression with its ids, its releases and what it does.
fn regressions_text() -> String {
    let mut text = String::new();
    for it in Regression::ALL {
        let releases: Vec<&str> = it.releases().iter().map(|it| it.name()).collect();
        let releases = match releases.len() == Release::ALL.len() {
            true => String::new(),
            false => format!(" (on {})", releases.join(", ")),
        };
        text += &format!("{it}  [{}]\n    {}{releases}\n", it.ids().join(", "), it.what());
    }
    text
}

/// What clients need, ready to be pasted.
fn settings_text(address: SocketAddr, release: Release) -> String {
    let (host, port) = (address.ip(), address.port());
    format!(
        "emulator of release {release} on http://{address}\n\
         \n\
         # connections.toml\n\
         [emulator]\n\
         account = \"emulator\"\n\
         user = \"tester\"\n\
         password = \"any\"\n\
         protocol = \"http\"\n\
         host = \"{host}\"\n\
         port = {port}\n\
         \n\
         Ctrl-C stops it.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_can_be_pasted() {
        let text = settings_text(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)), Release::ZeroCopy);
        let (_, toml) = text.split_once("# connections.toml\n").unwrap();
        let (toml, _) = toml.split_once("\nCtrl-C").unwrap();
        let parsed: toml::Table = toml.parse().unwrap();
        assert_eq!(parsed["emulator"]["port"].as_integer(), Some(8080));
        assert_eq!(parsed["emulator"]["host"].as_str(), Some("127.0.0.1"));
        for (release, name) in Release::ALL.map(|it| (it, it.name())) {
            assert_eq!(emulated(release).name(), name);
        }
    }

    #[test]
    fn regressions_are_found_by_name_and_listed() {
        assert_eq!(regression("timeout-not-enforced").unwrap(), Regression::TimeoutNotEnforced);
        let error = |name: &str| regression(name).unwrap_err().render();
        assert_eq!(
            error("timeout-not-enforce"),
            "error: unknown regression `timeout-not-enforce`\n  hint: did you mean \
             `timeout-not-enforced`?\n"
        );
        assert!(error("x").ends_with("hint: `snowgauge emulator --regressions` lists them\n"));
        let text = regressions_text();
        let listed = "lag-unset  [L-28]\n    a lag can be unset (on fallback, zero-copy)\n";
        assert!(text.contains(listed), "{text}");
        assert_eq!(text.lines().count(), 2 * Regression::ALL.len());
    }
}
